import { expect, test } from "vitest";
import { looksLikeYolo, parseYoloLabels } from "./yolo-labels.ts";

const objectsOf = (text: string): unknown =>
  parseYoloLabels(text).objects.map(({ classIndex, box }) => [classIndex, box]);

test("a box by its center, a polygon and an oriented box by their bounds", () => {
  expect(objectsOf("0 0.5 0.5 0.5 0.25\n")).toEqual([[0, [0.25, 0.375, 0.75, 0.625]]]);
  expect(objectsOf("2 0.25 0.5 0.75 0.125 0.5 1")).toEqual([[2, [0.25, 0.125, 0.75, 1]]]);
  expect(objectsOf("7 0.5 0.25 0.75 0.5 0.5 0.75 0.25 0.5")).toEqual([[7, [0.25, 0.25, 0.75, 0.75]]]);
});

test("Windows' and old line ends, tabs, spaces around, exponents, and a class that is written as a fraction", () => {
  expect(objectsOf("0 .5 .5 1 1\r\n\r\n  1.000000\t5e-1 +0.5 1. 1E0 \r2 0.5 0.5 0.5 0.5")).toEqual([
    [0, [0, 0, 1, 1]],
    [1, [0, 0, 1, 1]],
    [2, [0.25, 0.25, 0.75, 0.75]],
  ]);
});

test("confidences are passed over and counted, of boxes and of polygons", () => {
  const { objects, confidences, bad } = parseYoloLabels("0 0.5 0.5 1 1 0.9\n1 0 0 1 0 1 1 0.75\n");
  expect(objects.map(({ box }) => box)).toEqual([
    [0, 0, 1, 1],
    [0, 0, 1, 1],
  ]);
  expect([confidences, bad]).toEqual([2, []]);
});

test("a pose's points stand behind its box", () => {
  const { objects, bad } = parseYoloLabels("0 0.5 0.5 0.5 0.5 0.1 0.1 2 0.9 0.9 1\n0 0.5 0.5 1 1 0.1 0.1 2\n", [2, 3]);
  expect(objects).toEqual([{ classIndex: 0, box: [0.25, 0.25, 0.75, 0.75] }]);
  expect(bad).toEqual(["line 2: 8 columns where kpt_shape makes them 11"]);
});

test.each([
  ["0 0.5 0.5 nan 0.5", '"nan" is no number'],
  ["0 0.5 0.5 Infinity 0.5", '"Infinity" is no number'],
  ["0,0.5,0.5,0.5,0.5", '"0,0.5,0.5,0.5,0.5" is no number'],
  ["dog 0.5 0.5 0.5 0.5", '"dog" is no number'],
  ["-1 0.5 0.5 0.5 0.5", '"-1" is no index of a class, from 0'],
  ["0.5 0.5 0.5 0.5 0.5", '"0.5" is no index of a class, from 0'],
  ["0", "1 columns where a box has 5"],
  ["0 0.5 0.5 0.5", "4 columns where a box has 5"],
  ["0 320 240 100 50", "320 is no share of the picture's size, from 0 to 1"],
  ["0 0.5 0.5 0.5 -0.5", "-0.5 is no share of the picture's size, from 0 to 1"],
  ["0 0.5 0.5 0.5 0.5 2", "the sixth column is 2, which is no confidence"],
  ["0 0.5 0.5 0.5 0.5 0.1 0.1 1", "8 columns, which are no class and pairs of x and y"],
  [`0 ${"9".repeat(100)}x`, `"${"9".repeat(40)}…" is no number`],
])("%s is no label: %s", (line, what) => {
  const { objects, bad, lineCount } = parseYoloLabels(`0 0.5 0.5 1 1\n${line}\n`);
  expect(objects.length).toBe(1);
  expect(bad).toEqual([`line 2: ${what}`]);
  expect(lineCount).toBe(2);
});

test("a line that repeats one before it is said", () => {
  expect(parseYoloLabels("0 0.5 0.5 1 1\n1 0.5 0.5 1 1\n0 0.50 0.5 1 1\n")).toMatchObject({
    repeated: [3],
    lineCount: 3,
  });
});

test("what looks like labels: half of the lines are numbers, a cut one aside", () => {
  expect(looksLikeYolo("0 0.5 0.5 1 1\nsomething\n", true)).toBe(true);
  expect(looksLikeYolo("0 0.5 0.5 1 1\n0 0.", false)).toBe(true);
  for (const text of ["", "\n", "a photo of a cat", "1.png 3\n2.png 4", "1 2 3"]) {
    expect(looksLikeYolo(text, true)).toBe(false);
  }
  expect(looksLikeYolo("1 10 20 30 40", true)).toBe(true);
  expect(looksLikeYolo("1 10 20 30 40", true, true)).toBe(false);
  expect(looksLikeYolo("1 0.5 -0.01 1 1e-1", true, true)).toBe(true);
});
