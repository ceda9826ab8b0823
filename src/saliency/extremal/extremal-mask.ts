/**
 * @file Smooth masks: a coarse grid of values enlarged such that every region has round, soft borders of a fixed width.
 *
 * Source: Fong, Patrick and Vedaldi, "Understanding Deep Networks via Extremal Perturbations and Smooth Masks", ICCV 2019,
 * section 3.2: m(u) = smax_v k(u − v)·m̄(v), the smooth maximum over the nodes v of a grid.
 */

import { type KernelExports, kernelsFor } from "../../simd/kernels.ts";
import { type Arrays, openArrays, ordinaryArrays } from "../../simd/workspace.ts";
import { doublesOfTables, type KernelTables, nodeTables } from "./kernel-tables.ts";

export interface SmoothMaskOptions {
  readonly height: number;
  readonly width: number;
  /** Pixels from node to node. */
  readonly step: number;
  /** The kernel's scale, in pixels: it is 1 up to half of it, and exp(−½) at all of it. */
  readonly sigmaPixels: number;
  /** Pixels around the picture that the mask is computed for as well. */
  readonly margin: number;
}

export interface SmoothMask {
  /** Nodes along y and x. The first and the last lie half a step inside of the picture, or beyond where steps do not divide it. */
  readonly gridHeight: number;
  readonly gridWidth: number;
  /** Pixels of the mask with its margin. */
  readonly size: number;
  /**
   * The mask with its margin [(H + 2·margin) · (W + 2·margin)], in [0, 1], of the values [gridHeight · gridWidth], in [0, 1]. The next call
   * overwrites it.
   */
  forward(values: Float64Array): Float64Array;
  /** The gradient at the values last given to `forward`, for a cotangent of the mask with its margin. */
  backward(cotangent: Float64Array): Float64Array;
  /** What of the mask is in the picture, [H · W]; the next call overwrites it. */
  inner(mask: Float64Array): Float64Array;
  /** Adds [H · W] to what of the mask is in the picture, in place. */
  addInner(mask: Float64Array, inner: Float64Array): void;
  /** Gives the memory back, that of what `forward` returned included. */
  close(): void;
}

/** Equal neighbors in a row whose gradients are summed up side by side, each in the order of one alone: most nodes are 0. */
const together = 4;

/** Where nodes and pixels lie. */
interface Layout {
  readonly gridHeight: number;
  readonly gridWidth: number;
  /** With the margin. */
  readonly height: number;
  readonly width: number;
  readonly margin: number;
  readonly step: number;
  /** Nodes that count at a pixel, along an axis: 2·radius + 1. */
  readonly radius: number;
  /** Pixels that a node reaches along either axis. */
  readonly reach: number;
}

function layoutOf({ height, width, step, sigmaPixels, margin }: SmoothMaskOptions): Layout {
  const radius = 1 + Math.ceil(sigmaPixels / step);
  return {
    gridHeight: Math.ceil(height / step),
    gridWidth: Math.ceil(width / step),
    height: height + 2 * margin,
    width: width + 2 * margin,
    margin,
    step,
    radius,
    reach: step * (2 * radius + 1),
  };
}

/** The part of a square of pixels, which begins at (top, left), that is from (fromY, fromX) to before (toY, toX). */
interface Square {
  readonly top: number;
  readonly left: number;
  readonly fromY: number;
  readonly toY: number;
  readonly fromX: number;
  readonly toX: number;
}

/** The part of the square around node (i, j) that the mask is computed for. */
function squareOf({ height, width, margin, step, radius, reach }: Layout, i: number, j: number): Square {
  const top = margin + step * (i - radius);
  const left = margin + step * (j - radius);
  return {
    top,
    left,
    fromY: Math.max(0, top),
    toY: Math.min(height, top + reach),
    fromX: Math.max(0, left),
    toX: Math.min(width, left + reach),
  };
}

/** What the way forward leaves for the way back, and what both compute in: made once, since a search goes either way at each of its steps. */
interface Workspace {
  /** The nodes' values. */
  readonly values: Float64Array;
  /** Σ a e^{Ta} and Σ e^{Ta} at each pixel, and their ratio. */
  readonly numerators: Float64Array;
  readonly denominators: Float64Array;
  readonly mask: Float64Array;
  /** The cotangent over the denominators, and that times the mask. */
  readonly plain: Float64Array;
  readonly weighted: Float64Array;
  /** Of the nodes whose gradients are summed up side by side. */
  readonly sums: Float64Array;
}

function workspaceOf({ gridHeight, gridWidth, height, width }: Layout, arrays: Arrays): Workspace {
  const plane = () => arrays.doubles(height * width);
  return {
    values: new Float64Array(gridHeight * gridWidth),
    numerators: plane(),
    denominators: plane(),
    mask: plane(),
    plain: plane(),
    weighted: plane(),
    sums: arrays.doubles(together),
  };
}

/** All arrays of a mask: five planes, the tables, and what is summed up side by side. */
function arraysOf(layout: Layout): Arrays {
  const doubles = 5 * layout.height * layout.width + doublesOfTables(layout) + together;
  return openArrays({ singles: 0, doubles, integers: 0 }) ?? ordinaryArrays;
}

/**
 * A smooth mask with its adjoint. The maximum at a pixel is over the (2r + 1)² nodes nearest to it, r = 1 + ⌈σ / step⌉; those
 * outside of the grid count with the value 0.
 *
 * A node's part in the sums depends on its value and on distances that are the same for all nodes, so the exponentials are
 * computed once per node and distance, and nodes of value 0, whose part is known, are not visited on the way forward.
 *
 * Deviation: nodes are in the middle of their steps, so that a mirrored grid gives the mirrored mask; TorchRay has them at the first pixels.
 */
export function smoothMask(options: SmoothMaskOptions): SmoothMask {
  const layout = layoutOf(options);
  const { gridHeight, gridWidth, width, margin } = layout;
  const arrays = arraysOf(layout);
  const { ahead, back, forget } = nodeTables(layout, options.sigmaPixels, arrays);
  const workspace = workspaceOf(layout, arrays);
  fillMaximum(layout, ahead, workspace);
  const inside = new Float64Array(options.height * options.width);
  return {
    gridHeight,
    gridWidth,
    size: workspace.mask.length,
    forward(values) {
      workspace.values.set(values);
      forget();
      fillMaximum(layout, ahead, workspace);
      return workspace.mask;
    },
    backward: (cotangent) => gradientOf(layout, back, workspace, cotangent),
    inner(mask) {
      for (let y = 0; y < options.height; y++) {
        const from = (y + margin) * width + margin;
        inside.set(mask.subarray(from, from + options.width), y * options.width);
      }
      return inside;
    },
    addInner(mask, inner) {
      for (let y = 0; y < options.height; y++) {
        const from = (y + margin) * width + margin;
        for (let x = 0; x < options.width; x++) mask[from + x] += inner[y * options.width + x];
      }
    },
    close: arrays.close,
  };
}

/** Fills the workspace with the smooth maximum Σ a e^{Ta} / Σ e^{Ta} of its values at each pixel. */
function fillMaximum(layout: Layout, tables: KernelTables, workspace: Workspace): void {
  const { gridHeight, gridWidth, width, radius } = layout;
  const { first, second, rowOf, fillFor } = tables;
  const { values, numerators, denominators, mask } = workspace;
  const kernels = kernelsFor(numerators, denominators, mask, first, second);
  denominators.fill((2 * radius + 1) ** 2);
  numerators.fill(0);
  for (let i = 0; i < gridHeight; i++) {
    for (let j = 0; j < gridWidth; j++) {
      const value = values[i * gridWidth + j];
      if (value === 0) continue;
      fillFor(value);
      const square = squareOf(layout, i, j);
      if (kernels !== undefined) {
        addSquare(kernels, denominators, numerators, width, square, tables);
        continue;
      }
      const { top, left, fromY, toY, fromX, toX } = square;
      for (let y = fromY; y < toY; y++) {
        addRow(denominators, numerators, y * width, fromX, toX, first, second, rowOf(y - top) - left);
      }
    }
  }
  if (kernels !== undefined) {
    kernels.divide(numerators.byteOffset, denominators.byteOffset, mask.byteOffset, 0, 0, mask.length);
    return;
  }
  for (let u = 0; u < mask.length; u++) mask[u] = numerators[u] / denominators[u];
}

function addSquare(
  kernels: KernelExports,
  a: Float64Array,
  b: Float64Array,
  width: number,
  { fromY, toY, fromX, toX, top, left }: Square,
  { reach, first, second }: KernelTables,
): void {
  const rows = [fromY, toY, fromX, toX, top, left] as const;
  kernels.addSquare(a.byteOffset, b.byteOffset, width, ...rows, reach, first.byteOffset, second.byteOffset);
}

/** The gradient at the nodes' values, for a cotangent of the mask. */
function gradientOf(
  layout: Layout,
  tables: KernelTables,
  { values, denominators, mask, plain, weighted, sums }: Workspace,
  cotangent: Float64Array,
): Float64Array {
  const { gridHeight, gridWidth, width, step } = layout;
  const { first, second, rowOf, fillFor } = tables;
  const kernels = kernelsFor(denominators, mask, plain, weighted, sums, first, second);
  if (kernels !== undefined) {
    plain.set(cotangent);
    const [a, b, factor, product] = [plain, denominators, mask, weighted].map(({ byteOffset }) => byteOffset);
    kernels.divide(a, b, a, factor, product, mask.length);
  } else {
    for (let u = 0; u < mask.length; u++) {
      plain[u] = cotangent[u] / denominators[u];
      weighted[u] = plain[u] * mask[u];
    }
  }
  const gradient = new Float64Array(values.length);
  for (let i = 0; i < gridHeight; i++) {
    for (let j = 0; j < gridWidth; ) {
      const node = i * gridWidth + j;
      fillFor(values[node]);
      const square = squareOf(layout, i, j);
      const { top, left, fromY, toY, fromX, toX } = square;
      const isRun = isRunAt(layout, values, i, j);
      sums.fill(0);
      if (kernels !== undefined) addSquareProducts(kernels, sums, plain, weighted, layout, square, tables, isRun);
      else
        for (let y = fromY; y < toY; y++) {
          const at = rowOf(y - top) - left;
          if (isRun) addRowProducts(sums, plain, weighted, y * width, fromX, toX, step, first, second, at);
          else sums[0] += rowProduct(plain, weighted, y * width, fromX, toX, first, second, at);
        }
      const count = isRun ? together : 1;
      gradient.set(sums.subarray(0, count), node);
      j += count;
    }
  }
  return gradient;
}

function addSquareProducts(
  kernels: KernelExports,
  sums: Float64Array,
  a: Float64Array,
  b: Float64Array,
  { width, step }: Layout,
  { fromY, toY, fromX, toX, top, left }: Square,
  { reach, first, second }: KernelTables,
  isRun: boolean,
): void {
  const [to, from, other, p, q] = [sums, a, b, first, second].map(({ byteOffset }) => byteOffset);
  const rows = [fromY, toY, fromX, toX, top, left] as const;
  if (isRun) kernels.squareProducts(to, from, other, width, ...rows, reach, p, q, step);
  else kernels.squareProduct(to, from, other, width, ...rows, reach, p, q);
}

/** Whether the nodes from (i, j) on are equal, and all columns that they reach are there, as far as nodes are taken together. */
function isRunAt(layout: Layout, values: Float64Array, i: number, j: number): boolean {
  const { gridWidth, width, margin, step, radius, reach } = layout;
  if (j + together > gridWidth) return false;
  const left = margin + step * (j - radius);
  if (left < 0 || left + step * (together - 1) + reach > width) return false;
  const node = i * gridWidth + j;
  for (let n = 1; n < together; n++) if (values[node + n] !== values[node]) return false;
  return true;
}

/** Adds one row of two tables, which begins at `at` for x = 0, to rows of two images. */
function addRow(
  a: Float64Array,
  b: Float64Array,
  row: number,
  from: number,
  to: number,
  first: Float64Array,
  second: Float64Array,
  at: number,
): void {
  for (let x = from; x < to; x++) {
    a[row + x] += first[at + x];
    b[row + x] += second[at + x];
  }
}

/** Σ_x a·first − b·second over one row, whose tables begin at `at` for x = 0. */
function rowProduct(
  a: Float64Array,
  b: Float64Array,
  row: number,
  from: number,
  to: number,
  first: Float64Array,
  second: Float64Array,
  at: number,
): number {
  let sum = 0;
  for (let x = from; x < to; x++) sum += a[row + x] * first[at + x] - b[row + x] * second[at + x];
  return sum;
}

/** Adds to `sums` the {@link rowProduct} of four nodes, `step` pixels apart. */
function addRowProducts(
  sums: Float64Array,
  a: Float64Array,
  b: Float64Array,
  row: number,
  from: number,
  to: number,
  step: number,
  first: Float64Array,
  second: Float64Array,
  at: number,
): void {
  let sum0 = 0;
  let sum1 = 0;
  let sum2 = 0;
  let sum3 = 0;
  for (let x = from; x < to; x++) {
    const p = first[at + x];
    const q = second[at + x];
    const u = row + x;
    sum0 += a[u] * p - b[u] * q;
    sum1 += a[u + step] * p - b[u + step] * q;
    sum2 += a[u + 2 * step] * p - b[u + 2 * step] * q;
    sum3 += a[u + 3 * step] * p - b[u + 3 * step] * q;
  }
  sums[0] += sum0;
  sums[1] += sum1;
  sums[2] += sum2;
  sums[3] += sum3;
}
