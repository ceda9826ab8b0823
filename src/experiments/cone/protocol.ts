/**
 * @file The cone experiment (Figure 5): the planes through every picture that all attacks have changed, picture by picture.
 *
 * It begins where the attack experiment ends: its items are that experiment's findings, and their images its arrays. A record and an
 * array are kept per picture and attack, so that an interrupted run goes on and no more than one picture is in memory.
 */
import type { Classifier } from "../../classifier/classifier.ts";
import { BadInputError, checkForm, checkKeys, numberIn } from "../../errors.ts";
import { createRandom } from "../../random/random.ts";
import { tensorOf } from "../../tensor/tensor.ts";
import type { AttackItem } from "../attack/protocol.ts";
import type { AttackFinding } from "../attack/record.ts";
import { classifierSettings } from "../records/classifier-settings.ts";
import type { ExperimentIdentity, RecordStore } from "../records/record-store.ts";
import type { Computed, ExperimentItem } from "../records/run-experiment.ts";
import { axesOf, planesOf } from "./planes.ts";
import { type ConeRecord, planesArray } from "./record.ts";
import { type Cone, coneAccumulator } from "./summary.ts";

/** Raised when the same settings no longer give the same records. */
export const coneVersion = "1";

/** The attacks and their pictures are drawn from other numbers than the directions. */
export const coneStreams = { attack: 0, direction: 1 } as const;

export interface ConeSettings {
  /** From one point of the grid to the next, in lengths of the perturbation: one over an even number. */
  readonly step: number;
  readonly directions: number;
  /** Points per run of the network. */
  readonly batch: number;
  readonly seed: number;
}

/** `settings` if they can be meant; otherwise throws a MisuseError that says which cannot. */
export function checkConeSettings(settings: ConeSettings): ConeSettings {
  axesOf(settings.step);
  numberIn("cone: directions", settings.directions, { min: 1, integer: true });
  numberIn("cone: batch", settings.batch, { min: 1, integer: true });
  numberIn("cone: seed", settings.seed, { min: 0, max: Number.MAX_SAFE_INTEGER, integer: true });
  return settings;
}

/** What a folder of cones is about; grid, directions and seed are in the keys. */
export function coneIdentity(classifier: Classifier, modelSha256: string): ExperimentIdentity {
  checkForm("coneIdentity: classifier", classifier, ["model", "prepared", "input", "guess"]);
  checkForm("coneIdentity: modelSha256", modelSha256, "string");
  return {
    experiment: "cone",
    version: coneVersion,
    model: modelSha256,
    data: "pictures",
    settings: classifierSettings(classifier),
  };
}

/** The planes of one picture under one attack. */
export interface ConeItem extends ExperimentItem {
  readonly attacked: AttackItem;
}

/**
 * One item for each picture and attack, picture by picture, of the pictures that every attack has changed: the cones of all attacks are
 * of the same pictures, so that they can be compared.
 */
export function coneItems(
  attacked: readonly AttackItem[],
  findings: Pick<RecordStore<AttackFinding>, "finished">,
  settings: ConeSettings,
): ConeItem[] {
  checkForm("coneItems: attacked", attacked, "list");
  checkForm("coneItems: findings", findings, ["finished"]);
  checkForm("coneItems: settings", settings, ["step", "directions", "batch", "seed"]);
  const { step, directions, seed } = checkConeSettings(settings);
  const byPosition = new Map<number, AttackItem[]>();
  for (const item of attacked) byPosition.set(item.position, [...(byPosition.get(item.position) ?? []), item]);
  const hasPlane = ({ key }: AttackItem): boolean => {
    const found = findings.finished(key);
    return found !== undefined && isChanged(found.result);
  };
  return [...byPosition.entries()]
    .sort(([a], [b]) => a - b)
    .flatMap(([, items]) => (items.every(hasPlane) ? items : []))
    .map((item) => ({
      key: { ...item.key, options: { ...item.key.options, step, directions, coneSeed: seed } },
      attacked: item,
    }));
}

/** Whether picture and attacked picture differ, so that planes go through them. */
export function isChanged({ withinBudget }: AttackFinding): boolean {
  return withinBudget.distances.l0 > 0;
}

export interface ConeComputeOptions {
  readonly settings: ConeSettings;
  readonly findings: Pick<RecordStore<AttackFinding>, "finished" | "readArray">;
  /** Called with the number of points that have been evaluated since it was called last. */
  readonly onPoints?: (count: number, item: ConeItem) => void;
}

/** The function that computes an item's record, for `runExperiment`. */
export function coneCompute(
  classifier: Classifier,
  options: ConeComputeOptions,
): (items: readonly ConeItem[], context: { readonly signal?: AbortSignal }) => Promise<Computed<ConeRecord>[]> {
  checkKeys("coneCompute", options, ["settings", "findings", "onPoints"]);
  checkForm("coneCompute: classifier", classifier, ["model", "prepared", "input", "guess"]);
  checkForm("coneCompute: options", options, ["settings", "findings"]);
  const { settings, findings, onPoints } = options;
  const { step, directions, batch, seed } = checkConeSettings(settings);
  const axes = axesOf(step);
  return async (items, { signal }) => {
    const pass = await classifier.forward({ batch });
    const results: Computed<ConeRecord>[] = [];
    for (const item of items) {
      const { attacked } = item;
      const found = findings.finished(attacked.key);
      const adversarial = await findings.readArray(attacked.key, "adversarial");
      if (found === undefined || !(adversarial?.data instanceof Float32Array)) {
        throw new BadInputError({ where: attacked.picture.image, what: "the attacked picture is missing" });
      }
      const { label } = found.result;
      const pair = { image: (await attacked.picture.input()).data, adversarial: adversarial.data, label };
      const random = createRandom(seed, coneStreams.direction, attacked.position);
      const onOwnPoints = (count: number): void => onPoints?.(count, item);
      const planes = await planesOf(pass, pair, { axes, directions, random, signal, onPoints: onOwnPoints });
      const { curvature, points, logOdds } = planes;
      results.push({
        result: { label, curvature, points },
        arrays: { [planesArray]: tensorOf("float64", logOdds, [directions, axes.a.length, axes.b.length]) },
      });
    }
    return results;
  };
}

/**
 * The cone of the items that have records, in their order, one picture in memory at a time. Throws a MisuseError if there are none.
 */
export async function coneOfRecords(
  items: readonly ConeItem[],
  store: Pick<RecordStore<ConeRecord>, "finished" | "readArray">,
  settings: ConeSettings,
): Promise<Cone> {
  checkForm("coneOfRecords: items", items, "list");
  checkForm("coneOfRecords: store", store, ["finished", "readArray"]);
  checkForm("coneOfRecords: settings", settings, ["step", "directions", "batch", "seed"]);
  const { step, directions } = settings;
  const cone = coneAccumulator(axesOf(step), directions);
  for (const { key } of items) {
    const record = store.finished(key);
    const planes = record === undefined ? undefined : await store.readArray(key, planesArray);
    if (record === undefined || !(planes?.data instanceof Float64Array)) continue;
    cone.add({ logOdds: planes.data, curvature: record.result.curvature, points: record.result.points });
  }
  return cone.finish();
}
