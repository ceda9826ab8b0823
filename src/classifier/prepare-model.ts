/** @file Finding the image input and the logits of a model, and bringing its graph into the form that everything else works on. */
import { BadInputError, MisuseError, nearest, PerceptualBallError, UnsupportedError } from "../errors.ts";
import { inferShapes, type TypedGraph } from "../onnx/infer-shapes.ts";
import { type Graph, type Model, producersOf, type ValueInfo } from "../onnx/model.ts";
import { canonicalForm } from "../onnx/passes/canonical-form.ts";
import { extractSubgraph } from "../onnx/passes/extract-subgraph.ts";
import { foldConditions } from "../onnx/passes/fold-conditions.ts";
import { openBatch } from "../onnx/passes/open-batch.ts";
import type { Shape } from "../tensor/tensor.ts";

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
  /** Set if the model ends in a Softmax, whose input the logits are. */
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
  const decided = foldConditions(canonical.graph, { inputShapes: { [image.name]: declared }, keep });
  const full = openBatch(decided, { input: image.name, shape: declared });
  const typedFull = inferShapes(full, { inputShapes: { [image.name]: declared } });
  const { logits, softmax, classCount } = findLogits(typedFull, options);
  const graph = extractSubgraph(full, [logits]);
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

interface ImageInput {
  readonly name: string;
  readonly layout: "nchw" | "nhwc";
  readonly channels: 1 | 3;
  readonly height: number;
  readonly width: number;
  readonly fixedBatch: number | undefined;
}

function imageShape({ layout, channels, height, width }: ImageInput, batch: number): Shape {
  return layout === "nchw" ? [batch, channels, height, width] : [batch, height, width, channels];
}

function describeInput({ name, dtype, shape }: ValueInfo): string {
  return `${name}: ${dtype ?? "?"}${shape === undefined ? "" : `[${shape.map((extent) => extent ?? "?").join(", ")}]`}`;
}

function findImageInput(graph: Graph, { where, layout: wanted, inputSize }: PrepareModelOptions): ImageInput {
  const [input, ...others] = graph.inputs;
  const got = graph.inputs.map(describeInput).join("; ") || "none";
  if (input === undefined || others.length > 0) {
    throw new UnsupportedError({
      where,
      what: input === undefined ? "the model has no input" : `the model has ${graph.inputs.length} inputs`,
      expected: "one input, a batch of images",
      got,
      advice: "Only classifiers of single images are supported.",
    });
  }
  const { shape, dtype } = input;
  if (dtype !== "float32") {
    throw new UnsupportedError({
      where,
      what: "the input is not float32",
      expected: "a float32 batch of images [N, 3, H, W]",
      got,
      advice: "Export the model in float32.",
    });
  }
  if (shape === undefined || shape.length !== 4) {
    throw new UnsupportedError({
      where,
      what: "the model has no image input",
      expected: "a batch of images [N, 3, H, W] or [N, H, W, 3]",
      got,
    });
  }
  const isChannels = (axis: number): boolean => shape[axis] === 3 || shape[axis] === 1;
  const open = (axis: number): boolean => typeof shape[axis] !== "number";
  const layout = wanted ?? (isChannels(1) ? "nchw" : isChannels(3) ? "nhwc" : open(1) ? "nchw" : undefined);
  const axes = layout === "nhwc" ? { channels: 3, height: 1, width: 2 } : { channels: 1, height: 2, width: 3 };
  const channels = shape[axes.channels];
  if (layout === undefined || (typeof channels === "number" && channels !== 3 && channels !== 1)) {
    throw new UnsupportedError({
      where,
      what: "the input has neither 1 nor 3 channels",
      expected: "a batch of images [N, 3, H, W] or [N, H, W, 3]",
      got,
    });
  }
  const extent = (axis: number, given: number | undefined, name: string): number => {
    const declared = shape[axis];
    if (typeof declared === "number" && declared > 0) {
      if (given === undefined || given === declared) return declared;
      throw new MisuseError({
        where,
        what: `the model's input ${name} is fixed`,
        expected: String(declared),
        got: String(given),
        advice: "Leave the input size out.",
      });
    }
    // The size that nearly every ImageNet network was trained at.
    return given ?? 224;
  };
  const batch = shape[0];
  return {
    name: input.name,
    layout,
    channels: channels === 1 ? 1 : 3,
    height: extent(axes.height, inputSize?.[0], "height"),
    width: extent(axes.width, inputSize?.[1], "width"),
    fixedBatch: typeof batch === "number" && batch > 0 ? batch : undefined,
  };
}

const reshaping: ReadonlySet<string> = new Set(["Flatten", "Reshape", "Squeeze", "Unsqueeze"]);

function findLogits(
  typed: TypedGraph,
  { where, logits: wanted }: PrepareModelOptions,
): { logits: string; softmax: string | undefined; classCount: number } {
  const { graph, types } = typed;
  if (wanted !== undefined && !types.has(wanted)) {
    const hint = nearest(wanted, types.keys());
    throw new MisuseError({
      where,
      what: `the model has no value ${JSON.stringify(wanted)} to take the logits from`,
      advice: hint === undefined ? undefined : `Did you mean ${JSON.stringify(hint)}?`,
    });
  }
  const candidates = wanted === undefined ? graph.outputs.map((output) => output.name) : [wanted];
  const isScores = (name: string): boolean => {
    const type = types.get(name);
    return type?.dtype === "float32" && type.shape.length >= 2 && type.shape.slice(2).every((extent) => extent === 1);
  };
  const output = candidates.find(isScores);
  const listed = candidates.map((name) => `${name} [${types.get(name)?.shape.join(", ")}]`).join(", ");
  if (output === undefined) {
    throw new UnsupportedError({
      where,
      what: "the model has no logits",
      expected: "a float32 output [N, classes]",
      got: listed || "no output",
      advice: "Name the value that holds the logits if it is an inner one.",
    });
  }
  const classCount = types.get(output)!.shape[1];
  if (classCount < 2) {
    throw new UnsupportedError({
      where,
      what: "the model has one class",
      expected: "an output [N, classes] with at least 2 classes",
      got: listed,
      advice: "A margin between classes needs two; a network with a single sigmoid output is not supported.",
    });
  }
  const producers = producersOf(graph);
  const producer = producers.get(output);
  let last = producer;
  // Some exporters take the spatial axes of extent 1 away after the Softmax.
  while (last !== undefined && reshaping.has(last.opType)) last = producers.get(last.inputs[0]);
  const isSoftmax = last?.opType === "Softmax" || last?.opType === "LogSoftmax";
  const before = isSoftmax ? last!.inputs[0] : undefined;
  if (wanted === undefined && before !== undefined && isScores(before) && types.get(before)!.shape[1] === classCount) {
    return { logits: before, softmax: output, classCount };
  }
  if (producer === undefined && graph.initializers.has(output)) {
    throw new BadInputError({ where, what: "the output does not depend on the input" });
  }
  return { logits: output, softmax: undefined, classCount };
}
