/** @file Inputs whose sums do not cancel, for comparing float32 with float64. */
import { checkForm } from "../errors.ts";
import type { NumericTensor } from "../onnx/numeric-tensor.ts";

/**
 * `feeds` with every element replaced by its magnitude. Sums of mixed signs may come out near 0 and then have no correct digit
 * in float32; those of positive numbers keep theirs, so that a tight relative tolerance is fair.
 */
export function positiveFeeds(feeds: Readonly<Record<string, NumericTensor>>): Record<string, NumericTensor> {
  checkForm("positiveFeeds: feeds", feeds, []);
  return Object.fromEntries(
    Object.entries(feeds).map(([name, tensor]) => [name, { ...tensor, data: tensor.data.map(Math.abs) }]),
  );
}
