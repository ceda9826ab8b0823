/** @file Attention. */
import { sizeOf } from "../../tensor/tensor.ts";
import { attentionLayout } from "./arithmetic/attention-layout.ts";
import { broadcastTo } from "./arithmetic/strided.ts";
import { operator } from "./operator.ts";

/** softmax(scale · Q Kᵀ + mask) · V per head, of the queries' form with the values' width; a query that may attend to no key gives 0. */
export const Attention = operator({
  inputs: "f f F *? F? F? l?",
  attributes:
    "is_causal:int kv_num_heads:int left_window_size:int q_num_heads:int qk_matmul_output_mode:int right_window_size:int scale:float softcap:float softmax_precision:int",
  shape: ({ node, where, attributes, inputs }) => {
    const layout = attentionLayout(
      where,
      node,
      attributes,
      inputs.map((input) => input?.shape),
    );
    const { batch, heads, queries, valueWidth, isFolded } = layout;
    const shape = isFolded ? [batch, queries, heads * valueWidth] : [batch, heads, queries, valueWidth];
    return [{ dtype: inputs[0].dtype, shape }];
  },
  kernel: ({ node, where, attributes, inputs, outputs: [type] }) => {
    const [q, k, v, mask] = inputs;
    const layout = attentionLayout(
      where,
      node,
      attributes,
      inputs.map((input) => input?.shape),
    );
    const { batch, heads, keyHeads, queries, keys, width, valueWidth, isFolded, scale, softcap, isCausal } = layout;
    const bias = mask && broadcastTo(mask, [batch, heads, queries, keys]);
    const isBoolean = mask?.dtype === "bool";
    /** Where the vector of one position and head begins. */
    const at = (n: number, head: number, position: number, count: number, positions: number, size: number): number =>
      (isFolded ? (n * positions + position) * count + head : (n * count + head) * positions + position) * size;
    const data = new Float64Array(sizeOf(type.shape));
    const scores = new Float64Array(keys);
    for (let n = 0; n < batch; n++) {
      for (let head = 0; head < heads; head++) {
        const keyHead = Math.floor((head * keyHeads) / heads);
        for (let i = 0; i < queries; i++) {
          const query = at(n, head, i, heads, queries, width);
          for (let j = 0; j < keys; j++) {
            const key = at(n, keyHead, j, keyHeads, keys, width);
            let score = 0;
            for (let c = 0; c < width; c++) score += q.data[query + c] * k.data[key + c];
            score *= scale;
            if (softcap > 0) score = softcap * Math.tanh(score / softcap);
            const own = bias?.[((n * heads + head) * queries + i) * keys + j];
            if ((isCausal && j > i) || (isBoolean && own === 0)) score = -Infinity;
            else if (!isBoolean && own !== undefined) score += own;
            scores[j] = score;
          }
          const most = scores.reduce((a, b) => Math.max(a, b), -Infinity);
          if (most === -Infinity) continue;
          let total = 0;
          for (let j = 0; j < keys; j++) total += scores[j] = Math.exp(scores[j] - most);
          const result = at(n, head, i, heads, queries, valueWidth);
          for (let j = 0; j < keys; j++) {
            const value = at(n, keyHead, j, keyHeads, keys, valueWidth);
            for (let c = 0; c < valueWidth; c++) data[result + c] += (scores[j] / total) * v.data[value + c];
          }
        }
      }
    }
    return [{ ...type, data }];
  },
  work: ({ node, where, attributes, inputs }) => {
    const shapes = inputs.map((input) => input?.shape);
    const { batch, heads, queries, keys, width, valueWidth } = attentionLayout(where, node, attributes, shapes);
    return batch * heads * queries * keys * (width + valueWidth);
  },
});
