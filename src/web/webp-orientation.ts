/** @file WebP by its camera's tag (EXIF, Orientation), which not every browser heeds. */
import { tiffOrientation } from "../image/tiff-directory.ts";

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
  return tiffOrientation(isMarked ? exif.subarray(6) : exif);
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
