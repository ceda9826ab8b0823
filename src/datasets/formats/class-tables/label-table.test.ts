import { expect, test } from "vitest";
import { linesOf, pretendFiles } from "../../../../test/pretend-files.ts";
import { BadInputError } from "../../../errors.ts";
import type { Dataset } from "../../dataset.ts";
import { type OpenDatasetOptions, openDataset } from "../../open-dataset.ts";

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
  "fiftyone.json": '{"classes": ["red", "blue"], "labels": {"0": 0, "1": 1}}',
  "project-1.json": '[{"id": 7, "image": "0.png", "choice": "red"}, {"id": 8, "image": "1.png", "choice": "blue"}]',
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
    "data/a.csv: names pictures (image) and not their classes, expected a column such as label or class",
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

const four = Object.fromEntries([0, 1, 2, 3].map((number) => [`images/${number}.PNG`, "4x4"]));
const labelsOf = ({ images }: Dataset): unknown[] => images.map(({ label }) => label);

test("what somebody is to send in is no truth, unless it is named", async () => {
  const files = {
    ...four,
    "train.csv": "id,label\n0,red\n1,blue\n",
    "sample_submission.csv": "id,label\n2,red\n3,red\n",
  };
  expect(labelsOf(await open(files))).toEqual([1, 0]);
  expect(labelsOf(await open(files, "data/sample_submission.csv"))).toEqual([1, 1]);
  const { "train.csv": _train, ...without } = files;
  expect(labelsOf(await open({ ...without, "0.png": "4x4" }))).toEqual(Array(4).fill(undefined));
});

test("a column of parts", async () => {
  for (const name of ["split", "Usage", "data set", "Dataset_type"]) {
    const csv = `image,label,${name}\n0,red,TRAIN\n1,blue,test\n2,blue,valid\n`;
    const opened = await open({ ...four, "labels.csv": csv });
    expect(opened.images.map(({ split }) => split)).toEqual(["train", "test", "val"]);
    const part = await open({ ...four, "labels.csv": csv }, "data", { classes, split: "test" });
    expect(part.images.map(({ id }) => id)).toEqual(["images/1"]);
  }
  const fer = await open({ ...four, "labels.csv": "image,label,usage\n0,red,PublicTest\n1,red,PrivateTest\n" });
  expect(fer.images.map(({ split }) => split)).toEqual(["val", "test"]);
  const no = { ...four, "labels.csv": "image,label,split\n0,red,a\n1,red,test\n" };
  expect((await open(no)).images.map(({ split }) => split)).toEqual([undefined, undefined]);
  await expect(open(no, "data", { classes, split: "test" })).rejects.toThrow(
    'there is no part "test", expected no --split: there are no folders of parts.',
  );
});

test("a column for each class", async () => {
  const csv = "image,red,blue,dark red\n0,1.0,0.0,0.0\n1,0,1,0\n2,0,1,1\n3,0,0,0\n";
  for (const text of [csv, csv.replaceAll(",0", ",-1")]) {
    const { notes, problems, ...read } = await open({ ...four, "truth.csv": text });
    expect(labelsOf(read as Dataset)).toEqual([1, 0]);
    expect(read.listedClasses).toEqual(["red", "blue", "dark red"]);
    expect(notes?.[0]).toBe("Each column of 0 and 1 in truth.csv is a class: red, blue, dark red.");
    expect(linesOf(problems)).toEqual([
      "malformed-annotation images/2: is of several classes (blue, dark red); left out",
      "malformed-annotation images/3: is of none of the classes; left out",
    ]);
  }
  // The order of the columns is that of the classes.
  expect(labelsOf(await open({ ...four, "truth.csv": csv }, "data", { classes: { count: 3 } }))).toEqual([0, 1]);
  await expect(open({ ...four, "truth.csv": "image,red,blue\n0,1,1\n1,1,1\n2,0,1\n" })).rejects.toThrow(
    "data/truth.csv: 2 of 3 pictures are of several classes at once: it is a set of many labels",
  );
  // Rows without a first line of names say nothing of classes.
  await expect(open({ ...four, "rows.csv": "2.PNG,1,0\n3.PNG,0,1\n" })).rejects.toThrow("does not name the columns");
  const roboflow = await open({
    ...{ "train/a.jpg": "4x4", "train/_classes.csv": "filename, red, blue\na.jpg, 1, 0\n" },
    ...{ "valid/b.jpg": "4x4", "valid/_classes.csv": "filename, red, blue\nb.jpg, 0, 1\n" },
  });
  expect(roboflow.images.map(({ id, label, split }) => [id, label, split])).toEqual([
    ["train/a.jpg", 1, "train"],
    ["valid/b.jpg", 0, "val"],
  ]);
});

test("classes in a field that lists several are none", async () => {
  const csv = "Image Index,Finding Labels,Age\n0.PNG,red,4\n1.PNG,red|blue,5\n";
  const { images, problems } = await open({ ...four, "entries.csv": csv });
  expect(images.map(({ className }) => className)).toEqual(["red"]);
  expect(linesOf(problems)).toEqual(["malformed-annotation images/1.PNG: is of several classes (red|blue); left out"]);
});

test.each<[string, string]>([
  ["the class under another name", "image_id,dx,age\n0,red,4\n1,blue,4\n"],
  ["the only column of pictures", ",photo_of_it,age,Diagnosis\n0,0.PNG,4,red\n1,1.PNG,4,blue\n"],
  ["names beside numbers", "image,label,label_name\n0.PNG,1,red\n1.PNG,2,blue\n"],
  ["no first line of names", "red,0.PNG\nblue,1.PNG\n"],
  ["no first line of names, and the name twice", "0\t0.PNG\tred\n1\t1.PNG\tblue\n"],
])("columns: %s", async (_what, text) => {
  for (const name of ["a.csv", "a.txt"]) {
    const opened = await open({ ...four, [name]: text });
    expect(labelsOf(opened)).toEqual([1, 0]);
  }
});

test("a list of pictures in JSON, and Git LFS's pointers", async () => {
  const images = [0, 1].map((number) => ({ file_name: `${number}.PNG`, label: ["red", "blue"][number] }));
  expect(labelsOf(await open({ ...four, "a.json": JSON.stringify({ images }) }))).toEqual([1, 0]);
  const pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n";
  await expect(open({ ...four, "a.csv": pointer })).rejects.toThrow("data/a.csv: is a pointer of Git LFS");
  // Folders of classes say more.
  expect(labelsOf(await open({ "red/1.png": "4x4", "blue/1.png": "4x4", "a.csv": pointer }))).toEqual([0, 1]);
});

test("paths of another place are taken without their first parts, all the same number of them", async () => {
  const files = { "test/red/1.png": "4x4", "test/blue/2.png": "4x4" };
  const tables = [
    "/Users/me/data/test/red/1.png red\n/Users/me/data/test/blue/2.png blue\n",
    ".\\data\\test\\red\\1.png red\n.\\data\\test\\blue\\2.png blue\n",
  ];
  for (const text of tables) {
    const { images, notes } = await open({ ...files, "list.txt": text }, "data/list.txt");
    expect(images.map(({ id, label, split }) => [id, label, split])).toEqual([
      ["test/blue/2.png", 0, "test"],
      ["test/red/1.png", 1, "test"],
    ]);
    expect(notes).toEqual([
      expect.stringMatching(/^Paths in list.txt are those of another place: .* as test\/red\/1\.png\.$/),
    ]);
  }
  // Fewer than half of the rows say nothing of the others, and nothing outside is looked at.
  const few = "/a/test/red/1.png red\n/a/b/c.png red\n/a/b/d.png red\n";
  await expect(open({ ...files, "list.txt": few }, "data/list.txt")).rejects.toThrow(
    "the pictures are not there, such as /a/test/red/1.png",
  );
});

test("pictures without endings, by number, in the folder of the table's name, or in whatever folder they are", async () => {
  const numbered = await open({ "x/000.png": "4x4", "x/001.png": "4x4", "labels.csv": "id, label\n0,red\n1,blue\n" });
  expect(labelsOf(numbered)).toEqual([1, 0]);
  expect(numbered.notes).toEqual(["Pictures are found by their numbers: 0 is x/000.png."]);
  const images = { "train_images/a.TIF": "4x4", "train_images/b.ppm": "4x4", "test_images/c.png": "4x4" };
  expect(labelsOf(await open({ ...images, "train.csv": "id_code,diagnosis\na,red\nb,blue\n" }))).toEqual([1, 0]);
  const parted = { "set_images_part_1/a.png": "4x4", "set_images_part_2/b.png": "4x4" };
  const found = await open({ ...parted, "metadata_of_it.csv": "image_id,dx\na,red\nb,blue\n" });
  expect(labelsOf(found)).toEqual([1, 0]);
  expect(found.notes?.[0]).toMatch(/^The pictures of metadata_of_it.csv are found by their names alone/);
  const deep = { "data/data/a.png": "4x4", "data/data/b.png": "4x4" };
  const labels = `id,label\n${"abcdefg".split("").join(",red\n")},red\n`;
  expect((await open({ ...deep, "labels.csv": labels })).images.length).toBe(2);
  // The first rows may lack pictures.
  const rows = Array.from({ length: 2000 }, (_, index) => `${index},red`).join("\n");
  expect((await open({ "x/1758.bmp": "4x4", "labels.csv": `id,label\n${rows}\n` })).images.length).toBe(1);
});

test("rows without names of columns may say the part, as Google's AutoML has them", async () => {
  const text = "TRAIN,gs://bucket/x/0.PNG,red\nTEST,gs://bucket/x/1.PNG,blue\nTRAIN,gs://bucket/x/2.PNG,red\n";
  const opened = await open({ ...four, "data.csv": text });
  expect(opened.images.map(({ id, label, split }) => [id, label, split])).toEqual([
    ["images/0.PNG", 1, "train"],
    ["images/1.PNG", 0, "test"],
    ["images/2.PNG", 1, "train"],
  ]);
  const one = "TRAIN,0.PNG,red\nTRAIN,1.PNG,blue\n";
  const plain = await open({ ...four, "data.csv": one });
  expect(plain.images.map(({ label, split }) => [label, split])).toEqual([
    [1, "train"],
    [0, "train"],
  ]);
});

test("JSON that is cut short is damaged data, not a defect", async () => {
  const cut = open({ ...four, "labels.json": '{"0.png": 1, "1.png": 0' });
  await expect(cut).rejects.toThrow(BadInputError);
  await expect(cut).rejects.toThrow("data/labels.json: is not JSON, or cut short");
});
