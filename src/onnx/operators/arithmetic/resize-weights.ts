/**
 * @file What Resize computes along each axis: every output element as a weighted sum of a few input elements. All modes are
 * separable, so the operator is one such sum per resized axis.
 */
import { BadInputError, UnsupportedError } from "../../../errors.ts";
import { normalizeAxis } from "../../../tensor/shape.ts";
import type { Shape } from "../../../tensor/tensor.ts";
import type { AttributeReader } from "../../attributes.ts";

/** How one axis is resized: from `from` elements to `to`; `roi` is the part of the axis that is kept, in [0, 1]. */
export interface AxisResize {
  readonly from: number;
  readonly to: number;
  readonly scale: number;
  readonly roi: readonly [start: number, end: number];
}

export interface ResizeInputs {
  readonly roi?: readonly number[];
  readonly scales?: readonly number[];
  readonly sizes?: readonly number[];
}

/** How each axis of `shape` is resized. Extents and scales are computed in float32, as onnxruntime does, so that both round alike. */
export function resizedAxes(
  where: string,
  shape: Shape,
  attributes: AttributeReader,
  { roi, scales, sizes }: ResizeInputs,
): AxisResize[] {
  const given = attributes.ints("axes", [...shape.keys()]).map((axis) => normalizeAxis(where, axis, shape.length));
  const targets = scales?.length ? scales : sizes;
  if (targets?.length !== given.length) {
    throw new BadInputError({
      where,
      what: "either scales or sizes must say how large the result is",
      expected: `${given.length} numbers`,
      got: String(targets?.length ?? 0),
    });
  }
  const policy = attributes.string("keep_aspect_ratio_policy", "stretch");
  const ratios = given.map((axis, i) => Math.fround(targets[i] / shape[axis]));
  const common = policy === "not_larger" ? Math.min(...ratios) : Math.max(...ratios);
  const axes: AxisResize[] = shape.map((extent) => ({ from: extent, to: extent, scale: 1, roi: [0, 1] }));
  given.forEach((axis, i) => {
    const from = shape[axis];
    const part: readonly [number, number] = roi?.length ? [roi[i], roi[i + given.length]] : [0, 1];
    if (scales?.length) {
      axes[axis] = { from, to: Math.floor(Math.fround(from * Math.fround(scales[i]))), scale: scales[i], roi: part };
    } else if (policy === "stretch") {
      axes[axis] = { from, to: targets[i], scale: ratios[i], roi: part };
    } else {
      axes[axis] = { from, to: Math.round(Math.fround(common * from)), scale: common, roi: part };
    }
  });
  return axes;
}

/** An input element's share in an output element. */
export interface Tap {
  readonly index: number;
  readonly weight: number;
}

/** Whether nothing happens along an axis: as in onnxruntime, a scale of 1 keeps it as it is whatever part of it `roi` names. */
export function isUnchanged({ scale }: AxisResize): boolean {
  return scale === 1;
}

/** The taps of every output element along one axis; none where `tf_crop_and_resize` leaves the input. */
export function resizeWeights(
  where: string,
  attributes: AttributeReader,
  axis: AxisResize,
): readonly (readonly Tap[])[] {
  const mode = attributes.string("mode", "nearest");
  const coordinateMode = attributes.string("coordinate_transformation_mode", "half_pixel");
  const coordinate = coordinateOf(where, coordinateMode, axis);
  const last = axis.from - 1;
  const kernel = mode === "nearest" ? undefined : kernelOf(where, mode, attributes);
  // Smoothing before shrinking widens the kernel to cover all the input elements that one output element stands for.
  const width = attributes.int("antialias", 0) !== 0 ? Math.max(1, 1 / axis.scale) : 1;
  const isExcluding = attributes.int("exclude_outside", 0) !== 0;
  return Array.from({ length: axis.to }, (_, i) => {
    const x = coordinate(i);
    if (coordinateMode === "tf_crop_and_resize" && (x < 0 || x > last)) return [];
    if (kernel === undefined) {
      const index = nearest(where, attributes.string("nearest_mode", "round_prefer_floor"), x);
      return [{ index: Math.min(Math.max(index, 0), last), weight: 1 }];
    }
    return kernelTaps(x, last, {
      ...kernel,
      width,
      isExcluding: (isExcluding && mode === "cubic") || (isExcluding && width > 1),
    });
  });
}

/** Where output element i lies among the input elements. */
function coordinateOf(where: string, mode: string, { from, to, scale, roi }: AxisResize): (i: number) => number {
  const f = Math.fround;
  const halfPixel = (i: number): number => f(f(f(i + 0.5) / f(scale)) - 0.5);
  switch (mode) {
    case "half_pixel":
      return halfPixel;
    case "pytorch_half_pixel":
      return to > 1 ? halfPixel : () => 0;
    case "half_pixel_symmetric": {
      // The result is centered on the input even where its extent was rounded.
      const offset = f((from / 2) * f(1 - f(to / f(f(scale) * from))));
      return (i) => f(offset + (i + 0.5) / f(scale) - 0.5);
    }
    case "asymmetric":
      return (i) => f(i / f(scale));
    case "align_corners":
      return (i) => (to === 1 ? 0 : f(f(i * (from - 1)) / (to - 1)));
    case "tf_crop_and_resize": {
      const [start, end] = roi;
      if (to === 1) return () => f(0.5 * f(start + end) * (from - 1));
      const first = f(start * (from - 1));
      return (i) => f(first + f(f(f(i * f(end - start)) * (from - 1)) / (to - 1)));
    }
    default:
      throw new UnsupportedError({
        where,
        what: `unknown coordinate_transformation_mode ${JSON.stringify(mode)}`,
        advice: "The ONNX specification of Resize lists the modes.",
      });
  }
}

function nearest(where: string, mode: string, x: number): number {
  switch (mode) {
    case "round_prefer_floor":
      return Math.ceil(x - 0.5);
    case "round_prefer_ceil":
      return Math.floor(x + 0.5);
    case "floor":
      return Math.floor(x);
    case "ceil":
      return Math.ceil(x);
    default:
      throw new UnsupportedError({
        where,
        what: `unknown nearest_mode ${JSON.stringify(mode)}`,
        advice: "The ONNX specification of Resize lists the modes.",
      });
  }
}

/** An interpolation kernel: a weight by distance, 0 beyond `support`. */
interface InterpolationKernel {
  readonly support: number;
  weight(distance: number): number;
}

function kernelOf(where: string, mode: string, attributes: AttributeReader): InterpolationKernel {
  if (mode === "linear") return { support: 1, weight: (distance) => Math.max(0, 1 - Math.abs(distance)) };
  if (mode !== "cubic")
    throw new UnsupportedError({
      where,
      what: `unknown mode ${JSON.stringify(mode)}`,
      expected: "nearest, linear or cubic",
    });
  const a = attributes.float("cubic_coeff_a", -0.75);
  return { support: 2, weight: (distance) => cubicWeight(Math.abs(distance), a) };
}

/** Keys's cubic convolution kernel with parameter a, at a distance of at least 0. */
function cubicWeight(x: number, a: number): number {
  if (x >= 2) return 0;
  return x < 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
}

/**
 * The kernel's weights around `x`. Outside of the input its edge element counts, unless that is excluded: then the other
 * weights are scaled up to sum to 1. Weights are float32, as every runtime holds them.
 */
function kernelTaps(
  x: number,
  last: number,
  { support, weight, width, isExcluding }: InterpolationKernel & { width: number; isExcluding: boolean },
): Tap[] {
  const weights = new Map<number, number>();
  let total = 0;
  for (let k = Math.floor(x - support * width) + 1; k <= Math.floor(x + support * width); k++) {
    const share = weight((k - x) / width);
    if (isExcluding && (k < 0 || k > last)) continue;
    const index = Math.min(Math.max(k, 0), last);
    weights.set(index, (weights.get(index) ?? 0) + share);
    total += share;
  }
  return [...weights].map(([index, share]) => ({ index, weight: Math.fround(share / total) }));
}
