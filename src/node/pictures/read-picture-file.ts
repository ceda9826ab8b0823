/** @file Pictures for networks of any number of channels: encoded ones, and arrays in NPY files. */
import { BadInputError, checkKeys, numberIn } from "../../errors.ts";
import type { ImageTensor, Picture } from "../../image/picture.ts";
import { decodeNpy } from "../../tensor/npy.ts";
import { floatTensor, type Tensor } from "../../tensor/tensor.ts";
import { readRegularFile } from "../read-regular-file.ts";
import { type BitDepthOptions, sampleDepth } from "./bit-depth.ts";
import { decodeImage, pictureFormats, type ReadImageOptions, readImageOptionKeys } from "./read-image.ts";

export interface ReadPictureFileOptions extends Omit<ReadImageOptions, "channels"> {
  /**
   * How many channels the network takes. 1 and 3 (default) are gray and color, of which either can be had from any picture; for other
   * numbers the file must have as many: gray and alpha for 2, red, green, blue and alpha for 4 (a picture without transparency has
   * full opacity), or a TIFF or NPY of so many bands.
   */
  readonly channelCount?: number;
}

/**
 * An image tensor that was an array in a file, where no camera writes: if it has the size of a network's input, the network takes it as it
 * is.
 */
export interface ArrayImage extends ImageTensor {
  readonly isNetworkInput: true;
}

/** Whether the bytes are NumPy's. */
function isNpy(bytes: Uint8Array): boolean {
  return bytes[0] === 0x93 && String.fromCharCode(...bytes.subarray(1, 6)) === "NUMPY";
}

/**
 * What is in the file at `path`, for a network of `channelCount` channels: a picture as {@link decodeImage} gives it, or the array of an
 * NPY file ([C, H, W], [H, W, C] or [H, W], also with a first axis of 1) as an image tensor [C, H, W]. Bytes of arrays are divided by
 * 255, 16-bit integers by the largest number of the bits that they use; numbers with a point must lie in [0, 1]. An array of the size of
 * a network's input is taken by it as it is.
 *
 * Throws a {@link BadInputError} that names the path for everything else.
 */
export async function readPictureFile(
  path: string,
  options: ReadPictureFileOptions = {},
): Promise<Picture | ArrayImage> {
  checkKeys("readPictureFile", options, [...readImageOptionKeys.filter((key) => key !== "channels"), "channelCount"]);
  const { channelCount = 3, ...reading } = options;
  numberIn("readPictureFile: channelCount", channelCount, { min: 1, integer: true });
  const expected = `a picture (${pictureFormats}) or an NPY array`;
  const bytes = await readRegularFile(path, { expected });
  if (isNpy(bytes)) return imageOfArray(decodeNpy(bytes, path), path, channelCount, reading);
  if (channelCount === 1 || channelCount === 3) return decodeImage(bytes, path, reading);
  const stored = await decodeImage(bytes, path, { ...reading, channels: "stored" });
  if (stored.channels === channelCount) return stored;
  if (channelCount === stored.channels + 1 && (stored.channels === 1 || stored.channels === 3))
    return withOpacity(stored);
  throw new BadInputError({
    where: path,
    what: "the picture does not have the network's number of channels",
    expected: `${channelCount} (a TIFF, or an NPY array of shape [${channelCount}, height, width])`,
    got: String(stored.channels),
  });
}

/** The picture with a further channel, full opacity. */
function withOpacity({ width, height, channels, data }: Picture): Picture {
  const wide = new Uint8Array(width * height * (channels + 1)).fill(255);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < channels; c++) wide[i * (channels + 1) + c] = data[i * channels + c];
  }
  return { width, height, channels: channels + 1, data: wide };
}

function imageOfArray(array: Tensor, where: string, channelCount: number, depth: BitDepthOptions): ArrayImage {
  const shape = array.shape.length === 4 && array.shape[0] === 1 ? array.shape.slice(1) : array.shape;
  const layout = layoutOf(shape, channelCount);
  if (layout === undefined) {
    throw new BadInputError({
      where,
      what: "the array does not have the shape of the network's pictures",
      expected: `[${channelCount}, height, width] or [height, width, ${channelCount}]`,
      got: `[${array.shape.join(", ")}]`,
    });
  }
  const { channels, height, width, isPlanar } = layout;
  const pixels = unitValues(array, where, depth);
  if (isPlanar) return { ...floatTensor(pixels, [channels, height, width]), isNetworkInput: true };
  const planes = new Float32Array(pixels.length);
  const plane = height * width;
  for (let i = 0; i < plane; i++) for (let c = 0; c < channels; c++) planes[c * plane + i] = pixels[i * channels + c];
  return { ...floatTensor(planes, [channels, height, width]), isNetworkInput: true };
}

interface ArrayLayout {
  readonly channels: number;
  readonly height: number;
  readonly width: number;
  /** Whether the channels come first. */
  readonly isPlanar: boolean;
}

/** Which axis is which; planes where both readings fit. Gray arrays do for color and the other way around. */
function layoutOf(shape: readonly number[], channelCount: number): ArrayLayout | undefined {
  const [a, b, c] = shape;
  if (shape.some((extent) => extent === 0)) return undefined;
  const counts = channelCount === 1 || channelCount === 3 ? [channelCount, 4 - channelCount] : [channelCount];
  if (shape.length === 2) return counts.includes(1) ? { channels: 1, height: a, width: b, isPlanar: true } : undefined;
  if (shape.length !== 3) return undefined;
  for (const count of counts) {
    if (a === count) return { channels: a, height: b, width: c, isPlanar: true };
    if (c === count) return { channels: c, height: a, width: b, isPlanar: false };
  }
  return undefined;
}

/** The array's values as pixels in [0, 1]. */
function unitValues({ dtype, data }: Tensor, where: string, depth: BitDepthOptions): Float32Array {
  if (data instanceof Uint8Array && dtype === "uint8") return Float32Array.from(data, (value) => value / 255);
  if (data instanceof Uint16Array && dtype === "uint16") {
    const bits = sampleDepth(data, where, depth);
    return Float32Array.from(data, (value) => value / (2 ** bits - 1));
  }
  const isFloat = data instanceof Float32Array || data instanceof Float64Array;
  if (!isFloat) {
    throw new BadInputError({
      where,
      what: "the array's numbers are no pixels",
      expected: "uint8, uint16, float32 or float64",
      got: dtype,
    });
  }
  let [least, greatest] = [Infinity, -Infinity];
  for (const value of data) {
    if (Number.isNaN(value))
      throw new BadInputError({ where, what: "the array has NaN in it", expected: "pixels in [0, 1]" });
    [least, greatest] = [Math.min(least, value), Math.max(greatest, value)];
  }
  if (least >= 0 && greatest <= 1) return Float32Array.from(data);
  throw new BadInputError({
    where,
    what: "the array's numbers are no pixels",
    expected: "numbers in [0, 1]",
    got: `numbers from ${least} to ${greatest}`,
    advice: "Save the pixels before they are normalized for a network, divided by 255 if they are bytes.",
  });
}
