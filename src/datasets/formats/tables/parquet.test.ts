import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { linesOf } from "../../../../test/pretend-files.ts";
import { BadInputError, UnsupportedError } from "../../../errors.ts";
import { isPicture } from "../../../image/picture.ts";
import { createFileSource } from "../../../node/data/file-source.ts";
import { decodeImage } from "../../../node/pictures/read-image.ts";
import type { DatasetImage } from "../../dataset.ts";
import { memoryFileSource } from "../../memory-source.ts";
import { type OpenDatasetOptions, openDataset } from "../../open-dataset.ts";
import { pictureColumns } from "./table-columns.ts";

/** Written by `make.py` there. */
const fixtures = join(import.meta.dirname, "../../../../test/fixtures/datasets/parquet");
const source = createFileSource();
const open = (path: string, options: Omit<OpenDatasetOptions, "source"> = {}) =>
  openDataset(join(fixtures, path), { source, ...options });

/** The amount of red in the picture, by which they are known. */
async function redOf({ picture }: DatasetImage): Promise<number> {
  const found = await picture();
  if (!isPicture(found)) throw new Error("no picture");
  expect(found).toMatchObject({ width: 4, height: 3, channels: 3 });
  return found.data[0];
}

test("as the Hugging Face Hub has them: shards, parts, named classes, pictures as files", async () => {
  const { images, listedClasses, notes, problems } = await open("hub");
  expect(listedClasses).toEqual(["cat", "dog", "fox"]);
  expect(images.map(({ id, label, className, split }) => [id, label, className, split])).toEqual([
    ["train/0", 2, "fox", "train"],
    ["train/1", 0, "cat", "train"],
    ["train/2", 1, "dog", "train"],
    ["train/3", 1, "dog", "train"],
    ["validation/0", 0, "cat", "val"],
    ["validation/1", undefined, undefined, "val"],
  ]);
  expect(problems).toEqual([]);
  expect(notes).toEqual(["The table has several classes of each picture: fine_label is taken, and not coarse_label."]);
  // In any order, and each as often as it is asked for.
  expect(await Promise.all([images[3], images[0], images[2], images[0], images[1], images[4]].map(redOf))).toEqual([
    ...[40, 10, 30, 10, 20, 50],
  ]);
  const empty = images[5].picture();
  await expect(empty).rejects.toThrow(BadInputError);
  await expect(empty).rejects.toThrow(/validation-00000-of-00001\.parquet: row 1: holds no picture/);
});

test("a part, a file, and the classes of a classifier", async () => {
  expect((await open("hub", { split: "val" })).images.map(({ id }) => id)).toEqual(["validation/0", "validation/1"]);
  await expect(open("hub", { split: "test" })).rejects.toThrow('there is no part "test"');
  const file = "hub/data/train-00001-of-00002.parquet";
  const classes = { names: ["bird", "dog", "cat"], count: 3 };
  const { images, problems } = await open(file, { classes });
  expect(images.map(({ id, label, className }) => [id, label, className])).toEqual([["train/0", 1, "dog"]]);
  expect(problems).toEqual([]);
});

test.each(["zstd", "gzip", "brotli", "lz4", "none"])(
  "bytes alone and classes as words, compressed by %s",
  async (name) => {
    const { images, listedClasses } = await open(`${name}.parquet`);
    expect(listedClasses).toEqual(["cat", "dog"]);
    expect(images.map(({ id, label }) => [id, label])).toEqual([
      [`${name}/0`, 1],
      [`${name}/1`, 0],
      [`${name}/2`, 1],
    ]);
    expect(await Promise.all(images.map(redOf))).toEqual([1, 2, 3]);
    for await (const stored of images[1].stored?.() ?? [])
      expect(String.fromCharCode(...stored.subarray(1, 4))).toBe("PNG");
  },
);

test("from memory, as a page has files", async () => {
  const bytes = readFileSync(join(fixtures, "zstd.parquet"));
  const memory = memoryFileSource(new Map([["test.parquet", new Uint8Array(bytes)]]), (data, path) =>
    decodeImage(data, path),
  );
  const { images } = await openDataset("test.parquet", { source: memory });
  expect(images[2]).toMatchObject({ id: "test/2", split: "test" });
  expect(await redOf(images[2])).toBe(3);
});

test("what is damaged, or holds no pictures, is said", async () => {
  await expect(open("no-pictures.parquet")).rejects.toThrow(UnsupportedError);
  await expect(open("no-pictures.parquet")).rejects.toThrow(/no column of the table holds pictures.*text, label/s);
  const bytes = new Uint8Array(readFileSync(join(fixtures, "zstd.parquet")));
  const openBytes = (some: Uint8Array) =>
    openDataset("a.parquet", { source: memoryFileSource(new Map([["a.parquet", some]]), () => Promise.reject()) });
  await expect(openBytes(bytes.subarray(0, 600))).rejects.toThrow(/^a\.parquet: cannot be read as Parquet/);
  await expect(openBytes(new Uint8Array(0))).rejects.toThrow(BadInputError);
  const { images } = await openBytes(Uint8Array.from(bytes, (byte, i) => (i > 40 && i < 300 ? byte ^ 0x55 : byte)));
  await expect(images[0].picture()).rejects.toThrow(BadInputError);
});

test("columns: what the metadata says, then names; the finest classes", () => {
  const column = (name: string, kind: "file" | "bytes" | "text" | "integer") => ({ name, kind });
  const said = JSON.stringify({
    info: { features: { scan: { _type: "Image" }, finding: { names: ["a", "b"], _type: "ClassLabel" } } },
  });
  const columns = [
    column("thumbnail", "file"),
    column("scan", "file"),
    column("label", "integer"),
    column("finding", "integer"),
  ];
  expect(pictureColumns("t", columns, said)).toMatchObject({
    picture: { name: "scan" },
    label: { name: "finding" },
    classNames: ["a", "b"],
    notes: [],
  });
  expect(pictureColumns("t", columns, "{")).toMatchObject({ picture: { name: "thumbnail" }, label: { name: "label" } });
  const cifar = [column("coarse_label", "integer"), column("img", "file"), column("fine_label", "integer")];
  expect(pictureColumns("t", cifar, undefined).label?.name).toBe("fine_label");
  expect(pictureColumns("t", [column("blob", "bytes"), column("caption", "text")], undefined)).toEqual({
    picture: column("blob", "bytes"),
    notes: [],
  });
  const boxed = [column("image", "file"), { name: "objects", kind: "other" as const }];
  expect(pictureColumns("t", boxed, undefined).notes).toEqual([
    "The boxes in objects are not read: they are no lists of four numbers.",
  ]);
  const objects = { name: "objects", kind: "objects" } as const;
  // What is called a class in passing says less than boxes with classes of their own; a label says more.
  const passing = pictureColumns("t", [column("image", "file"), objects, column("classified_by", "text")], undefined);
  expect([passing.label, passing.boxes?.column, passing.notes]).toEqual([undefined, objects, []]);
  const labelled = pictureColumns("t", [column("image", "file"), objects, column("label", "integer")], undefined);
  expect([labelled.label?.name, labelled.boxes, labelled.notes]).toEqual([
    "label",
    undefined,
    ["The boxes in objects are not read: label says the class of each picture."],
  ]);
});

test("boxes: lists in a group with classes by number, corners in lists of groups, and the box of a picture's class", async () => {
  const entries = async (name: string, options: Omit<OpenDatasetOptions, "source"> = {}) => {
    const { images, notes, problems, listedClasses } = await open(name, options);
    const found = images.map(({ id, label, className, boxes }) => [id, label, className, boxes]);
    return { found, notes, problems: linesOf(problems), listedClasses };
  };
  const asCoco = (name: string) => `The column ${name} is taken as [x, y, width, height], as COCO has it.`;
  expect(await entries("objects.parquet")).toEqual({
    found: [
      ["objects/0#fox", 2, "fox", [[10.5, 5, 30.5, 15]]],
      ["objects/0#cat", 0, "cat", [[0, 0, 40, 30]]],
      ["objects/1", 1, "dog", [[1, 2, 4, 6]]],
    ],
    notes: [asCoco("objects.bbox")],
    problems: ["no-box objects/2: has no box; left out"],
    listedClasses: ["cat", "dog", "fox"],
  });
  // The classes of a model, by their names; one that it does not have is left out.
  const classes = { names: ["dog", "fox"], count: 2 };
  expect((await entries("objects.parquet", { classes })).found.map(([id, label]) => [id, label])).toEqual([
    ["objects/0#fox", 1],
    ["objects/1", 0],
  ]);
  // Without names in the model, by the order that the table states.
  expect((await entries("objects.parquet", { classes: { count: 3 } })).found.map(([, label]) => label)).toEqual([
    2, 0, 1,
  ]);
  const corners = await entries("corners.parquet");
  expect(corners.found.slice(0, 3)).toEqual([
    ["corners/0", undefined, "dog", [[30, 20, 40, 30]]],
    ["corners/1", undefined, "cat", [[20, 20, 39, 29]]],
    ["corners/2", undefined, "dog", [[25, 15, 30, 30]]],
  ]);
  expect(corners.found).toHaveLength(12);
  expect(corners.notes?.[0]).toMatch(/^The column objects\.bbox is taken as two corners/);
  expect(corners.problems[0]).toBe("duplicate corners/0: row 0 repeats a box; left out");
  const own = await entries("label-bbox.parquet", { classes });
  expect(own.found).toEqual([
    ["label-bbox/0", 0, "dog", [[1, 2, 4, 6]]],
    ["label-bbox/2", 0, "dog", [[0, 0, 9, 9]]],
  ]);
  expect(own.notes).toEqual([asCoco("bbox")]);
});

test("pictures with boxes are decoded when they are asked for, and told from others by their bytes", async () => {
  const { images } = await open("objects.parquet", { list: ["objects/1"] });
  expect(images).toHaveLength(1);
  const found = await images[0].picture();
  expect(found).toMatchObject({ width: 40, height: 30 });
  expect(isPicture(found) && found.data[0]).toBe(2);
  for await (const stored of images[0].stored?.() ?? []) expect(stored.length).toBeGreaterThan(50);
});
