/** @file The nodes that a gradient goes through, and those that it goes through only because rounding lets it. */
import type { GraphBuilder, Value } from "../onnx/builder.ts";
import { isDifferentiableType } from "../onnx/infer-shapes.ts";
import type { Node } from "../onnx/model.ts";
import { nodesBetween } from "../onnx/nodes-between.ts";
import { hasTrait } from "../onnx/operators/table.ts";
import { isInteger } from "../tensor/tensor.ts";
import { isNonDifferentiable, ruleOf } from "./rules/index.ts";

/** What lies between some values of a graph and those that are computed of them, as a gradient sees it. */
export interface GradientPath {
  /** In topological order. */
  readonly nodes: readonly Node[];
  /** Of these, the ones that round: gradients pass straight through. */
  readonly straightThrough: readonly Node[];
  /** Nodes that round what has a continuous way to the result as well. They are constants, and not among `nodes`. */
  readonly bypassed: readonly Node[];
  carriesGradient(value: Value): boolean;
}

/** The path of gradients from the values called `to` back to those called `from`. */
export function gradientPath(g: GraphBuilder, from: ReadonlySet<string>, to: readonly string[]): GradientPath {
  const carriesGradient = gradientCarriers(g);
  const without = (constants: ReadonlySet<Node>): Node[] => {
    const varying = new Set(from);
    return nodesBetween(g.nodes, from, to, (node, output) => {
      if (constants.has(node) || isNonDifferentiable(node.opType) || !carriesGradient(g.value(output))) return false;
      const varies = smoothInputs(node).some((input) => varying.has(input));
      if (varies) varying.add(output);
      return varies;
    });
  };
  const all = without(new Set());
  const bypassed = bypassedSteps(g, all, to);
  const nodes = bypassed.length === 0 ? all : without(new Set(bypassed));
  return { nodes, straightThrough: nodes.filter((node) => rounds(g, node)), bypassed, carriesGradient };
}

/** The inputs that the output varies with. What moves elements has those of its first input; the others are places, shapes and types. */
export function smoothInputs(node: Node): readonly string[] {
  return hasTrait(node, "moves") || hasTrait(node, "view") ? node.inputs.slice(0, 1) : node.inputs;
}

/** Whether `node` rounds real numbers, or integers that stand for them. */
function rounds(g: GraphBuilder, { opType, inputs: [x], outputs: [y] }: Node): boolean {
  return y !== "" && (ruleOf(opType)?.step?.rounds(g.value(x), g.value(y)) ?? false);
}

/** Of `path`, the steps that are to be constants where their input also goes on without a step. */
function bypassedSteps(g: GraphBuilder, path: readonly Node[], to: readonly string[]): Node[] {
  const continuous = new Set(to);
  const steps: Node[] = [];
  for (const node of path.toReversed()) {
    if (rounds(g, node)) {
      if (ruleOf(node.opType)?.step?.passes === "unless bypassed") steps.push(node);
    } else if (node.outputs.some((output) => continuous.has(output))) {
      for (const input of smoothInputs(node)) continuous.add(input);
    }
  }
  if (steps.length === 0) return steps;
  const isRemainder = remainderFinder(g);
  return steps.filter((step) => continuous.has(step.inputs[0]) || isRemainder(step)).toReversed();
}

/** Whether a step is the ⌊x / d⌋ of x − d ⌊x / d⌋, as PyTorch's remainder is exported: x goes on beside it. */
function remainderFinder(g: GraphBuilder): (step: Node) => boolean {
  const isSame = (a: string, b: string): boolean => {
    const [one, other] = [a, b].map((name) => (a === b ? undefined : g.known(g.value(name))?.data.join()));
    return a === b || (one !== undefined && one === other);
  };
  return ({ inputs: [quotient], outputs: [whole] }) => {
    const division = g.producer(g.value(quotient));
    if (division?.opType !== "Div") return false;
    const [x, divisor] = division.inputs;
    return g.nodes.some(({ opType, inputs: [from, product] }) => {
      if (opType !== "Sub" || from !== x) return false;
      const { opType: maker, inputs = [] } = g.producer(g.value(product)) ?? {};
      const other = inputs.find((input) => input !== whole);
      return maker === "Mul" && inputs.includes(whole) && other !== undefined && isSame(other, divisor);
    });
  };
}

/**
 * Whether a value of `g` can have a cotangent: floating-point numbers, and the integers that rounding makes of them and that
 * arithmetic, pooling and movement pass on. Their cotangents are real numbers.
 */
function gradientCarriers(g: GraphBuilder): (value: Value) => boolean {
  const integers = new Set<string>();
  for (const node of g.nodes) {
    const { inputs, outputs } = node;
    const operands = hasTrait(node, "broadcasting") ? inputs : inputs.slice(0, 1);
    const isPassedOn = operands.some((name) => integers.has(name)) && !isNonDifferentiable(node.opType);
    if (!isPassedOn && !rounds(g, node)) continue;
    for (const [i, output] of outputs.entries()) {
      if (output === "" || !isInteger(g.value(output).dtype)) continue;
      // What else an operator gives of other types are indices and masks.
      if (i === 0 || g.value(output).dtype === g.value(inputs[0]).dtype) integers.add(output);
    }
  }
  return (value) => isDifferentiableType(value) || integers.has(value.name);
}
