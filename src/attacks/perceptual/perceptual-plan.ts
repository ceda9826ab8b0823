/** @file What the options of the perceptual attack stand for: presets, weights, layers and limits, checked. */
import type { Classifier } from "../../classifier/classifier.ts";
import type { Layer, LayerSelector } from "../../classifier/network/layers.ts";
import type { Space } from "../../classifier/passes/objective-graph.ts";
import { MisuseError, numberIn, oneOf } from "../../errors.ts";
import { checkEpsilon, paperEpsilon } from "../budget.ts";
import { automaticLayers, detectionLayers, paperLayers, releasedLayers } from "./perceptual-layers.ts";

export const perceptualPresets = ["auto", "paper", "released", "detection"] as const;
export type PerceptualPreset = (typeof perceptualPresets)[number];

export const constraints = ["none", "range", "ball"] as const;
/**
 * Where the perturbed image may go (section 3): anywhere; within the range of values of the clean image; or within an ℓ∞ ball of
 * radius epsilon around it. The last two stay within [0, 1] as well.
 */
export type Constraint = (typeof constraints)[number];

export interface PerceptualOptions {
  /**
   * `auto` (default): scale-free weights, and the largest strength of the perceptual term that still flips the label.
   * `paper`: sums of squares, the paper's layers, constraint `range`. `released`: the published code: means of squares in the
   * network's normalized space, γ = 10⁴, λ = 1, T = −2, 100 iterations of L-BFGS without line search, history 100, no constraint.
   * `detection`: section 5 of the paper: sums of squares in an ℓ∞ ball of 8/255, 20 evaluations by L-BFGS without line search, the
   * best of which counts, and the layers {5, 10, 15}. The paper gives neither T nor the weights: T = −2, a hundredth of the λ' of `paper`,
   * with which labels flip in 20 evaluations, and its λ.
   */
  readonly preset?: PerceptualPreset;
  /** The class whose margin is reduced: a number or a name. Default: the predicted class. */
  readonly label?: string | number;
  /** The class to reach instead: a counterfactual "why this and not …?". Default: any other class. */
  readonly target?: string | number;
  readonly layers?: readonly LayerSelector[];
  /** T, negative: how far behind the decision boundary to aim, in logits. Default: −2; `auto`: a tenth of the logits' spread. */
  readonly margin?: number;
  /** λ' (γ in the released code). Given with `auto`, there is no search. */
  readonly perceptualWeight?: number;
  /** λ. */
  readonly distanceWeight?: number;
  /** Whether squared differences are summed, as in the paper, or averaged over the elements, as in the released code. */
  readonly reduction?: "sum" | "mean";
  /** L-BFGS iterations; default 100. Not used by the search of `auto`. */
  readonly iterations?: number;
  /** Evaluations of the objective and its gradient in all; default 150 for `auto`, else what the iterations need. */
  readonly evaluations?: number;
  /** Curvature pairs that L-BFGS keeps; default 10, `released` 100. */
  readonly history?: number;
  readonly constraint?: Constraint;
  /** Radius of the ball, in [0, 1] pixels; default 8/255. */
  readonly epsilon?: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { readonly evaluations: number; readonly of: number }) => void;
}

/** The names of {@link PerceptualOptions} that say how to search. */
export const perceptualOptionKeys = [
  "preset",
  "layers",
  "margin",
  "perceptualWeight",
  "distanceWeight",
  "reduction",
  "iterations",
  "evaluations",
  "history",
  "constraint",
  "epsilon",
] as const satisfies readonly (keyof PerceptualOptions)[];

/** The settings that were in force, as numbers and names. */
export interface PerceptualSettings {
  readonly preset: PerceptualPreset;
  readonly layers: readonly string[];
  readonly space: Space;
  readonly marginTarget: number;
  readonly reduction: "sum" | "mean" | "relative";
  /** λ' as given, or γ as found by the search. */
  readonly perceptualWeight: number;
  /** λ'_l as used in equation (4), in sums of squares. */
  readonly layerWeights: readonly number[];
  readonly distanceWeight: number;
  readonly iterations: number | undefined;
  readonly evaluations: number;
  readonly history: number;
  readonly lineSearch: "none" | "armijo";
  readonly constraint: Constraint;
  readonly epsilon: number | undefined;
}

/** The released code's γ, for means of squares. */
const releasedWeight = 10_000;
/** That of `detection`, likewise: the strongest power of ten with which nearly all labels flip within 20 evaluations. */
const detectionWeight = 100;

/** The options with every default filled in that does not depend on the image. */
export interface PerceptualPlan {
  readonly preset: PerceptualPreset;
  readonly layers: readonly Layer[];
  readonly space: Space;
  /** Undefined: a share of the spread of the clean logits. */
  readonly marginTarget: number | undefined;
  readonly search: boolean;
  readonly reduction: "sum" | "mean" | "relative";
  readonly perceptualWeight: number;
  readonly distanceWeight: number;
  readonly iterations: number;
  readonly evaluations: number;
  readonly history: number;
  readonly lineSearch: "none" | "armijo";
  readonly constraint: Constraint;
  readonly epsilon: number;
}

/** Throws a MisuseError for options that cannot be meant, in the name of `where`. */
export function perceptualPlan(where: string, classifier: Classifier, options: PerceptualOptions): PerceptualPlan {
  const preset = oneOf(`${where}: preset`, options.preset ?? "auto", perceptualPresets);
  const positive = { min: 1, integer: true };
  const reduction =
    options.reduction === undefined
      ? undefined
      : oneOf(`${where}: reduction`, options.reduction, ["sum", "mean"] as const);
  const marginTarget = options.margin ?? (preset === "auto" ? undefined : -2);
  if (marginTarget !== undefined && !(marginTarget < 0)) {
    throw new MisuseError({
      where: `${where}: margin`,
      what: "the target lies on the clean side of the boundary",
      expected: "a negative number of logits",
      got: String(marginTarget),
      advice: 'The paper\'s "T > 0" is a slip of sign: a flipped label has a margin below 0.',
    });
  }
  const search = preset === "auto" && options.perceptualWeight === undefined && reduction === undefined;
  const effective =
    reduction ?? ({ auto: "relative", paper: "sum", released: "mean", detection: "sum" } as const)[preset];
  const layers =
    options.layers !== undefined
      ? classifier.selectLayers(options.layers)
      : { auto: automaticLayers, paper: paperLayers, released: releasedLayers, detection: detectionLayers }[preset](
          classifier,
        );
  const elements = (layer: Layer): number => layer.shape.slice(1).reduce((a, b) => a * b, 1);
  const averageElements = layers.reduce((sum, layer) => sum + elements(layer), 0) / Math.max(1, layers.length);
  const imageElements = classifier.input.channelCount * classifier.input.height * classifier.input.width;
  // The paper has one λ' and one λ for sums of squares: those under which the terms are as large as the released code's means.
  const defaultWeights = {
    relative: [1, 0],
    mean: [releasedWeight, 1],
    sum: [(preset === "detection" ? detectionWeight : releasedWeight) / averageElements, 1 / imageElements],
  }[effective];
  const iterations = numberIn(
    `${where}: iterations`,
    options.iterations ?? (preset === "detection" ? 20 : 100),
    positive,
  );
  const lineSearch = preset === "released" || preset === "detection" ? "none" : "armijo";
  // Torch leaves the point of the last iteration unevaluated, so that 20 iterations are 20 evaluations, as many as PGD's.
  const evaluationsBeside = { none: preset === "detection" ? 0 : 1, armijo: Math.ceil(iterations / 4) }[lineSearch];
  return {
    preset,
    layers,
    space: preset === "released" ? "network" : "pixels",
    marginTarget: marginTarget === undefined ? undefined : numberIn(`${where}: margin`, marginTarget),
    search,
    reduction: effective,
    perceptualWeight: numberIn(`${where}: perceptualWeight`, options.perceptualWeight ?? defaultWeights[0], { min: 0 }),
    distanceWeight: numberIn(`${where}: distanceWeight`, options.distanceWeight ?? defaultWeights[1], { min: 0 }),
    iterations,
    evaluations: numberIn(
      `${where}: evaluations`,
      options.evaluations ?? (search ? 150 : 3 + iterations + evaluationsBeside),
      { min: 5, integer: true },
    ),
    history: numberIn(`${where}: history`, options.history ?? (preset === "released" ? 100 : 10), positive),
    lineSearch,
    constraint: oneOf(
      `${where}: constraint`,
      options.constraint ?? ({ auto: "range", paper: "range", released: "none", detection: "ball" } as const)[preset],
      constraints,
    ),
    epsilon: checkEpsilon(where, options.epsilon ?? paperEpsilon),
  };
}
