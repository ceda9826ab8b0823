import * as ort from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { given } from "../../../test/given.ts";
import { tinyClassifier } from "../../../test/tiny-classifier.ts";
import { createClassifier } from "../../classifier/classifier.ts";
import type { DatasetImage } from "../../datasets/dataset.ts";
import { type Model, tensorOfInitializer } from "../../onnx/model.ts";
import { createRandom } from "../../random/random.ts";
import { defineMethod } from "../../saliency/define-method.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import {
  cascadeStages,
  randomizationComputer,
  randomizationItems,
  summarizeRandomization,
  weightLayers,
  withRandomWeights,
} from "./weight-randomization.ts";

const open = (model: Model) => createClassifier(model, { runtime: ort, threads: 1 });
const classifier = open(tinyClassifier());
afterAll(() => classifier.dispose());

const valuesOf = (model: Model, name: string) =>
  tensorOfInitializer(given(model.graph.initializers.get(name))).data as Float32Array;

test("layers with weights are counted from the top", () => {
  expect(weightLayers(classifier.prepared).map(({ weights }) => weights)).toEqual(["w3", "w2", "w1"]);
});

test("as many layers as asked for are drawn anew, with mean and deviation kept", () => {
  const { prepared } = classifier;
  const [none, two, three] = [0, 2, 3].map((count) => withRandomWeights(prepared, count, 9));
  const original = (name: string) => valuesOf(none, name);
  expect(original("w1")).toEqual(tensorOfInitializer(given(prepared.graph.initializers.get("w1"))).data);
  expect(valuesOf(two, "w1")).toEqual(original("w1"));
  expect(valuesOf(two, "w2")).not.toEqual(original("w2"));
  expect(valuesOf(two, "b3")).toEqual(original("b3"));
  expect(valuesOf(three, "w1")).not.toEqual(original("w1"));
  // The stages of a cascade differ in one layer each.
  expect(valuesOf(three, "w2")).toEqual(valuesOf(two, "w2"));
  expect(withRandomWeights(prepared, 3, 10).graph.initializers.get("w1")).not.toEqual(
    three.graph.initializers.get("w1"),
  );
  const moments = (values: Float32Array) => {
    const mean = values.reduce((a, b) => a + b, 0) / values.length;
    return [mean, Math.sqrt(values.reduce((a, b) => a + (b - mean) ** 2, 0) / values.length)];
  };
  const [mean, deviation] = moments(original("w2"));
  const [drawnMean, drawnDeviation] = moments(valuesOf(three, "w2"));
  // 576 numbers: five standard errors.
  expect(Math.abs(drawnMean - mean)).toBeLessThan((5 * deviation) / 24);
  expect(Math.abs(drawnDeviation / deviation - 1)).toBeLessThan(5 / Math.sqrt(2 * 576));
  expect(() => withRandomWeights(prepared, 4)).toThrow(/from 0 to 3/);
});

test("stages go from one layer to all, at most as many as asked for", () => {
  expect(cascadeStages(1)).toEqual([1]);
  expect(cascadeStages(3)).toEqual([1, 2, 3]);
  expect(cascadeStages(53, 5)).toEqual([1, 3, 7, 20, 53]);
  expect(cascadeStages(0)).toEqual([]);
});

const unknown = { title: "", source: "", summary: "", version: 1, settings: {} };

const blind = defineMethod({
  ...unknown,
  name: "blind",
  cost: () => ({ forward: 0, gradient: 0 }),
  async explain({ image }) {
    return { map: floatTensor(image.data.slice(0, 576), [24, 24]), evaluations: { forward: 0, gradient: 0 } };
  },
});

/** The magnitude of the gradient of the explained class, as the network at hand has it. */
const seeing = defineMethod({
  ...unknown,
  name: "seeing",
  cost: () => ({ forward: 0, gradient: 1 }),
  async explain({ classifier: network, image, label }) {
    const { gradient } = await network.marginGradient(image, label);
    const map = floatTensor(gradient.slice(0, 576).map(Math.abs), [24, 24]);
    return { map, evaluations: { forward: 0, gradient: 1 } };
  },
});

test("a method that ignores the network keeps its map, one that uses it does not", async () => {
  const random = createRandom(3);
  const image: DatasetImage = {
    id: "x",
    picture: async () => ({
      width: 24,
      height: 24,
      channels: 3,
      data: Uint8Array.from({ length: 1728 }, () => 256 * random()),
    }),
  };
  const picture = await image.picture();
  const fixed = { ...image, picture: async () => picture };
  const runs = [blind, seeing].map((method) => ({ name: method.name, method, settings: {} }));
  const computer = randomizationComputer(classifier, {
    open: (model) => open(model).withPreprocessing(classifier.guess),
    sigmaPixels: 1,
    seed: 4,
  });
  const items = randomizationItems([fixed], runs, [1, 3]);
  const computed = await computer.compute(items, {});
  await computer.dispose();
  const records = items.map(({ key }, i) => ({
    kind: "finished" as const,
    key,
    result: computed[i].result,
    seconds: 1,
    at: "2026-01-01T00:00:00.000Z",
  }));
  const summary = summarizeRandomization(records);
  expect(summary.map(({ method, layers, layer, images }) => [method, layers, layer, images])).toEqual([
    ["blind", 1, expect.any(String), 1],
    ["blind", 3, expect.any(String), 1],
    ["seeing", 1, expect.any(String), 1],
    ["seeing", 3, expect.any(String), 1],
  ]);
  expect(summary[0].layer).not.toBe(summary[1].layer);
  for (const stage of summary.slice(0, 2)) {
    expect(stage.rankCorrelation).toBeCloseTo(1, 12);
    expect(stage.structuralSimilarity).toBeCloseTo(1, 9);
  }
  expect(summary[3].rankCorrelation).toBeLessThan(0.9);
  expect(summary[3].structuralSimilarity).toBeLessThan(0.9);
});
