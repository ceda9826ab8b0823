/** @file From the detection benchmark's records to the numbers of its tables, page and JSON: plain JSON. */
import type { ModelWarning } from "../../classifier/network/prepare-model.ts";
import { isKnown } from "../../detection/odds/alignment-statistics.ts";
import { unitsOf } from "../../detection/odds/alignments.ts";
import { type CorrectionForm, correctedLabel } from "../../detection/odds/correction.ts";
import { createOddsFit } from "../../detection/odds/fit-odds.ts";
import { type NoiseKind, parseNoiseKind } from "../../detection/odds/noise.ts";
import { calibratedCutoff } from "../../detection/odds/odds.ts";
import type { OddsStatistics } from "../../detection/odds/odds-statistics.ts";
import { type MeasuredAlignments, type OddsScore, oddsScore } from "../../detection/odds/score.ts";
import { BadInputError, checkForm, checkKeys } from "../../errors.ts";
import type { AttackRun } from "../attack/protocol.ts";
import type { FinishedRecord } from "../records/record-store.ts";
import { rocArea, rocCurve } from "../statistics/ranking.ts";
import { holmAdjust, mcnemarTest, wilsonInterval } from "../statistics/statistics.ts";
import { isHeldOutImage } from "./held-out.ts";
import { cleanMethod, fitMethod } from "./protocol.ts";
import type { AlignmentRecord, DetectionDistances, DetectionRecord } from "./record.ts";

/** A share of images with Wilson's 95 % interval. */
export interface ShareEstimate {
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
  readonly detection: ShareEstimate;
  /** "Classifier Suc.": images whose predicted class is the true one under attack; null without true classes. */
  readonly accuracy: ShareEstimate | null;
  /** Images whose predicted class changed. */
  readonly changed: ShareEstimate;
  /** Flagged images among those whose predicted class changed. */
  readonly detectionOfChanged: ShareEstimate | null;
  /** Flagged images among those whose predicted class every attack of the group changed. */
  readonly detectionOfMatched: ShareEstimate | null;
  /** Exact McNemar test on those images against the attack of the group that is detected least, Holm-corrected over the group; null for that one. */
  readonly pValue: number | null;
  /** Area under the ROC curve, changed images against clean ones, with DeLong's 95 % interval. */
  readonly area: { readonly value: number; readonly interval: readonly [low: number, high: number] } | null;
  /** Changed images flagged at the cutoff that flags 5 % of the clean test images. */
  readonly detectionAtFivePercent: ShareEstimate | null;
  /** True class restored: the corrected label where flagged, the predicted one otherwise; null without corrections. */
  readonly accuracyAfterCorrection: ShareEstimate | null;
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
  /** What must be known of the model before the numbers are trusted. */
  readonly warnings: readonly ModelWarning[];
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
    readonly detection: ShareEstimate;
    readonly accuracy: ShareEstimate | null;
    readonly accuracyAfterCorrection: ShareEstimate | null;
    /** The cutoff that flags 5 % of the clean test images. */
    readonly fivePercentCutoff: number | null;
    readonly scores: readonly number[];
  };
  readonly groups: readonly GroupSummary[];
  readonly failures: readonly { readonly image: string; readonly attack: string; readonly message: string }[];
  /** Provenance: versions, runtime, machine. */
  readonly run: object;
}

export type DetectionFinished = FinishedRecord<DetectionRecord>;

/** The table of the runs that name none. */
export const mainGroup = "attacks";

export interface DetectionStatisticsOptions {
  /** Chooses the cutoff for this rate, on a fifth of the training images that the statistics are then not fitted to. Default: the nominal cutoff. */
  readonly falsePositiveRate?: number;
  readonly seed?: number;
}

/**
 * The statistics of the test, from the records of training images: of all of them, or in mode `full` (where attacked ones are
 * among the records) of those classified rightly whose label the attack changed.
 *
 * Errors: BadInputError if there is no record of a training image, or too few for statistics or for the wanted rate.
 */
export function detectionStatistics(
  records: readonly DetectionFinished[],
  options: DetectionStatisticsOptions = {},
): OddsStatistics {
  checkKeys("detectionStatistics", options, ["falsePositiveRate", "seed"]);
  checkForm("detectionStatistics: records", records, "list");
  checkForm("detectionStatistics: options", options, []);
  const { falsePositiveRate, seed = 0 } = options;
  const train = byImage(records.filter(({ result, key }) => result.split === "train" && key.method === cleanMethod));
  if (train.length === 0) {
    throw new BadInputError({
      where: "detection",
      what: "no training image has been measured",
      advice: "Run the benchmark without --shard, or merge the folders of all shards first.",
    });
  }
  const attacked = new Map(
    records.filter(({ key }) => key.method === fitMethod).map(({ key, result }) => [key.image, result]),
  );
  const first = train.find(({ result }) => result.detection !== null)?.result.detection;
  if (first === undefined || first === null) {
    throw new BadInputError({
      where: "detection",
      what: "no training image has been measured with the noise that decides",
    });
  }
  const larger = [...attacked.values()].find(({ correction }) => correction !== null)?.correction?.kinds.map(kindOf);
  const fit = createOddsFit(first.mean[0].length, first.kinds.map(kindOf), larger);
  const isHeldOut = ({ key }: DetectionFinished): boolean =>
    falsePositiveRate !== undefined && isHeldOutImage(key.image);
  for (const entry of train) {
    if (isHeldOut(entry)) continue;
    const { result, key } = entry;
    if (larger !== undefined) {
      const after = attacked.get(key.image);
      const isRight = result.label === (result.truth ?? result.label);
      if (after?.correction == null || !isRight || after.label === after.cleanLabel) continue;
      fit.addAttacked(measured(after, after.correction), result.label);
    }
    if (result.detection !== null) fit.addClean(measured(result, result.detection));
  }
  const statistics = fit.finish({
    samples: first.samples,
    antithetic: first.antithetic,
    seed,
    given: train.length,
  });
  if (falsePositiveRate === undefined) return statistics;
  const heldOut = train.filter(isHeldOut).map(({ result }) => scoreOf(result, statistics)?.score);
  return { ...statistics, cutoff: calibratedCutoff(heldOut, falsePositiveRate) };
}

const kindOf = (name: string): NoiseKind => parseNoiseKind("detection record", name);

/** Records in order of their images, so that sums over them have one order. */
function byImage(records: readonly DetectionFinished[]): DetectionFinished[] {
  return [...records].sort((a, b) => (a.key.image < b.key.image ? -1 : a.key.image > b.key.image ? 1 : 0));
}

function measured(
  { label }: DetectionRecord,
  { samples, antithetic, mean, error }: AlignmentRecord,
): MeasuredAlignments {
  const units = unitsOf({ samples, antithetic });
  const squares = Float64Array.from(error.flat(), (x) => x * x * units * (units - 1));
  return { label, samples, antithetic, mean: Float64Array.from(mean.flat()), squares };
}

/** Score and interval of a record's image; undefined without statistics for its predicted class. */
export function scoreOf(record: DetectionRecord, statistics: OddsStatistics): OddsScore | undefined {
  return record.detection === null ? undefined : oddsScore(measured(record, record.detection), statistics);
}

export interface SummarizeDetectionOptions {
  readonly statistics: OddsStatistics;
  readonly labelName: (label: number) => string;
  readonly correction?: CorrectionForm;
}

/** What the tables say of one image. */
interface Judged {
  readonly image: string;
  readonly record: DetectionRecord;
  readonly seconds: number;
  /** −∞ without statistics. */
  readonly score: number;
  readonly isFlagged: boolean;
  readonly corrected: number | undefined;
}

/**
 * The summary of `records` for the runs given, group by group in their order; runs without records are left out. The order of
 * the records does not matter.
 *
 * Errors: BadInputError if no clean test image has been measured.
 */
export function summarizeDetection(
  records: readonly DetectionFinished[],
  runs: readonly AttackRun[],
  options: SummarizeDetectionOptions,
): Pick<DetectionSummary, "statistics" | "cutoff" | "clean" | "groups"> {
  checkKeys("summarizeDetection", options, ["statistics", "labelName", "correction"]);
  checkForm("summarizeDetection: records", records, "list");
  checkForm("summarizeDetection: runs", runs, "list");
  checkForm("summarizeDetection: options", options, ["statistics", "labelName"]);
  const { statistics, labelName } = options;
  const test = byImage(records.filter(({ result }) => result.split === "test"));
  const judgedOf = (method: string): Judged[] =>
    test.filter(({ key }) => key.method === method).map((entry) => judge(entry, options));
  const clean = judgedOf(cleanMethod);
  if (clean.length === 0)
    throw new BadInputError({ where: "detection", what: "no clean test image has been measured" });
  const cleanScores = clean.map(({ score }) => score).sort((a, b) => a - b);
  // The smallest score such that at most 5 % lie above it.
  const fivePercentCutoff = cleanScores[Math.max(0, Math.ceil(0.95 * cleanScores.length) - 1)];
  const names = [...new Set(runs.map(({ group = mainGroup }) => group))];
  const groups = names.map((name) => {
    const members = runs
      .filter(({ group = mainGroup }) => group === name)
      .map((run) => ({ run, judged: judgedOf(run.name) }))
      .filter(({ judged }) => judged.length > 0);
    return groupSummary(name, members, cleanScores, fivePercentCutoff);
  });
  return {
    statistics: {
      mode: statistics.mode,
      images: statistics.images,
      missing: statistics.classes.flatMap((entry, label) =>
        isKnown(entry) ? [] : [{ label: labelName(label), count: entry.count, reason: entry.missing }],
      ),
    },
    cutoff: { value: statistics.cutoff.value, calibration: statistics.cutoff.calibration ?? null },
    clean: {
      images: clean.length,
      detection: shareOf(clean, ({ isFlagged }) => isFlagged) ?? unknownShare,
      accuracy: accuracyOf(clean, ({ record }) => record.label),
      accuracyAfterCorrection: accuracyAfterCorrection(clean),
      fivePercentCutoff: Number.isFinite(fivePercentCutoff) ? fivePercentCutoff : null,
      scores: cleanScores.filter(Number.isFinite),
    },
    groups: groups.filter(({ attacks }) => attacks.length > 0),
  };
}

function judge({ key, result, seconds }: DetectionFinished, options: SummarizeDetectionOptions): Judged {
  const { statistics, correction: form = "regression" } = options;
  const score = scoreOf(result, statistics)?.score ?? Number.NEGATIVE_INFINITY;
  const isFlagged = score > statistics.cutoff.value;
  let corrected: number | undefined;
  if (statistics.correction !== undefined && result.correction !== null) {
    const { label } = result;
    corrected = isFlagged ? correctedLabel(measured(result, result.correction), statistics.correction, form) : label;
  }
  return { image: key.image, record: result, seconds, score, isFlagged, corrected };
}

function isChanged({ record }: Judged): boolean {
  return record.label !== record.cleanLabel;
}

function groupSummary(
  name: string,
  members: readonly { readonly run: AttackRun; readonly judged: readonly Judged[] }[],
  cleanScores: readonly number[],
  fivePercentCutoff: number,
): GroupSummary {
  const changedIn = members.map(({ judged }) => new Set(judged.filter(isChanged).map(({ image }) => image)));
  const matched = new Set(
    [...(changedIn[0] ?? [])].filter((image) => changedIn.every((changed) => changed.has(image))),
  );
  const flaggedMatched = members.map(
    ({ judged }) =>
      new Set(judged.filter(({ image, isFlagged }) => isFlagged && matched.has(image)).map(({ image }) => image)),
  );
  const least = flaggedMatched.reduce((best, flagged, n) => (flagged.size < flaggedMatched[best].size ? n : best), 0);
  const others = members.map((_, n) => n).filter((n) => n !== least);
  const adjusted = holmAdjust(
    others.map((n) => {
      const only = [...flaggedMatched[n]].filter((image) => !flaggedMatched[least].has(image)).length;
      const leastOnly = [...flaggedMatched[least]].filter((image) => !flaggedMatched[n].has(image)).length;
      return mcnemarTest(only, leastOnly);
    }),
  );
  const pValues = new Map(others.map((n, index) => [n, adjusted[index]]));
  return {
    name,
    matchedImages: matched.size,
    attacks: members.map(({ run, judged }, n) => ({
      ...attackSummary(run, judged, cleanScores, fivePercentCutoff),
      detectionOfMatched: shareOf(
        judged.filter(({ image }) => matched.has(image)),
        ({ isFlagged }) => isFlagged,
      ),
      pValue: pValues.get(n) ?? null,
    })),
  };
}

function attackSummary(
  { name, group, attack, settings }: AttackRun,
  judged: readonly Judged[],
  cleanScores: readonly number[],
  fivePercentCutoff: number,
): Omit<AttackDetection, "detectionOfMatched" | "pValue"> {
  const changed = judged.filter(isChanged);
  const scores = changed.map(({ score }) => score).sort((a, b) => a - b);
  const factsOf = (ones: readonly Judged[]) => ones.flatMap(({ record }) => record.attack ?? []);
  const [facts, all] = [factsOf(changed), factsOf(judged)];
  const area = changed.length === 0 ? null : rocArea(scores, cleanScores);
  const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;
  const meanOf = (norm: keyof DetectionDistances): number => mean(facts.map(({ distances: of }) => of[norm]));
  const distances: DetectionDistances = {
    l0: meanOf("l0"),
    l1: meanOf("l1"),
    l2: meanOf("l2"),
    linf: meanOf("linf"),
    perceptual: meanOf("perceptual"),
  };
  return {
    // The table says the rest.
    name: group !== undefined && name.startsWith(`${group}/`) ? name.slice(group.length + 1) : name,
    title: attack.title,
    settings,
    effective: all[0]?.settings ?? {},
    images: judged.length,
    detection: shareOf(judged, ({ isFlagged }) => isFlagged) ?? unknownShare,
    accuracy: accuracyOf(judged, ({ record }) => record.label),
    changed: shareOf(judged, isChanged) ?? unknownShare,
    detectionOfChanged: shareOf(changed, ({ isFlagged }) => isFlagged),
    area: area === null ? null : { value: area.value, interval: [area.low, area.high] },
    detectionAtFivePercent: shareOf(changed, ({ score }) => score > fivePercentCutoff),
    accuracyAfterCorrection: accuracyAfterCorrection(judged),
    distances: changed.length === 0 ? null : distances,
    meanMargin: changed.length === 0 ? null : mean(changed.map(({ record }) => record.margin)),
    lostInRounding: facts.filter(({ lostInRounding }) => lostInRounding).length,
    evaluations: {
      forward: mean(all.map(({ evaluations }) => evaluations.forward)),
      gradient: mean(all.map(({ evaluations }) => evaluations.gradient)),
    },
    seconds: mean(judged.map(({ seconds }) => seconds)),
    scores: scores.filter(Number.isFinite),
    roc:
      changed.length === 0
        ? []
        : rocCurve(scores, cleanScores).map(({ falsePositiveRate, truePositiveRate }) => [
            falsePositiveRate,
            truePositiveRate,
          ]),
  };
}

/** The share of no images at all: anything is possible. */
const unknownShare: ShareEstimate = { count: 0, of: 0, value: 0, interval: [0, 1] };

/** The share of the images for which `holds`; null for none. */
function shareOf(judged: readonly Judged[], holds: (one: Judged) => boolean): ShareEstimate | null {
  const count = judged.filter(holds).length;
  const estimate = wilsonInterval(count, judged.length);
  if (estimate === undefined) return null;
  const { value, low, high } = estimate;
  return { count, of: judged.length, value, interval: [low, high] };
}

function accuracyOf(judged: readonly Judged[], labelOf: (one: Judged) => number): ShareEstimate | null {
  return shareOf(
    judged.filter(({ record }) => record.truth !== null),
    (one) => labelOf(one) === one.record.truth,
  );
}

function accuracyAfterCorrection(judged: readonly Judged[]): ShareEstimate | null {
  return accuracyOf(
    judged.filter(({ corrected }) => corrected !== undefined),
    ({ corrected }) => corrected ?? Number.NaN,
  );
}
