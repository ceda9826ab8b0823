/**
 * @file The benchmark of detectors: what they look at of clean, attacked and noisy images. One record per image and attack holds measurements; statistics, cutoffs and
 * scores are made of them at the end, so that neither order nor shares change a number, and another cutoff needs no new runs.
 */
import type { AnyAttackOptions, AttackResult } from "../../attacks/attack.ts";
import { roundToBytes } from "../../attacks/budget.ts";
import type { Classifier } from "../../classifier/classifier.ts";
import { marginOf } from "../../classifier/logits.ts";
import { defaultBatch } from "../../classifier/passes/default-batch.ts";
import type { DatasetImage, DatasetSplit } from "../../datasets/dataset.ts";
import type { FitSet, MeasuredImage } from "../../detection/detector.ts";
import { type Measuring, openMeasuring } from "../../detection/measurement.ts";
import type { NamedImage } from "../../detection/odds/alignments.ts";
import type { Measurement } from "../../detection/part.ts";
import { checkForm, MisuseError, numberIn, PerceptualBallError, throwIfAborted } from "../../errors.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { normal } from "../../random/distributions.ts";
import { hashText } from "../../random/hash-text.ts";
import { createRandom } from "../../random/random.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { euclideanNorm, indexOfLargest } from "../../tensor/vector.ts";
import type { AttackRun } from "../attack/protocol.ts";
import { isHeldOutImage } from "../detection/held-out.ts";
import type { ExperimentIdentity, RecordKey } from "../records/record-store.ts";
import type { Computed, ExperimentItem, FailedItem } from "../records/run-experiment.ts";
import { joinParts, type PlannedRun, partsOf } from "./detector-run.ts";
import type { DetectorRecord } from "./record.ts";

/** Raised when the same settings no longer give the same records. */
export const detectorsVersion = "1";

/** An attack, and what it knows of who looks. */
export interface KnowingRun extends AttackRun {
  /** `guides`: it imitates held-out training images. The name of a detector: it is given that detector's score and cutoff. Default: nothing. */
  readonly knows?: "guides" | { readonly detector: string };
}

export interface DetectorsSettings {
  /** Whether detectors see what the attack computed (`float`) or what a PNG keeps of it (`bytes`). */
  readonly pixels: "float" | "bytes";
  /** Share of clean images that may be flagged, for cutoffs. */
  readonly falsePositiveRate: number;
  readonly seed: number;
  /** Attacks on training images, that detectors learn from which do; each makes a row of such a detector. */
  readonly fitAttacks: readonly AttackRun[];
}

/** So many held-out training images are imitated. */
const mostGuides = 50;

/** What a folder of results is about. */
export function detectorsIdentity(
  classifier: Classifier,
  modelSha256: string,
  data: ExperimentIdentity["data"],
  runs: readonly PlannedRun[],
  settings: DetectorsSettings,
): ExperimentIdentity {
  checkForm("detectorsIdentity: classifier", classifier, ["model", "prepared", "input", "guess"]);
  checkForm("detectorsIdentity: modelSha256", modelSha256, "string");
  checkForm("detectorsIdentity: runs", runs, "list");
  checkForm("detectorsIdentity: settings", settings, ["pixels", "seed", "fitAttacks"]);
  const { preprocessing } = classifier.guess;
  const { decision } = classifier.prepared.head;
  const { pixels, seed } = settings;
  const measured = partsOf(runs).map(({ key, size }) => `${key} (${size})`);
  return {
    experiment: "detectors",
    version: detectorsVersion,
    model: modelSha256,
    data,
    settings: { ...(decision === undefined ? {} : { decision }), pixels, seed, preprocessing, measured },
  };
}

/** One image under one attack, or without one. */
export interface DetectorsItem extends ExperimentItem {
  readonly image: DatasetImage;
  readonly split: DatasetSplit;
  readonly run: KnowingRun | undefined;
}

/** The method of records of clean images. */
export const cleanImages = "clean";
/** The method of records of training images under an attack. */
export const fitMethodOf = (run: Pick<AttackRun, "name">): string => `(fit) ${run.name}`;

/** The key of an image's record. */
export function detectorsKey(image: Pick<DatasetImage, "id">, run: KnowingRun | undefined, train: string): RecordKey {
  if (run === undefined) return { image: image.id, method: cleanImages, options: {} };
  const { name, attack, settings, knows } = run;
  // What is known of training images depends on which there are.
  const known = knows === undefined ? {} : { knows, train };
  return {
    image: image.id,
    method: name,
    options: { attack: attack.name, version: attack.version, settings, ...known },
  };
}

/** Whether an image is measured alone, for statistics that need no attack, or attacked as well. */
export interface DetectorsData {
  readonly train: readonly DatasetImage[];
  readonly test: readonly DatasetImage[];
}

/**
 * Training images clean and under the attacks that detectors learn from, test images clean and under every run. Throws a MisuseError if two runs have one name,
 * or one image is in both sets.
 */
export function detectorsItems(
  { train, test }: DetectorsData,
  attacks: readonly KnowingRun[],
  runs: readonly PlannedRun[],
  settings: DetectorsSettings,
): DetectorsItem[] {
  checkForm("detectorsItems: train", train, "list");
  checkForm("detectorsItems: test", test, "list");
  checkForm("detectorsItems: attacks", attacks, "list");
  checkForm("detectorsItems: runs", runs, "list");
  checkForm("detectorsItems: settings", settings, ["fitAttacks"]);
  const fits = runs.some(({ plan }) => plan.needsAttacked) ? settings.fitAttacks : [];
  const names = [cleanImages, ...attacks.map(({ name }) => name), ...fits.map(fitMethodOf)];
  const twice = names.find((name, n) => names.indexOf(name) !== n);
  if (twice !== undefined) {
    throw new MisuseError({ where: "detectors", what: `two attacks are called ${JSON.stringify(twice)}` });
  }
  const ids = new Set(train.map(({ id }) => id));
  const shared = test.find(({ id }) => ids.has(id));
  if (shared !== undefined) {
    throw new MisuseError({
      where: "detectors",
      what: `${shared.id} is a training and a test image`,
      advice: "Statistics are fitted to other images than those that are tested: name another --train-data.",
    });
  }
  const trainText = String(hashText(train.map(({ id }) => id).join("\n")));
  const itemsOf = (images: readonly DatasetImage[], split: DatasetSplit, run?: KnowingRun): DetectorsItem[] =>
    images.map((image) => ({ key: detectorsKey(image, run, trainText), image, split, run }));
  const learned = train.filter(({ id }) => !isHeldOutImage(id));
  return [
    ...itemsOf(train, "train"),
    ...fits.flatMap((run) => itemsOf(learned.slice(0, run.images), "train", { ...run, name: fitMethodOf(run) })),
    ...itemsOf(test, "test"),
    ...attacks.flatMap((run) => itemsOf(test.slice(0, run.images), "test", run)),
  ];
}

/** Items that may share a batch agree in this. */
export function detectorsBatchOf({ key, split }: DetectorsItem): string {
  return `${split} ${key.method}`;
}

/** The function that computes records of items that agree in {@link detectorsBatchOf}, for `runExperiment`. */
export function detectorsCompute(
  classifier: Classifier,
  { train }: Pick<DetectorsData, "train">,
  runs: readonly PlannedRun[],
  settings: DetectorsSettings,
): (
  items: readonly DetectorsItem[],
  context: { readonly signal?: AbortSignal },
) => Promise<(Computed<DetectorRecord> | FailedItem)[]> {
  checkForm("detectorsCompute: classifier", classifier, ["model", "prepared", "input", "guess"]);
  checkForm("detectorsCompute: runs", runs, "list");
  checkForm("detectorsCompute: settings", settings, ["pixels", "seed", "fitAttacks"]);
  numberIn("detectors: seed", settings.seed, { min: 0, max: Number.MAX_SAFE_INTEGER, integer: true });
  const parts = partsOf(runs);
  const batch = classifier.prepared.batchFor(defaultBatch(classifier));
  let opened: Promise<Measuring> | undefined;
  const measuring = (): Promise<Measuring> => {
    opened ??= openMeasuring(classifier, parts, { batch });
    return opened;
  };
  const known = knowledgeOf(classifier, train, runs, settings, batch);
  return async (items, { signal }) => {
    const open: { readonly item: DetectorsItem; readonly input: ImageTensor }[] = [];
    const failures = new Map<DetectorsItem, unknown>();
    for (const item of items) {
      throwIfAborted(signal, "detectors");
      try {
        open.push({ item, input: classifier.fit(await item.image.picture()) });
      } catch (error) {
        if (!(error instanceof PerceptualBallError)) throw error;
        failures.set(item, error);
      }
    }
    const computed = new Map<DetectorsItem, Computed<DetectorRecord>>();
    const { measure } = await measuring();
    const { run, split } = items[0];
    const inputs = open.map(({ item, input }) => ({ id: item.image.id, input }));
    if (open.length > 0 && run === undefined) {
      const rows = await measure(inputs.map(named), { signal });
      for (const [n, { item }] of open.entries()) {
        const { label, margin } = predictionOf(rows[n]);
        const result = { split, truth: item.image.label ?? null, cleanLabel: label, label, margin, attack: null };
        computed.set(item, { result, arrays: { measured: rowOf(rows[n]) } });
      }
    } else if (open.length > 0 && run !== undefined) {
      const attacked = await attackAll(classifier, inputs, run, settings, await known(run, signal), signal);
      const rows = await measure(
        attacked.map(({ id, pixels }) => ({ id, pixels })),
        { signal },
      );
      const noisy = await measure(
        attacked.map(({ id, noisy: pixels }) => ({ id: `${id} (noisy)`, pixels })),
        { signal },
      );
      for (const [n, { item }] of open.entries()) {
        const { label, margin } = predictionOf(rows[n]);
        const { result: found } = attacked[n];
        const { distances } = found.seen;
        computed.set(item, {
          result: {
            ...{ split, truth: item.image.label ?? null, cleanLabel: found.cleanLabel, label, margin },
            attack: {
              outcome: found.outcome,
              distances: { l2: distances.l2, linf: distances.linf, perceptual: distances.perceptual },
              evaluations: found.cost,
              lostInRounding: found.lostInRounding,
              settings: found.settings,
              noisyLabel: predictionOf(noisy[n]).label,
            },
          },
          arrays: { measured: rowOf(rows[n]), noisy: rowOf(noisy[n]) },
        });
      }
    }
    return items.map((item) => computed.get(item) ?? { error: failures.get(item) });
  };

  function rowOf(measured: Measurement) {
    const row = joinParts(parts, measured);
    return floatTensor(row, [row.length]);
  }
}

const named = ({ id, input }: { readonly id: string; readonly input: ImageTensor }): NamedImage => ({
  id,
  pixels: input.data,
});

function predictionOf({ logits }: Measurement): { readonly label: number; readonly margin: number } {
  const label = indexOfLargest(logits);
  return { label, margin: marginOf(logits, label) };
}

interface AttackedImage {
  readonly id: string;
  readonly pixels: Float32Array;
  /** The clean image with noise of the same ℓ2 norm. */
  readonly noisy: Float32Array;
  readonly result: {
    readonly outcome: AttackResult["outcome"];
    readonly cleanLabel: number;
    readonly seen: AttackResult["rounded"];
    readonly cost: AttackResult["cost"];
    readonly lostInRounding: boolean;
    readonly settings: AttackResult["settings"];
  };
}

async function attackAll(
  classifier: Classifier,
  inputs: readonly { readonly id: string; readonly input: ImageTensor }[],
  { attack, settings: own }: KnowingRun,
  { pixels, seed }: DetectorsSettings,
  known: object,
  signal: AbortSignal | undefined,
): Promise<AttackedImage[]> {
  const options: AnyAttackOptions = {
    ...own,
    ...known,
    signal,
    rounding: pixels === "bytes" ? "keep" : "none",
    // A stream of its own for each image, whichever others are in the batch.
    random: (n) => createRandom(seed, hashText(inputs[n].id), 1),
  };
  const results = await attack.run(
    classifier,
    inputs.map(({ input }) => input),
    options,
  );
  return results.map(({ outcome, clean, withinBudget, rounded, cost, lostInRounding, settings }, n) => {
    const seen = pixels === "bytes" ? rounded : withinBudget;
    const { id, input } = inputs[n];
    return {
      id,
      pixels: seen.image.data,
      noisy: withNoise(id, input.data, seen.distances.l2, pixels, seed),
      result: { outcome, cleanLabel: clean.label, seen, cost, lostInRounding, settings },
    };
  });
}

/** `pixels` with normal noise of the given ℓ2 norm, clipped to [0, 1], and as bytes where attacked images are. */
function withNoise(
  id: string,
  pixels: Float32Array,
  l2: number,
  kept: DetectorsSettings["pixels"],
  seed: number,
): Float32Array {
  const random = createRandom(seed, hashText(id), 2);
  const direction = pixels.map(() => normal(random));
  const factor = l2 / euclideanNorm(direction);
  const noisy = pixels.map((value, i) => Math.min(1, Math.max(0, value + factor * direction[i])));
  return kept === "bytes" ? roundToBytes(noisy, pixels, undefined) : noisy;
}

/** What attacks are given that know something, found out when the first of them asks. */
function knowledgeOf(
  classifier: Classifier,
  train: readonly DatasetImage[],
  runs: readonly PlannedRun[],
  settings: DetectorsSettings,
  batch: number,
): (run: KnowingRun, signal: AbortSignal | undefined) => Promise<object> {
  let clean: Promise<readonly (NamedImage & { readonly label: number | undefined })[]> | undefined;
  const cleanOf = (signal: AbortSignal | undefined) => {
    clean ??= readAll(classifier, train, signal);
    return clean;
  };
  const detectors = new Map<string, Promise<object>>();
  const fitted = async (name: string, signal: AbortSignal | undefined): Promise<object> => {
    const run = runs.find((one) => one.name === name);
    if (run === undefined) throw new MisuseError({ where: "detectors", what: `no detector is called ${name}` });
    const images = await cleanOf(signal);
    const { measure } = await openMeasuring(classifier, [...run.plan.parts, ...partsOfLogits(runs)], { batch });
    const rows = await measure(images, { signal });
    const measured: MeasuredImage[] = rows.map((row, n) => ({
      id: images[n].id,
      label: images[n].label ?? predictionOf(row).label,
      measured: row,
    }));
    const [fit] = run.plan.needsAttacked ? settings.fitAttacks : [];
    const learned = images.filter(({ id }) => !isHeldOutImage(id)).slice(0, fit?.images);
    const attacked: MeasuredImage[] = [];
    const noisy: MeasuredImage[] = [];
    const byId = new Map(measured.map((image) => [image.id, image]));
    const { channelCount, height, width } = classifier.input;
    for (let from = 0; fit !== undefined && from < learned.length; from += batch) {
      const inputs = learned.slice(from, from + batch).map(({ id, pixels }) => ({
        id,
        input: floatTensor(pixels, [channelCount, height, width]),
      }));
      const found = await attackAll(classifier, inputs, fit, settings, {}, signal);
      const [after, beside] = [
        await measure(found.map(({ id, pixels }) => ({ id, pixels }))),
        await measure(found.map(({ id, noisy: pixels }) => ({ id, pixels }))),
      ];
      for (const [n, { id, result }] of found.entries()) {
        const own = byId.get(id);
        const isUsable = own?.label === result.cleanLabel && predictionOf(after[n]).label !== result.cleanLabel;
        if (own === undefined || !isUsable) continue;
        attacked.push({ ...own, measured: after[n] });
        noisy.push({ ...own, measured: beside[n] });
      }
    }
    const set: FitSet = {
      classCount: classifier.classCount,
      train: measured.filter(({ id }) => !isHeldOutImage(id)),
      held: measured.filter(({ id }) => isHeldOutImage(id)),
      ...{ attacked, noisy },
    };
    const statistics = run.plan.fit(set, { falsePositiveRate: settings.falsePositiveRate });
    const extension = run.plan.scoreGraph(statistics);
    if (extension === undefined) {
      throw new MisuseError({
        where: "detectors",
        what: `the score of ${name} is no graph, so that nothing can descend it`,
      });
    }
    return { detector: { name, extension, cutoff: statistics.cutoff.value } };
  };
  return async ({ knows }, signal) => {
    if (knows === undefined) return {};
    if (knows === "guides") {
      const images = (await cleanOf(signal)).filter(({ id }) => isHeldOutImage(id)).slice(0, mostGuides);
      const { channelCount, height, width } = classifier.input;
      return { guides: images.map(({ pixels }) => floatTensor(pixels, [channelCount, height, width])) };
    }
    const existing = detectors.get(knows.detector) ?? fitted(knows.detector, signal);
    detectors.set(knows.detector, existing);
    // What an interruption has ended is asked for again.
    existing.catch(() => detectors.delete(knows.detector));
    return existing;
  };
}

function partsOfLogits(runs: readonly PlannedRun[]) {
  return partsOf(runs).filter(({ from }) => from.kind === "logits");
}

async function readAll(
  classifier: Classifier,
  images: readonly DatasetImage[],
  signal: AbortSignal | undefined,
): Promise<(NamedImage & { readonly label: number | undefined })[]> {
  const read: (NamedImage & { readonly label: number | undefined })[] = [];
  for (const { id, label, picture } of images) {
    throwIfAborted(signal, "detectors");
    try {
      read.push({ id, label: label ?? undefined, pixels: classifier.fit(await picture()).data });
    } catch (error) {
      // It is reported where it is measured.
      if (!(error instanceof PerceptualBallError)) throw error;
    }
  }
  return read;
}
