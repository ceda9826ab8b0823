import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { DetectionSummary } from "../src/experiments/detection/summary.ts";
import type { DetectorsSummary } from "../src/experiments/detectors/summary.ts";
import { blur } from "../src/image/gaussian-blur.ts";
import type { ImageTensor } from "../src/image/picture.ts";
import { writePng } from "../src/node/pictures/write-image.ts";
import { writeModel } from "../src/onnx/file/write-model.ts";
import { fillUniform } from "../src/random/fill.ts";
import { createWords } from "../src/random/random.ts";
import { floatTensor } from "../src/tensor/tensor.ts";
import { given } from "./given.ts";
import { runCli } from "./run-cli.ts";
import { tinyClassifier } from "./tiny-classifier.ts";

let folder: string;
const path = (name: string): string => join(folder, name);
const noise = ["--noise", "n0.02,s0.03", "--samples", "2", "--antithetic", "--batch", "16", "--threads", "1"];
let benchmark: string[];
let fit: string[];

/** Spots of color, a different picture for each seed. */
function picture(seed: number): ImageTensor {
  const spots = floatTensor(new Float32Array(3 * 24 * 24), [3, 24, 24]);
  fillUniform(createWords(seed), spots.data);
  const smooth = blur(spots, { sigmaPixels: 3 });
  return floatTensor(
    smooth.data.map((x) => Math.min(1, Math.max(0, 0.5 + 3 * x))),
    [3, 24, 24],
  );
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "perceptual-ball-detection-"));
  writeFileSync(path("tiny.onnx"), writeModel(tinyClassifier()));
  for (const part of ["train", "test"]) {
    const count = part === "train" ? 40 : 6;
    mkdirSync(path(`data/${part}/0`), { recursive: true });
    for (let n = 0; n < count; n++) {
      await writePng(path(`data/${part}/0/${n}.png`), picture(part === "train" ? n : 1000 + n));
    }
  }
  const data = ["--data", path("data"), "--model", path("tiny.onnx"), "--label", "predicted"];
  benchmark = ["benchmark", "detection", ...data, ...noise, "--just-detect"];
  fit = ["detect", "fit", ...data, ...noise];
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The table without the time that everything took. */
function tableOf(out: string): string[] {
  const lines = readFileSync(path(`${out}/table2.csv`), "utf8").split("\r\n");
  return lines.map((line) => line.slice(0, line.lastIndexOf(",")));
}

test("a run writes tables and a page; shares, merged, give the same", async () => {
  const argv = [...benchmark, "--attacks", "fgsm", "--variant", "other/strong=pgd,epsilon=0.5"];
  const whole = await runCli([...argv, "--out", path("whole")]);
  expect(whole).toMatchObject({ code: 0 });
  expect(whole.stdout).toContain(join(path("whole"), "index.html"));
  const summary = JSON.parse(readFileSync(path("whole/results.json"), "utf8")) as DetectionSummary;
  expect(summary.data).toMatchObject({ name: "data", train: 40, test: 6 });
  expect(summary.settings).toMatchObject({
    mode: "just-detect",
    samples: 2,
    antithetic: true,
    kinds: ["n0.02", "s0.03"],
  });
  expect(summary.groups.map(({ name, attacks }) => [name, attacks.map((attack) => attack.name)])).toEqual([
    ["attacks", ["fgsm"]],
    ["other", ["strong"]],
  ]);
  const [fgsm, strong] = summary.groups.map(({ attacks }) => attacks[0]);
  expect([fgsm.images, strong.images]).toEqual([6, 6]);
  expect(strong.changed.count).toBeGreaterThan(0);
  expect(given(strong.distances).linf).toBeGreaterThan(0.1);
  expect(strong.settings).toEqual({ epsilon: 0.5 });
  expect(summary.statistics.images).toEqual({ given: 40, used: 40 });
  expect(summary.clean.accuracy).toBeNull();
  const page = readFileSync(path("whole/index.html"), "utf8");
  expect(page).toContain("Which attack is detected?");
  expect(page).not.toMatch(/undefined|NaN|\[object/);
  expect(page).not.toMatch(/<script|<link|(?:src|href)="(?!data:|#)/);
  expect(readFileSync(path("whole/table2.md"), "utf8")).toMatch(/^## other$[^#]*^\| strong \|/m);

  for (const share of ["1", "2"]) {
    const part = await runCli([...argv, "--shard", `${share}/2`, "--out", path(`part${share}`)]);
    expect(part).toMatchObject({ code: 0 });
    expect(existsSync(path(`part${share}/table2.md`))).toBe(false);
  }
  expect((await runCli(["merge", path("part1"), path("part2"), "-o", path("merged")])).code).toBe(0);
  const merged = await runCli([...argv, "--out", path("merged"), "--json"]);
  expect(merged.code).toBe(0);
  expect(tableOf("merged")).toEqual(tableOf("whole"));
  expect(merged.stdout.trim().split("\n").length).toBe(3);
  // Other settings do not mix with these results.
  const mixed = await runCli([...argv, "--out", path("merged"), "--pixels", "bytes"]);
  expect(mixed.code).toBe(2);
  expect(mixed.stderr).toContain("pixels");
});

test("statistics are fitted and pictures judged by them", async () => {
  const file = path("statistics.json");
  const fitted = await runCli([...fit, "--just-detect", "-o", file]);
  expect(fitted).toMatchObject({ code: 0 });
  expect(fitted.stdout).toContain("Statistics of 40 of 40 pictures");
  const argv = [
    "detect",
    path("data/test/0/0.png"),
    "--statistics",
    file,
    "--model",
    path("tiny.onnx"),
    "--threads",
    "1",
  ];
  const judged = await runCli([...argv, "--json"]);
  expect(judged.code).toBe(0);
  const record = JSON.parse(judged.stdout);
  expect(record).toMatchObject({ image: path("data/test/0/0.png"), samples: 2, correctedLabel: null });
  expect(["clean", "flagged"]).toContain(record.verdict);
  expect(record.verdict === "flagged").toBe(record.score > record.cutoff);
  // One pair of samples has no variance.
  expect(record.interval).toEqual([null, null]);

  // A picture of another size comes another way than those of the statistics, and a JPEG keeps little of an attack.
  await sharp(readFileSync(path("data/test/0/0.png")))
    .resize(40, 30)
    .jpeg()
    .toFile(path("40x30.jpg"));
  const [, , ...rest] = argv;
  const otherwise = await runCli(["detect", path("40x30.jpg"), ...rest, "--resize", "pad"]);
  expect(otherwise).toMatchObject({ code: 0 });
  expect(otherwise.stderr).toMatch(/40x30\.jpg is a JPEG/);
  expect(otherwise.stderr).toMatch(/resized otherwise \(.*24.*\) than these \(pad 24x24/);
  expect(judged.stderr).not.toMatch(/JPEG|resized otherwise/);
  // A file that is no statistics stays.
  const model = await runCli([...fit, "--just-detect", "-o", path("tiny.onnx")]);
  expect(model.code).toBe(2);
  expect(model.stderr).toContain("this would overwrite a file that is none of statistics");

  const lenient = await runCli([...argv, "--cutoff", "-1000", "--samples", "4"]);
  expect(lenient.stdout).toContain("FLAGGED");

  const calibrated = await runCli([
    ...fit,
    ...["--just-detect", "--false-positive-rate", "0.3", "-o", path("calibrated.json"), "--json"],
  ]);
  expect(calibrated.code).toBe(0);
  const { cutoff, images } = JSON.parse(calibrated.stdout);
  expect(cutoff.calibration.falsePositiveRate).toBe(0.3);
  expect(images.given + cutoff.calibration.images).toBe(40);

  const missing = await runCli([...argv.slice(0, 2), path("nothing.png"), ...argv.slice(2), "--json"]);
  expect(missing.code).toBe(1);
  expect(missing.stderr).toContain("nothing.png");
  expect(JSON.parse(missing.stdout)).toEqual(record);
});

test("what cannot be meant is refused before anything is computed", async () => {
  const text = readFileSync(path("statistics.json"), "utf8");
  writeFileSync(path("other.json"), text.replace(/"sha256":"[0-9a-f]{4}/, '"sha256":"0000'));
  const other = await runCli([
    "detect",
    path("data/test/0/0.png"),
    "--statistics",
    path("other.json"),
    "--model",
    path("tiny.onnx"),
  ]);
  expect(other.code).toBe(1);
  expect(other.stderr).toMatch(/belongs to another classifier: the model \(SHA-256\) differs/);
  const withModel = ["detect", path("data/test/0/0.png"), "--model", path("tiny.onnx")];
  expect(await runCli(withModel)).toMatchObject({
    code: 2,
    stderr: expect.stringContaining("there are no statistics"),
  });
  expect((await runCli(["detect", path("data/test/0/0.png"), "--statistics", path("nowhere.json")])).code).toBe(2);
  const epsilon = await runCli([...benchmark, "--attacks", "fgsm", "--set", "fgsm.epsilon=8", "--out", path("bad")]);
  expect(epsilon.code).toBe(2);
  expect(epsilon.stderr).toContain("Did you mean 8/255?");
  const few = await runCli([...benchmark, "--attacks", "fgsm", "--train-images", "2", "--out", path("few")]);
  expect(few.code).toBe(1);
  expect(few.stderr).toContain("at least 3 images that are predicted as one class");
});

test("what several detectors lack is said once, with their names, and what odds counts", async () => {
  const data = ["--data", path("data"), "--model", path("tiny.onnx"), "--label", "predicted", "--threads", "1"];
  const { code, stderr } = await runCli([
    ...["detect", "fit", ...data, "--detector", "confidence,margin,probe,odds", "--samples", "2", "-o", path("poor")],
    ...["--first", "12", "--set", "probe.strength=2", "--fit-attack", "fgsm", "--quiet"],
  ]);
  expect(code).toBe(1);
  expect(stderr.match(/too few held-out images/g)).toHaveLength(1);
  expect(stderr).toMatch(/^perceptual-ball: confidence, margin(, probe)?: the cutoff: too few held-out images/m);
  // The last word on what went wrong is of odds: labels withstand, so that hardly an image counts.
  expect(stderr).toMatch(
    /rightly, and change their label under the attack, got \d images that count, of 12\. .*--just-detect/,
  );
});

test("detectors of the family are fitted to files of their own, and say what they think of pictures", async () => {
  const data = ["--data", path("data"), "--model", path("tiny.onnx"), "--label", "predicted", "--threads", "1"];
  const fitted = await runCli([
    ...["detect", "fit", ...data, "--detector", "margin,mahalanobis,odds", "--set", "mahalanobis.shrinkage=0.2"],
    ...["--samples", "2", "--antithetic", "--just-detect", "--false-positive-rate", "0.2", "-o", path("family")],
  ]);
  expect(fitted).toMatchObject({ code: 0 });
  for (const name of ["margin", "mahalanobis", "odds"]) expect(existsSync(path(`family/${name}.json`))).toBe(true);
  const picture = path("data/test/0/1.png");
  const model = ["--model", path("tiny.onnx"), "--threads", "1"];
  const all = await runCli(["detect", picture, "--statistics", path("family"), ...model, "--json"]);
  expect(all).toMatchObject({ code: 0 });
  const said = all.stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as { detector?: string; verdict: string; score: number; cutoff: number });
  expect(said.map(({ detector }) => detector)).toEqual([undefined, "mahalanobis", "margin"]);
  for (const { verdict, score, cutoff } of said.slice(1)) expect(verdict).toBe(score > cutoff ? "flagged" : "clean");
  const one = await runCli(["detect", picture, "--statistics", path("family"), "--detector", "margin", ...model]);
  expect(one.stdout).toMatch(/margin: (clean|FLAGGED); score/);
  expect(one.stdout.trim().split("\n").length).toBe(1);
  for (const [argv, message] of [
    [["--statistics", path("family"), "--detector", "lid"], "there are no statistics of lid"],
    [["--statistics", path("family/margin.json"), "--detector", "lid"], "got those of margin"],
    [["--statistics", path("family/margin.json"), "--stop-early"], "--stop-early: is a matter of odds"],
    [["--statistics", path("family"), "--cutoff", "1"], "--cutoff: scores of several detectors do not compare"],
  ] as const) {
    const refused = await runCli(["detect", picture, ...argv, ...model]);
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.stderr).toContain(message);
  }
  writeFileSync(path("other.onnx"), writeModel(tinyClassifier({ classes: 5 })));
  const foreign = await runCli([
    "detect",
    picture,
    "--statistics",
    path("family/margin.json"),
    "--model",
    path("other.onnx"),
  ]);
  expect(foreign).toMatchObject({ code: 1 });
  expect(foreign.stderr).toContain("belongs to another classifier: the model (SHA-256) differs");
});

test("detectors and attacks in one table; shares, merged, give the same", async () => {
  const argv = [
    ...["benchmark", "detection", "--data", path("data"), "--model", path("tiny.onnx"), "--label", "predicted"],
    ...["--detector", "margin", "--detector-variant", "near=mahalanobis,shrinkage=0.2", "--false-positive-rate", "0.2"],
    ...["--attack", "fgsm,pgd", "--epsilon", "0.5", "--threads", "1"],
  ];
  const whole = await runCli([...argv, "--out", path("compared")]);
  expect(whole).toMatchObject({ code: 0 });
  const adaptive = ["--first", "2", "--adaptive", "--eot-copies", "1"];
  expect(await runCli([...argv, ...adaptive, "--out", path("knowing")])).toMatchObject({ code: 0 });
  const summary = JSON.parse(readFileSync(path("knowing/results.json"), "utf8")) as DetectorsSummary;
  expect(summary.detectors.map(({ name }) => name)).toEqual(["confidence", "margin", "near"]);
  expect(summary.attacks.map(({ name }) => name)).toEqual([
    ...["fgsm", "pgd", "logit-match", "logit-match, noise", "feature-match"],
    ...["orthogonal, confidence", "orthogonal, margin", "orthogonal, near"],
  ]);
  const page = readFileSync(path("knowing/index.html"), "utf8");
  for (const text of ["Which detector finds which attack?", "Areas under ROC curves", "orthogonal, near"]) {
    expect(page).toContain(text);
  }
  for (const share of [1, 2]) {
    const part = await runCli([...argv, "--shard", `${share}/2`, "--out", path(`compared${share}`)]);
    expect(part).toMatchObject({ code: 0 });
  }
  expect(await runCli(["merge", path("compared1"), path("compared2"), "-o", path("united")])).toMatchObject({
    code: 0,
  });
  expect(await runCli([...argv, "--out", path("united")])).toMatchObject({ code: 0 });
  const table = (out: string): string =>
    readFileSync(path(`${out}/detectors.csv`), "utf8").replace(/\d+\.\d+(e-?\d+)?/g, (x) => Number(x).toPrecision(3));
  expect(table("united")).toBe(table("compared"));
  for (const [wrong, message] of [
    [["--just-detect"], "--just-detect: belongs to Table 2"],
    [["--against", "cw"], "--against: no such attack runs"],
  ] as const) {
    const refused = await runCli([...argv, ...wrong, "--out", path("never")]);
    expect(refused).toMatchObject({ code: 2 });
    expect(refused.stderr).toContain(message);
  }
  const alone = await runCli([...benchmark, "--adaptive", "--out", path("never")]);
  expect(alone.stderr).toContain("--adaptive: belongs to a comparison of detectors");
});
