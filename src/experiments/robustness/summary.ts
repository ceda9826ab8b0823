/** @file Robust accuracy over the radius, from records. */
import type { Classifier } from "../../classifier/classifier.ts";
import type { ModelWarning } from "../../classifier/network/prepare-model.ts";
import { checkForm } from "../../errors.ts";
import type { AttackRun } from "../attack/protocol.ts";
import type { FinishedRecord, RecordStore } from "../records/record-store.ts";
import { failedRecords, finishedRecords } from "../records/run-experiment.ts";
import { type Estimate, wilsonInterval } from "../statistics/statistics.ts";
import type { RobustnessItem } from "./protocol.ts";
import type { RobustnessRecord } from "./record.ts";

/** What is left within one radius. */
export interface RadiusSummary {
  readonly epsilon: number;
  /** The pictures that are classified rightly and not flipped within the radius, of all. */
  readonly standing: number;
  /** Their share, with Wilson's 95 % interval. */
  readonly robust: Estimate;
  /** The same where a flip counts only if eight bits per channel keep it. */
  readonly robustInBytes: Estimate;
  /** Of an attack made of several: how many pictures each part flipped at this radius, as it was the first to. */
  readonly byParts: Readonly<Record<string, number>>;
}

export interface RobustnessCurve {
  /** What tables call the attack. */
  readonly name: string;
  readonly title: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly norm: string;
  readonly pictures: number;
  /** The share of pictures that are classified rightly, before any attack. */
  readonly accuracy: Estimate;
  readonly radii: readonly RadiusSummary[];
  /** Runs of the network per picture. */
  readonly evaluations: { readonly forward: number; readonly gradient: number };
  readonly seconds: number;
}

export interface RobustnessSummary {
  readonly model: { readonly name: string; readonly sha256: string };
  readonly data: {
    readonly name: string;
    readonly pictures: number;
    /** Whose classes count as right: those that the data set states, or what the network predicts of the clean pictures; default: the former. */
    readonly labels?: "dataset" | "predicted";
    /** How many pictures were left out because the data set states no class of them; default: 0. */
    readonly unlabelled?: number;
  };
  readonly settings: Readonly<Record<string, unknown>>;
  /** Of the classifier, and of attacks that say when they are not to be believed. */
  readonly warnings: readonly ModelWarning[];
  readonly curves: readonly RobustnessCurve[];
  readonly failures: readonly { readonly image: string; readonly attack: string; readonly message: string }[];
  readonly run: object;
}

export interface RobustnessSummaryInput {
  readonly classifier: Pick<Classifier, "guess" | "warnings">;
  readonly model: RobustnessSummary["model"];
  readonly data: RobustnessSummary["data"];
  /** What was asked for: a folder may hold records of other attacks, radii and pictures as well. */
  readonly items: readonly RobustnessItem[];
  readonly runs: readonly AttackRun[];
  readonly seed: number;
  readonly run: object;
}

/** Where Square lowers the accuracy by no more than this beyond other parts, the authors' code does not warn. */
const maskedShare = 0.002;

/** What the records add up to: a curve for each attack that has any. */
export function robustnessSummary(
  store: Pick<RecordStore<RobustnessRecord>, "finished" | "failures">,
  input: RobustnessSummaryInput,
): RobustnessSummary {
  checkForm("robustnessSummary: store", store, ["finished", "failures"]);
  checkForm("robustnessSummary: input", input, ["classifier", "model", "data", "items"]);
  const { classifier, model, data, items, runs, seed, run } = input;
  const curves: RobustnessCurve[] = [];
  const warnings: ModelWarning[] = [...classifier.warnings];
  for (const attackRun of runs) {
    const own = items.filter((item) => item.run === attackRun);
    const records = finishedRecords(store, own);
    const [first] = own;
    if (first === undefined || records.length === 0) continue;
    curves.push(curveOf(attackRun, first.epsilons, records));
    warnings.push(...warningsOf(records.map(({ result }) => result)));
  }
  return {
    ...{ model, data },
    settings: { seed, preprocessing: classifier.guess.name ?? classifier.guess.preprocessing },
    warnings,
    curves,
    failures: failedRecords(store, items).map(({ key, message }) => ({
      image: key.image,
      attack: key.method,
      message,
    })),
    run,
  };
}

function curveOf(
  { name, attack, settings }: AttackRun,
  epsilons: readonly number[],
  records: readonly FinishedRecord<RobustnessRecord>[],
): RobustnessCurve {
  const results = records.map(({ result }) => result);
  const share = (count: number): Estimate => wilsonInterval(count, results.length) ?? { value: 0, low: 0, high: 1 };
  const right = results.filter(({ label, truth }) => label === truth);
  const stands = (fallsAt: number | null, epsilon: number): boolean => fallsAt === null || fallsAt > epsilon;
  const mean = (value: (record: FinishedRecord<RobustnessRecord>) => number): number =>
    records.reduce((sum, record) => sum + value(record), 0) / records.length;
  const total = (kind: "forward" | "gradient") =>
    mean(({ result }) => result.radii.reduce((sum, { evaluations }) => sum + evaluations[kind], 0));
  return {
    ...{ name, title: attack.title, settings },
    norm: typeof settings.norm === "string" ? settings.norm : "linf",
    pictures: results.length,
    accuracy: share(right.length),
    radii: epsilons.map((epsilon): RadiusSummary => {
      const standing = right.filter(({ fallsAt }) => stands(fallsAt, epsilon)).length;
      return {
        ...{ epsilon, standing, robust: share(standing) },
        robustInBytes: share(right.filter(({ fallsInBytesAt }) => stands(fallsInBytesAt, epsilon)).length),
        byParts: countsOf(
          right.flatMap(({ fallsAt, radii }) => {
            const by = radii.find((radius) => radius.epsilon === epsilon)?.by ?? null;
            return fallsAt === epsilon && by !== null ? [by] : [];
          }),
        ),
      };
    }),
    evaluations: { forward: total("forward"), gradient: total("gradient") },
    seconds: mean(({ seconds }) => seconds),
  };
}

function countsOf(words: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const word of words) counts[word] = (counts[word] ?? 0) + 1;
  return counts;
}

/** Each warning once, with the number of pictures that it was said of. */
function warningsOf(results: readonly RobustnessRecord[]): ModelWarning[] {
  const found = new Map<string, { readonly warning: ModelWarning; count: number }>();
  for (const { warnings } of results) {
    for (const warning of warnings) {
      const known = found.get(warning.code) ?? { warning, count: 0 };
      known.count++;
      found.set(warning.code, known);
    }
  }
  return [...found.values()]
    .filter(({ warning, count }) => warning.code !== "masked-gradients" || count > maskedShare * results.length)
    .map(({ warning: { code, message }, count }) => ({
      code,
      message: `${message} (${count} of ${results.length} pictures)`,
    }));
}
