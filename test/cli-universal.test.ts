import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readImageFile, readNpy } from "../src/node/index.ts";
import { writePng } from "../src/node/pictures/write-image.ts";
import { lockFile } from "../src/node/records/file-lock.ts";
import { writeModel } from "../src/onnx/file/write-model.ts";
import type { UniversalRecord } from "../src/report/universal/page.ts";
import { renderScene } from "../src/scenes/scenes.ts";
import { floatTensor } from "../src/tensor/tensor.ts";
import { runCli } from "./run-cli.ts";
import { tinyClassifier } from "./tiny-classifier.ts";

let folder = "";
const path = (name: string): string => join(folder, name);
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "perceptual-ball-universal-"));
  writeFileSync(path("tiny.onnx"), writeModel(tinyClassifier()));
  for (const [seed, part] of ["train", "test"].entries()) {
    for (let index = 0; index < 24; index++) {
      const inner = path(`scenes/${part}/${index % 4}`);
      mkdirSync(inner, { recursive: true });
      await writePng(join(inner, `${index}.png`), renderScene({ seed, index, size: 24 }).image);
    }
  }
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const universal = (...flags: string[]) =>
  runCli([
    ...["universal", "--data", path("scenes"), "--model", path("tiny.onnx"), "--epsilon", "24/255", "--epochs", "3"],
    ...["--batch", "4", "--out", path("out"), ...flags],
  ]);

test("a change is learned, judged on held-out pictures, written exactly, and gone on with", async () => {
  const { code, stdout, stderr } = await universal("--json");
  expect([code, stderr]).toEqual([0, expect.stringContaining("tiny.onnx")]);
  const record = JSON.parse(stdout) as UniversalRecord;
  expect(record.epochs).toHaveLength(3);
  expect([record.learned.pictures, record.heldOut.pictures]).toEqual([24, 24]);
  expect(JSON.parse(readFileSync(path("out/universal.json"), "utf8"))).toEqual(record);
  const npy = await readNpy(path("out/perturbation.npy"));
  const png = await readImageFile(path("out/perturbation.png"));
  const levels = [...(npy.data as Float32Array)].map((x) => Math.round(255 * x) + 0);
  expect(Math.max(...levels.map(Math.abs))).toBe(24);
  // Channels side by side there, one after the other here.
  const plane = levels.length / 3;
  expect(levels.map((_, i) => png.data[3 * (i % plane) + Math.floor(i / plane)] - 128)).toEqual(levels);
  const { document } = parseHTML(readFileSync(path("out/index.html"), "utf8"));
  expect(document.querySelectorAll("table.results tbody tr").length).toBe(2);
  expect(document.querySelector(".lead")?.textContent).toMatch(
    /One change of at most 24\/255 turns the label of \d+\.\d %/,
  );

  const again = await universal();
  expect(again.stderr).toContain("3 of 3 epochs are there already");
  expect(again.stdout).toContain("pictures that it was not learned from");
  expect(await readNpy(path("out/perturbation.npy"))).toEqual(npy);
  const other = await universal("--seed", "3");
  expect([other.code, other.stderr]).toEqual([
    2,
    expect.stringMatching(/learned otherwise \(model, pictures or settings\)\. .*--fresh/s),
  ]);
  expect((await universal("--seed", "3", "--fresh", "--epochs", "2")).code).toBe(0);
  expect(readdirSync(path("out")).filter((name) => name.startsWith("state"))).toEqual(["state-2.npy", "state.json"]);
  writeFileSync(path("out/state.json"), "{");
  expect((await universal("--seed", "3")).stderr).toContain("cannot be read: the learning begins anew");
  expect(readdirSync(path("out")).filter((name) => name.startsWith("state"))).toEqual(["state-3.npy", "state.json"]);
});

test("a mask is in pixels of what the network sees, and is said", async () => {
  const masked = (...flags: string[]) =>
    universal("--train-images", "8", "--first", "8", "--epochs", "2", "--out", path("masked"), ...flags);
  const { code, stdout, stderr } = await masked("--mask", "2,4,12,20", "--json");
  expect([code, stderr]).toEqual([0, expect.stringContaining("tiny.onnx")]);
  const record = JSON.parse(stdout) as UniversalRecord;
  const { data, shape } = await readNpy(path("masked/perturbation.npy"));
  const [channels, height, width] = shape as [number, number, number];
  expect(record.mask).toEqual({ inside: 160, of: height * width });
  const isInside = (i: number): boolean => {
    const [x, y] = [i % width, Math.floor(i / width) % height];
    return x >= 2 && x < 12 && y >= 4 && y < 20;
  };
  const values = [...(data as Float32Array)];
  expect(values.filter((value, i) => value !== 0 && !isInside(i))).toEqual([]);
  expect(values.filter((value, i) => value !== 0 && isInside(i)).length).toBeGreaterThan((channels * 160) / 2);
  const { document } = parseHTML(readFileSync(path("masked/index.html"), "utf8"));
  expect(document.querySelector(".lead")?.textContent).toContain(`in 160 of ${height * width} pixels, `);
  // Another region is another change; the same one goes on.
  expect((await masked("--mask", "2,4,12,20")).stderr).toContain("2 of 2 epochs are there already");
  expect((await masked("--mask", "3,4,13,20")).stderr).toContain("learned otherwise");
  expect(await masked("--mask", "500,0,600,9")).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("--mask: nothing"),
  });
});

test("of two runs in one folder the second is refused", async () => {
  mkdirSync(path("shared"));
  const lock = lockFile(path("shared/state.json"));
  const { code, stderr } = await universal("--out", path("shared"));
  expect([code, stderr]).toEqual([2, expect.stringContaining("is writing this file")]);
  lock.release();
  expect(readdirSync(path("shared"))).toEqual([]);
});

test("an interruption keeps whole epochs", async () => {
  rmSync(path("out"), { recursive: true, force: true });
  const controller = new AbortController();
  controller.abort();
  const argv = ["universal", "--data", path("scenes"), "--model", path("tiny.onnx"), "--out", path("out"), "--quiet"];
  const { code, stderr } = await runCli(argv, { signal: controller.signal });
  expect([code, stderr]).toEqual([130, expect.stringContaining("interrupted")]);
  expect(existsSync(path("out/state.json"))).toBe(false);
});

test("what cannot be meant is refused", async () => {
  for (const [flags, message] of [
    [["--epsilon", "8"], "--epsilon"],
    [["--epochs", "0"], "--epochs"],
    [["--target", "unicorn"], "unicorn"],
  ] as const) {
    const { code, stderr } = await universal(...flags);
    expect([code, stderr]).toEqual([2, expect.stringContaining(message)]);
  }
});

test("one picture cannot be learned from and judged on, which is said before anything is learned", async () => {
  mkdirSync(path("one"));
  await writePng(path("one/a.png"), floatTensor(new Float32Array(3 * 48 * 48).fill(0.5), [3, 48, 48]));
  const argv = ["universal", "--data", path("one"), "--model", path("tiny.onnx"), "--epsilon", "8/255"];
  const { code, stderr } = await runCli([...argv, "--out", path("alone")]);
  expect([code, stderr]).toEqual([1, expect.stringMatching(/is left to judge|can be learned from/)]);
  expect(stderr).toContain("Take more pictures, or a data set with parts.");
});
