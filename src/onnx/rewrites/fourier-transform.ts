/**
 * @file DFT of the standard domain as a product with a constant matrix of cosines and sines: networks of global filters (GFNet) and FNet have few positions
 * along an axis, and a product has a gradient.
 *
 * The last axis holds the real part, or the real and the imaginary part. With `onesided` only the frequencies up to half the length are kept of a real signal,
 * and the inverse of these is real.
 */
import { BadInputError, UnsupportedError } from "../../errors.ts";
import { normalizeAxis } from "../../tensor/shape.ts";
import { tensorOf } from "../../tensor/tensor.ts";
import { int64Tensor } from "../int64.ts";
import { describeNode, type Node } from "../model.ts";
import { needed, type TypedRewrite, type TypedRewriteRule } from "./rewrite.ts";

/** More numbers in the matrix are no network of few positions. */
const mostNumbers = 2 ** 24;

interface Transform {
  /** Positions along the axis, and parts of a number, before and after. */
  readonly from: readonly [count: number, parts: number];
  readonly to: readonly [count: number, parts: number];
  readonly length: number;
  readonly isInverse: boolean;
}

/** y = x W for the positions and parts of a signal side by side. */
function matrixOf({ from, to, length, isInverse }: Transform): Float64Array {
  const [[count, parts], [frequencies, newParts]] = [from, to];
  const width = frequencies * newParts;
  const isToReal = newParts === 1;
  const matrix = new Float64Array(count * parts * width);
  // What lies beyond the length is cut off; of frequencies that stand for two, those up to half the length are taken.
  const taken = Math.min(count, isToReal ? Math.floor(length / 2) + 1 : length);
  for (let n = 0; n < taken; n++) {
    const isTwice = isToReal && n !== 0 && 2 * n !== length;
    const scale = (isInverse ? 1 / length : 1) * (isTwice ? 2 : 1);
    for (let k = 0; k < frequencies; k++) {
      const angle = (2 * Math.PI * ((n * k) % length)) / length;
      const [cos, sin] = [scale * Math.cos(angle), scale * (isInverse ? 1 : -1) * Math.sin(angle)];
      const at = n * parts * width + k * newParts;
      matrix[at] = cos;
      if (!isToReal) matrix[at + 1] = sin;
      if (parts === 2) matrix[at + width] = -sin;
      if (parts === 2 && !isToReal) matrix[at + width + 1] = cos;
    }
  }
  return matrix;
}

/** The one whole number that input `index` holds; undefined if it is left out. */
function numberAt(rewrite: TypedRewrite, index: number, what: string): number | undefined {
  return rewrite.input(index) === "" ? undefined : needed(rewrite.value(index), rewrite, what)[0];
}

function fourierTransform(rewrite: TypedRewrite): void {
  const { attributes, node, type, op, into, input, constant } = rewrite;
  const where = describeNode(node);
  const x = type(0);
  const rank = x?.shape.length ?? 0;
  const parts = x?.shape[rank - 1] ?? 0;
  const [isInverse, isOneSided] = ["inverse", "onesided"].map((name) => attributes.int(name, 0) !== 0);
  const isToReal = isInverse && isOneSided;
  const isFromReal = isOneSided && !isInverse;
  if (x === undefined || rank < 3 || (parts !== 1 && parts !== 2) || (isFromReal && parts !== 1)) {
    throw new BadInputError({
      where,
      what: "the input is no signal",
      expected: `[batch, …, positions, …, ${isFromReal ? "1" : "1 or 2"}]`,
      got: x === undefined ? "none" : `[${x.shape.join(", ")}]`,
    });
  }
  const { shape } = x;
  // Since set 20 the axis is an input, and the last one by default where it was the second.
  const given = attributes.has("axis") ? attributes.int("axis") : numberAt(rewrite, 2, "the axis");
  if (given === undefined && rank > 3) {
    throw new UnsupportedError({ where, what: "the axis is left out, which is another one by the set of operators" });
  }
  const axis = normalizeAxis(where, given ?? 1, rank);
  const own = shape[axis];
  const length = numberAt(rewrite, 1, "the length") ?? (isToReal ? 2 * (own - 1) : own);
  if (axis === rank - 1 || !(length >= 1)) {
    throw new BadInputError({
      where,
      what: "the axis or the length does not fit",
      expected: "an axis before the last, and a length of at least 1",
      got: `axis ${axis} of [${shape.join(", ")}], length ${length}`,
    });
  }
  const from = [own, parts] as const;
  const to = [isFromReal ? Math.floor(length / 2) + 1 : length, isToReal ? 1 : 2] as const;
  const [height, width] = [from, to].map(([count, own]) => count * own);
  if (height * width > mostNumbers) {
    throw new UnsupportedError({
      where,
      what: "the signal is too long to be transformed as a product",
      expected: `a matrix of at most ${mostNumbers} numbers`,
      got: `${height} × ${width}`,
    });
  }
  const matrix = tensorOf(x.dtype, matrixOf({ from, to, length, isInverse }), [height, width]);
  const others = shape.flatMap((_, k) => (k === axis || k === rank - 1 ? [] : [k]));
  const perm = [...others, axis, rank - 1];
  const isMoved = axis !== rank - 2;
  const moved = isMoved ? op("Transpose", [input(0)], { perm }) : input(0);
  // The first axis, mostly that of the batch, stays what it is.
  const outer = others.slice(1).map((k) => shape[k]);
  const rows = op("Reshape", [moved, constant(int64Tensor([0, ...outer, height]))]);
  const product = op("MatMul", [rows, constant(matrix)]);
  const parted = [product, constant(int64Tensor([0, ...outer, ...to]))];
  if (!isMoved) into([node.outputs[0]], "Reshape", parted);
  else {
    const back = shape.map((_, k) => perm.indexOf(k));
    into([node.outputs[0]], "Transpose", [op("Reshape", parted)], { perm: back });
  }
}

/** The rewrite of a node by its operator. */
export const fourierOperators: Readonly<Record<string, (node: Node) => TypedRewriteRule | undefined>> = {
  DFT: () => fourierTransform,
};
