/** @file A tensor: element type, shape and a flat typed array in row-major order. */
import { checkForm, kindOf, MisuseError } from "../errors.ts";

/** The element types, named as onnxruntime names them. `float16` and `bfloat16` hold the 16 raw bits of each element. */
export const dataTypes = [
  "float32",
  "float64",
  "float16",
  "bfloat16",
  "int8",
  "uint8",
  "int16",
  "uint16",
  "int32",
  "uint32",
  "int64",
  "uint64",
  "bool",
  "string",
] as const;
export type DataType = (typeof dataTypes)[number];

export type TensorData =
  | Float32Array
  | Float64Array
  | Int8Array
  | Uint8Array
  | Int16Array
  | Uint16Array
  | Int32Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array
  | readonly string[];

/** A shape: one non-negative integer per axis; `[]` is a scalar. */
export type Shape = readonly number[];

/** Element type, shape and elements in row-major order; `bool` is stored as 0 or 1 in a Uint8Array. */
export interface Tensor {
  readonly dtype: DataType;
  readonly shape: Shape;
  readonly data: TensorData;
}

/** A tensor of float32 elements. */
export interface FloatTensor extends Tensor {
  readonly dtype: "float32";
  readonly data: Float32Array;
}

const arrayTypes = {
  float32: Float32Array,
  float64: Float64Array,
  float16: Uint16Array,
  bfloat16: Uint16Array,
  int8: Int8Array,
  uint8: Uint8Array,
  int16: Int16Array,
  uint16: Uint16Array,
  int32: Int32Array,
  uint32: Uint32Array,
  int64: BigInt64Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
} as const;

/** The typed-array class that stores elements of `dtype`; strings have none. */
export function arrayTypeOf(dtype: DataType): (typeof arrayTypes)[keyof typeof arrayTypes] {
  if (dtype === "string") throw new MisuseError({ where: "arrayTypeOf", what: "string tensors have no typed array" });
  return arrayTypes[dtype];
}

/** Bytes per element. */
export function bytesPerElement(dtype: DataType): number {
  return dtype === "string" ? Number.NaN : arrayTypes[dtype].BYTES_PER_ELEMENT;
}

/** Whether `dtype` is an integer type; bool is none. */
export function isInteger(dtype: DataType): boolean {
  return /^u?int\d+$/.test(dtype);
}

/** Whether `dtype` is a floating-point type: the values that have derivatives. */
export function isFloating(dtype: DataType): boolean {
  return dtype === "float32" || dtype === "float64" || dtype === "float16" || dtype === "bfloat16";
}

/** The number of elements of `shape`; 1 for a scalar. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const extent of shape) size *= extent;
  return size;
}

/** A float32 tensor; throws if the number of elements is not that of the shape. */
export function floatTensor(data: Float32Array | readonly number[], shape: Shape): FloatTensor {
  checkForm("floatTensor: data", data, "numbers");
  checkForm("floatTensor: shape", shape, "list");
  const array = data instanceof Float32Array ? data : Float32Array.from(data);
  checkSize("floatTensor", array.length, shape);
  return { dtype: "float32", shape, data: array };
}

/** An int64 tensor (1-D unless a shape is given). */
export function intTensor(values: readonly number[], shape: Shape = [values.length]): Tensor {
  checkSize("intTensor", values.length, shape);
  return { dtype: "int64", shape, data: BigInt64Array.from(values, (value) => BigInt(value)) };
}

/** A tensor of `dtype` filled from plain numbers. */
export function tensorOf(dtype: DataType, values: ArrayLike<number>, shape: Shape): Tensor {
  checkForm("tensorOf: dtype", dtype, "string");
  checkForm("tensorOf: values", values, "numbers");
  checkForm("tensorOf: shape", shape, "list");
  checkSize("tensorOf", values.length, shape);
  const data = new (arrayTypeOf(dtype))(values.length);
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) {
    for (let i = 0; i < values.length; i++) data[i] = BigInt(Math.trunc(values[i]));
  } else data.set(values);
  return { dtype, shape, data };
}

/** The elements as plain numbers: the data itself where it is an array of numbers, a converted copy for 64-bit integers. */
export function numbersOf(tensor: Tensor): ArrayLike<number> {
  const { data } = tensor;
  if (data instanceof BigInt64Array || data instanceof BigUint64Array) return Array.from(data, Number);
  if (tensor.dtype === "string" || tensor.dtype === "float16" || tensor.dtype === "bfloat16") {
    throw new MisuseError({ where: "numbersOf", what: `cannot read ${tensor.dtype} elements as numbers` });
  }
  return data as Float32Array;
}

function checkSize(where: string, length: number, shape: Shape): void {
  if (length === sizeOf(shape)) return;
  throw new MisuseError({
    where,
    what: "the number of elements does not match the shape",
    expected: `${sizeOf(shape)} for [${shape.join(", ")}]`,
    got: String(length),
  });
}

/** Throws a MisuseError in the name of `where` unless `value` is a tensor: a shape, and as much data as it says. */
export function checkTensor(where: string, value: unknown, expected: string): void {
  const isObject = typeof value === "object" && value !== null;
  const isTensor = isObject && "shape" in value && "data" in value && Array.isArray(value.shape);
  if (isTensor && ArrayBuffer.isView(value.data)) return;
  throw new MisuseError({ where, what: "not a tensor", expected, got: kindOf(value) });
}
