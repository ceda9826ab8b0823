import { expect, test } from "vitest";
import { linesOf, pretendFiles } from "../../../../test/pretend-files.ts";
import type { Picture } from "../../../image/picture.ts";
import type { Dataset } from "../../dataset.ts";
import { type OpenDatasetOptions, openDataset } from "../../open-dataset.ts";

function open(
  files: Readonly<Record<string, string>>,
  options: Omit<OpenDatasetOptions, "source"> = {},
  path = "data",
): Promise<Dataset> {
  return openDataset(path, { source: pretendFiles(files), ...options });
}

const side = 8;
const pixels = (start: number, count = side * side): string[] =>
  Array.from({ length: count }, (_, index) => String((start + index) % 256));
const names = pixels(0).map((number) => `pixel${number}`);
const classes = { count: 10 };
const dataOf = async ({ images }: Dataset, index = 0): Promise<number[]> =>
  Array.from(((await images[index].picture()) as Picture).data);
const seen = ({ images }: Dataset): unknown[] => images.map(({ id, label, split }) => [id, label, split]);

test.each([
  [
    "without names",
    [
      ["7", ...pixels(0)],
      ["3", ...pixels(9)],
    ],
  ],
  [
    "with names",
    [
      ["label", ...names],
      ["7", ...pixels(0)],
      ["3", ...pixels(9)],
    ],
  ],
  [
    "with the class last",
    [
      [...names, "Label"],
      [...pixels(0), "7"],
      [...pixels(9), "3"],
    ],
  ],
  [
    "in one column",
    [
      ["emotion", "pixels"],
      ["7", pixels(0).join(" ")],
      ["3", `"${pixels(9).join(" ")}"`],
    ],
  ],
])("rows of a class and pixels, %s, are pictures", async (_what, rows) => {
  const files = { "digits_test.csv": rows.map((row) => row.join(",")).join("\r\n") };
  for (const path of ["data", "data/digits_test.csv"]) {
    const opened = await open(files, { classes }, path);
    expect(seen(opened)).toEqual([
      ["digits_test/0", 7, "test"],
      ["digits_test/1", 3, "test"],
    ]);
    expect(await dataOf(opened)).toEqual(pixels(0).map(Number));
    expect(await opened.images[1].picture()).toMatchObject({ width: side, height: side, channels: 1 });
    expect([opened.problems, opened.notes]).toEqual([[], []]);
  }
});

test("parts, by the files' names or a column", async () => {
  const files = {
    "train.csv": `1,${pixels(0)}\n`,
    "test.csv": `${names}\n${pixels(0)}\n`,
    "sample_submission.csv": "ImageId,Label\n1,0\n",
  };
  const opened = await open(files, { classes });
  expect(seen(opened)).toEqual([
    ["test/0", undefined, "test"],
    ["train/0", 1, "train"],
  ]);
  const row = (usage: string): string => `2,${pixels(0).join(" ")},${usage}\n`;
  const fer = { "fer2013.csv": `emotion,pixels,Usage\n${row("Training")}${row("PublicTest")}${row("PrivateTest")}` };
  expect(seen(await open(fer, { classes }))).toEqual([
    ["fer2013/0", 2, "train"],
    ["fer2013/1", 2, "val"],
    ["fer2013/2", 2, "test"],
  ]);
  expect(seen(await open(fer, { classes, split: "test" }))).toEqual([["fer2013/2", 2, "test"]]);
  await expect(open({ "a_test.csv": `1,${pixels(0)}`, "b_test.csv": `1,${pixels(0)}` })).rejects.toThrow(
    "data: there are several tables of pictures, expected one, or one of each part, got a_test.csv, b_test.csv",
  );
});

test("three numbers for each pixel are its colors, and names may be classes", async () => {
  const opened = await open({
    "a.csv": `label,${pixels(0, 192)}\nb,${pixels(1, 192)}\na,${pixels(2, 192)}\n`.replace(
      /^label.*$/m,
      `label,${Array.from({ length: 192 }, (_, index) => `p${index}`)}`,
    ),
  });
  expect(await opened.images[0].picture()).toMatchObject({ width: side, height: side, channels: 3 });
  expect(opened.images.map(({ className, label }) => [className, label])).toEqual([
    ["b", 1],
    ["a", 0],
  ]);
  expect(opened.notes).toEqual(["Each three numbers in a.csv are taken as red, green and blue of a pixel."]);
});

test("what is wrong with rows is counted; other tables, and those beside pictures, are none", async () => {
  const good = Array.from({ length: 20 }, () => `1,${pixels(0)}`).join("\n");
  const { images, problems } = await open({ "a.csv": `${good}\n1,2\n1,${["300", ...pixels(1).slice(1)]}\n` });
  expect(images.length).toBe(20);
  expect(linesOf(problems)).toEqual([
    "bad-line a.csv, line 21: has other numbers of pixels or columns; left out",
    "bad-line a.csv, line 22: has pixels that are no whole numbers from 0 to 255; left out",
  ]);
  await expect(open({ "a.csv": `1,${["0.5", ...pixels(1).slice(1)]}\n` })).rejects.toThrow("does not name the columns");
  const beside = await open({ "cat/1.png": "4x4", "dog/1.png": "4x4", "a.csv": `1,${pixels(0)}\n` });
  expect(beside.classNames).toEqual(["cat", "dog"]);
});
