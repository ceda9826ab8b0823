import { expect, test } from "vitest";
import { linesOf, pretendFiles } from "../../../test/pretend-files.ts";
import { UnsupportedError } from "../../errors.ts";
import type { Dataset } from "../dataset.ts";
import { type OpenDatasetOptions, openDataset } from "../open-dataset.ts";

function open(
  files: Readonly<Record<string, string>>,
  options: Omit<OpenDatasetOptions, "source"> = {},
  path = "data",
): Promise<Dataset> {
  return openDataset(path, { source: pretendFiles(files), ...options });
}

const lists = {
  "image_ids.txt": "val/b.jpg\nval/a.jpg\n",
  "class_labels.txt": "val/a.jpg,1\nval/b.jpg,0\n",
  "localization.txt": "val/a.jpg,0,0,19,9\nval/b.jpg,1,2,3,4\nval/a.jpg,5,5,6,6\n",
  "image_sizes.txt": "val/a.jpg,20,10\nval/b.jpg,20,10\n",
};
const pictures = { "images/val/a.jpg": "20x10", "images/val/b.jpg": "20x10" };

function inFolder(folder: string, files: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(files).map(([name, text]) => [`${folder}/${name}`, text]));
}

test("images in the order of the list, boxes with their last pixels, the class number as the label", async () => {
  const { images, problems } = await open({ ...lists, ...pictures });
  expect(problems).toEqual([]);
  expect(images.map(({ id, label, boxes }) => ({ id, label, boxes }))).toEqual([
    { id: "val/b.jpg", label: 0, boxes: [[1, 2, 4, 5]] },
    {
      id: "val/a.jpg",
      label: 1,
      boxes: [
        [0, 0, 20, 10],
        [5, 5, 7, 7],
      ],
    },
  ]);
  expect(await images[0].picture()).toMatchObject({ width: 20 });
});

test("lists in a folder per part, pictures elsewhere; ILSVRC's numbers are ImageNet's", async () => {
  const files = { ...inFolder("ILSVRC/test", lists), ...inFolder("elsewhere", pictures) };
  const options = { classes: { count: 1001 }, images: "data/elsewhere/images" };
  const { images } = await open(files, options, "data/ILSVRC");
  expect(images.map(({ label, split }) => [label, split])).toEqual([
    [1, "test"],
    [2, "test"],
  ]);
  const train = { ...files, ...inFolder("ILSVRC/train", { ...lists, "image_ids.txt": "val/a.jpg\n" }) };
  expect((await open(train, { ...options, split: "train" }, "data/ILSVRC")).images.map(({ split }) => split)).toEqual([
    "train",
  ]);
  const missing = open(inFolder("ILSVRC/test", lists), {}, "data/ILSVRC");
  await expect(missing).rejects.toThrow(
    /^data\/ILSVRC\/test: the pictures are not there, such as val\/b.jpg, expected them in .*--images/,
  );
});

test("what is wrong with single lines and images is counted", async () => {
  const { images, problems } = await open(
    {
      ...pictures,
      "images/c.jpg": "20x10",
      "images/d.jpg": "20x10",
      "images/e.jpg": "20x10",
      "image_ids.txt": "val/a.jpg\nval/a.jpg\nval/b.jpg\nc.jpg\nd.jpg\ne.jpg\nf.jpg\n",
      "class_labels.txt": "val/a.jpg,1\nval/b.jpg\nc.jpg,one\nd.jpg,1\nd.jpg,2\ne.jpg,0\n",
      "localization.txt": "val/a.jpg,0,0,9,x\nval/a.jpg,0,0,9,9\n",
      "image_sizes.txt": "val/a.jpg,20,10,3\n",
    },
    { classes: { count: 2 } },
  );
  expect(images.map(({ id, boxes }) => [id, boxes])).toEqual([["val/a.jpg", [[0, 0, 10, 10]]]]);
  expect(linesOf(problems)).toEqual([
    "bad-line class_labels.txt, line 2: 1 fields where there should be 2; left out",
    "bad-line image_sizes.txt, line 1: 4 fields where there should be 3; left out",
    "duplicate val/a.jpg: is there twice; taken once",
    "bad-box val/a.jpg: box [0, 0, 10, NaN) has a coordinate that is no number; dropped",
    "missing-annotation val/b.jpg: has no line in class_labels.txt; left out",
    'malformed-annotation c.jpg: its class is "one"; left out',
    'malformed-annotation d.jpg: its class is "1 and 2"; left out',
    "no-box e.jpg: has no box; left out",
    "missing-picture f.jpg: there is no data/images/f.jpg; left out",
  ]);
});

test("masks in place of boxes are not supported", async () => {
  const files = { ...lists, ...pictures, "localization.txt": "val/a.jpg,masks/a.png,\n" };
  await expect(open(files)).rejects.toThrow(UnsupportedError);
});
