/** @file Operators that interpolate between elements. */
import { UnsupportedError } from "../../errors.ts";
import { sizeOf } from "../../tensor/tensor.ts";
import type { NumericTensor } from "../numeric-tensor.ts";
import { isUnchanged, resizedAxes, resizeWeights, type Tap } from "./arithmetic/resize-weights.ts";
import { roundHalfToEven } from "./arithmetic/round-half-to-even.ts";
import { checkShape, knownNumbers } from "./check-shape.ts";
import { operator } from "./operator.ts";

/** `x` with each element along `axis` replaced by a weighted sum of the old ones. */
function applyTaps(x: NumericTensor, axis: number, rows: readonly (readonly Tap[])[]): NumericTensor {
  const inner = sizeOf(x.shape.slice(axis + 1));
  const outer = sizeOf(x.shape.slice(0, axis));
  const data = new Float64Array(outer * rows.length * inner);
  for (let i = 0, to = 0; i < outer; i++) {
    for (const row of rows) {
      for (const { index, weight } of row) {
        const from = (i * x.shape[axis] + index) * inner;
        for (let j = 0; j < inner; j++) data[to + j] += weight * x.data[from + j];
      }
      to += inner;
    }
  }
  return { ...x, shape: x.shape.with(axis, rows.length), data };
}

/** Each axis resampled by itself. */
export const Resize = operator({
  inputs: "* F? F? l?",
  attributes:
    "antialias:int axes:ints coordinate_transformation_mode:half_pixel,half_pixel_symmetric,pytorch_half_pixel,align_corners,asymmetric,tf_crop_and_resize cubic_coeff_a:float exclude_outside:int extrapolation_value:float keep_aspect_ratio_policy:stretch,not_larger,not_smaller mode:nearest,linear,cubic nearest_mode:round_prefer_floor,round_prefer_ceil,floor,ceil",
  shape: (call) => {
    const { dtype, shape } = call.inputs[0];
    const axes = resizedAxes(call.where, shape, call.attributes, {
      roi: knownNumbers(call, 1, "the region of interest"),
      scales: knownNumbers(call, 2, "the scales"),
      sizes: knownNumbers(call, 3, "the sizes"),
    });
    return [{ dtype, shape: axes.map(({ to }) => to) }];
  },
  kernel: ({ inputs: [x, ...rest], attributes, outputs: [type], where }) => {
    const [roi, scales, sizes] = rest.map((input) => input && Array.from(input.data));
    const axes = resizedAxes(where, x.shape, attributes, { roi, scales, sizes });
    let result = x;
    const outside: { readonly axis: number; readonly isOutside: readonly boolean[] }[] = [];
    axes.forEach((resize, axis) => {
      if (isUnchanged(resize)) return;
      const rows = resizeWeights(where, attributes, resize);
      result = applyTaps(result, axis, rows);
      if (rows.some((row) => row.length === 0)) outside.push({ axis, isOutside: rows.map((row) => row.length === 0) });
    });
    if (outside.length > 0) {
      const value = attributes.float("extrapolation_value", 0);
      for (const { axis, isOutside } of outside) {
        const inner = sizeOf(type.shape.slice(axis + 1));
        const fill = (_: number, i: number): number =>
          isOutside[Math.floor(i / inner) % isOutside.length] ? value : _;
        result = { ...result, data: result.data.map(fill) };
      }
    }
    return [result];
  },
  traits: ["keepsRank"],
});

/** x reflected at `low` and `high` until it lies between them. */
function reflect(x: number, low: number, high: number): number {
  const span = high - low;
  if (span === 0) return low;
  const offset = Math.abs(x - low) % (2 * span);
  return low + (offset > span ? 2 * span - offset : offset);
}

/** The elements around position x along an axis of `extent` elements, which need not exist, with their weights. */
function neighbors(x: number, mode: string): Tap[] {
  const base = Math.floor(x);
  const t = x - base;
  if (mode === "nearest") return [{ index: roundHalfToEven(x), weight: 1 }];
  if (mode === "linear" || mode === "bilinear") {
    return [
      { index: base, weight: 1 - t },
      { index: base + 1, weight: t },
    ];
  }
  // Cubic convolution with a = −3/4, as in PyTorch.
  const near = (d: number): number => (1.25 * d - 2.25) * d * d + 1;
  const far = (d: number): number => ((-0.75 * d + 3.75) * d - 6) * d + 3;
  return [
    { index: base - 1, weight: far(t + 1) },
    { index: base, weight: near(t) },
    { index: base + 1, weight: near(1 - t) },
    { index: base + 2, weight: far(2 - t) },
  ];
}

/** Pictures [N, C, H, W] read at the points of a grid [N, rows, columns, (x, y)]. */
export const GridSample = operator({
  inputs: "* F",
  attributes: "align_corners:int mode:linear,bilinear,nearest,cubic,bicubic padding_mode:zeros,border,reflection",
  shape: ({ inputs: [x, grid], where }) => {
    const [n, channels] = x.shape;
    if (x.shape.length !== 4) {
      throw new UnsupportedError({
        where,
        what: "only pictures are sampled",
        expected: "[N, C, H, W]",
        got: `[${x.shape.join(", ")}]`,
      });
    }
    const [pictures, rows, columns, coordinates] = grid.shape;
    const fits = grid.shape.length === 4 && pictures === n && coordinates === 2;
    checkShape(where, "the grid", grid.shape, fits, `[${n}, rows, columns, 2]`);
    return [{ dtype: x.dtype, shape: [n, channels, rows, columns] }];
  },
  kernel: ({ inputs: [x, grid], attributes, outputs: [type], where }) => {
    const mode = attributes.string("mode", "linear");
    const padding = attributes.string("padding_mode", "zeros");
    const isAligned = attributes.int("align_corners", 0) !== 0;
    const [n, channels, height, width] = x.shape;
    const [, , rows, columns] = type.shape;
    const isCubic = mode === "cubic" || mode === "bicubic";
    if (!isCubic && !["nearest", "linear", "bilinear"].includes(mode)) {
      throw new UnsupportedError({ where, what: `unknown mode ${JSON.stringify(mode)}` });
    }
    const bring = (position: number, extent: number): number => {
      if (padding === "zeros") return position;
      const [low, high] = isAligned ? [0, extent - 1] : [-0.5, extent - 0.5];
      const inside = padding === "reflection" ? reflect(position, low, high) : position;
      return Math.min(Math.max(inside, 0), extent - 1);
    };
    const taps = (coordinate: number, extent: number): Tap[] => {
      const position = isAligned ? ((coordinate + 1) / 2) * (extent - 1) : ((coordinate + 1) * extent - 1) / 2;
      // Cubic interpolation pads the elements that it reads, the others the position where they read.
      const around = neighbors(isCubic ? position : bring(position, extent), mode);
      return around
        .map(({ index, weight }) => ({ index: isCubic ? bring(index, extent) : index, weight }))
        .filter(({ index }) => index >= 0 && index < extent);
    };
    const data = new Float64Array(sizeOf(type.shape));
    const points = rows * columns;
    for (let i = 0; i < n * points; i++) {
      const image = Math.floor(i / points);
      const [tapsX, tapsY] = [taps(grid.data[2 * i], width), taps(grid.data[2 * i + 1], height)];
      for (let c = 0; c < channels; c++) {
        const plane = (image * channels + c) * height * width;
        let sum = 0;
        for (const v of tapsY) {
          for (const h of tapsX) sum += v.weight * h.weight * x.data[plane + v.index * width + h.index];
        }
        data[(image * channels + c) * points + (i % points)] = sum;
      }
    }
    return [{ ...type, data }];
  },
  traits: ["channelsFirst"],
});
