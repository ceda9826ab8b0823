/** @file VJP rules of the operators that pick or place elements by index. */
import { UnsupportedError } from "../../errors.ts";
import type { Value } from "../../onnx/builder.ts";
import { normalizeAxis } from "../../tensor/shape.ts";
import { intTensor, sizeOf } from "../../tensor/tensor.ts";
import { addRuns, reshapeTo, runsOf, zeros } from "../linear-maps.ts";
import type { VjpCall, VjpRule } from "../vjp-rule.ts";

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

/**
 * y = x with updates u joined in, element by element ⇒ none: x̄ = ȳ but 0 where an update went, ū = ȳ there; add: x̄ = ȳ, ū = ȳ
 * there; mul: every factor gets ȳ times the product of the others; min, max: ȳ in equal shares to all that attain it.
 */
export const ScatterElements: VjpRule = (call) => {
  const { g, attributes, inputs } = call;
  const axis = attributes.int("axis", 0);
  return scatterRule(call, {
    scatter: (target, updates, reduction) => g.op("ScatterElements", [target, inputs[1], updates], { axis, reduction }),
    gather: (source) => g.op("GatherElements", [source, inputs[1]], { axis }),
  });
};

/** As {@link ScatterElements}, for the slices that index tuples name */
export const ScatterND: VjpRule = (call) => {
  const { g, inputs } = call;
  return scatterRule(call, {
    scatter: (target, updates, reduction) => g.op("ScatterND", [target, inputs[1], updates], { reduction }),
    gather: (source) => g.op("GatherND", [source, inputs[1]]),
  });
};

/** y[i] = x[indices[i]] for index tuples ⇒ x̄[k] = Σ ȳ[i] over all i with indices[i] = k */
export const GatherND: VjpRule = ({ g, attributes, inputs: [x, indices], cotangents: [dy] }) => {
  const batch = x!.shape.slice(0, attributes.int("batch_dims", 0));
  if (batch.length === 0) return [g.op("ScatterND", [zeros(g, x!), indices, dy], { reduction: "add" })];
  // ScatterND has no batch axes: they become one more index in each tuple.
  const [batches, depth] = [sizeOf(batch), indices!.shape.at(-1)!];
  const tuples = sizeOf(indices!.shape.slice(0, -1));
  const perBatch = tuples / batches;
  const numbers = Array.from({ length: tuples }, (_, i) => Math.floor(i / perBatch));
  const full = g.op("Concat", [g.constant(intTensor(numbers, [tuples, 1])), reshapeTo(g, indices!, [tuples, depth])], {
    axis: 1,
  });
  const rest = x!.shape.slice(batch.length);
  const updates = reshapeTo(g, dy!, [tuples, ...rest.slice(depth)]);
  const sum = g.op("ScatterND", [zeros(g, x!, [batches, ...rest]), full, updates], { reduction: "add" });
  return [reshapeTo(g, sum, x!.shape)];
};

/**
 * The k largest (or smallest) elements: each gets the cotangent of its place. Which of several equal elements is picked, and
 * so gets all, is up to the runtime; the indices that it returns decide.
 */
export const TopK: VjpRule = ({ g, node, attributes, inputs: [x, k], outputs, cotangents: [dy] }) => {
  const axis = attributes.int("axis", -1);
  const flags = { axis, largest: attributes.int("largest", 1), sorted: attributes.int("sorted", 1) };
  const indices = node.outputs[1] ? outputs[1] : g.ops("TopK", [x, k], flags, 2)[1];
  return [g.op("ScatterElements", [zeros(g, x!), indices, dy], { axis, reduction: "add" })];
};

/** y = one-hot mask m ? on : off, values = [off, on] ⇒ their cotangents are Σ ȳ (1 − m) and Σ ȳ m */
export const OneHot: VjpRule = ({ g, attributes, inputs: [indices, depth], cotangents: [dy] }) => {
  const levels = g.constant({ dtype: dy!.dtype, shape: [2], data: Float32Array.of(0, 1) });
  const mask = g.op("OneHot", [indices, depth, levels], { axis: attributes.int("axis", -1) });
  const total = (value: Value): Value => reshapeTo(g, g.op("ReduceSum", [value], { keepdims: 0 }), [1]);
  const on = total(g.op("Mul", [dy, mask]));
  return [undefined, undefined, g.op("Concat", [g.op("Sub", [total(dy!), on]), on], { axis: 0 })];
};
