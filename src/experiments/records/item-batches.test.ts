import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { batchOf, itemBatches, itemsByPicture } from "./item-batches.ts";

const identity = { experiment: "localization", version: "1", model: "ab", data: "scenes", settings: {} };
const item = (picture: number, method: string, options: object = {}) => ({
  key: { image: `picture ${picture}`, method, options },
});
const items = (pictures: number, methods: readonly string[]) =>
  Array.from({ length: pictures }, (_, n) => methods.map((method) => item(n, method))).flat();

describe("itemBatches", () => {
  test("all items of a picture are in one batch, and every item is in one", () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 30 }), fc.integer({ min: 1, max: 12 }), (pictures, size) => {
        const all = items(pictures, ["gradient", "rise"]);
        const batches = itemBatches(all, identity, size);
        expect(batches.flatMap((batch) => batch.items)).toEqual(all);
        expect(batches.every((batch) => itemsByPicture(batch.items).size <= size)).toBe(true);
        expect(batches.length).toBe(Math.ceil(pictures / size));
      }),
    );
  });

  test("pictures that are added at the end leave the full batches as they were", () => {
    const ids = (pictures: number): string[] => itemBatches(items(pictures, ["rise"]), identity, 5).map(({ id }) => id);
    expect(ids(25).slice(0, 4)).toEqual(ids(20));
  });

  test("an id depends on the items and the experiment, and on no order", () => {
    const all = items(3, ["gradient", "rise"]);
    const { id } = batchOf(all, identity);
    expect(id).toMatch(/^b[0-9a-f]{16}$/);
    expect(batchOf(all.toReversed(), identity).id).toBe(id);
    expect(batchOf(all.slice(1), identity).id).not.toBe(id);
    expect(batchOf([...all.slice(1), item(0, "gradient", { layer: "x" })], identity).id).not.toBe(id);
    expect(batchOf(all, { ...identity, model: "cd" }).id).not.toBe(id);
  });

  test("an item that is there twice counts once", () => {
    expect(itemBatches([item(0, "rise"), item(0, "rise")], identity, 1)[0].items).toHaveLength(1);
  });

  test.each([0, -1, 1.5, Number.NaN])("refuses %s pictures per batch", (pictures) => {
    expect(() => itemBatches([], identity, pictures)).toThrow("pictures per batch");
  });
});
