/** @file What is counted over all photographs that the figures choose from, so that a few pictures do not speak for all. */
import { areaOf } from "../../../src/localization/box.ts";
import { type DecidingMethod, isCluttered, type KnownPicture, missKinds, missOf } from "./choose-pictures.ts";

/** Shares in [0, 1]; NaN of no pictures. */
export function summarizeChoices(known: readonly KnownPicture[]) {
  const failures = known.filter(({ isRight }) => !isRight.perceptual);
  const successes = known.filter(({ isRight }) => isRight.perceptual);
  const missed = known.filter(({ isRight }) => !isRight.deepfool);
  const kinds = failures.map(missOf);
  return {
    energyInside: insideOf(known),
    energyInsideCluttered: insideOf(known.filter(isCluttered)),
    deepfoolMisses: missed.length,
    foundWhereDeepfoolMisses: shareOf(missed, ({ isRight }) => isRight.perceptual),
    failures: {
      ...objectsOf(failures),
      byKind: Object.fromEntries(missKinds.map((kind) => [kind, shareOf(kinds, (other) => other === kind)])),
    },
    successes: objectsOf(successes),
  };
}

/** Means over the pictures on which both maps have energy. */
function insideOf(known: readonly KnownPicture[]): Record<DecidingMethod, number> {
  const both = known.flatMap(({ energyInside: { perceptual, deepfool } }) =>
    perceptual === null || deepfool === null ? [] : [{ perceptual, deepfool }],
  );
  return {
    perceptual: meanOf(both.map(({ perceptual }) => perceptual)),
    deepfool: meanOf(both.map(({ deepfool }) => deepfool)),
  };
}

/** How many pictures, the share of them with a single right box, and the mean share of the picture that such a box covers. */
function objectsOf(pictures: readonly KnownPicture[]) {
  const single = pictures.filter(({ truthBoxes }) => truthBoxes.length === 1);
  const covered = single.flatMap(({ truthBoxes, size }) =>
    truthBoxes.map((box) => areaOf(box) / (size.width * size.height)),
  );
  return { count: pictures.length, single: single.length / pictures.length, covered: meanOf(covered) };
}

function shareOf<T>(all: readonly T[], is: (one: T) => boolean): number {
  return all.filter(is).length / all.length;
}

function meanOf(values: readonly number[]): number {
  return values.reduce((sum, value) => sum + value, 0) / values.length;
}
