/** @file The rule of GridSample: with respect to the picture a scatter, with respect to the grid a gather. */
import type { GraphBuilder, Value } from "../../onnx/builder.ts";
import { intTensor } from "../../tensor/tensor.ts";
import { reshapeTo, sliceAxis, zeros } from "../adjoints/linear-maps.ts";
import { pullbacks } from "../pullbacks.ts";
import { rule } from "../rule.ts";

/** The element that one tap reads along one axis, per point: its index (a float), its weight and the weight's derivative. */
interface AxisTap {
  readonly index: Value;
  readonly weight: Value;
  /** With respect to the grid's coordinate; undefined where it is 0. */
  readonly slope: Value | undefined;
}

interface Sampling {
  readonly mode: string;
  readonly padding: string;
  readonly isAligned: boolean;
}

export const GridSample = rule({
  formula: `
    y[c, p] = Σ w · x[c, i] over the few elements i around point p ⇒ x̄[c, i] = Σ w · ȳ[c, p], and the grid's cotangent is
    Σ w′ · x[c, i] · ȳ[c, p]. As in PyTorch, a coordinate that \`border\` or \`reflection\` clamps to the edge gets no cotangent,
    and neither does the grid of mode \`nearest\`.`,
  vjp: pullbacks(["x", "grid"], ({ g, attributes, x, grid, dy: seed }) => {
    const [n, channels, height, width] = x.shape;
    const points = seed.shape[2] * seed.shape[3];
    const sampling: Sampling = {
      mode: attributes.string("mode", "linear"),
      padding: attributes.string("padding_mode", "zeros"),
      isAligned: attributes.int("align_corners", 0) !== 0,
    };
    const coordinates = reshapeTo(g, grid, [n, points, 2]);
    const [tapsX, tapsY] = [width, height].map((extent, k) =>
      axisTaps(g, sliceAxis(g, coordinates, 2, k, k + 1), extent, sampling),
    );
    const pairs = tapsY.flatMap((v) => tapsX.map((h) => ({ v, h })));

    // Rows are pixels of all pictures, columns are channels; each tap names one row per point.
    const rows = (value: Value): Value =>
      g.op("Transpose", [reshapeTo(g, value, [n, channels, value.shape[2] * value.shape[3]])], { perm: [0, 2, 1] });
    const seedRows = rows(seed);
    const firstRows = g.constant(
      intTensor(
        Array.from({ length: n }, (_, i) => i * height * width),
        [n, 1, 1],
      ),
    );
    const rowOf = ({ v, h }: (typeof pairs)[0]): Value => {
      const flat = g.op("Add", [g.op("Mul", [v.index, g.scalar(width, v.index.dtype)]), h.index]);
      return g.op("Add", [g.op("Cast", [flat], { to: 7 }), firstRows]);
    };
    const indices = g.op("Concat", pairs.map(rowOf), { axis: 1 });

    const pictureCotangent = (): Value => {
      const shares = pairs.map(({ v, h }) => g.op("Mul", [seedRows, g.op("Mul", [v.weight, h.weight])]));
      const updates = reshapeTo(g, g.op("Concat", shares, { axis: 1 }), [n * pairs.length * points, channels]);
      const places = reshapeTo(g, indices, [n * pairs.length * points, 1]);
      const start = zeros(g, x, [n * height * width, channels]);
      const sum = g.op("ScatterND", [start, places, updates], { reduction: "add" });
      const back = g.op("Transpose", [reshapeTo(g, sum, [n, height * width, channels])], { perm: [0, 2, 1] });
      return reshapeTo(g, back, x.shape);
    };
    const gridCotangent = (): Value | undefined => {
      if (pairs[0].v.slope === undefined) return undefined;
      const pixels = reshapeTo(g, rows(x), [n * height * width, channels]);
      const read = g.op("Gather", [pixels, reshapeTo(g, indices, [n, pairs.length * points])], { axis: 0 });
      const products = g.op("Mul", [
        reshapeTo(g, read, [n, pairs.length, points, channels]),
        reshapeTo(g, seedRows, [n, 1, points, channels]),
      ]);
      const sums = g.op("ReduceSum", [products, g.ints([3])], { keepdims: 0 });
      const stack = (values: readonly Value[]): Value =>
        reshapeTo(g, g.op("Concat", values, { axis: 1 }), [n, pairs.length, points]);
      const slopes = [
        stack(pairs.map(({ v, h }) => g.op("Mul", [v.weight, h.slope]))),
        stack(pairs.map(({ v, h }) => g.op("Mul", [v.slope, h.weight]))),
      ];
      const parts = slopes.map((slope) => {
        const part = g.op("ReduceSum", [g.op("Mul", [sums, slope]), g.ints([1])], { keepdims: 0 });
        return reshapeTo(g, part, [n, points, 1]);
      });
      return reshapeTo(g, g.op("Concat", parts, { axis: 2 }), grid.shape);
    };
    return { x: pictureCotangent, grid: gridCotangent };
  }),
  excitation: { by: "as gradient", isOfFirst: true },
});

/** The taps along an axis of `extent` elements for grid coordinates in [−1, 1], one per point. */
function axisTaps(g: GraphBuilder, coordinate: Value, extent: number, sampling: Sampling): AxisTap[] {
  const constant = (value: number): Value => g.scalar(value, coordinate.dtype);
  const factor = (sampling.isAligned ? extent - 1 : extent) / 2;
  const position = g.op("Add", [g.op("Mul", [coordinate, constant(factor)]), constant((extent - 1) / 2)]);
  const isCubic = sampling.mode === "cubic" || sampling.mode === "bicubic";
  const moved = isCubic ? undefined : bring(g, position, extent, sampling);
  const at = moved?.position ?? position;
  const slopeOf = (derivative: Value | number): Value => {
    const scaled =
      typeof derivative === "number" ? constant(derivative * factor) : g.op("Mul", [derivative, constant(factor)]);
    if (moved?.slope === undefined) return g.op("Expand", [scaled, g.ints(at.shape)]);
    return g.op("Mul", [moved.slope, scaled]);
  };
  const tap = (index: Value, weight: Value, derivative: Value | number | undefined): AxisTap => {
    const slope = derivative === undefined ? undefined : slopeOf(derivative);
    if (isCubic && sampling.padding !== "zeros")
      return { index: bring(g, index, extent, sampling).position, weight, slope };
    const clamped = g.op("Clip", [index, constant(0), constant(extent - 1)]);
    const isInside = g.op("Equal", [clamped, index]);
    const masked = (value: Value): Value => g.op("Where", [isInside, value, constant(0)]);
    return { index: clamped, weight: masked(weight), slope: slope && masked(slope) };
  };
  if (sampling.mode === "nearest") {
    return [tap(g.op("Round", [at]), g.op("Expand", [constant(1), g.ints(at.shape)]), undefined)];
  }
  const base = g.op("Floor", [at]);
  const t = g.op("Sub", [at, base]);
  const shifted = (offset: number): Value => (offset === 0 ? base : g.op("Add", [base, constant(offset)]));
  if (!isCubic) return [tap(base, g.op("Sub", [constant(1), t]), -1), tap(shifted(1), t, 1)];
  return cubicPolynomials.map((coefficients, k) =>
    tap(shifted(k - 1), polynomial(g, t, coefficients), polynomial(g, t, derivativeOf(coefficients))),
  );
}

/** Weights of the four elements around t ∈ [0, 1] in cubic convolution with a = −3/4, as polynomials in t, constant first. */
const cubicPolynomials: readonly (readonly number[])[] = [
  [0, -0.75, 1.5, -0.75],
  [1, 0, -2.25, 1.25],
  [0, 0.75, 1.5, -1.25],
  [0, 0, -0.75, 0.75],
];

function derivativeOf(coefficients: readonly number[]): number[] {
  return coefficients.slice(1).map((coefficient, k) => coefficient * (k + 1));
}

/** c₀ + c₁ t + c₂ t² + …, by Horner's scheme. */
function polynomial(g: GraphBuilder, t: Value, coefficients: readonly number[]): Value {
  const last = coefficients.length - 1;
  let sum = g.op("Mul", [t, g.scalar(coefficients[last], t.dtype)]);
  for (let k = last - 1; k > 0; k--) {
    sum = g.op("Mul", [g.op("Add", [sum, g.scalar(coefficients[k], t.dtype)]), t]);
  }
  return coefficients[0] === 0 ? sum : g.op("Add", [sum, g.scalar(coefficients[0], t.dtype)]);
}

/** A position moved into the picture as the padding says, and the derivative of that movement; undefined where it is 1. */
function bring(
  g: GraphBuilder,
  position: Value,
  extent: number,
  { padding, isAligned }: Sampling,
): { readonly position: Value; readonly slope: Value | undefined } {
  const constant = (value: number): Value => g.scalar(value, position.dtype);
  if (padding === "zeros") return { position, slope: undefined };
  const clamp = (value: Value): Value => g.op("Clip", [value, constant(0), constant(extent - 1)]);
  const inside = (value: Value, slope: Value): Value => {
    const below = g.op("Where", [g.op("Less", [value, constant(extent - 1)]), slope, constant(0)]);
    return g.op("Where", [g.op("Greater", [value, constant(0)]), below, constant(0)]);
  };
  if (padding === "border") return { position: clamp(position), slope: inside(position, constant(1)) };
  // A triangle wave: a rising stretch of one span's length from `low`, then a falling one.
  const [low, span] = isAligned ? [0, extent - 1] : [-0.5, extent];
  if (span === 0) {
    const none = g.op("Mul", [position, constant(0)]);
    return { position: none, slope: none };
  }
  const offset = low === 0 ? position : g.op("Sub", [position, constant(low)]);
  const periods = g.op("Floor", [g.op("Mul", [offset, constant(1 / (2 * span))])]);
  const phase = g.op("Sub", [offset, g.op("Mul", [periods, constant(2 * span)])]);
  const fromTop = g.op("Abs", [g.op("Sub", [phase, constant(span)])]);
  const reflected = g.op("Sub", [constant(span + low), fromTop]);
  const direction = g.op("Where", [g.op("Less", [phase, constant(span)]), constant(1), constant(-1)]);
  return { position: clamp(reflected), slope: inside(reflected, direction) };
}
