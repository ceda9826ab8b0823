/** @file VJP rules of the operators that move, pick or repeat elements: each is linear, and its rule is the adjoint map. */
import type { GraphBuilder, Value } from "../../onnx/builder.ts";
import { padSources, padsPerAxis } from "../../onnx/operators/arithmetic/pad-sources.ts";
import { sliceRanges, splitSizes } from "../../onnx/operators/arithmetic/slice-bounds.ts";
import { normalizeAxis } from "../../tensor/shape.ts";
import { sizeOf } from "../../tensor/tensor.ts";
import { addRuns, dilate, padAxes, reshapeTo, reverse, sliceAxis, zeros } from "../linear-maps.ts";
import { unbroadcast } from "../unbroadcast.ts";
import type { VjpCall, VjpRule } from "../vjp-rule.ts";

export * from "./indexing.ts";
export * from "./resampling.ts";

/** The numbers of an input that shape inference needed, and so knows; undefined if it is left out. */
function known({ g, inputs }: VjpCall, index: number): number[] | undefined {
  return inputs[index] && Array.from(g.known(inputs[index])!.data);
}

/** y = x repeated ⇒ x̄ = ȳ summed over the repetitions */
export const Expand: VjpRule = ({ g, inputs: [x], cotangents: [dy] }) => [unbroadcast(g, dy!, x!.shape)];

/** y = x under another shape ⇒ x̄ = ȳ under x's shape */
const renamed: VjpRule = ({ g, inputs: [x], cotangents: [dy] }) => [reshapeTo(g, dy!, x!.shape)];
export const Reshape = renamed;
export const Flatten = renamed;
export const Squeeze = renamed;
export const Unsqueeze = renamed;

/** y = x with its axes permuted ⇒ x̄ = ȳ with its axes permuted back */
export const Transpose: VjpRule = ({ g, attributes, cotangents: [dy] }) => {
  const axes = [...dy!.shape.keys()];
  const perm = attributes.ints("perm", axes.toReversed());
  return [g.op("Transpose", [dy], { perm: axes.map((axis) => perm.indexOf(axis)) })];
};

/** y = [x₁ | x₂ | …] ⇒ x̄ᵢ = the part of ȳ where xᵢ lies */
export const Concat: VjpRule = ({ g, attributes, inputs, cotangents: [dy], wants, where }) => {
  const axis = normalizeAxis(where, attributes.int("axis"), dy!.shape.length);
  const extents = inputs.map((input) => input!.shape[axis]);
  const starts = extents.map((_, i) => extents.slice(0, i).reduce((sum, extent) => sum + extent, 0));
  if (inputs.every((_, i) => wants(i)) && inputs.length > 1) {
    return g.ops("Split", [dy, g.ints(extents)], { axis }, inputs.length);
  }
  return inputs.map((_, i) => (wants(i) ? sliceAxis(g, dy!, axis, starts[i], starts[i] + extents[i]) : undefined));
};

/** [y₁ | y₂ | …] = x ⇒ x̄ = [ȳ₁ | ȳ₂ | …] */
export const Split: VjpRule = (call) => {
  const { g, node, attributes, cotangents, where } = call;
  const { shape } = call.inputs[0]!;
  const axis = normalizeAxis(where, attributes.int("axis", 0), shape.length);
  const parts = attributes.int("num_outputs", node.outputs.length);
  const sizes = splitSizes(where, shape[axis], parts, known(call, 1));
  const given = cotangents.findIndex((cotangent) => cotangent !== undefined);
  if (cotangents.filter((cotangent) => cotangent !== undefined).length === 1) {
    const start = sizes.slice(0, given).reduce((sum, size) => sum + size, 0);
    const none = shape.map(() => 0);
    const after = shape[axis] - start - sizes[given];
    return [padAxes(g, cotangents[given]!, none.with(axis, start), none.with(axis, after))];
  }
  const some = cotangents[given]!;
  const all = sizes.map((size, i) => cotangents[i] ?? zeros(g, some, shape.with(axis, size)));
  return [g.op("Concat", all, { axis })];
};

/** y = x[start + step · i] ⇒ x̄[start + step · i] = ȳ[i], and 0 elsewhere */
export const Slice: VjpRule = (call) => {
  const { g, inputs, cotangents, where } = call;
  const { shape } = inputs[0]!;
  const dy = cotangents[0]!;
  if (sizeOf(dy.shape) === 0) return [zeros(g, dy, shape)];
  const ranges = sliceRanges(where, shape, {
    starts: known(call, 1)!,
    ends: known(call, 2)!,
    axes: known(call, 3),
    steps: known(call, 4),
  });
  const backward = ranges.flatMap(({ step }, axis) => (step < 0 ? [axis] : []));
  // One element needs no zeros after it: its step says nothing.
  const steps = ranges.map(({ step, count }) => (count === 1 ? 1 : Math.abs(step)));
  const first = ranges.map(({ start, step, count }) => (step < 0 ? start + step * (count - 1) : start));
  const spread = dilate(g, reverse(g, dy, backward), steps);
  const after = spread.shape.map((extent, axis) => shape[axis] - first[axis] - extent);
  return [padAxes(g, spread, first, after)];
};

/**
 * y = x with elements added around it ⇒ x̄ = ȳ where x lies, plus, unless they are constants, the ȳ of the elements added,
 * each where its value came from; the constant's cotangent is the sum of the ȳ where it stands
 */
export const Pad: VjpRule = (call) => {
  const { g, attributes, inputs, cotangents, wants, where } = call;
  const dy = cotangents[0]!;
  const { shape } = inputs[0]!;
  const mode = attributes.string("mode", "constant");
  const pads = padsPerAxis(where, shape, known(call, 1)!, known(call, 3));
  if (mode !== "constant") {
    return [
      pads.reduce((cotangent, axisPads, axis) => {
        if (axisPads.before === 0 && axisPads.after === 0) return cotangent;
        return addRuns(g, cotangent, axis, padSources(where, mode, shape[axis], axisPads), shape[axis]);
      }, dy),
    ];
  }
  const cropped = padAxes(
    g,
    dy,
    pads.map(({ before }) => -before),
    pads.map(({ after }) => -after),
  );
  if (!wants(2)) return [cropped];
  const sum = (value: Value): Value => g.op("ReduceSum", [value], { keepdims: 0 });
  const constant = g.op("Sub", [sum(dy), sum(cropped)]);
  return [cropped, undefined, reshapeTo(g, constant, inputs[2]!.shape)];
};

/** y = x repeated along its axes ⇒ x̄ = ȳ summed over the repetitions */
export const Tile: VjpRule = (call) => {
  const { g, inputs, cotangents } = call;
  const { shape } = inputs[0]!;
  const repeats = known(call, 1)!;
  const axes = shape.flatMap((_, axis) => (repeats[axis] === 1 ? [] : [axis]));
  if (axes.length === 0) return [cotangents[0]];
  const split = shape.flatMap((extent, axis) => (axes.includes(axis) ? [repeats[axis], extent] : [extent]));
  const summed = axes.map((axis, k) => axis + k);
  return [g.op("ReduceSum", [reshapeTo(g, cotangents[0]!, split), g.ints(summed)], { keepdims: 0 })];
};

/** Blocks of channels moved to blocks of pixels ⇒ the cotangent is moved back. */
export const DepthToSpace: VjpRule = ({ g, attributes, inputs: [x], cotangents: [dy] }) => {
  const block = attributes.int("blocksize");
  if (attributes.string("mode", "DCR") === "DCR") return [g.op("SpaceToDepth", [dy], { blocksize: block })];
  return [crdSpaceToDepth(g, dy!, x!.shape, block)];
};

/** The inverse of DepthToSpace in CRD mode, where a channel's block lies in neighbouring channels. */
function crdSpaceToDepth(g: GraphBuilder, value: Value, shape: readonly number[], block: number): Value {
  const [n, c, rows, columns] = shape;
  const split = reshapeTo(g, value, [n, c / (block * block), rows, block, columns, block]);
  return reshapeTo(g, g.op("Transpose", [split], { perm: [0, 1, 3, 5, 2, 4] }), shape);
}

/** Blocks of pixels moved to blocks of channels ⇒ the cotangent is moved back. */
export const SpaceToDepth: VjpRule = ({ g, attributes, cotangents: [dy] }) => [
  g.op("DepthToSpace", [dy], { blocksize: attributes.int("blocksize"), mode: attributes.string("mode", "DCR") }),
];

/** y = x above or below a diagonal, 0 elsewhere ⇒ x̄ = ȳ there, 0 elsewhere */
export const Trilu: VjpRule = ({ g, attributes, inputs: [, k], cotangents: [dy] }) => [
  g.op("Trilu", [dy, k], { upper: attributes.int("upper", 1) }),
];
