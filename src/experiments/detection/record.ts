/** @file What the detection benchmark keeps of one image under one attack, or without one. */
import {
  type Form,
  isCost,
  isCount,
  isJsonObject,
  isNumber,
  isText,
  isTruth,
  listOf,
  objectOf,
  orNull,
  wordOf,
} from "../records/record-form.ts";

/** Distances of the attacked from the clean image, in pixels of [0, 1]; `perceptual` as the attacks define it. */
export interface DetectionDistances {
  readonly l0: number;
  readonly l1: number;
  readonly l2: number;
  readonly linf: number;
  readonly perceptual: number;
}

/** How noise moves the logits of an image: mean over the samples, per kind of noise and class. */
export interface AlignmentRecord {
  readonly kinds: readonly string[];
  readonly samples: number;
  /** Whether the samples came in pairs of opposite noise. */
  readonly antithetic: boolean;
  /** [kinds][K]: the mean alignment g, see src/detection/odds/alignments.ts. */
  readonly mean: readonly (readonly number[])[];
  /** [kinds][K]: the standard error of that mean; 0 with one sample. */
  readonly error: readonly (readonly number[])[];
}

export interface DetectionRecord {
  readonly split: "train" | "test";
  /** The data set's class; null where it has none. */
  readonly truth: number | null;
  /** The class predicted for the clean image. */
  readonly cleanLabel: number;
  /** The class predicted for the image that was measured. */
  readonly label: number;
  /** log-odds of `label` against the runner-up: its logit less the next one. */
  readonly margin: number;
  /** Measured with the kinds of noise that decide; null for an attacked training image. */
  readonly detection: AlignmentRecord | null;
  /** Measured with the kinds of noise that labels are corrected by; null where that is not wanted. */
  readonly correction: AlignmentRecord | null;
  /** Null for a clean image. */
  readonly attack: {
    readonly outcome: string;
    readonly distances: DetectionDistances;
    readonly evaluations: { readonly forward: number; readonly gradient: number };
    /** Whether rounding to 8 bits undoes a success. */
    readonly lostInRounding: boolean;
    readonly settings: Readonly<Record<string, unknown>>;
  } | null;
}

/** A row of numbers for each kind of noise, all of one length. */
function areRows(value: readonly (readonly number[])[], kinds: number): boolean {
  return value.length === kinds && value.every((row) => row.length === value[0].length);
}

const isAlignmentShape = objectOf<AlignmentRecord>({
  kinds: listOf(isText),
  samples: isCount,
  antithetic: isTruth,
  mean: listOf(listOf(isNumber)),
  error: listOf(listOf(isNumber)),
});

const isAlignmentRecord: Form<AlignmentRecord> = (value): value is AlignmentRecord =>
  isAlignmentShape(value) &&
  areRows(value.mean, value.kinds.length) &&
  areRows(value.error, value.kinds.length) &&
  value.mean[0]?.length === value.error[0]?.length;

/** Whether a value that was read is a {@link DetectionRecord}. */
export const isDetectionRecord: Form<DetectionRecord> = objectOf<DetectionRecord>({
  split: wordOf(["train", "test"]),
  truth: orNull(isCount),
  cleanLabel: isCount,
  label: isCount,
  margin: isNumber,
  detection: orNull(isAlignmentRecord),
  correction: orNull(isAlignmentRecord),
  attack: orNull(
    objectOf<NonNullable<DetectionRecord["attack"]>>({
      outcome: isText,
      distances: objectOf<DetectionDistances>({
        l0: isNumber,
        l1: isNumber,
        l2: isNumber,
        linf: isNumber,
        perceptual: isNumber,
      }),
      evaluations: isCost,
      lostInRounding: isTruth,
      settings: isJsonObject,
    }),
  ),
});
