/** @file Rules of the operators that interpolate between elements. */
import type { GraphBuilder, Value } from "../../onnx/builder.ts";
import { isUnchanged, resizedAxes, resizeWeights, type Tap } from "../../onnx/operators/arithmetic/resize-weights.ts";
import { sizeOf, tensorOf } from "../../tensor/tensor.ts";
import { knownNumbers } from "../adjoints/known-numbers.ts";
import { reshapeTo } from "../adjoints/linear-maps.ts";
import { pullbacks } from "../pullbacks.ts";
import { rule } from "../rule.ts";

export { GridSample } from "./grid-sample.ts";

export const Resize = rule({
  formula: "y = W x along each resized axis, with a fixed matrix W per axis ⇒ x̄ = Wᵀ ȳ along each",
  vjp: pullbacks(["x", "roi?", "scales?", "sizes?"], ({ g, attributes, x, roi, scales, sizes, dy, where }) => ({
    x: () => {
      const numbers = (value: Value | undefined): number[] | undefined => value && knownNumbers(g, value);
      const axes = resizedAxes(where, x.shape, attributes, {
        roi: numbers(roi),
        scales: numbers(scales),
        sizes: numbers(sizes),
      });
      let cotangent = dy;
      for (const [axis, resize] of axes.entries()) {
        if (isUnchanged(resize)) continue;
        cotangent = transposedTaps(g, cotangent, axis, resizeWeights(where, attributes, resize), resize.from);
      }
      return cotangent;
    },
  })),
  excitation: { by: "as gradient" },
});

/** Wᵀ ȳ along `axis`, where row i of W has the given taps. */
function transposedTaps(
  g: GraphBuilder,
  dy: Value,
  axis: number,
  rows: readonly (readonly Tap[])[],
  extent: number,
): Value {
  const shape = dy.shape.with(axis, extent);
  const [outer, inner] = [sizeOf(shape.slice(0, axis)), sizeOf(shape.slice(axis + 1))];
  const repeat = rows.length / extent;
  const isRepetition = rows.every(
    (row, i) => row.length === 1 && row[0].index === Math.floor(i / repeat) && row[0].weight === 1,
  );
  if (Number.isInteger(repeat) && isRepetition) {
    const blocks = reshapeTo(g, dy, [outer, extent, repeat, inner]);
    return reshapeTo(g, g.op("ReduceSum", [blocks, g.ints([2])], { keepdims: 0 }), shape);
  }
  const isLast = inner === 1;
  const matrix = new Float64Array(rows.length * extent);
  rows.forEach((row, i) => {
    for (const { index, weight } of row) matrix[isLast ? i * extent + index : index * rows.length + i] = weight;
  });
  const weights = g.constant(tensorOf(dy.dtype, matrix, isLast ? [rows.length, extent] : [extent, rows.length]));
  const flat = reshapeTo(g, dy, isLast ? [outer, rows.length] : [outer, rows.length, inner]);
  return reshapeTo(g, g.op("MatMul", isLast ? [flat, weights] : [weights, flat]), shape);
}
