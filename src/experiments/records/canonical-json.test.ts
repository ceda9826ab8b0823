import fc from "fast-check";
import { expect, test } from "vitest";
import { MisuseError } from "../../errors.ts";
import { canonicalJson, differences, fnv1a64, hash64, stableHash } from "./canonical-json.ts";

/** The same value with the names of every object in reverse order of insertion. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .reverse()
      .map(([name, member]) => [name, reversed(member)]),
  );
}

test("the text does not depend on the order of names, and reads back as the value", () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      const text = canonicalJson(value);
      expect(canonicalJson(reversed(value))).toBe(text);
      expect(stableHash(reversed(value))).toBe(stableHash(value));
      expect(JSON.parse(text)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
  expect(canonicalJson({ b: [1, { z: null, a: "é" }], a: undefined })).toBe('{"b":[1,{"a":"é","z":null}]}');
});

test("what JSON would lose is refused with its place", () => {
  expect(() => canonicalJson({ curve: [1, Number.NaN] }, "result")).toThrow(
    /^result: curve\[1\]: not a value of JSON, expected .*, got NaN\.$/,
  );
  expect(() => canonicalJson({ map: new Float32Array(2) })).toThrow(/map: .*got Float32Array/);
  for (const value of [undefined, [undefined], Number.POSITIVE_INFINITY, 1n, new Date(0), () => 1]) {
    expect(() => canonicalJson(value)).toThrow(MisuseError);
  }
});

test("FNV-1a gives its published values, and the hash spreads them", () => {
  expect(fnv1a64("")).toBe(0xcbf29ce484222325n);
  expect(fnv1a64("a")).toBe(0xaf63dc4c8601ec8cn);
  expect(fnv1a64("foobar")).toBe(0x85944171f73967e8n);
  // Of 9000 consecutive names each remainder of 3 has 3000, with a standard deviation of 45.
  const counts = [0, 0, 0];
  for (let i = 0; i < 9000; i++) counts[Number(hash64(`image ${i}`) % 3n)]++;
  for (const count of counts) expect(Math.abs(count - 3000)).toBeLessThan(5 * 45);
});

test("differences name every path", () => {
  expect(differences({ a: 1, b: { c: [1, 2], d: 1 } }, { a: 1, b: { c: [1, 3] }, e: null })).toEqual([
    { path: "b.c", left: [1, 2], right: [1, 3] },
    { path: "b.d", left: 1, right: undefined },
    { path: "e", left: undefined, right: null },
  ]);
  fc.assert(fc.property(fc.jsonValue(), (value) => differences(value, reversed(value)).length === 0));
});
