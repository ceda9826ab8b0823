import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { Dataset } from "../datasets/dataset.ts";
import { detectionData, testData, trainingData } from "./detection-data.ts";

const folder = mkdtempSync(join(tmpdir(), "detection-data-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** A folder of that name with empty pictures. */
function dataOf(name: string, ...pictures: readonly string[]): string {
  for (const picture of pictures) {
    const path = join(folder, name, picture);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, "");
  }
  return join(folder, name);
}

const classifier = { labels: ["cat", "dog"], classCount: 2 };
const idsOf = ({ images }: Pick<Dataset, "images">): string[] => images.map(({ id }) => id);

/** What is opened, and what is noted of it. */
async function opened(
  open: typeof testData,
  data: string,
  split?: string,
): Promise<{ readonly ids: string[]; readonly notes: string[] }> {
  const notes: string[] = [];
  const dataset = await open({ data, split, trainImages: 9 } as Parameters<typeof testData>[0], classifier, {
    note: (text) => notes.push(text),
  });
  return { ids: idsOf(dataset), notes };
}

const all = dataOf("all", "train/cat/1.png", "val/cat/2.png", "test/cat/3.png");
const validated = dataOf("validated", "train/cat/1.png", "valid/cat/2.png");
const trained = dataOf("trained", "train/cat/1.png");
const whole = dataOf("whole", "cat/1.png", "dog/2.png");

test("tests are made on the test part, or on the validation part where there is no other, which is said", async () => {
  expect(await opened(testData, all)).toEqual({ ids: ["test/cat/3.png"], notes: [] });
  expect(await opened(testData, validated)).toEqual({
    ids: ["valid/cat/2.png"],
    notes: ['the data has no usable part "test": its part "val" is taken (--split takes another)'],
  });
  expect(await opened(testData, trained)).toEqual({
    ids: ["train/cat/1.png"],
    notes: ['the data has no usable part "test": its part "train" is taken'],
  });
  expect(await opened(testData, whole)).toEqual({ ids: ["cat/1.png", "dog/2.png"], notes: [] });
  expect(await opened(trainingData, all)).toEqual({ ids: ["train/cat/1.png"], notes: [] });
});

test("the part that is asked for is taken, and never another in its place", async () => {
  expect((await opened(testData, all, "val")).ids).toEqual(["val/cat/2.png"]);
  await expect(opened(testData, validated, "test")).rejects.toThrow("expected --split with train or val");
  await expect(opened(trainingData, whole, "train")).rejects.toThrow("there are no folders of parts");
});

test("detectors are fitted on the training part and tested on the other", async () => {
  const parts = async (data: string, split?: string): Promise<string[][]> => {
    const { train, test: tested } = await detectionData({ data, split, trainImages: 9 }, classifier, {});
    return [idsOf({ images: train }), idsOf({ images: tested })];
  };
  expect(await parts(all)).toEqual([["train/cat/1.png"], ["test/cat/3.png"]]);
  expect(await parts(all, "val")).toEqual([["train/cat/1.png"], ["val/cat/2.png"]]);
  expect(await parts(validated)).toEqual([["train/cat/1.png"], ["valid/cat/2.png"]]);
});

test("of a folder that both parts are taken from each thing is said once", async () => {
  const flat = dataOf("flat", "1.png", "2.png", "3.png", "labels.txt");
  const notes: string[] = [];
  await detectionData({ data: flat, trainImages: 9 }, classifier, { note: (text) => notes.push(text) });
  expect(notes).toEqual([expect.stringContaining("labels.txt is not read")]);
});
