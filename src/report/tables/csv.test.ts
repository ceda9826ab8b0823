import { expect, test } from "vitest";
import { csvOf } from "./csv.ts";

test("texts are quoted where they must be, numbers have the digits that are asked for, null is empty", () => {
  expect(csvOf([["a,b", 'say "x"', null, true]])).toBe('"a,b","say ""x""",,true\r\n');
  expect(csvOf([[1 / 3, -2.5, 0]], { digits: 3 })).toBe("0.333,-2.5,0\r\n");
});

test.each([
  ["=HYPERLINK(1)", "'=HYPERLINK(1)"],
  ["+cmd|x", "'+cmd|x"],
  ["-dash.png", "'-dash.png"],
  ["@SUM(A1)", "'@SUM(A1)"],
  [" =1+1", "' =1+1"],
  ["＝1+1", "'＝1+1"],
  ["=1,2", `"'=1,2"`],
])("the text %j is no formula to a spreadsheet", (given, written) => {
  expect(csvOf([[given]])).toBe(`${written}\r\n`);
});

test.each(["-1", "+2.5e3", "pics/=1.png", "tabby - cat", "a@b", ""])(
  "%j, which is a number or begins otherwise, stays as it is",
  (text) => {
    expect(csvOf([[text, -1]])).toBe(`${text},-1\r\n`);
  },
);
