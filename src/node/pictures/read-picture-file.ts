/** @file Pictures for networks of any number of channels: encoded ones, and arrays in NPY files. */
import type { ImageInput } from "../../classifier/classifier.ts";
import { fullScaleOf } from "../../classifier/preprocessing/preprocessing.ts";
import { BadInputError, checkForm, checkKeys, numberIn } from "../../errors.ts";
import type { ImageTensor, Picture } from "../../image/picture.ts";
import { decodeNpy } from "../../tensor/npy.ts";
import { floatTensor, type Tensor } from "../../tensor/tensor.ts";
import { readRegularFile } from "../read-regular-file.ts";
import {
  type BitDepthOptions,
  type FullScaleOptions,
  sampleDepth,
  sharesOf,
  toBytes,
  unitNumbers,
} from "./bit-depth.ts";
import { decodeSamples, pictureFormats, type ReadImageOptions, readImageOptionKeys } from "./read-image.ts";

export interface ReadPictureFileOptions extends Omit<ReadImageOptions, "channels"> {
  /**
   * How many channels the network takes. 1 and 3 (default) are gray and color, of which either can be had from any picture; for other
   * numbers the file must have as many: gray and alpha for 2, red, green, blue and alpha for 4 (a picture without transparency has
   * full opacity), or a TIFF or NPY of so many bands.
   */
  readonly channelCount?: number;
  /**
   * The sample that pixel 1 stands for, where the network takes samples of more than 8 bits: `scale` of its normalization, if that is above 255. Samples of 16 bits and
   * arrays become shares of it, without rounding, unless `bitDepth` is given; bytes are stretched to it, with a note. Undefined (default): samples are shares of white,
   * whatever their bits.
   */
  readonly fullScale?: number;
}

/** How files are read for the network whose input is given (`classifier.input`): options of {@link readPictureFile}, and `reading` of `loadDataset`. */
export function readingFor(input: Pick<ImageInput, "channelCount" | "scale">): NetworkReading {
  checkForm("readingFor: input", input, ["channelCount", "scale"]);
  return { channelCount: input.channelCount, fullScale: fullScaleOf(input) };
}

/** What a network decides of how files are read. */
export type NetworkReading = Pick<ReadPictureFileOptions, "channelCount" | "fullScale">;

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
 * a network's input is taken by it as it is. With `fullScale` pictures of 16 bits are image tensors as well, and numbers with a point may be samples.
 *
 * Throws a {@link BadInputError} that names the path for everything else.
 */
export async function readPictureFile(
  path: string,
  options: ReadPictureFileOptions = {},
): Promise<Picture | ArrayImage | ImageTensor> {
  const own = ["channelCount", "fullScale"] as const;
  checkKeys("readPictureFile", options, [...readImageOptionKeys.filter((key) => key !== "channels"), ...own]);
  const { channelCount, fullScale } = options;
  if (channelCount !== undefined) numberIn("readPictureFile: channelCount", channelCount, { min: 1, integer: true });
  if (fullScale !== undefined) numberIn("readPictureFile: fullScale", fullScale, { min: 1 });
  const expected = `a picture (${pictureFormats}) or an NPY array`;
  return pictureOfFileBytes(await readRegularFile(path, { expected }), path, options);
}

/** What is in the bytes of a file, as of {@link readPictureFile}, which lie in another one, such as a table; `path` stands for them in messages. */
export async function pictureOfFileBytes(
  bytes: Uint8Array,
  path: string,
  { channelCount = 3, fullScale, ...reading }: ReadPictureFileOptions,
): Promise<Picture | ArrayImage | ImageTensor> {
  const depth = { ...reading, ...(reading.bitDepth === undefined ? { fullScale } : {}) };
  if (isNpy(bytes)) return imageOfArray(decodeNpy(bytes, path), path, channelCount, depth);
  // Gray and color come from any picture, other channels as they are stored.
  const isColor = channelCount === 1 || channelCount === 3;
  const wanted = isColor ? reading : { ...reading, channels: "stored" as const };
  const fitting = (picture: Picture): Picture => (isColor ? picture : withChannels(picture, path, channelCount));
  const { data, ...stored } = await decodeSamples(bytes, path, wanted);
  if (data instanceof Uint8Array) {
    if (depth.fullScale !== undefined) noteStretched(path, depth);
    return fitting({ ...stored, data });
  }
  if (data instanceof Uint16Array && depth.fullScale === undefined) {
    return fitting({ ...stored, data: toBytes(data, sampleDepth(data, path, reading)) });
  }
  const { width, height, channels } = stored;
  if (!isColor && channels !== channelCount) throw otherChannels(path, channelCount, channels);
  const shares =
    data instanceof Uint16Array && depth.fullScale !== undefined
      ? sharesOf(data, depth.fullScale, path, reading.onNote)
      : unitNumbers(data, path, depth);
  return floatTensor(planesOf(shares, channels), [channels, height, width]);
}

function noteStretched(where: string, { fullScale, onNote }: ArrayReading): void {
  onNote?.(
    `${where}: its samples have 8 bits, and the model takes samples from 0 to ${fullScale}: white is taken as ${fullScale}.`,
    "full-scale",
  );
}

/** The picture, if it has as many channels, or all but full opacity; otherwise throws a {@link BadInputError}. */
function withChannels(stored: Picture, where: string, channelCount: number): Picture {
  const { channels } = stored;
  if (channels === channelCount) return stored;
  if (channelCount === channels + 1 && (channels === 1 || channels === 3)) return withOpacity(stored);
  throw otherChannels(where, channelCount, channels);
}

function otherChannels(where: string, wanted: number, got: number): BadInputError {
  return new BadInputError({
    where,
    what: "the picture does not have the network's number of channels",
    expected: `${wanted} (a TIFF, or an NPY array of shape [${wanted}, height, width])`,
    got: String(got),
  });
}

/** How the numbers of arrays become pixels. */
interface ArrayReading extends BitDepthOptions, FullScaleOptions {}

/** Interleaved samples channel by channel. */
function planesOf(samples: Float32Array, channels: number): Float32Array {
  const planes = new Float32Array(samples.length);
  const plane = samples.length / channels;
  for (let i = 0; i < plane; i++) for (let c = 0; c < channels; c++) planes[c * plane + i] = samples[i * channels + c];
  return planes;
}

/** The picture with a further channel, full opacity. */
function withOpacity({ width, height, channels, data }: Picture): Picture {
  const wide = new Uint8Array(width * height * (channels + 1)).fill(255);
  for (let i = 0; i < width * height; i++) {
    for (let c = 0; c < channels; c++) wide[i * (channels + 1) + c] = data[i * channels + c];
  }
  return { width, height, channels: channels + 1, data: wide };
}

function imageOfArray(array: Tensor, where: string, channelCount: number, depth: ArrayReading): ArrayImage {
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
  const planes = isPlanar ? pixels : planesOf(pixels, channels);
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
function unitValues({ dtype, data }: Tensor, where: string, depth: ArrayReading): Float32Array {
  const { fullScale, onNote } = depth;
  if (data instanceof Uint8Array && dtype === "uint8") {
    if (fullScale !== undefined) noteStretched(where, depth);
    return Float32Array.from(data, (value) => value / 255);
  }
  if (data instanceof Uint16Array && dtype === "uint16") {
    const largest = fullScale ?? 2 ** sampleDepth(data, where, depth) - 1;
    return sharesOf(data, largest, where, onNote);
  }
  const isSigned = data instanceof Int16Array || data instanceof Int32Array;
  if (!(fullScale !== undefined && isSigned) && !(data instanceof Float32Array || data instanceof Float64Array)) {
    throw new BadInputError({
      where,
      what: "the array's numbers are no pixels",
      expected: `uint8, uint16, ${fullScale === undefined ? "" : "int16, int32, "}float32 or float64`,
      got: dtype,
    });
  }
  return unitNumbers(data, where, depth);
}
