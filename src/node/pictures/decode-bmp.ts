/**
 * @file Windows bitmaps (BMP) without compression: 1, 4, 8, 16, 24 or 32 bits per pixel, palettes and masks, rows in either order
 * (https://learn.microsoft.com/windows/win32/gdi/bitmap-storage).
 */
import { BadInputError, UnsupportedError } from "../../errors.ts";
import type { RawSamples } from "./raw-samples.ts";

/** Whether the bytes begin as a BMP file does. */
export function isBmp(bytes: Uint8Array): boolean {
  if (bytes.length < 26 || bytes[0] !== 0x42 || bytes[1] !== 0x4d) return false;
  const headerSize = new DataView(bytes.buffer, bytes.byteOffset).getUint32(14, true);
  return [12, 40, 52, 56, 64, 108, 124].includes(headerSize);
}

interface Header {
  readonly width: number;
  readonly height: number;
  readonly isTopDown: boolean;
  readonly bits: number;
  readonly compression: number;
  /** Where the pixels and where the palette begin, and bytes per color of the palette. */
  readonly pixels: number;
  readonly palette: number;
  readonly colorBytes: 3 | 4;
  /** Where the masks begin. */
  readonly masks: number;
}

function headerOf(view: DataView): Header {
  const size = view.getUint32(14, true);
  if (size === 12) {
    return {
      width: view.getUint16(18, true),
      height: view.getUint16(20, true),
      isTopDown: false,
      bits: view.getUint16(24, true),
      compression: 0,
      pixels: view.getUint32(10, true),
      palette: 14 + size,
      colorBytes: 3,
      masks: 54,
    };
  }
  const height = view.getInt32(22, true);
  const compression = view.getUint32(30, true);
  return {
    width: view.getInt32(18, true),
    height: Math.abs(height),
    isTopDown: height < 0,
    bits: view.getUint16(28, true),
    compression,
    pixels: view.getUint32(10, true),
    palette: 14 + size + (size === 40 && compression === 3 ? 12 : 0),
    colorBytes: 4,
    masks: 54,
  };
}

const compressions: Readonly<Record<number, string>> = {
  1: "run lengths",
  2: "run lengths",
  4: "JPEG",
  5: "PNG",
  6: "masks with alpha",
};

/**
 * The pixels of the file as red, green and blue; alpha, which few writers fill, is left out. `check` is called with the size before
 * anything of that size is made.
 *
 * Throws a {@link BadInputError} on behalf of `where` if the file is malformed or cut short, and an {@link UnsupportedError} if it is
 * compressed.
 */
export function decodeBmp(
  bytes: Uint8Array,
  where: string,
  check: (width: number, height: number) => void,
): RawSamples {
  const damaged = (): BadInputError =>
    new BadInputError({
      where,
      what: "is cut short or damaged",
      expected: "a BMP picture",
      advice: "Copy or download it again.",
    });
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 54 && view.getUint32(14, true) !== 12) throw damaged();
  const header = headerOf(view);
  const { width, height, bits, compression, pixels } = header;
  if (compression !== 0 && compression !== 3) {
    throw new UnsupportedError({
      where,
      what: `a BMP picture compressed by ${compressions[compression] ?? `method ${compression}`}`,
      expected: "one without compression",
      advice: "Make a PNG of it: magick picture.bmp picture.png",
    });
  }
  if (!(width > 0 && height > 0) || ![1, 4, 8, 16, 24, 32].includes(bits)) throw damaged();
  check(width, height);
  const row = Math.ceil((width * bits) / 32) * 4;
  if (bytes.length < pixels + row * (height - 1) + Math.ceil((width * bits) / 8)) throw damaged();
  const colorAt = bits <= 8 ? paletteColors(bytes, header) : directColors(view, header);
  if (colorAt === undefined) throw damaged();
  const data = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y++) {
    const start = pixels + row * (header.isTopDown ? y : height - 1 - y);
    for (let x = 0; x < width; x++) data.set(colorAt(start, x), 3 * (y * width + x));
  }
  return { width, height, channels: 3, data, format: "BMP" };
}

/** The color of pixel `x` of the row that begins at `start`. */
type ColorAt = (start: number, x: number) => readonly number[];

function paletteColors(bytes: Uint8Array, { bits, palette, colorBytes, pixels }: Header): ColorAt {
  const known = Math.max(0, Math.floor((Math.min(pixels, bytes.length) - palette) / colorBytes));
  const colors = Array.from({ length: 2 ** bits }, (_, i) => {
    const at = palette + i * colorBytes;
    return i < known ? [bytes[at + 2], bytes[at + 1], bytes[at]] : [0, 0, 0];
  });
  const mask = 2 ** bits - 1;
  return (start, x) => {
    const bit = x * bits;
    return colors[(bytes[start + (bit >> 3)] >> (8 - bits - (bit & 7))) & mask];
  };
}

/** Colors in the pixels themselves, by the masks of the header or the usual ones; undefined if a mask has holes. */
function directColors(view: DataView, { bits, compression, masks }: Header): ColorAt | undefined {
  if (bits === 24) return (start, x) => [2, 1, 0].map((c) => view.getUint8(start + 3 * x + c));
  if (compression === 3 && view.byteLength < masks + 12) return undefined;
  const usual = bits === 16 ? [0x7c00, 0x03e0, 0x001f] : [0x00ff0000, 0x0000ff00, 0x000000ff];
  const fields = [0, 1, 2].map((c) => {
    const mask = compression === 3 ? view.getUint32(masks + 4 * c, true) : usual[c];
    const shift = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask);
    return { mask, shift, full: mask >>> shift };
  });
  if (fields.some(({ full }) => full === 0 || (full & (full + 1)) !== 0)) return undefined;
  return (start, x) => {
    const value = bits === 16 ? view.getUint16(start + 2 * x, true) : view.getUint32(start + 4 * x, true);
    return fields.map(({ mask, shift, full }) => Math.round((((value & mask) >>> shift) * 255) / full));
  };
}
