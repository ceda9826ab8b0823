/** @file What the benchmark of detectors keeps of one image under one attack, or without one; its measurements are arrays beside it. */
import { type AttackEnding, attackOutcomes } from "../../attacks/attack.ts";
import type { Cost } from "../../options/cost.ts";
import {
  type Form,
  isCost,
  isCount,
  isJsonObject,
  isNumber,
  isTruth,
  objectOf,
  orNull,
  wordOf,
} from "../records/record-form.ts";

/** Of the attacked from the clean image, in pixels of [0, 1]. */
export interface AttackedDistances {
  readonly l2: number;
  readonly linf: number;
  readonly perceptual: number;
}

/** The attack on an image. */
export interface AttackedFacts {
  readonly outcome: AttackEnding;
  readonly distances: AttackedDistances;
  readonly evaluations: Cost;
  /** Whether rounding to 8 bits undoes a success. */
  readonly lostInRounding: boolean;
  readonly settings: Readonly<Record<string, unknown>>;
  /** The class predicted for the clean image with noise of the same ℓ2 norm. */
  readonly noisyLabel: number;
}

/** One image. Its arrays: `measured`, the numbers that detectors look at, part after part, and of an attacked image `noisy`, the same of its noisy version. */
export interface DetectorRecord {
  readonly split: "train" | "test";
  /** The data set's class; null where it has none. */
  readonly truth: number | null;
  /** The class predicted for the clean image. */
  readonly cleanLabel: number;
  /** The class predicted for the image that was measured. */
  readonly label: number;
  /** The logit of `label` less the next one. */
  readonly margin: number;
  /** Null for a clean image. */
  readonly attack: AttackedFacts | null;
}

/** Whether a value that was read is a {@link DetectorRecord}. */
export const isDetectorRecord: Form<DetectorRecord> = objectOf<DetectorRecord>({
  split: wordOf(["train", "test"]),
  truth: orNull(isCount),
  cleanLabel: isCount,
  label: isCount,
  margin: isNumber,
  attack: orNull(
    objectOf<AttackedFacts>({
      outcome: wordOf(attackOutcomes),
      distances: objectOf<AttackedDistances>({ l2: isNumber, linf: isNumber, perceptual: isNumber }),
      evaluations: isCost,
      lostInRounding: isTruth,
      settings: isJsonObject,
      noisyLabel: isCount,
    }),
  ),
});
