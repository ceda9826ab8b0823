import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BadInputError } from "../../errors.ts";
import { parseCsv, separatorOf } from "./parse-csv.ts";

const fieldsOf = (text: string): (readonly string[])[] => parseCsv(text, "a.csv").map(({ fields }) => fields);

function quoted(value: string): string {
  return `"${value.replaceAll('"', '""')}"`;
}

/** What a careful writer writes: quotes where they are needed, or everywhere. */
function written(rows: readonly (readonly string[])[], end: string, everywhere: boolean): string {
  const field = (value: string, alone: boolean): string =>
    everywhere || /[",\r\n\uFEFF]/.test(value) || (alone && value === "") ? quoted(value) : value;
  return rows.map((row) => row.map((value) => field(value, row.length === 1)).join(",") + end).join("");
}

test("RFC 4180's own examples", () => {
  expect(fieldsOf("aaa,bbb,ccc\r\nzzz,yyy,xxx")).toEqual([
    ["aaa", "bbb", "ccc"],
    ["zzz", "yyy", "xxx"],
  ]);
  expect(fieldsOf('"aaa","b\r\nbb","ccc"\r\nzzz,yyy,xxx')).toEqual([
    ["aaa", "b\r\nbb", "ccc"],
    ["zzz", "yyy", "xxx"],
  ]);
  expect(fieldsOf('"aaa","b""bb","ccc"')).toEqual([["aaa", 'b"bb', "ccc"]]);
});

test("what is written is read", () => {
  const value = fc.oneof(
    fc.string({ maxLength: 8 }),
    fc.string({ unit: fc.constantFrom('"', ",", "\n", "\r", " ", "a", "ü", "\uFEFF"), maxLength: 6 }),
  );
  const rows = fc.array(fc.array(value, { minLength: 1, maxLength: 4 }), { maxLength: 5 });
  fc.assert(
    fc.property(rows, fc.constantFrom("\n", "\r\n"), fc.boolean(), (table, end, everywhere) => {
      expect(fieldsOf(written(table, end, everywhere))).toEqual(table);
    }),
    { numRuns: 300 },
  );
});

describe("details", () => {
  test("empty fields, empty lines, a byte order mark, no end of line at the end", () => {
    expect(fieldsOf('\uFEFFa,b\n\n,\r\n""\nx,')).toEqual([["a", "b"], ["", ""], [""], ["x", ""]]);
    expect(fieldsOf("")).toEqual([]);
    expect(fieldsOf("\n\n")).toEqual([]);
  });

  test("rows know on which line they begin", () => {
    expect(parseCsv('a\n\n"b\nc",d\ne', "a.csv").map(({ line }) => line)).toEqual([1, 3, 5]);
  });

  test("quotes in the middle of an unquoted field stand for themselves; spaces are kept", () => {
    expect(fieldsOf('12" disk, x')).toEqual([['12" disk', " x"]]);
  });

  test("a long quoted field", () => {
    const long = 'x""'.repeat(300_000);
    expect(fieldsOf(`"${long}",1`)[0][0].length).toBe(600_000);
  });

  test.each([
    ['a\n"b', 2],
    ['"a"b,c', 1],
    ['a,b\nc,"d" ', 2],
  ])("%j is refused with its line", (text, line) => {
    expect(() => parseCsv(text, "a.csv")).toThrow(BadInputError);
    expect(() => parseCsv(text, "a.csv")).toThrow(`a.csv: line ${line}: a field in quotes is not closed`);
  });
});

test("what spreadsheets write in the comma's place is seen in the first line", () => {
  expect(["a,b;c", "a;b", "a\tb;c", "a\tb", "a", "", '"a,b";c\n1,2,3', "\uFEFFa;b\r\n1,5;2"].map(separatorOf)).toEqual([
    ",",
    ";",
    ";",
    "\t",
    ",",
    ",",
    ";",
    ";",
  ]);
  const rows = parseCsv('a;"b;""c"""\n1,5;2\n', "a.csv", ";");
  expect(rows.map(({ fields }) => fields)).toEqual([
    ["a", 'b;"c"'],
    ["1,5", "2"],
  ]);
  expect(parseCsv("a\tb c\n", "a.tsv", "\t")[0].fields).toEqual(["a", "b c"]);
});
