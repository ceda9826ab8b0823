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
  await expect(readRegion("1,2,3")).rejects.toThrow("1,2,3: no such file, expected a picture");
  rmSync(folder, { recursive: true });
});
