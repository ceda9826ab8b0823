/** @file VJP rules of the matrix products. */
import type { GraphBuilder, Value } from "../../onnx/builder.ts";
import { einsumEquation, einsumTerms } from "../../onnx/operators/arithmetic/einsum.ts";
import { sameShape } from "../../tensor/shape.ts";
import { sizeOf, tensorOf } from "../../tensor/tensor.ts";
import { reshapeTo } from "../linear-maps.ts";
import { unbroadcast } from "../unbroadcast.ts";
import type { VjpRule } from "../vjp-rule.ts";

export { Attention } from "./attention.ts";

/** `value` with its last two axes exchanged. */
function transposed(g: GraphBuilder, value: Value): Value {
  const rank = value.shape.length;
  const perm = [...value.shape.keys()].with(rank - 1, rank - 2).with(rank - 2, rank - 1);
  return g.op("Transpose", [value], { perm });
}

/** `value` as a matrix: all axes but the last are its rows. */
function asMatrix(g: GraphBuilder, value: Value): Value {
  return reshapeTo(g, value, [sizeOf(value.shape.slice(0, -1)), value.shape.at(-1)!]);
}

/**
 * Y = A · B ⇒ Ā = Ȳ · Bᵀ, B̄ = Aᵀ · Ȳ, each summed over the axes along which it was repeated. With a plain matrix B all rows
 * of A make one matrix too, and Gemm reads the weights as they lie: no transposed copy of them is kept.
 */
export const MatMul: VjpRule = ({ g, inputs: [first, second], cotangents: [dy], wants }) => {
  const [a, b] = [first!, second!];
  const left = a.shape.length === 1 ? reshapeTo(g, a, [1, ...a.shape]) : a;
  const right = b.shape.length === 1 ? reshapeTo(g, b, [...b.shape, 1]) : b;
  const batch = dy!.shape.slice(0, dy!.shape.length - Number(a.shape.length > 1) - Number(b.shape.length > 1));
  const seed = reshapeTo(g, dy!, [...batch, left.shape.at(-2)!, right.shape.at(-1)!]);
  const isPlain = right.shape.length === 2;
  const leftCotangent = (): Value => {
    if (!isPlain) return unbroadcast(g, g.op("MatMul", [seed, transposed(g, right)]), left.shape);
    return g.op("Gemm", [asMatrix(g, seed), right], { transB: 1 });
  };
  const rightCotangent = (): Value => {
    if (!isPlain) return unbroadcast(g, g.op("MatMul", [transposed(g, left), seed]), right.shape);
    return g.op("Gemm", [asMatrix(g, left), asMatrix(g, seed)], { transA: 1 });
  };
  return [
    wants(0) ? reshapeTo(g, leftCotangent(), a.shape) : undefined,
    wants(1) ? reshapeTo(g, rightCotangent(), b.shape) : undefined,
  ];
};

/**
 * Y = α A' B' + β C, where A' is A or Aᵀ ⇒ Ā' = α Ȳ B'ᵀ, B̄' = α A'ᵀ Ȳ (transposed where A, B are), C̄ = β Ȳ summed over the
 * axes along which it was repeated
 */
export const Gemm: VjpRule = ({ g, attributes, inputs: [a, b, c], cotangents: [dy], wants }) => {
  const [transA, transB] = [attributes.int("transA", 0), attributes.int("transB", 0)];
  const [alpha, beta] = [attributes.float("alpha", 1), attributes.float("beta", 1)];
  const product = (left: Value, right: Value, leftTransposed: number, rightTransposed: number): Value =>
    g.op("Gemm", [left, right], { alpha: { float: alpha }, transA: leftTransposed, transB: rightTransposed });
  const bias = (): Value => {
    const sum = unbroadcast(g, dy!, c!.shape);
    return beta === 1 ? sum : g.op("Mul", [sum, g.scalar(beta, sum.dtype)]);
  };
  return [
    wants(0) ? (transA ? product(b!, dy!, transB, 1) : product(dy!, b!, 0, 1 - transB)) : undefined,
    wants(1) ? (transB ? product(dy!, a!, 1, transA) : product(a!, dy!, 1 - transA, 0)) : undefined,
    wants(2) ? bias() : undefined,
  ];
};

/**
 * Y[o] = Σ A[a] · B[b] · … ⇒ Ā[a] = Σ Ȳ[o] · B[b] · …, an equation of its own. Labels that only A has are repeated, labels
 * that A has twice are put on a diagonal.
 */
export const Einsum: VjpRule = ({ g, attributes, inputs, cotangents: [dy], wants, where }) => {
  const shapes = inputs.map((input) => input!.shape);
  const { operands, output } = einsumTerms(where, attributes.string("equation"), shapes);
  return inputs.map((input, i) => {
    if (!wants(i)) return undefined;
    const others = operands.filter((_, k) => k !== i);
    const own = [...new Set(operands[i])];
    const found = own.filter((label) => output.includes(label) || others.some((labels) => labels.includes(label)));
    const product = g.op("Einsum", [dy, ...inputs.filter((_, k) => k !== i)], {
      equation: einsumEquation([output, ...others], found),
    });
    const extents = own.map((label) => input!.shape[operands[i].indexOf(label)]);
    const counts = own.map((label) => product.shape[found.indexOf(label)] ?? 1);
    const aligned = reshapeTo(g, product, counts);
    const summed = unbroadcast(
      g,
      aligned,
      counts.map((count, k) => (extents[k] === 1 ? 1 : count)),
    );
    const filled = sameShape(summed.shape, extents) ? summed : g.op("Expand", [summed, g.ints(extents)]);
    return onDiagonals(g, filled, own, operands[i]);
  });
};

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
