import { expect, test } from "vitest";
import { linesOf, pretendFiles } from "../../../../test/pretend-files.ts";
import { openDataset } from "../../open-dataset.ts";
import { recognizeDataset } from "../../recognize-dataset.ts";

const dataset = {
  "train/Apple/1a.jpg": "20x10",
  "train/Apple/Label/1a.txt": "Apple 1.5 0.0 12.25 9.5\n",
  "train/Traffic light/2b.jpg": "20x10",
  "train/Traffic light/Label/2b.txt": "Traffic light 0 0 5 5\r\nApple 1 1 3 3\n\n",
  "test/Apple/3c.jpg": "20x10",
  "test/Apple/Label/3c.txt": "Apple 1 2 30 4\n",
};
const entries = ({ images }: Awaited<ReturnType<typeof openDataset>>) =>
  images.map(({ id, label, className, split, boxes }) => [id, label, className, split, boxes]);

test("boxes in folders Label beside the pictures, of the parts that the folders are called by", async () => {
  const found = await openDataset("data", {
    source: pretendFiles(dataset),
    classes: { names: ["apple", "traffic light"], count: 2 },
  });
  expect(await recognizeDataset("data", pretendFiles(dataset))).toBe("oidv4");
  expect(entries(found)).toEqual([
    ["test/Apple/3c.jpg", 0, "Apple", "test", [[1, 2, 20, 4]]],
    ["train/Apple/1a.jpg", 0, "Apple", "train", [[1.5, 0, 12.25, 9.5]]],
    ["train/Traffic light/2b.jpg#Traffic-light", 1, "Traffic light", "train", [[0, 0, 5, 5]]],
    ["train/Traffic light/2b.jpg#Apple", 0, "Apple", "train", [[1, 1, 3, 3]]],
  ]);
  expect(linesOf(found.problems)).toEqual([
    "bad-box test/Apple/3c.jpg: box [1, 2, 30, 4) reaches out of the picture of 20 × 10; clipped",
  ]);
  const tests = await openDataset("data", { source: pretendFiles(dataset), split: "test" });
  expect(entries(tests).map(([id]) => id)).toEqual(["test/Apple/3c.jpg"]);
  const wrapped = Object.fromEntries(
    Object.entries(dataset).map(([name, content]) => [`OID/Dataset/${name}`, content]),
  );
  expect((await openDataset("data", { source: pretendFiles(wrapped) })).images).toHaveLength(4);
});

test("what is wrong with single pictures is counted", async () => {
  const files = {
    "Apple/a.jpg": "20x10",
    "Apple/Label/a.txt": "Apple 1 2 x 4\nApple 0 0 4 4\n",
    "Apple/b.jpg": "20x10",
    "Apple/c.jpg": "20x10",
    "Apple/Label/c.txt": "\n",
    "Apple/d.jpg": "20x10",
    "Apple/Label/d.txt": "nothing\n",
  };
  const found = await openDataset("data", { source: pretendFiles(files) });
  expect(entries(found)).toEqual([["Apple/a.jpg", undefined, "Apple", undefined, [[0, 0, 4, 4]]]]);
  expect(linesOf(found.problems)).toEqual([
    "missing-annotation Apple/b.jpg: has no Apple/Label/b.txt; left out",
    "no-box Apple/c.jpg: Apple/Label/c.txt has no box; left out",
    'malformed-annotation Apple/a.jpg: Apple/Label/a.txt, line 1: "Apple 1 2 x 4" is no <class> <left> <top> <right> <bottom>; left out',
    'malformed-annotation Apple/d.jpg: Apple/Label/d.txt, line 1: "nothing" is no <class> <left> <top> <right> <bottom>; left out',
    "no-box Apple/d.jpg: has no box; left out",
  ]);
  await expect(openDataset("data", { source: pretendFiles({ "a/b.jpg": "20x10" }), format: "oidv4" })).rejects.toThrow(
    "no folder of pictures has a folder Label beside them",
  );
});

test("folders of pictures without such labels stay folders of classes, also where a class is called Label", async () => {
  const files = { "Apple/a.jpg": "20x10", "Label/b.jpg": "20x10" };
  expect(await recognizeDataset("data", pretendFiles(files))).toBe("classes");
});
