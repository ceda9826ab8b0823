import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type LrpOptions, lrpLayerRules, lrpRules } from "../../autodiff/relevance/lrp-rules.ts";
import { type Classifier, createClassifier } from "../../classifier/classifier.ts";
import { GraphBuilder, type Value } from "../../onnx/builder.ts";
import { normal } from "../../random/distributions.ts";
import { createRandom } from "../../random/random.ts";
import { referenceRuntime } from "../../runtime/reference-runtime.ts";
import { modelOf } from "../../runtime/session.ts";
import { floatTensor, type Shape, sizeOf } from "../../tensor/tensor.ts";
import { gradientInput } from "../gradients/gradient-input.ts";
import type { Explanation } from "../method.ts";
import { lrp } from "./lrp.ts";

const size = 8;

/** A network of the builder's own weights, given pixels as they are, in float64. */
function networkOf(
  seed: number,
  build: (g: GraphBuilder, image: Value, weight: (shape: Shape) => Value) => Value,
): Classifier {
  const random = createRandom(seed);
  const g = new GraphBuilder();
  const weight = (shape: Shape): Value => {
    const deviation = Math.sqrt(2 / sizeOf(shape.length === 1 ? shape : shape.slice(1)));
    return g.constant(
      floatTensor(
        Float32Array.from({ length: sizeOf(shape) }, () => normal(random, 0, deviation)),
        shape,
      ),
    );
  };
  g.output(build(g, g.input("image", "float32", [1, 3, size, size]), weight), "logits");
  return createClassifier(modelOf(g.toGraph()), { runtime: referenceRuntime, preprocessing: "unit" });
}

/** Convolutions, a residual block, two kinds of pools and dense layers; `bias` says whether layers have one. */
function convolutional(seed: number, bias: boolean): Classifier {
  return networkOf(seed, (g, image, weight) => {
    const pads = [1, 1, 1, 1];
    const halving = { kernel_shape: [2, 2], strides: [2, 2] };
    const conv = (x: Value, channels: number): Value =>
      g.op("Conv", [x, weight([channels, x.shape[1], 3, 3]), ...(bias ? [weight([channels])] : [])], { pads });
    const relu = (x: Value): Value => g.op("Relu", [x]);
    const first = g.op("MaxPool", [relu(conv(image, 6))], halving);
    const block = relu(g.op("Add", [first, conv(relu(conv(first, 6)), 6)]));
    const flat = g.op("Flatten", [g.op("AveragePool", [block], halving)]);
    const hidden = relu(g.op("MatMul", [flat, weight([24, 10])]));
    return g.op("Gemm", [hidden, weight([10, 3]), ...(bias ? [weight([3])] : [])]);
  });
}

/** Attention of two heads, LayerNormalization and GELU, the mean over 4 × 4 tokens, without biases. */
function transformer(seed: number): Classifier {
  return networkOf(seed, (g, image, weight) => {
    const dense = (x: Value, to: number): Value => g.op("MatMul", [x, weight([x.shape[2], to])]);
    const ones = (n: number): Value => g.constant(floatTensor(new Float32Array(n).fill(1), [n]));
    const norm = (x: Value): Value => g.op("LayerNormalization", [x, ones(6)], { axis: -1 });
    const heads = (x: Value, perm: number[]): Value =>
      g.op("Transpose", [g.op("Reshape", [x, g.ints([1, 16, 2, 3])])], { perm });
    const grid = g.op("Conv", [image, weight([6, 3, 2, 2])], { strides: [2, 2] });
    const tokens = g.op("Transpose", [g.op("Reshape", [grid, g.ints([1, 6, 16])])], { perm: [0, 2, 1] });
    const x = norm(tokens);
    const scores = g.op("MatMul", [heads(dense(x, 6), [0, 2, 1, 3]), heads(dense(x, 6), [0, 2, 3, 1])]);
    const mixed = g.op("MatMul", [g.op("Softmax", [scores], { axis: -1 }), heads(dense(x, 6), [0, 2, 1, 3])]);
    const joined = g.op("Reshape", [g.op("Transpose", [mixed], { perm: [0, 2, 1, 3] }), g.ints([1, 16, 6])]);
    const attended = g.op("Add", [tokens, dense(joined, 6)]);
    const y = g.op("Add", [attended, dense(g.op("Gelu", [dense(norm(attended), 12)]), 6)]);
    const mean = g.op("ReduceMean", [y, g.ints([1])], { keepdims: 0 });
    return g.op("MatMul", [mean, weight([6, 3])]);
  });
}

const picture = (seed: number) => {
  const random = createRandom(seed);
  return floatTensor(
    Float32Array.from({ length: 3 * size * size }, () => random()),
    [3, size, size],
  );
};

/** Of an explanation with the readout `sum`: what was handed in, what arrived, and its magnitude, by which float32 is measured. */
const numbersOf = ({ details, map }: Explanation) => ({
  score: Number(details?.score),
  relevance: Number(details?.relevance),
  magnitude: map.data.reduce((sum, value) => sum + value, 0),
});

function expectConserved(explanation: Explanation): void {
  const { score, relevance, magnitude } = numbersOf(explanation);
  expect(Math.abs(score)).toBeGreaterThan(1e-4);
  expect(Math.abs(relevance - score)).toBeLessThan(1e-6 * (magnitude + Math.abs(score)));
}

const seeds = fc.integer({ min: 0, max: 1e6 });
/** Small ε, so that nothing else is lost than what the rule says. */
const sharp = { epsilon: 1e-12, stabilizer: 1e-12, readout: "sum" } as const;

describe("conservation: what arrives adds up to the score", () => {
  // With α and β, a neuron that has products of one sign only loses β of its share, or gets α of it.
  const conserving = lrpLayerRules.filter((rule) => rule !== "alpha-beta");
  const anyRules = fc.record({
    first: fc.constantFrom(...conserving),
    convolutions: fc.constantFrom("epsilon", "gamma", "z-plus"),
    dense: fc.constantFrom("epsilon", "gamma"),
  });

  test("without biases, by every choice of rules, with branches and pools", async () => {
    await fc.assert(
      fc.asyncProperty(seeds, anyRules, async (seed, rules) => {
        const classifier = convolutional(seed, false);
        expectConserved(await lrp.explain(classifier, picture(seed + 1), { label: seed % 3, ...rules, ...sharp }));
        await classifier.dispose();
      }),
      { numRuns: 20, seed: 4 },
    );
  });

  test("with biases that take no share", async () => {
    const classifier = convolutional(5, true);
    const asked = { label: 1, preset: "epsilon", ...sharp } as const;
    expectConserved(await lrp.explain(classifier, picture(3), { ...asked, bias: false }));
    const { relevance, score } = numbersOf(await lrp.explain(classifier, picture(3), asked));
    expect(Math.abs(relevance - score)).toBeGreaterThan(0.01);
  });

  test("through attention, LayerNormalization and GELU", async () => {
    const classifier = transformer(2);
    for (const label of [0, 1, 2]) {
      expectConserved(await lrp.explain(classifier, picture(9), { label, preset: "epsilon", ...sharp }));
    }
  });

  test("of a difference of two classes, and of 1", async () => {
    const classifier = convolutional(8, false);
    const { logits } = await classifier.classify(picture(8));
    const asked = { label: 0, preset: "epsilon", ...sharp } as const;
    const difference = await lrp.explain(classifier, picture(8), { ...asked, target: 2 });
    expect(difference.details?.score).toBeCloseTo(logits[0] - logits[2], 6);
    expectConserved(difference);
    const one = await lrp.explain(classifier, picture(8), { ...asked, start: "one" });
    expect(one.details?.score).toBe(1);
    expectConserved(one);
  });
});

test("LRP-0 is gradient × input in a network of ReLUs, biases or not", async () => {
  await fc.assert(
    fc.asyncProperty(seeds, fc.boolean(), async (seed, bias) => {
      const classifier = convolutional(seed, bias);
      const [image, label] = [picture(seed), seed % 3];
      const asked = { label, readout: "sum" } as const;
      const zero = { preset: "epsilon", epsilon: 0, stabilizer: 0 } as const;
      const relevance = await lrp.explain(classifier, image, { ...asked, ...zero });
      const product = await gradientInput.explain(classifier, image, asked);
      for (const [i, value] of product.map.data.entries()) expect(relevance.map.data[i]).toBeCloseTo(value, 5);
      await classifier.dispose();
    }),
    { numRuns: 15, seed: 1 },
  );
});

test("the shares of one layer, by hand", async () => {
  // z = 2 x₁ − x₂ + 0 x₃ + 1 for the first class, at x = (0.5, 0.25, 1): products 1, −0.25, 0.
  const classifier = networkOf(0, (g, image) => {
    const w = new Float32Array(3 * size * size * 2);
    [w[0], w[2]] = [2, -1];
    const flat = g.op("Flatten", [image]);
    const weights = g.constant(floatTensor(w, [3 * size * size, 2]));
    return g.op("Gemm", [flat, weights, g.constant(floatTensor([1, 0], [2]))]);
  });
  const image = floatTensor(new Float32Array(3 * size * size), [3, size, size]);
  image.data.set([0.5, 0.25, 1]);
  const shares = async (options: object): Promise<number[]> => {
    const { map } = await lrp.explain(classifier, image, {
      label: 0,
      start: "one",
      ...sharp,
      ...options,
    });
    return [...map.data.subarray(0, 3)].map((value) => Number(value.toFixed(6)));
  };
  const round = (values: number[]): number[] => values.map((value) => Number(value.toFixed(6)));
  expect(await shares({ first: "epsilon" })).toEqual(round([1 / 1.75, 0.25 / 1.75, 0]));
  expect(await shares({ first: "epsilon", epsilon: 0.5 })).toEqual(round([1 / 2.25, 0.25 / 2.25, 0]));
  expect(await shares({ first: "epsilon", bias: false })).toEqual(round([1 / 0.75, 0.25 / 0.75, 0]));
  expect(await shares({ first: "z-plus" })).toEqual([0.5, 0, 0]);
  expect(await shares({ first: "alpha-beta", bias: false })).toEqual([2, 1, 0]);
  // w + γ w⁺ with γ = 1: products 2, −0.25, the bias 2.
  expect(await shares({ first: "gamma", gamma: 1 })).toEqual(round([2 / 3.75, 0.25 / 3.75, 0]));
  expect(await shares({ first: "w-square", bias: false })).toEqual([0.8, 0.2, 0]);
  // All inputs alike, the three channels of a pixel together.
  expect(await shares({ first: "flat" })).toEqual(round([1, 1, 1].map((one) => one / (size * size))));
  // From black, 0, to white, 1: x w − 1 · w⁻ is 1 and 0.75.
  expect(await shares({ first: "box" })).toEqual(round([1 / 1.75, 0.75 / 1.75, 0]));
});

test("a bias that stands behind a matrix product is part of the layer", async () => {
  const of = (isSum: boolean): Classifier =>
    networkOf(3, (g, image, weight) => {
      const flat = g.op("Flatten", [image]);
      const [w, b] = [weight([3 * size * size, 16]), weight([16])];
      const hidden = isSum ? g.op("Add", [b, g.op("MatMul", [flat, w])]) : g.op("Gemm", [flat, w, b]);
      return g.op("MatMul", [g.op("Relu", [hidden]), weight([16, 3])]);
    });
  for (const first of lrpLayerRules) {
    const [sum, inner] = [of(true), of(false)];
    const asked = { label: 2, first, readout: "sum" } as const;
    const [a, b] = [await lrp.explain(sum, picture(1), asked), await lrp.explain(inner, picture(1), asked)];
    expect(Math.max(...a.map.data)).toBeGreaterThan(1e-4);
    for (const [i, value] of b.map.data.entries()) expect(a.map.data[i]).toBeCloseTo(value, 6);
  }
});

test("several images in one run have the maps of each alone", async () => {
  const classifier = convolutional(4, true);
  const images = [picture(1), picture(2), picture(3)];
  const together = await lrp.explain(classifier, images, { batch: 3, label: 0 });
  for (const [n, image] of images.entries()) {
    const { map, details, evaluations } = await lrp.explain(classifier, image, { label: 0 });
    expect(evaluations).toEqual({ forward: 0, gradient: 1 });
    expect(together[n].details?.score).toBeCloseTo(Number(details?.score), 5);
    for (const [i, value] of map.data.entries()) expect(together[n].map.data[i]).toBeCloseTo(value, 5);
  }
});

test("what grows beyond all numbers is refused, with what to do", async () => {
  // n x − (n − 1) x = x beside x / 2 + x / 2: each layer multiplies what it has of the first by n = 2²³, of either sign.
  const classifier = networkOf(1, (g, image) => {
    // One number of the even pixels, one of the odd ones.
    const halves = Float32Array.from({ length: 3 * size * size * 2 }, (_, i) => ((i >> 1) % 2 === i % 2 ? 1 : 0));
    let x = g.op("MatMul", [g.op("Flatten", [image]), g.constant(floatTensor(halves, [3 * size * size, 2]))]);
    const almost = g.constant(floatTensor([2 ** 23, 0.5, 1 - 2 ** 23, 0.5], [2, 2]));
    for (let layer = 0; layer < 8; layer++) x = g.op("MatMul", [x, almost]);
    return x;
  });
  const gray = floatTensor(new Float32Array(3 * size * size).fill(0.5), [3, size, size]);
  await expect(lrp.explain(classifier, gray, { label: 0, preset: "epsilon", start: "one" })).rejects.toThrow(
    /lrp: relevance grew beyond .*Raise epsilon or stabilizer/,
  );
});

test("relevance has rules for all operators that have a gradient", () => {
  const options: LrpOptions = {
    image: "image",
    first: "box",
    convolutions: "gamma",
    dense: "epsilon",
    epsilon: 1e-6,
    stabilizer: 1e-6,
    gamma: 0.25,
    alpha: 2,
    bias: true,
  };
  expect(Object.keys(lrpRules(options)).length).toBeGreaterThan(90);
});
