import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { alternatives, findPictures, matches } from "./find-pictures.ts";
import { readImageFile } from "./read-image.ts";
import { encodePng } from "./write-image.ts";

let folder: string;
const at = (name: string): string => `${folder}/${name}`;
const found = async (...given: string[]): Promise<string[]> =>
  (await findPictures(given)).map((path) => path.replace(`${folder}/`, ""));

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "find-pictures-"));
  mkdirSync(at("pics/deep/er"), { recursive: true });
  mkdirSync(at("empty"));
  for (const name of ["b.png", "a.png", "c.JPG", "notes.txt", ".hidden.png", "odd[1].png"])
    writeFileSync(at(`pics/${name}`), "");
  writeFileSync(at("pics/deep/d.png"), "");
  writeFileSync(at("pics/deep/er/e.png"), "");
  symlinkSync(at("pics"), at("pics/deep/circle"));
  writeFileSync(at("list.txt"), "\ufeff# mine\r\npics/b.png\n\npics/deep\npics/[ac]*\n");
});
afterAll(() => rmSync(folder, { recursive: true }));

test("a folder is its pictures, in the order of their names", async () => {
  expect(await found(at("pics"))).toEqual(["pics/a.png", "pics/b.png", "pics/c.JPG", "pics/odd[1].png"]);
  await expect(findPictures([at("empty")])).rejects.toThrow(
    "there is no picture in the folder, expected pictures, got an empty folder.",
  );
  for (const name of ["1.jfif", "2.jpe", "3.jif", "4.heic", "notes.txt"]) writeFileSync(at(`pics/deep/${name}`), "");
  expect(await found(at("pics/deep"))).toEqual(
    ["1.jfif", "2.jpe", "3.jif", "4.heic", "d.png"].map((name) => `pics/deep/${name}`),
  );
  for (const name of ["1.jfif", "2.jpe", "3.jif", "4.heic", "notes.txt"]) rmSync(at(`pics/deep/${name}`));
  await expect(findPictures([folder])).rejects.toThrow(`quote a pattern: "${folder}/**/*.png"`);
});

test("patterns are expanded, also through folders, and never in circles", async () => {
  expect(await found(at("pics/*.png"))).toEqual(["pics/a.png", "pics/b.png", "pics/odd[1].png"]);
  expect(await found(at("pics/{c,b}.{png,JPG}"))).toEqual(["pics/b.png", "pics/c.JPG"]);
  expect(await found(at("*/?.png"))).toEqual(["pics/a.png", "pics/b.png"]);
  expect(await found(at("**/*.png"))).toEqual(
    ["pics/a.png", "pics/b.png", "pics/deep/d.png", "pics/deep/er/e.png", "pics/odd[1].png"].sort(),
  );
  await expect(findPictures([at("pics/*.bmp")])).rejects.toThrow("no picture fits the pattern");
});

test("a path that exists is itself, whatever characters it has; one that does not stays for the reader to refuse", async () => {
  expect(await found(at("pics/odd[1].png"))).toEqual(["pics/odd[1].png"]);
  expect(await found(at("pics/nothing.png"))).toEqual(["pics/nothing.png"]);
  expect(await found(at("pics/a.png"), at("pics/*.png"))).toEqual(["pics/a.png", "pics/b.png", "pics/odd[1].png"]);
});

test("a list names paths, folders and patterns beside itself", async () => {
  expect(await found(`@${at("list.txt")}`)).toEqual(["pics/b.png", "pics/deep/d.png", "pics/a.png", "pics/c.JPG"]);
  await expect(findPictures([`@${at("missing.txt")}`])).rejects.toThrow(
    "missing.txt: no such file, expected a list of pictures",
  );
});

test.skipIf(process.platform !== "linux")("names that are not UTF-8 are found and read", async () => {
  const own = Buffer.concat([Buffer.from(at("latin-")), Buffer.of(0xe9), Buffer.from(".png")]);
  writeFileSync(own, await encodePng({ width: 1, height: 1, channels: 3, data: Uint8Array.of(1, 2, 3) }));
  const [path, ...others] = await findPictures([at("latin*")]);
  expect(others).toEqual([]);
  expect((await readImageFile(path)).data).toEqual(Uint8Array.of(1, 2, 3));
});

describe("one part of a pattern", () => {
  test.each([
    ["*.png", "a.png", true],
    ["*.png", "a.jpg", false],
    ["a*b*c", "a1b2b3c", true],
    ["a*b*c", "a1b2b3", false],
    ["?x", "ax", true],
    ["?x", "x", false],
    ["[a-c]1", "b1", true],
    ["[!a-c]1", "b1", false],
    ["[^a-c]1", "d1", true],
    ["[]a]", "]", true],
    ["[a", "[a", true],
    ["*", ".hidden", false],
    [".*", ".hidden", true],
    ["Ä?.png", "Ä🙂.png", true],
  ])("%s and %s", (pattern, name, expected) => {
    expect(matches(pattern, name)).toBe(expected);
  });

  test("takes no time that grows out of hand", () => {
    expect(matches("*a".repeat(200), `${"a".repeat(5000)}b`)).toBe(false);
  });

  test("braces stand for several patterns", () => {
    expect(alternatives("a{b,c{d,e}}f")).toEqual(["abf", "acdf", "acef"]);
    expect(alternatives("{a}{b")).toEqual(["{a}{b"]);
    expect(() => alternatives("{a,b}".repeat(12))).toThrow("too many patterns");
  });
});
