import { appendFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { BadInputError, MisuseError } from "../../errors.ts";
import type { ExperimentIdentity, RecordKey } from "../../experiments/records/record-store.ts";
import { mergeRecordFolders } from "./merge-record-folders.ts";
import type { RecordWriter } from "./record-file.ts";
import { openRecordFolder } from "./record-folder.ts";
import { recordStatus } from "./record-status.ts";

const root = mkdtempSync(join(tmpdir(), "perceptual-ball-status-"));
afterAll(() => rmSync(root, { recursive: true }));
let count = 0;
let folders: readonly [string, string];
beforeEach(() => {
  folders = [join(root, `${count++}`), join(root, `${count++}`)];
});

const identity: ExperimentIdentity = { experiment: "test", version: "1", model: "ab", data: "numbers", settings: {} };
const now = Date.parse("2026-01-02T03:00:00.000Z");
const minutesAgo = (minutes: number): string => new Date(now - 60_000 * minutes).toISOString();
const key = (n: number): RecordKey => ({ image: `image ${n}`, method: "x", options: {} });
const machine = (host: string, kind: string, shard?: string): RecordWriter => ({
  ...{ host, machine: kind, items: 20 },
  ...(shard === undefined ? {} : { shard }),
});

/** Items finished so many minutes ago, and items that failed then. */
async function write(
  folder: string,
  by: RecordWriter,
  finished: Readonly<Record<number, number>>,
  failed: Readonly<Record<number, number>> = {},
  writer = "1",
): Promise<void> {
  const store = await openRecordFolder<string>(folder, { identity, run: {}, by, writer });
  for (const [n, minutes] of Object.entries(finished)) {
    await store.append({ kind: "finished", key: key(Number(n)), result: n, seconds: 1, at: minutesAgo(minutes) });
  }
  for (const [n, minutes] of Object.entries(failed)) {
    await store.append({ kind: "failed", key: key(Number(n)), message: `no ${n}`, at: minutesAgo(minutes) });
  }
  await store.close();
}

test("what is done and expected, what failed and why, rates and machines, over shares that are computed", async () => {
  await write(folders[0], machine("one", "A", "1/2"), { 0: 30, 1: 9, 2: 5, 3: 1 }, { 4: 2, 5: 3 });
  await write(folders[1], machine("two", "A", "2/2"), { 10: 2, 11: 1 });
  // Of what the folder has already nothing is written again.
  await write(folders[1], machine("three", "A", "2/2"), { 5: 1, 10: 2 }, {}, "2");
  const status = await recordStatus([...folders, folders[0]], { now });
  expect(status).toMatchObject({ experiment: "test", expected: 20, done: 7, shares: ["1/2", "2/2"], problems: [] });
  // Item 5 was finished elsewhere.
  expect(status.failures.map(({ key: { image }, message }) => [image, message])).toEqual([["image 4", "no 4"]]);
  expect(status.machines).toEqual([
    { host: "one", machine: "A", done: 4, failed: 1, last: minutesAgo(1), perMinute: 0.5 },
    { host: "three", machine: "A", done: 1, failed: 0, last: minutesAgo(1), perMinute: 1 },
    { host: "two", machine: "A", done: 2, failed: 0, last: minutesAgo(1), perMinute: 1 },
  ]);
  expect(status.perMinute).toBe(2.5);
  expect(status.secondsLeft).toBeCloseTo((60 * 12) / 2.5, 6);
});

test("lines that are being written are not counted, and are no problem; damaged ones are", async () => {
  await write(folders[0], machine("one", "A"), { 0: 1, 1: 1 });
  const path = join(folders[0], "records-1.jsonl");
  const last = readFileSync(path, "utf8").trimEnd().split("\n").at(-1) ?? "";
  appendFileSync(path, last.slice(0, 20));
  expect(await recordStatus([folders[0]], { now })).toMatchObject({ done: 2, problems: [], shares: [] });
  appendFileSync(path, "\n");
  expect((await recordStatus([folders[0]], { now })).problems).toEqual([
    expect.stringContaining("1 lines are damaged"),
  ]);
});

test("what stands still has no time left, what is finished none, and of an unknown number none is said", async () => {
  await write(folders[0], machine("one", "A"), { 0: 60, 1: 50 });
  expect(await recordStatus([folders[0]], { now })).toMatchObject({ perMinute: 0, secondsLeft: undefined });
  await write(folders[1], { ...machine("one", "A"), items: 2 }, { 0: 60, 1: 50 });
  expect(await recordStatus([folders[1]], { now })).toMatchObject({ expected: 2, done: 2, secondsLeft: 0 });
  const old = join(root, `${count++}`);
  const store = await openRecordFolder<string>(old, { identity, run: {} });
  await store.append({ kind: "finished", key: key(0), result: "0", seconds: 1, at: minutesAgo(1) });
  await store.close();
  expect(await recordStatus([old], { now })).toMatchObject({
    ...{ expected: undefined, done: 1, secondsLeft: undefined },
    machines: [{ host: "unknown" }],
  });
});

test("machines of different kinds: status and merge say so, and the merged folder still knows", async () => {
  await write(folders[0], machine("one", "A", "1/2"), { 0: 1 });
  await write(folders[1], machine("two", "B", "2/2"), { 1: 1 });
  const sentence = "machines of different kinds computed what is compared (A; B): last digits may depend on which did.";
  expect((await recordStatus(folders, { now })).problems).toEqual([sentence]);
  const all = join(root, `${count++}`);
  expect((await mergeRecordFolders(folders, all)).problems).toEqual([`${all}: ${sentence}`]);
  expect(await recordStatus([all], { now })).toMatchObject({ expected: 20, done: 2, problems: [sentence] });
  const again = join(root, `${count++}`);
  await mergeRecordFolders([folders[1], folders[0]], again);
  expect(readFileSync(join(again, "records-merged.jsonl"), "utf8")).toBe(
    readFileSync(join(all, "records-merged.jsonl"), "utf8"),
  );
  const same = join(root, `${count++}`);
  expect((await mergeRecordFolders([folders[0]], same)).problems).toEqual([]);
});

test("folders of other experiments, without one, or none at all", async () => {
  await write(folders[0], machine("one", "A"), { 0: 1 });
  const store = await openRecordFolder(folders[1], { identity: { ...identity, model: "cd" }, run: {} });
  await store.close();
  await expect(recordStatus(folders)).rejects.toThrow(MisuseError);
  await expect(recordStatus([join(root, "nowhere")])).rejects.toThrow(BadInputError);
  await expect(recordStatus([])).rejects.toThrow("no folder is given");
});
