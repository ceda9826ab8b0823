/** @file How much of a map lies inside of boxes. */

import { checkForm } from "../errors.ts";
import type { FloatTensor } from "../tensor/tensor.ts";
import type { Box } from "./box.ts";

/**
 * The share in [0, 1] of the sum of `map` ([H, W], not negative) that lies in the union of `boxes`, in pixels of the map (the
 * energy-based pointing game of Wang et al. 2020). A pixel that a box cuts counts by its part inside, of two boxes by the larger
 * part. undefined for a map that is zero everywhere: nothing is nowhere.
 */
export function energyInside(map: FloatTensor, boxes: readonly Box[]): number | undefined {
  checkForm("energyInside: map", map, ["dtype", "data", "shape"]);
  checkForm("energyInside: boxes", boxes, "list");
  const [height, width] = map.shape;
  const overlap = (at: number, from: number, to: number): number =>
    Math.max(0, Math.min(at + 1, to) - Math.max(at, from));
  let [inside, total] = [0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const value = map.data[y * width + x];
      let share = 0;
      for (const [x0, y0, x1, y1] of boxes) share = Math.max(share, overlap(x, x0, x1) * overlap(y, y0, y1));
      inside += share * value;
      total += value;
    }
  }
  return total > 0 ? inside / total : undefined;
}

/** The share in [0, 1] of the sum of the squares of `map` ([H, W]) that lies in `box`; 0 for a map that is zero everywhere. */
export function squaresInside({ shape: [height, width], data }: FloatTensor, [x0, y0, x1, y1]: Box): number {
  let [inside, total] = [0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const square = data[y * width + x] ** 2;
      total += square;
      if (x >= x0 && x < x1 && y >= y0 && y < y1) inside += square;
    }
  }
  return total > 0 ? inside / total : 0;
}
