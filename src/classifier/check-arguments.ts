/** @file What callers without types get wrong, said in words: a classifier that is none, images that are no tensors of pixels. */
import { kindOf, MisuseError } from "../errors.ts";
import type { ImageTensor } from "../image/picture.ts";
import { firstBeyondPixels, firstNoPixel, noPixels } from "./check-pixels.ts";
import type { Classifier } from "./classifier.ts";

/** Throws a MisuseError in the name of `where` if `classifier` is not one. */
export function checkClassifier(where: string, classifier: unknown): asserts classifier is Classifier {
  if (typeof classifier === "object" && classifier !== null && "findLabel" in classifier && "prepared" in classifier)
    return;
  throw new MisuseError({
    where,
    what: "the first argument is no classifier",
    expected: "what loadClassifier or createClassifier gives",
    got: kindOf(classifier),
    advice: classifier instanceof Promise ? "Write `await` before the call that makes it." : undefined,
  });
}

/** The index of the class `given` by number or name. Throws a MisuseError in the name of `where`, which says which option it was. */
export function classIndex(
  where: string,
  classifier: Pick<Classifier, "findLabel">,
  given: Parameters<Classifier["findLabel"]>[0],
): number {
  try {
    return classifier.findLabel(given);
  } catch (error) {
    throw error instanceof MisuseError ? new MisuseError({ ...error.complaint, where }) : error;
  }
}

/**
 * Throws a MisuseError in the name of `where` unless all of `images` are tensors of the network's size with pixels in [0, 1], up to rounding, or with
 * numbers beside these where `anyNumbers`: see {@link firstNoPixel}.
 */
export function checkImages(
  where: string,
  { input }: Pick<Classifier, "input">,
  images: unknown,
  { anyNumbers = false }: { readonly anyNumbers?: boolean } = {},
): asserts images is readonly ImageTensor[] {
  const wanted = [input.channelCount, input.height, input.width];
  const expected = `tensors of shape [${wanted.join(", ")}], as classifier.fit gives`;
  if (!Array.isArray(images))
    throw new MisuseError({ where, what: "there are no images", expected, got: kindOf(images) });
  for (const [n, image] of images.entries()) {
    if (!isTensor(image))
      throw new MisuseError({ where, what: `image ${n} is no tensor`, expected, got: kindOf(image) });
    const { shape, data } = image;
    if (shape.length !== 3 || shape.some((extent, i) => extent !== wanted[i])) {
      throw new MisuseError({
        where,
        what: `image ${n} does not have the network's size`,
        expected: `[${wanted.join(", ")}]`,
        got: `[${shape.join(", ")}]`,
        advice: "classifier.fit() resizes and crops a picture.",
      });
    }
    const bad = anyNumbers ? firstNoPixel(data) : firstBeyondPixels(data);
    if (bad >= 0) throw noPixels(where, `image ${n}`, data, bad);
  }
}

function isTensor(value: unknown): value is ImageTensor {
  if (typeof value !== "object" || value === null || !("shape" in value) || !("data" in value)) return false;
  return Array.isArray(value.shape) && value.data instanceof Float32Array;
}
