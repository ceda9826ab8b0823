/** @file TIFFs that sharp's decoder mixes up or does not read: bands that lie one after the other, and samples that are neither bytes nor 16 bits. */
import { BadInputError, UnsupportedError } from "../../errors.ts";
import { tiffDirectory, tiffTags } from "../../image/tiff-directory.ts";
import type { StoredSamples } from "./raw-samples.ts";

/**
 * Whether the bytes are a TIFF whose bands lie one after the other in a way that libvips does not read right: 8.18 mixes up their rows, unless they are red, green and blue
 * in strips, and reads none in tiles.
 */
export function hasPlanesOfBands(bytes: Uint8Array): boolean {
  const found = tiffDirectory(bytes);
  if (found?.get(tiffTags.planarConfiguration) !== 2 || !((found.get(tiffTags.samplesPerPixel) ?? 1) > 1)) return false;
  return found.get(tiffTags.photometric) !== 2 || found.has(tiffTags.tileWidth);
}

/** Compressions that geotiff reads and libvips does not, as sharp builds it. */
const othersCompressions: readonly number[] = [34887, 50000];

/** What TIFF calls compressions that are not read, and what people call them. */
const unreadCompressions: Readonly<Record<number, string>> = {
  33003: "JPEG 2000",
  33005: "JPEG 2000",
  34712: "JPEG 2000",
  34892: "JPEG with loss, of a camera",
  34925: "LZMA",
  34933: "PNG",
  50002: "JPEG XL",
  52546: "JPEG XL",
};

/** Whether the bytes are a TIFF whose samples libvips does not read, by their compression or because they are of 12, 24 or 64 bits. */
export function hasForeignSamples(bytes: Uint8Array): boolean {
  const found = tiffDirectory(bytes);
  if (found === undefined || ![1, 2].includes(found.get(tiffTags.photometric) ?? 1)) return false;
  const bits = found.get(tiffTags.bitsPerSample) ?? 1;
  return othersCompressions.includes(found.get(tiffTags.compression) ?? 1) || (bits > 8 && bits !== 16 && bits !== 32);
}

/** Throws an {@link UnsupportedError} for a TIFF that no decoder here reads. */
export function checkCompression(bytes: Uint8Array, where: string): void {
  const found = tiffDirectory(bytes);
  const number = found?.get(tiffTags.compression) ?? 1;
  const name =
    unreadCompressions[number] ??
    (othersCompressions.includes(number) ? "Zstandard or LERC of a palette, of ink, or of white as 0" : undefined);
  if (name === undefined) return;
  throw new UnsupportedError({
    where,
    what: "this TIFF is compressed in a way that is not read",
    expected: "no compression, LZW, Deflate, PackBits, JPEG, CCITT, WebP, or, of gray and RGB, Zstandard or LERC",
    got: name,
    advice: "Save the picture with another compression, or as PNG.",
  });
}

/**
 * The samples of the first picture in a TIFF as they are stored, and how many pictures there are; those that are neither bytes nor 16 bits without a sign become numbers, of 9 to 15 bits from 0 to 1. `check` is called with its size before it is decoded.
 * Throws a {@link BadInputError} for damaged files.
 */
export async function decodeTiff(
  bytes: Uint8Array,
  where: string,
  check: (width: number, height: number) => void,
): Promise<StoredSamples & { readonly pages: number }> {
  const { fromArrayBuffer } = await import("geotiff");
  try {
    const file = await fromArrayBuffer(new Uint8Array(bytes).buffer);
    const image = await file.getImage(0);
    // What comes behind the first picture may be damaged: that is no matter here.
    const pages = await file.getImageCount().catch(() => 1);
    const [width, height, channels] = [image.getWidth(), image.getHeight(), image.getSamplesPerPixel()];
    check(width, height);
    const data = await image.readRasters({ interleave: true });
    const bits: number = image.getBitsPerSample();
    if (data instanceof Uint16Array && bits < 16) {
      // How many levels there are is said here; of 16 bits that are not all used it has to be guessed.
      return { width, height, channels, pages, data: Float32Array.from(data, (sample) => sample / (2 ** bits - 1)) };
    }
    const isUnsigned = data instanceof Uint8Array || data instanceof Uint16Array;
    return { width, height, channels, pages, data: isUnsigned ? data : Float32Array.from(data) };
  } catch (error) {
    if (error instanceof BadInputError) throw error;
    const what = `cannot be decoded (${(error as Error).message})`;
    throw new BadInputError({ where, what, advice: "The file is damaged or cut short." }, { cause: error });
  }
}
