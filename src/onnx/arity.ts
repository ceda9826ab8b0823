/**
 * @file How many inputs each operator takes. Source: the schemas of the ONNX standard (onnx/docs/Operators.md), operator set 18
 * and later.
 */
import { BadInputError } from "../errors.ts";
import { describeNode, type Node } from "./model.ts";
import type { Operator } from "./shapes/index.ts";

/** The first `required` inputs must be there; there are `most` in all, and those in between may be left out. */
interface Arity {
  readonly required: number;
  readonly most: number;
}

/** Any number of inputs, none of which may be left out. */
const any: Arity = { required: 1, most: Infinity };

function inputs(required: number, most: number = required): Arity {
  return { required, most };
}

const arities: Readonly<Record<Operator, Arity>> = {
  Abs: inputs(1),
  Acos: inputs(1),
  Acosh: inputs(1),
  Add: inputs(2),
  And: inputs(2),
  ArgMax: inputs(1),
  ArgMin: inputs(1),
  Asin: inputs(1),
  Asinh: inputs(1),
  Atan: inputs(1),
  Atanh: inputs(1),
  Attention: inputs(3, 7),
  AveragePool: inputs(1),
  BatchNormalization: inputs(5),
  Cast: inputs(1),
  CastLike: inputs(2),
  Ceil: inputs(1),
  Celu: inputs(1),
  Clip: inputs(1, 3),
  Concat: any,
  Constant: inputs(0),
  ConstantOfShape: inputs(1),
  Conv: inputs(2, 3),
  ConvTranspose: inputs(2, 3),
  Cos: inputs(1),
  Cosh: inputs(1),
  CumSum: inputs(2),
  DepthToSpace: inputs(1),
  DequantizeLinear: inputs(2, 3),
  Div: inputs(2),
  Dropout: inputs(1, 3),
  Einsum: any,
  Elu: inputs(1),
  Equal: inputs(2),
  Erf: inputs(1),
  Exp: inputs(1),
  Expand: inputs(2),
  EyeLike: inputs(1),
  Flatten: inputs(1),
  Floor: inputs(1),
  Gather: inputs(2),
  GatherElements: inputs(2),
  GatherND: inputs(2),
  Gelu: inputs(1),
  Gemm: inputs(2, 3),
  GlobalAveragePool: inputs(1),
  GlobalLpPool: inputs(1),
  GlobalMaxPool: inputs(1),
  Greater: inputs(2),
  GreaterOrEqual: inputs(2),
  GridSample: inputs(2),
  GroupNormalization: inputs(3),
  HardSigmoid: inputs(1),
  HardSwish: inputs(1),
  Hardmax: inputs(1),
  Identity: inputs(1),
  InstanceNormalization: inputs(3),
  IsInf: inputs(1),
  IsNaN: inputs(1),
  LRN: inputs(1),
  LayerNormalization: inputs(2, 3),
  LeakyRelu: inputs(1),
  Less: inputs(2),
  LessOrEqual: inputs(2),
  Log: inputs(1),
  LogSoftmax: inputs(1),
  LpNormalization: inputs(1),
  LpPool: inputs(1),
  MatMul: inputs(2),
  Max: any,
  MaxPool: inputs(1),
  MaxUnpool: inputs(2, 3),
  Mean: any,
  MeanVarianceNormalization: inputs(1),
  Min: any,
  Mish: inputs(1),
  Mod: inputs(2),
  Mul: inputs(2),
  Neg: inputs(1),
  NonZero: inputs(1),
  Not: inputs(1),
  OneHot: inputs(3),
  Or: inputs(2),
  PRelu: inputs(2),
  Pad: inputs(2, 4),
  Pow: inputs(2),
  QuantizeLinear: inputs(2, 3),
  RMSNormalization: inputs(2),
  Range: inputs(3),
  Reciprocal: inputs(1),
  ReduceL1: inputs(1, 2),
  ReduceL2: inputs(1, 2),
  ReduceLogSum: inputs(1, 2),
  ReduceLogSumExp: inputs(1, 2),
  ReduceMax: inputs(1, 2),
  ReduceMean: inputs(1, 2),
  ReduceMin: inputs(1, 2),
  ReduceProd: inputs(1, 2),
  ReduceSum: inputs(1, 2),
  ReduceSumSquare: inputs(1, 2),
  Relu: inputs(1),
  Reshape: inputs(2),
  Resize: inputs(1, 4),
  Round: inputs(1),
  ScatterElements: inputs(3),
  ScatterND: inputs(3),
  Selu: inputs(1),
  Shape: inputs(1),
  Shrink: inputs(1),
  Sigmoid: inputs(1),
  Sign: inputs(1),
  Sin: inputs(1),
  Sinh: inputs(1),
  Size: inputs(1),
  Slice: inputs(3, 5),
  Softmax: inputs(1),
  Softplus: inputs(1),
  Softsign: inputs(1),
  SpaceToDepth: inputs(1),
  Split: inputs(1, 2),
  Sqrt: inputs(1),
  Squeeze: inputs(1, 2),
  Sub: inputs(2),
  Sum: any,
  Swish: inputs(1),
  Tan: inputs(1),
  Tanh: inputs(1),
  ThresholdedRelu: inputs(1),
  Tile: inputs(2),
  TopK: inputs(2),
  Transpose: inputs(1),
  Trilu: inputs(1, 2),
  Unsqueeze: inputs(2),
  Where: inputs(3),
  Xor: inputs(2),
};

/** Throws a BadInputError if `node` has too few inputs or too many, leaves out one that it needs, or has no output. */
export function checkArity(node: Node): void {
  const { required, most } = arities[node.opType as Operator];
  const where = describeNode(node);
  const count = node.inputs.length;
  if (count < required || count > most) {
    const expected =
      required === most ? String(required) : most === Infinity ? `at least ${required}` : `${required} to ${most}`;
    throw new BadInputError({ where, what: "wrong number of inputs", expected, got: String(count) });
  }
  const missing = node.inputs.findIndex((name, i) => name === "" && (i < required || most === Infinity));
  if (missing >= 0) throw new BadInputError({ where, what: `input ${missing} is left out, which the operator needs` });
  if (!node.outputs.some((name) => name !== "")) throw new BadInputError({ where, what: "the node has no output" });
}
