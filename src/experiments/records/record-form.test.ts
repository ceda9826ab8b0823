import { expect, test } from "vitest";
import {
  isBox,
  isCount,
  isJsonObject,
  isNumber,
  isShare,
  isText,
  isTruth,
  listOf,
  objectOf,
  orNull,
  wordOf,
} from "./record-form.ts";

test("an object has exactly its names, each of its form", () => {
  const form = objectOf<{ readonly name: string; readonly size: number | null }>({
    name: isText,
    size: orNull(isNumber),
  });
  expect(
    [
      { name: "a", size: 1 },
      { size: null, name: "" },
    ].every(form),
  ).toBe(true);
  for (const value of [
    null,
    undefined,
    [],
    "a",
    {},
    { name: "a" },
    { name: "a", size: "1" },
    { name: "a", size: 1, more: 1 },
    { name: null, size: 1 },
    { name: "a", size: undefined },
  ]) {
    expect(form(value)).toBe(false);
  }
  expect(form(Object.assign(Object.create({ size: 1 }), { name: "a", other: 1 }))).toBe(false);
});

test("the forms of single values", () => {
  const passing = (form: (value: unknown) => boolean, values: readonly unknown[]) => values.filter(form);
  const values = [
    0,
    1,
    -1,
    0.5,
    1.2,
    2 ** 60,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    "0",
    true,
    null,
    undefined,
    [],
    {},
  ];
  expect(passing(isNumber, values)).toEqual([0, 1, -1, 0.5, 1.2, 2 ** 60]);
  expect(passing(isCount, values)).toEqual([0, 1]);
  expect(passing(isShare, values)).toEqual([0, 1, 0.5]);
  expect(passing(isText, values)).toEqual(["0"]);
  expect(passing(isTruth, values)).toEqual([true]);
  expect(passing(isJsonObject, values)).toEqual([{}]);
  expect(passing(wordOf(["0", "x"]), values)).toEqual(["0"]);
  expect(passing(listOf(isNumber), [[], [1, 2], [1, null], { length: 0 }, "12"])).toEqual([[], [1, 2]]);
  expect(passing(isBox, [[0, 1, 2, 3], [0, 1, 2], [0, 1, 2, "3"], [0, 1, 2, 3, 4], null])).toEqual([[0, 1, 2, 3]]);
});
