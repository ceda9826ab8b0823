import { expect, test } from "vitest";
import { linesOf, pretendFiles } from "../../../test/pretend-files.ts";
import type { Dataset } from "../dataset.ts";
import { type OpenDatasetOptions, openDataset } from "../open-dataset.ts";

function open(csv: string, options: Omit<OpenDatasetOptions, "source"> = {}, path = "data"): Promise<Dataset> {
  const pictures = { "a.png": "20x10", "b, c.png": "20x10", "d.png": "garbage" };
  return openDataset(path, { source: pretendFiles({ "boxes.csv": csv, ...pictures }), ...options });
}

const classes = { names: ["cat", "dog", "tench, Tinca tinca"], count: 3 };

test("boxes as they are written, one entry per picture, one per class where they differ", async () => {
  const csv = `image,x0,y0,x1,y1,label,remark
a.png,0,0,20,10,dog,
"b, c.png",1,2,3.5,4,cat,"says ""hi"""
a.png,5,5,6,6,1,
a.png,1,1,2,2,n01440764,
`;
  const { images, problems } = await open(csv, { classes });
  expect(problems).toEqual([]);
  expect(images.map(({ id, label, className, boxes }) => ({ id, label, className, boxes }))).toEqual([
    { id: "a.png#dog", label: 1, className: "dog", boxes: [[0, 0, 20, 10]] },
    { id: "a.png#1", label: 1, className: "1", boxes: [[5, 5, 6, 6]] },
    { id: "a.png#n01440764", label: 2, className: "n01440764", boxes: [[1, 1, 2, 2]] },
    { id: "b, c.png", label: 0, className: "cat", boxes: [[1, 2, 3.5, 4]] },
  ]);
  expect((await open(csv, { classes, list: ["b, c.png"] })).images.map(({ id }) => id)).toEqual(["b, c.png"]);
});

test("columns in any order, under other names, without labels; the picture says its size", async () => {
  const { images, problems } = await open("YMAX,xmax,File, xmin,ymin\n10,25,a.png,0,0\n5,5,d.png,0,0\n");
  expect(images.map(({ id, label, className, boxes }) => ({ id, label, className, boxes }))).toEqual([
    { id: "a.png", label: undefined, className: undefined, boxes: [[0, 0, 20, 10]] },
    { id: "d.png", label: undefined, className: undefined, boxes: [[0, 0, 5, 5]] },
  ]);
  expect(linesOf(problems)).toEqual([
    "bad-box a.png: box [0, 0, 25, 10) reaches out of the picture of 20 × 10; clipped",
  ]);
  await expect(images[1].picture()).rejects.toThrow("data/d.png: is not a picture.");
});

test("what is wrong with single rows is counted", async () => {
  const csv = `image,x0,y0,x1,y1,label,width,height
a.png,0,0,5,5,dog,20,10
a.png,0,0,5,5,dog,20,10
a.png,0,0,5
,0,0,5,5,dog,20,10
gone.png,0,0,5,5,dog,20,10
"b, c.png",0,0,,5,dog,20,10
d.png,0,0,5,5,bird,20,10
`;
  const { images, problems } = await open(csv, { classes });
  expect(images.map(({ id }) => id)).toEqual(["a.png"]);
  expect(linesOf(problems)).toEqual([
    "bad-line boxes.csv, line 4: 4 fields where the first line has 8; left out",
    "duplicate a.png: line 3 repeats a box; left out",
    "bad-line boxes.csv, line 5: names no picture; left out",
    "bad-box b, c.png: box [0, 0, NaN, 5) has a coordinate that is no number; dropped",
    "no-box b, c.png: no usable box is left; left out",
    'unknown-class d.png: the classifier has no class "bird"; left out',
    "missing-picture gone.png: there is no data/gone.png; left out",
  ]);
});

test("a file without the columns, without rows, without its pictures; a part", async () => {
  await expect(open("a.png,0,0,5,5\n")).rejects.toThrow(
    "data/boxes.csv: the first line does not name the columns image, x0, y0, x1, y1, expected image,x0,y0,x1,y1 and, if wanted, label, width, height, got a.png,0,0,5,5.",
  );
  await expect(open("")).rejects.toThrow("got an empty file.");
  await expect(open("image,x0,y0,x1,y1\n")).rejects.toThrow("data: the data set has no usable image.");
  await expect(open("image,x0,y0,x1,y1\nz.png,0,0,1,1\n")).rejects.toThrow(/the pictures are not there, such as z.png/);
  await expect(open("image,x0,y0,x1,y1\na.png,0,0,1,1\n", { split: "test" })).rejects.toThrow(
    "this data set has no parts",
  );
});
