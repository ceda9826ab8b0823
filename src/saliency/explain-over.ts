/** @file The form in which methods are called: with one image or with several. */
import { checkClassifier } from "../classifier/check-arguments.ts";
import type { Classifier } from "../classifier/classifier.ts";
import { MisuseError, throwIfAborted } from "../errors.ts";
import type { ImageTensor } from "../image/picture.ts";
import type { OnProgress } from "../options/progress.ts";
import type { OptionSchema } from "../options/schema.ts";
import type { ExplainOptions, Explanation, SaliencyMethod } from "./method.ts";

type One<S extends OptionSchema> = (
  classifier: Classifier,
  image: ImageTensor,
  options: ExplainOptions<S> | undefined,
  onProgress: OnProgress,
) => Promise<Explanation>;

type Together<S extends OptionSchema> = (
  classifier: Classifier,
  images: readonly ImageTensor[],
  options: ExplainOptions<S> | undefined,
) => Promise<Explanation[]>;

/**
 * `explain` of a method that knows how to explain one image, and perhaps several together: that many at once as the `batch` says.
 * Throws a MisuseError in the name of `where` for what is no image of the network's size.
 */
export function explainOver<S extends OptionSchema>(
  where: string,
  one: One<S>,
  together?: Together<S>,
): SaliencyMethod<string, S>["explain"] {
  function explain(classifier: Classifier, image: ImageTensor, options?: ExplainOptions<S>): Promise<Explanation>;
  function explain(
    classifier: Classifier,
    images: readonly ImageTensor[],
    options?: ExplainOptions<S>,
  ): Promise<Explanation[]>;
  async function explain(
    classifier: Classifier,
    given: ImageTensor | readonly ImageTensor[],
    options?: ExplainOptions<S>,
  ): Promise<Explanation | Explanation[]> {
    checkClassifier(where, classifier);
    const onProgress = options?.onProgress ?? (() => undefined);
    if (!isList(given)) return one(classifier, checkImage(where, classifier, given), options, onProgress);
    for (const image of given) checkImage(where, classifier, image);
    const size = together === undefined ? 1 : (options?.batch ?? 1);
    const explanations: Explanation[] = [];
    while (explanations.length < given.length) {
      throwIfAborted(options?.signal, where);
      const images = given.slice(explanations.length, explanations.length + size);
      const [image] = images;
      const isAlone = together === undefined || images.length === 1;
      const some = isAlone
        ? [await one(classifier, image, options, () => undefined)]
        : await together(classifier, images, options);
      explanations.push(...some);
      onProgress({ done: explanations.length, of: given.length, unit: "images" });
    }
    return explanations;
  }
  return explain;
}

function isList(given: ImageTensor | readonly ImageTensor[]): given is readonly ImageTensor[] {
  return Array.isArray(given);
}

function checkImage(where: string, { input }: Classifier, image: ImageTensor): ImageTensor {
  const wanted = [input.channelCount, input.height, input.width];
  const shape: unknown = (image as ImageTensor | undefined)?.shape;
  if (Array.isArray(shape) && shape.length === 3 && wanted.every((extent, axis) => shape[axis] === extent))
    return image;
  throw new MisuseError({
    where,
    what: "not an image of the network's size",
    expected: `pixels [${wanted.join(", ")}]`,
    got: Array.isArray(shape) ? `[${shape.join(", ")}]` : typeof image,
    advice: "classifier.fit() resizes and crops a picture.",
  });
}
