/**
 * @file Bringing a model to one version of the standard operator set, so that rules know operators in their newest form only.
 *
 * One small function per operator and version that changed what a node means; versions that only widened types or gave new
 * attributes defaults that keep the old meaning need none. The sources are the operators' changelogs (onnx/docs/Changelog.md).
 * Attributes that became inputs appear as Constant nodes, which the clean-up turns into initializers.
 */
import { BadInputError, checkForm, checkKeys, UnsupportedError } from "../../errors.ts";
import { type DataType, type Tensor, tensorOf } from "../../tensor/tensor.ts";
import { attributesFrom, attributesOf } from "../attributes.ts";
import { freshNames } from "../fresh-names.ts";
import { mapGraphs } from "../inner-graphs.ts";
import { int64Tensor } from "../int64.ts";
import {
  type Attribute,
  describeNode,
  type FunctionDefinition,
  type Graph,
  initializerOf,
  type Model,
  type Node,
  tensorOfInitializer,
  type ValueInfo,
} from "../model.ts";
import { shapeHintsOf } from "../shape-hints.ts";
import { oldestUpgrades, replaceExperiment, without } from "./upgrade-oldest.ts";

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
 * UnsupportedError for what has no newer form (BatchNormalization per activation), a BadInputError if no standard operator set is imported.
 */
export function upgradeOpset(model: Model, options: UpgradeOpsetOptions = {}): Model {
  checkForm("upgradeOpset: model", model, ["graph", "opsets"]);
  checkKeys("upgradeOpset", options, ["target", "where"]);
  const { target = canonicalOpset, where = "the model" } = options;
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

/** What a rewrite can ask of the graph around its node, and add to it. */
export interface UpgradeContext {
  /** Adds a constant; the name of its value, made from `wish`. */
  constant(wish: string, tensor: Tensor): string;
  fresh(wish: string): string;
  /** The extents of a value, undefined where they are unknown; undefined if not even their number is known. */
  shapeOf(name: string): readonly unknown[] | undefined;
  /** The element type of a value where it is declared. */
  dtypeOf(name: string): DataType | undefined;
  /** The value of an initializer or a Constant node. */
  valueOf(name: string): Tensor | undefined;
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
  return [...own(oldestUpgrades), ...own(upgrades)];
}

/** The nodes that mean from version `since` on what `node` meant before. */
export interface Upgrade {
  readonly since: number;
  readonly rewrite: (node: Node, context: UpgradeContext) => readonly Node[];
}

/** `inputs` with `name` at `index`; left-out inputs before it are empty. */
function withInput(inputs: readonly string[], index: number, name: string): string[] {
  const next = [...inputs];
  while (next.length <= index) next.push("");
  next[index] = name;
  return next;
}

/** Integer attributes that became inputs, each with the index of its input; one that is absent stays a left-out input. */
function intsToInputs(since: number, positions: Readonly<Record<string, number>>): Upgrade {
  return {
    since,
    rewrite(node, context) {
      let { inputs } = node;
      for (const [name, index] of Object.entries(positions)) {
        const values = attributesOf(node).has(name) ? attributesOf(node).ints(name) : [];
        if (values.length === 0) continue;
        inputs = withInput(inputs, index, context.constant(`${node.outputs[0]}_${name}`, int64Tensor(values)));
      }
      return [{ ...without(node, ...Object.keys(positions)), inputs }];
    },
  };
}

const axesToInput = (since: number): readonly Upgrade[] => [intsToInputs(since, { axes: 1 })];

/** Clip's bounds became inputs. */
const clip: Upgrade = {
  since: 11,
  rewrite(node, context) {
    const attributes = attributesOf(node);
    let { inputs } = node;
    for (const [index, name] of ["min", "max"].entries()) {
      if (!attributes.has(name)) continue;
      const dtype = context.dtypeOf(node.inputs[0]) ?? "float32";
      const bound = tensorOf(dtype, [attributes.float(name)], []);
      inputs = withInput(inputs, index + 1, context.constant(`${node.outputs[0]}_${name}`, bound));
    }
    return [{ ...without(node, "min", "max"), inputs }];
  },
};

/** Dropout's ratio became an input, which inference does not read. */
const dropout: Upgrade = {
  since: 12,
  rewrite: (node) => [without(node, "ratio")],
};

/** Pad's amounts and value became inputs. */
const pad: Upgrade = {
  since: 11,
  rewrite(node, context) {
    const attributes = attributesOf(node);
    let inputs: readonly string[] = [
      node.inputs[0],
      context.constant(`${node.outputs[0]}_pads`, int64Tensor(attributes.ints("pads"))),
    ];
    const value = attributes.float("value", 0);
    if (value !== 0) {
      const dtype = context.dtypeOf(node.inputs[0]) ?? "float32";
      inputs = [...inputs, context.constant(`${node.outputs[0]}_value`, tensorOf(dtype, [value], []))];
    }
    return [{ ...without(node, "pads", "value"), inputs }];
  },
};

/** TopK's k became an input. */
const topK: Upgrade = {
  since: 10,
  rewrite(node, context) {
    const k = context.constant(`${node.outputs[0]}_k`, int64Tensor([attributesOf(node).int("k")]));
    return [{ ...without(node, "k"), inputs: [node.inputs[0], k] }];
  },
};

/** Split into equal parts must say how many. */
const splitEqually: Upgrade = {
  since: 18,
  rewrite(node) {
    if ((node.inputs[1] ?? "") !== "") return [node];
    const count = attributesFrom({ num_outputs: node.outputs.length });
    return [{ ...node, inputs: [node.inputs[0]], attributes: { ...node.attributes, ...count } }];
  },
};

/**
 * Before version 13 Softmax, LogSoftmax and Hardmax saw a matrix: the axes before `axis` made its rows, the others its
 * columns. That is the newer form where `axis` is the last one, or all later extents are 1; otherwise it takes reshaping.
 */
const alongColumns: Upgrade = {
  since: 13,
  rewrite(node, context) {
    const axis = attributesOf(node).int("axis", 1);
    const shape = context.shapeOf(node.inputs[0]);
    const after = shape?.slice(axis < 0 ? axis + shape.length : axis).slice(1);
    if (axis === -1 || after?.length === 0) {
      return [{ ...node, attributes: { ...node.attributes, ...attributesFrom({ axis: -1 }) } }];
    }
    if (after?.every((extent) => extent === 1)) {
      return [{ ...node, attributes: { ...node.attributes, ...attributesFrom({ axis }) } }];
    }
    const [input, output] = [node.inputs[0], node.outputs[0]];
    const [extents, flat, result] = ["shape", "flat", "flat_result"].map((part) => context.fresh(`${output}_${part}`));
    const plain = { domain: "", name: "", attributes: {} };
    return [
      { ...plain, opType: "Shape", inputs: [input], outputs: [extents] },
      { ...plain, opType: "Flatten", inputs: [input], outputs: [flat], attributes: attributesFrom({ axis }) },
      { ...node, inputs: [flat], outputs: [result], attributes: attributesFrom({ axis: -1 }) },
      { ...plain, opType: "Reshape", inputs: [result, extents], outputs: [output] },
    ];
  },
};

/** Per-activation statistics ended with version 9. */
const spatialStatistics: Upgrade = {
  since: 9,
  rewrite(node) {
    if (attributesOf(node).int("spatial", 1) !== 0) {
      return [without(node, "spatial")];
    }
    throw new UnsupportedError({
      where: describeNode(node),
      what: "BatchNormalization with statistics per activation (spatial = 0) is not supported",
      advice: "Export the model again, with opset 13 or later.",
    });
  },
};

/** Before version 14 more than one output meant training; of these the statistics of the batch itself are gone. */
const inferenceOutput: Upgrade = {
  since: 14,
  rewrite(node) {
    if (node.outputs.slice(1).every((name) => name === "")) return [{ ...node, outputs: [node.outputs[0]] }];
    const attributes = { ...node.attributes, ...attributesFrom({ training_mode: 1 }) };
    return [{ ...node, attributes, outputs: node.outputs.slice(0, 3) }];
  },
};

/** Upsample's scales became an input. */
const scalesToInput: Upgrade = {
  since: 9,
  rewrite(node, context) {
    const scales = attributesOf(node).floats("scales");
    const name = context.constant(`${node.outputs[0]}_scales`, tensorOf("float32", scales, [scales.length]));
    return [{ ...without(node, "scales"), inputs: [node.inputs[0], name] }];
  },
};

/**
 * Before version 11 Resize mapped coordinates without an offset, and `nearest` took the pixel before (or after, where the
 * picture shrinks). Scales that are computed in the graph are taken to enlarge, as those of Upsample must.
 */
const asymmetric: Upgrade = {
  since: 11,
  rewrite(node, context) {
    const [input, scales] = node.inputs;
    const known = context.valueOf(scales)?.data as Float32Array | undefined;
    const factors = Array.from(known ?? []).filter((factor) => factor !== 1);
    const shrinks = factors.length > 0 && factors.every((factor) => factor < 1);
    const mode = attributesOf(node).string("mode", "nearest");
    if (!shrinks && factors.some((factor) => factor < 1) && mode === "nearest") {
      throw new UnsupportedError({
        where: describeNode(node),
        what: "Resize to nearest pixels that enlarges one axis and shrinks another has no newer form",
        advice: "Export the model again, with opset 11 or later.",
      });
    }
    const attributes = attributesFrom({
      coordinate_transformation_mode: "asymmetric",
      nearest_mode: mode === "nearest" ? (shrinks ? "ceil" : "floor") : undefined,
    });
    return [{ ...node, inputs: [input, "", scales], attributes: { ...node.attributes, ...attributes } }];
  },
};

/** RoiAlign's default became half_pixel in version 16; it had been the other one. */
const roiAlign: Upgrade = {
  since: 16,
  rewrite(node) {
    const mode = attributesFrom({ coordinate_transformation_mode: "output_half_pixel" });
    return [{ ...node, attributes: { ...mode, ...node.attributes } }];
  },
};

function renamed(since: number, opType: string): Upgrade {
  return { since, rewrite: (node) => [{ ...node, opType }] };
}

/** By operator, in ascending order of versions. */
const upgrades: Readonly<Record<string, readonly Upgrade[]>> = {
  BatchNormalization: [spatialStatistics, inferenceOutput],
  Clip: [clip],
  Dropout: [dropout],
  Hardmax: [alongColumns],
  LogSoftmax: [alongColumns],
  Pad: [pad],
  ReduceL1: axesToInput(18),
  ReduceL2: axesToInput(18),
  ReduceLogSum: axesToInput(18),
  ReduceLogSumExp: axesToInput(18),
  ReduceMax: axesToInput(18),
  ReduceMean: axesToInput(18),
  ReduceMin: axesToInput(18),
  ReduceProd: axesToInput(18),
  ReduceSum: axesToInput(13),
  ReduceSumSquare: axesToInput(18),
  Resize: [asymmetric],
  RoiAlign: [roiAlign],
  Scatter: [renamed(11, "ScatterElements")],
  Slice: [intsToInputs(10, { starts: 1, ends: 2, axes: 3 })],
  Softmax: [alongColumns],
  Split: [intsToInputs(13, { split: 1 }), splitEqually],
  Squeeze: axesToInput(13),
  TopK: [topK],
  Unsqueeze: axesToInput(13),
  Upsample: [scalesToInput, renamed(10, "Resize")],
};
