/** @file Changes too small to be seen, made visible: all changes of one picture by the same factor, so that they can be compared. */

import { checkForm } from "../../errors.ts";
import { finiteRange } from "../../image/normalize.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { floatTensor } from "../../tensor/tensor.ts";

/** Differences of float32 may exceed what they stand for by so much. */
const tolerance = 1e-6;

/**
 * The largest of the factors 1, 2, 5, 10, 20, 50, … by which none of `changes` (differences of pixels in [0, 1]) exceeds ½ in magnitude;
 * 1 where a change is larger than ½, and where nothing changes but what rounding leaves.
 */
export function commonFactor(changes: readonly ImageTensor[]): number {
  checkForm("commonFactor: changes", changes, "list");
  const largest = changes.reduce((most, change) => {
    const { min, max } = finiteRange("commonFactor", change);
    return Math.max(most, -min, max);
  }, 0);
  if (largest <= tolerance) return 1;
  const most = 0.5 / largest;
  const power = 10 ** Math.floor(Math.log10(most));
  return Math.max(
    1,
    ...[1, 2, 5, 10].map((digit) => digit * power).filter((factor) => factor <= most * (1 + tolerance)),
  );
}

/** The change `factor` times as large about gray: ½ where nothing changes; what leaves [0, 1] is clipped. */
export function amplified(image: ImageTensor, factor: number): ImageTensor {
  checkForm("amplified: image", image, ["dtype", "data", "shape"]);
  checkForm("amplified: factor", factor, "number");
  const { shape, data } = image;
  return floatTensor(
    data.map((change) => Math.min(1, Math.max(0, 0.5 + factor * change))),
    shape,
  );
}
