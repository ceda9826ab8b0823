import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { linesOf, pretendFiles } from "../../../test/pretend-files.ts";
import { BadInputError } from "../../errors.ts";
import type { Picture } from "../../image/picture.ts";
import { createRandom } from "../../random/random.ts";
import type { Dataset } from "../dataset.ts";
import { type OpenDatasetOptions, openDataset } from "../open-dataset.ts";
import { type CifarName, type CifarRecord, cifarRecordLength, decodeCifarRecord } from "./cifar.ts";
import { cifar10Classes, cifar100Classes } from "./cifar-classes.ts";

function pictureOf(seed: number): Picture {
  return {
    width: 32,
    height: 32,
    channels: 3,
    data: Uint8Array.from({ length: 3072 }, (_, i) => (i * 31 + seed * 7) % 251),
  };
}

/** The bytes of a record, as the page of the set describes them; the coarse label of CIFAR-100 is 7. */
function encodeCifarRecord(cifar: CifarName, { label, picture }: CifarRecord): Uint8Array {
  const planes = [0, 1, 2].map((channel) => picture.data.filter((_, i) => i % 3 === channel));
  return Uint8Array.of(...(cifar === "cifar10" ? [label] : [7, label]), ...planes.flatMap((plane) => [...plane]));
}

function batch(cifar: CifarName, labels: readonly number[]): Uint8Array {
  return new Uint8Array(labels.flatMap((label) => [...encodeCifarRecord(cifar, { label, picture: pictureOf(label) })]));
}

function open(
  files: Readonly<Record<string, Uint8Array>>,
  options: Omit<OpenDatasetOptions, "source"> = {},
  spec = "data",
): Promise<Dataset> {
  return openDataset(spec, { source: pretendFiles(files), ...options });
}

test("a record: the label, then red, green and blue, each row by row", () => {
  const bytes = Uint8Array.from({ length: 3073 }, (_, i) => (i === 0 ? 6 : (i - 1) % 256));
  const { label, picture } = decodeCifarRecord("cifar10", bytes);
  expect([label, picture.width, picture.height]).toEqual([6, 32, 32]);
  // Pixel (5, 2) is number 69 of its plane.
  expect([...picture.data.subarray(3 * 69, 3 * 70)]).toEqual([69, (1024 + 69) % 256, (2048 + 69) % 256]);
  const fine = decodeCifarRecord("cifar100", Uint8Array.of(19, 99, ...bytes.subarray(1)));
  expect(fine).toEqual({ label: 99, picture });
});

test.each(["cifar10", "cifar100"] as const)("%s: what is written is read", (cifar) => {
  const label = fc.integer({ min: 0, max: cifar === "cifar10" ? 9 : 99 });
  fc.assert(
    fc.property(label, fc.nat(), (label, seed) => {
      const random = createRandom(seed);
      const data = Uint8Array.from({ length: 3072 }, () => Math.floor(256 * random()));
      const record = { label, picture: { width: 32, height: 32, channels: 3, data } } as const;
      const bytes = encodeCifarRecord(cifar, record);
      expect(bytes.length).toBe(cifarRecordLength(cifar));
      const read = decodeCifarRecord(cifar, bytes);
      expect([read.label, read.picture.width, read.picture.height]).toEqual([label, 32, 32]);
      expect(Buffer.compare(read.picture.data, data)).toBe(0);
    }),
    { numRuns: 20 },
  );
});

const files = {
  "test_batch.bin": batch("cifar10", [3, 8]),
  "data_batch_2.bin": batch("cifar10", [0]),
  "data_batch_1.bin": batch("cifar10", [6, 9, 1]),
};

test("images by file and number, their splits by the files' names", async () => {
  const { images, problems, classNames, name } = await open(files);
  expect([name, classNames, problems]).toEqual(["cifar10", cifar10Classes, []]);
  expect(images.map(({ id, label, className, split, boxes }) => [id, label, className, split, boxes])).toEqual([
    ["data_batch_1/0", 6, "frog", "train", undefined],
    ["data_batch_1/1", 9, "truck", "train", undefined],
    ["data_batch_1/2", 1, "automobile", "train", undefined],
    ["data_batch_2/0", 0, "airplane", "train", undefined],
    ["test_batch/0", 3, "cat", "test", undefined],
    ["test_batch/1", 8, "ship", "test", undefined],
  ]);
  expect(await images[5].picture()).toEqual(pictureOf(8));
});

test("a split, the first of each split, a list, one file, the official folder", async () => {
  const ids = async (options: Omit<OpenDatasetOptions, "source">, spec?: string): Promise<string[]> =>
    (await open(files, options, spec)).images.map(({ id }) => id);
  expect(await ids({ split: "test" })).toEqual(["test_batch/0", "test_batch/1"]);
  expect(await ids({ first: 1 })).toEqual(["data_batch_1/0", "test_batch/0"]);
  expect(await ids({ list: ["test_batch/1", "data_batch_2/0"] })).toEqual(["data_batch_2/0", "test_batch/1"]);
  expect(await ids({}, "cifar10:data/test_batch.bin")).toEqual(["test_batch/0", "test_batch/1"]);
  expect(await ids({}, "data/data_batch_2.bin")).toEqual(["data_batch_2/0"]);
  const nested = { "cifar-10-batches-bin/test_batch.bin": files["test_batch.bin"] };
  expect((await open(nested)).images.length).toBe(2);
  await expect(open({ "test_batch.bin": files["test_batch.bin"] }, { split: "train" })).rejects.toThrow(BadInputError);
});

test("CIFAR-100 has its fine classes", async () => {
  const { images, classNames } = await open({ "test.bin": batch("cifar100", [99, 0]) });
  expect(classNames).toEqual(cifar100Classes);
  expect(images.map(({ label, className }) => [label, className])).toEqual([
    [99, "worm"],
    [0, "apple"],
  ]);
});

test("labels are the classifier's: by name, none, or not asked for; those that are none are counted", async () => {
  const reversed = { names: cifar10Classes.toReversed(), count: 10 };
  expect((await open(files, { classes: reversed, split: "test" })).images.map(({ label }) => label)).toEqual([6, 1]);
  const scenes = { names: ["airplane", "cactus"], count: 2 };
  const { images, problems } = await open(files, { classes: scenes });
  expect(images.map(({ id, label }) => [id, label])).toEqual([["data_batch_2/0", 0]]);
  expect(linesOf(problems)[0]).toBe('unknown-class data_batch_1/0: the classifier has no class "frog"; left out');
  const predicted = await open(files, { classes: scenes, labels: "predicted" });
  expect(predicted.images.map(({ label }) => label)).toEqual(Array(6).fill(undefined));
  const wrong = files["test_batch.bin"].slice();
  wrong[0] = 10;
  expect(linesOf((await open({ "test_batch.bin": wrong })).problems)).toEqual([
    "malformed-annotation test_batch/0: label 10 is not one of 10; left out",
  ]);
});

describe("files that are no batches", () => {
  test.each([
    [6145, "got 6145 (1 records and 3072 bytes)"],
    [
      0,
      "is empty, expected a multiple of 3073 bytes (1 of label and 3072 of pixels each), got 0 (0 records and 0 bytes)",
    ],
    [100, "is cut short, or no batch of cifar10, expected a multiple of 3073 bytes"],
  ])("%d bytes", async (length, message) => {
    const opening = open({ "test_batch.bin": new Uint8Array(length) });
    await expect(opening).rejects.toThrow(BadInputError);
    await expect(opening).rejects.toThrow(message);
  });

  test("a folder without them", async () => {
    await expect(open({ data_batch_1: new Uint8Array(1) }, {}, "cifar10:data")).rejects.toThrow(
      "data: there are no batches of cifar10, expected data_batch_1.bin … or test_batch.bin, got data_batch_1.",
    );
  });
});
