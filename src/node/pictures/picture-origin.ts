/**
 * @file What a PNG that this software wrote says about itself, in a text chunk (PNG specification, section 11.3.4.3).
 *
 * A perturbed or adversarial picture has the size of a network's input, resized and cropped already. Read again like any picture, it
 * would be resized and cropped once more, and would be another picture.
 */
import { crc32 } from "node:zlib";

const keyword = "perceptual-ball";
const networkInput = "network-input";

/** Length of the signature and of the chunk IHDR, which is the first. */
const headerBytes = 8 + 25;

/** The PNG, marked as one whose pixels are a network's input. */
export function markNetworkInput(png: Uint8Array): Uint8Array {
  const body = Buffer.from(`tEXt${keyword}\0${networkInput}`, "latin1");
  const chunk = Buffer.alloc(body.length + 8);
  chunk.writeUInt32BE(body.length - 4, 0);
  body.copy(chunk, 4);
  chunk.writeUInt32BE(crc32(body), body.length + 4);
  return Buffer.concat([png.subarray(0, headerBytes), chunk, png.subarray(headerBytes)]);
}

/** Whether the texts of a PNG, as sharp gives them, mark a network's input. */
export function isMarkedNetworkInput(
  comments: readonly { readonly keyword: string; readonly text: string }[] | undefined,
): boolean {
  return comments?.some((comment) => comment.keyword === keyword && comment.text === networkInput) ?? false;
}
