import fc from "fast-check";
import { expect, test } from "vitest";
import { argumentsAsGiven, pathBytes, pathOfBytes } from "./path-bytes.ts";

test("any bytes are had back, and UTF-8 is text as it is", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 12 }), (bytes) => {
      expect([...Buffer.from(pathBytes(pathOfBytes(bytes)))]).toEqual([...bytes]);
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (text) => {
      expect(pathOfBytes(Buffer.from(text))).toBe(text);
      expect(pathBytes(text)).toBe(text);
    }),
  );
});

test("Latin-1 between UTF-8 keeps the rest readable", () => {
  const path = pathOfBytes(Buffer.concat([Buffer.from("Bäume/caf"), Buffer.of(0xe9), Buffer.from(".png")]));
  expect(path).toBe("Bäume/caf\udce9.png");
});

test("arguments without a replaced character are taken as they are", () => {
  expect(argumentsAsGiven(["explain", "ä.png"])).toEqual(["explain", "ä.png"]);
  expect(argumentsAsGiven(["\ufffd.png"])).toEqual(["\ufffd.png"]);
});
