/** @file Several methods on one image: what they have in common is computed once. */
import { checkClassifier } from "../classifier/check-arguments.ts";
import type { Classifier } from "../classifier/classifier.ts";
import type { Classification } from "../classifier/logits.ts";
import { AbortedError, checkForm, checkKeys } from "../errors.ts";
import type { ImageTensor } from "../image/picture.ts";
import { totalCost } from "../options/cost.ts";
import { completeOptions } from "../options/schema.ts";
import type { Explanation, MethodOptions, Perturbation, SaliencyMethod } from "./method.ts";

/** An explanation with what it took. */
export interface TimedExplanation {
  readonly explanation: Explanation;
  /** What the map was made of, where the method changes the image. */
  readonly perturbation: Perturbation | undefined;
  /** Of the method alone: the search of a perturbation counts for each map that is made of it, the classification for none. */
  readonly seconds: number;
}

export interface Explainer {
  /** What the classifier says of the image; it runs once, or not at all where a search has found it out already. */
  classify(options?: Pick<MethodOptions, "signal">): Promise<Classification>;
  /** The explanation by `method` with its own `settings`. Throws a MisuseError for settings that it does not have. */
  explain(
    method: SaliencyMethod,
    settings?: Readonly<Record<string, unknown>>,
    options?: Pick<MethodOptions, "random" | "signal" | "onProgress">,
  ): Promise<TimedExplanation>;
}

/**
 * Puts one question (`label`, `target`) about `image`, pixels [C, H, W], to any number of methods. The image is classified once, and
 * methods of one search and equal settings share one perturbation. With `smoothing`, maps are smoothed; a perturbation is that of the image itself.
 */
export function createExplainer(
  classifier: Classifier,
  image: ImageTensor,
  question: Pick<MethodOptions, "label" | "target" | "batch" | "mask" | "smoothing"> = {},
): Explainer {
  checkKeys("createExplainer", question, ["label", "target", "batch", "mask", "smoothing"]);
  checkClassifier("createExplainer", classifier);
  const perturbations = new Map<string, Promise<Timed<Perturbation>>>();
  let clean: Classification | undefined;
  const classify: Explainer["classify"] = async (options) => {
    checkKeys("createExplainer: classify", options, ["signal"]);
    clean ??= await classifier.classify(image, options);
    return clean;
  };
  /** The perturbation that `search` finds, or that somebody has found or looks for by it. */
  const shared = async (
    key: string,
    search: () => Promise<Perturbation>,
    signal: AbortSignal | undefined,
  ): Promise<Timed<Perturbation>> => {
    for (;;) {
      const others = perturbations.get(key);
      const found = others ?? timed(search);
      perturbations.set(key, found);
      try {
        return await found;
      } catch (error) {
        // A search that failed or was aborted is not kept. That somebody else's was aborted is no reason to end.
        if (perturbations.get(key) === found) perturbations.delete(key);
        if (others === undefined || !(error instanceof AbortedError) || signal?.aborted === true) throw error;
      }
    }
  };
  return {
    classify,
    async explain(method, settings = {}, options = {}) {
      checkKeys("createExplainer: explain", options, ["random", "signal", "onProgress"]);
      checkForm("createExplainer: method", method, ["name", "settings", "explain"]);
      const { name, perturbing } = method;
      // Only the method's own: a setting called label is none.
      const own = completeOptions(name, method.settings, settings);
      if (perturbing === undefined) {
        const label = question.label ?? (await classify({ signal: options.signal })).label;
        const asked = { ...settings, ...question, ...options, label };
        const { value, seconds } = await timed(() => method.explain(classifier, image, asked));
        return { explanation: value, perturbation: undefined, seconds };
      }
      const key = JSON.stringify([perturbing.search, own]);
      const search = (): Promise<Perturbation> =>
        perturbing.perturb(classifier, image, { ...settings, ...question, ...options });
      const { value: perturbation, seconds: before } = await shared(key, search, options.signal);
      clean ??= perturbation.clean;
      const { value, seconds } = await timed(async () => {
        const found = await perturbing.mapOf(classifier, image, perturbation, { signal: options.signal });
        if (question.smoothing === undefined) return found;
        const { label } = perturbation;
        const smoothed = await method.explain(classifier, image, { ...settings, ...question, ...options, label });
        return {
          ...found,
          map: smoothed.map,
          evaluations: totalCost(found.evaluations, smoothed.evaluations),
          settings: { ...found.settings, smoothing: smoothed.settings.smoothing },
        };
      });
      return { explanation: value, perturbation, seconds: before + seconds };
    },
  };
}

interface Timed<T> {
  readonly value: T;
  readonly seconds: number;
}

async function timed<T>(work: () => Promise<T>): Promise<Timed<T>> {
  const started = performance.now();
  const value = await work();
  return { value, seconds: (performance.now() - started) / 1000 };
}
