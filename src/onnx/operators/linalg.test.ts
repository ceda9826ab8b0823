import { describe, expect, test } from "vitest";
import { float32, outputsOf } from "../../../test/expect-operator.ts";
import { BadInputError } from "../../errors.ts";
import { float } from "../attributes.ts";

const a = float32([1, 2, 3, 4, 5, 6], [2, 3]);
const b = float32([1, 0, 2, -1, 0, 3], [3, 2]);

describe("by hand", () => {
  test("MatMul", () => {
    expect(outputsOf("MatMul", [a, b])).toEqual([[5, 7, 14, 13]]);
    expect(outputsOf("MatMul", [float32([1, 2, 3]), b])).toEqual([[5, 7]]);
    expect(outputsOf("MatMul", [a, float32([1, 0, -1])])).toEqual([[-2, -2]]);
    expect(outputsOf("MatMul", [float32([1, 2, 3]), float32([4, 5, 6])])).toEqual([[32]]);
  });

  test("MatMul repeats stacks of matrices", () => {
    const twice = float32([1, 0, 0, 1, 2, 0, 0, 2], [2, 1, 2, 2]);
    const vectors = float32([1, 2, 3, 4, 5, 6], [3, 2, 1]);
    expect(outputsOf("MatMul", [twice, vectors])).toEqual([[1, 2, 3, 4, 5, 6, 2, 4, 6, 8, 10, 12]]);
  });

  test("Gemm", () => {
    const attributes = { alpha: float(2), beta: float(0.5) };
    expect(outputsOf("Gemm", [a, b, float32([2, 4])], { attributes })).toEqual([[11, 16, 29, 28]]);
    expect(outputsOf("Gemm", [a, a], { attributes: { transB: 1 } })).toEqual([[14, 32, 32, 77]]);
    expect(outputsOf("Gemm", [a, a], { attributes: { transA: 1 } })).toEqual([[17, 22, 27, 22, 29, 36, 27, 36, 45]]);
  });

  test("Einsum: trace, diagonal, outer and implicit products", () => {
    const square = float32([1, 2, 3, 4], [2, 2]);
    const einsum = (equation: string, ...inputs: (typeof a)[]): number[] =>
      outputsOf("Einsum", inputs, { attributes: { equation } })[0];
    expect(einsum("ii", square)).toEqual([5]);
    expect(einsum("ii->i", square)).toEqual([1, 4]);
    expect(einsum("i,j->ji", float32([1, 2]), float32([3, 5]))).toEqual([3, 6, 5, 10]);
    expect(einsum("ba", a)).toEqual([1, 4, 2, 5, 3, 6]);
    expect(einsum("ij, jk", a, b)).toEqual([5, 7, 14, 13]);
    expect(einsum("...j->...", a)).toEqual([6, 15]);
  });
});

describe("what does not fit is refused", () => {
  test.each([
    ["MatMul", {}, /inner extents.*3 as in \[2, 3\].*got 2 in \[2, 3\]/],
    ["Gemm", {}, /inner extents/],
    ["Einsum", { equation: "ij,jk" }, /extents of j differ/],
    ["Einsum", { equation: "ij" }, /not one for 2 operands/],
    ["Einsum", { equation: "ij,ijk" }, /operand 1 has 2 axes/],
    ["Einsum", { equation: "ij,ij->x" }, /no operand has/],
    ["Einsum", { equation: "i1,ij" }, /cannot be read/],
  ])("%s %j", (opType, attributes, message) => {
    expect(() => outputsOf(opType, [a, a], { attributes })).toThrow(BadInputError);
    expect(() => outputsOf(opType, [a, a], { attributes })).toThrow(message);
  });
});
