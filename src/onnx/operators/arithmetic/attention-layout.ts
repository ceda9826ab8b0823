/** @file How the operator Attention reads its inputs: heads, scale and mask, checked. */
import { BadInputError, UnsupportedError } from "../../../errors.ts";
import type { Shape } from "../../../tensor/tensor.ts";
import type { AttributeReader } from "../../attributes.ts";
import type { Node } from "../../model.ts";
import { checkBroadcasts } from "../check-shape.ts";

/** The extents of one Attention: queries [batch, heads, queries, width], keys [batch, keyHeads, keys, width], values […, valueWidth]. */
export interface AttentionLayout {
  readonly batch: number;
  readonly heads: number;
  /** The number of heads of keys and values; each serves `heads / keyHeads` neighboring heads of queries. */
  readonly keyHeads: number;
  readonly queries: number;
  readonly keys: number;
  readonly width: number;
  readonly valueWidth: number;
  /** Whether heads are folded into the last axis: [batch, positions, heads · width]. */
  readonly isFolded: boolean;
  readonly scale: number;
  /** Scores are squashed to c · tanh(score / c); 0 for not. */
  readonly softcap: number;
  readonly isCausal: boolean;
}

/**
 * The layout of `node`, whose inputs have the given shapes. Throws an UnsupportedError for what only text generation uses:
 * caches of past keys, lengths without padding, sliding windows, and other outputs than the first.
 */
export function attentionLayout(
  where: string,
  node: Node,
  attributes: AttributeReader,
  [q = [], k = [], v = [], mask, ...cache]: readonly (Shape | undefined)[],
): AttentionLayout {
  const isWindowed = attributes.int("left_window_size", -1) >= 0 || attributes.int("right_window_size", -1) >= 0;
  const usesCache = cache.some((shape) => shape !== undefined) || node.outputs.slice(1).some((name) => name !== "");
  if (isWindowed || usesCache) {
    throw new UnsupportedError({
      where,
      what: "caches, windows and other outputs than the first are not supported",
      advice: "Export the model for whole pictures, without a cache of keys and values.",
    });
  }
  const isFolded = q.length === 3;
  const all = [q, k, v];
  const complain = (): BadInputError =>
    new BadInputError({
      where,
      what: "queries, keys and values do not fit together",
      got: all.map((shape) => `[${shape.join(", ")}]`).join(", "),
    });
  if (!all.every((shape) => shape.length === (isFolded ? 3 : 4) && shape[0] === q[0])) throw complain();
  const heads = isFolded ? attributes.int("q_num_heads") : q[1];
  const keyHeads = isFolded ? attributes.int("kv_num_heads") : k[1];
  const width = lastOf(q) / (isFolded ? heads : 1);
  const valueWidth = lastOf(v) / (isFolded ? keyHeads : 1);
  const [queries, keys] = [q[q.length - 2], k[k.length - 2]];
  const areWhole = Number.isInteger(width) && Number.isInteger(valueWidth) && heads >= 1 && keyHeads >= 1;
  const fits = heads % keyHeads === 0 && lastOf(k) / (isFolded ? keyHeads : 1) === width && v[v.length - 2] === keys;
  if (!areWhole || !fits || (!isFolded && v[1] !== keyHeads)) throw complain();
  if (mask !== undefined && mask.at(-1) !== keys) {
    throw new UnsupportedError({
      where,
      what: "the mask does not cover all keys",
      expected: String(keys),
      got: String(mask.at(-1)),
    });
  }
  if (mask !== undefined) checkBroadcasts(where, "the mask", mask, [q[0], heads, queries, keys]);
  return {
    batch: q[0],
    heads,
    keyHeads,
    queries,
    keys,
    width,
    valueWidth,
    isFolded,
    scale: attributes.float("scale", 0) || 1 / Math.sqrt(width),
    softcap: attributes.float("softcap", 0),
    isCausal: attributes.int("is_causal", 0) !== 0,
  };
}

function lastOf(shape: Shape): number {
  return shape[shape.length - 1];
}
