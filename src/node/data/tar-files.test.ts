import { readFileSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { tarEntry } from "../../../test/tar-entry.ts";
import { tarFiles } from "./tar-files.ts";

const files = { a: Buffer.alloc(512, 1), "b/c": Buffer.from("xyz"), empty: Buffer.alloc(0) };
const bytes = Buffer.concat([...Object.entries(files).map(([name, data]) => tarEntry(name, data)), Buffer.alloc(1024)]);

async function namesIn(source: Uint8Array, pieces: number): Promise<Record<string, Buffer>> {
  async function* chunks(): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < source.length; i += pieces) yield source.subarray(i, i + pieces);
  }
  const found: Record<string, Buffer> = {};
  for await (const { name, data } of tarFiles(chunks())) found[name] = Buffer.from(data);
  return found;
}

test.each([1, 511, 512, 513, 10_000])("in pieces of %d bytes", async (pieces) => {
  expect(await namesIn(bytes, pieces)).toEqual(files);
});

const fixture: { made: string; archives: Record<string, string> } = JSON.parse(
  readFileSync(join(import.meta.dirname, "fixtures/tar-archives.json"), "utf8"),
);
test.each(Object.entries(fixture.archives))("an archive of GNU tar in its format %s", async (_, encoded) => {
  expect(await namesIn(gunzipSync(Buffer.from(encoded, "base64")), 1000)).toEqual({
    "folder/a.txt": Buffer.from("hello"),
    "folder/b.bin": Buffer.from("x".repeat(600)),
  });
});

test("a damaged header is refused", async () => {
  const damaged = Buffer.from(bytes);
  damaged[1030] ^= 1;
  await expect(namesIn(damaged, 512)).rejects.toThrow("tar archive: a header is damaged.");
});

test("an archive that says to hold more than is allowed is refused before that is read", async () => {
  const bytes = Buffer.concat([tarEntry("a", Buffer.alloc(600)), tarEntry("b", Buffer.alloc(600))]);
  const chunks = async function* () {
    yield bytes;
  };
  const read = async (maxBytes: number): Promise<string[]> => {
    const names: string[] = [];
    for await (const { name } of tarFiles(chunks(), { maxBytes })) names.push(name);
    return names;
  };
  expect(await read(1200)).toEqual(["a", "b"]);
  await expect(read(1199)).rejects.toThrow("b: there are more than 1199 bytes in the archive");
});
