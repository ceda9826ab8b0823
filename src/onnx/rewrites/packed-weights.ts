/**
 * @file Weights of a few bits each, packed in bytes, as onnxruntime's MatMulNBits has them
 * (onnxruntime/docs/ContribOperators.md).
 */
import { UnsupportedError } from "../../errors.ts";
import { numbersOf, type Tensor, tensorOf } from "../../tensor/tensor.ts";
import { describeNode } from "../model.ts";
import type { Rewrite } from "./rewrite.ts";

/** Number `index` of those that lie in `bytes`, `bits` each, the first in the lowest bits of a byte; rows are of whole bytes. */
function numberAt(bytes: ArrayLike<number>, index: number, bits: number): number {
  const each = 8 / bits;
  return ((bytes[Math.floor(index / each)] ?? 0) >> (bits * (index % each))) & (2 ** bits - 1);
}

/**
 * The weights [K, N] of a MatMulNBits node, as real numbers: (q − zero point) · scale, by blocks of `block_size` along K, or by the group
 * that `g_idx` gives each of the K. Throws an UnsupportedError where they are computed, or packed otherwise.
 */
export function unpackedWeights({ node, attributes, input, weights }: Rewrite): Tensor {
  const refuse = (what: string, expected: string): UnsupportedError =>
    new UnsupportedError({
      where: describeNode(node),
      what,
      expected,
      advice: "Use the model before it was quantized.",
    });
  const [K, N, bits, size] = [
    attributes.int("K"),
    attributes.int("N"),
    attributes.int("bits", 4),
    attributes.int("block_size"),
  ];
  if (![2, 4, 8].includes(bits)) throw refuse(`weights of ${bits} bits are not supported`, "2, 4 or 8");
  const [packed, scales, zeros, groups] = [1, 2, 3, 4].map((index) => weights(index));
  const isComputed = [packed, scales, zeros, groups].some((one, at) => one === undefined && input(at + 1) !== "");
  if (packed === undefined || scales === undefined || isComputed) {
    throw refuse("the packed weights are computed", "initializers");
  }
  const blocks = Math.ceil(K / size);
  const [q, scale] = [numbersOf(packed), numbersOf(scales)];
  const zero = zeros && numbersOf(zeros);
  const group = groups && numbersOf(groups);
  const perByte = 8 / bits;
  const rowBytes = blocks * (size / perByte);
  if (q.length !== N * rowBytes || scale.length < N * blocks) {
    throw refuse("the packed weights do not fill their shape", `${N * rowBytes} bytes and ${N * blocks} scales`);
  }
  const zeroRow = Math.ceil(blocks / perByte) * perByte;
  const zeroAt = (n: number, block: number): number => {
    if (zeros === undefined || zero === undefined) return 2 ** (bits - 1);
    return zeros.dtype === "uint8" ? numberAt(zero, n * zeroRow + block, bits) : (zero[n * blocks + block] ?? 0);
  };
  const data = new Float32Array(K * N);
  for (let n = 0; n < N; n++) {
    for (let k = 0; k < K; k++) {
      const block = group?.[k] ?? Math.floor(k / size);
      const value = numberAt(q, n * rowBytes * perByte + k, bits);
      data[k * N + n] = (value - zeroAt(n, block)) * (scale[n * blocks + block] ?? 0);
    }
  }
  return tensorOf("float32", data, [K, N]);
}
