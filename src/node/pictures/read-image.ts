/** @file Pictures from files, as a PyTorch pipeline would see them. */
import sharp, { type Metadata } from "sharp";
import { BadInputError, checkKeys, kindOf, MisuseError, numberIn, oneOf, UnsupportedError } from "../../errors.ts";
import type { Picture } from "../../image/picture.ts";
import { framesNote, type OnPictureNote, transparencyNote } from "../../image/picture-note.ts";
import { tiffOrientation } from "../../image/tiff-directory.ts";
import { upright } from "../../image/upright.ts";
import { withoutAlpha } from "../../image/without-alpha.ts";
import { readRegularFile } from "../read-regular-file.ts";
import { sampleDepth, toBytes, unitNumbers } from "./bit-depth.ts";
import { decodeBmp, isBmp } from "./decode-bmp.ts";
import { decodeNetpbm, isNetpbm } from "./decode-netpbm.ts";
import { checkCompression, decodeTiff, hasForeignSamples, hasPlanesOfBands } from "./decode-tiff.ts";
import { foreignFormat, isAvif } from "./foreign-format.ts";
import { isMarkedNetworkInput } from "./picture-origin.ts";
import { pngFrames } from "./png-frames.ts";
import type { StoredSamples } from "./raw-samples.ts";
import { unconvertedTiffSpace } from "./tiff-colors.ts";

export interface ReadImageOptions {
  /**
   * What the camera's EXIF tag says about which side is up: `apply` (default) shows the picture upright, `ignore` leaves the
   * pixels as stored.
   *
   * Deviation: torchvision's loaders ignore the tag. A classifier does better on upright pictures, and boxes are reported
   * in the picture as every viewer shows it; use `ignore` to match numbers measured with torchvision.
   */
  readonly orientation?: "apply" | "ignore";
  /**
   * `rgb` (default) gives three channels, whatever is stored; `stored` gives those that are in the file: gray, gray and alpha, red,
   * green, blue and alpha, or the bands of a TIFF.
   */
  readonly channels?: "rgb" | "stored";
  /** Pictures of more pixels are refused before they are decoded; default 2²⁶, which are 200 MB as RGB bytes. */
  readonly maxPixels?: number;
  /** How many bits of 16-bit samples are used, from 8 to 16; where it is not given it is seen from the samples, and noted. */
  readonly bitDepth?: number;
  /** Called with what was concluded about the picture and could be wrong, and with what of it is not looked at. */
  readonly onNote?: OnPictureNote;
}

export const readImageOptionKeys = [
  "orientation",
  "channels",
  "maxPixels",
  "bitDepth",
  "onNote",
] as const satisfies readonly (keyof ReadImageOptions)[];

export const pictureFormats = "JPEG, PNG, WebP, GIF, TIFF, AVIF, BMP, PPM or PGM";
const readableFormats = ["jpeg", "png", "webp", "gif", "tiff", "heif"];

/** The limit on pixels unless it is given. */
export const defaultMaxPixels = 2 ** 26;
/** The limit on width and height, which is JPEG's. */
const maxSide = 65_535;
/** The limit on the longer side over the shorter. */
const maxAspect = 1000;

/** The first line of an error's message, without a final stop. */
function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.trim().split("\n")[0].replace(/\.$/, "");
}

/** A function that throws a {@link BadInputError} for a size beyond the limits. */
function sizeCheck(where: string, maxPixels: number): (width: number, height: number) => void {
  const smaller = "Make the picture smaller first; a classifier's input is a few hundred pixels wide.";
  const refuse = (what: string, expected: string, got: string, advice = smaller): never => {
    throw new BadInputError({ where, what, expected, got, advice });
  };
  return (width, height) => {
    const got = `${width} × ${height}`;
    if (width * height > maxPixels) {
      refuse("too many pixels", `at most ${maxPixels} (--max-pixels, the option \`maxPixels\`)`, got);
    }
    if (Math.max(width, height) > maxSide) refuse("too wide or too high", `at most ${maxSide} pixels either way`, got);
    if (Math.max(width, height) > maxAspect * Math.min(width, height)) {
      refuse("too long a strip", `one side at most ${maxAspect} times the other`, got, "Cut a part out of it first.");
    }
  };
}

/**
 * The picture in the file at `path`, three channels of bytes at full size; see {@link decodeImage} for what is done to it.
 * Throws a {@link BadInputError} that names the path if the file is missing, may not be read, is a folder, pipe, socket or device, or
 * holds no picture.
 */
export async function readImageFile(path: string, options: ReadImageOptions = {}): Promise<Picture> {
  checkKeys("readImageFile", options, readImageOptionKeys);
  return decodeImage(await readRegularFile(path, { expected: `a picture (${pictureFormats})` }), path, options);
}

/** The size of the picture encoded in `bytes` as stored, from its header. Throws as {@link decodeImage} does. */
export async function decodeImageSize(
  bytes: Uint8Array,
  where: string,
  { maxPixels = defaultMaxPixels }: Pick<ReadImageOptions, "maxPixels"> = {},
): Promise<{ readonly width: number; readonly height: number }> {
  const { width, height } =
    decoderOf(bytes) === undefined && !hasForeignSamples(bytes)
      ? await headerOf(bytes, where, maxPixels)
      : await decodeImage(bytes, where, { maxPixels, orientation: "ignore" });
  return { width, height };
}

/**
 * The picture encoded in `bytes` (JPEG, PNG, WebP, GIF, TIFF, AVIF, BMP, PBM, PGM, PPM, PAM), three channels of bytes at full size.
 * `where` stands for the bytes in error messages.
 *
 * What is not plain RGB becomes so as in Pillow's `convert("RGB")`, which is what torchvision's loaders do: gray is repeated,
 * palettes are looked up, transparency is dropped (the color stored under it shows), color profiles are not applied, and CMYK
 * becomes (255 − C)(255 − K)/255. Of several frames or pages the first is taken.
 *
 * Deviation: a drawing in its transparency alone, of one color, is laid on white or black (`withoutAlpha`), where Pillow gives one square of that color.
 *
 * Deviation: 16-bit samples are divided by 256, also where Pillow clips 16-bit gray to white; samples of fewer bits in 16 by as much
 * as makes them bytes.
 *
 * Throws a {@link BadInputError} if the bytes are empty, cut short, damaged, not a picture, or of more pixels than allowed, or hold numbers (as TIFFs may) that do not
 * lie in [0, 1], and an {@link UnsupportedError} for samples of other kinds.
 */
export async function decodeImage(bytes: Uint8Array, where: string, options: ReadImageOptions = {}): Promise<Picture> {
  const { data, ...stored } = await decodeSamples(bytes, where, options);
  return { ...stored, data: bytesOf(data, where, options) };
}

function bytesOf(samples: StoredSamples["data"], where: string, options: ReadImageOptions): Uint8Array {
  if (samples instanceof Uint8Array) return samples;
  if (samples instanceof Uint16Array) return toBytes(samples, sampleDepth(samples, where, options));
  return Uint8Array.from(unitNumbers(samples, where), (value) => Math.round(255 * value));
}

/** What {@link decodeImage} does until samples of 16 bits become bytes; those of CMYK are bytes already. */
export async function decodeSamples(
  bytes: Uint8Array,
  where: string,
  options: ReadImageOptions = {},
): Promise<StoredSamples> {
  if (!(bytes instanceof Uint8Array)) {
    const advice = typeof bytes === "string" ? "readImageFile() takes a path." : undefined;
    throw new MisuseError({
      where: "decodeImage",
      what: "not bytes",
      expected: "a Uint8Array",
      got: kindOf(bytes),
      advice,
    });
  }
  checkKeys("decodeImage", options, readImageOptionKeys);
  oneOf("decodeImage: orientation", options.orientation ?? "apply", ["apply", "ignore"]);
  oneOf("decodeImage: channels", options.channels ?? "rgb", ["rgb", "stored"]);
  const maxPixels = numberIn("decodeImage: maxPixels", options.maxPixels ?? defaultMaxPixels, { min: 1, max: 2 ** 31 });
  if (options.bitDepth !== undefined) {
    numberIn("decodeImage: bitDepth", options.bitDepth, { min: 8, max: 16, integer: true });
  }
  const expected = `a picture (${pictureFormats})`;
  if (bytes.length === 0) throw new BadInputError({ where, what: "is empty", expected });
  const foreign = foreignFormat(bytes, where);
  if (foreign !== undefined) {
    throw new UnsupportedError({
      where,
      what: `is ${foreign.name}, which is not read`,
      expected: pictureFormats,
      advice: foreign.advice,
    });
  }
  if (hasPlanesOfBands(bytes) || hasForeignSamples(bytes)) return decodeTiffAs(bytes, where, maxPixels, options);
  checkCompression(bytes, where);
  const decode = decoderOf(bytes);
  if (decode !== undefined) return inChannels(decode(bytes, where, sizeCheck(where, maxPixels)), where, options);
  return decodeBySharp(bytes, where, maxPixels, options);
}

/** A TIFF that sharp does not read, as the options have it. */
async function decodeTiffAs(
  bytes: Uint8Array,
  where: string,
  maxPixels: number,
  options: ReadImageOptions,
): Promise<StoredSamples> {
  const { pages, ...stored } = await decodeTiff(bytes, where, sizeCheck(where, maxPixels));
  const orientation = tiffOrientation(bytes);
  noteUnseen(bytes, where, { orientation, pages }, options);
  return inChannels(options.orientation === "ignore" ? stored : upright(stored, orientation), where, options);
}

/** The decoder of our own that the bytes need, if they need one. */
function decoderOf(bytes: Uint8Array): typeof decodeBmp | undefined {
  return isBmp(bytes) ? decodeBmp : isNetpbm(bytes) ? decodeNetpbm : undefined;
}

/** Samples in the wanted channels. */
function inChannels(
  { width, height, channels, data }: Omit<StoredSamples, "isNetworkInput">,
  where: string,
  options: ReadImageOptions,
): StoredSamples {
  if (options.channels === "stored" || channels === 3) return { width, height, channels, data };
  if (channels > 4) throw tooManyChannels(where, channels);
  if (channels === 2 || channels === 4) {
    const opaque = withoutAlpha(data, channels, fullSample(data, where, options));
    if (opaque.beneath !== "nothing") {
      options.onNote?.(`${where}: ${transparencyNote(opaque.beneath)}`, "transparency");
    }
    return inChannels({ width, height, channels: channels - 1, data: opaque.data }, where, options);
  }
  const rgb = new (data.constructor as new (length: number) => StoredSamples["data"])(3 * width * height);
  for (let i = 0; i < width * height; i++) rgb.fill(data[i], 3 * i, 3 * i + 3);
  return { width, height, channels: 3, data: rgb };
}

/** The sample of white and of full opacity. */
function fullSample(data: StoredSamples["data"], where: string, { bitDepth }: ReadImageOptions): number {
  if (data instanceof Uint8Array) return 255;
  if (data instanceof Float32Array) return 1;
  // Seen without a note: where it matters, it is seen of the colors again, and said.
  return 2 ** (bitDepth ?? sampleDepth(data, where, {})) - 1;
}

function tooManyChannels(where: string, channels: number): BadInputError {
  return new BadInputError({
    where,
    what: `has ${channels} channels, which are no colors`,
    expected: "gray or color, with or without transparency",
    advice: "Only a classifier of as many channels can take it.",
  });
}

/** More bands than sensors have. */
const maxChannels = 256;

/** Damage that decoders merely warn of (as Pillow does not) is let pass; what is missing or undecodable is not. */
const opening = { failOn: "error", ignoreIcc: true, limitInputChannels: maxChannels } as const;

/** What the header says, if it is that of a picture within the limits. */
async function headerOf(bytes: Uint8Array, where: string, maxPixels: number): Promise<Metadata> {
  const header = await explained(bytes, where, () => sharp(bytes, { ...opening, limitInputPixels: false }).metadata());
  if (!readableFormats.includes(header.format)) {
    const got = header.format.toUpperCase();
    throw new BadInputError({ where, what: "unreadable format", expected: pictureFormats, got });
  }
  sizeCheck(where, maxPixels)(header.width, header.height);
  return header;
}

async function decodeBySharp(
  bytes: Uint8Array,
  where: string,
  maxPixels: number,
  options: ReadImageOptions,
): Promise<StoredSamples> {
  const unconverted = unconvertedTiffSpace(bytes);
  if (unconverted !== undefined) {
    throw new UnsupportedError({
      where,
      what: "the samples of this TIFF are not red, green and blue",
      expected: "RGB, gray, a palette, CMYK, or JPEG in TIFF",
      got: unconverted,
      advice: "Save the picture as PNG or JPEG first.",
    });
  }
  const header = await headerOf(bytes, where, maxPixels);
  const { space, depth, channels, comments } = header;
  if (depth !== "uchar" && depth !== "ushort" && header.format === "tiff") {
    return decodeTiffAs(bytes, where, maxPixels, options);
  }
  if (depth !== "uchar" && depth !== "ushort") {
    throw new UnsupportedError({
      where,
      what: "unsupported kind of samples",
      expected: "8 or 16 bits",
      got: depth,
      advice: "Save the picture as PNG or JPEG first.",
    });
  }
  const isWide = depth === "ushort";
  noteUnseen(bytes, where, header, options);
  return explained(bytes, where, async () => {
    const opened = sharp(bytes, { ...opening, limitInputPixels: maxPixels });
    const upright = options.orientation === "ignore" ? opened : opened.autoOrient();
    const isGray = space === "b-w" || space === "grey16";
    // Three bands of which nothing says that they are red, green and blue, as GDAL writes them, are taken for these.
    const isStored = options.channels === "stored" || (isGray && channels === 3);
    const isBands = space === "multiband" || (space !== "cmyk" && channels > (isGray ? 2 : 4));
    if (!isStored && isBands) throw tooManyChannels(where, channels);
    // sharp drops the transparency of gray that stays gray: it is read as color, whose three are alike.
    const isGrayWithAlpha = isStored && isGray && channels === 2;
    const colored =
      space === "cmyk"
        ? upright.pipelineColourspace("cmyk").toColourspace("cmyk")
        : isStored
          ? upright.toColourspace(storedSpace(isGray && !isBands && !isGrayWithAlpha, isWide))
          : upright.toColourspace(isWide ? "rgb16" : "srgb");
    const { data, info } = await colored.raw({ depth }).toBuffer({ resolveWithObject: true });
    const samples = isWide
      ? new Uint16Array(data.buffer, data.byteOffset, data.length / 2)
      : new Uint8Array(data.buffer, data.byteOffset, data.length);
    const { width, height } = info;
    const stored =
      space === "cmyk"
        ? rgbOfCmyk(bytesOf(samples, where, options), info.channels)
        : (isBands || isGrayWithAlpha) && info.channels > channels
          ? { channels, data: withoutRepetition(samples, info.channels, info.channels - channels) }
          : { channels: info.channels, data: samples };
    return {
      ...inChannels({ width, height, ...stored }, where, options),
      ...(isMarkedNetworkInput(comments) ? { isNetworkInput: true } : {}),
    };
  });
}

/** Says what of a picture is left out: that a camera's tag turns it, and what comes after its first frame. */
function noteUnseen(
  bytes: Uint8Array,
  where: string,
  { orientation = 1, pages = 1 }: Pick<Metadata, "orientation" | "pages">,
  { onNote, orientation: wanted }: ReadImageOptions,
): void {
  if (onNote === undefined) return;
  if (wanted === "ignore" && orientation > 1 && orientation <= 8) {
    onNote(
      `${where}: the camera's tag (EXIF) turns it, and in a data set it is taken as stored, as boxes and torchvision's loaders have it.`,
      "not-turned",
    );
  }
  const frames = Math.max(pages, pngFrames(bytes));
  if (frames > 1) onNote(`${where}: ${framesNote(frames)}`, "first-frame");
}

/** The samples of `channels` each without the `repeated` ones after the first: sharp makes color of the first band. */
function withoutRepetition(
  samples: Uint8Array | Uint16Array,
  channels: number,
  repeated: number,
): Uint8Array | Uint16Array {
  return samples.filter((_, i) => i % channels === 0 || i % channels > repeated);
}

/** The space in which gray stays gray and color color. */
function storedSpace(isGray: boolean, isWide: boolean): string {
  if (isGray) return isWide ? "grey16" : "b-w";
  return isWide ? "rgb16" : "srgb";
}

/** The result of `work`, its errors in our words. */
async function explained<T>(bytes: Uint8Array, where: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof BadInputError || error instanceof UnsupportedError) throw error;
    const reason = firstLine(error);
    // Text that mentions an svg tag goes to the SVG decoder, which says that it is no XML.
    const isForeign = /unsupported image format|XML parse error/i.test(reason) && !isAvif(bytes);
    throw new BadInputError(
      {
        where,
        what: isForeign ? "is not a picture" : `cannot be decoded (${reason})`,
        expected: isForeign ? pictureFormats : undefined,
        advice: isForeign
          ? undefined
          : isAvif(bytes)
            ? "It may be AVIF of a kind that is not read, such as of 10 bits, or damaged. Make a PNG of it: avifdec picture.avif picture.png"
            : "The file is damaged or cut short.",
      },
      { cause: error },
    );
  }
}

/**
 * Red, green and blue, and opacity where there is one, from samples of ink (255 = full) of which the first four of every `channels` are C, M, Y and K,
 * and one behind them is opacity.
 */
function rgbOfCmyk(samples: Uint8Array, channels: number): { readonly channels: 3 | 4; readonly data: Uint8Array } {
  const pixels = samples.length / channels;
  const kept = channels > 4 ? 4 : 3;
  const data = new Uint8Array(kept * pixels);
  for (let i = 0; i < pixels; i++) {
    const paper = 255 - samples[i * channels + 3];
    for (let c = 0; c < 3; c++) data[kept * i + c] = Math.round(((255 - samples[i * channels + c]) * paper) / 255);
    if (kept === 4) data[4 * i + 3] = samples[i * channels + 4];
  }
  return { channels: kept, data };
}
