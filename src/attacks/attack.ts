/** @file What all attacks have in common: their options, what they return, and how they are described. */
import type { Classifier } from "../classifier/classifier.ts";
import type { Classification } from "../classifier/logits.ts";
import type { Layer, LayerSelector } from "../classifier/network/layers.ts";
import type { ImageTensor } from "../image/picture.ts";
import type { Random } from "../random/random.ts";
import type { Budget } from "./budget.ts";
import type { Distances } from "./distances.ts";

export interface AttackProgress {
  /** Images that are done, of `of`. */
  readonly images: number;
  readonly of: number;
  /** Gradients computed so far, counted per image. */
  readonly gradients: number;
}

/** The options that every attack takes. */
export interface AttackOptions {
  /** The class to leave, number or name, one per image. Default: the predicted class of each. */
  readonly labels?: readonly (string | number)[];
  /** The class to reach, one per image. Default: any other class. */
  readonly targets?: readonly (string | number)[];
  /** Images per run of the network. Default: at most 64, fewer for large images. */
  readonly batch?: number;
  /** The random numbers of image i, so that its result does not depend on the others. Default: a fixed seed, and i. */
  readonly random?: (image: number) => Random;
  /**
   * How pixels become bytes: "nearest" (default), or "keep", which rounds away from the clean image where rounding to the
   * nearest level loses the success.
   */
  readonly rounding?: "nearest" | "keep";
  /** The layers of the perceptual distance that results report. Default: those of the preset `auto` of the perceptual attack. */
  readonly distanceLayers?: readonly LayerSelector[];
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: AttackProgress) => void;
}

/** The names of {@link AttackOptions}. */
export const attackOptionKeys = [
  "labels",
  "targets",
  "batch",
  "random",
  "rounding",
  "distanceLayers",
  "signal",
  "onProgress",
] as const satisfies readonly (keyof AttackOptions)[];

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
   * ‖C⁽ˡ⁾(x') − C⁽ˡ⁾(x)‖² / ‖C⁽ˡ⁾(x)‖², without unit.
   */
  readonly distances: Distances & { readonly perceptual: number };
}

/** How an attack ended, a sentence each. */
export const attackEndings = {
  flipped: "The label is flipped within the budget.",
  "over-budget": "The label is flipped, but no longer when the image is clipped to the budget. Allow a larger epsilon.",
  "not-flipped": "The label is not flipped. Allow a larger epsilon or more steps, or try another attack.",
  "already-flipped": "The clean image does not have this label (or has the target already), so nothing had to change.",
} as const;

export type AttackEnding = keyof typeof attackEndings;

export interface AttackResult {
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
  /** What a PNG keeps: {@link withinBudget} in 8 bits per channel. */
  readonly rounded: Adversarial;
  /** Whether rounding to 8 bits undoes a success. */
  readonly lostInRounding: boolean;
  /** Runs of the network for this image, alone (`forward`) and with the gradient of something (`gradient`). */
  readonly evaluations: { readonly forward: number; readonly gradient: number };
  /** The settings that were in force; JSON. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** What only this attack knows; JSON. */
  readonly details: Readonly<Record<string, unknown>>;
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
  readonly clean: Classification;
  /** Of the clean image: the values of the layers that the plan asks for, flat. */
  readonly activations: readonly Float32Array[];
  readonly random: Random;
}

/** What a search found for one task. */
export interface Found {
  /** Flat [C, H, W], pixels; not necessarily within the budget. */
  readonly point: Float32Array;
  readonly evaluations: { readonly forward: number; readonly gradient: number };
  readonly details?: Readonly<Record<string, unknown>>;
}

export interface SearchContext {
  readonly classifier: Classifier;
  /** The batch of the sessions to use; there are at most so many tasks. */
  readonly batch: number;
  readonly signal: AbortSignal | undefined;
  /** To be called after each gradient of an image that was computed. */
  readonly onGradients: (count: number) => void;
}

/** An attack with all of its options checked and its defaults filled in. */
export interface AttackPlan {
  readonly budget: Budget | undefined;
  readonly settings: Readonly<Record<string, unknown>>;
  /** Layers whose values at the clean image the search needs; default none. */
  readonly layers?: readonly Layer[];
  /** One answer per task, in order. */
  search(tasks: readonly AttackTask[], context: SearchContext): Promise<Found[]>;
}

/** An attack as the registry holds it. */
export interface AttackMethod<O extends AttackOptions = AttackOptions> {
  readonly name: string;
  readonly title: string;
  readonly source: string;
  /** One sentence. */
  readonly summary: string;
  /** Raised whenever results change. */
  readonly version: number;
  /** The names of its presets, the default first. */
  readonly presets: readonly string[];
  /** The names of its options besides {@link AttackOptions}. */
  readonly optionKeys: readonly string[];
  /** Throws a MisuseError for options that cannot be meant. */
  plan(classifier: Classifier, options: O): AttackPlan;
}
