/** @file The boxes of a map at many thresholds at once. */
import { checkForm, MisuseError, oneOf } from "../errors.ts";
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
  const { order, ends } = bucketed(map.data, descending);
  return connectivities.map((connectivity) => {
    const grow = connectivity === "none" ? wholeGrower(map) : componentGrower(map, connectivity);
    const boxes = new Map<number, Box | undefined>();
    let next = 0;
    for (const [i, level] of descending.entries()) {
      while (next < ends[i]) grow.add(order[next++]);
      boxes.set(level, grow.box());
    }
    return levels.map((level) => boxes.get(level));
  });
}

/**
 * The pixels in an order in which those with h ≥ `descending[i]` are the first `ends[i]`; pixels below every level are left
 * out. Pixels that no level tells apart stay in raster order.
 */
function bucketed(
  data: Float32Array,
  descending: readonly number[],
): { readonly order: Int32Array; readonly ends: Int32Array } {
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
  const order = new Int32Array(data.length);
  for (let pixel = 0; pixel < data.length; pixel++) order[starts[bucket[pixel]]++] = pixel;
  return { order, ends };
}

interface Grower {
  readonly add: (pixel: number) => void;
  readonly box: () => Box | undefined;
}

function wholeGrower({ shape: [, width] }: FloatTensor): Grower {
  let [x0, y0, x1, y1] = [Infinity, Infinity, 0, 0];
  return {
    add(pixel) {
      const y = Math.floor(pixel / width);
      const x = pixel - y * width;
      if (x < x0) x0 = x;
      if (y < y0) y0 = y;
      if (x >= x1) x1 = x + 1;
      if (y >= y1) y1 = y + 1;
    },
    box: () => (x0 < x1 ? [x0, y0, x1, y1] : undefined),
  };
}

function componentGrower({ shape: [height, width] }: FloatTensor, connectivity: 8 | 4): Grower {
  // With a border of one pixel that is never kept, no neighbor needs a look at where the map ends.
  const stride = width + 2;
  const count = stride * (height + 2);
  // −1: not kept yet. The rest of the arrays means something at roots only.
  const parent = new Int32Array(count).fill(-1);
  const size = new Int32Array(count);
  const first = new Int32Array(count);
  const boxes = [new Int32Array(count), new Int32Array(count), new Int32Array(count), new Int32Array(count)] as const;
  const [x0, y0, x1, y1] = boxes;
  const straight = [-stride, -1, 1, stride];
  const neighbors = connectivity === 4 ? straight : [...straight, -stride - 1, -stride + 1, stride - 1, stride + 1];
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
  return {
    add(pixel) {
      const y = Math.floor(pixel / width);
      const x = pixel - y * width;
      const at = (y + 1) * stride + x + 1;
      let root = -1;
      for (let n = 0; n < neighbors.length; n++) {
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
    },
    box: () => (largest < 0 ? undefined : [x0[largest], y0[largest], x1[largest], y1[largest]]),
  };
}
