/** @file What `detect` and `detect fit` say of detectors: verdicts and statistics, as records and in words. */
import type { Classifier } from "../../classifier/classifier.ts";
import type { DetectorStatistics } from "../../detection/detector.ts";
import { checkForm } from "../../errors.ts";

/** What a detector says of a picture. */
export interface DetectorVerdict {
  readonly detector: string;
  /** The predicted class, where the detector looks at the logits. */
  readonly label: number | undefined;
  readonly score: number;
  readonly cutoff: number;
}

/** A verdict as plain JSON; a score of −∞, where the statistics say nothing of the predicted class, is null. */
export function detectorVerdictRecord(
  image: string,
  { detector, label, score, cutoff }: DetectorVerdict,
  classifier: Pick<Classifier, "labelName" | "warnings">,
  model: { readonly path: string; readonly sha256: string },
) {
  return {
    image,
    detector,
    verdict: Number.isFinite(score) ? (score > cutoff ? "flagged" : "clean") : "unknown",
    label: label === undefined ? null : { index: label, name: classifier.labelName(label) },
    score: Number.isFinite(score) ? score : null,
    cutoff,
    model,
    warnings: classifier.warnings,
  };
}

/** A verdict in a line. */
export function detectorVerdictSentence(
  image: string,
  { detector, label, score, cutoff }: DetectorVerdict,
  { labelName }: Pick<Classifier, "labelName">,
): string {
  const name = label === undefined ? "" : `${labelName(label)}, `;
  if (!Number.isFinite(score)) return `${image}: ${name}${detector}: unknown, the statistics say nothing of this class`;
  const said = score > cutoff ? "FLAGGED" : "clean";
  return `${image}: ${name}${detector}: ${said}; score ${score.toPrecision(4)} (cutoff ${cutoff.toPrecision(4)})`;
}

/** Statistics as plain JSON, without the arrays. */
export function detectorStatisticsRecord(statistics: DetectorStatistics) {
  checkForm("detectorStatisticsRecord: statistics", statistics, ["detector", "settings", "cutoff"]);
  const { detector, settings, images, parts, notes, cutoff } = statistics;
  return { detector, settings, images, parts, cutoff, notes };
}

/** Statistics in lines; `output` is the file that holds them. */
export function detectorStatisticsLines(statistics: DetectorStatistics, output: string): string[] {
  const { detector, images, cutoff, notes } = detectorStatisticsRecord(statistics);
  const learned = images.attacked > 0 ? `, ${images.attacked} of them attacked as well` : "";
  const chosen =
    cutoff.calibration === undefined
      ? ""
      : `: at most ${Number((100 * cutoff.calibration.falsePositiveRate).toPrecision(3))} % of clean pictures flagged, chosen on ${cutoff.calibration.images} others`;
  return [
    `${detector}: statistics of ${images.train} pictures${learned}: ${output}`,
    `  cutoff ${cutoff.value.toPrecision(5)}${chosen}`,
    ...notes.map((note) => `  ${note}`),
  ];
}
