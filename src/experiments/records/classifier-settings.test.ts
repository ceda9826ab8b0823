import * as ort from "onnxruntime-node";
import { expect, test } from "vitest";
import { attackNamed } from "../../attacks/attacks.ts";
import { createClassifier } from "../../classifier/classifier.ts";
import { parseModel } from "../../onnx/text/parse.ts";
import { attackIdentity } from "../attack/protocol.ts";
import { coneIdentity } from "../cone/protocol.ts";
import { defaultDetectionSettings, detectionIdentity } from "../detection/protocol.ts";
import { detectorsIdentity } from "../detectors/protocol.ts";
import { defaultLocalizationSettings, localizationIdentity } from "../localization/protocol.ts";
import { robustnessIdentity } from "../robustness/protocol.ts";
import { classifierSettings } from "./classifier-settings.ts";

/** Two outputs, and a number beside a picture of any size. */
const model = parseModel(`
  <ir_version: 8, opset_import: ["" : 17]>
  two (float[N, 3, H, W] x, float t) => (float[N, 3] a, float[N, 3] b)
  { m = ReduceMean <axes = [2, 3], keepdims = 0> (x)  a = Mul (m, t)  b = Neg (a) }`);
const options = { runtime: ort, preprocessing: "unit" } as const;
const settingsOf = (given: object) =>
  classifierSettings(
    createClassifier(model, { ...options, logits: "a", inputs: { t: 1 }, inputSize: [8, 8], ...given }),
  );

test("another output, another value of an input and another size are another classifier", () => {
  const settings = settingsOf({});
  expect(settings).toMatchObject({ given: { logits: "a", inputs: { t: 1 }, inputSize: [8, 8] } });
  for (const other of [{ logits: "b" }, { inputs: { t: 2 } }, { inputSize: [16, 16] }, { head: "softmax" }]) {
    expect(settingsOf(other)).not.toEqual(settings);
  }
});

test("where nothing is said there is nothing of it", () => {
  const plain = parseModel(`
    <ir_version: 8, opset_import: ["" : 17]>
    one (float[N, 3, 8, 8] x) => (float[N, 3] logits)
    { logits = ReduceMean <axes = [2, 3], keepdims = 0> (x) }`);
  const classifier = createClassifier(plain, options);
  expect(Object.keys(classifierSettings(classifier))).toEqual(["preprocessing"]);
});

test("the identities of all experiments have it", () => {
  const classifier = createClassifier(model, { ...options, logits: "a", inputs: { t: 1 }, inputSize: [8, 8] });
  const detection = defaultDetectionSettings({ name: "pgd", attack: attackNamed("pgd"), settings: {} });
  const detectors = { pixels: "float", falsePositiveRate: 0.05, seed: 0, fitAttacks: [] } as const;
  const identities = [
    attackIdentity(classifier, "ab"),
    coneIdentity(classifier, "ab"),
    localizationIdentity(classifier, "ab", "small", defaultLocalizationSettings),
    robustnessIdentity(classifier, "ab", "small", { seed: 0 }),
    detectionIdentity(classifier, "ab", "small", detection),
    detectorsIdentity(classifier, "ab", "small", [], detectors),
  ];
  for (const { settings } of identities) expect(settings).toMatchObject(classifierSettings(classifier));
});
