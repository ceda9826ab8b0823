/** @file The statistical test as one of the detectors. */
import { MisuseError } from "../../errors.ts";
import { countOption, flagOption } from "../../options/option.ts";
import { defineDetector } from "../define-detector.ts";
import type { FittedArray } from "../detector.ts";
import type { Measurement, Part } from "../part.ts";
import { fewestImages, isKnown } from "./alignment-statistics.ts";
import { emptyAlignments, extendAlignments } from "./alignments.ts";
import { createOddsFit } from "./fit-odds.ts";
import { detectionKinds } from "./noise.ts";
import type { OddsStatistics } from "./odds-statistics.ts";
import { type MeasuredAlignments, oddsScore } from "./score.ts";

/**
 * The score of "The Odds are Odd": see `detectOdds`, which also corrects labels, stops early and gives intervals. Images whose predicted class has no
 * statistics score −∞, and are never flagged. The cutoff is that of held-out images, as other detectors'.
 */
export const odds = defineDetector({
  name: "odds",
  title: "The Odds are Odd",
  source:
    "Roth, Kilcher and Hofmann, The odds are odd: A statistical test for detecting adversarial examples (ICML 2019)",
  summary: "The more noise moves the logits toward another class than it does on clean images, the more suspicious.",
  version: 1,
  settings: {
    samples: countOption("Noise samples per image and kind of noise.", { fallback: 4, max: 100_000 }),
    antithetic: flagOption("Whether samples come in pairs of opposite noise.", { fallback: true }),
    seed: countOption("Seed of the noise.", { fallback: 0, min: 0, max: Number.MAX_SAFE_INTEGER }),
  },
  plan({ samples, antithetic, seed }, { classCount }) {
    const part = alignmentsPart(classCount, { samples, antithetic, seed });
    const [kinds, width] = [detectionKinds.length, detectionKinds.length * classCount];
    const read = (measured: Measurement): MeasuredAlignments => {
      const [label, ...mean] = measured[part.key];
      const squares = new Float64Array(width);
      return { label, samples, antithetic, mean: Float64Array.from(mean), squares };
    };
    return {
      parts: [part],
      needsAttacked: false,
      fit({ train }) {
        const fit = createOddsFit(classCount, detectionKinds, undefined);
        for (const { measured } of train) fit.addClean(read(measured));
        const { classes } = fit.finish({ samples, antithetic, seed, given: train.length });
        const counts = new Float64Array(classCount);
        const [mean, std] = [new Float64Array(classCount * width), new Float64Array(classCount * width)];
        for (const [label, known] of classes.entries()) {
          counts[label] = known.count;
          if (!isKnown(known)) continue;
          mean.set(known.mean.flat(), label * width);
          std.set(known.std.flat(), label * width);
        }
        const missing = classes.filter((known) => !isKnown(known)).length;
        const shape = [classCount, kinds, classCount];
        return {
          arrays: {
            counts: { shape: [classCount], data: counts },
            mean: { shape, data: mean },
            std: { shape, data: std },
          },
          notes:
            missing === 0
              ? []
              : [
                  `${missing} of ${classCount} classes have fewer than ${fewestImages} training pictures, and are never flagged.`,
                ],
        };
      },
      scorer({ array }) {
        const statistics = statisticsIn(array, classCount, { samples, antithetic, seed });
        return (measured) => oddsScore(read(measured), statistics)?.score ?? Number.NEGATIVE_INFINITY;
      },
    };
  },
});

interface Sampling {
  readonly samples: number;
  readonly antithetic: boolean;
  readonly seed: number;
}

/** The predicted class and the mean alignments, [kinds, K], after it. */
function alignmentsPart(classCount: number, { samples, antithetic, seed }: Sampling): Part {
  if (antithetic && samples % 2 === 1) {
    throw new MisuseError({
      where: "odds: samples",
      what: "an odd number makes no pairs",
      expected: "an even number, or antithetic=false",
      got: String(samples),
    });
  }
  return {
    key: `alignments ${JSON.stringify({ samples, antithetic, seed })}`,
    size: 1 + detectionKinds.length * classCount,
    from: {
      kind: "runs",
      runs: 1 + samples * detectionKinds.length,
      async open(classifier, batch) {
        const pass = await classifier.forward({ batch });
        return {
          async run(images, { signal }) {
            const alignments = images.map((image) => emptyAlignments(image, detectionKinds, antithetic));
            await extendAlignments(pass, alignments, samples, { seed, signal });
            return alignments.map(({ label, mean }) => Float32Array.from([label, ...mean]));
          },
        };
      },
    },
  };
}

function statisticsIn(
  array: (name: string, shape: readonly number[]) => FittedArray,
  classCount: number,
  sampling: Sampling,
): OddsStatistics {
  const kinds = detectionKinds.length;
  const counts = array("counts", [classCount]).data;
  const shape = [classCount, kinds, classCount];
  const [mean, std] = [array("mean", shape).data, array("std", shape).data];
  const rows = (data: Float64Array, label: number): number[][] =>
    Array.from({ length: kinds }, (_, k) => {
      const from = (label * kinds + k) * classCount;
      return [...data.subarray(from, from + classCount)];
    });
  return {
    classCount,
    kinds: detectionKinds,
    ...sampling,
    mode: "just-detect",
    images: { given: 0, used: 0 },
    cutoff: { value: 0 },
    classes: Array.from(counts, (count, label) => {
      const spread = rows(std, label);
      const isMissing = spread.every((row) => row.every((value) => value === 0));
      if (isMissing) return { count, missing: count < fewestImages ? "too few images" : "no spread" };
      return { count, mean: rows(mean, label), std: spread };
    }),
  };
}
