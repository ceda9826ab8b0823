/**
 * Models and pictures as people have them: small inputs re-created after public reports, with the right answer for each. They are looked for
 * in ../shared/cases/models-and-pictures, or where PERCEPTUAL_BALL_CASES says; the same kinds are made in text in the tests beside the code.
 */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCli } from "./run-cli.ts";

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

/** The largest value of the map that was written last. */
function largestOfMap(record: Answer["record"]): number {
  const { mapNpy } = record.files as { readonly mapNpy: string };
  const bytes = readFileSync(join(out, mapNpy));
  const start = 10 + bytes.readUInt16LE(8);
  let largest = 0;
  for (let at = start; at + 4 <= bytes.length; at += 4) largest = Math.max(largest, bytes.readFloatLE(at));
  return largest;
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
});
