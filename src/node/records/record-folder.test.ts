import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { type FileHandle, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, afterEach, beforeEach, expect, test, vi } from "vitest";
import { AbortedError, BadInputError, MisuseError } from "../../errors.ts";
import { memoryStore } from "../../experiments/records/memory-store.ts";
import { isText, objectOf } from "../../experiments/records/record-form.ts";
import type { ExperimentIdentity, FinishedRecord, RecordStore } from "../../experiments/records/record-store.ts";
import { type ExperimentItem, runExperiment } from "../../experiments/records/run-experiment.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { recordLine } from "./record-file.ts";
import { openRecordFolder, type RecordFolderOptions } from "./record-folder.ts";

const root = mkdtempSync(join(tmpdir(), "perceptual-ball-records-"));
let folder: string;
let count = 0;
beforeEach(() => {
  folder = join(root, `${count++}`);
});
afterEach(() => vi.restoreAllMocks());
afterAll(() => rmSync(root, { recursive: true }));

const identity: ExperimentIdentity = {
  experiment: "test",
  version: "1",
  model: "ab12",
  data: "numbers",
  settings: { blur: 2, kinds: ["value"] },
};
const run = { packageVersion: "0.1.0" };
const keyOf = (image: string, method = "x") => ({ image, method, options: {} });
const finished = (image: string, result: unknown = image): FinishedRecord<unknown> => ({
  kind: "finished",
  key: keyOf(image),
  result,
  seconds: 1,
  at: "2026-01-01T00:00:00.000Z",
});
const openFolder = <T = unknown>(options: Partial<RecordFolderOptions<T>> = {}) =>
  openRecordFolder<T>(folder, { identity, run, ...options });
/** A folder with these records, closed again. */
async function written(...images: readonly string[]): Promise<string> {
  const store = await openFolder();
  for (const image of images) await store.append(finished(image));
  await store.close();
  return join(folder, "records-1.jsonl");
}
const imagesOf = (store: RecordStore<unknown>): string[] => store.allRecords().map(({ key }) => key.image);

test("records are found again, failures too, and what ran", async () => {
  const store = await openFolder();
  await store.append({ kind: "failed", key: keyOf("c"), message: "unreadable", at: "2026-01-01T00:00:00.000Z" });
  await store.append(finished("b", { boxes: [[0, 1]] }));
  await store.append(finished("a"));
  await store.append(finished("a", "another result, too late"));
  await store.close();
  const again = await openFolder();
  for (const each of [store, again]) {
    expect(each.allRecords()).toEqual([finished("a"), finished("b", { boxes: [[0, 1]] })]);
    expect(each.failures().map(({ message }) => message)).toEqual(["unreadable"]);
    expect(each.finished({ options: {}, method: "x", image: "a" })?.result).toBe("a");
    expect(each.runs()).toEqual([run]);
    expect(each.problems()).toEqual([]);
  }
  expect(readdirSync(folder).sort()).toEqual(["experiment.json", "manifest.txt", "records-1.jsonl"]);
  expect(readFileSync(join(folder, "records-1.jsonl"), "utf8").split("\n")).toHaveLength(5);
});

test("arrays are NPY files with readable names; no two keys share one", async () => {
  const store = await openFolder();
  const map = floatTensor([0.5, 1], [1, 2]);
  await store.writeArray(keyOf("val/ILSVRC 1.JPEG"), "map", map);
  expect(await store.readArray(keyOf("val/ILSVRC 1.JPEG"), "map")).toEqual(map);
  expect(await store.readArray(keyOf("val/ILSVRC_1.JPEG"), "map")).toBeUndefined();
  const [name] = readdirSync(join(folder, "maps"));
  expect(name).toMatch(/^val-ILSVRC-1-JPEG-x-[0-9a-f]{16}\.map\.npy$/);
  expect(store.arrayPath(keyOf("val/ILSVRC_1.JPEG"), "map")).not.toBe(
    store.arrayPath(keyOf("val/ILSVRC 1.JPEG"), "map"),
  );
});

test("a folder of another experiment is refused with every difference, and taken with --fresh", async () => {
  const file = await written("a");
  writeFileSync(join(folder, "notes.txt"), "mine");
  const other = { ...identity, model: "cd34", settings: { blur: 3, kinds: ["value"], seed: 1 } };
  await expect(openFolder({ identity: other })).rejects.toThrow(
    new MisuseError({
      where: folder,
      what: 'holds the results of another experiment: model is "ab12" there and "cd34" here; settings.blur is 2 there and 3 here; settings.seed is nothing there and 1 here',
      advice: "Choose another --out, or throw those results away with --fresh.",
    }),
  );
  expect(existsSync(file)).toBe(true);
  const fresh = await openFolder({ identity: other, fresh: true });
  expect(fresh.allRecords()).toEqual([]);
  expect(readdirSync(folder).sort()).toEqual(["experiment.json", "manifest.txt", "notes.txt"]);
});

test("a file of records of another experiment that was put into the folder is refused as well", async () => {
  await written("a");
  const other = { ...identity, version: "2" };
  writeFileSync(
    join(folder, "records-9.jsonl"),
    `${recordLine({ kind: "run", identity: other, run })}${recordLine(finished("a"))}`,
  );
  await expect(openFolder()).rejects.toThrow('version is "2" there and "1" here');
  await expect(openFolder({ identity: other })).rejects.toThrow('version is "1" there and "2" here');
});

test("an experiment.json that cannot be understood is refused", async () => {
  await written("a");
  for (const text of ["{", "{}", "null", "[]", "2", '{"format": "1"}']) {
    writeFileSync(join(folder, "experiment.json"), text);
    await expect(openFolder()).rejects.toThrow(BadInputError);
    await expect(openFolder()).rejects.toThrow(/experiment\.json: not the description of an experiment, .*--fresh\.$/);
  }
  writeFileSync(join(folder, "experiment.json"), '{"format": 99}');
  await expect(openFolder()).rejects.toThrow(
    /results of another version of perceptual-ball, expected format 2, got format 99\. .*--fresh\.$/,
  );
});

test("a folder that cannot be made is refused", async () => {
  writeFileSync(folder, "a file");
  await expect(openFolder()).rejects.toThrow(MisuseError);
});

test("a last line that was cut off is reported, computed again, and taken away before the next is appended", async () => {
  const file = await written("a", "b");
  truncateSync(file, readFileSync(file).length - 5);
  const store = await openFolder();
  expect(imagesOf(store)).toEqual(["a"]);
  expect(store.problems()).toEqual([`${file}: the last line was cut off; left out, and its item is computed again.`]);
  await store.append(finished("b"));
  await store.close();
  const again = await openFolder();
  expect(imagesOf(again)).toEqual(["a", "b"]);
  expect(again.problems()).toEqual([]);
});

test("a last line that lacks only its end is whole", async () => {
  const file = await written("a", "b");
  truncateSync(file, readFileSync(file).length - 1);
  const store = await openFolder();
  expect(imagesOf(store)).toEqual(["a", "b"]);
  await store.append(finished("c"));
  await store.close();
  const again = await openFolder();
  expect([imagesOf(again), again.problems()]).toEqual([["a", "b", "c"], []]);
});

test("lines in the middle that are no records are reported by number, and the rest is kept", async () => {
  const file = await written("a", "b", "c");
  const lines = readFileSync(file, "utf8").split("\n");
  lines[2] = lines[2].slice(0, 30);
  lines.splice(
    4,
    0,
    '{"kind":"finished","key":{"image":"d"}}',
    "null",
    "\0\0\0",
    '{"kind":"run"}',
    recordLine(finished("e", null)).trim(),
  );
  writeFileSync(file, lines.join("\n"));
  const store = await openFolder();
  expect(imagesOf(store)).toEqual(["a", "c", "e"]);
  expect(store.problems()).toEqual([
    `${file}: 5 records are damaged (line 3, 5, 6, 7, 8): not used, and what they held is computed again.`,
  ]);
  await store.append(finished("b"));
  await store.close();
  expect(imagesOf(await openFolder())).toEqual(["a", "b", "c", "e"]);
});

test("different results for one key are reported, the earlier one is kept", async () => {
  const file = await written("a");
  appendFileSync(file, recordLine({ ...finished("a", "late"), at: "2026-02-01T00:00:00.000Z" }));
  const store = await openFolder();
  expect(store.allRecords()).toEqual([finished("a")]);
  expect(store.problems()).toEqual([
    `${folder}: computed more than once with different results: x of a; the earlier one is kept.`,
  ]);
});

test("two processes do not write one file; each with its own name do", async () => {
  const [store, twin] = [await openFolder(), await openFolder()];
  await store.append(finished("a"));
  await expect(twin.append(finished("b"))).rejects.toThrow(/is writing this file/);
  await expect(openFolder({ fresh: true })).rejects.toThrow(/is writing this file/);
  const other = await openFolder({ writer: "2of2" });
  await other.append(finished("b"));
  expect(imagesOf(store)).toEqual(["a"]);
  await store.reload();
  expect(imagesOf(store)).toEqual(["a", "b"]);
  await store.close();
  await other.close();
  expect(readdirSync(folder).sort()).toEqual([
    "experiment.json",
    "manifest.txt",
    "records-1.jsonl",
    "records-2of2.jsonl",
  ]);
});

test("a full disk is said so; what was finished stays, and nothing of the rest", async () => {
  const store = await openFolder();
  await store.append(finished("a"));
  const probe = await open(join(folder, "probe"), "w");
  const prototype: FileHandle = Object.getPrototypeOf(probe);
  await probe.close();
  const write = prototype.write as (
    bytes: Uint8Array,
    from: number,
    length: number,
  ) => Promise<{ bytesWritten: number }>;
  let isFull = false;
  const writeHalf: typeof write = async function (this: FileHandle, bytes, from, length) {
    if (isFull) throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC" });
    isFull = true;
    return await write.call(this, bytes, from, Math.floor(length / 2));
  };
  vi.spyOn(prototype, "write").mockImplementation(writeHalf as never);
  const file = join(folder, "records-1.jsonl");
  await expect(store.append(finished("b"))).rejects.toThrow(
    `${file}: no space left on the disk. What is finished is kept: make room and start the same command again.`,
  );
  vi.restoreAllMocks();
  expect(imagesOf(await openFolder())).toEqual(["a"]);
  await store.append(finished("c"));
  await store.close();
  const again = await openFolder();
  expect([imagesOf(again), again.problems()]).toEqual([["a", "c"], []]);
});

test("no damage to a file changes a result: every byte but line feeds counts, and what is damaged is computed again", async () => {
  const file = await written("a", "b", "c");
  const bytes = readFileSync(file);
  const whole = (await openFolder()).allRecords();
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ at: fc.nat({ max: bytes.length - 1 }), mask: fc.integer({ min: 1, max: 255 }) }), {
        minLength: 1,
        maxLength: 20,
      }),
      async (damages) => {
        const damaged = Buffer.from(bytes);
        for (const { at, mask } of damages) damaged[at] ^= mask;
        writeFileSync(file, damaged);
        const store = await openFolder();
        const found = store.allRecords();
        for (const record of found) expect(whole).toContainEqual(record);
        if (found.length < whole.length) expect(store.problems()).not.toEqual([]);
      },
    ),
    { numRuns: 100 },
  );
});

test("a record without its checksum, with another result, or of another form is not used", async () => {
  const form = objectOf<{ readonly name: string }>({ name: isText });
  const file = await written();
  const store = await openFolder({ isResult: form });
  await store.append(finished("a", { name: "x" }) as FinishedRecord<{ name: string }>);
  await store.close();
  const lines = readFileSync(file, "utf8");
  const more = [
    // Edited by hand, cut at the checksum, and written whole but of another form.
    lines.split("\n")[1].replace('"name":"x"', '"name":"y"').replace('"image":"a"', '"image":"b"'),
    lines
      .split("\n")[1]
      .replace(/,"sum":.*/, "}")
      .replace('"image":"a"', '"image":"c"'),
    ...["d", "e", "f"].map((image, n) => recordLine(finished(image, [null, {}, { name: "z", more: 1 }][n])).trim()),
  ];
  writeFileSync(file, `${lines}${more.join("\n")}\n`);
  const again = await openFolder({ isResult: form });
  expect(again.allRecords().map(({ result }) => result)).toEqual([{ name: "x" }]);
  expect(again.problems()).toEqual([
    `${file}: 5 records are damaged (line 3, 4, 5, 6, 7): not used, and what they held is computed again.`,
  ]);
});

test("of many damaged lines the first ten are named", async () => {
  const file = await written("a");
  appendFileSync(file, "x\n".repeat(12));
  expect((await openFolder()).problems()).toEqual([
    `${file}: 12 records are damaged (line 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 and 2 more): not used, and what they held is computed again.`,
  ]);
});

test("a record whose array is damaged or gone is computed again, and then whole", async () => {
  const map = (value: number) => floatTensor([value, 1], [1, 2]);
  const items: ExperimentItem[] = ["a", "b", "c"].map((image) => ({ key: keyOf(image) }));
  const compute = vi.fn(async ([{ key }]: readonly ExperimentItem[]) => [
    { result: key.image, ...(key.image === "c" ? {} : { arrays: { map: map(key.image.charCodeAt(0)) } }) },
  ]);
  const runAll = async (): Promise<RecordStore<string>> => {
    const store = await openFolder<string>();
    await runExperiment({ items, store, compute });
    await store.close();
    return store;
  };
  const first = await runAll();
  expect(compute).toHaveBeenCalledTimes(3);
  expect(first.finished(keyOf("a"))?.arrays).toEqual({ map: expect.stringMatching(/^[0-9a-f]{16}$/) });
  expect(first.finished(keyOf("c"))?.arrays).toBeUndefined();
  const store = await openFolder();
  const [a, b] = ["a", "b"].map((image) => store.arrayPath(keyOf(image), "map"));
  const bytes = readFileSync(a);
  bytes[bytes.length - 6] ^= 1;
  writeFileSync(a, bytes);
  rmSync(b);
  const damaged = await openFolder();
  expect(imagesOf(damaged)).toEqual(["c"]);
  expect(damaged.problems()).toEqual([
    `${join(folder, "maps")}: missing or damaged: what belongs to x of a, x of b; the 2 items are computed again.`,
  ]);
  compute.mockClear();
  await runAll();
  expect(compute.mock.calls.map(([[{ key }]]) => key.image)).toEqual(["a", "b"]);
  const again = await openFolder();
  expect([imagesOf(again), again.problems()]).toEqual([["a", "b", "c"], []]);
  expect((await again.readArray(keyOf("a"), "map"))?.data).toEqual(map(97).data);
});

test("results of an earlier version, without checksums, are refused with the way to take them over", async () => {
  await written("a");
  writeFileSync(join(folder, "experiment.json"), JSON.stringify({ format: 1, ...identity }));
  await expect(openFolder()).rejects.toThrow(
    `${join(folder, "experiment.json")}: results of an earlier version of perceptual-ball, whose records have no checksums, expected format 2, got format 1. \`perceptual-ball merge ${folder} -o <new folder>\` takes them over as they are; or choose another --out, or start anew with --fresh.`,
  );
  // Without records there is nothing to be refused.
  rmSync(join(folder, "records-1.jsonl"));
  expect(await written("b")).toBe(join(folder, "records-1.jsonl"));
  expect(imagesOf(await openFolder())).toEqual(["b"]);
});

const items: readonly ExperimentItem[] = ["één", "two", "three", "four", "five"].flatMap((image) =>
  ["x", "y"].map((method) => ({ key: keyOf(image, method) })),
);
const resultOf = ({ key }: ExperimentItem) => ({
  text: `${key.image} · ${key.method}`,
  curve: [key.image.length, 0.1],
});

test("any shares, any interruption and any cut of the files lead to the same records", async () => {
  const reference = memoryStore<unknown>(identity);
  await runExperiment({ items, store: reference, compute: async ([item]) => [{ result: resultOf(item) }] });
  const plain = (store: RecordStore<unknown>) => store.allRecords().map(({ key, result }) => ({ key, result }));
  /** Computes one share; stops after `limit` items. */
  const runShare = async (index: number, of: number, limit: number, isShuffled: boolean): Promise<void> => {
    const store = await openFolder({ writer: `${index}of${of}` });
    const abort = new AbortController();
    let computed = 0;
    try {
      await runExperiment({
        items: isShuffled ? items.toReversed() : items,
        store,
        shard: { index, of },
        signal: abort.signal,
        async compute([item]) {
          if (computed++ >= limit) abort.abort();
          return [{ result: resultOf(item) }];
        },
      });
    } catch (error) {
      expect(error).toBeInstanceOf(AbortedError);
    } finally {
      await store.close();
    }
  };
  const share = fc.record({
    limit: fc.nat({ max: 10 }),
    cut: fc.double({ min: 0, max: 1, noNaN: true }),
    isShuffled: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(fc.array(share, { minLength: 1, maxLength: 3 }), async (shares) => {
      folder = join(root, `${count++}`);
      const of = shares.length;
      for (const [index, { limit, isShuffled }] of shares.entries()) await runShare(index + 1, of, limit, isShuffled);
      for (const [index, { cut }] of shares.entries()) {
        const file = join(folder, `records-${index + 1}of${of}.jsonl`);
        if (existsSync(file)) truncateSync(file, Math.round(cut * readFileSync(file).length));
      }
      for (const index of shares.keys()) await runShare(index + 1, of, Number.POSITIVE_INFINITY, false);
      const store = await openFolder();
      expect(plain(store)).toEqual(plain(reference));
      expect(store.problems()).toEqual([]);
    }),
    { numRuns: 60 },
  );
});

test("fresh deletes what the experiment listed as its own, and leaves a user's files alone", async () => {
  const store = await openFolder();
  await store.writeArray(keyOf("one"), "map", floatTensor([1], [1]));
  await store.append(finished("one"));
  await store.close();
  const foreign = ["maps/mine.npy", "records-2023.jsonl.txt", "notes.md"];
  for (const name of foreign) writeFileSync(join(folder, name), "mine");
  const fresh = await openFolder({ fresh: true });
  expect(fresh.allRecords()).toEqual([]);
  await fresh.close();
  expect(readdirSync(folder).sort()).toEqual(
    ["experiment.json", "manifest.txt", "maps", "notes.md", "records-2023.jsonl.txt"].sort(),
  );
  expect(readdirSync(join(folder, "maps"))).toEqual(["mine.npy"]);
  for (const name of foreign) expect(readFileSync(join(folder, name), "utf8")).toBe("mine");
});

test("fresh refuses a folder with files in it that no experiment has listed, and touches nothing", async () => {
  const files = { "maps/a.npy": "x", "records-2023.jsonl": '{"mine":1}\n' };
  mkdirSync(join(folder, "maps"), { recursive: true });
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
  await expect(openFolder({ fresh: true })).rejects.toThrow(
    /there are files in it that no experiment's manifest.txt lists.*got maps, records-2023.jsonl\. Choose another --out/,
  );
  for (const [name, text] of Object.entries(files)) expect(readFileSync(join(folder, name), "utf8")).toBe(text);
  expect(readdirSync(folder).sort()).toEqual(["maps", "records-2023.jsonl"]);
});

test("a list that was tampered with deletes nothing that an experiment cannot have made", async () => {
  await written("one");
  const outside = join(root, "outside.npy");
  writeFileSync(outside, "mine");
  writeFileSync(join(folder, "thesis.tex"), "mine");
  appendFileSync(join(folder, "manifest.txt"), "../outside.npy\nmaps/../../outside.npy\nthesis.tex\n/etc/passwd\n");
  await (await openFolder({ fresh: true })).close();
  expect(readFileSync(outside, "utf8")).toBe("mine");
  expect(readFileSync(join(folder, "thesis.tex"), "utf8")).toBe("mine");
});
