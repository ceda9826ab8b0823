import * as node from "onnxruntime-node";
import { expect, test } from "vitest";
import { expectRule, float32 } from "../../../test/expect-operator.ts";
import { evaluate } from "../../onnx/evaluate.ts";
import { numeric } from "../../onnx/numeric-tensor.ts";
import { parseGraph } from "../../onnx/text/parse.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { spreadTensor, testTensor } from "../../testing/check-vjp.ts";
import { runtimeError } from "../../testing/compare-runtime.ts";
import { differentiate } from "../differentiate.ts";

/** The gradient with respect to x of Σ v y. */
function gradientOf(text: string, x: readonly number[], v: readonly number[], shape: readonly number[]): number[] {
  const graph = differentiate(parseGraph(text));
  const feeds = { x: numeric(floatTensor(x, shape)), cotangent: numeric(floatTensor(v, shape)) };
  return [...evaluate(graph, feeds).x_gradient.data];
}

test("gradients pass straight through the rounding, and not where the integer saturates", () => {
  // 0.26 rounds to 3 tenths; −13 and 12.9 would be −130 and 129 tenths; 12.74 rounds to 127, the last one.
  const text = `g (float[5] x) => (float[5] y) <float s = {0.1}, int8 z = {0}> {
    q = QuantizeLinear (x, s, z)
    y = DequantizeLinear (q, s, z)
  }`;
  const gradient = gradientOf(text, [0.26, -13, 12.9, 12.74, -12.84], [1, 2, 3, 4, 5], [5]);
  [1, 0, 0, 4, 5].forEach((expected, i) => {
    expect(gradient[i]).toBeCloseTo(expected, 6);
  });
});

test("scales and zero points along an axis", () => {
  // The second channel's integers are those of [0, 255] about 200: only −100 … 27.5 is within.
  const text = `g (float[1, 2, 2] x) => (float[1, 2, 2] y) <float[2] s = {1, 0.5}, uint8[2] z = {0, 200}> {
    q = QuantizeLinear <axis = 1> (x, s, z)
    p = Transpose <perm = [0, 2, 1]> (q)
    r = Transpose <perm = [0, 2, 1]> (p)
    y = DequantizeLinear <axis = 1> (r, s, z)
  }`;
  const gradient = gradientOf(text, [-3, 7, 27, 29], [1, 2, 3, 4], [1, 2, 2]);
  [0, 2, 3, 0].forEach((expected, i) => {
    expect(gradient[i]).toBeCloseTo(expected, 6);
  });
});

test("a scale and a zero point that are computed get what their elements get, outside the range nothing", () => {
  // Integers 3 and 128, which is beyond 127, of scale 0.1 and zero point 1.
  const text = (of: string) => `g (float[2] x, float s, int8 z) => (float[2] y) {
    q = QuantizeLinear (x, s, z)
    y = DequantizeLinear (q, ${of})
  }`;
  const fixed = "c, d";
  const graph = (wrt: string, of: string) =>
    differentiate(parseGraph(text(of).replace("{", `<float c = {0.1}, int8 d = {1}> {`)), { wrt: [wrt] });
  const feeds = {
    x: numeric(floatTensor([0.26, 12.7], [2])),
    s: { dtype: "float32", shape: [], data: Float64Array.of(0.1) },
    z: { dtype: "int8", shape: [], data: Float64Array.of(1) },
    cotangent: numeric(floatTensor([2, 5], [2])),
  } as const;
  const gradient = (wrt: string, of: string): number[] => [
    ...evaluate(graph(wrt, of), feeds, [`${wrt}_gradient`])[`${wrt}_gradient`].data,
  ];
  // ȳ of the integers is 0.2 and 0.5: s̄ = −0.2 · 3 / 0.1.
  expect(gradient("s", fixed)).toEqual([expect.closeTo(-6, 5)]);
  // With the scale of DequantizeLinear: + 2 · 3 + 5 · 126.
  expect(gradient("s", "s, z")).toEqual([expect.closeTo(630, 3)]);
});

test("scales of DequantizeLinear, one or one per channel", async () => {
  const integers = testTensor([2, 3, 2], [3, -7, 100, 0, -128, 127, 5], "int8");
  await expectRule("DequantizeLinear", [integers, float32([0.3], []), testTensor([], [4], "int8")], { wrt: [1] });
  const perChannel = [integers, float32([0.3, 0.7, 1.1]), testTensor([3], [4, -3, 2], "int8")];
  await expectRule("DequantizeLinear", perChannel, { wrt: [1], attributes: { axis: 1 } });
  await expectRule("DequantizeLinear", [integers, float32([0.3], [])], { wrt: [1] });
});

test("the largest of integers, in windows that hang over the edge, in onnxruntime too", async () => {
  const graph = differentiate(
    parseGraph(`g (float[1, 1, 5, 5] x) => (float[1, 1, 3, 3] y) <float s = {0.1}, uint8 z = {100}> {
      q = QuantizeLinear (x, s, z)
      p = MaxPool <kernel_shape = [3, 3], strides = [2, 2], pads = [1, 1, 1, 1]> (q)
      y = DequantizeLinear (p, s, z)
    }`),
  );
  const x = spreadTensor([1, 1, 5, 5], 3, 8);
  const cotangent = testTensor([1, 1, 3, 3], [1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(await runtimeError(node, graph, { x, cotangent })).toBeLessThan(1e-5);
  const gradient = evaluate(graph, { x, cotangent }, ["x_gradient"]).x_gradient.data;
  const expected = new Float64Array(25);
  for (const [i, v] of cotangent.data.entries()) {
    const [row, column] = [2 * Math.floor(i / 3) - 1, 2 * (i % 3) - 1];
    const window = Array.from({ length: 9 }, (_, k) => [row + Math.floor(k / 3), column + (k % 3)]).filter(
      ([r, c]) => r >= 0 && r < 5 && c >= 0 && c < 5,
    );
    const best = Math.max(...window.map(([r, c]) => x.data[5 * r + c]));
    expected[x.data.indexOf(best)] += v;
  }
  expect([...gradient]).toEqual([...expected].map((value) => expect.closeTo(value, 5)));
});
