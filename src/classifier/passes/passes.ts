/** @file The passes through a network: logits, cotangents, margins with gradients, features and their distances. */
import type { RuleTable } from "../../autodiff/rules/index.ts";
import { numberIn } from "../../errors.ts";
import { finiteLogits } from "../logits.ts";
import type { Layer } from "../network/layers.ts";
import { backwardNames, type PassOutput } from "./network-graphs.ts";
import { objectiveInputs as inputs, objectiveOutputs as outputs } from "./objective-graph.ts";
import { type Feed, type OpenGraph, openPass, type Pass } from "./pass.ts";

/** The logits [K] of images, flat [C, H, W] with pixels in [0, 1]. */
export type ForwardPass = Pass<Float32Array, Float32Array>;

/** The logits of up to `most` images. */
export function forwardPass(open: OpenGraph, most: number): ForwardPass {
  return openPass(open, {
    most,
    feeds: { [inputs.image]: { row: (image) => image } },
    fetches: [outputs.logits],
    read: (row) => finiteLogits(row(outputs.logits), open.where),
  });
}

/** An image with values of a layer that take the place of its own. */
export interface TailInput {
  /** Flat [C, H, W], pixels in [0, 1]. */
  readonly image: Float32Array;
  /** Of the layer, flat. */
  readonly values: Float32Array;
}

/** The logits [K] of images if a layer had other values. */
export type TailPass = Pass<TailInput, Float32Array>;

/** The logits of up to `most` images at once with values of `layer` in the place of its own. */
export function tailPass(open: OpenGraph, most: number, layer: Layer): TailPass {
  return openPass(open, {
    most,
    feeds: { [inputs.image]: { row: ({ image }) => image }, [layer.name]: { row: ({ values }) => values } },
    fetches: [outputs.logits],
    read: (row) => finiteLogits(row(outputs.logits), open.where),
  });
}

export interface BackwardOptions {
  /** What the pass starts from: the logits, their softmax, its logarithm (whose cotangent −y gives cross-entropy's gradient), and ratios of logits. */
  readonly of: PassOutput;
  /** The most images that one call takes. Default 1. */
  readonly batch?: number;
  /** The backward rules; gradients by default. */
  readonly rules?: RuleTable;
  /**
   * Whether each input's seed is multiplied by what the pass starts from: of relevance that is the score itself, and not 1, to begin with.
   * Default false.
   */
  readonly scaled?: boolean;
  /** Whether the rules compare each image with another, its `baseline`. Default false. */
  readonly baseline?: boolean;
  /** Layers whose values and cotangents are wanted. Default none. */
  readonly layers?: readonly Layer[];
  /** Whether the pass goes on to the image; without it, it ends at the first of the layers, which is cheaper. Default true. */
  readonly input?: boolean;
  /** Whether BatchNormalization is folded into convolutions. Rules that treat the two differently need false. Default true. */
  readonly fold?: boolean;
}

export interface BackwardInput {
  /** Flat [C, H, W], pixels in [0, 1]. */
  readonly image: Float32Array;
  /** The cotangent [K] of what the pass starts from. */
  readonly seed: Float32Array;
  /** Flat [C, H, W], pixels in [0, 1], or beyond; for a pass with a `baseline` only, and needed there. */
  readonly baseline?: Float32Array;
}

/** What a pass back says of layers. */
export interface LayerCotangents {
  readonly logits: Float32Array;
  /** The values of the layers, flat. */
  readonly activations: readonly Float32Array[];
  /** The cotangents of the layers, flat. */
  readonly cotangents: readonly Float32Array[];
}

export interface BackwardEvaluation extends LayerCotangents {
  /** The cotangent of the image, flat [C, H, W]. */
  readonly gradient: Float32Array;
}

/** A pass forward, and back to layers from any cotangent. */
export type LayerPass = Pass<BackwardInput, LayerCotangents>;
/** A pass forward, and back to the image (and layers) from any cotangent. */
export type BackwardPass = Pass<BackwardInput, BackwardEvaluation>;

/** A pass back to `layers`, up to `most` images at once. */
export function layerPass(open: OpenGraph, most: number, layers: readonly Layer[]): LayerPass {
  const { feeds, fetches, read } = backwardPlan(open, layers);
  return openPass(open, { most, feeds, fetches, read });
}

/** A pass back to the image and `layers`, up to `most` images at once. */
export function backwardPass(open: OpenGraph, most: number, layers: readonly Layer[]): BackwardPass {
  const { feeds, fetches, read } = backwardPlan(open, layers);
  return openPass(open, {
    most,
    feeds,
    fetches: [...fetches, outputs.gradient],
    read: (row) => ({ ...read(row), gradient: row(outputs.gradient) }),
  });
}

/** In the place of an array that is missing: its length says so. */
const nothing = new Float32Array(0);

function backwardPlan(open: OpenGraph, layers: readonly Layer[]) {
  const cotangentNames = layers.map((_, l) => backwardNames.cotangent(l));
  const feeds: Record<string, Feed<BackwardInput>> = {
    [inputs.image]: { row: ({ image }) => image },
    [backwardNames.seed]: { row: ({ seed }) => seed },
    [backwardNames.baseline]: { row: ({ baseline = nothing }) => baseline },
  };
  return {
    feeds,
    fetches: [...new Set([outputs.logits, ...layers.map(({ name }) => name), ...cotangentNames])],
    read: (row: (output: string) => Float32Array): LayerCotangents => ({
      logits: finiteLogits(row(outputs.logits), open.where),
      activations: layers.map(({ name }) => row(name)),
      cotangents: cotangentNames.map(row),
    }),
  };
}

export interface MarginInput {
  /** Flat [C, H, W], pixels in [0, 1]. */
  readonly image: Float32Array;
  readonly classIndex: number;
  /** Whether the class is to be reached rather than left; turns the margin's sign. Default false. */
  readonly targeted?: boolean;
}

export interface MarginEvaluation {
  readonly margin: number;
  readonly logits: Float32Array;
  /** ∂M/∂image, flat [C, H, W]. */
  readonly gradient: Float32Array;
}

/** The margin (equation 1) with its gradient. */
export type MarginPass = Pass<MarginInput, MarginEvaluation>;

/** The margins of up to `most` images at once, with their gradients. */
export function marginPass(open: OpenGraph, most: number, classCount: number): MarginPass {
  return openPass(open, {
    most,
    feeds: { [inputs.image]: { row: ({ image }) => image }, ...marginFeeds((input) => input, classCount) },
    fetches: [outputs.margin, outputs.logits, outputs.gradient],
    read: (row) => ({
      margin: row(outputs.margin)[0],
      logits: finiteLogits(row(outputs.logits), open.where),
      gradient: row(outputs.gradient),
    }),
  });
}

/** What a margin is taken of, as feeds of a graph with a margin. */
export function marginFeeds<In>(
  marginOf: (input: In) => Pick<MarginInput, "classIndex" | "targeted">,
  classCount: number,
): Record<string, Feed<In>> {
  return {
    [inputs.classMask]: {
      row: (input) => oneHot(marginOf(input).classIndex, classCount),
      per: (input) => marginOf(input).classIndex,
    },
    [inputs.signs]: {
      row: (input) => (marginOf(input).targeted ? [-1, 1] : [1, -1]),
      per: (input) => marginOf(input).targeted,
    },
  };
}

function oneHot(index: number, length: number): Float32Array {
  numberIn("classifier: classIndex", index, { min: 0, max: length - 1, integer: true });
  const vector = new Float32Array(length);
  vector[index] = 1;
  return vector;
}

/** A clean image, to measure others by. */
export interface CleanFeatures {
  readonly logits: Float32Array;
  /** The values of all layers, flat. */
  readonly activations: readonly Float32Array[];
  /** Of those layers that are compared. */
  readonly squaredNorms: Float32Array;
}

/** What there is to measure clean images [C, H, W], pixels in [0, 1], by. */
export type FeaturePass = Pass<Float32Array, CleanFeatures>;

/** The features of up to `most` images in `layers`, of which the first `compared` are compared. */
export function featurePass(open: OpenGraph, most: number, layers: readonly Layer[], compared: number): FeaturePass {
  // How far the features are from 0 is their norm.
  const zeros = Object.fromEntries(
    layers.slice(0, compared).map((_, l): [string, Feed<Float32Array>] => {
      const size = rowSizeOf(open, inputs.reference(l));
      return [inputs.reference(l), { row: () => new Float32Array(size) }];
    }),
  );
  return openPass(open, {
    most,
    feeds: { [inputs.image]: { row: (image) => image }, ...zeros },
    fetches: [outputs.logits, ...distancesOf(compared), ...new Set(layers.map(({ name }) => name))],
    read: (row) => ({
      logits: finiteLogits(row(outputs.logits), open.where),
      activations: layers.map(({ name }) => row(name)),
      squaredNorms: compared === 0 ? new Float32Array(0) : row(outputs.layerDistances),
    }),
  });
}

export interface DistanceInput {
  /** Flat [C, H, W], pixels in [0, 1]. */
  readonly image: Float32Array;
  /** What it is compared with. */
  readonly clean: CleanFeatures;
}

export interface DistanceEvaluation {
  readonly logits: Float32Array;
  /** For each layer that is compared, ‖C⁽ˡ⁾(x') − C⁽ˡ⁾(x)‖² to the clean image. */
  readonly squaredDistances: Float32Array;
}

/** How far images are from clean ones in the values of layers. */
export type DistancePass = Pass<DistanceInput, DistanceEvaluation>;

/** The distances of up to `most` images at once in the first `compared` layers. */
export function distancePass(open: OpenGraph, most: number, compared: number): DistancePass {
  const references = Object.fromEntries(
    Array.from({ length: compared }, (_, l): [string, Feed<DistanceInput>] => [
      inputs.reference(l),
      { row: ({ clean }) => clean.activations[l] },
    ]),
  );
  return openPass(open, {
    most,
    feeds: { [inputs.image]: { row: ({ image }) => image }, ...references },
    fetches: [outputs.logits, ...distancesOf(compared)],
    read: (row) => ({
      logits: finiteLogits(row(outputs.logits), open.where),
      squaredDistances: compared === 0 ? new Float32Array(0) : row(outputs.layerDistances),
    }),
  });
}

/** Where nothing is compared, the graph has no distances to give. */
function distancesOf(compared: number): string[] {
  return compared === 0 ? [] : [outputs.layerDistances];
}

/** The numbers that one row of the graph's input `name` has. */
export function rowSizeOf({ graph }: OpenGraph, name: string): number {
  const shape = graph.inputs.find((input) => input.name === name)?.shape ?? [];
  return (shape as readonly number[]).slice(1).reduce((size, extent) => size * extent, 1);
}
