/** @file What `detect` and `detect fit` say: a verdict or statistics, as a record and in words. */
import type { Classifier } from "../../classifier/classifier.ts";
import { softmaxAt } from "../../classifier/logits.ts";
import { isKnown } from "../../detection/odds/alignment-statistics.ts";
import type { OddsVerdict } from "../../detection/odds/odds.ts";
import type { OddsStatistics } from "../../detection/odds/odds-statistics.ts";

/** What verdicts are told with: the names of classes, and where they are cut off. */
export interface VerdictContext {
  readonly classifier: Pick<Classifier, "labelName" | "warnings">;
  readonly cutoff: number;
  readonly model: { readonly path: string; readonly sha256: string };
}

/** A verdict on a picture as plain JSON. */
export function verdictRecord(image: string, verdict: OddsVerdict, { classifier, cutoff, model }: VerdictContext) {
  const { label, logits, score, isFlagged, samples, correctedLabel } = verdict;
  const named = (index: number) => ({ index, name: classifier.labelName(index) });
  return {
    image,
    verdict: score === undefined ? "unknown" : isFlagged ? "flagged" : "clean",
    label: { ...named(label), confidence: softmaxAt(logits, label) },
    score: score?.score ?? null,
    interval: score === undefined ? null : score.interval.map((end) => (Number.isFinite(end) ? end : null)),
    cutoff,
    toward: score === undefined ? null : named(score.toward),
    correctedLabel: correctedLabel === undefined ? null : named(correctedLabel),
    samples,
    model,
    warnings: classifier.warnings,
  };
}

/** A verdict on a picture in a line. */
export function verdictSentence(image: string, verdict: OddsVerdict, { classifier, cutoff }: VerdictContext): string {
  const { label, score, samples, correctedLabel, isFlagged } = verdict;
  const name = classifier.labelName(label);
  if (score === undefined) {
    return `${image}: ${name}, unknown: the statistics have too few images of this class`;
  }
  const [low, high] = score.interval;
  const interval = Number.isFinite(low) ? `${low.toFixed(2)} to ${high.toFixed(2)}` : "too few samples for an interval";
  const was =
    isFlagged && correctedLabel !== undefined && correctedLabel !== label
      ? `; probably ${classifier.labelName(correctedLabel)} before`
      : "";
  const said = isFlagged ? `FLAGGED, noise moves it toward ${classifier.labelName(score.toward)}${was}` : "clean";
  return `${image}: ${name}, ${said}; score ${score.score.toFixed(2)} (${interval}, cutoff ${cutoff.toFixed(2)}, ${samples} samples per kind)`;
}

/** What statistics were fitted on, and the classes that they say nothing of, as plain JSON. */
export function statisticsRecord(statistics: OddsStatistics, { labelName }: Pick<Classifier, "labelName">) {
  const { classes, cutoff, images, mode } = statistics;
  const missing = classes.flatMap((entry, label) =>
    isKnown(entry) ? [] : [{ label: labelName(label), images: entry.count, reason: entry.missing }],
  );
  return { mode, images, cutoff, missing };
}

/** The same in words, a line each; `output` is the file that holds the statistics. */
export function statisticsLines(
  statistics: OddsStatistics,
  output: string,
  classifier: Pick<Classifier, "labelName">,
): string[] {
  const { images, cutoff, missing } = statisticsRecord(statistics, classifier);
  const chosen =
    cutoff.calibration === undefined
      ? "nominal"
      : `at most ${100 * cutoff.calibration.falsePositiveRate} % of clean pictures flagged, chosen on ${cutoff.calibration.images} others`;
  const lines = [
    `Statistics of ${images.used} of ${images.given} pictures: ${output}`,
    `Cutoff ${cutoff.value.toFixed(4)} (${chosen})`,
  ];
  if (missing.length === 0) return lines;
  const some = missing.slice(0, 10).map(({ label, images: count, reason }) => `${label} (${count}, ${reason})`);
  const more = missing.length > some.length ? `, and ${missing.length - some.length} more` : "";
  return [...lines, `Never flagged, for want of statistics: ${some.join(", ")}${more}`];
}
