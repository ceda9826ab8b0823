import { describe, expect, test } from "vitest";
import { linesOf, pretendFiles } from "../../../../test/pretend-files.ts";
import type { Dataset } from "../../dataset.ts";
import { type OpenDatasetOptions, openDataset } from "../../open-dataset.ts";

const pictures = { "0.png": "4x4", "1.png": "4x4", "sub/2.png": "4x4" };

function open(
  files: Readonly<Record<string, string>>,
  options: Omit<OpenDatasetOptions, "source"> = {},
  path = "data",
): Promise<Dataset> {
  return openDataset(path, { source: pretendFiles({ ...pictures, ...files }), ...options });
}

const idsAndLabels = ({ images }: Dataset): unknown[] => images.map(({ id, label }) => [id, label]);
const classes = { names: ["blue", "red"], count: 2 };
const csv = "File_Name,label,width\n1.png,blue,4\n0.png,red,4\nsub/2.png,red,4\n";

test("a CSV and lines of JSON name pictures and classes", async () => {
  const labelled = [
    ["0.png", 1],
    ["1.png", 0],
    ["sub/2.png", 1],
  ];
  const lines = [
    { file_name: "0.png", label: "red" },
    { file_name: "1.png", label: "blue" },
    { file_name: "sub/2.png", label: "red" },
  ];
  const jsonl = lines.map((line) => JSON.stringify(line)).join("\n");
  const both: readonly Readonly<Record<string, string>>[] = [{ "metadata.csv": csv }, { "metadata.jsonl": jsonl }];
  for (const files of both) {
    const opened = await open(files, { classes });
    expect(idsAndLabels(opened)).toEqual(labelled);
    expect([opened.problems, opened.notes]).toEqual([[], []]);
    expect(idsAndLabels(await open(files, {}, `data/${Object.keys(files)[0]}`))).toEqual(labelled);
  }
  expect((await open({ "metadata.csv": csv })).listedClasses).toEqual(["blue", "red"]);
  expect((await open({ "metadata.csv": csv }, { list: ["1.png"] })).images.length).toBe(1);
});

test("classes may be numbers, unknown, or none", async () => {
  const numbers = { "metadata.csv": "file_name,label\n0.png,10\n1.png,9\nsub/2.png,9\n" };
  expect((await open(numbers)).images.map(({ label }) => label)).toEqual([10, 9, 9]);
  expect((await open(numbers, { classes: { count: 11 } })).images.map(({ label }) => label)).toEqual([10, 9, 9]);
  const { images, problems } = await open(
    { "metadata.csv": csv },
    { classes: { names: ["red", "green", "x"], count: 3 } },
  );
  expect(images.map(({ id }) => id)).toEqual(["0.png", "sub/2.png"]);
  expect(linesOf(problems)).toEqual(['unknown-class 1.png: the classifier has no class "blue"; left out']);
  const captions = '{"file_name": "0.png", "text": "a cat"}\n';
  const without = await open({ "metadata.jsonl": captions }, { classes });
  expect(idsAndLabels(without)).toEqual([["0.png", undefined]]);
  expect(without.notes).toEqual([
    "metadata.jsonl has none of the columns label, class, category, class_name: its pictures have no classes.",
    "Pictures that metadata.jsonl does not name are not taken: 2, such as 1.png.",
  ]);
});

test("boxes in a column of objects, as lists or one by one, with classes of their own", async () => {
  const lines = [
    {
      file_name: "0.png",
      objects: {
        bbox: [
          [0.5, 0, 1, 1],
          [0, 0, 2, 2],
        ],
        categories: [1, 0],
      },
    },
    { file_name: "1.png", objects: [{ bbox: [0, 0, 3, 3], category: "dog" }, { bbox: [1, 2] }] },
    { file_name: "sub/2.png", objects: { bbox: [], categories: [] } },
    "{",
  ];
  const text = lines.map((line) => (typeof line === "string" ? line : JSON.stringify(line))).join("\n");
  const { images, problems, notes } = await open(
    { "metadata.jsonl": text },
    { classes: { names: ["cat", "dog"], count: 2 } },
  );
  expect(images.map(({ id, label, boxes }) => [id, label, boxes])).toEqual([
    ["0.png#1", 1, [[0.5, 0, 1.5, 1]]],
    ["0.png#0", 0, [[0, 0, 2, 2]]],
    ["1.png", 1, [[0, 0, 3, 3]]],
  ]);
  expect(linesOf(problems)).toEqual([
    "bad-line metadata.jsonl, line 4: is no object in JSON; left out",
    'malformed-annotation 1.png: line 2: "{\\"bbox\\":[1,2]}" is no box of four numbers; left out',
    "no-box sub/2.png: has no box; left out",
  ]);
  expect(notes).toEqual(["The column objects.bbox is taken as [x, y, width, height], as COCO has it."]);
  // A class of the picture says more; the boxes are passed over with a note.
  const labelled = await open({ "metadata.jsonl": `${JSON.stringify({ ...(lines[0] as object), label: "red" })}\n` });
  expect(labelled.images.map(({ className, boxes }) => [className, boxes])).toEqual([["red", undefined]]);
  expect(labelled.notes).toContain(
    "The boxes in metadata.jsonl (objects) are not read: a CSV of boxes or COCO's JSON is.",
  );
  const parts = await open(
    {
      "train/metadata.jsonl": JSON.stringify(lines[1]).replace("1.png", "a.png"),
      "train/a.png": "4x4",
      "test/metadata.jsonl": JSON.stringify(lines[1]).replace("1.png", "b.png"),
      "test/b.png": "4x4",
    },
    { split: "test" },
  );
  expect(parts.images.map(({ id, boxes }) => [id, boxes])).toEqual([["test/b.png", [[0, 0, 3, 3]]]]);
});

test("a file in each folder of a part", async () => {
  const files = {
    ...{ "train/metadata.csv": "file_name,label\na.png,red\n", "train/a.png": "4x4" },
    ...{ "test/metadata.csv": "file_name,label\na.png,blue\n", "test/a.png": "4x4" },
  };
  const parts = async (options: Omit<OpenDatasetOptions, "source">): Promise<unknown> =>
    (await open(files, options)).images.map(({ id, className, split }) => [id, className, split]);
  const [test, train] = [
    ["test/a.png", "blue", "test"],
    ["train/a.png", "red", "train"],
  ];
  expect(await parts({})).toEqual([test, train]);
  expect(await parts({ split: "test" })).toEqual([test]);
  await expect(parts({ split: "val" })).rejects.toThrow('there is no part "val", expected --split with train or test.');
});

describe("what is wrong", () => {
  test("with single lines is counted", async () => {
    const jsonl = [
      '{"file_name": "0.png", "label": "red"}',
      '{"file_name": "0.png", "label": "blue"}',
      "[1]",
      "{",
      "",
      '{"label": "red"}',
      '{"file_name": "1.png", "label": ["red", "blue"]}',
      '{"file_name": "gone.png", "label": "red"}',
      '{"file_name": "../out.png", "label": "red"}',
    ].join("\n");
    const { images, problems } = await open({ "metadata.jsonl": jsonl });
    expect(images.map(({ id, className }) => [id, className])).toEqual([["0.png", "red"]]);
    expect(linesOf(problems)).toEqual([
      "bad-line metadata.jsonl, line 3: is no object in JSON; left out",
      "bad-line metadata.jsonl, line 4: is no object in JSON; left out",
      "duplicate 0.png: line 2 names it again; left out",
      "bad-line metadata.jsonl, line 6: has no file_name; left out",
      'malformed-annotation 1.png: its label is ["red","blue"], not a name or an index; left out',
      "missing-picture ../out.png: leads out of data, which --follow (the option `follow`) allows; left out",
      "missing-picture gone.png: there is no data/gone.png; left out",
    ]);
    const short = await open({ "metadata.csv": "file_name,label\n0.png\n1.png,red\n" });
    expect(linesOf(short.problems)).toEqual([
      "bad-line metadata.csv, line 2: 1 fields where the first line has 2; left out",
    ]);
  });

  test("with the file as a whole is an error; a file of something else is none", async () => {
    await expect(open({ "metadata.csv": csv, "metadata.jsonl": "{}" }, { format: "metadata" })).rejects.toThrow(
      "data: there are metadata.csv and metadata.jsonl, expected one of them. Say which: --data data/metadata.csv.",
    );
    await expect(open({ "metadata.csv": "a,b\n" }, { format: "metadata" })).rejects.toThrow(
      "data/metadata.csv: there is no column file_name, expected file_name and, if wanted, label, got a,b.",
    );
    await expect(open({}, { format: "metadata" })).rejects.toThrow("there is no metadata.csv or metadata.jsonl");
    const boxes = await open({ "metadata.csv": "image,x0,y0,x1,y1\n0.png,0,0,2,2\n" });
    expect(boxes.images.map(({ boxes: own }) => own)).toEqual([[[0, 0, 2, 2]]]);
    const others = await open({ "metadata.csv": "a,b\n1,2\n", "cat/3.png": "4x4" });
    expect(others.images.map(({ className }) => className)).toEqual(["cat", "sub"]);
    expect(others.notes?.[0]).toContain("metadata.csv is not read");
  });
});

test("names with ./ in front, Windows' backslashes or the folder's own path are those of pictures", async () => {
  const lines = ["file_name,label", "./0.png,red", "sub\\2.png,blue"];
  const { images, problems, notes } = await open({ "metadata.csv": lines.join("\n") }, { classes });
  expect(images.map(({ id, label }) => [id, label])).toEqual([
    ["0.png", 1],
    ["sub/2.png", 0],
  ]);
  expect(problems).toEqual([]);
  expect(notes).toEqual(["Pictures that metadata.csv does not name are not taken: 1, such as 1.png."]);
  const twice = await open({ "metadata.csv": "file_name,label\n0.png,red\n./0.png,blue\n" }, { classes });
  expect(linesOf(twice.problems)).toEqual(["duplicate 0.png: line 3 names it again; left out"]);
});

test("a CSV with semicolons", async () => {
  expect(idsAndLabels(await open({ "metadata.csv": "\uFEFFfile_name;label\r\n0.png;red\r\n" }, { classes }))).toEqual([
    ["0.png", 1],
  ]);
});

test("one file beside folders of parts says the parts by its paths", async () => {
  const files = {
    ...{ "train/a.png": "4x4", "test/b.png": "4x4" },
    "metadata.csv": "file_name,label\ntrain/a.png,red\ntest/b.png,red\n0.png,blue\n",
  };
  const { images } = await open(files, { classes });
  expect(images.map(({ id, split }) => [id, split])).toEqual([
    ["0.png", undefined],
    ["test/b.png", "test"],
    ["train/a.png", "train"],
  ]);
  const test = await open(files, { split: "test", classes: { count: 2 } });
  // The class's place is the same in each part, whatever classes this one has.
  expect(test.images.map(({ id, label }) => [id, label])).toEqual([["test/b.png", 1]]);
});
