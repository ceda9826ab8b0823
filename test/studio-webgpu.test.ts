import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { decodeNpy } from "../src/exports/onnx.ts";
import { createClassifier } from "../src/index.ts";
import { decodeImage } from "../src/node/index.ts";
import { writeModel } from "../src/onnx/file/write-model.ts";
import { methodNamed } from "../src/saliency/methods.ts";
import { chromiumPath, launchChromium } from "./chromium.ts";
import { residualClassifier } from "./residual-classifier.ts";
import { cosineOf, openPage, saved, scenePng, serveStudio, studioTimeout } from "./studio-page.ts";

/** WebGPU on the CPU, by the rasterizer that Chromium brings along. */
const software = ["--enable-unsafe-webgpu", "--use-webgpu-adapter=swiftshader", "--enable-features=Vulkan"];

describe.skipIf(chromiumPath === undefined)("the studio on WebGPU (skipped without a Chromium)", () => {
  test(
    "it loads that build alone, gives Node's maps, and goes on with WebAssembly when the device is lost",
    async () => {
      const browser = await launchChromium(software);
      const model = residualClassifier();
      const picture = await scenePng(2, 32);
      const folder = await mkdtemp(join(tmpdir(), "studio-webgpu-"));
      const paths = ["residual.onnx", "small.png"].map((name) => [`files/${name}`, join(folder, name)] as const);
      await Promise.all([writeModel(model), picture].map((bytes, n) => writeFile(paths[n][1], bytes)));
      const served = await serveStudio(new Map(paths));
      // Nobody offers software that pretends to be a graphics processor; who asks for it in the address gets it.
      const plain = await openPage(browser, `${served.address}#method=grad-cam`);
      await plain.page.waitForSelector(".finding");
      expect(await plain.page.evaluate("navigator.gpu.requestAdapter().then((adapter) => adapter !== null)")).toBe(
        true,
      );
      expect(await plain.page.getByLabel("Computed by").count()).toBe(0);
      await plain.page.context().close();

      const { page } = await openPage(browser, "about:blank");
      const loaded: string[] = [];
      page.on("request", (request) => {
        if (request.url().endsWith(".wasm")) loaded.push(request.url().replace(/^.*\//, ""));
      });
      await page.goto(`${served.address}#processor=webgpu&method=gradient&model=${paths[0][0]}&file=${paths[1][0]}`);
      expect(await page.getByLabel("Computed by").inputValue()).toBe("webgpu");
      const classifier = createClassifier(model, { runtime: ort });
      const image = classifier.fit(await decodeImage(picture, "small.png"));
      for (const name of ["gradient", "guided-backprop"]) {
        await page.click("#tab-explain");
        await page.getByLabel("Method").selectOption(name);
        await page.waitForSelector(".finding", { timeout: studioTimeout });
        await page.click("#tab-take");
        const { data } = decodeNpy(await saved(page, "Map, NPY"));
        const { map } = await methodNamed(name).explain(classifier, image);
        expect(1 - cosineOf(data as Float32Array, map.data)).toBeLessThan(1e-4);
      }
      await classifier.dispose();
      expect(await page.textContent(".runtime")).toContain("WebGPU");
      expect(new Set(loaded).size).toBe(1);
      expect(loaded[0]).toMatch(/asyncify/);

      const session = await browser.newBrowserCDPSession();
      await session.send("Browser.crashGpuProcess").catch(() => {});
      await page.waitForSelector(".notice:has-text('The page goes on with WebAssembly')");
      await page.click("#tab-explain");
      await page.waitForSelector(".finding");
      expect(await page.textContent(".runtime")).not.toContain("WebGPU");
      await browser.close();
      await served.close();
      await rm(folder, { recursive: true, force: true });
    },
    studioTimeout,
  );

  test(
    "a browser without a graphics processor says so, and uses WebAssembly",
    async () => {
      const browser = await launchChromium();
      const served = await serveStudio();
      const { page } = await openPage(browser, `${served.address}#processor=webgpu&method=grad-cam`);
      await page.waitForSelector(".notice:has-text('no graphics processor')");
      await page.waitForSelector(".finding");
      expect(await page.textContent(".runtime")).not.toContain("WebGPU");
      await browser.close();
      await served.close();
    },
    studioTimeout,
  );
});
