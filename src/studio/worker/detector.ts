/** @file The statistical test for attacked pictures, with statistics that are fitted in the page to rendered scenes. */
import type { Classifier } from "../../classifier/classifier.ts";
import { fitOdds } from "../../detection/fit-odds.ts";
import { detectOdds } from "../../detection/odds.ts";
import type { OddsStatistics } from "../../detection/odds-statistics.ts";
import { BadInputError, MisuseError } from "../../errors.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { renderScene, scenesClasses, scenesSeeds } from "../../scenes/scenes.ts";
import type { DetectorView } from "../protocol.ts";

/** Scenes that the statistics are of: six of each class. */
const sceneCount = 60;
/** Noise samples per picture and kind of noise. */
const [fitSamples, testSamples] = [4, 32];

const fitted = new WeakMap<Classifier["prepared"], OddsStatistics>();

export interface DetectAttackOptions {
  readonly signal: AbortSignal;
  readonly onProgress: (done: number, of: number) => void;
}

/** Whether the classes are those of the rendered scenes, of which there are as many pictures as one wants. */
export function canDetect({ labels }: Pick<Classifier, "labels">): boolean {
  return labels?.length === scenesClasses.length && labels.every((label, index) => label === scenesClasses[index]);
}

/** What the test says of `image`. The first call for a classifier fits its statistics. */
export async function detectAttack(
  classifier: Classifier,
  image: ImageTensor,
  { signal, onProgress }: DetectAttackOptions,
): Promise<DetectorView> {
  if (!canDetect(classifier)) {
    throw new MisuseError({
      where: "detector",
      what: "its statistics come from clean pictures of the model's own kind, which a page has for rendered scenes only",
      advice: "perceptual-ball detect fit makes them from a data set.",
    });
  }
  const pass = await classifier.forward({ batch: 16 });
  const { height } = classifier.input;
  const statistics =
    fitted.get(classifier.prepared) ??
    (await fitOdds(pass, scenesFor(height), {
      ...{ samples: fitSamples, antithetic: true, signal },
      onProgress: ({ images }) => onProgress(images, sceneCount),
    }));
  fitted.set(classifier.prepared, statistics);
  const [verdict] = await detectOdds(pass, statistics, [{ id: "attacked", pixels: image.data }], {
    ...{ samples: testSamples, correction: "none", signal },
  });
  const { score } = verdict;
  if (score === undefined) {
    throw new BadInputError({
      where: "detector",
      what: `too few clean scenes are called ${classifier.labelName(verdict.label)}`,
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

async function* scenesFor(size: number) {
  for (let index = 0; index < sceneCount; index++) {
    const { image, label } = renderScene({ seed: scenesSeeds.training, index, size });
    yield { id: `scene-${index}`, pixels: image.data, label };
  }
}
