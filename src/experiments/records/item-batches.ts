/** @file Items in batches that a queue hands out: all items of a few pictures, known by their contents. */
import { MisuseError } from "../../errors.ts";
import { stableHash } from "./canonical-json.ts";
import { keyText } from "./record-index.ts";
import type { ExperimentIdentity } from "./record-store.ts";
import type { ExperimentItem } from "./run-experiment.ts";

/** Some of an experiment's items. */
export interface ItemBatch<I extends ExperimentItem> {
  /** The same for the same items of the same experiment, and for no others: a hash, 17 letters and digits that begin with a letter. */
  readonly id: string;
  readonly items: readonly I[];
}

/**
 * The items in batches of all items of `pictures` pictures each, in their order; two items with one key are one. All items of a picture
 * are in one batch, since they have work in common. A longer list of items begins with the same batches as long as pictures are added at
 * its end.
 */
export function itemBatches<I extends ExperimentItem>(
  items: readonly I[],
  identity: ExperimentIdentity,
  pictures: number,
): ItemBatch<I>[] {
  if (!Number.isInteger(pictures) || pictures < 1) {
    throw new MisuseError({
      where: "itemBatches",
      what: "pictures per batch",
      expected: "a positive integer",
      got: String(pictures),
    });
  }
  const byPicture = [...itemsByPicture(items).values()];
  const count = Math.ceil(byPicture.length / pictures);
  return Array.from({ length: count }, (_, n) =>
    batchOf(byPicture.slice(n * pictures, (n + 1) * pictures).flat(), identity),
  );
}

/** The items as one batch. */
export function batchOf<I extends ExperimentItem>(items: readonly I[], identity: ExperimentIdentity): ItemBatch<I> {
  // The order in which methods were named does not matter.
  const keys = items.map(({ key }) => keyText(key)).sort();
  return { id: `b${stableHash([stableHash(identity), keys])}`, items };
}

/** The distinct items of each picture, by the hash of the picture's identifier, in the order of the pictures. */
export function itemsByPicture<I extends ExperimentItem>(items: readonly I[]): Map<string, I[]> {
  const pictures = new Map<string, Map<string, I>>();
  for (const item of items) {
    const own = pictures.get(item.key.image);
    if (own === undefined) pictures.set(item.key.image, new Map([[keyText(item.key), item]]));
    else own.set(keyText(item.key), item);
  }
  return new Map([...pictures].map(([image, own]) => [stableHash(image), [...own.values()]]));
}
