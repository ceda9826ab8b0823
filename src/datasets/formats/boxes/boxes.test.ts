import { describe, expect, test } from "vitest";
import { linesOf, pretendFiles } from "../../../../test/pretend-files.ts";
import type { Dataset } from "../../dataset.ts";
import { type OpenDatasetOptions, openDataset } from "../../open-dataset.ts";

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

test("classes from 1 to the number of classes are not taken for those after theirs", async () => {
  const csv = "image,x0,y0,x1,y1,label\na.png,0,0,20,10,1\na.png,0,0,2,1,3\n";
  await expect(open(csv, { classes: { count: 3 } })).rejects.toThrow("numbers up to 3, without 0");
  expect((await open(csv, { classes: { count: 4 } })).images.map(({ label }) => label)).toEqual([1, 3]);
});

test("semicolons with decimal commas, and tabs, as spreadsheets write them", async () => {
  const csv = "image;x0;y0;x1;y1;label\na.png;0,5;1;2,25;3;dog\n";
  const { images } = await open(csv, { classes });
  expect(images.map(({ id, label, boxes }) => [id, label, boxes])).toEqual([["a.png", 1, [[0.5, 1, 2.25, 3]]]]);
  const files = { "a.png": "20x10", "boxes.tsv": "image\tx0\ty0\tx1\ty1\na.png\t0\t1\t2\t3\n" };
  const tabs = await openDataset("data", { source: pretendFiles(files) });
  expect(tabs.images.map(({ boxes }) => boxes)).toEqual([[[0, 1, 2, 3]]]);
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
    "data/boxes.csv: the first line does not name the columns image, x0, y0, x1, y1, expected image,x0,y0,x1,y1 (or x,y,w,h or bbox) and, if wanted, label, width, height, got a.png,0,0,5,5.",
  );
  await expect(open("")).rejects.toThrow("got an empty file.");
  await expect(open("image,x0,y0,x1,y1\n")).rejects.toThrow("data: the data set has no usable image.");
  await expect(open("image,x0,y0,x1,y1\nz.png,0,0,1,1\n")).rejects.toThrow(/the pictures are not there, such as z.png/);
  await expect(open("image,x0,y0,x1,y1\na.png,0,0,1,1\n", { split: "test" })).rejects.toThrow(
    "no --split: there are no folders of parts",
  );
});

describe("boxes that are shares of the picture's size", () => {
  const note =
    "All boxes lie within [0, 1]: they are taken as shares of the picture's width and height, not as pixels.";

  test("are taken as such where all of them lie within [0, 1], and one is no whole number", async () => {
    const { images, problems, notes } = await open(
      'image,xmin,ymin,xmax,ymax\na.png,0.25,0.5,1.001,1\na.png,0,0,1,1\n"b, c.png",0,0,.5,NaN\n',
    );
    expect(images.map(({ boxes }) => boxes)).toEqual([
      [
        [5, 5, 20, 10],
        [0, 0, 20, 10],
      ],
    ]);
    expect(problems.map(({ kind }) => kind)).toEqual(["bad-box", "no-box"]);
    expect(notes).toEqual([note]);
  });

  test("are pixels where one is not, or all are whole", async () => {
    for (const [rows, box] of [
      ["a.png,0.25,0.5,0.75,1\na.png,0,0,2,2\n", [0.25, 0.5, 0.75, 1]],
      ["a.png,0,0,1,1\n", [0, 0, 1, 1]],
    ] as const) {
      const { images, notes } = await open(`image,x0,y0,x1,y1\n${rows}`);
      expect(images[0]?.boxes?.[0]).toEqual(box);
      expect(notes).toEqual([]);
    }
  });

  test("are OpenImages' by definition, whose names have no extensions", async () => {
    const csv = "ImageID,LabelName,XMin,XMax,YMin,YMax,IsGroupOf\na,dog,0,1,0,1,0\na,cat,0,1,0,1,0\n";
    const { images, notes } = await open(csv, { classes });
    expect(images.map(({ id, label, boxes }) => [id, label, boxes])).toEqual([
      ["a#dog", 1, [[0, 0, 20, 10]]],
      ["a#cat", 0, [[0, 0, 20, 10]]],
    ]);
    expect(notes).toEqual([note]);
    const grouped = await open(csv.replace("cat,0,1,0,1,0", "cat,0,1,0,1,1"), { classes });
    expect(grouped.images.map(({ id }) => id)).toEqual(["a"]);
    expect(grouped.notes).toEqual(["Boxes of groups (IsGroupOf) are left out: 1.", note]);
    expect((await open(csv.replaceAll("0,1,0,1", "0,9,0,9"), { classes })).images[0]?.boxes).toEqual([[0, 0, 9, 9]]);
  });

  test("are OpenImages' with its numbers of classes, whose names lie beside them", async () => {
    const boxes = "ImageID,LabelName,XMin,XMax,YMin,YMax\na,/m/0bt9lr,0,1,0,1\na,/m/01yrx,0,.5,0,1\na,/m/0,0,1,0,1\n";
    const files = { "validation-annotations-bbox.csv": boxes, "a.png": "20x10" };
    const names = "/m/0bt9lr,Dog\n/m/01yrx,Cat\n";
    for (const [file, text] of [
      ["class-descriptions-boxable.csv", names],
      ["oidv7-class-descriptions-boxable.csv", `LabelName,DisplayName\n${names}`],
    ]) {
      const { images, problems, notes } = await openDataset("data", {
        source: pretendFiles({ ...files, [file]: text }),
        classes,
      });
      expect(images.map(({ id, label }) => [id, label])).toEqual([
        ["a#Dog", 1],
        ["a#Cat", 0],
      ]);
      expect(linesOf(problems)).toEqual(['unknown-class a#/m/0: the classifier has no class "/m/0"; left out']);
      expect(notes?.filter((one) => one.includes("not read"))).toEqual([]);
    }
  });

  test("need the size of their picture", async () => {
    const { problems } = await open("image,x0,y0,x1,y1\nd.png,0,0,.5,1\na.png,0,0,.5,1\n");
    expect(linesOf(problems)).toEqual([
      "bad-box d.png: its boxes are shares of its size, which cannot be read; left out",
    ]);
  });
});

test("a CSV without boxes is passed over where folders say the classes, or another CSV has them", async () => {
  const pictures = { "cat/1.png": "4x4", "dog/1.png": "4x4" };
  const opened = (files: Readonly<Record<string, string>>): Promise<Dataset> =>
    openDataset("data", { source: pretendFiles(files) });
  const { images, notes } = await opened({ ...pictures, "results.csv": "a,b\n1,2\n" });
  expect(images.map(({ id, className }) => [id, className])).toEqual([
    ["cat/1.png", "cat"],
    ["dog/1.png", "dog"],
  ]);
  expect(notes).toEqual(["results.csv is not read: the classes are those of the folders."]);
  const boxes = "image,x0,y0,x1,y1\ncat/1.png,0,0,2,2\n";
  const both = await opened({ ...pictures, "results.csv": "a,b\n", "z.csv": boxes });
  expect(both.images.map(({ boxes: own }) => own)).toEqual([[[0, 0, 2, 2]]]);
  expect(both.notes).toEqual(["results.csv is not read: it has no boxes."]);
  await expect(opened({ ...pictures, "y.csv": boxes, "z.csv": boxes })).rejects.toThrow("there are several CSVs");
  // One with a part of the columns is meant, and one folder is that of its pictures.
  await expect(opened({ ...pictures, "z.csv": "image,x0,y0,x2,y2\n" })).rejects.toThrow(
    "does not name the columns x1, y1",
  );
  await expect(opened({ "img/1.png": "4x4", "z.csv": "picture,left\n" })).rejects.toThrow("does not name the columns");
});

describe("boxes in other columns", () => {
  const sizeNote = "The columns width and height are taken as the sizes of the boxes: no others say these.";
  const bboxNote = (name: string): string => `The column ${name} is taken as [x, y, width, height], as COCO has it.`;
  const read = async (csv: string): Promise<readonly [unknown, unknown, unknown]> => {
    const { images, problems, notes } = await open(csv, { classes });
    return [images.map(({ id, label, boxes }) => [id, label, boxes]), linesOf(problems), notes];
  };
  const one = [["a.png", 1, [[2, 1, 5, 3]]]];

  test.each([
    ["a corner and the size", "image,x,y,w,h,label\na.png,2,1,3,2,dog\n", []],
    ["with the picture's size", "image,width,height,x,y,w,h,label\na.png,20,10,2,1,3,2,dog\n", []],
    [
      "width and height where nothing else is the box's",
      "image,label,x,y,width,height\na.png,dog,2,1,3,2\n",
      [sizeNote],
    ],
    ["xmin with width and height", "image,label,xmin,ymin,width,height\na.png,dog,2,1,3,2\n", [sizeNote]],
    [
      "LISA's",
      "Filename;Annotation tag;Upper left corner X;Upper left corner Y;Lower right corner X;Lower right corner Y;Occluded,On another road\na.png;dog;2;1;5;3;0,0\n",
      [],
    ],
    ["NIH's", "Image Index,Finding Label,Bbox [x,y,w,h],,,\na.png,dog,2,1,3,2,,,\n", []],
    ["Udacity's", "frame,xmin,xmax,ymin,ymax,class_name\na.png,2,5,1,3,dog\n", []],
    ["columns of a bbox", "image_name,category,bbox_x,bbox_y,bbox_width,bbox_height\na.png,dog,2,1,3,2\n", []],
    [
      "labels of a spreadsheet with the picture's size",
      "label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_name,image_width,image_height\ndog,2,1,3,2,a.png,20,10\n",
      [],
    ],
    [
      "Global Wheat's",
      'image_id,width,height,bbox,class\na.png,20,10,"[2.0, 1.0, 3.0, 2.0]",dog\n',
      [bboxNote("bbox")],
    ],
    ["a bbox without brackets", "image,BBox,class\na.png,2 1 3 2,dog\n", [bboxNote("BBox")]],
    [
      "TensorFlow's, whose width and height are the picture's",
      "filename,width,height,class,xmin,ymin,xmax,ymax\na.png,20,10,dog,2,1,5,3\n",
      [],
    ],
    ["corners that are numbered 1 and 2", "path,x1,y1,x2,y2,class_name\na.png,2,1,5,3,dog\n", []],
    ["underscores, spaces and letter case", "Image Path,X_Min,Y_Min,X-Max,Y Max,Class Name\na.png,2,1,5,3,dog\n", []],
    ["sides", "image,label,left,top,right,bottom\na.png,dog,2,1,5,3\n", []],
  ])("%s", async (_name, csv, notes) => {
    expect(await read(csv)).toEqual([one, [], notes]);
  });

  test("decimal commas, shares, and a size of the picture that does not hold", async () => {
    expect((await read("image;label;x;y;w;h\na.png;dog;2,5;1;2,5;2\n"))[0]).toEqual([["a.png", 1, [[2.5, 1, 5, 3]]]]);
    expect((await read("image,label,x,y,w,h\na.png,dog,0.1,0.1,0.5,0.25\n"))[0]).toEqual([
      ["a.png", 1, [[2, 1, 12, 3.5]]],
    ]);
    const { images } = await open("image,x,y,w,h,width,height\na.png,2,1,3,2,40,20\n");
    await expect(images[0].picture()).rejects.toThrow("expected 40 × 20, got 20 × 10");
  });

  test("what a bbox is follows from all boxes of all parts, whichever pictures are wanted", async () => {
    // Corners: read as widths and heights nearly all of the training part's reach out; the only one for testing does not.
    const rows = Array.from({ length: 12 }, (_, i) => `a.png,"[${6 + (i % 3)}, ${i % 4}, 18, 9]",dog`);
    const files = {
      ...{ "train/_annotations.csv": `image,bbox,label\n${rows.join("\n")}\n`, "train/a.png": "20x10" },
      ...{ "test/_annotations.csv": 'image,bbox,label\nb.png,"[1, 1, 5, 4]",dog\n', "test/b.png": "20x10" },
    };
    const { images } = await openDataset("data", { source: pretendFiles(files), classes, split: "test", first: 1 });
    expect(images.map(({ id, boxes }) => [id, boxes])).toEqual([["test/b.png", [[1, 1, 5, 4]]]]);
  });

  test("what is no box is a problem", async () => {
    const csv =
      'image,bbox,label\na.png,"[2, 1, 3]",dog\na.png,"[2, 1, 3, x]",dog\na.png,"[2, 1, 3, 2]",dog\n"b, c.png",,dog\n';
    expect((await read(csv)).slice(0, 2)).toEqual([
      one,
      [
        'malformed-annotation a.png: line 2: "[2, 1, 3]" is no box of four numbers; left out',
        'malformed-annotation a.png: line 3: "[2, 1, 3, x]" is no box of four numbers; left out',
        'malformed-annotation b, c.png: line 5: "" is no box of four numbers; left out',
        "no-box b, c.png: has no box; left out",
      ],
    ]);
    expect((await read('image,x,y,w,h\na.png,2,1,,2\n"b, c.png",2,1,3,2\n'))[1]).toEqual([
      "bad-box a.png: box [2, 1, NaN, 3) has a coordinate that is no number; dropped",
      "no-box a.png: no usable box is left; left out",
    ]);
  });

  test("pictures in the folder that the CSV is called by", async () => {
    const idsOf = async (name: string, picture: string): Promise<unknown> => {
      const files = {
        [name]: 'image_id,bbox\n1,"[0, 0, 1, 1]"\n',
        [picture]: "4x4",
        "sample.csv": "image_id,prediction\n",
      };
      return (await openDataset("data", { source: pretendFiles(files) })).images.map(({ id }) => id);
    };
    expect(await idsOf("train.csv", "train/1.jpg")).toEqual(["1"]);
    expect(await idsOf("test_labels.csv", "images/test/1.jpg")).toEqual(["1"]);
    await expect(idsOf("train.csv", "pictures/2.jpg")).rejects.toThrow("the pictures are not there, such as 1,");
  });

  test("pictures in the only folder that holds them", async () => {
    const boxes = { "train.csv": "image_id,x0,y0,x1,y1\na/1.jpg,0,0,1,1\n2.jpg,0,0,1,1\n", "x/y/2.jpg": "4x4" };
    const found = await openDataset("data", { source: pretendFiles({ ...boxes, "x/y/a/1.jpg": "4x4" }) });
    expect(found.images.map(({ id }) => id)).toEqual(["2.jpg", "a/1.jpg"]);
    expect(found.notes).toEqual([
      "The pictures of train.csv are taken from data/x/y: no other folder in data holds any of them.",
    ]);
    for (const other of ["z/2.jpg", "x/y/z/2.jpg"]) {
      const source = pretendFiles({ ...boxes, [other]: "4x4" });
      await expect(openDataset("data", { source })).rejects.toThrow("the pictures are not there, such as 2.jpg");
    }
    const moved = {
      "train.csv": boxes["train.csv"].replace("\n2", "\nb/2"),
      "x/q/2.jpg": "4x4",
      "x/b/c/d/1.jpg": "4x4",
    };
    const scattered = await openDataset("data/train.csv", { source: pretendFiles(moved) });
    expect(scattered.images.map(({ id }) => id)).toEqual(["a/1.jpg", "b/2.jpg"]);
    expect(scattered.notes).toEqual([
      "The pictures of train.csv are found by their names alone, in whatever folder they are: a/1.jpg is x/b/c/d/1.jpg.",
    ]);
  });

  test("pictures by paths of another computer, of which no two are the same file", async () => {
    const read = async (...names: string[]): Promise<readonly [unknown, unknown, unknown]> => {
      const csv = `image,x0,y0,x1,y1\n${names.map((name) => `${name},0,0,1,1\n`).join("")}`;
      const files = { "train/1.jpg": "4x4", "train/2.jpg": "4x4", "boxes.csv": csv };
      const { images, problems, notes } = await openDataset("data", { source: pretendFiles(files) });
      return [images.map(({ id }) => id), linesOf(problems), notes];
    };
    expect(await read("/home/me/set/train/1.jpg", "/home/me/set/train/2.jpg")).toEqual([
      ["/home/me/set/train/1.jpg", "/home/me/set/train/2.jpg"],
      [],
      [
        "Paths in boxes.csv are those of another place: they are taken without their first 4 parts, /home/me/set/train/1.jpg as train/1.jpg.",
      ],
    ]);
    expect((await read("C:\\x\\1.jpg", "C:\\y\\1.jpg", "C:\\x\\2.jpg")).slice(0, 2)).toEqual([
      ["C:\\x\\2.jpg"],
      [
        "missing-picture C:\\x\\1.jpg: there is no picture in data that it alone can be; left out",
        "missing-picture C:\\y\\1.jpg: there is no picture in data that it alone can be; left out",
      ],
    ]);
  });

  test("tables of classes whose columns have such names stay what they are", async () => {
    const table = async (header: string): Promise<unknown> => {
      const files = { "t.csv": `${header}\na.png,dog,1,2\n`, "a.png": "4x4" };
      return (await openDataset("data", { source: pretendFiles(files) })).images.map(({ className, boxes }) => [
        className,
        boxes,
      ]);
    };
    for (const header of ["image,label,width,height", "image,label,x,y", "image,label,w,h"]) {
      expect(await table(header)).toEqual([["dog", undefined]]);
    }
    const beside = { "cat/1.png": "4x4", "dog/1.png": "4x4", "r.csv": "epoch,x,y,width,height\n" };
    expect((await openDataset("data", { source: pretendFiles(beside) })).images.length).toBe(2);
  });

  test("VIA's regions: rectangles, polygons, circles and ellipses; points and what is damaged are problems", async () => {
    const row = (shape: string, attributes = '{"class":"dog"}'): string =>
      ["a.png", "123", "{}", "1", "0", shape, attributes].map((field) => `"${field.replaceAll('"', '""')}"`).join(",");
    const rows = [
      row('{"name":"rect","x":2,"y":1,"width":3,"height":2}'),
      row('{"name":"polygon","all_points_x":[4,8,6],"all_points_y":[1,2,9]}', '{"type":"dog","seen":"yes"}'),
      row('{"name":"circle","cx":10,"cy":5,"r":2}', '{"animal":"dog"}'),
      row('{"name":"ellipse","cx":10,"cy":5,"rx":4,"ry":2,"theta":1.5707963267948966}'),
      row('{"name":"point","cx":10,"cy":5}'),
      row('{"name":"rect"'),
      row("{}").replace("a.png", "b, c.png"),
    ];
    const header =
      "filename,file_size,file_attributes,region_count,region_id,region_shape_attributes,region_attributes";
    const [images, problems] = await read(`${header}\n${rows.join("\n")}\n`);
    expect(images).toEqual([
      [
        "a.png",
        1,
        [
          [2, 1, 5, 3],
          [4, 1, 8, 9],
          [8, 3, 12, 7],
          [8, 1, 12, 9],
        ],
      ],
    ]);
    expect(problems).toEqual([
      'malformed-annotation a.png: line 6: "{\\"name\\":\\"point\\",\\"cx\\":10,\\"cy\\":5}" is no region with an area; left out',
      'malformed-annotation a.png: line 7: "{\\"name\\":\\"rect\\"" is no region with an area; left out',
      "no-box b, c.png: has no box; left out",
    ]);
  });
});

describe("the class", () => {
  const read = async (header: string, ...rows: string[]): Promise<unknown> => {
    const { images, notes } = await open(`${header}\n${rows.join("\n")}\n`, { classes });
    return [images.map(({ id, label }) => [id, label]), notes];
  };
  const one = [["a.png", 1]];

  test.each(["cell_type", "ClassId", "class_id", "labelid", "category id", "target", "Object", "species", "Type"])(
    "in a column %s",
    async (name) => {
      const label = /id$/i.test(name) ? "1" : "dog";
      expect(await read(`image,${name},x0,y0,x1,y1`, `a.png,${label},0,0,1,1`)).toEqual([one, []]);
    },
  );

  test("by its name where it has a number too", async () => {
    expect(await read("image,class_id,x0,y0,x1,y1,class", "a.png,0,0,0,1,1,dog")).toEqual([one, []]);
  });

  test("in the only other column of words that repeats them, with a note", async () => {
    const rows = ["a.png,dog,1,0,0,1,1", "a.png,dog,1,1,1,2,2", "a.png,dog,1,2,2,3,3"];
    const note = 'The column "beast" is taken as the class: no other says it.';
    expect(await read("image,beast,views,x0,y0,x1,y1", ...rows)).toEqual([one, [note]]);
  });

  test("or nowhere: what is not read is said", async () => {
    const none = [["a.png", undefined]];
    const rows = ["a.png,dog,1,0,0,1,1", "a.png,dog,1,1,1,2,2", "a.png,dog,1,2,2,3,3"];
    expect(await read("image,source,views,x0,y0,x1,y1", ...rows)).toEqual([
      none,
      ['No column is known to say the class (label, class or the like): "source", "views" are not read.'],
    ]);
    expect(await read("image,beast,x0,y0,x1,y1", "a.png,dog,0,0,1,1")).toEqual([
      none,
      ['No column is known to say the class (label, class or the like): "beast" is not read.'],
    ]);
  });
});

describe("a CSV without names of columns", () => {
  const csv = "images/a.png,2,1,5,3,dog\nimages/b.png,,,,,\n./images/a.png,0,0,1,1,cat\n";
  const pictures = { "images/a.png": "20x10", "images/b.png": "20x10" };
  const note = "The first line does not name the columns: they are taken as image, x0, y0, x1, y1 and the class.";

  test("of a picture, two corners and a class", async () => {
    for (const text of [csv, csv.split("\n").reverse().slice(1).reverse().join("\n")]) {
      const source = pretendFiles({ "annotations.csv": text, "classes.csv": "cat,0\ndog,1\n", ...pictures });
      const { images, problems, notes } = await openDataset("data", { source, classes });
      expect(images.map(({ id, label, boxes }) => [id, label, boxes])).toEqual([
        ["images/a.png#dog", 1, [[2, 1, 5, 3]]],
        ["images/a.png#cat", 0, [[0, 0, 1, 1]]],
      ]);
      expect(linesOf(problems)).toEqual(["no-box images/b.png: has no box; left out"]);
      expect(notes).toEqual([note, "classes.csv is not read: it has no boxes."]);
    }
  });

  test("of pictures in the folders of their classes, in parts of the same names, as Stanford's Cars are", async () => {
    const folders = ["train/audi/1.jpg", "train/bmw/2.jpg", "test/bmw/1.jpg", "test/audi/2.jpg"];
    const files = {
      "anno_train.csv": "1.jpg,0,0,2,2,1\n2.jpg,0,0,2,3,2\n",
      "anno_test.csv": "1.jpg,0,0,1,1,2\n2.jpg,0,0,1,2,1\n",
      ...Object.fromEntries(folders.map((name) => [`car_data/car_data/${name}`, "4x4"])),
    };
    const openCars = async (more: Readonly<Record<string, string>>, path = "data") => {
      const source = pretendFiles({ ...files, ...more });
      const { images, notes } = await openDataset(path, { source, classes: { names: ["bmw", "audi"], count: 2 } });
      return { found: images.map(({ id, label, boxes }) => [id, label, boxes?.[0]]), notes };
    };
    const train = [
      ["train/1.jpg", 1, [0, 0, 2, 2]],
      ["train/2.jpg", 0, [0, 0, 2, 3]],
    ];
    const all = [["test/1.jpg", 0, [0, 0, 1, 1]], ["test/2.jpg", 1, [0, 0, 1, 2]], ...train];
    const byFolders = await openCars({});
    expect(byFolders.found).toEqual(all);
    expect(byFolders.notes?.[0]).toBe("The classes are called by the folders of their pictures: 2 is bmw.");
    expect(byFolders.notes?.[2]).toMatch(/^The pictures of anno_test\.csv are found by their names alone/);
    const listed = await openCars({ "names.csv": "audi\nbmw\n" });
    expect(listed.found).toEqual(all);
    expect(listed.notes?.[0]).toBe("The classes are called by the lines of names.csv: 1 is audi, 2 is bmw.");
    expect(listed.notes).toHaveLength(4);
    // A list of other names, or a damaged one, is none.
    for (const other of ["audi\nbmw\nseat\n", '"audi\nbmw\n']) {
      const { found, notes } = await openCars({ "names.csv": other });
      expect(found).toEqual(all);
      expect(notes?.[0]).toBe("The classes are called by the folders of their pictures: 2 is bmw.");
      expect(notes).toContain("names.csv is not read: it has no boxes.");
    }
    const one = await openCars({}, "data/anno_train.csv");
    expect(one.found.map(([, ...answer]) => answer)).toEqual(train.map(([, ...answer]) => answer));
  });

  test("begins with a picture without boxes, or is none of this", async () => {
    const source = pretendFiles({ "annotations.csv": `images/b.png,,,,,\n${csv}`, ...pictures });
    expect((await openDataset("data", { source })).images.length).toBe(2);
    await expect(open("a.png,0,0,5,5,1,1\n")).rejects.toThrow("the first line does not name");
    await expect(open("a,0,0,5,5,dog\n")).rejects.toThrow("the first line does not name");
  });
});

describe("a CSV of each part", () => {
  const csv = (name: string, kind: string): string =>
    `filename,width,height,class,xmin,ymin,xmax,ymax\n${name},20,10,${kind},2,1,5,3\n`;
  const read = async (files: Readonly<Record<string, string>>, split?: string): Promise<unknown> => {
    const { images } = await openDataset("data", { source: pretendFiles(files), split, classes });
    return images.map(({ id, split, label }) => [id, split, label]);
  };

  test("in its folder, as Roboflow exports it", async () => {
    const files = {
      "train/_annotations.csv": csv("a.jpg", "dog"),
      "train/a.jpg": "20x10",
      "valid/_annotations.csv": csv("a.jpg", "cat"),
      "valid/a.jpg": "20x10",
    };
    const [train, valid] = [
      ["train/a.jpg", "train", 1],
      ["valid/a.jpg", "val", 0],
    ];
    expect(await read(files)).toEqual([train, valid]);
    expect(await read(files, "val")).toEqual([valid]);
    await expect(read(files, "test")).rejects.toThrow('no part "test", expected --split with train or val');
  });

  test("beside folders of parts, as in TensorFlow's tutorial", async () => {
    for (const folder of ["", "images/", "data/"]) {
      const files = Object.fromEntries(
        Object.entries({
          "train_labels.csv": csv("a.jpg", "dog"),
          "test_labels.csv": csv("a.jpg", "cat"),
          "train/a.jpg": "20x10",
          "test/a.jpg": "20x10",
        }).map(([path, text]) => [folder + path, text]),
      );
      const [test, train] = [
        ["test/a.jpg", "test", 0],
        ["train/a.jpg", "train", 1],
      ];
      expect(await read(files)).toEqual([test, train]);
      expect(await read(files, "train")).toEqual([train]);
    }
  });

  test("or several of one part are asked about", async () => {
    const files = { "train.csv": csv("a.jpg", "dog"), "train_2.csv": csv("a.jpg", "dog"), "a.jpg": "20x10" };
    await expect(read(files)).rejects.toThrow("there are several CSVs, expected one, or one of each part");
  });
});

test("GTSRB's columns: both ends of a box belong to it, and classes are numbers", async () => {
  const rows = [
    "Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId\na.png;20;10;2;1;5;3;1\n",
    "Width,Height,Roi.X1,Roi.Y1,Roi.X2,Roi.Y2,ClassId,Path\n20,10,2,1,5,3,1,a.png\n",
  ];
  for (const csv of rows) {
    const { images, notes } = await open(csv, { classes });
    expect(images.map(({ id, label, boxes }) => [id, label, boxes])).toEqual([["a.png", 1, [[2, 1, 6, 4]]]]);
    expect(notes).toEqual(["The columns Roi.X2 and Roi.Y2 are the last pixels of the boxes, as GTSRB has them."]);
  }
});

describe("a column bbox that may hold corners", () => {
  const read = async (...boxes: (readonly number[])[]): Promise<unknown> => {
    const rows = boxes.map((box, index) => `a.png,"[${box.join(", ")}]",${index}`);
    const { images, notes } = await open(`image,bbox,label\n${rows.join("\n")}\n`);
    return [images.flatMap(({ boxes }) => boxes ?? []), notes];
  };
  const note = "The column bbox is taken as";

  test("is two corners where half of many boxes reach out otherwise", async () => {
    const corners = Array.from({ length: 10 }, (_, index) => [8, 4, 11 + (index % 5), 5 + (index % 6)]);
    const [boxes, notes] = (await read(...corners)) as [unknown[], string[]];
    expect(boxes).toEqual(corners);
    expect(notes[0]).toContain(`${note} two corners`);
    const shares = corners.map(([a, b, c, d]) => [a / 20, b / 10, c / 20, d / 10]);
    expect(((await read(...shares)) as [number[][]])[0].map((box) => box.map(Math.round))).toEqual(corners);
  });

  test("is refused where few boxes say so", async () => {
    await expect(read([8, 4, 15, 9])).rejects.toThrow(
      "the numbers in the column bbox may be [x, y, width, height], of which 1 of 1 boxes reach out of their pictures, or [x0, y0, x1, y1]",
    );
  });

  test("is a corner and a size where one box can be nothing else, or few reach out", async () => {
    const [boxes, notes] = (await read([8, 4, 15, 9], [8, 4, 5, 6])) as [unknown[], string[]];
    expect(boxes).toEqual([
      [8, 4, 20, 10],
      [8, 4, 13, 10],
    ]);
    expect(notes[0]).toContain(`${note} [x, y, width, height]`);
    const six = Array.from({ length: 5 }, (_, index) => [1, 1, 5 + index, 5]);
    expect(((await read(...six, [8, 4, 15, 9])) as [unknown[]])[0].length).toBe(6);
  });
});
