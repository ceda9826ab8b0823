/** @file What takes the place of parts of an image in the metrics that Quantus fills with "black". */
import type { Classifier } from "../../classifier/classifier.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { imageIn, pixelAffine } from "../../saliency/attribution-space.ts";
import { rangeOf } from "../../tensor/vector.ts";

/** For each channel the pixel value that the network sees as the least of all numbers of the image: Quantus's baseline "black". */
export function darkestPixel(classifier: Classifier, { data }: ImageTensor): number[] {
  const [least] = rangeOf(imageIn("network", data, classifier));
  const { factor, offset } = pixelAffine(classifier);
  return factor.map((f, c) => (least - offset[c]) / f);
}
