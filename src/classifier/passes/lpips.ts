/** @file The LPIPS distance as passes: how far images are from others in a network's own features, alone and with the gradient of an objective. */
import { finiteLogits } from "../logits.ts";
import type { Layer } from "../network/layers.ts";
import { lpipsNames } from "./lpips-graph.ts";
import { objectiveInputs as inputs, objectiveOutputs as outputs } from "./objective-graph.ts";
import { type Feed, type OpenGraph, openPass, type Pass } from "./pass.ts";
import { marginFeeds } from "./passes.ts";

/** An image, and the features of the one that it is compared with. */
export interface LpipsDistanceInput {
  /** Flat [C, H, W], pixels in [0, 1]. */
  readonly image: Float32Array;
  /** The values of the layers, flat, as a pass gives them. */
  readonly features: readonly Float32Array[];
}

export interface LpipsDistanceEvaluation {
  readonly logits: Float32Array;
  /** The root of LPIPS without learned weights. */
  readonly distance: number;
  /** The values of the layers at the image, flat. */
  readonly features: readonly Float32Array[];
}

/** What is lowered: μ max(M, m) + λ max(d − b, 0), M being the margin of the class and d the distance. */
export interface LpipsTerms {
  readonly classIndex: number;
  /** Whether the class is to be reached rather than left. Default false. */
  readonly targeted?: boolean;
  /** μ. */
  readonly marginWeight: number;
  /** m; −10³⁰ where every margin counts. */
  readonly marginFloor: number;
  /** λ. */
  readonly distanceWeight: number;
  /** b. */
  readonly bound: number;
}

export interface LpipsInput extends LpipsDistanceInput {
  readonly terms: LpipsTerms;
}

export interface LpipsEvaluation extends LpipsDistanceEvaluation {
  readonly margin: number;
  /** Of the terms, with respect to the image, flat [C, H, W]. */
  readonly gradient: Float32Array;
}

/** The LPIPS distances of images. */
export type LpipsDistancePass = Pass<LpipsDistanceInput, LpipsDistanceEvaluation>;
/** The same with the gradient of terms that are chosen for each image. */
export type LpipsPass = Pass<LpipsInput, LpipsEvaluation>;

/** The distances of up to `most` images at once. */
export function lpipsDistancePass(open: OpenGraph, most: number, layers: readonly Layer[]): LpipsDistancePass {
  return openPass(open, { most, ...distancePlan<LpipsDistanceInput>(open, layers) });
}

/** The distances of up to `most` images at once, with gradients. */
export function lpipsPass(open: OpenGraph, most: number, layers: readonly Layer[], classCount: number): LpipsPass {
  const { feeds, fetches, read } = distancePlan<LpipsInput>(open, layers);
  const number = (of: (terms: LpipsTerms) => number): Feed<LpipsInput> => ({ row: ({ terms }) => [of(terms)] });
  return openPass(open, {
    most,
    feeds: {
      ...feeds,
      ...marginFeeds<LpipsInput>(({ terms }) => terms, classCount),
      [lpipsNames.marginWeight]: number(({ marginWeight }) => marginWeight),
      [lpipsNames.marginFloor]: number(({ marginFloor }) => marginFloor),
      [lpipsNames.distanceWeight]: number(({ distanceWeight }) => distanceWeight),
      [lpipsNames.bound]: number(({ bound }) => bound),
    },
    fetches: [...fetches, outputs.margin, outputs.gradient],
    read: (row) => ({ ...read(row), margin: row(outputs.margin)[0], gradient: row(outputs.gradient) }),
  });
}

function distancePlan<In extends LpipsDistanceInput>(open: OpenGraph, layers: readonly Layer[]) {
  const references = layers.map((_, l): [string, Feed<In>] => [
    inputs.reference(l),
    { row: ({ features }) => features[l], per: ({ features }) => features[l] },
  ]);
  return {
    feeds: { [inputs.image]: { row: ({ image }: In) => image }, ...Object.fromEntries(references) },
    fetches: [...new Set([outputs.logits, lpipsNames.distance, ...layers.map(({ name }) => name)])],
    read: (row: (output: string) => Float32Array): LpipsDistanceEvaluation => ({
      logits: finiteLogits(row(outputs.logits), open.where),
      distance: row(lpipsNames.distance)[0],
      features: layers.map(({ name }) => row(name)),
    }),
  };
}
