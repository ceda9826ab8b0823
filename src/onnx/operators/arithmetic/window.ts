/**
 * @file The sliding window of convolutions and pools: which positions of a wide grid each position of a narrow grid touches.
 *
 * Conv and the pools read a wide tensor and write a narrow one; ConvTranspose and every gradient of the former go the other
 * way over the same window. Shape rules, kernels and VJP rules all take their numbers from here.
 */
import { BadInputError } from "../../../errors.ts";
import type { Shape } from "../../../tensor/tensor.ts";
import type { AttributeReader } from "../../attributes.ts";

/**
 * Narrow position o and tap k touch the wide position o · stride + k · dilation − padBegin, on each spatial axis; what lies
 * outside [0, wide) is padding.
 */
export interface Window {
  readonly wide: Shape;
  readonly narrow: Shape;
  readonly kernel: Shape;
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly padsBegin: readonly number[];
  readonly padsEnd: readonly number[];
}

/** The extent that `kernel` taps span on one axis: (kernel − 1) · dilation + 1. */
export function spanOf({ kernel, dilations }: Pick<Window, "kernel" | "dilations">, axis: number): number {
  return (kernel[axis] - 1) * dilations[axis] + 1;
}

/** The window's attributes, checked: a window of another rank, or strides of 0, is a BadInputError. */
function readWindow(where: string, attributes: AttributeReader, kernel: Shape) {
  const rank = kernel.length;
  const read = (name: string, length: number, fallback: number, least: number): readonly number[] => {
    const values = attributes.ints(name, new Array<number>(length).fill(fallback));
    if (values.length === length && values.every((value) => value >= least)) return values;
    throw new BadInputError({
      where,
      what: `attribute ${name} does not fit`,
      expected: `${length} integers of at least ${least}`,
      got: `[${values.join(", ")}]`,
    });
  };
  const autoPad = attributes.string("auto_pad", "NOTSET") || "NOTSET";
  if (!["NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"].includes(autoPad)) {
    throw new BadInputError({
      where,
      what: "unknown auto_pad",
      expected: "NOTSET, SAME_UPPER, SAME_LOWER or VALID",
      got: autoPad,
    });
  }
  return {
    autoPad,
    strides: read("strides", rank, 1, 1),
    dilations: read("dilations", rank, 1, 1),
    pads: read("pads", 2 * rank, 0, 0),
  };
}

/**
 * The window of a pool over a wide grid of extents `wide`, by its attributes alone. With ceil_mode it may be larger than the padded grid, as that of
 * transformers' EfficientNets is (1280 x 1280 over 7 x 7): what lies beyond counts for nothing, and is not part of the window that comes back.
 */
export function poolWindow(where: string, attributes: AttributeReader, wide: Shape): Window {
  const kernel = kernelShapeOf(where, attributes, wide);
  const window = slidingWindow(where, attributes, wide, kernel, attributes.int("ceil_mode", 0) !== 0);
  const { dilations, padsBegin, padsEnd } = window;
  const held = wide.map((extent, axis) => Math.ceil((extent + padsBegin[axis] + padsEnd[axis]) / dilations[axis]));
  return { ...window, kernel: kernel.map((taps, axis) => Math.min(taps, held[axis])) };
}

/** The window's extents: `kernel_shape`, or `fallback` (of the weight) where that is left out; both must agree. */
export function kernelShapeOf(where: string, attributes: AttributeReader, spatial: Shape, fallback?: Shape): Shape {
  const kernel = attributes.ints("kernel_shape", fallback);
  const fits = kernel.length === spatial.length && kernel.every((extent) => extent >= 1);
  if (fits && (fallback === undefined || kernel.every((extent, axis) => extent === fallback[axis]))) return kernel;
  throw new BadInputError({
    where,
    what: "kernel_shape does not fit",
    expected: fallback === undefined ? `${spatial.length} positive integers` : `[${fallback.join(", ")}]`,
    got: `[${kernel.join(", ")}]`,
  });
}

/**
 * The window of a Conv or a pool over a wide grid of extents `wide`. SAME pads such that narrow = ⌈wide / stride⌉, the odd
 * element at the end (UPPER) or at the beginning (LOWER). With `ceilMode` a last window that overhangs the padded grid is
 * kept if it starts inside it, not in the padding at its end (ONNX since 1.16, PyTorch always).
 */
export function slidingWindow(
  where: string,
  attributes: AttributeReader,
  wide: Shape,
  kernel: Shape,
  ceilMode = false,
): Window {
  const { autoPad, strides, dilations, pads } = readWindow(where, attributes, kernel);
  const padsBegin: number[] = [];
  const padsEnd: number[] = [];
  const narrow = wide.map((extent, axis) => {
    const span = spanOf({ kernel, dilations }, axis);
    const stride = strides[axis];
    if (autoPad.startsWith("SAME")) {
      const count = Math.ceil(extent / stride);
      const total = Math.max(0, (count - 1) * stride + span - extent);
      padsBegin.push(autoPad === "SAME_UPPER" ? Math.floor(total / 2) : Math.ceil(total / 2));
      padsEnd.push(total - padsBegin[axis]);
      return count;
    }
    padsBegin.push(autoPad === "VALID" ? 0 : pads[axis]);
    padsEnd.push(autoPad === "VALID" ? 0 : pads[kernel.length + axis]);
    const steps = (extent + padsBegin[axis] + padsEnd[axis] - span) / stride;
    if (!ceilMode) return Math.floor(steps) + 1;
    const count = Math.ceil(steps) + 1;
    return (count - 1) * stride >= extent + padsBegin[axis] ? count - 1 : count;
  });
  if (narrow.some((extent) => extent < 1)) {
    throw new BadInputError({
      where,
      what: "the window is larger than the padded input",
      expected: `a padded input of at least [${kernel.map((_, axis) => spanOf({ kernel, dilations }, axis)).join(", ")}]`,
      got: `[${wide.map((extent, axis) => extent + padsBegin[axis] + padsEnd[axis]).join(", ")}]`,
    });
  }
  return { wide, narrow, kernel, strides, dilations, padsBegin, padsEnd };
}

/**
 * The window of a ConvTranspose that reads a narrow grid: wide = stride · (narrow − 1) + output_padding + span − pads, unless
 * `output_shape` or `auto_pad` says which wide extent is wanted; then the padding follows, its odd element at the end for
 * SAME_UPPER and at the beginning otherwise. SAME wants narrow · stride but never adds to what the window covers, as in
 * onnxruntime.
 */
export function transposedWindow(where: string, attributes: AttributeReader, narrow: Shape, kernel: Shape): Window {
  const { autoPad, strides, dilations, pads } = readWindow(where, attributes, kernel);
  const rank = kernel.length;
  const outputPadding = attributes.ints("output_padding", new Array<number>(rank).fill(0));
  const fits = outputPadding.every((amount, axis) => amount >= 0 && amount < Math.max(strides[axis], dilations[axis]));
  if (!fits || outputPadding.length !== rank) {
    throw new BadInputError({
      where,
      what: "attribute output_padding does not fit",
      expected: `${rank} integers of at least 0 and less than the stride or the dilation`,
      got: `[${outputPadding.join(", ")}]`,
    });
  }
  const given = attributes.has("output_shape") ? attributes.ints("output_shape") : undefined;
  // Exporters write all extents, or those of the spatial axes.
  if (given !== undefined && given.length !== rank && given.length !== rank + 2) {
    throw new BadInputError({
      where,
      what: "attribute output_shape does not fit",
      expected: `${rank} integers`,
      got: `[${given.join(", ")}]`,
    });
  }
  const outputShape = given?.slice(-rank);
  const padsBegin: number[] = [];
  const padsEnd: number[] = [];
  const wide = narrow.map((extent, axis) => {
    const full = strides[axis] * (extent - 1) + outputPadding[axis] + spanOf({ kernel, dilations }, axis);
    const wanted =
      outputShape?.[axis] ?? (autoPad.startsWith("SAME") ? Math.min(full, extent * strides[axis]) : undefined);
    if (wanted === undefined) {
      padsBegin.push(autoPad === "VALID" ? 0 : pads[axis]);
      padsEnd.push(autoPad === "VALID" ? 0 : pads[rank + axis]);
      return full - padsBegin[axis] - padsEnd[axis];
    }
    const total = Math.max(0, full - wanted);
    padsBegin.push(autoPad === "SAME_UPPER" ? Math.floor(total / 2) : Math.ceil(total / 2));
    padsEnd.push(total - padsBegin[axis]);
    return wanted;
  });
  if (wide.some((extent) => !(extent >= 1))) {
    throw new BadInputError({
      where,
      what: "the output would be empty",
      got: `[${wide.join(", ")}]`,
    });
  }
  return { wide, narrow, kernel, strides, dilations, padsBegin, padsEnd };
}

/**
 * How many taps each narrow position's average is over, row-major over `narrow`: those inside the wide grid, or with
 * `includePad` those inside the grid and its declared padding (what a window overhangs beyond that never counts).
 */
export function tapCounts(window: Window, includePad: boolean): Float64Array {
  const { wide, narrow, kernel, strides, dilations, padsBegin, padsEnd } = window;
  const perAxis = narrow.map((extent, axis) => {
    const [low, high] = includePad ? [-padsBegin[axis], wide[axis] + padsEnd[axis]] : [0, wide[axis]];
    return Array.from({ length: extent }, (_, o) => {
      // Taps k with low ≤ start + k · dilation < high; how many there are is not counted one by one, for the file may say anything.
      const start = o * strides[axis] - padsBegin[axis];
      const first = Math.max(0, Math.ceil((low - start) / dilations[axis]));
      const end = Math.min(kernel[axis], Math.ceil((high - start) / dilations[axis]));
      return Math.max(0, end - first);
    });
  });
  let counts = [1];
  for (const axis of perAxis) counts = counts.flatMap((count) => axis.map((own) => count * own));
  return Float64Array.from(counts);
}
