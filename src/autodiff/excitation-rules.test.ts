import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { GraphBuilder, type Value } from "../onnx/builder.ts";
import { evaluate } from "../onnx/evaluate.ts";
import { floatTensor, type Shape } from "../tensor/tensor.ts";
import { spreadTensor, testTensor } from "../testing/check-vjp.ts";
import { contrastiveExcitationRules, excitationRules } from "./excitation-rules.ts";
import type { RuleTable } from "./rules/index.ts";
import { appendVjp } from "./sweep.ts";

/** p at the input of `network`, which is `x`, for the given p at its output. */
function handedDown(
  network: (g: GraphBuilder, x: Value) => Value,
  x: readonly number[],
  shape: Shape,
  p: readonly number[],
  rules: RuleTable = excitationRules,
): number[] {
  const g = new GraphBuilder();
  const input = g.input("x", "float32", shape);
  const output = network(g, input);
  const seed = g.input("p", "float32", output.shape);
  const [result] = appendVjp(g, { seeds: [{ value: output, cotangent: seed }], wrt: [input], rules });
  g.output(result, "result");
  return Array.from(evaluate(g.toGraph(), { x: testTensor(shape, x), p: testTensor(output.shape, p) }).result.data);
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const matrix = (g: GraphBuilder, values: readonly number[], shape: Shape): Value =>
  g.constant(floatTensor(values, shape));

test("Gemm by hand: p goes to x in proportion to x w⁺, whatever the bias", () => {
  // Rows of W are outputs: (1, −2, 3) and (2, 2, −1).
  const gemm = (g: GraphBuilder, x: Value): Value =>
    g.op("Gemm", [x, matrix(g, [1, -2, 3, 2, 2, -1], [2, 3]), matrix(g, [10, -10], [2])], { transB: 1 });
  const [a, b, c] = handedDown(gemm, [1, 2, 3], [1, 3], [0.25, 0.75]);
  // Output 0: 1·1 and 3·3 of 10. Output 1: 2·1 and 2·2 of 6.
  expect(a).toBeCloseTo(0.25 * (1 / 10) + 0.75 * (2 / 6), 12);
  expect(b).toBeCloseTo(0.75 * (4 / 6), 12);
  expect(c).toBeCloseTo(0.25 * (9 / 10), 12);
});

test("Conv by hand: each output pixel shares its p among the pixels under its positive weights", () => {
  const conv = (g: GraphBuilder, x: Value): Value => g.op("Conv", [x, matrix(g, [2, -1, 1], [1, 1, 3])]);
  const p = handedDown(conv, [1, 5, 2, 4], [1, 1, 4], [0.4, 0.6]);
  // Output 0: 2·1 + 1·2 = 4; output 1: 2·5 + 1·4 = 14.
  expect(p.map((value) => Number(value.toFixed(12)))).toEqual([
    0.2,
    Number((0.6 * (10 / 14)).toFixed(12)),
    0.2,
    Number((0.6 * (4 / 14)).toFixed(12)),
  ]);
});

test("sums are split by what each side adds, where both are positive, one, or none", () => {
  const add = (g: GraphBuilder, x: Value): Value => {
    const [a, b] = g.ops("Split", [x, g.ints([3, 3])], { axis: 1 }, 2);
    return g.op("Add", [a, b]);
  };
  expect(handedDown(add, [1, -1, -2, 3, 4, -5], [1, 6], [1, 1, 1])).toEqual([0.25, 0, 0, 0.75, 1, 0]);
  const subtract = (g: GraphBuilder, x: Value): Value => {
    const [a, b] = g.ops("Split", [x, g.ints([2, 2])], { axis: 1 }, 2);
    return g.op("Sub", [a, b]);
  };
  expect(handedDown(subtract, [1, 1, -3, 3], [1, 4], [1, 1])).toEqual([0.25, 1, 0.75, 0]);
});

test("a constant that is added is a bias: it gets nothing", () => {
  const biased = (g: GraphBuilder, x: Value): Value => g.op("Add", [x, matrix(g, [100, 100], [2])]);
  expect(handedDown(biased, [1, -2], [1, 2], [0.5, 0.5])).toEqual([0.5, 0.5]);
});

test("gates get nothing, other factors equal parts", () => {
  const silu = (g: GraphBuilder, x: Value): Value => g.op("Mul", [x, g.op("Sigmoid", [x])]);
  expect(handedDown(silu, [1, 2], [1, 2], [0.5, 0.5])).toEqual([0.5, 0.5]);
  const squeezed = (g: GraphBuilder, x: Value): Value => {
    const gate = g.op("Reshape", [g.op("Sigmoid", [g.op("GlobalAveragePool", [x])]), g.ints([1, 2, 1])]);
    return g.op("Mul", [gate, x]);
  };
  expect(handedDown(squeezed, [1, 2, 3, 4], [1, 2, 2], [0.1, 0.2, 0.3, 0.4])).toEqual([0.1, 0.2, 0.3, 0.4]);
  const product = (g: GraphBuilder, x: Value): Value => {
    const [a, b] = g.ops("Split", [x, g.ints([1, 1])], { axis: 1 }, 2);
    return g.op("Mul", [a, b]);
  };
  expect(handedDown(product, [2, 3], [1, 2], [1])).toEqual([0.5, 0.5]);
});

test("averages are split by the elements", () => {
  const pool = (g: GraphBuilder, x: Value): Value => g.op("AveragePool", [x], { kernel_shape: [2], strides: [2] });
  expect(handedDown(pool, [1, 3, 2, 2], [1, 1, 4], [0.5, 0.5])).toEqual([0.125, 0.375, 0.25, 0.25]);
  const mean = (g: GraphBuilder, x: Value): Value => g.op("ReduceMean", [x, g.ints([2])], { keepdims: 0 });
  expect(handedDown(mean, [1, 3, -2, 2], [1, 1, 4], [1])).toEqual(
    [1 / 6, 0.5, 0, 1 / 3].map((v) => expect.closeTo(v, 12)),
  );
  const squares = (g: GraphBuilder, x: Value): Value => g.op("ReduceSumSquare", [x, g.ints([2])], { keepdims: 0 });
  expect(handedDown(squares, [1, 3], [1, 1, 2], [1])).toEqual([0.25, 0.75].map((v) => expect.closeTo(v, 12)));
});

test("an output that nothing excites hands nothing down, and no NaN", () => {
  const gemm = (g: GraphBuilder, x: Value): Value =>
    g.op("Gemm", [x, matrix(g, [-1, -1, 1, 1], [2, 2])], { transB: 1 });
  expect(handedDown(gemm, [1, 1], [1, 2], [0.5, 0.5])).toEqual([0.25, 0.25]);
  expect(handedDown(gemm, [0, 0], [1, 2], [0.5, 0.5])).toEqual([0, 0]);
  expect(handedDown(gemm, [-1, -3], [1, 2], [0.5, 0.5])).toEqual([0, 0]);
});

test.each<[string, number, (g: GraphBuilder, x: Value) => Value]>([
  ["the input", 1, (_, x) => x],
  ["a rectifier", 0, (g, x) => g.op("Relu", [x])],
  ["a clip to [0, 6]", 0, (g, x) => g.op("Clip", [x, g.scalar(0), g.scalar(6)])],
  ["a clip to [−1, 6]", 1, (g, x) => g.op("Clip", [x, g.scalar(-1), g.scalar(6)])],
  ["a clip from above", 1, (g, x) => g.op("Clip", [x, undefined, g.scalar(6)])],
  ["a clip to a computed bound", 0, (g, x) => g.op("Clip", [x, g.op("ReduceL1", [x], { keepdims: 0 })])],
  ["rectifiers side by side", 0, (g, x) => halves(g, g.op("Relu", [x]), g.op("Abs", [x]))],
  ["a rectifier beside the input", 1, (g, x) => halves(g, g.op("Relu", [x]), x)],
  ["a rectifier in another shape", 0, (g, x) => g.op("Transpose", [g.op("Transpose", [g.op("Relu", [x])])])],
  ["the negative of a rectifier", 1, (g, x) => g.op("Neg", [g.op("Relu", [x])])],
])("x⁺ of %s takes %d rectifiers", (_, count, body) => {
  const g = new GraphBuilder();
  const x = g.input("x", "float32", [1, 2]);
  const before = body(g, x);
  const output = g.op("Gemm", [before, matrix(g, [1, -2], [2, 1])]);
  const forward = g.nodes.length;
  appendVjp(g, { seeds: [{ value: output, cotangent: g.scalar(1) }], wrt: [before], rules: excitationRules });
  const ofX = g.nodes.slice(forward).filter(({ opType, inputs }) => opType === "Relu" && inputs[0] === before.name);
  expect(ofX).toHaveLength(count);
});

/** The first element of `a` and the last of `b`. */
function halves(g: GraphBuilder, a: Value, b: Value): Value {
  const joined = g.op("Concat", [a, b], { axis: 1 });
  return g.op("Gather", [joined, g.ints([0, 3])], { axis: 1 });
}

test("a gate stays one where it is moved, and of two gates both get p", () => {
  const moved = (g: GraphBuilder, x: Value): Value => {
    const gate = g.op("Slice", [g.op("Softmax", [x], { axis: 1 }), g.ints([1]), g.ints([2]), g.ints([1])]);
    return g.op("Mul", [g.op("Expand", [gate, g.ints([1, 2])]), x]);
  };
  expect(handedDown(moved, [1, 2], [1, 2], [0.25, 0.75])).toEqual([0.25, 0.75]);
  const gates = (g: GraphBuilder, x: Value): Value => {
    const [a, b] = g.ops("Split", [x, g.ints([1, 1])], { axis: 1 }, 2);
    return g.op("Mul", [g.op("Sigmoid", [a]), g.op("Sigmoid", [b])]);
  };
  expect(handedDown(gates, [1, 2], [1, 2], [1])).toEqual([0.5, 0.5]);
});

/** Convolutions, rectifiers, pools, a residual sum, a concatenation, normalization and a classifier, as ReLU networks have them. */
function chain(g: GraphBuilder, x: Value): Value {
  const weight = (shape: Shape, seed: number): Value =>
    g.constant({ ...spreadTensor(shape, seed), data: Float32Array.from(spreadTensor(shape, seed).data) } as never);
  const pads = [1, 1, 1, 1];
  const first = g.op("Relu", [g.op("Conv", [x, weight([4, 2, 3, 3], 2), weight([4], 3)], { pads })]);
  const positive = (n: number, seed: number): Value => g.op("Abs", [weight([n], seed)]);
  const normalized = g.op("BatchNormalization", [
    g.op("Conv", [first, weight([4, 4, 3, 3], 4)], { pads }),
    ...[positive(4, 5), weight([4], 6), weight([4], 7), positive(4, 8)],
  ]);
  const residual = g.op("Relu", [g.op("Add", [g.op("Relu", [normalized]), first])]);
  const joined = g.op("Concat", [residual, g.op("Relu", [g.op("Conv", [residual, weight([2, 4, 1, 1], 9)])])], {
    axis: 1,
  });
  const pooled = g.op("MaxPool", [joined], { kernel_shape: [2, 2], strides: [2, 2] });
  const average = g.op("AveragePool", [pooled], { kernel_shape: [2, 2], strides: [1, 1] });
  const flat = g.op("Flatten", [g.op("GlobalAveragePool", [average])]);
  return g.op("Gemm", [flat, weight([6, 3], 10), weight([3], 11)]);
}

test("p sums to 1 all the way down a chain of ReLUs without loss, for any input that excites all of it", () => {
  const shape = [1, 2, 6, 6];
  // Of darker inputs one in thousands has a unit that its bias alone excites, which hands nothing down.
  fc.assert(
    fc.property(
      fc.array(fc.double({ min: 0.5, max: 1.5, noNaN: true }), { minLength: 72, maxLength: 72 }),
      fc.nat(2),
      (x, label) => {
        const p = handedDown(
          chain,
          x,
          shape,
          [0, 1, 2].map((j) => Number(j === label)),
        );
        expect(p.every((value) => value >= 0)).toBe(true);
        expect(sum(p)).toBeCloseTo(1, 9);
      },
    ),
    { numRuns: 30 },
  );
});

describe("contrastive", () => {
  const network = (g: GraphBuilder, x: Value): Value => {
    const hidden = g.op("Relu", [g.op("Gemm", [x, matrix(g, [1, 0, 0, 1], [2, 2])])]);
    return g.op("Gemm", [hidden, matrix(g, [2, -1, -3, 4], [2, 2]), matrix(g, [5, 5], [2])]);
  };

  test("by hand: the class less its opposite, subtracted behind the last weights and handed on", () => {
    // Class 0 has the weights 2 and −3: all of p to the first, less all of p to the second.
    expect(handedDown(network, [1, 1], [1, 2], [1, 0], contrastiveExcitationRules)).toEqual([1, -1]);
    expect(handedDown(network, [1, 1], [1, 2], [1, 0])).toEqual([1, 0]);
  });

  test("only the last weights are contrasted, also where an activation and a pool follow them", () => {
    const squeeze = (g: GraphBuilder, x: Value): Value => {
      const features = g.op("Relu", [g.op("Conv", [x, matrix(g, [1, 2, 3, -1], [2, 2, 1])])]);
      const scores = g.op("Relu", [g.op("Conv", [features, matrix(g, [1, -1, -1, 1], [2, 2, 1])])]);
      return g.op("GlobalAveragePool", [scores]);
    };
    const plain = handedDown(squeeze, [3, 2, 1, 1], [1, 2, 2], [1, 0]);
    expect(sum(plain)).toBeCloseTo(0, 12); // Class 0 is below zero at both positions: nothing excites it.
    const other = handedDown(squeeze, [3, 2, 1, 1], [1, 2, 2], [0, 1]);
    expect(sum(other)).toBeCloseTo(1, 12);
    const contrast = handedDown(squeeze, [3, 2, 1, 1], [1, 2, 2], [0, 1], contrastiveExcitationRules);
    // Both passes hand on a whole probability, so the difference has none left.
    expect(sum(contrast)).toBeCloseTo(0, 12);
    expect(contrast.some((value) => value > 0.05)).toBe(true);
  });

  test("the mean over positions may come before the last weights or behind them", () => {
    const weights = [2, -1, -1, 2, -3, -1];
    const features = (g: GraphBuilder, x: Value): Value =>
      g.op("Relu", [g.op("Conv", [x, matrix(g, [1, 2, 3, -1, -2, 4], [2, 3, 1])])]);
    const before = (g: GraphBuilder, x: Value): Value => {
      const means = g.op("Flatten", [g.op("GlobalAveragePool", [features(g, x)])]);
      return g.op("Gemm", [means, matrix(g, weights, [3, 2])], { transB: 1 });
    };
    const behind = (g: GraphBuilder, x: Value): Value =>
      g.op("Flatten", [g.op("GlobalAveragePool", [g.op("Conv", [features(g, x), matrix(g, weights, [3, 2, 1])])])]);
    const x = [3, 2, 4, 0.5, 1, 3, 2, 7, 5, 0.5, 1, 2];
    for (const seed of [
      [1, 0, 0],
      [0, 1, 0],
    ]) {
      const found = handedDown(behind, x, [1, 3, 4], seed, contrastiveExcitationRules);
      const wanted = handedDown(before, x, [1, 3, 4], seed, contrastiveExcitationRules);
      expect(found).toEqual(wanted.map((value) => expect.closeTo(value, 12)));
      expect(Math.max(...found)).toBeGreaterThan(0.05);
    }
    // A class that nothing excites anywhere loses its p in the mean.
    expect(sum(handedDown(behind, x, [1, 3, 4], [0, 0, 1], contrastiveExcitationRules).map(Math.abs))).toBe(0);
  });

  test("a pool of overlapping windows behind the last weights leaves them the last", () => {
    const pooled = (g: GraphBuilder, x: Value): Value => {
      const scores = g.op("Relu", [g.op("Conv", [x, matrix(g, [1, -1, -1, 1], [2, 2, 1])])]);
      return g.op("AveragePool", [scores], { kernel_shape: [2], strides: [1] });
    };
    const found = handedDown(pooled, [3, 2, 4, 1, 3, 2], [1, 2, 3], [0.5, 0.5, 0, 0], contrastiveExcitationRules);
    // Both windows hand their p to the one position that is above zero: to the first channel there, less to the second.
    expect(found).toEqual([0.5, 0, 0.5, -0.5, 0, -0.5].map((value) => expect.closeTo(value, 12)));
  });

  test("sums to 0 on a chain without loss", () => {
    const x = Array.from({ length: 72 }, (_, i) => 1 + Math.sin(i));
    expect(sum(handedDown(chain, x, [1, 2, 6, 6], [0, 1, 0], contrastiveExcitationRules))).toBeCloseTo(0, 9);
  });
});

describe("attention hands p to the values by the probabilities", () => {
  const q = [1, 0, 0, 1, 1, 1];
  const wanted = (probabilities: readonly number[][], v: readonly number[], p: readonly number[]): number[] =>
    v.map((value, k) =>
      sum(p.map((share, i) => (share * probabilities[i][k] * value) / sum(probabilities[i].map((w, j) => w * v[j])))),
    );
  const probabilities = [0, 1, 2].map((i) => {
    const scores = [0, 1, 2].map((k) => Math.exp((q[2 * i] * q[2 * k] + q[2 * i + 1] * q[2 * k + 1]) / Math.SQRT2));
    return scores.map((score) => score / sum(scores));
  });
  const [v, p] = [
    [1, 2, 4],
    [0.2, 0.3, 0.5],
  ];

  test("as one operator", () => {
    const attention = (g: GraphBuilder, x: Value): Value => {
      const query = matrix(g, q, [1, 1, 3, 2]);
      return g.op("Attention", [query, query, x]);
    };
    expect(handedDown(attention, v, [1, 1, 3, 1], p)).toEqual(
      wanted(probabilities, v, p).map((value) => expect.closeTo(value, 6)),
    );
  });

  test("as a product with a Softmax, of which queries and keys get nothing", () => {
    const attention = (g: GraphBuilder, x: Value): Value => {
      const query = g.op("Add", [matrix(g, q, [1, 3, 2]), g.op("Mul", [x, g.scalar(0)])]);
      const scores = g.op("MatMul", [query, g.op("Transpose", [query], { perm: [0, 2, 1] })]);
      const weights = g.op("Softmax", [g.op("Mul", [scores, g.scalar(Math.SQRT1_2)])], { axis: -1 });
      return g.op("MatMul", [weights, x]);
    };
    expect(handedDown(attention, v, [1, 3, 1], p)).toEqual(
      wanted(probabilities, v, p).map((value) => expect.closeTo(value, 6)),
    );
  });
});

test("normalizations and saturated rectifiers pass p on", () => {
  const clipped = (g: GraphBuilder, x: Value): Value => g.op("Clip", [x, g.scalar(0), g.scalar(6)]);
  expect(handedDown(clipped, [3, 7], [1, 2], [0.5, 0.5])).toEqual([0.5, 0.5]);
  const normalized = (g: GraphBuilder, x: Value): Value =>
    g.op("LayerNormalization", [x, matrix(g, [1, -1], [2]), matrix(g, [0, 3], [2])]);
  expect(handedDown(normalized, [3, 7], [1, 2], [0.5, 0.5])).toEqual([0.5, 0.5]);
});
