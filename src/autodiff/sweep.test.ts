import { describe, expect, test } from "vitest";
import { UnsupportedError } from "../errors.ts";
import { GraphBuilder, type Value } from "../onnx/builder.ts";
import { evaluate } from "../onnx/evaluate.ts";
import type { Node } from "../onnx/model.ts";
import { parseGraph } from "../onnx/text/parse.ts";
import { floatTensor, type Shape } from "../tensor/tensor.ts";
import { testTensor } from "../testing/check-vjp.ts";
import { deconvnetRules } from "./deconvnet-rules.ts";
import { differentiate } from "./differentiate.ts";
import { contrastiveExcitationRules, excitationRules } from "./excitation-rules.ts";
import { guidedRules } from "./guided-rules.ts";
import type { VjpCall } from "./rule.ts";
import { type RuleTable, vjpRules } from "./rules/index.ts";
import { appendVjp, type CotangentSeed } from "./sweep.ts";

/** A node of the standard domain with outputs of the given names; "" is an output that is left out. */
function append(g: GraphBuilder, opType: string, inputs: readonly Value[], outputs: readonly string[]): Value[] {
  const node: Node = {
    opType,
    domain: "",
    name: opType,
    inputs: inputs.map(({ name }) => name),
    outputs,
    attributes: { axis: { kind: "int", value: -1 } },
  };
  return g.append(node);
}

/** The cotangents of x, whose elements are `x`, for seeds of 1, 2, 3, … at every value that `network` returns. */
function pulled(
  network: (g: GraphBuilder, x: Value) => readonly Value[],
  x: readonly number[],
  shape: Shape = [x.length],
  rules?: RuleTable,
): number[] {
  const g = new GraphBuilder();
  const input = g.input("x", "float32", shape);
  const seeds = network(g, input).map((value): CotangentSeed => {
    const size = value.shape.reduce((product, extent) => product * extent, 1);
    const cotangent = g.constant(
      floatTensor(
        Array.from({ length: size }, (_, i) => i + 1),
        value.shape,
      ),
    );
    return { value, cotangent };
  });
  g.output(appendVjp(g, { seeds, wrt: [input], rules })[0], "result");
  return Array.from(evaluate(g.toGraph(), { x: testTensor(shape, x) }).result.data);
}

describe("outputs that are left out", () => {
  test("outputs and cotangents of a call are aligned", () => {
    const g = new GraphBuilder();
    const x = g.input("x", "float32", [4]);
    const [, second] = append(g, "Split", [x, g.ints([1, 3])], ["", "b"]);
    const cotangent = g.input("v", "float32", [3]);
    const calls: VjpCall[] = [];
    const Split: RuleTable["Split"] = (call) => {
      calls.push(call);
      return vjpRules.Split(call);
    };
    appendVjp(g, { seeds: [{ value: second, cotangent }], wrt: [x], rules: { ...vjpRules, Split } });
    expect(calls.map(({ outputs, cotangents }) => ({ outputs, cotangents }))).toEqual([
      { outputs: [undefined, second], cotangents: [undefined, cotangent] },
    ]);
  });

  test.each([
    ["gradient", vjpRules],
    ["guided", guidedRules],
    ["deconvolutional", deconvnetRules],
    ["excitation", excitationRules],
    ["contrastive", contrastiveExcitationRules],
  ])("Split without its first, its middle or its last part, by the %s rules", (_, rules) => {
    const split = (outputs: readonly string[]) => (g: GraphBuilder, x: Value) =>
      append(g, "Split", [x, g.ints([1, 2, 1])], outputs).filter(({ name }) => name !== "");
    const x = [5, 6, 7, 8];
    expect(pulled(split(["", "b", "c"]), x, [4], rules)).toEqual([0, 1, 2, 1]);
    expect(pulled(split(["", "b", ""]), x, [4], rules)).toEqual([0, 1, 2, 0]);
    expect(pulled(split(["a", "", "c"]), x, [4], rules)).toEqual([1, 0, 0, 1]);
    expect(pulled(split(["", "", "c"]), x, [4], rules)).toEqual([0, 0, 0, 1]);
  });

  test("TopK with and without its indices", () => {
    const best = (outputs: readonly string[]) => (g: GraphBuilder, x: Value) =>
      append(g, "TopK", [x, g.ints([2])], outputs).slice(0, 1);
    expect(pulled(best(["v"]), [3, 9, 1, 7])).toEqual([0, 1, 0, 2]);
    expect(pulled(best(["v", "i"]), [3, 9, 1, 7])).toEqual([0, 1, 0, 2]);
    expect(pulled(best(["v", ""]), [3, 9, 1, 7])).toEqual([0, 1, 0, 2]);
  });

  test("MaxPool with and without its indices", () => {
    const pool = (count: number) => (g: GraphBuilder, x: Value) =>
      g.ops("MaxPool", [x], { kernel_shape: [2], strides: [2] }, count).slice(0, 1);
    for (const count of [1, 2]) expect(pulled(pool(count), [3, 9, 7, 1], [1, 1, 4])).toEqual([0, 1, 2, 0]);
  });

  test("LayerNormalization of which only the mean, only the inverse deviation, or all but the mean are there", () => {
    const normalize = (outputs: readonly string[]) => (g: GraphBuilder, x: Value) =>
      append(g, "LayerNormalization", [x, g.constant(floatTensor([1, 1, 1], [3]))], outputs).filter(
        ({ name }) => name !== "",
      );
    const x = [1, 2, 6];
    const [y, mean, inverse] = [["y"], ["", "m"], ["", "", "r"]].map((outputs) =>
      pulled(normalize(outputs), x, [1, 3]),
    );
    expect(mean).toEqual([1 / 3, 1 / 3, 1 / 3].map((value) => expect.closeTo(value, 6)));
    // r = 1/σ ⇒ ∂r/∂xᵢ = −(xᵢ − μ) / (n σ³), with μ = 3 and σ² = 14/3.
    const sigma = Math.sqrt(14 / 3);
    expect(inverse).toEqual([-2, -1, 3].map((centered) => expect.closeTo(-centered / (3 * sigma ** 3), 5)));
    const both = pulled(normalize(["y", "", "r"]), x, [1, 3]);
    expect(both).toEqual(y.map((value, i) => expect.closeTo(value + inverse[i], 6)));
  });
});

describe("the sweep", () => {
  test("adds up what meets at a value, from several readers and several seeds", () => {
    const network = (g: GraphBuilder, x: Value): Value[] => {
      const square = g.op("Mul", [x, x]);
      return [square, g.op("Neg", [square]), x];
    };
    // v (2x − 2x + 1)
    expect(pulled(network, [3, 5])).toEqual([1, 2]);
  });

  test("gives values that lie behind one another, seeds themselves, and zeros where no path leads", () => {
    const g = new GraphBuilder();
    const [x, other] = [g.input("x", "float32", [2]), g.input("other", "float32", [3])];
    const inner = g.op("Mul", [x, g.scalar(3)]);
    const output = g.op("Mul", [inner, g.scalar(5)]);
    const cotangent = g.constant(floatTensor([1, 10], [2]));
    const wrt = [x, inner, output, other, inner];
    for (const [i, gradient] of appendVjp(g, { seeds: [{ value: output, cotangent }], wrt }).entries()) {
      g.output(gradient, `g${i}`);
    }
    const feeds = { x: testTensor([2], [1, 1]), other: testTensor([3], [0]) };
    const results = evaluate(g.toGraph(), feeds, ["g0", "g1", "g2", "g3", "g4"]);
    expect(Object.values(results).map(({ data }) => [...data])).toEqual([
      [15, 150],
      [5, 50],
      [1, 10],
      [0, 0, 0],
      [5, 50],
    ]);
  });

  test("visits only what lies between: no rule is asked for shapes, constants and side branches", () => {
    const g = new GraphBuilder();
    const x = g.input("x", "float32", [2, 2]);
    g.op("Exp", [x]);
    const weights = g.op("Sin", [g.input("w", "float32", [2, 2])]);
    const product = g.op("Mul", [g.op("Neg", [x]), weights]);
    const output = g.op("Reshape", [product, g.op("Concat", [g.op("Shape", [x])], { axis: 0 })]);
    const visited: string[] = [];
    const spied = Object.fromEntries(
      Object.entries(vjpRules).map(([name, rule]) => [
        name,
        (call: VjpCall) => {
          visited.push(`${call.node.opType} of ${call.path.map(({ opType }) => opType)}`);
          expect(call.inputs.map((_, i) => call.wants(i)).indexOf(true)).toBe(0);
          expect(call.wants(1)).toBe(false);
          return rule(call);
        },
      ]),
    ) as RuleTable;
    const seed = { value: output, cotangent: g.constant(floatTensor([1, 1, 1, 1], [2, 2])) };
    appendVjp(g, { seeds: [seed], wrt: [x], rules: spied });
    expect(visited).toEqual(["Reshape", "Mul", "Neg"].map((name) => `${name} of Neg,Mul,Reshape`));
  });

  test("names all operators without a rule at once, with their nodes", () => {
    const g = new GraphBuilder();
    const x = g.input("x", "float32", [2]);
    const output = g.op("Cos", [g.op("Exp", [g.op("Sin", [x])])]);
    const { Sin: _, Cos: __, ...others } = vjpRules;
    const seeds = [{ value: output, cotangent: g.scalar(1) }];
    const sweep = (): unknown => appendVjp(g, { seeds, wrt: [x], rules: others as RuleTable });
    expect(sweep).toThrow(UnsupportedError);
    expect(sweep).toThrow(/^differentiate: no VJP rule for 2 operators: Sin .*; Cos /);
  });

  test("refuses a cotangent of another shape than its input", () => {
    const g = new GraphBuilder();
    const x = g.input("x", "float32", [2]);
    const seeds = [{ value: g.op("Exp", [x]), cotangent: g.constant(floatTensor([1, 1], [2])) }];
    const rules: RuleTable = { ...vjpRules, Exp: ({ g: graph }) => [graph.scalar(1)] };
    expect(() => appendVjp(g, { seeds, wrt: [x], rules })).toThrow(
      "Exp (Exp): the rule's cotangent of input 0 has another shape than the input, expected [2], got [].",
    );
  });

  test("follows quantized integers through every part of a Split, and no indices", () => {
    const text = `g (float[4] x) => (float[4] y) <float s = {0.5}, int8 z = {0}, int64[2] n = {1, 3}> {
      q = QuantizeLinear (x, s, z)
      a, b = Split (q, n)
      c = Concat <axis = 0> (b, a)
      y = DequantizeLinear (c, s, z)
    }`;
    const graph = differentiate(parseGraph(text));
    const feeds = { x: testTensor([4], [1, 2, 3, 4]), cotangent: testTensor([4], [1, 2, 3, 4]) };
    expect([...evaluate(graph, feeds).x_gradient.data]).toEqual([4, 1, 2, 3]);
  });
});
