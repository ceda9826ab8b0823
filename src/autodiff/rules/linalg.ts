/** @file Rules of the matrix products. */
import type { GraphBuilder, Value } from "../../onnx/builder.ts";
import { einsumEquation, einsumTerms } from "../../onnx/operators/arithmetic/einsum.ts";
import { sameShape } from "../../tensor/shape.ts";
import { type Shape, sizeOf, tensorOf } from "../../tensor/tensor.ts";
import { reshapeTo } from "../adjoints/linear-maps.ts";
import { unbroadcast } from "../adjoints/unbroadcast.ts";
import { pullbacks, variadic } from "../pullbacks.ts";
import { rule } from "../rule.ts";

/** `value` with its last two axes exchanged. */
function transposed(g: GraphBuilder, value: Value): Value {
  const rank = value.shape.length;
  const perm = [...value.shape.keys()].with(rank - 1, rank - 2).with(rank - 2, rank - 1);
  return g.op("Transpose", [value], { perm });
}

/** `value` as a matrix: all axes but the last are its rows. */
function asMatrix(g: GraphBuilder, value: Value): Value {
  return reshapeTo(g, value, [sizeOf(value.shape.slice(0, -1)), value.shape[value.shape.length - 1]]);
}

export const MatMul = rule({
  formula: `
    Y = A · B ⇒ Ā = Ȳ · Bᵀ, B̄ = Aᵀ · Ȳ, each summed over the axes along which it was repeated. With a plain matrix B all rows
    of A make one matrix too, and Gemm reads the weights as they lie: no transposed copy of them is kept.`,
  vjp: pullbacks(["a", "b"], ({ g, a, b, dy }) => {
    const left = a.shape.length === 1 ? reshapeTo(g, a, [1, ...a.shape]) : a;
    const right = b.shape.length === 1 ? reshapeTo(g, b, [...b.shape, 1]) : b;
    const seed = reshapeTo(g, dy, productShape(a.shape, b.shape, dy.shape));
    const isPlain = right.shape.length === 2;
    const leftCotangent = (): Value => {
      if (!isPlain) return unbroadcast(g, g.op("MatMul", [seed, transposed(g, right)]), left.shape);
      return g.op("Gemm", [asMatrix(g, seed), right], { transB: 1 });
    };
    const rightCotangent = (): Value => {
      if (!isPlain) return unbroadcast(g, g.op("MatMul", [transposed(g, left), seed]), right.shape);
      return g.op("Gemm", [asMatrix(g, left), asMatrix(g, seed)], { transA: 1 });
    };
    return {
      a: () => reshapeTo(g, leftCotangent(), a.shape),
      b: () => reshapeTo(g, rightCotangent(), b.shape),
    };
  }),
  excitation: { by: "weights", operands: 2, isContrasted: true },
});

/** The shape of a product of matrices, where a vector on the left has one row and one on the right one column. */
function productShape(a: Shape, b: Shape, y: Shape): Shape {
  const batch = y.slice(0, y.length - Number(a.length > 1) - Number(b.length > 1));
  const rows = a.length === 1 ? 1 : a[a.length - 2];
  const columns = b.length === 1 ? 1 : b[b.length - 1];
  return [...batch, rows, columns];
}

export const Gemm = rule({
  formula: `
    Y = α A' B' + β C, where A' is A or Aᵀ ⇒ Ā' = α Ȳ B'ᵀ, B̄' = α A'ᵀ Ȳ (transposed where A, B are), C̄ = β Ȳ summed over the
    axes along which it was repeated`,
  vjp: pullbacks(["a", "b", "c?"], ({ g, attributes, scaled, a, b, dy }) => {
    const [transA, transB] = [attributes.int("transA", 0), attributes.int("transB", 0)];
    const [alpha, beta] = [attributes.float("alpha", 1), attributes.float("beta", 1)];
    const product = (left: Value, right: Value, leftTransposed: number, rightTransposed: number): Value =>
      g.op("Gemm", [left, right], { alpha: { float: alpha }, transA: leftTransposed, transB: rightTransposed });
    return {
      a: () => (transA ? product(b, dy, transB, 1) : product(dy, b, 0, 1 - transB)),
      b: () => (transB ? product(dy, a, 1, transA) : product(a, dy, 1 - transA, 0)),
      c: (c) => scaled(unbroadcast(g, dy, c.shape), beta),
    };
  }),
  excitation: { by: "weights", operands: 2, isContrasted: true },
});

export const Einsum = rule({
  formula: `
    Y[o] = Σ A[a] · B[b] · … ⇒ Ā[a] = Σ Ȳ[o] · B[b] · …, an equation of its own. Labels that only A has are repeated, labels
    that A has twice are put on a diagonal.`,
  vjp: variadic(({ g, attributes, inputs, dy, where }) => {
    const shapes = inputs.map((input) => input.shape);
    const { operands, output } = einsumTerms(where, attributes.string("equation"), shapes);
    return (input, i) => {
      const others = operands.filter((_, k) => k !== i);
      const own = [...new Set(operands[i])];
      const found = own.filter((label) => output.includes(label) || others.some((labels) => labels.includes(label)));
      const product = g.op("Einsum", [dy, ...inputs.filter((_, k) => k !== i)], {
        equation: einsumEquation([output, ...others], found),
      });
      const extents = own.map((label) => input.shape[operands[i].indexOf(label)]);
      const counts = own.map((label) => product.shape[found.indexOf(label)] ?? 1);
      const aligned = reshapeTo(g, product, counts);
      const summed = unbroadcast(
        g,
        aligned,
        counts.map((count, k) => (extents[k] === 1 ? 1 : count)),
      );
      const filled = sameShape(summed.shape, extents) ? summed : g.op("Expand", [summed, g.ints(extents)]);
      return onDiagonals(g, filled, own, operands[i]);
    };
  }),
  excitation: { by: "weights", operands: Infinity },
});

/** `value`, whose axes are labelled `labels`, with the axes `target`: a label that comes again there makes a diagonal. */
function onDiagonals(g: GraphBuilder, value: Value, labels: readonly string[], target: readonly string[]): Value {
  const axes: string[] = [];
  const masks: Value[] = [];
  const maskLabels: string[][] = [];
  for (const label of target) {
    const copy = `${label}${axes.length}`;
    axes.push(axes.includes(label) ? copy : label);
    if (axes.at(-1) === label) continue;
    const extent = value.shape[labels.indexOf(label)];
    const identity = Float64Array.from({ length: extent * extent }, (_, n) => Number(n % (extent + 1) === 0));
    masks.push(g.constant(tensorOf(value.dtype, identity, [extent, extent])));
    maskLabels.push([label, copy]);
  }
  if (masks.length === 0) return value;
  return g.op("Einsum", [value, ...masks], { equation: einsumEquation([labels, ...maskLabels], axes) });
}
