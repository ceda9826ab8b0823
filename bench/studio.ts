/**
 * @file Measures what the studio has to reach, in headless Chromium beside Node on the same cores: `npm run bench:studio` writes bench/STUDIO.md.
 *
 * What a ratio compares is interleaved, page, Node, page, Node …, and the ratio is the median over the pairs: shared machines drift. --quick takes
 * fewer rounds and fewer explanations in a row. The page is the built one: `npm run build` first.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { cpus, loadavg } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import * as ort from "onnxruntime-node";
import type { Browser, Page } from "playwright-core";
import type { Classifier } from "../src/classifier/classifier.ts";
import { bundledClassifierPath } from "../src/node/models/bundled.ts";
import { loadClassifier } from "../src/node/models/load-classifier.ts";
import { decodeImage } from "../src/node/pictures/read-image.ts";
import { writeModel } from "../src/onnx/file/write-model.ts";
import { explainPicture } from "../src/report/explanation/explain-picture.ts";
import { methodNamed } from "../src/saliency/methods.ts";
import { chromiumPath, launchChromium } from "../test/chromium.ts";
import { realData } from "../test/real-data.ts";
import { drop, openPage, scenePng, serveStudio, studioFolder } from "../test/studio-page.ts";
import { tinyClassifier } from "../test/tiny-classifier.ts";
import { median, quantile, quartiles } from "./measuring.ts";

const isQuick = process.argv.includes("--quick");
const rounds = isQuick ? 2 : 11;
const explanations = isQuick ? 40 : 100;

interface Row {
  readonly target: string;
  readonly limit: string;
  readonly measured: string;
  readonly isMet: boolean;
}

/** Milliseconds since the page's own navigation at which it first showed an explanation; kept by `noteFirst`. */
const noteFirst = `new MutationObserver((_, observer) => {
  if (document.querySelector(".finding") === null) return;
  globalThis.firstExplained = performance.now();
  observer.disconnect();
}).observe(document, { childList: true, subtree: true })`;

/** From navigation to the first explanation, with everything in the browser's cache. */
async function firstExplanation(browser: Browser, address: string): Promise<number[]> {
  const { page } = await openPage(browser, address);
  await page.waitForSelector(".finding");
  await page.addInitScript(noteFirst);
  const found: number[] = [];
  for (let n = 0; n < rounds; n++) {
    await page.goto("about:blank");
    await page.goto(address);
    await page.waitForSelector(".finding");
    found.push(Number(await page.evaluate("globalThis.firstExplained")));
  }
  await page.context().close();
  return found;
}

/** Milliseconds from a drop to the explanation of what was dropped. */
async function timedDrop(page: Page, name: string, bytes: Uint8Array): Promise<number> {
  await page.evaluate(`(() => {
    globalThis.explained = new Promise((resolve) => {
      addEventListener("drop", () => {
        const started = performance.now();
        new MutationObserver((_, observer) => {
          const isThere = document.querySelector(".picture-name strong")?.textContent === ${JSON.stringify(name)};
          if (!isThere || document.querySelector(".finding") === null) return;
          observer.disconnect();
          resolve(performance.now() - started);
        }).observe(document.body, { childList: true, subtree: true, characterData: true });
      }, { once: true, capture: true });
    });
  })()`);
  await drop(page, [{ name, bytes }]);
  return Number(await page.evaluate("globalThis.explained"));
}

/** What the page does with a dropped picture, in Node: decode, classify, explain, find the box, draw the record's pictures. */
async function timedInNode(classifier: Classifier, method: string, bytes: Uint8Array): Promise<number> {
  const started = performance.now();
  const picture = await decodeImage(bytes, "picture");
  const about = { image: "picture", model: { path: "", sha256: "" }, versions };
  for await (const { record } of explainPicture(classifier, picture, [{ method: methodNamed(method) }], about)) {
    if (record.method !== method) throw new Error(`${record.method} explained instead of ${method}`);
  }
  return performance.now() - started;
}

const versions = { perceptualBall: "", runtime: "", platform: "" };

interface Paired {
  readonly page: number[];
  readonly node: number[];
  readonly ratios: number[];
}

/** The page and Node by turns, on pictures that neither has seen. */
async function pairs(page: Page, classifier: Classifier, method: string, prefix: string): Promise<Paired> {
  const found: Paired = { page: [], node: [], ratios: [] };
  for (let n = -1; n < rounds; n++) {
    const bytes = await scenePng(20 + n);
    const inPage = await timedDrop(page, `${prefix}-${n + 1}.png`, bytes);
    const inNode = await timedInNode(classifier, method, bytes);
    // The first of each opens its sessions.
    if (n < 0) continue;
    found.page.push(inPage);
    found.node.push(inNode);
    found.ratios.push(inPage / inNode);
  }
  return found;
}

/** How long a frame takes while a slider moves with every frame: milliseconds between frames, over two seconds. */
async function framesOf(page: Page, slider: string): Promise<number[]> {
  const found = await page.evaluate(`new Promise((resolve) => {
    const label = [...document.querySelectorAll(".sliders label")].find(({ textContent }) => textContent === ${JSON.stringify(slider)});
    const input = document.getElementById(label.htmlFor);
    const times = [];
    const step = (now) => {
      times.push(now);
      if (times.length > 120) return resolve(times);
      input.value = String(0.2 + 0.6 * Math.abs(Math.sin(times.length / 20)));
      input.dispatchEvent(new Event("input", { bubbles: true }));
      requestAnimationFrame(step);
    };
    requestAnimationFrame(step);
  })`);
  const times = found as number[];
  return times.slice(1).map((time, n) => time - times[n]);
}

/** Megabytes that the renderers hold, counted by the system. */
function rendererMegabytes(): number {
  let sum = 0;
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    try {
      if (!readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("--type=renderer")) continue;
      if (!isOurs(pid)) continue;
      const [, kilobytes = "0"] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
      sum += Number(kilobytes) / 1024;
    } catch {
      // It has ended meanwhile.
    }
  }
  return sum;
}

/** Whether the process descends from this one. */
function isOurs(pid: string): boolean {
  let at = pid;
  while (at !== "0" && at !== "1") {
    if (at === String(process.pid)) return true;
    [, at = "0"] = /PPid:\s+(\d+)/.exec(readFileSync(`/proc/${at}/status`, "utf8")) ?? [];
  }
  return false;
}

/** Megabytes after every tenth explanation in a row. */
async function memoryOf(browser: Browser, address: string): Promise<number[]> {
  const { page } = await openPage(browser, address);
  await page.waitForSelector(".finding");
  const session = await page.context().newCDPSession(page);
  const found: number[] = [];
  for (let n = 1; n <= explanations; n++) {
    await page.evaluate(`(async () => {
      const frame = () => new Promise((resolve) => requestAnimationFrame(resolve));
      const button = () => document.querySelector(".panel .run-bar button.primary");
      button().click();
      do await frame();
      while (button() === null || document.querySelector(".finding") === null);
    })()`);
    if (n % 10 !== 0) continue;
    await session.send("HeapProfiler.collectGarbage");
    found.push(rendererMegabytes());
  }
  await page.context().close();
  return found;
}

/** Bytes, gzipped, of the scripts that are loaded before the runtime: page, worker, and what they import at once. */
function scriptBytes(): number {
  const assets = join(studioFolder, "assets");
  const loaded = new Set(readdirSync(assets).filter((file) => /^(index|worker)-[^.]*\.js$/.test(file)));
  for (const file of loaded) {
    const text = readFileSync(join(assets, file), "utf8");
    for (const [, other] of text.matchAll(/(?:from|import)\s*["'`]\.\/([^"'`]+\.js)["'`]/g)) loaded.add(other);
  }
  return [...loaded].reduce((sum, file) => sum + gzipSync(readFileSync(join(assets, file))).length, 0);
}

/** Threads on a network of usual size, where there is one: with {@link realData}. */
async function largerNetwork(
  single: Page,
  double: Page,
  row: (target: string, limit: string, measured: string, isMet: boolean) => void,
): Promise<void> {
  if (realData === undefined) return;
  const model = { name: "squeezenet1_1.onnx", bytes: readFileSync(join(realData, "models/squeezenet1_1.onnx")) };
  const first = { name: "large.png", bytes: await scenePng(58, 224) };
  for (const page of [single, double]) {
    await drop(page, [model, first]);
    await page.locator(".picture-name", { hasText: first.name }).waitFor();
    await page.waitForSelector(".finding");
  }
  const ratios: number[] = [];
  const times: number[] = [];
  for (let n = -1; n < Math.min(rounds, 5); n++) {
    const picture = await scenePng(60 + n, 224);
    const name = `large-${n + 1}.png`;
    const [withOne, withTwo] = [await timedDrop(single, name, picture), await timedDrop(double, name, picture)];
    if (n < 0) continue;
    times.push(withOne / 1000);
    ratios.push(withTwo / withOne);
  }
  const measured = `${quartiles(ratios)} (one thread ${median(times).toFixed(1)} s)`;
  row("the same on SqueezeNet 1.1, two threads over one", "1", measured, median(ratios) < 1);
}

async function main(): Promise<void> {
  if (chromiumPath === undefined) throw new Error("there is no Chromium: install one, or name it as CHROMIUM");
  const load = [loadavg()[0]];
  const browser = await launchChromium();
  const served = await serveStudio();
  const classifier = await loadClassifier(bundledClassifierPath, { runtime: ort, threads: 1 });
  const rows: Row[] = [];
  const row = (target: string, limit: string, measured: string, isMet: boolean): void => {
    rows.push({ target, limit, measured, isMet });
    load.push(loadavg()[0]);
    // Written after each row: what was measured is not lost with what comes after.
    writeFileSync(join(import.meta.dirname, "STUDIO.md"), report(rows, browser.version(), load));
    process.stdout.write(`${target}: ${measured}, at most ${limit}: ${isMet ? "met" : "missed"}\n`);
  };

  const bytes = scriptBytes();
  row("JavaScript before the runtime, gzipped", "250 kB", `${(bytes / 1000).toFixed(0)} kB`, bytes <= 250_000);

  const first = await firstExplanation(browser, served.address);
  const seconds = first.map((ms) => ms / 1000);
  row("navigation to the first explanation, warm cache", "3 s", `${quartiles(seconds)} s`, median(seconds) <= 3);

  const one = await openPage(browser, `${served.address}#threads=1&method=grad-cam`);
  await one.page.waitForSelector(".finding");
  const cams = await pairs(one.page, classifier, "grad-cam", "cam");
  const camText = `${quartiles(cams.ratios)} (${median(cams.page).toFixed(0)} ms, Node ${median(cams.node).toFixed(0)} ms)`;
  row("Grad-CAM after a drop, over Node's time", "3", camText, median(cams.ratios) <= 3);
  await one.page.context().close();

  const single = await openPage(browser, `${served.address}#threads=1&method=perceptual`);
  const double = await openPage(browser, `${served.address}#threads=2&method=perceptual`);
  for (const { page } of [single, double]) await page.waitForSelector(".finding");
  const perceptual: Paired = { page: [], node: [], ratios: [] };
  const threads: number[] = [];
  for (let n = -1; n < rounds; n++) {
    const picture = await scenePng(40 + n);
    const name = `perceptual-${n + 1}.png`;
    const [inPage, withTwo, inNode] = [
      await timedDrop(single.page, name, picture),
      await timedDrop(double.page, name, picture),
      await timedInNode(classifier, "perceptual", picture),
    ];
    if (n < 0) continue;
    perceptual.page.push(inPage);
    perceptual.node.push(inNode);
    perceptual.ratios.push(inPage / inNode);
    threads.push(withTwo / inPage);
  }
  const times = `(${(median(perceptual.page) / 1000).toFixed(1)} s, Node ${(median(perceptual.node) / 1000).toFixed(1)} s)`;
  row(
    "perceptual explanation, one thread, over Node's on one thread",
    "5",
    `${quartiles(perceptual.ratios)} ${times}`,
    median(perceptual.ratios) <= 5,
  );
  row("the same with two threads, over one", "1", quartiles(threads), median(threads) < 1);
  await largerNetwork(single.page, double.page, row);
  for (const { page } of [single, double]) await page.context().close();

  const sliding = await openPage(browser, `${served.address}#method=gradient`);
  await sliding.page.waitForSelector(".finding");
  const metadata = { preprocessing: JSON.stringify({ ...usual, geometry: { ...usual.geometry, resize: large } }) };
  await drop(sliding.page, [
    { name: "large.onnx", bytes: writeModel(tinyClassifier({ metadata, size: 224 })) },
    { name: "large.png", bytes: await scenePng(1, 224) },
  ]);
  await sliding.page.locator(".picture-name", { hasText: "large.png" }).waitFor();
  await sliding.page.waitForSelector(".finding");
  for (const slider of ["Threshold", "Overlay"]) {
    const frames = await framesOf(sliding.page, slider);
    const perSecond = 1000 / median(frames);
    const text = `${perSecond.toFixed(0)} frames per second; nine of ten frames within ${quantile(frames, 0.9).toFixed(0)} ms`;
    row(
      `${slider.toLowerCase()} slider on 224 × 224 pixels, milliseconds for a frame`,
      "17",
      text,
      median(frames) <= 17,
    );
  }
  await sliding.page.context().close();

  // What a process holds is read where Linux says it.
  const memory = process.platform === "linux" ? await memoryOf(browser, `${served.address}#method=gradient`) : [];
  const [early, late] = [memory[Math.min(2, memory.length - 1)], memory.at(-1)];
  if (early !== undefined && late !== undefined)
    row(
      `memory after ${explanations} explanations, over that after 30`,
      "1.1",
      `${(late / early).toFixed(2)} (${memory.map((size) => size.toFixed(0)).join(", ")} MB, after every ten)`,
      late / early <= 1.1,
    );
  await classifier.dispose();
  await browser.close();
  await served.close();
}

const usual = { scale: 1, channels: "rgb", mean: [0, 0, 0], std: [1, 1, 1], geometry: { interpolation: "bilinear" } };
const large = { kind: "exact", width: 224, height: 224 };

function report(rows: readonly Row[], chromium: string, load: readonly number[]): string {
  const [first] = cpus();
  const isBusy = Math.max(...load) > cpus().length;
  const lines = [
    "# The studio's speed and memory, as measured",
    "",
    `\`npm run bench:studio\` wrote this on ${new Date().toISOString().slice(0, 10)}: ${cpus().length} × ${first.model}, Node ${process.versions.node}, ` +
      `Chromium ${chromium}, onnxruntime ${ort.env.versions.node ?? ""}.`,
    `The bundled classifier on rendered scenes, WebAssembly; ${rounds} rounds, page and Node by turns; medians with their quartiles.`,
    `Load of the machine meanwhile: ${Math.min(...load).toFixed(1)} to ${Math.max(...load).toFixed(1)}.` +
      (isBusy
        ? " **Others computed on the same cores: times say nothing, ratios little, and two threads cannot be judged.**"
        : ""),
    "",
    "| target | at most | measured | |",
    "|---|---|---|---|",
    ...rows.map(
      ({ target, limit, measured, isMet }) => `| ${target} | ${limit} | ${measured} | ${isMet ? "met" : "missed"} |`,
    ),
  ];
  return `${lines.join("\n")}\n`;
}

await main();
