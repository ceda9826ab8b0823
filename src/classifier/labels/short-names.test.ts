import { expect, test } from "vitest";
import { imagenetLabels } from "./imagenet.ts";
import { keepNamesApart, shortNameOf } from "./short-names.ts";

test("a name is shortened at a comma with a space behind it, as between ImageNet's synonyms", () => {
  expect(shortNameOf("tabby, tabby cat")).toBe("tabby");
  expect(shortNameOf("Pepper,_bell___healthy")).toBe("Pepper,_bell___healthy");
  expect(shortNameOf("1,000 feet")).toBe("1,000 feet");
  expect(shortNameOf(", nothing before")).toBe(", nothing before");
});

test("names are whole where their short forms would not tell the classes apart", () => {
  const fruit = ["banana, ripe", "apple, red", "apple, green"];
  expect(fruit.map(shortNameOf)).toEqual(["banana", "apple", "apple"]);
  keepNamesApart(fruit);
  expect(fruit.map(shortNameOf)).toEqual(fruit);
  // A class that bears the short form of another one.
  keepNamesApart(["fig", "fig, dried"]);
  expect(shortNameOf("fig, dried")).toBe("fig, dried");
  // Classes of the very same name stay alike either way.
  keepNamesApart(["crane, bird", "plum, prune", "plum, prune"]);
  expect(shortNameOf("plum, prune")).toBe("plum");
});

test("ImageNet's thousand names are short, though two are maillots", () => {
  keepNamesApart(imagenetLabels);
  expect(imagenetLabels.map(shortNameOf).filter((name) => name.includes(", "))).toEqual([]);
  expect(shortNameOf("maillot, tank suit")).toBe("maillot");
});
