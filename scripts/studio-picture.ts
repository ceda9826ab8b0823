/**
 * @file The pictures of the studio in the README and in docs/browser.md: `npm run build`, then `npx tsx scripts/studio-picture.ts`.
 *
 * Opens the page in a Chromium with the bundled classifier, and writes docs/images/studio.webp, an explanation, and
 * docs/images/studio-methods.webp, all methods beside each other.
 */
import { join } from "node:path";
import sharp from "sharp";
import { launchChromium } from "../test/chromium.ts";
import { openPage, serveStudio } from "../test/studio-page.ts";

const folder = join(import.meta.dirname, "../docs/images");
/** Of the window, in pixels of the page; each is two of the screen. */
const [width, height] = [1280, 960];

const served = await serveStudio();
const browser = await launchChromium();
try {
  const { page } = await openPage(browser, `${served.address}#method=guided-perceptual&picture=4`, {
    viewport: { width, height },
    deviceScaleFactor: 2,
    colorScheme: "light",
  });
  const keep = async (name: string): Promise<void> => {
    const png = await page.screenshot();
    await sharp(png)
      .resize({ width: 1400 })
      .webp({ quality: 82, effort: 6 })
      .toFile(join(folder, `${name}.webp`));
  };
  await page.waitForSelector(".finding:has-text('Mug')");
  await keep("studio");
  await page.click("#tab-compare");
  const stop = page.getByRole("button", { name: "Stop", exact: true });
  await stop.waitFor();
  await stop.waitFor({ state: "detached" });
  await keep("studio-methods");
} finally {
  await browser.close();
  await served.close();
}
