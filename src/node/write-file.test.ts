import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { MisuseError } from "../errors.ts";
import { makeFolder, writeFileAtomically } from "./write-file.ts";

const folder = mkdtempSync(join(tmpdir(), "write-file-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("writes bytes and text, making folders", async () => {
  const path = join(folder, "a/b/file.bin");
  await writeFileAtomically(path, Uint8Array.of(1, 2, 3));
  expect([...readFileSync(path)]).toEqual([1, 2, 3]);
  await writeFileAtomically(path, "grün");
  expect(readFileSync(path, "utf8")).toBe("grün");
  expect(readdirSync(join(folder, "a/b"))).toEqual(["file.bin"]);
});

test("a name as long as names may be still has room for the new file beside it", async () => {
  const path = join(folder, "long", "ü".repeat(127));
  await writeFileAtomically(path, "content");
  expect(readFileSync(path, "utf8")).toBe("content");
});

test("many writers leave one whole file", async () => {
  const path = join(folder, "race/file");
  const contents = Array.from({ length: 20 }, (_, i) => String.fromCharCode(97 + i).repeat(100_000));
  await Promise.all(contents.map((content) => writeFileAtomically(path, content)));
  expect(contents).toContain(readFileSync(path, "utf8"));
  expect(readdirSync(join(folder, "race"))).toEqual(["file"]);
});

test("a link stays a link, and what it points to is replaced", async () => {
  const target = join(folder, "target.txt");
  writeFileSync(target, "old");
  const link = join(folder, "link.txt");
  symlinkSync(target, link);
  await writeFileAtomically(link, "new");
  expect(readFileSync(target, "utf8")).toBe("new");
  expect(readFileSync(link, "utf8")).toBe("new");
});

test.skipIf(process.platform === "win32")("a device is written to, not replaced", async () => {
  await writeFileAtomically("/dev/null", "gone");
  expect(statSync("/dev/null").isCharacterDevice()).toBe(true);
});

test("places that cannot be written are misuse, and nothing is left behind", async () => {
  const taken = join(folder, "taken");
  mkdirSync(taken);
  await expect(writeFileAtomically(taken, "x")).rejects.toThrow(MisuseError);
  await expect(writeFileAtomically(taken, "x")).rejects.toThrow(
    `${taken}: is a folder. Choose another place for the output.`,
  );
  expect(readdirSync(taken)).toEqual([]);
  const file = join(folder, "file");
  writeFileSync(file, "");
  for (const below of [join(file, "x"), join(file, "y/z")]) {
    await expect(writeFileAtomically(below, "x")).rejects.toThrow(
      `${below}: a part of the path is a file, not a folder. Choose another place for the output.`,
    );
  }
  await expect(writeFileAtomically(join(folder, "x".repeat(300)), "x")).rejects.toThrow(/name too long/);
  expect(readdirSync(folder).filter((name) => name.endsWith(".partial"))).toEqual([]);
});

test("a folder is made, or said not to be", async () => {
  const path = join(folder, "made/deep");
  expect(await makeFolder(path)).toBe(path);
  expect(await makeFolder(path)).toBe(path);
  expect(statSync(path).isDirectory()).toBe(true);
  const file = join(folder, "plain");
  writeFileSync(file, "");
  await expect(makeFolder(file)).rejects.toThrow(`${file}: a part of the path is a file, not a folder.`);
  await expect(makeFolder(join(file, "sub"))).rejects.toThrow(MisuseError);
});

test.skipIf(process.getuid?.() === 0 || process.platform === "win32")(
  "a folder without permission is misuse",
  async () => {
    const closed = join(folder, "closed");
    mkdirSync(closed);
    chmodSync(closed, 0o500);
    await expect(writeFileAtomically(join(closed, "x"), "x")).rejects.toThrow(/no permission to write here/);
  },
);
