import { expect, test } from "vitest";
import { linesOf, pretendFiles } from "../../../test/pretend-files.ts";
import { BadInputError, MisuseError } from "../../errors.ts";
import type { Dataset } from "../dataset.ts";
import { type OpenDatasetOptions, openDataset } from "../open-dataset.ts";
import { recognizeDataset } from "../recognize-dataset.ts";

type Files = Readonly<Record<string, string>>;

function open(files: Files, options: Omit<OpenDatasetOptions, "source"> = {}, path = "data"): Promise<Dataset> {
  return openDataset(path, { source: pretendFiles(files), ...options });
}

const files = {
  "images.txt":
    "1 001.Black_footed_Albatross/a.jpg\n2 001.Black_footed_Albatross/b.jpg\n3 002.Laysan_Albatross/c.jpg\n",
  "image_class_labels.txt": "1 1\n2 1\n3 2\n",
  "classes.txt": "1 001.Black_footed_Albatross\n2 002.Laysan_Albatross\n",
  "train_test_split.txt": "1 0\n2 1\n3 0\n",
  "bounding_boxes.txt": "1 2.0 3.0 10.5 4.0\n2 0.0 0.0 20.0 10.0\n3 1.0 1.0 2.0 2.0\n",
  "images/001.Black_footed_Albatross/a.jpg": "20x10",
  "images/001.Black_footed_Albatross/b.jpg": "20x10",
  "images/002.Laysan_Albatross/c.jpg": "20x10",
  "attributes/attributes.txt": "1 has_bill_shape::curved\n",
};

const classes = { names: ["Laysan Albatross", "Black-footed Albatross", "cat"], count: 3 };

test("boxes of corner and size, classes by name, parts by the list", async () => {
  const { images, problems, notes, name, listedClasses } = await open(files, { classes });
  expect(images.map(({ id, label, className, boxes, split }) => [id, label, className, boxes, split])).toEqual([
    ["001.Black_footed_Albatross/a.jpg", 1, "Black_footed_Albatross", [[2, 3, 12.5, 7]], "test"],
    ["001.Black_footed_Albatross/b.jpg", 1, "Black_footed_Albatross", [[0, 0, 20, 10]], "train"],
    ["002.Laysan_Albatross/c.jpg", 0, "Laysan_Albatross", [[1, 1, 3, 3]], "test"],
  ]);
  expect([problems, notes, name]).toEqual([[], [], "data"]);
  expect(listedClasses).toEqual(["Black_footed_Albatross", "Laysan_Albatross"]);
  expect(await images[0].picture()).toMatchObject({ width: 20, height: 10 });
});

test("classes by order where no name is known, and by the folder's name where the classifier has that", async () => {
  const labelsOf = async (names: readonly string[] | undefined): Promise<unknown> =>
    (await open(files, { classes: { names, count: 2 } })).images.map(({ label, className }) => [label, className]);
  const plain = [
    [0, "Black_footed_Albatross"],
    [0, "Black_footed_Albatross"],
    [1, "Laysan_Albatross"],
  ];
  expect(await labelsOf(undefined)).toEqual(plain);
  expect(await labelsOf(["a", "b"])).toEqual(plain);
  expect(await labelsOf(["002.Laysan_Albatross", "001.Black_footed_Albatross"])).toEqual([
    [1, "001.Black_footed_Albatross"],
    [1, "001.Black_footed_Albatross"],
    [0, "002.Laysan_Albatross"],
  ]);
  expect((await open(files)).images.map(({ label }) => label)).toEqual([0, 0, 1]);
});

test("a part, a folder around it, and options without use", async () => {
  const idsOf = async (options: Omit<OpenDatasetOptions, "source">): Promise<unknown> =>
    (await open(files, options)).images.map(({ id }) => id.slice(-5));
  expect(await idsOf({ split: "train" })).toEqual(["b.jpg"]);
  expect(await idsOf({ split: "test", first: 1 })).toEqual(["a.jpg"]);
  await expect(idsOf({ split: "val" })).rejects.toThrow('there is no part "val", expected --split with train or test');
  await expect(idsOf({ annotations: "data" })).rejects.toThrow(MisuseError);
  const inside = Object.fromEntries(Object.entries(files).map(([path, text]) => [`CUB_200_2011/${path}`, text]));
  expect(await recognizeDataset("data", pretendFiles({ ...inside, "attributes.txt": "1 a" }))).toBe("cub");
  expect((await open({ ...inside, "segmentations/1.png": "4x4" })).name).toBe("CUB_200_2011");
  await expect(open({ "a/images.txt": "" }, { format: "cub" })).rejects.toThrow(
    "data: these are no lists of CUB-200-2011, expected images.txt and image_class_labels.txt.",
  );
});

test("pictures elsewhere", async () => {
  const moved = {
    ...files,
    "images/001.Black_footed_Albatross/a.jpg": "20x10",
    "b/001.Black_footed_Albatross/a.jpg": "30x10",
  };
  const { images, problems } = await open(moved, { images: "data/b" });
  expect(images.length).toBe(1);
  expect(problems.map(({ kind }) => kind)).toEqual(["missing-picture", "missing-picture"]);
  await expect(open(moved, { images: "data/c" })).rejects.toThrow(BadInputError);
});

test("without boxes there are classes, with a note", async () => {
  const { "bounding_boxes.txt": _, ...others } = files;
  const { images, notes } = await open(others, { classes: { names: ["Laysan Albatross"], count: 1 } });
  expect(images.map(({ id, label, boxes }) => [id, label, boxes])).toEqual([
    ["002.Laysan_Albatross/c.jpg", 0, undefined],
  ]);
  expect(notes).toEqual(["There is no bounding_boxes.txt: the pictures have classes and no boxes."]);
  const predicted = await open(others, { classes: { count: 1 }, labels: "predicted" });
  expect(predicted.images.map(({ label }) => label)).toEqual([undefined, undefined, undefined]);
});

test("what is wrong with single lines is a problem", async () => {
  const bad = {
    ...files,
    "images.txt":
      "\uFEFF1 a b.jpg\r\n2 2.jpg\r\n3 3.jpg\r\n4 4.jpg\r\n5 5.jpg\r\n6 6.jpg\r\n7 ../7.jpg\r\n8\r\n6 six.jpg\r\n",
    "image_class_labels.txt": "1 1\n2 1\n3 9\n5 2\n6 2\n7 1\n99 1\n",
    "train_test_split.txt": "1 1\n2 yes\n3 1\n4 1\n5 0\n6 0\n",
    "bounding_boxes.txt": "1 1 1 5 5\n2 1 nan 5 5\n3 1 1 5 5\n4 1 1 5 5\n6 1 1 5\n7 1 1 1 1\n",
    ...Object.fromEntries(["a b", "2", "3", "4", "5"].map((name) => [`images/${name}.jpg`, "20x10"])),
    "images/6.jpg": "20x10",
  };
  const { images, problems } = await open(bad, { classes });
  expect(images.map(({ id, boxes }) => [id, boxes])).toEqual([["a b.jpg", [[1, 1, 6, 6]]]]);
  expect(linesOf(problems)).toEqual([
    'bad-line images.txt, line 8: "8" is no number and what belongs to it; left out',
    "duplicate images.txt, line 9: 6 is there twice; the first line is taken",
    "bad-line image_class_labels.txt: image 99 is not in images.txt; left out",
    'bad-line 2.jpg: is "yes" in train_test_split.txt, not 0 or 1; taken as of no part',
    "bad-line ../7.jpg: has no line in train_test_split.txt; taken as of no part",
    "missing-picture ../7.jpg: leads out of data/images, which --follow (the option `follow`) allows; left out",
    "bad-box 2.jpg: box [1, NaN, 6, NaN) has a coordinate that is no number; dropped",
    "no-box 2.jpg: no usable box is left; left out",
    'malformed-annotation 3.jpg: its class "9" is not in classes.txt; left out',
    "missing-annotation 4.jpg: has no line in image_class_labels.txt; left out",
    "no-box 5.jpg: has no line in bounding_boxes.txt; left out",
    "bad-box 6.jpg: box [NaN, NaN, NaN, NaN) has a coordinate that is no number; dropped",
    "no-box 6.jpg: no usable box is left; left out",
  ]);
});

test("lists with groups of classes: those that pictures have are the model's", async () => {
  const birds = {
    ...files,
    "images.txt": "0000-ab 0817/x.jpg\n0000-cd 0860/y.jpg\n",
    "image_class_labels.txt": "0000-ab 817\n0000-cd 860\n",
    "classes.txt": "0 Birds\n860 Common Eider (Female)\n817 American Crow\n",
    "train_test_split.txt": "0000-ab 0\n0000-cd 1\n",
    "bounding_boxes.txt": "0000-ab 0 1 5 5\n0000-cd 0 1 5 5\n",
    ...{ "images/0817/x.jpg": "20x10", "images/0860/y.jpg": "20x10" },
  };
  const { images } = await open(birds, { classes: { count: 2 } });
  expect(images.map(({ label, className }) => [label, className])).toEqual([
    [0, "American Crow"],
    [1, "Common Eider (Female)"],
  ]);
});
