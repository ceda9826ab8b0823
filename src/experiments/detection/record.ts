/** @file What the detection benchmark keeps of one image under one attack, or without one. */

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
  /** [kinds][K]: the mean alignment g, see src/detection/alignments.ts. */
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
