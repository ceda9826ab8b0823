import { expect, test } from "vitest";
import { linesOf, pretendFiles } from "../../../test/pretend-files.ts";
import { MisuseError } from "../../errors.ts";
import type { Dataset } from "../dataset.ts";
import { type OpenDatasetOptions, openDataset } from "../open-dataset.ts";
import { recognizeDataset } from "../recognize-dataset.ts";

type Files = Readonly<Record<string, string>>;

function open(files: Files, options: Omit<OpenDatasetOptions, "source"> = {}): Promise<Dataset> {
  return openDataset("data", { source: pretendFiles(files), ...options });
}

function head(name: string, box: readonly [number, number, number, number], size = [20, 10]): string {
  const [xmin, ymin, xmax, ymax] = box;
  return `<annotation><folder>OXIIIT</folder><source><database>OXFORD-IIIT Pet Dataset</database></source>
  <size><width>${size[0]}</width><height>${size[1]}</height><depth>3</depth></size><object><name>${name}</name><difficult>0</difficult>
  <bndbox><xmin>${xmin}</xmin><ymin>${ymin}</ymin><xmax>${xmax}</xmax><ymax>${ymax}</ymax></bndbox></object></annotation>`;
}

const files = {
  "images/Abyssinian_1.jpg": "20x10",
  "images/Abyssinian_2.jpg": "20x10",
  "images/american_bulldog_10.jpg": "20x10",
  "images/american_bulldog_11.jpg": "20x10",
  "images/Abyssinian_100.mat": "",
  "annotations/list.txt":
    "#Image CLASS-ID SPECIES BREED ID\n#ID: 1:37 Class ids\nAbyssinian_1 1 1 1\nAbyssinian_2 1 1 1\namerican_bulldog_10 2 2 1\namerican_bulldog_11 2 2 1\n",
  "annotations/trainval.txt": "Abyssinian_1 1 1 1\namerican_bulldog_10 2 2 1\n",
  "annotations/test.txt": "Abyssinian_2 1 1 1\namerican_bulldog_11 2 2 1\n",
  "annotations/xmls/Abyssinian_1.xml": head("cat", [1, 2, 5, 6]),
  "annotations/xmls/american_bulldog_10.xml": head("dog", [1, 1, 20, 10]),
  "annotations/trimaps/Abyssinian_1.png": "20x10",
};

const classes = { names: ["American bulldog", "Abyssinian"], count: 2 };
const note = (count: string): string =>
  `${count} pictures have no box (only those for training do, around heads): they have their classes alone.`;

test("classes of the lists, heads of the XML, parts of the lists", async () => {
  expect(await recognizeDataset("data", pretendFiles(files))).toBe("pets");
  const { images, problems, notes, listedClasses } = await open(files, { classes });
  expect(images.map(({ id, label, className, boxes, split }) => [id, label, className, boxes, split])).toEqual([
    ["Abyssinian_1", 1, "Abyssinian", [[0, 1, 5, 6]], "train"],
    ["Abyssinian_2", 1, "Abyssinian", undefined, "test"],
    ["american_bulldog_10", 0, "american_bulldog", [[0, 0, 20, 10]], "train"],
    ["american_bulldog_11", 0, "american_bulldog", undefined, "test"],
  ]);
  expect([problems, notes]).toEqual([[], [note("2 of 4")]]);
  expect(listedClasses).toEqual(["Abyssinian", "american_bulldog"]);
  expect(await images[0].picture()).toMatchObject({ width: 20, height: 10 });
});

test("a part, the order of the classes, predicted classes, and options without use", async () => {
  const openPart = (split: string): Promise<Dataset> =>
    open(files, { split, classes: { names: ["a", "b"], count: 2 } });
  for (const split of ["train", "trainval"]) {
    const { images, notes } = await openPart(split);
    expect([images.map(({ id, label }) => [id, label]), notes]).toEqual([
      [
        ["Abyssinian_1", 0],
        ["american_bulldog_10", 1],
      ],
      [],
    ]);
  }
  expect((await openPart("test")).notes).toEqual([note("2 of 2")]);
  await expect(openPart("val")).rejects.toThrow('there is no part "val", expected --split with train or test');
  const predicted = await open(files, { classes: { count: 1 }, labels: "predicted" });
  expect(predicted.images.map(({ label }) => label)).toEqual([undefined, undefined, undefined, undefined]);
  await expect(open(files, { difficult: "keep" })).rejects.toThrow(MisuseError);
});

test("unpacked twice, and lists and pictures that are elsewhere", async () => {
  const twice = Object.fromEntries(
    Object.entries(files).map(([path, text]) => [path.replace(/^(images|annotations)/, "$1/$1"), text]),
  );
  expect(await recognizeDataset("data", pretendFiles(twice))).toBe("pets");
  expect((await open(twice)).images.length).toBe(4);
  const moved = Object.fromEntries(
    Object.entries(files).map(([path, text]) => [path.replace(/^images/, "a").replace(/^annotations/, "b"), text]),
  );
  await expect(open(moved, { format: "pets" })).rejects.toThrow(
    "data: there are no lists of the Oxford-IIIT Pet data set, expected list.txt, trainval.txt and test.txt in data/annotations.",
  );
  const { images } = await open(moved, { format: "pets", images: "data/a", annotations: "data/b" });
  expect(images.length).toBe(4);
});

test("what is wrong with single entries is a problem", async () => {
  const bad = {
    ...files,
    "annotations/list.txt":
      "\uFEFF# comment\r\nAbyssinian_1 1 1 1\r\nAbyssinian_2.jpg 1 1 1\r\nAbyssinian_2 1 1 1\r\nAbyssinian_3 1 1 1\r\nsome thing\r\nX_1 0 1 1\r\namerican_bulldog_10 2 2 1\r\n",
    "annotations/trainval.txt": "Abyssinian_1 1 1 1\namerican_bulldog_10 1 2 1\n",
    "annotations/test.txt": "Abyssinian_1 1 1 1\nAbyssinian_2 1 1 1\n",
    "annotations/xmls/Abyssinian_1.xml": "<annotation>",
    "annotations/xmls/american_bulldog_10.xml": head("dog", [30, 1, 40, 10]),
  };
  const { images, problems } = await open(bad, { classes });
  expect(images.map(({ id, split }) => [id, split])).toEqual([["Abyssinian_2", "test"]]);
  const lines = linesOf(problems);
  expect(lines[5]).toMatch(
    /^malformed-annotation Abyssinian_1: data\/annotations\/xmls\/Abyssinian_1\.xml: .*; left out$/,
  );
  expect(lines.filter((_, index) => index !== 5)).toEqual([
    "duplicate Abyssinian_2: is twice in list.txt; taken once",
    'bad-line list.txt, line 6: "some thing" is no name and class, from 1; left out',
    'bad-line list.txt, line 7: "X_1 0 1 1" is no name and class, from 1; left out',
    "malformed-annotation american_bulldog_10: class 1 in trainval.txt and 2 before; the first is taken",
    "duplicate Abyssinian_1: is for training and for testing; taken for training",
    "missing-picture Abyssinian_3: there is no picture Abyssinian_3 in data/images; left out",
    "bad-box american_bulldog_10: box [29, 0, 40, 10) lies outside the picture of 20 × 10; dropped",
    "no-box american_bulldog_10: no usable box is left; left out",
  ]);
});
