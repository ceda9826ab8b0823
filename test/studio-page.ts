/** @file The built studio in a browser, as tests use it. */
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { expect } from "vitest";
import { encodePng } from "../src/node/pictures/write-image.ts";
import { type ServedFolder, serveFolder } from "../src/node/serve-folder.ts";
import { renderScene } from "../src/scenes/scenes.ts";
import { studioHeaders } from "../src/web/content-security-policy.ts";

/** Where the built page lies. */
export const studioFolder = fileURLToPath(new URL("../dist/studio", import.meta.url));
/** Milliseconds for a test in a browser, on a machine that is busy with others. */
export const studioTimeout = 600_000;

/** A page with all that went wrong in it. */
export async function openPage(
  browser: Browser,
  address: string,
  options: BrowserContextOptions = {},
): Promise<{ page: Page; problems: string[] }> {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  const page = await context.newPage();
  page.setDefaultTimeout(180_000);
  const problems: string[] = [];
  page.on("pageerror", (error) => problems.push(error.message));
  page.on("console", (message) => {
    // What Chromium says where a page asks whether there is a graphics processor, and there is none.
    const isKnown = message.text() === "No available adapters.";
    if (["error", "warning"].includes(message.type()) && !isKnown) problems.push(message.text());
  });
  page.on("request", (request) => {
    const url = new URL(request.url());
    if (url.protocol.startsWith("http") && url.hostname !== "127.0.0.1") problems.push(`asked ${url.host}`);
  });
  await page.goto(address);
  return { page, problems };
}

/** Drops files anywhere on the page. */
export async function drop(
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
export async function until(page: Page, expression: string): Promise<void> {
  await expect.poll(() => page.evaluate(expression), { timeout: 180_000 }).toBe(true);
}

export async function saved(page: Page, button: string): Promise<Uint8Array> {
  const [download] = await Promise.all([
    page.waitForEvent("download"),
    page.getByRole("button", { name: button, exact: true }).click(),
  ]);
  return readFile(await download.path());
}

/** The page as `perceptual-ball studio` serves it. */
export function serveStudio(files?: ReadonlyMap<string, string>): Promise<ServedFolder> {
  if (!existsSync(join(studioFolder, "index.html"))) {
    throw new Error("dist/studio is missing: run `npm run build` first");
  }
  return serveFolder({ folder: studioFolder, headers: studioHeaders, files });
}

/** A scene as a PNG, whose decoding is the same everywhere. */
export function scenePng(index: number, size = 96): Promise<Uint8Array> {
  return encodePng(renderScene({ seed: 7, index, size }).image);
}

export function cosineOf(a: Float32Array, b: Float32Array): number {
  let [product, one, other] = [0, 0, 0];
  for (const [i, x] of a.entries()) {
    product += x * b[i];
    one += x * x;
    other += b[i] * b[i];
  }
  return product / Math.sqrt(one * other);
}
