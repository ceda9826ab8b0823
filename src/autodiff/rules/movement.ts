/** @file Rules of the operators that move or repeat elements: each is linear, and its rule is the adjoint map. */
import type { GraphBuilder, Value } from "../../onnx/builder.ts";
import { padSources, padsPerAxis } from "../../onnx/operators/arithmetic/pad-sources.ts";
import { sliceRanges, splitSizes } from "../../onnx/operators/arithmetic/slice-bounds.ts";
import { normalizeAxis } from "../../tensor/shape.ts";
import { sizeOf } from "../../tensor/tensor.ts";
import { knownNumbers } from "../adjoints/known-numbers.ts";
import { addRuns, dilate, padAxes, reshapeTo, reverse, sliceAxis, zeros } from "../adjoints/linear-maps.ts";
import { unbroadcast } from "../adjoints/unbroadcast.ts";
import { present, pullbacks, unary, variadic } from "../pullbacks.ts";
import { rule, type VjpRule } from "../rule.ts";

export const Expand = rule({
  formula: "y = x repeated ⇒ x̄ = ȳ summed over the repetitions",
  vjp: unary(({ g, x, dy }) => unbroadcast(g, dy, x.shape)),
  excitation: { by: "as gradient" },
});

const renamed = {
  formula: "y = x under another shape ⇒ x̄ = ȳ under x's shape",
  vjp: unary(({ g, x, dy }) => reshapeTo(g, dy, x.shape)),
  excitation: { by: "as gradient" },
} as const;
export const Reshape = rule({ ...renamed });
export const Flatten = rule({ ...renamed });
export const Squeeze = rule({ ...renamed });
export const Unsqueeze = rule({ ...renamed });

export const Transpose = rule({
  formula: "y = x with its axes permuted ⇒ x̄ = ȳ with its axes permuted back",
  vjp: unary(({ g, attributes, dy }) => {
    const axes = [...dy.shape.keys()];
    const perm = attributes.ints("perm", axes.toReversed());
    return g.op("Transpose", [dy], { perm: axes.map((axis) => perm.indexOf(axis)) });
  }),
  excitation: { by: "as gradient" },
});

export const Concat = rule({
  formula: "y = [x₁ | x₂ | …] ⇒ x̄ᵢ = the part of ȳ where xᵢ lies",
  vjp: variadic(({ g, attributes, inputs, dy, wants, where }) => {
    const axis = normalizeAxis(where, attributes.int("axis"), dy.shape.length);
    const extents = inputs.map((input) => input.shape[axis]);
    if (inputs.every((_, i) => wants(i)) && inputs.length > 1) {
      const parts = g.ops("Split", [dy, g.ints(extents)], { axis }, inputs.length);
      return (_, i) => parts[i];
    }
    return (_, i) => {
      const start = extents.slice(0, i).reduce((sum, extent) => sum + extent, 0);
      return sliceAxis(g, dy, axis, start, start + extents[i]);
    };
  }),
  excitation: { by: "as gradient" },
  isNonNegative: (inputs, isNonNegative) => inputs.every(isNonNegative),
});

/** Parts that have no cotangent are zeros; a single one that has is padded. */
const joined: VjpRule = ({ g, node, attributes, inputs, cotangents, where, wants }) => {
  if (!wants(0)) return [];
  const { shape } = present(where, inputs[0], 0);
  const axis = normalizeAxis(where, attributes.int("axis", 0), shape.length);
  const parts = attributes.int("num_outputs", node.outputs.length);
  const sizes = splitSizes(where, shape[axis], parts, inputs[1] && knownNumbers(g, inputs[1]));
  const given = cotangents.flatMap((cotangent, i) => (cotangent === undefined ? [] : [{ cotangent, i }]));
  const [{ cotangent, i }] = given;
  if (given.length === 1) {
    const start = sizes.slice(0, i).reduce((sum, size) => sum + size, 0);
    const none = shape.map(() => 0);
    return [padAxes(g, cotangent, none.with(axis, start), none.with(axis, shape[axis] - start - sizes[i]))];
  }
  const all = sizes.map((size, k) => cotangents[k] ?? zeros(g, cotangent, shape.with(axis, size)));
  return [g.op("Concat", all, { axis })];
};

export const Split = rule({
  formula: "[y₁ | y₂ | …] = x ⇒ x̄ = [ȳ₁ | ȳ₂ | …]",
  vjp: joined,
  excitation: { by: "as gradient" },
});

export const Slice = rule({
  formula: "y = x[start + step · i] ⇒ x̄[start + step · i] = ȳ[i], and 0 elsewhere",
  vjp: pullbacks(["x", "starts", "ends", "axes?", "steps?"], ({ g, where, x, dy, ...inputs }) => ({
    x: () => {
      const { shape } = x;
      if (sizeOf(dy.shape) === 0) return zeros(g, dy, shape);
      const ranges = sliceRanges(where, shape, {
        starts: knownNumbers(g, inputs.starts),
        ends: knownNumbers(g, inputs.ends),
        axes: inputs.axes && knownNumbers(g, inputs.axes),
        steps: inputs.steps && knownNumbers(g, inputs.steps),
      });
      const backward = ranges.flatMap(({ step }, axis) => (step < 0 ? [axis] : []));
      // One element needs no zeros after it: its step says nothing.
      const steps = ranges.map(({ step, count }) => (count === 1 ? 1 : Math.abs(step)));
      const first = ranges.map(({ start, step, count }) => (step < 0 ? start + step * (count - 1) : start));
      const spread = dilate(g, reverse(g, dy, backward), steps);
      const after = spread.shape.map((extent, axis) => shape[axis] - first[axis] - extent);
      return padAxes(g, spread, first, after);
    },
  })),
  excitation: { by: "as gradient" },
});

export const Pad = rule({
  formula: `
    y = x with elements added around it ⇒ x̄ = ȳ where x lies, plus, unless they are constants, the ȳ of the elements added,
    each where its value came from; the constant's cotangent is the sum of the ȳ where it stands`,
  vjp: pullbacks(["x", "pads", "constant?", "axes?"], ({ g, where, attributes, sub, x, pads: given, dy, ...rest }) => {
    const { shape } = x;
    const mode = attributes.string("mode", "constant");
    const pads = padsPerAxis(where, shape, knownNumbers(g, given), rest.axes && knownNumbers(g, rest.axes));
    if (mode !== "constant") {
      const folded = (): Value =>
        pads.reduce((cotangent, axisPads, axis) => {
          if (axisPads.before === 0 && axisPads.after === 0) return cotangent;
          return addRuns(g, cotangent, axis, padSources(where, mode, shape[axis], axisPads), shape[axis]);
        }, dy);
      return { x: folded };
    }
    const cropped = padAxes(
      g,
      dy,
      pads.map(({ before }) => -before),
      pads.map(({ after }) => -after),
    );
    const sum = (value: Value): Value => g.op("ReduceSum", [value], { keepdims: 0 });
    return {
      x: () => cropped,
      constant: (constant) => reshapeTo(g, sub(sum(dy), sum(cropped)), constant.shape),
    };
  }),
  excitation: { by: "as gradient" },
});

export const Tile = rule({
  formula: "y = x repeated along its axes ⇒ x̄ = ȳ summed over the repetitions",
  vjp: pullbacks(["x", "repeats"], ({ g, x: { shape }, repeats: given, dy }) => ({
    x: () => {
      const repeats = knownNumbers(g, given);
      const axes = shape.flatMap((_, axis) => (repeats[axis] === 1 ? [] : [axis]));
      if (axes.length === 0) return dy;
      const split = shape.flatMap((extent, axis) => (axes.includes(axis) ? [repeats[axis], extent] : [extent]));
      const summed = axes.map((axis, k) => axis + k);
      return g.op("ReduceSum", [reshapeTo(g, dy, split), g.ints(summed)], { keepdims: 0 });
    },
  })),
  excitation: { by: "as gradient" },
});

export const DepthToSpace = rule({
  formula: "Blocks of channels moved to blocks of pixels ⇒ the cotangent is moved back.",
  vjp: unary(({ g, attributes, x, dy }) => {
    const block = attributes.int("blocksize");
    if (attributes.string("mode", "DCR") === "DCR") return g.op("SpaceToDepth", [dy], { blocksize: block });
    return crdSpaceToDepth(g, dy, x.shape, block);
  }),
  excitation: { by: "as gradient" },
});

/** The inverse of DepthToSpace in CRD mode, where a channel's block lies in neighbouring channels. */
function crdSpaceToDepth(g: GraphBuilder, value: Value, shape: readonly number[], block: number): Value {
  const [n, c, rows, columns] = shape;
  const split = reshapeTo(g, value, [n, c / (block * block), rows, block, columns, block]);
  return reshapeTo(g, g.op("Transpose", [split], { perm: [0, 1, 3, 5, 2, 4] }), shape);
}

export const SpaceToDepth = rule({
  formula: "Blocks of pixels moved to blocks of channels ⇒ the cotangent is moved back.",
  vjp: unary(({ g, attributes, dy }) =>
    g.op("DepthToSpace", [dy], { blocksize: attributes.int("blocksize"), mode: attributes.string("mode", "DCR") }),
  ),
  excitation: { by: "as gradient" },
});

export const Trilu = rule({
  formula: "y = x above or below a diagonal, 0 elsewhere ⇒ x̄ = ȳ there, 0 elsewhere",
  vjp: pullbacks(["x", "k?"], ({ g, attributes, k, dy }) => ({
    x: () => g.op("Trilu", [dy, k], { upper: attributes.int("upper", 1) }),
  })),
  excitation: { by: "as gradient" },
});
