/**
 * @file Excitation backpropagation as rule tables: a probability handed down from winner to winner.
 *
 * Source: Zhang et al., "Top-down Neural Attention by Excitation Backprop", 2016: equation (10), p(a_i | a_j) = a_i w⁺_ij / Σ a_k w⁺_kj,
 * and section 3.4 for the contrastive form. What happens at each operator is said in its record, as its {@link Excitation}; the sum of p is conserved
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
import { hasTrait } from "../onnx/operators/table.ts";
import { sizeOf } from "../tensor/tensor.ts";
import { unbroadcast } from "./adjoints/unbroadcast.ts";
import { present, variadic } from "./pullbacks.ts";
import { factors, isCentering, ofFirst, passed, positivePart, streams } from "./relevance/streams.ts";
import type { Excitation, Rule, VjpCall, VjpRule } from "./rule.ts";
import { operatorRules, type RuleTable, ruleOf, ruleTable } from "./rules/index.ts";

/** Keeps p / 0 finite; what it is then multiplied by is 0. */
const guard = 1e-20;

/** p / (z + guard) */
function quotient(g: GraphBuilder, p: Value, z: Value): Value {
  return g.op("Div", [p, g.op("Add", [z, g.scalar(guard, z.dtype)])]);
}

type Weights = (g: GraphBuilder, value: Value) => Value;

/** W⁺ of weights, and of activations that act as weights. */
const excitatory: Weights = positivePart;
/** (−W)⁺: the positive weights of the network that says the opposite. */
const inhibitory: Weights = (g, value) => g.op("Relu", [g.op("Neg", [value])]);

/**
 * x⁺ ∘ Jᵀ (p / f(x⁺)) for each input of `receivers`, in equal parts if there are several; f is the operator with `parts` for inputs and
 * `vjp` for its rule. It adds up to p for every f with f(t x) = t f(x): all linear ones, and norms.
 */
function distributed(
  { g, node, cotangents, ...call }: VjpCall,
  {
    vjp,
    parts,
    receivers,
    share = quotient,
  }: Pick<Rule, "vjp"> & {
    readonly parts: readonly (Value | undefined)[];
    readonly receivers: readonly number[];
    /** p / f(x⁺) */
    readonly share?: typeof quotient;
  },
): (Value | undefined)[] {
  const outputs = g.again(node, parts);
  const shares = cotangents.map((p, o) => p && share(g, p, outputs[o]));
  const wants = (i: number): boolean => receivers.includes(i);
  const back = vjp({ ...call, g, node, inputs: parts, outputs, cotangents: shares, wants });
  return back.map((cotangent, i) => {
    if (cotangent === undefined || !wants(i)) return undefined;
    const whole = g.op("Mul", [parts[i], cotangent]);
    return receivers.length === 1 ? whole : g.op("Mul", [whole, g.scalar(1 / receivers.length, whole.dtype)]);
  });
}

/** p by weights: x⁺ and `weights` take the places of the first `count` inputs, what follows (a bias, a mask) is left out. */
function weighted(vjp: VjpRule, count: number, weights: Weights, share = quotient): VjpRule {
  return (call) => {
    const { g, where, inputs } = call;
    const receivers = streams(call, count);
    const parts = inputs
      .slice(0, Math.min(count, inputs.length))
      .map((input, i) => (receivers.includes(i) ? positivePart : weights)(g, present(where, input, i)));
    return distributed(call, { vjp, parts, receivers, share });
  };
}

/** p to input `index` alone, in proportion to its positive part. What else there is weighs it or chooses, and gets nothing. */
function proportional(vjp: VjpRule, index: number): VjpRule {
  return (call) => {
    const part = positivePart(call.g, present(call.where, call.inputs[index], index));
    return distributed(call, { vjp, parts: call.inputs.with(index, part), receivers: [index] });
  };
}

/** As {@link proportional} to the first input, in proportion to the elements themselves. */
const bySum: VjpRule = (call) =>
  proportional(operatorRules.ReduceSum.vjp, 0)({ ...call, node: { ...call.node, opType: "ReduceSum" } });

/**
 * p by shares among what is added: a⁺ p / (a⁺ + b⁺); of a difference a − b, the second adds (−b)⁺. Constants are biases, and so is the
 * mean that a normalization takes away.
 */
function added(isDifference: boolean): VjpRule {
  return variadic(({ g, node, inputs, dy: p, wants }) => {
    const wanted = inputs.flatMap((input, i) => (wants(i) ? [{ input, i }] : []));
    const receivers = isDifference && isCentering(g, node) ? wanted.filter(({ i }) => i === 0) : wanted;
    const [first, ...others] = receivers;
    if (first === undefined) return () => undefined;
    if (others.length === 0) return (input, i) => (i === first.i ? unbroadcast(g, p, input.shape) : undefined);
    const part = ({ input, i }: typeof first): Value => (isDifference && i === 1 ? inhibitory : positivePart)(g, input);
    const parts = new Map(receivers.map((receiver) => [receiver.i, part(receiver)]));
    const total = [...parts.values()].reduce((sum, one) => g.op("Add", [sum, one]));
    const share = quotient(g, p, total);
    return (input, i) => unbroadcast(g, g.op("Mul", [parts.get(i), share]), input.shape);
  });
}

function shared(vjp: VjpRule, among: (Excitation & { readonly by: "shares" })["among"]): VjpRule {
  switch (among) {
    case "terms":
      return added(false);
    case "difference":
      return added(true);
    case "elements":
      return proportional(vjp, 0);
    case "sum":
      return bySum;
  }
}

function excitationRule({ vjp, excitation }: Rule): VjpRule {
  switch (excitation.by) {
    case "weights":
      return "values" in excitation
        ? proportional(vjp, excitation.values)
        : weighted(vjp, excitation.operands, excitatory);
    case "shares":
      return shared(vjp, excitation.among);
    case "factors":
      return factors;
    case "first":
      return passed;
    case "as gradient":
      return excitation.isOfFirst ? ofFirst(vjp) : vjp;
  }
}

/** The backward rules of excitation backpropagation; the seed is a probability over the logits, such as 1 at one class. */
export const excitationRules: RuleTable = ruleTable(excitationRule);

/** The number of inputs that `node` multiplies; undefined if it is no operator with weights. */
function operandCount({ opType }: Node): number | undefined {
  const excitation = ruleOf(opType)?.excitation;
  return excitation !== undefined && "operands" in excitation ? excitation.operands : undefined;
}

/** The {@link lastWeighted} of each sweep. */
const lastOf = new WeakMap<readonly Node[], ReadonlySet<Node>>();

/** The nodes with weights behind which no others come on the way to the end of `path`. */
function lastWeighted(path: readonly Node[]): ReadonlySet<Node> {
  const known = lastOf.get(path);
  if (known !== undefined) return known;
  const last = new Set<Node>();
  /** Values that go through weights. */
  const weighed = new Set<string>();
  for (const node of path.toReversed()) {
    const isFollowed = node.outputs.some((output) => weighed.has(output));
    const hasWeights = operandCount(node) !== undefined;
    if (hasWeights && !isFollowed) last.add(node);
    if (hasWeights || isFollowed) for (const input of node.inputs) weighed.add(input);
  }
  lastOf.set(path, last);
  return last;
}

/** Whether `node` sums or averages elements, over windows or axes: each gets its share, and no winner takes all. */
function isAveraging(node: Node): boolean {
  const excitation = ruleOf(node.opType)?.excitation;
  const isShared = excitation?.by === "shares" && excitation.among === "elements";
  return isShared && hasTrait(node, "keepsSign") && (hasTrait(node, "planewise") || hasTrait(node, "reduction"));
}

/** How many positions a value [N, K, …positions] has. */
const positionsOf = ({ shape }: Value): number => sizeOf(shape.slice(2));

/** Whether the node of `call` gives scores at positions, and the mean over all of them is taken behind it. */
function isAveraged({ g, node, path, outputs: [scores] }: VjpCall): boolean {
  if (node.opType !== "Conv" || scores === undefined || positionsOf(scores) === 1) return false;
  const behind = path.slice(path.indexOf(node) + 1);
  return behind.some((one) => isAveraging(one) && positionsOf(g.value(one.outputs[0])) === 1);
}

/** p of a class at all positions by what the class has at all of them, [N, K, …positions]. */
function quotientOverPositions(g: GraphBuilder, p: Value, z: Value): Value {
  const axes = g.ints(p.shape.slice(2).map((_, i) => i + 2));
  const total = (value: Value): Value => g.op("ReduceSum", [value, axes], { keepdims: 1 });
  return g.op("Expand", [quotient(g, total(p), total(z)), g.ints(p.shape)]);
}

/**
 * At the last weights: p by the positive weights less p by the negative ones. Elsewhere the plain rule.
 *
 * Deviation: where these are a convolution and the mean over positions follows, as in SqueezeNet, TorchRay's two passes give every position as much as they
 * take from it, and the map is the little that the steps before mix. Weights and mean may change places; with the mean first, as in most networks, p of
 * a class goes to the channels of all positions in proportion to x⁺ ∘ W⁺, less in proportion to x⁺ ∘ W⁻. So it does here.
 */
function contrasted({ vjp }: Rule, count: number): VjpRule {
  const passesWith = (share: typeof quotient): readonly [VjpRule, VjpRule] => [
    weighted(vjp, count, excitatory, share),
    weighted(vjp, count, inhibitory, share),
  ];
  const [ofOne, ofMean] = [passesWith(quotient), passesWith(quotientOverPositions)];
  return (call) => {
    const [plain] = ofOne;
    if (!lastWeighted(call.path).has(call.node)) return plain(call);
    const [own, opposite] = isAveraged(call) ? ofMean : ofOne;
    const less = opposite(call);
    return own(call).map((p, i) => p && call.g.op("Sub", [p, less[i]]));
  };
}

/**
 * The backward rules of contrastive excitation backpropagation: what excites the class less what would excite its opposite, a
 * classifier whose last weights are negated. The two passes are subtracted behind those weights and go on as one; the result is
 * signed, and its positive part is the map.
 */
export const contrastiveExcitationRules: RuleTable = ruleTable((record) => {
  const { excitation } = record;
  const isContrasted = "operands" in excitation && excitation.isContrasted === true;
  return isContrasted ? contrasted(record, excitation.operands) : excitationRule(record);
});
