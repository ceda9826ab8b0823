/** @file Hostile pictures: damaged files of every format that is read, and PNG headers that lie with a right checksum. */
import { crc32 } from "node:zlib";
import sharp from "sharp";
import { decodeImage, decodeImageSize } from "../../../src/node/pictures/read-image.ts";
import type { Random } from "../../../src/random/random.ts";
import { createRandom } from "../../../src/random/random.ts";
import { extremes, integer, mutateBytes, pick } from "../mutate.ts";
import { oneFile, onlyFile, outcomeOf, type Subject } from "../subject.ts";

const side = 16;

async function sources(): Promise<readonly [Uint8Array, ...Uint8Array[]]> {
  const random = createRandom(3);
  const data = Uint8Array.from({ length: 3 * side * side }, () => integer(random, 256));
  const picture = () => sharp(data, { raw: { width: side, height: side, channels: 3 } });
  const text = new TextEncoder();
  const header = text.encode(`P6\n${side} ${side}\n255\n`);
  const plain = text.encode(`P3\n2 2\n255\n${Array.from(data.subarray(0, 12)).join(" ")}\n`);
  const bmp = new Uint8Array(54 + data.length);
  const view = new DataView(bmp.buffer);
  bmp.set(text.encode("BM"));
  for (const [at, value] of [
    [2, bmp.length],
    [10, 54],
    [14, 40],
    [18, side],
    [22, side],
    [34, data.length],
  ] as const) {
    view.setUint32(at, value, true);
  }
  view.setUint16(26, 1, true);
  view.setUint16(28, 24, true);
  bmp.set(data, 54);
  const encoded = await Promise.all([
    picture().png({ compressionLevel: 1 }).toBuffer(),
    picture().png({ palette: true, progressive: true }).toBuffer(),
    picture().jpeg().toBuffer(),
    picture().jpeg({ progressive: true }).withMetadata({ orientation: 6 }).toBuffer(),
    picture().webp().toBuffer(),
    picture().gif().toBuffer(),
    picture().tiff({ compression: "lzw" }).toBuffer(),
  ]);
  return [bmp, new Uint8Array([...header, ...data]), plain, ...encoded.map((bytes) => new Uint8Array(bytes))];
}

/** A PNG with a field of its header changed, and the checksum right again. */
function lyingPng(png: Uint8Array, random: Random): Uint8Array {
  const changed = png.slice();
  const view = new DataView(changed.buffer);
  if (random() < 0.6) view.setUint32(pick(random, [16, 20]), pick(random, extremes) >>> 0);
  else changed[pick(random, [24, 25, 26, 27, 28])] = pick(random, [0, 1, 2, 3, 4, 6, 8, 16, 255]);
  view.setUint32(29, crc32(changed.subarray(12, 29)));
  return changed;
}

function isPng(bytes: Uint8Array): boolean {
  return bytes[0] === 0x89 && bytes[1] === 0x50;
}

export async function pictureSubject(): Promise<Subject> {
  const all = await sources();
  return {
    name: "pictures",
    make(random) {
      const bytes = pick(random, all) ?? all[0];
      if (isPng(bytes) && random() < 0.4) return oneFile(lyingPng(bytes, random));
      // What is behind the header matters less often.
      if (random() < 0.5) {
        const end = Math.min(bytes.length, 64);
        return oneFile(new Uint8Array([...mutateBytes(bytes.subarray(0, end), random), ...bytes.subarray(end)]));
      }
      return oneFile(mutateBytes(bytes, random));
    },
    use: (input) =>
      outcomeOf(async () => {
        const bytes = onlyFile(input);
        const { width, height } = await decodeImageSize(bytes, "picture");
        const picture = await decodeImage(bytes, "picture", { orientation: "ignore" });
        if (picture.width !== width || picture.height !== height || picture.data.length !== 3 * width * height) {
          throw new Error(`said ${width} x ${height}, is ${picture.width} x ${picture.height}`);
        }
      }),
  };
}
