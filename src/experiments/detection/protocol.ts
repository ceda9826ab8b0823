/**
 * @file The detection benchmark (section 5, Table 2): attacked and clean images, and how noise moves their logits.
 *
 * One record per image and attack holds mean alignments; statistics, cutoffs, scores and corrections are made of records
 * afterwards, so that neither the order of the work nor how it is shared among machines changes a number, and so that fitting
 * the statistics can be interrupted like everything else.
 */

import type { AnyAttackOptions } from "../../attacks/attack.ts";
import type { Classifier } from "../../classifier/classifier.ts";
import { marginOf } from "../../classifier/logits.ts";
import { contentsOption, type DatasetImage, type DatasetSplit } from "../../datasets/dataset.ts";
import { type Alignments, emptyAlignments, extendAlignments, unitsOf } from "../../detection/odds/alignments.ts";
import { correctionKinds, detectionKinds, type NoiseKind, noiseKindName } from "../../detection/odds/noise.ts";
import { checkForm, MisuseError, numberIn, oneOf } from "../../errors.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { hashText } from "../../random/hash-text.ts";
import { createRandom } from "../../random/random.ts";
import type { AttackRun } from "../attack/protocol.ts";
import { classifierSettings } from "../records/classifier-settings.ts";
import type { ExperimentIdentity, RecordKey } from "../records/record-store.ts";
import type { Computed, ExperimentItem } from "../records/run-experiment.ts";
import type { AlignmentRecord, DetectionRecord } from "./record.ts";

/** Raised when the same settings no longer give the same records. */
export const detectionVersion = "1";

export interface DetectionSettings {
  /**
   * `just-detect`: statistics of all training images. `full`: of those classified rightly whose label an attack changes, and
   * corrections of labels fitted to what the attack makes of them; twice the time.
   */
  readonly mode: "just-detect" | "full";
  /** Noise samples per image and kind; the released code takes 256. */
  readonly samples: number;
  /** Whether samples come in pairs of opposite noise, so that fewer do. */
  readonly antithetic: boolean;
  readonly kinds: readonly NoiseKind[];
  readonly correctionKinds: readonly NoiseKind[];
  /** Whether the detector sees what the attack computed (`float`, as the paper's) or what a PNG keeps of it (`bytes`). */
  readonly pixels: "float" | "bytes";
  /** Attacks the training images in mode `full`. */
  readonly fitAttack: AttackRun;
  /** Images per run of the network. */
  readonly batch: number;
  readonly seed: number;
}

/** The defaults, given the attack that statistics of mode `full` are fitted with. */
export function defaultDetectionSettings(fitAttack: AttackRun): DetectionSettings {
  return {
    mode: "just-detect",
    samples: 256,
    antithetic: false,
    kinds: detectionKinds,
    correctionKinds,
    pixels: "float",
    fitAttack,
    batch: 64,
    seed: 0,
  };
}

/** `settings` if they can be meant; otherwise throws a MisuseError that says which cannot. */
export function checkDetectionSettings(settings: DetectionSettings): DetectionSettings {
  const where = "detection";
  oneOf(`${where}: mode`, settings.mode, ["just-detect", "full"]);
  oneOf(`${where}: pixels`, settings.pixels, ["float", "bytes"]);
  numberIn(`${where}: samples`, settings.samples, { min: 1, integer: true });
  if (settings.antithetic) numberIn(`${where}: pairs of samples`, settings.samples / 2, { min: 1, integer: true });
  numberIn(`${where}: batch`, settings.batch, { min: 1, integer: true });
  numberIn(`${where}: seed`, settings.seed, { min: 0, max: Number.MAX_SAFE_INTEGER, integer: true });
  return settings;
}

/** What a folder of detection results is about: records of another identity are not mixed with these. */
export function detectionIdentity(
  classifier: Classifier,
  modelSha256: string,
  data: ExperimentIdentity["data"],
  settings: DetectionSettings,
): ExperimentIdentity {
  checkForm("detectionIdentity: classifier", classifier, ["model", "prepared", "input", "guess"]);
  checkForm("detectionIdentity: modelSha256", modelSha256, "string");
  checkForm("detectionIdentity: settings", settings, ["mode", "samples", "antithetic", "kinds"]);
  // The batch changes no record: rows of a batch are computed alike.
  const { mode, samples, antithetic, kinds, correctionKinds: larger, pixels, seed } = checkDetectionSettings(settings);
  return {
    experiment: "detection",
    version: detectionVersion,
    model: modelSha256,
    data,
    settings: {
      ...classifierSettings(classifier),
      ...{ mode, samples, antithetic, pixels, seed, kinds: kinds.map(noiseKindName) },
      ...(mode === "full" ? { correctionKinds: larger.map(noiseKindName) } : {}),
    },
  };
}

/** One image under one attack, or without one. */
export interface DetectionItem extends ExperimentItem {
  readonly image: DatasetImage;
  readonly split: DatasetSplit;
  readonly run: AttackRun | undefined;
}

/** The method of records of clean images. */
export const cleanMethod = "clean";

/** The key of an image's record under an attack, or without one. */
export function detectionKey(image: Pick<DatasetImage, "id" | "contents">, run: AttackRun | undefined): RecordKey {
  const own = contentsOption(image);
  if (run === undefined) return { image: image.id, method: cleanMethod, options: own };
  const { name, attack, settings } = run;
  return { image: image.id, method: name, options: { attack: attack.name, version: attack.version, settings, ...own } };
}

/**
 * Training images clean (and, in mode `full`, attacked), test images clean and under every run. Throws a MisuseError if two runs
 * have one name, or one image is in both sets.
 */
export function detectionItems(
  train: readonly DatasetImage[],
  test: readonly DatasetImage[],
  runs: readonly AttackRun[],
  settings: DetectionSettings,
): DetectionItem[] {
  checkForm("detectionItems: train", train, "list");
  checkForm("detectionItems: test", test, "list");
  checkForm("detectionItems: runs", runs, "list");
  checkForm("detectionItems: settings", settings, ["mode", "samples", "antithetic", "kinds"]);
  const names = [cleanMethod, ...runs.map(({ name }) => name)];
  const twice = names.find((name, n) => names.indexOf(name) !== n);
  if (twice !== undefined) {
    throw new MisuseError({ where: "detection", what: `two attacks are called ${JSON.stringify(twice)}` });
  }
  const ids = new Set(train.map(({ id }) => id));
  const shared = test.find(({ id }) => ids.has(id));
  if (shared !== undefined) {
    throw new MisuseError({
      where: "detection",
      what: `${shared.id} is a training and a test image`,
      advice: "Statistics are fitted to other images than those that are tested: name another --train-data.",
    });
  }
  const itemsOf = (images: readonly DatasetImage[], split: DatasetSplit, run?: AttackRun): DetectionItem[] =>
    images.map((image) => ({ key: detectionKey(image, run), image, split, run }));
  return [
    ...itemsOf(train, "train"),
    ...(settings.mode === "full" ? itemsOf(train, "train", { ...settings.fitAttack, name: fitMethod }) : []),
    ...itemsOf(test, "test"),
    ...runs.flatMap((run) => itemsOf(test.slice(0, run.images), "test", run)),
  ];
}

/** The method of records of attacked training images. */
export const fitMethod = "(fit)";

/** Items that may share a batch agree in this. */
export function detectionBatchOf(item: DetectionItem): string {
  checkForm("detectionBatchOf: item", item, ["image", "split", "key"]);
  const { key, split } = item;
  return `${split} ${key.method}`;
}

/** The function that computes records of items that agree in {@link detectionBatchOf}, for `runExperiment`. */
export function detectionCompute(
  classifier: Classifier,
  settings: DetectionSettings,
): (
  items: readonly DetectionItem[],
  context: { readonly signal?: AbortSignal },
) => Promise<Computed<DetectionRecord>[]> {
  checkForm("detectionCompute: classifier", classifier, ["model", "prepared", "input", "guess"]);
  checkForm("detectionCompute: settings", settings, ["mode", "samples", "antithetic", "kinds"]);
  checkDetectionSettings(settings);
  return async (items, { signal }) => {
    const inputs: ImageTensor[] = [];
    for (const { image } of items) inputs.push(classifier.fit(await image.picture()));
    const { run, split } = items[0];
    const attacked = run === undefined ? undefined : await attackAll(classifier, items, inputs, run, settings, signal);
    const measured = attacked?.map(({ image }) => image) ?? inputs;
    const pass = await classifier.forward({ batch: classifier.prepared.batchFor(settings.batch) });
    const measure = async (kinds: readonly NoiseKind[]): Promise<Alignments[]> => {
      const alignments = items.map(({ image }, n) =>
        emptyAlignments({ id: image.id, pixels: measured[n].data }, kinds, settings.antithetic),
      );
      await extendAlignments(pass, alignments, settings.samples, { seed: settings.seed, signal });
      return alignments;
    };
    const forFit = split === "train" && run !== undefined;
    const detection = forFit ? undefined : await measure(settings.kinds);
    const wantsCorrection = settings.mode === "full" && (split === "test" || run !== undefined);
    const correction = wantsCorrection ? await measure(settings.correctionKinds) : undefined;
    // Attacked training images are measured for the corrections that mode `full` fits, and there is no other kind of item.
    const either = detection ?? correction ?? [];
    return items.map(({ image }, n): Computed<DetectionRecord> => {
      const { label, logits } = either[n];
      return {
        result: {
          split,
          truth: image.label ?? null,
          cleanLabel: attacked?.[n].cleanLabel ?? label,
          label,
          margin: marginOf(logits, label),
          detection: detection === undefined ? null : alignmentRecord(detection[n]),
          correction: correction === undefined ? null : alignmentRecord(correction[n]),
          attack: attacked?.[n].facts ?? null,
        },
      };
    });
  };
}

interface AttackedImage {
  readonly image: ImageTensor;
  readonly cleanLabel: number;
  readonly facts: DetectionRecord["attack"];
}

async function attackAll(
  classifier: Classifier,
  items: readonly DetectionItem[],
  inputs: readonly ImageTensor[],
  { attack, settings }: AttackRun,
  { pixels, seed }: DetectionSettings,
  signal: AbortSignal | undefined,
): Promise<AttackedImage[]> {
  const options: AnyAttackOptions = {
    ...settings,
    signal,
    // As published: what is measured is what the search found, in floating-point pixels or at the nearest levels.
    rounding: "none",
    // A stream of its own for each image, whichever others are in the batch.
    random: (n) => createRandom(seed, hashText(items[n].image.id), 1),
  };
  const results = await attack.run(classifier, inputs, options);
  return results.map(({ outcome, clean, withinBudget, rounded, cost, lostInRounding, settings: effective }) => {
    const { image, distances } = pixels === "float" ? withinBudget : rounded;
    const { l0, l1, l2, linf, perceptual } = distances;
    return {
      image,
      cleanLabel: clean.label,
      facts: {
        outcome,
        distances: { l0, l1, l2, linf, perceptual },
        evaluations: cost,
        lostInRounding,
        settings: effective,
      },
    };
  });
}

/** What is kept of alignments: seven digits, which is what float32 logits have. */
function alignmentRecord(alignments: Alignments): AlignmentRecord {
  const { kinds, samples, antithetic, mean, squares, logits } = alignments;
  const units = unitsOf(alignments);
  const rowsOf = (values: Float64Array): number[][] =>
    kinds.map((_, k) =>
      Array.from(values.subarray(k * logits.length, (k + 1) * logits.length), (x) => Number(x.toPrecision(7))),
    );
  const error = squares.map((sum) => (units < 2 ? 0 : Math.sqrt(sum / (units - 1) / units)));
  return { kinds: kinds.map(noiseKindName), samples, antithetic, mean: rowsOf(mean), error: rowsOf(error) };
}
