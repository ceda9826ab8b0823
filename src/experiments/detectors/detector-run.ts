/** @file Which detectors are compared, and with which settings. */
import type { Classifier } from "../../classifier/classifier.ts";
import type { AnyDetector, PlannedDetector } from "../../detection/detector.ts";
import { findDetector } from "../../detection/detectors.ts";
import type { Measurement, Part } from "../../detection/part.ts";
import { BadInputError, checkForm, MisuseError } from "../../errors.ts";

/** A detector as experiments compare it. */
export interface DetectorRun {
  /** What tables call it: the detector's name, or one of the user's for other settings of it. */
  readonly name: string;
  readonly detector: AnyDetector;
  /** Its own settings; its defaults are left out. Plain JSON. */
  readonly settings: Readonly<Record<string, unknown>>;
}

/** A detector planned on a classifier. */
export interface PlannedRun extends DetectorRun {
  readonly plan: PlannedDetector;
}

/** The baselines that every table has. */
const baselines = ["confidence", "margin"] as const;

/** The runs, after the baselines where they are missing, planned on `classifier`. Throws a MisuseError for settings that cannot be meant and if two have one name. */
export function planRuns(runs: readonly DetectorRun[], classifier: Classifier): PlannedRun[] {
  checkForm("planRuns: runs", runs, "list");
  checkForm("planRuns: classifier", classifier, ["model", "prepared", "input"]);
  const missing = baselines.filter((name) => !runs.some((run) => run.name === name));
  const all = [...missing.map((name) => ({ name, detector: findDetector(name), settings: {} })), ...runs];
  const names = all.map(({ name }) => name);
  const twice = names.find((name, n) => names.indexOf(name) !== n);
  if (twice !== undefined) {
    throw new MisuseError({ where: "detectors", what: `two detectors are called ${JSON.stringify(twice)}` });
  }
  return all.map((run) => ({ ...run, plan: run.detector.on(classifier, run.settings) }));
}

/** The parts that all of them look at, each once, in order of their keys: the order of numbers in records. */
export function partsOf(runs: readonly PlannedRun[]): readonly Part[] {
  const parts = new Map(runs.flatMap(({ plan }) => plan.parts.map((part) => [part.key, part] as const)));
  return [...parts.values()].sort((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0));
}

/** The parts' numbers one after the other. */
export function joinParts(parts: readonly Part[], measured: Measurement): Float32Array {
  const all = new Float32Array(parts.reduce((sum, { size }) => sum + size, 0));
  let from = 0;
  for (const { key, size } of parts) {
    all.set(measured[key], from);
    from += size;
  }
  return all;
}

/** What {@link joinParts} has joined; throws a BadInputError for another number of them. */
export function splitParts(where: string, parts: readonly Part[], all: Float32Array): Measurement {
  const size = parts.reduce((sum, part) => sum + part.size, 0);
  if (all.length !== size) {
    throw new BadInputError({
      where,
      what: "the measurement has another length than the detectors look at",
      expected: String(size),
      got: String(all.length),
      advice: "Measure again: --fresh.",
    });
  }
  let from = 0;
  return Object.fromEntries(
    parts.map((part) => {
      const values = all.subarray(from, from + part.size);
      from += part.size;
      return [part.key, values];
    }),
  );
}
