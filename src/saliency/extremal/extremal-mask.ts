/**
 * @file Smooth masks: a coarse grid of values enlarged such that every region has round, soft borders of a fixed width.
 *
 * Source: Fong, Patrick and Vedaldi, "Understanding Deep Networks via Extremal Perturbations and Smooth Masks", ICCV 2019,
 * section 3.2: m(u) = smax_v k(u − v)·m̄(v), the smooth maximum over the nodes v of a grid.
 */

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
  /** The mask with its margin [(H + 2·margin) · (W + 2·margin)], in [0, 1], of the values [gridHeight · gridWidth], in [0, 1]. */
  forward(values: Float64Array): Float64Array;
  /** The gradient at the values last given to `forward`, for a cotangent of the mask with its margin. */
  backward(cotangent: Float64Array): Float64Array;
  /** What of the mask is in the picture, [H · W]. */
  inner(mask: Float64Array): Float64Array;
  /** Adds [H · W] to what of the mask is in the picture, in place. */
  addInner(mask: Float64Array, inner: Float64Array): void;
}

/** Equal neighbors in a row whose gradients are summed up side by side, each in the order of one alone: most nodes are 0. */
const together = 4;

/** The sharpness of the smooth maximum Σ a e^{Ta} / Σ e^{Ta}. */
const temperature = 20;

/** The kernel as a function of the distance in units of σ. */
function kernel(z: number): number {
  return Math.exp(-2 * Math.max(0, z - 0.5) ** 2);
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
  const { step, sigmaPixels, margin } = options;
  const gridHeight = Math.ceil(options.height / step);
  const gridWidth = Math.ceil(options.width / step);
  const [height, width] = [options.height + 2 * margin, options.width + 2 * margin];
  const radius = 1 + Math.ceil(sigmaPixels / step);
  /** Pixels that a node reaches along either axis. */
  const reach = step * (2 * radius + 1);
  /** Nodes that count at a pixel. */
  const nodes = (2 * radius + 1) ** 2;
  const plane = height * width;

  // Of the square that a node reaches, rows are the same from both ends, and so are columns and rows.
  const half = Math.ceil(reach / 2);
  const kernels = new Float64Array(half * reach);
  const middle = (reach - 1) / 2;
  for (let y = 0; y < half; y++) {
    for (let x = 0; x < reach; x++) kernels[y * reach + x] = kernel(Math.hypot(y - middle, x - middle) / sigmaPixels);
  }
  const rowOf = (y: number): number => Math.min(y, reach - 1 - y) * reach;

  /** Fills `table` [half · reach] with `f` of the kernel, computed once for each of the distances. */
  function tabulate(table: Float64Array, f: (k: number) => number): void {
    for (let y = 0; y < half; y++) {
      for (let x = y; x < half; x++) {
        const value = f(kernels[y * reach + x]);
        table[y * reach + x] = value;
        table[y * reach + reach - 1 - x] = value;
        table[x * reach + y] = value;
        table[x * reach + reach - 1 - y] = value;
      }
    }
  }

  /** The part of the square around node (i, j) that the mask is computed for. */
  function squareOf(i: number, j: number) {
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

  /** Whether the columns that begin at `left` are all there. */
  const isWhole = (left: number): boolean => left >= 0 && left + reach <= width;
  /** Whether the nodes from number `at` on are equal, as far as they are taken together. */
  const isRunAt = (at: number): boolean => {
    for (let n = 1; n < together; n++) if (given[at + n] !== given[at]) return false;
    return true;
  };

  let given = new Float64Array(gridHeight * gridWidth);
  const mask = new Float64Array(plane);
  /** Σ e^{Ta} at each pixel. */
  const denominators = new Float64Array(plane);
  const numerators = new Float64Array(plane);
  const [first, second] = [new Float64Array(half * reach), new Float64Array(half * reach)];
  /** The value that the two tables were made for: most nodes are 0 or 1, and neighbors often equal. */
  let tabulated = Number.NaN;

  return {
    gridHeight,
    gridWidth,
    forward(values) {
      given = values.slice();
      denominators.fill(nodes);
      numerators.fill(0);
      tabulated = Number.NaN;
      for (let i = 0; i < gridHeight; i++) {
        for (let j = 0; j < gridWidth; j++) {
          const value = values[i * gridWidth + j];
          if (value === 0) continue;
          if (value !== tabulated) {
            tabulate(first, (k) => Math.expm1(temperature * k * value));
            tabulate(second, (k) => k * value * Math.exp(temperature * k * value));
            tabulated = value;
          }
          const { top, left, fromY, toY, fromX, toX } = squareOf(i, j);
          for (let y = fromY; y < toY; y++) {
            addRow(denominators, numerators, y * width, fromX, toX, first, second, rowOf(y - top) - left);
          }
        }
      }
      for (let u = 0; u < plane; u++) mask[u] = numerators[u] / denominators[u];
      return mask.slice();
    },
    backward(cotangent) {
      // ∂m/∂a_v = e^{T a_v} (1 + T (a_v − m)) / Σ e^{Ta}, and a_v = k·m̄(v).
      const [plain, weighted] = [new Float64Array(plane), new Float64Array(plane)];
      for (let u = 0; u < plane; u++) {
        plain[u] = cotangent[u] / denominators[u];
        weighted[u] = plain[u] * mask[u];
      }
      const gradient = new Float64Array(given.length);
      const sums = new Float64Array(together);
      tabulated = Number.NaN;
      for (let i = 0; i < gridHeight; i++) {
        for (let j = 0; j < gridWidth; ) {
          const value = given[i * gridWidth + j];
          if (value !== tabulated) {
            tabulate(first, (k) => k * Math.exp(temperature * k * value) * (1 + temperature * k * value));
            tabulate(second, (k) => temperature * k * Math.exp(temperature * k * value));
            tabulated = value;
          }
          const { top, left, fromY, toY, fromX, toX } = squareOf(i, j);
          const isRun =
            isRunAt(i * gridWidth + j) &&
            j + together <= gridWidth &&
            isWhole(left) &&
            isWhole(left + step * (together - 1));
          sums.fill(0);
          for (let y = fromY; y < toY; y++) {
            const at = rowOf(y - top) - left;
            if (isRun) addRowProducts(sums, plain, weighted, y * width, fromX, toX, step, first, second, at);
            else sums[0] += rowProduct(plain, weighted, y * width, fromX, toX, first, second, at);
          }
          const count = isRun ? together : 1;
          for (let n = 0; n < count; n++) gradient[i * gridWidth + j + n] = sums[n];
          j += count;
        }
      }
      return gradient;
    },
    inner(mask) {
      const out = new Float64Array(options.height * options.width);
      for (let y = 0; y < options.height; y++) {
        const from = (y + margin) * width + margin;
        out.set(mask.subarray(from, from + options.width), y * options.width);
      }
      return out;
    },
    addInner(mask, inner) {
      for (let y = 0; y < options.height; y++) {
        const from = (y + margin) * width + margin;
        for (let x = 0; x < options.width; x++) mask[from + x] += inner[y * options.width + x];
      }
    },
  };
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
