import * as node from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { MisuseError } from "../errors.ts";
import { evaluate } from "../onnx/evaluate.ts";
import { parseGraph } from "../onnx/text/parse.ts";
import type { Shape } from "../tensor/tensor.ts";
import { testTensor } from "../testing/check-vjp.ts";
import { runtimeError } from "../testing/compare-runtime.ts";
import { differentiate } from "./differentiate.ts";
import { excitationRules } from "./excitation-rules.ts";
import { gradientSteps } from "./gradient-steps.ts";
import { guidedRules } from "./guided-rules.ts";
import { type RuleTable, vjpRules } from "./rules/index.ts";

const constants = `<float one = {1}, float half = {0.5}, float w = {3}, float s = {255}, int32 four = {4}, int32 two = {2},
  int64[1] rows = {0}, int64[1] four64 = {4}, int32[4,2] matrix = {1, 2, 3, 4, 5, 6, 7, 8}, int64[4] order = {2, 0, 3, 1}>`;

const graphOf = (body: string, shape = "4") =>
  parseGraph(`g (float[${shape}] x) => (float[N] y) ${constants} { ${body} }`);

/** The gradient at x for a cotangent of 1, 2, 3, …; onnxruntime must compute it too. */
async function gradientOf(
  body: string,
  x: readonly number[] = [0.31, 1.63, 2.57, -1.27],
  rules: RuleTable = vjpRules,
): Promise<number[]> {
  const graph = differentiate(graphOf(body, String(x.length)), { rules });
  const shape = graph.inputs[1].shape as Shape;
  const feeds = { x: testTensor([x.length], x), cotangent: testTensor(shape, [1, 2, 3, 4]) };
  expect(await runtimeError(node, graph, feeds)).toBeLessThan(1e-5);
  return [...evaluate(graph, feeds, ["x_gradient"]).x_gradient.data];
}

/** The operators that the gradient meets, by what becomes of them. */
function stepsOf(body: string): Readonly<Record<string, unknown>> {
  const { arrives, straightThrough, constant, blocking } = gradientSteps(graphOf(body));
  const names = (nodes: typeof constant): string => nodes.map(({ opType }) => opType).join(" ");
  return { arrives, straightThrough: names(straightThrough), constant: names(constant), blocking: names(blocking) };
}

const nothing = { arrives: true, straightThrough: "", constant: "", blocking: "" };

describe("rounding that everything goes through passes its cotangent straight through", () => {
  test.each([
    ["Round", "a = Mul (x, s) r = Round (a) b = Div (r, s) y = Mul (b, w)", "Round", 3],
    ["Floor", "a = Mul (x, s) r = Floor (a) y = Mul (r, w)", "Floor", 765],
    ["Ceil", "r = Ceil (x) y = Mul (r, w)", "Ceil", 3],
    ["half up", "a = Add (x, half) r = Floor (a) y = Mul (r, w)", "Floor", 3],
    ["Cast to int32 and back", "i = Cast <to = 6> (x) f = Cast <to = 1> (i) y = Mul (f, w)", "Cast", 3],
    [
      "Cast to int64, moved, and back",
      "i = Cast <to = 7> (x) j = Identity (i) f = Cast <to = 1> (j) y = Mul (f, w)",
      "Cast",
      3,
    ],
    ["CastLike", "i = CastLike (x, four) f = CastLike (i, x) y = Mul (f, w)", "CastLike", 3],
    [
      "integers in steps of four",
      "i = Cast <to = 6> (x) q = Div (i, four) m = Mul (four, q) f = Cast <to = 1> (m) y = Mul (f, w)",
      "Cast Div",
      3,
    ],
    [
      "a difference of integers",
      "i = Cast <to = 6> (x) d = Sub (four, i) f = Cast <to = 1> (d) y = Mul (f, w)",
      "Cast",
      -3,
    ],
    ["Round, then Cast", "r = Round (x) i = Cast <to = 3> (r) f = Cast <to = 1> (i) y = Mul (f, w)", "Round Cast", 3],
    ["float64", "d = Cast <to = 11> (x) i = Cast <to = 7> (d) f = Cast <to = 1> (i) y = Mul (f, w)", "Cast", 3],
  ])("%s", async (_, body, straightThrough, slope) => {
    expect(await gradientOf(body)).toEqual([1, 2, 3, 4].map((v) => v * slope));
    expect(stepsOf(body)).toEqual({ ...nothing, straightThrough });
  });

  test("through sums, products, extrema and indexing of integers", async () => {
    const integers = (body: string) => `i = Cast <to = 6> (x) ${body} y = Cast <to = 1> (j)`;
    expect(await gradientOf(integers("j = ReduceSum <keepdims = 1> (i, rows)"))).toEqual([1, 1, 1, 1]);
    expect(await gradientOf(integers("j = ReduceMax <keepdims = 1> (i)"))).toEqual([0, 0, 1, 0]);
    expect(await gradientOf(integers("j = MatMul (i, matrix)"))).toEqual([5, 11, 17, 23]);
    expect(await gradientOf(integers("j = Max (i, two)"), [1, 3, 5, 0])).toEqual([0, 2, 3, 0]);
    expect(await gradientOf(integers("j = Mul (i, i)"), [1, 3, -2, 5])).toEqual([2, 12, -12, 40]);
    expect(await gradientOf(integers("j = Gather (i, order)"))).toEqual([2, 4, 1, 3]);
    expect(await gradientOf(integers("j = GatherElements (i, order)"))).toEqual([2, 4, 1, 3]);
    expect(await gradientOf(integers("j = Neg (i)"))).toEqual([-1, -2, -3, -4]);
  });

  test("by the rules that explain as well", async () => {
    const body = "i = Cast <to = 6> (x) j = Add (i, four) f = Cast <to = 1> (j) r = Relu (f) y = Floor (r)";
    expect(await gradientOf(body, [1, 2, -7, 3], guidedRules)).toEqual([1, 2, 0, 4]);
    // A probability below 1 is no integer either.
    const quantized = `q = QuantizeLinear (x, half) d = DequantizeLinear (q, half) h = Mul (d, half) y = Floor (h)`;
    expect(await gradientOf(quantized, [1, 2, 3, 4], excitationRules)).toEqual([1, 2, 3, 4]);
    const half = differentiate(graphOf(quantized), { rules: excitationRules });
    const feeds = { x: testTensor([4], [1, 2, 3, 4]), cotangent: testTensor([4], [0.25]) };
    expect([...evaluate(half, feeds).x_gradient.data]).toEqual([0.25, 0.25, 0.25, 0.25]);
  });

  test("as training has it: x + (round(x) − x), whatever the sign and the scale", async () => {
    for (const body of [
      "r = Round (x) d = Sub (r, x) a = Add (x, d) y = Mul (a, w)",
      "r = Round (x) d = Sub (x, r) a = Sub (x, d) y = Mul (a, w)",
      "u = Div (x, half) r = Round (u) q = Mul (r, half) d = Sub (q, x) a = Add (d, x) y = Mul (a, w)",
    ]) {
      expect(await gradientOf(body)).toEqual([3, 6, 9, 12]);
      expect(stepsOf(body)).toEqual({ ...nothing, straightThrough: "Round" });
    }
  });
});

describe("rounding beside a continuous way is a constant", () => {
  test.each([
    ["a fraction", "f = Floor (x) d = Sub (x, f) y = Mul (d, w)", "Floor", 3],
    ["a fraction below an integer", "c = Ceil (x) d = Sub (c, x) y = Mul (d, w)", "Ceil", -3],
    ["a weight of interpolation", "f = Floor (x) n = Add (f, one) d = Sub (n, x) y = Mul (d, w)", "Floor", -3],
    ["a remainder", "u = Div (x, half) f = Floor (u) m = Mul (f, half) d = Sub (x, m) y = Mul (d, w)", "Floor", 3],
    ["the same turned", "u = Div (x, half) f = Floor (u) m = Mul (half, f) d = Sub (x, m) y = Mul (d, w)", "Floor", 3],
    ["a fraction by Cast", "i = Cast <to = 7> (x) f = Cast <to = 1> (i) d = Sub (x, f) y = Mul (d, w)", "Cast", 3],
  ])("%s", async (_, body, constant, slope) => {
    expect(await gradientOf(body)).toEqual([1, 2, 3, 4].map((v) => v * slope));
    expect(stepsOf(body)).toEqual({ ...nothing, constant });
  });

  test("what is subtracted from is the number that was divided, and by as much: otherwise it goes straight through", async () => {
    for (const body of [
      "u = Div (x, half) f = Floor (u) m = Mul (f, w) d = Sub (x, m) y = Mul (d, one)",
      "v = Mul (x, w) u = Div (v, half) f = Floor (u) m = Mul (f, half) d = Sub (x, m) y = Mul (d, one)",
    ]) {
      expect(stepsOf(body)).toEqual({ ...nothing, straightThrough: "Floor" });
    }
  });

  test("so indices that are computed beside weights have none", async () => {
    const body = `f = Floor (x) i = Cast <to = 7> (f) p = Gather (x, i) d = Sub (x, f) y = Mul (p, d)`;
    // y = x[⌊x⌋] · (x − ⌊x⌋)
    const x = [0.5, 1.25, 3.5, 2.5];
    const expected = [0, 0, 0, 0];
    for (const [i, value] of x.entries()) {
      expected[i] += (i + 1) * x[Math.floor(value)];
      expected[Math.floor(value)] += (i + 1) * (value % 1);
    }
    expect(await gradientOf(body, x)).toEqual(expected.map((value) => expect.closeTo(value, 6)));
    expect(stepsOf(body)).toEqual({ ...nothing, constant: "Floor Cast" });
  });
});

describe("where no gradient arrives", () => {
  test("the first nodes without one are named, and it is zero", async () => {
    const body = "a = Mul (x, w) b = Greater (a, one) c = Cast <to = 1> (b) e = Sign (x) y = Add (c, e)";
    expect(stepsOf(body)).toEqual({ ...nothing, arrives: false, blocking: "Greater Sign" });
    expect(await gradientOf(body)).toEqual([0, 0, 0, 0]);
  });

  test("but not where there is another way, or for a shape", () => {
    expect(stepsOf("b = Greater (x, one) c = Cast <to = 1> (b) y = Mul (x, c)")).toEqual(nothing);
    expect(stepsOf("n = Shape (x) y = Expand (w, n)")).toEqual({ ...nothing, arrives: false });
  });

  test("and where what varies is only an index, that is what blocks", async () => {
    const body = "i = Cast <to = 7> (x) e = Exp (w) t = Expand (e, four64) y = Gather (t, i)";
    expect(stepsOf(body)).toEqual({ ...nothing, arrives: false, blocking: "Gather" });
    expect(await gradientOf(body, [1, 2, 0, 3])).toEqual([0, 0, 0, 0]);
  });

  test("behind a step that passes, too", () => {
    expect(stepsOf("r = Round (x) i = ArgMax <axis = 0, keepdims = 1> (r) y = Cast <to = 1> (i)")).toEqual({
      ...nothing,
      arrives: false,
      blocking: "ArgMax",
    });
  });
});

test("values that the graph does not have are misuse", () => {
  const graph = graphOf("y = Floor (x)");
  expect(() => gradientSteps(graph, { of: "z" })).toThrow(MisuseError);
  expect(() => gradientSteps(graph, { wrt: "z" })).toThrow('gradientSteps: the graph has no value "z"');
  expect(gradientSteps(graph, { of: "x" })).toEqual({
    arrives: true,
    straightThrough: [],
    constant: [],
    blocking: [],
    partly: [],
  });
});
