/** @file What the tables and figures of the localization benchmark are made of: plain JSON. */
import type { ThresholdKind } from "../../localization/threshold-grids.ts";
import type { ConnectivityKey } from "./record.ts";

/** A share or a mean with its 95 % confidence interval. */
export interface Estimate {
  readonly value: number;
  readonly interval: readonly [low: number, high: number];
  /** How many pictures it is of. */
  readonly count: number;
}

/** How a method does with one kind of threshold. Errors are shares of pictures, in [0, 1]. */
export interface KindSummary {
  /** The threshold with the least error on all pictures (as the paper chose it), the least such threshold; α, or k in percent. */
  readonly parameter: number | null;
  readonly error: Estimate;
  /** Tuned on one half of the pictures and judged on the other, both ways round. */
  readonly heldOut: Estimate;
  /** The thresholds that the two halves choose. */
  readonly heldOutParameters: readonly [number | null, number | null];
  /**
   * The chance of a difference at least this large from the column's best method if the two were equally good: exact McNemar test on the
   * same pictures, after Holm's correction over the column. null for the best itself and for baselines.
   */
  readonly pValue: number | null;
  readonly isBest: boolean;
  /** The error at every threshold of the grid. */
  readonly curve: readonly { readonly parameter: number; readonly error: number }[];
  /** The least error where components are formed otherwise. */
  readonly byConnectivity: Readonly<Record<ConnectivityKey, number>>;
}

export interface MethodSummary {
  readonly name: string;
  readonly title: string;
  readonly isBaseline: boolean;
  /** Pictures with a record. */
  readonly images: number;
  readonly kinds: Readonly<Record<ThresholdKind, KindSummary>>;
  /** null where it says nothing (baselines), or is not measured. */
  readonly pointing: Estimate | null;
  readonly energyInside: Estimate | null;
  readonly averagePrecision: Estimate | null;
  readonly insertion: Estimate | null;
  readonly deletion: Estimate | null;
  /** Means over the pictures at equal steps from nothing to everything. */
  readonly curves: { readonly insertion: readonly number[]; readonly deletion: readonly number[] } | null;
  readonly cost: {
    readonly seconds: number;
    readonly medianSeconds: number;
    readonly forward: number;
    readonly gradient: number;
  } | null;
  /** How many records hold each outcome that the method reports, if it reports one. */
  readonly outcomes: Readonly<Record<string, number>>;
  /** Settings in effect, of the first record by key. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** The choices under which tables are made. */
export interface SummaryOptions {
  readonly connectivity: ConnectivityKey;
  /** IoU of at least ½ (Fong and Vedaldi), or above ½ (the paper). */
  readonly match: "at-least" | "above";
  /** Whether the best of a picture's boxes counts, or the largest ("most dominant object"). */
  readonly object: "any" | "dominant";
  /** Of the pointing game, in pixels, and whether these are the stored picture's or the network's input's. */
  readonly tolerance: number;
  readonly toleranceOf: "picture" | "input";
}

/** How alike the maps of one method are, before and after `layers` layers were randomized: means over the images. */
export interface SanityStage {
  readonly method: string;
  /** Layers randomized, from the top; `layer` is the last of them. */
  readonly layers: number;
  readonly layer: string;
  /** Spearman's rank correlation of the maps, in [−1, 1]; for a constant map 0. */
  readonly rankCorrelation: number;
  /** Structural similarity of the maps scaled to [0, 1], in [−1, 1]. */
  readonly structuralSimilarity: number;
  readonly images: number;
}

export interface LocalizationSummary {
  readonly model: { readonly name: string; readonly sha256: string; readonly classCount: number };
  readonly data: { readonly name: string; readonly images: number };
  readonly options: SummaryOptions;
  readonly settings: Readonly<Record<string, unknown>>;
  /** Share of pictures whose class the network predicts, where the data set states classes. */
  readonly accuracy: Estimate | null;
  /** In the order in which tables list them; baselines last. */
  readonly methods: readonly MethodSummary[];
  readonly sanity: readonly SanityStage[];
  /** Entries that the data set could not offer, and pictures that could not be computed, with the reason. */
  readonly problems: readonly { readonly image: string; readonly message: string }[];
  readonly versions: Readonly<Record<string, string>>;
}
