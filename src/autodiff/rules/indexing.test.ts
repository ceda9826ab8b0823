import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { expectAdjoint, expectRule, float32, gradientsAt, int64 } from "../../../test/expect-operator.ts";
import { sizeOf } from "../../tensor/tensor.ts";
import { checkVjp, spreadTensor, testTensor } from "../../testing/check-vjp.ts";

const runs = { numRuns: 25 };

describe("the rules of picking operators are exact adjoints", () => {
  test("Gather, with indices that are known, repeated and counted from the end, or inputs of the graph", async () => {
    const cases = fc.record({
      axis: fc.integer({ min: -3, max: 2 }),
      shape: fc.constantFrom([], [1], [3], [2, 4]),
      picks: fc.array(fc.integer({ min: -4, max: 3 }), { minLength: 8, maxLength: 8 }),
      isKnown: fc.boolean(),
    });
    await fc.assert(
      fc.asyncProperty(cases, ({ axis, shape, picks, isKnown }) =>
        expectAdjoint("Gather", [spreadTensor([2, 3, 5].with(axis, 4)), int64(picks.slice(0, sizeOf(shape)), shape)], {
          attributes: { axis },
          constants: isKnown ? [1] : [],
        }),
      ),
      { numRuns: 40 },
    );
    // Neighbours in both directions, and one element repeated: what crops, flips and paddings are exported as.
    for (const indices of [
      [1, 2, 3],
      [3, 2, 1, 0],
      [2, 2, 2],
    ]) {
      await expectAdjoint("Gather", [spreadTensor([4, 3]), int64(indices)], { constants: [1] });
    }
  });

  test("GatherElements", async () => {
    const cases = fc.record({
      axis: fc.integer({ min: -2, max: 1 }),
      picks: fc.array(fc.integer({ min: -3, max: 2 }), { minLength: 6, maxLength: 6 }),
    });
    await fc.assert(
      fc.asyncProperty(cases, ({ axis, picks }) =>
        expectAdjoint(
          "GatherElements",
          [
            spreadTensor([3, 3]),
            int64(
              picks,
              [3, 2]
                .slice(0, 2)
                .with(axis, 3)
                .with(1 - (axis & 1), 2),
            ),
          ],
          {
            attributes: { axis },
          },
        ),
      ),
      runs,
    );
  });

  test("GatherND, with and without batch axes", async () => {
    const cases = fc.record({
      batch: fc.integer({ min: 0, max: 2 }),
      depth: fc.integer({ min: 1, max: 2 }),
      tuples: fc.integer({ min: 1, max: 4 }),
      seed: fc.integer({ min: 0, max: 1000 }),
    });
    await fc.assert(
      fc.asyncProperty(cases, ({ batch, depth, tuples, seed }) => {
        const shape = [2, 3, 2, 3];
        const indexShape = [...shape.slice(0, batch), tuples, depth];
        const picks = Array.from({ length: sizeOf(indexShape) }, (_, i) => {
          const extent = shape[batch + (i % depth)];
          return (((i + 1) * (seed + 7)) % (2 * extent)) - extent;
        });
        return expectAdjoint("GatherND", [spreadTensor(shape), int64(picks, indexShape)], {
          attributes: { batch_dims: batch },
        });
      }),
      runs,
    );
  });

  test("TopK, of the largest and the smallest along any axis", async () => {
    for (const axis of [0, 1, -1]) {
      for (const largest of [0, 1]) {
        await expectRule("TopK", [spreadTensor([3, 4, 5]), int64([2])], {
          attributes: { axis, largest },
          constants: [1],
          outputCount: 2,
          outputs: [0],
        });
      }
    }
  });

  test("OneHot, with respect to the two levels", async () => {
    for (const axis of [0, 1, -1]) {
      const inputs = [int64([0, 2, -1, 5, 1, 3], [2, 3]), int64([4], []), float32([-0.5, 1.5])];
      await expectAdjoint("OneHot", inputs, { attributes: { axis }, constants: [1] });
    }
  });
});

describe("ScatterND", () => {
  const x = spreadTensor([4, 3], 1, 2);

  test.each(["add", "mul", "min", "max"])("%s: the rule, where several updates meet", async (reduction) => {
    const slices = [x, int64([0, 3, 0, -1], [4, 1]), spreadTensor([4, 3], 5, 1.3)];
    await expectRule("ScatterND", slices, { attributes: { reduction } });
    const elements = [x, int64([0, 1, 3, -1, 0, 1], [3, 2]), spreadTensor([3], 5, 1.3)];
    await expectRule("ScatterND", elements, { attributes: { reduction } });
  });

  test("none: what is replaced gets nothing, its update gets all", async () => {
    await expectAdjoint("ScatterND", [x, int64([2, 0, -1], [3, 1]), spreadTensor([3, 3], 4)]);
    await expectAdjoint("ScatterND", [x, int64([2, 0, -1, 1], [2, 2]), spreadTensor([2], 4)]);
  });
});

describe("ScatterElements", () => {
  const x = spreadTensor([4, 3], 1, 2);
  const updates = spreadTensor([3, 3], 5, 1.3);
  const distinct = int64([0, 1, 2, -1, 3, 0, 2, 2, 1], [3, 3]);
  const repeated = int64([0, 1, 2, 0, 1, 2, -1, 1, 0], [3, 3]);

  test.each(["add", "mul", "min", "max"])("%s: the rule, where several updates meet", async (reduction) => {
    await expectRule("ScatterElements", [x, repeated, updates], { attributes: { axis: 0, reduction } });
  });

  test("none: an element that is replaced gets nothing, its update gets all", async () => {
    await expectAdjoint("ScatterElements", [x, distinct, updates], { attributes: { axis: 0 } });
    await expectAdjoint(
      "ScatterElements",
      [spreadTensor([3, 5]), int64([4, 0, -2, 1, 0, 2], [3, 2]), spreadTensor([3, 2])],
      {
        attributes: { axis: 1 },
      },
    );
  });

  test("mul: factors of zero get the product of the others", () => {
    const [data, factors] = gradientsAt(
      "ScatterElements",
      [float32([2, 3, 5]), int64([0, 0, 1, 1, 2]), float32([0, 7, 0, 0, 4])],
      { attributes: { reduction: "mul" } },
    );
    expect(data).toEqual([0, 0, 4]);
    expect(factors).toEqual([14, 0, 0, 0, 5]);
  });

  test("max: a tie is shared equally", () => {
    const [data, updates] = gradientsAt("ScatterElements", [float32([1, 2]), int64([0, 0, 1]), float32([1, 1, 0])], {
      attributes: { reduction: "max" },
    });
    expect(data).toEqual([1 / 3, 1]);
    expect(updates).toEqual([1 / 3, 1 / 3, 0]);
  });
});

test("a Gather of neighbours is undone without scattering, which WebGPU cannot do well", () => {
  const { graph } = checkVjp("Gather", [testTensor([2, 5, 3], [1, 2, 3]), int64([0], [])], {
    constants: [1],
    attributes: { axis: 1 },
  });
  expect(graph.nodes.map(({ opType }) => opType)).not.toContain("ScatterND");
});
