/** @file How many frames a PNG has: libpng decodes the first of an animation, and says nothing of the others. */

const signature = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** The number that the chunk acTL of an animated PNG says, which stands before the first pixels; 1 for all other bytes. */
export function pngFrames(bytes: Uint8Array): number {
  if (!signature.every((byte, index) => bytes[index] === byte)) return 1;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  for (let at = 8; at + 12 <= bytes.length; at += 12 + view.getUint32(at)) {
    const type = String.fromCharCode(...bytes.subarray(at + 4, at + 8));
    if (type === "acTL") return Math.max(1, view.getUint32(at + 8));
    if (type === "IDAT") return 1;
  }
  return 1;
}
