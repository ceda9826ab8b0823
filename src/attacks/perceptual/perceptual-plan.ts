/** @file What the options of the perceptual attack stand for: presets, weights, layers and limits, checked. */
import type { Classifier } from "../../classifier/classifier.ts";
import type { Layer } from "../../classifier/network/layers.ts";
import type { ObjectiveSpace } from "../../classifier/passes/objective-graph.ts";
import type { Rounding } from "../attack-options.ts";
import { mostBytesFartherOut } from "../budget.ts";
import { automaticLayers, detectionLayers, paperLayers, releasedLayers } from "./perceptual-layers.ts";
import type { Constraint, PerceptualPreset, PerceptualValues } from "./perceptual-options.ts";

/** The settings that were in force, as numbers and names. */
export interface PerceptualSettings {
  readonly preset: PerceptualPreset;
  readonly layers: readonly string[];
  readonly space: ObjectiveSpace;
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

/** Of the search of `auto`, looks at the clean image and at the result included. */
const searchEvaluations = (rounding: Rounding): number => (rounding === "none" ? 150 : 52);

/** The options with every default filled in that does not depend on the image. */
export interface PerceptualPlan {
  readonly preset: PerceptualPreset;
  readonly layers: readonly Layer[];
  readonly space: ObjectiveSpace;
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
  /** Looks at images in bytes that may follow the search, besides that at the nearest levels. */
  readonly furtherLooks: number;
  readonly rounding: Rounding;
}

/** What complete options stand for on this network. Throws a MisuseError for layers that do not exist. */
export function perceptualPlan(
  classifier: Classifier,
  options: PerceptualValues,
  rounding: Rounding = "none",
): PerceptualPlan {
  const { preset, reduction, margin, perceptualWeight, epsilon } = options;
  const search = preset === "auto" && perceptualWeight === undefined && reduction === undefined;
  const effective =
    reduction ?? ({ auto: "relative", paper: "sum", released: "mean", detection: "sum" } as const)[preset];
  const layersOf = { auto: automaticLayers, paper: paperLayers, released: releasedLayers, detection: detectionLayers };
  const layers = options.layers === undefined ? layersOf[preset](classifier) : classifier.selectLayers(options.layers);
  const elements = (layer: Layer): number => layer.shape.slice(1).reduce((a, b) => a * b, 1);
  const total = layers.reduce((sum, layer) => sum + elements(layer), 0);
  // Without layers there is no term to weigh: the weight is that of one element, a number like any other in the settings.
  const averageElements = layers.length === 0 ? 1 : total / layers.length;
  const imageElements = classifier.input.channelCount * classifier.input.height * classifier.input.width;
  // The paper has one λ' and one λ for sums of squares: those under which the terms are as large as the released code's means.
  const [defaultWeight, defaultDistanceWeight] = {
    relative: [1, 0],
    mean: [releasedWeight, 1],
    sum: [(preset === "detection" ? detectionWeight : releasedWeight) / averageElements, 1 / imageElements],
  }[effective];
  const iterations = options.iterations ?? (preset === "detection" ? 20 : 100);
  const lineSearch = preset === "released" || preset === "detection" ? "none" : "armijo";
  // Torch leaves the point of the last iteration unevaluated, so that 20 iterations are 20 evaluations, as many as PGD's.
  const evaluationsBeside = { none: preset === "detection" ? 0 : 1, armijo: Math.ceil(iterations / 4) }[lineSearch];
  const constraint = ({ auto: "range", paper: "range", released: "none", detection: "ball" } as const)[preset];
  return {
    preset,
    layers,
    space: preset === "released" ? "network" : "pixels",
    marginTarget: margin ?? (preset === "auto" ? undefined : -2),
    search,
    reduction: effective,
    perceptualWeight: perceptualWeight ?? defaultWeight,
    distanceWeight: options.distanceWeight ?? defaultDistanceWeight,
    iterations,
    evaluations: options.evaluations ?? (search ? searchEvaluations(rounding) : 3 + iterations + evaluationsBeside),
    history: options.history ?? (preset === "released" ? 100 : 10),
    lineSearch,
    constraint: options.constraint ?? constraint,
    epsilon,
    rounding,
    furtherLooks: rounding === "keep" ? mostBytesFartherOut : 0,
  };
}
