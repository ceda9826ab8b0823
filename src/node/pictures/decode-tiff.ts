/** @file TIFFs that sharp's decoder mixes up or does not read: bands that lie one after the other, and samples that are neither bytes nor 16 bits. */
import { BadInputError } from "../../errors.ts";
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

/**
 * The samples of the first picture in a TIFF; those that are neither bytes nor 16 bits without a sign become numbers. `check` is called with its size before it is decoded.
 * Throws a {@link BadInputError} for damaged files.
 */
export async function decodeTiff(
  bytes: Uint8Array,
  where: string,
  check: (width: number, height: number) => void,
): Promise<StoredSamples> {
  const { fromArrayBuffer } = await import("geotiff");
  try {
    const image = await (await fromArrayBuffer(new Uint8Array(bytes).buffer)).getImage(0);
    const [width, height, channels] = [image.getWidth(), image.getHeight(), image.getSamplesPerPixel()];
    check(width, height);
    const data = await image.readRasters({ interleave: true });
    const isUnsigned = data instanceof Uint8Array || data instanceof Uint16Array;
    return { width, height, channels, data: isUnsigned ? data : Float32Array.from(data) };
  } catch (error) {
    if (error instanceof BadInputError) throw error;
    const what = `cannot be decoded (${(error as Error).message})`;
    throw new BadInputError({ where, what, advice: "The file is damaged or cut short." }, { cause: error });
  }
}
