/** @file Which photographs the figures show: by rules on the records of Table 1, in the order of the data, not by how well they look. */

import { isLocalized } from "../../../src/experiments/localization/agreement.ts";
import { summarizeMethods } from "../../../src/experiments/localization/summary.ts";
import type { SummaryOptions } from "../../../src/experiments/localization/summary-options.ts";
import type { LocalizationFinished } from "../../../src/experiments/localization/threshold-errors.ts";
import type { Box } from "../../../src/image/geometry.ts";
import { areaOf, sharedArea, wholeBox } from "../../../src/localization/box.ts";
import { boxAtBest } from "../../../src/report/localization/shown.ts";
import { methods } from "../../../src/saliency/methods.ts";

/** The two methods whose records decide. */
export const decidingMethods = ["perceptual", "deepfool"] as const;

export type DecidingMethod = (typeof decidingMethods)[number];

/** What is known of a photograph that the network predicts right. */
export interface KnownPicture {
  readonly image: string;
  readonly size: { readonly width: number; readonly height: number };
  readonly truthBoxes: readonly Box[];
  /** The box at the perceptual method's best value threshold; null: nothing was kept, which means the whole picture. */
  readonly found: Box | null;
  /** Whether the box of each method, at its best value threshold, is right. */
  readonly isRight: Readonly<Record<DecidingMethod, boolean>>;
  /** Share of each method's map inside the right boxes; null for a map that is zero everywhere. */
  readonly energyInside: Readonly<Record<DecidingMethod, number | null>>;
}

/**
 * The photographs of `order` that have records of both methods and that the network predicts right, in that order. Each method's threshold is
 * the one of kind `value` with the least error on all of `records`.
 */
export function knownPictures(
  records: readonly LocalizationFinished[],
  order: readonly string[],
  options: SummaryOptions,
): KnownPicture[] {
  const runs = decidingMethods.map((name) => ({ name, method: methods[name] }));
  const deciding = records.filter(({ key }) => runs.some(({ name }) => name === key.method));
  const summaries = summarizeMethods(deciding, runs, options);
  const summaryOf = new Map(summaries.map((summary) => [summary.name, summary]));
  const byKey = new Map(deciding.map((record) => [`${record.key.method} ${record.key.image}`, record]));
  return order.flatMap((image) => {
    const [own, other] = decidingMethods.map((method) => byKey.get(`${method} ${image}`));
    const [ownSummary, otherSummary] = decidingMethods.map((method) => summaryOf.get(method));
    if (own === undefined || other === undefined || own.result.predicted.label !== own.result.truth) return [];
    if (ownSummary === undefined || otherSummary === undefined) return [];
    const { size, truthBoxes } = own.result;
    const { found } = boxAtBest(own.result, ownSummary, options);
    const { found: foundByOther } = boxAtBest(other.result, otherSummary, options);
    return {
      ...{ image, size, truthBoxes, found },
      isRight: {
        perceptual: isLocalized(found, own.result, options),
        deepfool: isLocalized(foundByOther, other.result, options),
      },
      energyInside: { perceptual: own.result.energyInside, deepfool: other.result.energyInside },
    };
  });
}

const missedByDeepFool = {
  takes: ({ isRight }: KnownPicture) => !isRight.deepfool,
  words: "the first of them on which DeepFool's box does not find the object",
} as const;

/** The rules, by figure: how many pictures, which, and the same in words. All are of pictures that the network predicts right. */
export const rules = {
  1: { count: 4, takes: () => true, words: "the first pictures that the network predicts right" },
  2: {
    count: 4,
    takes: (picture: KnownPicture) => isCluttered(picture),
    words:
      "the first of them that are cluttered: several boxes of the class, or boxes on less than a fifth of the picture",
  },
  3: { count: 12, ...missedByDeepFool },
  4: { count: 6, ...missedByDeepFool },
  6: {
    count: 10,
    takes: ({ isRight }: KnownPicture) => !isRight.perceptual,
    words: "the first of them on which the perceptual box does not find the object",
  },
  7: {
    count: 10,
    takes: ({ isRight }: KnownPicture) => isRight.perceptual,
    words: "the first of them on which the perceptual box finds the object",
  },
} as const;

/** The figures that show photographs. */
export type PhotographFigure = keyof typeof rules;

/** The pictures of a figure: the first that its rule takes. */
export function choosePictures(known: readonly KnownPicture[], figure: PhotographFigure): KnownPicture[] {
  const { count, takes } = rules[figure];
  return known.filter(takes).slice(0, count);
}

/** Share of the picture that is covered by boxes below which what is around them counts as clutter. */
const smallObject = 0.2;

/** Whether there are several objects of the class, or much around one. */
export function isCluttered({ truthBoxes, size }: Pick<KnownPicture, "truthBoxes" | "size">): boolean {
  const covered = truthBoxes.reduce((sum, box) => sum + areaOf(box), 0);
  return truthBoxes.length > 1 || covered < smallObject * size.width * size.height;
}

/** How a box can miss the object, as the paper describes its failures. */
export const missKinds = ["too large", "too small", "one of several", "shifted", "elsewhere"] as const;

export type MissKind = (typeof missKinds)[number];

/** Of a smaller box so much must lie in the larger one for it to count as the same place in another size. */
const mostly = 0.75;

/**
 * How a wrong box misses: it holds the object and more, it holds a part of it, the picture has several objects of the class and it
 * is neither, it lies partly beside the object, or it has nothing of it. Compared with the right box that it shares most with.
 */
export function missOf({ found, truthBoxes, size }: Pick<KnownPicture, "found" | "truthBoxes" | "size">): MissKind {
  const box = found ?? wholeBox(size.width, size.height);
  const shared = (truth: Box): number => sharedArea(box, truth);
  const nearest = truthBoxes.reduce((best, truth) => (shared(truth) > shared(best) ? truth : best));
  if (shared(nearest) >= mostly * areaOf(nearest)) return "too large";
  if (shared(nearest) >= mostly * areaOf(box)) return "too small";
  if (truthBoxes.length > 1) return "one of several";
  return shared(nearest) > 0 ? "shifted" : "elsewhere";
}
