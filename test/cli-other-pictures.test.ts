/** @file Results of one data set are never taken for those of another whose folder and files are called the same. */
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fingerprinted } from "../src/node/data/fingerprinted.ts";
import { loadDataset } from "../src/node/data/load-dataset.ts";
import { writePng } from "../src/node/pictures/write-image.ts";
import { writeModel } from "../src/onnx/file/write-model.ts";
import { parseModel } from "../src/onnx/text/parse.ts";
import { floatTensor } from "../src/tensor/tensor.ts";
import { runCli } from "./run-cli.ts";

let folder: string;
const path = (name: string): string => join(folder, name);
const classes = ["blue", "red"];

/** Two sets called `val`: in the second each picture is what the first calls the other class. */
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "perceptual-ball-other-"));
  const text = `<ir_version: 8, opset_import: ["": 18]> g (float[N,3,16,16] x) => (float[N,2] y) <float[2,3] w = {-9, 0, 9, 9, 0, -9}>
    { c = Relu (x) a = GlobalAveragePool (c) f = Flatten (a) y = Gemm <transB = 1> (f, w) }`;
  writeFileSync(path("net.onnx"), writeModel(parseModel(text)));
  for (const [set, red] of [
    ["a", 0.8],
    ["b", 0.2],
  ] as const) {
    for (const name of classes) {
      mkdirSync(path(`${set}/val/${name}`), { recursive: true });
      const amount = name === "red" ? red : 1 - red;
      const color = [amount, 0.5, 1 - amount];
      for (const n of [0, 1, 2]) {
        const pixels = Float32Array.from({ length: 768 }, (_, i) => (color[Math.floor(i / 256)] ?? 0) + 0.01 * n);
        await writePng(path(`${set}/val/${name}/${n}.png`), floatTensor(pixels, [3, 16, 16]));
      }
    }
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

const usual = (): string[] => ["--model", path("net.onnx"), "--preprocessing", "unit", "--resize", "exact", "--quiet"];

async function run(...words: string[]): Promise<void> {
  const { code, stderr } = await runCli([...words, ...usual()]);
  expect([code, stderr]).toEqual([0, ""]);
}

const read = (name: string): string => readFileSync(path(name), "utf8");

test("robust accuracy is of the pictures that are there now", async () => {
  const radii = ["--attack", "fgsm", "--epsilon", "0.02"];
  for (const set of ["a", "b"]) {
    await run("benchmark", "robustness", "--data", path(`${set}/val`), ...radii, "--out", path("robust"));
    const { curves } = JSON.parse(read("robust/results.json"));
    expect([set, curves[0].accuracy.value]).toEqual([set, set === "a" ? 1 : 0]);
  }
});

test("an attack is of the picture that is there now, also where it was replaced in place", async () => {
  const flags = ["attack", "--data", path("mine"), "--attack", "fgsm", "--epsilon", "0.02", "--out", path("attacked")];
  mkdirSync(path("mine"));
  for (const set of ["a", "b"]) {
    copyFileSync(path(`${set}/val/red/0.png`), path("mine/0.png"));
    const { stdout } = await runCli([...flags, ...usual(), "--json"]);
    expect([set, JSON.parse(stdout.trim().split("\n")[0] ?? "").label.index]).toEqual([set, set === "a" ? 1 : 0]);
  }
});

test("boxes that were corrected count", async () => {
  mkdirSync(path("boxes"));
  copyFileSync(path("a/val/red/0.png"), path("boxes/0.png"));
  const flags = ["--data", path("boxes"), "--method", "gradient", "--curve-steps", "0", "--out", path("localized")];
  for (const [box, error] of [
    ["2,2,14,14", 0],
    ["0,0,3,3", 1],
  ] as const) {
    writeFileSync(path("boxes/boxes.csv"), `image,x0,y0,x1,y1\n0.png,${box}\n`);
    await run("benchmark", "localization", ...flags);
    const centered = read("localized/table1.csv")
      .split("\n")
      .find((line) => line.startsWith("centered box,value"));
    expect(Number(centered?.split(",")[4])).toBe(error);
  }
});

test("a universal perturbation of other pictures is not gone on with, and learned anew where that is asked for", async () => {
  const flags = [
    "--epochs",
    "1",
    "--train-images",
    "3",
    "--first",
    "3",
    "--epsilon",
    "0.05",
    "--out",
    path("universal"),
  ];
  const found: string[] = [];
  for (const set of ["a", "b"]) {
    if (set === "b") {
      const { code, stderr } = await runCli(["universal", "--data", path("b/val"), ...flags, ...usual()]);
      expect([code, stderr]).toEqual([2, expect.stringContaining("learned otherwise")]);
    }
    await run("universal", "--data", path(`${set}/val`), ...flags, ...(set === "b" ? ["--fresh"] : []));
    found.push(readFileSync(path("universal/perturbation.npy")).toString("hex"));
  }
  expect(found[0]).not.toBe(found[1]);
});

test("fingerprints are of the stored bytes, the class and the boxes", async () => {
  const of = async (set: string, names: readonly string[]): Promise<(string | undefined)[]> => {
    const dataset = await loadDataset(path(`${set}/val`), { classes: { names, count: names.length } });
    return (await fingerprinted(dataset)).images.map(({ contents }) => contents);
  };
  const mine = await of("a", classes);
  expect(new Set(mine).size).toBe(6);
  expect(mine.every((text) => /^[\da-f]{16}$/.test(text ?? ""))).toBe(true);
  expect(await of("a", classes)).toEqual(mine);
  expect(await of("b", classes)).not.toEqual(mine);
  expect(await of("a", classes.toReversed())).not.toEqual(mine);
});
