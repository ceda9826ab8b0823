/** @file The label that a flagged image had before it was attacked, guessed from where noise moves it. */
import { indexOfLargest } from "../../tensor/vector.ts";
import { fitLogisticRegression, type LogisticRegression, predictLabel } from "../learning/logistic-regression.ts";
import { type AlignmentStatistics, createMoments, isKnown, type Moments } from "./alignment-statistics.ts";
import type { Alignments } from "./alignments.ts";
import type { NoiseKind } from "./noise.ts";

/** How the label of an image with a certain predicted class is corrected. */
export type ClassCorrection =
  /** No attacked image was predicted so: the label stays. */
  | { readonly kind: "identity" }
  /** All of them came from one class. */
  | { readonly kind: "constant"; readonly label: number }
  | ({ readonly kind: "regression" } & LogisticRegression);

/** Statistics of attacked images that came from class `source`. */
export interface PairStatistics extends AlignmentStatistics {
  readonly source: number;
}

export interface Correction {
  readonly kinds: readonly NoiseKind[];
  /** One for each predicted class. */
  readonly classes: readonly ClassCorrection[];
  /** For each predicted class, the sources with enough images. */
  readonly pairs: readonly (readonly PairStatistics[])[];
}

/** `regression` is the released code's default; `pairs` its other form. */
export const correctionForms = ["regression", "pairs"] as const;
export type CorrectionForm = (typeof correctionForms)[number];

/** What corrections need of an image: predicted class and mean alignments [kinds, K]. */
type MeanAlignments = Pick<Alignments, "label" | "mean">;

/** An attacked image's features: its mean alignments with the other classes, kind by kind: [kinds · (K − 1)]. */
export function correctionFeatures({ mean, label }: MeanAlignments, classCount: number): Float64Array {
  return mean.filter((_, i) => i % classCount !== label);
}

/** Collects attacked images and fits the correction; see {@link createCorrectionFit}. */
export interface CorrectionFit {
  /** Adds an attacked image whose class was `source`. */
  add(alignments: MeanAlignments, source: number): void;
  fit(): Correction;
}

/** Collects the features of attacked images, K − 1 numbers per kind and image, and fits both forms of the correction to them. */
export function createCorrectionFit(kinds: readonly NoiseKind[], classCount: number): CorrectionFit {
  const rows = Array.from({ length: classCount }, () => ({ features: [] as Float64Array[], sources: [] as number[] }));
  const moments = Array.from({ length: classCount }, () => new Map<number, Moments>());
  return {
    add(alignments, source) {
      const { label, mean } = alignments;
      rows[label].features.push(correctionFeatures(alignments, classCount));
      rows[label].sources.push(source);
      const pair = moments[label].get(source) ?? createMoments(kinds.length, classCount);
      moments[label].set(source, pair);
      pair.add(mean);
    },
    fit: () => ({
      kinds,
      classes: rows.map(({ features, sources }) => {
        if (sources.length === 0) return { kind: "identity" };
        if (new Set(sources).size === 1) return { kind: "constant", label: sources[0] };
        return { kind: "regression", ...fitLogisticRegression(features, sources) };
      }),
      pairs: moments.map((pairs, label) =>
        [...pairs]
          .sort(([a], [b]) => a - b)
          .flatMap(([source, pair]) => {
            const statistics = pair.statistics(label);
            return isKnown(statistics) ? [{ source, ...statistics }] : [];
          }),
      ),
    }),
  };
}

/**
 * The label that an image with these alignments (over the correction's kinds) had before it was attacked; its predicted one where
 * nothing is known of attacks that end there.
 *
 * `regression`: the multinomial logistic regression of the predicted class on {@link correctionFeatures}.
 * `pairs`: for each kind, the source class s with the largest z-score (g_s − μ_s) / σ_s under the statistics of attacked images
 * from s to the predicted class, the lowest of equal ones; then the class that most kinds name, the lowest of equally many.
 *
 * Deviation: where statistics of some source are missing, the released code's `pairs` compares the others with the statistics of the
 * wrong class (it counts sources and classes alike). Where none is missing both are the same.
 */
export function correctedLabel(alignments: MeanAlignments, correction: Correction, form: CorrectionForm): number {
  const { label, mean } = alignments;
  const classCount = correction.classes.length;
  if (form === "regression") {
    const rule = correction.classes[label];
    if (rule.kind === "identity") return label;
    return rule.kind === "constant" ? rule.label : predictLabel(rule, correctionFeatures(alignments, classCount));
  }
  const pairs = correction.pairs[label];
  if (pairs.length === 0) return label;
  const votes = new Array<number>(classCount).fill(0);
  for (let k = 0; k < correction.kinds.length; k++) {
    const scores = pairs.map(
      ({ source, mean: means, std }) => (mean[k * classCount + source] - means[k][source]) / std[k][source],
    );
    votes[pairs[indexOfLargest(scores)].source]++;
  }
  return indexOfLargest(votes);
}
