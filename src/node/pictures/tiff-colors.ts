/** @file What the samples of a TIFF mean, which its decoder does not look at in every case. */

import { tiffDirectory, tiffTags } from "../../image/tiff-directory.ts";

/** How TIFF calls spaces in which samples are no colors before they are converted, and what people call them. */
const unconverted: Readonly<Record<number, string>> = {
  6: "YCbCr",
  8: "CIE L*a*b*",
  9: "ICC L*a*b*",
  10: "ITU L*a*b*",
};
/** Compressed by JPEG, old and new: the decoder of JPEG converts. */
const jpeg: readonly number[] = [6, 7];

/**
 * The color space of a TIFF whose samples would be taken for red, green and blue without being that, such as "YCbCr"; undefined for those that are read
 * right, and for what is no TIFF.
 */
export function unconvertedTiffSpace(bytes: Uint8Array): string | undefined {
  const found = tiffDirectory(bytes);
  const photometric = found?.get(tiffTags.photometric);
  if (found === undefined || photometric === undefined) return undefined;
  const isConverted = photometric === 6 && jpeg.includes(found.get(tiffTags.compression) ?? 1);
  return isConverted ? undefined : unconverted[photometric];
}
