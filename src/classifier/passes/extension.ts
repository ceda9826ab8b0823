/** @file Nodes behind a network: what is computed of its logits and layers in the same run, such as a detector's score, with its gradient. */
import { reshapeTo } from "../../autodiff/adjoints/linear-maps.ts";
import { appendVjp } from "../../autodiff/sweep.ts";
import { MisuseError } from "../../errors.ts";
import { GraphBuilder, type Value } from "../../onnx/builder.ts";
import { inferShapes } from "../../onnx/infer-shapes.ts";
import type { Graph } from "../../onnx/model.ts";
import { sizeOf } from "../../tensor/tensor.ts";
import { finiteLogits } from "../logits.ts";
import type { Layer } from "../network/layers.ts";
import type { PreparedModel } from "../network/prepare-model.ts";
import type { NetworkGraphOptions } from "./network-graphs.ts";
import { imageGraph, objectiveInputs, objectiveOutputs } from "./objective-graph.ts";
import { type Feed, type OpenGraph, openPass, type Pass } from "./pass.ts";

/** What an extension sees of the network, each with the images as its first axis. */
export interface Seen {
  /** [N, C, H, W], pixels in [0, 1]. */
  readonly image: Value;
  /** [N, K]. */
  readonly logits: Value;
  /** The values of the extension's layers, in order. */
  readonly values: readonly Value[];
  /** The extension's own inputs, [N, size] each, by name. */
  readonly inputs: ReadonlyMap<string, Value>;
}

/** Nodes behind a network. One object stands for one graph: whoever asks with the same object gets the same session. */
export interface Extension {
  /** The layers whose values it sees; default none. */
  readonly layers?: readonly Layer[];
  /** How many numbers it takes beside each image, by name; default none. */
  readonly inputs?: Readonly<Record<string, number>>;
  /** Appends the nodes and gives their results by name, each [N, …]. */
  append(g: GraphBuilder, seen: Seen): Readonly<Record<string, Value>>;
}

export interface ExtensionOptions {
  readonly extension: Extension;
  /** The most images that one call takes. Default 1. */
  readonly batch?: number;
  /** The name of a result with one number per image, whose gradient with respect to the image is wanted. Default none. */
  readonly gradientOf?: string;
}

export interface ExtensionInput {
  /** Flat [C, H, W], pixels in [0, 1]. */
  readonly image: Float32Array;
  /** The numbers that the extension takes beside it, by name; needed where it has inputs. */
  readonly beside?: Readonly<Record<string, ArrayLike<number>>>;
}

export interface ExtensionEvaluation {
  readonly logits: Float32Array;
  /** The results by name, flat. */
  readonly results: Readonly<Record<string, Float32Array>>;
  /** Flat [C, H, W]; empty where no gradient is asked for. */
  readonly gradient: Float32Array;
}

/** What an extension computes of images. */
export type ExtensionPass = Pass<ExtensionInput, ExtensionEvaluation>;

const inputName = (name: string): string => `extension/${name}`;
const outputName = (name: string): string => `extension/result/${name}`;

/** The graph of the network with what is behind it; `names` are the results. */
export interface ExtensionGraph {
  readonly graph: Graph;
  readonly names: readonly string[];
}

/** The graph of the logits [N, K], the extension's results and, where it is asked for, the gradient of one of them. */
export function extensionGraph(
  prepared: PreparedModel,
  { extension, gradientOf, ...options }: NetworkGraphOptions & Pick<ExtensionOptions, "extension" | "gradientOf">,
): ExtensionGraph {
  const layers = extension.layers ?? [];
  const keep = layers.map(({ name }) => name);
  const g = GraphBuilder.from(inferShapes(imageGraph(prepared, { ...options, keep })));
  const image = g.value(objectiveInputs.image);
  const { batch } = options;
  const { logits, results } = g.scope("extension", () => {
    const scores = g.value(prepared.logits);
    const logits = reshapeTo(g, scores, [batch, sizeOf(scores.shape) / batch]);
    const inputs = new Map(
      Object.entries(extension.inputs ?? {}).map(([name, size]) => [
        name,
        g.input(inputName(name), "float32", [batch, size]),
      ]),
    );
    const values = layers.map(({ name }) => g.value(name));
    return { logits, results: new Map(Object.entries(extension.append(g, { image, logits, values, inputs }))) };
  });
  const gradient = gradientOf === undefined ? undefined : gradientOfResult(g, results.get(gradientOf), image);
  g.output(logits, objectiveOutputs.logits);
  for (const [name, value] of results) g.output(value, outputName(name));
  if (gradient !== undefined) g.output(gradient, objectiveOutputs.gradient);
  return { graph: g.toGraph("extension"), names: [...results.keys()] };
}

function gradientOfResult(g: GraphBuilder, value: Value | undefined, image: Value): Value {
  const [batch] = image.shape;
  if (value === undefined || sizeOf(value.shape) !== batch) {
    throw new MisuseError({
      where: "extended: gradientOf",
      what: "no result of this name has one number per image",
      expected: `[${batch}]`,
      got: value === undefined ? "no such result" : `[${value.shape.join(", ")}]`,
    });
  }
  const ones = g.op("Expand", [g.scalar(1, value.dtype), g.ints(value.shape)]);
  const [gradient] = appendVjp(g, { seeds: [{ value, cotangent: ones }], wrt: [image] });
  return gradient;
}

/** The pass that runs the extension on up to `most` images at once. */
export function extensionPass(
  open: OpenGraph,
  most: number,
  { extension, gradientOf }: Pick<ExtensionOptions, "extension" | "gradientOf">,
  names: readonly string[],
): ExtensionPass {
  const feeds = Object.fromEntries(
    Object.keys(extension.inputs ?? {}).map((name): [string, Feed<ExtensionInput>] => [
      inputName(name),
      { row: ({ beside }) => beside?.[name] ?? none },
    ]),
  );
  const gradients = gradientOf === undefined ? [] : [objectiveOutputs.gradient];
  return openPass(open, {
    most,
    feeds: { [objectiveInputs.image]: { row: ({ image }) => image }, ...feeds },
    fetches: [objectiveOutputs.logits, ...names.map(outputName), ...gradients],
    read: (row) => ({
      logits: finiteLogits(row(objectiveOutputs.logits), open.where),
      results: Object.fromEntries(names.map((name) => [name, row(outputName(name))])),
      gradient: gradientOf === undefined ? none : row(objectiveOutputs.gradient),
    }),
  });
}

/** In the place of an array that is missing: its length says so. */
const none = new Float32Array(0);
