/** @file Shape rules of the operators that pick or place elements by index. */
import { BadInputError, UnsupportedError } from "../../../errors.ts";
import { normalizeAxis, sameShape } from "../../../tensor/shape.ts";
import type { Shape } from "../../../tensor/tensor.ts";
import type { NumericTensor } from "../../numeric-tensor.ts";
import { checkRange, checkScalar, checkShape, requiredNumbers, type ShapeCall, type ShapeRule } from "./shape-rule.ts";

/** The indexed axis is replaced by the axes of the indices. */
export const Gather: ShapeRule = ({ inputs: [x, indices], attributes, where, constant }) => {
  const axis = normalizeAxis(where, attributes.int("axis", 0), x!.shape.length);
  checkIndices(where, constant(1), x!.shape[axis]);
  return [{ dtype: x!.dtype, shape: [...x!.shape.slice(0, axis), ...indices!.shape, ...x!.shape.slice(axis + 1)] }];
};

/** Throws a BadInputError for an index, where they are known, that is not one of an axis of `extent`. */
function checkIndices(where: string, indices: NumericTensor | undefined, extent: number): void {
  const outside = indices?.data.find((index) => index < -extent || index >= extent);
  if (outside === undefined) return;
  const expected = `indices from ${-extent} to ${extent - 1}`;
  throw new BadInputError({ where, what: "index out of range", expected, got: String(outside) });
}

/** What holds where each index stands for one element: as many axes as the data, and no longer ones but along the axis. */
function checkElementIndices({ where, attributes, inputs: [x, indices], constant }: ShapeCall): void {
  const [data, own] = [x!.shape, indices!.shape];
  const axis = normalizeAxis(where, attributes.int("axis", 0), data.length);
  const fits = own.length === data.length && own.every((extent, k) => k === axis || extent <= data[k]);
  checkShape(where, "the indices", own, fits, `at most [${data.join(", ")}] outside axis ${axis}`);
  checkIndices(where, constant(1), data[axis]);
}

export const GatherElements: ShapeRule = (call) => {
  checkElementIndices(call);
  const [x, indices] = call.inputs;
  return [{ dtype: x!.dtype, shape: indices!.shape }];
};

export const ScatterElements: ShapeRule = (call) => {
  checkElementIndices(call);
  const [x, indices, updates] = call.inputs;
  const fits = sameShape(indices!.shape, updates!.shape);
  checkShape(call.where, "the updates", updates!.shape, fits, `[${indices!.shape.join(", ")}] as the indices`);
  return [x!];
};

/** Each index tuple, along the last axis, names an element or a slice of the axes after those that it counts along. */
export const GatherND: ShapeRule = ({ where, inputs: [x, indices], attributes }) => {
  const batch = attributes.int("batch_dims", 0);
  checkRange(where, "batch_dims", batch, 0, Math.min(x!.shape.length, indices!.shape.length) - 1);
  const used = batch + (indices!.shape.at(-1) ?? Number.NaN);
  const together = x!.shape.slice(0, batch).every((extent, axis) => extent === indices!.shape[axis]);
  checkShape(where, "the indices", indices!.shape, together && used <= x!.shape.length, tuplesOf(x!.shape));
  return [{ dtype: x!.dtype, shape: [...indices!.shape.slice(0, -1), ...x!.shape.slice(used)] }];
};

export const ScatterND: ShapeRule = ({ where, inputs: [x, indices, updates] }) => {
  const [data, own] = [x!.shape, indices!.shape];
  const used = own.at(-1) ?? Number.NaN;
  checkShape(where, "the indices", own, used <= data.length, tuplesOf(data));
  const expected = [...own.slice(0, -1), ...data.slice(used)];
  const fits = sameShape(updates!.shape, expected);
  checkShape(where, "the updates", updates!.shape, fits, `[${expected.join(", ")}]`);
  return [x!];
};

function tuplesOf(shape: Shape): string {
  return `tuples of at most ${shape.length} indices along the last axis`;
}

export const OneHot: ShapeRule = (call) => {
  const [indices, , values] = call.inputs;
  checkScalar(call.where, "the number of classes", call.inputs[1]!.shape);
  checkShape(call.where, "the values", values!.shape, sameShape(values!.shape, [2]), "[2]");
  const [depth] = requiredNumbers(call, 1, "the number of classes");
  const axis = normalizeAxis(call.where, call.attributes.int("axis", -1), indices!.shape.length + 1);
  return [{ dtype: values!.dtype, shape: indices!.shape.toSpliced(axis, 0, depth) }];
};

/** The values and their indices. */
export const TopK: ShapeRule = (call) => {
  const [x] = call.inputs;
  const axis = normalizeAxis(call.where, call.attributes.int("axis", -1), x!.shape.length);
  checkScalar(call.where, "the number of elements", call.inputs[1]!.shape);
  const [k] = requiredNumbers(call, 1, "the number of elements");
  checkRange(call.where, "k", k, 0, x!.shape[axis]);
  const shape = x!.shape.with(axis, k);
  return [
    { dtype: x!.dtype, shape },
    { dtype: "int64", shape },
  ];
};

/** How many elements are not 0 must be known before the graph runs. */
export const NonZero: ShapeRule = ({ inputs: [x], constant, where }) => {
  const elements = constant(0);
  if (elements === undefined) {
    throw new UnsupportedError({ where, what: "the number of its results depends on the graph's inputs" });
  }
  return [{ dtype: "int64", shape: [x!.shape.length, elements.data.filter((value) => value !== 0).length] }];
};
