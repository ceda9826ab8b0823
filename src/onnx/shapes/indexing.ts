/** @file Shape rules of the operators that pick or place elements by index. */
import { BadInputError, UnsupportedError } from "../../errors.ts";
import { normalizeAxis } from "../../tensor/shape.ts";
import { requiredNumbers, type ShapeRule } from "./shape-rule.ts";

/** The indexed axis is replaced by the axes of the indices. */
export const Gather: ShapeRule = ({ inputs: [x, indices], attributes, where, constant }) => {
  const axis = normalizeAxis(where, attributes.int("axis", 0), x!.shape.length);
  const extent = x!.shape[axis];
  const outside = constant(1)?.data.find((index) => index < -extent || index >= extent);
  if (outside !== undefined) {
    const expected = `indices from ${-extent} to ${extent - 1}`;
    throw new BadInputError({ where, what: "index out of range", expected, got: String(outside) });
  }
  return [{ dtype: x!.dtype, shape: [...x!.shape.slice(0, axis), ...indices!.shape, ...x!.shape.slice(axis + 1)] }];
};

export const GatherElements: ShapeRule = ({ inputs: [x, indices] }) => [{ dtype: x!.dtype, shape: indices!.shape }];

export const ScatterElements: ShapeRule = ({ inputs: [x] }) => [x!];

/** Each index tuple, along the last axis, names an element or a slice of the axes after those that it counts along. */
export const GatherND: ShapeRule = ({ inputs: [x, indices], attributes }) => {
  const used = attributes.int("batch_dims", 0) + indices!.shape.at(-1)!;
  return [{ dtype: x!.dtype, shape: [...indices!.shape.slice(0, -1), ...x!.shape.slice(used)] }];
};

export const ScatterND: ShapeRule = ({ inputs: [x] }) => [x!];

export const OneHot: ShapeRule = (call) => {
  const [indices, , values] = call.inputs;
  const [depth] = requiredNumbers(call, 1, "the number of classes");
  const axis = normalizeAxis(call.where, call.attributes.int("axis", -1), indices!.shape.length + 1);
  return [{ dtype: values!.dtype, shape: indices!.shape.toSpliced(axis, 0, depth) }];
};

/** The values and their indices. */
export const TopK: ShapeRule = (call) => {
  const [x] = call.inputs;
  const axis = normalizeAxis(call.where, call.attributes.int("axis", -1), x!.shape.length);
  const [k] = requiredNumbers(call, 1, "the number of elements");
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
