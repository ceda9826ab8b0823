/** @file From the localization benchmark's records to the numbers of its tables and figures: plain JSON. */
import type { ModelWarning } from "../../classifier/network/prepare-model.ts";
import { checkForm } from "../../errors.ts";
import { type ThresholdKind, thresholdGrids, thresholdParameter } from "../../localization/threshold-grids.ts";
import { type MetricName, metrics } from "../metrics/metrics.ts";
import { splitHalves, tuneOnHalves } from "../statistics/split-half.ts";
import { holmAdjust } from "../statistics/statistics.ts";
import type { Comparison } from "./comparisons.ts";
import {
  checkPooling,
  clustersOf,
  type IntervalEstimate,
  meanEstimate,
  type Pooling,
  pairedTest,
  shareEstimate,
  unknownShare,
} from "./estimates.ts";
import { areaOfCurve, type JudgedRecord, type TabledRecord } from "./judged-record.ts";
import type { PictureGroup } from "./picture-groups.ts";
import type { MethodRun } from "./protocol.ts";
import type { ConnectivityKey, LocalizationRecord } from "./record.ts";
import {
  checkSummaryOptions,
  connectivityKeys,
  defaultSummaryOptions,
  type SummaryOptions,
} from "./summary-options.ts";
import { bestThreshold, countOf, errorsOf, type Subject, subjectsOf } from "./threshold-errors.ts";
import type { SanityStage } from "./weight-randomization.ts";

/** How a method does with one kind of threshold. Errors are shares of pictures, in [0, 1]. */
export interface KindSummary {
  /** The threshold with the least error on all pictures (as the paper chose it), the least such threshold; α, or k in percent. */
  readonly parameter: number | null;
  readonly error: IntervalEstimate;
  /** Tuned on one half of the pictures and judged on the other, both ways round. */
  readonly heldOut: IntervalEstimate;
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
  readonly pointing: IntervalEstimate | null;
  readonly energyInside: IntervalEstimate | null;
  readonly averagePrecision: IntervalEstimate | null;
  readonly insertion: IntervalEstimate | null;
  readonly deletion: IntervalEstimate | null;
  /** Further metrics, where they were asked for; null where a metric says nothing. */
  readonly metrics?: Readonly<Partial<Record<MetricName, IntervalEstimate | null>>>;
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

export interface LocalizationSummary {
  readonly model: { readonly name: string; readonly sha256: string; readonly classCount: number };
  readonly data: { readonly name: string; readonly images: number };
  readonly options: SummaryOptions;
  readonly settings: Readonly<Record<string, unknown>>;
  /** Share of pictures whose class the network predicts, where the data set states classes. */
  readonly accuracy: IntervalEstimate | null;
  /** In the order in which tables list them; baselines last. */
  readonly methods: readonly MethodSummary[];
  /** The paper's methods, where they were run, against each other one. */
  readonly comparisons: readonly Comparison[];
  /** The same methods on some of the pictures. */
  readonly groups: readonly PictureGroup[];
  readonly sanity: readonly SanityStage[];
  /** What must be known of the model before the numbers are trusted. */
  readonly warnings: readonly ModelWarning[];
  /** Entries that the data set could not offer, and pictures that could not be computed, with the reason. */
  readonly problems: readonly { readonly image: string; readonly message: string }[];
  readonly versions: Readonly<Record<string, string>>;
}

/**
 * One summary for each run in the order given, then the baselines: the box of the whole picture, and the box in its middle with
 * half of its area. `records` may hold those of other methods as well; runs without records are left out. The order of the
 * records does not matter. With `pooling`, intervals and tests take the records of one picture together. Throws a MisuseError if there are none.
 */
export function summarizeMethods(
  records: readonly TabledRecord[],
  runs: readonly Pick<MethodRun, "name" | "method">[],
  options: SummaryOptions = defaultSummaryOptions,
  pooling: Pooling = {},
): MethodSummary[] {
  checkSummaryOptions("summarizeMethods", options);
  checkPooling("summarizeMethods", pooling);
  const all = subjectsOf("summarizeMethods", records, runs);
  const columns = {
    value: kindSummaries(all, "value", options, pooling),
    percent: kindSummaries(all, "percent", options, pooling),
    mean: kindSummaries(all, "mean", options, pooling),
    energy: kindSummaries(all, "energy", options, pooling),
  } satisfies Record<ThresholdKind, readonly KindSummary[]>;
  return all.map((subject, s) => ({
    name: subject.name,
    title: subject.title,
    isBaseline: subject.baseline !== undefined,
    images: subject.records.length,
    kinds: {
      value: columns.value[s],
      percent: columns.percent[s],
      mean: columns.mean[s],
      energy: columns.energy[s],
    },
    ...(subject.baseline === undefined ? measuresOf(subject.records, options, pooling) : noMeasures),
  }));
}

/** The classifier's accuracy on the pictures of the records; null where no classes are stated. */
export function accuracyOf(records: readonly TabledRecord[]): IntervalEstimate | null {
  checkForm("accuracyOf: records", records, "list");
  const stated = [...new Map(records.map(({ key, result }) => [key.image, result])).values()].filter(
    ({ truth }) => truth !== null,
  );
  return shareEstimate(stated.map(({ truth, predicted }) => truth === predicted.label));
}

/** The summaries of all subjects for one kind of threshold: one column of Table 1. */
function kindSummaries(
  subjects: readonly Subject[],
  kind: ThresholdKind,
  options: SummaryOptions,
  pooling: Pooling,
): KindSummary[] {
  const errors = subjects.map((subject) => errorsOf(subject, kind, options));
  const chosen = errors.map(bestThreshold);
  const rates = errors.map((grid, s) => countOf(grid[chosen[s]]) / grid[chosen[s]].length);
  const methods = subjects.flatMap(({ baseline }, s) => (baseline === undefined ? [s] : []));
  const leastRate = Math.min(...methods.map((s) => rates[s]));
  const best = methods.find((s) => rates[s] === leastRate) ?? methods[0];
  const rivals = methods.filter((s) => s !== best);
  const tests = rivals.map((s) => testOf(subjects, errors, chosen, [s, best], pooling));
  const adjusted = holmAdjust(tests);
  return subjects.map((subject, s) => {
    const grid = errors[s];
    const parameterAt = (t: number): number | null =>
      subject.baseline === undefined ? thresholdParameter(thresholdGrids[kind][t]) : null;
    const images = subject.records.map(({ key }) => key.image);
    const clusters = clustersOf(images, pooling);
    const [heldOut, chosenOnHalves] = heldOutErrors(clusters ?? images, grid);
    const leastError = (connectivity: ConnectivityKey): number => {
      const other = errorsOf(subject, kind, options, connectivity);
      return countOf(other[bestThreshold(other)]) / subject.records.length;
    };
    const rival = rivals.indexOf(s);
    return {
      parameter: parameterAt(chosen[s]),
      error: shareEstimate(grid[chosen[s]], clusters) ?? unknownShare,
      heldOut: shareEstimate(heldOut, clusters) ?? unknownShare,
      heldOutParameters: [parameterAt(chosenOnHalves[0]), parameterAt(chosenOnHalves[1])],
      pValue: rival < 0 ? null : adjusted[rival],
      isBest: methods.includes(s) && rates[s] === leastRate,
      curve:
        subject.baseline === undefined
          ? grid.map((wrong, t) => ({
              parameter: thresholdParameter(thresholdGrids[kind][t]),
              error: countOf(wrong) / wrong.length,
            }))
          : [],
      byConnectivity: Object.fromEntries(connectivityKeys.map((key) => [key, leastError(key)])) as Record<
        ConnectivityKey,
        number
      >,
    };
  });
}

/** The paired test of two subjects at their best thresholds, on the pictures that both have. */
function testOf(
  subjects: readonly Subject[],
  errors: readonly boolean[][][],
  chosen: readonly number[],
  [first, second]: readonly [number, number],
  pooling: Pooling,
): number {
  const others = new Map(subjects[second].records.map(({ key }, i) => [key.image, errors[second][chosen[second]][i]]));
  const both = subjects[first].records.flatMap(({ key: { image } }, i) => {
    const theirs = others.get(image);
    return theirs === undefined ? [] : [{ image, gain: Number(theirs) - Number(errors[first][chosen[first]][i]) }];
  });
  const images = both.map(({ image }) => image);
  return pairedTest(
    both.map(({ gain }) => gain),
    clustersOf(images, pooling),
  );
}

/**
 * For each record whether the box is wrong at the threshold that the other half of the pictures chose, and these thresholds. A picture's records
 * are in one half.
 */
function heldOutErrors(
  clusters: readonly string[],
  grid: readonly (readonly boolean[])[],
): [boolean[], readonly [number, number]] {
  const pictures = [...new Set(clusters)];
  // One picture has no other half.
  if (pictures.length < 2) {
    const only = bestThreshold(grid);
    return [[...grid[only]], [only, only]];
  }
  const places = new Map<string, number[]>(pictures.map((picture) => [picture, []]));
  for (const [i, cluster] of clusters.entries()) places.get(cluster)?.push(i);
  const lossOf = (t: number, picture: string): number =>
    countOf((places.get(picture) ?? []).map((place) => grid[t][place]));
  const { chosen } = tuneOnHalves(pictures, [...grid.keys()], lossOf);
  const isInFirst = new Set(splitHalves(pictures)[0]);
  return [clusters.map((cluster, i) => grid[isInFirst.has(cluster) ? chosen[1] : chosen[0]][i]), chosen];
}

type Measures = Pick<
  MethodSummary,
  | "pointing"
  | "energyInside"
  | "averagePrecision"
  | "insertion"
  | "deletion"
  | "metrics"
  | "curves"
  | "cost"
  | "outcomes"
  | "settings"
>;

const noMeasures: Measures = {
  pointing: null,
  energyInside: null,
  averagePrecision: null,
  insertion: null,
  deletion: null,
  curves: null,
  cost: null,
  outcomes: {},
  settings: {},
};

function measuresOf(records: readonly TabledRecord[], options: SummaryOptions, pooling: Pooling): Measures {
  const results = records.map(({ result }) => result);
  const present = <T>(of: (result: LocalizationRecord | JudgedRecord) => T | null): T[] =>
    results.map(of).filter((value) => value !== null);
  const meanOf = (of: (result: LocalizationRecord | JudgedRecord) => number | null): IntervalEstimate | null => {
    const own = records.flatMap(({ key, result }) => {
      const value = of(result);
      return value === null ? [] : [{ image: key.image, value }];
    });
    const images = own.map(({ image }) => image);
    return meanEstimate(
      own.map(({ value }) => value),
      clustersOf(images, pooling),
    );
  };
  const curveOf = (curve: readonly number[] | number | null) => (typeof curve === "number" ? null : curve);
  const insertions = present(({ insertion }) => curveOf(insertion));
  const deletions = present(({ deletion }) => curveOf(deletion));
  const average = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  const seconds = records.map((record) => record.seconds).sort((a, b) => a - b);
  const outcomes: Record<string, number> = {};
  for (const outcome of present(({ details }) => (typeof details?.outcome === "string" ? details.outcome : null))) {
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  }
  return {
    pointing: shareEstimate(
      results.map(({ pointDistance }) => pointDistance[options.toleranceOf] <= options.tolerance),
      clustersOf(
        records.map(({ key }) => key.image),
        pooling,
      ),
    ),
    energyInside: meanOf((result) => result.energyInside),
    averagePrecision: meanOf((result) => result.averagePrecision),
    insertion: meanOf(({ insertion }) => areaOfCurve(insertion)),
    deletion: meanOf(({ deletion }) => areaOfCurve(deletion)),
    ...metricsOf(results),
    curves:
      insertions.length === 0 || deletions.length === 0
        ? null
        : { insertion: meanCurve(insertions), deletion: meanCurve(deletions) },
    cost: {
      seconds: average(seconds),
      medianSeconds: (seconds[(seconds.length - 1) >> 1] + seconds[seconds.length >> 1]) / 2,
      forward: average(results.map(({ evaluations }) => evaluations.forward)),
      gradient: average(results.map(({ evaluations }) => evaluations.gradient)),
    },
    outcomes,
    settings: results[0].settings,
  };
}

/** The metrics that any of the records has. */
function metricsOf(results: readonly Pick<LocalizationRecord, "metrics">[]): Pick<MethodSummary, "metrics"> {
  const values = results.flatMap((result) => (result.metrics === undefined ? [] : [result.metrics]));
  const present = metrics.filter(({ name }) => values.some((one) => one[name] !== undefined));
  if (present.length === 0) return {};
  const estimates = present.map(({ name, summarize }): [MetricName, IntervalEstimate | null] => {
    const own = values.flatMap(({ [name]: value }) => (value === undefined || value === null ? [] : [value]));
    const estimate = summarize(own);
    if (estimate === undefined) return [name, null];
    const { value, low, high } = estimate;
    return [name, { value, interval: [low, high], count: own.length }];
  });
  return { metrics: Object.fromEntries(estimates) };
}

/** The mean of curves of one length, point by point. */
function meanCurve(curves: readonly (readonly number[])[]): number[] {
  return curves[0].map((_, i) => curves.reduce((sum, curve) => sum + curve[i], 0) / curves.length);
}
