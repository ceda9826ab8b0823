/** @file Gradients as graphs, for whole models: an ONNX model in, the same model with its gradient as an output out. */
import { checkKeys, MisuseError, nearest, numberIn, UnsupportedError } from "../errors.ts";
import type { Dimension, Model, ValueInfo } from "../onnx/model.ts";
import { cleanUp } from "../onnx/passes/clean-up.ts";
import { foldBatchNormalization } from "../onnx/passes/fold-batch-normalization.ts";
import { inlineFunctions } from "../onnx/passes/inline-functions.ts";
import { upgradeOpset } from "../onnx/passes/upgrade-opset.ts";
import { validateModel } from "../onnx/validate.ts";
import { isFloating, type Shape } from "../tensor/tensor.ts";
import { differentiate } from "./differentiate.ts";

export interface DifferentiateModelOptions {
  /** How messages call the model, such as its path. Default "model". */
  readonly where?: string;
  /** The value that is differentiated. Default: the model's first output. */
  readonly of?: string;
  /** The input to differentiate with respect to. Default: the model's only floating-point input. */
  readonly wrt?: string;
  /** The extent of the first axis of inputs that leave it open. Default 1. */
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

/**
 * `model` with one more input, `cotangent` (v, of the shape of the value `of`), and one more output, `input_gradient`:
 * vᵀ · ∂of/∂input, of that input's shape. Its other inputs and outputs keep names and layout; shapes are static, operators are
 * standard ones of operator set 18 or later, and weights are shared with `model`.
 *
 * Throws a MisuseError for values that the model does not have, an UnsupportedError that names all operators without a rule.
 */
export function differentiateModel(model: Model, options: DifferentiateModelOptions = {}): Model {
  checkKeys("differentiateModel", options, optionKeys);
  const { where = "model", inputSize = [224, 224], fold = true } = options;
  const batch = numberIn("differentiateModel: batch", options.batch ?? 1, { min: 1, integer: true });
  validateModel(model, { where });
  const upgraded = upgradeOpset(inlineFunctions(model));
  const inputs = upgraded.graph.inputs.filter(({ name }) => !upgraded.graph.initializers.has(name));
  const wrt = inputNamed(inputs, options.wrt, where);
  const of = options.of ?? upgraded.graph.outputs[0]?.name;
  const values = upgraded.graph.nodes.flatMap((node) => node.outputs);
  if (of === undefined || !values.includes(of)) {
    const hint = nearest(of ?? "", values);
    throw new MisuseError({
      where,
      what: of === undefined ? "the model has no output" : `the model computes no value ${JSON.stringify(of)}`,
      advice: hint === undefined ? undefined : `Did you mean ${JSON.stringify(hint)}?`,
    });
  }
  const clean = cleanUp({ ...upgraded.graph, inputs }, { keep: [of] });
  const graph = fold ? foldBatchNormalization(clean, { keep: [of] }).graph : clean;
  const inputShapes = Object.fromEntries(
    inputs.flatMap(({ name, shape }) => (shape === undefined ? [] : [[name, fixedShape(shape, batch, inputSize)]])),
  );
  const withGradient = differentiate(graph, { of, wrt: [wrt], gradients: ["input_gradient"], inputShapes });
  return { ...upgraded, producerName: "perceptual-ball", producerVersion: "", functions: [], graph: withGradient };
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
  const spatial: readonly Dimension[] = isLast ? [height, width] : [undefined, height, width];
  const usual = [batch, ...(shape.length === 4 ? spatial : [])];
  // What stays open is left for shape inference to complain about, with the input's name.
  return shape.map((extent, axis) => (isOpen(extent) ? (usual[axis] ?? extent) : extent)) as Shape;
}
