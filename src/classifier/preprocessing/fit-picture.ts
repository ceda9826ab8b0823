/** @file A picture of any size as a network takes it. */

import { applyGeometry, type GeometryRule } from "../../image/geometry.ts";
import { grayOf } from "../../image/luma.ts";
import type { ImageTensor, Picture } from "../../image/picture.ts";
import { floatTensor } from "../../tensor/tensor.ts";

/** `picture` resized and cropped by the rule, in gray for networks of one channel: [C, H, W], pixels in [0, 1]. */
export function fitPicture(
  picture: Picture | ImageTensor,
  { geometry, channelCount }: { readonly geometry: GeometryRule; readonly channelCount: 1 | 3 },
): ImageTensor {
  return toChannels(applyGeometry(picture, geometry), channelCount);
}

/** `image` with one channel (its luma) or three (gray repeated). */
function toChannels(image: ImageTensor, channels: 1 | 3): ImageTensor {
  const [c, h, w] = image.shape;
  if (c === channels) return image;
  if (channels === 1) return grayOf(image);
  const plane = h * w;
  const data = new Float32Array(channels * plane);
  for (let k = 0; k < channels; k++) data.set(image.data, k * plane);
  return floatTensor(data, [channels, h, w]);
}
