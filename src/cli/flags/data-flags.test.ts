import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { Command } from "commander";
import { afterAll, expect, test, vi } from "vitest";
import { cifar10Classes } from "../../datasets/formats/cifar-classes.ts";
import { MisuseError } from "../../errors.ts";
import { addDataFlags, type DataFlags, datasetOf } from "./data-flags.ts";

const folder = mkdtempSync(join(tmpdir(), "data-flags-"));
afterAll(() => rmSync(folder, { recursive: true }));

function flagsOf(...argv: string[]): DataFlags {
  const command = addDataFlags(new Command("x").exitOverride().configureOutput({ outputError: () => {} }), {
    hasLabelFlag: true,
  });
  return command.parse(argv, { from: "user" }).opts<DataFlags>();
}

const scenes = {
  labels: ["airplane", "cactus", "chair", "donut", "duck", "hammer", "mug", "mushroom", "rocket", "teapot"],
  classCount: 10,
};

test("without flags, Scenes; with them, what they say; somebody's own model wants data", async () => {
  expect((await datasetOf(flagsOf(), scenes)).images.length).toBe(200);
  await expect(datasetOf({ ...flagsOf(), model: "own.onnx" }, scenes)).rejects.toThrow("there is a model but no data");
  expect((await datasetOf({ ...flagsOf("--data", "scenes:3"), model: "own.onnx" }, scenes)).images.length).toBe(3);
  const { images } = await datasetOf(flagsOf("--data", "scenes:30", "--first", "4", "--split", "train"), scenes);
  expect(images.map(({ split }) => split)).toEqual(Array(4).fill("train"));
  const predicted = await datasetOf(flagsOf("--data", "scenes:2", "--label", "predicted"), scenes);
  expect(predicted.images.map(({ label }) => label)).toEqual([undefined, undefined]);
});

test("a batch of CIFAR, a list and a blacklist from files; problems are noted in one line", async () => {
  const data = join(folder, "cifar");
  mkdirSync(data);
  writeFileSync(join(data, "test_batch.bin"), Buffer.concat([0, 3].map((label) => Buffer.alloc(3073, label))));
  writeFileSync(join(folder, "list.txt"), "test_batch/0\ntest_batch/7\n");
  const classifier = { labels: cifar10Classes, classCount: 10 };
  const notes: string[] = [];
  const note = (text: string): void => void notes.push(text);
  const flags = flagsOf("--data", data, "--list", join(folder, "list.txt"));
  expect((await datasetOf(flags, classifier, { note })).images.map(({ id }) => id)).toEqual(["test_batch/0"]);
  expect(notes).toEqual([
    '1 problem in the data: 1 × unreadable or unmatched line of a list (line 2 of the list: no picture is called "test_batch/7")',
  ]);
  writeFileSync(join(folder, "blacklist.txt"), "1\n");
  const blacklisted = datasetOf(flagsOf("--data", data, "--blacklist", join(folder, "blacklist.txt")), classifier);
  await expect(blacklisted).rejects.toThrow(MisuseError);
});

test("what is to be known of a data set is noted, such as several parts that are taken together", async () => {
  for (const path of ["parts/train/cat/1.png", "parts/val/cat/1.png", "parts/.hidden/1.png"]) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), "");
  }
  const notes: string[] = [];
  const note = (text: string): void => void notes.push(text);
  const classifier = { labels: ["cat"], classCount: 1 };
  await datasetOf(flagsOf("--data", join(folder, "parts")), classifier, { note });
  expect(notes).toEqual([
    "Pictures in hidden folders, or in links that lead in a circle, are passed over: .hidden.",
    "pictures of several parts are taken together: train, val (--split takes one)",
  ]);
  notes.length = 0;
  await datasetOf(flagsOf("--data", join(folder, "parts"), "--split", "val"), classifier, { note });
  expect(notes.length).toBe(1);
});

test("how a download goes is noted, tenth by tenth; what is in the cache is not fetched", async () => {
  const classifier = { labels: cifar10Classes, classCount: 10 };
  const cache = join(folder, "cache");
  const flags = flagsOf("--data", "cifar10", "--cache", cache);
  const chunks = Array.from({ length: 40 }, () => new Uint8Array(500_000));
  vi.stubGlobal("fetch", async () => {
    const body = ReadableStream.from(chunks);
    return new Response(body, { headers: { "content-length": String(chunks.length * 500_000) } });
  });
  const notes: string[] = [];
  const note = (text: string): void => void notes.push(text);
  await expect(datasetOf(flags, classifier, { note })).rejects.toThrow("is not the archive that is published");
  vi.unstubAllGlobals();
  expect(notes.slice(0, 2)).toEqual(["fetching cifar10: 1 of 20 MB", "fetching cifar10: 2 of 20 MB"]);
  expect(notes.at(-1)).toBe("fetching cifar10: 20 of 20 MB");
  expect(notes.length).toBe(11);
  mkdirSync(join(cache, "cifar-10-batches-bin"), { recursive: true });
  writeFileSync(join(cache, "cifar-10-batches-bin/test_batch.bin"), Buffer.alloc(3073));
  expect((await datasetOf(flags, classifier)).images.map(({ id }) => id)).toEqual(["test_batch/0"]);
});

test("values that cannot be meant are misuse", () => {
  expect(() => flagsOf("--first", "0")).toThrow(
    "--first: value out of range, expected an integer of at least 1, got 0.",
  );
  expect(() => flagsOf("--data-format", "cocoa")).toThrow('Did you mean "coco"?');
  expect(() => flagsOf("--label", "predictd")).toThrow('Did you mean "predicted"?');
  expect(() => flagsOf("--difficult", "no")).toThrow(MisuseError);
});

test("a command with a --label of its own keeps it", () => {
  const command = new Command("x").option("--label <label>", "the class to explain");
  expect(() => addDataFlags(command, { hasLabelFlag: false })).not.toThrow();
});
