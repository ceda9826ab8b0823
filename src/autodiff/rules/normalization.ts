/** @file VJP rules of the normalizations. */
import { float } from "../../onnx/attributes.ts";
import type { GraphBuilder, Value } from "../../onnx/builder.ts";
import { normalizeAxis } from "../../tensor/shape.ts";
import { sizeOf, tensorOf } from "../../tensor/tensor.ts";
import { reshapeTo } from "../linear-maps.ts";
import { unbroadcast } from "../unbroadcast.ts";
import type { VjpCall, VjpRule } from "../vjp-rule.ts";

function reduce(g: GraphBuilder, operator: "ReduceMean" | "ReduceSum", value: Value, axes: readonly number[]): Value {
  return g.op(operator, [value, g.ints(axes)], { keepdims: 1 });
}

/** `axis` and all that follow it, of `rank` axes. */
function axesFrom(axis: number, rank: number): number[] {
  return Array.from({ length: rank - axis }, (_, i) => axis + i);
}

/** All axes but that of the channels. */
function allButChannels(value: Value): number[] {
  return value.shape.flatMap((_, axis) => (axis === 1 ? [] : [axis]));
}

/** 1 / √(value + epsilon) */
function inverseRoot(g: GraphBuilder, value: Value, epsilon: number): Value {
  const root = g.op("Sqrt", [g.op("Add", [value, g.scalar(epsilon, value.dtype)])]);
  return g.op("Div", [g.scalar(1, value.dtype), root]);
}

/** A vector over channels as [C, 1, …], to broadcast over a value of `rank` axes. */
function perChannel(g: GraphBuilder, vector: Value, rank: number): Value {
  return reshapeTo(g, vector, [sizeOf(vector.shape), ...new Array<number>(Math.max(0, rank - 2)).fill(1)]);
}

/** The axis along which Softmax and its kin work. */
function axisOf({ where, attributes, inputs: [x] }: VjpCall): number {
  return normalizeAxis(where, attributes.int("axis", -1), x!.shape.length);
}

/** y = softmax x ⇒ x̄ = y · (ȳ − Σ y ȳ) */
export const Softmax: VjpRule = (call) => {
  const {
    g,
    outputs: [y],
    cotangents: [dy],
  } = call;
  const inner = reduce(g, "ReduceSum", g.op("Mul", [y, dy]), [axisOf(call)]);
  return [g.op("Mul", [y, g.op("Sub", [dy, inner])])];
};

/** y = x − log Σ exp x ⇒ x̄ = ȳ − exp(y) · Σ ȳ */
export const LogSoftmax: VjpRule = (call) => {
  const {
    g,
    outputs: [y],
    cotangents: [dy],
  } = call;
  const sum = reduce(g, "ReduceSum", dy!, [axisOf(call)]);
  return [g.op("Sub", [dy, g.op("Mul", [g.op("Exp", [y]), sum])])];
};

/**
 * y = (x − μ) r · scale + bias with r = 1 / √(var + ε) ⇒ x̄ = ȳ · scale · r, which is a batch normalization of ȳ with neither
 * mean nor bias (and stays in onnxruntime's fast layout as one); of the parameters: scale̅ = Σ ȳ (x − μ) r, bias̅ = Σ ȳ,
 * μ̄ = −Σ ȳ scale r, var̅ = −½ Σ ȳ (x − μ) scale r³.
 */
export const BatchNormalization: VjpRule = ({ g, attributes, inputs, cotangents, wants }) => {
  const [x, scale, , mean, variance] = inputs as readonly Value[];
  const dy = cotangents[0]!;
  const epsilon = attributes.float("epsilon", 1e-5);
  const constant = (vector: Value, fill: number): Value =>
    g.constant(tensorOf(vector.dtype, new Float64Array(sizeOf(vector.shape)).fill(fill), vector.shape));
  const sum = (value: Value): Value => g.op("ReduceSum", [value, g.ints(allButChannels(value))], { keepdims: 0 });
  const dx = (): Value =>
    g.op("BatchNormalization", [dy, scale, constant(scale, 0), constant(mean, 0), variance], {
      epsilon: float(epsilon),
    });
  const inverse = (): Value => inverseRoot(g, variance, epsilon);
  const centeredSum = (): Value => sum(g.op("Mul", [dy, g.op("Sub", [x, perChannel(g, mean, x.shape.length)])]));
  return [
    wants(0) ? dx() : undefined,
    wants(1) ? g.op("Mul", [centeredSum(), inverse()]) : undefined,
    wants(2) ? sum(dy) : undefined,
    wants(3) ? g.op("Neg", [g.op("Mul", [sum(dy), g.op("Mul", [scale, inverse()])])]) : undefined,
    wants(4)
      ? g.op("Mul", [
          g.op("Mul", [centeredSum(), g.op("Mul", [scale, g.scalar(-0.5, scale.dtype)])]),
          g.op("Mul", [inverse(), g.op("Mul", [inverse(), inverse()])]),
        ])
      : undefined,
  ];
};

/** What is needed of x to differentiate its standardization x̂ = (x − μ) r over `axes`. */
interface Standardized {
  readonly normalized: Value;
  readonly inverseDeviation: Value;
  readonly axes: readonly number[];
}

/** x̂ = (x − μ) r over `axes`, with the inverse deviation r that `inverseOf` makes of the variance */
function standardize(
  g: GraphBuilder,
  x: Value,
  axes: readonly number[],
  inverseOf: (variance: Value) => Value,
): Standardized {
  const centered = g.op("Sub", [x, reduce(g, "ReduceMean", x, axes)]);
  const variance = reduce(g, "ReduceMean", g.op("Mul", [centered, centered]), axes);
  const inverseDeviation = inverseOf(variance);
  return { normalized: g.op("Mul", [centered, inverseDeviation]), inverseDeviation, axes };
}

/** x̂ = (x − μ) r ⇒ x̄ = r (d − mean d − x̂ · mean(d x̂)), where d is the cotangent of x̂ */
function standardizeVjp(g: GraphBuilder, { normalized, inverseDeviation, axes }: Standardized, d: Value): Value {
  const centered = g.op("Sub", [d, reduce(g, "ReduceMean", d, axes)]);
  const along = g.op("Mul", [normalized, reduce(g, "ReduceMean", g.op("Mul", [d, normalized]), axes)]);
  return g.op("Mul", [inverseDeviation, g.op("Sub", [centered, along])]);
}

/**
 * y = x̂ · scale + bias, x̂ standardized over the axes from `axis` on ⇒ x̄ as of x̂ with d = ȳ · scale, scale̅ = Σ ȳ x̂,
 * bias̅ = Σ ȳ. The optional outputs μ and r add μ̄ / n and −r̄ r² x̂ / n.
 */
export const LayerNormalization: VjpRule = (call) => {
  const {
    g,
    attributes,
    inputs: [x, scale, bias],
    cotangents: [dy, dMean, dInverse],
    wants,
  } = call;
  const axes = axesFrom(axisOf(call), x!.shape.length);
  const parts = standardize(g, x!, axes, (variance) => inverseRoot(g, variance, attributes.float("epsilon", 1e-5)));
  const { normalized, inverseDeviation } = parts;
  const dx = (): Value => {
    const terms: Value[] = [];
    if (dy !== undefined) terms.push(standardizeVjp(g, parts, g.op("Mul", [dy, scale])));
    const count = g.scalar(sizeOf(axes.map((axis) => x!.shape[axis])), x!.dtype);
    if (dMean !== undefined) terms.push(g.op("Expand", [g.op("Div", [dMean, count]), g.ints(x!.shape)]));
    if (dInverse !== undefined) {
      const square = g.op("Mul", [inverseDeviation, inverseDeviation]);
      const factor = g.op("Neg", [g.op("Div", [g.op("Mul", [dInverse, square]), count])]);
      terms.push(g.op("Mul", [normalized, factor]));
    }
    return terms.reduce((total, term) => g.op("Add", [total, term]));
  };
  return [
    wants(0) ? dx() : undefined,
    dy !== undefined && wants(1) ? unbroadcast(g, g.op("Mul", [dy, normalized]), scale!.shape) : undefined,
    dy !== undefined && wants(2) ? unbroadcast(g, dy, bias!.shape) : undefined,
  ];
};

/** y = x r · scale with r = 1 / √(mean x² + ε) ⇒ x̄ = r (d − x r · mean(d x r)) with d = ȳ · scale, scale̅ = Σ ȳ x r */
export const RMSNormalization: VjpRule = (call) => {
  const {
    g,
    attributes,
    inputs: [x, scale],
    cotangents: [dy],
    wants,
  } = call;
  const axes = axesFrom(axisOf(call), x!.shape.length);
  const square = reduce(g, "ReduceMean", g.op("Mul", [x, x]), axes);
  const inverse = inverseRoot(g, square, attributes.float("epsilon", 1e-5));
  const normalized = g.op("Mul", [x, inverse]);
  const dx = (): Value => {
    const d = g.op("Mul", [dy, scale]);
    const along = g.op("Mul", [normalized, reduce(g, "ReduceMean", g.op("Mul", [d, normalized]), axes)]);
    return g.op("Mul", [inverse, g.op("Sub", [d, along])]);
  };
  return [
    wants(0) ? dx() : undefined,
    wants(1) ? unbroadcast(g, g.op("Mul", [dy, normalized]), scale!.shape) : undefined,
  ];
};

/** y = x̂ · scale + bias per channel, x̂ standardized over each channel's plane: as {@link LayerNormalization} */
export const InstanceNormalization: VjpRule = ({
  g,
  attributes,
  inputs: [x, scale, bias],
  cotangents: [dy],
  wants,
}) => {
  const rank = x!.shape.length;
  const parts = standardize(g, x!, axesFrom(2, rank), (variance) =>
    inverseRoot(g, variance, attributes.float("epsilon", 1e-5)),
  );
  const sum = (value: Value): Value => g.op("ReduceSum", [value, g.ints(allButChannels(value))], { keepdims: 0 });
  return [
    wants(0) ? standardizeVjp(g, parts, g.op("Mul", [dy, perChannel(g, scale!, rank)])) : undefined,
    wants(1) ? reshapeTo(g, sum(g.op("Mul", [dy, parts.normalized])), scale!.shape) : undefined,
    wants(2) ? reshapeTo(g, sum(dy!), bias!.shape) : undefined,
  ];
};

/**
 * y = x̂ · scale + bias, x̂ standardized over groups of channels: as {@link LayerNormalization}. Scale and bias are per channel
 * (opset 21) or per group (opset 18); seen as [N, groups, scales per group, rest], both broadcast alike.
 */
export const GroupNormalization: VjpRule = ({ g, attributes, inputs: [x, scale, bias], cotangents, wants }) => {
  const groups = attributes.int("num_groups");
  const n = x!.shape[0];
  const perGroup = sizeOf(scale!.shape) / groups;
  const shape = [n, groups, perGroup, sizeOf(x!.shape) / (n * groups * perGroup)];
  const vector = (value: Value): Value => reshapeTo(g, value, [groups, perGroup, 1]);
  const parts = standardize(g, reshapeTo(g, x!, shape), [2, 3], (variance) =>
    inverseRoot(g, variance, attributes.float("epsilon", 1e-5)),
  );
  const dy = reshapeTo(g, cotangents[0]!, shape);
  const sum = (value: Value, like: Value): Value => reshapeTo(g, reduce(g, "ReduceSum", value, [0, 3]), like.shape);
  return [
    wants(0) ? reshapeTo(g, standardizeVjp(g, parts, g.op("Mul", [dy, vector(scale!)])), x!.shape) : undefined,
    wants(1) ? sum(g.op("Mul", [dy, parts.normalized]), scale!) : undefined,
    wants(2) ? sum(dy, bias!) : undefined,
  ];
};

/** y = (x − μ) r over `axes` with r = 1 / (σ + 1e-9) ⇒ x̄ as of {@link LayerNormalization}: beside σ, 1e-9 is nothing */
export const MeanVarianceNormalization: VjpRule = ({ g, where, attributes, inputs: [x], cotangents: [dy] }) => {
  const axes = attributes.ints("axes", [0, 2, 3]).map((axis) => normalizeAxis(where, axis, x!.shape.length));
  const inverse = (variance: Value): Value => {
    const deviation = g.op("Add", [g.op("Sqrt", [variance]), g.scalar(1e-9, variance.dtype)]);
    return g.op("Div", [g.scalar(1, variance.dtype), deviation]);
  };
  return [standardizeVjp(g, standardize(g, x!, axes, inverse), dy!)];
};

/**
 * y = x / n with n = ‖x‖ₚ along one axis ⇒ x̄ = (ȳ − s · Σ ȳ y) / n, where s = ∂n/∂x is y for p = 2 and sign x for p = 1.
 * At x = 0, where y = 0 by convention, x̄ = 0.
 */
export const LpNormalization: VjpRule = (call) => {
  const {
    g,
    attributes,
    inputs: [x],
    outputs: [y],
    cotangents: [dy],
  } = call;
  const axis = axisOf(call);
  const p = attributes.int("p", 2);
  const norm = g.op(p === 1 ? "ReduceL1" : "ReduceL2", [x, g.ints([axis])], { keepdims: 1 });
  const slope = p === 1 ? g.op("Sign", [x]) : y;
  const inner = reduce(g, "ReduceSum", g.op("Mul", [dy, y]), [axis]);
  const zero = g.scalar(0, x!.dtype);
  const inverse = g.op("Where", [g.op("Equal", [norm, zero]), zero, g.op("Div", [g.scalar(1, x!.dtype), norm])]);
  return [g.op("Mul", [g.op("Sub", [dy, g.op("Mul", [slope, inner])]), inverse])];
};

/**
 * y = x s^−β with s = bias + α / size · Σ x² over neighboring channels ⇒
 * x̄ = ȳ s^−β − 2αβ / size · x · Σ ȳ x s^(−β−1), the second sum over the channels whose neighborhood holds this one.
 */
export const LRN: VjpRule = ({ g, attributes, inputs: [x], cotangents: [dy] }) => {
  const size = attributes.int("size");
  const [alpha, beta] = [attributes.float("alpha", 1e-4), attributes.float("beta", 0.75)];
  const [before, after] = [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)];
  const scalar = (value: number): Value => g.scalar(value, x!.dtype);
  const square = neighborSum(g, g.op("Mul", [x, x]), before, after);
  const s = g.op("Add", [g.op("Mul", [square, scalar(alpha / size)]), scalar(attributes.float("bias", 1))]);
  const direct = g.op("Mul", [dy, g.op("Pow", [s, scalar(-beta)])]);
  const pulled = neighborSum(g, g.op("Div", [g.op("Mul", [direct, x]), s]), after, before);
  const indirect = g.op("Mul", [g.op("Mul", [x, pulled]), scalar((2 * alpha * beta) / size)]);
  return [g.op("Sub", [direct, indirect])];
};

/** For each channel the sum over itself, the `before` channels before it and the `after` ones after it: padded slices, added. */
function neighborSum(g: GraphBuilder, value: Value, before: number, after: number): Value {
  const rank = value.shape.length;
  const pads = [before, after].flatMap((count) => [0, count, ...new Array<number>(rank - 2).fill(0)]);
  const padded = before + after === 0 ? value : g.op("Pad", [value, g.ints(pads), g.scalar(0, value.dtype)]);
  const terms = Array.from({ length: before + after + 1 }, (_, i) =>
    g.op("Slice", [padded, g.ints([i]), g.ints([i + value.shape[1]]), g.ints([1])]),
  );
  return terms.length === 1 ? terms[0] : g.op("Sum", terms);
}
