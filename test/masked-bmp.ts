/** @file Windows bitmaps with alpha, which sharp does not write. */

/**
 * A BMP of RGBA bytes, row by row, with 32 bits per pixel and a header of `size` bytes, in which (or behind which) lies the mask of alpha; compression 0 is none, 3 by masks,
 * 6 by masks of which one is alpha's.
 */
export function maskedBmp(
  { width, height, data }: { readonly width: number; readonly height: number; readonly data: Uint8Array },
  size: 40 | 56 | 108 | 124,
  compression: 0 | 3 | 6,
  alphaMask = 0xff000000,
): Buffer {
  const start = 14 + size + (compression === 6 ? 16 : 0);
  const bytes = Buffer.alloc(start + data.length);
  bytes.write("BM");
  bytes.writeUInt32LE(bytes.length, 2);
  bytes.writeUInt32LE(start, 10);
  bytes.writeUInt32LE(size, 14);
  bytes.writeInt32LE(width, 18);
  // Rows from the top.
  bytes.writeInt32LE(-height, 22);
  bytes.writeUInt16LE(1, 26);
  bytes.writeUInt16LE(32, 28);
  bytes.writeUInt32LE(compression, 30);
  if (start > 54) {
    for (const [i, mask] of [0xff0000, 0xff00, 0xff, alphaMask].entries()) bytes.writeUInt32LE(mask, 54 + 4 * i);
  }
  for (let i = 0; i < data.length; i += 4) {
    bytes.set([data[i + 2], data[i + 1], data[i], data[i + 3]], start + i);
  }
  return bytes;
}
