/** @file The objective of the paper as passes: images in; value, margin, distances, logits and gradient out. */
import { finiteLogits } from "../logits.ts";
import type { Layer } from "../network/layers.ts";
import { objectiveInputs as inputs, objectiveOutputs as outputs } from "./objective-graph.ts";
import { type Feed, type OpenGraph, openPass, type Pass } from "./pass.ts";
import { marginFeeds, rowSizeOf } from "./passes.ts";

/** What the objective compares with: a clean image [C, H, W] (in the objective's space), its features and its logits. */
export interface ObjectiveReference {
  readonly image: Float32Array;
  /** Of each layer, flat. */
  readonly features: readonly Float32Array[];
  readonly logits: Float32Array;
}

/** The parameters of equation (4) for one image. */
export interface ObjectiveProblem {
  readonly reference: ObjectiveReference;
  /** The class i of the margin. */
  readonly classIndex: number;
  /** Whether the class is to be reached rather than left; turns the margin's sign. Default false. */
  readonly targeted?: boolean;
  /** T, negative: how far behind the decision boundary to go. */
  readonly marginTarget: number;
  /** μ. Default 1. */
  readonly marginWeight?: number;
  /** λ'_l, one per layer. */
  readonly layerWeights: readonly number[];
  /** λ. */
  readonly distanceWeight: number;
}

export interface ObjectiveInput {
  /** Flat [C, H, W], in the objective's space. */
  readonly image: Float32Array;
  readonly problem: ObjectiveProblem;
}

export interface ObjectiveEvaluation {
  /** The objective, summed up in float64 from its terms. */
  readonly value: number;
  /** Its gradient with respect to the image, flat [C, H, W]. */
  readonly gradient: Float32Array;
  /** Not checked: they may be infinite or NaN, and so may everything that is computed from them. */
  readonly logits: Float32Array;
  /** M: negative once the label is no longer (or, targeted, is at last) the class. */
  readonly margin: number;
  /** ‖C⁽ˡ⁾(x') − C⁽ˡ⁾(x)‖² of each layer. */
  readonly layerDistances: readonly number[];
  /** ‖x' − x‖². */
  readonly distance: number;
}

/** Objective (4) at images, each with its own problem. */
export type ObjectivePass = Pass<ObjectiveInput, ObjectiveEvaluation>;
/** Clean images [C, H, W], in the objective's space, with what is compared with later. */
export type ReferencePass = Pass<Float32Array, ObjectiveReference>;

/** The objective of up to `most` images at once. */
export function objectivePass(
  open: OpenGraph,
  most: number,
  layers: readonly Layer[],
  classCount: number,
): ObjectivePass {
  const distances = layers.length === 0 ? [] : [outputs.layerDistances];
  return openPass(open, {
    most,
    feeds: {
      [inputs.image]: { row: ({ image }) => image },
      ...problemFeeds<ObjectiveInput>(({ problem }) => problem, layers.length, classCount),
    },
    fetches: [outputs.margin, outputs.distance, outputs.logits, outputs.gradient, ...distances],
    read(row, { problem }) {
      const { marginTarget, marginWeight = 1, layerWeights, distanceWeight } = problem;
      const [margin, distance] = [row(outputs.margin)[0], row(outputs.distance)[0]];
      const layerDistances = layers.length === 0 ? [] : Array.from(row(outputs.layerDistances));
      let value = marginWeight * (margin - marginTarget) ** 2 + distanceWeight * distance;
      layerDistances.forEach((d, l) => {
        value += layerWeights[l] * d;
      });
      return {
        value,
        gradient: row(outputs.gradient),
        logits: row(outputs.logits),
        margin,
        layerDistances,
        distance,
      };
    },
  });
}

/** The references of up to `most` images at once; it runs the objective's graph, which thus need not be made twice. */
export function referencePass(
  open: OpenGraph,
  most: number,
  layers: readonly Layer[],
  classCount: number,
): ReferencePass {
  const nothing: ObjectiveProblem = {
    reference: {
      image: new Float32Array(rowSizeOf(open, inputs.referenceImage)),
      features: layers.map((_, l) => new Float32Array(rowSizeOf(open, inputs.reference(l)))),
      logits: new Float32Array(classCount),
    },
    classIndex: 0,
    marginTarget: 0,
    layerWeights: layers.map(() => 0),
    distanceWeight: 0,
  };
  return openPass(open, {
    most,
    feeds: {
      [inputs.image]: { row: (image) => image },
      ...problemFeeds<Float32Array>(() => nothing, layers.length, classCount),
    },
    fetches: [outputs.logits, ...new Set(layers.map(({ name }) => name))],
    read: (row, image) => ({
      image,
      features: layers.map(({ name }) => row(name)),
      logits: finiteLogits(row(outputs.logits), open.where),
    }),
  });
}

/** What does not change while the same problem is evaluated again and again, such as the reference features, is fed again as it was. */
function problemFeeds<In>(
  problemOf: (input: In) => ObjectiveProblem,
  layerCount: number,
  classCount: number,
): Record<string, Feed<In>> {
  const referenceOf = (input: In): ObjectiveReference => problemOf(input).reference;
  const number = (read: (problem: ObjectiveProblem) => number): Feed<In> => ({
    row: (input) => [read(problemOf(input))],
    per: (input) => read(problemOf(input)),
  });
  const references = Array.from({ length: layerCount }, (_, l): [string, Feed<In>] => [
    inputs.reference(l),
    { row: (input) => referenceOf(input).features[l], per: referenceOf },
  ]);
  return {
    [inputs.referenceImage]: { row: (input) => referenceOf(input).image, per: referenceOf },
    ...Object.fromEntries(references),
    ...marginFeeds(problemOf, classCount),
    [inputs.marginTarget]: number(({ marginTarget }) => marginTarget),
    [inputs.marginWeight]: number(({ marginWeight = 1 }) => marginWeight),
    [inputs.distanceWeight]: number(({ distanceWeight }) => distanceWeight),
    [inputs.layerWeights]: {
      row: (input) => problemOf(input).layerWeights,
      per: (input) => problemOf(input).layerWeights,
    },
  };
}
