/** @file The whole summary of a localization benchmark, from what its folder holds. */
import type { Classifier } from "../../classifier/classifier.ts";
import type { Dataset } from "../../datasets/dataset.ts";
import { checkForm } from "../../errors.ts";
import type { FailedRecord, RecordStore } from "../records/record-store.ts";
import { failedRecords, finishedRecords } from "../records/run-experiment.ts";
import { compareMethods, paperMethods } from "./comparisons.ts";
import { summarizeGroups } from "./picture-groups.ts";
import type { LocalizationItem, LocalizationSettings, MethodRun } from "./protocol.ts";
import type { LocalizationRecord } from "./record.ts";
import { accuracyOf, type LocalizationSummary, summarizeMethods } from "./summary.ts";
import type { SummaryOptions } from "./summary-options.ts";
import type { SanityStage } from "./weight-randomization.ts";

export interface BenchmarkSummaryInput {
  readonly classifier: Pick<Classifier, "classCount" | "guess" | "warnings">;
  readonly model: { readonly name: string; readonly sha256: string };
  readonly dataset: Pick<Dataset, "name" | "problems">;
  /** What was asked for: a folder may hold records of other methods and pictures as well. */
  readonly items: readonly LocalizationItem[];
  readonly runs: readonly MethodRun[];
  readonly settings: LocalizationSettings;
  readonly options: SummaryOptions;
  readonly sanity: readonly SanityStage[];
  readonly versions: Readonly<Record<string, string>>;
}

/** What the store's records of the items add up to; undefined if there is none. */
export function localizationSummary(
  store: Pick<RecordStore<LocalizationRecord>, "finished" | "failures">,
  input: BenchmarkSummaryInput,
): LocalizationSummary | undefined {
  checkForm("localizationSummary: store", store, ["finished", "failures"]);
  checkForm("localizationSummary: input", input, ["classifier", "model", "dataset", "items"]);
  const { classifier, model, dataset, items, runs, settings, options, sanity, versions } = input;
  const records = finishedRecords(store, items);
  if (records.length === 0) return undefined;
  return {
    model: { ...model, classCount: classifier.classCount },
    data: { name: dataset.name, images: new Set(records.map(({ key }) => key.image)).size },
    options,
    settings: { ...settings, preprocessing: classifier.guess.name ?? classifier.guess.preprocessing },
    warnings: classifier.warnings,
    accuracy: accuracyOf(records),
    methods: summarizeMethods(records, runs, options),
    comparisons: compareMethods(records, runs, paperMethods(runs), options),
    groups: summarizeGroups(records, runs, options),
    sanity,
    problems: [
      ...dataset.problems.map(({ image, message }) => ({ image, message })),
      ...failureProblems(failedRecords(store, items)),
    ],
    versions,
  };
}

/** One line for each picture and reason: a picture that cannot be read fails with every method. */
function failureProblems(failures: readonly FailedRecord[]): { image: string; message: string }[] {
  const problems = new Map<string, { readonly failure: FailedRecord; readonly methods: string[] }>();
  for (const failure of failures) {
    const problem = JSON.stringify([failure.key.image, failure.message]);
    const known = problems.get(problem) ?? { failure, methods: [] };
    known.methods.push(failure.key.method);
    problems.set(problem, known);
  }
  return [...problems.values()].map(({ failure: { key, message }, methods }) => ({
    image: key.image,
    message: `${message} (${methods.join(", ")})`,
  }));
}
