import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { MapRecord, PerturbationRecord } from "../src/experiments/explanation/record.ts";
import { loadDataset } from "../src/node/data/load-dataset.ts";
import { writeNpy } from "../src/node/npy.ts";
import { readImageFile } from "../src/node/pictures/read-image.ts";
import { writePng } from "../src/node/pictures/write-image.ts";
import { writeModel } from "../src/onnx/file/write-model.ts";
import { renderScene } from "../src/scenes/scenes.ts";
import { floatTensor } from "../src/tensor/tensor.ts";
import { casesIn } from "./cases.ts";
import { runCli } from "./run-cli.ts";
import { tinyClassifier } from "./tiny-classifier.ts";

let folder: string;
let model: string;
let runs = 0;
const path = (name: string): string => join(folder, name);
const explain = (...argv: readonly string[]) =>
  runCli(["explain", "--model", model, "--method", "gradient", "--out", path(`out${runs++}`), "--json", ...argv]);
const imagesOf = (stdout: string): string[] =>
  stdout
    .trim()
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => (JSON.parse(line) as MapRecord).image.replace(`${folder}/`, ""));

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "perceptual-ball-pictures-"));
  model = path("tiny.onnx");
  writeFileSync(model, writeModel(tinyClassifier()));
  mkdirSync(path("pics"));
  for (const index of [0, 1])
    await writePng(path(`pics/scene${index}.png`), renderScene({ seed: 5, index, size: 48 }).image);
  writeFileSync(path("list.txt"), "pics/scene1.png\npics/scene0.png\n");
});
afterAll(() => rmSync(folder, { recursive: true }));

test("a folder, a pattern and a list are their pictures", async () => {
  const both = ["pics/scene0.png", "pics/scene1.png"];
  expect(imagesOf((await explain(path("pics"))).stdout)).toEqual(both);
  expect(imagesOf((await explain(path("pics/scene[01].p*"))).stdout)).toEqual(both);
  expect(imagesOf((await explain(`@${path("list.txt")}`)).stdout)).toEqual(both.toReversed());
  const { code, stderr } = await explain(path("pics/*.gif"));
  expect([code, stderr]).toEqual([2, expect.stringContaining("no picture fits the pattern")]);
});

test("a picture of a format that is not read is refused by name, and the others are explained", async () => {
  writeFileSync(path("photo.heic"), Buffer.from("\0\0\0\x18ftypheic\0\0\0\0mif1heic".padEnd(64, "\0"), "latin1"));
  const { code, stdout, stderr } = await explain(path("photo.heic"), path("pics/scene0.png"));
  expect(code).toBe(1);
  expect(stderr).toContain("photo.heic: is HEIC, which is not read");
  expect(stderr).toContain(`heif-convert ${path("photo.heic")} ${path("photo.png")}`);
  expect(imagesOf(stdout)).toEqual(["pics/scene0.png"]);
});

test("fewer bits than a sample has room for are said, and can be given", async () => {
  const samples = Uint16Array.from({ length: 48 * 48 }, (_, i) => (i * 7) % 4096);
  const twelve = path("twelve.png");
  await sharp(samples, { raw: { width: 48, height: 48, channels: 1 } })
    .toColourspace("grey16")
    .png()
    .toFile(twelve);
  const seen = await explain(twelve);
  expect(seen.stderr).toContain(`${twelve}: its 16-bit samples reach only 4095, so they are taken as 12 bits`);
  const given = await explain(twelve, "--bit-depth", "12");
  expect(given.stderr).not.toContain("16-bit");
  const [a, b, dark] = [seen, given, await explain(twelve, "--bit-depth", "16")].map(
    ({ stdout }) => (JSON.parse(stdout) as MapRecord).label,
  );
  expect(a).toEqual(b);
  expect(dark).not.toEqual(a);
});

test("that little of a panorama is seen is said and recorded by explain, classify and attack, and not of other pictures", async () => {
  mkdirSync(path("wide"), { recursive: true });
  const [wide, square] = [path("wide/panorama.png"), path("pics/scene0.png")];
  await sharp(square).resize({ width: 480, height: 48, fit: "fill" }).png().toFile(wide);
  const crop = ["--resize", "shorter:24", "--crop", "24x24"];
  const records = (stdout: string) =>
    stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { image: string; warnings: { code: string; message: string }[] });
  const codesOf = (stdout: string) =>
    Object.fromEntries(records(stdout).map(({ image, warnings }) => [image, warnings.map(({ code }) => code)]));
  const expected = {
    [wide]: expect.arrayContaining(["mostly-cropped"]),
    [square]: expect.not.arrayContaining(["mostly-cropped"]),
  };

  const explained = await explain(wide, square, ...crop);
  expect(codesOf(explained.stdout)).toEqual(expected);
  expect(explained.stderr).toContain(`${wide}: only its middle, 10 % of it, is seen`);
  expect(explained.stderr).not.toContain(`${square}: only`);
  const classified = await runCli(["classify", wide, square, "--model", model, ...crop, "--json"]);
  expect(codesOf(classified.stdout)).toEqual(expected);
  const data = ["--data", path("wide"), "--data-format", "pictures"];
  const inData = await runCli(["classify", ...data, "--model", model, ...crop, "--json"]);
  expect(records(inData.stdout).map(({ warnings }) => warnings.map(({ code }) => code))).toEqual([
    expect.arrayContaining(["mostly-cropped"]),
  ]);
  const how = ["--attack", "fgsm", "--out", path(`out${runs++}`), "--json"];
  const attacked = await runCli(["attack", wide, square, "--model", model, ...crop, ...how]);
  expect(codesOf(attacked.stdout)).toEqual(expected);

  const exact = await explain(wide, "--resize", "exact");
  expect(codesOf(exact.stdout)).toEqual({ [wide]: expect.arrayContaining(["distorted"]) });
});

test("drawings of one color on a transparent ground are told apart, one by one, in a data set and by attack", async () => {
  mkdirSync(path("drawings"));
  const [width, height] = [24, 24];
  // Black throughout: strokes across and down differ in alpha alone.
  const alphas = [0, 1].map((axis) =>
    Uint8Array.from({ length: width * height }, (_, i) => ([i % width, Math.floor(i / width)][axis] % 6 < 3 ? 0 : 255)),
  );
  const drawings = [path("drawings/across.png"), path("drawings/down.png")];
  for (const [n, alpha] of alphas.entries()) {
    const data = Uint8Array.from({ length: 4 * alpha.length }, (_, i) => (i % 4 === 3 ? alpha[i >> 2] : 0));
    await sharp(data, { raw: { width, height, channels: 4 } })
      .png()
      .toFile(drawings[n]);
    await sharp(
      alpha.map((value) => 255 - value),
      { raw: { width, height, channels: 1 } },
    )
      .png()
      .toFile(path(`on-white${n}.png`));
  }
  const records = (stdout: string) =>
    stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as { top: unknown; warnings: { code: string; message: string }[] });
  const classify = async (...argv: readonly string[]) =>
    records((await runCli(["classify", ...argv, "--model", model, "--json"])).stdout);
  const onWhite = (await classify(path("on-white0.png"), path("on-white1.png"))).map(({ top }) => top);
  expect(onWhite[0]).not.toEqual(onWhite[1]);
  for (const pictures of [drawings, ["--data", path("drawings"), "--data-format", "pictures"]]) {
    const seen = await classify(...pictures);
    expect(seen.map(({ top }) => top)).toEqual(onWhite);
    for (const [n, { warnings }] of seen.entries()) {
      const said = `: all that shows of it has one dark color, so the drawing is in its transparency: it is laid on white.`;
      expect(warnings).toContainEqual({ code: "transparency", message: expect.stringContaining(drawings[n] + said) });
    }
  }
  // What is written has no transparency, and is within the ball of what was looked at.
  const out = path(`out${runs++}`);
  await runCli([
    "attack",
    drawings[0],
    "--model",
    model,
    "--attack",
    "fgsm",
    "--epsilon",
    "0.1",
    "--out",
    out,
    "--json",
  ]);
  const attacked = path(`${out.slice(folder.length + 1)}/across/adversarial.png`);
  expect((await sharp(attacked).metadata()).hasAlpha).toBe(false);
  const { data } = await readImageFile(attacked);
  const distances = Array.from(data, (value, i) => Math.abs(value - (255 - alphas[0][Math.floor(i / 3)])));
  expect(Math.max(...distances)).toBeLessThanOrEqual(26);
});

test("what was concluded of a picture, and what is said of the model, is in the records of classify", async () => {
  const samples = Uint16Array.from({ length: 48 * 48 }, (_, i) => (i * 7) % 4096);
  mkdirSync(path("depths"));
  const depth = sharp(samples, { raw: { width: 48, height: 48, channels: 1 } })
    .toColourspace("grey16")
    .png();
  await depth.toFile(path("depths/a.png"));
  copyFileSync(path("pics/scene0.png"), path("depths/b.png"));
  for (const pictures of [[path("depths")], ["--data", path("depths"), "--data-format", "pictures"]]) {
    const { stdout } = await runCli(["classify", ...pictures, "--json", "--quiet"]);
    const warnings = stdout
      .trimEnd()
      .split("\n")
      .map((line): { code: string; message: string }[] => JSON.parse(line).warnings);
    const codes = warnings.map((list) => list.map(({ code }) => code));
    expect(codes).toEqual([["bundled-classifier", "bit-depth"], ["bundled-classifier"]]);
    expect(warnings[0]?.[1]?.message).toMatch(/a\.png: its 16-bit samples reach only 4095/);
  }
});

test("a benchmark of one's own pictures without a model says that the bundled one looks at them", async () => {
  const own = ["--data", path("depths"), "--data-format", "pictures", "--label", "predicted", "--first", "1"];
  const rest = ["--attack", "fgsm", "--epsilon", "0.01", "--out", path("robust")];
  const { code, stderr } = await runCli(["benchmark", "robustness", ...own, ...rest]);
  expect([code, stderr]).toEqual([0, expect.stringContaining("no model was given, so the bundled network looks at")]);
  const told = "What the network predicts of the clean picture";
  expect(readFileSync(path("robust/robustness.md"), "utf8")).toContain(told);
  expect(JSON.parse(readFileSync(path("robust/results.json"), "utf8")).data).toMatchObject({ labels: "predicted" });
});

test("robust accuracy without classes is refused, and pictures without one are left out and counted", async () => {
  const rest = ["--model", model, "--attack", "fgsm", "--epsilon", "0.01", "--out", path("unlabelled")];
  const refused = await runCli(["benchmark", "robustness", "--data", path("depths"), ...rest]);
  expect(refused.code).not.toBe(0);
  expect(refused.stderr).toMatch(/states no picture's class.*--label predicted/s);
  writeFileSync(path("depths/partly.csv"), "image,x0,y0,x1,y1,label\na.png,0,0,9,9,0\nb.png,0,0,9,9,\n");
  const partly = await runCli(["benchmark", "robustness", "--data", path("depths/partly.csv"), ...rest]);
  expect([partly.code, partly.stderr]).toEqual([0, expect.stringContaining("1 of 2 pictures have no class")]);
  const { data, curves } = JSON.parse(readFileSync(path("unlabelled/results.json"), "utf8"));
  expect([data.pictures, data.unlabelled, curves[0].pictures]).toEqual([1, 1, 1]);
});

test("larger pictures than allowed are refused", async () => {
  const { code, stderr } = await explain(path("pics/scene0.png"), "--max-pixels", "2303");
  expect([code, stderr]).toEqual([1, expect.stringContaining("too many pixels, expected at most 2303")]);
  expect((await explain(path("pics/scene0.png"), "--max-pixels", "2304")).code).toBe(0);
});

test("a perturbed picture that is read again is what the record says of its pixels", async () => {
  const out = path("perturbed");
  const flags = ["--model", model, "--json", "--resize", "shorter:60"];
  const first = await runCli(["explain", path("pics/scene0.png"), ...flags, "--method", "perceptual", "--out", out]);
  const record = JSON.parse(first.stdout) as PerturbationRecord;
  const perturbed = join(out, "scene0/perturbed.png");
  expect(await readImageFile(perturbed)).toMatchObject({ isNetworkInput: true });
  const again = await runCli(["explain", perturbed, ...flags, "--method", "gradient", "--out", path("again")]);
  const { label } = JSON.parse(again.stdout) as MapRecord;
  expect(label.index).toBe(record.rounded.index);
});

const cases = casesIn("models-and-pictures/46-folders-and-patterns");
test.skipIf(!cases.isThere)(`the quoted pattern and the folder of the case work (${cases.title})`, async () => {
  const run = (what: string) =>
    runCli([
      "explain",
      what,
      "--model",
      cases.path("model.onnx"),
      "--method",
      "gradient",
      "--json",
      "--out",
      path("case"),
    ]);
  const [pattern, whole] = [await run(cases.path("pics/*.png")), await run(cases.path("pics"))];
  expect([pattern.code, whole.code]).toEqual([0, 0]);
  expect(imagesOf(pattern.stdout).length).toBeGreaterThan(0);
  expect(imagesOf(pattern.stdout)).toEqual(imagesOf(whole.stdout));
});

const hostile = casesIn("hostile/data");
test.skipIf(!hostile.isThere)(`an annotation of a hundred thousand spaces is refused (${hostile.title})`, async () => {
  await expect(loadDataset(hostile.path("voc-redos"))).rejects.toThrow("malformed annotation");
});

const channels = casesIn("models-and-pictures/19-channels");
test.skipIf(!channels.isThere)(
  `pictures of 4 and 13 channels are explained and attacked (${channels.title})`,
  async () => {
    const bands = path("bands.npy");
    const values = Float32Array.from({ length: 13 * 32 * 32 }, (_, i) => ((i * 37) % 101) / 100);
    await writeNpy(bands, floatTensor(values, [13, 32, 32]));
    for (const [picture, classifier] of [
      [channels.path("rgba.png"), "c4.onnx"],
      [bands, "c13.onnx"],
    ]) {
      const flags = [picture, "--model", channels.path(classifier), "--quiet"];
      const explained = await runCli([
        "explain",
        ...flags,
        "--method",
        "gradient",
        "--out",
        path(`${classifier}-explain`),
      ]);
      expect([explained.code, explained.stderr]).toEqual([0, ""]);
      const attacked = await runCli(["attack", ...flags, "--attack", "fgsm", "--out", path(`${classifier}-attack`)]);
      expect([attacked.code, attacked.stderr]).toEqual([0, ""]);
    }
    const wrong = await explain(path("pics/scene0.png"), "--model", channels.path("c13.onnx"));
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain("the picture does not have the network's number of channels, expected 13");
  },
);
