import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readRegion } from "./read-region.ts";
import { writePng } from "./write-image.ts";

test("four numbers are a box, everything else is the path of a mask", async () => {
  expect(await readRegion("1, 2,30.5,4e1")).toEqual({ box: [1, 2, 30.5, 40] });
  const folder = mkdtempSync(join(tmpdir(), "read-region-"));
  const picture = { width: 1, height: 2, channels: 3, data: Uint8Array.of(0, 0, 0, 255, 255, 255) };
  await writePng(join(folder, "1,2,3.png"), picture);
  expect(await readRegion(join(folder, "1,2,3.png"))).toEqual({ mask: picture });
  await expect(readRegion("1,2,x")).rejects.toThrow("1,2,x: no such file, expected a picture");
  rmSync(folder, { recursive: true });
});

test.each([
  ["1,2,3", "no box"],
  ["1,2,3,4,5", "no box"],
  ["10,10,5,20", "the box has no area"],
  ["10,10,20,10", "the box has no area"],
])("the numbers %s are no path: %s, which is said before any picture is opened", async (text, what) => {
  await expect(readRegion(text)).rejects.toThrow(
    `the region: ${what}, expected x0,y0,x1,y1 with x0 < x1 and y0 < y1, or the path of a mask picture, got ${text}.`,
  );
});

test("transparent places of a mask are outside, whatever color is stored there", async () => {
  const folder = mkdtempSync(join(tmpdir(), "read-region-"));
  const at = join(folder, "m.png");
  const notes: string[] = [];
  const options = { onNote: (note: string) => notes.push(note) };
  await writePng(at, {
    width: 3,
    height: 1,
    channels: 4,
    data: Uint8Array.of(255, 255, 255, 0, 255, 255, 255, 255, 200, 100, 0, 128),
  });
  const colored = Uint8Array.of(0, 0, 0, 255, 255, 255, 100, 50, 0);
  expect(await readRegion(at, options)).toEqual({ mask: { width: 3, height: 1, channels: 3, data: colored } });
  await writePng(at, { width: 2, height: 1, channels: 2, data: Uint8Array.of(255, 0, 255, 255) });
  expect(await readRegion(at, options)).toMatchObject({ mask: { width: 2, height: 1 } });
  const gray = await readRegion(at, options);
  expect("mask" in gray && [gray.mask.data[0], gray.mask.data.at(-1)]).toEqual([0, 255]);
  expect(notes).toEqual([]);
  rmSync(folder, { recursive: true });
});
