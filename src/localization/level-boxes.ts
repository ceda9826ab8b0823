/** @file The boxes of a map at many thresholds at once. */
import { checkForm, MisuseError, oneOf } from "../errors.ts";
import { kernelsFor } from "../simd/kernels.ts";
import { type Arrays, openArrays, ordinaryArrays } from "../simd/workspace.ts";
import type { FloatTensor } from "../tensor/tensor.ts";
import type { Box } from "./box.ts";

/** What the box is drawn around: the largest component of 8 or 4 neighbors, or everything that is kept ("none"). */
export type BoxConnectivity = 8 | 4 | "none";

export const boxConnectivities = [8, 4, "none"] as const satisfies readonly BoxConnectivity[];

/**
 * For each level the box [x0, y0, x1, y1) that `largestBox` finds around the pixels {h ≥ level} of `map` [H, W] (with "none",
 * `boundingBox`), in pixels; undefined where no pixel is kept. Of equally large components the first in raster order counts.
 *
 * Pixels join, from the greatest value to the least, a forest of disjoint sets that knows the size and box of each: all levels
 * together cost little more than one. Levels need no order. Throws a {@link MisuseError} for a tensor that is no map, or a
 * level that is NaN.
 */
export function levelBoxes(
  map: FloatTensor,
  levels: readonly number[],
  connectivity: BoxConnectivity = 8,
): (Box | undefined)[] {
  checkForm("levelBoxes: map", map, ["dtype", "data", "shape"]);
  checkForm("levelBoxes: levels", levels, "list");
  return levelBoxesOf(map, levels, [connectivity])[0];
}

/** {@link levelBoxes} for each of the connectivities. */
export function levelBoxesOf(
  map: FloatTensor,
  levels: readonly number[],
  connectivities: readonly BoxConnectivity[],
): (Box | undefined)[][] {
  const where = "levelBoxes";
  for (const connectivity of connectivities) oneOf(`${where}: connectivity`, String(connectivity), ["8", "4", "none"]);
  if (map.shape.length !== 2 || levels.some(Number.isNaN)) {
    throw new MisuseError({
      where,
      what: "not a map and its levels",
      expected: "[H, W], and levels that are numbers",
      got: `[${map.shape.join(", ")}] and ${levels.join(", ")}`,
    });
  }
  const descending = [...new Set(levels)].sort((a, b) => b - a);
  const arrays = openArrays({ singles: 0, doubles: 0, integers: growerIntegers(map) }) ?? ordinaryArrays;
  try {
    const order = arrays.integers(map.data.length);
    const ends = bucketed(map.data, descending, order);
    const forest = forestOf(map, arrays);
    return connectivities.map((connectivity) => {
      const grow = connectivity === "none" ? wholeGrower(map) : componentGrower(map, connectivity, forest);
      const boxes = new Map<number, Box | undefined>();
      let next = 0;
      for (const [i, level] of descending.entries()) {
        if (next < ends[i]) grow.add(order, next, ends[i]);
        next = ends[i];
        boxes.set(level, grow.box());
      }
      return levels.map((level) => boxes.get(level));
    });
  } finally {
    arrays.close();
  }
}

/**
 * Writes the pixels to `order` such that those with h ≥ `descending[i]` are the first `ends[i]`, and returns `ends`; pixels below every level come
 * last. Pixels that no level tells apart stay in raster order.
 */
function bucketed(data: Float32Array, descending: readonly number[], order: Int32Array): Int32Array {
  const bucket = new Int32Array(data.length);
  const ends = new Int32Array(descending.length + 1);
  for (let pixel = 0; pixel < data.length; pixel++) {
    let [low, high] = [0, descending.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (data[pixel] >= descending[middle]) high = middle;
      else low = middle + 1;
    }
    bucket[pixel] = low;
    ends[low]++;
  }
  const starts = new Int32Array(ends.length);
  for (let i = 0; i < ends.length; i++) {
    starts[i] = i === 0 ? 0 : ends[i - 1];
    ends[i] += starts[i];
  }
  for (let pixel = 0; pixel < data.length; pixel++) order[starts[bucket[pixel]]++] = pixel;
  return ends;
}

interface Grower {
  /** Adds the pixels order[from … to). */
  readonly add: (order: Int32Array, from: number, to: number) => void;
  readonly box: () => Box | undefined;
}

function wholeGrower({ shape: [, width] }: FloatTensor): Grower {
  let [x0, y0, x1, y1] = [Infinity, Infinity, 0, 0];
  return {
    add(order, from, to) {
      for (let n = from; n < to; n++) {
        const y = Math.floor(order[n] / width);
        const x = order[n] - y * width;
        if (x < x0) x0 = x;
        if (y < y0) y0 = y;
        if (x >= x1) x1 = x + 1;
        if (y >= y1) y1 = y + 1;
      }
    },
    box: () => (x0 < x1 ? [x0, y0, x1, y1] : undefined),
  };
}

/** The forest of disjoint sets that pixels join, with a border of one pixel that is never kept, so that no neighbor needs a look at where the map ends. */
interface Forest {
  readonly count: number;
  /** −1: not kept yet. The rest means something at roots only. */
  readonly parent: Int32Array;
  readonly size: Int32Array;
  readonly first: Int32Array;
  /** x0 of all, then y0, x1 and y1. */
  readonly boxes: Int32Array;
  readonly neighbors: Int32Array;
}

const mostNeighbors = 8;

function forestCount({ shape: [height, width] }: FloatTensor): number {
  return (width + 2) * (height + 2);
}

/** Elements of all that grows, the order included. */
function growerIntegers(map: FloatTensor): number {
  return map.data.length + 7 * forestCount(map) + mostNeighbors;
}

function forestOf(map: FloatTensor, arrays: Arrays): Forest {
  const count = forestCount(map);
  const list = () => arrays.integers(count);
  return {
    ...{ count, parent: list(), size: list(), first: list() },
    boxes: arrays.integers(4 * count),
    neighbors: arrays.integers(mostNeighbors),
  };
}

/** The components of what is added, in a forest that is theirs from then on. */
function componentGrower({ shape: [, width] }: FloatTensor, connectivity: 8 | 4, forest: Forest): Grower {
  const { count, parent, size, first, boxes, neighbors } = forest;
  const stride = width + 2;
  parent.fill(-1);
  neighbors.set([-stride, -1, 1, stride, -stride - 1, -stride + 1, stride - 1, stride + 1]);
  const [x0, y0, x1, y1] = [0, 1, 2, 3].map((n) => boxes.subarray(n * count, (n + 1) * count));
  let largest = -1;

  const find = (pixel: number): number => {
    let at = pixel;
    while (parent[at] !== at) {
      parent[at] = parent[parent[at]];
      at = parent[at];
    }
    return at;
  };
  const unite = (a: number, b: number): number => {
    const [root, other] = size[a] >= size[b] ? [a, b] : [b, a];
    parent[other] = root;
    size[root] += size[other];
    if (first[other] < first[root]) first[root] = first[other];
    if (x0[other] < x0[root]) x0[root] = x0[other];
    if (y0[other] < y0[root]) y0[root] = y0[other];
    if (x1[other] > x1[root]) x1[root] = x1[other];
    if (y1[other] > y1[root]) y1[root] = y1[other];
    return root;
  };
  const add = (pixel: number): void => {
    const y = Math.floor(pixel / width);
    const x = pixel - y * width;
    const at = (y + 1) * stride + x + 1;
    let root = -1;
    for (let n = 0; n < connectivity; n++) {
      const neighbor = at + neighbors[n];
      if (parent[neighbor] < 0) continue;
      const other = find(neighbor);
      if (root < 0) root = other;
      else if (other !== root) root = unite(root, other);
    }
    if (root < 0) {
      root = at;
      size[at] = 1;
      first[at] = at;
      x0[at] = x;
      y0[at] = y;
      x1[at] = x + 1;
      y1[at] = y + 1;
    } else {
      size[root]++;
      if (at < first[root]) first[root] = at;
      if (x < x0[root]) x0[root] = x;
      if (y < y0[root]) y0[root] = y;
      if (x >= x1[root]) x1[root] = x + 1;
      if (y >= y1[root]) y1[root] = y + 1;
    }
    parent[at] = root;
    // Sizes only grow: the largest component stays the largest until the one that has just grown passes it, or has swallowed it.
    if (largest < 0 || size[root] > size[largest] || (size[root] === size[largest] && first[root] < first[largest])) {
      largest = root;
    }
  };
  return {
    add(order, from, to) {
      const kernels = kernelsFor(order, parent, size, first, boxes, neighbors);
      if (kernels === undefined) {
        for (let n = from; n < to; n++) add(order[n]);
        return;
      }
      const pixels = [order.byteOffset, from, to, width, neighbors.byteOffset, connectivity] as const;
      const sets = [parent.byteOffset, size.byteOffset, first.byteOffset, boxes.byteOffset] as const;
      largest = kernels.growComponents(...pixels, ...sets, count, largest);
    },
    box: () => (largest < 0 ? undefined : [x0[largest], y0[largest], x1[largest], y1[largest]]),
  };
}
