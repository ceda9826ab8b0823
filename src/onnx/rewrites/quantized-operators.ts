/**
 * @file Operators that compute with quantized integers, as the same operators on real numbers between DequantizeLinear and QuantizeLinear.
 *
 * They come from the standard domain (QLinearConv, MatMulInteger, …) and from onnxruntime's (QLinearAdd, QGemm, …; its ContribOperators.md).
 * In this form they have straight-through gradients. Numbers agree with those of the integer kernels up to one step of the output where a
 * sum lies on the boundary of two: the kernels multiply it by one factor, and these by two scales and a quotient.
 */
import { BadInputError, UnsupportedError } from "../../errors.ts";
import { tensorOf } from "../../tensor/tensor.ts";
import { float } from "../attributes.ts";
import { numberOfDataType } from "../file/tensor-proto.ts";
import { int64Tensor } from "../int64.ts";
import { type Attributes, describeNode } from "../model.ts";
import type { Rewrite, RewriteRule } from "./rewrite.ts";

/** Input `index`, which must be there. */
function required({ node, input }: Rewrite, index: number): string {
  const name = input(index);
  if (name !== "") return name;
  throw new BadInputError({ where: describeNode(node), what: `input ${index} is left out`, expected: "a value" });
}

/** The real numbers of an input, whose scale and zero point follow it; per slice along `axis` where these are vectors. */
function dequantized(rewrite: Rewrite, index: number, axis?: number): string {
  const [value, scale, zero] = [required(rewrite, index), required(rewrite, index + 1), rewrite.input(index + 2)];
  return rewrite.op("DequantizeLinear", zero === "" ? [value, scale] : [value, scale, zero], { axis });
}

/** `value` quantized with the scale and the zero point that are inputs `index` and the one after, as the first output. */
function finish(rewrite: Rewrite, value: string, index: number): void {
  const { node, into } = rewrite;
  // Without a zero point, the output would have a type that only the input says.
  into([node.outputs[0]], "QuantizeLinear", [value, required(rewrite, index), required(rewrite, index + 1)]);
}

/** A bias of integers as real numbers: its scale is the product of those of the inputs `a` and `b`, and its zero point 0. */
function realBias(rewrite: Rewrite, bias: string, a: number, b: number, factor = 1): string {
  const { op, constant } = rewrite;
  const scale = op("Mul", [required(rewrite, a), required(rewrite, b)]);
  const whole = factor === 1 ? scale : op("Mul", [scale, constant(tensorOf("float32", [factor], []))]);
  return op("Mul", [real(rewrite, bias), whole]);
}

function real({ op }: Rewrite, value: string): string {
  return op("Cast", [value], { to: numberOfDataType("float32") });
}

/** The node's attributes with these names, as values. */
function kept(
  { node, attributes }: Rewrite,
  names: readonly string[],
): Record<string, number | readonly number[] | string> {
  const read: Readonly<
    Partial<Record<Attributes[string]["kind"], (name: string) => number | readonly number[] | string>>
  > = {
    int: (name) => attributes.int(name),
    ints: (name) => attributes.ints(name),
    string: (name) => attributes.string(name),
  };
  return Object.fromEntries(
    names.flatMap((name) => {
      const attribute = node.attributes[name];
      const value = attribute && read[attribute.kind]?.(name);
      return value === undefined ? [] : [[name, value]];
    }),
  );
}

const window = ["auto_pad", "dilations", "group", "kernel_shape", "pads", "strides"];

/** An operator on one quantized tensor, such as Sigmoid. */
const unary =
  (rewriteReal: (rewrite: Rewrite, x: string) => string): RewriteRule =>
  (rewrite) =>
    finish(rewrite, rewriteReal(rewrite, dequantized(rewrite, 0)), 3);

/** An operator on two quantized tensors, such as Add. */
const binary =
  (opType: string): RewriteRule =>
  (rewrite) =>
    finish(rewrite, rewrite.op(opType, [dequantized(rewrite, 0), dequantized(rewrite, 3)]), 6);

function refuse(rewrite: Rewrite, name: string, expected: string): never {
  throw new UnsupportedError({
    where: describeNode(rewrite.node),
    what: `this form of the quantized operator is not supported`,
    expected: `${name} ${expected}`,
    advice: "Quantize the model in the QDQ format (quant_format=QuantFormat.QDQ), or use it as it was before.",
  });
}

function refuseChannelsLast(rewrite: Rewrite): void {
  if (rewrite.attributes.int("channels_last", 0) !== 0) refuse(rewrite, "channels_last", "0");
}

/** An input of integers less its zero point, as real numbers. */
function centered(rewrite: Rewrite, index: number, zero: string): string {
  const value = real(rewrite, required(rewrite, index));
  return zero === "" ? value : rewrite.op("Sub", [value, real(rewrite, zero)]);
}

/** The integers that an integer operator gives. */
function finishInteger({ node, into }: Rewrite, value: string): void {
  into([node.outputs[0]], "Cast", [value], { to: numberOfDataType("int32") });
}

/** The rewrites by operator. */
export const quantizedOperators: Readonly<Record<string, RewriteRule>> = {
  QLinearConv(rewrite) {
    const [x, w, bias] = [dequantized(rewrite, 0), dequantized(rewrite, 3, 0), rewrite.input(8)];
    const inputs = bias === "" ? [x, w] : [x, w, realBias(rewrite, bias, 1, 4)];
    finish(rewrite, rewrite.op("Conv", inputs, kept(rewrite, window)), 6);
  },
  QLinearMatMul(rewrite) {
    finish(rewrite, rewrite.op("MatMul", [dequantized(rewrite, 0, -2), dequantized(rewrite, 3, -1)]), 6);
  },
  QGemm(rewrite) {
    const { node, attributes, op, into, input } = rewrite;
    const [alpha, transA, transB] = [
      attributes.float("alpha", 1),
      attributes.int("transA", 0),
      attributes.int("transB", 0),
    ];
    const factors = [dequantized(rewrite, 0), dequantized(rewrite, 3, transB === 0 ? 1 : 0)];
    const inputs = input(6) === "" ? factors : [...factors, realBias(rewrite, input(6), 1, 4, alpha)];
    const options = { alpha: float(alpha), transA, transB };
    if (input(7) === "") into([node.outputs[0]], "Gemm", inputs, options);
    else finish(rewrite, op("Gemm", inputs, options), 7);
  },
  QLinearAdd: binary("Add"),
  QLinearMul: binary("Mul"),
  QLinearSigmoid: unary(({ op }, x) => op("Sigmoid", [x])),
  QLinearLeakyRelu: unary(({ op, attributes }, x) =>
    op("LeakyRelu", [x], { alpha: float(attributes.float("alpha", 0.01)) }),
  ),
  QLinearSoftmax: unary((rewrite, x) => {
    const { op, attributes } = rewrite;
    const axis = attributes.int("axis", -1);
    // Before opset 13 all axes from this one on were one.
    if (attributes.int("opset", 1) < 13 && axis !== -1) refuse(rewrite, "axis", "-1");
    return op("Softmax", [x], { axis });
  }),
  QLinearGlobalAveragePool: unary((rewrite, x) => {
    refuseChannelsLast(rewrite);
    return rewrite.op("GlobalAveragePool", [x]);
  }),
  QLinearAveragePool: unary((rewrite, x) => {
    refuseChannelsLast(rewrite);
    const names = ["auto_pad", "ceil_mode", "count_include_pad", "kernel_shape", "pads", "strides"];
    return rewrite.op("AveragePool", [x], kept(rewrite, names));
  }),
  QLinearConcat(rewrite) {
    const { node, op, attributes } = rewrite;
    const parts = node.inputs.slice(2).flatMap((_, i) => (i % 3 === 0 ? [dequantized(rewrite, i + 2)] : []));
    finish(rewrite, op("Concat", parts, { axis: attributes.int("axis") }), 0);
  },
  ConvInteger(rewrite) {
    const { op, constant, input } = rewrite;
    const attributes = kept(rewrite, window);
    // One zero point for each kernel broadcasts over what follows the first axis.
    const spatial =
      [attributes.kernel_shape, attributes.strides, attributes.dilations].find(Array.isArray)?.length ?? 2;
    const perKernel = constant(int64Tensor([-1, 1, ...new Array<number>(spatial).fill(1)]));
    const zero = input(3) === "" ? "" : op("Reshape", [input(3), perKernel]);
    finishInteger(rewrite, op("Conv", [centered(rewrite, 0, input(2)), centered(rewrite, 1, zero)], attributes));
  },
  MatMulInteger(rewrite) {
    const { op, input } = rewrite;
    finishInteger(rewrite, op("MatMul", [centered(rewrite, 0, input(2)), centered(rewrite, 1, input(3))]));
  },
  /** The range of x and 0 is spread over the 256 numbers of a byte. */
  DynamicQuantizeLinear(rewrite) {
    const { node, op, into, constant } = rewrite;
    const number = (value: number): string => constant(tensorOf("float32", [value], []));
    const x = required(rewrite, 0);
    const [zero, largest] = [number(0), number(255)];
    const [y, scaleName = "", zeroName = ""] = node.outputs;
    const bound = (reduction: string, extremum: string): string =>
      op(extremum, [op(reduction, [x], { keepdims: 0 }), zero]);
    const [low, high] = [bound("ReduceMin", "Min"), bound("ReduceMax", "Max")];
    const named = (name: string, opType: string, inputs: readonly string[], attributes = {}): string => {
      if (name === "") return op(opType, inputs, attributes);
      into([name], opType, inputs, attributes);
      return name;
    };
    const scale = named(scaleName, "Div", [op("Sub", [high, low]), largest]);
    const point = op("Round", [op("Clip", [op("Div", [op("Neg", [low]), scale]), zero, largest])]);
    const zeroPoint = named(zeroName, "Cast", [point], { to: numberOfDataType("uint8") });
    named(y, "QuantizeLinear", [x, scale, zeroPoint]);
  },
};
