import fc from "fast-check";
import * as ort from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { tinyClassifier, tinyImage } from "../../../test/tiny-classifier.ts";
import { createClassifier } from "../../classifier/classifier.ts";
import { GraphBuilder, type Value } from "../../onnx/builder.ts";
import { createRandom } from "../../random/random.ts";
import { referenceRuntime } from "../../runtime/reference-runtime.ts";
import { modelOf } from "../../runtime/session.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { deepLift } from "./deep-lift.ts";

const size = 4;
const count = 3 * size * size;

/** Logits [1, 2] of `of`, which is given the flat image [1, 48], and as many weights as it asks for. */
function classifierOf(seed: number, of: (g: GraphBuilder, flat: Value, weights: (n: number) => Value) => Value) {
  const random = createRandom(seed);
  const g = new GraphBuilder();
  const weights = (n: number): Value =>
    g.constant(
      floatTensor(
        Float32Array.from({ length: count * n }, () => random() - 0.5),
        [count, n],
      ),
    );
  const image = g.input("image", "float32", [1, 3, size, size]);
  const score = of(g, g.op("Flatten", [image]), weights);
  g.output(g.op("Concat", [score, g.op("Neg", [score])], { axis: 1 }), "logits");
  return createClassifier(modelOf(g.toGraph()), { runtime: referenceRuntime, preprocessing: "unit" });
}

const image = floatTensor(
  Float32Array.from({ length: count }, (_, i) => 0.5 + 0.45 * Math.sin(3 * i)),
  [3, size, size],
);

const sum = (g: GraphBuilder, x: Value): Value => g.op("ReduceSum", [x, g.ints([1])], { keepdims: 1 });
/** Functions of one number, of several, maxima, products: one of each kind. */
const functions: Readonly<Record<string, (g: GraphBuilder, x: Value, weights: (n: number) => Value) => Value>> = {
  tanh: (g, x, w) => sum(g, g.op("Tanh", [g.op("MatMul", [x, w(6)])])),
  square: (g, x) => sum(g, g.op("Pow", [x, g.scalar(2)])),
  "a product of two values": (g, x, w) => sum(g, g.op("Mul", [g.op("MatMul", [x, w(5)]), g.op("MatMul", [x, w(5)])])),
  "the largest of two": (g, x, w) => sum(g, g.op("Max", [g.op("MatMul", [x, w(5)]), g.op("MatMul", [x, w(5)])])),
  "the least of two": (g, x, w) => sum(g, g.op("Min", [g.op("MatMul", [x, w(5)]), g.op("MatMul", [x, w(5)])])),
  "the largest of many": (g, x, w) => g.op("ReduceMax", [g.op("MatMul", [x, w(9)]), g.ints([1])], { keepdims: 1 }),
  softmax: (g, x, w) => {
    const shares = g.op("Softmax", [g.op("MatMul", [x, w(4)])], { axis: 1 });
    return g.op("Slice", [shares, g.ints([0]), g.ints([1]), g.ints([1])]);
  },
  quotient: (g, x, w) => {
    const below = g.op("Add", [g.op("Abs", [g.op("MatMul", [x, w(1)])]), g.scalar(2)]);
    return g.op("Div", [g.op("MatMul", [x, w(1)]), below]);
  },
};

test.each(Object.keys(functions))("multipliers are complete: %s", async (name) => {
  for (const seed of [1, 2, 3, 4]) {
    const classifier = classifierOf(seed, functions[name]);
    for (const baseline of ["black", "white"] as const) {
      const { details } = await deepLift.explain(classifier, image, { label: 0, baseline });
      expect(Math.abs(Number(details?.difference))).toBeGreaterThan(1e-4);
      expect(details?.completenessError).toBeLessThan(5e-6);
    }
  }
});

test("of a linear network: weight times difference, whatever the baseline", async () => {
  const random = createRandom(1);
  const w = Float32Array.from({ length: count }, () => random() - 0.5);
  const classifier = classifierOf(1, (g, x) => g.op("MatMul", [x, g.constant(floatTensor(w, [count, 1]))]));
  const { map } = await deepLift.explain(classifier, image, { label: 0, baseline: "white" });
  for (const [i, value] of map.data.entries()) {
    const wanted = [0, 1, 2].reduce((total, c) => {
      const k = c * size * size + i;
      return total + Math.abs(w[k] * (image.data[k] - 1));
    }, 0);
    expect(value).toBeCloseTo(wanted, 5);
  }
});

test("a square has the multiplier x + x₀, which no derivative is", async () => {
  const classifier = classifierOf(1, functions.square);
  const { map } = await deepLift.explain(classifier, image, { label: 0, baseline: "white", readout: "net" });
  for (const [i, value] of map.data.entries()) {
    const wanted = [0, 1, 2].reduce((total, c) => total + image.data[c * size * size + i] ** 2 - 1, 0);
    expect(value).toBeCloseTo(Math.abs(wanted), 5);
  }
});

const tiny = createClassifier(tinyClassifier(), { runtime: ort, threads: 1 });
afterAll(() => tiny.dispose());

test("complete on a small network in float32, for any image and class; two images together as each alone", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: 1e6 }), fc.integer({ min: 0, max: 3 }), async (seed, label) => {
      const { details, evaluations } = await deepLift.explain(tiny, tinyImage(seed), { label });
      expect(details?.completenessError).toBeLessThan(1e-4);
      expect(evaluations).toEqual({ forward: 2, gradient: 1 });
    }),
    { numRuns: 20, seed: 3 },
  );
  const images = [tinyImage(1), tinyImage(2)];
  const together = await deepLift.explain(tiny, images, { batch: 2, label: 0, target: 3 });
  for (const [n, one] of images.entries()) {
    const { map } = await deepLift.explain(tiny, one, { label: 0, target: 3 });
    for (const [i, value] of map.data.entries()) expect(together[n].map.data[i]).toBeCloseTo(value, 4);
  }
});

test("the image itself as baseline explains nothing", async () => {
  const classifier = classifierOf(2, functions.tanh);
  const black = floatTensor(new Float32Array(count), [3, size, size]);
  const { map, details } = await deepLift.explain(classifier, black, { label: 0, baseline: "black" });
  expect(Math.max(...map.data)).toBe(0);
  expect(details).toEqual({ attributed: 0, difference: 0, completenessError: 0 });
});
