import { readdirSync, readFileSync } from "node:fs";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ServedFolder } from "../src/node/serve-folder.ts";
import { GraphBuilder } from "../src/onnx/builder.ts";
import { writeModel } from "../src/onnx/file/write-model.ts";
import { parseModel } from "../src/onnx/text/parse.ts";
import { modelOf } from "../src/runtime/session.ts";
import { floatTensor } from "../src/tensor/tensor.ts";
import { casesIn } from "./cases.ts";
import { chromiumPath, launchChromium } from "./chromium.ts";
import { drop, openPage, scenePng, serveStudio, studioTimeout } from "./studio-page.ts";
import { tinyClassifier, unitPreprocessing } from "./tiny-classifier.ts";

const tiny = writeModel(tinyClassifier());

/** A model whose values take 32 MB for each of a few layers. */
function wideModel(): Uint8Array {
  const g = new GraphBuilder();
  const image = g.input("image", "float32", [1, 3, 1024, 1024]);
  const weights = floatTensor(
    Float32Array.from({ length: 24 }, (_, i) => Math.sin(i)),
    [8, 3, 1, 1],
  );
  const wide = g.op("Relu", [g.op("Conv", [image, g.constant(weights, "w")])]);
  const flat = g.op("Flatten", [g.op("GlobalAveragePool", [wide])]);
  const last = floatTensor(
    Float32Array.from({ length: 32 }, (_, i) => Math.cos(i)),
    [8, 4],
  );
  g.output(g.op("MatMul", [flat, g.constant(last, "v")]), "logits");
  const metadata = new Map([["preprocessing", unitPreprocessing.replaceAll("24", "1024")]]);
  return writeModel(modelOf(g.toGraph(), { metadata }));
}

/** Opens a small model and a picture, and waits until it is explained. */
async function expectAlive(page: Page, name: string): Promise<void> {
  await drop(page, [
    { name: `${name}.onnx`, bytes: tiny },
    { name: `${name}.png`, bytes: await scenePng(1, 32) },
  ]);
  await page.getByText(`${name}.png`, { exact: true }).waitFor();
  await page.waitForSelector(".finding");
}

describe.skipIf(chromiumPath === undefined)("what goes wrong in the studio (skipped without a Chromium)", () => {
  let browser: Browser;
  let served: ServedFolder;

  beforeAll(async () => {
    browser = await launchChromium();
    served = await serveStudio();
  }, studioTimeout);
  afterAll(async () => {
    await browser?.close();
    await served?.close();
  });

  test(
    "bad files give words, and the page goes on",
    async () => {
      const noGradient = parseModel(`
        <ir_version: 8, opset_import: ["" : 18]>
        rounded (float[N, 3, 8, 8] x) => (float[N, 4] logits)
        <float[192, 4] W = {${Array.from({ length: 768 }, (_, i) => (i % 7) - 3).join(", ")}}>
        { r = Round (x)  f = Flatten (r)  logits = MatMul (f, W) }
      `);
      const { page } = await openPage(browser, `${served.address}#method=gradient`);
      await page.waitForSelector(".finding");
      await drop(page, [{ name: "nothing.onnx", bytes: Buffer.from("this is no model") }]);
      await page.waitForSelector(".side .problem:text('nothing.onnx')");
      await drop(page, [{ name: "half.onnx", bytes: tiny.subarray(0, tiny.length / 2) }]);
      await page.waitForSelector(".side .problem:text('half.onnx')");
      // More than a page can hold, with the command that can.
      const dataTransfer = await page.evaluateHandle(`(() => {
        const transfer = new DataTransfer();
        transfer.items.add(new File(Array(10).fill(new Uint8Array(31e6)), "huge.onnx"));
        return transfer;
      })()`);
      await page.dispatchEvent("body", "drop", { dataTransfer });
      const huge = await page.waitForSelector(".side .problem:has-text('huge.onnx: is too large for a page')");
      expect(await huge.textContent()).toMatch(
        /at most 300 MB, got 310 MB.*perceptual-ball explain .*--model huge\.onnx/,
      );
      await drop(page, [{ name: "flat.onnx", bytes: writeModel(noGradient) }]);
      await page.getByText("flat.onnx", { exact: true }).waitFor();
      await page.waitForSelector(".panel .problem, .side .warning, .side .badge.bad");
      await drop(page, [{ name: "no.png", bytes: Buffer.from("no picture") }]);
      await page.waitForSelector(".problem:text('is not a picture')");
      await drop(page, [{ name: "strange.xyz", bytes: Buffer.from("?") }]);
      await page.waitForSelector(".notice:has-text('strange.xyz')");
      // A worker that dies of an error of its own is replaced.
      await page.workers()[0].evaluate("setTimeout(() => { throw new Error('out of memory'); })");
      await page.waitForSelector(".notice:has-text('has been started again')");
      await expectAlive(page, "good");
      await page.context().close();
    },
    studioTimeout,
  );

  test(
    "what is dropped while the page still begins, and again at once, is what is open in the end",
    async () => {
      const { page } = await openPage(browser, `${served.address}#method=gradient`);
      const picture = await scenePng(1, 32);
      for (const name of ["first", "second", "third"]) {
        await drop(page, [
          { name: `${name}.onnx`, bytes: tiny },
          { name: `${name}.png`, bytes: picture },
        ]);
      }
      await page.locator(".model-name", { hasText: "third.onnx" }).waitFor();
      await page.locator(".side .badge.good").waitFor();
      await page.waitForSelector(".finding");
      await page.locator(".thumb[aria-label*='class']").nth(2).waitFor();
      expect(await page.locator(".problem, .notice").allTextContents()).toEqual([]);
      await page.context().close();
    },
    studioTimeout,
  );

  test(
    "where the memory ends there are words, and another model works",
    async () => {
      const { page } = await openPage(browser, `${served.address}#method=gradient`);
      await page.waitForSelector(".finding");
      // Every worker from now on is given no more memory than it begins with. One that ends before it is told,
      // by its page or with it, needs it no more.
      page.on("worker", (worker) => {
        worker
          .evaluate(
            "WebAssembly.Memory.prototype.grow = () => { throw new RangeError('WebAssembly.Memory.grow(): Maximum memory size exceeded'); }",
          )
          .catch(() => {});
      });
      await drop(page, [{ name: "wide.onnx", bytes: wideModel() }]);
      await page.waitForSelector(".notice:has-text('out of memory')");
      await page.waitForSelector(".side .problem:has-text('twice')");
      await expectAlive(page, "small");
      expect(await page.textContent(".side .badge")).toBe("Works");
      await page.context().close();
    },
    studioTimeout,
  );

  const hostile = casesIn("hostile");
  test.skipIf(!hostile.isThere)(
    "hostile models and pictures give words within the time, and the page goes on",
    async () => {
      const { page } = await openPage(browser, `${served.address}#method=gradient`);
      await page.waitForSelector(".finding");
      const models = readdirSync(hostile.path("models"));
      for (const name of models) {
        await drop(page, [{ name, bytes: readFileSync(hostile.path(`models/${name}`)) }]);
        await page.locator(".model-name", { hasText: name }).waitFor();
        await page.waitForSelector(".side .badge.good, .side .badge.bad");
        const text = (await page.textContent("body")) ?? "";
        expect({ name, isDefect: text.includes("defect of the studio") }).toEqual({ name, isDefect: false });
        // biome-ignore lint/suspicious/noControlCharactersInRegex: what a terminal or a line would obey
        expect({ name, obeyed: /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u202e]/.test(text) }).toEqual({
          name,
          obeyed: false,
        });
      }
      for (const name of readdirSync(hostile.path("pictures"))) {
        await drop(page, [{ name, bytes: readFileSync(hostile.path(`pictures/${name}`)) }]);
        await page.locator(".picture-name", { hasText: name }).waitFor();
        await page.waitForSelector(".predictions .problem, .predictions .top-five li, .side .badge.bad");
      }
      await expectAlive(page, "after");
      await page.context().close();
    },
    studioTimeout,
  );
});
