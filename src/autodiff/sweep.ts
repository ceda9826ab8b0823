/** @file The reverse sweep: it knows no operator, only the table of rules. */
import { checkForm, checkKeys, UnsupportedError } from "../errors.ts";
import { attributesOf } from "../onnx/attributes.ts";
import type { GraphBuilder, Value } from "../onnx/builder.ts";
import { describeNode, groupByOperator, type Node } from "../onnx/model.ts";
import { sameShape } from "../tensor/shape.ts";
import { zeros } from "./adjoints/linear-maps.ts";
import { cotangentMap } from "./cotangent-map.ts";
import { gradientPath } from "./gradient-path.ts";
import { realView } from "./real-view.ts";
import type { VjpCall } from "./rule.ts";
import { type RuleTable, vjpRules } from "./rules/index.ts";

/** A value and the cotangent with which the sweep starts there, of the same shape. */
export interface CotangentSeed {
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
  options: { seeds: readonly CotangentSeed[]; wrt: readonly Value[]; rules?: RuleTable },
): Value[] {
  checkKeys("appendVjp", options, ["seeds", "wrt", "rules"]);
  checkForm("appendVjp: g", g, ["nodes", "value", "has", "producer"]);
  checkForm("appendVjp: options", options, ["seeds", "wrt"]);
  const { seeds, wrt, rules = vjpRules } = options;
  const asked = new Set(wrt.map(({ name }) => name));
  const ends = seeds.map(({ value }) => value.name);
  const { nodes: path, carriesGradient } = gradientPath(g, asked, ends);
  checkRules(path, rules);
  const dependent = new Set([...asked, ...path.flatMap(({ outputs }) => outputs)]);
  const isWanted = (input: Value | undefined): input is Value =>
    input !== undefined && dependent.has(input.name) && carriesGradient(input);
  const cotangents = cotangentMap(g, asked);

  const pull = (node: Node): void => {
    const taken = node.outputs.map((name) => cotangents.take(name));
    if (taken.every((cotangent) => cotangent === undefined)) return;
    const [inputs, call] = callOf(g, node, path, isWanted);
    const pulled = rules[node.opType as keyof RuleTable]({ ...call, cotangents: taken });
    for (const [i, cotangent] of pulled.entries()) {
      const input = inputs[i];
      if (cotangent === undefined || !isWanted(input)) continue;
      checkShape(call.where, i, cotangent, input);
      cotangents.add(input.name, cotangent);
    }
  };

  for (const { value, cotangent } of seeds) cotangents.add(value.name, cotangent);
  for (const node of path.toReversed()) g.scope(`${node.name || node.outputs[0]}/vjp`, () => pull(node));
  return wrt.map((value) => cotangents.take(value.name) ?? zeros(g, value));
}

/** The inputs of `node` as they are, and what its rule is told but for the cotangents: there, values that were rounded are those before it. */
function callOf(
  g: GraphBuilder,
  node: Node,
  path: readonly Node[],
  isWanted: (input: Value | undefined) => input is Value,
): [inputs: (Value | undefined)[], call: Omit<VjpCall, "cotangents">] {
  const given = (name: string): Value | undefined => (name === "" ? undefined : g.value(name));
  const [inputs, outputs] = [node.inputs.map(given), node.outputs.map(given)];
  const real = realView(g, node, inputs.filter(isWanted));
  const [where, attributes] = [describeNode(node), attributesOf(node)];
  const wants = (i: number): boolean => isWanted(inputs[i]);
  return [inputs, { g, node, path, where, attributes, inputs: inputs.map(real), outputs: outputs.map(real), wants }];
}

function checkShape(where: string, index: number, cotangent: Value, input: Value): void {
  if (sameShape(cotangent.shape, input.shape)) return;
  throw new UnsupportedError({
    where,
    what: `the rule's cotangent of input ${index} has another shape than the input`,
    expected: `[${input.shape.join(", ")}]`,
    got: `[${cotangent.shape.join(", ")}]`,
  });
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
