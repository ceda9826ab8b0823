/** @file A network that computes in bytes throughout, as onnxruntime's QOperator format has it. */
import type { Model } from "../src/onnx/model.ts";
import { parseModel } from "../src/onnx/text/parse.ts";
import { type FloatTensor, floatTensor } from "../src/tensor/tensor.ts";

const numbers = (count: number): string => Array.from({ length: count }, (_, i) => ((i * 37) % 101) - 50).join(", ");

/** Images [N, 1, 8, 8] with pixels in [0, 1] in, logits [N, 3] out: two convolutions, each with a pool, that read and give signed bytes with a zero point. */
export function byteNetwork(): Model {
  return parseModel(`<ir_version: 8, opset_import: ["" : 18]>
    net (float[N, 1, 8, 8] x) => (float[N, 3] logits)
    <float s = {0.004}, int8 z = {-128}, float ws = {0.01}, int8 wz = {0}, float ys = {0.02}, int8 yz = {-100},
     int8[4, 1, 3, 3] w = {${numbers(36)}}, int8[4, 4, 3, 3] v = {${numbers(144)}}, float[16, 3] u = {${numbers(48)}}>
    { q = QuantizeLinear (x, s, z)
      e = QLinearConv <pads = [1, 1, 1, 1]> (q, s, z, w, ws, wz, ys, yz)
      m = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (e)
      c = QLinearConv <pads = [1, 1, 1, 1]> (m, ys, yz, v, ws, wz, ys, yz)
      p = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (c)
      d = DequantizeLinear (p, ys, yz)  f = Flatten (d)  logits = MatMul (f, u) }`);
}

/** A picture for {@link byteNetwork}. */
export const byteImage: FloatTensor = floatTensor(
  Float32Array.from({ length: 64 }, (_, i) => ((i * 29) % 64) / 63),
  [1, 8, 8],
);
