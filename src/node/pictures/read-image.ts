/** @file Pictures from files, as a PyTorch pipeline would see them. */
import { readFile, stat } from "node:fs/promises";
import sharp from "sharp";
import { BadInputError, checkKeys, oneOf, UnsupportedError } from "../../errors.ts";
import type { Picture } from "../../image/picture.ts";

export interface ReadImageOptions {
  /**
   * What the camera's EXIF tag says about which side is up: `apply` (default) shows the picture upright, `ignore` leaves the
   * pixels as stored.
   *
   * Deviation: torchvision's loaders ignore the tag. A classifier does better on upright pictures, and boxes are reported
   * in the picture as every viewer shows it; use `ignore` to match numbers measured with torchvision.
   */
  readonly orientation?: "apply" | "ignore";
}

const formats = "JPEG, PNG, WebP, GIF, TIFF or AVIF";
const readableFormats = ["jpeg", "png", "webp", "gif", "tiff", "heif"];

/** 2²⁸ pixels are 0.8 GB as RGB bytes. */
const maxPixels = 2 ** 28;
const maxFileBytes = 2 ** 30;

/** The first line of an error's message, without a final stop. */
function firstLine(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error);
  return text.trim().split("\n")[0].replace(/\.$/, "");
}

const reasons: Record<string, string> = {
  ENOENT: "no such file",
  ENOTDIR: "no such file",
  EACCES: "no permission to read",
  EPERM: "no permission to read",
  EISDIR: "is a folder",
  ENAMETOOLONG: "name too long",
  ELOOP: "links in a circle",
};

async function readBytes(path: string): Promise<Uint8Array> {
  const complain = (what: string, cause?: unknown) =>
    new BadInputError({ where: path, what, expected: `a picture (${formats})` }, { cause });
  try {
    const info = await stat(path);
    if (info.isDirectory()) throw complain("is a folder");
    if (info.isCharacterDevice() || info.isBlockDevice()) throw complain("is a device");
    if (info.size > maxFileBytes) throw complain(`is ${info.size} bytes long`);
    return await readFile(path);
  } catch (error) {
    if (error instanceof BadInputError) throw error;
    const code = (error as NodeJS.ErrnoException).code ?? "";
    throw complain(reasons[code] ?? `cannot be read (${firstLine(error)})`, error);
  }
}

/**
 * The picture in the file at `path`, three channels of bytes at full size; see {@link decodeImage} for what is done to it.
 * Throws a {@link BadInputError} that names the path if the file is missing, may not be read, is a folder, or holds no picture.
 */
export async function readImageFile(path: string, options: ReadImageOptions = {}): Promise<Picture> {
  return decodeImage(await readBytes(path), path, options);
}

/**
 * The picture encoded in `bytes` (JPEG, PNG, WebP, GIF, TIFF, AVIF), three channels of bytes at full size. `where` stands for
 * the bytes in error messages.
 *
 * What is not plain RGB becomes so as in Pillow's `convert("RGB")`, which is what torchvision's loaders do: gray is repeated,
 * palettes are looked up, transparency is dropped (the color stored under it shows), color profiles are not applied, and CMYK
 * becomes (255 − C)(255 − K)/255. Of several frames or pages the first is taken.
 *
 * Deviation: 16-bit samples are divided by 256, also where Pillow clips 16-bit gray to white.
 *
 * Throws a {@link BadInputError} if the bytes are empty, cut short, damaged, not a picture, or more than 2²⁸ pixels, and an
 * {@link UnsupportedError} for samples that are neither 8 nor 16 bits wide.
 */
export async function decodeImage(bytes: Uint8Array, where: string, options: ReadImageOptions = {}): Promise<Picture> {
  checkKeys("decodeImage", options, ["orientation"]);
  const orientation = oneOf("decodeImage: orientation", options.orientation ?? "apply", ["apply", "ignore"]);
  if (bytes.length === 0) throw new BadInputError({ where, what: "is empty", expected: `a picture (${formats})` });
  try {
    // Damage that decoders merely warn of (as Pillow does not) is let pass; what is missing or undecodable is not.
    const open = { failOn: "error", ignoreIcc: true } as const;
    const { format, width, height, space, depth } = await sharp(bytes, { ...open, limitInputPixels: false }).metadata();
    if (!readableFormats.includes(format)) {
      throw new BadInputError({ where, what: "unreadable format", expected: formats, got: format.toUpperCase() });
    }
    if (width * height > maxPixels) {
      throw new BadInputError({
        where,
        what: "too many pixels",
        expected: `at most ${maxPixels}`,
        got: `${width} × ${height}`,
        advice: "Make the picture smaller first; a classifier's input is a few hundred pixels wide.",
      });
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
    const opened = sharp(bytes, { ...open, limitInputPixels: maxPixels });
    const upright = orientation === "apply" ? opened.autoOrient() : opened;
    const colored =
      space === "cmyk"
        ? upright.pipelineColourspace("cmyk").toColourspace("cmyk")
        : upright.removeAlpha().toColourspace("srgb");
    const { data, info } = await colored.raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
    return {
      width: info.width,
      height: info.height,
      channels: 3,
      data:
        space === "cmyk" ? rgbOfCmyk(data, info.channels) : new Uint8Array(data.buffer, data.byteOffset, data.length),
    };
  } catch (error) {
    if (error instanceof BadInputError || error instanceof UnsupportedError) throw error;
    const reason = firstLine(error);
    // Text that mentions an svg tag goes to the SVG decoder, which says that it is no XML.
    const isForeign = /unsupported image format|XML parse error/i.test(reason);
    throw new BadInputError(
      {
        where,
        what: isForeign ? "is not a picture" : `cannot be decoded (${reason})`,
        expected: isForeign ? formats : undefined,
        advice: isForeign ? undefined : "The file is damaged or cut short.",
      },
      { cause: error },
    );
  }
}

/** Red, green and blue from samples of ink (255 = full) of which the first four of every `channels` are C, M, Y and K. */
function rgbOfCmyk(samples: Uint8Array, channels: number): Uint8Array {
  const pixels = samples.length / channels;
  const rgb = new Uint8Array(3 * pixels);
  for (let i = 0; i < pixels; i++) {
    const paper = 255 - samples[i * channels + 3];
    for (let c = 0; c < 3; c++) rgb[3 * i + c] = Math.round(((255 - samples[i * channels + c]) * paper) / 255);
  }
  return rgb;
}
