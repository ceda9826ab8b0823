/**
 * @file Layer-wise relevance propagation as rule tables: the score of a class, handed down to the image layer by layer.
 *
 * Source: Bach et al., "On Pixel-Wise Explanations for Non-Linear Classifier Decisions by Layer-Wise Relevance Propagation", 2015;
 * the rules in the words of Montavon et al., "Layer-Wise Relevance Propagation: An Overview", 2019, section 10.2. For z_k = Σ_j x_j w_jk + b_k a
 * relevance R_k becomes
 *
 * - `epsilon`: R_j = Σ_k x_j w_jk / (z_k + ε sign z_k) R_k; with ε = 0, LRP-0;
 * - `gamma`: the same with w + γ w⁺ where z_k > 0, and with w + γ w⁻ where z_k < 0, in the form for inputs of either sign;
 * - `alpha-beta`: α times the shares among positive products x w less β = α − 1 times those among negative ones;
 * - `z-plus`: α = 1, β = 0;
 * - `w-square`: by w², whatever x is; `flat`: in equal parts to all inputs of z_k;
 * - `box`: by x w − l w⁺ − h w⁻, for inputs between l and h (zᴮ of Montavon et al., "Explaining nonlinear classification decisions with deep
 *   Taylor decomposition", 2017).
 *
 * Conventions are zennit's, whose composites are choices of these rules: sign 0 = 1; biases take their share and keep it; activations and
 * normalizations hand R on unchanged (BatchNormalization that could be folded is part of the layer before it); a maximum hands it to
 * the winner; sums of branches, means and other pools divide it in proportion, x ∘ Jᵀ (R / y).
 *
 * What zennit does not know: a product hands R to the factor that is no gate (squeeze-and-excitation, attention; between two equals, halves), as in
 * Ali et al., "XAI for Transformers: Better Explanations through Conservative Propagation", 2022, whose attention and LayerNormalization
 * are constants in the same way; factors and summands that do not depend on the image hand it on.
 */

import { checkForm, checkKeys } from "../../errors.ts";
import type { GraphBuilder, Value } from "../../onnx/builder.ts";
import type { Node } from "../../onnx/model.ts";
import { hasTrait } from "../../onnx/operators/table.ts";
import { sameShape } from "../../tensor/shape.ts";
import type { Rule, VjpCall, VjpRule } from "../rule.ts";
import { operatorRules, type RuleTable, ruleTable } from "../rules/index.ts";
import { factors, isCentering, isNonNegative, ofFirst, passed, streams } from "./streams.ts";
import { type Twins, twinsOf } from "./twins.ts";

/** What a layer with weights does to relevance. */
export const lrpLayerRules = ["epsilon", "gamma", "alpha-beta", "z-plus", "w-square", "flat", "box"] as const;
export type LrpLayerRule = (typeof lrpLayerRules)[number];

/** What the first layers do: a rule of their own, or what other layers of their kind do. */
export const firstLayerRules = ["as others", ...lrpLayerRules] as const;

/** A choice of rules: a composite, in zennit's words. */
export interface LrpOptions {
  /** The name of the graph's input that holds the image. */
  readonly image: string;
  /** Of the layers with weights that no other such layer comes before. */
  readonly first: (typeof firstLayerRules)[number];
  /** Of other convolutions. */
  readonly convolutions: LrpLayerRule;
  /** Of other matrix products with weights. */
  readonly dense: LrpLayerRule;
  /** ε of the rule `epsilon`; 0 is LRP-0, where what has z = 0 is lost. */
  readonly epsilon: number;
  /** What takes the place of ε in all other rules. */
  readonly stabilizer: number;
  /** γ of the rule `gamma`. */
  readonly gamma: number;
  /** α of the rule `alpha-beta`, at least 1; β = α − 1. */
  readonly alpha: number;
  /** Whether biases are among what shares a relevance. Without them nothing is lost. */
  readonly bias: boolean;
}

/** R / (z + ε sign z), with sign 0 = 1; for ε = 0, 0 where z = 0. */
function quotient(g: GraphBuilder, relevance: Value, z: Value, epsilon: number): Value {
  const scalar = (value: number): Value => g.scalar(value, z.dtype);
  if (epsilon === 0) {
    const isZero = g.op("Equal", [z, scalar(0)]);
    const share = g.op("Div", [relevance, g.op("Where", [isZero, scalar(1), z])]);
    return g.op("Where", [isZero, scalar(0), share]);
  }
  const shift = g.op("Where", [g.op("Less", [z, scalar(0)]), scalar(-epsilon), scalar(epsilon)]);
  return g.op("Div", [relevance, g.op("Add", [z, shift])]);
}

/** A linear map that takes the place of a layer: input, weights and bias of the same shapes. */
interface Term {
  readonly x: Value;
  readonly w: Value;
  readonly b: Value | undefined;
}

/** A layer with weights. */
interface Layer extends Term {
  readonly g: GraphBuilder;
  /** f(x, w) + b; without b where biases take no share. */
  readonly z: Value;
  /** What the layer computes, its bias included. */
  readonly y: Value;
  /** f(x, w) + b of a term. */
  readonly forward: (term: Term) => Value;
  /** Jᵀ s of the map x ↦ f(x, w), for a cotangent s of z. */
  readonly back: (term: Pick<Term, "x" | "w">, s: Value) => Value;
}

/** The nodes of a path that read each value, and the layers with weights that come first. */
interface PathFacts {
  readonly readers: ReadonlyMap<string, readonly Node[]>;
  readonly first: ReadonlySet<Node>;
}

const factsOf = new WeakMap<readonly Node[], PathFacts>();

function pathFacts(path: readonly Node[]): PathFacts {
  const known = factsOf.get(path);
  if (known !== undefined) return known;
  const readers = new Map<string, Node[]>();
  const first = new Set<Node>();
  const weighed = new Set<string>();
  for (const node of path) {
    for (const name of new Set(node.inputs)) readers.set(name, [...(readers.get(name) ?? []), node]);
    const isBehind = node.inputs.some((name) => weighed.has(name));
    const isLayer = hasTrait(node, "weighted");
    if (isLayer && !isBehind) first.add(node);
    if (isLayer || isBehind) for (const output of node.outputs) weighed.add(output);
  }
  const facts = { readers, first };
  factsOf.set(path, facts);
  return facts;
}

/** A bias that an exporter wrote as a sum of its own, and that sum; undefined if all that reads `product` is something else. */
function biasBehind(
  { g, path }: Pick<VjpCall, "g" | "path">,
  product: Value,
): { readonly b: Value; readonly z: Value } | undefined {
  const readers = pathFacts(path).readers.get(product.name) ?? [];
  const [sum] = readers;
  if (readers.length !== 1 || sum.opType !== "Add") return undefined;
  const other = sum.inputs.find((name) => name !== product.name);
  if (other === undefined || !isConstant(g, other)) return undefined;
  const z = g.value(sum.outputs[0]);
  return sameShape(z.shape, product.shape) ? { b: g.value(other), z } : undefined;
}

function isConstant(g: GraphBuilder, name: string): boolean {
  const value = g.value(name);
  return g.isInitializer(value) || g.known(value) !== undefined;
}

/** Whether `value` is a product with weights whose bias comes behind it, so that the sum belongs to the layer. */
function isProductOfLayer(call: VjpCall, value: Value, addition: Node): boolean {
  const node = call.g.producer(value);
  if (node === undefined || !hasTrait(node, "weighted") || node.inputs.length !== 2) return false;
  const bias = biasBehind(call, value);
  return bias !== undefined && bias.z.name === addition.outputs[0] && node.inputs.some((name) => isWeight(call, name));
}

function isWeight({ g, path }: Pick<VjpCall, "g" | "path">, name: string): boolean {
  // What a node of the path computes depends on the image.
  const producer = name === "" ? undefined : g.producer(g.value(name));
  return name !== "" && (producer === undefined ? g.isInitializer(g.value(name)) : !path.includes(producer));
}

/** The layer that `call` is about; undefined if it is no product of one input with weights. */
function layerOf(vjp: VjpRule, operands: number, call: VjpCall, bias: boolean): Layer | undefined {
  const {
    g,
    node,
    inputs,
    outputs: [product],
    wants,
  } = call;
  const count = Math.min(operands, inputs.length);
  const [i, ...others] = inputs.flatMap((_, k) => (k < count && wants(k) ? [k] : []));
  const [x, w] = [inputs[i], inputs[1 - i]];
  if (count !== 2 || others.length > 0 || x === undefined || w === undefined || product === undefined) return undefined;
  const inner = inputs.length > 2 ? inputs[2] : undefined;
  if (inner !== undefined && wants(2)) return undefined;
  const outer = inner === undefined ? biasBehind(call, product) : undefined;
  const b = bias ? (inner ?? outer?.b) : undefined;
  const partsOf = (term: Pick<Term, "x" | "w">, innerBias: Value | undefined): (Value | undefined)[] => [
    ...(i === 0 ? [term.x, term.w] : [term.w, term.x]),
    ...(inputs.length > 2 ? [innerBias] : []),
  ];
  const forward = (term: Term): Value => {
    const [y] = g.again(node, partsOf(term, inner === undefined ? undefined : term.b));
    return inner === undefined && term.b !== undefined ? g.op("Add", [y, term.b]) : y;
  };
  const back: Layer["back"] = (term, s) => {
    const parts = partsOf(term, inner);
    const pulled = vjp({ ...call, inputs: parts, outputs: [product], cotangents: [s], wants: (k) => k === i });
    return present(pulled[i], term.x);
  };
  const hasBias = inner !== undefined || outer !== undefined;
  const y = outer?.z ?? product;
  const z = hasBias && !bias ? forward({ x, w, b: undefined }) : y;
  return { g, x, w, b, z, y, forward, back };
}

function present(cotangent: Value | undefined, like: Value): Value {
  if (cotangent !== undefined) return cotangent;
  throw new TypeError(`a product with weights hands nothing to its input ${like.name}`);
}

const positive = (g: GraphBuilder, value: Value): Value => g.op("Relu", [value]);
const negative = (g: GraphBuilder, value: Value): Value => g.op("Min", [value, g.scalar(0, value.dtype)]);

/** Σ x ∘ Jᵀ s over terms. */
function reduced({ g, back }: Layer, terms: readonly Term[], s: Value): Value {
  return terms.map((term) => g.op("Mul", [term.x, back(term, s)])).reduce((sum, one) => g.op("Add", [sum, one]));
}

function total({ g, forward }: Layer, terms: readonly Term[]): Value {
  return terms.map(forward).reduce((sum, one) => g.op("Add", [sum, one]));
}

/**
 * The terms whose sum is that of the products x w with one sign, if `same`, or the other: x⁺ with the weights of that sign and the bias's
 * part, and x⁻ with the others, where there can be any.
 */
function signedTerms(
  { g, x, w, b }: Layer,
  same: (value: Value) => Value,
  other: (value: Value) => Value,
): readonly Term[] {
  const upper: Term = { x: isNonNegative(g, x) ? x : positive(g, x), w: same(w), b: b && same(b) };
  return isNonNegative(g, x) ? [upper] : [upper, { x: negative(g, x), w: other(w), b: undefined }];
}

type LayerRule = (layer: Layer, relevance: Value, options: LrpOptions, bounds: () => Bounds) => Value;

/** The least and the greatest that a layer's input can be, of its shape. */
interface Bounds {
  readonly low: Value;
  readonly high: Value;
}

const zPlus: LayerRule = (layer, relevance, { stabilizer }) => {
  const { g } = layer;
  const terms = signedTerms(
    layer,
    (value) => positive(g, value),
    (value) => negative(g, value),
  );
  return reduced(layer, terms, quotient(g, relevance, total(layer, terms), stabilizer));
};

const negativeShares: LayerRule = (layer, relevance, { stabilizer }) => {
  const { g } = layer;
  const terms = signedTerms(
    layer,
    (value) => negative(g, value),
    (value) => positive(g, value),
  );
  return reduced(layer, terms, quotient(g, relevance, total(layer, terms), stabilizer));
};

/** `value` in the shape of `like`. */
function filled(g: GraphBuilder, value: number, like: Value): Value {
  return g.op("Expand", [g.scalar(value, like.dtype), g.ints(like.shape)]);
}

const layerRules: Readonly<Record<LrpLayerRule, LayerRule>> = {
  epsilon: (layer, relevance, { epsilon }) => reduced(layer, [layer], quotient(layer.g, relevance, layer.z, epsilon)),
  gamma: (layer, relevance, { gamma, stabilizer }) => {
    const { g, y } = layer;
    const grown = (part: (g: GraphBuilder, value: Value) => Value) => (value: Value) =>
      g.op("Add", [value, g.op("Mul", [part(g, value), g.scalar(gamma, value.dtype)])]);
    const zero = g.scalar(0, y.dtype);
    const side = (same: (value: Value) => Value, other: (value: Value) => Value, holds: Value): Value => {
      const terms = signedTerms(layer, same, other);
      const share = quotient(g, relevance, total(layer, terms), stabilizer);
      return reduced(layer, terms, g.op("Where", [holds, share, zero]));
    };
    const [more, less] = [grown(positive), grown(negative)];
    return g.op("Add", [side(more, less, g.op("Greater", [y, zero])), side(less, more, g.op("Less", [y, zero]))]);
  },
  "alpha-beta": (layer, relevance, options, bounds) => {
    const { g } = layer;
    const times = (value: Value, factor: number): Value => g.op("Mul", [value, g.scalar(factor, value.dtype)]);
    const above = zPlus(layer, relevance, options, bounds);
    const { alpha } = options;
    if (alpha === 1) return above;
    return g.op("Sub", [times(above, alpha), times(negativeShares(layer, relevance, options, bounds), alpha - 1)]);
  },
  "z-plus": zPlus,
  "w-square": (layer, relevance, { stabilizer }) => {
    const { g, x, w, b, forward, back } = layer;
    const square = (value: Value): Value => g.op("Mul", [value, value]);
    const term = { x: filled(g, 1, x), w: square(w), b: b && square(b) };
    return back(term, quotient(g, relevance, forward(term), stabilizer));
  },
  flat: ({ g, x, w, forward, back }, relevance, { stabilizer }) => {
    const term = { x: filled(g, 1, x), w: filled(g, 1, w), b: undefined };
    return back(term, quotient(g, relevance, forward(term), stabilizer));
  },
  box: (layer, relevance, { stabilizer }, bounds) => {
    const { g, x, w, forward } = layer;
    const { low, high } = bounds();
    const parts = [
      { x, w, b: undefined },
      { x: low, w: positive(g, w), b: undefined },
      { x: high, w: negative(g, w), b: undefined },
    ];
    const less = ([first, ...rest]: readonly Value[]): Value =>
      rest.reduce((sum, one) => g.op("Sub", [sum, one]), first);
    const s = quotient(g, relevance, less(parts.map(forward)), stabilizer);
    return less(parts.map((term) => g.op("Mul", [term.x, layer.back(term, s)])));
  },
};

/** x ∘ Jᵀ (R / y) for each input of `receivers`, in equal parts if there are several. */
function proportional(
  vjp: VjpRule,
  epsilon: number,
  receiversOf: (call: VjpCall) => readonly number[],
  isSplit: boolean,
): VjpRule {
  return (call) => {
    const { g, inputs, outputs, cotangents } = call;
    const receivers = receiversOf(call);
    const shares = cotangents.map((r, o) => {
      const y = outputs[o];
      return r && y && quotient(g, r, y, epsilon);
    });
    const back = vjp({ ...call, cotangents: shares, wants: (i) => receivers.includes(i) });
    return back.map((cotangent, i) => {
      const x = inputs[i];
      if (cotangent === undefined || x === undefined || !receivers.includes(i)) return undefined;
      const whole = g.op("Mul", [x, cotangent]);
      return isSplit && receivers.length > 1 ? g.op("Mul", [whole, g.scalar(1 / receivers.length, x.dtype)]) : whole;
    });
  };
}

/** R among what is added: in proportion where several summands depend on the image, unchanged where one does. */
function added({ vjp }: Rule, epsilon: number): VjpRule {
  const wanted = ({ inputs, wants }: VjpCall): readonly number[] => [...inputs.keys()].filter((i) => wants(i));
  const shared = proportional(vjp, epsilon, wanted, false);
  return (call) => {
    const { g, node } = call;
    const receivers = wanted(call);
    const isCentered = node.opType === "Sub" && receivers.length === 2 && isCentering(g, node);
    if (receivers.length > 1 && !isCentered) return shared(call);
    return passed({ ...call, wants: (i) => i === receivers[0] });
  };
}

/** What a sum does whose output is the input of a layer's rule: nothing, as the bias is among what shares R there. */
function withBias(rule: VjpRule): VjpRule {
  return (call) => {
    const products = call.inputs.filter((input, i) => input !== undefined && call.wants(i));
    const [product] = products;
    const isOfLayer = products.length === 1 && product !== undefined && isProductOfLayer(call, product, call.node);
    return isOfLayer ? passed(call) : rule(call);
  };
}

function layerRuleOf(node: Node, path: readonly Node[], options: LrpOptions): LrpLayerRule {
  if (options.first !== "as others" && pathFacts(path).first.has(node)) return options.first;
  return hasTrait(node, "channelsFirst") ? options.convolutions : options.dense;
}

/** The rule of a product: by the layer's rule where it has weights; elsewhere in proportion to the factors that are no gates. */
function weighted({ vjp }: Rule, operands: number, options: LrpOptions, boundsOf: BoundsOf): VjpRule {
  const between = proportional(vjp, options.epsilon, (call) => streams(call, operands), true);
  return (call) => {
    const [relevance] = call.cotangents;
    if (relevance === undefined) return [];
    const layer = layerOf(vjp, operands, call, options.bias);
    if (layer === undefined) return between(call);
    const rule = layerRules[layerRuleOf(call.node, call.path, options)];
    const result = rule(layer, relevance, options, () => boundsOf(call.g, layer.x));
    return call.inputs.map((_, i) => (call.wants(i) ? result : undefined));
  };
}

type BoundsOf = (g: GraphBuilder, value: Value) => Bounds;

/** What a value is for a black image, and for a white one; which is less depends on what lies in between. */
function boundsFrom(image: string): BoundsOf {
  const twins = new WeakMap<GraphBuilder, readonly [black: Twins, white: Twins]>();
  return (g, value) => {
    const like = g.value(image);
    const [black, white] = twins.get(g) ?? [
      twinsOf(g, image, filled(g, 0, like)),
      twinsOf(g, image, filled(g, 1, like)),
    ];
    twins.set(g, [black, white]);
    const [a, b] = [black(value), white(value)];
    return { low: g.op("Min", [a, b]), high: g.op("Max", [a, b]) };
  };
}

function lrpRule(record: Rule, options: LrpOptions, boundsOf: BoundsOf): VjpRule {
  const { vjp, excitation, guided } = record;
  if (guided === "gated") return passed;
  switch (excitation.by) {
    case "weights":
      return "values" in excitation
        ? proportional(vjp, options.epsilon, () => [excitation.values], false)
        : weighted(record, excitation.operands, options, boundsOf);
    case "shares":
      switch (excitation.among) {
        case "terms":
        case "difference":
          return withBias(added(record, options.stabilizer));
        case "elements":
          return proportional(vjp, options.stabilizer, () => [0], false);
        case "sum":
          return bySum(options.stabilizer);
      }
      break;
    case "factors":
      return factors;
    case "first":
      return passed;
    case "as gradient":
      return excitation.isOfFirst ? ofFirst(vjp) : vjp;
  }
}

/** To the elements of the first input in proportion to themselves, of reductions that do not grow as their input does. */
function bySum(epsilon: number): VjpRule {
  return (call) => {
    const { g, node, inputs } = call;
    const sum = { ...node, opType: "ReduceSum" };
    const outputs = g.again(sum, inputs);
    return proportional(operatorRules.ReduceSum.vjp, epsilon, () => [0], false)({ ...call, node: sum, outputs });
  };
}

/**
 * The backward rules of layer-wise relevance propagation: with them the sweep hands down relevance, not gradients. Where no bias takes a share
 * and nothing is 0, what arrives at the image adds up to what was handed in, up to ε.
 */
export function lrpRules(options: LrpOptions): RuleTable {
  checkKeys("lrpRules", options, [
    "image",
    "first",
    "convolutions",
    "dense",
    "epsilon",
    "stabilizer",
    "gamma",
    "alpha",
    "bias",
  ]);
  checkForm("lrpRules: options", options, ["image", "first", "convolutions", "dense"]);
  const boundsOf = boundsFrom(options.image);
  return ruleTable((record) => lrpRule(record, options, boundsOf));
}
