/** @file The pictures and the table of docs/wrong-cue.md: `npx tsx examples/wrong-cue/figures.ts`. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import sharp from "sharp";
import type { Picture } from "../../src/image/picture.ts";
import { loadClassifier } from "../../src/node/models/load-classifier.ts";
import { readPictureFile } from "../../src/node/pictures/read-picture-file.ts";
import { explainPicture } from "../../src/report/explanation/explain-picture.ts";
import { integratedGradients } from "../../src/saliency/gradients/integrated-gradients.ts";
import type { SaliencyMethod } from "../../src/saliency/method.ts";
import { occlusion } from "../../src/saliency/occlusion/occlusion.ts";
import { perceptual } from "../../src/saliency/perturbations/perceptual.ts";
import { classes } from "./pictures.ts";

const root = join(import.meta.dirname, "../..");
const folder = join(root, "docs/images/wrong-cue");
const page = join(root, "docs/wrong-cue.md");
const side = 240;
mkdirSync(folder, { recursive: true });

/** The picture as it is, then its map by each of the methods. */
async function row(model: string, path: string, methods: readonly SaliencyMethod[]): Promise<Picture[]> {
  const classifier = await loadClassifier(join(import.meta.dirname, `${model}.onnx`), { runtime: ort });
  const picture = await readPictureFile(join(import.meta.dirname, "pictures", path));
  const runs = methods.map((method) => ({ method }));
  const versions = { perceptualBall: "", runtime: "", platform: "" };
  const found: Picture[] = [];
  for await (const { pictures } of explainPicture(classifier, picture, runs, {
    ...{ image: path, model: { path: model, sha256: "" }, versions },
    localizationRule: { threshold: { kind: "value", alpha: 0.5 } },
  })) {
    if (found.length === 0) found.push(pictures.input);
    found.push(pictures.overlay);
  }
  await classifier.dispose();
  return found;
}

async function writeRow(name: string, pictures: readonly Picture[]): Promise<void> {
  const tiles = await Promise.all(
    pictures.map(({ data, width, height }) =>
      sharp(data, { raw: { width, height, channels: 3 } })
        .resize(side, side, { kernel: width < side ? "nearest" : "lanczos3" })
        .png()
        .toBuffer(),
    ),
  );
  const width = tiles.length * (side + 8) - 8;
  await sharp({ create: { width, height: side, channels: 4, background: "#0000" } })
    .composite(tiles.map((input, n) => ({ input, left: n * (side + 8), top: 0 })))
    .webp({ quality: 82, effort: 6 })
    .toFile(join(folder, `${name}.webp`));
}

const three = [perceptual, integratedGradients, occlusion];
await writeRow("agency", await row("agency", "held-out/duck/3.jpg", three));
await writeRow("mended", await row("mended", "held-out/duck/3.jpg", three));
await writeRow("stamped", [
  ...(await row("agency", "held-out/rocket/1.jpg", [perceptual])),
  ...(await row("agency", "stamped/rocket/1.jpg", [perceptual])),
]);

const record: {
  readonly accuracy: Readonly<Record<string, Readonly<Record<string, Readonly<Record<string, number>>>>>>;
} = JSON.parse(readFileSync(join(import.meta.dirname, "record.json"), "utf8"));
const sets = { asCollected: "as collected", withoutMark: "without the mark", allMarked: "the mark on all" };
const lines = Object.entries(record.accuracy).flatMap(([model, shares]) =>
  Object.entries(sets).map(([key, words]) => {
    const cells = classes.map((name) => `${Math.round(100 * (shares[key]?.[name] ?? 0))} %`);
    return `| \`${model}.onnx\`, ${words} | ${cells.join(" | ")} |`;
  }),
);
const head = "|---|---:|---:|---:|---:|\n";
const [before, after = ""] = readFileSync(page, "utf8").split(head);
writeFileSync(page, `${before}${head}${lines.join("\n")}\n${after.slice(after.indexOf("\n\n") + 1)}`);
