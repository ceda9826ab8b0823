/** @file The numbers of the detection benchmark, as its tables, page and JSON show them. Plain JSON. */
import type { DetectionDistances } from "./record.ts";

/** A share of images with Wilson's 95 % interval. */
export interface Share {
  readonly count: number;
  readonly of: number;
  readonly value: number;
  readonly interval: readonly [low: number, high: number];
}

export interface AttackDetection {
  /** Within its table: without the name of the group, where it began with that. */
  readonly name: string;
  readonly title: string;
  /** As given; what an attack takes by default is in `effective`. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** The settings in force. */
  readonly effective: Readonly<Record<string, unknown>>;
  /** Attacked images, all of them: failed attacks and images that were misclassified already included, as in the paper. */
  readonly images: number;
  /** "Attack Detection": flagged images. */
  readonly detection: Share;
  /** "Classifier Suc.": images whose predicted class is the true one under attack; null without true classes. */
  readonly accuracy: Share | null;
  /** Images whose predicted class changed. */
  readonly changed: Share;
  /** Flagged images among those whose predicted class changed. */
  readonly detectionOfChanged: Share | null;
  /** Flagged images among those whose predicted class every attack of the group changed. */
  readonly detectionOfMatched: Share | null;
  /** Exact McNemar test on those images against the attack of the group that is detected least, Holm-corrected over the group; null for that one. */
  readonly pValue: number | null;
  /** Area under the ROC curve, changed images against clean ones, with DeLong's 95 % interval. */
  readonly area: { readonly value: number; readonly interval: readonly [low: number, high: number] } | null;
  /** Changed images flagged at the cutoff that flags 5 % of the clean test images. */
  readonly detectionAtFivePercent: Share | null;
  /** True class restored: the corrected label where flagged, the predicted one otherwise; null without corrections. */
  readonly accuracyAfterCorrection: Share | null;
  /** Means over the changed images; null if there are none. */
  readonly distances: DetectionDistances | null;
  /** Mean of the log-odds of the class predicted under attack, over the changed images: how far beyond the boundary they lie. */
  readonly meanMargin: number | null;
  /** Changed images that rounding to 8 bits changes back. */
  readonly lostInRounding: number;
  /** Means per image. */
  readonly evaluations: { readonly forward: number; readonly gradient: number };
  readonly seconds: number;
  /** Scores of the changed images, ascending; without those that have none. */
  readonly scores: readonly number[];
  /** (false-positive rate, true-positive rate) of changed against clean images. */
  readonly roc: readonly (readonly [falsePositiveRate: number, truePositiveRate: number])[];
}

export interface GroupSummary {
  readonly name: string;
  /** Images whose predicted class every attack of the group changed. */
  readonly matchedImages: number;
  readonly attacks: readonly AttackDetection[];
}

export interface DetectionSummary {
  readonly model: { readonly name: string; readonly sha256: string };
  readonly data: { readonly name: string; readonly train: number; readonly test: number };
  readonly settings: Readonly<Record<string, unknown>>;
  readonly statistics: {
    readonly mode: "just-detect" | "full";
    readonly images: { readonly given: number; readonly used: number };
    /** Classes that are never flagged, and why. */
    readonly missing: readonly { readonly label: string; readonly count: number; readonly reason: string }[];
  };
  readonly cutoff: {
    readonly value: number;
    readonly calibration: { readonly falsePositiveRate: number; readonly images: number } | null;
  };
  readonly clean: {
    readonly images: number;
    /** "Clean Detection": flagged clean test images. */
    readonly detection: Share;
    readonly accuracy: Share | null;
    readonly accuracyAfterCorrection: Share | null;
    /** The cutoff that flags 5 % of the clean test images. */
    readonly fivePercentCutoff: number | null;
    readonly scores: readonly number[];
  };
  readonly groups: readonly GroupSummary[];
  readonly failures: readonly { readonly image: string; readonly attack: string; readonly message: string }[];
  /** Provenance: versions, runtime, machine. */
  readonly run: object;
}
