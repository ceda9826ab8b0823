/** @file Matrix products. */
import { BadInputError } from "../../errors.ts";
import { broadcastShapes, stridesOf } from "../../tensor/shape.ts";
import { type Shape, sizeOf } from "../../tensor/tensor.ts";
import type { NumericTensor } from "../numeric-tensor.ts";
import { einsumTerms, extentsOf } from "./arithmetic/einsum.ts";
import { broadcastTo, stridedCopy, stridedPositions } from "./arithmetic/strided.ts";
import { checkBroadcasts, checkShape } from "./check-shape.ts";
import { operator } from "./operator.ts";

function checkInner(where: string, a: Shape, b: Shape, left: number, right: number): void {
  if (left === right) return;
  throw new BadInputError({
    where,
    what: "the inner extents of the product differ",
    expected: `${left} as in [${a.join(", ")}]`,
    got: `${right} in [${b.join(", ")}]`,
  });
}

/** result[resultAt …] += a[aAt …] · b[bAt …] for row-major matrices of rows × inner and inner × columns. */
function accumulateProduct(
  [a, aAt]: readonly [Float64Array, number],
  [b, bAt]: readonly [Float64Array, number],
  [result, resultAt]: readonly [Float64Array, number],
  [rows, inner, columns]: readonly [number, number, number],
): void {
  for (let i = 0; i < rows; i++) {
    const to = resultAt + i * columns;
    for (let k = 0; k < inner; k++) {
      const factor = a[aAt + i * inner + k];
      const from = bAt + k * columns;
      for (let j = 0; j < columns; j++) result[to + j] += factor * b[from + j];
    }
  }
}

/** The product of matrices in the last two axes; the axes before broadcast. A 1-D operand is a row on the left, a column on the right. */
export const MatMul = operator({
  inputs: "n n",
  shape: ({ inputs: [a, b], where }) => {
    const left = a.shape.length === 1 ? [1, ...a.shape] : a.shape;
    const right = b.shape.length === 1 ? [...b.shape, 1] : b.shape;
    const [[rows, inner], [otherInner, columns]] = [left.slice(-2), right.slice(-2)];
    checkInner(where, a.shape, b.shape, inner, otherInner);
    const shape = broadcastShapes(where, left.slice(0, -2), right.slice(0, -2));
    if (a.shape.length > 1) shape.push(rows);
    if (b.shape.length > 1) shape.push(columns);
    return [{ dtype: a.dtype, shape }];
  },
  kernel: ({ inputs: [a, b], outputs: [type] }) => {
    const left = a.shape.length === 1 ? [1, ...a.shape] : a.shape;
    const right = b.shape.length === 1 ? [...b.shape, 1] : b.shape;
    const [[rows, inner], [, columns]] = [left.slice(-2), right.slice(-2)];
    const batch = type.shape.slice(0, type.shape.length - Number(a.shape.length > 1) - Number(b.shape.length > 1));
    const count = sizeOf(batch);
    const starts = (shape: readonly number[]): Float64Array => {
      const own = shape.slice(0, -2);
      const size = sizeOf(shape.slice(-2));
      const matrices = Float64Array.from({ length: sizeOf(own) }, (_, i) => i * size);
      return broadcastTo({ dtype: "int64", shape: own, data: matrices }, batch);
    };
    const [leftStarts, rightStarts] = [starts(left), starts(right)];
    const data = new Float64Array(sizeOf(type.shape));
    for (let n = 0; n < count; n++) {
      const target = [data, n * rows * columns] as const;
      accumulateProduct([a.data, leftStarts[n]], [b.data, rightStarts[n]], target, [rows, inner, columns]);
    }
    return [{ ...type, data }];
  },
  work: ({ inputs: [a], outputs: [y] }) => sizeOf(a.shape.slice(-1)) * sizeOf(y.shape),
  traits: ["weighted"],
});

/** The elements of a matrix, or of its transpose. */
function matrix({ data, shape: [rows, columns] }: NumericTensor, transposed: boolean): Float64Array {
  return transposed ? stridedCopy(data, [columns, rows], [1, columns]) : data;
}

/** alpha · a · b + beta · c, with a and b transposed where `transA` and `transB` say so */
export const Gemm = operator({
  inputs: "n n n?",
  attributes: "alpha:float beta:float transA:int transB:int",
  shape: ({ inputs: [a, b, c], attributes, where }) => {
    for (const { shape } of [a, b]) checkShape(where, "a factor", shape, shape.length === 2, "a matrix");
    const [rows, inner] = attributes.int("transA", 0) ? a.shape.toReversed() : a.shape;
    const [otherInner, columns] = attributes.int("transB", 0) ? b.shape.toReversed() : b.shape;
    checkInner(where, a.shape, b.shape, inner, otherInner);
    checkBroadcasts(where, "the bias", c?.shape, [rows, columns]);
    return [{ dtype: a.dtype, shape: [rows, columns] }];
  },
  kernel: ({ inputs: [a, b, c], attributes, outputs: [type] }) => {
    const [transA, transB] = [attributes.int("transA", 0) !== 0, attributes.int("transB", 0) !== 0];
    const [alpha, beta] = [attributes.float("alpha", 1), attributes.float("beta", 1)];
    const [rows, columns] = type.shape;
    const product = new Float64Array(rows * columns);
    const inner = a.shape[transA ? 0 : 1];
    accumulateProduct([matrix(a, transA), 0], [matrix(b, transB), 0], [product, 0], [rows, inner, columns]);
    const bias = c === undefined ? undefined : broadcastTo(c, type.shape);
    return [{ ...type, data: product.map((x, i) => alpha * x + (bias === undefined ? 0 : beta * bias[i])) }];
  },
  work: ({ inputs: [a], attributes, outputs: [y] }) =>
    sizeOf(a.shape.slice(attributes.int("transA", 0) ? 0 : 1).slice(0, 1)) * sizeOf(y.shape),
  traits: ["weighted"],
});

/** Every output element is the sum, over all values of the labels that are not in the output, of the operands' product. */
export const Einsum = operator({
  inputs: "n+",
  attributes: "equation:string",
  shape: ({ inputs, attributes, where }) => {
    const shapes = inputs.map((input) => input.shape);
    const { output, extents } = einsumTerms(where, attributes.string("equation"), shapes);
    return [{ dtype: inputs[0].dtype, shape: extentsOf(output, extents) }];
  },
  kernel: ({ inputs, attributes, outputs: [type], where }) => {
    const shapes = inputs.map((input) => input.shape);
    const { operands, output, extents } = einsumTerms(where, attributes.string("equation"), shapes);
    const summed = [...extents.keys()].filter((label) => !output.includes(label));
    // Where each operand is read is the sum of a place for the output's labels and one for the labels that are summed over.
    const readers = inputs.map((input, i) => {
      const strides = stridesOf(shapes[i]);
      // No step along a label that the operand has not got or repeats over; the diagonal's if it has it twice.
      const step = (label: string): number =>
        operands[i].reduce((sum, own, axis) => sum + (own === label && shapes[i][axis] !== 1 ? strides[axis] : 0), 0);
      const places = (labels: readonly string[]): Int32Array =>
        stridedPositions(extentsOf(labels, extents), labels.map(step));
      return { data: input.data, outer: places(output), inner: places(summed) };
    });
    const count = sizeOf(extentsOf(summed, extents));
    const data = new Float64Array(sizeOf(type.shape));
    for (let n = 0; n < data.length; n++) {
      for (let m = 0; m < count; m++) {
        let product = 1;
        for (const reader of readers) product *= reader.data[reader.outer[n] + reader.inner[m]];
        data[n] += product;
      }
    }
    return [{ ...type, data }];
  },
  work: ({ inputs, attributes, where }) => {
    const shapes = inputs.map(({ shape }) => shape);
    return sizeOf([...einsumTerms(where, attributes.string("equation"), shapes).extents.values()]);
  },
  traits: ["weighted"],
});
