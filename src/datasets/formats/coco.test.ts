import { expect, test } from "vitest";
import { linesOf, pretendFiles } from "../../../test/pretend-files.ts";
import { BadInputError } from "../../errors.ts";
import type { Dataset } from "../dataset.ts";
import { type OpenDatasetOptions, openDataset } from "../open-dataset.ts";

function open(
  files: Readonly<Record<string, string>>,
  options: Omit<OpenDatasetOptions, "source"> = {},
  path = "data",
): Promise<Dataset> {
  return openDataset(path, { source: pretendFiles(files), ...options });
}

const categories = [
  { id: 1, name: "person" },
  { id: 10, name: "traffic light" },
];
const instances = {
  images: [
    { id: 7, file_name: "000000000007.jpg", width: 20, height: 10 },
    { id: 5, file_name: "000000000005.jpg", width: 20, height: 10 },
    { id: 6, file_name: "000000000006.jpg", width: 20, height: 10 },
  ],
  annotations: [
    { image_id: 7, category_id: 10, bbox: [1.5, 2, 3.25, 4], iscrowd: 0 },
    { image_id: 7, category_id: 1, bbox: [0, 0, 20, 10], iscrowd: 1 },
    { image_id: 5, category_id: 1, bbox: [0, 0, 20, 10], iscrowd: 0 },
    { image_id: 5, category_id: 10, bbox: [0, 0, 1, 1], iscrowd: 0 },
    { image_id: 5, category_id: 1, bbox: [3, 3, 2, 2] },
  ],
  categories,
};
const pictures = {
  "val2017/000000000005.jpg": "20x10",
  "val2017/000000000006.jpg": "20x10",
  "val2017/000000000007.jpg": "20x10",
};
const files = { "annotations/instances_val2017.json": JSON.stringify(instances), ...pictures };

test("one entry per picture and category, crowds left out, boxes as far as they reach", async () => {
  const { images, problems, name, classNames } = await open(files);
  expect([name, classNames]).toEqual(["val2017", ["person", "traffic light"]]);
  expect(images.map(({ id, label, className, boxes, split }) => ({ id, label, className, boxes, split }))).toEqual([
    {
      id: "000000000005.jpg#person",
      label: 0,
      className: "person",
      boxes: [
        [0, 0, 20, 10],
        [3, 3, 5, 5],
      ],
      split: "test",
    },
    {
      id: "000000000005.jpg#traffic-light",
      label: 1,
      className: "traffic light",
      boxes: [[0, 0, 1, 1]],
      split: "test",
    },
    {
      id: "000000000007.jpg#traffic-light",
      label: 1,
      className: "traffic light",
      boxes: [[1.5, 2, 4.75, 6]],
      split: "test",
    },
  ]);
  expect(linesOf(problems)).toEqual(["no-box 000000000006.jpg: has no box; left out"]);
  expect(await images[0].picture()).toMatchObject({ width: 20, height: 10 });
});

test("the file itself may be given; labels are the classifier's; numbers of pictures may be listed", async () => {
  const classes = { names: ["Traffic Light", "cactus"], count: 2 };
  const { images, problems } = await open(
    files,
    { classes, list: ["7", "000000000005"] },
    "data/annotations/instances_val2017.json",
  );
  expect(images.map(({ id, label }) => [id, label])).toEqual([
    ["000000000005.jpg#traffic-light", 0],
    ["000000000007.jpg#traffic-light", 0],
  ]);
  expect(linesOf(problems)).toEqual([
    'unknown-class 000000000005.jpg#person: the classifier has no class "person"; left out',
  ]);
});

test("classes that are found by the words in their names are a note", async () => {
  const { images, notes } = await open(files, { classes: { names: ["light", "a person"], count: 2 } });
  expect(images.map(({ className, label }) => [className, label])).toEqual([
    ["person", 1],
    ["traffic light", 0],
    ["traffic light", 0],
  ]);
  expect(notes).toEqual([
    "The classes are found among the model's by the words in their names: person is a person; traffic light is light.",
  ]);
});

test("several parts: the validation part unless another is named", async () => {
  const train = { ...instances, images: instances.images.slice(0, 1), annotations: instances.annotations.slice(0, 1) };
  const both = {
    ...files,
    "annotations/instances_train2017.json": JSON.stringify(train),
    "train2017/000000000007.jpg": "20x10",
  };
  expect((await open(both)).name).toBe("val2017");
  expect((await open(both, { split: "train" })).images.map(({ id, split }) => [id, split])).toEqual([
    ["000000000007.jpg#traffic-light", "train"],
  ]);
  await expect(open(both, { split: "tset" })).rejects.toThrow(
    'data/annotations: there is no part "tset", expected --split with one of train2017, val2017.',
  );
  const years = { ...files, "annotations/instances_val2014.json": JSON.stringify(instances) };
  await expect(open(years)).rejects.toThrow("there are several parts, expected --split with one of val2014, val2017.");
  expect((await open(years, { split: "val2017" })).images.length).toBe(3);
});

test("files under other names are known by what they hold", async () => {
  const json = JSON.stringify(instances);
  const moved = (folder: string) =>
    Object.fromEntries(Object.keys(pictures).map((path) => [path.replace("val2017", folder), "20x10"]));
  const layouts: readonly Readonly<Record<string, string>>[] = [
    { "labels.json": json, "package.json": "{}", ...moved("images") },
    { "_annotations.coco.json": json, ...moved(".") },
    { "annotations/all.json": json, ...moved("images") },
    { "train/_annotations.coco.json": json, ...moved("train") },
  ].map((layout) => Object.fromEntries(Object.entries(layout).map(([path, text]) => [path.replace("./", ""), text])));
  for (const layout of layouts)
    expect((await open(layout)).images.map(({ boxes }) => boxes?.length)).toEqual([2, 1, 1]);
  const parts = {
    ...{ "train/_annotations.coco.json": json, "valid/_annotations.coco.json": json },
    ...{ ...moved("train"), ...moved("valid") },
  };
  expect(await open(parts)).toMatchObject({
    name: "valid",
    notes: expect.arrayContaining(["The part valid is taken; --split takes another: train."]),
  });
  expect((await open(parts, { split: "train" })).name).toBe("train");
  await expect(open(parts, { split: "tset" })).rejects.toThrow("expected --split with one of train, valid.");
  const twoFiles = { "annotations/train.json": json, "annotations/val.json": json, ...moved("images") };
  expect((await open(twoFiles)).images[0]?.split).toBe("test");
  expect((await open(twoFiles, { split: "train" })).images[0]?.split).toBe("train");
  await expect(open(layouts[0] ?? {}, { split: "val" })).rejects.toThrow("no --split: labels.json is all there is");
});

test("parts are words in the names of files, and of the folders of pictures", async () => {
  const json = JSON.stringify(instances);
  const moved = (folder: string): Readonly<Record<string, string>> =>
    Object.fromEntries(Object.keys(pictures).map((path) => [path.replace("val2017", folder), "20x10"]));
  for (const [train, val] of [
    ["custom_train", "custom_val"],
    ["train_annotations", "val_annotations"],
    ["annotations/train", "annotations/val"],
  ]) {
    const files = { [`${train}.json`]: json, [`${val}.json`]: json };
    const set = { ...files, ...moved("train2017"), ...moved("val_images"), "images/000000000005.jpg": "4x4" };
    const read = async (split: string): Promise<unknown> => {
      const { images, problems } = await open(set, { split });
      await Promise.all(images.map(({ picture }) => picture()));
      return [images.map((one) => one.split), problems.length];
    };
    expect(await read("train")).toEqual([["train", "train", "train"], 1]);
    expect(await read("val")).toEqual([["test", "test", "test"], 1]);
  }
  const nameless = { "cats.json": json, "dogs.json": json, ...moved("images") };
  await expect(open(nameless)).rejects.toThrow(
    "there are several parts, expected the path of one of data/cats.json, data/dogs.json, as --data.",
  );
});

test("pictures elsewhere, or called by paths of another computer, are found by their names, with a note", async () => {
  const named = (prefix: string): string => {
    const images = instances.images.map((image) => ({ ...image, file_name: prefix + image.file_name }));
    return JSON.stringify({ ...instances, images });
  };
  const moved = (folder: string): Readonly<Record<string, string>> =>
    Object.fromEntries(Object.keys(pictures).map((path) => [path.replace("val2017", folder), "20x10"]));
  const elsewhere = await open({ "labels.json": named(""), ...moved("a/b") });
  expect(elsewhere.images.length).toBe(3);
  expect(elsewhere.notes).toEqual([
    "The pictures of labels.json are taken from data/a/b: no other folder in data holds any of them.",
  ]);
  for (const prefix of ["/home/me/data/", "C:\\Users\\me\\", "../pictures/", "old/place/"]) {
    const set = { "labels.json": named(prefix), ...moved("some") };
    const { images, notes } = await open(set);
    expect(images.map(({ boxes }) => boxes?.length)).toEqual([2, 1, 1]);
    expect(notes).toEqual([
      expect.stringMatching(/^Paths in labels.json are those of another place: .* as some\/000000000005\.jpg\.$/),
    ]);
    expect((await open(set, { list: ["000000000007.jpg"] })).images.length).toBe(1);
    const twice = await open({ ...set, "other/000000000005.jpg": "20x10" });
    expect(twice.images.map(({ id }) => id)).toEqual([`${prefix}000000000007.jpg#traffic-light`]);
    expect(linesOf(twice.problems)[0]).toBe(
      `missing-picture ${prefix}000000000005.jpg: there is no picture in data that it alone can be; left out`,
    );
  }
  const given = await open({ "labels.json": named("/x/"), "a.txt": "" }, { images: "data" }).catch(String);
  expect(given).toContain("the pictures are not there, such as /x/000000000005.jpg, expected them in data.");
});

test("files of formats that are not read are there, alone and beside others", async () => {
  for (const all of [true, false]) {
    const images = instances.images.map((image, index) =>
      all || index === 0 ? { ...image, file_name: image.file_name.replace("jpg", "heic") } : image,
    );
    const moved = Object.keys(pictures).map((path) => [
      all || path.endsWith("7.jpg") ? path.replace("jpg", "heic") : path,
      "20x10",
    ]);
    const text = JSON.stringify({ ...instances, images });
    const found = await open({ "annotations/instances_val2017.json": text, ...Object.fromEntries(moved) });
    expect(found.images.map(({ id }) => id.replace(/#.*/, "")).at(-1)).toBe("000000000007.heic");
    expect(linesOf(found.problems)).toEqual([`no-box 000000000006.${all ? "heic" : "jpg"}: has no box; left out`]);
  }
});

test("a long file is known by its beginning, and JSON of other kinds is none of it", async () => {
  const info = { text: "x".repeat(2 ** 20) };
  const ordered = JSON.stringify({ images: instances.images, info, annotations: instances.annotations, categories });
  const moved = Object.entries(pictures).map(([path, size]) => [path.replace("val2017", "images"), size]);
  const long = await open({ "labels.json": ordered, ...Object.fromEntries(moved) });
  expect(long.images.map(({ boxes }) => boxes?.length)).toEqual([2, 1, 1]);
  const captions = { images: instances.images, annotations: [{ image_id: 7, caption: "a" }] };
  await expect(open({ "captions.json": JSON.stringify(captions), "readme.md": "" })).rejects.toThrow("not recognized");
  const single = Object.fromEntries(Array.from({ length: 9 }, (_, i) => [`${i}.json`, JSON.stringify(instances)]));
  await expect(open(single)).rejects.toThrow("not recognized");
});

test("annotations without boxes say the classes of pictures; what lies around the folder is not read", async () => {
  const birds = {
    images: [1, 2, 3, 4, 5].map((id) => ({ id, file_name: `train_val2018/Aves/${id}.jpg`, width: 4, height: 4 })),
    annotations: [
      { id: 1, image_id: 1, category_id: 2761 },
      { id: 2, image_id: 2, category_id: 5 },
      { id: 3, image_id: 3, category_id: 5 },
      { id: 4, image_id: 3, category_id: 2761 },
      { id: 5, image_id: 5, category_id: 99 },
    ],
    categories: [
      { id: 2761, name: "Turdus merula" },
      { id: 5, name: "Parus major" },
    ],
  };
  const inner = Object.fromEntries(birds.images.map(({ file_name }) => [file_name, "4x4"]));
  const whole = pretendFiles({ ...inner, "val2018.json": JSON.stringify(birds) });
  const list: typeof whole.list = async (folder) => {
    if (folder === "data" || folder.startsWith("data/")) return whole.list(folder);
    throw new BadInputError({ where: folder, what: "leads out of the data set" });
  };
  const classes = { names: ["parus major", "turdus merula"], count: 2 };
  const { images, notes, problems } = await openDataset("data", { source: { ...whole, list }, classes });
  expect(images.map(({ id, label, className, boxes }) => [id, label, className, boxes])).toEqual([
    ["train_val2018/Aves/1.jpg", 1, "Turdus merula", undefined],
    ["train_val2018/Aves/2.jpg", 0, "Parus major", undefined],
  ]);
  expect(notes).toEqual(["No annotation in val2018.json has a box: they say the classes of pictures."]);
  expect(linesOf(problems)).toEqual([
    "malformed-annotation train_val2018/Aves/3.jpg: is of several classes; left out",
    "malformed-annotation train_val2018/Aves/4.jpg: has no annotation; left out",
    "malformed-annotation train_val2018/Aves/5.jpg: is of a category that is not there; left out",
  ]);
});

test("boxes that are shares of the picture's size", async () => {
  const annotations = [{ image_id: 7, category_id: 10, bbox: [0.25, 0.5, 0.5, 0.5] }];
  const shares = JSON.stringify({ ...instances, images: instances.images.slice(0, 1), annotations });
  const { images, notes } = await open({ "instances_val2017.json": shares, ...pictures });
  expect(images.map(({ boxes }) => boxes)).toEqual([[[5, 5, 15, 10]]]);
  expect(notes?.[0]).toContain("shares of the picture's width and height");
  expect((await open(files)).notes).toEqual([]);
});

test("what is wrong with single entries is counted", async () => {
  const broken = {
    images: [
      ...instances.images.slice(0, 2),
      { id: 9, file_name: "gone.jpg", width: 2, height: 2 },
      { id: 7, file_name: "twice.jpg" },
      { id: 8 },
    ],
    annotations: [
      { image_id: 7, category_id: 3, bbox: [0, 0, 1, 1] },
      { image_id: 7, category_id: 1, bbox: [0, 0, 1] },
      { image_id: 7, category_id: 1, bbox: [0, 0, 0, 1] },
      { image_id: 99, category_id: 1, bbox: [0, 0, 1, 1] },
      { image_id: 5, category_id: 1, bbox: [1, 1, 2, 2] },
    ],
    categories,
  };
  const { images, problems } = await open({ ...pictures, "instances_val2017.json": JSON.stringify(broken) });
  expect(images.map(({ id, boxes }) => [id, boxes])).toEqual([["000000000005.jpg#person", [[1, 1, 3, 3]]]]);
  expect(linesOf(problems)).toEqual([
    "duplicate twice.jpg: shares its number 7 with another picture; left out",
    "malformed-annotation instances_val2017.json, image 5: has no file name; left out",
    "malformed-annotation instances_val2017.json, annotation 4: is of picture 99, which is not there; left out",
    "malformed-annotation 000000000007.jpg: category 3 is not there; the box is left out",
    "malformed-annotation 000000000007.jpg: bbox is [0,0,1]; the box is left out",
    "bad-box 000000000007.jpg#person: box [0, 0, 0, 1) has no area; dropped",
    "no-box 000000000007.jpg#person: no usable box is left; left out",
    "missing-picture gone.jpg: there is no data/val2017/gone.jpg; left out",
  ]);
});

test.each([
  ["{", "is not JSON, or cut short"],
  ["[]", "is no object"],
  ['{"images":[],"annotations":[1],"categories":[]}', "entry 1 of annotations is no object"],
  ["null", "is no object"],
])("a file that says %j", async (text, message) => {
  await expect(open({ "annotations/instances_val2017.json": text, ...pictures })).rejects.toThrow(
    `data/annotations/instances_val2017.json: ${message}`,
  );
});
