/**
 * @file Operators of onnxruntime's own domain, com.microsoft, quantized ones and scikit-learn's models, rewritten in standard operators on real numbers.
 *
 * onnxruntime writes the former into the models that it optimizes. Each is defined by a few standard operators
 * (onnxruntime/docs/ContribOperators.md), which take its place here, so that rules and kernels need not know them.
 */
import { UnsupportedError } from "../../errors.ts";
import { type Tensor, tensorOf } from "../../tensor/tensor.ts";
import { type AttributeValue, float } from "../attributes.ts";
import { freshNames, freshNodeNames } from "../fresh-names.ts";
import { int64Tensor } from "../int64.ts";
import { describeNode, type Graph, type Initializer, type Node } from "../model.ts";
import { classicalModels } from "./classical/classical-models.ts";
import { unpackedWeights } from "./packed-weights.ts";
import { quantizedOperators } from "./quantized-operators.ts";
import { type Rewrite, type RewriteRule, rewriteOf } from "./rewrite.ts";

const domain = "com.microsoft";

const scalar = (value: number): Tensor => tensorOf("float32", [value], []);

/** `value` (the name of a sum, a product, …) as the first output. */
function finish({ node, into }: Rewrite, opType: string, inputs: readonly string[], attributes = {}): void {
  into([node.outputs[0]], opType, inputs, attributes);
}

/** x + bias, or x where there is no bias. */
function plus({ op }: Rewrite, x: string, bias: string): string {
  return bias === "" ? x : op("Add", [x, bias]);
}

/** ½ x (1 + erf(x / √2)) */
function gelu(rewrite: Rewrite, x: string): void {
  const { op, constant } = rewrite;
  const erf = op("Erf", [op("Mul", [x, constant(scalar(Math.SQRT1_2))])]);
  const half = op("Mul", [x, constant(scalar(0.5))]);
  finish(rewrite, "Mul", [half, op("Add", [erf, constant(scalar(1))])]);
}

/** The activation that a fused operator ends with, on `x`; its `parameters` are those that the node's attributes give. */
function activate(rewrite: Rewrite, x: string, name: string, [alpha, beta]: readonly number[]): void {
  const limit = (value: number | undefined): string => (value === undefined ? "" : rewrite.constant(scalar(value)));
  const activations: Readonly<Record<string, () => void>> = {
    "": () => finish(rewrite, "Identity", [x]),
    Relu: () => finish(rewrite, "Relu", [x]),
    Tanh: () => finish(rewrite, "Tanh", [x]),
    Sigmoid: () => finish(rewrite, "Sigmoid", [x]),
    LeakyRelu: () => finish(rewrite, "LeakyRelu", [x], { alpha: float(alpha ?? 0.01) }),
    HardSigmoid: () => finish(rewrite, "HardSigmoid", [x], { alpha: float(alpha ?? 0.2), beta: float(beta ?? 0.5) }),
    Clip: () => finish(rewrite, "Clip", [x, limit(alpha), limit(beta)]),
  };
  if (Object.hasOwn(activations, name)) {
    activations[name]();
    return;
  }
  throw new UnsupportedError({
    where: describeNode(rewrite.node),
    what: `the fused activation ${name} is not supported`,
    expected: Object.keys(activations).filter(Boolean).join(", "),
    advice: "Save the model with less optimization (ORT_ENABLE_BASIC), or use it as it was before.",
  });
}

const convolution = ["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"];
const product = ["alpha", "beta", "transA", "transB"];

/** The attributes of `node` with these names, as they are. */
function kept({ attributes }: Node, names: readonly string[]): Node["attributes"] {
  return Object.fromEntries(Object.entries(attributes).filter(([name]) => names.includes(name)));
}

/**
 * A factor of FusedMatMul as MatMul takes it. Its last two axes may be exchanged (`trans`), and the first one may come after
 * the batch axes (`transBatch`).
 */
function factor({ op }: Rewrite, x: string, trans: boolean, transBatch: boolean): string {
  if (!trans && !transBatch) return x;
  const from = transBatch ? "i...j" : "...ij";
  return op("Einsum", [x], { equation: `${from}->${trans ? "...ji" : "...ij"}` });
}

const channelsLast = { perm: [0, 2, 3, 1] };

/** [N, H, W, C] as [N, C, H, W]. */
function channelsFirst({ op }: Rewrite, x: string): string {
  return op("Transpose", [x], { perm: [0, 3, 1, 2] });
}

/** Sum, layer normalization of the sum, and the sum itself as the fourth output. */
const skipped =
  (normalize: (rewrite: Rewrite, sum: string) => void): RewriteRule =>
  (rewrite) => {
    const { node, op, into, input } = rewrite;
    const biasIndex = node.opType === "SkipLayerNormalization" ? 4 : 3;
    const sum = plus(rewrite, op("Add", [input(0), input(1)]), input(biasIndex));
    normalize(rewrite, sum);
    if (node.outputs[3]) into([node.outputs[3]], "Identity", [sum]);
  };

/** x / √(mean x² + ε) · scale, over the last axis or all from `axis` on. */
function rootMeanSquareNormalize(rewrite: Rewrite, x: string, scale: string): void {
  const { op, constant, attributes, node } = rewrite;
  if (attributes.int("axis", -1) !== -1) throw unsupportedAxis(node);
  const squares = op("ReduceMean", [op("Mul", [x, x]), constant(int64Tensor([-1]))], { keepdims: 1 });
  const root = op("Sqrt", [op("Add", [squares, constant(scalar(attributes.float("epsilon", 1e-5)))])]);
  finish(rewrite, "Mul", [op("Div", [x, root]), scale]);
}

function unsupportedAxis(node: Node): UnsupportedError {
  return new UnsupportedError({
    where: describeNode(node),
    what: "a normalization over several axes is not supported here",
    expected: "axis -1",
  });
}

const rules: Readonly<Record<string, RewriteRule>> = {
  FusedConv(rewrite) {
    const { node, attributes, input, op } = rewrite;
    const inputs = [input(0), input(1), input(2)];
    while (inputs.at(-1) === "") inputs.pop();
    const sum = plus(rewrite, op("Conv", inputs, attributesAsValues(kept(node, convolution))), input(3));
    activate(rewrite, sum, attributes.string("activation", ""), attributes.floats("activation_params", []));
  },
  FusedGemm(rewrite) {
    const { node, attributes, input, op } = rewrite;
    const inputs = [input(0), input(1), input(2)];
    while (inputs.at(-1) === "") inputs.pop();
    const parameters = ["activation_alpha", "activation_beta"].flatMap((name) =>
      attributes.has(name) ? [attributes.float(name)] : [],
    );
    const result = op("Gemm", inputs, attributesAsValues(kept(node, product)));
    activate(rewrite, result, attributes.string("activation", ""), parameters);
  },
  FusedMatMul(rewrite) {
    const { attributes, input, op, constant } = rewrite;
    const isSet = (name: string): boolean => attributes.int(name, 0) !== 0;
    const a = factor(rewrite, input(0), isSet("transA"), isSet("transBatchA"));
    const b = factor(rewrite, input(1), isSet("transB"), isSet("transBatchB"));
    const alpha = attributes.float("alpha", 1);
    if (alpha === 1) finish(rewrite, "MatMul", [a, b]);
    else finish(rewrite, "Mul", [op("MatMul", [a, b]), constant(scalar(alpha))]);
  },
  Gelu: (rewrite) => gelu(rewrite, rewrite.input(0)),
  BiasGelu: (rewrite) => gelu(rewrite, plus(rewrite, rewrite.input(0), rewrite.input(1))),
  /** ½ x (1 + tanh(√(2/π) (x + 0.044715 x³))) */
  FastGelu(rewrite) {
    const { op, constant, input } = rewrite;
    const x = plus(rewrite, input(0), input(1));
    const cubic = op("Add", [op("Mul", [op("Mul", [x, x]), constant(scalar(0.044715))]), constant(scalar(1))]);
    const inner = op("Mul", [op("Mul", [x, cubic]), constant(scalar(Math.sqrt(2 / Math.PI)))]);
    const sum = op("Add", [op("Tanh", [inner]), constant(scalar(1))]);
    finish(rewrite, "Mul", [op("Mul", [x, constant(scalar(0.5))]), sum]);
  },
  QuickGelu(rewrite) {
    const { op, constant, input, attributes } = rewrite;
    const gate = op("Sigmoid", [op("Mul", [input(0), constant(scalar(attributes.float("alpha", 1.702)))])]);
    finish(rewrite, "Mul", [input(0), gate]);
  },
  LayerNormalization: (rewrite) => {
    const { node, into, attributes } = rewrite;
    into(node.outputs, "LayerNormalization", node.inputs, {
      axis: attributes.int("axis", -1),
      epsilon: float(attributes.float("epsilon", 1e-5)),
    });
  },
  SimplifiedLayerNormalization: (rewrite) => rootMeanSquareNormalize(rewrite, rewrite.input(0), rewrite.input(1)),
  SkipLayerNormalization: skipped((rewrite, sum) => {
    const { node, input, into, attributes } = rewrite;
    const parameters = input(3) === "" ? [input(2)] : [input(2), input(3)];
    into(node.outputs.slice(0, 3), "LayerNormalization", [sum, ...parameters], {
      axis: -1,
      epsilon: float(attributes.float("epsilon", 1e-12)),
    });
  }),
  /**
   * Channels last: [N, H, W, C] and kernels [M, kH, kW, C / group], with the bias of Conv
   * (onnxruntime's transformers/fusion_nhwc_conv.py writes it so).
   */
  NhwcConv(rewrite) {
    const { node, op, input } = rewrite;
    const planes = channelsFirst(rewrite, input(0));
    const kernels = channelsFirst(rewrite, input(1));
    const inputs = input(2) === "" ? [planes, kernels] : [planes, kernels, input(2)];
    finish(rewrite, "Transpose", [op("Conv", inputs, attributesAsValues(kept(node, convolution)))], channelsLast);
  },
  /** Groups of channels normalized, then scaled and shifted per channel; `activation` 1 is SiLU. */
  GroupNorm(rewrite) {
    const { node, attributes, op, constant, input } = rewrite;
    const activation = attributes.int("activation");
    if (activation !== 0 && activation !== 1) {
      throw new UnsupportedError({
        where: describeNode(node),
        what: "unknown activation",
        expected: "0 (none) or 1 (SiLU)",
        got: String(activation),
      });
    }
    const isLast = attributes.int("channels_last", 1) !== 0;
    const planes = isLast ? channelsFirst(rewrite, input(0)) : input(0);
    const groups = attributes.int("groups");
    const runs = op("Reshape", [planes, constant(int64Tensor([0, groups, -1]))]);
    const each = (value: number): string =>
      constant(tensorOf("float32", new Array<number>(groups).fill(value), [groups]));
    const standard = op("InstanceNormalization", [runs, each(1), each(0)], {
      epsilon: float(attributes.float("epsilon", 1e-5)),
    });
    const perChannel = (index: number): string => op("Reshape", [input(index), constant(int64Tensor([-1, 1, 1]))]);
    const scaled = op("Mul", [op("Reshape", [standard, op("Shape", [planes])]), perChannel(1)]);
    const shifted = op("Add", [scaled, perChannel(2)]);
    const result = activation === 0 ? shifted : op("Mul", [shifted, op("Sigmoid", [shifted])]);
    if (isLast) finish(rewrite, "Transpose", [result], channelsLast);
    else finish(rewrite, "Identity", [result]);
  },
  /** x Wᵀ of weights [N, K] that are packed in blocks along K, each with its scale and zero point; then the bias. */
  MatMulNBits(rewrite) {
    const { input, op, constant } = rewrite;
    const weights = constant(unpackedWeights(rewrite));
    finish(rewrite, "Identity", [plus(rewrite, op("MatMul", [input(0), weights]), input(5))]);
  },
  SkipSimplifiedLayerNormalization: skipped((rewrite, sum) => rootMeanSquareNormalize(rewrite, sum, rewrite.input(2))),
};

/** Attributes that were read, in the form in which they are written. */
function attributesAsValues(attributes: Node["attributes"]): Record<string, AttributeValue> {
  return Object.fromEntries(
    Object.entries(attributes).map(([name, attribute]): [string, AttributeValue] => {
      const { kind, value } = attribute as { kind: string; value: number & readonly number[] & string };
      return [name, kind === "float" || kind === "floats" ? float(value) : value];
    }),
  );
}

/** Standard by name, but only since opset 17 or never: onnxruntime writes them into the standard domain at any opset. */
const alsoUnderStandardDomain = new Set(["SimplifiedLayerNormalization"]);

function ruleOf(node: Node): RewriteRule | undefined {
  if (node.domain === "ai.onnx.ml")
    return Object.hasOwn(classicalModels, node.opType) ? classicalModels[node.opType] : undefined;
  const isKnown = node.domain === domain || node.domain === "";
  if (isKnown && Object.hasOwn(quantizedOperators, node.opType)) return quantizedOperators[node.opType];
  const isOurs = node.domain === domain || (node.domain === "" && alsoUnderStandardDomain.has(node.opType));
  return isOurs && Object.hasOwn(rules, node.opType) ? rules[node.opType] : undefined;
}

/** The names of com.microsoft's operators that {@link decomposeFusedOperators} takes in, but for quantized ones. */
export const fusedOperatorNames: readonly string[] = Object.keys(rules);

/** Whether {@link decomposeFusedOperators} takes `node` in. */
export function isRewritable(node: Node): boolean {
  return ruleOf(node) !== undefined;
}

/** `graph` with the com.microsoft and quantized operators that this package knows in standard operators; others stay, to be refused by name. */
export function decomposeFusedOperators(graph: Graph): Graph {
  if (!graph.nodes.some(isRewritable)) return graph;
  const initializers = new Map<string, Initializer>(graph.initializers);
  const target = {
    fresh: freshNames(graph),
    freshNode: freshNodeNames(graph),
    define: (name: string, initializer: Initializer) => initializers.set(name, initializer),
    initializer: (name: string) => initializers.get(name),
  };
  const nodes = graph.nodes.flatMap((node) => {
    const rule = ruleOf(node);
    if (rule === undefined) return [node];
    const { rewrite, made } = rewriteOf(node, target);
    rule(rewrite);
    return made;
  });
  return { ...graph, nodes, initializers };
}
