/** @file Steps inside a model, such as rounding, that a gradient passes only by a convention, or not at all: what a user is told of them. */
import { gradientSteps } from "../../autodiff/gradient-steps.ts";
import { isNonDifferentiable, ruleOf } from "../../autodiff/rules/index.ts";
import { describeNode, type Graph, type Node } from "../../onnx/model.ts";
import type { Shape } from "../../tensor/tensor.ts";

/** At most so many nodes are named. */
const mostNamed = 4;

function named(nodes: readonly Node[]): string {
  const more = nodes.length - mostNamed;
  return `${nodes.slice(0, mostNamed).map(describeNode).join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

/** QuantizeLinear and DequantizeLinear, which a note on quantized models counts. */
function isQuantization({ opType }: Node): boolean {
  return /^(Dynamic)?(Quantize|Dequantize)Linear$/.test(opType);
}

export interface StepNotesOptions {
  readonly input: string;
  readonly logits: string;
  readonly inputShapes: Readonly<Record<string, Shape>>;
}

/**
 * A phrase for each kind of step between the pixels and the logits: rounding that gradients pass straight through, rounding of what has a
 * continuous way as well, and operators that pass none while another way does.
 */
export function stepNotes(graph: Graph, { input, logits, inputShapes }: StepNotesOptions): readonly string[] {
  if (!hasSteps(graph)) return [];
  const { straightThrough, constant, partly } = gradientSteps(graph, { of: logits, wrt: input, inputShapes });
  const rounding = straightThrough.filter((node) => !isQuantization(node));
  return [
    ...(rounding.length === 0 ? [] : [`gradients pass straight through the rounding of ${named(rounding)}`]),
    ...(constant.length === 0
      ? []
      : [`${named(constant)} round what also goes on without rounding: gradients take that way alone`]),
    ...(partly.length === 0
      ? []
      : [`no gradient passes through ${named(partly)}: what reaches the classes only that way is in no map`]),
  ];
}

/**
 * Whether a model rounds between the pixels and the logits, as quantized ones do: its scores move in steps, and its gradient is that of the model without the
 * rounding.
 */
export function roundsInside(graph: Graph, { input, logits, inputShapes }: StepNotesOptions): boolean {
  if (!hasSteps(graph) && !graph.nodes.some(isQuantization)) return false;
  return gradientSteps(graph, { of: logits, wrt: input, inputShapes }).straightThrough.length > 0;
}

/** Whether a graph has steps that a gradient passes by a convention, or not at all. */
function hasSteps({ nodes }: Graph): boolean {
  return nodes.some(
    (node) => (ruleOf(node.opType)?.step !== undefined || isNonDifferentiable(node.opType)) && !isQuantization(node),
  );
}

/** The steps at which every way from the pixels to the logits ends, a phrase; undefined where a gradient could arrive. */
export function blockedAt(graph: Graph, { input, logits, inputShapes }: StepNotesOptions): string | undefined {
  if (!hasSteps(graph)) return undefined;
  const { arrives, blocking } = gradientSteps(graph, { of: logits, wrt: input, inputShapes });
  return arrives || blocking.length === 0 ? undefined : named(blocking);
}
