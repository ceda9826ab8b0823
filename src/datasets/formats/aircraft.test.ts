import { expect, test } from "vitest";
import { linesOf, pretendFiles } from "../../../test/pretend-files.ts";
import type { ClassifierClasses } from "../class-labels.ts";
import { type OpenDatasetOptions, openDataset } from "../open-dataset.ts";

const folder = "fgvc-aircraft-2013b/data/";
const files: Readonly<Record<string, string>> = {
  "images_variant_train.txt": "001 707-320\n",
  "images_variant_val.txt": "002 A310\n",
  "images_variant_trainval.txt": "001 707-320\n002 A310\n",
  "images_variant_test.txt": "003 707-320\n004 A310\n",
  "images_family_train.txt": "001 Boeing 707\n",
  "images_family_val.txt": "002 A310\n",
  "images_family_test.txt": "003 Boeing 707\n004 A310\n",
  "images_manufacturer_test.txt": "003 Boeing\n004 Airbus\n",
  "variants.txt": "A310\n707-320\n",
  "images_box.txt": "001 1 1 4 3\n002 2 2 3 3\n003 1 2 3 4\n004 1 1 1 1\n",
};
const pictures = Object.fromEntries(["001", "002", "003", "004"].map((id) => [`images/${id}.jpg`, "4x4"]));

async function read(
  classes: ClassifierClasses | undefined,
  own: Readonly<Record<string, string>> = files,
  options: Omit<OpenDatasetOptions, "source"> = {},
) {
  const all = Object.entries({ ...pictures, ...own }).map(([name, text]) => [folder + name, text]);
  const source = pretendFiles(Object.fromEntries(all));
  const { images, notes, problems, listedClasses } = await openDataset("data", { source, classes, ...options });
  const entries = images.map(({ id, label, className, split, boxes }) => [id, label, className, split, boxes?.[0]]);
  return { entries, notes, problems: linesOf(problems), listedClasses };
}

test("variants with their boxes, in all parts, from the folder around the archive's", async () => {
  expect(await read({ names: ["707-320", "A310"], count: 2 })).toEqual({
    entries: [
      ["001", 0, "707-320", "train", [0, 0, 4, 3]],
      ["002", 1, "A310", "val", [1, 1, 3, 3]],
      ["003", 0, "707-320", "test", [0, 1, 3, 4]],
      ["004", 1, "A310", "test", [0, 0, 1, 1]],
    ],
    notes: ["The classes are those of images_variant_*.txt, of variant, family, manufacturer."],
    problems: [],
    listedClasses: ["A310", "707-320"],
  });
  const test = await read({ count: 2 }, files, { split: "test", list: ["004.jpg"] });
  // By the order of variants.txt.
  expect(test.entries).toEqual([["004", 0, "A310", "test", [0, 0, 1, 1]]]);
});

test("families or manufacturers, where the model has these", async () => {
  const families = await read({ names: ["Boeing 707", "DC-3"], count: 2 });
  expect(families.entries.map(([id, label, className]) => [id, label, className])).toEqual([
    ["001", 0, "Boeing 707"],
    ["003", 0, "Boeing 707"],
  ]);
  expect(families.problems).toEqual([
    'unknown-class 002: the classifier has no class "A310"; left out',
    'unknown-class 004: the classifier has no class "A310"; left out',
  ]);
  const makers = await read({ names: ["airbus", "boeing", "cessna"], count: 3 });
  expect(makers.entries.map(([id, label]) => [id, label])).toEqual([
    ["003", 1],
    ["004", 0],
  ]);
  expect(makers.notes?.[0]).toContain("images_manufacturer_*.txt");
});

test("without boxes, and with lines that are none", async () => {
  const { "images_box.txt": _, ...own } = files;
  const without = await read(undefined, own);
  expect(without.entries[0]).toEqual(["001", 1, "707-320", "train", undefined]);
  expect(without.notes).toContain("There is no images_box.txt: the pictures have classes and no boxes.");
  const broken = {
    ...files,
    "images_box.txt": "001 1 1 4\n002\n003 1 2 3 4\n",
    "images_variant_val.txt": "005 A310\n",
  };
  const { entries, problems } = await read(undefined, broken);
  expect(entries.map(([id]) => id)).toEqual(["003"]);
  expect(problems).toEqual([
    'bad-line images_box.txt, line 2: "002" is no image and what belongs to it; left out',
    "bad-box 001: box [0, 0, 4, NaN) has a coordinate that is no number; dropped",
    "no-box 001: no usable box is left; left out",
    "no-box 004: has no line in images_box.txt; left out",
    "missing-picture 005.jpg: there is no data/fgvc-aircraft-2013b/data/images/005.jpg; left out",
  ]);
});
