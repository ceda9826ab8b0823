/**
 * @file SLIC: an image cut into compact parts of similar color.
 *
 * Source: Achanta et al., "SLIC Superpixels Compared to State-of-the-Art Superpixel Methods", 2012, algorithm 1, with the distance of
 * equation (3): √(d_lab² + (d_xy / S)² m²) for a grid of step S and compactness m. Ten rounds, as usual.
 */
import type { ImageTensor } from "../../image/picture.ts";

export interface SlicOptions {
  /** At most how many parts. */
  readonly segments: number;
  /** m: the larger, the more the parts are squares. */
  readonly compactness: number;
}

/** A partition of the pixels. */
export interface Superpixels {
  /** The part of each pixel, row by row: 0 to `count` − 1, in the order in which they are first met. */
  readonly labels: Int32Array;
  readonly count: number;
}

const rounds = 10;

/** A grid of at most `segments` cells over an image, as square as can be. */
export function gridOf(
  height: number,
  width: number,
  segments: number,
): { readonly rows: number; readonly columns: number } {
  let best = { rows: 1, columns: 1 };
  let most = -Infinity;
  for (let rows = 1; rows <= Math.min(segments, height); rows++) {
    const columns = Math.min(width, Math.floor(segments / rows));
    const elongation = Math.abs(Math.log((height / rows) * (columns / width)));
    // Many cells, and square ones.
    const merit = Math.log(rows * columns) - 2 * elongation;
    if (merit > most) {
      most = merit;
      best = { rows, columns };
    }
  }
  return best;
}

/** The cells of {@link gridOf} as parts. */
export function gridSuperpixels([, height, width]: ImageTensor["shape"], segments: number): Superpixels {
  const { rows, columns } = gridOf(height, width, segments);
  const labels = Int32Array.from({ length: height * width }, (_, i) => {
    const [y, x] = [Math.floor(i / width), i % width];
    return Math.floor((y * rows) / height) * columns + Math.floor((x * columns) / width);
  });
  return { labels, count: rows * columns };
}

/**
 * The parts of `image` [C, H, W] with pixels in [0, 1]: each connected (four neighbors), none smaller than half of what a part has on average
 * unless it is the only one, at most `segments`. Of three channels colors are compared in CIELAB; of any other number as they are, times 100.
 * Deterministic: of equally near centers the first counts.
 */
export function slic(image: ImageTensor, { segments, compactness }: SlicOptions): Superpixels {
  const [, height, width] = image.shape;
  const plane = height * width;
  const colors = image.shape[0] === 3 ? labOf(image) : Float64Array.from(image.data, (value) => 100 * value);
  const channels = colors.length / plane;
  const { rows, columns } = gridOf(height, width, segments);
  const step = Math.sqrt(plane / (rows * columns));
  const weight = (compactness / step) ** 2;

  // Each center: y, x and its color.
  const stride = channels + 2;
  const count = rows * columns;
  const centers = new Float64Array(count * stride);
  for (let k = 0; k < count; k++) {
    // The middle of a cell, between pixels where it has an even number of them.
    const y = ((Math.floor(k / columns) + 0.5) * height) / rows - 0.5;
    const x = (((k % columns) + 0.5) * width) / columns - 0.5;
    centers.set([y, x], k * stride);
    const i = Math.round(y) * width + Math.round(x);
    for (let c = 0; c < channels; c++) centers[k * stride + 2 + c] = colors[c * plane + i];
  }

  const labels = new Int32Array(plane);
  const distances = new Float64Array(plane);
  const reach = Math.ceil(2 * step);
  for (let round = 0; round < rounds; round++) {
    distances.fill(Infinity);
    for (let k = 0; k < count; k++) {
      const [cy, cx] = [centers[k * stride], centers[k * stride + 1]];
      for (let y = Math.max(0, Math.floor(cy) - reach); y <= Math.min(height - 1, Math.floor(cy) + reach); y++) {
        for (let x = Math.max(0, Math.floor(cx) - reach); x <= Math.min(width - 1, Math.floor(cx) + reach); x++) {
          const i = y * width + x;
          let distance = weight * ((y - cy) ** 2 + (x - cx) ** 2);
          for (let c = 0; c < channels; c++) distance += (colors[c * plane + i] - centers[k * stride + 2 + c]) ** 2;
          if (distance < distances[i]) {
            distances[i] = distance;
            labels[i] = k;
          }
        }
      }
    }
    moveCenters(centers, stride, labels, colors, width);
  }
  return connected(labels, height, width, { least: step ** 2 / 2, most: segments });
}

/** Each center to the mean of its pixels; one that has none stays. */
function moveCenters(
  centers: Float64Array,
  stride: number,
  labels: Int32Array,
  colors: Float64Array,
  width: number,
): void {
  const sums = new Float64Array(centers.length);
  const sizes = new Float64Array(centers.length / stride);
  const plane = labels.length;
  for (let i = 0; i < plane; i++) {
    const start = labels[i] * stride;
    sizes[labels[i]]++;
    sums[start] += Math.floor(i / width);
    sums[start + 1] += i % width;
    for (let c = 0; c < stride - 2; c++) sums[start + 2 + c] += colors[c * plane + i];
  }
  for (const [k, size] of sizes.entries()) {
    if (size === 0) continue;
    for (let s = 0; s < stride; s++) centers[k * stride + s] = sums[k * stride + s] / size;
  }
}

/**
 * Connected parts of equal labels, of which those smaller than `least`, and the smallest of more than `most`, join the neighbor with which they share most of
 * their border.
 */
function connected(
  labels: Int32Array,
  height: number,
  width: number,
  { least, most }: { readonly least: number; readonly most: number },
): Superpixels {
  const plane = labels.length;
  const part = new Int32Array(plane).fill(-1);
  const sizes: number[] = [];
  const pending: number[] = [];
  for (let start = 0; start < plane; start++) {
    if (part[start] >= 0) continue;
    const k = sizes.length;
    sizes.push(0);
    part[start] = k;
    pending.push(start);
    for (let i = pending.pop(); i !== undefined; i = pending.pop()) {
      sizes[k]++;
      for (const j of neighbors(i, height, width)) {
        if (part[j] >= 0 || labels[j] !== labels[i]) continue;
        part[j] = k;
        pending.push(j);
      }
    }
  }

  // How many pixel edges each pair of parts shares.
  const borders = sizes.map(() => new Map<number, number>());
  for (let i = 0; i < plane; i++) {
    for (const j of neighbors(i, height, width)) {
      if (part[i] !== part[j]) borders[part[i]].set(part[j], (borders[part[i]].get(part[j]) ?? 0) + 1);
    }
  }
  const into = sizes.map((_, k) => k);
  const alive = new Set(into);
  for (;;) {
    let smallest = -1;
    for (const k of alive) if (smallest < 0 || sizes[k] < sizes[smallest]) smallest = k;
    if (alive.size === 1 || (sizes[smallest] >= least && alive.size <= most)) break;
    let target = -1;
    for (const [k, length] of borders[smallest]) {
      const best = borders[smallest].get(target) ?? 0;
      if (length > best || (length === best && k < target)) target = k;
    }
    merge(smallest, target, { sizes, borders });
    into[smallest] = target;
    alive.delete(smallest);
  }

  const numbers = new Map<number, number>();
  const result = Int32Array.from(part, (k) => {
    let last = k;
    while (into[last] !== last) last = into[last];
    const number = numbers.get(last) ?? numbers.size;
    numbers.set(last, number);
    return number;
  });
  return { labels: result, count: numbers.size };
}

function merge(
  from: number,
  to: number,
  { sizes, borders }: { readonly sizes: number[]; readonly borders: readonly Map<number, number>[] },
): void {
  sizes[to] += sizes[from];
  for (const [k, length] of borders[from]) {
    borders[k].delete(from);
    if (k === to) continue;
    borders[to].set(k, (borders[to].get(k) ?? 0) + length);
    borders[k].set(to, (borders[k].get(to) ?? 0) + length);
  }
  borders[from].clear();
}

function neighbors(i: number, height: number, width: number): number[] {
  const [y, x] = [Math.floor(i / width), i % width];
  const found: number[] = [];
  if (y > 0) found.push(i - width);
  if (x > 0) found.push(i - 1);
  if (x < width - 1) found.push(i + 1);
  if (y < height - 1) found.push(i + width);
  return found;
}

/** sRGB in [0, 1] as CIELAB under D65, [3, H, W]. */
function labOf({ data, shape: [, height, width] }: ImageTensor): Float64Array {
  const plane = height * width;
  const lab = new Float64Array(3 * plane);
  const linear = (value: number): number => {
    const v = Math.min(1, Math.max(0, value));
    return v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4;
  };
  const f = (t: number): number => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116);
  for (let i = 0; i < plane; i++) {
    const [r, g, b] = [linear(data[i]), linear(data[plane + i]), linear(data[2 * plane + i])];
    const x = f((0.412453 * r + 0.35758 * g + 0.180423 * b) / 0.95047);
    const y = f(0.212671 * r + 0.71516 * g + 0.072169 * b);
    const z = f((0.019334 * r + 0.119193 * g + 0.950227 * b) / 1.08883);
    lab[i] = 116 * y - 16;
    lab[plane + i] = 500 * (x - y);
    lab[2 * plane + i] = 200 * (y - z);
  }
  return lab;
}
