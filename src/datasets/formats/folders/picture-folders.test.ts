import { describe, expect, test } from "vitest";
import { linesOf, pretendFiles } from "../../../../test/pretend-files.ts";
import type { ClassifierClasses } from "../../class-labels.ts";
import type { Dataset } from "../../dataset.ts";
import { type OpenDatasetOptions, openDataset } from "../../open-dataset.ts";

function open(
  names: readonly string[],
  options: Omit<OpenDatasetOptions, "source"> = {},
  path = "data",
): Promise<Dataset> {
  const files = Object.fromEntries(names.map((name) => [name, "4x4"]));
  return openDataset(path, { source: pretendFiles(files), ...options });
}

const idsAndLabels = ({ images }: Dataset): unknown[] => images.map(({ id, label }) => [id, label]);

const names = ["dog/2.png", "cat/10.jpg", "cat/9.jpg", "cat/notes.txt", "cat/.hidden.png"];

test("a folder per class; names of folders are classes of the classifier, or their order is", async () => {
  const own = await open(names);
  expect(idsAndLabels(own)).toEqual([
    ["cat/10.jpg", 0],
    ["cat/9.jpg", 0],
    ["dog/2.png", 1],
  ]);
  expect(own.classNames).toEqual(["cat", "dog"]);
  const named = await open(names, { classes: { names: ["dog, hound", "x", "Cat"], count: 3 } });
  expect(idsAndLabels(named)).toEqual([
    ["cat/10.jpg", 2],
    ["cat/9.jpg", 2],
    ["dog/2.png", 0],
  ]);
  const ordered = await open(names, { classes: { names: ["Katze", "Hund"], count: 2 } });
  expect(idsAndLabels(ordered)).toEqual(idsAndLabels(own));
  const some = await open(names, { classes: { names: ["dog", "bird"], count: 2 } });
  expect(idsAndLabels(some)).toEqual([["dog/2.png", 0]]);
  expect(linesOf(some.problems)[0]).toBe('unknown-class cat/10.jpg: the classifier has no class "cat"; left out');
  const predicted = await open(names, { classes: { names: ["dog", "bird"], count: 2 }, labels: "predicted" });
  expect(idsAndLabels(predicted).length).toBe(3);
});

test("WordNet numbers and class numbers as names", async () => {
  expect(idsAndLabels(await open(["n02123045/a.png"], { classes: { count: 1000 } }))).toEqual([
    ["n02123045/a.png", 281],
  ]);
  expect(idsAndLabels(await open(["7/a.png", "10/b.png"], { classes: { count: 20 } }))).toEqual([
    ["10/b.png", 10],
    ["7/a.png", 7],
  ]);
});

const partsOf = ({ images }: Dataset): unknown[] => images.map(({ id, label, split }) => [id, label, split]);

test("folders of parts above the classes; each part is one of its own", async () => {
  const files = ["train/cat/1.png", "train/dog/1.png", "val/cat/1.png", "Testing/dog/1.png", "notes/a.txt"];
  expect(partsOf(await open(files))).toEqual([
    ["Testing/dog/1.png", 1, "test"],
    ["train/cat/1.png", 0, "train"],
    ["train/dog/1.png", 1, "train"],
    ["val/cat/1.png", 0, "val"],
  ]);
  expect(partsOf(await open(files, { split: "test" }))).toEqual([["Testing/dog/1.png", 1, "test"]]);
  expect(partsOf(await open(files, { split: "val" }))).toEqual([["val/cat/1.png", 0, "val"]]);
  expect(partsOf(await open(files, { split: "validation" }))).toEqual([["val/cat/1.png", 0, "val"]]);
  expect((await open(files, { first: 1 })).images.length).toBe(3);
  for (const name of ["valid", "validation", "dev", "Valid"]) {
    expect(partsOf(await open(["train/cat/1.png", `${name}/cat/1.png`], { split: "val" }))).toEqual([
      [`${name}/cat/1.png`, 0, "val"],
    ]);
  }
  expect((await open(["train/1.png"])).images.map(({ className }) => className)).toEqual(["train"]);
  await expect(open(files, { split: "tset" })).rejects.toThrow('Did you mean "test"?');
  await expect(open(files.slice(0, 3), { split: "test" })).rejects.toThrow(
    'data: there is no part "test", expected --split with train or val.',
  );
  await expect(open(names, { split: "test" })).rejects.toThrow("expected no --split: there are no folders of parts.");
});

test("folders of parts in those of the classes", async () => {
  const files = ["cat/train/1.png", "cat/test/2.png", "dog/train/1.png"];
  expect(partsOf(await open(files))).toEqual([
    ["cat/test/2.png", 0, "test"],
    ["cat/train/1.png", 0, "train"],
    ["dog/train/1.png", 1, "train"],
  ]);
  expect(partsOf(await open([...files, "dog/other/1.png"], {})).map((one) => (one as unknown[])[2])).toEqual(
    Array(4).fill(undefined),
  );
});

test("a folder beside folders of parts that holds the same again is passed over, with a note", async () => {
  const files = ["train/cat/1.png", "test/cat/2.png"];
  const { images, notes } = await open([...files, ...files.map((file) => `xray/${file}`)]);
  expect(images.map(({ id }) => id)).toEqual(["test/cat/2.png", "train/cat/1.png"]);
  expect(notes).toContain("xray/ is passed over: it holds folders of the same parts as those beside it.");
  await expect(open([...files, "xray/train/cat/1.png", "xray/more/cat/1.png"])).rejects.toThrow("and xray beside them");
});

test("folders of parts beside others are no classes", async () => {
  await expect(open(["train/cat/1.png", "test/cat/1.png", "extra/1.png"])).rejects.toThrow(
    "data: test and train are folders of parts, and extra beside them are not, expected folders of parts only, or of classes only.",
  );
  await expect(open(["train/cat/1.png", "extra/1.png"])).rejects.toThrow("train is a folder of a part, and extra");
  // A train is a vehicle, too.
  const vehicles = await open(["train/steam/1.png", "car/red/1.png"]);
  expect(vehicles.images.map(({ className }) => className)).toEqual(["car", "train"]);
});

test("pictures in folders in a class's, however deep, and with any ending of JPEG", async () => {
  const files = ["cat/a/b/1.png", "cat/2.jfif", "cat/3.jpe", "cat/4.jif", "dog/x/1.JPEG"];
  expect(idsAndLabels(await open(files))).toEqual([
    ["cat/2.jfif", 0],
    ["cat/3.jpe", 0],
    ["cat/4.jif", 0],
    ["cat/a/b/1.png", 0],
    ["dog/x/1.JPEG", 1],
  ]);
  expect(idsAndLabels(await open(["cat/a/b/1.png"]))).toEqual([["cat/a/b/1.png", 0]]);
});

test("pictures of formats that are not read are problems", async () => {
  const classes = await open(["cat/1.png", "cat/2.HEIC", "dog/3.jp2"]);
  expect(idsAndLabels(classes)).toEqual([["cat/1.png", 0]]);
  expect(classes.classNames).toEqual(["cat", "dog"]);
  expect(linesOf(classes.problems)).toEqual([
    "unread-format cat/2.HEIC: HEIC is not read; convert it to PNG; left out",
    "unread-format dog/3.jp2: JP2 is not read; convert it to PNG; left out",
  ]);
  expect(linesOf((await open(["1.png", "2.tga"])).problems)).toEqual([
    "unread-format 2.tga: TGA is not read; convert it to PNG; left out",
  ]);
  for (const files of [["cat/2.heic"], ["2.heic"]]) {
    await expect(open(files)).rejects.toThrow("1 × picture of a format that is not read");
  }
});

test("hidden folders are no classes; what is passed over is said", async () => {
  const hidden = [".ipynb_checkpoints/x.png", "__MACOSX/q.png", ".git/objects/a", "cat/.cache/1.png"];
  const { classNames, images, notes } = await open([...names, ...hidden]);
  expect(classNames).toEqual(["cat", "dog"]);
  expect(images.length).toBe(3);
  expect(notes).toEqual([
    "Pictures in hidden folders, or in links that lead in a circle, are passed over: .ipynb_checkpoints, __MACOSX, cat/.cache.",
  ]);
  const loose = await open([...names, "stray.png", "list.json", "a.json"]);
  expect(loose.images.length).toBe(3);
  expect(loose.notes).toEqual([
    "a.json and 1 more such files are not read: the classes are those of the folders.",
    "1 picture that lies in no class's folder is passed over: stray.png.",
  ]);
  const inParts = await open(["train/cat/1.png", "train/2.png", "3.png", ".x/4.png"]);
  expect(inParts.notes).toEqual([
    "Pictures in hidden folders, or in links that lead in a circle, are passed over: .x.",
    "2 pictures that lie in no class's folder are passed over: 3.png, train/2.png.",
  ]);
  expect((await open(["1.png", "results/run/map.png", "a.jsonl"])).notes).toEqual([
    "Pictures in results/ are not taken.",
    "a.jsonl is not read: if it says what is on the pictures, give it: --data data/a.jsonl.",
  ]);
  expect((await open(names)).notes).toEqual([]);
});

test("folders without pictures are said", async () => {
  await expect(open(["1.png", "2.png"], { format: "classes" })).rejects.toThrow(
    "data: there are no folders of pictures, expected a folder per class with pictures in it, such as cat/1.jpg, got 2 pictures beside each other. --data-format pictures",
  );
  await expect(open(["cat/1.png"], { format: "pictures" })).rejects.toThrow("data: there is no picture in the folder");
  await expect(open(names, { list: ["nobody"] })).rejects.toThrow('no picture is called "nobody"');
});

test("what lies beside pictures and may say what is on them is named", async () => {
  const notesOf = async (files: Readonly<Record<string, string>>): Promise<unknown> =>
    (await openDataset("data", { source: pretendFiles({ "1.png": "4x4", ...files }) })).notes;
  expect(await notesOf({ "labels.mat": "", "readme.txt": "", "license.txt": "", "notes.md": "" })).toEqual([
    "labels.mat is not read: if it says what is on the pictures, write that as a CSV (image,label).",
  ]);
  expect(await notesOf({ "a.txt": "1.png\n", "b.json": "{}" })).toEqual([
    "b.json and 1 more such files are not read: if it says what is on the pictures, give it: --data data/b.json.",
  ]);
  const files = { "1.png": "4x4", "1.txt": "0 0.5 0.5 0.1 0.2\n3 .5 .5 1e-1 1\n", "classes.txt": "cat\n" };
  const { notes } = await openDataset("data", { source: pretendFiles(files), format: "pictures" });
  expect(notes).toEqual([
    "Beside the pictures are boxes in YOLO's form, which are not read: --data-format yolo takes them.",
  ]);
});

test("pictures alone, and one picture, have no labels", async () => {
  const { images, problems } = await open(["b.png", "a.jpg", "readme.md"]);
  expect(images.map(({ id, label, className, boxes }) => [id, label, className, boxes])).toEqual([
    ["a.jpg", undefined, undefined, undefined],
    ["b.png", undefined, undefined, undefined],
  ]);
  expect(problems).toEqual([]);
  expect((await open(["b.png"], {}, "data/b.png")).images.map(({ id }) => id)).toEqual(["b.png"]);
});

const refusalOf = (files: readonly string[], options: Omit<OpenDatasetOptions, "source">): Promise<string> =>
  open(files, options).then(
    () => "no error",
    (error: Error) => error.message,
  );

test("folders of which only their order says that they are classes are none where something else speaks against it", async () => {
  const two = { classes: { count: 2 } };
  const halves = ["one/cat/1.png", "one/dog/1.png", "half/cat/1.png", "half/dog/1.png"];
  expect(await refusalOf(halves, two)).toMatch(
    /^data: the folders half, one are none of the model's classes, and may be no classes: there are cat, dog in each of them, .* --data data\/half\. /,
  );
  expect(await refusalOf(["a/cat/1.png", "a/dog/1.png"], { classes: { count: 3 } })).toMatch(
    /^data: the folder a is none .*: all pictures are in cat, dog in it, /,
  );
  expect(await refusalOf(["images/1.png", "masks/1.png"], two)).toMatch(
    /: images, masks are mostly no name of a class, /,
  );
  const named = { classes: { names: ["cat", "dog"], count: 2 } };
  expect(await refusalOf(["imgs/cat/1.png", "imgs/dog/1.png", "scans/1.png"], named)).toMatch(/ --data data\/imgs\. /);
  // Names that the model has are classes, as are folders in which pictures lie, and parts within all classes.
  const asked = await open(halves, { classes: { names: ["half", "one"], count: 2 } });
  expect(asked.images.map(({ label }) => label)).toEqual([0, 0, 1, 1]);
  expect((await open(["a/1.png", "b/x/1.png", "b/y/1.png"], two)).images.length).toBe(3);
  expect((await open(["a/train/1.png", "a/val/1.png", "b/train/1.png", "b/val/1.png"], two)).images.length).toBe(4);
  const predicted = await open(halves, { ...two, labels: "predicted" });
  expect([predicted.images.length, predicted.listedClasses]).toEqual([4, undefined]);
});

describe("a folder that holds nothing else is none of a class, however many there are", () => {
  const classes = { names: ["bird", "dog", "cat"], count: 3 };
  const note = (folder: string): string =>
    `The folders in ${folder} are taken for the data set's: data holds no other pictures.`;
  const pets = (folder: string): string[] => ["cat/1.png", "dog/1.png"].map((name) => `${folder}/${name}`);

  test.each(["PetImages", "images", "a/b", "PetImages/PetImages"])("%s", async (folder) => {
    for (const options of [{ classes }, {}, { classes: { count: 2 } }]) {
      const { images, notes, listedClasses } = await open([...pets(folder), "readme.md"], options);
      expect(images.map(({ id, className }) => [id, className])).toEqual([
        ["cat/1.png", "cat"],
        ["dog/1.png", "dog"],
      ]);
      expect(listedClasses).toEqual(["cat", "dog"]);
      expect(notes?.[0]).toBe(note(`data/${folder}`));
    }
    expect((await open(pets(folder), { classes })).images.map(({ label }) => label)).toEqual([2, 1]);
  });

  test("with parts in it, and lists and tables beside it", async () => {
    const files = [...pets("cars/cars/train"), ...pets("cars/cars/test"), "rows.csv"];
    const { images, notes } = await open(files, { classes });
    expect(images.map(({ id, label, split }) => [id, label, split])).toEqual([
      ["test/cat/1.png", 2, "test"],
      ["test/dog/1.png", 1, "test"],
      ["train/cat/1.png", 2, "train"],
      ["train/dog/1.png", 1, "train"],
    ]);
    expect(notes).toEqual([note("data/cars/cars"), "rows.csv is not read: the classes are those of the folders."]);
    const listed = { ...Object.fromEntries(pets("x").map((name) => [name, "4x4"])), "classes.txt": "dog\ncat\n" };
    const opened = await openDataset("data", { source: pretendFiles(listed), classes: { count: 2 } });
    expect(opened.listedClasses).toEqual(["dog", "cat"]);
  });

  test("but it is a class where the model has it, or has none of the folders in it, and where pictures lie in it", async () => {
    const inCat = ["cat/a/1.png", "cat/b/1.png"];
    expect((await open(inCat, { classes })).images.map(({ label }) => label)).toEqual([2, 2]);
    expect(await refusalOf(["x/a/1.png", "x/b/1.png"], { classes })).toMatch(/the folder x is none .* in a, b in it/);
    const { images, notes } = await open(["x/1.png", "x/cat/1.png", "x/dog/1.png"]);
    expect([images.length, images[0].className, notes]).toEqual([3, "x", []]);
  });
});

test("folders called by the numbers from 1 to the number of classes are not taken for the classes after theirs", async () => {
  const files = ["1/a.png", "2/a.png", "3/a.png"];
  expect(await refusalOf(files, { classes: { count: 3 } })).toMatch(
    /numbers up to 3, without 0, and the model's are counted from 0 to 2/,
  );
  expect(idsAndLabels(await open(files, { classes: { names: ["3", "1", "2"], count: 3 } }))).toEqual([
    ["1/a.png", 1],
    ["2/a.png", 2],
    ["3/a.png", 0],
  ]);
  expect(idsAndLabels(await open(files, { classes: { count: 4 } })).length).toBe(3);
});

test("where the order of folders' numbers is not that of their text, it is said which is taken", async () => {
  const files = Array.from({ length: 11 }, (_, number) => `${number}/a.png`);
  const { images, notes } = await open(files, { classes: { count: 11 } });
  expect(images.map(({ className, label }) => Number(className) === label)).not.toContain(false);
  expect(notes).toEqual([expect.stringContaining("in the order of their text (0, 1, 10, 2, …)")]);
  const padded = files.map((file) => file.padStart(8, "0"));
  expect((await open(padded, { classes: { count: 11 } })).notes).toEqual([]);
});

test("words in the names of folders say which parts they are, also around others of the same name", async () => {
  const files = [
    ...["seg_train/seg_train/forest/1.png", "seg_train/seg_train/sea/1.png", "seg_test/seg_test/forest/2.png"],
    "seg_pred/seg_pred/9.png",
  ];
  const { notes, ...read } = await open(files, { classes: { count: 2 } });
  expect(partsOf(read as Dataset)).toEqual([
    ["seg_test/seg_test/forest/2.png", 0, "test"],
    ["seg_train/seg_train/forest/1.png", 0, "train"],
    ["seg_train/seg_train/sea/1.png", 1, "train"],
  ]);
  expect(notes).toEqual([
    "Folders are taken for parts by the words in their names: seg_pred/seg_pred/ is none of these, seg_test/seg_test/ is test, seg_train/seg_train/ is train.",
    "1 picture that lies in no class's folder is passed over: seg_pred/seg_pred/9.png.",
  ]);
  const wrapped = await open(["Final_Training/Images/00000/1.ppm", "Final_Training/Images/00001/1.ppm"]);
  expect(wrapped.images.map(({ className, split }) => [className, split])).toEqual([
    ["00000", "train"],
    ["00001", "train"],
  ]);
  expect(partsOf(await open(["train/cat/1.png", "validate/cat/1.png"], { split: "val" })).length).toBe(1);
  // Names that the model has are classes.
  const known = { names: ["train set", "test set"], count: 2 };
  expect(idsAndLabels(await open(["train_set/x/1.png", "test_set/x/1.png"], { classes: known }))).toEqual([
    ["test_set/x/1.png", 1],
    ["train_set/x/1.png", 0],
  ]);
  // Nothing is shared: these may be things.
  const things = await open(["train_station/a/1.png", "test_tube/b/1.png"]);
  expect(things.classNames).toEqual(["test_tube", "train_station"]);
});

test("folders that are called as no class, or around those of the model's classes, are refused with the right one", async () => {
  expect(await refusalOf(["bikes_test/1.png", "raw/road/1.png", "raw/mtb/1.png"], { classes: { count: 2 } })).toMatch(
    /bikes_test, raw are mostly no name of a class, .* --data data\/raw\. /,
  );
  // What one of several is called may be a thing.
  expect((await open(["train_station/1.png", "airport/1.png"], { classes: { count: 2 } })).images.length).toBe(2);
  expect((await open(["raw/1.png", "cooked/1.png"], { classes: { count: 2 } })).images.length).toBe(2);
  for (const one of ["train_set", "test images", "Validation", "image_2", "masks"]) {
    expect(await refusalOf([`${one}/1.png`, "cat/1.png"], { classes: { count: 2 } })).toMatch(
      /mostly no name of a class/,
    );
  }
  const named = { names: ["mtb", "road"], count: 2 };
  expect(await refusalOf(["a/1.png", "b/x/road/1.png", "b/x/mtb/1.png"], { classes: named })).toMatch(
    /: the folders mtb, road in them are called as the model's classes, .* --data data\/b\/x\. /,
  );
  const pictures = ["all/road/1.png", "all/mtb/1.png", "all/collage.png"];
  expect(await refusalOf(pictures, { classes: { count: 2 } })).toMatch(/most pictures are in mtb, road in it/);
  // Numbers that the model has are no names.
  const people = ["00", "01"].flatMap((one) => ["01_palm", "02_fist"].map((two) => `${one}/${two}/1.png`));
  expect(await refusalOf(people, { classes: { names: ["palm", "fist"], count: 2 } })).toMatch(
    /: there are 01_palm, 02_fist in each of them, /,
  );
});

test("a single folder that is no class of the model holds pictures without classes", async () => {
  for (const classes of [{ count: 2 }, { names: ["cat", "dog"], count: 2 }]) {
    const { images, notes } = await open(["images/1.png", "images/2.png"], { classes });
    expect(images.map(({ id, label, className }) => [id, label, className])).toEqual([
      ["images/1.png", undefined, undefined],
      ["images/2.png", undefined, undefined],
    ]);
    expect(notes).toEqual([
      "The folder images is none of the model's classes: its pictures are taken without classes.",
    ]);
  }
  const known = { classes: { names: ["images", "dog"], count: 2 } };
  expect(idsAndLabels(await open(["images/1.png"], known))).toEqual([["images/1.png", 0]]);
  expect((await open(["images/1.png"])).images[0].className).toBe("images");
});

test("names of the model's classes come before the order of the folders, and it is said how they were found", async () => {
  const words = await open(["downs_negative/1.png", "downs_positive/1.png"], {
    classes: { names: ["Positive", "Negative"], count: 2 },
  });
  expect(idsAndLabels(words)).toEqual([
    ["downs_negative/1.png", 1],
    ["downs_positive/1.png", 0],
  ]);
  expect(words.notes).toEqual([
    "The classes are found among the model's by the words in their names: downs_negative is Negative; downs_positive is Positive.",
  ]);
});

test("where the order of folders' text is not that of the numbers in them, it is said, unless a list beside them tells", async () => {
  const files = Array.from({ length: 11 }, (_, index) => `fish_${index + 1}/a.png`);
  const open11 = (more: Readonly<Record<string, string>>) =>
    openDataset("data", {
      source: pretendFiles({ ...Object.fromEntries(files.map((name) => [name, "4x4"])), ...more }),
      classes: { count: 11 },
    });
  const byText = await open11({});
  expect(byText.images.find(({ className }) => className === "fish_10")?.label).toBe(1);
  expect(byText.isOrderOpen).toBe(true);
  expect(byText.notes).toEqual([expect.stringContaining("that of their text (fish_1, fish_10, fish_11, …)")]);
  const list = files.map((name) => name.split("/")[0]).join("\n");
  const listed = await open11({ "label_list.txt": list });
  expect(listed.images.find(({ className }) => className === "fish_10")?.label).toBe(9);
  expect([listed.isOrderOpen, listed.listedClasses?.[9]]).toEqual([false, "fish_10"]);
  expect(listed.notes).toContain("The classes are in the order of label_list.txt.");
  const other = await open11({ "label_list.txt": `${list}\nfish_12` });
  expect(other.isOrderOpen).toBe(true);
});

test("classes that the names of all pictures begin with", async () => {
  const classes = { names: ["dog", "cat"], count: 2 };
  for (const folder of ["", "train/"]) {
    const { images, notes } = await open([`${folder}cat.0.jpg`, `${folder}dog_12.jpg`], { classes });
    expect(images.map(({ label, className }) => [label, className])).toEqual([
      [1, "cat"],
      [0, "dog"],
    ]);
    expect(notes).toEqual(["The classes are those that the names of the pictures begin with, as cat.0.jpg with cat."]);
  }
  const without = async (files: readonly string[], own = classes): Promise<boolean> =>
    (await open(files, { classes: own })).images.every(({ label }) => label === undefined);
  expect(await without(["cat.0.jpg", "cat.1.jpg"])).toBe(true);
  expect(await without(["cat.0.jpg", "dog.1.jpg", "3.jpg"])).toBe(true);
  const unread = await open(["cat.0.jpg", "cat.1.jpg", "dog.1.jpg", "dog.2.jpg"], { classes: { count: 2 } });
  expect(unread.notes).toEqual([expect.stringMatching(/^The names of the pictures begin with cat, dog\. /)]);
});

test("a JSON beside folders that are numbers calls them by names that the model has", async () => {
  const names = { "1": "fire lily", "2": "globe thistle", "10": "pink primrose" };
  const pictures = Object.keys(names).map((number) => [`flowers/train/${number}/a.png`, "4x4"]);
  const read = async (files: Readonly<Record<string, string>>, classes: ClassifierClasses) => {
    const source = pretendFiles({ ...Object.fromEntries(pictures), ...files });
    const { images, notes } = await openDataset("data", { source, classes });
    return [images.map(({ id, label, className }) => [id, label, className]), notes?.slice(1)];
  };
  const json = JSON.stringify({ ...names, "3": "canterbury bells" });
  const flowers = { names: ["pink primrose", "globe thistle", "fire lily"], count: 3 };
  for (const file of ["cat_to_name.json", "flowers/cat_to_name.json"]) {
    expect(await read({ [file]: json }, flowers)).toEqual([
      [
        ["train/1/a.png", 2, "fire lily"],
        ["train/10/a.png", 0, "pink primrose"],
        ["train/2/a.png", 1, "globe thistle"],
      ],
      ["The folders of the classes are called by cat_to_name.json: 1 is fire lily."],
    ]);
  }
  // Nothing is called by names that the model does not have, or where the model has the folders themselves.
  const others = await read({ "names.json": json }, { names: ["1", "2", "10"], count: 3 });
  expect(others).toEqual([
    [
      ["train/1/a.png", 0, "1"],
      ["train/10/a.png", 2, "10"],
      ["train/2/a.png", 1, "2"],
    ],
    ["names.json is not read: the classes are those of the folders."],
  ]);
});

test("a folder that holds all classes again is passed over", async () => {
  const names = ["daisy", "rose", "tulip"];
  const files = ["", "flowers/"].flatMap((folder) => names.map((name) => `${folder}${name}/1.png`));
  for (const options of [{}, { classes: { count: 3 } }, { classes: { names, count: 3 } }]) {
    const { images, notes, problems } = await open(files, options);
    expect(images.map(({ id, label }) => [id, label])).toEqual(names.map((name, index) => [`${name}/1.png`, index]));
    expect(notes).toEqual(["flowers/ is passed over: it holds folders of the same classes as those beside it."]);
    expect(problems).toEqual([]);
  }
  // One that holds others is a class.
  expect((await open([...files, "flowers/lily/1.png"])).listedClasses).toEqual(["daisy", "flowers", "rose", "tulip"]);
});

describe("lists of pictures for training and testing beside folders of classes", () => {
  const names = ["apple_pie/1", "apple_pie/2", "ramen/1", "ramen/2.b", "ramen/3"];
  const splits = async (files: Readonly<Record<string, string>>, options: Omit<OpenDatasetOptions, "source"> = {}) => {
    const pictures = Object.fromEntries(names.map((name) => [`food-101/images/${name}.jpg`, "4x4"]));
    const { images, notes } = await openDataset("data", {
      source: pretendFiles({ ...pictures, ...files }),
      ...options,
    });
    return [images.map(({ id, split }) => [id.replace(/\.jpg$/, ""), split]), notes?.slice(1)];
  };
  const lists = {
    "food-101/meta/train.txt": "apple_pie/1\nramen/1\n",
    "food-101/meta/test.txt": "apple_pie/2.jpg\nramen/2.b\n",
    "food-101/meta/classes.txt": "apple_pie\nramen\n",
  };

  test("say their parts", async () => {
    const note = "The parts are those of the lists in data/food-101/meta: test.txt, train.txt.";
    const parts = ["train", "test", "train", "test", undefined];
    expect(await splits(lists)).toEqual([names.map((name, index) => [name, parts[index]]), [note]]);
    expect(await splits(lists, { split: "test" })).toEqual([
      [
        ["apple_pie/2", "test"],
        ["ramen/2.b", "test"],
      ],
      [note],
    ]);
    const { "food-101/meta/test.txt": test, "food-101/meta/train.txt": train } = lists;
    const beside = await splits({ "food-101/TrainImages.txt": train, "food-101/TestImages.txt": test });
    expect(beside).toEqual([
      names.map((name, index) => [name, parts[index]]),
      ["The parts are those of the lists in data/food-101: TestImages.txt, TrainImages.txt."],
    ]);
  });

  test("are none where there is one part, most lines are others, or a picture is in two", async () => {
    const none = names.map((name) => [name, undefined]);
    expect((await splits({ "food-101/meta/test.txt": lists["food-101/meta/test.txt"] }))[0]).toEqual(none);
    const others = { ...lists, "food-101/meta/train.txt": "apple_pie/1\na\nb\nc\n" };
    expect((await splits(others))[0]).toEqual(none);
    expect((await splits({ ...lists, "food-101/meta/train.txt": "apple_pie/2\nramen/1\n" }))[0]).toEqual(none);
  });
});
