/** @file Statistics for the test, from pictures of a data set: read, attacked and calibrated. */
import { findAttack } from "../../attacks/attacks.ts";
import type { Classifier } from "../../classifier/classifier.ts";
import type { ForwardPass } from "../../classifier/passes/passes.ts";
import type { DatasetImage } from "../../datasets/dataset.ts";
import { type AttackImages, fitOdds, type LabeledImage } from "../../detection/odds/fit-odds.ts";
import type { NoiseKind } from "../../detection/odds/noise.ts";
import { calibrateOdds, detectOdds } from "../../detection/odds/odds.ts";
import type { OddsStatistics } from "../../detection/odds/odds-statistics.ts";
import { BadInputError, checkForm, checkKeys, type PerceptualBallError } from "../../errors.ts";
import type { OnProgress } from "../../options/progress.ts";
import { hashText } from "../../random/hash-text.ts";
import { createRandom } from "../../random/random.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { indexOfLargest } from "../../tensor/vector.ts";
import { isHeldOutImage } from "./held-out.ts";

export interface FitStatisticsOptions {
  readonly kinds: readonly NoiseKind[];
  readonly correctionKinds: readonly NoiseKind[];
  readonly samples: number;
  readonly antithetic?: boolean | undefined;
  /** Statistics of all images, without corrections of labels: nothing is attacked. */
  readonly justDetect?: boolean | undefined;
  /** Chooses the cutoff for this rate, on a fifth of the images that the statistics are then not fitted to. Default: the nominal cutoff. */
  readonly falsePositiveRate?: number | undefined;
  readonly seed: number;
  readonly signal?: AbortSignal;
  readonly onProgress?: OnProgress;
  /** Hears of pictures that cannot be read; they are left out. */
  readonly onFailure?: (error: PerceptualBallError) => void;
}

/**
 * The statistics of clean images, of the classes that the data states or else of those that are predicted. Throws as `fitOdds` and
 * `calibrateOdds` do where the images are too few.
 */
export async function fitStatistics(
  classifier: Classifier,
  pass: ForwardPass,
  images: readonly DatasetImage[],
  options: FitStatisticsOptions,
): Promise<OddsStatistics> {
  checkKeys("fitStatistics", options, [
    "kinds",
    "correctionKinds",
    "samples",
    "antithetic",
    "justDetect",
    "falsePositiveRate",
    "seed",
    "signal",
    "onProgress",
    "onFailure",
  ]);
  checkForm("fitStatistics: classifier", classifier, ["model", "prepared", "input", "guess"]);
  checkForm("fitStatistics: pass", pass, ["batch", "run"]);
  checkForm("fitStatistics: images", images, "list");
  checkForm("fitStatistics: options", options, ["kinds", "correctionKinds", "samples", "seed"]);
  const { kinds, correctionKinds, samples, antithetic, justDetect = false, falsePositiveRate, seed, signal } = options;
  const isHeldOut = ({ id }: DatasetImage): boolean => falsePositiveRate !== undefined && isHeldOutImage(id);
  const fitted = images.filter((image) => !isHeldOut(image));
  const held = images.filter(isHeldOut);
  const kindsInAll = kinds.length + (justDetect ? 0 : correctionKinds.length);
  const total = samples * (fitted.length * kindsInAll + held.length * kinds.length);
  const read = (some: readonly DatasetImage[]) => labeledImages(some, classifier, pass, options);
  const statistics = await fitOdds(pass, read(fitted), {
    ...{ kinds, correctionKinds, samples, antithetic, seed, signal },
    attack: justDetect ? undefined : publishedPgd(classifier, seed, signal),
    onProgress: ({ forward }) => options.onProgress?.({ done: Math.min(forward, total), of: total, unit: "runs" }),
  });
  if (falsePositiveRate === undefined) return statistics;
  const clean: LabeledImage[] = [];
  for await (const image of read(held)) clean.push(image);
  const verdicts = await detectOdds(pass, statistics, clean, { seed, correction: "none", signal });
  return calibrateOdds(statistics, verdicts, falsePositiveRate);
}

/** The images with their classes, or with the predicted ones where the data has none; those that cannot be read are reported. */
async function* labeledImages(
  images: readonly DatasetImage[],
  classifier: Classifier,
  pass: ForwardPass,
  { onFailure, signal }: FitStatisticsOptions,
): AsyncGenerator<LabeledImage> {
  for (const { id, label, picture } of images) {
    try {
      const { data: pixels } = classifier.fit(await picture());
      yield { id, pixels, label: label ?? (await predictedLabel(pass, pixels, signal)) };
    } catch (error) {
      if (!(error instanceof BadInputError)) throw error;
      onFailure?.(error);
    }
  }
}

async function predictedLabel(pass: ForwardPass, pixels: Float32Array, signal?: AbortSignal): Promise<number> {
  const [logits] = await pass.run([pixels], { signal });
  return indexOfLargest(logits);
}

/** The attack that statistics are fitted with: the PGD of the released code, 10 steps of a quarter of 8/255. */
function publishedPgd(classifier: Classifier, seed: number, signal?: AbortSignal): AttackImages {
  const { channelCount, height, width } = classifier.input;
  return async (images, labels) => {
    const tensors = images.map(({ pixels }) => floatTensor(pixels, [channelCount, height, width]));
    const streams = images.map(({ id }) => hashText(id));
    const results = await findAttack("pgd").attack(classifier, tensors, {
      preset: "odds",
      labels,
      random: (n) => createRandom(seed, streams[n] ?? 0, 1),
      signal,
    });
    return results.map(({ withinBudget }) => withinBudget.image.data);
  };
}
