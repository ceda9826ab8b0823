import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tinyClassifier, tinyImage } from "../../../test/tiny-classifier.ts";
import { deepFoolOptions, deepFoolSettings, searchDeepFool } from "../../attacks/minimal/deepfool-search.ts";
import { type Classifier, createClassifier } from "../../classifier/classifier.ts";
import { completeOptions } from "../../options/schema.ts";
import { methodNamed } from "../methods.ts";
import { deepFool } from "./deepfool.ts";

let classifier: Classifier;
const image = tinyImage(3);
beforeAll(() => {
  classifier = createClassifier(tinyClassifier(), { runtime: ort });
});
afterAll(() => classifier.dispose());

test("the map is the root mean square of the attack's perturbation", async () => {
  const settings = { preset: "foolbox-3", norm: "linf" } as const;
  const clean = await classifier.classify(image);
  const task = { image: image.data, logits: clean.logits, label: clean.label };
  const found = await searchDeepFool(
    classifier,
    task,
    deepFoolSettings(completeOptions("deepfool", deepFoolOptions, settings)),
  );
  const steps: number[] = [];
  const { map, perturbation, details, evaluations, label } = await deepFool.explain(classifier, image, {
    ...settings,
    onProgress: ({ done }) => steps.push(done),
  });
  expect(label).toBe(clean.label);
  map.data.forEach((value, i) => {
    const square = [0, 1, 2].reduce((sum, c) => sum + (found.point[c * 576 + i] - image.data[c * 576 + i]) ** 2, 0);
    expect(value).toBeCloseTo(Math.sqrt(square / 3), 7);
  });
  expect(perturbation?.shape).toEqual([3, 24, 24]);
  expect(details).toMatchObject({ outcome: "flipped", steps: found.steps });
  expect(details?.adversarialLabel).not.toBe(label);
  expect(evaluations).toEqual({ forward: found.steps + 1, gradient: 3 * found.steps });
  expect(steps).toEqual(Array.from({ length: found.steps }, (_, i) => i + 1));
});

test("a label or target that holds already leaves nothing to do; another target is reached", async () => {
  const { label } = await classifier.classify(image);
  const other = (label + 1) % 4;
  for (const options of [{ label: other }, { target: label }]) {
    const { map, details, evaluations } = await deepFool.explain(classifier, image, options);
    expect(details?.outcome).toBe("already-flipped");
    expect(map.data.every((value) => value === 0)).toBe(true);
    expect(evaluations).toEqual({ forward: 1, gradient: 0 });
  }
  const full = await deepFool.explain(classifier, image, { target: other });
  expect(full.details).toMatchObject({ outcome: "flipped", adversarialLabel: other });
});

test("what cannot be meant is refused", async () => {
  await expect(methodNamed("deepfool").explain(classifier, image, { step: 1 })).rejects.toThrow(
    'Did you mean "steps"?',
  );
  await expect(deepFool.explain(classifier, image, { label: 1, target: 1 })).rejects.toThrow("the target is the label");
  await expect(deepFool.explain(classifier, image, { target: 4 })).rejects.toThrow("deepfool: target");
});
