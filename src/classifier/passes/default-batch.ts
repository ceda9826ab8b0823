/** @file How many images share a run of the network where nobody says. */
import type { Classifier } from "../classifier.ts";

/** At most so many numbers are in a batch of images: those of 64 images of 64 × 64 in three channels. */
const batchElements = 64 * 3 * 64 * 64;
const largestBatch = 64;

/**
 * A power of two: 64 images of up to 64 × 64, 4 of 224 × 224, at least 1. More are not only larger but slower, since what the
 * layers hand on no longer fits a processor's caches (RISE on MobileNetV2, per mask: 1.41 runs of one image in batches of 16, 1.09 in
 * batches of 4, with one thread; 1.12 and 0.77 with two).
 */
export function defaultBatch({ input: { channelCount, height, width } }: Pick<Classifier, "input">): number {
  const most = Math.min(largestBatch, batchElements / (channelCount * height * width));
  return 2 ** Math.max(0, Math.floor(Math.log2(most)));
}
