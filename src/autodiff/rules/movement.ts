/** @file VJP rules of the operators that move, pick or repeat elements: each is linear, and its rule is the adjoint map. */
import { UnsupportedError } from "../../errors.ts";
import type { GraphBuilder, Value } from "../../onnx/builder.ts";
import { padSources, padsPerAxis } from "../../onnx/pad-sources.ts";
import { sliceRanges, splitSizes } from "../../onnx/slice-bounds.ts";
import { normalizeAxis } from "../../tensor/shape.ts";
import { sizeOf } from "../../tensor/tensor.ts";
import { addRuns, dilate, padAxes, reshapeTo, reverse, runsOf, sliceAxis, zeros } from "../linear-maps.ts";
import { unbroadcast } from "../unbroadcast.ts";
import type { VjpCall, VjpRule } from "../vjp-rule.ts";

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

/** Picking as few runs of neighbours as this is undone by slices and pads, which every runtime has and does fast. */
const fewRuns = 4;

/** y[…, i, …] = x[…, indices[i], …] ⇒ x̄[…, k, …] = Σ ȳ[…, i, …] over all i with indices[i] = k */
export const Gather: VjpRule = ({ g, attributes, inputs: [x, indices], cotangents: [dy], where }) => {
  const { shape } = x!;
  const axis = normalizeAxis(where, attributes.int("axis", 0), shape.length);
  const [outer, inner] = [shape.slice(0, axis), shape.slice(axis + 1)];
  const count = sizeOf(indices!.shape);
  const flat = reshapeTo(g, dy!, [...outer, count, ...inner]);
  const sources = g.known(indices!)?.data.map((index) => (index < 0 ? index + shape[axis] : index));
  if (sources !== undefined && runsOf(sources).length <= fewRuns) return [addRuns(g, flat, axis, sources, shape[axis])];
  // ScatterND adds whole slices along the first axis, so the indexed axis goes there and back.
  const toFront = [axis, ...outer.keys(), ...inner.map((_, k) => axis + 1 + k)];
  const back = shape.map((_, k) => toFront.indexOf(k));
  const moved = axis === 0 ? flat : g.op("Transpose", [flat], { perm: toFront });
  const column = reshapeTo(g, indices!, [count, 1]);
  const start = zeros(g, dy!, [shape[axis], ...outer, ...inner]);
  const sum = g.op("ScatterND", [start, column, moved], { reduction: "add" });
  return [axis === 0 ? sum : g.op("Transpose", [sum], { perm: back })];
};

/** y[i, j] = x[indices[i, j], j] ⇒ x̄[k, j] = Σ ȳ[i, j] over all i with indices[i, j] = k (here along axis 0) */
export const GatherElements: VjpRule = ({ g, attributes, inputs: [x, indices], cotangents: [dy] }) => {
  const axis = attributes.int("axis", 0);
  return [g.op("ScatterElements", [zeros(g, x!), indices, dy], { axis, reduction: "add" })];
};

/** What a rule for scattering needs to know of its operator. */
interface Scattering {
  /** `target` with `updates` scattered into it. */
  scatter(target: Value, updates: Value, reduction: string): Value;
  /** The elements of `source` at the places that the updates go to. */
  gather(source: Value): Value;
}

/**
 * y = x with updates u joined in at the indices:
 * none ⇒ x̄ = ȳ but 0 where an update went, ū = ȳ there (ONNX leaves open which of two updates of one element wins; both get ȳ);
 * add ⇒ x̄ = ȳ, ū = ȳ there;
 * mul ⇒ every factor gets ȳ times the product of the others, zeros included;
 * min, max ⇒ ȳ in equal shares to all that attain the extremum, as in PyTorch's scatter_reduce.
 */
function scatterRule(
  { g, attributes, inputs: [x, , u], outputs: [y], cotangents: [cotangent], wants, where }: VjpCall,
  { scatter, gather }: Scattering,
): readonly (Value | undefined)[] {
  const dy = cotangent!;
  const [zero, one] = [g.scalar(0, dy.dtype), g.scalar(1, dy.dtype)];
  const reduction = attributes.string("reduction", "none");
  const result = (data: () => Value, updates: () => Value): readonly (Value | undefined)[] => [
    wants(0) ? data() : undefined,
    undefined,
    wants(2) ? updates() : undefined,
  ];
  if (reduction === "none") {
    return result(
      () => scatter(dy, zeros(g, u!), "none"),
      () => gather(dy),
    );
  }
  if (reduction === "add") {
    return result(
      () => dy,
      () => gather(dy),
    );
  }
  if (reduction === "mul") {
    return result(
      () => g.op("Mul", [dy, scatter(g.op("Expand", [one, g.ints(dy.shape)]), u!, "mul")]),
      () => {
        // The product of the others is that of all factors but the zeros, divided by one's own, and 0 if another is zero.
        const isZero = g.op("Equal", [u, zero]);
        const factors = g.op("Where", [isZero, one, u]);
        const product = g.op("Mul", [dy, scatter(x!, factors, "mul")]);
        const ownZero = g.op("Where", [isZero, one, zero]);
        const zeroCount = gather(scatter(zeros(g, dy), ownZero, "add"));
        return g.op("Where", [g.op("Equal", [zeroCount, ownZero]), g.op("Div", [gather(product), factors]), zero]);
      },
    );
  }
  if (reduction === "min" || reduction === "max") {
    const isOwn = g.op("Where", [g.op("Equal", [x, y]), one, zero]);
    const isUpdate = g.op("Where", [g.op("Equal", [u, gather(y)]), one, zero]);
    const share = g.op("Div", [dy, scatter(isOwn, isUpdate, "add")]);
    return result(
      () => g.op("Mul", [share, isOwn]),
      () => g.op("Mul", [gather(share), isUpdate]),
    );
  }
  throw new UnsupportedError({ where, what: `no VJP rule for reduction ${JSON.stringify(reduction)}` });
}

/** As `scatterRule` says, for single elements. */
export const ScatterElements: VjpRule = (call) => {
  const { g, attributes, inputs } = call;
  const axis = attributes.int("axis", 0);
  return scatterRule(call, {
    scatter: (target, updates, reduction) => g.op("ScatterElements", [target, inputs[1], updates], { axis, reduction }),
    gather: (source) => g.op("GatherElements", [source, inputs[1]], { axis }),
  });
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
  g.op("DepthToSpace", [dy], { blocksize: attributes.int("blocksize"), mode: "DCR" }),
];
