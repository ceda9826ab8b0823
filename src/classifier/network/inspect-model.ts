/** @file What can be said of a model without running it: its layers, what has a gradient, and what stands in the way. */
import { isNonDifferentiable, vjpRules } from "../../autodiff/rules/index.ts";
import { checkForm, PerceptualBallError } from "../../errors.ts";
import { inferShapesIfValid } from "../../onnx/infer-shapes.ts";
import { describeNode, type Model, type Node, type ValueInfo, type ValueType } from "../../onnx/model.ts";
import { isOperator } from "../../onnx/operators/table.ts";
import { type ResourceNeeds, resourceNeeds } from "../../onnx/resource-needs.ts";
import { canonicalForm } from "../../onnx/rewrites/canonical-form.ts";
import { isRewritable } from "../../onnx/rewrites/decompose-fused-operators.ts";
import { isUnfoldable } from "../../onnx/rewrites/unfold-operators.ts";
import { type Shape, sizeOf } from "../../tensor/tensor.ts";
import type { Classifier } from "../classifier.ts";

/** Whether a cotangent passes an operation: by a rule, not by design (comparisons, rounding), or not because nobody wrote it. */
export type GradientState = "rule" | "none by design" | "missing";

export interface InspectedLayer {
  readonly index: number;
  readonly operator: string;
  readonly ordinal: number;
  /** Of its output. */
  readonly name: string;
  /** Of its output; null where it could not be worked out. */
  readonly shape: Shape | null;
  readonly parameters: number;
  readonly gradient: GradientState;
}

export interface Inspection {
  /** "works", or what the model is blocked by. */
  readonly verdict: string;
  readonly works: boolean;
  /** What to do where it is blocked, as the message says; null where it works, or nothing is known that would help. */
  readonly wayOut: string | null;
  readonly producer: string;
  readonly irVersion: number;
  readonly opsets: Readonly<Record<string, number>>;
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly layers: readonly InspectedLayer[];
  readonly parameters: number;
  /** What a run forward takes for one picture, by the shapes; null where they could not be worked out. */
  readonly needs: ResourceNeeds | null;
  /** What to know of how the model is computed: other precision, gradients that are conventions. */
  readonly notes: readonly string[];
  /** Operators that stand in the way, with the nodes that use them. */
  readonly unsupported: Readonly<Record<string, readonly string[]>>;
}

/** The description of `model`; `open` makes it a classifier, or throws what stands in the way. */
export function inspectModel(
  model: Model,
  open: () => Classifier,
): { inspection: Inspection; classifier?: Classifier } {
  checkForm("inspectModel: model", model, ["graph", "opsets"]);
  checkForm("inspectModel: open", open, "function");
  const { classifier, blocker, wayOut = null } = attempt(open);
  const layers = classifier === undefined ? rawLayers(model) : workingLayers(classifier);
  const unsupported: Record<string, string[]> = {};
  if (classifier === undefined) {
    const functions = new Set(model.functions.map(({ domain, name }) => `${domain}.${name}`));
    const nodes = [...model.graph.nodes, ...model.functions.flatMap((definition) => definition.nodes)];
    for (const node of nodes) {
      if (isOperator(node) || isRewritable(node) || functions.has(`${node.domain}.${node.opType}`)) continue;
      const operator = node.domain === "" ? node.opType : `${node.domain}.${node.opType}`;
      // Most loops and recurrent networks are written out: those that are not are what the blocker names.
      if (isUnfoldable(node) && blocker?.includes(`${operator} (`) !== true) continue;
      unsupported[operator] ??= [];
      unsupported[operator].push(node.name || node.outputs[0]);
    }
  }
  const inspection: Inspection = {
    verdict: blocker === undefined ? "works" : `blocked by: ${blocker}`,
    works: blocker === undefined,
    wayOut,
    producer: [model.producerName, model.producerVersion].filter((part) => part !== "").join(" ") || "unknown",
    irVersion: model.irVersion,
    opsets: Object.fromEntries([...model.opsets].map(([domain, version]) => [domain || "ai.onnx", version])),
    inputs: model.graph.inputs.filter(({ name }) => !model.graph.initializers.has(name)).map(describeValue),
    outputs: model.graph.outputs.map(describeValue),
    layers,
    parameters: layers.reduce((sum, layer) => sum + layer.parameters, 0),
    needs: classifier === undefined ? null : needsOf(classifier),
    notes: classifier?.prepared.notes ?? [],
    unsupported,
  };
  return { inspection, classifier };
}

/** Of a model that is bound to a batch, the operations are those for one of its pictures; its memory is needed whole. */
function needsOf({ prepared }: Classifier): ResourceNeeds {
  const batch = prepared.fixedBatch ?? 1;
  const needs = resourceNeeds(prepared.typed(batch));
  return { ...needs, operations: needs.operations / batch };
}

function attempt(open: () => Classifier): { classifier?: Classifier; blocker?: string; wayOut?: string } {
  try {
    return { classifier: open() };
  } catch (error) {
    if (error instanceof PerceptualBallError) return { blocker: error.message, wayOut: error.complaint.advice };
    throw error;
  }
}

function workingLayers({ layers }: Classifier): InspectedLayer[] {
  return layers.map(({ index, operator, ordinal, name, shape, parameters }) => ({
    index,
    operator,
    ordinal,
    name,
    shape,
    parameters,
    gradient: gradientStateOf(operator),
  }));
}

/** The operations as they stand in the file, for models that do not work. */
function rawLayers(model: Model): InspectedLayer[] {
  const { graph } = model;
  const types = typesOfOne(model);
  const ordinals = new Map<string, number>();
  return graph.nodes
    .filter(({ opType }) => opType !== "Constant" && opType !== "Identity")
    .map((node, index) => {
      const operator = node.domain === "" ? node.opType : `${node.domain}.${node.opType}`;
      const ordinal = ordinals.get(operator) ?? 0;
      ordinals.set(operator, ordinal + 1);
      const name = node.outputs.find((output) => output !== "") ?? describeNode(node);
      const declared = graph.valueInfo.get(name)?.shape ?? graph.outputs.find((output) => output.name === name)?.shape;
      const isDeclared = declared?.every((extent) => typeof extent === "number");
      const shape = isDeclared ? (declared as Shape) : (types.get(name)?.shape ?? null);
      const gradient = isOperator(node) ? gradientStateOf(node.opType) : "missing";
      return { index, operator, ordinal, name, shape, parameters: weightsOf(node, graph.initializers), gradient };
    });
}

/** What is known of the values for one picture: by their shapes somebody finds the one that holds the scores. Empty where the shapes cannot be worked out. */
function typesOfOne(model: Model): ReadonlyMap<string, ValueType> {
  try {
    const { graph } = canonicalForm(model).model;
    const ofOne = graph.inputs.flatMap(({ name, shape }) => {
      if (shape === undefined) return [];
      return [[name, shape.map((extent, axis) => (axis === 0 && typeof extent !== "number" ? 1 : extent))]];
    });
    return inferShapesIfValid(graph, { inputShapes: Object.fromEntries(ofOne) })?.types ?? new Map();
  } catch (error) {
    if (error instanceof PerceptualBallError) return new Map();
    throw error;
  }
}

function weightsOf(node: Node, initializers: Model["graph"]["initializers"]): number {
  return node.inputs.reduce((sum, input) => {
    const initializer = initializers.get(input);
    return initializer?.dtype.includes("float") ? sum + sizeOf(initializer.shape) : sum;
  }, 0);
}

function gradientStateOf(operator: string): GradientState {
  if (isNonDifferentiable(operator)) return "none by design";
  return Object.hasOwn(vjpRules, operator) ? "rule" : "missing";
}

/** "input: float32 [N, 3, 224, 224]". */
function describeValue({ name, dtype, shape }: ValueInfo): string {
  return `${name}: ${dtype ?? "?"} ${shape === undefined ? "of unknown shape" : `[${shape.map((extent) => extent ?? "?").join(", ")}]`}`;
}
