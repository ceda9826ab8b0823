/** @file A network whose bytes are scaled while it runs, as onnxruntime's quantize_dynamic writes it, and the same network in real numbers. */
import type { Model } from "../src/onnx/model.ts";
import { parseModel } from "../src/onnx/text/parse.ts";
import { type FloatTensor, floatTensor } from "../src/tensor/tensor.ts";

const numbers = (count: number): number[] => Array.from({ length: count }, (_, i) => ((i * 37) % 101) - 50);

/** Weights of convolutions are these bytes times this; those of the product are its bytes. */
const scale = 0.004;
const weights = [4 * 9, 4 * 4 * 9, 4 * 4 * 9, 4 * 4 * 9].map((count, i) => numbers(count + i).slice(i));
const last = numbers(12);
const shapes = ["4, 1, 3, 3", "4, 4, 3, 3", "4, 4, 3, 3", "4, 4, 3, 3"];
/** The second and the third make the picture smaller. */
const strides = [1, 2, 2, 1];

const net = (initializers: readonly string[], body: string): Model =>
  parseModel(`<ir_version: 8, opset_import: ["" : 13]>
    net (float[N, 1, 16, 16] x) => (float[N, 3] logits)
    <float[4] b = {0.1, -0.05, 0.2, 0}, int64[4] ofChannels = {1, 4, 1, 1}, float[3] c = {10.04, 0, -9.5}, ${initializers.join(", ")}> { ${body} }`);

/**
 * Images [N, 1, 16, 16] with pixels in [0, 1] in, logits [N, 3] out: convolutions with biases c0 to c3 and their ReLUs r0 to r3, a mean and a product.
 * What goes into each is quantized by its own range, x_scale.
 */
export function dynamicNetwork(): Model {
  const product = (operator: string, from: string, to: string, weight: string, weightScale = "ws"): string => `
    ${from}_quantized, ${from}_scale, ${from}_zero_point = DynamicQuantizeLinear (${from})
    ${to}_scales_mul = Mul (${from}_scale, ${weightScale})
    ${to}_quantized_output = ${operator} (${from}_quantized, ${weight}, ${from}_zero_point, wz)
    ${to}_cast = Cast <to = 1> (${to}_quantized_output)
    ${to}_scaled = Mul (${to}_cast, ${to}_scales_mul)`;
  const convolution = (i: number): string => `
    ${product(`ConvInteger <pads = [1, 1, 1, 1], strides = [${strides[i]}, ${strides[i]}]>`, i === 0 ? "x" : `r${i - 1}`, `c${i}`, `w${i}`)}
    c${i}_bias = Reshape (b, ofChannels)  c${i} = Add (c${i}_scaled, c${i}_bias)  r${i} = Relu (c${i})`;
  return net(
    [
      `float ws = {${scale}}, float us = {1}, int8 wz = {0}, int8[4, 3] u = {${last.join(", ")}}`,
      ...weights.map((values, i) => `int8[${shapes[i]}] w${i} = {${values.join(", ")}}`),
    ],
    `${strides.map((_, i) => convolution(i)).join("")}
     a = GlobalAveragePool (r3)  f = Flatten (a)  ${product("MatMulInteger", "f", "m", "u", "us")}  logits = Add (m_scaled, c)`,
  );
}

/** What {@link dynamicNetwork} was before it was quantized. */
export function undynamicNetwork(): Model {
  const real = (values: readonly number[]): string => values.map((value) => value * scale).join(", ");
  return net(
    [
      `float[4, 3] u = {${last.join(", ")}}`,
      ...weights.map((values, i) => `float[${shapes[i]}] w${i} = {${real(values)}}`),
    ],
    `${strides
      .map(
        (stride, i) =>
          `c${i} = Conv <pads = [1, 1, 1, 1], strides = [${stride}, ${stride}]> (${i === 0 ? "x" : `r${i - 1}`}, w${i}, b)  r${i} = Relu (c${i})`,
      )
      .join("\n")}
     a = GlobalAveragePool (r3)  f = Flatten (a)  m = MatMul (f, u)  logits = Add (m, c)`,
  );
}

/** A picture for {@link dynamicNetwork}. */
export const dynamicImage: FloatTensor = floatTensor(
  Float32Array.from({ length: 256 }, (_, i) => ((i * 29) % 64) / 63),
  [1, 16, 16],
);
