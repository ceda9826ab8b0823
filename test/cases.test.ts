/**
 * Models and pictures as people have them: small inputs re-created after public reports, with the right answer for each. They are looked for
 * in ../shared/cases/models-and-pictures, or where PERCEPTUAL_BALL_CASES says; the same kinds are made in text in the tests beside the code.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readModel } from "../src/onnx/file/read-model.ts";
import { expectGradient, expectUnfolded } from "./expect-unfolded.ts";
import { runCli } from "./run-cli.ts";
import { wave } from "./run-model.ts";

const given = process.env.PERCEPTUAL_BALL_CASES ?? resolve("../shared/cases/models-and-pictures");
const cases = existsSync(join(given, "README.md")) ? given : undefined;
const title =
  cases === undefined
    ? "models and pictures as people have them (no cases at hand: skipped)"
    : "models and pictures as people have them";

let out: string;
beforeAll(() => {
  out = mkdtempSync(join(tmpdir(), "perceptual-ball-cases-"));
});
afterAll(() => rmSync(out, { recursive: true }));

interface Answer {
  readonly code: number;
  readonly stderr: string;
  readonly label: string;
  readonly index: number;
  readonly confidence: number;
  readonly record: Readonly<Record<string, unknown>>;
}

/** What `explain --method gradient` says of a picture of a case; further flags behind. */
async function explain(folder: string, model: string, picture: string, ...flags: readonly string[]): Promise<Answer> {
  const at = (name: string): string => join(given, folder, name);
  const argv = ["explain", at(picture), "--model", at(model), "--method", "gradient", "--json", "--out", out];
  const { code, stdout, stderr } = await runCli([...argv, ...flags]);
  const line = stdout.split("\n").find((text) => text.startsWith("{"));
  const record = line === undefined ? {} : JSON.parse(line);
  const { name = "", index = -1, confidence = Number.NaN } = record.label ?? {};
  return { code, stderr, label: name, index, confidence, record };
}

/** The numbers of an array of 32-bit floats. */
function valuesOf(path: string): number[] {
  const bytes = readFileSync(path);
  const start = 10 + bytes.readUInt16LE(8);
  return Array.from({ length: (bytes.length - start) / 4 }, (_, i) => bytes.readFloatLE(start + 4 * i));
}

function valuesOfMap({ files }: Answer["record"]): number[] {
  return valuesOf(join(out, (files as { readonly mapNpy: string }).mapNpy));
}

/** The largest value of the map that was written last. */
function largestOfMap(record: Answer["record"]): number {
  return Math.max(...valuesOfMap(record));
}

/** Bytes as a NumPy array of this shape. */
function npy(bytes: Uint8Array, shape: readonly number[]): Buffer {
  const text = `{'descr': '|u1', 'fortran_order': False, 'shape': (${shape.join(", ")}), }`;
  const header = `${text.padEnd(117)}\n`;
  return Buffer.concat([
    Buffer.from([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, 1, 0, header.length, 0]),
    Buffer.from(header, "latin1"),
    bytes,
  ]);
}

describe.skipIf(cases === undefined)(title, () => {
  test.each([
    ["01-image-metadata-bgr", "model.onnx", "red.png", 0, 0.9999],
    ["01-image-metadata-bgr", "model.onnx", "green.png", 1, 0.9999],
    ["01-image-metadata-bgr", "model.onnx", "blue.png", 2, 0.9999],
    ["02-zipmap-outputs", "model.onnx", "red.png", 0, 0.9999],
    ["03-names-dict-unit", "dark-bright.onnx", "grey140.png", 1, 0.993],
    ["05-probabilities-no-softmax", "plain-softmax.onnx", "red.png", 0, 1],
    ["05-probabilities-no-softmax", "decomposed-softmax.onnx", "red.png", 0, 1],
    ["05-probabilities-no-softmax", "exp-logsoftmax.onnx", "red.png", 0, 1],
    ["05-probabilities-no-softmax", "softmax-percent.onnx", "red.png", 0, 1],
    ["17-reversal-inside", "model.onnx", "red.png", 0, 0.9998],
    ["17-reversal-inside", "bgr2rgb-div255.onnx", "blue.png", 2, 0.9998],
    ["17-reversal-inside", "resize-div255.onnx", "red.png", 0, 0.9998],
    ["18-learning-phase", "unused.onnx", "red.png", 0, 0.99],
    ["18-learning-phase", "if.onnx", "red.png", 0, 0.99],
    ["18-learning-phase", "default.onnx", "red.png", 0, 0.99],
    ["21-old-opsets", "opset3.onnx", "red.png", 0, 0.99],
    ["21-old-opsets", "opset6.onnx", "red.png", 0, 0.99],
    ["21-old-opsets", "imagescaler.onnx", "red.png", 0, 0.99],
    ["21-old-opsets", "upsample9.onnx", "red.png", 0, 0.99],
    ["41-given-preprocessing", "model.onnx", "red.png", 0, 0.99],
    ["30-formats", "model.onnx", "red.bmp", 0, 0.9999],
    ["30-formats", "model.onnx", "pal.bmp", 0, 0.9999],
    ["30-formats", "model.onnx", "red.ppm", 0, 0.9999],
    ["15-png-12-bit", "dark-bright.onnx", "bright-12bit.png", 1, 0.993],
    ["15-png-12-bit", "dark-bright.onnx", "bright-8bit.png", 1, 0.993],
  ])("%s/%s: %s is class %d", async (folder, model, picture, index, confidence) => {
    const unit = /^(05|18|21)/.test(folder) ? ["--preprocessing", "unit"] : [];
    const answer = await explain(folder, model, picture, ...unit);
    expect(answer.stderr).not.toMatch(/^perceptual-ball: /m);
    expect({ code: answer.code, index: answer.index }).toEqual({ code: 0, index });
    expect(answer.confidence).toBeGreaterThanOrEqual(confidence - 5e-4);
  });

  test.each(["plain-softmax.onnx", "decomposed-softmax.onnx", "exp-logsoftmax.onnx", "softmax-percent.onnx"])(
    "05-probabilities-no-softmax/%s: the gradient is that of the scores",
    async (model) => {
      const { record } = await explain("05-probabilities-no-softmax", model, "red.png", "--preprocessing", "unit");
      // 60 / 64²: the weight of the channel, spread over its pixels.
      expect(largestOfMap(record)).toBeCloseTo(60 / 4096, 6);
    },
  );

  test.each(["sigmoid.onnx", "logit.onnx", "squeezed.onnx"])("06-one-logit/%s", async (model) => {
    const answer = await explain("06-one-logit", model, "red.png", "--preprocessing", "unit");
    expect(answer).toMatchObject({ code: 0, index: 1 });
    expect(answer.confidence).toBeCloseTo(0.99999, 5);
    expect(largestOfMap(answer.record)).toBeCloseTo(40 / 4096, 6);
  });

  test.each(["labels.txt", "labels-colon.txt", "class_index.json"])("04-numbered-labels: %s", async (labels) => {
    const path = join(given, "04-numbered-labels", labels);
    const target = labels.endsWith(".json") ? "kit fox" : "fox";
    const answer = await explain("04-numbered-labels", "model.onnx", "red.png", "--labels", path, "--target", target);
    expect(answer).toMatchObject({ code: 0, label: "tabby" });
    expect(answer.record).toMatchObject({ target: { index: 1 } });
  });

  test.each([
    ["22-open-size", "dense48.onnx"],
    ["23-dtypes", "float64.onnx"],
    ["23-dtypes", "int32.onnx"],
    ["23-dtypes", "int64.onnx"],
  ])("%s/%s is explained", async (folder, model) => {
    const { code, stderr, record } = await explain(folder, model, "red.png");
    expect({ code, problems: stderr.match(/^perceptual-ball: .*/m) }).toEqual({ code: 0, problems: null });
    expect(largestOfMap(record)).toBeGreaterThan(0);
  });

  test.each(["faces-1000.onnx", "gray-1000.onnx", "gray-1001.onnx", "lenet5-gray-32.onnx", "svhn-like.onnx"])(
    "45-guessed-names/%s has no names",
    async (model) => {
      const answer = await explain("45-guessed-names", model, "digit.png");
      expect(answer.code).toBe(0);
      expect(answer.label).toMatch(/^class \d+$/);
      expect(answer.stderr).toMatch(/no names: nothing names the classes/);
    },
  );

  test("41-given-preprocessing: numbers of 0 … 255", async () => {
    const numbers = ["--mean", "123.675,116.28,103.53", "--std", "58.395,57.12,57.375"];
    const answer = await explain("41-given-preprocessing", "model.onnx", "red.png", ...numbers);
    expect(answer).toMatchObject({ code: 0, index: 0 });
    expect(answer.confidence).toBeGreaterThan(0.999);
    expect(answer.stderr).toMatch(/preprocessing imagenet \(as given\)/);
    const refused = await explain("41-given-preprocessing", "model.onnx", "red.png", ...numbers, "--scale", "1");
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(/not of the scale 1/);
  });

  describe("08-multi-label", () => {
    const folder = "08-multi-label";
    test("the most probable label is explained, or the one that is named", async () => {
      const first = await explain(folder, "model.onnx", "red.png", "--preprocessing", "unit");
      expect(first).toMatchObject({ code: 0, label: "label 0" });
      expect(first.confidence).toBeCloseTo(0.9753, 4);
      for (const [label, confidence] of [
        [1, 0.9573],
        [2, 0.005],
        [3, 0.503],
      ]) {
        const named = await explain(
          folder,
          "model.onnx",
          "red.png",
          "--preprocessing",
          "unit",
          "--label",
          String(label),
        );
        expect(named).toMatchObject({ code: 0, label: `label ${label}` });
        expect(named.confidence).toBeCloseTo(confidence, 3);
        expect(named.record).toMatchObject({ head: { kind: "multi-label", decision: label } });
      }
    });

    test("a label is attacked until it is absent", async () => {
      const at = (name: string): string => join(given, folder, name);
      const common = [
        at("red.png"),
        "--model",
        at("model.onnx"),
        "--preprocessing",
        "unit",
        "--json",
        "--out",
        join(out, "attack"),
      ];
      const { code, stdout } = await runCli([
        "attack",
        ...common,
        "--attack",
        "pgd",
        "--label",
        "1",
        "--epsilon",
        "0.3",
      ]);
      expect(code).toBe(0);
      expect(JSON.parse(stdout.trim().split("\n")[0])).toMatchObject({
        outcome: "flipped",
        label: { name: "label 1", confidence: expect.closeTo(0.9573, 3) },
        rounded: { label: { name: "not label 1" }, success: true },
      });
      const unnamed = await runCli(["attack", ...common, "--attack", "pgd"]);
      expect(unnamed.code).toBe(2);
      expect(unnamed.stderr).toMatch(/each of the 4 labels is present or absent by itself.*Choose with --label/);
    });
  });

  test("10-gradcam-negative: no class activation anywhere is a map of zeros", async () => {
    const at = (name: string): string => join(given, "10-gradcam-negative", name);
    const argv = [
      "explain",
      at("red.png"),
      "--model",
      at("model.onnx"),
      "--method",
      "grad-cam",
      "--json",
      "--out",
      out,
    ];
    const { code, stdout } = await runCli(argv);
    expect(code).toBe(0);
    const record = JSON.parse(stdout.split("\n")[0]);
    const values = valuesOfMap(record);
    expect(values.every((value) => value === 0)).toBe(true);
    expect(record).toMatchObject({ box: null, boxShare: null });
  });

  test("15-png-12-bit: 12 bits are seen and said, and can be given", async () => {
    const seen = await explain("15-png-12-bit", "dark-bright.onnx", "bright-12bit.png");
    expect(seen.stderr).toMatch(
      /16-bit samples reach only 2248, so they are taken as 12 bits; --bit-depth 16 takes them as they are/,
    );
    const told = await explain("15-png-12-bit", "dark-bright.onnx", "bright-12bit.png", "--bit-depth", "12");
    expect(told).toMatchObject({ code: 0, index: 1, confidence: seen.confidence });
    expect(told.stderr).not.toMatch(/taken as 12 bits/);
    const asIs = await explain("15-png-12-bit", "dark-bright.onnx", "bright-12bit.png", "--bit-depth", "16");
    expect(asIs).toMatchObject({ code: 0, index: 0 });
    const eight = await explain("15-png-12-bit", "model.onnx", "eight.png");
    for (const picture of ["twelve.png", "sixteen.png"]) {
      const same = await explain("15-png-12-bit", "model.onnx", picture);
      expect(same.index).toBe(eight.index);
      expect(same.confidence).toBeCloseTo(eight.confidence, 2);
    }
  });

  test.each([2, 4, 5, 13])("19-channels: %d of them, from an array; explained and attacked", async (channels) => {
    const model = join(given, "19-channels", `c${channels}.onnx`);
    const picture = join(out, `c${channels}.npy`);
    const pixels = Uint8Array.from({ length: 32 * 32 * channels }, (_, i) => (i * 37 + (i % channels) * 61) % 256);
    writeFileSync(picture, npy(pixels, [32, 32, channels]));
    const common = [picture, "--model", model, "--json", "--out"];
    const explained = await runCli(["explain", ...common, join(out, `c${channels}`), "--method", "gradient"]);
    expect(explained.stderr).not.toMatch(/^perceptual-ball: /m);
    expect(explained.code).toBe(0);
    expect(JSON.parse(explained.stdout.split("\n")[0]).label.index).toBeLessThan(4);
    const attacked = await runCli([
      "attack",
      ...common,
      join(out, `a${channels}`),
      "--attack",
      "pgd",
      "--epsilon",
      "0.5",
    ]);
    expect(attacked.code).toBe(0);
    const { cleanMargin, withinBudget } = JSON.parse(attacked.stdout.split("\n")[0]);
    expect(withinBudget.margin).toBeLessThan(cleanMargin);
    expect(withinBudget.distances.linf).toBeLessThanOrEqual(0.5);
  });

  test("19-channels: a picture with transparency has four", async () => {
    const answer = await explain("19-channels", "c4.onnx", "rgba.png");
    expect(answer).toMatchObject({ code: 0, index: 2 });
    expect(answer.confidence).toBeCloseTo(0.3624, 4);
  });

  test.each([
    ["20-lstm", "lstm.onnx", "red.png"],
    ["20-lstm", "gru.onnx", "red.png"],
    ["42-spatial-transformer", "stn.onnx", "digit.png"],
    ["42-spatial-transformer", "affinegrid20.onnx", "digit.png"],
  ])("%s/%s: values are onnxruntime's, the gradient their central difference", async (folder, model, picture) => {
    const answer = await explain(folder, model, picture, "--preprocessing", "unit", "--label", "0");
    expect(answer.stderr).not.toMatch(/^perceptual-ball: /m);
    expect(answer.code).toBe(0);
    expect(largestOfMap(answer.record)).toBeGreaterThan(0);
    const file = readModel(readFileSync(join(given, folder, model)));
    const [{ name, shape = [] }] = file.graph.inputs;
    const feeds = { [name]: wave(shape.map((extent) => (typeof extent === "number" ? extent : 1))) };
    expectGradient(await expectUnfolded(file, feeds), feeds, name);
  });

  test("42-spatial-transformer: the gradient of class 3 is PyTorch's", async () => {
    const expected = valuesOf(join(given, "42-spatial-transformer", "torch-gradient.npy"));
    const flags = ["--preprocessing", "unit", "--label", "3"];
    const { record } = await explain("42-spatial-transformer", "stn.onnx", "digit.png", ...flags);
    const found = valuesOfMap(record);
    const miss = expected.reduce((most, value, i) => Math.max(most, Math.abs(Math.abs(value) - found[i])), 0);
    expect(found).toHaveLength(expected.length);
    expect(miss).toBeLessThan(1e-5 * Math.max(...found));
  });

  test.each([
    ["red.jp2", "JPEG 2000"],
    ["red.tga", "TGA"],
    ["x.heic", "HEIC"],
  ])("30-formats/%s is refused as %s, with the command that helps", async (picture, name) => {
    const answer = await explain("30-formats", "model.onnx", picture);
    expect(answer.code).not.toBe(0);
    expect(answer.stderr).toMatch(new RegExp(`is ${name}, which is not read.*Make a PNG of it: `));
    expect(answer.stderr).not.toMatch(/damaged|cut short/);
  });

  test.each([
    ["a folder", "pics"],
    ["a pattern", "pics/*.png"],
  ])("46-folders-and-patterns: %s", async (_, what) => {
    const at = (name: string): string => join(given, "46-folders-and-patterns", name);
    const argv = ["explain", at(what), "--model", at("model.onnx"), "--method", "gradient", "--json", "--out", out];
    const { code, stdout } = await runCli(argv);
    expect(code).toBe(0);
    const records = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(records.map(({ image, label }) => [basename(image), label.index])).toEqual([
      ["green.png", 1],
      ["red.png", 0],
    ]);
  });

  test.each(["grey140.png", "low-contrast.png"])(
    "48-flat-picture/%s: the constraint is named, not the weight",
    async (picture) => {
      const at = (name: string): string => join(given, "48-flat-picture", name);
      const argv = ["explain", at(picture), "--model", at("dark-bright.onnx"), "--method", "perceptual", "--out", out];
      const { code, stdout, stderr } = await runCli(argv);
      expect(code).toBe(0);
      expect(stdout + stderr).toMatch(
        /NOT FLIPPED \(The constraint "range" holds it back: .*With the constraint "ball" or "none"/,
      );
      expect(stdout + stderr).not.toMatch(/weight/);
      const free = await runCli([...argv, "--constraint", "none"]);
      expect(free.stdout + free.stderr).not.toMatch(/NOT FLIPPED/);
    },
  );
});
