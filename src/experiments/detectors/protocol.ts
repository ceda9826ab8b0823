import type { Classifier } from "../../classifier/classifier.ts";
import { marginOf } from "../../classifier/logits.ts";
import { defaultBatch } from "../../classifier/passes/default-batch.ts";
import { contentsOption, type DatasetImage, type DatasetSplit } from "../../datasets/dataset.ts";
import { type Measuring, openMeasuring } from "../../detection/measurement.ts";
import type { NamedImage } from "../../detection/odds/alignments.ts";
import type { Measurement } from "../../detection/part.ts";
import { AbortedError, checkForm, MisuseError, numberIn, PerceptualBallError, throwIfAborted } from "../../errors.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { hashText } from "../../random/hash-text.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { indexOfLargest } from "../../tensor/vector.ts";
import type { AttackRun } from "../attack/protocol.ts";
import { isHeldOutImage } from "../detection/held-out.ts";
import { classifierSettings } from "../records/classifier-settings.ts";
import type { ExperimentIdentity, RecordKey } from "../records/record-store.ts";
import type { Computed, ExperimentItem, FailedItem } from "../records/run-experiment.ts";
import { attackImages } from "./attack-images.ts";
import { joinParts, type PlannedRun, partsOf } from "./detector-run.ts";
import { fitDetectors } from "./fit-detectors.ts";
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
  const { pixels, seed } = settings;
  const measured = partsOf(runs).map(({ key, size }) => `${key} (${size})`);
  return {
    experiment: "detectors",
    version: detectorsVersion,
    model: modelSha256,
    data,
    settings: { ...classifierSettings(classifier), pixels, seed, measured },
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
export function detectorsKey(
  image: Pick<DatasetImage, "id" | "contents">,
  run: KnowingRun | undefined,
  train: string,
): RecordKey {
  const own = contentsOption(image);
  if (run === undefined) return { image: image.id, method: cleanImages, options: own };
  const { name, attack, settings, knows } = run;
  // What is known of training images depends on which there are.
  const known = knows === undefined ? {} : { knows, train };
  return {
    image: image.id,
    method: name,
    options: { attack: attack.name, version: attack.version, settings, ...known, ...own },
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
  data: DetectorsData,
  attacks: readonly KnowingRun[],
  runs: readonly PlannedRun[],
  settings: DetectorsSettings,
): DetectorsItem[] {
  checkForm("detectorsItems: data", data, ["train", "test"]);
  const { train, test } = data;
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
  const trainText = String(
    hashText(train.map(({ id, contents }) => (contents === undefined ? id : `${id} ${contents}`)).join("\n")),
  );
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
export function detectorsBatchOf(item: DetectorsItem): string {
  checkForm("detectorsBatchOf: item", item, ["image", "split", "key"]);
  const { key, split } = item;
  return `${split} ${key.method}`;
}

/** The function that computes records of items that agree in {@link detectorsBatchOf}, for `runExperiment`. */
export function detectorsCompute(
  classifier: Classifier,
  data: Pick<DetectorsData, "train">,
  runs: readonly PlannedRun[],
  settings: DetectorsSettings,
): (
  items: readonly DetectorsItem[],
  context: { readonly signal?: AbortSignal },
) => Promise<(Computed<DetectorRecord> | FailedItem)[]> {
  checkForm("detectorsCompute: data", data, ["train"]);
  const { train } = data;
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
      const attacked = await attackImages(classifier, inputs, run, settings, await known(run, signal), signal);
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
    const [fitAttack] = settings.fitAttacks;
    const options = { falsePositiveRate: settings.falsePositiveRate, seed: settings.seed, batch, fitAttack };
    const [one] = await fitDetectors(classifier, [run, ...withLogits(runs, run)], train, {
      ...options,
      ...(signal === undefined ? {} : { signal }),
    });
    if (one === undefined || "error" in one) throw one?.error ?? new MisuseError({ where: name, what: "not fitted" });
    const { statistics } = one;
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
      const pass = await classifier.forward({ batch });
      const labels = new Set<number>();
      for (let from = 0; from < images.length; from += batch) {
        const some = images.slice(from, from + batch).map(({ pixels }) => pixels);
        for (const logits of await pass.run(some, { signal })) labels.add(indexOfLargest(logits));
      }
      // Of one class alone there is nothing to imitate: the attacks make do with the image's own logits.
      if (labels.size < 2) return {};
      const { channelCount, height, width } = classifier.input;
      return { guides: images.map(({ pixels }) => floatTensor(pixels, [channelCount, height, width])) };
    }
    const existing = detectors.get(knows.detector) ?? fitted(knows.detector, signal);
    detectors.set(knows.detector, existing);
    // What an interruption has ended is asked for again; what cannot be fitted, cannot be fitted the next time either.
    existing.catch((error: unknown) => {
      if (error instanceof AbortedError) detectors.delete(knows.detector);
    });
    return existing;
  };
}

/** A baseline beside `run`: predictions are read off the logits, which not every detector looks at. */
function withLogits(runs: readonly PlannedRun[], run: PlannedRun): readonly PlannedRun[] {
  return runs
    .filter((other) => other !== run && other.plan.parts.every(({ from }) => from.kind === "logits"))
    .slice(0, 1);
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
