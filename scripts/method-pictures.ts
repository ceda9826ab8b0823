/**
 * @file The pictures and the list of docs/choose.md: every method on the same three Scenes. `npm run pictures`, after a method was added or changed.
 *
 * Writes docs/images/methods/NAME.webp, three overlays side by side for each method of the registry, `scenes.webp`, the Scenes themselves,
 * and `methods.json`, what was measured; then the list between the marks in docs/choose.md. `npm run pictures -- NAME …` draws only these methods (`missing`: those that have none yet) and keeps
 * the rest. A method that the bundled network cannot have is listed with its reason.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import sharp from "sharp";
import { PerceptualBallError } from "../src/errors.ts";
import type { Picture } from "../src/image/picture.ts";
import { iou } from "../src/localization/box.ts";
import { bundledClassifierPath } from "../src/node/models/bundled.ts";
import { loadClassifier } from "../src/node/models/load-classifier.ts";
import { explainPicture } from "../src/report/explanation/explain-picture.ts";
import { saliencyMethods } from "../src/saliency/methods.ts";
import { renderScene, scenesSeeds } from "../src/scenes/scenes.ts";
import { methodList, type PicturedMethod } from "./method-list.ts";

const root = join(import.meta.dirname, "..");
const folder = join(root, "docs/images/methods");
/** A mug, a cactus and an airplane of the bundled pictures, rendered with three times their pixels a side. */
const indices = [4, 1, 2];
const size = 288;
/** Height and width of one overlay on the page, in pixels. */
const shown = 240;

/** Pictures side by side, as WebP. */
async function writeRow(name: string, pictures: readonly Picture[]): Promise<void> {
  const tiles = await Promise.all(
    pictures.map(({ data, width, height }) =>
      sharp(data, { raw: { width, height, channels: 3 } })
        .resize(shown, shown)
        .png()
        .toBuffer(),
    ),
  );
  const background = {
    width: pictures.length * (shown + 8) - 8,
    height: shown,
    channels: 4,
    background: "#0000",
  } as const;
  await sharp({ create: background })
    .composite(tiles.map((input, n) => ({ input, left: n * (shown + 8), top: 0 })))
    .webp({ quality: 78, effort: 6 })
    .toFile(join(folder, `${name}.webp`));
}

mkdirSync(folder, { recursive: true });
const listed = join(folder, "methods.json");
const before: readonly PicturedMethod[] = existsSync(listed) ? JSON.parse(readFileSync(listed, "utf8")) : [];
/** What the site opens with. */
async function writeHero({ data, width, height }: Picture): Promise<void> {
  const target = join(root, "docs/public/hero.webp");
  const shape = { width, height, channels: 3 } as const;
  await sharp(data, { raw: shape }).resize(400, 400).webp({ quality: 80, effort: 6 }).toFile(target);
}

const known = saliencyMethods.map(({ name }) => name);
const given = process.argv.slice(2);
const wanted =
  given[0] === "missing"
    ? known.filter((name) => before.every((entry) => entry.name !== name))
    : given.length > 0
      ? given
      : known;
const unknown = wanted.filter((name) => !known.some((one) => one === name));
if (unknown.length > 0) throw new Error(`there is no method ${unknown.join(", ")}`);

const scenes = indices.map((index) => renderScene({ seed: scenesSeeds.bundled, index, size }));
const classifier = await loadClassifier(bundledClassifierPath, { runtime: ort });
const versions = { perceptualBall: "", runtime: "", platform: "" };
const found: PicturedMethod[] = [];
for (const method of saliencyMethods) {
  const { name, title, summary, source } = method;
  const kept = before.find((entry) => entry.name === name);
  if (kept !== undefined && !wanted.includes(name)) {
    found.push(kept);
    continue;
  }
  try {
    const overlays: Picture[] = [];
    const boxes: number[] = [];
    const cost = { forward: 0, gradient: 0 };
    for (const { image, box } of scenes) {
      const options = { image: "scene", model: { path: "scenes-vgg.onnx", sha256: "" }, versions, groundTruth: box };
      for await (const { record, pictures } of explainPicture(classifier, image, [{ method }], options)) {
        overlays.push(pictures.overlay);
        boxes.push(record.box === null ? 0 : iou(record.box, box));
        cost.forward = Math.max(cost.forward, record.forwardEvaluations);
        cost.gradient = Math.max(cost.gradient, record.evaluations);
      }
    }
    await writeRow(name, overlays);
    if (name === "guided-perceptual") await writeHero(overlays[0]);
    found.push({ name, title, summary, source, cost, iou: boxes.map((value) => Number(value.toFixed(2))) });
  } catch (error) {
    if (!(error instanceof PerceptualBallError)) throw error;
    found.push({ name, title, summary, source, refused: error.message });
  }
  console.log(name, JSON.stringify(found.at(-1)?.iou ?? found.at(-1)?.refused));
}
await classifier.dispose();
await writeRow(
  "scenes",
  scenes.map(({ image }) => ({
    width: size,
    height: size,
    channels: 3,
    data: Uint8Array.from({ length: 3 * size * size }, (_, i) =>
      Math.round(255 * image.data[(i % 3) * size * size + Math.floor(i / 3)]),
    ),
  })),
);
writeFileSync(listed, `${JSON.stringify(found, null, 2)}\n`);
const page = join(root, "docs/choose.md");
const methodsPage = readFileSync(join(root, "docs/methods.md"), "utf8");
writeFileSync(page, methodList(readFileSync(page, "utf8"), found, methodsPage));
