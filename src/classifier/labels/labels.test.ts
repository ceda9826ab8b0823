import { expect, test } from "vitest";
import { builtInLabels, countOfNames, findLabel, fitLabels, parseLabels } from "./labels.ts";

test("labels are read one per line, without WordNet numbers, carriage returns and a final empty line", () => {
  expect(parseLabels("n01440764 tench, Tinca tinca\r\nn01443537 goldfish\r\n\r\n", 2, "f")).toEqual([
    "tench, Tinca tinca",
    "goldfish",
  ]);
  expect(parseLabels("background\na\nb\n", 2, "f")).toEqual(["a", "b"]);
});

test.each([
  ["a heading", "Label\nant\nbee\ncat\n"],
  ["a heading of columns that nothing else tells", "class,legs\nant\nbee\ncat\n"],
  ["remarks", "# insects\nant\nbee\n# and others\ncat\n"],
  ["empty lines", "ant\n\nbee\n\ncat\n"],
  ["JSON, an object a line", '{"id": 1, "label": "bee"}\n{"id": 0, "label": "ant"}\n{"id": 2, "label": "cat"}\n'],
])("%s among the lines is no name", (_, text) => {
  expect(parseLabels(text, 3, "labels.txt")).toEqual(["ant", "bee", "cat"]);
});

test("a line that may be a remark is a name where the number says so", () => {
  expect(parseLabels("#ant\nlabel\n\ncat", 4, "labels.txt")).toEqual(["#ant", "label", "", "cat"]);
});

test("a list of another length says both numbers", () => {
  expect(() => parseLabels("a\nb\n", 3, "names.txt")).toThrow(
    "names.txt: the labels do not fit the model, expected 3 lines, one per class, got 2.",
  );
});

test("a class is found by number, name and synonym", () => {
  const { imagenet } = builtInLabels;
  expect(imagenet).toHaveLength(1000);
  expect(findLabel(281, imagenet, 1000)).toBe(281);
  expect(findLabel("281", imagenet, 1000)).toBe(281);
  expect(findLabel("Tabby", imagenet, 1000)).toBe(281);
  expect(findLabel("tabby, tabby cat", imagenet, 1000)).toBe(281);
  expect(() => findLabel("tabyb cat", imagenet, 1000)).toThrow('Did you mean "tabby cat"?');
  expect(() => findLabel(1000, imagenet, 1000)).toThrow("expected 0 to 999, got 1000");
  expect(() => findLabel("cat", undefined, 3)).toThrow("the model's classes have no names");
});

test("a single line is parted where it then holds as many names as there are classes", () => {
  for (const line of ["cat,dog,hot dog", "cat; dog; hot dog", "cat|dog|hot dog", "cat\tdog\thot dog"]) {
    expect(fitLabels([line], 3, "f")).toEqual(["cat", "dog", "hot dog"]);
    expect(countOfNames([line])).toBe(3);
  }
  expect(fitLabels(["cat dog fox"], 3, "f")).toEqual(["cat", "dog", "fox"]);
  expect(() => fitLabels(["cat,dog"], 3, "f")).toThrow("expected 3 lines, one per class, got 1 line of 2 names");
  // Of one number, two names are its no and its yes, and a name of two words is one name.
  expect(fitLabels(["cat,dog"], 2, "f", { isOneNumber: true })).toEqual(["cat", "dog"]);
  expect(fitLabels(["hot dog"], 2, "f", { isOneNumber: true })).toEqual(["not hot dog", "hot dog"]);
  expect(fitLabels(["hot dog"], 2, "f", { isOneNumber: false })).toEqual(["hot", "dog"]);
  expect(() => fitLabels(["cat"], 2, "f", { isOneNumber: false })).toThrow("expected 2 lines");
});

test("a text of digits that is a class's name means that class, and a number is a number", () => {
  const names = ["1", "10", "2"];
  expect(["1", "10", "2"].map((name) => findLabel(name, names, 3))).toEqual([0, 1, 2]);
  expect(findLabel("0", names, 3)).toBe(0);
  expect(findLabel(1, names, 3)).toBe(1);
});
