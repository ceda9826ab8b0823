/** @file The reverse sweep: it knows no operator, only the table of rules. */
import { UnsupportedError } from "../errors.ts";
import { attributesOf } from "../onnx/attributes.ts";
import type { GraphBuilder, Value } from "../onnx/builder.ts";
import { isDifferentiableType } from "../onnx/infer-shapes.ts";
import { describeNode, groupByOperator, type Node } from "../onnx/model.ts";
import { nodesBetween } from "../onnx/nodes-between.ts";
import { sameShape } from "../tensor/shape.ts";
import { isNonDifferentiable, type RuleTable, vjpRules } from "./rules/index.ts";

/** A value and the cotangent with which the sweep starts there, of the same shape. */
export interface Seed {
  readonly value: Value;
  readonly cotangent: Value;
}

/**
 * The cotangents of the values `wrt` for the given seeds, appended to the graph that `g` builds. Only nodes on a path from
 * `wrt` to a seed are visited; cotangents that meet at a value are added. Values of `wrt` may lie behind one another. A value that no path leads to gets zeros.
 * Throws an UnsupportedError that names every operator on such a path that has no rule.
 */
export function appendVjp(
  g: GraphBuilder,
  { seeds, wrt, rules = vjpRules }: { seeds: readonly Seed[]; wrt: readonly Value[]; rules?: RuleTable },
): Value[] {
  const carriesGradient = gradientCarriers(g);
  const path = nodesBetween(
    g.nodes,
    wrt.map(({ name }) => name),
    seeds.map(({ value }) => value.name),
    (node, output) => !isNonDifferentiable(node.opType) && carriesGradient(output, g.value(output)),
  );
  checkRules(path, rules);
  const dependent = new Set(wrt.map((value) => value.name));
  for (const node of path) for (const output of node.outputs) dependent.add(output);

  const contributions = new Map<string, Value[]>();
  const contribute = (value: Value, cotangent: Value): void => {
    const list = contributions.get(value.name);
    if (list === undefined) contributions.set(value.name, [cotangent]);
    else list.push(cotangent);
  };
  const total = (value: Value): Value | undefined =>
    contributions.get(value.name)?.reduce((sum, cotangent) => g.op("Add", [sum, cotangent]));

  const asked = new Set(wrt.map((value) => value.name));
  /** Of what was asked for and lies between other values and the seeds: complete once the sweep reaches its node. */
  const reached = new Map<string, Value>();
  for (const { value, cotangent } of seeds) contribute(value, cotangent);
  for (const node of path.toReversed()) {
    g.scope(`${node.name || node.outputs[0]}/vjp`, () => {
      const outputs = node.outputs.filter((name) => name !== "").map((name) => g.value(name));
      const cotangents = node.outputs.map((name) => (name === "" ? undefined : total(g.value(name))));
      for (const output of outputs) contributions.delete(output.name);
      node.outputs.forEach((name, i) => {
        const cotangent = cotangents[i];
        if (cotangent !== undefined && asked.has(name)) reached.set(name, cotangent);
      });
      if (cotangents.every((cotangent) => cotangent === undefined)) return;
      const inputs = node.inputs.map((name) => (name === "" ? undefined : g.value(name)));
      const wants = (i: number): boolean =>
        inputs[i] !== undefined && dependent.has(inputs[i].name) && carriesGradient(node.inputs[i], inputs[i]);
      const where = describeNode(node);
      const rule = rules[node.opType as keyof RuleTable];
      const results = rule({ g, node, where, attributes: attributesOf(node), inputs, outputs, cotangents, wants });
      results.forEach((cotangent, i) => {
        if (cotangent === undefined || !wants(i)) return;
        if (!sameShape(cotangent.shape, inputs[i]!.shape)) {
          throw new UnsupportedError({
            where,
            what: `the rule's cotangent of input ${i} has another shape than the input`,
            expected: `[${inputs[i]!.shape.join(", ")}]`,
            got: `[${cotangent.shape.join(", ")}]`,
          });
        }
        contribute(inputs[i]!, cotangent);
      });
    });
  }
  return wrt.map(
    (value) =>
      reached.get(value.name) ?? total(value) ?? g.op("Expand", [g.scalar(0, value.dtype), g.ints(value.shape)]),
  );
}

/**
 * Whether a value can have a cotangent: floating-point numbers, and the integers that QuantizeLinear makes of them and that
 * pooling and movement pass on. Their cotangents are real numbers, as the straight-through estimator wants it.
 */
function gradientCarriers(g: GraphBuilder): (name: string, value: Value) => boolean {
  const quantized = new Set<string>();
  for (const { opType, inputs, outputs } of g.nodes) {
    const passesOn = !isNonDifferentiable(opType) && opType !== "DequantizeLinear" && quantized.has(inputs[0]);
    if (opType === "QuantizeLinear" || passesOn) quantized.add(outputs[0]);
  }
  return (name, value) => isDifferentiableType(value) || quantized.has(name);
}

function checkRules(nodes: readonly Node[], rules: RuleTable): void {
  const missing = nodes.filter((node) => !Object.hasOwn(rules, node.opType));
  if (missing.length === 0) return;
  const list = groupByOperator(missing);
  throw new UnsupportedError({
    where: "differentiate",
    what: `no VJP rule for ${list.length} operator${list.length > 1 ? "s" : ""}: ${list.join("; ")}`,
    advice: "OPERATORS.md lists what is supported.",
  });
}
