/**
 * @file Windows bitmaps (BMP): 1, 4, 8, 16, 24 or 32 bits per pixel, palettes, run lengths and masks, rows in either order
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
  /** Where the mask of alpha lies, if there is one. */
  readonly alphaMask?: number;
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
  const bits = view.getUint16(28, true);
  // Behind the masks of colors, in headers that have room for it. Those of 108 bytes and more give it where pixels have no masks of their own, too.
  const hasAlphaMask = masked.includes(compression)
    ? compression === 6 || size >= 56
    : compression === 0 && bits === 32 && size >= 108;
  return {
    width: view.getInt32(18, true),
    height: Math.abs(height),
    isTopDown: height < 0,
    bits,
    compression,
    pixels: view.getUint32(10, true),
    palette: 14 + size + (size === 40 && compression === 3 ? 12 : 0),
    colorBytes: 4,
    masks: 54,
    ...(hasAlphaMask ? { alphaMask: 66 } : {}),
  };
}

const compressions: Readonly<Record<number, string>> = {
  4: "JPEG",
  5: "PNG",
};
/** Masks in the header, without or with one for alpha. */
const masked = [3, 6];

/**
 * The pixels of the file as red, green and blue, and alpha where there is a mask for it and it is neither zero nor full everywhere. `check` is called
 * with the size before anything of that size is made.
 *
 * Throws a {@link BadInputError} on behalf of `where` if the file is malformed or cut short, and an {@link UnsupportedError} if it is
 * compressed by anything but run lengths.
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
  const runBits = compression === 1 ? 8 : compression === 2 ? 4 : undefined;
  if (compression !== 0 && runBits === undefined && !masked.includes(compression)) {
    throw new UnsupportedError({
      where,
      what: `a BMP picture compressed by ${compressions[compression] ?? `method ${compression}`}`,
      expected: "one without compression, or with run lengths",
      advice: "Make a PNG of it: magick picture.bmp picture.png",
    });
  }
  if (!(width > 0 && height > 0) || ![1, 4, 8, 16, 24, 32].includes(bits)) throw damaged();
  check(width, height);
  if (runBits !== undefined) {
    if (bits !== runBits) throw damaged();
    return { width, height, channels: 3, data: decodeRuns(bytes, header), format: "BMP" };
  }
  const row = Math.ceil((width * bits) / 32) * 4;
  if (bytes.length < pixels + row * (height - 1) + Math.ceil((width * bits) / 8)) throw damaged();
  const colorAt = bits <= 8 ? paletteColors(bytes, header) : directColors(view, header);
  if (colorAt === undefined) throw damaged();
  const channels = header.alphaMask === undefined ? 3 : 4;
  const data = new Uint8Array(channels * width * height).fill(255);
  for (let y = 0; y < height; y++) {
    const start = pixels + row * (header.isTopDown ? y : height - 1 - y);
    for (let x = 0; x < width; x++) data.set(colorAt(start, x), channels * (y * width + x));
  }
  if (channels === 3 || hasFilledAlpha(data)) return { width, height, channels, data, format: "BMP" };
  return { width, height, channels: 3, data: data.filter((_, i) => i % 4 !== 3), format: "BMP" };
}

/** Whether alpha of RGBA bytes is neither zero everywhere, as writers leave it that know of none, nor full everywhere. */
function hasFilledAlpha(rgba: Uint8Array): boolean {
  let [isZero, isFull] = [true, true];
  for (let i = 3; i < rgba.length; i += 4) {
    isZero &&= rgba[i] === 0;
    isFull &&= rgba[i] === 255;
  }
  return !isZero && !isFull;
}

/**
 * The colors of a picture in run lengths, rows from below. What no run reaches has the first color; runs that lead out of the picture and
 * a file that ends early leave the rest so, as other readers do.
 */
function decodeRuns(bytes: Uint8Array, header: Header): Uint8Array {
  const { width, height, bits, pixels } = header;
  const colors = paletteOf(bytes, header);
  const data = new Uint8Array(3 * width * height);
  const first = colors[0] ?? [0, 0, 0];
  for (let i = 0; i < width * height; i++) data.set(first, 3 * i);
  let [at, x, y] = [pixels, 0, 0];
  const put = (index: number): void => {
    if (x < width && y < height) data.set(colors[index] ?? first, 3 * ((height - 1 - y) * width + x));
    x++;
  };
  /** Number `i` of those that are packed from `from` on. */
  const indexAt = (from: number, i: number): number => {
    if (bits === 8) return bytes[from + i] ?? 0;
    const pair = bytes[from + (i >> 1)] ?? 0;
    return i % 2 === 0 ? pair >> 4 : pair & 15;
  };
  while (at + 1 < bytes.length && y < height) {
    const [count, value] = [bytes[at] ?? 0, bytes[at + 1] ?? 0];
    at += 2;
    if (count > 0) {
      // A byte of four bits each alternates between two colors.
      for (let i = 0; i < count; i++) put(bits === 8 ? value : i % 2 === 0 ? value >> 4 : value & 15);
    } else if (value === 0) {
      [x, y] = [0, y + 1];
    } else if (value === 1) {
      break;
    } else if (value === 2) {
      [x, y] = [x + (bytes[at] ?? 0), y + (bytes[at + 1] ?? 0)];
      at += 2;
    } else {
      for (let i = 0; i < value; i++) put(indexAt(at, i));
      // Literal runs fill words of two bytes.
      at += 2 * Math.ceil((value * bits) / 16);
    }
  }
  return data;
}

/** The color of pixel `x` of the row that begins at `start`. */
type ColorAt = (start: number, x: number) => readonly number[];

/** Red, green and blue of each index; black where the palette has none. */
function paletteOf(bytes: Uint8Array, { bits, palette, colorBytes, pixels }: Header): readonly (readonly number[])[] {
  const known = Math.max(0, Math.floor((Math.min(pixels, bytes.length) - palette) / colorBytes));
  return Array.from({ length: 2 ** bits }, (_, i) => {
    const at = palette + i * colorBytes;
    return i < known ? [bytes[at + 2], bytes[at + 1], bytes[at]] : [0, 0, 0];
  });
}

function paletteColors(bytes: Uint8Array, header: Header): ColorAt {
  const { bits } = header;
  const colors = paletteOf(bytes, header);
  const mask = 2 ** bits - 1;
  return (start, x) => {
    const bit = x * bits;
    return colors[(bytes[start + (bit >> 3)] >> (8 - bits - (bit & 7))) & mask];
  };
}

/** Colors in the pixels themselves, and alpha if it has a mask, by the masks of the header or the usual ones; undefined if a mask has holes. */
function directColors(view: DataView, { bits, compression, masks, alphaMask }: Header): ColorAt | undefined {
  if (bits === 24) return (start, x) => [2, 1, 0].map((c) => view.getUint8(start + 3 * x + c));
  const hasMasks = masked.includes(compression);
  if (hasMasks && view.byteLength < masks + 12) return undefined;
  const usual = bits === 16 ? [0x7c00, 0x03e0, 0x001f] : [0x00ff0000, 0x0000ff00, 0x000000ff];
  const fieldOf = (mask: number) => {
    const shift = mask === 0 ? 0 : 31 - Math.clz32(mask & -mask);
    return { mask, shift, full: mask >>> shift };
  };
  const isWhole = ({ full }: { readonly full: number }): boolean => full !== 0 && (full & (full + 1)) === 0;
  const colors = [0, 1, 2].map((c) => fieldOf(hasMasks ? view.getUint32(masks + 4 * c, true) : usual[c]));
  if (!colors.every(isWhole)) return undefined;
  const hasAlpha = alphaMask !== undefined && view.byteLength >= alphaMask + 4;
  const alpha = fieldOf(hasAlpha ? view.getUint32(alphaMask, true) : 0);
  const fields = isWhole(alpha) ? [...colors, alpha] : colors;
  return (start, x) => {
    const value = bits === 16 ? view.getUint16(start + 2 * x, true) : view.getUint32(start + 4 * x, true);
    return fields.map(({ mask, shift, full }) => Math.round((((value & mask) >>> shift) * 255) / full));
  };
}
