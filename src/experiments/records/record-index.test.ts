import fc from "fast-check";
import { expect, test } from "vitest";
import { createRecordIndex, keyText } from "./record-index.ts";
import type { ExperimentRecord } from "./record-store.ts";

const record: fc.Arbitrary<ExperimentRecord<number>> = fc
  .record({
    image: fc.constantFrom("a", "b"),
    method: fc.constantFrom("x", "y"),
    at: fc.constantFrom("2026-01-01", "2026-01-02"),
    result: fc.constantFrom(1, 2),
    isFinished: fc.boolean(),
  })
  .map(({ image, method, at, result, isFinished }) => {
    const key = { image, method, options: {} };
    return isFinished
      ? { kind: "finished", key, result, seconds: 1, at }
      : { kind: "failed", key, message: String(result), at };
  });

test("the order of adding does not matter, nor does adding twice", () => {
  fc.assert(
    fc.property(fc.array(record, { maxLength: 12 }), fc.nat(), (records, rotation) => {
      const middle = records.length === 0 ? 0 : rotation % records.length;
      const contents = [
        records,
        [...records.slice(middle), ...records.slice(0, middle)].reverse(),
        [...records, ...records],
      ];
      const [first, ...others] = contents.map((list) => {
        const index = createRecordIndex<number>();
        for (const each of list) index.add(each);
        return { finished: index.allRecords(), failed: index.failures(), conflicts: index.conflicts() };
      });
      for (const other of others) expect(other).toEqual(first);
      const keys = first.finished.map(({ key }) => keyText(key));
      expect(keys).toEqual([...new Set(keys)].sort());
      for (const { key, at } of first.finished) {
        const same = records.filter((each) => each.kind === "finished" && keyText(each.key) === keyText(key));
        for (const each of same) expect(at <= each.at).toBe(true);
        expect(first.failed.some((failure) => keyText(failure.key) === keyText(key))).toBe(false);
        const results = new Set(same.map((each) => each.kind === "finished" && each.result));
        expect(first.conflicts.some((conflict) => keyText(conflict) === keyText(key))).toBe(results.size > 1);
      }
    }),
  );
});
