import { expect, test } from "vitest";
import { expectGradient, expectUnfolded, unfoldedGraph } from "../../../test/expect-unfolded.ts";
import { wave } from "../../../test/run-model.ts";
import { BadInputError, UnsupportedError } from "../../errors.ts";
import { tensorOf } from "../../tensor/tensor.ts";
import { evaluate } from "../evaluate.ts";
import type { Model } from "../model.ts";
import { numeric } from "../numeric-tensor.ts";
import { parseModel } from "../text/parse.ts";

/** y = DFT of x of this shape; the axis is an attribute in set 18 and an input in set 20, where it may be left out. */
function model(
  shape: readonly number[],
  {
    axis,
    length,
    opset = 20,
    ...flags
  }: { axis?: number; length?: number; opset?: 18 | 20; onesided?: 1; inverse?: 1 },
): Model {
  const attributes = Object.entries({ ...flags, ...(opset === 18 && axis !== undefined && { axis }) });
  const words = attributes.map(([name, value]) => `${name} = ${value}`).join(", ");
  const isInput = opset === 20 && axis !== undefined;
  const inputs = ["x", length === undefined ? '""' : "length", ...(isInput ? ["axis"] : [])];
  while (inputs.at(-1) === '""') inputs.pop();
  const known = [
    ...(length === undefined ? [] : [`int64 length = {${length}}`]),
    ...(isInput ? [`int64 axis = {${axis}}`] : []),
  ];
  const axes = ["A", "B", "C", "D", "E"].slice(0, shape.length);
  return parseModel(
    `<ir_version: 9, opset_import: ["": ${opset}]> g (float[${shape}] x) => (float[${axes}] y) ${known.length === 0 ? "" : `<${known.join(", ")}>`} { y = DFT ${words === "" ? "" : `<${words}> `}(${inputs.join(", ")}) }`,
  );
}

test.each([
  ["of a real signal", [2, 6, 1], {}],
  ["of a real signal, the lower half", [2, 6, 1], { onesided: 1 }],
  ["of an odd number of positions", [2, 5, 1], { onesided: 1, axis: 1 }],
  ["of complex numbers along an axis further in front", [2, 4, 3, 2], { axis: 1 }],
  ["of the lower half along the last axis but one of a picture", [1, 3, 4, 2, 1], { axis: 2, onesided: 1 }],
  ["back", [2, 4, 3, 2], { axis: 1, inverse: 1 }],
  ["cut off", [2, 6, 1], { length: 4 }],
  ["with zeros behind", [2, 6, 2], { length: 9, inverse: 1 }],
  ["with the axis as an attribute", [2, 4, 3, 2], { axis: 2, opset: 18 }],
] as const)("%s", async (_, shape, options) => {
  const feeds = { x: wave(shape) };
  expectGradient(await expectUnfolded(model(shape, options), feeds), feeds, "x");
});

test("the inverse of the lower half is the real signal, of even and of odd length", () => {
  for (const length of [6, 7]) {
    const signal = wave([2, length, 1]);
    const there = evaluate(unfoldedGraph(model([2, length, 1], { onesided: 1 }), { x: signal }), {
      x: numeric(signal),
    });
    const half = tensorOf("float32", Float32Array.from(there.y.data), there.y.shape);
    const one = model([...half.shape], { onesided: 1, inverse: 1, length });
    const { y } = evaluate(unfoldedGraph(one, { x: half }), { x: numeric(half) });
    expect(y.shape).toEqual([2, length, 1]);
    for (const [i, value] of Array.from(y.data).entries()) expect(value).toBeCloseTo(Number(signal.data[i]), 6);
  }
});

test("what is no signal, or too long a one, is refused", () => {
  const read = (shape: readonly number[], options: Parameters<typeof model>[1]) => () =>
    unfoldedGraph(model(shape, options), { x: wave(shape) });
  expect(read([2, 6, 3], {})).toThrow(BadInputError);
  expect(read([2, 6, 2], { onesided: 1 })).toThrow(/expected \[batch, …, positions, …, 1\], got \[2, 6, 2\]/);
  expect(read([2, 6, 1], { axis: 2 })).toThrow(/axis 2 of \[2, 6, 1\]/);
  expect(read([2, 4, 3, 2], {})).toThrow(UnsupportedError);
  expect(read([1, 5000, 1], {})).toThrow(/at most 16777216 numbers, got 5000 × 10000/);
});
