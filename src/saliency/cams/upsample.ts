/** @file A map on a coarse grid as one on the pixels. */
import { resizeFloat } from "../../image/resize.ts";
import type { FloatTensor } from "../../tensor/tensor.ts";
import type { SaliencyMap } from "../saliency-map.ts";

export const upsamplings = ["bilinear", "nearest"] as const;
/** `bilinear`: between the centers of cells, and constant beyond the outer ones (PyTorch's align_corners = false). */
export type Upsampling = (typeof upsamplings)[number];

/** A map [h, w] enlarged to [H, W]; one value per cell becomes one per pixel, so sums are not kept. */
export function upsample(map: FloatTensor, height: number, width: number, interpolation: Upsampling): SaliencyMap {
  return resizeFloat(map, { height, width, interpolation });
}
