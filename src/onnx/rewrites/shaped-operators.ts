/**
 * @file Operators whose parts depend on the shapes of their inputs, written in others: AffineGrid, Col2Im, RotaryEmbedding and quantization in
 * blocks of the standard domain, Attention and MultiHeadAttention of onnxruntime's (its ContribOperators.md).
 */
import { BadInputError, UnsupportedError } from "../../errors.ts";
import { normalizeAxis } from "../../tensor/shape.ts";
import { type Shape, sizeOf, tensorOf } from "../../tensor/tensor.ts";
import { numberOfDataType } from "../file/tensor-proto.ts";
import { int64Tensor } from "../int64.ts";
import { describeNode, type Node, type ValueType } from "../model.ts";
import { needed, type TypedRewrite, type TypedRewriteRule } from "./rewrite.ts";

function typeAt({ node, type }: TypedRewrite, index: number): ValueType {
  const found = type(index);
  if (found !== undefined) return found;
  throw new BadInputError({ where: describeNode(node), what: `input ${index} is left out, which the operator needs` });
}

function refuse({ node }: TypedRewrite, what: string, expected: string): never {
  throw new UnsupportedError({
    where: describeNode(node),
    what,
    expected,
    advice: "Save the model with less optimization (ORT_ENABLE_BASIC), or use it as it was before.",
  });
}

function misfit({ node }: TypedRewrite, expected: string, shapes: readonly (Shape | undefined)[]): BadInputError {
  return new BadInputError({
    where: describeNode(node),
    what: "the inputs do not fit together",
    expected,
    got: shapes.map((shape) => (shape === undefined ? "none" : `[${shape.join(", ")}]`)).join(", "),
  });
}

function ints({ constant }: TypedRewrite, ...values: readonly number[]): string {
  return constant(int64Tensor(values));
}

/** A number of the type of input 0. */
function number(rewrite: TypedRewrite, value: number): string {
  return rewrite.constant(tensorOf(typeAt(rewrite, 0).dtype, [value], []));
}

/**
 * Where the samples along an axis of so many lie, from −1 to 1: with `isToCorners` the first and the last at the ends. A single one lies at −1
 * then, as in the standard's reference; PyTorch has it at 0, and onnxruntime at 1.
 */
function samples(count: number, isToCorners: boolean): number[] {
  if (!isToCorners) return Array.from({ length: count }, (_, i) => (2 * i + 1) / count - 1);
  return Array.from({ length: count }, (_, i) => (count === 1 ? -1 : (2 * i) / (count - 1) - 1));
}

/** θ · (x, y, 1) or θ · (x, y, z, 1) of every sample: [N, H, W, 2] or [N, D, H, W, 3]. */
function affineGrid(rewrite: TypedRewrite): void {
  const { attributes, op, into, input, node, constant, value } = rewrite;
  const theta = typeAt(rewrite, 0);
  const sides = needed(value(1), rewrite, "the size").slice(2);
  const rank = sides.length;
  const fits =
    (rank === 2 || rank === 3) && theta.shape.length === 3 && theta.shape[1] === rank && theta.shape[2] === rank + 1;
  if (!fits) throw misfit(rewrite, "θ [N, 2, 3] with a size of 4, or θ [N, 3, 4] with a size of 5", [theta.shape]);
  const isToCorners = attributes.int("align_corners", 0) !== 0;
  const along = sides.map((count) => samples(count, isToCorners));
  const points = sizeOf(sides);
  const base = new Float64Array(points * (rank + 1));
  for (let point = 0; point < points; point++) {
    let rest = point;
    // The last axis is x, the first coordinate.
    for (let axis = rank - 1; axis >= 0; axis--) {
      base[point * (rank + 1) + (rank - 1 - axis)] = along[axis][rest % sides[axis]];
      rest = Math.floor(rest / sides[axis]);
    }
    base[point * (rank + 1) + rank] = 1;
  }
  const grid = constant(tensorOf(theta.dtype, base, [1, points, rank + 1]));
  const product = op("MatMul", [grid, op("Transpose", [input(0)], { perm: [0, 2, 1] })]);
  into([node.outputs[0]], "Reshape", [product, ints(rewrite, 0, ...sides, rank)]);
}

/** Blocks of numbers, a column [C · block] for each position, added up where they lie in the picture: a transposed convolution with 0 and 1. */
function columnsToImage(rewrite: TypedRewrite): void {
  const { attributes, op, into, input, node, constant, value } = rewrite;
  const { dtype, shape } = typeAt(rewrite, 0);
  const image = needed(value(1), rewrite, "the size of the picture");
  const block = needed(value(2), rewrite, "the size of a block");
  const [strides, dilations] = ["strides", "dilations"].map((name) =>
    attributes.ints(
      name,
      image.map(() => 1),
    ),
  );
  const pads = attributes.ints(
    "pads",
    [...image, ...image].map(() => 0),
  );
  const size = sizeOf(block);
  const channels = shape[1] / size;
  // What a block and its padding leave of the picture on an axis, in which the others lie.
  const free = image.map(
    (extent, i) => extent + pads[i] + pads[i + image.length] - (dilations[i] * (block[i] - 1) + 1),
  );
  const positions = free.map((extent, i) => Math.floor(extent / strides[i]) + 1);
  const fits =
    shape.length === 3 &&
    block.length === image.length &&
    Number.isInteger(channels) &&
    free.every((extent) => extent >= 0) &&
    sizeOf(positions) === shape[2];
  if (!fits) throw misfit(rewrite, "[batch, channels · block, positions of the block]", [shape, image, block]);
  const columns = op("Reshape", [input(0), ints(rewrite, -1, size, ...positions)]);
  const ones = new Float64Array(size * size);
  for (let i = 0; i < size; i++) ones[i * size + i] = 1;
  const kernel = constant(tensorOf(dtype, ones, [size, 1, ...block]));
  const output_padding = free.map((extent, i) => extent % strides[i]);
  const planes = op("ConvTranspose", [columns, kernel], { strides, dilations, pads, output_padding });
  into([node.outputs[0]], "Reshape", [planes, ints(rewrite, -1, channels, ...image)]);
}

/** Pairs of features turned by an angle for each position. */
function rotaryEmbedding(rewrite: TypedRewrite): void {
  const { attributes, op, ops, into, input, node } = rewrite;
  const { shape } = typeAt(rewrite, 0);
  const isFolded = shape.length === 3;
  const heads = isFolded ? attributes.int("num_heads", 0) : shape[1];
  const size = isFolded ? shape[2] / heads : shape[3];
  if (!(shape.length === 3 || shape.length === 4) || heads < 1 || !Number.isInteger(size)) {
    throw misfit(rewrite, "[batch, heads, positions, size], or [batch, positions, heads · size] with num_heads", [
      shape,
    ]);
  }
  const turned = attributes.int("rotary_embedding_dim", 0) || size;
  const x = isFolded ? op("Reshape", [input(0), ints(rewrite, 0, 0, heads, size)]) : input(0);
  const headAxis = isFolded ? 2 : 1;
  const angle = (index: number): string => {
    const cache = input(3) === "" ? input(index) : op("Gather", [input(index), input(3)], { axis: 0 });
    return op("Unsqueeze", [cache, ints(rewrite, headAxis)]);
  };
  const [cos, sin] = [angle(1), angle(2)];
  const [moving, still] =
    turned < size ? ops(2, "Split", [x, ints(rewrite, turned, size - turned)], { axis: 3 }) : [x, undefined];
  const isInterleaved = attributes.int("interleaved", 0) !== 0;
  const every = (first: number): string =>
    op("Slice", [moving, ints(rewrite, first), ints(rewrite, turned), ints(rewrite, 3), ints(rewrite, 2)]);
  const [a, b] = isInterleaved ? [every(0), every(1)] : ops(2, "Split", [moving], { axis: 3, num_outputs: 2 });
  const real = op("Sub", [op("Mul", [cos, a]), op("Mul", [sin, b])]);
  const imaginary = op("Add", [op("Mul", [sin, a]), op("Mul", [cos, b])]);
  const pairs = (): string => {
    if (!isInterleaved) return op("Concat", [real, imaginary], { axis: 3 });
    const beside = [real, imaginary].map((part) => op("Unsqueeze", [part, ints(rewrite, 4)]));
    return op("Reshape", [op("Concat", beside, { axis: 4 }), ints(rewrite, 0, 0, 0, turned)]);
  };
  const all = still === undefined ? pairs() : op("Concat", [pairs(), still], { axis: 3 });
  if (isFolded) into([node.outputs[0]], "Reshape", [all, ints(rewrite, 0, 0, heads * size)]);
  else into([node.outputs[0]], "Identity", [all]);
}

/** (x − zero point) · scale, where each number of the parameters is for `block_size` elements along the axis. */
function dequantizeBlocks(rewrite: TypedRewrite): void {
  const { attributes, op, into, input, node } = rewrite;
  const [{ shape }, scale] = [typeAt(rewrite, 0), typeAt(rewrite, 1)];
  const block = attributes.int("block_size");
  const axis = normalizeAxis(describeNode(node), attributes.int("axis", 1), shape.length);
  const blocks = Math.ceil(shape[axis] / block);
  const fits =
    scale.shape.length === shape.length &&
    scale.shape.every((extent, i) => extent === (i === axis ? blocks : shape[i]));
  if (block < 1 || !fits)
    throw misfit(rewrite, `a scale for each ${block} elements along axis ${axis}`, [shape, scale.shape]);
  const real = (value: string): string => op("Cast", [value], { to: numberOfDataType(scale.dtype) });
  const spread = (parameter: string): string => {
    const repeated = op("Expand", [
      op("Unsqueeze", [parameter, ints(rewrite, axis + 1)]),
      ints(rewrite, ...shape.slice(0, axis), blocks, block, ...shape.slice(axis + 1)),
    ]);
    const flat = op("Reshape", [repeated, ints(rewrite, ...shape.with(axis, blocks * block))]);
    if (blocks * block === shape[axis]) return flat;
    return op("Slice", [flat, ints(rewrite, 0), ints(rewrite, shape[axis]), ints(rewrite, axis)]);
  };
  const centered = input(2) === "" ? real(input(0)) : op("Sub", [real(input(0)), spread(real(input(2)))]);
  into([node.outputs[0]], "Mul", [centered, spread(input(1))]);
}

/** Queries, keys and values as [batch, heads, positions, size], and what is added to the scores; "" for nothing. */
interface Heads {
  readonly q: string;
  readonly k: string;
  readonly v: string;
  readonly size: number;
  readonly heads: number;
  readonly queries: number;
  readonly keys: number;
  readonly bias: readonly string[];
}

/** [batch, positions, heads · size] as [batch, heads, positions, size]. */
function toHeads(rewrite: TypedRewrite, x: string, heads: number): string {
  const { op } = rewrite;
  return op("Transpose", [op("Reshape", [x, ints(rewrite, 0, 0, heads, -1)])], { perm: [0, 2, 1, 3] });
}

/** softmax(scale · Q Kᵀ + bias) · V, with the heads beside one another, as the node's first output. */
function attend(rewrite: TypedRewrite, { q, k, v, size, queries, keys, bias }: Heads): void {
  const { attributes, op, into, node, constant } = rewrite;
  const scale = attributes.float("scale", 0) || 1 / Math.sqrt(size);
  const product = op("MatMul", [op("Mul", [q, number(rewrite, scale)]), op("Transpose", [k], { perm: [0, 1, 3, 2] })]);
  const causal = (): string[] => {
    if (attributes.int("unidirectional", 0) === 0) return [];
    const later = Array.from({ length: queries * keys }, (_, i) =>
      (i % keys) - Math.floor(i / keys) > keys - queries ? lowest : 0,
    );
    return [constant(tensorOf(typeAt(rewrite, 0).dtype, later, [queries, keys]))];
  };
  const scores = [...bias, ...causal()].reduce((total, term) => op("Add", [total, term]), product);
  const values = op("MatMul", [op("Softmax", [scores], { axis: -1 }), v]);
  into([node.outputs[0]], "Reshape", [op("Transpose", [values], { perm: [0, 2, 1, 3] }), ints(rewrite, 0, 0, -1)]);
}

/** What onnxruntime adds to the score of a position that must not be seen. */
const lowest = -3.4e38;

/** A mask of ones and zeros as what is added to the scores: [batch, keys], [batch, queries, keys] or [batch, 1, queries, keys]. */
function maskBias(rewrite: TypedRewrite, index: number, keys: number): string[] {
  const { attributes, op, input, type } = rewrite;
  const mask = type(index);
  if (mask === undefined) return [];
  const { shape } = mask;
  if (shape.length < 2 || shape.length > 4 || shape[shape.length - 1] !== keys) {
    refuse(rewrite, "a mask of this form is not supported", `a number for each of the ${keys} keys, [batch, ${keys}]`);
  }
  const axes = [[1, 2], [1], []][shape.length - 2];
  const spread = axes.length === 0 ? input(index) : op("Unsqueeze", [input(index), ints(rewrite, ...axes)]);
  const seen = op("Cast", [spread], { to: numberOfDataType(typeAt(rewrite, 0).dtype) });
  const filter = number(rewrite, attributes.float("mask_filter_value", -10000));
  return [op("Mul", [op("Sub", [number(rewrite, 1), seen]), filter])];
}

/** What belongs to text generation alone: caches of keys among the inputs `at`, and outputs for them. */
function refuseCaches(rewrite: TypedRewrite, at: readonly number[]): void {
  const { node, input } = rewrite;
  const isCached = at.some((index) => input(index) !== "") || node.outputs.slice(1).some((name) => name !== "");
  if (isCached) refuse(rewrite, "caches of keys and values are not supported", "one output, and no past");
}

/** com.microsoft.Attention: queries, keys and values are one product with the input. */
function fusedAttention(rewrite: TypedRewrite): void {
  const { attributes, op, ops, input } = rewrite;
  const [x, weights] = [typeAt(rewrite, 0), typeAt(rewrite, 1)];
  if (attributes.int("do_rotary", 0) !== 0)
    refuse(rewrite, "rotary embeddings within Attention are not supported", "do_rotary 0");
  refuseCaches(rewrite, [4, 6]);
  const heads = attributes.int("num_heads");
  const width = weights.shape[1];
  const sizes = attributes.ints("qkv_hidden_sizes", [width / 3, width / 3, width / 3]);
  const fits = x.shape.length === 3 && sizes.length === 3 && sizes.every((size) => Number.isInteger(size / heads));
  if (!fits || sizes[0] !== sizes[1] || sizes[0] + sizes[1] + sizes[2] !== width) {
    throw misfit(rewrite, "an input of 3 axes, and weights for queries, keys and values of all heads", [
      x.shape,
      weights.shape,
    ]);
  }
  const product = op("MatMul", [input(0), input(1)]);
  const all = input(2) === "" ? product : op("Add", [product, input(2)]);
  const [q, k, v] = ops(3, "Split", [all, ints(rewrite, ...sizes)], { axis: 2 });
  const [, positions] = x.shape;
  attend(rewrite, {
    q: toHeads(rewrite, q, heads),
    k: toHeads(rewrite, k, heads),
    v: toHeads(rewrite, v, heads),
    size: sizes[0] / heads,
    heads,
    queries: positions,
    keys: positions,
    bias: [...maskBias(rewrite, 3, positions), ...(input(5) === "" ? [] : [input(5)])],
  });
}

/** com.microsoft.MultiHeadAttention: queries, keys and values as they are given, or packed beside one another for each head. */
function multiHeadAttention(rewrite: TypedRewrite): void {
  const { attributes, op, ops, input, type } = rewrite;
  const heads = attributes.int("num_heads");
  refuseCaches(rewrite, [6, 7, 8, 9]);
  const [q, k, v] = [typeAt(rewrite, 0), type(1), type(2)];
  const where = [q.shape, k?.shape, v?.shape];
  const biases = input(3) === "" ? undefined : input(3);
  /** [batch, positions, heads, parts, size] taken apart, each [batch, heads, positions, size]. */
  const unpack = (value: string, count: number): string[] =>
    ops(count, "Split", [value], { axis: 3, num_outputs: count }).map((part) =>
      op("Transpose", [op("Squeeze", [part, ints(rewrite, 3)])], { perm: [0, 2, 1, 3] }),
    );
  const isPacked = q.shape.length === 5;
  if (isPacked) {
    const [, positions, , , size] = q.shape;
    if (biases !== undefined) refuse(rewrite, "packed queries with a bias are not supported", "no bias");
    const [first, second, third] = unpack(input(0), 3);
    const bias = [...maskBias(rewrite, 4, positions), ...(input(5) === "" ? [] : [input(5)])];
    attend(rewrite, { q: first, k: second, v: third, size, heads, queries: positions, keys: positions, bias });
    return;
  }
  const size = q.shape[2] / heads;
  if (q.shape.length !== 3 || k === undefined || !Number.isInteger(size)) {
    throw misfit(rewrite, "queries [batch, positions, heads · size] with keys and values, or all packed in one", where);
  }
  const arePairs = k.shape.length === 5;
  const keys = arePairs ? k.shape[1] : k.shape[k.shape.length - 2];
  const widthOf = (shape: Shape): number => (shape.length === 3 ? shape[2] : shape[1] * shape[3]);
  const [qBias, kBias, vBias] =
    biases === undefined
      ? []
      : ops(
          3,
          "Split",
          [biases, ints(rewrite, q.shape[2], q.shape[2], arePairs || v === undefined ? q.shape[2] : widthOf(v.shape))],
          {
            axis: 0,
          },
        );
  /** Keys and values that come with heads of their own have no bias. */
  const split = (index: number, bias: string | undefined): string => {
    if (type(index)?.shape.length === 4) return input(index);
    return toHeads(rewrite, bias === undefined ? input(index) : op("Add", [input(index), bias]), heads);
  };
  if (!arePairs && v === undefined) throw misfit(rewrite, "values beside the keys", where);
  const [key, value] = arePairs ? unpack(input(1), 2) : [split(1, kBias), split(2, vBias)];
  attend(rewrite, {
    q: split(0, qBias),
    k: key,
    v: value,
    size,
    heads,
    queries: q.shape[1],
    keys,
    bias: [...maskBias(rewrite, 4, keys), ...(input(5) === "" ? [] : [input(5)])],
  });
}

/** The rewrite of a node by domain and operator; none where the node is fine as it is. */
export const shapedOperators: Readonly<Record<string, (node: Node) => TypedRewriteRule | undefined>> = {
  AffineGrid: () => affineGrid,
  Col2Im: () => columnsToImage,
  RotaryEmbedding: () => rotaryEmbedding,
  DequantizeLinear: ({ attributes }) => (attributes.block_size?.value ? dequantizeBlocks : undefined),
  "com.microsoft.Attention": () => fusedAttention,
  "com.microsoft.MultiHeadAttention": () => multiHeadAttention,
};
