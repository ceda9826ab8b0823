import { build } from "esbuild";
import type { Browser, Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { decodeImage } from "../src/node/pictures/read-image.ts";
import { renderScene } from "../src/scenes/scenes.ts";
import { chromiumPath, launchChromium } from "./chromium.ts";
import { maskedBmp } from "./masked-bmp.ts";
import { studioTimeout } from "./studio-page.ts";

const [width, height] = [61, 43];
const { image } = renderScene({ seed: 3, index: 2, size: 96 });
/** A part of a rendered picture, of odd sides, with opacity from 0 to 255. */
const rgba = Uint8Array.from({ length: 4 * width * height }, (_, i) => {
  const [channel, pixel] = [i % 4, i >> 2];
  const [x, y] = [pixel % width, Math.floor(pixel / width)];
  return channel === 3 ? (7 * x + 5 * y) % 256 : Math.round(255 * image.data[(96 * channel + y) * 96 + x]);
});
const transparent = () => sharp(rgba, { raw: { width, height, channels: 4 } });
const opaque = () => transparent().removeAlpha();
/** What a canvas saves of strokes of one color: the drawing is in alpha, and the color where that is 0 is any. */
const strokes = (color: readonly [number, number, number]) =>
  rgba.map((value, i) => (i % 4 === 3 || rgba[4 * (i >> 2) + 3] === 0 ? value : color[i % 4]));
const drawing = (...color: readonly [number, number, number]) =>
  sharp(strokes(color), { raw: { width, height, channels: 4 } });
/** Bytes that sharp does not encode. */
const ready = (bytes: Buffer) => ({ toBuffer: async () => bytes });
const bmp = (data: Uint8Array, ...how: readonly [size: 40 | 56 | 108 | 124, compression: 0 | 3 | 6]) =>
  ready(maskedBmp({ width, height, data }, ...how));

/** Files of the same picture as people have them. */
const files: Readonly<Record<string, () => { toBuffer(): Promise<Buffer> }>> = {
  "a PNG": () => opaque().png(),
  "a PNG of a palette": () => opaque().png({ palette: true, colors: 40 }),
  "a gray PNG": () => opaque().toColourspace("b-w").png(),
  "a PNG of 16 bits": () => opaque().toColourspace("rgb16").png(),
  "a PNG with all degrees of transparency": () => transparent().png(),
  "a gray PNG with transparency": () => transparent().toColourspace("b-w").png(),
  "a JPEG with colors of half the resolution": () => opaque().jpeg({ quality: 80, chromaSubsampling: "4:2:0" }),
  "a JPEG written in passes": () => opaque().jpeg({ quality: 95, progressive: true, chromaSubsampling: "4:4:4" }),
  "a gray JPEG": () => opaque().toColourspace("b-w").jpeg(),
  ...Object.fromEntries(
    [2, 3, 4, 5, 6, 7, 8].flatMap((orientation) => [
      [`a JPEG that the tag ${orientation} turns`, () => opaque().withMetadata({ orientation }).jpeg()],
      [
        `a WebP that the tag ${orientation} turns`,
        () => opaque().withMetadata({ orientation }).webp({ lossless: true }),
      ],
      [`a PNG that the tag ${orientation} turns`, () => opaque().withMetadata({ orientation }).png()],
    ]),
  ),
  "a WebP without loss": () => opaque().webp({ lossless: true }),
  "a WebP": () => opaque().webp({ quality: 75 }),
  "a GIF": () => opaque().gif(),
  "a drawing in dark strokes": () => drawing(0, 0, 0).png(),
  "a drawing in light strokes": () => drawing(255, 250, 130).png(),
  "a drawing in a WebP without loss": () => drawing(40, 30, 90).webp({ lossless: true, exact: true }),
  "a drawing in gray": () => drawing(20, 20, 20).toColourspace("b-w").png(),
  "a drawing of 16 bits": () => drawing(0, 0, 0).toColourspace("rgb16").png(),
  "a drawing in a BMP": () => bmp(strokes([0, 0, 0]), 124, 3),
  "a BMP with transparency": () => bmp(rgba, 124, 3),
  "a BMP with transparency, a short header and four masks": () => bmp(rgba, 40, 6),
  "a BMP with transparency, a long header and no masks": () => bmp(rgba, 108, 0),
  "a BMP without a mask of alpha": () => bmp(rgba, 40, 0),
};

/** The pixels of a file, as {@link readPicture} and `decodeImage` give them, and what is noted, without the file's name. */
interface Seen {
  readonly width: number;
  readonly height: number;
  readonly notes: readonly string[];
  readonly data: readonly number[];
}

/** A note without the name of what it is about. */
const unnamed = (note: string): string => note.slice(note.indexOf(": ") + 2);

async function inNode(bytes: Uint8Array): Promise<Seen> {
  const notes: string[] = [];
  const { data, channels, width, height } = await decodeImage(bytes, "p", {
    onNote: (note) => notes.push(unnamed(note)),
  });
  const at = (i: number): number => channels * Math.floor(i / 3) + (channels >= 3 ? i % 3 : 0);
  return { width, height, notes, data: Array.from({ length: 3 * width * height }, (_, i) => data[at(i)]) };
}

describe.skipIf(chromiumPath === undefined)("pictures in a browser (skipped without a Chromium)", () => {
  let browser: Browser;
  let page: Page;

  beforeAll(async () => {
    const entryPoints = ["src/web/read-image.ts"];
    const built = await build({ entryPoints, bundle: true, write: false, format: "iife", globalName: "web" });
    browser = await launchChromium();
    page = await (await browser.newContext()).newPage();
    await page.evaluate(`${built.outputFiles[0].text}; globalThis.web = web`);
  }, studioTimeout);
  afterAll(() => browser?.close());

  const inBrowser = (bytes: Buffer): Promise<Seen> =>
    page.evaluate(`(async () => {
      const notes = [];
      const bytes = Uint8Array.from(atob("${bytes.toString("base64")}"), (c) => c.charCodeAt(0));
      const unnamed = ${unnamed};
      const { data, width, height } = await web.readPicture(bytes, { onNote: (note) => notes.push(unnamed(note)) });
      return { width, height, notes, data: [...data] };
    })()`);

  test.each(Object.keys(files))(
    "%s has the same bytes there and in Node, and the same is said of it",
    async (name) => {
      const bytes = await files[name]().toBuffer();
      expect(await inBrowser(bytes)).toEqual(await inNode(bytes));
    },
    studioTimeout,
  );

  test.each([
    ["black", "white", 255],
    ["white", "black", 0],
  ])(
    "strokes in %s that a canvas saved are laid on %s, there and in Node",
    async (color, ground, level) => {
      const saved = await page.evaluate(`(() => {
        const canvas = document.createElement("canvas");
        [canvas.width, canvas.height] = [${width}, ${height}];
        const context = canvas.getContext("2d");
        context.strokeStyle = "${color}";
        context.lineWidth = 5;
        context.moveTo(7, 6);
        context.bezierCurveTo(60, 3, 5, 30, 52, 39);
        context.stroke();
        return canvas.toDataURL("image/png").split(",")[1];
      })()`);
      const bytes = Buffer.from(String(saved), "base64");
      const here = await inNode(bytes);
      expect(await inBrowser(bytes)).toEqual(here);
      expect(here.notes).toEqual([expect.stringContaining(`laid on ${ground}`)]);
      expect(here.data.slice(0, 3)).toEqual([level, level, level]);
      expect(here.data).toContain(255 - level);
    },
    studioTimeout,
  );

  test(
    "a JPEG of four inks differs by one level at most: browsers round otherwise than Pillow",
    async () => {
      const bytes = await opaque().toColourspace("cmyk").jpeg().toBuffer();
      const [there, here] = [await inBrowser(bytes), await inNode(bytes)];
      const differences = there.data.map((level, i) => Math.abs(level - here.data[i]));
      expect(differences).toHaveLength(3 * width * height);
      expect(Math.max(...differences)).toBeLessThanOrEqual(1);
    },
    studioTimeout,
  );
});
