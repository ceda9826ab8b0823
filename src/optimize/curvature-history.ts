/**
 * @file The memory of L-BFGS: the latest curvature pairs s = Δpoint, y = Δgradient, and the direction −H·g that they give.
 *
 * One blocked pass takes the inner products of g with all s and y, one more forms the direction, instead of the 4·history dependent
 * passes of the two-loop recursion, which is carried out on coefficients (pair-products.ts).
 */
import { kernelsFor } from "../simd/kernels.ts";
import { ordinaryWorkspace, type Workspace, type WorkspaceSize } from "../simd/workspace.ts";
import type { FloatArray } from "../tensor/vector.ts";
import type { BindingSet } from "./binding-set.ts";
import { type PairMeasures, pairProducts } from "./pair-products.ts";
import { blockSumsLength, combineRows, innerProducts, innerProductsAt, paddedCount } from "./row-products.ts";

/** −H·g. */
export interface Direction<A extends FloatArray> {
  /** The history's own array: the caller may change it, and the next call of `direct` does. */
  readonly direction: A;
  /** gᵀ(−H·g). */
  readonly slope: number;
}

/** At most `capacity` pairs. */
export interface CurvatureHistory<A extends FloatArray> {
  /** The number of pairs held. */
  readonly size: () => number;
  /**
   * The direction −H·g. Elements of the binding set take no part in H (its rows and columns are cleared there) and go straight to
   * their bound. To be called once for each gradient that a pair ends at.
   */
  readonly direct: (gradient: A, binding?: BindingSet) => Direction<A>;
  /**
   * Adds the pair s = `step`, y = `gradient` − `previous`, if it is usable; forgets the oldest if there are too many. With `from`, s is
   * `step` − `from`, rounded to their precision.
   */
  readonly push: (step: A, gradient: A, previous: A, from?: A) => void;
  /** Forgets all pairs. */
  readonly clear: () => void;
}

export interface CurvatureHistoryOptions {
  /** Pairs that are held at most. Memory is 2·(capacity + 1) vectors, touched only as pairs arrive. */
  readonly capacity: number;
  /** Whether a pair may be added. */
  readonly isUsable: (measures: PairMeasures) => boolean;
}

/** What a history takes of a workspace. */
export function curvatureHistorySize(capacity: number): WorkspaceSize {
  const slots = capacity + 1;
  const listed = paddedCount(2 * slots);
  return { vectors: 2 * slots + 1, doubles: 3 * listed + blockSumsLength + measuresLength, integers: listed };
}

/** Room for the measures of a pair. */
const measuresLength = 3;

/** An empty history for points of the kind and length of `like`, with its memory from `workspace`. */
export function curvatureHistory<A extends FloatArray>(
  like: A,
  { capacity, isUsable }: CurvatureHistoryOptions,
  workspace: Workspace<A> = ordinaryWorkspace(like),
): CurvatureHistory<A> {
  const { length } = like;
  const slots = capacity + 1; // one is always free: whether a pair is usable is known once it is written
  // Memory costs nothing until it is written to, so a long history is paid for only when it fills.
  const rows = workspace.vectors(2 * slots);
  const sRow = (slot: number): number => 2 * slot * length;
  const yRow = (slot: number): number => (2 * slot + 1) * length;
  const pairs = pairProducts(slots);
  let free = 0;

  const listed = paddedCount(2 * slots);
  const offsets = workspace.integers(listed);
  const products = workspace.doubles(listed);
  const boundProducts = workspace.doubles(listed);
  const coefficients = workspace.doubles(listed);
  const blockSums = workspace.doubles(blockSumsLength);
  const measured = workspace.doubles(measuresLength);
  const direction = workspace.vectors();

  return {
    size: () => pairs.order().length,
    direct(gradient, binding) {
      const order = pairs.order();
      const count = 2 * order.length;
      for (let k = 0; k < order.length; k++) {
        offsets[2 * k] = sRow(order[k]);
        offsets[2 * k + 1] = yRow(order[k]);
      }
      innerProducts(gradient, rows, offsets, count, products);
      pairs.observe(products);
      if (binding !== undefined && binding.count > 0) {
        innerProductsAt(binding.indices, binding.count, gradient, rows, offsets, count, boundProducts);
        for (let r = 0; r < count; r++) products[r] -= boundProducts[r];
      }
      pairs.solve(products, coefficients);
      const slope = combineRows(-pairs.scale(), gradient, rows, offsets, coefficients, count, direction, blockSums);
      return { direction, slope: binding === undefined ? slope : slope + moveToBounds(direction, gradient, binding) };
    },
    push(step, gradient, previous, from) {
      const measures = writePair(rows, sRow(free), yRow(free), step, gradient, previous, measured, from);
      if (!isUsable(measures)) return;
      pairs.push(free, measures);
      free = pairs.order().length > capacity ? pairs.shift() : pairs.order().length;
    },
    clear() {
      pairs.clear();
      free = 0;
    },
  };
}

/** Lets the bound elements of the direction end exactly on their bound; returns the change of gᵀd. */
export function moveToBounds(
  direction: FloatArray,
  gradient: FloatArray,
  { indices, count, moves }: BindingSet,
): number {
  const kernels = kernelsFor(direction, gradient, indices, moves);
  if (kernels !== undefined) {
    const [at, slopes] = [direction.byteOffset, gradient.byteOffset];
    return kernels.moveToBounds(at, slopes, indices.byteOffset, count, moves.byteOffset);
  }
  let change = 0;
  for (let k = 0; k < count; k++) {
    const i = indices[k];
    change += gradient[i] * (moves[k] - direction[i]);
    direction[i] = moves[k];
  }
  return change;
}

/** Writes s = step (with `from`, step − from) and y = gradient − previous to their rows and returns their products. */
export function writePair(
  rows: FloatArray,
  sRow: number,
  yRow: number,
  step: FloatArray,
  gradient: FloatArray,
  previous: FloatArray,
  measured: Float64Array,
  from?: FloatArray,
): PairMeasures {
  const kernels = kernelsFor(rows, step, gradient, previous, measured, from ?? step);
  if (kernels !== undefined) {
    const [s, y] = [sRow, yRow].map((row) => rows.byteOffset + row * rows.BYTES_PER_ELEMENT);
    const [now, before] = [gradient.byteOffset, previous.byteOffset];
    const origin = from?.byteOffset ?? 0;
    kernels.writePair(s, y, step.byteOffset, origin, now, before, measured.byteOffset, gradient.length);
    const [ys, yy, ss] = measured;
    return { ys, yy, ss };
  }
  let [ys, yy, ss] = [0, 0, 0];
  for (let i = 0; i < gradient.length; i++) {
    const y = gradient[i] - previous[i];
    rows[sRow + i] = from === undefined ? step[i] : step[i] - from[i];
    const s = rows[sRow + i];
    rows[yRow + i] = y;
    ys += y * s;
    yy += y * y;
    ss += s * s;
  }
  return { ys, yy, ss };
}
