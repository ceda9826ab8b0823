/** @file Splitting an experiment's items into shares that do not depend on their order or on what is done already. */
import { MisuseError } from "../../errors.ts";
import { hash64 } from "./canonical-json.ts";
import type { RecordKey } from "./record-store.ts";

/** The `index`-th (from 1) of `of` shares; `within` a share of a coarser split if there is one. */
export interface Shard {
  readonly index: number;
  readonly of: number;
  readonly within?: Shard;
  /** Where that is from, if it was not said outright. */
  readonly source?: string;
}

/**
 * True if the item with this key belongs to the share: the hash of the key's image, in the base of the split, ends in `index` − 1.
 * All items of one image are in one share, since they have work in common; a finer split takes the next digit.
 */
export function isInShard({ image }: Pick<RecordKey, "image">, shard: Shard | undefined): boolean {
  if (shard === undefined) return true;
  let rest = hash64(image);
  for (const { index, of } of levelsOf(shard)) {
    if (Number(rest % BigInt(of)) !== index - 1) return false;
    rest /= BigInt(of);
  }
  return true;
}

/** The splits from the coarsest to the finest. */
function levelsOf(shard: Shard): Shard[] {
  return shard.within === undefined ? [shard] : [...levelsOf(shard.within), shard];
}

/** The share as `parseShard` reads it: `2/4`, and `3/16 of 2/4` for a share of a share. */
export function describeShard({ index, of, within }: Shard): string {
  return `${index}/${of}${within === undefined ? "" : ` of ${describeShard(within)}`}`;
}

/** The share that a text such as `2/4` means. Throws a {@link MisuseError} that begins with `where` for anything else. */
export function parseShard(text: string, where = "shard"): Shard {
  const match = /^\s*(\d{1,6})\s*\/\s*(\d{1,6})\s*$/.exec(text);
  const [index, of] = [Number(match?.[1]), Number(match?.[2])];
  if (match !== null && index >= 1 && index <= of) return { index, of };
  throw new MisuseError({
    where,
    what: "not a share",
    expected: "which share of how many, such as 1/4, 2/4, 3/4 or 4/4",
    got: JSON.stringify(text),
  });
}
