/** @file The photographs of the figures: the network, what the records of Table 1 say of each photograph, and the maps that are drawn. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import type { Dataset, DatasetImage } from "../../../src/datasets/dataset.ts";
import {
  defaultLocalizationSettings,
  type LocalizationItem,
  localizationCompute,
  localizationIdentity,
  localizationItems,
  type MethodRun,
} from "../../../src/experiments/localization/protocol.ts";
import { isLocalizationRecord, type LocalizationRecord } from "../../../src/experiments/localization/record.ts";
import { summarizeMethods } from "../../../src/experiments/localization/summary.ts";
import { defaultSummaryOptions } from "../../../src/experiments/localization/summary-options.ts";
import type { LocalizationFinished } from "../../../src/experiments/localization/threshold-errors.ts";
import { runExperiment } from "../../../src/experiments/records/run-experiment.ts";
import { loadDataset } from "../../../src/node/data/load-dataset.ts";
import { type FileClassifier, loadClassifier } from "../../../src/node/models/load-classifier.ts";
import { openRecordFolder, type RecordFolder, readFolderRecords } from "../../../src/node/records/record-folder.ts";
import { inputCache, type Shown, shownOf } from "../../../src/report/localization/shown.ts";
import { methods } from "../../../src/saliency/methods.ts";
import { decidingMethods, type KnownPicture, knownPictures } from "./choose-pictures.ts";

export interface PhotographOptions {
  readonly model: string;
  /** Of photographs with boxes that are stretched to a square. */
  readonly photographs: string;
  /** Folder of the records of Table 1 for this network and these photographs; it may be missing. */
  readonly records: string;
  /** How many photographs are computed where there are no such records. */
  readonly first: number;
  /** Folder of what is computed here. */
  readonly out: string;
  readonly threads: number | undefined;
  readonly note: (text: string) => void;
}

export interface Photographs {
  readonly classifier: FileClassifier;
  readonly dataset: Dataset;
  /** The photographs that the network predicts right, in the order of the data. */
  readonly known: readonly KnownPicture[];
  /** Photographs that decided thresholds and choices. */
  readonly recorded: number;
  /** Where the records come from, a phrase. */
  readonly source: string;
  image(id: string): DatasetImage;
  /** What the runs make of the photographs, in the order of both; computed once and kept. */
  show(images: readonly string[], runs: readonly MethodRun[]): Promise<(Shown | undefined)[][]>;
  close(): Promise<void>;
}

const settings = { ...defaultLocalizationSettings, curveSteps: 0 } as const;
const options = defaultSummaryOptions;

/** Opens network, data and records; computes the deciding methods on the first photographs where no records are. */
export async function openPhotographs(given: PhotographOptions): Promise<Photographs> {
  const { model, photographs, out, threads, note } = given;
  const loaded = await loadClassifier(model, { runtime: ort, threads, preprocessing: "imagenet", labels: "imagenet" });
  const classifier = loaded.withPreprocessing({
    ...loaded.guess,
    preprocessing: {
      ...loaded.guess.preprocessing,
      geometry: {
        resize: { kind: "exact", width: loaded.input.width, height: loaded.input.height },
        interpolation: "bilinear",
      },
    },
    geometryReason: "as given",
  });
  const classes = { names: classifier.labels, count: classifier.classCount };
  const dataset = await loadDataset(photographs, { classes, reading: { channelCount: 3 } });
  const store = await openRecordFolder<LocalizationRecord>(join(out, "records"), {
    identity: localizationIdentity(
      classifier,
      classifier.file.sha256,
      { name: dataset.name, labels: "dataset" },
      settings,
    ),
    run: {},
    isResult: isLocalizationRecord,
  });
  const compute = computer(classifier, store, note);
  const tabled = await recordsOfTable(given.records, classifier.file.sha256);
  if (tabled === undefined) {
    note(
      `no records of Table 1 in ${given.records}: the first ${given.first} photographs are computed for choices and thresholds`,
    );
    await compute({ ...dataset, images: dataset.images.slice(0, given.first) }, decidingMethods.map(defaultRun));
  }
  const records = tabled ?? store.allRecords();
  const order = dataset.images.map(({ id }) => id);
  const known = knownPictures(records, order, options);
  const costly = (await recordsOfTable(`${given.records}-costly`, classifier.file.sha256)) ?? [];
  const inputOf = inputCache(classifier);
  const byId = new Map(dataset.images.map((image) => [image.id, image]));
  const image = (id: string): DatasetImage => {
    const found = byId.get(id);
    if (found === undefined) throw new Error(`${id} is none of the photographs in ${photographs}`);
    return found;
  };
  return {
    ...{ classifier, dataset, known, image },
    recorded: new Set(records.map(({ key }) => key.image)).size,
    source:
      tabled === undefined
        ? `the first ${given.first} photographs, computed for the figures`
        : "the records of Table 1 (reproduce table1-imagenet)",
    async show(ids, runs) {
      const images = ids.map(image);
      await compute({ ...dataset, images }, runs);
      const best = bestThresholds([...records, ...costly], store.allRecords(), runs);
      const shown: (Shown | undefined)[][] = [];
      for (const one of images) {
        const row: (Shown | undefined)[] = [];
        for (const run of runs) row.push(await shownOf(one, run, inputOf, { store, methods: best, options }));
        shown.push(row);
      }
      return shown;
    },
    async close() {
      await store.close();
      await classifier.dispose();
    },
  };
}

/** A method as Table 1 runs it. */
export function defaultRun(name: keyof typeof methods): MethodRun {
  return { name, method: methods[name], settings: {} };
}

/** The finished records of a folder of Table 1; undefined where there is none. Throws for those of another network. */
async function recordsOfTable(folder: string, sha256: string): Promise<readonly LocalizationFinished[] | undefined> {
  const file = join(folder, "experiment.json");
  if (!existsSync(file)) return undefined;
  const { model }: { readonly model: string } = JSON.parse(readFileSync(file, "utf8"));
  if (model !== sha256) throw new Error(`${folder} holds records of another network (${model}, not ${sha256})`);
  const { index } = await readFolderRecords<LocalizationRecord>(folder, { isResult: isLocalizationRecord });
  return index.allRecords();
}

/** Each run's best thresholds: on the records of the table, and for a run without any on what was computed for the figures. */
function bestThresholds(
  tabled: readonly LocalizationFinished[],
  own: readonly LocalizationFinished[],
  runs: readonly MethodRun[],
) {
  const inTable = new Set(tabled.map(({ key }) => key.method));
  const [known, rest] = [runs.filter(({ name }) => inTable.has(name)), runs.filter(({ name }) => !inTable.has(name))];
  const inOwn = new Set(own.map(({ key }) => key.method));
  return [
    ...(known.length === 0 ? [] : summarizeMethods(tabled, known, options)),
    ...(rest.some(({ name }) => inOwn.has(name)) ? summarizeMethods(own, rest, options) : []),
  ];
}

/** A function that computes what the store does not have, and keeps the maps. */
function computer(classifier: FileClassifier, store: RecordFolder<LocalizationRecord>, note: (text: string) => void) {
  return async (dataset: Dataset, runs: readonly MethodRun[]): Promise<void> => {
    const items = localizationItems(dataset, runs, { keepMaps: dataset.images.length });
    const open = items.filter(({ key }) => store.finished(key) === undefined);
    if (open.length > 0) note(`${open.length} maps to compute: ${runs.map(({ name }) => name).join(", ")}`);
    await runExperiment<LocalizationItem, LocalizationRecord>({
      ...{ items, store },
      compute: localizationCompute(classifier, settings),
      onFailure: ({ key, message }) => note(`${key.image}, ${key.method}: ${message}`),
    });
  };
}
