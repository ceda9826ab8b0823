/**
 * @file Pictures to train on, as most people have them: `npx tsx examples/training/pictures.ts [FOLDER]`.
 *
 * Writes FOLDER/train/CLASS/N.jpg and FOLDER/test/CLASS/N.jpg (default: photos), 120 and 30 rendered Scenes of each of four classes.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { tensorToPicture } from "../../src/image/picture.ts";
import { renderScene, scenesClasses } from "../../src/scenes/scenes.ts";

const [folder = "photos"] = process.argv.slice(2);
const seed = 8_000_008;
const sets = [
  { name: "train", start: 0, count: 120 },
  { name: "test", start: 10_000, count: 30 },
];

for (const { name, start, count } of sets) {
  for (const className of ["chair", "duck", "mug", "rocket"]) {
    const target = join(folder, name, className);
    mkdirSync(target, { recursive: true });
    const label = scenesClasses.indexOf(className);
    for (let n = 0; n < count; n++) {
      const { image } = renderScene({ seed, index: start + n, size: 128, label });
      const { data, width, height } = tensorToPicture(image);
      const jpeg = sharp(data, { raw: { width, height, channels: 3 } }).jpeg({ quality: 92 });
      await jpeg.toFile(join(target, `${n}.jpg`));
    }
  }
}
