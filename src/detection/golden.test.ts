import { readFileSync } from "node:fs";
import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, test } from "vitest";
import { createClassifier } from "../classifier/classifier.ts";
import { jpegLoss } from "../image/jpeg-loss.ts";
import type { ImageTensor } from "../image/picture.ts";
import { parseModel } from "../onnx/text/parse.ts";
import { floatTensor } from "../tensor/tensor.ts";
import type { AnyDetector, FitSet, MeasuredImage } from "./detector.ts";
import { kernelDensity } from "./features/kernel-density.ts";
import { intrinsicDimension, lid } from "./features/lid.ts";
import { mahalanobis } from "./features/mahalanobis.ts";
import { berkJones, pValueOf, subsetScanning } from "./features/subset-scanning.ts";
import { fitTwoClasses } from "./learning/two-class-regression.ts";
import { denoise } from "./squeezing/non-local-means.ts";
import { medianFilter } from "./squeezing/squeezers.ts";

type Numbers = readonly number[];
// Written by fixtures/detectors.py with scikit-learn, scipy, OpenCV, Pillow and the Adversarial Robustness Toolbox.
const golden = JSON.parse(readFileSync(new URL("./fixtures/detectors.json", import.meta.url), "utf8")) as {
  readonly labels: Numbers;
  readonly train: readonly Numbers[];
  readonly tested: readonly Numbers[];
  readonly mahalanobis: Numbers;
  readonly bandwidth: number;
  readonly density: readonly Numbers[];
  readonly neighbors: number;
  readonly dimension: Numbers;
  readonly targets: Numbers;
  readonly C: number;
  readonly weights: Numbers;
  readonly intercept: number;
  readonly background: readonly Numbers[];
  readonly nodes: readonly Numbers[];
  readonly pvalues: readonly Numbers[];
  readonly berkJones: Numbers;
  readonly picture: { readonly height: number; readonly width: number; readonly bytes: Numbers };
  readonly median2: Numbers;
  readonly median3: Numbers;
  readonly jpeg: Readonly<Record<"75" | "30", Numbers>>;
  readonly denoised: Numbers;
};

/** A network with five hidden features and three classes; what it computes does not matter here. */
const network = parseModel(`
  <ir_version: 8, opset_import: ["" : 18]>
  small (float[N, 1, 2, 2] x) => (float[N, 3] logits)
  <float[5, 4] W = {${Array.from({ length: 20 }, (_, i) => (i % 7) - 3).join(", ")}},
   float[3, 5] V = {${Array.from({ length: 15 }, (_, i) => (i % 4) - 1.5).join(", ")}}>
  { f = Flatten (x)  h = Gemm <transB = 1> (f, W)  hidden = Relu (h)  logits = Gemm <transB = 1> (hidden, V) }
`);
const classifier = createClassifier(network, {
  runtime: ort,
  preprocessing: { scale: 1, mean: [0], std: [1], channels: "rgb" },
});
afterAll(() => classifier.dispose());

const oneHot = (label: number): Float32Array => Float32Array.from({ length: 3 }, (_, k) => Number(k === label));
const imageOf = (features: Numbers, label: number, n: number): MeasuredImage => ({
  id: `p${n}`,
  label,
  measured: { logits: oneHot(label), "mean of hidden": Float32Array.from(features) },
});
const trained = golden.train.map((features, n) => imageOf(features, golden.labels[n] ?? 0, n));
const tested = golden.tested.map((features, n) => imageOf(features, n % 3, 100 + n));
const set: FitSet = { classCount: 3, train: trained, held: [...trained, ...tested], attacked: [], noisy: [] };

/** The scores of the tested features, and what the statistics hold. */
function scoresOf(detector: AnyDetector, settings: object) {
  const plan = detector.on(classifier, { layers: ["hidden"], ...settings });
  const statistics = plan.fit(set);
  const score = plan.scorer(statistics);
  return { scores: tested.map(({ measured }) => score(measured)), statistics, score };
}

const close = (found: number, expected: number | undefined, within: number): void =>
  expect(Math.abs(found - (expected ?? Number.NaN))).toBeLessThan(within * Math.max(1, Math.abs(expected ?? 0)));

describe("others' code says the same", () => {
  test("scikit-learn: the distance to the nearest class under the empirical covariance, with a feature that does not vary", () => {
    const { scores, statistics } = scoresOf(mahalanobis, {});
    const [mean = 0] = statistics.arrays.mean?.data ?? [];
    const [deviation = 1] = statistics.arrays.deviation?.data ?? [];
    for (const [n, score] of scores.entries()) close(deviation * score + mean, golden.mahalanobis[n], 1e-5);
    expect(statistics.notes.join(" ")).toMatch(/1 of 5 features are left out/);
  });

  test("scikit-learn: the density of the predicted class, and of all where it has no picture", () => {
    const { scores } = scoresOf(kernelDensity, { bandwidth: golden.bandwidth });
    for (const [n, score] of scores.entries()) close(-score, golden.density[n]?.[n % 3], 1e-5);
  });

  test("scikit-learn's neighbors: the local intrinsic dimensionality", () => {
    const { scores, statistics } = scoresOf(lid, { neighbors: golden.neighbors });
    const [mean = 0] = statistics.arrays.mean?.data ?? [];
    const [deviation = 1] = statistics.arrays.deviation?.data ?? [];
    for (const [n, score] of scores.entries()) {
      close(deviation * score + mean, golden.dimension[n], 1e-5);
    }
    expect(intrinsicDimension([1, 2, 4, 100], 3)).toBeCloseTo(-3 / (Math.log(1 / 4) + Math.log(1 / 2)), 12);
  });

  test("scikit-learn: a regression of two classes", () => {
    const rows = (target: number) =>
      golden.train.filter((_, n) => golden.targets[n] === target).map((row) => row.slice(0, 4));
    const { weights, intercept } = fitTwoClasses(rows(0), rows(1), golden.C);
    for (const [j, weight] of weights.entries()) close(weight, golden.weights[j], 1e-5);
    close(intercept, golden.intercept, 1e-5);
  });

  test("the Adversarial Robustness Toolbox: p-values and the Berk–Jones score of the best subset", () => {
    const background =
      golden.nodes[0]?.map((_, j) => Float64Array.from(golden.background, (row) => row[j] ?? 0).sort()) ?? [];
    for (const [n, row] of golden.nodes.entries()) {
      const pValues = row.map((value, j) => pValueOf(value, background[j] ?? new Float64Array(0), "one"));
      for (const [j, p] of pValues.entries()) close(p, golden.pvalues[n]?.[j], 1e-7);
      close(berkJones(pValues, 0.5), golden.berkJones[n], 1e-7);
    }
  });
});

describe("subset scanning", () => {
  test("two-sided p-values find small values unusual as well; ties with most of the background are not", () => {
    const background = Float64Array.from([0, 0, 0, 1, 2, 3, 4, 5, 6]);
    expect(pValueOf(7, background, "one")).toBeCloseTo(0.1, 12);
    expect(pValueOf(7, background, "two")).toBeCloseTo(0.2, 12);
    expect(pValueOf(-1, background, "one")).toBe(1);
    expect(pValueOf(-1, background, "two")).toBeCloseTo(0.2, 12);
    expect(pValueOf(0, background, "one")).toBe(1);
    expect(berkJones([0.9, 0.8], 0.5)).toBe(0);
    expect(berkJones([0.25, 0.25, 0.5], 0.5)).toBeCloseTo(Math.max(2 * Math.log(4), 3 * Math.log(2)), 12);
  });

  test.each([
    { side: "one", alpha: 0.5 },
    { side: "one", alpha: 1 },
    { side: "one", alpha: 0.01 },
    { side: "two", alpha: 0.3 },
    { side: "two", alpha: 1 },
  ] as const)("the detector is the score of its layer: %o", ({ side, alpha }) => {
    const plan = subsetScanning.on(classifier, { layers: ["hidden"], background: 30, side, alpha });
    const named = (image: MeasuredImage): MeasuredImage => ({
      ...image,
      measured: { "values of hidden": image.measured["mean of hidden"] ?? new Float32Array(5) },
    });
    const statistics = plan.fit({ ...set, train: trained.map(named), held: set.held.map(named) });
    const score = plan.scorer(statistics);
    for (const image of tested) {
      const pValues = golden.train[0]?.map((_, j) => {
        const background = Float64Array.from(
          trained.slice(0, 30),
          ({ measured }) => measured["mean of hidden"]?.[j] ?? 0,
        ).sort();
        return pValueOf(image.measured["mean of hidden"]?.[j] ?? 0, background, side);
      });
      expect(score(named(image).measured)).toBe(berkJones(pValues ?? [], alpha));
    }
  });
});

describe("pictures", () => {
  const { height, width, bytes } = golden.picture;
  const picture: ImageTensor = floatTensor(
    Float32Array.from(bytes, (byte) => byte / 255),
    [3, height, width],
  );
  const differences = (found: ImageTensor, expected: Numbers): number[] =>
    Array.from(found.data, (value, i) => Math.abs(255 * value - (expected[i] ?? Number.NaN)));
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

  test("scipy: the median, of even and odd windows", () => {
    expect(Math.max(...differences(medianFilter(picture, 2), golden.median2))).toBeLessThan(1e-4);
    expect(Math.max(...differences(medianFilter(picture, 3), golden.median3))).toBeLessThan(1e-4);
  });

  test("Pillow: what JPEG leaves, but for a level or two of its integers", () => {
    for (const quality of [75, 30] as const) {
      const apart = differences(jpegLoss(picture, quality), golden.jpeg[quality]);
      expect(Math.max(...apart)).toBeLessThanOrEqual(3.001);
      expect(mean(apart)).toBeLessThan(0.35);
      // The loss itself is many times larger.
      expect(mean(differences(picture, golden.jpeg[quality]))).toBeGreaterThan(2);
    }
  });

  test("OpenCV: non-local means, but for a level or two of its integers", () => {
    const apart = differences(denoise(picture, { strength: 5, search: 13, patch: 3 }), golden.denoised);
    expect(mean(apart)).toBeLessThan(0.8);
    expect(mean(differences(picture, golden.denoised))).toBeGreaterThan(1.5);
  });
});
