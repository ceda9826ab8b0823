/** @file From the records of the benchmark of detectors to the numbers of its tables and page: plain JSON. */
import type { Classifier } from "../../classifier/classifier.ts";
import type { ModelWarning } from "../../classifier/network/prepare-model.ts";
import type { DetectorStatistics, FitSet, MeasuredImage } from "../../detection/detector.ts";
import type { Part } from "../../detection/part.ts";
import { BadInputError, checkForm, PerceptualBallError } from "../../errors.ts";
import { isHeldOutImage } from "../detection/held-out.ts";
import type { ShareEstimate } from "../detection/summary.ts";
import { keyText } from "../records/record-index.ts";
import type { FinishedRecord, RecordStore } from "../records/record-store.ts";
import { rocArea } from "../statistics/ranking.ts";
import { holmAdjust, mcnemarTest, wilsonInterval } from "../statistics/statistics.ts";
import { type PlannedRun, partsOf, splitParts } from "./detector-run.ts";
import { cleanImages, type DetectorsItem, type DetectorsSettings, fitMethodOf, type KnowingRun } from "./protocol.ts";
import type { AttackedDistances, DetectorRecord } from "./record.ts";

/** A number between 0 and 1 with its 95 % interval. */
export interface AreaEstimate {
  readonly value: number;
  readonly interval: readonly [low: number, high: number];
}

/** What a detector says of an attack. */
export interface DetectorCell {
  readonly attack: string;
  /** Area under the ROC curve, attacked images against clean and noisy ones, with DeLong's interval; null without attacked images. */
  readonly area: AreaEstimate | null;
  /** Attacked images above the cutoff. */
  readonly detected: ShareEstimate | null;
  /** Images with noise of the same ℓ2 norm above the cutoff. */
  readonly noisy: ShareEstimate | null;
  /** Attacked images above the cutoff, of those that the attack and the reference both changed. */
  readonly detectedOfShared: ShareEstimate | null;
  /** The reference's on the same images. */
  readonly referenceOfShared: ShareEstimate | null;
  /** Exact McNemar test between the two, Holm-corrected over the whole table; null for the reference. */
  readonly pValue: number | null;
}

/** A row of the table. */
export interface DetectorRow {
  /** Its run's name; of a detector that learns from attacks, with that it learned from. */
  readonly name: string;
  readonly title: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly notes: readonly string[];
  readonly cutoff: number;
  readonly images: DetectorStatistics["images"];
  /** Runs of the network per image. */
  readonly runs: number;
  /** Clean test images above the cutoff. */
  readonly falsePositives: ShareEstimate | null;
  readonly cells: readonly DetectorCell[];
}

/** An attack, a column of the table. */
export interface AttackColumn {
  readonly name: string;
  readonly title: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly effective: Readonly<Record<string, unknown>>;
  /** What it knows of who looks: nothing, clean images to imitate, or a detector. */
  readonly knows: string | null;
  readonly images: number;
  /** Images that were right and whose predicted class it changed, of those that were right. */
  readonly changed: ShareEstimate;
  /** Those of them whose noisy version is right as well: the images that count. */
  readonly counted: number;
  /** Means over the images that count; null if there are none. */
  readonly distances: AttackedDistances | null;
  readonly meanMargin: number | null;
  readonly lostInRounding: number;
  readonly evaluations: { readonly forward: number; readonly gradient: number };
  readonly seconds: number;
}

export interface DetectorsSummary {
  readonly model: { readonly name: string; readonly sha256: string };
  readonly data: { readonly name: string; readonly train: number; readonly test: number };
  readonly settings: Readonly<Record<string, unknown>>;
  readonly warnings: readonly ModelWarning[];
  readonly falsePositiveRate: number;
  /** The attack that the others are compared with. */
  readonly reference: string | null;
  /** Clean test images whose class is predicted rightly. */
  readonly clean: ShareEstimate;
  readonly attacks: readonly AttackColumn[];
  readonly detectors: readonly DetectorRow[];
  /** Detectors that could not be fitted, and why. */
  readonly unfitted: readonly { readonly name: string; readonly message: string }[];
  readonly failures: readonly { readonly image: string; readonly attack: string; readonly message: string }[];
  readonly run: object;
}

export interface DetectorsSummaryInput {
  readonly classifier: Classifier;
  readonly model: DetectorsSummary["model"];
  readonly data: DetectorsSummary["data"];
  /** What was asked for: a folder may hold more. */
  readonly items: readonly DetectorsItem[];
  readonly attacks: readonly KnowingRun[];
  readonly runs: readonly PlannedRun[];
  readonly settings: DetectorsSettings;
  /** The attack that the others are compared with; default the first one with any images. */
  readonly reference?: string | undefined;
  readonly run: object;
}

/** Where records are read. */
export interface DetectorsResults extends Pick<RecordStore<DetectorRecord>, "failures" | "readArray"> {
  allRecords(): readonly FinishedRecord<DetectorRecord>[];
}

interface Seen extends MeasuredImage {
  readonly record: DetectorRecord;
  readonly seconds: number;
  readonly noisy: MeasuredImage["measured"] | undefined;
}

/**
 * What the records add up to. Images count that are classified rightly when clean and with noise, and otherwise when attacked. Throws a BadInputError where training
 * or test images are missing; a detector that cannot be fitted is left out and named.
 */
export async function detectorsSummary(
  store: DetectorsResults,
  input: DetectorsSummaryInput,
): Promise<DetectorsSummary> {
  checkForm("detectorsSummary: store", store, ["allRecords", "failures", "readArray"]);
  checkForm("detectorsSummary: input", input, ["classifier", "model", "data", "items", "attacks", "runs", "settings"]);
  const { classifier, model, data, items, attacks, runs, settings, run } = input;
  const wanted = new Set(items.map(({ key }) => keyText(key)));
  const parts = partsOf(runs);
  const seen = new Map<string, Seen[]>();
  for (const finished of store.allRecords()) {
    if (!wanted.has(keyText(finished.key))) continue;
    const { method } = finished.key;
    const image = await seenOf(store, parts, finished);
    const split = method === cleanImages ? `${method} ${finished.result.split}` : method;
    seen.set(split, [...(seen.get(split) ?? []), image]);
  }
  for (const list of seen.values()) list.sort((a, b) => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0));
  const train = seen.get(`${cleanImages} train`) ?? [];
  const test = seen.get(`${cleanImages} test`) ?? [];
  if (train.length === 0 || test.length === 0) {
    throw new BadInputError({
      where: "detectors",
      what: `no ${train.length === 0 ? "training" : "test"} image has been measured`,
      advice: "Run the benchmark without --shard, or merge the folders of all shards first.",
    });
  }
  const right = test.filter(isRight);
  const columns = attacks
    .map((attack) => ({ attack, images: seen.get(attack.name) ?? [] }))
    .filter(({ images }) => images.length > 0)
    .map(({ attack, images }) => ({ attack, images, counted: images.filter(counts) }));
  const reference = columns.find(({ attack, counted }) =>
    input.reference === undefined ? counted.length > 0 : attack.name === input.reference,
  );
  const unfitted: { name: string; message: string }[] = [];
  const rows: (Omit<DetectorRow, "cells"> & { readonly cells: readonly UncorrectedCell[] })[] = [];
  for (const { name, statistics, plan, runs: runCount } of fittedDetectors(input, train, seen, unfitted)) {
    const score = plan.scorer(statistics);
    const cutoff = statistics.cutoff.value;
    const scoresOf = (images: readonly Seen[]): Map<string, number> =>
      new Map(images.map(({ id, measured }) => [id, score(measured)]));
    const clean = scoresOf(right);
    const flagged = (scores: ReadonlyMap<string, number>, ids: readonly string[]): number =>
      ids.filter((id) => (scores.get(id) ?? Number.NEGATIVE_INFINITY) > cutoff).length;
    const referenceScores = reference === undefined ? new Map<string, number>() : scoresOf(reference.counted);
    const cells = columns.map(({ attack, counted }): UncorrectedCell => {
      const scores = scoresOf(counted);
      const noise = counted.flatMap(({ noisy }) => (noisy === undefined ? [] : [score(noisy)]));
      const shared = [...scores.keys()].filter((id) => referenceScores.has(id));
      const [own, others] = [flagged(scores, shared), flagged(referenceScores, shared)];
      const isReference = attack === reference?.attack;
      const only = shared.filter((id) => isAbove(scores, id, cutoff) && !isAbove(referenceScores, id, cutoff)).length;
      const otherOnly = only - own + others;
      return {
        attack: attack.name,
        area: areaOf([...scores.values()], [...clean.values(), ...noise]),
        detected: shareOf(flagged(scores, [...scores.keys()]), scores.size),
        noisy: shareOf(noise.filter((value) => value > cutoff).length, noise.length),
        detectedOfShared: shareOf(own, shared.length),
        referenceOfShared: shareOf(others, shared.length),
        uncorrected: isReference || shared.length === 0 ? null : mcnemarTest(only, otherOnly),
      };
    });
    rows.push({
      ...{ name, title: plan.title, settings: statistics.settings, notes: statistics.notes, cutoff },
      images: statistics.images,
      runs: runCount,
      falsePositives: shareOf(flagged(clean, [...clean.keys()]), clean.size),
      cells,
    });
  }
  return {
    ...{ model, data, warnings: classifier.warnings },
    settings: {
      ...{
        pixels: settings.pixels,
        seed: settings.seed,
        preprocessing: classifier.guess.name ?? classifier.guess.preprocessing,
      },
      fitAttacks: settings.fitAttacks.map(({ name, attack, settings: own }) => ({ name, attack: attack.name, ...own })),
    },
    falsePositiveRate: settings.falsePositiveRate,
    reference: reference?.attack.name ?? null,
    clean: shareOf(right.length, test.length) ?? nothing,
    attacks: columns.map(columnOf),
    detectors: corrected(rows),
    unfitted,
    failures: store
      .failures()
      .filter(({ key }) => wanted.has(keyText(key)))
      .map(({ key, message }) => ({ image: key.image, attack: key.method, message })),
    run,
  };
}

type UncorrectedCell = Omit<DetectorCell, "pValue"> & { readonly uncorrected: number | null };

/** Holm's correction over all tests of the table. */
function corrected(
  rows: readonly (Omit<DetectorRow, "cells"> & { readonly cells: readonly UncorrectedCell[] })[],
): DetectorRow[] {
  const tests = rows.flatMap(({ cells }) => cells.filter(({ uncorrected }) => uncorrected !== null));
  const adjusted = holmAdjust(tests.map(({ uncorrected }) => uncorrected ?? 1));
  const byCell = new Map(tests.map((cell, n) => [cell, adjusted[n]]));
  return rows.map((row) => ({
    ...row,
    cells: row.cells.map((cell) => {
      const { uncorrected: _, ...rest } = cell;
      return { ...rest, pValue: byCell.get(cell) ?? null };
    }),
  }));
}

function isAbove(scores: ReadonlyMap<string, number>, id: string, cutoff: number): boolean {
  return (scores.get(id) ?? Number.NEGATIVE_INFINITY) > cutoff;
}

async function seenOf(
  store: DetectorsResults,
  parts: readonly Part[],
  { key, result, seconds }: FinishedRecord<DetectorRecord>,
): Promise<Seen> {
  const read = async (name: string) => {
    const tensor = await store.readArray(key, name);
    return tensor?.dtype === "float32" && tensor.data instanceof Float32Array
      ? splitParts(`${key.image} (${key.method}): ${name}`, parts, tensor.data)
      : undefined;
  };
  const measured = await read("measured");
  if (measured === undefined) {
    throw new BadInputError({
      where: `${key.image} (${key.method})`,
      what: "the measurement is missing",
      advice: "The same command measures it again with --fresh.",
    });
  }
  const noisy = result.attack === null ? undefined : await read("noisy");
  return { id: key.image, label: result.truth ?? result.cleanLabel, measured, record: result, seconds, noisy };
}

/** Whether the class of the clean image is predicted rightly, as far as that is known. */
function isRight({ record: { truth, cleanLabel } }: Seen): boolean {
  return truth === null || truth === cleanLabel;
}

/** Right when clean and with noise, and another class when attacked. */
function counts(image: Seen): boolean {
  const { cleanLabel, label, attack } = image.record;
  return isRight(image) && label !== cleanLabel && attack?.noisyLabel === cleanLabel;
}

/** Each detector with its statistics: those that learn from attacks once for each attack. */
function* fittedDetectors(
  { runs, settings, classifier }: DetectorsSummaryInput,
  train: readonly Seen[],
  seen: ReadonlyMap<string, readonly Seen[]>,
  unfitted: { name: string; message: string }[],
) {
  const learned = train.filter(({ id }) => !isHeldOutImage(id));
  const held = train.filter(({ id }) => isHeldOutImage(id));
  for (const { name, plan } of runs) {
    const own = new Set(plan.parts.map(({ key }) => key));
    const runCount = plan.parts.reduce((sum, { from }) => sum + (from.kind === "runs" ? from.runs : 0), 0);
    const isLayered = plan.parts.some(({ key, from }) => own.has(key) && from.kind !== "runs");
    for (const attack of plan.needsAttacked ? settings.fitAttacks : [undefined]) {
      const images = attack === undefined ? [] : (seen.get(fitMethodOf(attack)) ?? []).filter(counts);
      const set: FitSet = {
        ...{ classCount: classifier.classCount, train: learned, held, attacked: images },
        noisy: images.flatMap(({ noisy, ...image }) => (noisy === undefined ? [] : [{ ...image, measured: noisy }])),
      };
      const called = attack === undefined ? name : `${name} (${attack.name})`;
      try {
        const statistics = plan.fit(set, { falsePositiveRate: settings.falsePositiveRate });
        yield { name: called, plan, statistics, runs: runCount + (isLayered ? 1 : 0) };
      } catch (error) {
        if (!(error instanceof PerceptualBallError)) throw error;
        unfitted.push({ name: called, message: error.message });
      }
    }
  }
}

function columnOf({
  attack: { name, attack, settings, knows },
  images,
  counted,
}: {
  readonly attack: KnowingRun;
  readonly images: readonly Seen[];
  readonly counted: readonly Seen[];
}): AttackColumn {
  const right = images.filter(isRight);
  const changed = right.filter(({ record }) => record.label !== record.cleanLabel);
  const facts = counted.flatMap(({ record }) => record.attack ?? []);
  const all = images.flatMap(({ record }) => record.attack ?? []);
  const mean = (values: readonly number[]): number => values.reduce((sum, x) => sum + x, 0) / values.length;
  return {
    ...{ name, title: attack.title, settings, effective: all[0]?.settings ?? {} },
    knows: knows === undefined ? null : knows === "guides" ? "clean images to imitate" : knows.detector,
    images: images.length,
    changed: shareOf(changed.length, right.length) ?? nothing,
    counted: counted.length,
    distances:
      facts.length === 0
        ? null
        : {
            l2: mean(facts.map(({ distances }) => distances.l2)),
            linf: mean(facts.map(({ distances }) => distances.linf)),
            perceptual: mean(facts.map(({ distances }) => distances.perceptual)),
          },
    meanMargin: counted.length === 0 ? null : mean(counted.map(({ record }) => record.margin)),
    lostInRounding: all.filter(({ lostInRounding }) => lostInRounding).length,
    evaluations: {
      forward: mean(all.map(({ evaluations }) => evaluations.forward)),
      gradient: mean(all.map(({ evaluations }) => evaluations.gradient)),
    },
    seconds: mean(images.map(({ seconds }) => seconds)),
  };
}

const nothing: ShareEstimate = { count: 0, of: 0, value: 0, interval: [0, 1] };

function shareOf(count: number, of: number): ShareEstimate | null {
  const estimate = wilsonInterval(count, of);
  return estimate === undefined ? null : { count, of, value: estimate.value, interval: [estimate.low, estimate.high] };
}

function areaOf(positives: readonly number[], negatives: readonly number[]): AreaEstimate | null {
  if (positives.length === 0 || negatives.length === 0) return null;
  const { value, low, high } = rocArea(positives, negatives);
  return { value, interval: [low, high] };
}
