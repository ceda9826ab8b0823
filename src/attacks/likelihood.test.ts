import * as ort from "onnxruntime-node";
import { expect, test } from "vitest";
import { smallImages, smallNetwork } from "../../test/small-network.ts";
import { type Classifier, createClassifier } from "../classifier/classifier.ts";
import { crossEntropyAt, logSoftmaxAt } from "../classifier/logits.ts";
import { apgd } from "./autoattack/apgd.ts";
import { fgsm } from "./fgsm.ts";
import { logOddsSeed } from "./likelihood.ts";
import { pgd } from "./pgd.ts";
import { miFgsm } from "./transfer/mi-fgsm.ts";

const classifiers = [1, 1e4].map((scale) =>
  createClassifier(smallNetwork(scale), { runtime: ort, preprocessing: "unit" }),
);

const epsilon = 16 / 255;

test.each([
  ["pgd", (classifier: Classifier) => pgd.attack(classifier, smallImages, { epsilon })],
  ["fgsm", (classifier: Classifier) => fgsm.attack(classifier, smallImages, { epsilon })],
  ["mi-fgsm", (classifier: Classifier) => miFgsm.attack(classifier, smallImages, { epsilon })],
  ["apgd", (classifier: Classifier) => apgd.attack(classifier, smallImages, { epsilon, steps: 20 })],
  [
    "apgd in l2",
    (classifier: Classifier) => apgd.attack(classifier, smallImages, { norm: "l2", epsilon: 1, steps: 20 }),
  ],
  [
    "apgd in l1",
    (classifier: Classifier) => apgd.attack(classifier, smallImages, { norm: "l1", epsilon: 8, steps: 20 }),
  ],
] as const)(
  "%s flips as many where the probability of the label is 1 in float32 as where it is not",
  async (_, attack) => {
    const [plain, far] = await Promise.all(classifiers.map(attack));
    const flipped = (results: typeof plain): number => results.filter(({ outcome }) => outcome === "flipped").length;
    expect(flipped(plain)).toBeGreaterThan(0);
    expect(flipped(far)).toBeGreaterThanOrEqual(flipped(plain));
    // A second run is counted.
    const counts = [plain, far].map((results) => results.reduce((sum, { cost }) => sum + cost.gradient, 0));
    expect(counts[1]).toBeGreaterThan(counts[0]);
  },
);

test("the cross-entropy keeps its digits where the softmax is 1", () => {
  expect(crossEntropyAt([1, 2, 0.5], 1)).toBeCloseTo(-logSoftmaxAt([1, 2, 0.5], 1), 14);
  expect(crossEntropyAt([1, 2, 0.5], 2)).toBeCloseTo(-logSoftmaxAt([1, 2, 0.5], 2), 14);
  // log(1 + 2e⁻¹⁰⁰) = 2e⁻¹⁰⁰, where −log softmax is 0.
  expect(crossEntropyAt([100, 0, 0], 0) / (2 * Math.exp(-100))).toBeCloseTo(1, 12);
  expect(crossEntropyAt([-2000, 0], 0)).toBe(2000);
});

test("the second gradient is asked for where rounding can have made the first one 0, and nowhere else", () => {
  expect(logOddsSeed(Float32Array.of(3, 0, 0), 0)).toBeUndefined();
  expect(logOddsSeed(Float32Array.of(40, 0, 0), 0)).toEqual(Float32Array.of(1, -0.5, -0.5));
  expect(logOddsSeed(Float32Array.of(40, 0, 0), 1)).toBeUndefined();
});
