/** @file Shape rules of the matrix products. */
import { BadInputError } from "../../../errors.ts";
import { broadcastShapes } from "../../../tensor/shape.ts";
import type { Shape } from "../../../tensor/tensor.ts";
import { einsumTerms } from "../arithmetic/einsum.ts";
import { checkBroadcasts, checkShape, type ShapeRule } from "./shape-rule.ts";

export { Attention } from "./attention.ts";

function checkInner(where: string, a: Shape, b: Shape, left: number, right: number): void {
  if (left === right) return;
  throw new BadInputError({
    where,
    what: "the inner extents of the product differ",
    expected: `${left} as in [${a.join(", ")}]`,
    got: `${right} in [${b.join(", ")}]`,
  });
}

/** The product of matrices in the last two axes; the axes before broadcast. A 1-D operand is a row on the left, a column on the right. */
export const MatMul: ShapeRule = ({ inputs: [a, b], where }) => {
  const left = a!.shape.length === 1 ? [1, ...a!.shape] : a!.shape;
  const right = b!.shape.length === 1 ? [...b!.shape, 1] : b!.shape;
  checkInner(where, a!.shape, b!.shape, left.at(-1)!, right.at(-2)!);
  const shape = broadcastShapes(where, left.slice(0, -2), right.slice(0, -2));
  if (a!.shape.length > 1) shape.push(left.at(-2)!);
  if (b!.shape.length > 1) shape.push(right.at(-1)!);
  return [{ dtype: a!.dtype, shape }];
};

export const Gemm: ShapeRule = ({ inputs: [a, b, c], attributes, where }) => {
  for (const { shape } of [a!, b!]) checkShape(where, "a factor", shape, shape.length === 2, "a matrix");
  const [rows, inner] = attributes.int("transA", 0) ? a!.shape.toReversed() : a!.shape;
  const [otherInner, columns] = attributes.int("transB", 0) ? b!.shape.toReversed() : b!.shape;
  checkInner(where, a!.shape, b!.shape, inner, otherInner);
  checkBroadcasts(where, "the bias", c?.shape, [rows, columns]);
  return [{ dtype: a!.dtype, shape: [rows, columns] }];
};

export const Einsum: ShapeRule = ({ inputs, attributes, where }) => {
  const shapes = inputs.map((input) => input!.shape);
  const { output, extents } = einsumTerms(where, attributes.string("equation"), shapes);
  return [{ dtype: inputs[0]!.dtype, shape: output.map((label) => extents.get(label)!) }];
};
