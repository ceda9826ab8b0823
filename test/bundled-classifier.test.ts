import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import * as ort from "onnxruntime-node";
import { beforeAll, expect, test } from "vitest";
import { encodePng } from "../src/node/pictures/write-image.ts";
import { readModel } from "../src/onnx/file/read-model.ts";
import { bundledScenes, scenes, scenesClasses, scenesSeeds } from "../src/scenes/scenes.ts";
import { given } from "./given.ts";
import { runCli } from "./run-cli.ts";

const assets = resolve(import.meta.dirname, "../assets");
const bytes = readFileSync(resolve(assets, "scenes-vgg.onnx"));
const provenance = JSON.parse(readFileSync(resolve(assets, "scenes-vgg.json"), "utf8"));
const model = readModel(bytes);
const preprocessing = JSON.parse(given(model.metadata.get("preprocessing")));

let session: ort.InferenceSession;
beforeAll(async () => {
  session = await ort.InferenceSession.create(bytes, { intraOpNumThreads: 1 });
});

/** The label with the largest logit for pixels [3, 96, 96] in [0, 1]. */
async function classify(pixels: Float32Array): Promise<number> {
  const { mean, std } = preprocessing;
  const area = pixels.length / 3;
  const input = pixels.map((value, i) => (value - mean[Math.floor(i / area)]) / std[Math.floor(i / area)]);
  const { logits } = await session.run({ image: new ort.Tensor("float32", input, [1, 3, 96, 96]) });
  const values = Array.from(logits.data as Float32Array);
  expect(values).toHaveLength(10);
  return values.indexOf(Math.max(...values));
}

test("the file is small, keeps its BatchNormalization nodes, and says how to feed it", () => {
  expect(bytes.length).toBeLessThan(6_000_000);
  const count = (operator: string) => model.graph.nodes.filter(({ opType }) => opType === operator).length;
  expect(count("Conv")).toBe(10);
  expect(count("BatchNormalization")).toBe(10);
  expect(count("Relu")).toBe(10);
  expect(model.metadata.get("labels")?.split("\n")).toEqual(scenesClasses);
  expect(preprocessing).toEqual({
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
    scale: 1,
    channels: "rgb",
    layout: "nchw",
    size: 96,
  });
});

test("its record names the seeds that were used, and at least 95 % on 1000 scenes it was not trained on", () => {
  expect(provenance.trainingScenes.seed).toBe(scenesSeeds.training);
  expect(provenance.testScenes).toMatchObject({ seed: scenesSeeds.test, count: 1000 });
  expect(provenance.testAccuracy).toBeGreaterThanOrEqual(0.95);
});

test("it names at least 95 of 100 scenes of a seed that neither training nor its test has seen", {
  timeout: 60_000,
}, async () => {
  let right = 0;
  for (const { image, label } of scenes({ seed: 4, count: 100 })) if ((await classify(image.data)) === label) right++;
  expect(right).toBeGreaterThanOrEqual(95);
});

test("it names every bundled picture", async () => {
  for (const { image, label } of bundledScenes()) expect(await classify(image.data)).toBe(label);
});

test("its statistics are its own: without a flag, clean scenes stand and attacked ones are found", async () => {
  const folder = await mkdtemp(join(tmpdir(), "bundled-"));
  const paths: string[] = [];
  for (const [index, { image }] of [...scenes({ seed: 4, count: 3 })].entries()) {
    paths.push(join(folder, `${index}.png`));
    await writeFile(paths[index], await encodePng(image));
  }
  const attacked = await runCli(["attack", ...paths, "--attack", "pgd", "-o", join(folder, "attacked")]);
  expect(attacked).toMatchObject({ code: 0 });
  const found = paths.map((_, index) => join(folder, `attacked/${index}/adversarial.png`));
  const { stdout, code } = await runCli(["detect", ...paths, ...found, "--samples", "8", "--json"]);
  expect(code).toBe(0);
  const verdicts = stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).verdict);
  expect(verdicts).toEqual([...paths.map(() => "clean"), ...found.map(() => "flagged")]);
  await rm(folder, { recursive: true });
});
