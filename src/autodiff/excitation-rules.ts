/**
 * @file Excitation backpropagation as rule tables: a probability handed down from winner to winner.
 *
 * Source: Zhang et al., "Top-down Neural Attention by Excitation Backprop", 2016: equation (10), p(a_i | a_j) = a_i w⁺_ij / Σ a_k w⁺_kj,
 * and section 3.4 for the contrastive form. What happens at each operator is said in {@link treatments}; the sum of p is conserved
 * wherever an output has an excitatory input.
 *
 * Conventions: an output that nothing excites hands nothing down (its p is lost); inputs below zero excite nothing, so at the image,
 * behind linear bottlenecks and behind leaky or smooth activations x⁺ = max(x, 0) takes the place of x. BatchNormalization passes p
 * on, so it must not be folded into the convolution before it; in a model whose exporter has folded it, W⁺ is that of the folded weights.
 *
 * Deviation: TorchRay divides element-wise sums by a + b, which may be negative or zero; here a⁺ / (a⁺ + b⁺) with a guard. For the
 * non-negative inputs of a chain of ReLUs the two agree.
 */
import type { GraphBuilder, Value } from "../onnx/builder.ts";
import type { Node } from "../onnx/model.ts";
import { sizeOf } from "../tensor/tensor.ts";
import { activationProductOf } from "./activation-products.ts";
import { type Differentiable, type RuleTable, vjpRules } from "./rules/index.ts";
import { excitationOf } from "./treatments.ts";
import { unbroadcast } from "./unbroadcast.ts";
import type { VjpCall, VjpRule } from "./vjp-rule.ts";

/** Keeps p / 0 finite; what it is then multiplied by is 0. */
const guard = 1e-20;

/** p / (z + guard) */
function quotient(g: GraphBuilder, p: Value, z: Value): Value {
  return g.op("Div", [p, g.op("Add", [z, g.scalar(guard, z.dtype)])]);
}

function producer(g: GraphBuilder, value: Value): Node | undefined {
  return g.nodes.find(({ outputs }) => outputs.includes(value.name));
}

const nonNegative: ReadonlySet<string> = new Set(["Relu", "Sigmoid", "HardSigmoid", "Softmax", "Abs", "Softplus"]);
/** Operators whose output is not negative where their first input is not. */
const signKeeping: ReadonlySet<string> = new Set([
  ...["AveragePool", "GlobalAveragePool", "MaxPool", "GlobalMaxPool", "ReduceMean", "ReduceSum", "ReduceMax"],
  ...["Flatten", "Reshape", "Transpose", "Squeeze", "Unsqueeze", "Slice", "Split", "Dropout", "Identity"],
]);

function isNonNegative(g: GraphBuilder, value: Value): boolean {
  const node = producer(g, value);
  if (node === undefined) return false;
  if (nonNegative.has(node.opType)) return true;
  if (node.opType === "Clip") return (g.known(g.value(node.inputs[1] || node.inputs[0]))?.data[0] ?? -1) >= 0;
  if (node.opType === "Concat") return node.inputs.every((input) => isNonNegative(g, g.value(input)));
  return signKeeping.has(node.opType) && isNonNegative(g, g.value(node.inputs[0]));
}

/** x⁺ */
function positivePart(g: GraphBuilder, value: Value): Value {
  return isNonNegative(g, value) ? value : g.op("Relu", [value]);
}

type Weights = (g: GraphBuilder, value: Value) => Value;

/** W⁺ of weights, and of activations that act as weights. */
const excitatory: Weights = positivePart;
/** (−W)⁺: the positive weights of the network that says the opposite. */
const inhibitory: Weights = (g, value) => g.op("Relu", [g.op("Neg", [value])]);

const moving: ReadonlySet<string> = new Set(["Reshape", "Transpose", "Squeeze", "Unsqueeze", "Expand", "Cast"]);
const gates: ReadonlySet<string> = new Set(["Sigmoid", "HardSigmoid", "Softmax"]);

/** Whether `value` only says how much of another value passes: attention, squeeze-and-excitation, the sigmoid of a SiLU. */
function isGate(g: GraphBuilder, value: Value): boolean {
  const node = producer(g, value);
  if (node === undefined) return false;
  return gates.has(node.opType) || (moving.has(node.opType) && isGate(g, g.value(node.inputs[0])));
}

/** Which of the first `count` inputs p goes to: those that depend on the image and are no gates, or the gates if there are no others. */
function streams({ g, inputs, wants }: VjpCall, count = inputs.length): number[] {
  const wanted = inputs.flatMap((_, i) => (i < count && wants(i) ? [i] : []));
  const signals = wanted.filter((i) => wanted.length === 1 || !isGate(g, inputs[i]!));
  return signals.length > 0 ? signals : wanted;
}

/**
 * x⁺ ∘ Jᵀ (p / f(x⁺)) for each input of `receivers`, in equal parts if there are several; f is the operator with `parts` for inputs.
 * It adds up to p for every f with f(t x) = t f(x): all linear ones, and norms.
 */
function distributed(
  { g, node, inputs, cotangents, ...call }: VjpCall,
  parts: readonly (Value | undefined)[],
  receivers: readonly number[],
  opType: Differentiable = node.opType as Differentiable,
): (Value | undefined)[] {
  const outputs = g.again({ ...node, opType }, parts);
  const shares = cotangents.map((p, o) => p && quotient(g, p, outputs[o]));
  const wants = (i: number): boolean => receivers.includes(i);
  const back = vjpRules[opType]({ ...call, g, node, inputs: parts, outputs, cotangents: shares, wants });
  return back.map((cotangent, i) => {
    if (cotangent === undefined || !wants(i)) return undefined;
    const whole = g.op("Mul", [parts[i], cotangent]);
    return receivers.length === 1 ? whole : g.op("Mul", [whole, g.scalar(1 / receivers.length, whole.dtype)]);
  });
}

/** The parts of each of the operators that weigh: which inputs are multiplied; what follows them is a bias or a mask. */
const operandCounts = { Conv: 2, ConvTranspose: 2, Gemm: 2, MatMul: 2, Einsum: Infinity } as const;

/** p by weights: x⁺ and `weights` take the places of the operands, biases are left out. */
function weighted(weights: Weights): VjpRule {
  return (call) => {
    const { g, node, inputs } = call;
    const count = operandCounts[node.opType as keyof typeof operandCounts];
    const receivers = streams(call, count);
    const operands = inputs.slice(0, Math.min(count, inputs.length));
    const parts = operands.map((input, i) => (receivers.includes(i) ? positivePart : weights)(g, input!));
    return distributed(call, parts, receivers);
  };
}

/** Attention weighs values: p goes to them by the probabilities, which are not negative. Queries and keys, which only choose, get none. */
const attention: VjpRule = (call) => {
  const parts = call.inputs.with(2, positivePart(call.g, call.inputs[2]!));
  return distributed(call, parts, [2]);
};

/** Whether `node` takes the mean of its first input away, as the operators do that stand for a LayerNormalization. */
function isCentering(g: GraphBuilder, { opType, inputs }: Node): boolean {
  if (opType !== "Sub") return false;
  const mean = producer(g, g.value(inputs[1]));
  return mean?.opType === "ReduceMean" && mean.inputs[0] === inputs[0];
}

/**
 * p by shares among what is added: a⁺ p / (a⁺ + b⁺); of a difference a − b, the second adds (−b)⁺. Constants are biases, and so is the
 * mean that a normalization takes away.
 */
const summed: VjpRule = (call) => {
  const {
    g,
    node,
    inputs,
    cotangents: [p],
    wants,
  } = call;
  const wanted = inputs.flatMap((_, i) => (wants(i) ? [i] : []));
  const receivers = isCentering(g, node) ? [0] : wanted;
  if (receivers.length === 1) {
    return inputs.map((input, i) => (i === receivers[0] ? unbroadcast(g, p!, input!.shape) : undefined));
  }
  const parts = inputs.map((input, i) => {
    if (!wants(i)) return undefined;
    return node.opType === "Sub" && i === 1 ? inhibitory(g, input!) : positivePart(g, input!);
  });
  const total = receivers.map((i) => parts[i]!).reduce((sum, part) => g.op("Add", [sum, part]));
  const share = quotient(g, p!, total);
  return inputs.map((input, i) =>
    wants(i) ? unbroadcast(g, g.op("Mul", [parts[i], share]), input!.shape) : undefined,
  );
};

/** p by shares among the elements of the first input that make an output. */
const pooled: VjpRule = (call) => distributed(call, call.inputs.with(0, positivePart(call.g, call.inputs[0]!)), [0]);

/** As {@link pooled}, in proportion to the elements themselves, for reductions that do not grow as their input does. */
const pooledBySum: VjpRule = (call) =>
  distributed(call, call.inputs.with(0, positivePart(call.g, call.inputs[0]!)), [0], "ReduceSum");

/** p unchanged to the factors that are no gates, in equal parts; to x where the product ends an activation of x. */
const factors: VjpRule = (call) => {
  const {
    g,
    node,
    inputs,
    cotangents: [p],
  } = call;
  const activation = activationProductOf(g, node);
  const receivers = activation === undefined ? streams(call) : [activation.input];
  const part = receivers.length === 1 ? p! : g.op("Mul", [p, g.scalar(1 / receivers.length, p!.dtype)]);
  return inputs.map((input, i) => (receivers.includes(i) ? unbroadcast(g, part, input!.shape) : undefined));
};

/** p unchanged, to the first input that depends on the image. */
const passed: VjpRule = ({ g, inputs, cotangents: [p], wants }) => {
  const receiver = inputs.findIndex((_, i) => wants(i));
  return inputs.map((input, i) => {
    if (i !== receiver || p === undefined) return undefined;
    const summed = sizeOf(input!.shape) === sizeOf(p.shape) ? p : unbroadcast(g, p, input!.shape);
    return summed.dtype === input!.dtype ? summed : g.op("CastLike", [summed, input]);
  });
};

/** The ordinary rule for the first input alone: a grid of coordinates gets nothing. */
const firstOnly =
  (rule: VjpRule): VjpRule =>
  (call) =>
    rule({ ...call, wants: (i) => i === 0 && call.wants(0) });

const sums: ReadonlySet<string> = new Set(["Add", "Sub", "Sum", "Mean"]);
const notHomogeneous: ReadonlySet<string> = new Set([
  "ReduceLogSum",
  "ReduceLogSumExp",
  "ReduceProd",
  "ReduceSumSquare",
]);

function excitationRule(operator: Differentiable): VjpRule {
  switch (excitationOf(operator)) {
    case "weights":
      return operator === "Attention" ? attention : weighted(excitatory);
    case "shares":
      if (sums.has(operator)) return summed;
      return notHomogeneous.has(operator) ? pooledBySum : pooled;
    case "factors":
      return factors;
    case "first":
      return passed;
    case "ordinary":
      return operator === "GridSample" ? firstOnly(vjpRules.GridSample) : vjpRules[operator];
  }
}

const operators = Object.keys(vjpRules) as Differentiable[];

/** The backward rules of excitation backpropagation; the seed is a probability over the logits, such as 1 at one class. */
export const excitationRules = Object.fromEntries(
  operators.map((operator) => [operator, excitationRule(operator)]),
) as RuleTable;

/** Whether no other weights come between `node` and the end of the network. */
function isLastWeighted(g: GraphBuilder, node: Node): boolean {
  const reached = new Set(node.outputs);
  for (const other of g.nodes.slice(g.nodes.indexOf(node) + 1)) {
    if (!other.inputs.some((input) => reached.has(input))) continue;
    if (Object.hasOwn(operandCounts, other.opType)) return false;
    for (const output of other.outputs) reached.add(output);
  }
  return true;
}

/** At the last weights: p by the positive weights less p by the negative ones. Elsewhere `rule`. */
function contrasted(rule: VjpRule): VjpRule {
  const [plain, opposite] = [weighted(excitatory), weighted(inhibitory)];
  return (call) => {
    const { g, node } = call;
    if (!isLastWeighted(g, node)) return rule(call);
    const less = opposite(call);
    return plain(call).map((p, i) => p && g.op("Sub", [p, less[i]]));
  };
}

/**
 * The backward rules of contrastive excitation backpropagation: what excites the class less what would excite its opposite, a
 * classifier whose last weights are negated. The two passes are subtracted behind those weights and go on as one; the result is
 * signed, and its positive part is the map.
 */
export const contrastiveExcitationRules: RuleTable = {
  ...excitationRules,
  Conv: contrasted(excitationRules.Conv),
  Gemm: contrasted(excitationRules.Gemm),
  MatMul: contrasted(excitationRules.MatMul),
};
