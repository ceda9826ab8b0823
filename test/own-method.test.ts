import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { floatTensor } from "../src/exports/onnx.ts";
import { numberOption } from "../src/exports/optimize.ts";
import { createClassifier, defineMethod } from "../src/index.ts";
import { tinyClassifier } from "./tiny-classifier.ts";

// The example of docs/methods.md, from here …
const brightness = defineMethod({
  name: "brightness-gradient",
  title: "Brightness",
  source: "An example",
  summary: "How strongly the class score reacts to a pixel that gets brighter.",
  version: 1,
  settings: { power: numberOption("The exponent of the map's values.", { above: 0, fallback: 1 }) },
  cost: () => ({ forward: 0, gradient: 1 }),
  async explain({ classifier, image, seed, settings, signal }) {
    const [, height, width] = image.shape;
    const pass = await classifier.backward({ of: "logits" });
    const [{ gradient }] = await pass.run([{ image: image.data, seed }], { signal });
    const map = new Float32Array(height * width);
    for (const [i, slope] of gradient.entries()) map[i % map.length] += slope;
    const positive = map.map((sum) => Math.max(sum, 0) ** settings.power);
    return { map: floatTensor(positive, [height, width]), evaluations: { forward: 0, gradient: 1 } };
  },
});
// … to here.

const classifier = createClassifier(tinyClassifier(), { runtime: ort, threads: 1 });
afterAll(() => classifier.dispose());
const image = floatTensor(
  Float32Array.from({ length: 3 * 24 * 24 }, (_, i) => 0.5 + 0.4 * Math.sin(i / 7)),
  [3, 24, 24],
);

test("the example of docs/methods.md is this one", () => {
  const source = readFileSync(join(import.meta.dirname, "own-method.test.ts"), "utf8");
  const [, example] = /from here …\n([\s\S]*?)\/\/ … to here/.exec(source) ?? [];
  expect(readFileSync(join(import.meta.dirname, "../docs/methods.md"), "utf8")).toContain(example);
});

test("it takes its settings, a label, a target and several images, as all methods do", async () => {
  const plain = await brightness.explain(classifier, image, { label: 1 });
  const [squared] = await brightness.explain(classifier, [image], { label: 1, power: 2 });
  expect(squared.map.data).toEqual(plain.map.data.map((value) => value ** 2));
  expect(brightness.costOf(classifier)).toEqual({ forward: 1, gradient: 1 });
  const contrast = await brightness.explain(classifier, image, { label: 1, target: 0 });
  expect(contrast.map.data).not.toEqual(plain.map.data);
  expect(plain.settings).toEqual({ power: 1 });
  // @ts-expect-error A misspelt setting.
  await expect(brightness.explain(classifier, image, { powr: 2 })).rejects.toThrow('Did you mean "power"?');
});
