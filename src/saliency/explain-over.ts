/** @file The form in which methods are called: with one image or with several. */
import { checkClassifier, checkImages } from "../classifier/check-arguments.ts";
import type { Classifier } from "../classifier/classifier.ts";
import { throwIfAborted } from "../errors.ts";
import type { ImageTensor } from "../image/picture.ts";
import { type Cost, totalCost } from "../options/cost.ts";
import type { OnProgress } from "../options/progress.ts";
import type { OptionSchema } from "../options/schema.ts";
import { randomOf } from "../random/random.ts";
import type { ExplainOptions, Explanation, MethodDetails, SaliencyMethod } from "./method.ts";
import { completeSmoothing, mapMoments, noisyCopies, type Smoothing } from "./smoothing.ts";

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

export interface ExplainOverOptions<S extends OptionSchema> {
  /** Explains several images in one run. */
  readonly together?: Together<S> | undefined;
  /** Whether images must be pictures, with pixels in [0, 1], so that noisy copies are clipped. */
  readonly takesPictures?: boolean;
}

/**
 * `explain` of a method that knows how to explain one image, and perhaps several together: that many at once as the `batch` says.
 * Throws a MisuseError in the name of `where` for what is no image of the network's size.
 */
export function explainOver<S extends OptionSchema>(
  where: string,
  one: One<S>,
  { together, takesPictures = false }: ExplainOverOptions<S> = {},
): SaliencyMethod<string, S>["explain"] {
  /** By the maps of noisy copies. */
  async function smoothed(
    classifier: Classifier,
    image: ImageTensor,
    options: ExplainOptions<S> & { readonly smoothing: Smoothing },
    onProgress: OnProgress,
  ): Promise<Explanation> {
    const smoothing = completeSmoothing(`${where}: smoothing`, options.smoothing);
    const { samples, aggregate } = smoothing;
    const { signal } = options;
    const random = randomOf(where, options.random);
    const label = options.label ?? (await classifier.classify(image, { signal })).label;
    const copies = noisyCopies(image, smoothing, random, { isClipped: takesPictures });
    const asked = { ...options, label, random, smoothing: undefined, onProgress: undefined };
    const moments = mapMoments(image.shape.slice(1));
    const found: Omit<Explanation, "map" | "perturbation">[] = [];
    while (found.length < samples) {
      throwIfAborted(signal, where);
      const count = Math.min(together === undefined ? 1 : (options.batch ?? 1), samples - found.length);
      const images = Array.from({ length: count }, () => copies.next());
      for (const { map, perturbation: _, ...rest } of await severally(classifier, images, asked)) {
        moments.add(map);
        found.push(rest);
      }
      onProgress({ done: found.length, of: samples, unit: "noisy copies" });
    }
    const [first] = found;
    const classified: Cost = { forward: options.label === undefined ? 1 : 0, gradient: 0 };
    return {
      map: moments.take(aggregate),
      label: first.label,
      evaluations: totalCost(classified, ...found.map(({ evaluations }) => evaluations)),
      settings: { ...first.settings, smoothing },
      details: { ...inCommon(found.map(({ details }) => details)), noiseDeviation: copies.deviation },
    };
  }
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
    checkImages(where, classifier, isList(given) ? given : [given], { anyNumbers: true });
    if (isList(given)) return severally(classifier, given, options);
    return alone(classifier, given, options, options?.onProgress ?? (() => undefined));
  }
  function alone(
    classifier: Classifier,
    image: ImageTensor,
    options: ExplainOptions<S> | undefined,
    report: OnProgress,
  ): Promise<Explanation> {
    return isSmoothed(options) ? smoothed(classifier, image, options, report) : one(classifier, image, options, report);
  }
  /** Of images that have been checked, or are noisy copies of one that has. */
  async function severally(
    classifier: Classifier,
    given: readonly ImageTensor[],
    options: ExplainOptions<S> | undefined,
  ): Promise<Explanation[]> {
    const onProgress = options?.onProgress ?? (() => undefined);
    const size = together === undefined || isSmoothed(options) ? 1 : (options?.batch ?? 1);
    const explanations: Explanation[] = [];
    while (explanations.length < given.length) {
      throwIfAborted(options?.signal, where);
      const images = given.slice(explanations.length, explanations.length + size);
      const [image] = images;
      const isAlone = together === undefined || images.length === 1;
      const some = isAlone
        ? [await alone(classifier, image, options, () => undefined)]
        : await together(classifier, images, options);
      explanations.push(...some);
      onProgress({ done: explanations.length, of: given.length, unit: "images" });
    }
    return explanations;
  }
  // What a smoothed map says of itself is not known to the types.
  return explain as SaliencyMethod<string, S>["explain"];
}

function isSmoothed<S extends OptionSchema>(
  options: ExplainOptions<S> | undefined,
): options is ExplainOptions<S> & { readonly smoothing: Smoothing } {
  return options?.smoothing !== undefined;
}

/** What all of these objects of JSON say alike. */
function inCommon(all: readonly MethodDetails[]): MethodDetails {
  const [first, ...others] = all;
  return Object.fromEntries(
    Object.entries(first).filter(([name, value]) => {
      const text = JSON.stringify(value);
      return others.every((other) => JSON.stringify(other[name]) === text);
    }),
  );
}

function isList(given: ImageTensor | readonly ImageTensor[]): given is readonly ImageTensor[] {
  return Array.isArray(given);
}
