/** @file The statistical test for attacked pictures, with statistics from a file, of the bundled classifier, or fitted in the page to rendered scenes. */
import type { Classifier } from "../../classifier/classifier.ts";
import { fitOdds } from "../../detection/odds/fit-odds.ts";
import { detectOdds } from "../../detection/odds/odds.ts";
import type { OddsStatistics } from "../../detection/odds/odds-statistics.ts";
import { ownerOf, parseStatistics, type StatisticsOwner } from "../../detection/odds/statistics-file.ts";
import { BadInputError, MisuseError } from "../../errors.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { renderScene, scenesSeeds } from "../../scenes/scenes.ts";
import type { DetectorProgress, DetectorView } from "../protocol.ts";
import { knowsScenes } from "./knows-scenes.ts";

/** Scenes that the statistics are of: six of each class. */
const sceneCount = 60;
/** Noise samples per picture and kind of noise: one pair of opposite ones, which alone takes a thousand runs of the network. */
const [fitSamples, testSamples] = [2, 32];

const fitted = new WeakMap<Classifier["prepared"], OddsStatistics>();

export interface DetectAttackOptions {
  /** The hash of the model's file. */
  readonly sha256: string;
  /** A file of statistics, which have to be of the model. */
  readonly given?: { readonly text: string; readonly name: string };
  readonly signal: AbortSignal;
  readonly onProgress: (progress: DetectorProgress) => void;
}

/** What the test says of `image`. The first call for a classifier that is not the bundled one fits its statistics. */
export async function detectAttack(
  classifier: Classifier,
  image: ImageTensor,
  { sha256, given, signal, onProgress }: DetectAttackOptions,
): Promise<DetectorView> {
  const pass = await classifier.forward({ batch: 16 });
  const owner = ownerOf(classifier, sha256);
  const bundled = given === undefined ? await bundledStatistics(owner) : undefined;
  const statistics =
    given !== undefined
      ? parseStatistics(given.text, owner, given.name)
      : (bundled ?? (await fittedStatistics(classifier, pass, { signal, onProgress })));
  // Statistics of a file are as sure as they were fitted; a fit in the page has few, and the test makes up for it.
  const samples = Math.max(statistics.samples, testSamples);
  const runs = samples * statistics.kinds.length;
  const [verdict] = await detectOdds(pass, statistics, [{ id: "attacked", pixels: image.data }], {
    ...{ samples, correction: "none", signal },
    onProgress: ({ forward }) => onProgress({ what: "test", done: Math.min(forward, runs), of: runs }),
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
    statistics: given !== undefined ? "file" : bundled !== undefined ? "bundled" : "fitted",
  };
}

/** The statistics that come with the bundled classifier; undefined for another one, and where its pixels are prepared otherwise. */
async function bundledStatistics(owner: StatisticsOwner): Promise<OddsStatistics | undefined> {
  const { default: text } = await import("../../../assets/scenes-vgg.odds.json?raw");
  try {
    return parseStatistics(text, owner, "scenes-vgg.odds.json");
  } catch (error) {
    if (error instanceof BadInputError) return undefined;
    throw error;
  }
}

async function fittedStatistics(
  classifier: Classifier,
  pass: Awaited<ReturnType<Classifier["forward"]>>,
  { signal, onProgress }: Pick<DetectAttackOptions, "signal" | "onProgress">,
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
      onProgress: ({ images }) => onProgress({ what: "fit", done: images, of: sceneCount }),
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
