/** @file The objective of the paper as something to evaluate: images in; value, margin, distances, logits and gradient out. */
import { BadInputError, MisuseError } from "../../errors.ts";
import { modelOf, type Session } from "../../runtime/session.ts";
import type { Tensor } from "../../tensor/tensor.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import type { Layer } from "../network/layers.ts";
import type { PreparedModel } from "../network/prepare-model.ts";
import type { Normalization } from "../preprocessing/preprocessing.ts";
import { runsOf } from "./in-chunks.ts";
import {
  objectiveInputs as inputs,
  objectiveGraph,
  objectiveOutputs as outputs,
  type Space,
} from "./objective-graph.ts";

/** What the objective compares with: a clean image [C, H, W] (in the objective's space), its features and its logits. */
export interface Reference {
  readonly image: Float32Array;
  /** Of each layer, flat. */
  readonly features: readonly Float32Array[];
  readonly logits: Float32Array;
}

/** The parameters of equation (4) for one image. */
export interface Problem {
  readonly reference: Reference;
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

export interface ObjectiveEvaluation {
  /** The objective, summed up in float64 from its terms. */
  readonly value: number;
  /** Its gradient with respect to the image, flat [C, H, W]. */
  readonly gradient: Float32Array;
  readonly logits: Float32Array;
  /** M: negative once the label is no longer (or, targeted, is at last) the class. */
  readonly margin: number;
  /** ‖C⁽ˡ⁾(x') − C⁽ˡ⁾(x)‖² of each layer. */
  readonly layerDistances: readonly number[];
  /** ‖x' − x‖². */
  readonly distance: number;
}

export interface Objective {
  readonly space: Space;
  readonly layers: readonly Layer[];
  readonly batch: number;
  /** Clean images, with what is compared with later. At most `batch` of them. */
  reference(images: readonly Float32Array[], options?: { readonly signal?: AbortSignal }): Promise<Reference[]>;
  /** The objective at `points`, one for each problem, in one run of the network. At most `batch` of them. */
  evaluate(
    points: readonly Float32Array[],
    problems: readonly Problem[],
    options?: { readonly signal?: AbortSignal },
  ): Promise<ObjectiveEvaluation[]>;
  dispose(): Promise<void>;
}

export interface CreateObjectiveOptions {
  /** How messages call the model. */
  readonly where: string;
  readonly layers: readonly Layer[];
  readonly space: Space;
  readonly batch: number;
  readonly normalization: Normalization;
  readonly createSession: (model: ReturnType<typeof modelOf>) => Promise<Session>;
}

/** A session for objective (4) on `prepared`. Dispose of it when done. */
export async function createObjective(prepared: PreparedModel, options: CreateObjectiveOptions): Promise<Objective> {
  const { layers, space, batch, normalization } = options;
  const names = layers.map((layer) => layer.name);
  const graph = objectiveGraph(prepared, { space, normalization, batch, layers: names });
  const shapes = new Map(graph.inputs.map((input) => [input.name, input.shape as readonly number[]]));
  const session = await options.createSession(modelOf(graph, { opsets: prepared.opsets }));

  const imageShape = shapes.get(inputs.image)!;
  const imageSize = imageShape.slice(1).reduce((a, b) => a * b, 1);
  const classCount = prepared.classCount;
  const tensor = (name: string, rows: readonly (Float32Array | readonly number[])[]): Tensor => {
    const shape = shapes.get(name)!;
    return floatTensor(stack(rows, shape), shape);
  };

  /** What does not change while the same problems are evaluated again and again, such as the reference features. */
  let fixed: { readonly problems: readonly Problem[]; readonly feeds: Record<string, Tensor> } | undefined;
  const feedsOf = (problems: readonly Problem[]): Record<string, Tensor> => {
    const known = fixed;
    if (
      known !== undefined &&
      known.problems.length === problems.length &&
      known.problems.every((p, i) => p === problems[i])
    ) {
      return known.feeds;
    }
    const sameReferences =
      known !== undefined &&
      known.problems.length === problems.length &&
      known.problems.every((p, i) => p.reference === problems[i].reference);
    const references: Record<string, Tensor> = {};
    for (const name of [inputs.referenceImage, ...layers.map((_, l) => inputs.reference(l))]) {
      references[name] = sameReferences
        ? known.feeds[name]
        : tensor(
            name,
            problems.map(({ reference }) =>
              name === inputs.referenceImage
                ? reference.image
                : reference.features[layers.findIndex((_, l) => inputs.reference(l) === name)],
            ),
          );
    }
    const column = (name: string, value: (problem: Problem) => number): Tensor =>
      tensor(
        name,
        problems.map((problem) => [value(problem)]),
      );
    const feeds: Record<string, Tensor> = {
      ...references,
      [inputs.classMask]: tensor(
        inputs.classMask,
        problems.map(({ classIndex }) => Float32Array.from({ length: classCount }, (_, j) => Number(j === classIndex))),
      ),
      [inputs.signs]: tensor(
        inputs.signs,
        problems.map(({ targeted }) => (targeted ? [-1, 1] : [1, -1])),
      ),
      [inputs.marginTarget]: column(inputs.marginTarget, ({ marginTarget }) => marginTarget),
      [inputs.marginWeight]: column(inputs.marginWeight, ({ marginWeight = 1 }) => marginWeight),
      [inputs.distanceWeight]: column(inputs.distanceWeight, ({ distanceWeight }) => distanceWeight),
    };
    if (layers.length > 0) {
      feeds[inputs.layerWeights] = tensor(
        inputs.layerWeights,
        problems.map(({ layerWeights }) => layerWeights),
      );
    }
    fixed = { problems: [...problems], feeds };
    return feeds;
  };

  const checkCount = (count: number): void => {
    if (count >= 1 && count <= batch) return;
    throw new MisuseError({
      where: "Objective",
      what: "wrong number of images",
      expected: `1 to ${batch}`,
      got: String(count),
    });
  };

  return {
    space,
    layers,
    batch,
    async reference(images, { signal } = {}) {
      checkCount(images.length);
      const problems = images.map((image) => ({
        reference: {
          image,
          features: layers.map((_, l) => new Float32Array(sizeOfRow(shapes.get(inputs.reference(l))!))),
          logits: new Float32Array(classCount),
        },
        classIndex: 0,
        marginTarget: 0,
        layerWeights: layers.map(() => 0),
        distanceWeight: 0,
      }));
      const results = await session.run(
        { ...feedsOf(problems), [inputs.image]: tensor(inputs.image, images) },
        [outputs.logits, ...names],
        { signal },
      );
      fixed = undefined;
      return images.map((image, n) => ({
        image,
        features: names.map((name) => row(results[name], n, batch)),
        logits: finiteLogits(row(results[outputs.logits], n, batch), options.where),
      }));
    },
    async evaluate(points, problems, { signal } = {}) {
      checkCount(points.length);
      const fetches: string[] = [outputs.margin, outputs.distance, outputs.logits, outputs.gradient];
      if (layers.length > 0) fetches.push(outputs.layerDistances);
      const results = await session.run(
        { ...feedsOf(problems), [inputs.image]: tensor(inputs.image, points) },
        fetches,
        {
          signal,
        },
      );
      return points.map((_, n) => {
        const { marginTarget, marginWeight = 1, layerWeights, distanceWeight } = problems[n];
        const margin = (results[outputs.margin].data as Float32Array)[n];
        const distance = (results[outputs.distance].data as Float32Array)[n];
        const layerDistances = layers.length === 0 ? [] : Array.from(row(results[outputs.layerDistances], n, batch));
        let value = marginWeight * (margin - marginTarget) ** 2 + distanceWeight * distance;
        layerDistances.forEach((d, l) => {
          value += layerWeights[l] * d;
        });
        const gradient = row(results[outputs.gradient], n, batch);
        return { value, gradient, logits: row(results[outputs.logits], n, batch), margin, layerDistances, distance };
      });
    },
    dispose: () => session.dispose(),
  };

  function stack(rows: readonly (Float32Array | readonly number[])[], shape: readonly number[]): Float32Array {
    const size = sizeOfRow(shape);
    if (rows.length === 1 && batch === 1 && rows[0] instanceof Float32Array) return rows[0];
    const data = new Float32Array(batch * size);
    // Rows that nobody asks for repeat the last one, so that they are as well-behaved as the others.
    for (let n = 0; n < batch; n++) data.set(rows[Math.min(n, rows.length - 1)], n * size);
    return data;
  }

  function sizeOfRow(shape: readonly number[]): number {
    return shape === imageShape ? imageSize : shape.slice(1).reduce((a, b) => a * b, 1);
  }
}

/** `objective` for up to `most` problems at once, on a model that takes fewer at a time. */
export function inRuns(objective: Objective, most: number): Objective {
  const inTurn = runsOf(objective.batch, most);
  return {
    ...objective,
    batch: most,
    reference: (images, options) =>
      inTurn(images.length, (from, to) => objective.reference(images.slice(from, to), options)),
    evaluate: (points, problems, options) =>
      inTurn(points.length, (from, to) =>
        objective.evaluate(points.slice(from, to), problems.slice(from, to), options),
      ),
  };
}

/** `logits`, if all of them are finite numbers; otherwise throws a BadInputError. */
export function finiteLogits(logits: Float32Array, where: string): Float32Array {
  const bad = logits.findIndex((logit) => !Number.isFinite(logit));
  if (bad < 0) return logits;
  throw new BadInputError({
    where,
    what: `the logit of class ${bad} is not a finite number`,
    got: String(logits[bad]),
    advice: "Look for NaN or infinity in the model's weights, and check the preprocessing.",
  });
}

/** Row `n` of a tensor with `batch` rows; shared memory if it is the only one. */
function row(tensor: Tensor, n: number, batch: number): Float32Array {
  const data = tensor.data as Float32Array;
  const size = data.length / batch;
  return batch === 1 ? data : data.subarray(n * size, (n + 1) * size);
}
