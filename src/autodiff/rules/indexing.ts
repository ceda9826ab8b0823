/** @file Rules of the operators that pick or place elements by index. */
import { UnsupportedError } from "../../errors.ts";
import type { Value } from "../../onnx/builder.ts";
import { normalizeAxis } from "../../tensor/shape.ts";
import { intTensor, sizeOf, tensorOf } from "../../tensor/tensor.ts";
import { addRuns, reshapeTo, runsOf, zeros } from "../adjoints/linear-maps.ts";
import { type Pull, type Pullback, pullbacks } from "../pullbacks.ts";
import { noGradient, rule } from "../rule.ts";

/** Picking as few runs of neighbours as this is undone by slices and pads, which every runtime has and does fast. */
const fewRuns = 4;

export const Gather = rule({
  formula: "y[…, i, …] = x[…, indices[i], …] ⇒ x̄[…, k, …] = Σ ȳ[…, i, …] over all i with indices[i] = k",
  vjp: pullbacks(["x", "indices"], ({ g, attributes, x: { shape }, indices, dy, where }) => ({
    x: () => {
      const axis = normalizeAxis(where, attributes.int("axis", 0), shape.length);
      const [outer, inner] = [shape.slice(0, axis), shape.slice(axis + 1)];
      const count = sizeOf(indices.shape);
      const flat = reshapeTo(g, dy, [...outer, count, ...inner]);
      const sources = g.known(indices)?.data.map((index) => (index < 0 ? index + shape[axis] : index));
      if (sources !== undefined && runsOf(sources).length <= fewRuns) {
        return addRuns(g, flat, axis, sources, shape[axis]);
      }
      // ScatterND adds whole slices along the first axis, so the indexed axis goes there and back.
      const toFront = [axis, ...outer.keys(), ...inner.map((_, k) => axis + 1 + k)];
      const back = shape.map((_, k) => toFront.indexOf(k));
      const moved = axis === 0 ? flat : g.op("Transpose", [flat], { perm: toFront });
      const column = reshapeTo(g, indices, [count, 1]);
      const start = zeros(g, dy, [shape[axis], ...outer, ...inner]);
      const sum = g.op("ScatterND", [start, column, moved], { reduction: "add" });
      return axis === 0 ? sum : g.op("Transpose", [sum], { perm: back });
    },
  })),
  excitation: { by: "as gradient" },
});

export const GatherElements = rule({
  formula: "y[i, j] = x[indices[i, j], j] ⇒ x̄[k, j] = Σ ȳ[i, j] over all i with indices[i, j] = k (here along axis 0)",
  vjp: pullbacks(["x", "indices"], ({ g, attributes, x, indices, dy }) => ({
    x: () =>
      g.op("ScatterElements", [zeros(g, dy, x.shape), indices, dy], {
        axis: attributes.int("axis", 0),
        reduction: "add",
      }),
  })),
  excitation: { by: "as gradient" },
});

/** What a rule for scattering needs to know of its operator. */
interface Scattering {
  /** `target` with `updates` scattered into it. */
  scatter(target: Value, updates: Value, reduction: string): Value;
  /** The elements of `source` at the places that the updates go to. */
  gather(source: Value): Value;
}

/**
 * The pullbacks of y = x with updates u joined in at the indices:
 * none ⇒ x̄ = ȳ but 0 where an update went, ū = ȳ there (ONNX leaves open which of two updates of one element wins; both get ȳ);
 * add ⇒ x̄ = ȳ, ū = ȳ there;
 * mul ⇒ every factor gets ȳ times the product of the others, zeros included;
 * min, max ⇒ ȳ in equal shares to all that attain the extremum, as in PyTorch's scatter_reduce.
 */
function scatterPullbacks(
  call: Pull & { readonly x: Value; readonly updates: Value },
  { scatter, gather }: Scattering,
): { readonly x: Pullback; readonly updates: Pullback } {
  const { g, where, attributes, mul, div, equal, select, indicator, x, updates: u, y, dy } = call;
  const reduction = attributes.string("reduction", "none");
  if (reduction === "none") return { x: () => scatter(dy, zeros(g, dy, u.shape), "none"), updates: () => gather(dy) };
  if (reduction === "add") return { x: () => dy, updates: () => gather(dy) };
  if (reduction === "mul") {
    return {
      x: () => mul(dy, scatter(g.op("Expand", [g.scalar(1, dy.dtype), g.ints(dy.shape)]), u, "mul")),
      updates: () => {
        // The product of the others is that of all factors but the zeros, divided by one's own, and 0 if another is zero.
        const isZero = equal(u, 0);
        const factors = select(isZero, 1, u);
        const product = mul(dy, scatter(x, factors, "mul"));
        const ownZero = indicator(isZero, dy);
        const zeroCount = gather(scatter(zeros(g, dy), ownZero, "add"));
        return select(equal(zeroCount, ownZero), div(gather(product), factors), 0);
      },
    };
  }
  if (reduction === "min" || reduction === "max") {
    const isOwn = indicator(equal(x, y), dy);
    const isUpdate = indicator(equal(u, gather(y)), dy);
    const share = div(dy, scatter(isOwn, isUpdate, "add"));
    return { x: () => mul(share, isOwn), updates: () => mul(gather(share), isUpdate) };
  }
  throw new UnsupportedError({
    where,
    what: `no VJP rule for reduction ${JSON.stringify(reduction)}`,
    advice: "OPERATORS.md says which reductions have one.",
  });
}

export const ScatterElements = rule({
  formula: `
    y = x with updates u joined in, element by element ⇒ none: x̄ = ȳ but 0 where an update went, ū = ȳ there; add: x̄ = ȳ, ū = ȳ
    there; mul: every factor gets ȳ times the product of the others; min, max: ȳ in equal shares to all that attain it.`,
  vjp: pullbacks(["x", "indices", "updates"], (call) => {
    const { g, indices } = call;
    const axis = call.attributes.int("axis", 0);
    return scatterPullbacks(call, {
      scatter: (target, updates, reduction) => g.op("ScatterElements", [target, indices, updates], { axis, reduction }),
      gather: (source) => g.op("GatherElements", [source, indices], { axis }),
    });
  }),
  excitation: { by: "as gradient" },
});

export const ScatterND = rule({
  formula: "As ScatterElements, for the slices that index tuples name",
  vjp: pullbacks(["x", "indices", "updates"], (call) => {
    const { g, indices } = call;
    return scatterPullbacks(call, {
      scatter: (target, updates, reduction) => g.op("ScatterND", [target, indices, updates], { reduction }),
      gather: (source) => g.op("GatherND", [source, indices]),
    });
  }),
  excitation: { by: "as gradient" },
});

export const GatherND = rule({
  formula: "y[i] = x[indices[i]] for index tuples ⇒ x̄[k] = Σ ȳ[i] over all i with indices[i] = k",
  vjp: pullbacks(["x", "indices"], ({ g, attributes, x, indices, dy }) => ({
    x: () => {
      const batch = x.shape.slice(0, attributes.int("batch_dims", 0));
      if (batch.length === 0) return g.op("ScatterND", [zeros(g, dy, x.shape), indices, dy], { reduction: "add" });
      // ScatterND has no batch axes: they become one more index in each tuple.
      const [batches, depth] = [sizeOf(batch), indices.shape[indices.shape.length - 1]];
      const tuples = sizeOf(indices.shape.slice(0, -1));
      const perBatch = tuples / batches;
      const numbers = Array.from({ length: tuples }, (_, i) => Math.floor(i / perBatch));
      const rows = reshapeTo(g, indices, [tuples, depth]);
      const full = g.op("Concat", [g.constant(intTensor(numbers, [tuples, 1])), rows], { axis: 1 });
      const rest = x.shape.slice(batch.length);
      const updates = reshapeTo(g, dy, [tuples, ...rest.slice(depth)]);
      const sum = g.op("ScatterND", [zeros(g, dy, [batches, ...rest]), full, updates], { reduction: "add" });
      return reshapeTo(g, sum, x.shape);
    },
  })),
  excitation: { by: "as gradient" },
});

export const TopK = rule({
  formula: `
    The k largest (or smallest) elements: each gets the cotangent of its place. Which of several equal elements is picked, and
    so gets all, is up to the runtime; the indices that it returns decide.`,
  vjp: pullbacks(["x", "k"], ({ g, attributes, others: [own], x, k, dy }) => ({
    x: () => {
      const axis = attributes.int("axis", -1);
      const flags = { axis, largest: attributes.int("largest", 1), sorted: attributes.int("sorted", 1) };
      const indices = own ?? g.ops("TopK", [x, k], flags, 2)[1];
      return g.op("ScatterElements", [zeros(g, dy, x.shape), indices, dy], { axis, reduction: "add" });
    },
  })),
  excitation: { by: "as gradient" },
});

export const OneHot = rule({
  formula: "y = one-hot mask m ? on : off, values = [off, on] ⇒ their cotangents are Σ ȳ (1 − m) and Σ ȳ m",
  vjp: pullbacks(["indices", "depth", "values"], ({ g, attributes, mul, sub, indices, depth, dy }) => ({
    values: () => {
      const levels = g.constant(tensorOf(dy.dtype, [0, 1], [2]));
      const mask = g.op("OneHot", [indices, depth, levels], { axis: attributes.int("axis", -1) });
      const total = (value: Value): Value => reshapeTo(g, g.op("ReduceSum", [value], { keepdims: 0 }), [1]);
      const on = total(mul(dy, mask));
      return g.op("Concat", [sub(total(dy), on), on], { axis: 0 });
    },
  })),
  excitation: { by: "as gradient" },
});

export const NonZero = noGradient;
