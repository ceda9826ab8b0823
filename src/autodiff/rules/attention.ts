/** @file The rule of Attention. */
import type { GraphBuilder, Value } from "../../onnx/builder.ts";
import { type AttentionLayout, attentionLayout } from "../../onnx/operators/arithmetic/attention-layout.ts";
import { tensorOf } from "../../tensor/tensor.ts";
import { reshapeTo } from "../adjoints/linear-maps.ts";
import { unbroadcast } from "../adjoints/unbroadcast.ts";
import { pullbacks } from "../pullbacks.ts";
import { rule } from "../rule.ts";

/** Stands for −∞ in scores, and makes no NaN where a query may attend to no key. */
const never = -1e30;

export const Attention = rule({
  formula: `
    Y = P V with P = softmax(S + mask), S = scale · Q Kᵀ ⇒ V̄ = Pᵀ Ȳ, P̄ = Ȳ Vᵀ, S̄ = P ∘ (P̄ − Σ P ∘ P̄ over the keys),
    Q̄ = scale · S̄ K, K̄ = scale · S̄ᵀ Q, and the mask's cotangent is S̄ summed over its repetitions. With a cap c, S is
    c · tanh(S′/c) and S̄′ = S̄ · (1 − tanh²). The operator does not give P away, so it is computed once more.`,
  vjp: pullbacks(["q", "k", "v", "mask?"], ({ g, node, where, attributes, q, k, v, mask, dy, ...call }) => {
    const { mul, sub, square, tanh, sumOver } = call;
    const layout = attentionLayout(where, node, attributes, [q.shape, k.shape, v.shape, mask?.shape]);
    const { heads, keyHeads, scale, softcap } = layout;
    const transposed = (value: Value): Value => g.op("Transpose", [value], { perm: [0, 1, 3, 2] });

    const queries = mul(unfold(g, q, heads, layout), scale);
    const keys = repeatHeads(g, unfold(g, k, keyHeads, layout), layout);
    const values = repeatHeads(g, unfold(g, v, keyHeads, layout), layout);
    const seed = unfold(g, dy, heads, layout);
    const scores = g.op("MatMul", [queries, transposed(keys)]);
    const squashed = softcap > 0 ? tanh(mul(scores, 1 / softcap)) : undefined;
    const capped = squashed === undefined ? scores : mul(squashed, softcap);
    const weights = probabilities(g, capped, mask, layout);

    const weightCotangent = g.op("MatMul", [seed, transposed(values)]);
    const mean = sumOver(mul(weights, weightCotangent), [3]);
    const biased = mul(weights, sub(weightCotangent, mean));
    const scoreCotangent = squashed === undefined ? biased : mul(biased, sub(1, square(squashed)));
    const back = (value: Value, like: Value): Value => fold(g, sumHeads(g, value, like, layout), like, layout);
    return {
      q: () => back(mul(g.op("MatMul", [scoreCotangent, keys]), scale), q),
      k: () => back(g.op("MatMul", [transposed(scoreCotangent), queries]), k),
      v: () => back(g.op("MatMul", [transposed(weights), seed]), v),
      mask: (input) => unbroadcast(g, biased, input.shape),
    };
  }),
  excitation: { by: "weights", values: 2 },
});

/** softmax of the scores and the mask, over the keys; 0 where the mask forbids. */
function probabilities(g: GraphBuilder, scores: Value, mask: Value | undefined, layout: AttentionLayout): Value {
  const zero = g.scalar(0, scores.dtype);
  const forbidding: Value[] = [];
  if (layout.isCausal) {
    const { queries, keys } = layout;
    const past = Float64Array.from({ length: queries * keys }, (_, n) => Number(n % keys <= Math.floor(n / keys)));
    forbidding.push(g.constant(tensorOf("bool", past, [queries, keys])));
  }
  if (mask?.dtype === "bool") forbidding.push(mask);
  const biased = mask !== undefined && mask.dtype !== "bool" ? g.op("Add", [scores, mask]) : scores;
  const low = g.scalar(never, scores.dtype);
  const masked = forbidding.reduce((value, allowed) => g.op("Where", [allowed, value, low]), biased);
  const softmax = g.op("Softmax", [masked], { axis: -1 });
  return forbidding.reduce((value, allowed) => g.op("Where", [allowed, value, zero]), softmax);
}

/** `value` as [batch, heads, positions, width]. */
function unfold(g: GraphBuilder, value: Value, heads: number, { isFolded }: AttentionLayout): Value {
  if (!isFolded) return value;
  const [batch, positions, size] = value.shape;
  return g.op("Transpose", [reshapeTo(g, value, [batch, positions, heads, size / heads])], { perm: [0, 2, 1, 3] });
}

/** The inverse of {@link unfold}: [batch, heads, positions, width] in the form of `like`. */
function fold(g: GraphBuilder, value: Value, like: Value, { isFolded }: AttentionLayout): Value {
  return isFolded ? reshapeTo(g, g.op("Transpose", [value], { perm: [0, 2, 1, 3] }), like.shape) : value;
}

/** Heads of keys or values, each repeated for the heads of queries that it serves. */
function repeatHeads(g: GraphBuilder, value: Value, { heads, keyHeads }: AttentionLayout): Value {
  if (heads === keyHeads) return value;
  const [batch, , positions, width] = value.shape;
  const shape = [batch, keyHeads, heads / keyHeads, positions, width];
  const repeated = g.op("Expand", [reshapeTo(g, value, shape.with(2, 1)), g.ints(shape)]);
  return reshapeTo(g, repeated, [batch, heads, positions, width]);
}

/** The adjoint of {@link repeatHeads}, for cotangents of keys and values; those of queries pass. */
function sumHeads(g: GraphBuilder, value: Value, like: Value, layout: AttentionLayout): Value {
  const { heads, keyHeads, isFolded } = layout;
  const [batch, , positions, width] = value.shape;
  const own = isFolded ? like.shape[2] / width : like.shape[1];
  if (own === heads) return value;
  const groups = reshapeTo(g, value, [batch, keyHeads, heads / keyHeads, positions, width]);
  return g.op("ReduceSum", [groups, g.ints([2])], { keepdims: 0 });
}
