/** @file What is discrete in a graph, as a gradient sees it: what it passes straight through, what is constant, what blocks it. */
import { checkForm, checkKeys, MisuseError } from "../errors.ts";
import { GraphBuilder } from "../onnx/builder.ts";
import { type InferShapesOptions, inferShapes, isDifferentiableType } from "../onnx/infer-shapes.ts";
import type { Graph, Node } from "../onnx/model.ts";
import { nodesBetween } from "../onnx/nodes-between.ts";
import { hasTrait } from "../onnx/operators/table.ts";
import { gradientPath, smoothInputs } from "./gradient-path.ts";
import { isNonDifferentiable } from "./rules/index.ts";

export interface GradientStepsOptions extends InferShapesOptions {
  /** The value that is differentiated; by default the graph's only (or first) output. */
  readonly of?: string;
  /** The value to differentiate with respect to; by default the graph's only (or first) input. */
  readonly wrt?: string;
}

/** All in topological order. */
export interface GradientSteps {
  /** Whether a gradient gets from `of` to `wrt` at all. */
  readonly arrives: boolean;
  /** Nodes that round, and that the gradient passes straight through: its value there is a convention. */
  readonly straightThrough: readonly Node[];
  /** Nodes that round what has a continuous way to the result as well: the gradient takes that way, and they are constants. */
  readonly constant: readonly Node[];
  /** Where none arrives: the nodes without a gradient at which the ways from `wrt` to `of` end. Empty where one does. */
  readonly blocking: readonly Node[];
  /** Where one arrives: nodes without a gradient that make real numbers of `wrt` on other ways to `of`. What goes through them is not in it. */
  readonly partly: readonly Node[];
}

/** The discrete steps that the gradient of {@link differentiate} meets in `graph`. Throws a MisuseError for values that it does not have. */
export function gradientSteps(graph: Graph, options: GradientStepsOptions = {}): GradientSteps {
  checkKeys("gradientSteps", options, ["of", "wrt", "inputShapes"]);
  checkForm("gradientSteps: graph", graph, ["nodes", "initializers"]);
  const { of = graph.outputs[0]?.name, wrt = graph.inputs[0]?.name } = options;
  const typed = inferShapes(graph, { inputShapes: options.inputShapes });
  for (const name of [of, wrt]) {
    if (name !== undefined && typed.types.has(name)) continue;
    throw new MisuseError({ where: "gradientSteps", what: `the graph has no value ${JSON.stringify(name)}` });
  }
  const g = GraphBuilder.from(typed);
  const { nodes, straightThrough, bypassed, carriesGradient } = gradientPath(g, new Set([wrt]), [of]);
  const passes = ({ opType }: Node, output: string): boolean =>
    !isNonDifferentiable(opType) && carriesGradient(g.value(output));
  const arrives = nodes.length > 0 || of === wrt;
  const ends = blockingNodes(g, wrt, of, passes);
  const isReal = ({ outputs: [output] }: Node): boolean => isDifferentiableType(g.value(output));
  return {
    arrives,
    straightThrough,
    constant: bypassed,
    blocking: arrives ? [] : ends,
    partly: arrives ? ends.filter((node) => isNonDifferentiable(node.opType) && isReal(node)) : [],
  };
}

/** The nodes that gradients would have to pass to get from `of` to `wrt`, and cannot: the first on each way. */
function blockingNodes(
  g: GraphBuilder,
  wrt: string,
  of: string,
  passes: (node: Node, output: string) => boolean,
): Node[] {
  const ways = nodesBetween(g.nodes, [wrt], [of], (node) => !hasTrait(node, "describesShape"));
  /** Values that vary smoothly with that of `wrt`. */
  const varying = new Set([wrt]);
  return ways.filter((node) => {
    if (!node.inputs.some((input) => varying.has(input))) return false;
    const passed = smoothInputs(node).some((input) => varying.has(input))
      ? node.outputs.filter((output) => output !== "" && passes(node, output))
      : [];
    for (const output of passed) varying.add(output);
    return passed.length === 0;
  });
}
