/** @file WebP by its camera's tag (EXIF, Orientation), which not every browser heeds. */
import type { Picture } from "../image/picture.ts";
import { tiffDirectory, tiffTags } from "../image/tiff-directory.ts";

/** What decodes a picture, as far as its size. */
type Decoder = (blob: Blob) => Promise<{ readonly width: number; close(): void }>;

/** How the stored picture lies, 1 (upright) to 8, as EXIF numbers it; 1 where the file is no WebP or says nothing. */
export async function webpOrientation(blob: Blob): Promise<number> {
  const head = new Uint8Array(await blob.slice(0, 12).arrayBuffer());
  if (!/^RIFF[\s\S]{4}WEBP$/.test(String.fromCharCode(...head))) return 1;
  const bytes = new Uint8Array(await blob.arrayBuffer());
  const view = new DataView(bytes.buffer);
  for (let at = 12; at + 8 <= bytes.length; ) {
    const [kind, size] = [String.fromCharCode(...bytes.subarray(at, at + 4)), view.getUint32(at + 4, true)];
    if (kind === "EXIF") return orientationIn(bytes.subarray(at + 8, at + 8 + size));
    // Chunks have an even length.
    at += 8 + size + (size % 2);
  }
  return 1;
}

function orientationIn(exif: Uint8Array): number {
  // Some writers put JPEG's mark in front.
  const isMarked = String.fromCharCode(...exif.subarray(0, 4)) === "Exif";
  const orientation = tiffDirectory(isMarked ? exif.subarray(6) : exif)?.get(tiffTags.orientation) ?? 1;
  return orientation >= 1 && orientation <= 8 ? orientation : 1;
}

/** Two pixels beside each other, which by their tag (6) lie one above the other. */
const lying =
  "UklGRlIAAABXRUJQVlA4WAoAAAAIAAAAAQAAAAAAVlA4TBEAAAAvAQAAAA8Q87//8x8OMqL/AQBFWElGGgAAAElJKgAIAAAAAQASAQMAAQAAAAYAAAAAAAAA";

/** Whether `decode` turns WebP by itself. */
export async function turnsWebp(decode: Decoder): Promise<boolean> {
  const bytes = Uint8Array.from(atob(lying), (letter) => letter.charCodeAt(0));
  const bitmap = await decode(new Blob([bytes], { type: "image/webp" }));
  const { width } = bitmap;
  // A closed one has no width.
  bitmap.close();
  return width === 1;
}

/** The picture upright that is stored as `orientation` says. */
export function upright({ width, height, channels, data }: Picture, orientation: number): Picture {
  const [right, below, last] = [width - 1, width * (height - 1), width * height - 1];
  // The pixel that comes first, and how far it is in the stored ones to the right and down.
  const [first, across, down] = [
    [0, 1, width],
    [right, -1, width],
    [last, -1, -width],
    [below, 1, -width],
    [0, width, 1],
    [below, -width, 1],
    [last, -width, -1],
    [right, width, -1],
  ][orientation - 1];
  const [newWidth, newHeight] = orientation >= 5 ? [height, width] : [width, height];
  const turned = new Uint8Array(data.length);
  for (let y = 0, to = 0; y < newHeight; y++) {
    for (let x = 0; x < newWidth; x++, to += channels) {
      const from = channels * (first + x * across + y * down);
      for (let c = 0; c < channels; c++) turned[to + c] = data[from + c];
    }
  }
  return { width: newWidth, height: newHeight, channels, data: turned };
}
