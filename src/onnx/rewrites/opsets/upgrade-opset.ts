/**
 * @file Bringing a model to one version of the standard operator set, so that rules know operators in their newest form only.
 *
 * One small function per operator and version that changed what a node means (`upgrade-oldest.ts`, `upgrade-newer.ts`); versions that only widened
 * types or gave new attributes defaults that keep the old meaning need none. The sources are the operators' changelogs (onnx/docs/Changelog.md).
 * Attributes that became inputs appear as Constant nodes, which the clean-up turns into initializers.
 */
import { BadInputError, checkForm, checkKeys, UnsupportedError } from "../../../errors.ts";
import { freshNames } from "../../fresh-names.ts";
import { mapGraphs } from "../../inner-graphs.ts";
import {
  type Attribute,
  type FunctionDefinition,
  type Graph,
  initializerOf,
  type Model,
  type Node,
  tensorOfInitializer,
  type ValueInfo,
} from "../../model.ts";
import { shapeHintsOf } from "../../shape-hints.ts";
import type { Upgrade, UpgradeContext } from "./upgrade.ts";
import { newerUpgrades } from "./upgrade-newer.ts";
import { oldestUpgrades, replaceExperiment } from "./upgrade-oldest.ts";

/** The version that every model is brought to, unless it is of a newer one. */
export const canonicalOpset = 18;
/** The oldest version that can be upgraded. */
export const oldestOpset = 1;
/** The first IR version that may import {@link canonicalOpset}. */
const canonicalIrVersion = 8;

export interface UpgradeOpsetOptions {
  /** The version to reach; a model of a newer one is left as it is. Default: {@link canonicalOpset}. */
  readonly target?: number;
  /** How messages call the model, such as its path. Default "the model". */
  readonly where?: string;
}

/**
 * `model` with its nodes, those of inner graphs and of functions in the form of operator set `target`. Throws an
 * UnsupportedError for what has no newer form (BatchNormalization per activation), a BadInputError if no standard operator set is imported and one is used.
 */
export function upgradeOpset(model: Model, options: UpgradeOpsetOptions = {}): Model {
  checkForm("upgradeOpset: model", model, ["graph", "opsets"]);
  checkKeys("upgradeOpset", options, ["target", "where"]);
  const { target = canonicalOpset, where = "the model" } = options;
  if (importsOthersAlone(model)) {
    const opsets = new Map([...model.opsets, ["", target]]);
    return { ...model, irVersion: Math.max(model.irVersion, canonicalIrVersion), opsets };
  }
  const version = versionOf(model.opsets, where);
  const isCurrent = (opsets: ReadonlyMap<string, number>): boolean => (opsets.get("") ?? target) >= target;
  if (isCurrent(model.opsets) && model.functions.every(({ opsets }) => isCurrent(opsets))) return model;
  return {
    ...model,
    irVersion: Math.max(model.irVersion, canonicalIrVersion),
    opsets: withVersion(model.opsets, target),
    graph: upgradeGraph(model.graph, version, target),
    functions: model.functions.map((definition) => upgradeFunction(definition, target)),
  };
}

/** Whether the model needs no standard operators, as XGBoost's and CatBoost's of trees: what they are written in brings these in. */
function importsOthersAlone({ opsets, graph, functions }: Model): boolean {
  return !opsets.has("") && functions.length === 0 && graph.nodes.every(({ domain }) => domain !== "");
}

function withVersion(opsets: ReadonlyMap<string, number>, target: number): ReadonlyMap<string, number> {
  return new Map([...opsets].map(([domain, version]) => [domain, domain === "" ? Math.max(version, target) : version]));
}

function versionOf(opsets: ReadonlyMap<string, number>, where: string): number {
  const version = opsets.get("");
  if (version === undefined) {
    throw new BadInputError({
      where,
      what: "no standard operator set is imported",
      expected: "an opset_import for ai.onnx",
      advice: "Export the model again.",
    });
  }
  if (version >= oldestOpset) return version;
  throw new UnsupportedError({
    where,
    what: "the operator set is too old",
    expected: `opset ${oldestOpset} or later`,
    got: `opset ${version}`,
    advice: "Export the model again, with opset 13 or later.",
  });
}

function upgradeFunction(definition: FunctionDefinition, target: number): FunctionDefinition {
  const { inputs, nodes, opsets } = definition;
  if (!opsets.has("")) return definition;
  const parameters = inputs.map((name): ValueInfo => ({ name, dtype: undefined, shape: undefined }));
  const body: Graph = {
    name: definition.name,
    inputs: parameters,
    outputs: [],
    nodes,
    initializers: new Map(),
    valueInfo: new Map(),
  };
  const version = versionOf(opsets, `function ${definition.name}`);
  return { ...definition, nodes: upgradeGraph(body, version, target).nodes, opsets: withVersion(opsets, target) };
}

function upgradeGraph(graph: Graph, version: number, target: number): Graph {
  if (version >= target) return graph;
  const fresh = freshNames(graph);
  const hints = shapeHintsOf(graph);
  const infos = new Map(
    [...graph.valueInfo.values(), ...graph.inputs, ...graph.outputs].map((info) => [info.name, info]),
  );
  const constants = new Map(graph.initializers);
  for (const { opType, outputs, attributes } of graph.nodes) {
    const { value } = attributes;
    if (opType === "Constant" && value?.kind === "tensor") constants.set(outputs[0], value.value);
  }
  const nodes: Node[] = [];
  const context: UpgradeContext = {
    constant(wish, tensor) {
      const name = fresh(wish);
      const value: Attribute = { kind: "tensor", value: initializerOf(tensor) };
      nodes.push({ opType: "Constant", domain: "", name: "", inputs: [], outputs: [name], attributes: { value } });
      return name;
    },
    fresh,
    shapeOf: (name) => hints.get(name),
    dtypeOf: (name) => constants.get(name)?.dtype ?? infos.get(name)?.dtype,
    valueOf: (name) => {
      const constant = constants.get(name);
      return constant === undefined ? undefined : tensorOfInitializer(constant, name);
    },
  };
  for (const node of graph.nodes) {
    const inner = { ...node, attributes: mapGraphs(node.attributes, (body) => upgradeGraph(body, version, target)) };
    const upgraded = node.domain === "" ? upgradeNode(inner, version, target, context) : [inner];
    nodes.push(...upgraded);
  }
  return { ...graph, nodes };
}

function upgradeNode(node: Node, version: number, target: number, context: UpgradeContext): Node[] {
  const experiment = version < lastOfExperiments ? replaceExperiment(node, context) : undefined;
  if (experiment !== undefined) return experiment.flatMap((next) => upgradeNode(next, version, target, context));
  const steps = stepsOf(node.opType);
  const step = steps.find(({ since }) => since > version && since <= target);
  if (step === undefined) return [node];
  return step.rewrite(node, context).flatMap((next) => upgradeNode(next, step.since, target, context));
}

/** Operators that were never more than an experiment were taken out in this version. */
const lastOfExperiments = 10;

function stepsOf(operator: string): readonly Upgrade[] {
  const own = (table: Readonly<Record<string, readonly Upgrade[]>>): readonly Upgrade[] =>
    Object.hasOwn(table, operator) ? table[operator] : [];
  return [...own(oldestUpgrades), ...own(newerUpgrades)];
}
