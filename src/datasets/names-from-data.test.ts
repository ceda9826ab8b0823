import { expect, test } from "vitest";
import { namesFromData } from "./names-from-data.ts";

const data = { name: "pets", listedClasses: ["cat", "dog", "fox"] };
const codesOf = ({ warnings }: ReturnType<typeof namesFromData>) => warnings.map(({ code }) => code);

test("a classifier without names takes those of the data, where there are as many", () => {
  expect(namesFromData({ count: 3 }, data)).toEqual({
    labels: { labels: ["cat", "dog", "fox"], reason: "the classes of the data set pets, in its order", warnings: [] },
    warnings: [],
  });
  expect(namesFromData({ count: 2 }, data)).toEqual({ labels: undefined, warnings: [] });
  expect(namesFromData({ count: 3 }, { name: "photos" })).toEqual({ labels: undefined, warnings: [] });
});

test("names are given with a warning where numbers in them make their order doubtful", () => {
  const listedClasses = ["fish_1", "fish_10", "fish_2"];
  const { labels, warnings } = namesFromData({ count: 3 }, { name: "pets", listedClasses, isOrderOpen: true });
  expect(labels?.labels).toEqual(listedClasses);
  expect(warnings).toEqual([
    { code: "classes-by-order", message: expect.stringMatching(/^only the order .*\(fish_1, fish_2, fish_10, …\)/) },
  ]);
});

test("numbers name nothing", () => {
  for (const listedClasses of [
    ["0", "1", "2"],
    ["n01440764", "n01443537", "n01484850"],
  ]) {
    expect(namesFromData({ count: 3 }, { ...data, listedClasses })).toEqual({ labels: undefined, warnings: [] });
  }
});

test("fewer classes than the model's are its first ones only by chance", () => {
  const found = namesFromData({ count: 10 }, data);
  expect(found.labels).toBeUndefined();
  expect(found.warnings[0]).toMatchObject({
    code: "classes-by-order",
    message: expect.stringMatching(/^the data set pets has 3 classes \(cat, dog, fox\) and the model 10 without names/),
  });
});

test("names that have nothing in common are taken in their order, with a warning", () => {
  expect(codesOf(namesFromData({ names: ["x", "y", "z"], count: 3 }, data))).toEqual(["names-disagree"]);
  expect(codesOf(namesFromData({ names: ["x", "Dog, hound", "z"], count: 3 }, data))).toEqual([]);
  expect(codesOf(namesFromData({ names: ["x", "y"], count: 2 }, data))).toEqual([]);
});

test("names that are matched without what stands in front of them do not disagree", () => {
  const numbered = { ...data, listedClasses: ["1_cat", "2_dog", "3_fox"] };
  expect(codesOf(namesFromData({ names: ["fox", "dog", "cat"], count: 3 }, numbered))).toEqual([]);
});
