import { expect, test } from "vitest";
import { evaluate } from "../../onnx/evaluate.ts";
import { numeric } from "../../onnx/numeric-tensor.ts";
import { parseGraph } from "../../onnx/text/parse.ts";
import { floatTensor } from "../../tensor/tensor.ts";
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
