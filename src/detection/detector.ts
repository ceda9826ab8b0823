/** @file What all detectors have in common: what they are, what they look at, what they learn and what they say. */
import type { Classifier } from "../classifier/classifier.ts";
import type { Extension } from "../classifier/passes/extension.ts";
import type { OptionSchema, OptionsOf, ValuesOf } from "../options/schema.ts";
import type { Cutoff } from "./odds/odds-statistics.ts";
import type { Measurement, Part } from "./part.ts";

/** A measured image, with its class. */
export interface MeasuredImage {
  readonly id: string;
  /** The true class, or the predicted one where none is known; of an attacked image that which it had before. */
  readonly label: number;
  readonly measured: Measurement;
}

/** What a detector is fitted to. */
export interface FitSet {
  readonly classCount: number;
  /** Clean images, usually those that the classifier was trained on. */
  readonly train: readonly MeasuredImage[];
  /** Clean images that nothing else is fitted to: scores are compared with theirs. */
  readonly held: readonly MeasuredImage[];
  /** Attacked training images, for detectors that learn from attacks; otherwise none. */
  readonly attacked: readonly MeasuredImage[];
  /** The same images with noise of the same ℓ2 norm, which are not attacked. */
  readonly noisy: readonly MeasuredImage[];
}

/** Numbers with a shape. */
export interface FittedArray {
  readonly shape: readonly number[];
  readonly data: Float64Array;
}

/** What a detector has learned, by name. */
export type FittedArrays = Readonly<Record<string, FittedArray>>;

/** What {@link DetectorPlan.fit} gives. */
export interface Fitted {
  readonly arrays: FittedArrays;
  /** What whoever reads the statistics must know, sentences. */
  readonly notes?: readonly string[];
  /** The scores of the held-out images, in order, where the fit has had to compute what they are made of: just what its scorer gives. Default: it is asked. */
  readonly heldScores?: readonly number[];
}

/** The statistics of a detector: what it has learned of one classifier, and above which score it flags. */
export interface DetectorStatistics {
  readonly detector: string;
  readonly version: number;
  /** Those in force, without what decides nothing; JSON. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly classCount: number;
  /** What it looks at: how many numbers of each part. */
  readonly parts: Readonly<Record<string, number>>;
  readonly images: {
    readonly train: number;
    readonly held: number;
    readonly attacked: number;
    readonly noisy: number;
  };
  readonly arrays: FittedArrays;
  readonly notes: readonly string[];
  readonly cutoff: Cutoff;
}

/** How suspicious an image is: a number, the higher the more. */
export type Scorer = (measured: Measurement) => number;

/** What a plan's scorer and graph are made with. */
export interface ScoringContext {
  readonly classCount: number;
  /** The array of this name, if it is there and has this shape; −1 stands for any extent. Throws a BadInputError otherwise. */
  array(name: string, shape: readonly number[]): FittedArray;
}

/** What a detector is with its settings on one classifier. */
export interface DetectorPlan {
  /** What it looks at. */
  readonly parts: readonly Part[];
  /** Whether it learns from attacked images. */
  readonly needsAttacked: boolean;
  /** Whether it learns from held-out images alone, so that training images need not be measured for it. Default false. */
  readonly needsHeldOnly?: boolean;
  /** Of the settings, what depends on the classifier; JSON. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** What it learns. Throws a BadInputError where the images do not suffice. */
  fit(set: FitSet): Fitted;
  /** Its score with what it has learned. */
  scorer(context: ScoringContext): Scorer;
  /** The same score as a graph; undefined for a detector whose score is none. */
  readonly graph?: (context: ScoringContext) => Extension;
}

/** A detector: its settings, and the plan that they stand for. */
export interface DetectorDefinition<N extends string, S extends OptionSchema> {
  /** As on the command line: kebab-case. */
  readonly name: N;
  /** As in a table's heading. */
  readonly title: string;
  /** Where it comes from: authors, title, year. */
  readonly source: string;
  /** One sentence. */
  readonly summary: string;
  /** Raised whenever scores change. */
  readonly version: number;
  readonly settings: S;
  /** Throws a MisuseError for settings that cannot be meant on this network, before anything runs. */
  plan(settings: ValuesOf<S>, classifier: Classifier): DetectorPlan;
}

/** Any detector, for callers to whom it is given by name: its settings are checked when it is planned. */
export interface AnyDetector extends Omit<DetectorDefinition<string, OptionSchema>, "plan"> {
  /** The names of its presets, the default first; none if it has none. */
  readonly presets: readonly string[];
  /** The detector with these settings on this classifier. */
  on(classifier: Classifier, settings?: object): PlannedDetector;
}

/** A detector as `defineDetector` makes it. */
export interface Detector<N extends string, S extends OptionSchema> extends AnyDetector {
  readonly name: N;
  readonly settings: S;
  on(classifier: Classifier, settings?: OptionsOf<S>): PlannedDetector;
}

/** A detector with its settings on a classifier. */
export interface PlannedDetector {
  readonly name: string;
  readonly title: string;
  readonly parts: readonly Part[];
  readonly needsAttacked: boolean;
  /** Whether it learns from held-out images alone. */
  readonly needsHeldOnly: boolean;
  /** Whether its score is a graph: whether an attack can descend it. */
  readonly hasGraph: boolean;
  /** Those in force; JSON. */
  readonly settings: Readonly<Record<string, unknown>>;
  /**
   * What it learns of images, with a cutoff that flags a clean image with a probability of at most `falsePositiveRate` (default 0.05), chosen on the
   * held-out ones. Throws a BadInputError where the images do not suffice.
   */
  fit(set: FitSet, options?: { readonly falsePositiveRate?: number }): DetectorStatistics;
  /** The score with these statistics. Throws a BadInputError if they are of another detector, other settings or another network. */
  scorer(statistics: DetectorStatistics): Scorer;
  /** The same score as nodes behind the network, with the result `score`; undefined where the detector's score is no graph. */
  scoreGraph(statistics: DetectorStatistics): Extension | undefined;
}
