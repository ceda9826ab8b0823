import { expect, test } from "vitest";
import { linesOf, pretendFiles } from "../../../test/pretend-files.ts";
import type { Dataset } from "../dataset.ts";
import { type OpenDatasetOptions, openDataset } from "../open-dataset.ts";

const classes = { names: ["blue", "red, scarlet", "dark red"], count: 3 };

function open(
  files: Readonly<Record<string, string>>,
  path = "data",
  options: Omit<OpenDatasetOptions, "source"> = { classes },
): Promise<Dataset> {
  return openDataset(path, { source: pretendFiles(files), ...options });
}

const idsAndLabels = ({ images }: Dataset): unknown[] => images.map(({ id, label }) => [id, label]);

const tables: Readonly<Record<string, string>> = {
  "labels.csv": "filename,label,width\n0.png,red,4\n1.png,blue,4\n",
  "train.csv": "\uFEFFid,colour\r\n0,red\r\n1,blue\r\n",
  "labels.tsv": "label\timage\nred\t0.png\nblue\t1.png\n",
  "answers.csv": "Image ID;Class\n0;red\n1;blue\n",
  "list.csv": '0.png,"red"\n"1.png",blue\n',
  "val.txt": "# name and class\n0.png 1\n1.png 0\n",
  "list.txt": "./0.png\tscarlet\n1.png\tblue\n",
  "labels.json": '{"0.png": "red", "1.png": 0}',
  "dataset.json": '{"labels": [["0.png", 1], ["1.png", 0]]}',
  "all.json": '[{"image": "0.png", "label": "red"}, {"image": "1.png", "label": "blue"}]',
  "labels.jsonl": '{"file": "0.png", "category": "red"}\n{"file": "1.png", "category": "blue"}\n',
};

test.each(Object.entries(tables))("%s beside pictures says their classes", async (name, text) => {
  for (const path of ["data", `data/${name}`]) {
    const opened = await open({ "0.png": "4x4", "1.png": "4x4", [name]: text }, path);
    expect(opened.images.map(({ id, label }) => [id.replace(".png", ""), label])).toEqual([
      ["0", 1],
      ["1", 0],
    ]);
    expect([opened.problems, opened.notes]).toEqual([[], []]);
    await opened.images[0].picture();
  }
  const inside = await open({ "images/0.png": "4x4", "images/1.png": "4x4", "notes/a.md": "", [name]: text });
  expect(inside.images.map(({ id }) => id.replace(".png", ""))).toEqual(["images/0", "images/1"]);
});

test("a list for each part", async () => {
  const files = { "train/a.png": "4x4", "val/a.png": "4x4", "val/b.png": "4x4" };
  const lists = { "train.txt": "train/a.png 1\n", "val.txt": "val/a.png 0\nval/b.png dark red\n" };
  const { images, notes } = await open({ ...files, ...lists });
  expect(images.map(({ id, label, split }) => [id, label, split])).toEqual([
    ["train/a.png", 1, "train"],
    ["val/a.png", 0, "val"],
    ["val/b.png", 2, "val"],
  ]);
  expect(notes).toEqual([]);
  const val = await open({ ...files, ...lists }, "data", { classes, split: "val" });
  expect(val.images.map(({ id }) => id)).toEqual(["val/a.png", "val/b.png"]);
  // Names may repeat in folders of parts.
  const own = await open({ ...files, "labels_train.csv": "id,label\na,red\n", "labels_val.csv": "id,label\na,blue\n" });
  expect(idsAndLabels(own)).toEqual([
    ["train/a", 1],
    ["val/a", 0],
  ]);
  await expect(open({ ...files, "a.txt": "a.png 1\n", "b.txt": "a.png 1\n" })).rejects.toThrow(
    "there are several tables of classes, expected one, or one of each part, got a.txt, b.txt",
  );
});

test("Tiny ImageNet's validation part", async () => {
  const files = { "val/images/v_0.JPEG": "4x4", "val/val_annotations.txt": "v_0.JPEG\tn01443537\t0\t1\t2\t3\n" };
  const { images, notes } = await open(files, "data/val", { classes: { count: 1000 } });
  expect(images.map(({ id, label }) => [id, label])).toEqual([["images/v_0.JPEG", 1]]);
  expect(notes).toEqual(["The boxes in val_annotations.txt are not read: a CSV of boxes or COCO's JSON is."]);
});

test("what is wrong with lines is counted; tables of something else, and beside folders of classes, are none", async () => {
  const list = "0.png 1\nnonsense\n0.png 2\ngone.png 1\n";
  const { images, problems } = await open({ "0.png": "4x4", "labels.txt": list });
  expect(images.length).toBe(1);
  expect(linesOf(problems)).toEqual([
    'bad-line labels.txt, line 2: "nonsense" is no picture\'s name and class; left out',
    "duplicate 0.png: line 3 names it again; left out",
    "missing-picture gone.png: there is no data/gone.png; left out",
  ]);
  const without = async (text: string, name = "a.txt"): Promise<unknown> =>
    (await open({ "0.png": "4x4", [name]: text })).images[0].label;
  expect(await without("0.png\n1.png\n")).toBeUndefined();
  expect(await without("0.png 1 2 3 4\n")).toBeUndefined();
  expect(await without('{"a": {"b": 1}}', "a.json")).toBeUndefined();
  await expect(open({ "0.png": "4x4", "a.csv": "image,caption\n0.png,red\n" })).rejects.toThrow(
    "does not name the columns",
  );
  const folders = await open({
    "red/0.png": "4x4",
    "blue/0.png": "4x4",
    "labels.csv": "image,label\nred/0.png,blue\n",
  });
  expect(idsAndLabels(folders)).toEqual([
    ["blue/0.png", 0],
    ["red/0.png", 1],
  ]);
  expect(folders.notes).toEqual(["labels.csv is not read: the classes are those of the folders."]);
});
