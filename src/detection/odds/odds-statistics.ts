/** @file What the test knows of a classifier: statistics of clean images' alignments, a cutoff, and how labels are corrected. */
import type { AlignmentStatistics, MissingStatistics } from "./alignment-statistics.ts";
import type { Correction } from "./correction.ts";
import type { NoiseKind } from "./noise.ts";

/** Φ⁻¹(0.999): the cutoff of the released code, one for all classes. */
export const nominalCutoff = 3.090232306167813;

/** An image is flagged if its score is above `value`. */
export interface Cutoff {
  readonly value: number;
  /** Where the value was chosen for it: the share of clean images that may be flagged, and the number of images it was chosen on. */
  readonly calibration?: { readonly falsePositiveRate: number; readonly images: number };
}

export interface OddsStatistics {
  readonly classCount: number;
  readonly kinds: readonly NoiseKind[];
  /** Noise samples per image and kind that the statistics were made with. */
  readonly samples: number;
  /** Whether the samples came in pairs of opposite noise. */
  readonly antithetic: boolean;
  readonly seed: number;
  /** `just-detect`: all images; `full`: images classified rightly whose label an attack changed, and corrections. */
  readonly mode: "just-detect" | "full";
  /** Images given, and those that count. */
  readonly images: { readonly given: number; readonly used: number };
  readonly cutoff: Cutoff;
  /** One for each predicted class. */
  readonly classes: readonly (AlignmentStatistics | MissingStatistics)[];
  /** How the label of a flagged image is corrected; only in mode `full`. */
  readonly correction?: Correction;
}
