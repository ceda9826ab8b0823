import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { BadInputError } from "../../../errors.ts";
import type { Dataset } from "../../dataset.ts";
import { memoryFileSource } from "../../memory-source.ts";
import { type OpenDatasetOptions, openDataset } from "../../open-dataset.ts";

/** The bytes of an idx file: two of 0, the type, the number of axes, the extents, the numbers. */
function idx(extents: readonly number[], data: readonly number[], type = 8): Uint8Array {
  const sizes = extents.flatMap((extent) => [extent >>> 24, (extent >>> 16) & 255, (extent >>> 8) & 255, extent & 255]);
  return Uint8Array.of(0, 0, type, extents.length, ...sizes, ...data);
}

/** Pictures of 2 rows and 3 columns, each with its number in front. */
const pictures = (count: number): Uint8Array =>
  idx(
    [count, 2, 3],
    Array.from({ length: 6 * count }, (_, i) => 10 * Math.floor(i / 6) + (i % 6)),
  );

function open(
  files: Readonly<Record<string, Uint8Array>>,
  options: Omit<OpenDatasetOptions, "source"> = {},
  spec = "data",
): Promise<Dataset> {
  const source = memoryFileSource(new Map(Object.entries(files)), () =>
    Promise.reject(new Error("there are no pictures")),
  );
  return openDataset(spec, { source, ...options });
}

const files = {
  "data/train-images-idx3-ubyte": pictures(3),
  "data/train-labels-idx1-ubyte": idx([3], [1, 0, 2]),
  "data/t10k-images-idx3-ubyte": pictures(2),
  "data/t10k-labels-idx1-ubyte": idx([2], [2, 1]),
};

test("both parts, their classes by number, and the pixels as they are", async () => {
  const { name, images, listedClasses } = await open(files);
  expect([name, listedClasses]).toEqual(["mnist", ["0", "1", "2"]]);
  expect(images.map(({ id, label, className, split }) => [id, label, className, split])).toEqual([
    ["t10k/0", 2, "2", "test"],
    ["t10k/1", 1, "1", "test"],
    ["train/0", 1, "1", "train"],
    ["train/1", 0, "0", "train"],
    ["train/2", 2, "2", "train"],
  ]);
  expect(await images[1].picture()).toEqual({
    ...{ width: 3, height: 2, channels: 1 },
    data: Uint8Array.of(10, 11, 12, 13, 14, 15),
  });
  expect((await open(files, { split: "test" })).images.map(({ id }) => id)).toEqual(["t10k/0", "t10k/1"]);
  const named = await open(files, { classes: { names: ["2", "0", "1"], count: 3 }, first: 1 });
  expect(named.images.map(({ id, label }) => [id, label])).toEqual([
    ["t10k/0", 0],
    ["train/0", 2],
  ]);
});

test.each<[string, Readonly<Record<string, Uint8Array>>, string]>([
  [
    "packed",
    {
      "data/t10k-images-idx3-ubyte.gz": gzipSync(pictures(2)),
      "data/t10k-labels-idx1-ubyte.gz": gzipSync(idx([2], [2, 1])),
    },
    "data",
  ],
  [
    "in a folder, packed and not",
    {
      "data/raw/t10k-images-idx3-ubyte": pictures(2),
      "data/raw/t10k-images-idx3-ubyte.gz": Uint8Array.of(),
      "data/raw/t10k-labels-idx1-ubyte": idx([2], [2, 1]),
    },
    "data",
  ],
  [
    "with points in their names",
    { "data/t10k-images.idx3-ubyte": pictures(2), "data/t10k-labels.idx1-ubyte": idx([2], [2, 1]) },
    "data",
  ],
  [
    "each in a folder of its name",
    {
      "data/t10k-images-idx3-ubyte/t10k-images-idx3-ubyte": pictures(2),
      "data/t10k-labels-idx1-ubyte/t10k-labels-idx1-ubyte": idx([2], [2, 1]),
    },
    "data",
  ],
  ["a file of pictures", files, "data/t10k-images-idx3-ubyte"],
])("%s", async (_, given, spec) => {
  const { images } = await open(given, {}, spec);
  expect(images.map(({ id, className }) => [id, className])).toEqual([
    ["t10k/0", "2"],
    ["t10k/1", "1"],
  ]);
});

test("EMNIST's pictures are stored by columns, and its letters are numbered from 1", async () => {
  const { images, listedClasses } = await open({
    "data/emnist-letters-test-images-idx3-ubyte": pictures(1),
    "data/emnist-letters-test-labels-idx1-ubyte": idx([1], [26]),
  });
  expect(listedClasses).toEqual(["26"]);
  expect([images[0].id, images[0].split]).toEqual(["emnist-letters-test/0", "test"]);
  expect(await images[0].picture()).toMatchObject({ width: 2, height: 3, data: Uint8Array.of(0, 3, 1, 4, 2, 5) });
});

test("Fashion-MNIST has MNIST's names of files, and is known by its folder's", async () => {
  const moved = Object.fromEntries(
    Object.entries(files).map(([path, bytes]) => [path.replace("data", "FashionMNIST/raw"), bytes]),
  );
  const { name, images, listedClasses } = await open(moved, {}, "FashionMNIST");
  expect([name, listedClasses?.length, images[0].className]).toEqual(["fashion-mnist", 10, "pullover"]);
});

test.each<[string, Readonly<Record<string, Uint8Array>>, RegExp]>([
  [
    "cut short",
    { "data/t10k-images-idx3-ubyte": pictures(2).subarray(0, 20) },
    /t10k-images-idx3-ubyte: is cut short, .* expected 28 bytes for 2 × 2 × 3, got 20/,
  ],
  [
    "not what it is called",
    { "data/t10k-images-idx3-ubyte": idx([2], [1, 2]) },
    /is no idx file of bytes, expected a file that begins with 0, 0, 8, 3, got 0, 0, 8, 1/,
  ],
  ["of floats", { "data/t10k-images-idx3-ubyte": idx([1, 2, 3], [], 13) }, /is no idx file of bytes/],
  ["empty", { "data/t10k-images-idx3-ubyte": Uint8Array.of() }, /is empty/],
  ["of no pictures", { "data/t10k-images-idx3-ubyte": idx([0, 2, 3], []) }, /holds nothing/],
  [
    "with other labels",
    { "data/t10k-labels-idx1-ubyte": idx([3], [2, 1, 0]) },
    /t10k-labels-idx1-ubyte: has other numbers than t10k-images-idx3-ubyte, expected 2 labels, got 3/,
  ],
  [
    "not packed as it says",
    {
      "data/train-images-idx3-ubyte": Uint8Array.of(),
      "data/a-test-images-idx3-ubyte.gz": Uint8Array.of(1, 2, 3),
      "data/a-test-labels-idx1-ubyte": idx([1], [0]),
    },
    /a-test-images-idx3-ubyte\.gz: cannot be unpacked/,
  ],
])("a file that is %s is refused in words", async (_, changed, words) => {
  const opened = open({ ...files, ...changed }, { split: "test" });
  await expect(opened).rejects.toThrow(BadInputError);
  await expect(opened).rejects.toThrow(words);
});

test("pictures without labels, and a part that is not there, are said", async () => {
  const { "data/t10k-labels-idx1-ubyte": _, ...unlabelled } = files;
  await expect(open(unlabelled)).rejects.toThrow(
    "t10k-images-idx3-ubyte: has no labels beside it, expected t10k-labels-idx1-ubyte",
  );
  const half = { "data/t10k-images-idx3-ubyte": pictures(2), "data/t10k-labels-idx1-ubyte": idx([2], [2, 1]) };
  await expect(open(half, { split: "train" })).rejects.toThrow("there are no idx files of the part train");
});
