/** @file Of each method and picture, at each threshold of a grid, whether the box is wrong: what all tables are made of. */
import { checkForm, MisuseError } from "../../errors.ts";
import type { Box } from "../../image/geometry.ts";
import { centeredBox, wholeBox } from "../../localization/box.ts";
import { type ThresholdKind, thresholdGrids } from "../../localization/threshold-grids.ts";
import type { FinishedRecord } from "../records/record-store.ts";
import { isLocalized } from "./agreement.ts";
import { errorsAsText, type TabledRecord } from "./judged-record.ts";
import type { MethodRun } from "./protocol.ts";
import type { ConnectivityKey, LocalizationRecord } from "./record.ts";
import type { SummaryOptions } from "./summary-options.ts";

export type LocalizationFinished = FinishedRecord<LocalizationRecord>;

/** What is known of one method, or of a box that looks at nothing. */
export interface Subject {
  readonly name: string;
  readonly title: string;
  /** By image. */
  readonly records: readonly TabledRecord[];
  /** The same box whatever the threshold; undefined for methods. */
  readonly baseline?: (size: LocalizationRecord["size"]) => Box;
}

/**
 * One subject for each run that has records, in the order given, then the two boxes that look at nothing. `where` asks, in the error that
 * is thrown if there are no records.
 */
export function subjectsOf(
  where: string,
  records: readonly TabledRecord[],
  runs: readonly Pick<MethodRun, "name" | "method">[],
): Subject[] {
  checkForm(`${where}: records`, records, "list");
  checkForm(`${where}: runs`, runs, "list");
  const byImage = [...records].sort((a, b) => (a.key.image < b.key.image ? -1 : a.key.image > b.key.image ? 1 : 0));
  const subjects: Subject[] = runs
    .map(({ name, method }) => ({
      name,
      title: name === method.name ? method.title : `${method.title} (${name})`,
      records: byImage.filter(({ key }) => key.method === name),
    }))
    .filter((subject) => subject.records.length > 0);
  if (subjects.length === 0) throw new MisuseError({ where, what: "there are no records" });
  const onePerImage = [...new Map(byImage.map((record) => [record.key.image, record])).values()];
  return [
    ...subjects,
    {
      name: "whole picture",
      title: "The whole picture",
      baseline: ({ width, height }) => wholeBox(width, height),
      records: onePerImage,
    },
    {
      name: "centered box",
      title: "A centered box of half the area",
      baseline: ({ width, height }) => centeredBox(width, height),
      records: onePerImage,
    },
  ];
}

/** For each threshold of the kind's grid, for each picture, whether the box is wrong. A baseline has one threshold. */
export function errorsOf(
  { records, baseline }: Subject,
  kind: ThresholdKind,
  options: SummaryOptions,
  connectivity: ConnectivityKey = options.connectivity,
): boolean[][] {
  if (baseline !== undefined) {
    return [records.map(({ result }) => !isLocalized(baseline(result.size), result, options))];
  }
  const wrong = records.map(({ result }) =>
    "wrong" in result
      ? result.wrong[connectivity][kind]
      : errorsAsText(result, result.boxes[connectivity][kind], options),
  );
  return thresholdGrids[kind].map((_, t) => wrong.map((errors) => errors[t] === "1"));
}

/** How many of the errors are made. */
export function countOf(errors: readonly boolean[]): number {
  return errors.reduce((sum, isWrong) => sum + Number(isWrong), 0);
}

/** The place of the least error; of equal ones the first. */
export function bestThreshold(errors: readonly (readonly boolean[])[]): number {
  const counts = errors.map(countOf);
  return counts.indexOf(Math.min(...counts));
}
