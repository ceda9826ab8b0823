/** @file A method that remembers what it found, so that a box can be drawn otherwise, or a report be written, without a new search. */
import type { Classifier } from "../../classifier/classifier.ts";
import type { ImageTensor } from "../../image/picture.ts";
import type { Explanation, Perturbation, SaliencyMethod } from "../../saliency/method.ts";

type Options = Parameters<SaliencyMethod["explain"]>[2];

/** `method`, which finds out once and afterwards says the same again. It is for one picture and one question. */
export function rememberedMethod(method: SaliencyMethod): SaliencyMethod {
  let explanation: Promise<Explanation> | undefined;
  let perturbation: Promise<Perturbation> | undefined;
  const { perturbing } = method;
  function explain(classifier: Classifier, image: ImageTensor, options?: Options): Promise<Explanation>;
  function explain(classifier: Classifier, images: readonly ImageTensor[], options?: Options): Promise<Explanation[]>;
  function explain(classifier: Classifier, image: ImageTensor | readonly ImageTensor[], options?: Options) {
    if (!("data" in image)) return method.explain(classifier, image, options);
    explanation ??= method.explain(classifier, image, options);
    return explanation;
  }
  if (perturbing === undefined) return { ...method, explain };
  return {
    ...method,
    explain,
    perturbing: {
      ...perturbing,
      perturb: (...given) => {
        perturbation ??= perturbing.perturb(...given);
        return perturbation;
      },
      mapOf: (...given) => {
        explanation ??= perturbing.mapOf(...given);
        return explanation;
      },
    },
  };
}
