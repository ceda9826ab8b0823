import { describe, expect, test } from "vitest";
import { pretendFiles } from "../../test/pretend-files.ts";
import { AbortedError, BadInputError, MisuseError } from "../errors.ts";
import { type DatasetProblem, describeProblems } from "./dataset.ts";
import { type OpenDatasetOptions, openDataset, parseDatasetSpec } from "./open-dataset.ts";
import { recognizeDataset } from "./recognize-dataset.ts";

test("a word or a path", () => {
  expect(parseDatasetSpec("scenes")).toEqual({ kind: "scenes", count: undefined });
  expect(parseDatasetSpec("scenes:50")).toEqual({ kind: "scenes", count: 50 });
  expect(parseDatasetSpec("cifar10")).toEqual({ kind: "cifar10", folder: undefined });
  expect(parseDatasetSpec("cifar100:C:/a b")).toEqual({ kind: "cifar100", folder: "C:/a b" });
  for (const path of ["./scenes", "scenes/", "cifar", "scenes2", "/a/cifar10"]) {
    expect(parseDatasetSpec(path)).toEqual({ kind: "path", path });
  }
});

describe("formats are recognized by what only they have", () => {
  const recognized: readonly (readonly [string, string, readonly string[]])[] = [
    ["imagenet", "data", ["LOC_val_solution.csv", "val.txt", "images/a.JPEG"]],
    ["imagenet", "data", ["ILSVRC/Data/CLS-LOC/val/a.JPEG", "ILSVRC/Annotations/CLS-LOC/val/a.xml"]],
    ["imagenet", "data", ["Data/CLS-LOC/val/a.JPEG", "Annotations/CLS-LOC/val/a.xml"]],
    ["imagenet", "data", ["ILSVRC2012_img_val/a.JPEG"]],
    ["imagenet", "data", ["val/a.JPEG", "bbox_val/a.xml"]],
    ["imagenet", "data", ["a.JPEG", "a.xml"]],
    ["imagenet", "data", ["images/ILSVRC2012_val_00000001.JPEG", "val.txt"]],
    ["classes", "data", ["n01440764/ILSVRC2012_val_00000001.JPEG"]],
    ["imagenet", "data", ["pictures/a.JPEG", "boxes/a.xml"]],
    ["imagenet", "data/LOC_val_solution.csv", ["LOC_val_solution.csv"]],
    ["wsol", "data", ["image_ids.txt"]],
    ["wsol", "data", ["test/image_ids.txt", "val/image_ids.txt"]],
    ["wsol", "data/image_ids.txt", ["image_ids.txt"]],
    ["voc", "data", ["JPEGImages/1.jpg", "Annotations/1.xml", "ImageSets/Main/val.txt"]],
    ["voc", "data", ["VOC2007/JPEGImages/1.jpg"]],
    ["coco", "data", ["annotations/instances_val2017.json", "val2017/1.jpg"]],
    ["coco", "data", ["instances_val2017.json"]],
    ["coco", "data/a.json", ["a.json"]],
    ["yolo", "data/data.yaml", ["data.yaml"]],
    ["cub", "data", ["images.txt", "image_class_labels.txt", "classes.txt", "images/001.a/1.jpg"]],
    ["cub", "data", ["CUB_200_2011/images.txt", "CUB_200_2011/image_class_labels.txt", "attributes.txt"]],
    ["pets", "data", ["images/a_1.jpg", "annotations/list.txt", "annotations/test.txt", "annotations/trimaps/a_1.png"]],
    ["boxes", "data", ["mine.csv", "1.jpg"]],
    ["metadata", "data", ["train/metadata.csv", "train/1.jpg"]],
    ["metadata", "data/metadata.jsonl", ["metadata.jsonl"]],
    ["classes", "data", ["cat/deep/er/1.jpg", ".hidden/instances_val2017.json"]],
    ["boxes", "data/mine.csv", ["mine.csv"]],
    ["cifar10", "data", ["data_batch_1.bin", "batches.meta.txt"]],
    ["cifar10", "data", ["cifar-10-batches-bin/test_batch.bin"]],
    ["cifar10", "data/some.bin", ["some.bin"]],
    ["cifar100", "data", ["train.bin", "test.bin"]],
    ["cifar100", "data/test.bin", ["test.bin"]],
    ["mnist", "data", ["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]],
    ["mnist", "data", ["raw/train-images-idx3-ubyte.gz"]],
    ["arrays", "data", ["x_test.npy", "y_test.npy"]],
    ["arrays", "data/pathmnist.npz", ["pathmnist.npz"]],
    ["classes", "data", ["cat/1.jpg", "dog/1.jpg", "readme.txt"]],
    ["classes", "data", ["train/cat/1.jpg"]],
    ["pictures", "data", ["1.jpg"]],
    ["pictures", "data/1.JPG", ["1.JPG"]],
    ["parquet", "data", ["test-00000-of-00001.parquet", "README.md"]],
    ["parquet", "data", ["data/train-00000-of-00002.parquet", "README.md"]],
    ["parquet", "data/test.parquet", ["test.parquet"]],
  ];
  test.each(recognized)("%s at %s among %j", async (format, path, names) => {
    const files = Object.fromEntries(names.map((name) => [name, "1x1"]));
    expect(await recognizeDataset(path, pretendFiles(files))).toBe(format);
  });

  test("several are asked about", async () => {
    const source = pretendFiles({ "mine.csv": "", "instances_val2017.json": "" });
    const opening = openDataset("data", { source });
    await expect(opening).rejects.toThrow(MisuseError);
    await expect(opening).rejects.toThrow(
      "data: the folder may be data sets of several formats, expected one, got coco, boxes. Say which: --data-format coco or --data-format boxes (the option `format`).",
    );
  });

  test.each([
    ["train-labels-idx1-ubyte.gz", "MNIST's idx files", "Write the pictures as PNG"],
    ["cifar-10-batches-py/test_batch", "CIFAR-10 as Python's pickles", "--data cifar10 fetches"],
    ["test_32x32.mat", "MATLAB's arrays", "a CSV \\(image,label\\)"],
    ["data-00000-of-00001.arrow", "Arrow's tables", "Write them as Parquet"],
    ["validation-00000-of-00128", "TFRecords", "Write"],
    ["photos.tar.gz", "an archive", "Unpack it"],
  ])("%s is known, and not read", async (name, what, advice) => {
    const source = pretendFiles({ [name]: "", "readme.md": "" });
    const message = new RegExp(`^data: holds ${what} \\(.*\\), not read as data, .*${advice}`);
    await expect(openDataset("data", { source })).rejects.toThrow(message);
    if (name.includes("/")) return;
    await expect(openDataset(`data/${name}`, { source })).rejects.toThrow(`${name}: is ${what}, not read as data`);
  });

  test.each([
    ["label-studio.json", '[{"id":1,"annotations":[{"result":[{"from_name":"x"}]}]}]', "Label Studio's own JSON"],
    ["a.jpg.json", '{"size":{},"objects":[{"classTitle":"dog"}]}', "Supervisely's own JSON"],
    ["annotations.xml", '<annotations><meta></meta><track id="1"></track></annotations>', "CVAT's XML of a video"],
  ])("%s of a labelling tool is known, and not read", async (name, text, what) => {
    const source = pretendFiles({ [name]: text, "1.jpg": "1x1" });
    await expect(openDataset(`data/${name}`, { source })).rejects.toThrow(
      new RegExp(`^data/${name}: is ${what}, not read as data, .* Export the `),
    );
  });

  test.each([
    [["training/label_2/1.txt", "training/image_2/1.png"], "KITTI's labels"],
    [["label_2/1.txt", "image_2/1.png"], "KITTI's labels"],
    [["wider_face_split/a.txt", "WIDER_val/images/0--Parade/1.jpg"], "WIDER FACE's lists"],
    [["meta.json", "ds0/ann/1.jpg.json", "ds0/img/1.jpg"], "Supervisely's own JSON"],
  ])("the folders of %j are known, and not read", async (names, what) => {
    const source = pretendFiles(Object.fromEntries(names.map((name) => [name, "1x1"])));
    await expect(openDataset("data", { source })).rejects.toThrow(`data: holds ${what}, not read as data`);
  });

  test("nothing is said to be nothing, with what was looked for", async () => {
    const source = pretendFiles({ "a/b/readme.md": "", "notes.txt": "" });
    const opening = openDataset("data", { source });
    await expect(opening).rejects.toThrow(BadInputError);
    await expect(opening).rejects.toThrow(
      /^data: not recognized as a data set, expected LOC_val_solution.csv, .* \(imagenet\); image_ids.txt \(wsol\); .* or pictures \(pictures\), got a\/, notes.txt\./,
    );
    await expect(openDataset("data/notes.txt", { source })).rejects.toThrow(
      /not recognized as a data set, expected LOC_val_solution.csv; .*; or a picture\./,
    );
    await expect(openDataset("gone", { source })).rejects.toThrow(
      "gone: no such file or folder, expected a data set: scenes[:COUNT]",
    );
  });
});

test("what cannot be meant is misuse", async () => {
  const source = pretendFiles({ "1.jpg": "1x1" });
  const open = (options: object): Promise<unknown> => openDataset("data", { source, ...options } as OpenDatasetOptions);
  await expect(open({ frist: 3 })).rejects.toThrow('openDataset: unknown option "frist"');
  await expect(open({ first: 0 })).rejects.toThrow(
    "first: value out of range, expected an integer of at least 1, got 0.",
  );
  await expect(open({ labels: "true" })).rejects.toThrow(MisuseError);
  await expect(open({ difficult: "yes" })).rejects.toThrow(MisuseError);
  await expect(open({ format: "voc2007" })).rejects.toThrow(MisuseError);
  await expect(openDataset("cifar10", { source })).rejects.toThrow(
    "cifar10: no folder is given, expected cifar10:FOLDER.",
  );
  await expect(open({ list: "data/gone.txt" })).rejects.toThrow("data/gone.txt: no such file");
});

test("an aborted call ends as such, also in the middle", async () => {
  const names = Array.from({ length: 50 }, (_, i) => [`JPEGImages/${i}.jpg`, "1x1"]);
  const files = pretendFiles({ ...Object.fromEntries(names), "Annotations/0.xml": "" });
  await expect(openDataset("data", { source: files, signal: AbortSignal.abort() })).rejects.toThrow(AbortedError);
  const controller = new AbortController();
  const exists = async (path: string): Promise<"file" | "folder" | undefined> => {
    if (path.endsWith("/20.xml")) controller.abort();
    return files.exists(path);
  };
  const opening = openDataset("data", { source: { ...files, exists }, signal: controller.signal });
  await expect(opening).rejects.toThrow(AbortedError);
});

test("problems in one line, by kind, with an example of each", () => {
  const problem = (kind: DatasetProblem["kind"], image: string): DatasetProblem => ({ kind, image, message: "is bad" });
  expect(describeProblems([])).toBeUndefined();
  expect(describeProblems([problem("no-box", "a")])).toBe("1 problem in the data: 1 × no box (a: is bad)");
  expect(describeProblems([problem("no-box", "a"), problem("duplicate", "b"), problem("no-box", "c")])).toBe(
    "3 problems in the data: 2 × no box (such as a: is bad); 1 × duplicate (b: is bad)",
  );
});
