import { describe, expect, test } from "vitest";
import { MisuseError } from "../errors.ts";
import { type Candidate, createSelection, type SelectionOptions } from "./selection.ts";

const candidates: Candidate[] = [
  { id: "a", names: ["n1/a.JPEG"] },
  { id: "b c", names: ["n1/b c.JPEG"] },
  { id: "d", names: ["n2/d.JPEG"] },
];

function chosen(options: SelectionOptions, from = candidates): string[] {
  return createSelection(options)
    .pictures(from)
    .map(({ id }) => id);
}

test("without options, all in their order", () => {
  expect(chosen({})).toEqual(["a", "b c", "d"]);
});

describe("a list", () => {
  test("has ids, file names and paths, labels behind them, comments and empty lines; the order stays the data set's", () => {
    const list = ["\uFEFF# mine", "", "d", "n1/b c.JPEG", "  a.JPEG 65  "];
    expect(chosen({ list })).toEqual(["a", "b c", "d"]);
    expect(chosen({ list: ["d.JPEG"] })).toEqual(["d"]);
    expect(chosen({ list: ["b c"] })).toEqual(["b c"]);
    expect(chosen({ list: ["a,65"] })).toEqual(["a"]);
  });

  test("counts lines that fit nothing", () => {
    const selection = createSelection({ list: ["a", "", "nobody.JPEG 3"] });
    expect(selection.pictures(candidates).map(({ id }) => id)).toEqual(["a"]);
    expect(selection.problems).toEqual([
      { kind: "bad-line", image: "line 3 of the list", message: 'no picture is called "nobody.JPEG 3"' },
    ]);
  });

  test("may name files in other folders, unless the pictures have folders themselves", () => {
    expect(chosen({ list: ["val/d.JPEG", "elsewhere/a.png 3"] })).toEqual(["a", "d"]);
    const folders = [{ id: "cat/1.png" }, { id: "dog/1.png" }, { id: "dog/2.png" }];
    expect(chosen({ list: ["dog/1.png", "2"] }, folders)).toEqual(["dog/1.png", "dog/2.png"]);
    const selection = createSelection({ list: ["1.png", "bird/2.png"] });
    expect(selection.pictures(folders)).toEqual([]);
    expect(selection.problems.map(({ message }) => message)).toEqual([
      'several pictures are called "1.png"',
      'no picture is called "bird/2.png"',
    ]);
  });

  test("finds what one picture only can be meant by", () => {
    const folders = ["blue/0.png", "blue/1.png", "red/0.png", "red/1.png", "red/new/2.png"].map((id) => ({ id }));
    expect(chosen({ list: ["red/0.png 0"] }, folders)).toEqual(["red/0.png"]);
    expect(chosen({ list: ["red/0.png,0", "blue/1"] }, folders)).toEqual(["blue/1.png", "red/0.png"]);
    expect(chosen({ list: ["data/cls/red/1.png", "./blue/0.png 7"] }, folders)).toEqual(["blue/0.png", "red/1.png"]);
    expect(chosen({ list: ["C:\\data\\red\\1.png"] }, folders)).toEqual(["red/1.png"]);
    expect(chosen({ list: ["new/2.png 1"] }, folders)).toEqual(["red/new/2.png"]);
    const parts = [{ id: "train/cat/1.png" }, { id: "val/cat/1.png" }, { id: "val/dog/1.png" }];
    expect(chosen({ list: ["dog/1"] }, parts)).toEqual(["val/dog/1.png"]);
    const selection = createSelection({ list: ["cat/1.png 3", "1.png", "test/cat/1.png"] });
    expect(selection.pictures(parts)).toEqual([]);
    expect(selection.problems.map(({ message }) => message)).toEqual([
      'several pictures are called "cat/1.png 3"',
      'several pictures are called "1.png"',
      'no picture is called "test/cat/1.png"',
    ]);
    expect(chosen({ list: ["b c.JPEG 65 tabby, tabby cat"] })).toEqual(["b c"]);
    expect(chosen({ list: ["1.png 0"] }, [{ id: "1.png" }, { id: "1.jpg" }])).toEqual(["1.png"]);
  });

  test("may name single entries of a picture", () => {
    const selection = createSelection({ list: ["a#cat", "d", "d#dog"] });
    expect(selection.pictures(candidates).map(({ id }) => id)).toEqual(["a", "d"]);
    expect(selection.entry("a", "a#cat")).toBe(true);
    expect(selection.entry("a", "a#dog")).toBe(false);
    expect(selection.entry("d", "d#cat")).toBe(true);
    expect(createSelection({}).entry("a", "a#dog")).toBe(true);
  });
});

describe("a blacklist", () => {
  const validation = [1, 36, 37].map((n) => ({ id: `ILSVRC2012_val_${String(n).padStart(8, "0")}` }));

  test("has numbers of ImageNet's validation images", () => {
    const selection = createSelection({ blacklist: ["36", "0", "x", "  37 ", ""] });
    expect(selection.pictures(validation).map(({ id }) => id)).toEqual(["ILSVRC2012_val_00000001"]);
    expect(selection.problems.map(({ image, message }) => `${image}: ${message}`)).toEqual([
      'line 2 of the blacklist: "0" is no image number',
      'line 3 of the blacklist: "x" is no image number',
    ]);
  });

  test("fits no other data set", () => {
    expect(() => chosen({ blacklist: ["1"] })).toThrow(MisuseError);
  });

  test("takes from a list without a word", () => {
    const selection = createSelection({ blacklist: ["36"], list: validation.map(({ id }) => id) });
    expect(selection.pictures(validation).length).toBe(2);
    expect(selection.problems).toEqual([]);
  });

  test("comes before the first so many", () => {
    expect(chosen({ blacklist: ["1"], first: 1 }, validation)).toEqual(["ILSVRC2012_val_00000036"]);
  });
});

test("the first so many are counted per split, after the list", () => {
  const split = (["train", "train", "test", "train", "test"] as const).map((part, i) => ({ id: `${i}`, split: part }));
  expect(chosen({ first: 1 }, split)).toEqual(["0", "2"]);
  expect(chosen({ first: 2 }, split)).toEqual(["0", "1", "2", "4"]);
  expect(chosen({ first: 1, list: ["3", "1", "4"] }, split)).toEqual(["1", "4"]);
  for (const first of [0, 1.5, Number.NaN, -1]) expect(() => createSelection({ first })).toThrow(MisuseError);
});

test("an entry of a picture with an extension is that entry alone", () => {
  const selection = createSelection({ list: ["train/1.jpg#dog", "2#cat"] });
  const chosen = selection.pictures([{ id: "train/1.jpg" }, { id: "2.jpg" }, { id: "3.jpg" }]);
  expect(chosen.map(({ id }) => id)).toEqual(["train/1.jpg", "2.jpg"]);
  expect(selection.entry("train/1.jpg", "train/1.jpg#dog")).toBe(true);
  expect(selection.entry("train/1.jpg", "train/1.jpg#cat")).toBe(false);
  expect(selection.entry("2.jpg", "2.jpg#cat")).toBe(true);
});
