/** @file The statistics of the test, from images that nobody has attacked. */

import { classificationOf } from "../../classifier/logits.ts";
import type { ForwardPass } from "../../classifier/passes/passes.ts";
import { BadInputError, checkKeys, MisuseError, numberIn, throwIfAborted } from "../../errors.ts";
import { checkIterable, checkPass } from "../check-arguments.ts";
import { createMoments } from "./alignment-statistics.ts";
import { type Alignments, emptyAlignments, extendAlignments, type NamedImage } from "./alignments.ts";
import { createCorrectionFit } from "./correction.ts";
import { checkNoiseKind, correctionKinds, detectionKinds, type NoiseKind } from "./noise.ts";
import { nominalCutoff, type OddsStatistics } from "./odds-statistics.ts";

/** An image with the class that it is of. */
export interface LabeledImage extends NamedImage {
  readonly label: number;
}

/** Attacked versions of images, in order, each flat [C, H, W]; `labels` are the predicted classes, which are to be left. */
export type AttackImages = (images: readonly NamedImage[], labels: readonly number[]) => Promise<Float32Array[]>;

export interface FitOddsOptions {
  /** Kinds of noise that decide; default {@link detectionKinds}. */
  readonly kinds?: readonly NoiseKind[];
  /** Kinds of noise that labels are corrected by, where there is an attack; default {@link correctionKinds}. */
  readonly correctionKinds?: readonly NoiseKind[];
  /** Noise samples per image and kind; default 256. */
  readonly samples?: number;
  /** Whether samples come in pairs of opposite noise; default false, as the released code. */
  readonly antithetic?: boolean;
  /** Seed of the noise; default 0. */
  readonly seed?: number;
  /**
   * Attacks images, for statistics of mode `full`: only images that are classified rightly and change their label under the attack
   * count, and corrections of labels are fitted to what became of them. Default none, mode `just-detect`: all images count.
   */
  readonly attack?: AttackImages;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: { readonly images: number; readonly forward: number }) => void;
}

const optionKeys: readonly (keyof FitOddsOptions)[] = [
  "kinds",
  "correctionKinds",
  "samples",
  "antithetic",
  "seed",
  "attack",
  "signal",
  "onProgress",
];

/**
 * The statistics of the test on a classifier, from images that resemble those it will see, usually those it was trained on:
 * for each predicted class, kind of noise and other class, mean and population standard deviation over images of the mean alignment,
 * and the nominal cutoff. Memory does not grow with the number of images, but for K − 1 numbers per kind of an attacked one.
 *
 * A class that fewer than 3 images are predicted as has no statistics, and its images are never flagged; `classes` says so.
 *
 * Source: Roth, Kilcher & Hofmann 2019, section 3, and its released code. Deviation: the noise is seeded per image.
 *
 * Errors: MisuseError for unknown or impossible options and labels outside the classes; BadInputError if no class has statistics.
 */
export async function fitOdds(
  pass: ForwardPass,
  images: Iterable<LabeledImage> | AsyncIterable<LabeledImage>,
  options: FitOddsOptions = {},
): Promise<OddsStatistics> {
  checkKeys("fitOdds", options, optionKeys);
  checkPass("fitOdds", pass);
  checkIterable("fitOdds", images);
  const kinds = checkKinds("fitOdds: kinds", options.kinds ?? detectionKinds);
  const samples = numberIn("fitOdds: samples", options.samples ?? 256, { min: 1, integer: true });
  const seed = numberIn("fitOdds: seed", options.seed ?? 0, { min: 0, max: Number.MAX_SAFE_INTEGER, integer: true });
  const { attack, signal, antithetic = false } = options;
  const larger = checkKinds("fitOdds: correctionKinds", options.correctionKinds ?? correctionKinds);
  let [given, forward] = [0, 0];
  const onRun = (rows: number): void => {
    forward += rows;
    options.onProgress?.({ images: given, forward });
  };
  let fit: OddsFit | undefined;
  for await (const group of groupsOf(images, pass.batch)) {
    throwIfAborted(signal, "fitOdds");
    const logits = await pass.run(
      group.map(({ pixels }) => pixels),
      { signal },
    );
    onRun(group.length);
    const classCount = logits[0].length;
    fit ??= createOddsFit(classCount, kinds, attack === undefined ? undefined : larger);
    for (const { id, label } of group) checkLabel(id, label, classCount);
    const predicted = logits.map((row) => classificationOf(row).label);
    let clean = group;
    if (attack !== undefined) {
      const right = group.filter(({ label }, n) => predicted[n] === label);
      const attacked = await attacksOf(right, attack);
      const changed: LabeledImage[] = [];
      if (right.length > 0) {
        const after = await pass.run(
          attacked.map(({ pixels }) => pixels),
          { signal },
        );
        onRun(right.length);
        const moved = right.flatMap((image, n) => (classificationOf(after[n]).label === image.label ? [] : [n]));
        const alignments = moved.map((n) => emptyAlignments(attacked[n], larger, antithetic));
        await extendAlignments(pass, alignments, samples, { seed, signal, onRun });
        for (const [m, n] of moved.entries()) {
          changed.push(right[n]);
          fit.addAttacked(alignments[m], right[n].label);
        }
      }
      clean = changed;
    }
    const alignments = clean.map((image) => emptyAlignments(image, kinds, antithetic));
    await extendAlignments(pass, alignments, samples, { seed, signal, onRun });
    for (const entry of alignments) fit.addClean(entry);
    given += group.length;
  }
  if (fit === undefined) throw noStatistics(0, 0, attack !== undefined);
  return fit.finish({ samples, antithetic, seed, given });
}

/** Statistics in the making, for those who measure alignments themselves; see {@link createOddsFit}. */
export interface OddsFit {
  /** Adds an image that counts. */
  addClean(alignments: Pick<Alignments, "label" | "mean">): void;
  /** Adds an attacked image, measured with the correction's kinds, whose class was `source`. */
  addAttacked(alignments: Pick<Alignments, "label" | "mean">, source: number): void;
  /** The statistics. Throws a BadInputError if no class has any. */
  finish(facts: Pick<OddsStatistics, "samples" | "antithetic" | "seed"> & { readonly given: number }): OddsStatistics;
}

/** Statistics in the making: of mode `full` where there are kinds of noise for corrections, otherwise `just-detect`. */
export function createOddsFit(
  classCount: number,
  kinds: readonly NoiseKind[],
  larger: readonly NoiseKind[] | undefined,
): OddsFit {
  const moments = Array.from({ length: classCount }, () => createMoments(kinds.length, classCount));
  const correction = larger === undefined ? undefined : createCorrectionFit(larger, classCount);
  let used = 0;
  return {
    addClean({ label, mean }) {
      moments[label].add(mean);
      used++;
    },
    addAttacked(alignments, source) {
      correction?.add(alignments, source);
    },
    finish({ samples, antithetic, seed, given }) {
      const classes = moments.map((moment, label) => moment.statistics(label));
      if (classes.every((statistics) => "missing" in statistics))
        throw noStatistics(used, given, correction !== undefined);
      return {
        classCount,
        kinds,
        samples,
        antithetic,
        seed,
        mode: correction === undefined ? "just-detect" : "full",
        images: { given, used },
        cutoff: { value: nominalCutoff },
        classes,
        ...(correction === undefined ? {} : { correction: correction.fit() }),
      };
    },
  };
}

function noStatistics(used: number, given: number, isFull: boolean): BadInputError {
  return new BadInputError({
    where: "fitOdds",
    what: "no class has statistics",
    expected: `at least 3 images that are predicted as one class${isFull ? ", rightly, and change their label under the attack" : ""}`,
    got: `${used} images that count, of ${given}`,
    advice: isFull
      ? "Give more images, or take all as they are, without corrections of labels: --just-detect (no option attack)."
      : "Give more images.",
  });
}

async function attacksOf(images: readonly LabeledImage[], attack: AttackImages): Promise<NamedImage[]> {
  if (images.length === 0) return [];
  const attacked = await attack(
    images,
    images.map(({ label }) => label),
  );
  return images.map(({ id }, n) => ({ id, pixels: attacked[n] }));
}

function checkKinds(where: string, kinds: readonly NoiseKind[]): readonly NoiseKind[] {
  if (kinds.length > 0) return kinds.map((kind) => checkNoiseKind(where, kind));
  throw new MisuseError({ where, what: "no kind of noise", expected: "at least one" });
}

function checkLabel(id: string, label: number, classCount: number): void {
  numberIn(`fitOdds: label of ${id}`, label, { min: 0, max: classCount - 1, integer: true });
}

async function* groupsOf<T>(items: Iterable<T> | AsyncIterable<T>, size: number): AsyncGenerator<T[]> {
  let group: T[] = [];
  for await (const item of items) {
    group.push(item);
    if (group.length < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}
