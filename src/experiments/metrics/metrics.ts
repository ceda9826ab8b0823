/** @file The metrics by name, as the benchmark measures them: on one picture's map each, and what the pictures' values add up to. */
import type { Classifier } from "../../classifier/classifier.ts";
import { namedAmong } from "../../errors.ts";
import type { ImageTensor } from "../../image/picture.ts";
import type { Random } from "../../random/random.ts";
import type { SaliencyMap } from "../../saliency/saliency-map.ts";
import { type Form, isJsonObject, isNumber, listOf, objectOf, orNull } from "../records/record-form.ts";
import { bootstrap, bootstrapMean, type Estimate } from "../statistics/statistics.ts";
import { infidelity } from "./infidelity.ts";
import { maxSensitivity } from "./max-sensitivity.ts";
import { road } from "./road.ts";
import { type SensitivitySteps, sensitivityN, sensitivitySteps } from "./sensitivity-n.ts";
import { sparseness } from "./sparseness.ts";

/** A map to measure, and all that can be asked of it. */
export interface MetricSubject {
  readonly classifier: Classifier;
  /** [C, H, W], pixels in [0, 1]. */
  readonly image: ImageTensor;
  readonly map: SaliencyMap;
  /** The class that it explains. */
  readonly label: number;
  /** The map of another image, of the same class and by the same method. */
  readonly explain: (image: ImageTensor) => Promise<SaliencyMap>;
  /** Whether images must be pictures, with pixels in [0, 1]. */
  readonly takesPictures: boolean;
  /** Images per run of the network. */
  readonly batch: number | undefined;
  readonly random: Random;
  readonly signal: AbortSignal | undefined;
}

/** What a picture's record keeps of a metric; null where it is undefined for the map. */
export type MetricValue = number | SensitivitySteps | null;

/** A metric, as the benchmark sees it. */
export interface Metric<N extends string = string> {
  /** As on the command line. */
  readonly name: N;
  /** As in a table's heading, and what is said below it. */
  readonly title: string;
  readonly hint: string;
  readonly isLessBetter: boolean;
  readonly measure: (subject: MetricSubject) => Promise<MetricValue>;
  readonly isValue: Form<MetricValue>;
  /** What the values of a method's pictures add up to, with its 95 % interval; undefined where they say nothing. */
  readonly summarize: (values: readonly MetricValue[]) => Estimate | undefined;
}

const numberOrNull: Form<MetricValue> = orNull(isNumber);
const steps: Form<SensitivitySteps> = objectOf<SensitivitySteps>({ losses: listOf(isNumber), sums: listOf(isNumber) });
const resampling = { resamples: 2000 };

/** Of metrics that are a number for each picture: their mean. */
const ofNumbers = {
  isValue: numberOrNull,
  summarize: (values: readonly MetricValue[]) =>
    bootstrapMean(
      values.filter((value) => typeof value === "number"),
      resampling,
    ),
} as const;

/** Five digits are enough for a table, and keep records small. */
const rounded = (value: number): number => Number(value.toPrecision(5));

const all = {
  road: {
    ...ofNumbers,
    name: "road",
    title: "ROAD",
    hint: "the class stays without the map's pixels, lower is better",
    isLessBetter: true,
    measure: async ({ classifier, image, map, label, batch, random, signal }) =>
      rounded((await road(classifier, image, map, { label, batch, random, signal })).share),
  },
  infidelity: {
    ...ofNumbers,
    name: "infidelity",
    title: "Infidelity",
    hint: "of the map at its best scale, lower is better",
    isLessBetter: true,
    // Maps have units of their own, which nothing can be read from.
    measure: async ({ classifier, image, map, label, batch, signal }) =>
      rounded(await infidelity(classifier, image, map, { label, batch, signal, scale: "best" })),
  },
  "sensitivity-n": {
    name: "sensitivity-n",
    title: "Sensitivity-n",
    hint: "correlation over the pictures",
    isLessBetter: false,
    measure: async ({ classifier, image, map, label, batch, signal }) => {
      const { losses, sums } = await sensitivitySteps(classifier, image, map, { label, batch, signal });
      return { losses: losses.map(rounded), sums: sums.map(rounded) };
    },
    isValue: orNull<SensitivitySteps>(steps),
    summarize(values) {
      const pictures = values.filter((value): value is SensitivitySteps => isJsonObject(value));
      if (sensitivityN(pictures) === undefined) return undefined;
      return bootstrap(pictures, (drawn) => sensitivityN(drawn) ?? Number.NaN, resampling);
    },
  },
  "max-sensitivity": {
    ...ofNumbers,
    name: "max-sensitivity",
    title: "Max-sensitivity",
    hint: "change of the map with the image, lower is better",
    isLessBetter: true,
    async measure({ classifier, image, map, explain, takesPictures, random, signal }) {
      const options = { isClipped: takesPictures, random, signal };
      const found = await maxSensitivity(classifier, image, map, explain, options);
      return found === undefined ? null : rounded(found);
    },
  },
  sparseness: {
    ...ofNumbers,
    name: "sparseness",
    title: "Sparseness",
    hint: "Gini index of the map",
    isLessBetter: false,
    measure: async ({ map }) => rounded(sparseness(map)),
  },
} as const satisfies Readonly<Record<string, Metric>>;

export type MetricName = keyof typeof all;

/** All metrics, in the order in which tables list them. */
export const metrics: readonly Metric<MetricName>[] = Object.values(all);

/** The metric that a user calls `name`. Throws a MisuseError in the name of `where`, with the nearest name. */
export function metricNamed(where: string, name: string): Metric<MetricName> {
  return namedAmong(where, metrics, name);
}

/** What a record keeps of the metrics that were asked for, by name. */
export type MetricValues = Readonly<Partial<Record<MetricName, MetricValue>>>;

/** Whether a value that was read is {@link MetricValues}. */
export const isMetricValues: Form<MetricValues> = (value): value is MetricValues =>
  isJsonObject(value) &&
  Object.entries(value).every(([name, one]) => metrics.find((metric) => metric.name === name)?.isValue(one) ?? false);
