import { expect, test } from "vitest";
import { pretendFiles } from "../../../test/pretend-files.ts";
import type { DatasetSource } from "../dataset-source.ts";
import { plainName } from "../paths.ts";
import { nameIn } from "./find-folder.ts";

test.each([
  ["a.png", "a.png"],
  ["./a.png", "a.png"],
  ["././b/./a.png", "b/a.png"],
  ["b//a.png", "b/a.png"],
  ["../a.png", "../a.png"],
  ["/b/a.png", "/b/a.png"],
  [".a.png", ".a.png"],
  ["https://b.c/a.png", "https://b.c/a.png"],
])("%s, without what says nothing, is %s", (name, plain) => {
  expect(plainName(name)).toBe(plain);
});

test.each([
  ["./b/a.png", "b/a.png"],
  ["b\\a.png", "b/a.png"],
  [".\\b\\a.png", "b/a.png"],
  // A file that is called so.
  ["b\\c.png", "b\\c.png"],
  ["/home/me/data/b/a.png", "b/a.png"],
  ["/home/me/data/../a.png", "/home/me/data/../a.png"],
  ["/home/me/database/a.png", "/home/me/database/a.png"],
  ["..\\a.png", "..\\a.png"],
])("annotations' %s is %s in the folder", async (name, own) => {
  const files = pretendFiles({ "b/a.png": "4x4", "b\\c.png": "4x4" });
  const source: DatasetSource = { ...files, realFolder: async (folder) => `/home/me/${folder}` };
  expect(await nameIn("data", name, source)).toBe(own);
});
