import { readdirSync, readFileSync } from "node:fs";
import { copyFile, mkdtemp, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import type { Browser } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodeNpy } from "../src/exports/onnx.ts";
import { bundledClassifierPath, bundledStatisticsPath } from "../src/node/models/bundled.ts";
import { type ServedFolder, serveFolder } from "../src/node/serve-folder.ts";
import { writeModel } from "../src/onnx/file/write-model.ts";
import type { Model } from "../src/onnx/model.ts";
import { parseModel } from "../src/onnx/text/parse.ts";
import { scenesClasses } from "../src/scenes/scenes.ts";
import { chromiumPath, launchChromium } from "./chromium.ts";
import { runCli } from "./run-cli.ts";
import {
  cosineOf,
  drop,
  openPage,
  saved,
  scenePng,
  serveStudio,
  studioFolder,
  studioTimeout,
  until,
} from "./studio-page.ts";
import { unitPreprocessing } from "./tiny-classifier.ts";

let temporary: string;

/** Four classes from four channels, in pixels of any size; a second head says the opposite. */
function twoHeads(): Model {
  const numbers = (count: number, f: (i: number) => number): string =>
    Array.from({ length: count }, (_, i) => f(i).toFixed(4)).join(", ");
  const column = (i: number): number => i % 4;
  return parseModel(`
    <ir_version: 8, opset_import: ["" : 18]>
    two (float[N, 3, H, W] image) => (float[N, 4] logits, float[N, 4] other)
    <float[4, 3, 3, 3] w = {${numbers(108, (i) => Math.sin(1 + i * i))}},
     float[4, 4] u = {${numbers(16, (i) => 2 * Math.cos(3 * Math.floor(i / 4) + 5 * column(i)))}},
     float[4, 4] v = {${numbers(16, (i) => 2 * Math.cos(3 * Math.floor(i / 4) + 5 * (3 - column(i))))}}>
    { c = Conv (image, w)  r = Relu (c)  p = GlobalAveragePool (r)  f = Flatten (p)  logits = MatMul (f, u)  other = MatMul (f, v) }
  `);
}

/** The classes of the scenes, told by the hue of 24 × 24 pixels alone: fast, and not right. */
function scenesByHue(): Model {
  const copy = Array.from({ length: 81 }, (_, i) =>
    i % 9 === 4 && Math.floor(i / 27) === Math.floor(i / 9) % 3 ? 1 : 0,
  );
  const angle = (i: number): number => (Math.PI / 5) * (i % 10) - ((2 * Math.PI) / 3) * Math.floor(i / 10);
  const hues = Array.from({ length: 30 }, (_, i) => (100 * Math.cos(angle(i))).toFixed(3));
  const model = parseModel(`
    <ir_version: 8, opset_import: ["" : 18]>
    hues (float[N, 3, 24, 24] image) => (float[N, 10] logits)
    <float[3, 3, 3, 3] w = {${copy.join(", ")}}, float[3, 10] u = {${hues.join(", ")}}>
    { c = Conv (image, w)  p = GlobalAveragePool (c)  f = Flatten (p)  logits = MatMul (f, u) }
  `);
  const metadata = { preprocessing: unitPreprocessing, labels: JSON.stringify(scenesClasses) };
  return { ...model, metadata: new Map(Object.entries(metadata)) };
}

test("what is loaded before the runtime is at most 250 kB of JavaScript, gzipped", () => {
  const assets = join(studioFolder, "assets");
  const entries = readdirSync(assets).filter((file) => /^(index|worker)-[^.]*\.js$/.test(file));
  expect(entries).toHaveLength(2);
  const loaded = new Set(entries);
  for (const file of loaded) {
    // Static imports; what is imported by a call is loaded when it is needed.
    const text = readFileSync(join(assets, file), "utf8");
    for (const [, other] of text.matchAll(/(?:from|import)\s*["'`]\.\/([^"'`]+\.js)["'`]/g)) loaded.add(other);
  }
  expect(loaded.size).toBeGreaterThan(entries.length);
  const sizes = [...loaded].map((file) => gzipSync(readFileSync(join(assets, file))).length);
  expect(sizes.reduce((sum, size) => sum + size, 0)).toBeLessThanOrEqual(250_000);
});

describe.skipIf(chromiumPath === undefined)("the studio in Chromium (skipped where there is none)", () => {
  let browser: Browser;
  let served: ServedFolder;

  beforeAll(async () => {
    temporary = await mkdtemp(join(tmpdir(), "studio-"));
    browser = await launchChromium();
    served = await serveStudio();
  }, studioTimeout);
  afterAll(async () => {
    await browser?.close();
    await served?.close();
    await rm(temporary, { recursive: true, force: true });
  });

  test.each([1, 2])(
    "isolated, with %i threads, it explains the first bundled picture by itself, and asks nobody",
    async (threads) => {
      const { page, problems } = await openPage(browser, `${served.address}#threads=${threads}`);
      const finding = await page.waitForSelector(".finding");
      expect(await finding.textContent()).toMatch(/^Donut \(\d+ %\) becomes \w+ \(\d+ %\) by a change of at most/);
      expect(await page.evaluate("crossOriginIsolated")).toBe(true);
      expect(await page.textContent(".runtime")).toMatch(threads === 1 ? /1 thread$/ : /2 threads$/);
      expect(await page.locator(".stage canvas").count()).toBe(3);
      expect(await page.locator(".curves svg").count()).toBe(2);
      expect(problems).toEqual([]);
      await page.context().close();
    },
    studioTimeout,
  );

  test(
    "on a static host in a sub-path a service worker isolates it, and it works without the server",
    async () => {
      const host = await serveFolder({ folder: studioFolder, base: "/perceptual-ball/studio/" });
      const { page, problems } = await openPage(browser, `${host.address}#method=grad-cam`);
      await page.waitForSelector(".finding");
      expect(await page.evaluate("crossOriginIsolated")).toBe(true);
      await host.close();
      await page.reload();
      await page.waitForSelector(".finding");
      expect(await page.evaluate("crossOriginIsolated")).toBe(true);
      expect(problems).toEqual([]);
      await page.context().close();
    },
    studioTimeout,
  );

  test(
    "without isolation and service worker it works on one thread",
    async () => {
      const host = await serveFolder({ folder: studioFolder });
      const address = `${host.address}#method=grad-cam&threads=2`;
      const { page, problems } = await openPage(browser, address, { serviceWorkers: "block" });
      await page.waitForSelector(".finding");
      expect(await page.evaluate("crossOriginIsolated")).toBe(false);
      expect(await page.textContent(".runtime")).toMatch(/1 thread$/);
      expect(problems.filter((problem) => !/service ?worker/i.test(problem))).toEqual([]);
      await page.context().close();
      await host.close();
    },
    studioTimeout,
  );

  test(
    "a dropped model and picture are explained, attacked, looked into and taken along; the report is that of `explain`",
    async () => {
      const picture = await scenePng(3);
      const model = readFileSync(bundledClassifierPath);
      const { page, problems } = await openPage(browser, `${served.address}#method=gradient&set.attack-pgd.steps=3`);
      await page.waitForSelector(".finding");
      await drop(page, [
        { name: "own.onnx", bytes: model },
        { name: "own.png", bytes: picture },
      ]);
      await page.getByText("own.onnx", { exact: true }).waitFor();
      await page.getByText("own.png", { exact: true }).waitFor();
      await page.waitForSelector(".finding");

      await page.click("#tab-take");
      const record = JSON.parse(Buffer.from(await saved(page, "Record, JSON")).toString());
      const map = decodeNpy(await saved(page, "Map, NPY"));
      const report = Buffer.from(await saved(page, "Report, HTML")).toString();
      expect(map.shape).toEqual([96, 96]);

      const out = join(temporary, "report");
      const [pictureFile, modelFile] = [join(temporary, "own.png"), join(temporary, "own.onnx")];
      await writeFile(pictureFile, picture);
      await copyFile(bundledClassifierPath, modelFile);
      const flags = ["--model", modelFile, "--method", "gradient", "--runtime", "wasm", "--out", out, "--quiet"];
      expect(await runCli(["explain", pictureFile, ...flags])).toMatchObject({ code: 0 });
      const theirs = JSON.parse(readFileSync(join(out, "own", "result.json"), "utf8"));
      const expected = decodeNpy(readFileSync(join(out, "own", "map.npy")));
      expect(cosineOf(map.data as Float32Array, expected.data as Float32Array)).toBeGreaterThan(1 - 1e-6);
      const plain = ({ image, model: named, seconds, versions, files, ...rest }: typeof theirs) => {
        expect([typeof image, typeof seconds, typeof versions, typeof files]).not.toContain("undefined");
        return { ...rest, sha256: named.sha256 };
      };
      expect(rounded(plain(record))).toEqual(rounded(plain(theirs)));
      const page2 = readFileSync(join(out, "index.html"), "utf8");
      expect(skeletonOf(report)).toEqual(skeletonOf(page2));

      await page.click("#tab-attack");
      await page.getByRole("button", { name: "Attack", exact: true }).click();
      await page.waitForSelector(".badge.good:text('survives')");
      await page.waitForSelector(".paper svg");
      await page.click("#tab-take");
      const adversarial = await sharp(await saved(page, "Adversarial picture, PNG")).metadata();
      expect([adversarial.width, adversarial.height]).toEqual([96, 96]);

      await page.click("#tab-inside");
      await page.waitForSelector(".bars li");
      await page.waitForSelector(".feature-maps li");
      expect(await page.locator(".feature-maps li").count()).toBe(24);
      expect(problems).toEqual([]);
      await page.context().close();
    },
    studioTimeout,
  );

  test(
    "preprocessing, labels, logits and input size are changed in place, and the prediction follows",
    async () => {
      const { page } = await openPage(browser, `${served.address}#method=gradient`);
      await page.waitForSelector(".finding");
      await drop(page, [
        { name: "two.onnx", bytes: writeModel(twoHeads()) },
        { name: "own.png", bytes: await scenePng(3, 64) },
      ]);
      await page.getByText("own.png", { exact: true }).waitFor();
      await page.waitForSelector(".finding");
      const first = (part: string): string => `document.querySelector(".top-five ${part}")?.textContent`;
      const confidence = JSON.stringify(await page.evaluate(first(".bar-number")));
      await page.getByText("Change preprocessing, labels, logits", { exact: true }).click();
      const apply = page.getByRole("button", { name: "Apply" });

      await page.getByLabel("Normalization").selectOption("unit");
      await until(page, `![undefined, ${confidence}].includes(${first(".bar-number")})`);
      const predicted = String(await page.evaluate(first(".class-name")));

      // The other head has the same numbers in the opposite order.
      const opposite = `class ${3 - Number(predicted.replace(/\D/g, ""))}`;
      await page.getByLabel("Value that holds the logits").fill("other");
      await apply.click();
      await until(page, `${first(".class-name")} === ${JSON.stringify(opposite)}`);
      await page.waitForSelector(`.finding:has-text("${opposite}")`);

      await page.getByLabel("Labels").fill("alpha\nbeta\ngamma\ndelta");
      await apply.click();
      await until(page, `/alpha/.test(document.querySelector(".top-five")?.textContent ?? "")`);

      // Names as long as German has them fit into the narrowest window.
      const long = "Rindfleischetikettierungsüberwachungsaufgabenübertragungsgesetz";
      await page.getByLabel("Labels").fill(["a", "b", "c", "d"].map((letter) => `${letter}${long}`).join("\n"));
      await apply.click();
      await until(page, `/Rindfleisch/.test(document.querySelector(".finding")?.textContent ?? "")`);
      await page.setViewportSize({ width: 320, height: 800 });
      expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
      await page.setViewportSize({ width: 1280, height: 900 });

      await page.getByLabel("Input size, where it is open").fill("48 x 40");
      await apply.click();
      await page.locator("summary", { hasText: "48 × 40" }).waitFor();
      await page.waitForSelector(".finding");
      expect(await page.locator(".stage canvas").first().getAttribute("width")).toBe("40");

      await page.getByLabel("Value that holds the logits").fill("no such value");
      await apply.click();
      await page.waitForSelector(".side .problem:has-text('no such value')");
      await page.getByRole("button", { name: "As found out" }).click();
      await until(page, `${first(".bar-number")} === ${confidence}`);
      expect(await page.locator(".notice").count()).toBe(0);

      // Of a panorama it is said what becomes of it, of other pictures nothing.
      expect(await page.locator(".predictions .warning").count()).toBe(0);
      const wide = sharp(await scenePng(3, 64)).resize({ width: 640, height: 64, fit: "fill" });
      await drop(page, [{ name: "wide.png", bytes: await wide.png().toBuffer() }]);
      await page
        .locator(".predictions .warning", { hasText: /wide\.png: (only its middle|it is seen 10 times)/ })
        .waitFor();
      await page.context().close();
    },
    studioTimeout,
  );

  test(
    "pictures come from the camera and the clipboard, statistics of the detector with the bundled classifier or from a file",
    async () => {
      const withCamera = await launchChromium(["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]);
      const { page, problems } = await openPage(withCamera, `${served.address}#method=grad-cam&set.attack-pgd.steps=2`);
      await page.waitForSelector(".finding");
      await page.getByRole("button", { name: "Camera" }).click();
      await until(page, `document.querySelector("video")?.videoWidth > 0`);
      await page.getByRole("button", { name: "Take", exact: true }).click();
      await page.getByText("camera-1.png", { exact: true }).waitFor();
      await page.waitForSelector(".finding");
      expect(await page.locator("video").count()).toBe(0);

      const base64 = Buffer.from(await scenePng(4)).toString("base64");
      await page.evaluate(`(() => {
        const clipboardData = new DataTransfer();
        const bytes = Uint8Array.from(atob(${JSON.stringify(base64)}), (c) => c.charCodeAt(0));
        clipboardData.items.add(new File([bytes], "pasted.png", { type: "image/png" }));
        document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
      })()`);
      await page.getByText("pasted.png", { exact: true }).waitFor();
      await page.waitForSelector(".finding");
      await page.evaluate(`(() => {
        const clipboardData = new DataTransfer();
        clipboardData.setData("text/plain", "https://example.org/dog.jpg");
        document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData, bubbles: true, cancelable: true }));
      })()`);
      await page.waitForSelector(".notice:has-text('may not ask example.org')");

      await page.click("#tab-attack");
      await page.getByRole("button", { name: "Attack", exact: true }).click();
      await page.getByRole("button", { name: "Test it" }).click();
      const finding = await page.waitForSelector(".detector .finding", { timeout: studioTimeout });
      expect(await finding.textContent()).toMatch(
        /^Score -?[\d.]+ \(-?[\d.]+ to -?[\d.]+\), cutoff [\d.]+: (not flagged|flagged, noise pulls it toward \w+)\.$/,
      );

      await page.getByText("With the statistics that come with the bundled classifier.").waitFor();
      const text = readFileSync(bundledStatisticsPath, "utf8");
      const foreign = text.replace(/"sha256":"[0-9a-f]+"/, `"sha256":"${"0".repeat(64)}"`);
      await drop(page, [{ name: "foreign.json", bytes: Buffer.from(foreign) }]);
      await page.waitForSelector(".detector .problem:has-text('belongs to another classifier')");
      await drop(page, [{ name: "mine.json", bytes: Buffer.from(text) }]);
      await page.getByText("With the statistics of mine.json.").waitFor();
      await page.waitForSelector(".detector .finding:has-text('Score')");
      expect(problems).toEqual([]);
      await withCamera.close();
    },
    studioTimeout,
  );

  test(
    "another classifier of scenes is tested with statistics that the page fits itself",
    async () => {
      const { page, problems } = await openPage(browser, `${served.address}#method=gradient&set.attack-pgd.steps=2`);
      await page.waitForSelector(".finding");
      await drop(page, [
        { name: "hues.onnx", bytes: writeModel(scenesByHue()) },
        { name: "hue.png", bytes: await scenePng(5, 24) },
      ]);
      await page.locator(".model-name", { hasText: "hues.onnx" }).waitFor();
      await page.getByText("hue.png", { exact: true }).waitFor();
      await page.click("#tab-attack");
      await page.getByRole("button", { name: "Attack", exact: true }).click();
      await page.getByRole("button", { name: "Test it" }).click();
      // What went wrong instead is worth more than that nothing came.
      const said = await page.waitForSelector(".detector .finding:has-text('Score'), .detector .problem");
      expect(await said.textContent()).toContain("Score");
      await page.getByText("With statistics of 60 rendered scenes, fitted in this page.").waitFor();
      expect(problems).toEqual([]);
      await page.context().close();
    },
    studioTimeout,
  );

  test(
    "a search is stopped, stepped back through and continued where it was, by keys; what it finds is what it finds without",
    async () => {
      const { page } = await openPage(browser, served.address);
      const [stop, goOn] = ["Stop", "Continue"].map((name) => page.getByRole("button", { name, exact: true }));
      await page.waitForSelector(".timeline");
      await stop.press("Enter");
      const slider = page.getByLabel("Step through the evaluations");
      await slider.focus();
      await page.keyboard.press("Home");
      expect(await page.textContent(".timeline output")).toBe("Evaluation 1");
      const seen = Number(await slider.getAttribute("max"));
      await page.waitForTimeout(600);
      // At most the evaluation under way when it was stopped is added.
      expect(Number(await slider.getAttribute("max"))).toBeLessThanOrEqual(seen + 1);
      // Others work meanwhile.
      await page.click("#tab-inside");
      await page.waitForSelector(".feature-maps li");
      await page.click("#tab-explain");
      await goOn.press("Enter");
      await until(page, `Number(document.querySelector(".timeline input").max) > ${seen + 1}`);
      const sentence = await page.textContent(".finding");
      await page.click("#tab-take");
      const record = JSON.parse(Buffer.from(await saved(page, "Record, JSON")).toString());
      await page.click("#tab-explain");
      await page.getByRole("button", { name: "Explain", exact: true }).click();
      await page.waitForSelector(".finding", { state: "detached" });
      expect(await page.textContent(".finding")).toBe(sentence);
      await page.click("#tab-take");
      const uninterrupted = JSON.parse(Buffer.from(await saved(page, "Record, JSON")).toString());
      expect({ ...record, seconds: 0 }).toEqual({ ...uninterrupted, seconds: 0 });
      await page.context().close();
    },
    studioTimeout,
  );

  test(
    "nothing for axe to say on any tab, in light and dark colors, at 320 and 1280 pixels, and nothing to scroll sideways",
    async () => {
      const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
      const address = `${served.address}#method=deepfool&set.deepfool.steps=2&set.attack-pgd.steps=2`;
      const { page } = await openPage(browser, address, { bypassCSP: true, reducedMotion: "reduce" });
      await page.waitForSelector(".finding");
      await page.evaluate(axe);
      for (const tab of ["explain", "compare", "inside", "take", "attack"]) {
        await page.click(`#tab-${tab}`);
        if (tab === "inside") await page.waitForSelector(".feature-maps li");
        if (tab === "attack") {
          await page.getByRole("button", { name: "Attack", exact: true }).click();
          await page.waitForSelector(".paper svg");
        }
        if (tab === "take")
          for (const more of await page.$$(".side details > summary, main details > summary")) await more.click();
        for (const [colorScheme, width] of [
          ["light", 1280],
          ["dark", 1280],
          ["dark", 320],
          ["light", 320],
        ] as const) {
          await page.emulateMedia({ colorScheme });
          await page.setViewportSize({ width, height: 800 });
          const found = await page.evaluate(
            `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })
            .then(({ violations }) => violations.map(({ id, nodes }) => id + ": " + nodes.map(({ html }) => html.slice(0, 160)).join(" ")))`,
          );
          expect({ tab, colorScheme, width, found }).toEqual({ tab, colorScheme, width, found: [] });
          expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
        }
      }
      await page.context().close();
    },
    studioTimeout,
  );
});

/** Numbers with five digits: browsers and Node sum up in other orders. */
function rounded(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (_, part) =>
    typeof part === "number" ? Number(part.toPrecision(5)) : part,
  );
}

/** A report without what differs between two machines: pictures' bytes, times, paths, versions. */
function skeletonOf(html: string): string[] {
  return html
    .replace(/data:image\/(png|jpeg);base64,[\w+/=]+/g, "PICTURE")
    .replace(/[\d.]+ s\b/g, "TIME")
    .replace(/href="[^"]*"/g, "LINK")
    .replace(/<footer>.*?<\/footer>/gs, "")
    .replace(/<span>[^<]*<\/span>own\.png/g, "own.png")
    .split("\n");
}
