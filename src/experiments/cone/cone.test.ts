import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, test } from "vitest";
import { createClassifier } from "../../classifier/classifier.ts";
import { AbortedError } from "../../errors.ts";
import { parseModel } from "../../onnx/text/parse.ts";
import { createRandom } from "../../random/random.ts";
import { coneOf, conePoints } from "./cone.ts";
import type { ConePair } from "./planes.ts";

const preprocessing = { scale: 1, mean: [0], std: [1], channels: "rgb" } as const;

/** A classifier of images with two pixels from its graph. */
function classifierOf(body: string) {
  const model = parseModel(`
    <ir_version: 8, opset_import: ["" : 18]>
    two (float[N, 1, 1, 2] x) => (float[N, 2] logits)
    ${body}`);
  return createClassifier(model, { runtime: ort, preprocessing });
}

const start = Float32Array.of(0.5, 0.5);

describe("on a linear classifier", () => {
  // log-odds of class 0: 8x + 6y − 7 (0 at the image's clean point, moved below).
  const classifier = classifierOf(`
    <float[2, 2] W = {8, 6, 0, 0}, float[2] c = {-6.0, 0}>
    { f = Flatten (x)  logits = Gemm <transB = 1> (f, W, c) }`);
  afterAll(() => classifier.dispose());

  // Straight down the weights: orthogonal directions change nothing.
  const pair: ConePair = { image: start, adversarial: Float32Array.of(0.42, 0.44), label: 0 };

  test("the cone is the logistic function of a, and flat across b", async () => {
    const cone = await coneOf(classifier, [pair], { step: 0.25, directions: 2 });
    expect([cone.a.length, cone.b.length]).toEqual([13, 13]);
    expect([cone.a[0], cone.a.at(-1), cone.b[0], cone.b.at(-1)]).toEqual([-1, 2, -1.5, 1.5]);
    // ℓ = 1 at the image, and 8·0.08 + 6·0.06 = 1 less at the adversarial image.
    cone.a.forEach((a, i) => {
      for (const p of cone.probability[i]) expect(p).toBeCloseTo(1 / (1 + Math.exp(a - 1)), 5);
    });
    expect(cone.curvature.adversarial.mean).toBeCloseTo(0, 4);
    expect(cone.curvature.clean).toMatchObject({ standardError: null });
    expect(cone.points).toBe(13 * (1 + 2 * 12));
    expect(cone.points).toBe(conePoints(1, { step: 0.25, directions: 2 }));
  });

  test("the batch does not matter; images have directions of their own", async () => {
    const tilted: ConePair = { ...pair, adversarial: Float32Array.of(0.4, 0.5) };
    const random = (n: number) => createRandom(3, n);
    const options = { step: 0.5, directions: 3, random };
    const [large, small] = [
      await coneOf(classifier, [pair, tilted], { ...options, batch: 64 }),
      await coneOf(classifier, [pair, tilted], { ...options, batch: 5 }),
    ];
    expect(small.probability).toEqual(large.probability);
    expect(large.curvature.adversarial.standardError).toBeGreaterThanOrEqual(0);
  });

  test("what cannot be meant is refused", async () => {
    await expect(coneOf(classifier, [{ ...pair, adversarial: start }])).rejects.toThrow("span no plane");
    await expect(coneOf(classifier, [pair], { step: 0.3 })).rejects.toThrow("one over an even number");
    await expect(coneOf(classifier, [])).rejects.toThrow("no images");
    await expect(coneOf(classifier, [pair], { signal: AbortSignal.abort() })).rejects.toThrow(AbortedError);
  });
});

test("the curvature of |y| across the perturbation is that of the absolute value", async () => {
  // log-odds of class 0: 40·|y − 0.5| − 40·(0.6 − x) − 1: negative from x < 0.625 on, unless y is moved.
  const classifier = classifierOf(`
    <float[2, 2] W = {0, 1, 0, -1}, float[2] c = {-0.5, 0.5}, float[2, 2] V = {1, 1, 0, 0}, float[2, 2] U = {40.0, 0, 0, 0}, float[2] d = {-19.0, 0}>
    {
      f = Flatten (x)
      h = Gemm <transB = 1> (f, W, c)
      r = Relu (h)
      up = Gemm <transB = 1, alpha = 40.0> (r, V)
      along = Gemm <transB = 1> (f, U, d)
      logits = Add (up, along)
    }`);
  const pair: ConePair = { image: start, adversarial: Float32Array.of(0.4, 0.5), label: 0 };
  const { curvature, probability, a, b } = await coneOf(classifier, [pair], { step: 0.5, directions: 1 });
  // T = (0, ±0.1): half of it raises the log-odds by 40·0.05 = 2 on both sides, so κ = 4 / ½².
  expect(curvature.adversarial.mean).toBeCloseTo(16, 3);
  expect(curvature.clean.mean).toBeCloseTo(16, 3);
  // At (1, ±1) the log-odds are 16 − 19 + 4 = 1 > 0: noise brings the class back.
  expect(curvature.returned.mean).toBe(1);
  expect(probability[a.indexOf(1)][b.indexOf(0)]).toBeCloseTo(1 / (1 + Math.exp(3)), 5);
  await classifier.dispose();
});
