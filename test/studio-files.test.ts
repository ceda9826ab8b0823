import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { encodeGif } from "../src/node/pictures/encode-gif.ts";
import type { ServedFolder } from "../src/node/serve-folder.ts";
import { writeModel } from "../src/onnx/file/write-model.ts";
import { parseModel } from "../src/onnx/text/parse.ts";
import { chromiumPath, launchChromium } from "./chromium.ts";
import { drop, openPage, scenePng, serveStudio, studioTimeout, until } from "./studio-page.ts";
import { unitPreprocessing } from "./tiny-classifier.ts";

const text = (name: string, content: string) => ({ name, bytes: Buffer.from(content) });
const numbers = (count: number, f: (i: number) => number): string =>
  Array.from({ length: count }, (_, i) => f(i).toFixed(4)).join(", ");

/** Three classes of pixels whose preparation nothing states, and whose label it decides. */
const undecided = writeModel(
  parseModel(`
    <ir_version: 8, opset_import: ["" : 18]>
    small (float[1, 3, 16, 16] image) => (float[1, 3] logits)
    <float[3, 3] w = {${numbers(9, (i) => Math.cos(2 * i * i))}}>
    { p = GlobalAveragePool (image)  f = Flatten (p)  logits = MatMul (f, w) }
  `),
);

/** Three classes that say which color a picture has most of. */
const colors = writeModel({
  ...parseModel(`
    <ir_version: 8, opset_import: ["" : 18]>
    colors (float[1, 3, 16, 16] image) => (float[1, 3] logits)
    <float[3, 3] w = {9, 0, 0, 0, 9, 0, 0, 0, 9}>
    { p = GlobalAveragePool (image)  f = Flatten (p)  logits = MatMul (f, w) }
  `),
  metadata: new Map([
    ["preprocessing", unitPreprocessing.replaceAll("24", "16")],
    ["labels", "red\ngreen\nblue"],
  ]),
});

/** Two classes by whether a pixel is light, which no gradient tells. */
const steps = writeModel({
  ...parseModel(`
    <ir_version: 8, opset_import: ["" : 18]>
    steps (float[1, 3, 16, 16] image) => (float[1, 2] logits)
    <float[1] half = {0.5}, float[3, 2] w = {-1, 1, -1, 1, -1, 1}>
    { d = Sub (image, half)  s = Sign (d)  p = GlobalAveragePool (s)  f = Flatten (p)  logits = MatMul (f, w) }
  `),
  metadata: new Map([["preprocessing", unitPreprocessing.replaceAll("24", "16")]]),
});

/** One color of 16x16 pixels, red, green and blue, and perhaps opacity. */
function flat(...color: readonly number[]): { data: Uint8Array; width: number; height: number; channels: 3 | 4 } {
  const channels = color.length as 3 | 4;
  return {
    width: 16,
    height: 16,
    channels,
    data: Uint8Array.from({ length: 256 * channels }, (_, i) => color[i % channels]),
  };
}

/** The bytes of a model whose weights are in a file of their own, which the library does not write. */
function withWeightsBeside(): Uint8Array {
  const field = (number: number, bytes: Uint8Array): number[] => [8 * number + 2, ...varint(bytes.length), ...bytes];
  const varint = (n: number): number[] => (n < 128 ? [n] : [(n & 127) | 128, ...varint(n >> 7)]);
  const string = (number: number, value: string): number[] => field(number, Buffer.from(value));
  const message = (number: number, ...parts: number[][]): number[] => field(number, Uint8Array.from(parts.flat()));
  const dims = (...sizes: number[]): number[][] => sizes.map((size) => message(1, [8, ...varint(size)]));
  const value = (number: number, name: string, ...sizes: number[]): number[] =>
    message(number, string(1, name), message(2, message(1, [8, 1], message(2, ...dims(...sizes)))));
  const node = (type: string, inputs: string[], output: string): number[] =>
    message(1, ...inputs.map((input) => string(1, input)), string(2, output), string(4, type));
  const weights = message(
    5,
    ...[3, 3].map((size) => [8, size]),
    [16, 1],
    string(8, "w"),
    message(13, string(1, "location"), string(2, "beside.data")),
    [112, 1],
  );
  const graph = message(
    7,
    ...[node("GlobalAveragePool", ["image"], "p"), node("Flatten", ["p"], "f"), node("MatMul", ["f", "w"], "logits")],
    string(2, "beside"),
    weights,
    value(11, "image", 1, 3, 16, 16),
    value(12, "logits", 1, 3),
  );
  return Uint8Array.from([8, 8, ...graph, ...message(8, [16, 18])]);
}

describe.skipIf(chromiumPath === undefined)("files dropped into the studio (skipped without a Chromium)", () => {
  let browser: Browser;
  let served: ServedFolder;
  let page: Page;
  const topClass = `document.querySelector(".top-five .class-name")?.textContent`;

  beforeAll(async () => {
    browser = await launchChromium();
    served = await serveStudio();
    ({ page } = await openPage(browser, `${served.address}#method=gradient`));
    await page.waitForSelector(".finding");
  }, studioTimeout);
  afterAll(async () => {
    await browser?.close();
    await served?.close();
  });

  test(
    "a link within the page changes nothing, and an address that changes shows the picture that it names",
    async () => {
      await page.locator(".thumb").nth(2).click();
      await page.waitForSelector(".finding:has-text('Airplane')");
      await page.locator(".skip").focus();
      await page.keyboard.press("Enter");
      expect(await page.evaluate("document.activeElement.id")).toBe("results");
      // The browser tells the page of a new address in a later task.
      await until(page, `location.hash === "#method=gradient&picture=2"`);
      await page.evaluate("location.hash = '#method=gradient&picture=4'");
      await page.waitForSelector(".finding:has-text('Mug')");
      await page.goBack();
      await page.waitForSelector(".finding:has-text('Airplane')");
      await page.evaluate("location.hash = '#method=no-such-method'");
      await page.waitForSelector(".finding:has-text('Donut')");
      await page.evaluate("location.hash = '#method=gradient'");
    },
    studioTimeout,
  );

  test(
    "weights may come after their model; what is missing is said in the page's words",
    async () => {
      await drop(page, [{ name: "beside.onnx", bytes: withWeightsBeside() }]);
      const missing = await page.waitForSelector(".side .problem:has-text('beside.data')");
      expect(await missing.textContent()).toMatch(/Drop the model and its weights together, or the weights now\.$/);
      await drop(page, [{ name: "beside.data", bytes: new Uint8Array(new Float32Array(9).fill(1).buffer) }]);
      await page.waitForSelector(".side .badge.good");
    },
    studioTimeout,
  );

  test(
    "of two models one is opened, and that is said",
    async () => {
      await drop(page, [
        { name: "one.onnx", bytes: undecided },
        { name: "other.onnx", bytes: undecided },
        { name: "own.png", bytes: await scenePng(3, 32) },
      ]);
      await page.waitForSelector(".notice:has-text('One model at a time: one.onnx is opened')");
      await page.locator(".picture-name", { hasText: "own.png" }).waitFor();
      await page.waitForSelector(".finding");
    },
    studioTimeout,
  );

  test(
    "warnings name the page's controls and come once, however many pictures are added",
    async () => {
      await drop(page, [{ name: "second.png", bytes: await scenePng(1, 32) }]);
      await page.locator(".picture-name", { hasText: "second.png" }).waitFor();
      await page.waitForSelector(".top-five");
      const warnings = await page.locator(".side .warning li").allTextContents();
      expect(warnings.filter((warning) => /“Normalization”/.test(warning))).toHaveLength(1);
      expect(warnings.join()).not.toMatch(/--\w/);
    },
    studioTimeout,
  );

  test(
    "the color under transparency and the first frame are looked at, as on the command line, and it is said",
    async () => {
      const { data, ...raw } = flat(30, 180, 60, 0);
      const transparent = await sharp(data, { raw }).png().toBuffer();
      const frames = [flat(20, 40, 220), flat(220, 40, 20)] as {
        data: Uint8Array;
        width: number;
        height: number;
        channels: 3;
      }[];
      const animation = await encodeGif(frames.map((picture) => ({ picture, milliseconds: 100 })));
      await drop(page, [
        { name: "colors.onnx", bytes: colors },
        { name: "transparent.png", bytes: transparent },
      ]);
      await page.locator(".picture-name", { hasText: "transparent.png" }).waitFor();
      await until(page, `${topClass} === "green"`);
      await page.waitForSelector(
        ".side .warning:has-text('transparent.png: its transparency is left out, and the colors stored')",
      );
      await drop(page, [{ name: "moving.gif", bytes: animation }]);
      await page.locator(".picture-name", { hasText: "moving.gif" }).waitFor();
      await until(page, `${topClass} === "blue"`);
      await page.waitForSelector(".side .warning:has-text('moving.gif: only the first of its 2 frames or pages')");
    },
    studioTimeout,
  );

  test(
    "a network without gradients is explained and attacked by what needs none, unless something else is chosen",
    async () => {
      const method = `document.querySelector(".controls select").value`;
      await page.evaluate("location.hash = '#'");
      await drop(page, [{ name: "steps.onnx", bytes: steps }]);
      await page.waitForSelector(".side .warning:has-text('no gradient arrives at the pixels')");
      await until(page, `${method} === "occlusion"`);
      await page.waitForSelector(".finding");
      await page.getByRole("tab", { name: "Attack" }).click();
      await until(page, `${method} === "square"`);
      await page.getByRole("tab", { name: "Explain" }).click();
      await page.locator(".controls select").first().selectOption("gradient");
      await until(page, `location.hash === "#method=gradient"`);
    },
    studioTimeout,
  );

  test(
    "names and a configuration that are dropped stay where the form changes something else; what does not fit changes nothing",
    async () => {
      await drop(page, [
        { name: "undecided.onnx", bytes: undecided },
        { name: "third.png", bytes: await scenePng(4, 32) },
      ]);
      await page.locator(".picture-name", { hasText: "third.png" }).waitFor();
      await page.waitForSelector(".finding");
      const named = `/red|green|blue/.test(${topClass} ?? "")`;
      await drop(page, [text("classes.names", "red\ngreen\nblue\n")]);
      await until(page, named);
      const config = { image_mean: [0.1, 0.2, 0.3], image_std: [0.5, 0.5, 0.5], do_normalize: true, do_rescale: true };
      await drop(page, [text("preprocessor_config.json", JSON.stringify(config))]);
      await page.locator("summary", { hasText: "numbers of my own" }).waitFor();
      expect(await page.locator(".side dl.facts").textContent()).toContain("preprocessor_config.json");
      await until(page, named);
      await drop(page, [text("boxes.csv", "a\nb\n")]);
      await page.waitForSelector(".notice:has-text('boxes.csv is not used')");
      await page.waitForSelector(".side .badge.good");
      await until(page, named);
      await page.getByText("Change preprocessing, labels, logits", { exact: true }).click();
      await page.getByLabel("Normalization").selectOption("unit");
      await page.locator("summary", { hasText: "unit" }).waitFor();
      await until(page, named);
      expect(await page.getByLabel("Labels").inputValue()).toBe("red\ngreen\nblue\n");
    },
    studioTimeout,
  );

  test(
    "files that come with a model are read as beside one on disk, in every maker's form",
    async () => {
      const pipeline = `PreProcess:
  transform_ops:
  - NormalizeImage:
      scale: 1.0/255.0
      mean: [0.4, 0.4, 0.4]
      std: [0.2, 0.2, 0.2]
PostProcess:
  Topk:
    label_list: [ant, bee, cat]
`;
      await drop(page, [{ name: "insects.onnx", bytes: undecided }, text("inference.yml", pipeline)]);
      await until(page, `/ant|bee|cat/.test(${topClass} ?? "")`);
      expect(await page.locator(".side dl.facts").textContent()).toContain("my own (inference.yml beside the model)");
      await drop(page, [text("other_words.json", JSON.stringify({ data: { classes: ["dog", "elk", "fox"] } }))]);
      await until(page, `/dog|elk|fox/.test(${topClass} ?? "")`);
      // Lobe's, of which nothing but its keys says what it is.
      const lobe = { classes: { Label: ["gnu", "hen", "ibis"] }, inputs: { Image: { shape: [null, 16, 16, 3] } } };
      await drop(page, [{ name: "lobe.onnx", bytes: undecided }, text("signature.json", JSON.stringify(lobe))]);
      await until(page, `/gnu|hen|ibis/.test(${topClass} ?? "")`);
      expect(await page.locator(".side dl.facts").textContent()).toContain("signature.json beside the model");
    },
    studioTimeout,
  );
});
