import { describe, expect, test } from "vitest";
import { gradientsAt } from "../../test/expect-operator.ts";
import { GraphBuilder, type Value } from "../onnx/builder.ts";
import { evaluate } from "../onnx/evaluate.ts";
import { testTensor } from "../testing/check-vjp.ts";
import { activationProductOf } from "./activation-products.ts";
import { deconvnetRules } from "./deconvnet-rules.ts";
import { guidedRules } from "./guided-rules.ts";
import { differentiable, operatorRules, type RuleTable, vjpRules } from "./rules/index.ts";
import { appendVjp } from "./sweep.ts";

/** x̄ of one operator under `rules`. */
function back(
  rules: RuleTable,
  opType: string,
  x: readonly number[],
  cotangent: readonly number[],
  more: readonly number[] = [],
): number[] {
  const g = new GraphBuilder();
  const input = g.input("x", "float32", [x.length]);
  const output = g.op(opType, [input, ...more.map((value) => g.scalar(value))]);
  const seed = g.input("v", "float32", [x.length]);
  g.output(appendVjp(g, { seeds: [{ value: output, cotangent: seed }], wrt: [input], rules })[0], "result");
  const feeds = { x: testTensor([x.length], x), v: testTensor([x.length], cotangent) };
  return Array.from(evaluate(g.toGraph(), feeds).result.data, (value) => value + 0);
}

test("ReLU by the three rules: at −1, 0 and 1, for cotangents of both signs", () => {
  const [x, v] = [
    [-1, 0, 1, -1, 0, 1],
    [2, 2, 2, -2, -2, -2],
  ];
  expect(back(vjpRules, "Relu", x, v)).toEqual([0, 0, 2, 0, 0, -2]);
  expect(back(guidedRules, "Relu", x, v)).toEqual([0, 0, 2, 0, 0, 0]);
  expect(back(deconvnetRules, "Relu", x, v)).toEqual([2, 2, 2, 0, 0, 0]);
});

test("ReLU6: what is saturated passes in the deconvolutional network only", () => {
  expect(back(guidedRules, "Clip", [-1, 3, 7], [1, 1, 1], [0, 6])).toEqual([0, 1, 0]);
  expect(back(deconvnetRules, "Clip", [-1, 3, 7], [1, -1, 1], [0, 6])).toEqual([1, 0, 1]);
});

const rectifiers = differentiable.filter((operator) => operatorRules[operator].guided === "gated");

describe.each(rectifiers)("%s", (operator) => {
  // Parameters where an operator needs them: the slope of PRelu, the bounds of Clip.
  const more = { PRelu: [0.3], Clip: [0, 6] }[operator as string] ?? [];
  const x = [-2.5, -0.5, 0.25, 2];

  test("keeps large positive inputs and holds back negative ones", () => {
    const inputs = [testTensor([4], [-20, -10, 10, 20]), ...more.map((value) => testTensor([], [value]))];
    const g = new GraphBuilder();
    const values = inputs.map((input, i) => g.input(`x${i}`, "float32", input.shape));
    g.output(g.op(operator, values), "y");
    const y = evaluate(g.toGraph(), Object.fromEntries(inputs.map((input, i) => [`x${i}`, input]))).y.data;
    expect(y[2]).toBeGreaterThan(5);
    expect(Math.abs(y[1])).toBeLessThan(0.4 * y[2] + (operator === "Celu" ? 1 : 0));
  });

  test("is gated: a positive cotangent passes as in the gradient, a negative one not at all", () => {
    const positive = back(guidedRules, operator, x, [1, 1, 1, 1], more);
    expect(positive).toEqual(back(vjpRules, operator, x, [1, 1, 1, 1], more));
    expect(back(guidedRules, operator, x, [-1, -1, -1, -1], more).every((value) => value === 0)).toBe(true);
    expect(back(deconvnetRules, operator, x, [3, -1, 2, -1], more)).toEqual([3, 0, 2, 0]);
  });
});

describe("an activation of several operators is gated as the one that it stands for", () => {
  const written: Readonly<Record<string, readonly [fused: string, body: (g: GraphBuilder, x: Value) => Value]>> = {
    SiLU: ["Swish", (g, x) => g.op("Mul", [x, g.op("Sigmoid", [x])])],
    "GELU as PyTorch writes it": [
      "Gelu",
      (g, x) => {
        const cumulative = g.op("Add", [g.op("Erf", [g.op("Div", [x, g.scalar(Math.SQRT2)])]), g.scalar(1)]);
        return g.op("Mul", [g.op("Mul", [x, cumulative]), g.scalar(0.5)]);
      },
    ],
    "GELU with the half before": [
      "Gelu",
      (g, x) => {
        const erf = g.op("Erf", [g.op("Mul", [x, g.scalar(Math.SQRT1_2)])]);
        return g.op("Mul", [g.op("Add", [g.scalar(1), erf]), g.op("Mul", [g.scalar(0.5), x])]);
      },
    ],
    "HardSwish by a clip": [
      "HardSwish",
      (g, x) => {
        const clipped = g.op("Clip", [g.op("Add", [x, g.scalar(3)]), g.scalar(0), g.scalar(6)]);
        return g.op("Div", [g.op("Mul", [x, clipped]), g.scalar(6)]);
      },
    ],
    Mish: ["Mish", (g, x) => g.op("Mul", [x, g.op("Tanh", [g.op("Softplus", [x])])])],
  };
  const x = [-2.5, -0.5, 0.25, 2];

  test.each(Object.keys(written))("%s", (name) => {
    const [fused, body] = written[name];
    const backOf = (rules: RuleTable, cotangent: readonly number[]): number[] => {
      const g = new GraphBuilder();
      const input = g.input("x", "float32", [4]);
      const seed = g.input("v", "float32", [4]);
      const seeds = [{ value: body(g, input), cotangent: seed }];
      g.output(appendVjp(g, { seeds, wrt: [input], rules })[0], "result");
      return Array.from(evaluate(g.toGraph(), { x: testTensor([4], x), v: testTensor([4], cotangent) }).result.data);
    };
    for (const cotangent of [
      [1, 2, 3, 4],
      [-1, 2, -3, 4],
    ]) {
      for (const rules of [guidedRules, deconvnetRules]) {
        const found = backOf(rules, cotangent);
        back(rules, fused, x, cotangent).forEach((value, i) => {
          expect(found[i]).toBeCloseTo(value, 6);
        });
      }
    }
  });

  test("a gate of something else is none", () => {
    const g = new GraphBuilder();
    const x = g.input("x", "float32", [1, 2, 2, 2]);
    const gate = g.op("Sigmoid", [g.op("GlobalAveragePool", [x])]);
    g.op("Mul", [x, gate]);
    g.op("Mul", [x, g.op("Tanh", [x])]);
    g.op("Mul", [x, x]);
    expect(g.nodes.map((node) => activationProductOf(g, node))).toEqual(g.nodes.map(() => undefined));
  });
});

test("everything else is differentiated", () => {
  const others = differentiable.filter((operator) => operatorRules[operator].guided === "as gradient");
  for (const rules of [guidedRules, deconvnetRules]) {
    expect(others.filter((operator) => rules[operator] !== vjpRules[operator])).toEqual([]);
  }
  expect(gradientsAt("Sigmoid", [testTensor([1], [0])], { rules: guidedRules })).toEqual([[0.25]]);
});
