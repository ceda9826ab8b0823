/** @file What every explanation method returns. */
import type { FloatTensor } from "../tensor/tensor.ts";

/** How much each pixel matters: shape [H, W], non-negative, in the units of the method; larger is more salient. */
export type SaliencyMap = FloatTensor;
