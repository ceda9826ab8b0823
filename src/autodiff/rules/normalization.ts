/** @file Rules of the normalizations. */
import { float } from "../../onnx/attributes.ts";
import type { GraphBuilder, Value } from "../../onnx/builder.ts";
import { normalizeAxis } from "../../tensor/shape.ts";
import { sizeOf, tensorOf } from "../../tensor/tensor.ts";
import { reshapeTo } from "../adjoints/linear-maps.ts";
import { channelSum, unbroadcast } from "../adjoints/unbroadcast.ts";
import { arithmeticOn } from "../arithmetic.ts";
import { type Pull, present, pullbacks, unary } from "../pullbacks.ts";
import { noGradient, rule, type VjpCall, type VjpRule } from "../rule.ts";

/** Scales and shifts each element: excitation passes through. */
const scaling = { excitation: { by: "first" } } as const;

function mean(g: GraphBuilder, value: Value, axes: readonly number[]): Value {
  return g.op("ReduceMean", [value, g.ints(axes)], { keepdims: 1 });
}

/** `axis` and all that follow it, of `rank` axes. */
function axesFrom(axis: number, rank: number): number[] {
  return Array.from({ length: rank - axis }, (_, i) => axis + i);
}

/** 1 / √(value + epsilon), with the operator's epsilon */
function inverseRoot(g: GraphBuilder, value: Value, attributes: VjpCall["attributes"]): Value {
  const { add, div, sqrt } = arithmeticOn(g);
  return div(1, sqrt(add(value, attributes.float("epsilon", 1e-5))));
}

/** A vector over channels as [C, 1, …], to broadcast over a value of `rank` axes. */
function perChannel(g: GraphBuilder, vector: Value, rank: number): Value {
  return reshapeTo(g, vector, [sizeOf(vector.shape), ...new Array<number>(Math.max(0, rank - 2)).fill(1)]);
}

/** The axis along which Softmax and its kin work. */
function axisOf({ where, attributes }: Pick<VjpCall, "where" | "attributes">, x: Value): number {
  return normalizeAxis(where, attributes.int("axis", -1), x.shape.length);
}

export const Softmax = rule({
  formula: "y = softmax x ⇒ x̄ = y · (ȳ − Σ y ȳ)",
  vjp: unary(({ mul, sub, sumOver, x, y, dy, ...call }) => mul(y, sub(dy, sumOver(mul(y, dy), [axisOf(call, x)])))),
  ...scaling,
});

export const LogSoftmax = rule({
  formula: "y = x − log Σ exp x ⇒ x̄ = ȳ − exp(y) · Σ ȳ",
  vjp: unary(({ mul, sub, exp, sumOver, x, y, dy, ...call }) => {
    const total = sumOver(dy, [axisOf(call, x)]);
    return sub(dy, mul(exp(y), total));
  }),
  ...scaling,
});

export const BatchNormalization = rule({
  formula: `
    y = (x − μ) r · scale + bias with r = 1 / √(var + ε) ⇒ x̄ = ȳ · scale · r, which is a batch normalization of ȳ with neither
    mean nor bias (and stays in onnxruntime's fast layout as one); of the parameters: scale̅ = Σ ȳ (x − μ) r, bias̅ = Σ ȳ,
    μ̄ = −Σ ȳ scale r, var̅ = −½ Σ ȳ (x − μ) scale r³.`,
  vjp: pullbacks(["x", "scale", "bias", "mean", "variance"], (call) => {
    const { g, attributes, mul, sub, neg, x, scale, mean: mu, variance, dy } = call;
    const constant = (vector: Value, fill: number): Value =>
      g.constant(tensorOf(vector.dtype, new Float64Array(sizeOf(vector.shape)).fill(fill), vector.shape));
    const inverse = (): Value => inverseRoot(g, variance, attributes);
    const centeredSum = (): Value => channelSum(g, mul(dy, sub(x, perChannel(g, mu, x.shape.length))));
    return {
      x: () =>
        g.op("BatchNormalization", [dy, scale, constant(scale, 0), constant(mu, 0), variance], {
          epsilon: float(attributes.float("epsilon", 1e-5)),
        }),
      scale: () => mul(centeredSum(), inverse()),
      bias: () => channelSum(g, dy),
      mean: () => neg(mul(channelSum(g, dy), mul(scale, inverse()))),
      variance: () => mul(mul(centeredSum(), mul(scale, -0.5)), mul(inverse(), mul(inverse(), inverse()))),
    };
  }),
  ...scaling,
});

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
  const { sub, mul, square } = arithmeticOn(g);
  const centered = sub(x, mean(g, x, axes));
  const inverseDeviation = inverseOf(mean(g, square(centered), axes));
  return { normalized: mul(centered, inverseDeviation), inverseDeviation, axes };
}

/** x̂ = (x − μ) r ⇒ x̄ = r (d − mean d − x̂ · mean(d x̂)), where d is the cotangent of x̂ */
function standardizeVjp(g: GraphBuilder, { normalized, inverseDeviation, axes }: Standardized, d: Value): Value {
  const { sub, mul } = arithmeticOn(g);
  const centered = sub(d, mean(g, d, axes));
  const along = mul(normalized, mean(g, mul(d, normalized), axes));
  return mul(inverseDeviation, sub(centered, along));
}

/** The rule of LayerNormalization, any of whose three outputs may have a cotangent. */
const layerNormalized: VjpRule = (call) => {
  const { g, where, attributes, inputs, wants } = call;
  const [dy, dMean, dInverse] = call.cotangents;
  const [x, scale] = [present(where, inputs[0], 0), present(where, inputs[1], 1)];
  const [, , bias] = inputs;
  const { add, mul, div, neg, square } = arithmeticOn(g);
  const axes = axesFrom(axisOf(call, x), x.shape.length);
  const parts = standardize(g, x, axes, (variance) => inverseRoot(g, variance, attributes));
  const { normalized, inverseDeviation } = parts;
  const dx = (): Value => {
    const terms: Value[] = [];
    if (dy !== undefined) terms.push(standardizeVjp(g, parts, mul(dy, scale)));
    const count = sizeOf(axes.map((axis) => x.shape[axis]));
    if (dMean !== undefined) terms.push(g.op("Expand", [div(dMean, count), g.ints(x.shape)]));
    if (dInverse !== undefined) {
      const factor = neg(div(mul(dInverse, square(inverseDeviation)), count));
      terms.push(mul(normalized, factor));
    }
    return terms.reduce((total, term) => add(total, term));
  };
  return [
    wants(0) ? dx() : undefined,
    dy !== undefined && wants(1) ? unbroadcast(g, mul(dy, normalized), scale.shape) : undefined,
    dy !== undefined && bias !== undefined && wants(2) ? unbroadcast(g, dy, bias.shape) : undefined,
  ];
};

export const LayerNormalization = rule({
  formula: `
    y = x̂ · scale + bias, x̂ standardized over the axes from \`axis\` on ⇒ x̄ as of x̂ with d = ȳ · scale, scale̅ = Σ ȳ x̂,
    bias̅ = Σ ȳ. The optional outputs μ and r add μ̄ / n and −r̄ r² x̂ / n.`,
  vjp: layerNormalized,
  ...scaling,
});

export const RMSNormalization = rule({
  formula:
    "y = x r · scale with r = 1 / √(mean x² + ε) ⇒ x̄ = r (d − x r · mean(d x r)) with d = ȳ · scale, scale̅ = Σ ȳ x r",
  vjp: pullbacks(["x", "scale"], ({ g, where, attributes, mul, sub, square, x, scale, dy }) => {
    const axes = axesFrom(axisOf({ where, attributes }, x), x.shape.length);
    const inverse = inverseRoot(g, mean(g, square(x), axes), attributes);
    const normalized = mul(x, inverse);
    return {
      x: () => {
        const d = mul(dy, scale);
        const along = mul(normalized, mean(g, mul(d, normalized), axes));
        return mul(inverse, sub(d, along));
      },
      scale: () => unbroadcast(g, mul(dy, normalized), scale.shape),
    };
  }),
  ...scaling,
});

export const InstanceNormalization = rule({
  formula: "y = x̂ · scale + bias per channel, x̂ standardized over each channel's plane: as LayerNormalization",
  vjp: pullbacks(["x", "scale", "bias"], ({ g, attributes, mul, x, scale, dy }) => {
    const rank = x.shape.length;
    const parts = standardize(g, x, axesFrom(2, rank), (variance) => inverseRoot(g, variance, attributes));
    return {
      x: () => standardizeVjp(g, parts, mul(dy, perChannel(g, scale, rank))),
      scale: () => reshapeTo(g, channelSum(g, mul(dy, parts.normalized)), scale.shape),
      bias: (bias) => reshapeTo(g, channelSum(g, dy), bias.shape),
    };
  }),
  ...scaling,
});

export const GroupNormalization = rule({
  formula: `
    y = x̂ · scale + bias, x̂ standardized over groups of channels: as LayerNormalization. Scale and bias are per channel
    (opset 21) or per group (opset 18); seen as [N, groups, scales per group, rest], both broadcast alike.`,
  vjp: pullbacks(["x", "scale", "bias"], ({ g, attributes, mul, sumOver, x, scale, dy: cotangent }) => {
    const groups = attributes.int("num_groups");
    const n = x.shape[0];
    const perGroup = sizeOf(scale.shape) / groups;
    const shape = [n, groups, perGroup, sizeOf(x.shape) / (n * groups * perGroup)];
    const parts = standardize(g, reshapeTo(g, x, shape), [2, 3], (variance) => inverseRoot(g, variance, attributes));
    const dy = reshapeTo(g, cotangent, shape);
    const total = (value: Value, like: Value): Value => reshapeTo(g, sumOver(value, [0, 3]), like.shape);
    return {
      x: () => {
        const d = mul(dy, reshapeTo(g, scale, [groups, perGroup, 1]));
        return reshapeTo(g, standardizeVjp(g, parts, d), x.shape);
      },
      scale: () => total(mul(dy, parts.normalized), scale),
      bias: (bias) => total(dy, bias),
    };
  }),
  ...scaling,
});

export const MeanVarianceNormalization = rule({
  formula: "y = (x − μ) r over `axes` with r = 1 / (σ + 1e-9) ⇒ x̄ as of LayerNormalization: beside σ, 1e-9 is nothing",
  vjp: unary(({ g, where, attributes, add, div, sqrt, x, dy }) => {
    const axes = attributes.ints("axes", [0, 2, 3]).map((axis) => normalizeAxis(where, axis, x.shape.length));
    const inverse = (variance: Value): Value => div(1, add(sqrt(variance), 1e-9));
    return standardizeVjp(g, standardize(g, x, axes, inverse), dy);
  }),
  ...scaling,
});

export const LpNormalization = rule({
  formula: `
    y = x / n with n = ‖x‖ₚ along one axis ⇒ x̄ = (ȳ − s · Σ ȳ y) / n, where s = ∂n/∂x is y for p = 2 and sign x for p = 1.
    At x = 0, where y = 0 by convention, x̄ = 0.`,
  vjp: unary((call) => {
    const { g, attributes, mul, sub, div, sign, equal, select, sumOver, x, y, dy } = call;
    const axis = axisOf(call, x);
    const p = attributes.int("p", 2);
    const norm = g.op(p === 1 ? "ReduceL1" : "ReduceL2", [x, g.ints([axis])], { keepdims: 1 });
    const slope = p === 1 ? sign(x) : y;
    const inner = sumOver(mul(dy, y), [axis]);
    const inverse = select(equal(norm, 0), 0, div(1, norm));
    return mul(sub(dy, mul(slope, inner)), inverse);
  }),
  ...scaling,
});

export const LRN = rule({
  formula: `
    y = x s^−β with s = bias + α / size · Σ x² over neighboring channels ⇒
    x̄ = ȳ s^−β − 2αβ / size · x · Σ ȳ x s^(−β−1), the second sum over the channels whose neighborhood holds this one.`,
  vjp: unary(({ attributes, add, sub, mul, div, pow, square, x, dy, ...call }) => {
    const size = attributes.int("size");
    const [alpha, beta] = [attributes.float("alpha", 1e-4), attributes.float("beta", 0.75)];
    const [before, after] = [Math.floor((size - 1) / 2), Math.ceil((size - 1) / 2)];
    const squares = neighborSum(call, square(x), before, after);
    const s = add(mul(squares, alpha / size), attributes.float("bias", 1));
    const direct = mul(dy, pow(s, -beta));
    const pulled = neighborSum(call, div(mul(direct, x), s), after, before);
    const indirect = mul(mul(x, pulled), (2 * alpha * beta) / size);
    return sub(direct, indirect);
  }),
  ...scaling,
});

/** For each channel the sum over itself, the `before` channels before it and the `after` ones after it: padded slices, added. */
function neighborSum({ g }: Pick<Pull, "g">, value: Value, before: number, after: number): Value {
  const rank = value.shape.length;
  const pads = [before, after].flatMap((count) => [0, count, ...new Array<number>(rank - 2).fill(0)]);
  const padded = before + after === 0 ? value : g.op("Pad", [value, g.ints(pads), g.scalar(0, value.dtype)]);
  const terms = Array.from({ length: before + after + 1 }, (_, i) =>
    g.op("Slice", [padded, g.ints([i]), g.ints([i + value.shape[1]]), g.ints([1])]),
  );
  return terms.length === 1 ? terms[0] : g.op("Sum", terms);
}

export const Hardmax = noGradient;
