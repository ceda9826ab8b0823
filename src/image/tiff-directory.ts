/** @file The first directory of a TIFF: what it says of its picture. */

/** TIFF's tags of its first directory (TIFF 6.0, section 8). */
export const tiffTags = {
  bitsPerSample: 258,
  compression: 259,
  photometric: 262,
  orientation: 274,
  samplesPerPixel: 277,
  planarConfiguration: 284,
  tileWidth: 322,
} as const;

/** The numbers of 16 bits in the first directory, by tag, of several the first; undefined where there is none. */
export function tiffDirectory(bytes: Uint8Array): ReadonlyMap<number, number> | undefined {
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
    const [tag, type] = [view.getUint16(at, isLittle), view.getUint16(at + 2, isLittle)];
    const values = isBig ? Number(view.getBigUint64(at + 4, isLittle)) : view.getUint32(at + 4, isLittle);
    // More than fit into the entry are elsewhere.
    const isElsewhere = type === 3 && 2 * values > entrySize - valueAt;
    const offset = isBig ? Number(view.getBigUint64(at + valueAt, isLittle)) : view.getUint32(at + valueAt, isLittle);
    const place = isElsewhere ? offset : at + valueAt;
    if (place + 2 <= bytes.length) found.set(tag, view.getUint16(place, isLittle));
  }
  return found;
}

/** How the picture lies by the first directory, 1 (upright) to 8, as TIFF and EXIF number it; 1 where nothing says it. */
export function tiffOrientation(bytes: Uint8Array): number {
  const orientation = tiffDirectory(bytes)?.get(tiffTags.orientation) ?? 1;
  return orientation >= 1 && orientation <= 8 ? orientation : 1;
}
