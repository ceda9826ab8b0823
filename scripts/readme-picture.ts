/**
 * @file The picture at the top of the README, from a report on the bundled pictures: `npm start`, then `npx tsx scripts/readme-picture.ts`.
 *
 * Stacks the rows of three of them, with the guided map. The report's folder can be given as an argument.
 */
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";

const [report = "perceptual-ball-report"] = process.argv.slice(2);
const pictures = ["scene-5-mug", "scene-2-cactus", "scene-3-airplane"];
const width = 1000;

const rows = await Promise.all(
  pictures.map((name) =>
    sharp(join(report, name, "guided-perceptual/panel.png"))
      .resize({ width })
      .toBuffer({ resolveWithObject: true }),
  ),
);
const height = rows.reduce((sum, { info }) => sum + info.height, 0);
let top = 0;
const layers = rows.map(({ data, info }) => {
  const layer = { input: data, left: 0, top };
  top += info.height;
  return layer;
});
const folder = join(import.meta.dirname, "../docs/images");
await mkdir(folder, { recursive: true });
await sharp({ create: { width, height, channels: 3, background: "white" } })
  .composite(layers)
  .png({ palette: true, quality: 95, effort: 10 })
  .toFile(join(folder, "explain.png"));
