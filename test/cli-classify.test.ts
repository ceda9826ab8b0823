import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { ClassificationRecord } from "../src/experiments/classification/classify-pictures.ts";
import { writePng } from "../src/node/pictures/write-image.ts";
import { bundledScenes } from "../src/scenes/scenes.ts";
import { runCli } from "./run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "perceptual-ball-classify-"));
const scenes = bundledScenes().slice(0, 3);
const files = scenes.map((_, n) => join(folder, `scene${n}.png`));

beforeAll(async () => {
  for (const [n, { image }] of scenes.entries()) await writePng(files[n] ?? "", image);
});
afterAll(() => rmSync(folder, { recursive: true }));

const recordsOf = (stdout: string) =>
  stdout
    .trimEnd()
    .split("\n")
    .map((line): ClassificationRecord => JSON.parse(line));

test("pictures of a folder, with their most probable classes; batches change nothing", async () => {
  const { code, stdout } = await runCli(["classify", folder, "--json", "--quiet", "--top", "3"]);
  expect(code).toBe(0);
  const records = recordsOf(stdout);
  expect(records.map(({ image }) => image)).toEqual(files);
  for (const [n, { top, truth, isRight }] of records.entries()) {
    expect(top.map(({ confidence }) => confidence)).toEqual(
      top.map(({ confidence }) => confidence).toSorted((a, b) => b - a),
    );
    expect(top).toHaveLength(3);
    expect(top[0]?.name).toBe(scenes[n]?.className);
    expect([truth, isRight]).toEqual([null, null]);
  }
  const single = await runCli(["classify", folder, "--json", "--quiet", "--top", "3", "--batch", "1"]);
  for (const [n, { top }] of recordsOf(single.stdout).entries()) {
    expect(top.map(({ index }) => index)).toEqual(records[n]?.top.map(({ index }) => index));
  }
});

test("a data set: the accuracy, as text, JSON and CSV", async () => {
  const command = ["classify", "--data", "scenes:5", "--top", "2"];
  const { code, stdout } = await runCli([...command, "--quiet"]);
  expect(code).toBe(0);
  const lines = stdout.trimEnd().split("\n");
  expect(lines).toHaveLength(7);
  const json = recordsOf((await runCli([...command, "--json", "--quiet"])).stdout);
  const right = json.filter(({ isRight }) => isRight).length;
  expect(right).toBeGreaterThan(2);
  expect(lines.at(-1)).toMatch(new RegExp(`^Accuracy: ${right} of 5 \\(${((100 * right) / 5).toFixed(1)} %`));
  for (const { top, truth, isRight } of json) expect(isRight).toBe(top[0]?.index === truth?.index);
  const csv = await runCli([...command, "--csv"]);
  const [heading, ...rows] = csv.stdout.trimEnd().split("\r\n");
  expect(heading).toBe("image,class1,name1,confidence1,class2,name2,confidence2,truth,truthName,right");
  expect(rows).toHaveLength(5);
  expect(rows.filter((row) => row.endsWith(",true"))).toHaveLength(right);
  expect(csv.stderr).toContain(`Accuracy: ${right} of 5`);
});

test("what cannot be read is said, the others are classified; what cannot be meant is misuse", async () => {
  const missing = join(folder, "missing.png");
  const { code, stdout, stderr } = await runCli(["classify", missing, ...files, "--json", "--quiet"]);
  expect(code).toBe(1);
  expect(recordsOf(stdout)).toHaveLength(3);
  expect(stderr).toMatch(/^perceptual-ball: .*missing\.png: .*no such file.*\n$/i);
  for (const wrong of [
    ["--data", "scenes:3", ...files],
    ["--top", "0"],
    ["--csv", "--json"],
    ["--model", join(import.meta.dirname, "../assets/scenes-vgg.onnx")],
  ]) {
    expect((await runCli(["classify", ...wrong])).code, wrong.join(" ")).toBe(2);
  }
});

test("Ctrl-C: exit code 130, and how much was classified", async () => {
  const interruption = new AbortController();
  const command = ["classify", ...files, "--batch", "1", "--quiet"];
  const { code, stderr } = await runCli(command, {
    signal: interruption.signal,
    onOutput: () => interruption.abort(),
  });
  expect(code).toBe(130);
  expect(stderr).toBe("perceptual-ball: interrupted: 1 of 3 pictures are finished.\n");
});

test("a resize that does not fill the network's input is said, one that does is not", async () => {
  const [file = ""] = files;
  const small = await runCli(["classify", file, "--resize", "shorter:8"]);
  expect(small.code).toBe(0);
  expect(small.stderr.replace(/\s+/g, " ")).toMatch(/warning: the resize \(as given\) makes the shorter side 8.*frame/);
  expect((await runCli(["classify", file, "--resize", "shorter:300"])).stderr).not.toContain("a black frame");
});
