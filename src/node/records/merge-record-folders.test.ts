import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { BadInputError, MisuseError } from "../../errors.ts";
import type { ExperimentIdentity, ExperimentRecord } from "../../experiments/records/record-store.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { mergeRecordFolders } from "./merge-record-folders.ts";
import { openRecordFolder } from "./record-folder.ts";

const root = mkdtempSync(join(tmpdir(), "perceptual-ball-merge-"));
afterAll(() => rmSync(root, { recursive: true }));
let count = 0;
let base: string;
const path = (name: string): string => join(base, name);

const identity: ExperimentIdentity = {
  experiment: "test",
  version: "1",
  model: "ab",
  data: "numbers",
  settings: { blur: 2 },
};
const keyOf = (image: string) => ({ image, method: "x", options: {} });
const finished = (image: string, result: unknown, at: string): ExperimentRecord<unknown> => ({
  kind: "finished",
  key: keyOf(image),
  result,
  seconds: 1,
  at,
});
const failed = (image: string): ExperimentRecord<unknown> => ({
  kind: "failed",
  key: keyOf(image),
  message: "unreadable",
  at: "2026-01-01",
});

async function makeRecords(
  name: string,
  machine: string,
  records: readonly ExperimentRecord<unknown>[],
): Promise<string> {
  const store = await openRecordFolder<unknown>(path(name), { identity, run: { machine } });
  for (const record of records) {
    if (record.kind === "finished") {
      await store.writeArray(record.key, "map", floatTensor([machine.length, Number(record.result)], [2]));
    }
    await store.append(record);
  }
  await store.close();
  return path(name);
}

beforeEach(async () => {
  base = join(root, `${count++}`);
  mkdirSync(base);
  await makeRecords("first", "one", [
    finished("a", 1, "2026-01-01"),
    failed("b"),
    finished("d", 4, "2026-01-05"),
    failed("e"),
  ]);
  await makeRecords("second", "three", [finished("c", 3, "2026-01-02"), finished("b", 2, "2026-01-03")]);
  await makeRecords("third", "three", [finished("d", 5, "2026-01-04")]);
});
const sources = (): string[] => [path("first"), path("second"), path("third")];
const mergedText = (folder: string): string => readFileSync(join(folder, "records-merged.jsonl"), "utf8");

test("the union in order of the keys: finished before failed, earlier before later, with the arrays of those kept", async () => {
  const counts = await mergeRecordFolders(sources(), path("all"));
  expect(counts).toEqual({
    finished: 4,
    failed: 1,
    problems: [`${path("all")}: computed more than once with different results: x of d; the earlier one is kept.`],
  });
  const store = await openRecordFolder<unknown>(path("all"), { identity, run: {} });
  expect(store.allRecords().map(({ key, result }) => [key.image, result])).toEqual([
    ["a", 1],
    ["b", 2],
    ["c", 3],
    ["d", 5],
  ]);
  expect(store.failures().map(({ key }) => key.image)).toEqual(["e"]);
  expect(store.runs()).toEqual([{ machine: "one" }, { machine: "three" }]);
  expect((await store.readArray(keyOf("a"), "map"))?.data).toEqual(new Float32Array([3, 1]));
  expect((await store.readArray(keyOf("d"), "map"))?.data).toEqual(new Float32Array([5, 5]));
  expect(readdirSync(join(path("all"), "maps"))).toHaveLength(4);
});

test("neither the order of the folders nor merging again changes a byte, and partial merges merge to the same", async () => {
  await mergeRecordFolders(sources(), path("all"));
  const text = mergedText(path("all"));
  await mergeRecordFolders(sources().reverse(), path("reversed"));
  expect(mergedText(path("reversed"))).toBe(text);
  await mergeRecordFolders([path("third"), path("all"), path("reversed")], path("all"));
  expect(mergedText(path("all"))).toBe(text);
  await mergeRecordFolders([path("third"), path("second")], path("part"));
  await mergeRecordFolders([path("first")], path("part"));
  expect(mergedText(path("part"))).toBe(text);
  expect(readFileSync(join(path("part"), "experiment.json"), "utf8")).toBe(
    readFileSync(join(path("first"), "experiment.json"), "utf8"),
  );
});

test("into the first folder", async () => {
  const before = readFileSync(join(path("first"), "records-1.jsonl"), "utf8");
  expect(await mergeRecordFolders(sources(), path("first"))).toMatchObject({ finished: 4, failed: 1 });
  expect(readFileSync(join(path("first"), "records-1.jsonl"), "utf8")).toBe(before);
  const store = await openRecordFolder<unknown>(path("first"), { identity, run: {} });
  expect(store.allRecords().map(({ result }) => result)).toEqual([1, 2, 3, 5]);
  // The array of d was the later one's.
  expect((await store.readArray(keyOf("d"), "map"))?.data).toEqual(new Float32Array([5, 5]));
});

test("mixtures and folders without results are refused before anything is written", async () => {
  const other = await openRecordFolder<unknown>(path("other"), {
    identity: { ...identity, settings: { blur: 3 } },
    run: {},
  });
  await other.append(finished("z", 1, "2026-01-01"));
  await other.close();
  await expect(mergeRecordFolders([...sources(), path("other")], path("all"))).rejects.toThrow(
    `${path("other")}: holds the results of another experiment: settings.blur is 3 there and 2 here. Merge it with folders of its own experiment, not with ${path("first")}.`,
  );
  await expect(mergeRecordFolders(sources(), path("other"))).rejects.toThrow(MisuseError);
  writeFileSync(join(path("third"), "records-2.jsonl"), readFileSync(join(path("other"), "records-1.jsonl")));
  await expect(mergeRecordFolders(sources(), path("all"))).rejects.toThrow(
    /third: holds .* Take the file of records out/,
  );
  mkdirSync(path("empty"));
  await expect(mergeRecordFolders([path("empty")], path("all"))).rejects.toThrow(BadInputError);
  await expect(mergeRecordFolders([path("missing")], path("all"))).rejects.toThrow(
    `${path("missing")}: no experiment.json in it, expected a folder of results that a benchmark wrote.`,
  );
  // As of a cone, whose attacks are an experiment of their own.
  cpSync(path("first"), join(path("outer"), "attacks"), { recursive: true });
  await expect(mergeRecordFolders([path("outer")], path("all"))).rejects.toThrow(
    `wrote. There is one in ${join(path("outer"), "attacks")}.`,
  );
  await expect(mergeRecordFolders([], path("all"))).rejects.toThrow(MisuseError);
  expect(readdirSync(base)).not.toContain("all");
});

test("records of an earlier version are taken over with their arrays, and get checksums", async () => {
  // What that version wrote: no checksums, in lines or of arrays.
  const old = path("first");
  for (const file of readdirSync(old).filter((name) => name.endsWith(".jsonl"))) {
    const lines = readFileSync(join(old, file), "utf8").trimEnd().split("\n");
    const plain = lines.map((line) => {
      const { sum, arrays, ...rest } = JSON.parse(line);
      return JSON.stringify(rest);
    });
    writeFileSync(join(old, file), `${plain.join("\n")}\n`);
  }
  const described = JSON.parse(readFileSync(join(old, "experiment.json"), "utf8"));
  writeFileSync(join(old, "experiment.json"), JSON.stringify({ ...described, format: 1 }));
  await expect(mergeRecordFolders([old], old)).rejects.toThrow(/earlier version of perceptual-ball/);
  const { finished: count, problems } = await mergeRecordFolders([old, path("second")], path("all"));
  expect([count, problems]).toEqual([
    4,
    [`${old}: written by an earlier version without checksums; its records were taken over as they are.`],
  ]);
  const store = await openRecordFolder<unknown>(path("all"), { identity, run: {} });
  expect(store.allRecords().map(({ key, arrays }) => [key.image, Object.keys(arrays ?? {})])).toEqual(
    ["a", "b", "c", "d"].map((image) => [image, ["map"]]),
  );
  expect(store.problems()).toEqual([]);
});

test("what is damaged is not merged", async () => {
  const file = join(path("second"), "records-1.jsonl");
  writeFileSync(file, readFileSync(file, "utf8").replace('"result":3', '"result":8'));
  const { finished: count, problems } = await mergeRecordFolders(sources(), path("all"));
  expect(count).toBe(3);
  expect(problems[0]).toMatch(/second\/records-1\.jsonl: 1 record is damaged \(line 2\)/);
});
