/**
 * @file What the backward passes that explain do at each operator, where gradients would do something else.
 *
 * Guided backpropagation and the deconvolutional network change what happens at *rectifiers*: operators that keep large positive
 * inputs and hold back negative ones. Squashing functions (Sigmoid, Tanh, …) are none. An activation that an exporter wrote as
 * several operators (x · Sigmoid(x) for SiLU, Div, Erf, Add and Mul for GELU) is a rectifier at the `product` that ends it: see
 * {@link activationProductOf}.
 *
 * Excitation backpropagation distributes a probability from outputs to inputs at every operator:
 * - `weights`: by the positive weights, p ← x⁺ ∘ W⁺ᵀ (p / (W⁺ x⁺)), without biases.
 * - `shares`: in proportion to what each input adds, p ← x⁺ ∘ Jᵀ (p / f(x⁺)); constants get nothing.
 * - `factors`: of a product, to the factors that are no gates (outputs of Sigmoid, HardSigmoid or Softmax), in equal parts; of one
 *   that ends an activation of x, to x.
 * - `first`: unchanged, to the first input that depends on the image.
 * - `ordinary`: as gradients: copies are added up, the winner takes all. Where outputs are means of inputs, that conserves p too.
 */
import type { Differentiable } from "./rules/index.ts";

export type Rectification = "rectifier" | "product" | "ordinary";
export type Excitation = "weights" | "shares" | "factors" | "first" | "ordinary";

const unary = ["ordinary", "first"] as const;
const rectifier = ["rectifier", "first"] as const;
const copying = ["ordinary", "ordinary"] as const;
const weighing = ["ordinary", "weights"] as const;
const adding = ["ordinary", "shares"] as const;

/** An operator that is missing here does not compile. */
export const treatments: Readonly<Record<Differentiable, readonly [Rectification, Excitation]>> = {
  // Convolutions and matrix products
  Conv: weighing,
  ConvTranspose: weighing,
  Gemm: weighing,
  MatMul: weighing,
  Einsum: weighing,
  Attention: weighing,
  // Rectifiers
  Relu: ["rectifier", "ordinary"],
  LeakyRelu: rectifier,
  PRelu: rectifier,
  ThresholdedRelu: rectifier,
  Clip: rectifier,
  Elu: rectifier,
  Celu: rectifier,
  Selu: rectifier,
  Gelu: rectifier,
  HardSwish: rectifier,
  Mish: rectifier,
  Softplus: rectifier,
  Swish: rectifier,
  // Squashing and other functions of one number
  Abs: unary,
  Acos: unary,
  Acosh: unary,
  Asin: unary,
  Asinh: unary,
  Atan: unary,
  Atanh: unary,
  Cast: unary,
  CastLike: unary,
  DequantizeLinear: unary,
  QuantizeLinear: unary,
  Cos: unary,
  Cosh: unary,
  Dropout: unary,
  Erf: unary,
  Exp: unary,
  HardSigmoid: unary,
  Identity: unary,
  Log: unary,
  Neg: unary,
  Reciprocal: unary,
  Shrink: unary,
  Sigmoid: unary,
  Sin: unary,
  Sinh: unary,
  Softsign: unary,
  Sqrt: unary,
  Tan: unary,
  Tanh: unary,
  // Of two or more; the divisor, exponent and modulus only scale
  Add: adding,
  Sub: adding,
  Sum: adding,
  Mean: adding,
  Mul: ["product", "factors"],
  Div: unary,
  Mod: unary,
  Pow: unary,
  Max: copying,
  Min: copying,
  Where: copying,
  // Normalizations scale and shift each element
  BatchNormalization: unary,
  GroupNormalization: unary,
  InstanceNormalization: unary,
  LRN: unary,
  LayerNormalization: unary,
  LogSoftmax: unary,
  LpNormalization: unary,
  MeanVarianceNormalization: unary,
  RMSNormalization: unary,
  Softmax: unary,
  // Pools and reductions
  AveragePool: adding,
  GlobalAveragePool: adding,
  GlobalLpPool: adding,
  LpPool: adding,
  CumSum: adding,
  ReduceL1: adding,
  ReduceL2: adding,
  ReduceLogSum: adding,
  ReduceLogSumExp: adding,
  ReduceMean: adding,
  ReduceProd: adding,
  ReduceSum: adding,
  ReduceSumSquare: adding,
  GlobalMaxPool: copying,
  MaxPool: copying,
  MaxUnpool: copying,
  ReduceMax: copying,
  ReduceMin: copying,
  TopK: copying,
  // What moves elements, or interpolates between them
  Concat: copying,
  DepthToSpace: copying,
  Expand: copying,
  Flatten: copying,
  Gather: copying,
  GatherElements: copying,
  GatherND: copying,
  GridSample: copying,
  OneHot: copying,
  Pad: copying,
  Reshape: copying,
  Resize: copying,
  ScatterElements: copying,
  ScatterND: copying,
  Slice: copying,
  SpaceToDepth: copying,
  Split: copying,
  Squeeze: copying,
  Tile: copying,
  Transpose: copying,
  Trilu: copying,
  Unsqueeze: copying,
};

/** What an operator is to guided backpropagation and the deconvolutional network, which treat rectifiers in their own way. */
export function rectificationOf(operator: Differentiable): Rectification {
  return treatments[operator][0];
}

export function excitationOf(operator: Differentiable): Excitation {
  return treatments[operator][1];
}
