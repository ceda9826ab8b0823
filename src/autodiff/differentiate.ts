/** @file Gradients as graphs: an ONNX graph in, the same graph with its gradient as an output out. */
import { checkForm, checkKeys, MisuseError } from "../errors.ts";
import { GraphBuilder } from "../onnx/builder.ts";
import { type InferShapesOptions, inferShapes } from "../onnx/infer-shapes.ts";
import type { Graph } from "../onnx/model.ts";
import { type RuleTable, vjpRules } from "./rules/index.ts";
import { appendVjp } from "./sweep.ts";

export interface DifferentiateOptions extends InferShapesOptions {
  /** The value that is differentiated; by default the graph's only (or first) output. */
  readonly of?: string;
  /** The values to differentiate with respect to; by default the graph's only input. */
  readonly wrt?: readonly string[];
  /** The backward rules; by default those of differentiation. */
  readonly rules?: RuleTable;
  /** The name of the new input that takes the cotangent, of the shape of `of`. Default "cotangent". */
  readonly cotangent?: string;
  /** The names of the new outputs, one for each of `wrt`. Default: that value's name with "_gradient". */
  readonly gradients?: readonly string[];
}

/**
 * `graph` with one more input, the cotangent v of the value `of`, and one more output per name in `wrt`: vᵀ · ∂of/∂wrt, of
 * that value's shape. The result has static shapes and only standard operators, and shares its
 * weights with `graph`. Conventions at kinks and ties are those of the rules, which follow PyTorch.
 */
export function differentiate(graph: Graph, options: DifferentiateOptions = {}): Graph {
  checkKeys("differentiate", options, ["of", "wrt", "rules", "cotangent", "gradients", "inputShapes"]);
  checkForm("differentiate: graph", graph, ["nodes", "initializers"]);
  const {
    of = graph.outputs[0]?.name,
    wrt = [graph.inputs[0]?.name],
    rules = vjpRules,
    cotangent = "cotangent",
    gradients: names = wrt.map((name) => `${name}_gradient`),
  } = options;
  const typed = inferShapes(graph, { inputShapes: options.inputShapes });
  for (const name of [of, ...wrt]) {
    if (name !== undefined && typed.types.has(name)) continue;
    throw new MisuseError({ where: "differentiate", what: `the graph has no value ${JSON.stringify(name)}` });
  }
  const g = GraphBuilder.from(typed);
  const primal = g.value(of);
  const seed = g.input(cotangent, primal.dtype, primal.shape);
  const gradients = appendVjp(g, {
    seeds: [{ value: primal, cotangent: seed }],
    wrt: wrt.map((name) => g.value(name)),
    rules,
  });
  for (const output of graph.outputs) g.output(g.value(output.name));
  gradients.forEach((gradient, i) => {
    g.output(gradient, names[i]);
  });
  return g.toGraph(graph.name);
}
