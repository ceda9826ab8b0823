/** @file Passes through a network, forward and back, for as many images as a session's batch holds. */
import type { RuleTable } from "../../autodiff/rules/index.ts";
import { MisuseError } from "../../errors.ts";
import type { Graph } from "../../onnx/model.ts";
import type { Session } from "../../runtime/session.ts";
import { floatTensor, type Shape, sizeOf, type Tensor } from "../../tensor/tensor.ts";
import type { Layer } from "../network/layers.ts";
import { runsOf } from "./in-chunks.ts";
import { backwardNames, type Output } from "./network-graphs.ts";
import { finiteLogits } from "./objective.ts";
import { objectiveInputs as inputs, objectiveOutputs as outputs } from "./objective-graph.ts";

interface RunOptions {
  readonly signal?: AbortSignal;
}

/** The logits of images, nothing else. */
export interface ForwardPass {
  /** The most images that one call takes. */
  readonly batch: number;
  /** The logits [K] of each image, flat [C, H, W] with pixels in [0, 1]. */
  logits(images: readonly Float32Array[], options?: RunOptions): Promise<Float32Array[]>;
}

/** Clean images, and how far others are from them in the values of layers. */
export interface DistancePass {
  readonly batch: number;
  /**
   * Of each image, flat [C, H, W] with pixels in [0, 1]: its logits [K], the values of all layers, flat, and their squared norms, of those
   * that are compared.
   */
  clean(images: readonly Float32Array[], options?: RunOptions): Promise<CleanFeatures[]>;
  /** Of each image: its logits [K] and, for each layer that is compared, ‖C⁽ˡ⁾(x') − C⁽ˡ⁾(x)‖² to the clean image beside it. */
  run(
    images: readonly Float32Array[],
    clean: readonly CleanFeatures[],
    options?: RunOptions,
  ): Promise<{ readonly logits: Float32Array; readonly squaredDistances: Float32Array }[]>;
}

export interface CleanFeatures {
  readonly logits: Float32Array;
  readonly activations: readonly Float32Array[];
  readonly squaredNorms: Float32Array;
}

export interface BackwardOptions {
  /** What the pass starts from: the logits, their softmax, or its logarithm (whose cotangent −y gives cross-entropy's gradient). */
  readonly of: Output;
  /** The most images that one call takes. Default 1. */
  readonly batch?: number;
  /** The backward rules; gradients by default. */
  readonly rules?: RuleTable;
  /** Layers whose values and cotangents are wanted. Default none. */
  readonly layers?: readonly Layer[];
  /** Whether the pass goes on to the image; without it, it ends at the first of the layers, which is cheaper. Default true. */
  readonly input?: boolean;
  /** Whether BatchNormalization is folded into convolutions. Rules that treat the two differently need false. Default true. */
  readonly fold?: boolean;
}

export interface BackwardEvaluation {
  readonly logits: Float32Array;
  /** The cotangent of the image, flat [C, H, W]; undefined if the pass does not go that far. */
  readonly gradient: Float32Array | undefined;
  /** The values of the layers, flat. */
  readonly activations: readonly Float32Array[];
  /** The cotangents of the layers, flat. */
  readonly cotangents: readonly Float32Array[];
}

/** A pass forward, and back from any cotangent. */
export interface BackwardPass {
  readonly batch: number;
  /** Of each image (flat [C, H, W], pixels in [0, 1]), for its `seed`: the cotangent [K] of what the pass starts from. */
  run(
    images: readonly Float32Array[],
    seeds: readonly Float32Array[],
    options?: RunOptions,
  ): Promise<BackwardEvaluation[]>;
}

export interface MarginProblem {
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
export interface MarginPass {
  readonly batch: number;
  run(
    images: readonly Float32Array[],
    problems: readonly MarginProblem[],
    options?: RunOptions,
  ): Promise<MarginEvaluation[]>;
}

/** A session with what its graph says of its inputs, for the batch that the model can take. */
export interface OpenGraph {
  readonly graph: Graph;
  readonly session: Session;
  /** How messages call the model. */
  readonly where: string;
}

export function forwardPass(open: OpenGraph, batch: number): ForwardPass {
  const feed = feeder(open);
  const inRuns = runsOf(feed.batch, batch);
  return {
    batch,
    logits: (images, options) =>
      inRuns(images.length, async (from, to) => {
        const feeds = { [inputs.image]: feed(inputs.image, images.slice(from, to)) };
        const results = await open.session.run(feeds, [outputs.logits], options);
        return rowsOf(results[outputs.logits], to - from).map((row) => finiteLogits(row, open.where));
      }),
  };
}

export function distancePass(open: OpenGraph, batch: number, layers: readonly Layer[], compared: number): DistancePass {
  const feed = feeder(open);
  const inRuns = runsOf(feed.batch, batch);
  const references = layers.slice(0, compared).map((_, l) => inputs.reference(l));
  const features = [...new Set(layers.map(({ name }) => name))];
  const distances = compared === 0 ? [] : [outputs.layerDistances];
  const run = async (
    images: readonly Float32Array[],
    beside: (l: number) => Tensor,
    fetches: string[],
    options?: RunOptions,
  ): Promise<Record<string, Float32Array[]>> => {
    const compare = Object.fromEntries(references.map((name, l) => [name, beside(l)]));
    const feeds = { [inputs.image]: feed(inputs.image, images), ...compare };
    const results = await open.session.run(feeds, [outputs.logits, ...distances, ...fetches], options);
    const rows = Object.fromEntries(
      Object.entries(results).map(([name, value]) => [name, rowsOf(value, images.length)]),
    );
    for (const logits of rows[outputs.logits]) finiteLogits(logits, open.where);
    // Where nothing is compared, the graph has no distances to give.
    return { [outputs.layerDistances]: images.map(() => new Float32Array(0)), ...rows };
  };
  return {
    batch,
    clean: (images, options) =>
      inRuns(images.length, async (from, to) => {
        // How far the features are from 0 is their norm.
        const zeros = (l: number): Tensor => {
          const shape = feed.shapeOf(references[l]);
          return floatTensor(new Float32Array(sizeOf(shape)), shape);
        };
        const rows = await run(images.slice(from, to), zeros, features, options);
        return rows[outputs.logits].map((logits, n) => ({
          logits,
          activations: layers.map(({ name }) => rows[name][n]),
          squaredNorms: rows[outputs.layerDistances][n],
        }));
      }),
    async run(images, clean, options) {
      checkSameLength(images, clean, "clean images");
      return inRuns(images.length, async (from, to) => {
        const some = clean.slice(from, to);
        const beside = (l: number): Tensor =>
          feed(
            references[l],
            some.map(({ activations }) => activations[l]),
          );
        const rows = await run(images.slice(from, to), beside, [], options);
        return rows[outputs.logits].map((logits, n) => ({
          logits,
          squaredDistances: rows[outputs.layerDistances][n],
        }));
      });
    },
  };
}

export function backwardPass(open: OpenGraph, batch: number, layers: readonly Layer[], input: boolean): BackwardPass {
  const feed = feeder(open);
  const inRuns = runsOf(feed.batch, batch);
  const cotangentNames = layers.map((_, l) => backwardNames.cotangent(l));
  const fetches = [...new Set([outputs.logits, ...layers.map(({ name }) => name), ...cotangentNames])];
  if (input) fetches.push(outputs.gradient);
  return {
    batch,
    async run(images, seeds, options) {
      checkSameLength(images, seeds, "seeds");
      return inRuns(images.length, async (from, to) => {
        const feeds = {
          [inputs.image]: feed(inputs.image, images.slice(from, to)),
          [backwardNames.seed]: feed(backwardNames.seed, seeds.slice(from, to)),
        };
        const results = await open.session.run(feeds, fetches, options);
        const rows = Object.fromEntries(fetches.map((name) => [name, rowsOf(results[name], to - from)]));
        return rows[outputs.logits].map((logits, n) => ({
          logits: finiteLogits(logits, open.where),
          gradient: input ? rows[outputs.gradient][n] : undefined,
          activations: layers.map(({ name }) => rows[name][n]),
          cotangents: cotangentNames.map((name) => rows[name][n]),
        }));
      });
    },
  };
}

export function marginPass(open: OpenGraph, batch: number, classCount: number): MarginPass {
  const feed = feeder(open);
  const inRuns = runsOf(feed.batch, batch);
  const fetches = [outputs.margin, outputs.logits, outputs.gradient];
  return {
    batch,
    async run(images, problems, options) {
      checkSameLength(images, problems, "problems");
      const masks = problems.map(({ classIndex }) =>
        Float32Array.from({ length: classCount }, (_, j) => Number(j === classIndex)),
      );
      const signs = problems.map(({ targeted }) => Float32Array.of(targeted ? -1 : 1, targeted ? 1 : -1));
      return inRuns(images.length, async (from, to) => {
        const feeds = {
          [inputs.image]: feed(inputs.image, images.slice(from, to)),
          [inputs.classMask]: feed(inputs.classMask, masks.slice(from, to)),
          [inputs.signs]: feed(inputs.signs, signs.slice(from, to)),
        };
        const results = await open.session.run(feeds, fetches, options);
        const [margins, logits, gradients] = fetches.map((name) => rowsOf(results[name], to - from));
        return margins.map(([margin], n) => ({
          margin,
          logits: finiteLogits(logits[n], open.where),
          gradient: gradients[n],
        }));
      });
    },
  };
}

interface Feeder {
  (name: string, rows: readonly Float32Array[]): Tensor;
  readonly batch: number;
  shapeOf(name: string): Shape;
}

/** Makes the tensors of a graph's inputs from rows, one for each image. */
function feeder({ graph }: OpenGraph): Feeder {
  const shapes = new Map(graph.inputs.map(({ name, shape }) => [name, shape as Shape]));
  const shapeOf = (name: string): Shape => shapes.get(name)!;
  const [batch] = shapeOf(inputs.image);
  const feed = (name: string, rows: readonly Float32Array[]): Tensor => {
    const shape = shapeOf(name);
    const size = sizeOf(shape) / batch;
    const wrong = rows.find((row) => row.length !== size);
    if (wrong === undefined) return floatTensor(stacked(rows, batch, size), shape);
    throw new MisuseError({
      where: "classifier",
      what: `${name} has the wrong size`,
      expected: `${size} numbers ([${shape.slice(1).join(", ")}])`,
      got: String(wrong.length),
      advice: "classifier.fit() resizes and crops a picture.",
    });
  };
  return Object.assign(feed, { batch, shapeOf });
}

/**
 * The rows one after the other; rows that lie so in memory already are not copied. Rows that nobody asks for repeat the last
 * one, so that they are as well-behaved as the others.
 */
function stacked(rows: readonly Float32Array[], batch: number, size: number): Float32Array {
  const [{ buffer, byteOffset }] = rows;
  const areAdjacent =
    rows.length === batch &&
    rows.every((row, n) => row.buffer === buffer && row.byteOffset === byteOffset + n * row.byteLength);
  if (areAdjacent) return new Float32Array(buffer, byteOffset, batch * size);
  const data = new Float32Array(batch * size);
  for (let n = 0; n < batch; n++) data.set(rows[Math.min(n, rows.length - 1)], n * size);
  return data;
}

/** The first `count` rows of a tensor along its first axis, sharing its memory. */
function rowsOf(tensor: Tensor, count: number): Float32Array[] {
  const data = tensor.data as Float32Array;
  const size = data.length / tensor.shape[0];
  return Array.from({ length: count }, (_, n) => data.subarray(n * size, (n + 1) * size));
}

function checkSameLength(images: readonly unknown[], others: readonly unknown[], what: string): void {
  if (images.length === others.length) return;
  throw new MisuseError({
    where: "classifier",
    what: `wrong number of ${what}`,
    expected: `${images.length}, one for each image`,
    got: String(others.length),
  });
}
