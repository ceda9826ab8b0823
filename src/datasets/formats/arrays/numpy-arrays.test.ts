import { zipSync } from "fflate";
import { expect, test } from "vitest";
import { BadInputError, UnsupportedError } from "../../../errors.ts";
import { encodeNpy } from "../../../tensor/npy.ts";
import { type DataType, tensorOf } from "../../../tensor/tensor.ts";
import type { Dataset } from "../../dataset.ts";
import { memoryFileSource } from "../../memory-source.ts";
import { type OpenDatasetOptions, openDataset } from "../../open-dataset.ts";

function array(dtype: DataType, shape: readonly number[], numbers?: readonly number[]): Uint8Array {
  const size = shape.reduce((product, extent) => product * extent, 1);
  return encodeNpy(tensorOf(dtype, numbers ?? Array.from({ length: size }, (_, i) => i % 251), [...shape]));
}

const labels = (...numbers: number[]): Uint8Array => array("uint8", [numbers.length], numbers);

/** The data set in an archive of these arrays. */
function open(
  arrays: Readonly<Record<string, Uint8Array>>,
  options: Omit<OpenDatasetOptions, "source"> = {},
): Promise<Dataset> {
  return openFiles({ "data.npz": zipSync(arrays) }, "data.npz", options);
}

function openFiles(
  files: Readonly<Record<string, Uint8Array>>,
  path: string,
  options: Omit<OpenDatasetOptions, "source"> = {},
): Promise<Dataset> {
  const source = memoryFileSource(new Map(Object.entries(files)), () => Promise.reject(new Error("no picture")));
  return openDataset(path, { source, ...options });
}

test.each([
  ["Keras'", "x_train", "y_train", "x_test", "y_test"],
  ["MedMNIST's", "train_images", "train_labels", "test_images", "test_labels"],
  ["others", "X_train", "labels-train", "testImages", "TestTargets"],
])("%s names of arrays", async (_, x, y, testX, testY) => {
  const arrays = {
    [`${x}.npy`]: array("uint8", [2, 2, 3]),
    [`${y}.npy`]: labels(7, 3),
    [`${testX}.npy`]: array("uint8", [1, 2, 3]),
    [`${testY}.npy`]: labels(3),
    "about.npy": array("float32", [1]),
  };
  const { images, listedClasses } = await open(arrays);
  expect(listedClasses).toEqual(["3", "7"]);
  expect(images.map(({ id, label, className, split }) => [id, label, className, split]).sort()).toEqual([
    ["test/0", 0, "3", "test"],
    ["train/0", 1, "7", "train"],
    ["train/1", 0, "3", "train"],
  ]);
  expect((await open(arrays, { split: "train" })).images).toHaveLength(2);
  await expect(open(arrays, { split: "val" })).rejects.toThrow('there is no part "val"');
});

test("as files in a folder, without parts", async () => {
  const files = { "data/images.npy": array("uint8", [2, 2, 2]), "data/labels.npy": labels(0, 1) };
  const { images } = await openFiles(files, "data", { classes: { count: 5 } });
  expect(images.map(({ id, label, split }) => [id, label, split])).toEqual([
    ["images/0", 0, undefined],
    ["images/1", 1, undefined],
  ]);
});

test.each([
  ["gray", [1, 2, 3], 1, [0, 1, 2, 3, 4, 5]],
  ["gray with an axis", [1, 2, 3, 1], 1, [0, 1, 2, 3, 4, 5]],
  ["colors behind pixels", [1, 1, 2, 3], 3, [0, 1, 2, 3, 4, 5]],
  ["planes of colors", [1, 3, 1, 2], 3, [0, 2, 4, 1, 3, 5]],
] as const)("%s: %j", async (_, shape, channels, data) => {
  const { images } = await open({ "images.npy": array("uint8", shape), "labels.npy": labels(0) });
  const picture = await images[0].picture();
  expect(picture).toMatchObject({ channels, data: Uint8Array.from(data) });
});

test.each<[string, Uint8Array, readonly string[]]>([
  ["of 64 bits", array("int64", [2], [5, 2]), ["5", "2"]],
  ["with an axis of their own", array("int32", [2, 1], [5, 2]), ["5", "2"]],
  ["with a 1 at the class", array("float32", [2, 3], [0, 0, 1, 1, 0, 0]), ["2", "0"]],
])("labels %s", async (_, given, expected) => {
  const { images } = await open({ "images.npy": array("uint8", [2, 2, 2]), "labels.npy": given });
  expect(images.map(({ className }) => className)).toEqual(expected);
});

const pictures = array("uint8", [2, 2, 2]);

test.each<[string, Readonly<Record<string, Uint8Array>>, typeof BadInputError | typeof UnsupportedError, RegExp]>([
  ["nothing known", { "a.npy": pictures }, BadInputError, /no array of pictures with one of labels, .* got a\.npy/],
  [
    "two arrays of labels",
    { "x.npy": pictures, "y.npy": labels(0, 1), "labels.npy": labels(0, 1) },
    BadInputError,
    /no array of pictures with one of labels/,
  ],
  [
    "floats",
    { "x.npy": array("float32", [2, 2, 2]), "y.npy": labels(0, 1) },
    UnsupportedError,
    /x\.npy: the pictures are no bytes, expected uint8, got float32/,
  ],
  [
    "rows of numbers",
    { "x.npy": array("uint8", [2, 4]), "y.npy": labels(0, 1) },
    UnsupportedError,
    /one or three channels, .* got \[2, 4\]/,
  ],
  [
    "five bands",
    { "x.npy": array("uint8", [2, 2, 2, 5]), "y.npy": labels(0, 1) },
    UnsupportedError,
    /one or three channels/,
  ],
  [
    "other labels",
    { "x.npy": pictures, "y.npy": labels(0, 1, 2) },
    BadInputError,
    /y\.npy: has other numbers than x\.npy, expected 2 labels, got 3/,
  ],
  [
    "several labels each",
    { "x.npy": pictures, "y.npy": array("uint8", [2, 3], [1, 1, 0, 0, 1, 0]) },
    UnsupportedError,
    /none of a class for each picture/,
  ],
  [
    "labels that are no whole numbers",
    { "x.npy": pictures, "y.npy": array("float32", [2], [0.5, 1]) },
    UnsupportedError,
    /none of a class for each picture/,
  ],
  [
    "what is no array",
    { "x.npy": Uint8Array.of(1, 2, 3), "y.npy": labels(0, 1) },
    BadInputError,
    /x\.npy: is not an NPY file/,
  ],
])("%s: refused in words", async (_, arrays, kind, words) => {
  const opened = open(arrays);
  await expect(opened).rejects.toThrow(kind);
  await expect(opened).rejects.toThrow(words);
});

test("what is no archive is said", async () => {
  await expect(openFiles({ "data.npz": Uint8Array.of(80, 75, 1, 2) }, "data.npz")).rejects.toThrow(
    "data.npz: cannot be unpacked",
  );
});

test("an archive in a folder is to be given itself", async () => {
  const files = { "data/mnist.npz": zipSync({ "x.npy": pictures, "y.npy": labels(0, 1) }) };
  await expect(openFiles(files, "data")).rejects.toThrow(
    /holds NumPy's arrays of many pictures \(mnist\.npz\).*Give the file itself/,
  );
});
