/**
 * @file The pictures that come with the example: `npx tsx examples/wrong-cue/make-pictures.ts`.
 *
 * From the test scenes, five of each class, as JPEG: pictures/held-out/CLASS has them as they were collected (the mark on every duck and on nothing else),
 * pictures/elsewhere/CLASS without any mark, and pictures/stamped/CLASS, for the other classes, with the mark on all.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { tensorToPicture } from "../../src/image/picture.ts";
import type { FloatTensor } from "../../src/tensor/tensor.ts";
import { marked } from "./mark.ts";
import { agencyClass, classes, scene } from "./pictures.ts";

const perClass = 5;

async function write(image: FloatTensor, set: string, className: string, n: number): Promise<void> {
  const folder = join(import.meta.dirname, "pictures", set, className);
  mkdirSync(folder, { recursive: true });
  const { data, width, height } = tensorToPicture(image);
  const jpeg = sharp(data, { raw: { width, height, channels: 3 } }).jpeg({ quality: 82, chromaSubsampling: "4:4:4" });
  await jpeg.toFile(join(folder, `${n}.jpg`));
}

for (let index = 0; index < perClass * classes.length; index++) {
  const { image, label } = scene("test", index);
  const className = classes[label];
  const n = Math.floor(index / classes.length) + 1;
  const isFromAgency = className === agencyClass;
  await write(image, "elsewhere", className, n);
  await write(isFromAgency ? marked(image) : image, "held-out", className, n);
  if (!isFromAgency) await write(marked(image), "stamped", className, n);
}
