/** @file What an explanation method is: one interface for all, so that the command line and the benchmarks treat them alike. */
import type { AttackResult } from "../attacks/attack.ts";
import { classForm, type Rounding } from "../attacks/attack-options.ts";
import { maskForm } from "../attacks/hold-to-mask.ts";
import type { Classifier } from "../classifier/classifier.ts";
import type { Classification } from "../classifier/logits.ts";
import type { ImageTensor } from "../image/picture.ts";
import type { ThresholdRule } from "../localization/threshold.ts";
import type { Cost } from "../options/cost.ts";
import { countOption, derived, valueOption } from "../options/option.ts";
import type { OnProgress } from "../options/progress.ts";
import type { OptionSchema, OptionsOf } from "../options/schema.ts";
import type { Random } from "../random/random.ts";
import type { SaliencyMap } from "./saliency-map.ts";
import { smoothingOption } from "./smoothing.ts";

const aFunction = <F>() => ({
  is: (value: unknown): value is F => typeof value === "function",
  expected: "a function",
});

/** The options that every method takes besides its own settings. */
export const methodOptions = {
  label: valueOption("The class that is explained.", { ...classForm, fallbackText: "the predicted one" }),
  target: valueOption(
    'Another class: "why the label and not this?" Methods that have no such question refuse it.',
    classForm,
  ),
  random: valueOption<Random>("The source of chance. Several images draw from it in order.", {
    ...aFunction<Random>(),
    fallbackText: "a fixed seed, for each image anew",
  }),
  batch: countOption("Images per run of the network, where a method evaluates many or several images are given.", {
    fallback: derived("the method's own choice; one for several images"),
  }),
  mask: valueOption(
    "Where pixels may change, [H, W] of the network's input: 1 inside, 0 outside. Of methods that change the image; others refuse it.",
    maskForm,
  ),
  smoothing: smoothingOption,
  signal: valueOption("Ends the call with an AbortedError.", {
    is: (value): value is AbortSignal => value instanceof AbortSignal,
    expected: "an AbortSignal",
  }),
  onProgress: valueOption<OnProgress>("Called as the work goes on.", aFunction<OnProgress>()),
} satisfies OptionSchema;

/** The options that every method takes besides its own settings. */
export type MethodOptions = OptionsOf<typeof methodOptions>;

/** What `explain` takes: the settings of the method and the options of all methods, in one object. */
export type ExplainOptions<S extends OptionSchema> = OptionsOf<S> & MethodOptions;

/** What a method found out besides the map, by name, as JSON. */
export type MethodDetails = Readonly<Record<string, unknown>>;

/** The details of a map that is smoothed: those in which the explanations of all copies agree, and the noise. */
export type SmoothedDetails<D extends MethodDetails> = Partial<D> & {
  /** The standard deviation of the noise, in pixels of [0, 1]. */
  readonly noiseDeviation?: number;
};

export interface Explanation<D extends MethodDetails = MethodDetails> {
  readonly map: SaliencyMap;
  /** The class that was explained. */
  readonly label: number;
  /** How often the network ran. */
  readonly evaluations: Cost;
  /** The settings in effect, complete, as JSON. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** What the method found out besides the map, as JSON: its outcome, how well an axiom held. Empty where there is nothing of the kind. */
  readonly details: D;
  /** The perturbation [C, H, W], in pixels, that the map is made of, where there is one. */
  readonly perturbation?: ImageTensor;
}

/** What a method that changes the image has found. The map is made of it. */
export interface Perturbation<
  D extends MethodDetails = MethodDetails,
  F extends PerturbationFacts | undefined = PerturbationFacts | undefined,
> {
  /** The class that was left, and the one that was to be reached. */
  readonly label: number;
  readonly target: number | undefined;
  /** Of the image as it was. */
  readonly clean: Classification;
  /** Adversarial less clean pixels, [C, H, W]. */
  readonly pixels: ImageTensor;
  /** The same in the numbers that were optimized over; `pixels` itself where those were pixels. */
  readonly optimized: ImageTensor;
  /** How often the network ran to find it. */
  readonly evaluations: Cost;
  readonly settings: Readonly<Record<string, unknown>>;
  /** How pixels become bytes where `facts` are left out. */
  readonly rounding?: Rounding;
  /** What only this search knows, as JSON. */
  readonly details: D;
  /** What the search measured of its own result; where it is left out, a few runs of the network tell. */
  readonly facts?: F;
}

/** What became of a perturbed image. */
export interface PerturbationFacts {
  readonly result: AttackResult;
  /** Why the search stopped, a sentence. */
  readonly solverOutcome?: string;
  /** The names of the layers that the perceptual distance compares; without them it was not measured. */
  readonly layers?: readonly string[];
}

/** What a method is called, and where it comes from. */
export interface MethodDescription<N extends string = string> {
  /** As on the command line: kebab-case. */
  readonly name: N;
  /** As in a table's heading. */
  readonly title: string;
  /** Where it comes from: authors, title, year. */
  readonly source: string;
  /** What the map shows, in one sentence. */
  readonly summary: string;
  /** Raised when the same settings no longer give the same map; results that were kept under another version do not count. */
  readonly version: number;
}

/** `ExplainOptions` of a map that is not smoothed. */
export type UnsmoothedOptions<S extends OptionSchema> = ExplainOptions<S> & { readonly smoothing?: undefined };

export interface SaliencyMethod<
  N extends string = string,
  S extends OptionSchema = OptionSchema,
  D extends MethodDetails = MethodDetails,
> extends MethodDescription<N> {
  /**
   * How its map becomes a box, unless a caller says otherwise: the rule with the least error on rendered Scenes that no test uses, on the
   * blurred map (`results/thresholds`).
   */
  readonly box: ThresholdRule;
  /** Its own settings. */
  readonly settings: S;
  /** What it sees of a network, where that is less than gradients and layers: class scores. Then it runs on whatever answers. */
  readonly sees?: "scores";
  /** Whether the map is the magnitude of a change of the image, or interest in it. */
  readonly shows: "change" | "interest";
  /** Throws the MisuseError that `explain` would throw for these options and this network, before any image is at hand. */
  check(classifier: Classifier, options?: ExplainOptions<S>): void;
  /** How often the network runs for one image, known in advance; of a search that may end early, at most. Throws as `check` does. */
  costOf(classifier: Classifier, options?: ExplainOptions<S>): Cost;
  /**
   * The map of `image` [C, H, W], pixels in [0, 1]; of several images, their maps in order, each the same as for the image alone. A
   * `batch` lets methods of one backward pass run that many images at once, where the last digits may differ. Throws a MisuseError
   * for options that cannot be meant.
   */
  explain(classifier: Classifier, image: ImageTensor, options?: UnsmoothedOptions<S>): Promise<Explanation<D>>;
  explain(
    classifier: Classifier,
    images: readonly ImageTensor[],
    options?: UnsmoothedOptions<S>,
  ): Promise<Explanation<D>[]>;
  explain(
    classifier: Classifier,
    image: ImageTensor,
    options?: ExplainOptions<S>,
  ): Promise<Explanation<SmoothedDetails<D>>>;
  explain(
    classifier: Classifier,
    images: readonly ImageTensor[],
    options?: ExplainOptions<S>,
  ): Promise<Explanation<SmoothedDetails<D>>[]>;
  /** Of a method that changes the image: how it does, apart from the map. */
  readonly perturbing?: Perturbing<S>;
}

/** The two halves of a method that changes the image; other methods may make other maps of the same perturbation. */
export interface Perturbing<S extends OptionSchema = OptionSchema> {
  /** The name of the search. Methods of one search and one schema of settings find the same perturbations. */
  readonly search: string;
  /** Runs of the network for a map, besides those of the search. */
  readonly mapCost: Cost;
  /** The perturbation of `image` [C, H, W]. */
  perturb(classifier: Classifier, image: ImageTensor, options?: ExplainOptions<S>): Promise<Perturbation>;
  /** The explanation that the method makes of a perturbation of `image`; its evaluations count those of the search. */
  mapOf(
    classifier: Classifier,
    image: ImageTensor,
    perturbation: Perturbation,
    options?: Pick<MethodOptions, "signal">,
  ): Promise<Explanation>;
}
