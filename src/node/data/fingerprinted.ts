/** @file What pictures of a data set are, whatever they are called: so that results are not taken for those of other pictures. */
import { createHash } from "node:crypto";
import type { Dataset, DatasetImage } from "../../datasets/dataset.ts";
import { mapConcurrently } from "../../datasets/map-concurrently.ts";
import { checkForm, checkKeys, PerceptualBallError } from "../../errors.ts";

/**
 * `dataset` with the fingerprint of each image as its `contents`: 16 digits of the SHA-256 of the stored bytes, the class and the boxes. Pictures that are made and not stored
 * have none. What cannot be read is called "unreadable": why is said when it is opened.
 */
export async function fingerprinted<D extends Pick<Dataset, "images">>(
  dataset: D,
  options: { readonly signal?: AbortSignal } = {},
): Promise<D> {
  checkKeys("fingerprinted", options, ["signal"]);
  checkForm("fingerprinted: dataset", dataset, ["images"]);
  const { signal } = options;
  const images = await mapConcurrently(
    dataset.images,
    async (image): Promise<DatasetImage> => {
      const contents = await contentsOf(image);
      return contents === undefined ? image : { ...image, contents };
    },
    { limit: 8, signal },
  );
  return { ...dataset, images };
}

async function contentsOf({ stored, label, boxes }: DatasetImage): Promise<string | undefined> {
  if (stored === undefined) return undefined;
  const hash = createHash("sha256").update(JSON.stringify([label ?? null, boxes ?? null]));
  try {
    for await (const piece of stored()) hash.update(piece);
  } catch (error) {
    if (error instanceof PerceptualBallError) return "unreadable";
    throw error;
  }
  return hash.digest("hex").slice(0, 16);
}
