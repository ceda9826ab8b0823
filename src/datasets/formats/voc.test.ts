import { expect, test } from "vitest";
import { linesOf, pretendFiles } from "../../../test/pretend-files.ts";
import type { Dataset } from "../dataset.ts";
import { type OpenDatasetOptions, openDataset } from "../open-dataset.ts";
import { recognizeDataset } from "../recognize-dataset.ts";

function open(
  files: Readonly<Record<string, string>>,
  options: Omit<OpenDatasetOptions, "source"> = {},
): Promise<Dataset> {
  return openDataset("data", { source: pretendFiles(files), ...options });
}

function xml(...objects: readonly (readonly [name: string, difficult: 0 | 1, ...box: number[]])[]): string {
  const parts = objects.map(
    ([name, difficult, xmin, ymin, xmax, ymax]) =>
      `<object><name>${name}</name><difficult>${difficult}</difficult>
      <bndbox><xmin>${xmin}</xmin><ymin>${ymin}</ymin><xmax>${xmax}</xmax><ymax>${ymax}</ymax></bndbox></object>`,
  );
  return `<annotation><size><width>20</width><height>10</height></size>${parts.join("")}</annotation>`;
}

const files = {
  "JPEGImages/000001.jpg": "20x10",
  "JPEGImages/000002.jpg": "20x10",
  "JPEGImages/000003.jpg": "20x10",
  "Annotations/000001.xml": xml(
    ["dog", 0, 1, 1, 20, 10],
    ["diningtable", 0, 2, 3, 4, 5],
    ["dog", 0, 1, 1, 1, 1],
    ["dog", 1, 9, 9, 9, 9],
  ),
  "Annotations/000002.xml": xml(["cat", 1, 1, 1, 5, 5]),
  "Annotations/000003.xml": xml(["cat", 0, 1, 1, 5, 5]),
  "ImageSets/Main/val.txt": "000001\n000002\n",
  "ImageSets/Main/trainval.txt": "000003\n000001\n000003\nan id\n000009\n",
  "ImageSets/Main/cat_trainval.txt": "000001 -1\n000002  1\n000003  0\n",
};

const classes = { names: ["cat, feline", "dining table, board", "dog"], count: 3 };

test("one entry per picture and class; pixels are counted from 1; difficult objects are left out", async () => {
  const { images, problems, name, classNames } = await open(files, { classes });
  expect(images.map(({ id, label, className, boxes, split }) => ({ id, label, className, boxes, split }))).toEqual([
    {
      id: "000001#dog",
      label: 2,
      className: "dog",
      boxes: [
        [0, 0, 20, 10],
        [0, 0, 1, 1],
      ],
      split: "test",
    },
    { id: "000001#diningtable", label: 1, className: "diningtable", boxes: [[1, 2, 4, 5]], split: "test" },
  ]);
  expect(linesOf(problems)).toEqual(["no-box 000002: all objects are difficult; left out"]);
  expect([name, classNames]).toEqual(["data", classes.names]);
  expect(await images[1].picture()).toMatchObject({ width: 20, height: 10 });
});

test("difficult objects may be kept", async () => {
  const { images } = await open(files, { classes, difficult: "keep" });
  expect(images.map(({ id, boxes }) => [id, boxes?.length])).toEqual([
    ["000001#dog", 3],
    ["000001#diningtable", 1],
    ["000002#cat", 1],
  ]);
});

test("any list of ImageSets/Main, its bad lines and missing pictures counted", async () => {
  const { images, problems } = await open(files, { classes, split: "trainval" });
  expect(images.map(({ id, split }) => [id, split])).toEqual([
    ["000003#cat", "train"],
    ["000001#dog", "train"],
    ["000001#diningtable", "train"],
  ]);
  expect(linesOf(problems)).toEqual([
    "duplicate 000003: is twice in trainval.txt; taken once",
    'bad-line trainval.txt, line 4: "an id" is no id; left out',
    "missing-picture 000009: there is no picture 000009 in data/JPEGImages; left out",
  ]);
  const cats = await open(files, { classes, split: "cat_trainval", difficult: "keep" });
  expect(cats.images.map(({ id }) => id)).toEqual(["000002#cat", "000003#cat"]);
  await expect(open(files, { split: "tets" })).rejects.toThrow(
    'data/ImageSets/Main: there is no list of the part "tets", expected trainval, val.',
  );
});

test("without lists, all pictures; VOCdevkit's folder of one year; without a classifier, no labels", async () => {
  const some = Object.entries(files).filter(([name]) => !name.startsWith("ImageSets"));
  const { images } = await open(Object.fromEntries(some.map(([name, text]) => [`VOC2007/${name}`, text])));
  expect(images.map(({ id, label, split }) => [id, label, split])).toEqual([
    ["000001#dog", undefined, undefined],
    ["000001#diningtable", undefined, undefined],
    ["000003#cat", undefined, undefined],
  ]);
  const twice = some.flatMap(([name, text]) => [
    [`VOC2007/${name}`, text],
    [`VOC2012/${name}`, text],
  ]);
  await expect(open(Object.fromEntries(twice))).rejects.toThrow(
    "data: there are several years, expected data/VOC2007 or data/VOC2012.",
  );
});

test("single entries may be listed; the first so many are pictures", async () => {
  const listed = await open(files, { classes, list: ["000001#diningtable"] });
  expect(listed.images.map(({ id }) => id)).toEqual(["000001#diningtable"]);
  const first = await open(files, { classes, first: 1 });
  expect(first.images.map(({ id }) => id)).toEqual(["000001#dog", "000001#diningtable"]);
});

test("what is wrong with single pictures is counted", async () => {
  const { "Annotations/000001.xml": _, ...rest } = files;
  const broken = {
    ...rest,
    "Annotations/000003.xml": "<annotation>",
    "ImageSets/Main/val.txt": "000001\n000003\n000002",
  };
  const { images, problems } = await open(broken, { classes: { names: ["cat", "dog"], count: 2 }, difficult: "keep" });
  expect(images.map(({ id }) => id)).toEqual(["000002#cat"]);
  expect(problems.map(({ kind, image }) => `${kind} ${image}`)).toEqual([
    "missing-annotation 000001",
    "malformed-annotation 000003",
  ]);
  const lacking = await open(files, { classes: { names: ["dog", "bird"], count: 2 } });
  expect(linesOf(lacking.problems)[0]).toBe(
    'unknown-class 000001#diningtable: the classifier has no class "diningtable"; left out',
  );
});

test("boxes that are shares of the picture's size", async () => {
  const shares = { "JPEGImages/1.jpg": "20x10", "Annotations/1.xml": xml(["dog", 0, 0.25, 0.5, 0.75, 1]) };
  const { images, notes } = await open(shares);
  expect(images.map(({ boxes }) => boxes)).toEqual([[[5, 5, 15, 10]]]);
  expect(notes?.join()).toContain("shares of the picture's width and height");
  expect((await open(files)).notes).toEqual(["The part val is taken; --split takes another: trainval."]);
});

test("coordinates with decimal points, or boxes from 0, are edges in all files of the set", async () => {
  const pictures = { "JPEGImages/1.jpg": "20x10", "JPEGImages/2.jpg": "20x10" };
  const opened = async (first: string, options: Omit<OpenDatasetOptions, "source"> = {}): Promise<unknown> => {
    const second = xml(["cat", 0, 2, 3, 5, 6]);
    const set = { ...pictures, "Annotations/1.xml": first, "Annotations/2.xml": second };
    const { images, notes } = await open(set, options);
    return [images.map(({ boxes }) => boxes?.[0]), notes?.map((note) => note.slice(0, 46))];
  };
  const note = "The XML has coordinates with decimal points, o";
  const edges = [
    [2.5, 3, 5, 6.25],
    [2, 3, 5, 6],
  ];
  expect(await opened(xml(["dog", 0, 2.5, 3, 5, 6.25]))).toEqual([edges, [note]]);
  // Not another box because others are chosen.
  expect(await opened(xml(["dog", 0, 2.5, 3, 5, 6.25]), { list: ["2"] })).toEqual([[edges[1]], [note]]);
  expect(await opened(xml(["dog", 0, 2, 3, 5, 6]).replace(">2<", ">2.0<"))).toEqual([[edges[1], edges[1]], [note]]);
  expect(await opened(xml(["dog", 0, 0, 3, 20, 6]))).toEqual([[[0, 3, 20, 6], edges[1]], [note]]);
  // Pascal VOC has a few fractions, and counts from 1.
  const voc = xml(["dog", 0, 2.5, 3, 5, 6.25]).replace(
    "<size>",
    "<source><database>The VOC2012 Database</database></source><size>",
  );
  expect(await opened(voc)).toEqual([
    [
      [1.5, 2, 5, 6.25],
      [1, 2, 5, 6],
    ],
    [],
  ]);
  expect(await opened(xml(["dog", 0, 2, 3, 5, 6]))).toEqual([
    [
      [1, 2, 5, 6],
      [1, 2, 5, 6],
    ],
    [],
  ]);
  const labelImg = "<path>/home/me/1.jpg</path><source><database>Unknown</database></source><size>";
  expect(await opened(xml(["dog", 0, 2.5, 3, 5, 6.25]).replace("<size>", labelImg))).toEqual([edges, [note]]);
});

test("XML that says it is ImageNet's counts from 0", async () => {
  const said = xml(["dog", 0, 1, 1, 5, 5]).replace("<size>", "<source><database>ILSVRC_2014</database></source><size>");
  const { images } = await open({ "JPEGImages/1.jpg": "20x10", "Annotations/1.xml": said });
  expect(images[0]?.boxes).toEqual([[1, 1, 6, 6]]);
});

const roboflow = {
  "README.roboflow.txt": "",
  "train/a_jpg.rf.1.jpg": "20x10",
  "train/a_jpg.rf.1.xml": xml(["dog", 0, 1, 1, 20, 10], ["cat", 0, 2, 3, 4, 5], ["cat", 1, 1, 1, 2, 2]),
  "valid/b.jpg": "20x10",
  "valid/b.xml": xml(["n02123045", 0, 0, 1, 4, 5]),
  "test/c.JPG": "20x10",
  "test/c.XML": xml(["tabby", 0, 1, 1, 5, 5]),
};

test("XML beside the pictures in folders of parts, as Roboflow exports it", async () => {
  expect(await recognizeDataset("data", pretendFiles(roboflow))).toBe("voc");
  const { images, problems } = await open(roboflow, {
    classes: { names: ["cat", "dog", "tabby, tabby cat"], count: 3 },
  });
  expect(images.map(({ id, label, boxes, split }) => [id, label, boxes, split])).toEqual([
    ["test/c#tabby", 2, [[0, 0, 5, 5]], "test"],
    ["train/a_jpg.rf.1#dog", 1, [[0, 0, 20, 10]], "train"],
    ["train/a_jpg.rf.1#cat", 0, [[1, 2, 4, 5]], "train"],
    // Of WordNet's numbers the first pixel is 0, as in ILSVRC's files.
    ["valid/b#n02123045", 2, [[0, 1, 5, 6]], "val"],
  ]);
  expect(problems).toEqual([]);
  const idsOf = async (options: Omit<OpenDatasetOptions, "source">): Promise<unknown> =>
    (await open(roboflow, options)).images.map(({ id, boxes }) => [id, boxes?.length]);
  expect(await idsOf({ split: "val" })).toEqual([["valid/b#n02123045", 1]]);
  expect(await idsOf({ split: "train", difficult: "keep" })).toEqual([
    ["train/a_jpg.rf.1#dog", 1],
    ["train/a_jpg.rf.1#cat", 2],
  ]);
  const { "test/c.JPG": _, "test/c.XML": __, ...others } = roboflow;
  await expect(open(others, { split: "test" })).rejects.toThrow(
    'there is no part "test", expected --split with train or val',
  );
});

test("in folders of parts, too, what is wrong with single entries is a problem", async () => {
  const { images, problems } = await open({
    ...roboflow,
    "train/bad.jpg": "20x10",
    "train/bad.xml": "<annotation>",
    "train/alone.jpg": "20x10",
    "train/alone.xm": "",
    "valid/nothing.xml": xml(["cat", 0, 1, 1, 5, 5]),
  });
  expect(images.length).toBe(4);
  const lines = linesOf(problems);
  expect(lines[0]).toBe("missing-annotation train/alone: there is no alone.xml; left out");
  expect(lines[1]).toMatch(/^malformed-annotation train\/bad: data\/train\/bad\.xml: line 1: /);
  expect(lines[2]).toBe("missing-picture valid/nothing: there is no picture nothing in data/valid; left out");
  expect(lines.length).toBe(3);
});

test("a CSV beside the folders of parts is mostly made of their XML: it is not read, and a note says so", async () => {
  const csv = "filename,width,height,class,xmin,ymin,xmax,ymax\na_jpg.rf.1.jpg,20,10,bird,1,1,2,2\n";
  for (const folder of ["", "images/", "data/"]) {
    const moved = Object.entries({ ...roboflow, "train_labels.csv": csv }).map(([path, text]) => [folder + path, text]);
    const set = Object.fromEntries(moved);
    expect(await recognizeDataset("data", pretendFiles(set))).toBe("voc");
    const { images, notes } = await open(set);
    expect(images.map(({ className }) => className)).toEqual(["tabby", "dog", "cat", "n02123045"]);
    expect(notes).toEqual([
      "train_labels.csv is not read: XML lies beside the pictures. To read boxes from there, say --data-format boxes (the option `format`).",
    ]);
  }
});

test("folders of parts with something else beside them, or XML that is elsewhere, are other formats'", async () => {
  const recognized = (more: Readonly<Record<string, string>>): Promise<string> =>
    recognizeDataset("data", pretendFiles(more));
  expect(await recognized({ ...roboflow, "instances_val.json": "{}" })).toBe("coco");
  expect(await recognized({ "val/a.JPEG": "1x1", "val/b.xml": "" })).toBe("imagenet");
  expect(await recognized({ "train/a/1.jpg": "1x1", "train/b/1.jpg": "1x1" })).toBe("classes");
});
