/** @file The statistical test for attacked pictures, with statistics from a file, or fitted in the page to rendered scenes. */
import type { Classifier } from "../../classifier/classifier.ts";
import { fitOdds } from "../../detection/odds/fit-odds.ts";
import { detectOdds } from "../../detection/odds/odds.ts";
import type { OddsStatistics } from "../../detection/odds/odds-statistics.ts";
import { ownerOf, parseStatistics } from "../../detection/odds/statistics-file.ts";
import { BadInputError, MisuseError } from "../../errors.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { renderScene, scenesSeeds } from "../../scenes/scenes.ts";
import type { DetectorView } from "../protocol.ts";
import { knowsScenes } from "./knows-scenes.ts";

/** Scenes that the statistics are of: six of each class. */
const sceneCount = 60;
/** Noise samples per picture and kind of noise: one pair of opposite ones, which alone takes a thousand runs of the network. */
const [fitSamples, testSamples] = [2, 32];

const fitted = new WeakMap<Classifier["prepared"], OddsStatistics>();

export interface DetectAttackOptions {
  /** A file of statistics, with the hash of the model that they have to be of. */
  readonly given?: { readonly text: string; readonly name: string; readonly sha256: string };
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, of: number) => void;
}

/** What the test says of `image`. The first call for a classifier fits its statistics. */
export async function detectAttack(
  classifier: Classifier,
  image: ImageTensor,
  { given, signal, onProgress }: DetectAttackOptions,
): Promise<DetectorView> {
  const pass = await classifier.forward({ batch: 16 });
  const statistics =
    given === undefined
      ? await fittedStatistics(classifier, pass, { signal, onProgress })
      : parseStatistics(given.text, ownerOf(classifier, given.sha256), given.name);
  const [verdict] = await detectOdds(pass, statistics, [{ id: "attacked", pixels: image.data }], {
    // Those of a file are as sure as they were fitted; a fit in the page has few, and the test makes up for it.
    ...{ samples: Math.max(statistics.samples, testSamples), correction: "none", signal },
  });
  const { score } = verdict;
  if (score === undefined) {
    throw new BadInputError({
      where: "detector",
      what: `the statistics have too few clean pictures of the class ${classifier.labelName(verdict.label)}`,
      expected: "at least three",
    });
  }
  return {
    score: score.score,
    interval: score.interval,
    toward: classifier.labelName(score.toward),
    cutoff: statistics.cutoff.value,
  };
}

async function fittedStatistics(
  classifier: Classifier,
  pass: Awaited<ReturnType<Classifier["forward"]>>,
  { signal, onProgress }: Omit<DetectAttackOptions, "given">,
): Promise<OddsStatistics> {
  if (!knowsScenes(classifier)) {
    throw new MisuseError({
      where: "detector",
      what: "its statistics come from clean pictures of the model's own kind, which a page has for rendered scenes only",
      advice: "perceptual-ball detect fit makes a file of them from a data set; load it here.",
    });
  }
  const statistics =
    fitted.get(classifier.prepared) ??
    (await fitOdds(pass, scenesFor(classifier.input.height), {
      ...{ samples: fitSamples, antithetic: true, signal },
      onProgress: ({ images }) => onProgress(images, sceneCount),
    }));
  fitted.set(classifier.prepared, statistics);
  return statistics;
}

async function* scenesFor(size: number) {
  for (let index = 0; index < sceneCount; index++) {
    const { image, label } = renderScene({ seed: scenesSeeds.training, index, size });
    yield { id: `scene-${index}`, pixels: image.data, label };
  }
}
