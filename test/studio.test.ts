import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ServedFolder, serveFolder } from "../src/node/serve-folder.ts";
import { studioHeaders } from "../src/web/content-security-policy.ts";
import { chromiumPath, launchChromium } from "./chromium.ts";

const folder = fileURLToPath(new URL("../dist/studio", import.meta.url));
const timeout = 240_000;

/** A page with all that went wrong in it. */
async function openPage(browser: Browser, address: string): Promise<{ page: Page; problems: string[] }> {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 } });
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

// In CI there must be a browser (.ci/run installs one); elsewhere the tests are skipped without.
describe.skipIf(chromiumPath === undefined && process.env.CI === undefined)("the studio in Chromium", () => {
  let browser: Browser;
  let served: ServedFolder;

  beforeAll(async () => {
    if (!existsSync(folder)) throw new Error("dist/studio is missing: run `npm run build` first");
    browser = await launchChromium();
    served = await serveFolder({ folder, headers: studioHeaders });
  }, timeout);
  afterAll(async () => {
    await browser?.close();
    await served?.close();
  });

  test.each([1, 2])(
    "isolated, with %i threads, it explains the first bundled picture by itself, and asks nobody",
    async (threads) => {
      const { page, problems } = await openPage(browser, `${served.address}#threads=${threads}`);
      const finding = await page.waitForSelector(".finding", { timeout });
      expect(await finding.textContent()).toMatch(/^Donut \(\d+ %\) becomes \w+ \(\d+ %\) by a change of at most/);
      expect(await page.evaluate("crossOriginIsolated")).toBe(true);
      expect(await page.textContent(".runtime")).toMatch(threads === 1 ? /1 thread$/ : /2 threads$/);
      expect(await page.locator(".stage canvas").count()).toBe(3);
      expect(problems).toEqual([]);
      await page.close();
    },
    timeout,
  );
});
