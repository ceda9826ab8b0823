/**
 * @file ONNX's TensorProto as initializers, and back.
 *
 * Raw data is shared with the buffer that was read, never copied. Data in typed fields (float_data, int32_data, …) becomes
 * little-endian bytes, the form in which every tensor is written again.
 */
import { create } from "@bufbuild/protobuf";
import {
  StringStringEntryProtoSchema,
  type TensorProto,
  TensorProto_DataLocation,
  TensorProto_DataType,
  TensorProtoSchema,
} from "onnx-buf";
import { BadInputError, UnsupportedError } from "../../errors.ts";
import { bytesPerElement, type DataType, sizeOf } from "../../tensor/tensor.ts";
import type { Initializer, Storage } from "../model.ts";
import { type ExternalReader, externalRangeOf } from "./external-data.ts";
import { copyMessage, setField } from "./messages.ts";

const dataTypeNumbers: Readonly<Record<DataType, TensorProto_DataType>> = {
  float32: TensorProto_DataType.FLOAT,
  float64: TensorProto_DataType.DOUBLE,
  float16: TensorProto_DataType.FLOAT16,
  bfloat16: TensorProto_DataType.BFLOAT16,
  int8: TensorProto_DataType.INT8,
  uint8: TensorProto_DataType.UINT8,
  int16: TensorProto_DataType.INT16,
  uint16: TensorProto_DataType.UINT16,
  int32: TensorProto_DataType.INT32,
  uint32: TensorProto_DataType.UINT32,
  int64: TensorProto_DataType.INT64,
  uint64: TensorProto_DataType.UINT64,
  bool: TensorProto_DataType.BOOL,
  string: TensorProto_DataType.STRING,
};
const dataTypesByNumber = new Map(
  Object.entries(dataTypeNumbers).map(([dtype, number]) => [number as number, dtype as DataType]),
);

/** The number that stands for `dtype` in ONNX files. */
export function numberOfDataType(dtype: DataType): number {
  return dataTypeNumbers[dtype];
}

/** Types of two numbers in a byte, which become one number in each. */
const packedTypes: ReadonlyMap<number, "int8" | "uint8"> = new Map([
  [TensorProto_DataType.INT4, "int8"],
  [TensorProto_DataType.UINT4, "uint8"],
]);

/** Whether a number in an ONNX file stands for 4-bit integers. */
export function isPackedType(number: number): boolean {
  return packedTypes.has(number);
}

/** The element type that a number in an ONNX file stands for, or undefined for one that we have no arrays for (4-bit, float8, complex). */
export function dataTypeOfNumber(number: number): DataType | undefined {
  return dataTypesByNumber.get(number);
}

/**
 * The initializer that `proto` describes. The message becomes its origin, emptied of what the initializer now holds, so
 * that the memory of replaced weights can be reclaimed. Throws a BadInputError that starts with `where` if shape and data
 * do not fit together, an UnsupportedError for an element type without arrays.
 */
export function initializerOfProto(proto: TensorProto, where: string, external: ExternalReader): Initializer {
  const wide = packedTypes.get(proto.dataType);
  const dtype = wide ?? dataTypeOfNumber(proto.dataType);
  if (dtype === undefined) {
    throw new UnsupportedError({
      where,
      what: `elements of type ${TensorProto_DataType[proto.dataType] ?? proto.dataType} are not supported`,
      advice: "Export the model with float32 weights.",
    });
  }
  if (proto.segment !== undefined) {
    throw new UnsupportedError({
      where,
      what: "tensors stored in segments are not supported",
      advice: "Save the model again with a current version of onnx.",
    });
  }
  const shape = shapeOf(proto.dims, where);
  const storage =
    wide === undefined
      ? storageOf(proto, dtype, shape, where, external)
      : unpackedStorage(proto, wide, shape, where, external);
  proto.dims = [];
  proto.floatData = [];
  proto.doubleData = [];
  proto.int32Data = [];
  proto.int64Data = [];
  proto.uint64Data = [];
  Reflect.deleteProperty(proto, "rawData");
  return { dtype, shape, storage, ...(wide === undefined ? {} : { bits: 4 }), origin: proto };
}

/** 4-bit integers, the first of each byte in its lower half, as bytes of their own. */
function unpackedStorage(
  proto: TensorProto,
  dtype: "int8" | "uint8",
  shape: readonly number[],
  where: string,
  external: ExternalReader,
): Storage {
  const count = sizeOf(shape);
  const packed = storageOf(proto, "uint8", [Math.ceil(count / 2)], where, external);
  const bytes = packed.kind === "external" ? packed.read() : packed.kind === "inline" ? packed.bytes : new Uint8Array();
  const unpacked = Uint8Array.from({ length: count }, (_, i) => ((bytes[i >> 1] ?? 0) >> (4 * (i & 1))) & 15);
  // The sign is the highest of the four bits.
  if (dtype === "int8") for (const [i, value] of unpacked.entries()) unpacked[i] = value < 8 ? value : value + 240;
  return { kind: "inline", bytes: unpacked };
}

function shapeOf(dims: readonly bigint[], where: string): number[] {
  const shape = dims.map(Number);
  const elements = sizeOf(shape);
  if (shape.every((extent) => extent >= 0 && Number.isSafeInteger(extent)) && Number.isSafeInteger(elements)) {
    return shape;
  }
  throw new BadInputError({
    where,
    what: "impossible shape",
    expected: "extents of at least 0 whose product is less than 2^53",
    got: `[${dims.join(", ")}]`,
    advice: "The file is damaged; export or download it again.",
  });
}

function storageOf(
  proto: TensorProto,
  dtype: DataType,
  shape: readonly number[],
  where: string,
  external: ExternalReader,
): Storage {
  const elements = sizeOf(shape);
  const declared = `${dtype} [${shape.join(", ")}]`;
  if (dtype === "string") {
    checkAmount(where, declared, elements, proto.stringData.length, "strings");
    const decoder = new TextDecoder();
    return { kind: "strings", values: proto.stringData.map((bytes) => decoder.decode(bytes)) };
  }
  const size = elements * bytesPerElement(dtype);
  if (proto.dataLocation === TensorProto_DataLocation.EXTERNAL) {
    const range = externalRangeOf(proto, where);
    if (range.length !== undefined) checkAmount(where, declared, size, range.length, "bytes of external data");
    return external(range.location, range.offset, size, where);
  }
  const typed = typedDataOf(proto, dtype);
  if (proto.rawData.length > 0 || typed.length === 0) {
    checkAmount(where, declared, size, proto.rawData.length, "bytes");
    return { kind: "inline", bytes: proto.rawData };
  }
  checkAmount(where, declared, elements, typed.length, "elements");
  return { kind: "inline", bytes: bytesOfTypedData(typed, dtype) };
}

function checkAmount(where: string, declared: string, wanted: number, got: number, unit: string): void {
  if (wanted === got) return;
  throw new BadInputError({
    where,
    what: "the data does not fill the shape",
    expected: `${wanted} ${unit} for ${declared}`,
    got: String(got),
    advice: "The file is damaged or was cut off; export or download it again.",
  });
}

/** The repeated field in which ONNX keeps elements of `dtype`; float16 and bfloat16 lie as bit patterns in int32_data. */
function typedDataOf(proto: TensorProto, dtype: DataType): readonly number[] | readonly bigint[] {
  if (dtype === "float32") return proto.floatData;
  if (dtype === "float64") return proto.doubleData;
  if (dtype === "int64") return proto.int64Data;
  if (dtype === "uint64" || dtype === "uint32") return proto.uint64Data;
  return proto.int32Data;
}

function bytesOfTypedData(values: readonly number[] | readonly bigint[], dtype: DataType): Uint8Array {
  const numbers = values as readonly number[];
  const integers = values as readonly bigint[];
  const array = (() => {
    switch (dtype) {
      case "float32":
        return Float32Array.from(numbers);
      case "float64":
        return Float64Array.from(numbers);
      case "int64":
        return BigInt64Array.from(integers);
      case "uint64":
        return BigUint64Array.from(integers);
      case "uint32":
        return Uint32Array.from(integers, (value) => Number(BigInt.asUintN(32, value)));
      case "int32":
        return Int32Array.from(numbers);
      case "int16":
        return Int16Array.from(numbers);
      case "int8":
        return Int8Array.from(numbers);
      case "uint8":
      case "bool":
        return Uint8Array.from(numbers);
      default:
        return Uint16Array.from(numbers);
    }
  })();
  return new Uint8Array(array.buffer);
}

/**
 * The message that stores `initializer` under `name`: its origin with what the initializer holds written over it. External
 * data stays a reference to its file unless `inline` is set, which reads it.
 */
export function protoOfInitializer(name: string, initializer: Initializer, { inline = false } = {}): TensorProto {
  const { dtype, shape, origin } = initializer;
  const storage: Storage =
    inline && initializer.storage.kind === "external"
      ? { kind: "inline", bytes: initializer.storage.read() }
      : initializer.storage;
  const base = origin as TensorProto | undefined;
  const proto = base === undefined ? create(TensorProtoSchema) : copyMessage(base);
  setField(proto, "name", name);
  setField(proto, "dataType", numberOfDataType(dtype));
  proto.dims = shape.map(BigInt);
  if (storage.kind === "external") {
    const entries = { location: storage.location, offset: String(storage.offset), length: String(storage.length) };
    const others = proto.externalData.filter(({ key }) => !(key in entries));
    const known = Object.entries(entries).map(([key, value]) => {
      const before = base?.externalData.find((entry) => entry.key === key && entry.value === value);
      return before ?? create(StringStringEntryProtoSchema, { key, value });
    });
    proto.externalData = [...known, ...others];
    proto.dataLocation = TensorProto_DataLocation.EXTERNAL;
    return proto;
  }
  if (proto.dataLocation === TensorProto_DataLocation.EXTERNAL) {
    proto.externalData = [];
    Reflect.deleteProperty(proto, "dataLocation");
  }
  if (storage.kind === "strings") proto.stringData = encodeStrings(storage.values, base?.stringData ?? []);
  else proto.rawData = storage.bytes as Uint8Array<ArrayBuffer>;
  return proto;
}

/** UTF-8 of each string, or the bytes it was read from where they decode to it: they need not be valid UTF-8. */
function encodeStrings(
  values: readonly string[],
  before: readonly Uint8Array<ArrayBuffer>[],
): Uint8Array<ArrayBuffer>[] {
  const decoder = new TextDecoder();
  const encoder = new TextEncoder();
  return values.map((value, i) => {
    const bytes = before[i];
    return bytes !== undefined && decoder.decode(bytes) === value ? bytes : encoder.encode(value);
  });
}
