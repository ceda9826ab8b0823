/** @file Shape rules of the operators that interpolate between elements. */
import { UnsupportedError } from "../../../errors.ts";
import { resizedAxes } from "../arithmetic/resize-weights.ts";
import { checkShape, knownNumbers, type ShapeRule } from "./shape-rule.ts";

export const Resize: ShapeRule = (call) => {
  const { dtype, shape } = call.inputs[0]!;
  const axes = resizedAxes(call.where, shape, call.attributes, {
    roi: knownNumbers(call, 1, "the region of interest"),
    scales: knownNumbers(call, 2, "the scales"),
    sizes: knownNumbers(call, 3, "the sizes"),
  });
  return [{ dtype, shape: axes.map(({ to }) => to) }];
};

export const GridSample: ShapeRule = ({ inputs: [x, grid], where }) => {
  const [n, channels] = x!.shape;
  if (x!.shape.length !== 4) {
    throw new UnsupportedError({
      where,
      what: "only pictures are sampled",
      expected: "[N, C, H, W]",
      got: `[${x!.shape.join(", ")}]`,
    });
  }
  const [pictures, rows, columns, coordinates] = grid!.shape;
  const fits = grid!.shape.length === 4 && pictures === n && coordinates === 2;
  checkShape(where, "the grid", grid!.shape, fits, `[${n}, rows, columns, 2]`);
  return [{ dtype: x!.dtype, shape: [n, channels, rows, columns] }];
};
