/** @file Finding the image input and the logits of a model, and bringing its graph into the form that everything else works on. */
import { MisuseError, nearest, PerceptualBallError, UnsupportedError } from "../../errors.ts";
import { checkOperators, inferShapes, type TypedGraph } from "../../onnx/infer-shapes.ts";
import type { Graph, Model } from "../../onnx/model.ts";
import { isOperator } from "../../onnx/operators/table.ts";
import { canonicalForm } from "../../onnx/rewrites/canonical-form.ts";
import { castByteInput, realInputNote } from "../../onnx/rewrites/cast-byte-input.ts";
import { extractSubgraph, neededFor } from "../../onnx/rewrites/extract-subgraph.ts";
import { foldConditions } from "../../onnx/rewrites/fold-conditions.ts";
import { makeBatchDynamic } from "../../onnx/rewrites/make-batch-dynamic.ts";
import { findLogits } from "./find-logits.ts";
import { findImageInput, imageShape } from "./image-input.ts";

export interface PrepareModelOptions {
  /** How messages call the model, such as its path. */
  readonly where: string;
  /** The value that holds the logits; found by itself if left out. */
  readonly logits?: string;
  /** Height and width where the model leaves them open. */
  readonly inputSize?: readonly [height: number, width: number];
  readonly layout?: "nchw" | "nhwc";
}

/** A model whose parts are known. */
export interface PreparedModel {
  readonly model: Model;
  /** In the canonical opset, without constants, identities, dropout and dead nodes, for any batch if it can, up to the logits. */
  readonly graph: Graph;
  readonly opsets: ReadonlyMap<string, number>;
  readonly input: string;
  readonly layout: "nchw" | "nhwc";
  readonly channels: 1 | 3;
  readonly height: number;
  readonly width: number;
  /** The value [N, K] (or [N, K, 1, 1]) before any final Softmax. */
  readonly logits: string;
  readonly classCount: number;
  /** Set if the model ends in a Softmax, whose input the logits are: its output, or that of what reshapes it. */
  readonly softmax: string | undefined;
  /** Whether the model declares a batch extent other than a symbol. */
  readonly fixedBatch: number | undefined;
  /** What a user should know of how the model is computed: other precision, gradients that are conventions. */
  readonly notes: readonly string[];
  /** How many images a run takes where `batch` are wanted: as many, unless the model is bound to a batch of its own. */
  batchFor(batch: number): number;
  /** The graph with the types of its values for a batch of `batch`; throws an UnsupportedError if the model cannot take it. */
  typed(batch: number): TypedGraph;
}

/** Throws a BadInputError or UnsupportedError that says why `model` is no image classifier that can be differentiated. */
export function prepareModel(model: Model, options: PrepareModelOptions): PreparedModel {
  const { where } = options;
  const keep = options.logits === undefined ? [] : [options.logits];
  const { model: canonical, notes } = canonicalForm(model, { where, keep });
  const image = findImageInput(canonical.graph, options);
  const declared = imageShape(image, image.fixedBatch ?? 1);
  const inputShapes = { [image.name]: declared };
  const real = image.isOfBytes ? castByteInput(canonical.graph, image.name, where) : canonical.graph;
  const decided = foldConditions(real, { inputShapes, keep });
  const full = makeBatchDynamic(supportedPart(decided, options), { input: image.name, shape: declared });
  const found = findLogits(inferShapes(full, { inputShapes }), options);
  const { logits, softmax, classCount } = found;
  const graph = extractSubgraph(found.graph, [logits]);
  const takes = new Map<number, boolean>();
  const canTake = (batch: number): boolean => {
    if (!takes.has(batch)) {
      try {
        typedFor(batch);
        takes.set(batch, true);
      } catch (error) {
        if (!(error instanceof UnsupportedError)) throw error;
        takes.set(batch, false);
      }
    }
    return takes.get(batch)!;
  };
  const { fixedBatch } = image;
  const isBound = fixedBatch !== undefined && !canTake(fixedBatch + 1);
  return {
    model,
    graph,
    opsets: canonical.opsets,
    input: image.name,
    layout: image.layout,
    channels: image.channels,
    height: image.height,
    width: image.width,
    logits,
    classCount,
    softmax,
    fixedBatch,
    notes: [
      ...notes,
      ...(image.isOfBytes ? [realInputNote] : []),
      ...found.notes,
      ...(isBound ? [`the model takes ${fixedBatch === 1 ? "one image" : `${fixedBatch} images`} at a time`] : []),
    ],
    batchFor: (batch) => (fixedBatch === undefined || canTake(batch) ? batch : fixedBatch),
    typed: typedFor,
  };

  function typedFor(batch: number): TypedGraph {
    const refusal = (got: string, cause?: unknown): UnsupportedError =>
      new UnsupportedError(
        {
          where,
          what: `the model cannot take ${batch} image${batch === 1 ? "" : "s"} at a time`,
          expected: `logits for a batch of ${batch}`,
          got,
          advice: "Export it with a dynamic batch axis.",
        },
        { cause },
      );
    let typed: TypedGraph;
    try {
      typed = inferShapes(graph, { inputShapes: { [image.name]: imageShape(image, batch) } });
    } catch (error) {
      // Shapes that are written into the graph for another batch do not fit together.
      if (error instanceof PerceptualBallError) throw refusal(error.message.replace(/\.$/, ""), error);
      throw error;
    }
    const { shape } = typed.types.get(logits)!;
    if (shape[0] === batch) return typed;
    throw refusal(`shape [${shape.join(", ")}]`);
  }
}

/**
 * The part of `graph` that computes the logits if they are named, or else the outputs of which all operators are known: others are
 * not looked at. Throws an UnsupportedError that names the operators in the way if there is none.
 */
function supportedPart(graph: Graph, { where, logits }: PrepareModelOptions): Graph {
  if (logits !== undefined) {
    const known = [...graph.nodes.flatMap(({ outputs }) => outputs), ...graph.inputs.map(({ name }) => name)];
    if (!known.includes(logits)) {
      const hint = nearest(logits, known);
      throw new MisuseError({
        where,
        what: `the model has no value ${JSON.stringify(logits)} to take the logits from`,
        advice: hint === undefined ? undefined : `Did you mean ${JSON.stringify(hint)}?`,
      });
    }
    const part = extractSubgraph(graph, [logits]);
    checkOperators(part, where);
    return part;
  }
  const names = graph.outputs.map(({ name }) => name);
  const supported = names.filter((name) => neededFor(graph, [name]).nodes.every(isOperator));
  if (supported.length === 0) checkOperators(graph, where);
  return supported.length === names.length ? graph : extractSubgraph(graph, supported);
}
