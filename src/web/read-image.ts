/** @file Pictures in a browser as a network takes them. */
import type { ImageInput } from "../classifier/classifier.ts";
import { fitPicture } from "../classifier/preprocessing/fit-picture.ts";
import { fullScaleOf } from "../classifier/preprocessing/preprocessing.ts";
import { BadInputError, checkForm, checkKeys, MisuseError, UnsupportedError } from "../errors.ts";
import type { ImageTensor, Picture } from "../image/picture.ts";
import { framesNote, type OnPictureNote, transparencyNote } from "../image/picture-note.ts";
import { upright } from "../image/upright.ts";
import { withoutAlpha } from "../image/without-alpha.ts";
import { countFrames, type FrameDecoder } from "./count-frames.ts";
import { bytesOf, type FileSource, nameOf } from "./load-classifier.ts";
import { storedPixels, type TextureContext } from "./stored-pixels.ts";
import { turnsWebp, webpOrientation } from "./webp-orientation.ts";

/** A decoded picture, as `createImageBitmap` gives it. */
export interface Bitmap {
  readonly width: number;
  readonly height: number;
  close(): void;
}

/** Something to draw a picture on and read its pixels from. */
export interface DrawingContext {
  drawImage(bitmap: never, x: number, y: number): void;
  getImageData(x: number, y: number, width: number, height: number): { readonly data: Uint8ClampedArray };
}

/** What decoding needs of a browser, a worker or a stand-in for them. */
export interface ImageEnvironment {
  createImageBitmap(blob: Blob, options: object): Promise<Bitmap>;
  createContext(width: number, height: number): DrawingContext | null;
  /** Red, green, blue and alpha of each pixel of `bitmap` as the file has them, which a canvas forgets; undefined if there is no way to ask. */
  storedPixels?(bitmap: Bitmap): Uint8Array | undefined;
  /** How many frames `blob` has; undefined if there is no way to ask. */
  countFrames?(blob: Blob): Promise<number | undefined>;
}

export interface ReadImageOptions {
  /** Default: {@link browserEnvironment}. */
  readonly environment?: ImageEnvironment;
  /** Fetches addresses; the environment's own `fetch` by default. */
  readonly fetch?: typeof globalThis.fetch;
  /** Called with what of the picture is not looked at, or was put under it: `transparency`, and frames after the first. */
  readonly onNote?: OnPictureNote;
}

const optionKeys = ["environment", "fetch", "onNote"] as const;

/**
 * The picture `source` at full size, upright, without its color profile applied and without its transparency: the colors stored under it are looked at, and a drawing in
 * its transparency alone is laid on white or black, as in Node.
 *
 * Deviation from `perceptual-ball/node`: where a browser cannot give these colors (no WebGL 2, or a side longer than its textures), wholly transparent pixels come out
 * black, which is noted.
 *
 * Throws a BadInputError if it cannot be fetched or decoded, and an UnsupportedError for a PNG of 16 bits that uses at most 14 of them: browsers keep the upper eight.
 */
export async function readPicture(source: FileSource, options: ReadImageOptions = {}): Promise<Picture> {
  checkKeys("readImage", options, optionKeys);
  return decoded(await blobOf(source, options.fetch), nameOf(source), options);
}

async function decoded(
  blob: Blob,
  where: string,
  { environment = browserEnvironment(), onNote }: ReadImageOptions,
): Promise<Picture> {
  const decode = (file: Blob): Promise<Bitmap> => environment.createImageBitmap(file, bitmapOptions);
  let bitmap: Bitmap;
  try {
    bitmap = await decode(blob);
  } catch (cause) {
    const what = "is not a picture that this browser can decode";
    const advice = "If it is a TIFF, PPM or the like, save it as PNG, or use the command line, which reads these.";
    throw new BadInputError({ where, what, advice }, { cause });
  }
  const { width, height } = bitmap;
  const context = environment.createContext(width, height);
  if (context === null) {
    bitmap.close();
    throw new BadInputError({ where, what: `the browser gives no canvas of ${width} × ${height} pixels` });
  }
  context.drawImage(bitmap as never, 0, 0);
  const { data: drawn } = context.getImageData(0, 0, width, height);
  const isSolid = isOpaque(drawn);
  const stored = isSolid ? undefined : environment.storedPixels?.(bitmap);
  bitmap.close();
  const { data, beneath } = withoutAlpha(stored ?? new Uint8Array(drawn), 4, 255);
  if (beneath !== "nothing") {
    const isForgotten = beneath === "colors" && stored === undefined;
    onNote?.(`${where}: ${isForgotten ? forgottenNote : transparencyNote(beneath)}`, "transparency");
  }
  const frames = (await environment.countFrames?.(blob)) ?? 1;
  if (frames > 1) onNote?.(`${where}: ${framesNote(frames)}`, "first-frame");
  const isDark = data.every((value) => value < 64) && data.some((value) => value > 0);
  if (isDark && (await isWidePng(blob))) {
    throw unkept(where, "its samples use at most 14 of the 16 bits that they have");
  }
  const picture: Picture = { width, height, channels: 3, data };
  const orientation = await webpOrientation(blob);
  return orientation === 1 || (await turnsWebp(decode)) ? picture : upright(picture, orientation);
}

/** A file's own colors and bytes, upright. */
const bitmapOptions = { imageOrientation: "from-image", premultiplyAlpha: "none", colorSpaceConversion: "none" };

const forgottenNote =
  "its transparency is left out; this browser gives no color under it, and wholly transparent places are looked at as black, other than on the command line.";

/** Whether all pixels of RGBA bytes have full opacity. */
function isOpaque(rgba: Uint8ClampedArray): boolean {
  for (let i = 3; i < rgba.length; i += 4) if (rgba[i] < 255) return false;
  return true;
}

async function blobOf(source: FileSource, fetch: typeof globalThis.fetch = globalThis.fetch): Promise<Blob> {
  return source instanceof Blob ? source : new Blob([(await bytesOf(source, fetch)) as Uint8Array<ArrayBuffer>]);
}

/** Whether the file is a PNG of 16 bits: what its first chunk says. */
async function isWidePng(blob: Blob): Promise<boolean> {
  const head = new Uint8Array(await blob.slice(0, 25).arrayBuffer());
  return head[0] === 0x89 && String.fromCharCode(...head.subarray(1, 4)) === "PNG" && head[24] === 16;
}

function unkept(where: string, what: string): UnsupportedError {
  const advice = "Save the picture with 8 bits, or use the command line, which reads all of them.";
  return new UnsupportedError({ where, what: `${what}, and a browser keeps the upper eight`, advice });
}

/**
 * The picture `source`, resized and cropped for the network whose `classifier.input` is given: [C, H, W], pixels in [0, 1].
 * Resampled as in Node, not by the browser. Throws as {@link readPicture} does, and an UnsupportedError for any PNG of 16 bits where the network takes samples of more
 * than 8.
 */
export async function readImage(
  source: FileSource,
  input: ImageInput,
  options: ReadImageOptions = {},
): Promise<ImageTensor> {
  checkKeys("readImage", options, optionKeys);
  const [blob, where] = [await blobOf(source, options.fetch), nameOf(source)];
  const picture = await decoded(blob, where, options);
  if (fullScaleOf(input) !== undefined && (await isWidePng(blob))) {
    throw unkept(where, "the network takes samples of more than 8 bits");
  }
  return fitPicture(picture, input);
}

interface BrowserGlobals {
  readonly createImageBitmap?: ImageEnvironment["createImageBitmap"];
  readonly OffscreenCanvas?: new (
    width: number,
    height: number,
  ) => { getContext(kind: "2d" | "webgl2", options?: object): unknown };
  readonly ImageDecoder?: FrameDecoder;
}

/** The browser's or worker's own decoder and canvas. Throws a MisuseError where there are none. */
export function browserEnvironment(globals: object = globalThis): ImageEnvironment {
  checkForm("browserEnvironment: globals", globals, []);
  const { createImageBitmap, OffscreenCanvas, ImageDecoder } = globals as BrowserGlobals;
  if (createImageBitmap === undefined || OffscreenCanvas === undefined) {
    throw new MisuseError({
      where: "readImage",
      what: "there is no createImageBitmap or OffscreenCanvas here",
      advice: "Pass the option environment, or use perceptual-ball/node.",
    });
  }
  return {
    createImageBitmap: (blob, options) => createImageBitmap.call(globals, blob, options),
    createContext: (width, height) =>
      new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true }) as DrawingContext | null,
    storedPixels: (bitmap) =>
      storedPixels(bitmap, new OffscreenCanvas(1, 1).getContext("webgl2") as TextureContext | null),
    countFrames: (blob) => countFrames(blob, ImageDecoder),
  };
}
