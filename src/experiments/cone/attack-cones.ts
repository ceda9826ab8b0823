/** @file The cones of several attacks, from the records of both experiments: what was attacked, and the planes through it. */

import { checkForm } from "../../errors.ts";
import type { AttackItem, AttackRun } from "../attack/protocol.ts";
import type { AttackFinding } from "../attack/record.ts";
import type { RecordStore } from "../records/record-store.ts";
import { type ConeItem, type ConeSettings, coneOfRecords } from "./protocol.ts";
import type { ConeRecord } from "./record.ts";
import type { Cone } from "./summary.ts";

/** Means over the pictures of a cone. */
export interface AttackMeans {
  readonly flipped: number;
  readonly margin: number;
  readonly l2: number;
  readonly linf: number;
  readonly perceptual: number;
}

/** One attack with the cone of what it made of the pictures. */
export interface AttackCone {
  readonly run: AttackRun;
  readonly cone: Cone;
  /** What the attack did to the pictures of the cone. */
  readonly findings: readonly AttackFinding[];
  readonly means: AttackMeans;
}

/** What the cones are made of. */
export interface AttackConesInput {
  readonly runs: readonly AttackRun[];
  readonly items: readonly ConeItem[];
  readonly findings: Pick<RecordStore<AttackFinding>, "finished">;
  readonly planes: Pick<RecordStore<ConeRecord>, "finished" | "readArray">;
  readonly settings: ConeSettings;
}

/** The cone of each run, of the items that have planes. Throws a MisuseError if a run has none. */
export async function attackCones(input: AttackConesInput): Promise<AttackCone[]> {
  checkForm("attackCones: input", input, ["runs", "items", "findings", "planes"]);
  const { runs, items, findings, planes, settings } = input;
  const cones: AttackCone[] = [];
  for (const run of runs) {
    const own = items.filter(
      ({ key, attacked: { run: other } }) => other === run && planes.finished(key) !== undefined,
    );
    const found = own.flatMap(({ attacked: { key } }) => findings.finished(key)?.result ?? []);
    cones.push({ run, findings: found, means: meansOf(found), cone: await coneOfRecords(own, planes, settings) });
  }
  return cones;
}

/** The seconds that the records took, all runs together. */
export function coneSeconds(
  attacked: readonly AttackItem[],
  items: readonly ConeItem[],
  given: Pick<AttackConesInput, "findings" | "planes">,
): number {
  checkForm("coneSeconds: attacked", attacked, "list");
  checkForm("coneSeconds: items", items, "list");
  checkForm("coneSeconds: given", given, ["findings", "planes"]);
  const { findings, planes } = given;
  const records = [
    ...attacked.map(({ key }) => findings.finished(key)),
    ...items.map(({ key }) => planes.finished(key)),
  ];
  return Math.round(records.reduce((sum, record) => sum + (record?.seconds ?? 0), 0));
}

function meansOf(findings: readonly AttackFinding[]): AttackMeans {
  const mean = (value: (finding: AttackFinding) => number): number =>
    findings.reduce((sum, finding) => sum + value(finding), 0) / findings.length;
  return {
    flipped: mean(({ withinBudget }) => Number(withinBudget.success)),
    margin: mean(({ withinBudget }) => withinBudget.margin),
    l2: mean(({ withinBudget }) => withinBudget.distances.l2),
    linf: mean(({ withinBudget }) => withinBudget.distances.linf),
    perceptual: mean(({ withinBudget }) => withinBudget.distances.perceptual),
  };
}
