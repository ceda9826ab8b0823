import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { Ajv2020 } from "ajv/dist/2020.js";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createClassifier } from "../src/classifier/classifier.ts";
import { UnsupportedError } from "../src/errors.ts";
import type { ExplanationRecord } from "../src/experiments/explanation/record.ts";
import { explanationRecordSchema } from "../src/experiments/explanation/record-schema.ts";
import { explainPicture } from "../src/report/explanation/explain-picture.ts";
import { saliencyMethods } from "../src/saliency/methods.ts";
import { renderScene } from "../src/scenes/scenes.ts";
import { tinyClassifier } from "./tiny-classifier.ts";

const schema = explanationRecordSchema();
const validate = new Ajv2020({ allErrors: true, strict: false }).compile(schema);
const classifier = createClassifier(tinyClassifier(), { runtime: ort, threads: 1 });
const records: ExplanationRecord[] = [];

/** As few runs as a method's settings allow. */
const cheap: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  rise: { masks: 4 },
  lime: { samples: 8, segments: 4 },
  "kernel-shap": { samples: 14, segments: 4 },
  perceptual: { evaluations: 6 },
  "guided-perceptual": { evaluations: 6 },
};

function needsTransformer(check: () => void): boolean {
  try {
    check();
    return false;
  } catch (error) {
    return error instanceof UnsupportedError && /no attention/.test(error.message);
  }
}

beforeAll(async () => {
  const methods = saliencyMethods.filter(({ name, check, costOf, settings }) => {
    // The network has no attention to read.
    if (needsTransformer(() => check(classifier))) return false;
    const { forward, gradient } = costOf(classifier, { ...cheap[name] });
    return (name in cheap && Object.keys(cheap[name]).every((key) => key in settings)) || forward + gradient < 60;
  });
  expect(methods.length).toBeGreaterThan(8);
  const runs = methods.map((method) => ({ method, settings: cheap[method.name] }));
  for await (const { record } of explainPicture(classifier, renderScene({ seed: 5, index: 0, size: 48 }).image, runs, {
    image: "scene.png",
    model: { path: "m.onnx", sha256: "ab" },
    versions: { perceptualBall: "1", runtime: "r", platform: "p" },
    groundTruth: [1, 2, 30, 40],
    folder: "scene",
  })) {
    // As a file has it.
    records.push(JSON.parse(JSON.stringify(record)));
  }
}, 120_000);
afterAll(() => classifier.dispose());

test("docs/result.schema.json is the schema", async () => {
  await expect(`${JSON.stringify(schema, null, 2)}\n`).toMatchFileSnapshot("../docs/result.schema.json");
  const document = JSON.parse(
    readFileSync(join(resolve(import.meta.dirname, ".."), "docs/result.schema.json"), "utf8"),
  );
  expect(document).toEqual(schema);
});

test("records of both kinds and of many methods have its form", () => {
  expect(new Set(records.map(({ kind }) => kind))).toEqual(new Set(["perturbation", "map"]));
  for (const record of records) {
    expect([record.method, validate(record), validate.errors]).toEqual([record.method, true, null]);
  }
});

test("what is not a record has not", () => {
  const [record] = records.filter(({ kind }) => kind === "perturbation");
  const [map] = records.filter(({ kind }) => kind === "map");
  const wrong: Readonly<Record<string, unknown>> = {
    "a name too many": { ...record, more: 1 },
    "a name missing": Object.fromEntries(Object.entries(record).filter(([name]) => name !== "box")),
    "a box of three": { ...record, box: [1, 2, 3] },
    "a share above one": { ...record, label: { ...record.label, confidence: 2 } },
    "an unknown outcome": { ...record, outcome: "done" },
    "a map with an outcome of an attack": { ...map, outcome: "flipped" },
    "a map with distances": { ...map, distances: {} },
    "a perturbation without its file": { ...record, files: map?.files },
    "a setting of another type": { ...record, settings: { ...record.settings, evaluations: "many" } },
    "a setting out of range": { ...record, settings: { ...record.settings, sigmaPixels: -1 } },
  };
  for (const [name, value] of Object.entries(wrong)) expect([name, validate(value)]).toEqual([name, false]);
});

test("every setting of every method is described", () => {
  const described = new Map(
    (schema.allOf ?? []).map((part) => [
      part.if?.properties?.method?.const,
      part.then?.properties?.settings?.properties,
    ]),
  );
  for (const { name, settings } of saliencyMethods) {
    const wanted = Object.entries(settings).filter(([, { kind }]) => kind.type !== "value");
    expect([name, Object.keys(described.get(name) ?? {})]).toEqual([name, wanted.map(([setting]) => setting)]);
  }
});
