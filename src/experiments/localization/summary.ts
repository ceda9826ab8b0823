/** @file From the localization benchmark's records to the numbers of its tables and figures: plain JSON. */
import type { ModelWarning } from "../../classifier/network/prepare-model.ts";
import { checkForm, MisuseError, numberIn, oneOf } from "../../errors.ts";
import type { Box } from "../../image/geometry.ts";
import { areaOf, centeredBox, iou, wholeBox } from "../../localization/box.ts";
import { type ThresholdKind, thresholdGrids, thresholdParameter } from "../../localization/threshold-grids.ts";
import { type MetricName, metrics } from "../metrics/metrics.ts";
import type { FinishedRecord } from "../records/record-store.ts";
import { tuneOnHalves } from "../statistics/split-half.ts";
import { bootstrapMean, holmAdjust, mcnemarTest, wilsonInterval } from "../statistics/statistics.ts";
import { areaUnderSteps } from "./insertion-deletion.ts";
import type { MethodRun } from "./protocol.ts";
import { boxesOfText, type ConnectivityKey, type LocalizationRecord } from "./record.ts";
import type { SanityStage } from "./weight-randomization.ts";

/** A share or a mean with its 95 % confidence interval. */
export interface IntervalEstimate {
  readonly value: number;
  readonly interval: readonly [low: number, high: number];
  /** How many pictures it is of. */
  readonly count: number;
}

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

export interface LocalizationSummary {
  readonly model: { readonly name: string; readonly sha256: string; readonly classCount: number };
  readonly data: { readonly name: string; readonly images: number };
  readonly options: SummaryOptions;
  readonly settings: Readonly<Record<string, unknown>>;
  /** Share of pictures whose class the network predicts, where the data set states classes. */
  readonly accuracy: IntervalEstimate | null;
  /** In the order in which tables list them; baselines last. */
  readonly methods: readonly MethodSummary[];
  readonly sanity: readonly SanityStage[];
  /** What must be known of the model before the numbers are trusted. */
  readonly warnings: readonly ModelWarning[];
  /** Entries that the data set could not offer, and pictures that could not be computed, with the reason. */
  readonly problems: readonly { readonly image: string; readonly message: string }[];
  readonly versions: Readonly<Record<string, string>>;
}

/** Fong and Vedaldi's criterion (IoU ≥ ½ with the best of the boxes), 8 neighbors, TorchRay's tolerance. */
export const defaultSummaryOptions: SummaryOptions = {
  connectivity: "8",
  match: "at-least",
  object: "any",
  tolerance: 15,
  toleranceOf: "picture",
};

const connectivityKeys = ["8", "4", "none"] as const satisfies readonly ConnectivityKey[];

/** `options` if they can be meant; otherwise throws a MisuseError that says which cannot. */
export function checkSummaryOptions(options: SummaryOptions): SummaryOptions {
  const where = "summarizeLocalization";
  oneOf(`${where}: connectivity`, options.connectivity, connectivityKeys);
  oneOf(`${where}: match`, options.match, ["at-least", "above"]);
  oneOf(`${where}: object`, options.object, ["any", "dominant"]);
  oneOf(`${where}: toleranceOf`, options.toleranceOf, ["picture", "input"]);
  numberIn(`${where}: tolerance`, options.tolerance, { min: 0 });
  return options;
}

export type LocalizationFinished = FinishedRecord<LocalizationRecord>;

/** What is known of one method, or of a box that looks at nothing. */
interface Subject {
  readonly name: string;
  readonly title: string;
  readonly records: readonly LocalizationFinished[];
  /** The same box whatever the threshold; undefined for methods. */
  readonly baseline?: (size: LocalizationRecord["size"]) => Box;
}

/**
 * One summary for each run in the order given, then the baselines: the box of the whole picture, and the box in its middle with
 * half of its area. `records` may hold those of other methods as well; runs without records are left out. The order of the
 * records does not matter. Throws a MisuseError if there are none.
 */
export function summarizeMethods(
  records: readonly LocalizationFinished[],
  runs: readonly Pick<MethodRun, "name" | "method">[],
  options: SummaryOptions = defaultSummaryOptions,
): MethodSummary[] {
  checkForm("summarizeMethods: records", records, "list");
  checkForm("summarizeMethods: runs", runs, "list");
  checkSummaryOptions(options);
  const byImage = [...records].sort((a, b) => (a.key.image < b.key.image ? -1 : a.key.image > b.key.image ? 1 : 0));
  const subjects: Subject[] = runs
    .map(({ name, method }) => ({
      name,
      title: name === method.name ? method.title : `${method.title} (${name})`,
      records: byImage.filter(({ key }) => key.method === name),
    }))
    .filter((subject) => subject.records.length > 0);
  if (subjects.length === 0) throw new MisuseError({ where: "summarizeMethods", what: "there are no records" });
  const onePerImage = [...new Map(byImage.map((record) => [record.key.image, record])).values()];
  const baselines: Subject[] = [
    {
      name: "whole picture",
      title: "The whole picture",
      baseline: ({ width, height }) => wholeBox(width, height),
      records: onePerImage,
    },
    {
      name: "centered box",
      title: "A centered box of half the area",
      baseline: ({ width, height }) => centeredBox(width, height),
      records: onePerImage,
    },
  ];
  const all = [...subjects, ...baselines];
  const columns = {
    value: kindSummaries(all, "value", options),
    percent: kindSummaries(all, "percent", options),
    mean: kindSummaries(all, "mean", options),
    energy: kindSummaries(all, "energy", options),
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
    ...(subject.baseline === undefined ? measuresOf(subject.records, options) : noMeasures),
  }));
}

/** The classifier's accuracy on the pictures of the records; null where no classes are stated. */
export function accuracyOf(records: readonly LocalizationFinished[]): IntervalEstimate | null {
  checkForm("accuracyOf: records", records, "list");
  const stated = [...new Map(records.map(({ key, result }) => [key.image, result])).values()].filter(
    ({ truth }) => truth !== null,
  );
  return shareOf(stated.map(({ truth, predicted }) => truth === predicted.label));
}

/** Whether `found` (null: nothing was kept, which means the whole picture) is right. */
export function isLocalized(
  found: Box | null,
  given: Pick<LocalizationRecord, "size" | "truthBoxes">,
  all: Pick<SummaryOptions, "match" | "object">,
): boolean {
  checkForm("isLocalized: given", given, ["size", "truthBoxes"]);
  checkForm("isLocalized: all", all, ["object", "match"]);
  const { size, truthBoxes } = given;
  const { match, object } = all;
  const agreement = agreementOf(found, { size, truthBoxes }, object);
  return match === "at-least" ? agreement >= 0.5 : agreement > 0.5;
}

/** The intersection over union of `found` (null: the whole picture) with the best, or the largest, of the right boxes. */
export function agreementOf(
  found: Box | null,
  given: Pick<LocalizationRecord, "size" | "truthBoxes">,
  object: SummaryOptions["object"],
): number {
  checkForm("agreementOf: given", given, ["size", "truthBoxes"]);
  checkForm("agreementOf: object", object, "string");
  const { size, truthBoxes } = given;
  const box = found ?? wholeBox(size.width, size.height);
  const right =
    object === "any"
      ? truthBoxes
      : [truthBoxes.reduce((largest, other) => (areaOf(other) > areaOf(largest) ? other : largest))];
  return Math.max(...right.map((truth) => iou(box, truth)));
}

/** The share of no pictures at all: anything is possible. */
const unknownShare: IntervalEstimate = { value: 0, interval: [0, 1], count: 0 };

function shareOf(hits: readonly boolean[]): IntervalEstimate | null {
  const estimate = wilsonInterval(hits.filter((hit) => hit).length, hits.length);
  return estimate === undefined
    ? null
    : { value: estimate.value, interval: [estimate.low, estimate.high], count: hits.length };
}

function meanOf(values: readonly number[]): IntervalEstimate | null {
  const estimate = bootstrapMean(values, { resamples: 2000 });
  return estimate === undefined
    ? null
    : { value: estimate.value, interval: [estimate.low, estimate.high], count: values.length };
}

/** For each threshold of the kind's grid, for each picture, whether the box is wrong. */
function errorsOf(
  { records, baseline }: Subject,
  kind: ThresholdKind,
  options: SummaryOptions,
  connectivity: ConnectivityKey,
): boolean[][] {
  if (baseline !== undefined) {
    return [records.map(({ result }) => !isLocalized(baseline(result.size), result, options))];
  }
  const wrong = records.map(({ result }) =>
    boxesOfText(result.boxes[connectivity][kind]).map((found) => !isLocalized(found, result, options)),
  );
  return thresholdGrids[kind].map((_, t) => wrong.map((errors) => errors[t]));
}

function countOf(errors: readonly boolean[]): number {
  return errors.reduce((sum, isWrong) => sum + Number(isWrong), 0);
}

/** The place of the least error; of equal ones the first. */
function bestThreshold(errors: readonly (readonly boolean[])[]): number {
  const counts = errors.map(countOf);
  return counts.indexOf(Math.min(...counts));
}

/** The summaries of all subjects for one kind of threshold: one column of Table 1. */
function kindSummaries(subjects: readonly Subject[], kind: ThresholdKind, options: SummaryOptions): KindSummary[] {
  const errors = subjects.map((subject) => errorsOf(subject, kind, options, options.connectivity));
  const chosen = errors.map(bestThreshold);
  const rates = errors.map((grid, s) => countOf(grid[chosen[s]]) / grid[chosen[s]].length);
  const methods = subjects.flatMap(({ baseline }, s) => (baseline === undefined ? [s] : []));
  const leastRate = Math.min(...methods.map((s) => rates[s]));
  const best = methods.find((s) => rates[s] === leastRate) ?? methods[0];
  const rivals = methods.filter((s) => s !== best);
  const tests = rivals.map((s) => pairedTest(subjects, errors, chosen, s, best));
  const adjusted = holmAdjust(tests);
  return subjects.map((subject, s) => {
    const grid = errors[s];
    const parameterAt = (t: number): number | null =>
      subject.baseline === undefined ? thresholdParameter(thresholdGrids[kind][t]) : null;
    const [heldOut, chosenOnHalves] = heldOutErrors(subject.records, grid);
    const leastError = (connectivity: ConnectivityKey): number => {
      const other = errorsOf(subject, kind, options, connectivity);
      return countOf(other[bestThreshold(other)]) / subject.records.length;
    };
    const rival = rivals.indexOf(s);
    return {
      parameter: parameterAt(chosen[s]),
      error: shareOf(grid[chosen[s]]) ?? unknownShare,
      heldOut: shareOf(heldOut) ?? unknownShare,
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

/** The exact McNemar test between two methods at their best thresholds, on the pictures that both have. */
function pairedTest(
  subjects: readonly Subject[],
  errors: readonly boolean[][][],
  chosen: readonly number[],
  first: number,
  second: number,
): number {
  const others = new Map(subjects[second].records.map(({ key }, i) => [key.image, errors[second][chosen[second]][i]]));
  let [firstOnly, secondOnly] = [0, 0];
  for (const [i, { key }] of subjects[first].records.entries()) {
    const [mine, theirs] = [errors[first][chosen[first]][i], others.get(key.image)];
    if (theirs === undefined || mine === theirs) continue;
    if (mine) firstOnly++;
    else secondOnly++;
  }
  return mcnemarTest(firstOnly, secondOnly);
}

/** For each picture whether the box is wrong at the threshold that the other half of the pictures chose, and these thresholds. */
function heldOutErrors(
  records: readonly LocalizationFinished[],
  grid: readonly (readonly boolean[])[],
): [boolean[], readonly [number, number]] {
  const ids = records.map(({ key }) => key.image);
  // One picture has no other half.
  if (ids.length < 2) {
    const only = bestThreshold(grid);
    return [[...grid[only]], [only, only]];
  }
  const place = new Map(ids.map((id, i) => [id, i]));
  const { losses, chosen } = tuneOnHalves(ids, [...grid.keys()], (t, id) => Number(grid[t][place.get(id) ?? 0]));
  return [losses.map((loss) => loss === 1), chosen];
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

function measuresOf(records: readonly LocalizationFinished[], options: SummaryOptions): Measures {
  const results = records.map(({ result }) => result);
  const present = <T>(of: (result: LocalizationRecord) => T | null): T[] =>
    results.map(of).filter((value) => value !== null);
  const insertions = present(({ insertion }) => insertion);
  const deletions = present(({ deletion }) => deletion);
  const average = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0) / values.length;
  const seconds = records.map((record) => record.seconds).sort((a, b) => a - b);
  const outcomes: Record<string, number> = {};
  for (const outcome of present(({ details }) => (typeof details?.outcome === "string" ? details.outcome : null))) {
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1;
  }
  return {
    pointing: shareOf(results.map(({ pointDistance }) => pointDistance[options.toleranceOf] <= options.tolerance)),
    energyInside: meanOf(present((result) => result.energyInside)),
    averagePrecision: meanOf(present((result) => result.averagePrecision)),
    insertion: meanOf(insertions.map(areaUnderSteps)),
    deletion: meanOf(deletions.map(areaUnderSteps)),
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
function metricsOf(results: readonly LocalizationRecord[]): Pick<MethodSummary, "metrics"> {
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
