import { describe, expect, test } from "vitest";
import { imagenetLabels } from "../classifier/labels/imagenet.ts";
import { classLabels, matchStatedList } from "./class-labels.ts";
import { cifar10Classes, cifar100Classes } from "./formats/cifar-classes.ts";
import { imagenetSynsets } from "./formats/imagenet-synsets.ts";

const imagenet = classLabels({ names: imagenetLabels, count: 1000 });

test("a thousand WordNet numbers, sorted, each once; a hundred classes of CIFAR-100, sorted, each once", () => {
  expect(imagenetSynsets.length).toBe(1000);
  expect([...new Set(imagenetSynsets)].sort()).toEqual(imagenetSynsets);
  expect(imagenetSynsets.every((synset) => /^n\d{8}$/.test(synset))).toBe(true);
  expect(cifar100Classes.length).toBe(100);
  expect([...new Set(cifar100Classes)].sort()).toEqual(cifar100Classes);
});

describe("WordNet numbers", () => {
  test("are ImageNet's indices", () => {
    expect(imagenet.ofSynset("n01440764")).toEqual({ label: 0 });
    expect(imagenet.ofSynset("n02123045")).toEqual({ label: 281 });
    expect(imagenetLabels[281]).toMatch(/^tabby/);
    expect(imagenet.ofSynset("n15075141")).toEqual({ label: 999 });
    expect(imagenet.ofSynset("n00000001")).toEqual({ reason: 'the classifier has no class "n00000001"' });
  });

  test("are one more where there is a class for background", () => {
    const names = ["background", ...imagenetLabels];
    expect(classLabels({ names, count: 1001 }).ofSynset("n02123045")).toEqual({ label: 282 });
    expect(classLabels({ count: 1001 }).ofSynset("n02123045")).toEqual({ label: 282 });
    expect(classLabels({ count: 1000 }).ofSynset("n02123045")).toEqual({ label: 281 });
  });

  test("are looked up by their names in a classifier of other classes, also of a thousand", () => {
    const some = classLabels({ names: ["goldfish", "tabby"], count: 2 });
    expect(some.ofSynset("n02123045")).toEqual({ label: 1 });
    expect(some.ofSynset("n01440764")).toEqual({
      reason: "the classifier has no class n01440764 (tench, Tinca tinca)",
    });
    const reversed = classLabels({ names: imagenetLabels.toReversed(), count: 1000 });
    expect(reversed.ofSynset("n02123045")).toEqual({ label: 999 - 281 });
    const own = classLabels({ names: Array.from({ length: 1000 }, (_, i) => `person ${i}`), count: 1000 });
    expect("reason" in own.ofSynset("n02123045")).toBe(true);
  });
});

describe("names", () => {
  test("letter case, spaces, underscores and hyphens do not matter; synonyms do", () => {
    expect(imagenet.ofName("Tench")).toEqual({ label: 0 });
    expect(imagenet.ofName("great_white-shark")).toEqual({ label: 2 });
    expect(imagenet.ofName("diningtable")).toEqual({
      label: imagenetLabels.findIndex((name) => /^dining table/.test(name)),
    });
    expect(imagenet.ofName("teapot")).toEqual({ label: 849 });
  });

  test("an exact name comes before a synonym, and two that fit equally well are none", () => {
    const labels = classLabels({ names: ["cat, mouser", "mouser", "dog, pet", "hamster, pet"], count: 4 });
    expect(labels.ofName("mouser")).toEqual({ label: 1 });
    expect(labels.ofName("pet")).toEqual({ reason: '"pet" may be class 2 or 3' });
    expect(imagenet.ofName("crane")).toEqual({ reason: '"crane" may be class 134 or 517' });
  });

  test("there may be none", () => {
    expect(imagenet.ofName("perceptual ball")).toEqual({ reason: 'the classifier has no class "perceptual ball"' });
    expect("reason" in classLabels({ count: 10 }).ofName("cat")).toBe(true);
  });
});

test("a text is a name, else a WordNet number, else an index", () => {
  const labels = classLabels({ names: ["7", "tabby"], count: 2 });
  expect(labels.ofText("7")).toEqual({ label: 0 });
  expect(labels.ofText("n02123045")).toEqual({ label: 1 });
  expect(labels.ofText("1")).toEqual({ label: 1 });
  expect(labels.ofText("2")).toEqual({ reason: "class 2 is not one of the classifier's 2" });
});

describe("lists of classes", () => {
  const reversed = cifar10Classes.toReversed();

  test("go by name where the classifier has the names, whatever their order", () => {
    expect(matchStatedList(cifar10Classes, { names: reversed, count: 10 }).lookups).toEqual(
      cifar10Classes.map((_, index) => ({ label: 9 - index })),
    );
  });

  test("go by index where it has none of the names, and as many classes", () => {
    const names = Array.from({ length: 10 }, (_, i) => `Klasse ${i}`);
    const inOrder = cifar10Classes.map((_, label) => ({ label }));
    expect(matchStatedList(cifar10Classes, { names, count: 10 }).lookups).toEqual(inOrder);
    expect(matchStatedList(cifar10Classes, { count: 10 }).lookups).toEqual(inOrder);
    expect(matchStatedList(cifar10Classes, { count: 12 }).lookups).toEqual(inOrder);
  });

  test("do not go by index where it has some of the names, or another number of classes", () => {
    const names = ["airplane", "cactus", "chair", "donut", "duck", "hammer", "mug", "mushroom", "rocket", "teapot"];
    const found = matchStatedList(cifar10Classes, { names, count: 10 }).lookups;
    expect(found[0]).toEqual({ label: 0 });
    expect(found.slice(1).every((lookup) => "reason" in lookup)).toBe(true);
    expect(matchStatedList(["x", "y"], { names, count: 10 }).lookups.every((lookup) => "reason" in lookup)).toBe(true);
    expect(matchStatedList(cifar10Classes, { count: 9 }).lookups.every((lookup) => "reason" in lookup)).toBe(true);
  });
});
