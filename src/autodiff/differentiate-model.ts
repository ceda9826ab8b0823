/** @file Gradients as graphs, for whole models: an ONNX model in, the same model with its gradient as an output out. */
import {
  checkForm,
  checkKeys,
  MisuseError,
  nearest,
  numberIn,
  PerceptualBallError,
  UnsupportedError,
} from "../errors.ts";
import { checkOperators, inferShapes, typeOf } from "../onnx/infer-shapes.ts";
import type { Dimension, Graph, Model, ValueInfo } from "../onnx/model.ts";
import { canonicalForm } from "../onnx/rewrites/canonical-form.ts";
import { castByteInput, realInputNote } from "../onnx/rewrites/cast-byte-input.ts";
import { foldBatchNormalization } from "../onnx/rewrites/fold-batch-normalization.ts";
import { makeBatchDynamic } from "../onnx/rewrites/make-batch-dynamic.ts";
import { unfoldOperators } from "../onnx/rewrites/unfold-operators.ts";
import { isFloating, type Shape } from "../tensor/tensor.ts";
import { differentiate } from "./differentiate.ts";

export interface DifferentiateModelOptions {
  /** How messages call the model, such as its path. Default "model". */
  readonly where?: string;
  /** The value that is differentiated. Default: the model's first output. */
  readonly of?: string;
  /** The input to differentiate with respect to. Default: the model's only floating-point input. */
  readonly wrt?: string;
  /** The extent of the first axis. Default: the one that the model declares, or 1 where it leaves it open. */
  readonly batch?: number;
  /** Height and width of image inputs that leave them open. Default 224 × 224. */
  readonly inputSize?: readonly [height: number, width: number];
  /** Whether BatchNormalization is folded into the convolution before it, which makes both directions faster. Default true. */
  readonly fold?: boolean;
}

const optionKeys = [
  "where",
  "of",
  "wrt",
  "batch",
  "inputSize",
  "fold",
] as const satisfies readonly (keyof DifferentiateModelOptions)[];

/** The metadata entry of a differentiated model that says what to know of its gradient, one sentence each. */
export const notesKey = "perceptual-ball.notes";

/**
 * `model` with one more input, `cotangent` (v, of the shape of the value `of`), and one more output, `input_gradient`:
 * vᵀ · ∂of/∂input, of that input's shape. Its other inputs and outputs keep names and layout; shapes are static, operators are
 * standard ones of operator set 18 or later, and weights are shared with `model`. 16-bit floats become float32, of inputs and outputs
 * too, and so does an only input of bytes; that, and gradients that are conventions, is noted in the metadata under {@link notesKey}.
 *
 * Throws a MisuseError for values that the model does not have, a BadInputError for a model that is not well formed, and an
 * UnsupportedError that names all operators without a rule, or says that the model is bound to another batch.
 */
export function differentiateModel(model: Model, options: DifferentiateModelOptions = {}): Model {
  checkForm("differentiateModel: model", model, ["graph", "opsets"]);
  checkKeys("differentiateModel", options, optionKeys);
  const { where = "model", inputSize = [224, 224], fold = true } = options;
  const batch = numberIn("differentiateModel: batch", options.batch ?? 1, { min: 1, integer: true });
  const asked = options.of === undefined ? [] : [options.of];
  const { model: canonical, notes } = canonicalForm(model, { where, keep: asked });
  const own = canonical.graph.inputs.filter(({ name }) => !canonical.graph.initializers.has(name));
  const bytes = own.length === 1 && own[0].dtype === "uint8" ? own[0].name : undefined;
  const real = bytes === undefined ? { ...canonical.graph, inputs: own } : castByteInput(canonical.graph, bytes, where);
  const { inputs } = real;
  const wrt = inputNamed(inputs, options.wrt, where);
  const shapes = Object.fromEntries(
    inputs.flatMap(({ name, shape }) => (shape === undefined ? [] : [[name, fixedShape(shape, batch, inputSize)]])),
  );
  if (options.inputSize !== undefined) checkInputSize(where, options.inputSize, Object.values(shapes));
  const decided = unfoldOperators(real, { inputShapes: shapes, keep: asked });
  const of = options.of ?? decided.outputs[0]?.name;
  const values = decided.nodes.flatMap((node) => node.outputs);
  if (of === undefined || !values.includes(of)) {
    const hint = nearest(of ?? "", values);
    throw new MisuseError({
      where,
      what: of === undefined ? "the model has no output" : `the model computes no value ${JSON.stringify(of)}`,
      advice: hint === undefined ? undefined : `Did you mean ${JSON.stringify(hint)}?`,
    });
  }
  checkOperators(decided, where);
  const isBound = options.batch !== undefined && shapes[wrt] !== undefined && shapes[wrt][0] !== batch;
  const { graph: whole, inputShapes } = isBound
    ? withBatch(decided, { where, of, wrt, batch, shapes })
    : { graph: decided, inputShapes: shapes };
  const graph = fold ? foldBatchNormalization(whole, { keep: [of] }).graph : whole;
  const withGradient = differentiate(graph, { of, wrt: [wrt], gradients: ["input_gradient"], inputShapes });
  const metadata = new Map(canonical.metadata);
  const all = bytes === undefined ? notes : [...notes, realInputNote];
  if (all.length > 0) metadata.set(notesKey, all.join("; "));
  return { ...canonical, producerName: "perceptual-ball", producerVersion: "", metadata, graph: withGradient };
}

/** Throws a MisuseError if there are images among the inputs, but none of this size. */
function checkInputSize(where: string, [height, width]: readonly [number, number], shapes: readonly Shape[]): void {
  const images = shapes.filter((shape) => shape.length === 4);
  const has = (shape: Shape): boolean =>
    (shape[2] === height && shape[3] === width) || (shape[1] === height && shape[2] === width);
  if (images.length === 0 || images.some(has)) return;
  throw new MisuseError({
    where,
    what: "the model's input size is fixed",
    expected: images.map((shape) => `[${shape.join(", ")}]`).join(", "),
    got: `${height}x${width}`,
    advice: "Leave the input size out.",
  });
}

interface Batched {
  readonly graph: Graph;
  readonly inputShapes: Readonly<Record<string, Shape>>;
}

/** `graph`, which was exported for another batch, rewritten for `batch`; an UnsupportedError if it is bound to its own. */
function withBatch(
  graph: Graph,
  {
    where,
    of,
    wrt,
    batch,
    shapes,
  }: {
    readonly where: string;
    readonly of: string;
    readonly wrt: string;
    readonly batch: number;
    readonly shapes: Readonly<Record<string, Shape>>;
  },
): Batched {
  const [fixed, ...rest] = shapes[wrt];
  const inputShapes = { ...shapes, [wrt]: [batch, ...rest] };
  const firstExtent = (one: Graph, all: typeof shapes): number =>
    typeOf(inferShapes(one, { inputShapes: all }), of).shape[0];
  const refusal = (cause?: unknown): UnsupportedError =>
    new UnsupportedError(
      {
        where,
        what: `the model cannot take ${batch} images at a time`,
        expected: `a batch of ${fixed}, for which it was exported`,
        advice: "Leave the batch out, or export the model with a dynamic batch axis.",
      },
      { cause },
    );
  const opened = makeBatchDynamic(graph, { input: wrt, shape: shapes[wrt] });
  try {
    if (firstExtent(opened, inputShapes) * fixed === firstExtent(graph, shapes) * batch) {
      return { graph: opened, inputShapes };
    }
  } catch (error) {
    // Shapes that are written into the graph for its own batch do not fit together.
    if (error instanceof PerceptualBallError) throw refusal(error);
    throw error;
  }
  throw refusal();
}

function inputNamed(inputs: readonly ValueInfo[], wanted: string | undefined, where: string): string {
  const floating = inputs.filter(({ dtype }) => dtype !== undefined && isFloating(dtype));
  const names = floating.map(({ name }) => name);
  if (wanted !== undefined) {
    if (names.includes(wanted)) return wanted;
    const hint = nearest(wanted, names);
    throw new MisuseError({
      where,
      what: `the model has no floating-point input ${JSON.stringify(wanted)}`,
      expected: names.join(", ") || undefined,
      advice: hint === undefined ? undefined : `Did you mean ${JSON.stringify(hint)}?`,
    });
  }
  if (names.length === 1) return names[0];
  if (names.length === 0) throw new UnsupportedError({ where, what: "the model has no floating-point input" });
  throw new MisuseError({
    where,
    what: `the model has ${names.length} floating-point inputs`,
    expected: `the name of one of them: ${names.join(", ")}`,
  });
}

/** `shape` with numbers for what it leaves open: the batch, and the two spatial axes of an image. */
function fixedShape(shape: readonly Dimension[], batch: number, [height, width]: readonly [number, number]): Shape {
  const isOpen = (extent: Dimension): boolean => typeof extent !== "number" || extent <= 0;
  const isLast = shape.length === 4 && !isOpen(shape[3]) && isOpen(shape[1]);
  // An image whose channels are left open as well has three.
  const spatial: readonly Dimension[] = isLast ? [height, width] : [3, height, width];
  const usual = [batch, ...(shape.length === 4 ? spatial : [])];
  // What stays open is left for shape inference to complain about, with the input's name.
  return shape.map((extent, axis) => (isOpen(extent) ? (usual[axis] ?? extent) : extent)) as Shape;
}
