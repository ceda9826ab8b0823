/** @file Normalizations that are tried, and what the network's confidence under them is worth. */
import type { Classifier } from "../../classifier.ts";
import {
  affineOf,
  type Normalization,
  type NormalizationName,
  normalizationForChannels,
  normalizations,
} from "../preprocessing.ts";
import type { Judged } from "./judgements.ts";

/**
 * How much surer a network of one channel is of pictures of e times the contrast, whatever it was trained with. The usual normalizations of one channel differ by
 * contrast more than by the gray that they make zero; measured on small networks of digits that were trained with each (.07 to .15, .1 on average).
 */
const surenessOfContrast = 0.1;
/**
 * How much surer contrast alone makes a weak network, for a factor of e: .09 to .25 on small networks trained on 5,000 CIFAR-10 records with each of the usual
 * normalizations, which are nearly as sure of the wrong ones, and .39 on a published one of faces. A gain of confidence up to this is no evidence for more contrast, nor against less.
 * Networks with ImageNet's classes are seldom weak: on these confidences tell normalizations apart.
 */
const surenessOfWeak = 0.4;

/** A normalization that is tried. */
export interface Candidate {
  readonly name: NormalizationName | undefined;
  readonly normalization: Normalization;
}

/** A normalization, and what the network says of views under it. */
export interface Probe extends Candidate, Judged {
  /** The same less what the contrast of this normalization adds, whatever is right. */
  readonly worth: number;
}

/** What messages call it. */
export function candidateName({ name, normalization }: Candidate): string {
  const usualOrder = name === undefined ? "rgb" : normalizations[name].channels;
  const order = normalization.channels === usualOrder ? "" : ` ${normalization.channels}`;
  return `${name ?? "as stated"}${order}`;
}

/** The same numbers for the colors, which come in the other order. */
export function withReversedChannels({ name, normalization }: Candidate): Candidate {
  const { channels, mean, std } = normalization;
  return {
    name,
    normalization: {
      ...normalization,
      channels: channels === "rgb" ? "bgr" : "rgb",
      mean: mean.toReversed(),
      std: std.toReversed(),
    },
  };
}

/** A usual normalization for the classifier, in the order of channels that something told of it; blue first is assumed for a reason. */
export function presetFor(name: NormalizationName, { guess, prepared, input }: Classifier): Candidate {
  const { channels } = prepared;
  const normalization = { ...normalizationForChannels(normalizations[name], channels), layout: input.layout };
  const candidate = { name, normalization };
  const isTold = guess.hasKnownChannels || (input.channels === "bgr" && guess.name !== "caffe");
  const isOther = isTold && channels === 3 && normalization.channels !== input.channels;
  return isOther ? withReversedChannels(candidate) : candidate;
}

/** How much surer a network of one channel is for the contrast of a normalization, compared with that of pixels in [0, 1]. */
export function addedByContrast(normalization: Normalization): number {
  return surenessOfContrast * logContrast(normalization);
}

/** The logarithm of how much further apart a normalization has pixels than they are in [0, 1]. */
function logContrast(normalization: Normalization): number {
  const { factor } = affineOf(normalization);
  return factor.reduce((sum, value) => sum + Math.log(value), 0) / factor.length;
}

/** By how much more a normalization is worth than another; of a weak network beyond what contrast alone does. */
export function gainOver(one: Probe, other: Probe, isWeak: boolean): number {
  const gain = one.worth - other.worth;
  if (!isWeak) return gain;
  const added = surenessOfWeak * (logContrast(one.normalization) - logContrast(other.normalization));
  return gain > 0 ? Math.max(0, gain - Math.max(0, added)) : Math.min(0, gain - Math.min(0, added));
}
