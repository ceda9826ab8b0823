/** @file Statistics of detectors, from pictures of a data set: read, measured once for all, attacked where detectors learn from that. */
import type { Classifier } from "../../classifier/classifier.ts";
import { defaultBatch } from "../../classifier/passes/default-batch.ts";
import type { DatasetImage } from "../../datasets/dataset.ts";
import type { DetectorStatistics, MeasuredImage } from "../../detection/detector.ts";
import { openMeasuring } from "../../detection/measurement.ts";
import type { NamedImage } from "../../detection/odds/alignments.ts";
import { logitsPart } from "../../detection/part.ts";
import { BadInputError, checkForm, checkKeys, PerceptualBallError, throwIfAborted } from "../../errors.ts";
import type { OnProgress } from "../../options/progress.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { indexOfLargest } from "../../tensor/vector.ts";
import type { AttackRun } from "../attack/protocol.ts";
import { isHeldOutImage } from "../detection/held-out.ts";
import { attackImages } from "./attack-images.ts";
import { type PlannedRun, partsOf } from "./detector-run.ts";

export interface FitDetectorsOptions {
  readonly falsePositiveRate?: number | undefined;
  readonly seed: number;
  /** What detectors that learn from attacks learn from; `images` of it are attacked. */
  readonly fitAttack: AttackRun;
  /** Images per run of the network; default as fits. */
  readonly batch?: number | undefined;
  readonly signal?: AbortSignal;
  readonly onProgress?: OnProgress;
  /** Hears of pictures that cannot be read or measured; they are left out. */
  readonly onFailure?: (error: PerceptualBallError) => void;
}

/** A detector with its statistics, or why it has none. */
export type FittedRun = { readonly run: PlannedRun } & (
  | { readonly statistics: DetectorStatistics }
  | { readonly error: PerceptualBallError }
);

/**
 * Each detector fitted to the pictures, a fifth of them held out. What several look at is measured once. A detector that cannot be fitted has an error instead; the others
 * are fitted. The class of a picture is the data's, or the predicted one where it has none.
 */
export async function fitDetectors(
  classifier: Classifier,
  runs: readonly PlannedRun[],
  images: readonly DatasetImage[],
  options: FitDetectorsOptions,
): Promise<FittedRun[]> {
  checkKeys("fitDetectors", options, [
    "falsePositiveRate",
    "seed",
    "fitAttack",
    "batch",
    "signal",
    "onProgress",
    "onFailure",
  ]);
  checkForm("fitDetectors: classifier", classifier, ["model", "prepared", "input", "guess"]);
  checkForm("fitDetectors: runs", runs, "list");
  checkForm("fitDetectors: images", images, "list");
  checkForm("fitDetectors: options", options, ["seed", "fitAttack"]);
  const { seed, fitAttack, signal, onProgress, onFailure, falsePositiveRate } = options;
  const batch = options.batch ?? classifier.prepared.batchFor(defaultBatch(classifier));
  const needsAttacked = runs.some(({ plan }) => plan.needsAttacked);
  // The predicted class: of pictures without one of their own, and of attacked ones.
  const isPredicted = needsAttacked || images.some(({ label }) => label === undefined);
  const logits = isPredicted ? [logitsPart(classifier)] : [];
  const parts = partsOf(runs);
  // What no detector learns from is not measured.
  const learning = partsOf(runs.filter(({ plan }) => !plan.needsHeldOnly));
  const { measure } = await openMeasuring(classifier, [...logits, ...parts], { batch });
  const isAll = learning.length === parts.length;
  const { measure: measureTrain } = isAll
    ? { measure }
    : await openMeasuring(classifier, [...logits, ...learning], { batch });
  const toAttack = needsAttacked ? new Set(learnedOf(images, fitAttack.images)) : new Set<DatasetImage>();
  const of = images.length + toAttack.size;
  let done = 0;
  const all: MeasuredImage[] = [];
  const [attacked, noisy]: [MeasuredImage[], MeasuredImage[]] = [[], []];
  const kinds = [true, false].map((isHeld) => images.filter(({ id }) => isHeldOutImage(id) === isHeld));
  for (const chunk of kinds.flatMap((some) => inPieces(some, batch))) {
    throwIfAborted(signal, "fitDetectors");
    const group: { readonly image: DatasetImage; readonly pixels: Float32Array }[] = [];
    for (const image of chunk) {
      try {
        group.push({ image, pixels: classifier.fit(await image.picture()).data });
      } catch (error) {
        if (!(error instanceof BadInputError)) throw error;
        onFailure?.(error);
      }
    }
    const isHeld = chunk.some(({ id }) => isHeldOutImage(id));
    const isKnown = learning.length === 0 && group.every(({ image }) => image.label !== undefined);
    const measured =
      !isHeld && isKnown
        ? group.map(() => ({}))
        : await measureEach(
            group.map(({ image: { id }, pixels }) => ({ id, pixels })),
            (some) => (isHeld ? measure : measureTrain)(some, { signal }),
            onFailure,
          );
    for (const [n, row] of measured.entries()) {
      const entry = group[n];
      if (row === undefined || entry === undefined) continue;
      const label = entry.image.label ?? ("logits" in row ? indexOfLargest(row.logits) : 0);
      all.push({ id: entry.image.id, label, measured: row });
    }
    done += group.length;
    onProgress?.({ done, of, unit: "pictures" });
    // What could not be measured is not attacked.
    const chosen = group.filter(({ image }, n) => toAttack.has(image) && measured[n] !== undefined);
    if (chosen.length === 0) continue;
    const { channelCount, height, width } = classifier.input;
    const inputs = chosen.map(({ image: { id }, pixels }) => ({
      id,
      input: floatTensor(pixels, [channelCount, height, width]),
    }));
    const found = await attackImages(classifier, inputs, fitAttack, { pixels: "bytes", seed }, {}, signal);
    const again = (some: readonly NamedImage[]) => measureEach(some, (ones) => measure(ones, { signal }), onFailure);
    const after = await again(found.map(({ id, pixels }) => ({ id, pixels })));
    const beside = await again(found.map(({ id, noisy: pixels }) => ({ id, pixels })));
    const byId = new Map(all.map((image) => [image.id, image]));
    for (const [n, { id, result }] of found.entries()) {
      const [own, moved, still] = [byId.get(id), after[n], beside[n]];
      if (own === undefined || moved === undefined || still === undefined) continue;
      const isChanged = indexOfLargest(moved.logits) !== result.cleanLabel;
      const isKeptUnderNoise = indexOfLargest(still.logits) === result.cleanLabel;
      if (own.label !== result.cleanLabel || !isChanged || !isKeptUnderNoise) continue;
      attacked.push({ ...own, measured: moved });
      noisy.push({ ...own, measured: still });
    }
    done += chosen.length;
    onProgress?.({ done, of, unit: "pictures" });
  }
  // What comes first does not depend on where it lay in the data: a detector keeps the first ones only.
  const byName = (a: MeasuredImage, b: MeasuredImage): number => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0);
  for (const list of [all, attacked, noisy]) list.sort(byName);
  const set = {
    classCount: classifier.classCount,
    train: all.filter(({ id }) => !isHeldOutImage(id)),
    held: all.filter(({ id }) => isHeldOutImage(id)),
  };
  return runs.map((run): FittedRun => {
    const { plan } = run;
    try {
      const own = plan.needsAttacked ? { ...set, attacked, noisy } : { ...set, attacked: [], noisy: [] };
      return { run, statistics: plan.fit(own, falsePositiveRate === undefined ? {} : { falsePositiveRate }) };
    } catch (error) {
      if (!(error instanceof PerceptualBallError)) throw error;
      return { run, error };
    }
  });
}

function inPieces<T>(items: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, n) => items.slice(n * size, (n + 1) * size));
}

function learnedOf(images: readonly DatasetImage[], most: number | undefined): readonly DatasetImage[] {
  return images.filter(({ id }) => !isHeldOutImage(id)).slice(0, most);
}

/** Measures all together, or one by one where one of them cannot be: the others are kept. */
async function measureEach<In, Out>(
  inputs: readonly In[],
  measure: (inputs: readonly In[]) => Promise<readonly Out[]>,
  onFailure: FitDetectorsOptions["onFailure"],
): Promise<(Out | undefined)[]> {
  if (inputs.length === 0) return [];
  try {
    return [...(await measure(inputs))];
  } catch (error) {
    if (!(error instanceof BadInputError)) throw error;
    if (inputs.length === 1) {
      onFailure?.(error);
      return [undefined];
    }
  }
  const results: (Out | undefined)[] = [];
  for (const input of inputs) results.push(...(await measureEach([input], measure, onFailure)));
  return results;
}
