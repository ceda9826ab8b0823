import { existsSync, readdirSync, readFileSync } from "node:fs";
import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { run } from "../src/cli/run.ts";
import { decodeNpy } from "../src/exports/onnx.ts";
import { bundledClassifierPath } from "../src/node/models/bundled.ts";
import { writePng } from "../src/node/pictures/write-image.ts";
import { type ServedFolder, serveFolder } from "../src/node/serve-folder.ts";
import { writeModel } from "../src/onnx/file/write-model.ts";
import { parseModel } from "../src/onnx/text/parse.ts";
import { renderScene } from "../src/scenes/scenes.ts";
import { studioHeaders } from "../src/web/content-security-policy.ts";
import { chromiumPath, launchChromium } from "./chromium.ts";
import { tinyClassifier } from "./tiny-classifier.ts";

const folder = fileURLToPath(new URL("../dist/studio", import.meta.url));
const timeout = 240_000;

/** A page with all that went wrong in it. */
async function openPage(
  browser: Browser,
  address: string,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; problems: string[] }> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(60_000);
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    if (["error", "warning"].includes(message.type())) problems.push(message.text());
  });
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith("http") && url.hostname !== "127.0.0.1") problems.push(`asked ${url.host}`);
  });
  await page.goto(address);
  return { page, problems };
}

/** Drops files anywhere on the page. */
async function drop(
  page: Page,
  files: readonly { readonly name: string; readonly bytes: Uint8Array }[],
): Promise<void> {
  const given = files.map(({ name, bytes }) => ({ name, base64: Buffer.from(bytes).toString("base64") }));
  const transfer = await page.evaluateHandle(
    `(() => {
      const transfer = new DataTransfer();
      for (const { name, base64 } of ${JSON.stringify(given)}) {
        const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
        transfer.items.add(new File([bytes], name));
      }
      return transfer;
    })()`,
  );
  await page.dispatchEvent("body", "drop", { dataTransfer: transfer });
}

/** The page's own policy forbids `waitForFunction`, which evaluates text inside of it. */
async function until(page: Page, expression: string): Promise<void> {
  await expect.poll(() => page.evaluate(expression), { timeout: 60_000 }).toBe(true);
}

async function saved(page: Page, button: string): Promise<Uint8Array> {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: button, exact: true }).click(),
  ]);
  return readFile(await download.path());
}

const tiny = writeModel(tinyClassifier());
/** A scene as a PNG, whose decoding is the same everywhere. */
async function pngOf(index: number, size = 96): Promise<Uint8Array> {
  const path = join(temporary, `picture-${index}-${size}.png`);
  await writePng(path, renderScene({ seed: 7, index, size }).image);
  return readFileSync(path);
}
let temporary: string;

test("what is loaded before the runtime is at most 250 kB of JavaScript, gzipped", () => {
  const assets = join(folder, "assets");
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
    if (!existsSync(join(folder, "index.html"))) throw new Error("dist/studio is missing: run `npm run build` first");
    temporary = await mkdtemp(join(tmpdir(), "studio-"));
    browser = await launchChromium();
    served = await serveFolder({ folder, headers: studioHeaders });
  }, timeout);
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
    timeout,
  );

  test(
    "on a static host in a sub-path a service worker isolates it, and it works without the server",
    async () => {
      const host = await serveFolder({ folder, base: "/perceptual-ball/" });
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
    timeout,
  );

  test(
    "without isolation and service worker it works on one thread",
    async () => {
      const host = await serveFolder({ folder });
      const address = `${host.address}#method=grad-cam&threads=2`;
      const { page, problems } = await openPage(browser, address, { serviceWorkers: "block" });
      await page.waitForSelector(".finding");
      expect(await page.evaluate("crossOriginIsolated")).toBe(false);
      expect(await page.textContent(".runtime")).toMatch(/1 thread$/);
      expect(problems.filter((problem) => !/service ?worker/i.test(problem))).toEqual([]);
      await page.context().close();
      await host.close();
    },
    timeout,
  );

  test(
    "a dropped model and picture are explained, attacked, looked into and taken along; the report is that of `explain`",
    async () => {
      const picture = await pngOf(3);
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
      const text: string[] = [];
      const stream = { write: (line: string) => text.push(line) };
      const io = { stdout: stream, stderr: stream, signal: new AbortController().signal, env: {} } as never;
      const flags = ["--model", modelFile, "--method", "gradient", "--runtime", "wasm", "--out", out, "--quiet"];
      expect(await run(["explain", pictureFile, ...flags], io)).toBe(0);
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
    timeout,
  );

  test(
    "preprocessing and labels are changed in place, and the prediction follows",
    async () => {
      const { page } = await openPage(browser, `${served.address}#method=gradient`);
      await page.waitForSelector(".finding");
      const before = await page.textContent(".top-five");
      await page.getByText("Change preprocessing, labels, logits").click();
      await page.getByLabel("Normalization").selectOption("bytes");
      await until(page, `document.querySelector(".top-five")?.textContent !== ${JSON.stringify(before)}`);
      await page.waitForSelector(".top-five li");
      const names = "alpha beta gamma delta epsilon zeta eta theta iota kappa".replaceAll(" ", "\n");
      await page.getByLabel("Labels").fill(names);
      await page.getByRole("button", { name: "Apply" }).click();
      await until(page, `/alpha/.test(document.querySelector(".top-five")?.textContent ?? "")`);
      await page.context().close();
    },
    timeout,
  );

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
      await drop(page, [
        { name: "tiny.onnx", bytes: tiny },
        { name: "good.png", bytes: await pngOf(1, 32) },
      ]);
      await page.getByText("good.png", { exact: true }).waitFor();
      await page.waitForSelector(".finding");
      await page.context().close();
    },
    timeout,
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
    timeout,
  );

  const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
  test.each([
    ["light", 1280],
    ["light", 320],
    ["dark", 1280],
    ["dark", 320],
  ] as const)(
    "nothing for axe to say in %s colors at %i pixels, and nothing to scroll sideways",
    async (colorScheme, width) => {
      const address = `${served.address}#method=deepfool&set.deepfool.steps=2&set.attack-pgd.steps=2`;
      const { page } = await openPage(browser, address, {
        ...{ colorScheme, viewport: { width, height: 800 }, bypassCSP: true, reducedMotion: "reduce" },
      });
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
        const found = await page.evaluate(
          `axe.run(document, { runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"] })
            .then(({ violations }) => violations.map(({ id, nodes }) => id + ": " + nodes.map(({ html }) => html.slice(0, 160)).join(" ")))`,
        );
        expect({ tab, found }).toEqual({ tab, found: [] });
        expect(await page.evaluate("document.documentElement.scrollWidth <= innerWidth")).toBe(true);
      }
      await page.context().close();
    },
    timeout,
  );
});

function cosineOf(a: Float32Array, b: Float32Array): number {
  let [product, one, other] = [0, 0, 0];
  for (const [i, x] of a.entries()) {
    product += x * b[i];
    one += x * x;
    other += b[i] * b[i];
  }
  return product / Math.sqrt(one * other);
}

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
