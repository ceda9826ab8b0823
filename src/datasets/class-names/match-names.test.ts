import { expect, test } from "vitest";
import { matchClassList, matchStatedList } from "../class-labels.ts";
import { matchByWords, withoutFront } from "./match-names.ts";

const labelsOf = (data: readonly string[], names: readonly string[]): unknown[] =>
  matchClassList(data, { names, count: names.length }).lookups.map((lookup) =>
    "label" in lookup ? lookup.label : undefined,
  );

test.each([
  ["001.ak47", "ak47"],
  ["3-egg", "egg"],
  ["01_palm", "palm"],
  ["n02085620-Chihuahua", "Chihuahua"],
  ["class_cat", "cat"],
  ["class__cat", "cat"],
  ["class_0", undefined],
  ["classic", undefined],
  ["2024", undefined],
  ["cat", undefined],
])("%s is %s without what stands in front", (name, rest) => {
  expect(withoutFront(name)).toBe(rest);
});

test("names are found without what stands in front of either, one-to-one", () => {
  expect(labelsOf(["001.b", "002.a"], ["a", "b"])).toEqual([1, 0]);
  expect(labelsOf(["b", "a"], ["1-a", "2-b"])).toEqual([1, 0]);
  expect(labelsOf(["001.b", "002.b"], ["a", "b"])).toEqual([0, 1]);
  expect(labelsOf(["b", "002.b"], ["a", "b"])).toEqual([1, undefined]);
  // Both have something in front: these are others.
  expect(labelsOf(["1 euro", "2 euro"], ["1 cent", "1 euro"])).toEqual([1, undefined]);
});

test("a WordNet number in front is ImageNet's where the model's classes are, and else the name behind it is the class", () => {
  const folders = ["n02085620-Chihuahua", "n02088364-beagle"];
  const { lookups, notes } = matchClassList(folders, { count: 1000 });
  expect(lookups).toEqual([{ label: 151 }, { label: 162 }]);
  expect(notes).toEqual([
    "The classes are found among the model's without the number or word in front of their names: n02085620-Chihuahua is class 151; n02088364-beagle is class 162.",
  ]);
  expect(labelsOf(folders, ["Beagle", "chihuahua"])).toEqual([1, 0]);
});

test("whole words tell classes where they do so one-to-one for all", () => {
  expect(labelsOf(["downs_negative", "downs_positive"], ["Positive", "Negative"])).toEqual([1, 0]);
  expect(labelsOf(["cats", "dogs"], ["dog", "cat"])).toEqual([1, 0]);
  expect(labelsOf(["flu", "NoFlu"], ["no flu at all", "has flu"])).toEqual([1, 0]);
  expect(matchByWords(["train_cat", "test_cat"], ["cat", "dog"]).size).toBe(0);
  expect(matchByWords(["bobcat", "dog"], ["cat", "dog"])).toEqual(new Map([[1, 1]]));
});

test("the order is not used against what a word says of one class", () => {
  expect(labelsOf(["red_negative", "other"], ["Positive", "Negative"])).toEqual([undefined, undefined]);
  expect(labelsOf(["other", "red_negative"], ["Positive", "Negative"])).toEqual([0, 1]);
  const { isByOrder, isOpen } = matchClassList(["c10", "c9"], { names: ["x", "y"], count: 2 });
  expect([isByOrder, isOpen]).toEqual([true, true]);
  // A list that states its order leaves nothing open.
  expect(matchStatedList(["c10", "c9"], { names: ["x", "y"], count: 2 }).notes).toEqual([]);
});
