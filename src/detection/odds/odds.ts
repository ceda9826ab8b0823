/**
 * @file The statistical test for attacked images of Roth, Kilcher & Hofmann, "The Odds are Odd" (ICML 2019), from logits alone.
 *
 * A test that attacks were not made against says nothing about attacks that were: Hosseini et al. (arXiv 1907.12138) and Tramèr
 * et al. (NeurIPS 2020) break this one.
 */
import type { ForwardPass } from "../../classifier/passes/passes.ts";
import { BadInputError, checkForm, checkKeys, MisuseError, numberIn, oneOf } from "../../errors.ts";
import { checkIterable, checkPass, checkStatistics } from "../check-arguments.ts";
import { type Alignments, emptyAlignments, extendAlignments, type NamedImage } from "./alignments.ts";
import { type CorrectionForm, correctedLabel, correctionForms } from "./correction.ts";
import type { Cutoff, OddsStatistics } from "./odds-statistics.ts";
import { type OddsScore, oddsScore } from "./score.ts";

/** What the test says of an image. */
export interface OddsVerdict {
  readonly id: string;
  /** The predicted class. */
  readonly label: number;
  readonly logits: Float32Array;
  /** Score and interval; undefined if there are no statistics for the predicted class. */
  readonly score: OddsScore | undefined;
  /** Whether the score is above the cutoff; never without statistics. */
  readonly isFlagged: boolean;
  /** Noise samples per kind that were used. */
  readonly samples: number;
  /** The label that a flagged image is taken to have had, the predicted one of others; undefined if the statistics have no corrections. */
  readonly correctedLabel: number | undefined;
}

export interface DetectOddsOptions {
  /** Noise samples per image and kind, at most; default as the statistics were made with. */
  readonly samples?: number;
  /** Seed of the noise; default 0. */
  readonly seed?: number;
  /**
   * Stop with an image once the interval of its score is clear of the cutoff: looks are taken at 8, 16, 32, … samples, each at a share of
   * `alpha`, so that the verdict differs from that of infinitely many samples with a probability of at most `alpha`. Default false.
   */
  readonly stopEarly?: boolean;
  /** The probability that an interval is wrong; default 0.05. */
  readonly alpha?: number;
  /** How labels of flagged images are corrected, where the statistics can; default `regression`. `none` saves the time. */
  readonly correction?: CorrectionForm | "none";
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { readonly forward: number }) => void;
}

const optionKeys: readonly (keyof DetectOddsOptions)[] = [
  "samples",
  "seed",
  "stopEarly",
  "alpha",
  "correction",
  "signal",
  "onProgress",
];

/** The first look of those who stop early. */
const firstLook = 8;

/**
 * What the test says of each image, in order: flagged if its score is strictly above the statistics' cutoff. All images share the
 * network's batches. Samples come in pairs of opposite noise where those of the statistics did.
 *
 * Errors: MisuseError for unknown or impossible options, and for statistics of another number of classes.
 */
export async function detectOdds(
  pass: ForwardPass,
  statistics: OddsStatistics,
  images: readonly NamedImage[],
  options: DetectOddsOptions = {},
): Promise<OddsVerdict[]> {
  checkKeys("detectOdds", options, optionKeys);
  checkPass("detectOdds", pass);
  checkStatistics("detectOdds", statistics);
  checkIterable("detectOdds", images);
  const samples = numberIn("detectOdds: samples", options.samples ?? statistics.samples, { min: 1, integer: true });
  const seed = numberIn("detectOdds: seed", options.seed ?? 0, { min: 0, max: Number.MAX_SAFE_INTEGER, integer: true });
  const alpha = numberIn("detectOdds: alpha", options.alpha ?? 0.05, { min: 1e-9, max: 0.5 });
  const form = oneOf("detectOdds: correction", options.correction ?? "regression", [...correctionForms, "none"]);
  let forward = 0;
  const run = {
    seed,
    signal: options.signal,
    onRun: (rows: number) => {
      forward += rows;
      options.onProgress?.({ forward });
    },
  };
  const entries = images.map((image) => emptyAlignments(image, statistics.kinds, statistics.antithetic));
  const looks = options.stopEarly ? looksUpTo(samples) : [samples];
  const scores = new Map<Alignments, OddsScore | undefined>();
  let open = entries;
  for (const look of looks) {
    await extendAlignments(pass, open, look, run);
    for (const entry of open) {
      checkClassCount(entry, statistics);
      scores.set(entry, oddsScore(entry, statistics, alpha / looks.length));
    }
    open = open.filter((entry) => !isClear(scores.get(entry), statistics.cutoff.value));
  }
  const isFlagged = (entry: Alignments): boolean => (scores.get(entry)?.score ?? -Infinity) > statistics.cutoff.value;
  const corrected = new Map<Alignments, number>();
  const { correction } = statistics;
  if (correction !== undefined && form !== "none") {
    const flagged = entries.filter(isFlagged);
    const larger = flagged.map(({ image }) => emptyAlignments(image, correction.kinds, statistics.antithetic));
    await extendAlignments(pass, larger, samples, run);
    for (const [n, entry] of flagged.entries()) corrected.set(entry, correctedLabel(larger[n], correction, form));
  }
  return entries.map((entry) => ({
    id: entry.image.id,
    label: entry.label,
    logits: entry.logits,
    score: scores.get(entry),
    isFlagged: isFlagged(entry),
    samples: entry.samples,
    correctedLabel: correction === undefined || form === "none" ? undefined : (corrected.get(entry) ?? entry.label),
  }));
}

/** 8, 16, 32, … and at last `samples`. */
function looksUpTo(samples: number): number[] {
  const looks: number[] = [];
  for (let look = firstLook; look < samples; look *= 2) looks.push(look);
  return [...looks, samples];
}

function isClear(score: OddsScore | undefined, cutoff: number): boolean {
  return score === undefined || score.interval[0] > cutoff || score.interval[1] <= cutoff;
}

function checkClassCount({ image, logits }: Alignments, { classCount }: OddsStatistics): void {
  if (logits.length === classCount) return;
  throw new MisuseError({
    where: `detectOdds: ${image.id}`,
    what: "the statistics belong to another classifier",
    expected: `${classCount} classes`,
    got: String(logits.length),
    advice: "Fit statistics for this one.",
  });
}

/**
 * The statistics with a cutoff for which a clean image is flagged with a probability of at most `falsePositiveRate`, see
 * {@link calibratedCutoff}; `verdicts` are those on clean images that the statistics were not fitted to.
 */
export function calibrateOdds(
  statistics: OddsStatistics,
  verdicts: readonly OddsVerdict[],
  falsePositiveRate: number,
): OddsStatistics {
  checkForm("calibrateOdds: statistics", statistics, ["classCount", "kinds", "samples", "antithetic"]);
  checkForm("calibrateOdds: verdicts", verdicts, "list");
  checkForm("calibrateOdds: falsePositiveRate", falsePositiveRate, "number");
  const scores = verdicts.map(({ score }) => score?.score);
  return { ...statistics, cutoff: calibratedCutoff(scores, falsePositiveRate) };
}

/**
 * Of n scores of clean images, the ⌈(1 − rate)(n + 1)⌉-th smallest: the next score lies above it with a probability of at most
 * `falsePositiveRate`, whatever their distribution, if all are drawn alike (split conformal prediction). Images without a score count as −∞.
 *
 * Errors: BadInputError if there are too few for the rate, fewer than 1/rate − 1.
 */
export function calibratedCutoff(cleanScores: readonly (number | undefined)[], falsePositiveRate: number): Cutoff {
  const rate = numberIn("falsePositiveRate", falsePositiveRate, { min: 1e-6, max: 0.999 });
  const scores = Float64Array.from(cleanScores, (score) => score ?? Number.NEGATIVE_INFINITY).sort();
  // Less a little, since 0.9 · 20 is more than 18 in floating point.
  const rank = Math.ceil((1 - rate) * (scores.length + 1) - 1e-9);
  if (rank > scores.length || !Number.isFinite(scores[rank - 1])) {
    throw new BadInputError({
      where: "the cutoff",
      what: "too few held-out images for this false-positive rate",
      expected: `at least ${Math.ceil(1 / rate - 1 - 1e-9)} with scores for a rate of ${rate}`,
      got: String(scores.filter(Number.isFinite).length),
      advice: "Hold out more images, or accept a higher rate.",
    });
  }
  return { value: scores[rank - 1], calibration: { falsePositiveRate: rate, images: scores.length } };
}
