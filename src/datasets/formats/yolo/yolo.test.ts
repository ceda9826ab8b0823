import { describe, expect, test } from "vitest";
import { linesOf, pretendFiles } from "../../../../test/pretend-files.ts";
import { BadInputError, MisuseError } from "../../../errors.ts";
import type { Dataset } from "../../dataset.ts";
import { type OpenDatasetOptions, openDataset } from "../../open-dataset.ts";
import { recognizeDataset } from "../../recognize-dataset.ts";

type Files = Readonly<Record<string, string>>;

function open(files: Files, options: Omit<OpenDatasetOptions, "source"> = {}, path = "data"): Promise<Dataset> {
  return openDataset(path, { source: pretendFiles(files), ...options });
}

const half = "0 0.5 0.5 0.5 0.5\n";
const ultralytics = {
  "data.yaml":
    "path: ../datasets/pets # root\ntrain: images/train\nval: images/val\ntest:\nnc: 2\nnames:\n  0: cat\n  1: dog\n",
  "images/train/a.jpg": "20x10",
  "images/train/b.jpg": "20x10",
  "images/val/c.jpg": "20x10",
  "labels/train/a.txt": `1 0.25 0.5 0.5 1\n${half}1 0.5 0.5 0.1 0.2\n`,
  "labels/train/b.txt": "",
  "labels/val/c.txt": half,
};

const classes = { names: ["bird", "dog", "cat"], count: 3 };

test("an entry per picture and class, boxes in pixels, backgrounds left out, parts by folders", async () => {
  const { images, problems, notes, name, listedClasses } = await open(ultralytics, { classes });
  expect(images.map(({ id, label, className, boxes, split }) => [id, label, className, boxes, split])).toEqual([
    [
      "train/a.jpg#dog",
      1,
      "dog",
      [
        [0, 0, 10, 10],
        [9, 4, 11, 6],
      ],
      "train",
    ],
    ["train/a.jpg#cat", 2, "cat", [[5, 2.5, 15, 7.5]], "train"],
    ["val/c.jpg#cat", 2, "cat", [[5, 2.5, 15, 7.5]], "val"],
  ]);
  expect(linesOf(problems)).toEqual(["no-box train/b.jpg: is a background: its label is empty; left out"]);
  expect([notes, name, listedClasses]).toEqual([[], "data", ["cat", "dog"]]);
  expect(await images[0].picture()).toMatchObject({ width: 20, height: 10 });
});

test("without a classifier a label is the index", async () => {
  const { images, classNames } = await open(ultralytics);
  expect(images.map(({ label }) => label)).toEqual([1, 0, 0]);
  expect(classNames).toEqual(["cat", "dog"]);
});

test("a part is one of its own, and one that is not there is said", async () => {
  const idsOf = async (split: string): Promise<string[]> =>
    (await open(ultralytics, { split })).images.map(({ id }) => id);
  expect(await idsOf("val")).toEqual(["val/c.jpg#cat"]);
  expect(await idsOf("validation")).toEqual(["val/c.jpg#cat"]);
  await expect(open(ultralytics, { split: "test" })).rejects.toThrow(
    'data: there is no part "test", expected --split with train or val.',
  );
  await expect(open(ultralytics, { difficult: "keep" })).rejects.toThrow(MisuseError);
});

describe("layouts", () => {
  const names = "names: [cat, dog]\n";
  const layouts: readonly (readonly [string, Files, readonly unknown[]])[] = [
    [
      "Roboflow's",
      {
        "data.yaml": `train: ../train/images\nval: ../valid/images\ntest: ../test/images\n${names}`,
        ...{ "train/images/a.jpg": "4x4", "train/labels/a.txt": half },
        ...{ "valid/images/b.jpg": "4x4", "valid/labels/b.txt": half },
        ...{ "test/images/c.jpg": "4x4", "test/labels/c.txt": half },
      },
      [
        ["test/c.jpg#cat", "test"],
        ["train/a.jpg#cat", "train"],
        ["valid/b.jpg#cat", "val"],
      ],
    ],
    [
      "Darknet's, as Roboflow exports it",
      {
        ...{ "train/_darknet.labels": "cat\ndog\n", "train/a.jpg": "4x4", "train/a.txt": half },
        ...{ "valid/_darknet.labels": "cat\ndog\n", "valid/b.jpg": "4x4", "valid/b.txt": half },
      },
      [
        ["train/a.jpg#cat", "train"],
        ["valid/b.jpg#cat", "val"],
      ],
    ],
    [
      "Darknet's, as CVAT exports it",
      {
        "obj.data": "classes = 2\ntrain = data/train.txt\nnames = data/obj.names\nbackup = backup/\n",
        "obj.names": "cat\ndog\n",
        "train.txt": "data/obj_train_data/a.jpg\n",
        ...{ "obj_train_data/a.jpg": "4x4", "obj_train_data/a.txt": half },
      },
      [["obj_train_data/a.jpg#cat", "train"]],
    ],
    [
      "LabelImg's",
      { "classes.txt": "cat\ndog\n", "a.jpg": "4x4", "a.txt": half, "b.png": "4x4", "b.txt": half },
      [
        ["a.jpg#cat", undefined],
        ["b.png#cat", undefined],
      ],
    ],
    [
      "Label Studio's",
      {
        "classes.txt": "cat\ndog",
        "notes.json": '{"categories": [{"id": 0, "name": "cat"}]}',
        "images/a.jpg": "4x4",
        "labels/a.txt": half,
      },
      [["a.jpg#cat", undefined]],
    ],
    [
      "COCO's names of folders, and a configuration of another name",
      {
        "coco8.yaml": `path: coco8\ntrain: images/train2017\nval: images/val2017\n${names}`,
        ...{ "images/train2017/a.jpg": "4x4", "labels/train2017/a.txt": half },
        ...{ "images/val2017/a.jpg": "4x4", "labels/val2017/a.txt": half },
      },
      [
        ["train2017/a.jpg#cat", "train"],
        ["val2017/a.jpg#cat", "val"],
      ],
    ],
    [
      "lists of pictures for parts, with paths of another computer",
      {
        "data.yaml": `train: train.txt\nval: [val.txt]\n${names}`,
        "train.txt": "/home/me/set/images/a.jpg\r\n",
        "val.txt": "C:\\set\\images\\b.jpg\n",
        ...{ "images/a.jpg": "4x4", "images/b.jpg": "4x4", "labels/a.txt": half, "labels/b.txt": half },
      },
      [
        ["a.jpg#cat", "train"],
        ["b.jpg#cat", "val"],
      ],
    ],
    [
      "folders of parts with names that say nothing",
      {
        "data.yaml": `train: /content/set/images/batch1\nval: ./images/batch2\n${names}`,
        ...{ "images/batch1/a.jpg": "4x4", "labels/batch1/a.txt": half },
        ...{ "images/batch2/a.jpg": "4x4", "labels/batch2/a.txt": half },
      },
      [
        ["batch1/a.jpg#cat", "train"],
        ["batch2/a.jpg#cat", "val"],
      ],
    ],
    [
      "a folder in a folder, with other letter case",
      { "set/data.yaml": names, "set/Images/a.JPG": "4x4", "set/Labels/a.TXT": half },
      [["a.JPG#cat", undefined]],
    ],
    [
      "pictures beside labels/",
      { "data.yaml": names, "a b.jpg": "4x4", "labels/a b.txt": half },
      [["a b.jpg#cat", undefined]],
    ],
    [
      "labels in folders of parts, pictures in none",
      { "data.yaml": names, "images/a.jpg": "4x4", "labels/train/a.txt": half },
      [["a.jpg#cat", undefined]],
    ],
  ];
  test.each(layouts)("%s", async (_name, files, expected) => {
    expect(await recognizeDataset("data", pretendFiles(files))).toBe("yolo");
    const { images, problems, notes } = await open(files, { classes });
    expect(images.map(({ id, split }) => [id, split])).toEqual(expected);
    expect(images.every(({ label }) => label === 2)).toBe(true);
    expect([linesOf(problems), notes]).toEqual([[], []]);
  });

  test("what has other things beside pictures is something else", async () => {
    const others: readonly (readonly [string, Files])[] = [
      ["pictures", { "a.jpg": "4x4", "a.txt": "a photo of a cat" }],
      ["pictures", { "a.jpg": "4x4", "readme.txt": "1 2 3 4 5" }],
      ["pictures", { "a.jpg": "4x4", "a.txt": "1 10 20 30 40" }],
      ["classes", { "cat/a.jpg": "4x4", "cat/a.txt": half, "dog/b.jpg": "4x4" }],
      ["classes", { "images/a.jpg": "4x4", "labels/a.png": "4x4" }],
      ["classes", { "cat/a.jpg": "4x4", "dog/b.jpg": "4x4", "broken.yaml": "a: [" }],
      ["metadata", { "metadata.csv": "file_name,label\na.jpg,cat\n", "a.jpg": "4x4", "a.txt": half }],
      ["boxes", { "boxes.csv": "image,x0,y0,x1,y1\na.jpg,0,0,1,1\n", "images/a.jpg": "4x4", "labels/a.txt": half }],
      ["yolo", { "results.csv": "epoch,loss\n1,2\n", "images/a.jpg": "4x4", "labels/a.txt": half }],
      ["yolo", { "images/a.jpg": "4x4", "labels/a.txt": "" }],
    ];
    for (const [format, files] of others) expect(await recognizeDataset("data", pretendFiles(files))).toBe(format);
  });

  test("what the options name: pictures and labels elsewhere", async () => {
    const files = { "a/images/1.jpg": "4x4", "a/labels/1.txt": half, "b/1.txt": "1 0.5 0.5 1 1" };
    const idsOf = async (options: Omit<OpenDatasetOptions, "source">): Promise<unknown> =>
      (await open(files, { format: "yolo", ...options })).images.map(({ id, boxes }) => [id, boxes]);
    expect(await idsOf({ images: "data/a/images" })).toEqual([["1.jpg#0", [[1, 1, 3, 3]]]]);
    expect(await idsOf({ images: "data/a/images", annotations: "data/b" })).toEqual([["1.jpg#1", [[0, 0, 4, 4]]]]);
    await expect(idsOf({ annotations: "data/b/1.txt" })).rejects.toThrow("data/b/1.txt: is no folder");
    await expect(open({ "a/b.txt": half }, { format: "yolo" })).rejects.toThrow(
      "data: there are no pictures with labels of YOLO, expected them in data. Say where they are with --images and --annotations",
    );
  });
});

test("names are indices where nothing names the classes", async () => {
  const files = { "a.jpg": "4x4", "a.txt": `${half}3 0.5 0.5 1 1` };
  const { images, problems, notes, listedClasses } = await open(files, { classes });
  expect(images.map(({ id, label, className }) => [id, label, className])).toEqual([["a.jpg#0", 0, "0"]]);
  expect(linesOf(problems)).toEqual(["unknown-class a.jpg#3: class 3 is not one of the classifier's 3; left out"]);
  expect(listedClasses).toBeUndefined();
  expect(notes).toEqual([
    "Nothing names the classes of the labels: their indices are taken to be those of the model's classes.",
  ]);
});

test("indices that seem to be counted from 1 are refused", async () => {
  const files = { "a.jpg": "4x4", "a.txt": "1 0.5 0.5 1 1\n3 0.5 0.5 1 1\n" };
  await expect(open(files, { classes })).rejects.toThrow("numbers up to 3, without 0");
});

test("what is wrong with single labels is a problem, and the others are taken", async () => {
  const files = {
    "classes.txt": "\uFEFFcat\r\ndog\r\n",
    ...{
      "images/a.jpg": "20x10",
      "labels/a.txt": "\uFEFF0 0.5 0.5 0.5 0.5\r\n0 nan 0.5 0.5 0.5\r\n7 0.5 0.5 0.5 0.5\r\n",
    },
    ...{ "images/b.jpg": "20x10" },
    ...{ "labels/c.txt": half },
    ...{ "images/d.jpg": "20x10", "labels/d.txt": "0 0.9 0.5 0.4 0.5\n0 0.9 0.5 0.4 0.5\n0 0.5 0.5 0 0.5\n" },
    ...{ "images/e.jpg": "20x10", "labels/e.txt": "0 320 240 100 50\n" },
    ...{ "images/f.jpg": "no picture", "labels/f.txt": half },
    ...{ "images/g.jpg": "20x10", "labels/g.txt": "x\n".repeat(12) },
    "images/h.heic": "",
    "labels/readme.txt": "labels",
  };
  const { images, problems, notes } = await open(files, { classes });
  expect(images.map(({ id, boxes }) => [id, boxes])).toEqual([
    ["a.jpg#cat", [[5, 2.5, 15, 7.5]]],
    ["d.jpg#cat", [[14, 2.5, 20, 7.5]]],
  ]);
  const lines = linesOf(problems);
  expect(lines.slice(0, 9)).toEqual([
    "unread-format h.heic: HEIC is not read; convert it to PNG; left out",
    'malformed-annotation a.jpg: line 2: "nan" is no number; the box is left out',
    "malformed-annotation a.jpg: class 7 is none of the 2 that have names; the box is left out",
    "missing-annotation b.jpg: there is no text of its name in data/labels; left out",
    "missing-picture c: there is no picture for data/labels/c.txt; left out",
    "duplicate d.jpg: line 2 of its label repeats a box; left out",
    "bad-box d.jpg#cat: box [14, 2.5, 22, 7.5) reaches out of the picture of 20 × 10; clipped",
    "bad-box d.jpg#cat: box [10, 2.5, 10, 7.5) has no area; dropped",
    "malformed-annotation e.jpg: line 1: 320 is no share of the picture's size, from 0 to 1; the box is left out",
  ]);
  expect(lines.slice(9, 11)).toEqual([
    "no-box e.jpg: no usable box is left; left out",
    "bad-box f.jpg: its boxes are shares of its size, which cannot be read; left out",
  ]);
  expect(lines.slice(-2)).toEqual([
    "malformed-annotation g.jpg: 4 more lines are no labels; the boxes are left out",
    "no-box g.jpg: no usable box is left; left out",
  ]);
  expect(notes).toEqual([]);
});

test("what is to be known of the data as a whole is in the notes", async () => {
  const files = {
    "data.yaml": "train: ../train/images\nval: ../train/images\ntest: ../test/images\nnc: 3\nnames: [cat, cat]\n",
    ...{ "train/images/a.jpg": "4x4", "train/labels/a.txt": "0 0.5 0.5 1 1 0.75\n" },
  };
  expect((await open(files, { classes })).notes).toEqual([
    'data.yaml calls several classes "cat": they are taken as one.',
    "data.yaml says nc: 3 and names 2 classes: the names are taken.",
    "data.yaml names ../test/images for test, which is not there: the parts are those of the folders.",
    "data.yaml names train/images for several parts: its pictures are taken to be of train.",
    "Lines of the labels with a confidence behind their box, as predictions have, are taken whatever it is: 1.",
  ]);
});

test("names are a list or a mapping, also with gaps, numbers and nulls", async () => {
  const files = (yaml: string): Files => ({ "data.yaml": yaml, "a.jpg": "4x4", "a.txt": half });
  const namesOf = async (yaml: string): Promise<unknown> => (await open(files(yaml))).classNames;
  expect(await namesOf("names: ['a', b, 3, null, true]")).toEqual(["a", "b", "3", "3", "true"]);
  expect(await namesOf("names:\n  2: c\n  0: a\n")).toEqual(["a", "1", "c"]);
  expect(await namesOf("names: {0: a}\nnames: {0: b}\n")).toEqual(["b"]);
  expect(await namesOf("nc: 2")).toBeUndefined();
  expect(await namesOf("names: []")).toBeUndefined();
  await expect(namesOf("names: {cat: 0}")).rejects.toThrow(
    "data/data.yaml: names has a key that is no index of a class, expected a list of names, or a mapping from indices to names, got cat.",
  );
  await expect(namesOf("names: {9999999999: a}")).rejects.toThrow(BadInputError);
  await expect(namesOf("names: [[a]]")).rejects.toThrow("the name of class 0 is none");
  await expect(namesOf("names: [a\nb: ]")).rejects.toThrow(/^data\/data\.yaml: is no YAML: .*Mend it, or take it away/);
});

test("a configuration by its path; several are asked about", async () => {
  const files = { ...ultralytics, "other.yml": "names: [a, b]", "data.yaml": "hello: 1" };
  expect((await open(files, {}, "data/other.yml")).classNames).toEqual(["a", "b"]);
  await expect(open(files, {}, "data/data.yaml")).rejects.toThrow("data/data.yaml: says nothing of classes or parts");
  const two = { "a.jpg": "4x4", "a.txt": half, "a.yaml": "names: [a]", "b.yaml": "names: [b]" };
  await expect(open(two)).rejects.toThrow("data: there are several configurations of YOLO, expected one");
  expect((await open({ ...two, "b.yaml": "hello: 1", "c.yaml": "a: [" })).classNames).toEqual(["a"]);
});

test("lists of names that disagree are refused", async () => {
  const files = {
    ...{ "train/a.jpg": "4x4", "train/a.txt": half, "train/_darknet.labels": "cat\n" },
    ...{ "valid/a.jpg": "4x4", "valid/a.txt": half, "valid/_darknet.labels": "dog\n" },
  };
  await expect(open(files)).rejects.toThrow(
    "data/valid/_darknet.labels: gives other classes than data/train/_darknet.labels, expected cat, got dog.",
  );
});

test("a list names pictures or entries", async () => {
  expect((await open(ultralytics, { list: ["train/a.jpg#dog", "c"] })).images.map(({ id }) => id)).toEqual([
    "train/a.jpg#dog",
    "val/c.jpg#cat",
  ]);
  expect((await open(ultralytics, { first: 1 })).images.map(({ id }) => id)).toEqual([
    "train/a.jpg#dog",
    "train/a.jpg#cat",
    "val/c.jpg#cat",
  ]);
});

test("paths of a configuration that are not there, or say less than the folders, are passed over with a note", async () => {
  const pictures = { "images/a.jpg": "4x4", "images/b.jpg": "4x4", "labels/a.txt": half, "labels/b.txt": half };
  const partsOf = async (yaml: string, more: Files = {}): Promise<unknown> => {
    const { images, notes = [] } = await open({ "data.yaml": `${yaml}names: [cat]\n`, ...pictures, ...more });
    return [images.map(({ split }) => split), notes];
  };
  // What is left of the path without "train" is no folder of a part.
  expect(await partsOf("train: ../train/images\n")).toEqual([
    [undefined, undefined],
    ["data.yaml names ../train/images for train, which is not there: the parts are those of the folders."],
  ]);
  expect(await partsOf("val: val.txt\n", { "val.txt": "./images/b.jpg\n\nimages/gone.jpg\n/etc/passwd\n" })).toEqual([
    [undefined, "val"],
    ["Lines of val.txt that name no picture that is there: 2."],
  ]);
  // Of folders within each other the inner one counts.
  const inner = { "images/val/c.jpg": "4x4", "labels/val/c.txt": half };
  expect(await partsOf("train: images\nval: images/val\n", inner)).toEqual([["train", "train", "val"], []]);
});
