/** @file What detectors look at of an image: parts, each a list of numbers, of which several detectors may share one. */
import type { Classifier } from "../classifier/classifier.ts";
import type { Layer } from "../classifier/network/layers.ts";
import { checkForm } from "../errors.ts";
import type { NamedImage } from "./odds/alignments.ts";

/** How the values of a layer become few: the mean over positions of each channel, or the values themselves, of windows of positions the largest. */
export type Reduction = { readonly by: "mean" } | { readonly by: "largest"; readonly window: number };

/** Measures images by runs of its own. */
export interface PartPass {
  /** The numbers of each image, in order; up to the batch that the pass was opened for. */
  run(images: readonly NamedImage[], options: { readonly signal?: AbortSignal }): Promise<readonly Float32Array[]>;
}

/** Numbers that are measured of every image. Parts of one key are one part. */
export interface Part {
  readonly key: string;
  /** How many numbers. */
  readonly size: number;
  readonly from:
    | { readonly kind: "logits" }
    | { readonly kind: "layer"; readonly layer: Layer; readonly reduction: Reduction }
    | {
        readonly kind: "runs";
        /** Runs of the network per image. */
        readonly runs: number;
        open(classifier: Classifier, batch: number): Promise<PartPass>;
      };
}

/** The numbers of one image, by the keys of the parts. */
export type Measurement = Readonly<Record<string, Float32Array>>;

/** The part that is the logits themselves. */
export function logitsPart(classifier: Pick<Classifier, "classCount">): Part {
  checkForm("logitsPart: classifier", classifier, ["classCount"]);
  const { classCount } = classifier;
  return { key: "logits", size: classCount, from: { kind: "logits" } };
}
