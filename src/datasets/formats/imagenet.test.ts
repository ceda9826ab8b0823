import { describe, expect, test } from "vitest";
import { linesOf, pretendFiles } from "../../../test/pretend-files.ts";
import { imagenetLabels } from "../../classifier/labels/imagenet.ts";
import { BadInputError } from "../../errors.ts";
import type { Dataset } from "../dataset.ts";
import { type OpenDatasetOptions, openDataset } from "../open-dataset.ts";

type Files = Readonly<Record<string, string>>;

function open(files: Files, options: Omit<OpenDatasetOptions, "source"> = {}, path = "data"): Promise<Dataset> {
  return openDataset(path, { source: pretendFiles(files), ...options });
}

const id = (number: number): string => `ILSVRC2012_val_${String(number).padStart(8, "0")}`;

function xml(
  objects: readonly (readonly [synset: string, ...box: number[]])[],
  size = "<width>20</width><height>10</height>",
): string {
  const parts = objects.map(
    ([name, xmin, ymin, xmax, ymax]) =>
      `<object><name>${name}</name><bndbox><xmin>${xmin}</xmin><ymin>${ymin}</ymin><xmax>${xmax}</xmax><ymax>${ymax}</ymax></bndbox></object>`,
  );
  return `<annotation><size>${size}</size>${parts.join("")}</annotation>`;
}

const csv = `ImageId,PredictionString
${id(1)},n01440764 0 0 19 9 n01440764 2 3 4 5\x20
${id(3)},n02123045 1 1 8 8
${id(2)},n01443537 1 1 20 10
`;

const fileLists = {
  flat: { "LOC_val_solution.csv": csv, [`images/${id(2)}.JPEG`]: "20x10", [`images/${id(1)}.JPEG`]: "20x10" },
  kaggle: {
    "LOC_val_solution.csv": csv,
    [`ILSVRC/Data/CLS-LOC/val/${id(2)}.JPEG`]: "20x10",
    [`ILSVRC/Data/CLS-LOC/val/${id(1)}.JPEG`]: "20x10",
  },
  xml: {
    [`ILSVRC2012_img_val/${id(1)}.JPEG`]: "20x10",
    [`ILSVRC2012_img_val/${id(2)}.JPEG`]: "20x10",
    [`ILSVRC2012_bbox_val_v3/val/${id(1)}.xml`]: xml([
      ["n01440764", 0, 0, 19, 9],
      ["n01440764", 2, 3, 4, 5],
    ]),
    [`ILSVRC2012_bbox_val_v3/val/${id(2)}.xml`]: xml([["n01443537", 1, 1, 20, 10]]),
  },
  synsets: {
    [`n01440764/${id(1)}.JPEG`]: "20x10",
    [`n01443537/${id(2)}.JPEG`]: "20x10",
    [`bbox/${id(1)}.xml`]: xml([
      ["n01440764", 0, 0, 19, 9],
      ["n01443537", 0, 0, 1, 1],
      ["n01440764", 2, 3, 4, 5],
    ]),
    [`bbox/${id(2)}.xml`]: xml([["n01443537", 1, 1, 20, 10]], ""),
  },
} as const;

test.each(Object.entries(fileLists))(
  "the layout %s: ids, labels and boxes with their last pixels",
  async (_, files) => {
    const { images, problems, classNames } = await open(files);
    expect(problems).toEqual([]);
    expect(classNames).toBe(imagenetLabels);
    expect(images.map(({ id, label, className, boxes, split }) => ({ id, label, className, boxes, split }))).toEqual([
      {
        id: id(1),
        label: 0,
        className: imagenetLabels[0],
        boxes: [
          [0, 0, 20, 10],
          [2, 3, 5, 6],
        ],
        split: "test",
      },
      { id: id(2), label: 1, className: imagenetLabels[1], boxes: [[1, 1, 20, 10]], split: "test" },
    ]);
    expect(await images[0].picture()).toMatchObject({ width: 20, height: 10 });
  },
);

test("the CSV may be given itself; folders may be given where they are elsewhere", async () => {
  const files = { [`a/${id(1)}.JPEG`]: "20x10", "b/LOC_val_solution.csv": csv, "b/other.txt": "" };
  expect((await open(files, { images: "data/a" }, "data/b/LOC_val_solution.csv")).images.length).toBe(1);
  const options = { format: "imagenet", images: "data/a", annotations: "data/b/LOC_val_solution.csv" } as const;
  expect((await open(files, options)).images.length).toBe(1);
});

test("labels are those of the classifier: by WordNet number, shifted, by name, none, or not asked for", async () => {
  const labels = async (options: Omit<OpenDatasetOptions, "source">): Promise<(number | undefined)[]> =>
    (await open(fileLists.flat, options)).images.map(({ label }) => label);
  expect(await labels({ classes: { names: imagenetLabels, count: 1000 } })).toEqual([0, 1]);
  expect(await labels({ classes: { count: 1001 } })).toEqual([1, 2]);
  expect(await labels({ classes: { names: ["goldfish", "tench"], count: 2 } })).toEqual([1, 0]);
  expect(await labels({ classes: { names: ["goldfish", "cat"], count: 2 } })).toEqual([0]);
  expect(await labels({ classes: { names: ["cat"], count: 1 }, labels: "predicted" })).toEqual([undefined, undefined]);
});

test("a class that the classifier lacks is a problem; if that is all, an error that says so", async () => {
  const { problems } = await open(fileLists.flat, { classes: { names: ["goldfish", "cat"], count: 2 } });
  expect(linesOf(problems)).toEqual([
    `unknown-class ${id(1)}: the classifier has no class n01440764 (tench, Tinca tinca); left out`,
  ]);
  await expect(open(fileLists.flat, { classes: { names: ["cat"], count: 1 } })).rejects.toThrow(
    `data: the data set has no usable image. 2 problems in the data: 2 × class that the model does not have (such as ${id(1)}: `,
  );
});

describe("everything that can be wrong with annotations is counted, and the rest is used", () => {
  test("in XML", async () => {
    const names = Array.from({ length: 9 }, (_, i) => id(i + 1));
    const annotations = [
      xml([["n01440764", 0, 0, 5, 5]]),
      undefined,
      "<annotation><object>",
      xml([]),
      xml([["n01440764", 5, 5, 4, 4]]),
      xml([
        ["n01440764", 30, 0, 35, 5],
        ["n01440764", 0, 0, 5, 5],
      ]),
      xml([["n01440764", -9, 0, 35, 5]]),
      xml([["n99999999", 0, 0, 5, 5]]),
      xml([["n01440764", 0, 0, 5, 5]], "<width>99</width><height>10</height>"),
    ];
    const files = Object.fromEntries([
      ...names.map((name) => [`val/${name}.JPEG`, "20x10"]),
      ...annotations.flatMap((text, i) => (text === undefined ? [] : [[`bbox/${names[i]}.xml`, text]])),
    ]);
    const { images, problems } = await open(files);
    expect(images.map(({ id, boxes }) => ({ id, boxes }))).toEqual([
      { id: id(1), boxes: [[0, 0, 6, 6]] },
      { id: id(6), boxes: [[0, 0, 6, 6]] },
      { id: id(7), boxes: [[0, 0, 20, 6]] },
      { id: id(9), boxes: [[0, 0, 6, 6]] },
    ]);
    expect(linesOf(problems)).toEqual([
      `missing-annotation ${id(2)}: has no annotation; left out`,
      `malformed-annotation ${id(3)}: data/bbox/${id(3)}.xml: line 1: <object> is not closed: the file is cut short, expected XML; left out`,
      `no-box ${id(4)}: has no box; left out`,
      `bad-box ${id(5)}: box [5, 5, 5, 5) has no area; dropped`,
      `no-box ${id(5)}: no usable box is left; left out`,
      `bad-box ${id(6)}: box [30, 0, 36, 6) lies outside the picture of 20 × 10; dropped`,
      `bad-box ${id(7)}: box [-9, 0, 36, 6) reaches out of the picture of 20 × 10; clipped`,
      `unknown-class ${id(8)}: the classifier has no class "n99999999"; left out`,
    ]);
    await expect(images[3].picture()).rejects.toThrow(
      `data/val/${id(9)}.JPEG: the picture does not have the size that its annotation says, so its boxes do not fit, expected 99 × 10, got 20 × 10.`,
    );
  });

  test("in the CSV", async () => {
    const text = `${csv}${id(1)},n01440764 0 0 1 1\n${id(4)},n01440764 0 0 1\n${id(5)},\n${id(6)},fish 0 0 1 1\n${id(7)}\n`;
    const files = Object.fromEntries([1, 4, 5, 6, 7].map((n) => [`images/${id(n)}.JPEG`, "20x10"]));
    const { images, problems } = await open({ ...files, "LOC_val_solution.csv": text });
    expect(images.map(({ id }) => id)).toEqual([id(1)]);
    expect(linesOf(problems)).toEqual([
      `duplicate ${id(1)}: is there twice; the first is taken`,
      "bad-line LOC_val_solution.csv, line 9: not two fields; left out",
      `malformed-annotation ${id(4)}: data/LOC_val_solution.csv, line 6: box 1 is malformed, expected a synset and four numbers, got "n01440764 0 0 1"; left out`,
      `no-box ${id(5)}: has no box; left out`,
      `malformed-annotation ${id(6)}: data/LOC_val_solution.csv, line 8: box 1 is malformed, expected a synset and four numbers, got "fish 0 0 1 1"; left out`,
      `missing-annotation ${id(7)}: has no annotation; left out`,
    ]);
  });

  test("a picture that cannot be read is found out when it is asked for", async () => {
    const { images, problems } = await open({ ...fileLists.flat, [`images/${id(1)}.JPEG`]: "garbage" });
    expect(problems).toEqual([]);
    await expect(images[0].picture()).rejects.toThrow(`data/images/${id(1)}.JPEG: is not a picture.`);
    await images[1].picture();
  });
});

test("Caffe's val.txt gives classes alone", async () => {
  const files = { [`images/${id(1)}.JPEG`]: "4x4", [`images/${id(2)}.JPEG`]: "4x4", [`images/${id(3)}.JPEG`]: "4x4" };
  const text = `${id(1)}.JPEG 65\n${id(2)}.JPEG 1000\n\nnonsense\n${id(3)}.JPEG 0\n`;
  const { images, problems } = await open({ ...files, "val.txt": text }, { format: "imagenet" });
  expect(images.map(({ id, label, boxes }) => ({ id, label, boxes }))).toEqual([
    { id: id(1), label: 65, boxes: undefined },
    { id: id(3), label: 0, boxes: undefined },
  ]);
  expect(problems.map(({ kind, image }) => `${kind} ${image}`)).toEqual([
    "bad-line val.txt, line 2",
    "bad-line val.txt, line 4",
    `missing-annotation ${id(2)}`,
  ]);
});

test("a val.txt that counts classes from 1 is refused, since all but one would be those of the next class", async () => {
  const files = { [`images/${id(1)}.JPEG`]: "4x4", "val.txt": `${id(1)}.JPEG 66\n${id(2)}.JPEG 1000\n` };
  await expect(open(files, { format: "imagenet" })).rejects.toThrow("numbers up to 1000, without 0");
});

test("objects marked as difficult are left out as in the layout of Pascal VOC, unless they are wanted", async () => {
  const object = (name: string, difficult: number): string =>
    `<object><name>${name}</name><difficult>${difficult}</difficult><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>4</xmax><ymax>4</ymax></bndbox></object>`;
  const of = (...objects: string[]): string => `<annotation>${objects.join("")}</annotation>`;
  const files = {
    ...{ "a.png": "9x9", "a.xml": of(object("cat", 1), object("dog", 0)) },
    ...{ "b.png": "9x9", "b.xml": of(object("cat", 1)) },
  };
  const classes = { names: ["cat", "dog"], count: 2 };
  const { images, problems } = await open(files, { classes });
  expect(images.map(({ id, label }) => [id, label])).toEqual([["a", 1]]);
  expect(linesOf(problems)).toEqual(["no-box b: all objects are difficult; left out"]);
  const all = await open(files, { classes, difficult: "keep" });
  expect(all.images.map(({ id, label }) => [id, label])).toEqual([
    ["a#cat", 0],
    ["a#dog", 1],
    ["b", 0],
  ]);
});

test("first, list and blacklist are seen to before annotations are read", async () => {
  const files = { ...fileLists.xml, [`ILSVRC2012_bbox_val_v3/val/${id(2)}.xml`]: "garbage" };
  const { images, problems } = await open(files, { first: 1 });
  expect([images.map(({ id }) => id), problems]).toEqual([[id(1)], []]);
  const rest = await open(fileLists.flat, { blacklist: ["1"] });
  expect(rest.images.map(({ id }) => id)).toEqual([id(2)]);
  const listed = await open({ ...fileLists.flat, "list.txt": `${id(2)}.JPEG 1\n` }, { list: "data/list.txt" });
  expect(listed.images.map(({ id }) => id)).toEqual([id(2)]);
});

test("without pictures or annotations, the error says where they were looked for", async () => {
  const empty = open({ "LOC_val_solution.csv": csv });
  await expect(empty).rejects.toThrow(BadInputError);
  await expect(empty).rejects.toThrow(/there are no pictures, expected them in data\/ILSVRC\/Data\/CLS-LOC\/val or /);
  await expect(open({ "ILSVRC2012_img_val/a.JPEG": "1x1" })).rejects.toThrow(/there are no annotations.*--annotations/);
});

describe("XML beside the pictures", () => {
  const boxOf = async (text: string): Promise<unknown> =>
    (await open({ "a.JPEG": "20x10", "a.xml": text }, { labels: "predicted" })).images.map(({ boxes }) => boxes);

  test("counts from 0 if its classes are WordNet numbers, from 1 otherwise, unless it says whose it is", async () => {
    const [synset, name] = ["n01440764", "dog"].map((one) => xml([[one, 2, 3, 5, 6]]));
    const from = (text: string | undefined, said: string): string => text?.replace("<size>", `${said}<size>`) ?? "";
    const database = (database: string): string => `<source><database>${database}</database></source>`;
    const [zero, one] = [[[[2, 3, 6, 7]]], [[[1, 2, 5, 6]]]];
    expect(await boxOf(synset ?? "")).toEqual(zero);
    expect(await boxOf(name ?? "")).toEqual(one);
    expect(await boxOf(from(name, database("ImageNet database")))).toEqual(zero);
    expect(await boxOf(from(name, database("ILSVRC_2012")))).toEqual(zero);
    expect(await boxOf(from(synset, database("The VOC2007 Database")))).toEqual(one);
    expect(await boxOf(from(synset, database("Unknown")))).toEqual(one);
    expect(await boxOf(from(synset, "<path>/home/a.JPEG</path>"))).toEqual(one);
  });

  test("has edges where a coordinate has a decimal point or a box begins at 0, unless it is ImageNet's", async () => {
    const note = async (name: string, ...box: number[]): Promise<unknown> => {
      const files = { "a.JPEG": "20x10", "a.xml": xml([[name, ...box]]) };
      const { images, notes } = await open(files, { labels: "predicted" });
      return [images[0]?.boxes?.[0], notes?.length ?? 0];
    };
    expect(await note("dog", 2.5, 3, 5, 6)).toEqual([[2.5, 3, 5, 6], 1]);
    expect(await note("dog", 0, 3, 5, 6)).toEqual([[0, 3, 5, 6], 1]);
    expect(await note("n01440764", 0, 3, 5, 6)).toEqual([[0, 3, 6, 7], 0]);
  });

  test("may be in annots beside images", async () => {
    const files = { "images/1.jpg": "20x10", "annots/1.xml": xml([["dog", 2, 3, 5, 6]]) };
    expect((await open(files, { labels: "predicted" })).images.map(({ boxes }) => boxes)).toEqual([[[1, 2, 5, 6]]]);
  });

  test("has an entry per class where the classes are no WordNet numbers, and may have shares", async () => {
    const mixed = xml([
      ["dog", 1, 1, 4, 4],
      ["cat", 1, 1, 2, 2],
      ["dog", 5, 5, 6, 6],
    ]);
    const files = { "a.JPEG": "20x10", "a.xml": mixed };
    const { images } = await open(files, { classes: { names: ["cat", "dog"], count: 2 } });
    expect(images.map(({ id, label, boxes }) => [id, label, boxes])).toEqual([
      [
        "a#dog",
        1,
        [
          [0, 0, 4, 4],
          [4, 4, 6, 6],
        ],
      ],
      ["a#cat", 0, [[0, 0, 2, 2]]],
    ]);
    const shared = xml([["dog", 0.25, 0.5, 0.75, 1]]);
    const shares = await open({ "a.JPEG": "20x10", "a.xml": shared }, { labels: "predicted" });
    expect(shares.images[0]?.boxes).toEqual([[5, 5, 15, 10]]);
    expect(shares.notes?.[0]).toContain("shares of the picture's width and height");
  });
});
