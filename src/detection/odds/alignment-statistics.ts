/** @file Statistics over images of how noise moves their logits. */

/** Fewer images than this give no statistics. */
export const fewestImages = 3;

/** Mean and population standard deviation over images of their mean alignments, per kind of noise and class. */
export interface AlignmentStatistics {
  readonly count: number;
  /** [kinds][K]; 0 at the predicted class. */
  readonly mean: readonly (readonly number[])[];
  /** [kinds][K]; 0 at the predicted class, positive elsewhere. */
  readonly std: readonly (readonly number[])[];
}

/** A class without statistics, whose images are never flagged, and why. */
export interface MissingStatistics {
  readonly count: number;
  readonly missing: "too few images" | "no spread";
}

/** Whether there are statistics. */
export function isKnown(
  statistics: AlignmentStatistics | MissingStatistics | undefined,
): statistics is AlignmentStatistics {
  return statistics !== undefined && "mean" in statistics;
}

/** Running mean and squares over images; see {@link createMoments}. */
export interface Moments {
  /** Adds the mean alignments [kinds, K] of one image. */
  add(mean: Float64Array): void;
  /** The statistics; `label` is the predicted class, whose own alignment is 0 for every image. */
  statistics(label: number): AlignmentStatistics | MissingStatistics;
}

/** Sums over images, from which {@link AlignmentStatistics} are made: memory does not grow with the number of images. */
export function createMoments(kindCount: number, classCount: number): Moments {
  const mean = new Float64Array(kindCount * classCount);
  const squares = new Float64Array(kindCount * classCount);
  let count = 0;
  return {
    add(alignments) {
      count++;
      for (let i = 0; i < mean.length; i++) {
        const deviation = alignments[i] - mean[i];
        mean[i] += deviation / count;
        squares[i] += deviation * (alignments[i] - mean[i]);
      }
    },
    statistics(label) {
      if (count < fewestImages) return { count, missing: "too few images" };
      const std = squares.map((sum) => Math.sqrt(sum / count));
      if (std.some((value, i) => value === 0 && i % classCount !== label)) return { count, missing: "no spread" };
      const rowsOf = (values: Float64Array): number[][] =>
        Array.from({ length: kindCount }, (_, k) => [...values.subarray(k * classCount, (k + 1) * classCount)]);
      return { count, mean: rowsOf(mean), std: rowsOf(std) };
    },
  };
}
