/** @file NumPy's NPY format, version 1.0: `numpy.load` reads what is encoded here. */
import { BadInputError, checkForm, UnsupportedError } from "../errors.ts";
import { arrayTypeOf, bytesPerElement, type DataType, sizeOf, type Tensor } from "./tensor.ts";

/** NumPy's name of each type that has one; little-endian. */
const descriptors: Partial<Record<DataType, string>> = {
  float32: "<f4",
  float64: "<f8",
  float16: "<f2",
  int8: "|i1",
  uint8: "|u1",
  int16: "<i2",
  uint16: "<u2",
  int32: "<i4",
  uint32: "<u4",
  int64: "<i8",
  uint64: "<u8",
  bool: "|b1",
};

const magic = "\x93NUMPY";

/**
 * The tensor as the bytes of an NPY file, in row-major order. Throws an {@link UnsupportedError} for strings and bfloat16, which
 * NumPy has no type for. Like typed arrays themselves, this supposes a little-endian machine.
 */
export function encodeNpy(tensor: Tensor): Uint8Array {
  checkForm("encodeNpy: tensor", tensor, ["dtype", "shape", "data"]);
  const { dtype, shape, data } = tensor;
  const descriptor = descriptors[dtype];
  if (descriptor === undefined || !ArrayBuffer.isView(data)) {
    throw new UnsupportedError({ where: "encodeNpy", what: `NumPy has no type for ${dtype}` });
  }
  const tuple = shape.length === 1 ? `(${shape[0]},)` : `(${shape.join(", ")})`;
  const dictionary = `{'descr': '${descriptor}', 'fortran_order': False, 'shape': ${tuple}, }`;
  // The data begin at a multiple of 64 bytes, and a line feed ends the header.
  const start = Math.ceil((10 + dictionary.length + 1) / 64) * 64;
  const bytes = new Uint8Array(start + data.byteLength);
  const header = `${magic}\x01\x00\x00\x00${dictionary.padEnd(start - 11)}\n`;
  for (let i = 0; i < start; i++) bytes[i] = header.charCodeAt(i);
  new DataView(bytes.buffer).setUint16(8, start - 10, true);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), start);
  return bytes;
}

/**
 * The tensor in the bytes of an NPY file (version 1, 2 or 3). `where` stands for the bytes in error messages.
 *
 * Throws a {@link BadInputError} if the bytes are not NPY or of the wrong length, and an {@link UnsupportedError} for
 * column-major order, big-endian numbers and types that a tensor cannot have.
 */
export function decodeNpy(bytes: Uint8Array, where = "decodeNpy"): Tensor {
  checkForm("decodeNpy: bytes", bytes, "numbers");
  const damaged = (what: string, expected?: string, got?: string) => new BadInputError({ where, what, expected, got });
  const characters = (from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to));
  const major = bytes[6];
  if (bytes.length < 12 || characters(0, 6) !== magic || major < 1 || major > 3) {
    throw damaged("is not an NPY file of version 1, 2 or 3");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const headerStart = major === 1 ? 10 : 12;
  const start = headerStart + (major === 1 ? view.getUint16(8, true) : view.getUint32(8, true));
  // A header of this package's types takes a hundred bytes; longer ones describe structures.
  if (start > bytes.length || start > 65_536) throw damaged("has a damaged header");
  const header = characters(headerStart, start);
  const descriptor = /'descr':\s*'([^']*)'/.exec(header)?.[1];
  const order = /'fortran_order':\s*(True|False)/.exec(header)?.[1];
  const tuple = /'shape':\s*\(([\d,\s]*)\)/.exec(header)?.[1];
  if (descriptor === undefined || order === undefined || tuple === undefined) throw damaged("has a damaged header");
  const shape = tuple
    .split(",")
    .filter((extent) => extent.trim() !== "")
    .map(Number);
  const known = Object.entries(descriptors) as [DataType, string][];
  const dtype = known.find(([, name]) => name === descriptor)?.[0];
  if (dtype === undefined || (order === "True" && shape.length > 1)) {
    throw new UnsupportedError({
      where,
      what: "unsupported layout",
      expected: `row-major order and one of ${known.map(([, name]) => name).join(", ")}`,
      got: `${descriptor}${order === "True" ? " in column-major order" : ""}`,
      advice: "Save numpy.ascontiguousarray(a, '<f4') instead.",
    });
  }
  const length = sizeOf(shape) * bytesPerElement(dtype);
  if (bytes.length - start !== length) {
    throw damaged(
      `has the wrong length`,
      `${length} bytes for shape [${shape.join(", ")}]`,
      String(bytes.length - start),
    );
  }
  // Copied, because a typed array must begin at a multiple of its element's size.
  return { dtype, shape, data: new (arrayTypeOf(dtype))(new Uint8Array(bytes.subarray(start)).buffer) };
}
