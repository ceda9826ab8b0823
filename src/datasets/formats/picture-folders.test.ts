import { expect, test } from "vitest";
import { linesOf, pretendFiles } from "../../../test/pretend-files.ts";
import type { Dataset } from "../dataset.ts";
import { type OpenDatasetOptions, openDataset } from "../open-dataset.ts";

function open(
  names: readonly string[],
  options: Omit<OpenDatasetOptions, "source"> = {},
  path = "data",
): Promise<Dataset> {
  const files = Object.fromEntries(names.map((name) => [name, "4x4"]));
  return openDataset(path, { source: pretendFiles(files), ...options });
}

const idsAndLabels = ({ images }: Dataset): unknown[] => images.map(({ id, label }) => [id, label]);

const names = ["dog/2.png", "cat/10.jpg", "cat/9.jpg", "cat/notes.txt", "cat/.hidden.png"];

test("a folder per class; names of folders are classes of the classifier, or their order is", async () => {
  const own = await open(names);
  expect(idsAndLabels(own)).toEqual([
    ["cat/10.jpg", 0],
    ["cat/9.jpg", 0],
    ["dog/2.png", 1],
  ]);
  expect(own.classNames).toEqual(["cat", "dog"]);
  const named = await open(names, { classes: { names: ["dog, hound", "x", "Cat"], count: 3 } });
  expect(idsAndLabels(named)).toEqual([
    ["cat/10.jpg", 2],
    ["cat/9.jpg", 2],
    ["dog/2.png", 0],
  ]);
  const ordered = await open(names, { classes: { names: ["Katze", "Hund"], count: 2 } });
  expect(idsAndLabels(ordered)).toEqual(idsAndLabels(own));
  const some = await open(names, { classes: { names: ["dog", "bird"], count: 2 } });
  expect(idsAndLabels(some)).toEqual([["dog/2.png", 0]]);
  expect(linesOf(some.problems)[0]).toBe('unknown-class cat/10.jpg: the classifier has no class "cat"; left out');
  const predicted = await open(names, { classes: { names: ["dog", "bird"], count: 2 }, labels: "predicted" });
  expect(idsAndLabels(predicted).length).toBe(3);
});

test("WordNet numbers and class numbers as names", async () => {
  expect(idsAndLabels(await open(["n02123045/a.png"], { classes: { count: 1000 } }))).toEqual([
    ["n02123045/a.png", 281],
  ]);
  expect(idsAndLabels(await open(["7/a.png", "10/b.png"], { classes: { count: 20 } }))).toEqual([
    ["10/b.png", 10],
    ["7/a.png", 7],
  ]);
});

test("folders for training and testing above the classes", async () => {
  const files = ["train/cat/1.png", "train/dog/1.png", "val/cat/1.png"];
  const all = await open(files);
  expect(all.images.map(({ id, label, split }) => [id, label, split])).toEqual([
    ["train/cat/1.png", 0, "train"],
    ["train/dog/1.png", 1, "train"],
    ["val/cat/1.png", 0, "test"],
  ]);
  expect((await open(files, { split: "test" })).images.map(({ id, label }) => [id, label])).toEqual([
    ["val/cat/1.png", 0],
  ]);
  expect((await open(["train/1.png"])).images.map(({ className }) => className)).toEqual(["train"]);
  await expect(open(files, { split: "tset" })).rejects.toThrow('Did you mean "test"?');
});

test("pictures alone, and one picture, have no labels", async () => {
  const { images, problems } = await open(["b.png", "a.jpg", "readme.md"]);
  expect(images.map(({ id, label, className, boxes }) => [id, label, className, boxes])).toEqual([
    ["a.jpg", undefined, undefined, undefined],
    ["b.png", undefined, undefined, undefined],
  ]);
  expect(problems).toEqual([]);
  expect((await open(["b.png"], {}, "data/b.png")).images.map(({ id }) => id)).toEqual(["b.png"]);
});
