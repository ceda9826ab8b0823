/** @file A picture of any size as a network takes it. */

import { checkForm, UnsupportedError } from "../../errors.ts";
import { applyGeometry, fitGeometry, type GeometryRule } from "../../image/geometry.ts";
import { grayOf, grayPicture } from "../../image/luma.ts";
import { type ImageTensor, isPicture, type Picture } from "../../image/picture.ts";
import { floatTensor } from "../../tensor/tensor.ts";

/**
 * `rule`, or the rule that leaves the picture as it is, for one that was written at the size of a network's input if the rule gives that
 * size: such a picture has been resized and cropped already.
 */
export function geometryFor(picture: SizedPicture, rule: GeometryRule): GeometryRule {
  checkForm("geometryFor: picture", picture, ["width", "height"]);
  checkForm("geometryFor: rule", rule, ["resize"]);
  if (!picture.isNetworkInput) return rule;
  const { crop } = fitGeometry(rule, picture.width, picture.height);
  return crop.width === picture.width && crop.height === picture.height ? { resize: { kind: "none" } } : rule;
}

/** What of a picture decides how it becomes a network's input. */
export interface SizedPicture {
  readonly width: number;
  readonly height: number;
  readonly isNetworkInput?: boolean;
}

/** The size of either form of a picture, and whether it is a network's input already. */
export function sizedPicture(image: Picture | (ImageTensor & { readonly isNetworkInput?: boolean })): SizedPicture {
  if (isPicture(image)) return image;
  const [, height, width] = image.shape;
  return { width, height, isNetworkInput: image.isNetworkInput };
}

/**
 * `picture` resized and cropped by the rule (see {@link geometryFor}): [C, H, W], pixels in [0, 1]. For networks of one channel colors become gray
 * before anything else, as where pictures are opened with Pillow's `convert("L")` or Keras' grayscale mode; those of an image tensor afterwards.
 */
export function fitPicture(
  picture: Picture | ImageTensor,
  given: { readonly geometry: GeometryRule; readonly channelCount: number },
): ImageTensor {
  checkForm("fitPicture: picture", picture, ["data"]);
  checkForm("fitPicture: given", given, ["geometry", "channelCount"]);
  const { geometry, channelCount } = given;
  const taken = channelCount === 1 && isPicture(picture) ? grayPicture(picture) : picture;
  return toChannels(applyGeometry(taken, geometryFor(sizedPicture(taken), geometry)), channelCount);
}

/** `image` with one channel (its luma) or three (gray repeated). */
function toChannels(image: ImageTensor, channels: number): ImageTensor {
  const [c, h, w] = image.shape;
  if (c === channels) return image;
  if (channels === 1) return grayOf(image);
  if (channels !== 3) {
    throw new UnsupportedError({
      where: "classifier.fit",
      what: "the picture does not have the network's channels",
      expected: `${channels} channels`,
      got: String(c),
      advice: "A picture of that many channels can be given as an array [C, H, W], such as an .npy file.",
    });
  }
  if (c !== 1) {
    throw new UnsupportedError({
      where: "classifier.fit",
      what: "the picture has neither gray nor colors",
      expected: "1 or 3 channels",
      got: String(c),
    });
  }
  const plane = h * w;
  const data = new Float32Array(channels * plane);
  for (let k = 0; k < channels; k++) data.set(image.data, k * plane);
  return floatTensor(data, [channels, h, w]);
}
