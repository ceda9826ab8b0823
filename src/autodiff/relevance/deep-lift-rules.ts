/**
 * @file DeepLIFT's rescale rule as a rule table: multipliers for the difference to another image take the place of derivatives.
 *
 * Source: Shrikumar, Greenside and Kundaje, "Learning Important Features Through Propagating Activation Differences", 2017, sections 3.1
 * (multipliers and their chain rule) and 3.5.2 (the rescale rule): a function of one number has the multiplier Δy / Δx, where Δ is the
 * difference between what a value is for the image and what it is for the baseline. What is linear has its derivative for a multiplier.
 *
 * The multipliers m of every operator are complete, Σ m Δx = Δy, so that those of the image are too:
 *
 * - where Δx is next to nothing, the derivative takes the place of Δy / Δx, as in Captum;
 * - a maximum of several gives max(y, y₀) − y₀ to the winner of the image and y − max(y, y₀) to that of the baseline, as in Captum and SHAP;
 * - a product of two values of the image has the mean of the other one's two values, which is both orders in which they can change, averaged;
 * - any other operator of several values, such as Softmax or LayerNormalization, has the mean derivative along the straight line between
 *   the two, by eight Gauss–Legendre nodes: complete up to the error of the quadrature. Captum takes the derivative at the image there, which is
 *   not complete.
 */
import { checkForm, checkKeys } from "../../errors.ts";
import type { GraphBuilder, Value } from "../../onnx/builder.ts";
import { hasTrait } from "../../onnx/operators/table.ts";
import { sameShape } from "../../tensor/shape.ts";
import { isFloating } from "../../tensor/tensor.ts";
import type { Rule, VjpCall, VjpRule } from "../rule.ts";
import { type RuleTable, ruleTable } from "../rules/index.ts";
import { type Twins, twinsOf } from "./twins.ts";

/** The names of the graph's inputs that hold the image and the one that it is compared with. */
export interface DeepLiftOptions {
  readonly image: string;
  readonly baseline: string;
}

/** Differences of less than this count as none; Captum's number. */
const nothing = 1e-10;

/** The Gauss–Legendre rule of eight nodes on [0, 1], from that on [−1, 1]. */
const quadrature = (
  [
    [0.9602898564975363, 0.1012285362903763],
    [0.7966664774136267, 0.2223810344533745],
    [0.525532409916329, 0.3137066458778873],
    [0.1834346424956498, 0.362683783378362],
  ] as const
).flatMap(
  ([node, weight]) =>
    [
      [(1 - node) / 2, weight / 2],
      [(1 + node) / 2, weight / 2],
    ] as const,
);

/** Exact where the derivative is linear along the line. */
const midpoint = [[0.5, 1]] as const;

/** An operator for the image, and once more for the baseline. */
interface Pair {
  readonly call: VjpCall;
  readonly inputs: readonly (Value | undefined)[];
  readonly outputs: readonly (Value | undefined)[];
}

/** Whether what was appended since there were `before` nodes reads what the operator reads or computes of the image. */
function dependsOnImage({ call: { g, ...call }, inputs, outputs }: Pair, before: number): boolean {
  const differing = (values: readonly (Value | undefined)[], twins: readonly (Value | undefined)[]) =>
    values.flatMap((value, i) => (value !== undefined && twins[i]?.name !== value.name ? [value.name] : []));
  const names = new Set([...differing(call.inputs, inputs), ...differing(call.outputs, outputs)]);
  return g.nodes.slice(before).some((node) => node.inputs.some((name) => names.has(name)));
}

/** numerator / (x − x₀), and `derivative` where the two are the same. */
function rescaled(g: GraphBuilder, numerator: Value, [x, x0]: readonly [Value, Value], derivative: Value): Value {
  const difference = g.op("Sub", [x, x0]);
  const isSame = g.op("Less", [g.op("Abs", [difference]), g.scalar(nothing, x.dtype)]);
  const divisor = g.op("Where", [isSame, g.scalar(1, x.dtype), difference]);
  return g.op("Where", [isSame, derivative, g.op("Div", [numerator, divisor])]);
}

type Multipliers = (pair: Pair, vjp: VjpRule, derivatives: ReturnType<VjpRule>) => ReturnType<VjpRule>;

/** ȳ Δy / Δx of a function of single numbers. */
const ofNumbers: Multipliers = ({ call, inputs, outputs }, _, derivatives) => {
  const { g } = call;
  const [[dy], [y], [y0]] = [call.cotangents, call.outputs, outputs];
  if (dy === undefined || y === undefined || y0 === undefined) return [];
  return derivatives.map((derivative, i) => {
    const [x, x0] = [call.inputs[i], inputs[i]];
    if (derivative === undefined || x === undefined || x0 === undefined) return undefined;
    return rescaled(g, g.op("Mul", [dy, g.op("Sub", [y, y0])]), [x, x0], derivative);
  });
};

/** To the winner of the image what it is above the baseline, to that of the baseline what it has lost. */
function ofWinners(bound: "Max" | "Min"): Multipliers {
  return ({ call, inputs, outputs }, vjp, derivatives) => {
    const { g } = call;
    const [[dy], [y], [y0]] = [call.cotangents, call.outputs, outputs];
    if (dy === undefined || y === undefined || y0 === undefined) return [];
    const between = g.op(bound, [y, y0]);
    const weighted = (difference: Value): Value => g.op("Mul", [dy, difference]);
    const gained = vjp({ ...call, cotangents: [weighted(g.op("Sub", [between, y0]))] });
    const lost = vjp({ ...call, inputs, outputs, cotangents: [weighted(g.op("Sub", [y, between]))] });
    return derivatives.map((derivative, i) => {
      const [x, x0, more, less] = [call.inputs[i], inputs[i], gained[i], lost[i]];
      if (derivative === undefined || x === undefined || x0 === undefined || !more || !less) return undefined;
      return rescaled(g, g.op("Add", [more, less]), [x, x0], derivative);
    });
  };
}

/** The mean derivative along the straight line from the baseline's inputs to the image's. */
function alongLine(rule: readonly (readonly [node: number, weight: number])[]): Multipliers {
  return ({ call, inputs }, vjp) => {
    const { g, node, wants } = call;
    const means: (Value | undefined)[] = [];
    for (const [share, weight] of rule) {
      const between = call.inputs.map((x, i) => {
        const x0 = inputs[i];
        if (x === undefined || x0 === undefined || x.name === x0.name || !wants(i)) return x;
        return g.op("Add", [x0, g.op("Mul", [g.op("Sub", [x, x0]), g.scalar(share, x.dtype)])]);
      });
      const pulled = vjp({ ...call, inputs: between, outputs: g.again(node, between) });
      for (const [i, cotangent] of pulled.entries()) {
        if (cotangent === undefined) continue;
        const part = weight === 1 ? cotangent : g.op("Mul", [cotangent, g.scalar(weight, cotangent.dtype)]);
        const sum = means[i];
        means[i] = sum === undefined ? part : g.op("Add", [sum, part]);
      }
    }
    return call.inputs.map((_, i) => means[i]);
  };
}

/** How the multipliers of a nonlinear operator are found. */
function multipliersOf({ excitation }: Rule, { call, inputs }: Pair): Multipliers {
  const { node, wants, outputs } = call;
  const wanted = call.inputs.flatMap((input, i) => (input !== undefined && wants(i) ? [input] : []));
  const varying = call.inputs.filter((input, i) => input !== undefined && inputs[i]?.name !== input.name);
  const [x] = wanted;
  const [y] = outputs;
  const isOfNumbers = hasTrait(node, "elementwise") || hasTrait(node, "broadcasting");
  if (isOfNumbers && varying.length === 1 && x !== undefined && y !== undefined && sameShape(x.shape, y.shape)) {
    return ofNumbers;
  }
  if (excitation.by === "as gradient") return ofWinners(/Min$/.test(node.opType) ? "Min" : "Max");
  const isProduct = excitation.by === "factors" || (excitation.by === "weights" && "operands" in excitation);
  return alongLine(isProduct && varying.length <= 2 ? midpoint : quadrature);
}

function rescaleRule(record: Rule, twinsIn: (g: GraphBuilder) => Twins): VjpRule {
  const { vjp } = record;
  return (call) => {
    const { g } = call;
    const twin = twinsIn(g);
    const pair: Pair = {
      call,
      inputs: call.inputs.map((input) => input && twin(input)),
      outputs: call.outputs.map((output) => output && twin(output)),
    };
    const before = g.nodes.length;
    const derivatives = vjp(call);
    const isReal = call.inputs.every((input, i) => input === undefined || !call.wants(i) || isFloating(input.dtype));
    if (!isReal || !dependsOnImage(pair, before)) return derivatives;
    return multipliersOf(record, pair)(pair, vjp, derivatives);
  };
}

/**
 * The backward rules of DeepLIFT for graphs with two inputs of one shape, the image and its baseline: what the sweep gives at the image are multipliers m,
 * and Σ m (x − x₀) is the difference that the image makes to what was seeded.
 */
export function deepLiftRules(options: DeepLiftOptions): RuleTable {
  checkKeys("deepLiftRules", options, ["image", "baseline"]);
  checkForm("deepLiftRules: options", options, ["image", "baseline"]);
  const { image, baseline } = options;
  const known = new WeakMap<GraphBuilder, Twins>();
  const twinsIn = (g: GraphBuilder): Twins => {
    const twins = known.get(g) ?? twinsOf(g, image, g.value(baseline));
    known.set(g, twins);
    return twins;
  };
  return ruleTable((record) => rescaleRule(record, twinsIn));
}
