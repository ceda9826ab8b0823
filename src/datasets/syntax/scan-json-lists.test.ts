import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { BadInputError } from "../../errors.ts";
import { type JsonRecord, jsonListsScanner } from "./scan-json-lists.ts";

const lists = { images: ["id", "name"], boxes: ["of", "bbox"] };

function scan(pieces: Iterable<Uint8Array>): [list: string, record: JsonRecord, index: number][] {
  const found: [string, JsonRecord, number][] = [];
  const onRecord = (list: string, record: JsonRecord, index: number) => void found.push([list, record, index]);
  const scanner = jsonListsScanner({ where: "a.json", expected: "lists", lists, onRecord });
  for (const piece of pieces) scanner.push(piece);
  scanner.end();
  return found;
}

const scanText = (text: string) => scan([new TextEncoder().encode(text)]);

/** What JSON.parse gives, reduced to the wanted fields. */
function expected(document: Record<string, unknown>): [string, JsonRecord, number][] {
  return Object.entries(document).flatMap(([list, records]) => {
    const fields = Object.entries(lists).find(([name]) => name === list)?.[1];
    if (fields === undefined || !Array.isArray(records)) return [];
    return records.map((record, index): [string, JsonRecord, number] => [
      list,
      Object.fromEntries(Object.entries(record).filter(([field]) => fields.includes(field))),
      index,
    ]);
  });
}

test("gives what JSON.parse gives, wherever the pieces are cut and whatever lies between", () => {
  const record = (own: string[]) =>
    fc.dictionary(fc.oneof(fc.constantFrom(...own), fc.string()), fc.jsonValue(), {
      maxKeys: 5,
      noNullPrototype: true,
    });
  const document = fc.record({
    info: fc.jsonValue(),
    boxes: fc.array(record(["of", "bbox", "outline"]), { maxLength: 4 }),
    images: fc.array(record(["id", "name"]), { maxLength: 4 }),
    'more\n"lists': fc.jsonValue(),
  });
  fc.assert(
    fc.property(
      document,
      fc.integer({ min: 1, max: 40 }),
      fc.constantFrom(undefined, 1, "\t"),
      (value, size, space) => {
        const bytes = new TextEncoder().encode(JSON.stringify(value, undefined, space));
        const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
          bytes.subarray(i * size, (i + 1) * size),
        );
        expect(scan(pieces)).toEqual(expected(JSON.parse(JSON.stringify(value))));
      },
    ),
  );
});

const whole = JSON.stringify({
  images: [{ id: 1, name: 'ä\\"', x: [{}] }],
  boxes: [{ of: 1, bbox: [1, 2.5e3] }],
  z: null,
});

test("a file that is cut short anywhere is refused", () => {
  expect(scanText(whole)).toHaveLength(2);
  for (let length = 0; length < whole.length; length++) {
    expect(() => scanText(whole.slice(0, length)), `${length}`).toThrow(BadInputError);
  }
});

describe("is refused:", () => {
  test.each([
    ["[]", "is no object"],
    ["3", "is no object"],
    ['{"images": [], "boxes": 3}', "has no list of boxes"],
    ['{"images": {}, "boxes": []}', "has no list of images"],
    ['{"images": []}', "has no list of boxes"],
    ['{"images": [], "images": [], "boxes": []}', "has two lists of images"],
    ['{"images": [{}, 4], "boxes": []}', "entry 2 of images is no object"],
    ['{"images": [[1]], "boxes": []}', "entry 1 of images is no object"],
    ['{"images": [{"id": 12x}], "boxes": []}', "is not JSON"],
    ['{"images": [{"id": 1,}], "boxes": []}', "is not JSON"],
    ['{"images": [{"id" 1}], "boxes": []}', "is not JSON"],
    ['{"images": [}, "boxes": []}', "is not JSON"],
    ['{"images": [], "boxes": []} x', "is not JSON"],
    ['{"images": [], "boxes": [] "x": 1}', "is not JSON"],
    [`{"images": [{"name": "${"x".repeat(70_000)}"}], "boxes": []}`, "has a field of more than 65536 bytes"],
    [`{"x": ${"[".repeat(1000)}`, "is nested deeper than 512 levels"],
  ])("%.60s", (text, message) => {
    expect(() => scanText(text)).toThrow(`a.json: ${message}`);
  });
});

test("what is passed over takes no memory: 100 MB of outlines", () => {
  const encoder = new TextEncoder();
  const outline = encoder.encode(`[${"123.25,".repeat(2 ** 17)}1],`);
  function* pieces(): Generator<Uint8Array> {
    yield encoder.encode('{"images": [{"id": 1, "name": "a"}], "boxes": [{"of": 1, "segmentation": [');
    for (let i = 0; i < 109; i++) yield outline;
    yield encoder.encode('[]], "bbox": [1, 2, 3, 4]}]}');
  }
  const before = process.memoryUsage();
  const found = scan(pieces());
  const after = process.memoryUsage();
  expect(found[1]).toEqual(["boxes", { of: 1, bbox: [1, 2, 3, 4] }, 0]);
  const grown = after.heapUsed + after.arrayBuffers - before.heapUsed - before.arrayBuffers;
  expect(grown).toBeLessThan(2 ** 25);
});
