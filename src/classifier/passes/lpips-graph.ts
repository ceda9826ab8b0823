/**
 * @file The LPIPS distance between an image and another, in a network's own features, as a graph; alone, or with the margin and the gradient of both.
 *
 * Every feature vector along the channels is scaled to length 1 and divided by √(h w) of its layer; the distance is the ℓ2 norm of the difference of all
 * of them, which is the root of LPIPS (Zhang et al. 2018) without its learned weights.
 *
 * Source: Laidlaw, Singla and Feizi, "Perceptual adversarial robustness: defense against unseen threat models", ICLR 2021, section 3.
 */
import { reshapeTo } from "../../autodiff/adjoints/linear-maps.ts";
import { appendVjp, type CotangentSeed } from "../../autodiff/sweep.ts";
import { MisuseError } from "../../errors.ts";
import { GraphBuilder, type Value } from "../../onnx/builder.ts";
import { inferShapes } from "../../onnx/infer-shapes.ts";
import type { Graph } from "../../onnx/model.ts";
import { sizeOf } from "../../tensor/tensor.ts";
import { anatomyOf } from "../network/feature-grids.ts";
import { listLayers } from "../network/layers.ts";
import type { PreparedModel } from "../network/prepare-model.ts";
import type { NetworkGraphOptions } from "./network-graphs.ts";
import { appendMargin, appendSquaredNorm, imageGraph, objectiveInputs, objectiveOutputs } from "./objective-graph.ts";

/** The names of the graph's own inputs and outputs. */
export const lpipsNames = {
  /** [N]: the margin's weight, its least value that counts, the distance's weight, and the distance from which on it counts. */
  marginWeight: "lpips/margin_weight",
  marginFloor: "lpips/margin_floor",
  distanceWeight: "lpips/distance_weight",
  bound: "lpips/bound",
  /** [N]: the distance. */
  distance: "lpips/distance",
} as const;

export interface LpipsGraphOptions extends NetworkGraphOptions {
  /** The names of the layers that are compared. */
  readonly layers: readonly string[];
  /** Whether the margin and the gradient are wanted as well. */
  readonly hasGradient: boolean;
}

/** Added to lengths that are divided by, as in the authors' code. */
const leastLength = 1e-10;

/**
 * The graph of d, of the logits and of the layers' values; the values of the other image are inputs. With a gradient, that of
 *
 *   μ max(M, m) + λ max(d − b, 0),
 *
 * M being the margin (equation 1 of the paper on the perceptual ball); at M = m it counts, at d = b it does not. Where all channels are 0, a feature vector
 * has no direction: it counts as 0, and so does its derivative.
 */
export function lpipsGraph(prepared: PreparedModel, options: LpipsGraphOptions): Graph {
  const { batch, layers, hasGradient } = options;
  const g = GraphBuilder.from(inferShapes(imageGraph(prepared, { ...options, keep: layers })));
  const image = g.value(objectiveInputs.image);
  const { grids } = anatomyOf({ prepared, layers: listLayers(prepared.typed(prepared.fixedBatch ?? 1)) });
  const features = layers.map((name) => {
    const value = g.value(name);
    if (value.shape[0] !== batch || value.shape.length < 2) throw withoutRows(name, value);
    const grid = grids.find(({ layer }) => layer.name === name);
    const isLast = grid === undefined ? value.shape.length === 3 : grid.channelStride < grid.cellStride;
    return { value, axis: isLast ? value.shape.length - 1 : 1 };
  });
  const seeds: CotangentSeed[] = [];
  const { logits, distance, margin } = g.scope("lpips", () => {
    const compared = features.map(({ value, axis }, l) => {
      const own = appendUnit(g, value, axis);
      const other = appendUnit(g, g.input(objectiveInputs.reference(l), "float32", value.shape), axis);
      return { value, axis, own, difference: g.op("Sub", [own.unit, other.unit]) };
    });
    const squares = compared.map(({ difference }) => reshapeTo(g, appendSquaredNorm(g, difference), [batch, 1]));
    const all = squares.length === 1 ? squares[0] : g.op("Concat", squares, { axis: 1 });
    const distance = g.op("Sqrt", [g.op("ReduceSum", [all, g.ints([1])], { keepdims: 0 })]);
    if (!hasGradient) {
      const scores = g.value(prepared.logits);
      return { logits: reshapeTo(g, scores, [batch, scores.shape[1]]), distance, margin: undefined };
    }
    const perImage = (name: string): Value => g.input(name, "float32", [batch]);
    const { margin, logits, pair, signs } = appendMargin(g, g.value(prepared.logits));
    const counts = g.op("Cast", [g.op("GreaterOrEqual", [margin, perImage(lpipsNames.marginFloor)])], { to: 1 });
    const slope = g.op("Mul", [perImage(lpipsNames.marginWeight), counts]);
    seeds.push({ value: pair, cotangent: g.op("Mul", [signs, reshapeTo(g, slope, [batch, 1])]) });
    const isBeyond = g.op("Cast", [g.op("Greater", [distance, perImage(lpipsNames.bound)])], { to: 1 });
    const pull = g.op("Div", [
      g.op("Mul", [perImage(lpipsNames.distanceWeight), isBeyond]),
      g.op("Max", [distance, g.scalar(1e-30)]),
    ]);
    for (const { value, axis, own, difference } of compared) {
      const perRow = reshapeTo(g, pull, [batch, ...value.shape.slice(1).map(() => 1)]);
      seeds.push({ value, cotangent: appendUnitBack(g, value, axis, own, g.op("Mul", [difference, perRow])) });
    }
    return { logits, distance, margin };
  });
  g.output(logits, objectiveOutputs.logits);
  g.output(distance, lpipsNames.distance);
  if (margin !== undefined) {
    const [gradient] = appendVjp(g, { seeds, wrt: [image] });
    g.output(margin, objectiveOutputs.margin);
    g.output(gradient, objectiveOutputs.gradient);
  }
  for (const name of new Set(layers)) g.output(g.value(name));
  return g.toGraph("lpips");
}

/** Feature vectors of length 1 / √(h w). */
interface Unit {
  readonly unit: Value;
  /** Their lengths before, and the factor that they were scaled by; 1 along the channels. */
  readonly length: Value;
  readonly factor: Value;
}

function appendUnit(g: GraphBuilder, feature: Value, axis: number): Unit {
  const cells = sizeOf(feature.shape.filter((_, a) => a !== 0 && a !== axis));
  const length = g.op("Sqrt", [g.op("ReduceSumSquare", [feature, g.ints([axis])], { keepdims: 1 })]);
  const factor = g.op("Div", [g.scalar(1 / Math.sqrt(cells)), g.op("Add", [length, g.scalar(leastLength)])]);
  return { unit: g.op("Mul", [feature, factor]), length, factor };
}

/** The cotangent of the feature where that of its unit is c: s (c − f (f·c) / (‖f‖ (‖f‖ + 10⁻¹⁰))), 0 where f is 0. */
function appendUnitBack(g: GraphBuilder, feature: Value, axis: number, { length, factor }: Unit, c: Value): Value {
  const along = g.op("ReduceSum", [g.op("Mul", [feature, c]), g.ints([axis])], { keepdims: 1 });
  const squares = g.op("Mul", [length, g.op("Add", [length, g.scalar(leastLength)])]);
  const share = g.op("Div", [along, g.op("Max", [squares, g.scalar(1e-30)])]);
  const isThere = g.op("Cast", [g.op("Greater", [length, g.scalar(0)])], { to: 1 });
  const turned = g.op("Sub", [c, g.op("Mul", [feature, share])]);
  return g.op("Mul", [turned, g.op("Mul", [factor, isThere])]);
}

function withoutRows(name: string, { shape }: Value): MisuseError {
  return new MisuseError({
    where: "lpips: layers",
    what: `layer ${JSON.stringify(name)} has no row of features for each image`,
    expected: "the images along its first axis, and channels",
    got: `[${shape.join(", ")}]`,
  });
}
