import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { BadInputError } from "../errors.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { readNpy, writeNpy } from "./npy.ts";

const folder = mkdtempSync(join(tmpdir(), "npy-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("a map survives the way to a file and back", async () => {
  const map = floatTensor([0.1, -2, 3e-30, 4e30, 0, 1], [2, 3]);
  const path = join(folder, "new/map.npy");
  await writeNpy(path, map);
  expect(await readNpy(path)).toEqual(map);
  expect(readdirSync(join(folder, "new"))).toEqual(["map.npy"]);
});

test("bad files are refused by name", async () => {
  const missing = join(folder, "missing.npy");
  await expect(readNpy(missing)).rejects.toThrow(`${missing}: no such file, expected an NPY file.`);
  await expect(readNpy(folder)).rejects.toThrow(BadInputError);
  const text = join(folder, "text.npy");
  writeFileSync(text, "not an array at all");
  await expect(readNpy(text)).rejects.toThrow(`${text}: is not an NPY file`);
});
