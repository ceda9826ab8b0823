import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { tinyClassifier } from "../../../test/tiny-classifier.ts";
import { type Classifier, createClassifier } from "../../classifier/classifier.ts";
import { classificationOf } from "../../classifier/logits.ts";
import { AbortedError, MisuseError } from "../../errors.ts";
import { GraphBuilder } from "../../onnx/builder.ts";
import { parseModel } from "../../onnx/text/parse.ts";
import { completeOptions } from "../../options/schema.ts";
import { createRandom } from "../../random/random.ts";
import { referenceRuntime } from "../../runtime/reference-runtime.ts";
import { modelOf } from "../../runtime/session.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { type DeepFoolOptions, deepFoolOptions, deepFoolSettings, searchDeepFool } from "./deepfool-search.ts";

/** logits = W x + b for x in [0, 1]⁴ (one channel, 2 × 2). */
const W = [
  [1, -1, 2, 0],
  [0, 1, -1, 1],
  [-1, 3, 0.5, 0.25],
];
const b = [0.5, 0, -0.25];
const affine = parseModel(`
  <ir_version: 8, opset_import: ["" : 18]>
  affine (float[N, 1, 2, 2] x) => (float[N, 3] logits)
  <float[3, 4] W = {${W.flat().join(", ")}}, float[3] b = {${b.join(", ")}}>
  { f = Flatten (x)  logits = Gemm <transB = 1> (f, W, b) }
`);
const image = Float32Array.of(0.5, 0.5, 0.5, 0.5);

const settingsOf = (options: object) => deepFoolSettings(completeOptions("deepFool", deepFoolOptions, options));

async function search(
  classifier: Classifier,
  x: Float32Array,
  options: DeepFoolOptions,
  more: {
    label?: number;
    target?: number;
    batch?: number;
    signal?: AbortSignal;
    onStep?: (count: number) => void;
  } = {},
) {
  const { label, target, ...rest } = more;
  const [logits] = await (await classifier.forward()).run([x]);
  const task = { image: x, logits, label: label ?? classificationOf(logits).label, target };
  return searchDeepFool(classifier, task, settingsOf(options), rest);
}

describe("on an affine classifier", () => {
  let classifier: Classifier;
  beforeAll(() => {
    classifier = createClassifier(affine, { runtime: referenceRuntime, preprocessing: "unit" });
  });
  afterAll(() => classifier.dispose());

  /** The least perturbation, in closed form: the nearest of the planes (w_k − w_0)·(x + r) + b_k − b_0 = 0. */
  function leastPerturbation(norm: "l2" | "linf", candidates: number[]): number[] {
    const logits = W.map((row, k) => row.reduce((sum, w, i) => sum + w * image[i], b[k]));
    const planes = candidates.map((k) => {
      const w = W[k].map((value, i) => value - W[0][i]);
      const [l1, l2] = [w.reduce((sum, v) => sum + Math.abs(v), 0), Math.hypot(...w)];
      const gap = Math.abs(logits[k] - logits[0]);
      return norm === "l2"
        ? { distance: gap / l2, r: w.map((v) => (gap * v) / l2 ** 2) }
        : { distance: gap / l1, r: w.map((v) => (gap * Math.sign(v)) / l1) };
    });
    return planes.reduce((best, plane) => (plane.distance < best.distance ? plane : best)).r;
  }

  for (const norm of ["l2", "linf"] as const) {
    test(`one step of ${norm} is the least perturbation, longer by the overshoot`, async () => {
      const least = leastPerturbation(norm, [1, 2]);
      const second = await search(classifier, image, { preset: "foolbox-2", norm });
      expect(second.steps).toBe(1);
      expect(second.cost).toEqual({ forward: 1, gradient: 2 });
      least.forEach((r, i) => {
        expect(second.point[i] - image[i]).toBeCloseTo(1.05 * r, 6);
      });
      expect(classificationOf(second.logits).label).not.toBe(0);

      const third = await search(classifier, image, { preset: "foolbox-3", norm });
      const length = norm === "l2" ? Math.hypot(...least) : Math.max(...least.map(Math.abs));
      expect(third.steps).toBe(1);
      least.forEach((r, i) => {
        expect(third.point[i] - image[i]).toBeCloseTo(1.02 * r * (1 + 1e-4 / length), 6);
      });
    });
  }

  test("a target is reached by way of its own plane", async () => {
    const planes = [1, 2].map((k) => leastPerturbation("l2", [k]));
    for (const target of [1, 2]) {
      const found = await search(classifier, image, { overshoot: 0.01 }, { target });
      if (found.steps === 1) {
        planes[target - 1].forEach((r, i) => {
          expect(found.point[i] - image[i]).toBeCloseTo(1.01 * r, 6);
        });
      }
      expect(classificationOf(found.logits).label).toBe(target);
    }
  });

  test("points stay within [0, 1]", async () => {
    // z = (0.4, 0.3, 0.1): the step wants to lower x₀ and x₂ as well, which are 0 already, so that it falls short.
    const corner = Float32Array.of(0, 0.1, 0, 0.2);
    const found = await search(classifier, corner, { norm: "linf" });
    expect(Math.min(...found.point)).toBe(0);
    expect(Math.max(...found.point)).toBeLessThanOrEqual(1);
    expect(found.steps).toBeGreaterThan(1);
  });

  test("of foolbox-2, a tied class is skipped; of foolbox-3, its boundary is the nearest", async () => {
    // z₀ = z₁ = 0.8125: the label is the first of the two.
    const tied = Float32Array.of(0.25, 0.0625, 0.0625, 0.8125);
    const second = await search(classifier, tied, { preset: "foolbox-2", steps: 1 });
    const third = await search(classifier, tied, { preset: "foolbox-3", steps: 1 });
    expect(second.cost.gradient).toBe(1);
    expect(third.cost.gradient).toBe(2);
    expect(Math.hypot(...third.point.map((value, i) => value - tied[i]))).toBeCloseTo(1.02e-4, 7);
  });

  test("a network without gradients ends the path at once", async () => {
    const constant = createClassifier(
      parseModel(`
        <ir_version: 8, opset_import: ["" : 18]>
        constant (float[N, 1, 2, 2] x) => (float[N, 2] logits)
        <float[2, 4] W = {0, 0, 0, 0, 0, 0, 0, 0}, float[2] b = {1, 0}>
        { f = Flatten (x)  logits = Gemm <transB = 1> (f, W, b) }
      `),
      { runtime: referenceRuntime, preprocessing: "unit" },
    );
    const found = await search(constant, image, {});
    expect(found).toMatchObject({ steps: 0, cost: { forward: 0, gradient: 0 } });
    expect(found.point).toEqual(image);
    await constant.dispose();
  });
});

describe("as Foolbox", () => {
  const fixture = JSON.parse(readFileSync(join(import.meta.dirname, "../fixtures/deepfool.json"), "utf8"));
  const images: Float32Array[] = fixture.images.map((values: number[]) => Float32Array.from(values));
  let classifier: Classifier;
  beforeAll(() => {
    const g = new GraphBuilder();
    const weight = (name: string, shape: number[]) => g.constant(floatTensor(fixture.weights[name], shape), name);
    const x = g.input("image", "float32", [1, 3, 8, 8]);
    const features = g.op("Relu", [
      g.op("Conv", [x, weight("w1", [4, 3, 3, 3]), weight("b1", [4])], { pads: [1, 1, 1, 1] }),
    ]);
    const pooled = g.op("AveragePool", [features], { kernel_shape: [2, 2], strides: [2, 2] });
    const scores = [g.op("Flatten", [pooled]), weight("w2", [fixture.classes, 64]), weight("b2", [fixture.classes])];
    g.output(g.op("Gemm", scores, { transB: 1 }), "logits");
    classifier = createClassifier(modelOf(g.toGraph()), { runtime: ort, preprocessing: "unit" });
  });
  afterAll(() => classifier.dispose());

  for (const preset of ["foolbox-2", "foolbox-3"] as const) {
    for (const norm of ["l2", "linf"] as const) {
      test(`${preset}, ${norm}`, async () => {
        for (const [n, x] of images.entries()) {
          const found = await search(classifier, x, { preset, norm });
          const expected: number[] = fixture[`${preset}/${norm}`][n];
          const error = found.point.reduce((max, value, i) => Math.max(max, Math.abs(value - expected[i])), 0);
          expect(error, `image ${n}`).toBeLessThan(1e-6);
          expect(found.cost.gradient).toBe(9 * found.steps);
        }
      });
    }
  }
});

describe("on the tiny classifier", () => {
  let classifier: Classifier;
  const random = createRandom(3);
  const x = Float32Array.from({ length: 3 * 24 * 24 }, () => random());
  beforeAll(() => {
    classifier = createClassifier(tinyClassifier(), { runtime: ort });
  });
  afterAll(() => classifier.dispose());

  test("the batch changes nothing", async () => {
    const gradients: number[] = [];
    const together = await search(classifier, x, {}, { onStep: (count) => gradients.push(count) });
    const alone = await search(classifier, x, {}, { batch: 1 });
    expect(alone.steps).toBe(together.steps);
    expect(gradients).toEqual(Array(together.steps).fill(3));
    alone.point.forEach((value, i) => {
      expect(Math.abs(value - together.point[i])).toBeLessThan(1e-6);
    });
  });

  test("a model with a batch of one runs one candidate at a time", async () => {
    const fixed = createClassifier(tinyClassifier({ batch: 1 }), { runtime: ort });
    const found = await search(fixed, x, {});
    expect(classificationOf(found.logits).label).not.toBe((await fixed.classify(floatTensor(x, [3, 24, 24]))).label);
    await fixed.dispose();
  });

  test("an aborted signal ends it", async () => {
    await expect(search(classifier, x, {}, { signal: AbortSignal.abort() })).rejects.toThrow(AbortedError);
  });
});

test("options that cannot be meant are refused", () => {
  expect(() => settingsOf({ step: 3 })).toThrow('deepFool: unknown option "step"');
  expect(() => settingsOf({ candidates: 1 })).toThrow(MisuseError);
  expect(() => settingsOf({ steps: 0 })).toThrow(MisuseError);
  expect(() => settingsOf({ overshoot: -1 })).toThrow(MisuseError);
  expect(() => settingsOf({ norm: "l1" })).toThrow("expected one of l2, linf");
  expect(settingsOf({ preset: "foolbox-3", steps: 7 })).toEqual({
    preset: "foolbox-3",
    norm: "l2",
    steps: 7,
    candidates: 10,
    overshoot: 0.02,
    overshootOf: "sum",
    margin: 1e-4,
    skipsTied: false,
  });
});
