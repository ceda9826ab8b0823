import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { expectAdjoint, float32, int64 } from "../../../test/expect-operator.ts";
import { checkVjp, spreadTensor } from "../../testing/check-vjp.ts";

const runs = { numRuns: 25 };
const extents = (maxRank = 4): fc.Arbitrary<number[]> =>
  fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: maxRank });
/** A permutation of `count` things. */
const permutation = (count: number): fc.Arbitrary<number[]> =>
  fc.shuffledSubarray([...Array(count).keys()], { minLength: count });

describe("the rules of movement operators are exact adjoints", () => {
  test("Expand", async () => {
    const shapes = extents(3).chain((shape) =>
      fc
        .tuple(
          fc.array(fc.boolean(), { minLength: shape.length, maxLength: shape.length }),
          fc.integer({ min: 0, max: shape.length }),
        )
        .map(([isRepeated, dropped]) => {
          const own = shape.map((extent, axis) => (isRepeated[axis] ? 1 : extent));
          return { shape, own: own.slice(own.slice(0, dropped).every((extent) => extent === 1) ? dropped : 0) };
        }),
    );
    await fc.assert(
      fc.asyncProperty(shapes, ({ shape, own }) =>
        expectAdjoint("Expand", [spreadTensor(own), int64(shape)], { constants: [1] }),
      ),
      runs,
    );
    // The wanted shape may repeat some axes while the input repeats over others.
    await expectAdjoint("Expand", [spreadTensor([3, 1]), int64([2, 1, 4])], { constants: [1] });
  });

  test("Reshape, Flatten, Squeeze, Unsqueeze", async () => {
    await expectAdjoint("Reshape", [spreadTensor([2, 3, 4]), int64([0, -1, 2])], { constants: [1] });
    await expectAdjoint("Reshape", [spreadTensor([2, 3, 4]), int64([-1])], { constants: [1] });
    for (const axis of [-3, -1, 0, 1, 2, 3])
      await expectAdjoint("Flatten", [spreadTensor([2, 3, 4])], { attributes: { axis } });
    await expectAdjoint("Squeeze", [spreadTensor([1, 3, 1, 2])]);
    await expectAdjoint("Squeeze", [spreadTensor([1, 3, 1, 2]), int64([-2])], { constants: [1] });
    await expectAdjoint("Unsqueeze", [spreadTensor([3, 2]), int64([-1, 0, 2])], { constants: [1] });
  });

  test("Transpose", async () => {
    const cases = extents().chain((shape) => permutation(shape.length).map((perm) => ({ shape, perm })));
    await fc.assert(
      fc.asyncProperty(cases, ({ shape, perm }) =>
        expectAdjoint("Transpose", [spreadTensor(shape)], { attributes: { perm } }),
      ),
      runs,
    );
    await expectAdjoint("Transpose", [spreadTensor([2, 3, 4])]);
  });

  test("Concat, with respect to all inputs or to one", async () => {
    const cases = extents().chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        axis: fc.integer({ min: -shape.length, max: shape.length - 1 }),
        parts: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 4 }),
        all: fc.boolean(),
      }),
    );
    await fc.assert(
      fc.asyncProperty(cases, ({ shape, axis, parts, all }) => {
        const inputs = parts.map((part, i) => spreadTensor(shape.with(axis, part), i));
        return expectAdjoint("Concat", inputs, { attributes: { axis }, wrt: all ? undefined : [parts.length - 1] });
      }),
      runs,
    );
  });

  test("Split, with a cotangent of all outputs or of some", async () => {
    const cases = fc.record({
      sizes: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 2, maxLength: 4 }),
      axis: fc.integer({ min: -3, max: 2 }),
      seeded: fc.option(fc.subarray([0, 1, 2, 3], { minLength: 1 })),
    });
    await fc.assert(
      fc.asyncProperty(cases, ({ sizes, axis, seeded }) => {
        const some = seeded?.filter((i) => i < sizes.length);
        const outputs = some?.length === 0 ? [0] : some;
        const shape = [2, 3, 4].with(
          axis,
          sizes.reduce((sum, size) => sum + size),
        );
        const options = { attributes: { axis }, constants: [1], outputCount: sizes.length, outputs };
        return expectAdjoint("Split", [spreadTensor(shape), int64(sizes)], options);
      }),
      runs,
    );
    const options = { attributes: { axis: 1, num_outputs: 3 }, outputCount: 3 };
    await expectAdjoint("Split", [spreadTensor([2, 7])], options);
    await expectAdjoint("Split", [spreadTensor([6, 2])], { attributes: { num_outputs: 2 }, outputCount: 2 });
  });

  test("Slice, with bounds in and out of range and steps of both signs", async () => {
    const cases = extents().chain((shape) =>
      fc.record({
        shape: fc.constant(shape),
        axes: fc.shuffledSubarray([...shape.keys()], { minLength: 1 }),
        bounds: fc.array(
          fc.record({
            start: fc.integer({ min: -8, max: 8 }),
            end: fc.oneof(fc.integer({ min: -8, max: 8 }), fc.constantFrom(2 ** 62, -(2 ** 62))),
            step: fc.constantFrom(1, 1, 2, 3, -1, -2, -3),
          }),
          { minLength: 4, maxLength: 4 },
        ),
        negative: fc.boolean(),
      }),
    );
    await fc.assert(
      fc.asyncProperty(cases, async ({ shape, axes, bounds, negative }) => {
        const chosen = axes.map((axis) => bounds[axis]);
        const inputs = [
          spreadTensor(shape),
          int64(chosen.map(({ start }) => start)),
          int64(chosen.map(({ end }) => end)),
          int64(axes.map((axis) => (negative ? axis - shape.length : axis))),
          int64(chosen.map(({ step }) => step)),
        ];
        await expectAdjoint("Slice", inputs, { constants: [1, 2, 3, 4] });
      }),
      { numRuns: 60 },
    );
    await expectAdjoint("Slice", [spreadTensor([4, 5]), int64([1]), int64([3])], { constants: [1, 2] });
  });

  test("Pad in every mode, with pads of both signs, on all or on some axes", async () => {
    const pads = fc.array(fc.integer({ min: -2, max: 3 }), { minLength: 4, maxLength: 4 });
    const constant = fc.record({ pads, height: fc.integer({ min: 4, max: 6 }) });
    await fc.assert(
      fc.asyncProperty(constant, ({ pads, height }) =>
        expectAdjoint("Pad", [spreadTensor([height, 5]), int64(pads)], { constants: [1] }),
      ),
      runs,
    );
    const others = fc.record({
      mode: fc.constantFrom("edge", "reflect", "wrap"),
      pads: fc.array(fc.integer({ min: 0, max: 3 }), { minLength: 4, maxLength: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(others, ({ mode, pads }) =>
        expectAdjoint("Pad", [spreadTensor([4, 2, 5]), int64(pads), undefined, int64([-3, 2])], {
          attributes: { mode },
          constants: [1, 3],
        }),
      ),
      runs,
    );
  });

  test("Pad, with respect to the constant too", async () => {
    const inputs = [spreadTensor([3, 4]), int64([1, -1, 0, 2]), float32([0.5], [])];
    await expectAdjoint("Pad", inputs, { constants: [1] });
  });

  test("Tile", async () => {
    const cases = extents().chain((shape) =>
      fc.tuple(
        fc.constant(shape),
        fc.array(fc.integer({ min: 1, max: 3 }), { minLength: shape.length, maxLength: shape.length }),
      ),
    );
    await fc.assert(
      fc.asyncProperty(cases, ([shape, repeats]) =>
        expectAdjoint("Tile", [spreadTensor(shape), int64(repeats)], { constants: [1] }),
      ),
      runs,
    );
  });

  test("Trilu", async () => {
    for (const upper of [0, 1]) {
      await expectAdjoint("Trilu", [spreadTensor([2, 3, 4])], { attributes: { upper } });
      for (const k of [-2, 1]) {
        await expectAdjoint("Trilu", [spreadTensor([2, 3, 4]), int64([k], [])], {
          attributes: { upper },
          constants: [1],
        });
      }
    }
  });

  test("DepthToSpace in both modes, SpaceToDepth", async () => {
    for (const blocksize of [1, 2, 3]) {
      const deep = spreadTensor([2, 2 * blocksize ** 2, 2, 3]);
      for (const mode of ["DCR", "CRD"])
        await expectAdjoint("DepthToSpace", [deep], { attributes: { blocksize, mode } });
      await expectAdjoint("SpaceToDepth", [spreadTensor([2, 3, 2 * blocksize, blocksize])], {
        attributes: { blocksize },
      });
    }
    const check = checkVjp("SpaceToDepth", [spreadTensor([1, 2, 4, 2])], { attributes: { blocksize: 2, mode: "CRD" } });
    expect(check.relativeError).toBeLessThan(1e-6);
  });
});
