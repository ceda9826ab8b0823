import { describe, expect, test } from "vitest";
import { expectKernel, float32, int64, outputsOf } from "../../../test/expect-operator.ts";
import { BadInputError, type PerceptualBallError, UnsupportedError } from "../../errors.ts";
import { intTensor, tensorOf } from "../../tensor/tensor.ts";
import { testTensor } from "../../testing/check-vjp.ts";
import { GraphBuilder } from "../builder.ts";
import { evaluate } from "../evaluate.ts";
import type { NumericTensor } from "../numeric-tensor.ts";
import { parseGraph } from "../text/parse.ts";

const rest = (inputs: readonly unknown[]): number[] => inputs.slice(1).map((_, i) => i + 1);
/** The outputs where all inputs but the first are constants. */
function apply(
  opType: string,
  inputs: readonly (NumericTensor | undefined)[],
  attributes = {},
  outputCount = 1,
): number[][] {
  return outputsOf(opType, inputs, { constants: rest(inputs), attributes, outputCount });
}
const row = float32([0, 1, 2, 3, 4]);

describe("by hand", () => {
  test("Slice clamps its bounds and counts from the end", () => {
    const slice = (start: number, end: number, step: number): number[] =>
      apply("Slice", [row, int64([start]), int64([end]), int64([0]), int64([step])])[0];
    expect(slice(1, 4, 1)).toEqual([1, 2, 3]);
    expect(slice(-3, 100, 2)).toEqual([2, 4]);
    expect(slice(4, 0, -2)).toEqual([4, 2]);
    expect(slice(100, -100, -1)).toEqual([4, 3, 2, 1, 0]);
    expect(slice(-1, -(2 ** 63), -1)).toEqual([4, 3, 2, 1, 0]);
    expect(slice(3, 1, 1)).toEqual([]);
  });

  test("Pad in all modes, and with negative pads", () => {
    const pad = (pads: number[], mode: string): number[] => apply("Pad", [row, int64(pads)], { mode })[0];
    expect(pad([2, 1], "constant")).toEqual([0, 0, 0, 1, 2, 3, 4, 0]);
    expect(pad([2, 1], "edge")).toEqual([0, 0, 0, 1, 2, 3, 4, 4]);
    expect(pad([2, 1], "reflect")).toEqual([2, 1, 0, 1, 2, 3, 4, 3]);
    expect(pad([2, 1], "wrap")).toEqual([3, 4, 0, 1, 2, 3, 4, 0]);
    expect(pad([-2, 1], "constant")).toEqual([2, 3, 4, 0]);
    expect(apply("Pad", [row, int64([0, 1]), float32([7], [])])).toEqual([[0, 1, 2, 3, 4, 7]]);
  });

  test("Split into sizes, into equal parts, and into parts of which the last is smaller", () => {
    expect(apply("Split", [row, int64([1, 4])], {}, 2)).toEqual([[0], [1, 2, 3, 4]]);
    expect(apply("Split", [row], { num_outputs: 2 }, 2)).toEqual([
      [0, 1, 2],
      [3, 4],
    ]);
  });

  test("DepthToSpace and SpaceToDepth order channels differently in their two modes", () => {
    const deep = float32([0, 1, 2, 3, 4, 5, 6, 7], [1, 8, 1, 1]);
    expect(apply("DepthToSpace", [deep], { blocksize: 2, mode: "DCR" })).toEqual([[0, 2, 4, 6, 1, 3, 5, 7]]);
    expect(apply("DepthToSpace", [deep], { blocksize: 2, mode: "CRD" })).toEqual([[0, 1, 2, 3, 4, 5, 6, 7]]);
    const flat = float32([0, 2, 4, 6, 1, 3, 5, 7], [1, 2, 2, 2]);
    expect(apply("SpaceToDepth", [flat], { blocksize: 2 })).toEqual([[0, 1, 2, 3, 4, 5, 6, 7]]);
  });

  test("TopK puts the first of equal elements first", () => {
    expect(apply("TopK", [float32([1, 3, 3, 2]), int64([3])], {}, 2)).toEqual([
      [3, 3, 2],
      [1, 2, 3],
    ]);
  });

  test("constants of every kind are known before the graph runs", () => {
    const g = new GraphBuilder();
    const known = (opType: string, inputs: Parameters<GraphBuilder["op"]>[1], attributes = {}): number[] =>
      Array.from(g.known(g.op(opType, inputs, attributes))?.data ?? []);
    expect(known("Constant", [], { value: intTensor([4, 2]) })).toEqual([4, 2]);
    expect(known("Constant", [], { value_float: { float: 0.5 } })).toEqual([0.5]);
    expect(known("Constant", [], { value_floats: { float: [0.5, 2] } })).toEqual([0.5, 2]);
    expect(known("Constant", [], { value_int: 3 })).toEqual([3]);
    expect(known("Constant", [], { value_ints: [3, 4] })).toEqual([3, 4]);
    expect(known("ConstantOfShape", [g.ints([2, 2])])).toEqual([0, 0, 0, 0]);
    expect(known("ConstantOfShape", [g.ints([2])], { value: intTensor([7]) })).toEqual([7, 7]);
    expect(known("Range", [g.scalar(1, "int64"), g.scalar(8, "int64"), g.scalar(3, "int64")])).toEqual([1, 4, 7]);
    expect(known("NonZero", [g.ints([0, 5, 6])])).toEqual([1, 2]);
    expect(known("EyeLike", [g.constant(tensorOf("float32", [0, 0, 0, 0], [2, 2]))])).toEqual([1, 0, 0, 1]);
  });
});

describe("as onnxruntime does", () => {
  const x = testTensor([3, 4], [5, -1, 2, 0, 3, 3, -7, 1, 4, 6, -2, 8]);

  test.each<[string, readonly (NumericTensor | undefined)[], Record<string, number | string>]>([
    ["EyeLike", [x], { k: 1 }],
    ["EyeLike", [x], { k: -1, dtype: 7 }],
    ["Trilu", [x, int64([-1], [])], { upper: 0 }],
    ["TopK", [x, int64([2])], { axis: 0, largest: 0 }],
    ["TopK", [x, int64([3])], {}],
    ["OneHot", [int64([1, -1, 9, 0]), int64([3], []), float32([-1, 2])], { axis: 0 }],
    ["GatherND", [x, int64([2, -1, 0, 3], [2, 2])], {}],
    ["ScatterND", [x, int64([2, 0], [2, 1]), testTensor([2, 4], [9, 8, 7, 6])], {}],
    ["Gather", [int64([4, 5, 6]), int64([2, -3])], {}],
    ["Shape", [x], { start: -1 }],
    ["Size", [x], {}],
  ])("%s %#", (opType, inputs, attributes) =>
    expectKernel(opType, inputs, { attributes, constants: rest(inputs), outputCount: opType === "TopK" ? 2 : 1 }),
  );
});

describe("what does not fit is refused, with a reason", () => {
  const refused = (error: typeof PerceptualBallError, message: RegExp, body: () => unknown): void => {
    expect(body).toThrow(error);
    expect(body).toThrow(message);
  };

  test("shapes that depend on the graph's inputs", () => {
    refused(UnsupportedError, /Reshape.*the output's extents depend on the graph's inputs.*fixed/, () =>
      outputsOf("Reshape", [row, int64([5])]),
    );
    refused(UnsupportedError, /NonZero/, () => outputsOf("NonZero", [row]));
  });

  test.each<[string, RegExp, readonly NumericTensor[], Record<string, unknown>]>([
    ["Reshape", /number of elements.*got \[2, 2\]/, [row, int64([2, 2])], {}],
    ["Reshape", /number of elements/, [row, int64([-1, 2])], {}],
    ["Squeeze", /number of elements/, [row, int64([0])], {}],
    ["Transpose", /no permutation.*\[1, 1\]/, [float32([1, 2], [1, 2])], { perm: [1, 1] }],
    ["Split", /parts do not make up the axis.*sum to 5.*\[2, 2\]/, [row, int64([2, 2])], {}],
    ["Slice", /a step is 0/, [row, int64([0]), int64([1]), int64([0]), int64([0])], {}],
    ["Pad", /wrong number of pads.*got 3/, [row, int64([1, 2, 3])], {}],
    ["Pad", /loses more elements/, [row, int64([-3, -3])], {}],
    ["Pad", /unknown mode.*mirror/, [row, int64([1, 1])], { mode: "mirror" }],
    ["Gather", /index out of range.*−?-5 to 4.*got 5/, [row, int64([5])], {}],
    ["ScatterElements", /unknown reduction.*average/, [row, int64([0]), float32([1])], { reduction: "average" }],
    ["DepthToSpace", /number of elements/, [float32([1, 2], [1, 2, 1, 1])], { blocksize: 2 }],
    ["DepthToSpace", /wrong rank/, [row], { blocksize: 2 }],
  ])("%s: %s", (opType, message, inputs, attributes) => {
    refused(BadInputError, message, () => apply(opType, inputs, attributes, opType === "Split" ? 2 : 1));
  });

  test("Concat of shapes that differ elsewhere", () => {
    refused(BadInputError, /shapes differ outside axis 0/, () =>
      outputsOf("Concat", [float32([1, 2], [1, 2]), float32([1, 2, 3], [1, 3])], { attributes: { axis: 0 } }),
    );
  });
});

test("an output that is left out has its place among the kernel's", () => {
  const graph = parseGraph('g (float[3] x) => (int64[2] i) <int64[1] k = {2}> { "", i = TopK (x, k) }');
  const { i } = evaluate(graph, { x: float32([4, 9, 6]) });
  expect([...i.data]).toEqual([1, 2]);
});
