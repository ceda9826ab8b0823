/**
 * @file Some methods against each of the others, on the same pictures: the paper's claims are of this kind ("the guided method errs less
 * than …"), and not of the distance to whatever happens to be the best.
 */
import { checkForm, MisuseError } from "../../errors.ts";
import { gridKinds, type ThresholdKind } from "../../localization/threshold-grids.ts";
import { perceptual } from "../../saliency/perturbations/perceptual.ts";
import { deviationsOf, holmAdjust } from "../statistics/statistics.ts";
import {
  checkPooling,
  clustersOf,
  type IntervalEstimate,
  type Pooling,
  pairedTest,
  unknownShare,
} from "./estimates.ts";
import type { TabledRecord } from "./judged-record.ts";
import type { MethodRun } from "./protocol.ts";
import { checkSummaryOptions, defaultSummaryOptions, type SummaryOptions } from "./summary-options.ts";
import { bestThreshold, errorsOf, type Subject, subjectsOf } from "./threshold-errors.ts";

/** One method against another, or against a box that looks at nothing. */
export interface Comparison {
  readonly method: string;
  readonly other: string;
  readonly kind: ThresholdKind;
  /** The other's error less the method's, on the pictures that both have: above 0 where the method errs less. Each at its best threshold; the interval is the normal one of paired differences. */
  readonly gain: IntervalEstimate;
  /**
   * The chance of a difference at least this large if the two were equally good, Holm-corrected over the others of this method and kind: McNemar's
   * exact test, or, where pictures come more than once, random signs for whole pictures.
   */
  readonly pValue: number;
}

/** The names of the runs whose method is one of the paper's: those that its claims are about. */
export function paperMethods(runs: readonly Pick<MethodRun, "name" | "method">[]): string[] {
  checkForm("paperMethods: runs", runs, "list");
  return runs
    .filter(({ method }) => method.perturbing?.search === perceptual.perturbing.search)
    .map(({ name }) => name);
}

/** `names`, each against every other method of `runs` and the two baselines, with each kind of threshold. Names without records are left out. */
export function compareMethods(
  records: readonly TabledRecord[],
  runs: readonly Pick<MethodRun, "name" | "method">[],
  names: readonly string[],
  options: SummaryOptions = defaultSummaryOptions,
  pooling: Pooling = {},
): Comparison[] {
  checkSummaryOptions("compareMethods", options);
  checkPooling("compareMethods", pooling);
  checkForm("compareMethods: names", names, "list");
  const subjects = subjectsOf("compareMethods", records, runs);
  const unknown = names.find((name) => !runs.some((run) => run.name === name));
  if (unknown !== undefined) {
    throw new MisuseError({
      where: "compareMethods",
      what: `no method is called ${JSON.stringify(unknown)}`,
      expected: runs.map(({ name }) => name).join(", "),
    });
  }
  return gridKinds.flatMap((kind) => {
    const wrong = subjects.map((subject) => wrongByImage(subject, kind, options));
    return names.flatMap((name) => {
      const own = subjects.findIndex((subject) => subject.name === name && subject.baseline === undefined);
      if (own < 0) return [];
      const rivals = subjects.flatMap((subject, s) =>
        s === own ? [] : [{ other: subject.name, ...gainOf(wrong[own], wrong[s], pooling) }],
      );
      const adjusted = holmAdjust(rivals.map(({ pValue }) => pValue));
      return rivals.map(({ other, gain }, r) => ({ method: name, other, kind, gain, pValue: adjusted[r] }));
    });
  });
}

/** Of each picture, whether the subject's box is wrong at the threshold that suits the subject best. */
function wrongByImage(subject: Subject, kind: ThresholdKind, options: SummaryOptions): Map<string, boolean> {
  const errors = errorsOf(subject, kind, options);
  const wrong = errors[bestThreshold(errors)];
  return new Map(subject.records.map(({ key }, i) => [key.image, wrong[i]]));
}

function gainOf(
  own: ReadonlyMap<string, boolean>,
  others: ReadonlyMap<string, boolean>,
  pooling: Pooling,
): Pick<Comparison, "gain" | "pValue"> {
  const images = [...own.keys()].filter((image) => others.has(image));
  const gains = images.map((image) => Number(others.get(image)) - Number(own.get(image)));
  const clusters = clustersOf(images, pooling);
  return { gain: meanGain(gains, clusters ?? images), pValue: pairedTest(gains, clusters) };
}

/** The mean with the normal interval whose variance is that of the clusters' sums (each record a cluster: that of the mean). */
function meanGain(gains: readonly number[], clusters: readonly string[]): IntervalEstimate {
  const { length } = gains;
  if (length === 0) return { ...unknownShare, interval: [-1, 1] };
  const value = gains.reduce((sum, gain) => sum + gain, 0) / length;
  const sums = new Map<string, number>();
  for (const [i, cluster] of clusters.entries()) sums.set(cluster, (sums.get(cluster) ?? 0) + gains[i] - value);
  const squares = [...sums.values()].reduce((sum, deviation) => sum + deviation ** 2, 0);
  const half = (deviationsOf() * Math.sqrt(squares)) / length;
  return { value, interval: [Math.max(-1, value - half), Math.min(1, value + half)], count: length };
}
