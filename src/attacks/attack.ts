/** @file What all attacks have in common: what they are, what they are given, and what they return. */
import type { Classifier } from "../classifier/classifier.ts";
import type { Classification } from "../classifier/logits.ts";
import type { Layer } from "../classifier/network/layers.ts";
import type { ImageTensor } from "../image/picture.ts";
import type { Cost } from "../options/cost.ts";
import type { OptionSchema, OptionsOf, ValuesOf } from "../options/schema.ts";
import type { Random } from "../random/random.ts";
import type { FloatTensor } from "../tensor/tensor.ts";
import type { CommonAttackOptions, CommonAttackValues } from "./attack-options.ts";
import type { Budget } from "./budget.ts";
import type { Distances } from "./distances.ts";
import type { Goal } from "./goal.ts";
import type { Observer } from "./observer.ts";

/** An image that an attack found, with what the classifier says of it in a run of its own. */
export interface Adversarial extends Classification {
  /** [C, H, W], pixels. */
  readonly image: ImageTensor;
  /** Whether the label is no longer (or, targeted, is at last) the class. */
  readonly success: boolean;
  /** The softmax of the class attacked (targeted: the class to reach). */
  readonly classConfidence: number;
  /** C_i − max_{j≠i} C_j for the class attacked; targeted, max_{j≠t} C_j − C_t. Negative where the attack succeeds. */
  readonly margin: number;
  /**
   * From the clean image, in pixels: `l0` counts pixels, not channels. `perceptual` is the mean over the layers compared of
   * ‖C⁽ˡ⁾(x') − C⁽ˡ⁾(x)‖² / ‖C⁽ˡ⁾(x)‖², without unit; 0 where no layers are compared. `lpips` is the root of LPIPS without learned weights, in the last
   * activation of each resolution, where it was asked for.
   */
  readonly distances: Distances & { readonly perceptual: number; readonly lpips?: number };
}

/** All that can become of an attack. */
export const attackOutcomes = ["flipped", "over-budget", "not-flipped", "already-flipped"] as const;

/** How an attack ended. `over-budget`: only before the image was clipped to the budget and to [0, 1]. */
export type AttackEnding = (typeof attackOutcomes)[number];

/** What an attack made of one image. `F` is what only this attack knows. */
export interface AttackResult<F = unknown> {
  readonly attack: string;
  readonly outcome: AttackEnding;
  /** The class attacked. */
  readonly label: number;
  readonly target: number | undefined;
  readonly clean: Classification;
  /** As the search left it. */
  readonly raw: Adversarial;
  /** Clipped to the budget (where the attack has one) and to [0, 1]. */
  readonly withinBudget: Adversarial;
  /** What a PNG keeps: {@link withinBudget} in 8 bits per channel, farther from the clean image where `rounding` lets it and the nearest levels lose the success. */
  readonly rounded: Adversarial;
  /** Whether rounding to 8 bits undoes a success. */
  readonly lostInRounding: boolean;
  /** Pixels of {@link raw} less those of the clean image, [C, H, W]. */
  readonly perturbation: ImageTensor;
  /** The runs of the network for this image. */
  readonly cost: Cost;
  /** The settings that were in force; JSON. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** What only this attack knows, as JSON, for records. */
  readonly details: Readonly<Record<string, unknown>>;
  /** What only this attack knows, in its own type. Undefined where it knows nothing besides, or had nothing to do and says nothing of it. */
  readonly found: F | undefined;
}

/** One image to attack. */
export interface AttackTask {
  /** Which of the images given. */
  readonly index: number;
  /** Flat [C, H, W], pixels. */
  readonly image: Float32Array;
  readonly shape: ImageTensor["shape"];
  /** The class to leave; also known where there is a target. */
  readonly label: number;
  readonly target: number | undefined;
  readonly goal: Goal;
  readonly clean: Classification;
  /** Of the clean image: the values of the layers that the search asks for, flat. */
  readonly activations: readonly Float32Array[];
  readonly random: Random;
  /** Where pixels may change, [H, W]; undefined: everywhere. Gradients that the classifier gives are 0 outside already. */
  readonly mask: FloatTensor | undefined;
}

/** What a search found for one task. */
export interface SearchResult<F = unknown> {
  /** Flat [C, H, W], pixels; not necessarily within the budget. */
  readonly point: Float32Array;
  readonly cost: Cost;
  /** JSON, for records. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly found?: F;
}

export interface SearchContext {
  readonly classifier: Classifier;
  /** The batch of the sessions to use; there are at most so many tasks. */
  readonly batch: number;
  readonly signal: AbortSignal | undefined;
  /** To be called after gradients of images have been computed, with their number. */
  readonly onGradients: (count: number) => void;
}

/** A search with all of its options filled in. */
export interface AttackSearch<F = unknown> {
  /** The ball that adversarial images are clipped to; undefined: [0, 1] alone. */
  readonly budget?: Budget;
  /** What is in force, complete; JSON. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** The most gradients that one image takes, for progress. */
  readonly gradients: number;
  /** Layers whose values at the clean image the search needs; default none. */
  readonly layers?: readonly Layer[];
  /** Sees images as the search does itself, for callers who want the distances in the search's own layers. */
  observe?(batch: number): Promise<Observer>;
  /** One answer per task, in order. */
  run(tasks: readonly AttackTask[], context: SearchContext): Promise<SearchResult<F>[]>;
  /** What is known of an image that has reached the goal as it is; default nothing. */
  untouched?(task: AttackTask): F;
}

/** An attack: its options, and the search that they stand for. */
export interface AttackDefinition<N extends string, S extends OptionSchema, F> {
  /** As on the command line: kebab-case. */
  readonly name: N;
  /** As in a table's heading. */
  readonly title: string;
  /** Where it comes from: authors, title, year. */
  readonly source: string;
  /** One sentence. */
  readonly summary: string;
  /** Raised whenever results change. */
  readonly version: number;
  /** What it sees of a network, where that is less than gradients: logits or other scores, or the label alone. Then it runs on whatever answers. */
  readonly sees?: "scores" | "labels";
  /** Whether it is bounded by an LPIPS distance, which its results then say unless the caller wants none. Default false. */
  readonly isBoundedByLpips?: boolean;
  /** Its options besides those of every attack. An option `epsilon` is the radius of the budget. */
  readonly options: S;
  /**
   * The search that `options` stand for on this network; `common` are the options of every attack. Throws a MisuseError for options that
   * cannot be meant.
   */
  search(options: ValuesOf<S>, classifier: Classifier, common: CommonAttackValues): AttackSearch<F>;
}

/** Options of every attack and, under the names that {@link AnyAttack.options} lists, an attack's own, which are checked as it runs. */
export type AnyAttackOptions = CommonAttackOptions & Readonly<Record<string, unknown>>;

/** Any attack, for callers to whom it is given by name: its options are checked as it runs. */
export interface AnyAttack extends Omit<AttackDefinition<string, OptionSchema, unknown>, "search"> {
  /** The names of its presets, the default first; none if it has none. */
  readonly presets: readonly string[];
  /** Throws the MisuseError that {@link run} would throw for `options`, before any image is at hand. */
  check(classifier: Classifier, options?: AnyAttackOptions): void;
  /** As {@link Attack.attack}, for a list of images and one epsilon. */
  run(classifier: Classifier, images: readonly ImageTensor[], options?: AnyAttackOptions): Promise<AttackResult[]>;
}

/** One image, or several. */
export type Images = ImageTensor | readonly ImageTensor[];
/** One radius, or several. */
export type Epsilons = number | readonly number[];
/** A result for one image, a list of them for a list. */
export type PerImage<I extends Images, R> = I extends readonly unknown[] ? R[] : R;
/** What there is for one radius, a list of it for several. */
export type PerEpsilon<E extends Epsilons, R> = E extends readonly unknown[] ? R[] : R;

/** The options of an attack with the schema `S`: those of every attack, its own, and as `epsilon` one radius or several. */
export type AttackOptionsOf<S extends OptionSchema, E extends Epsilons = number> = CommonAttackOptions &
  OptionsOf<Omit<S, "epsilon">> &
  ("epsilon" extends keyof S ? { readonly epsilon?: E | undefined } : unknown);

/** An attack as `defineAttack` makes it. */
export interface Attack<N extends string, S extends OptionSchema, F = unknown> extends AnyAttack {
  readonly name: N;
  readonly options: S;
  /**
   * What the attack makes of `images` [C, H, W], pixels in [0, 1] at the network's size: of one image a result, of a list a list in its
   * order, of several epsilons a list with an entry for each, as calls of their own would give.
   *
   * Up to `batch` images share each run of the network; a result depends neither on the other images nor on their order. Images that do
   * not have the label come back as they are. Not to flip the label is an outcome, not an error. Throws a MisuseError for options and
   * images that cannot be meant, before anything runs, and an AbortedError when `signal` aborts.
   */
  attack<const I extends Images, E extends Epsilons = number>(
    classifier: Classifier,
    images: I,
    options?: AttackOptionsOf<S, E>,
  ): Promise<PerEpsilon<E, PerImage<I, AttackResult<F>>>>;
}
