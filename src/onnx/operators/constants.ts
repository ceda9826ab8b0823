/** @file Operators whose output is known from shapes or attributes: constants, ranges, and what describes a shape. */
import { BadInputError } from "../../errors.ts";
import { sizeOf } from "../../tensor/tensor.ts";
import { dataTypeOfNumber } from "../file/tensor-proto.ts";
import { numeric } from "../numeric-tensor.ts";
import { checkScalar, checkShape, requiredNumbers } from "./check-shape.ts";
import { operator } from "./operator.ts";

/** The extents of the input from axis `start` (default 0) to before `end` (default the rank), both clamped. */
export const Shape = operator({
  inputs: "*",
  attributes: "end:int start:int",
  shape: ({ inputs: [x], attributes }) => {
    const rank = x.shape.length;
    const clamp = (axis: number): number => Math.min(Math.max(axis < 0 ? axis + rank : axis, 0), rank);
    const length = clamp(attributes.int("end", rank)) - clamp(attributes.int("start", 0));
    return [{ dtype: "int64", shape: [Math.max(0, length)] }];
  },
  kernel: ({ inputs: [x], attributes, outputs: [type] }) => {
    const { shape } = x;
    const start = attributes.int("start", 0);
    const first = Math.max(start < 0 ? start + shape.length : start, 0);
    return [{ ...type, data: Float64Array.from(shape.slice(first, first + type.shape[0])) }];
  },
  traits: ["describesShape"],
});

/** The number of elements. */
export const Size = operator({
  inputs: "*",
  shape: () => [{ dtype: "int64", shape: [] }],
  kernel: ({ inputs: [x], outputs: [type] }) => [{ ...type, data: Float64Array.of(sizeOf(x.shape)) }],
  traits: ["describesShape"],
});

/** The value in the one attribute that it has, out of `value`, `value_float`, `value_floats`, `value_int`, `value_ints`. */
export const Constant = operator({
  inputs: "",
  attributes:
    "sparse_value:opaque value:tensor value_float:float value_floats:floats value_int:int value_ints:ints value_string:string value_strings:strings",
  shape: ({ attributes }) => {
    if (attributes.has("value")) {
      const { dtype, shape } = attributes.tensor("value");
      return [{ dtype, shape }];
    }
    if (attributes.has("value_float")) return [{ dtype: "float32", shape: [] }];
    if (attributes.has("value_floats"))
      return [{ dtype: "float32", shape: [attributes.floats("value_floats").length] }];
    if (attributes.has("value_ints")) return [{ dtype: "int64", shape: [attributes.ints("value_ints").length] }];
    attributes.int("value_int");
    return [{ dtype: "int64", shape: [] }];
  },
  kernel: ({ attributes, outputs: [type] }) => {
    if (attributes.has("value")) return [numeric(attributes.tensor("value"))];
    if (attributes.has("value_floats"))
      return [{ ...type, data: Float64Array.from(attributes.floats("value_floats")) }];
    if (attributes.has("value_ints")) return [{ ...type, data: Float64Array.from(attributes.ints("value_ints")) }];
    const value = attributes.has("value_float") ? attributes.float("value_float") : attributes.int("value_int");
    return [{ ...type, data: Float64Array.of(value) }];
  },
});

/** The one element of `value`, or 0, everywhere. */
export const ConstantOfShape = operator({
  inputs: "l",
  attributes: "value:tensor",
  shape: (call) => {
    const shape = requiredNumbers(call, 0, "the output's extents");
    const dtype = call.attributes.has("value") ? call.attributes.tensor("value").dtype : "float32";
    return [{ dtype, shape }];
  },
  kernel: ({ attributes, outputs: [type] }) => {
    const value = attributes.has("value") ? numeric(attributes.tensor("value")).data[0] : 0;
    return [{ ...type, data: new Float64Array(sizeOf(type.shape)).fill(value) }];
  },
});

/** start, start + delta, … before limit */
export const Range = operator({
  inputs: "n n n",
  shape: (call) => {
    for (const bound of call.inputs) checkScalar(call.where, "a bound", bound.shape);
    const [[start], [limit], [delta]] = [0, 1, 2].map((i) => requiredNumbers(call, i, "the bounds"));
    if (delta === 0)
      throw new BadInputError({ where: call.where, what: "the step is 0", expected: "any other number" });
    return [{ dtype: call.inputs[0].dtype, shape: [Math.max(0, Math.ceil((limit - start) / delta))] }];
  },
  kernel: ({ inputs: [start, , delta], outputs: [type] }) => [
    { ...type, data: Float64Array.from({ length: type.shape[0] }, (_, i) => start.data[0] + i * delta.data[0]) },
  ],
});

/** 1 on the k-th diagonal, 0 elsewhere. */
export const EyeLike = operator({
  inputs: "*",
  attributes: "dtype:int k:int",
  shape: ({ inputs: [x], attributes, where }) => {
    const dtype = attributes.has("dtype") ? dataTypeOfNumber(attributes.int("dtype")) : x.dtype;
    if (dtype === undefined) throw new BadInputError({ where, what: "unknown element type in attribute dtype" });
    checkShape(where, "the input", x.shape, x.shape.length === 2, "a matrix");
    return [{ dtype, shape: x.shape }];
  },
  kernel: ({ attributes, outputs: [type] }) => {
    const k = attributes.int("k", 0);
    const columns = type.shape[1];
    const isOne = (_: number, i: number): number => Number((i % columns) - Math.floor(i / columns) === k);
    return [{ ...type, data: new Float64Array(sizeOf(type.shape)).map(isOne) }];
  },
});
