/** @file What the samples of a TIFF mean, which its decoder does not look at in every case. */

/** TIFF's tags of its first directory (TIFF 6.0, section 8). */
const tags = { compression: 259, photometric: 262 } as const;

/** How TIFF calls spaces in which samples are no colors before they are converted, and what people call them. */
const unconverted: Readonly<Record<number, string>> = {
  6: "YCbCr",
  8: "CIE L*a*b*",
  9: "ICC L*a*b*",
  10: "ITU L*a*b*",
};
/** Compressed by JPEG, old and new: the decoder of JPEG converts. */
const jpeg: readonly number[] = [6, 7];

/**
 * The color space of a TIFF whose samples would be taken for red, green and blue without being that, such as "YCbCr"; undefined for those that are read
 * right, and for what is no TIFF.
 */
export function unconvertedTiffSpace(bytes: Uint8Array): string | undefined {
  const found = firstDirectory(bytes);
  const photometric = found?.get(tags.photometric);
  if (found === undefined || photometric === undefined) return undefined;
  const isConverted = photometric === 6 && jpeg.includes(found.get(tags.compression) ?? 1);
  return isConverted ? undefined : unconverted[photometric];
}

/** The numbers of 16 bits in the first directory, by tag; undefined where there is none. */
function firstDirectory(bytes: Uint8Array): ReadonlyMap<number, number> | undefined {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const order = bytes.length < 16 ? 0 : view.getUint16(0);
  if (order !== 0x4949 && order !== 0x4d4d) return undefined;
  const isLittle = order === 0x4949;
  const version = view.getUint16(2, isLittle);
  if (version !== 42 && version !== 43) return undefined;
  // BigTIFF has offsets of 8 bytes, and entries of 20.
  const isBig = version === 43;
  const start = isBig ? Number(view.getBigUint64(8, isLittle)) : view.getUint32(4, isLittle);
  const [countSize, entrySize, valueAt] = isBig ? [8, 20, 12] : [2, 12, 8];
  if (start + countSize > bytes.length) return undefined;
  const count = isBig ? Number(view.getBigUint64(start, isLittle)) : view.getUint16(start, isLittle);
  const found = new Map<number, number>();
  for (let n = 0, at = start + countSize; n < count && at + entrySize <= bytes.length; n++, at += entrySize) {
    found.set(view.getUint16(at, isLittle), view.getUint16(at + valueAt, isLittle));
  }
  return found;
}
