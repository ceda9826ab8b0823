/** @file The whole summary of a detection benchmark, from what its folder holds. */
import type { Classifier } from "../../classifier/classifier.ts";
import { noiseKindName } from "../../detection/odds/noise.ts";
import { checkForm } from "../../errors.ts";
import type { AttackRun } from "../attack/protocol.ts";
import { keyText } from "../records/record-index.ts";
import type { RecordStore } from "../records/record-store.ts";
import type { DetectionItem, DetectionSettings } from "./protocol.ts";
import type { DetectionRecord } from "./record.ts";
import { type DetectionFinished, type DetectionSummary, detectionStatistics, summarizeDetection } from "./summary.ts";

export interface DetectionBenchmarkInput {
  readonly classifier: Pick<Classifier, "labelName" | "guess" | "warnings">;
  readonly model: DetectionSummary["model"];
  readonly data: DetectionSummary["data"];
  /** What was asked for: a folder may hold records of other attacks and images as well. */
  readonly items: readonly DetectionItem[];
  readonly runs: readonly AttackRun[];
  readonly settings: DetectionSettings;
  /** See `detectionStatistics`. */
  readonly falsePositiveRate?: number | undefined;
  readonly run: object;
}

/** Where records are read. */
export interface DetectionResults extends Pick<RecordStore<DetectionRecord>, "failures"> {
  allRecords(): readonly DetectionFinished[];
}

/** What the records add up to. Throws as `detectionStatistics` does where they are too few. */
export function detectionSummary(store: DetectionResults, input: DetectionBenchmarkInput): DetectionSummary {
  checkForm("detectionSummary: store", store, ["allRecords", "failures"]);
  checkForm("detectionSummary: input", input, ["classifier", "model", "data", "items"]);
  const { classifier, model, data, items, runs, settings, falsePositiveRate, run } = input;
  const wanted = new Set(items.map(({ key }) => keyText(key)));
  const finished = store.allRecords().filter(({ key }) => wanted.has(keyText(key)));
  const statistics = detectionStatistics(finished, { falsePositiveRate, seed: settings.seed });
  const { labelName, guess } = classifier;
  const { kinds, correctionKinds, fitAttack, batch, ...rest } = settings;
  const fitted =
    settings.mode === "full"
      ? {
          correctionKinds: correctionKinds.map(noiseKindName),
          fitAttack: { attack: fitAttack.attack.name, ...fitAttack.settings },
        }
      : {};
  return {
    ...{ model, data },
    settings: {
      ...{ ...rest, kinds: kinds.map(noiseKindName), ...fitted },
      preprocessing: guess.name ?? guess.preprocessing,
    },
    warnings: classifier.warnings,
    ...summarizeDetection(finished, runs, { statistics, labelName }),
    failures: store
      .failures()
      .filter(({ key }) => wanted.has(keyText(key)))
      .map(({ key, message }) => ({ image: key.image, attack: key.method, message })),
    run,
  };
}
