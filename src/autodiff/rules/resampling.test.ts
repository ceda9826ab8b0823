import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { expectAdjoint, expectRule, float32, gradientsAt, int64 } from "../../../test/expect-operator.ts";
import { float } from "../../onnx/attributes.ts";
import { checkVjp, spreadTensor } from "../../testing/check-vjp.ts";

const runs = { numRuns: 60 };
const coordinateModes = [
  "half_pixel",
  "half_pixel_symmetric",
  "pytorch_half_pixel",
  "align_corners",
  "asymmetric",
  "tf_crop_and_resize",
] as const;
/** Eighths, so that a coordinate half-way between two elements is exactly that in float32 too. */
const roi = float32([0, 0, 0.25, 0.125, 1, 1, 0.75, 1.25]);

describe("Resize: the rule is the exact adjoint", () => {
  const extent = fc.integer({ min: 1, max: 6 });
  const attributes = fc.record({
    coordinate_transformation_mode: fc.constantFrom(...coordinateModes),
    nearest_mode: fc.constantFrom("round_prefer_floor", "round_prefer_ceil", "floor", "ceil"),
    exclude_outside: fc.constantFrom(0, 1),
    cubic_coeff_a: fc.constantFrom(float(-0.75), float(-0.5)),
  });

  test.each(["nearest", "linear", "cubic"])("%s, to any size", (mode) =>
    fc.assert(
      fc.asyncProperty(attributes, extent, extent, extent, extent, (rest, height, width, rows, columns) =>
        expectAdjoint("Resize", [spreadTensor([1, 2, height, width]), roi, undefined, int64([1, 2, rows, columns])], {
          attributes: { ...rest, mode, exclude_outside: mode === "cubic" ? rest.exclude_outside : 0 },
          constants: [1, 3],
        }),
      ),
      runs,
    ),
  );

  test.each(["nearest", "linear", "cubic"])("%s, by any scale", (mode) => {
    const scale = fc.constantFrom(0.5, 0.6, 0.75, 1, 1.3, 2, 2.5, 3);
    return fc.assert(
      fc.asyncProperty(attributes, scale, scale, ({ exclude_outside, ...rest }, vertical, horizontal) =>
        expectAdjoint("Resize", [spreadTensor([1, 2, 4, 5]), roi, float32([1, 1, vertical, horizontal])], {
          attributes: { ...rest, mode },
          constants: [1, 2],
        }),
      ),
      runs,
    );
  });

  test.each(["linear", "cubic"])("%s with antialiasing", (mode) =>
    fc.assert(
      fc.asyncProperty(
        fc.constantFrom("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric"),
        fc.constantFrom(0, 1),
        fc.tuple(extent, extent),
        fc.tuple(extent, extent),
        (coordinate_transformation_mode, exclude_outside, [height, width], [rows, columns]) =>
          expectAdjoint(
            "Resize",
            [spreadTensor([1, 2, 2 * height, 2 * width]), undefined, undefined, int64([1, 2, rows, columns])],
            { attributes: { mode, coordinate_transformation_mode, exclude_outside, antialias: 1 }, constants: [3] },
          ),
      ),
      runs,
    ),
  );

  test("on some axes, with the aspect ratio kept", async () => {
    for (const keep_aspect_ratio_policy of ["stretch", "not_larger", "not_smaller"]) {
      for (const mode of ["nearest", "linear", "cubic"]) {
        const inputs = [spreadTensor([1, 2, 4, 6]), undefined, undefined, int64([7, 7])];
        await expectAdjoint("Resize", inputs, {
          attributes: { mode, axes: [2, 3], keep_aspect_ratio_policy },
          constants: [3],
        });
      }
    }
  });

  test("an integral enlargement by repetition is undone by a sum, without a matrix", () => {
    const { graph } = checkVjp("Resize", [spreadTensor([1, 2, 3, 4]), undefined, float32([1, 1, 2, 3])], {
      attributes: { mode: "nearest", coordinate_transformation_mode: "asymmetric", nearest_mode: "floor" },
      constants: [2],
    });
    expect(graph.nodes.map(({ opType }) => opType)).not.toContain("MatMul");
  });
});

describe("GridSample", () => {
  const x = spreadTensor([2, 3, 4, 5]);
  /** Points inside and outside of the picture, none of them on the grid of pixels. */
  const grid = spreadTensor([2, 3, 2, 2], 7, 1.7);

  describe.each(["bilinear", "nearest", "bicubic"])("%s", (mode) => {
    test.each(["zeros", "border", "reflection"])("with %s, with respect to picture and grid", async (padding_mode) => {
      for (const align_corners of [0, 1]) {
        const attributes = { mode, padding_mode, align_corners };
        await expectAdjoint("GridSample", [x, grid], { attributes, wrt: [0] });
        if (mode !== "nearest") await expectRule("GridSample", [x, grid], { attributes });
      }
    });
  });

  test("the names of opset 20", async () => {
    await expectRule("GridSample", [x, grid], { attributes: { mode: "linear" }, opset: 20 });
    await expectRule("GridSample", [x, grid], { attributes: { mode: "cubic" }, opset: 20 });
  });

  test("a coordinate clamped to the border gets no cotangent, the grid of nearest neither", () => {
    const row = float32([1, 2, 4], [1, 1, 1, 3]);
    const at = (u: number) => float32([u, 0], [1, 1, 1, 2]);
    const border = { mode: "bilinear", padding_mode: "border", align_corners: 1 };
    expect(gradientsAt("GridSample", [row, at(0.5)], { attributes: border, wrt: [1] })).toEqual([[2, 0]]);
    expect(gradientsAt("GridSample", [row, at(1.5)], { attributes: border, wrt: [1] })).toEqual([[0, 0]]);
    expect(gradientsAt("GridSample", [row, at(0.5)], { attributes: { mode: "nearest" }, wrt: [1] })).toEqual([[0, 0]]);
  });
});
