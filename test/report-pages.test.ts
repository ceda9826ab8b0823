/** The pages of `explain` and `attack` in a browser: as they are read without eyes, without a mouse, without a script, on paper, and long. */

import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ExplanationRecord } from "../src/experiments/explanation/record.ts";
import { writePng } from "../src/node/pictures/write-image.ts";
import { writeModel } from "../src/onnx/file/write-model.ts";
import { reportPage } from "../src/report/explanation/page.ts";
import { renderScene } from "../src/scenes/scenes.ts";
import { chromiumPath, launchChromium } from "./chromium.ts";
import { runCli } from "./run-cli.ts";
import { tinyClassifier } from "./tiny-classifier.ts";

const axeSource = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const timeout = 240_000;

interface Violation {
  readonly id: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary?: string }[];
}

describe.skipIf(chromiumPath === undefined && process.env.CI === undefined)("pages in Chromium", () => {
  let folder = "";
  let browser: Browser;
  const pages: Record<string, string> = {};

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), "perceptual-ball-pages-"));
    const model = join(folder, "tiny.onnx");
    // Without metadata, so that something is guessed and warned of.
    writeFileSync(model, writeModel(tinyClassifier({ metadata: {} })));
    const pictures = [0, 1].map((index) => join(folder, `scene${index}.png`));
    for (const [index, path] of pictures.entries())
      await writePng(path, renderScene({ seed: 5, index, size: 48 }).image);
    // Names that a narrow window has no room for, in one word and in many.
    const labels = join(folder, "labels.txt");
    writeFileSync(labels, `${["x".repeat(90), "many words ".repeat(12), "short", "b".repeat(47)].join("\n")}\n`);
    const flags = ["--model", model, "--labels", labels, "--quiet"];
    const runs = {
      one: ["explain", ...pictures, "--evaluations", "20"],
      several: ["explain", ...pictures, "--method", "perceptual,grad-cam", "--evaluations", "20", "--animate"],
      attacks: ["attack", ...pictures, "--attack", "fgsm,deepfool"],
    };
    for (const [name, argv] of Object.entries(runs)) {
      const out = join(folder, name);
      const { code, stderr } = await runCli([...argv, ...flags, "--out", out]);
      if (code !== 0) throw new Error(stderr);
      pages[name] = join(out, "index.html");
    }
    browser = await launchChromium();
  }, timeout);
  afterAll(async () => {
    await browser?.close();
    rmSync(folder, { recursive: true, force: true });
  });

  async function opened<T>(path: string, options: BrowserContextOptions, use: (page: Page) => Promise<T>): Promise<T> {
    const context = await browser.newContext(options);
    try {
      const page = await context.newPage();
      const problems: string[] = [];
      page.on("pageerror", ({ message }) => problems.push(message));
      page.on("request", (request) => {
        if (/^https?:/.test(request.url())) problems.push(`asked ${request.url()}`);
      });
      await page.goto(pathToFileURL(path).href);
      const result = await use(page);
      expect(problems).toEqual([]);
      return result;
    } finally {
      await context.close();
    }
  }

  const names = ["one", "several", "attacks"];
  const looks = [1400, 768, 320].flatMap((width) =>
    (["light", "dark"] as const).map((colorScheme) => ({ width, colorScheme })),
  );

  test.each(names)(
    "%s: axe finds nothing, wide and narrow, light and dark; nothing is wider than the window",
    async (name) => {
      for (const { width, colorScheme } of looks) {
        await opened(pages[name], { viewport: { width, height: 900 }, colorScheme }, async (page) => {
          // Also what is folded away.
          await page.evaluate("for (const one of document.querySelectorAll('details')) one.open = true");
          await page.evaluate(axeSource);
          const { violations } = await page.evaluate<{ violations: Violation[] }>("axe.run(document)");
          const found = violations.map(({ id, nodes }) => [id, nodes[0]?.html, nodes[0]?.failureSummary]);
          expect([width, colorScheme, found]).toEqual([width, colorScheme, []]);
          expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(width);
        });
      }
    },
    timeout,
  );

  test(
    "the keyboard reaches the slider and moves it; the line between the pictures follows",
    async () => {
      await opened(pages.one, { viewport: { width: 1000, height: 900 } }, async (page) => {
        const hasFocus = "document.activeElement === document.querySelector('.cut')";
        const edge = (): Promise<string> =>
          page.evaluate("getComputedStyle(document.querySelector('.stack .second')).clipPath");
        expect(await edge()).toMatch(/50%\)$/);
        for (let n = 0; n < 20 && !(await page.evaluate(hasFocus)); n++) {
          await page.keyboard.press("Tab");
        }
        expect(await page.evaluate(hasFocus)).toBe(true);
        await page.keyboard.press("ArrowRight");
        expect(await edge()).toMatch(/51%\)$/);
        await page.keyboard.press("Home");
        expect(await edge()).toMatch(/ 0(%|px)?\)$|inset\(0px\)/);
        const box = await page.locator(".stack").first().boundingBox();
        await page.mouse.click((box?.x ?? 0) + 0.75 * (box?.width ?? 0), (box?.y ?? 0) + 10);
        expect(await edge()).toMatch(/7[456]%\)$/);
      });
    },
    timeout,
  );

  /** The left edges of the two pictures that are compared, and whether the slider shows. */
  async function compared(page: Page): Promise<{ lefts: number[]; hasSlider: boolean }> {
    const boxes = await Promise.all(
      [".first", ".second"].map((place) => page.locator(`.stack ${place}`).first().boundingBox()),
    );
    return { lefts: boxes.map((box) => box?.x ?? -1), hasSlider: await page.locator(".cut").first().isVisible() };
  }

  test(
    "without a script, and on paper, before and after are two pictures side by side",
    async () => {
      const viewport = { width: 1000, height: 900 };
      const over = await opened(pages.one, { viewport }, compared);
      expect([over.lefts[0] === over.lefts[1], over.hasSlider]).toEqual([true, true]);
      const beside = await opened(pages.one, { viewport, javaScriptEnabled: false }, compared);
      expect([beside.lefts[0] < beside.lefts[1], beside.hasSlider]).toEqual([true, false]);
      await opened(pages.one, { viewport }, async (page) => {
        await page.emulateMedia({ media: "print" });
        const printed = await compared(page);
        expect([printed.lefts[0] < printed.lefts[1], printed.hasSlider]).toEqual([true, false]);
        expect(await page.locator("details").first().isVisible()).toBe(false);
      });
    },
    timeout,
  );

  test(
    "of a page of 1,000 pictures only those that are looked at are loaded and laid out",
    async () => {
      const out = join(folder, "one");
      const record = JSON.parse(readFileSync(join(out, "scene0/perceptual/result.json"), "utf8")) as ExplanationRecord;
      const entries = Array.from({ length: 1000 }, (_, n) => ({
        record: { ...record, image: `${n}.png` },
        size: { width: 24, height: 24 },
        overlay: { source: `scene0/overlay.png?${n}`, width: 480, height: 600 },
      }));
      const many = join(out, "many.html");
      const model = { name: "m.onnx", sha256: "ab", classCount: 4, operations: 5, parameters: 10 };
      writeFileSync(many, reportPage({ model, entries, failures: [] }));
      expect(existsSync(join(out, record.files.overlay))).toBe(true);
      const context = await browser.newContext({ viewport: { width: 1200, height: 900 } });
      try {
        const page = await context.newPage();
        const asked = new Set<string>();
        page.on("request", (request) => asked.add(request.url()));
        await page.goto(pathToFileURL(many).href);
        expect([...asked].filter((url) => url.includes("overlay.png?")).length).toBeLessThan(30);
        const skipped = "getComputedStyle(document.querySelector('article')).contentVisibility";
        expect(await page.evaluate(skipped)).toBe("auto");
        await page.evaluate("document.querySelector('article:last-child').scrollIntoView()");
        const isLoaded =
          "(image => image.complete && image.naturalWidth > 0)(document.querySelector('article:last-child img'))";
        await expect.poll(() => page.evaluate(isLoaded), { timeout: 20_000 }).toBe(true);
        expect([...asked].filter((url) => url.includes("overlay.png?")).length).toBeLessThan(200);
      } finally {
        await context.close();
      }
    },
    timeout,
  );
});
