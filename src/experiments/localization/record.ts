/** @file What the localization benchmark keeps of one picture and method: plain JSON, from which every table is made. */

import { checkForm } from "../../errors.ts";
import type { Box } from "../../image/geometry.ts";
import { type ThresholdKind, thresholdGrids } from "../../localization/threshold-grids.ts";
import { isMetricValues, type MetricValues } from "../metrics/metrics.ts";
import {
  type Form,
  isBox,
  isCost,
  isCount,
  isJsonObject,
  isNumber,
  isShare,
  listOf,
  objectOf,
  orNull,
} from "../records/record-form.ts";

/**
 * For each threshold of each kind's grid the box that was found, in pixels of the network's input, as {@link boxesAsText} writes
 * them: thousands of records lie in memory, where a text takes a tenth of what arrays take.
 */
export type GridBoxes = Readonly<Record<ThresholdKind, string>>;

/** Boxes as text: "x0,y0,x1,y1" each, "-" for null (no pixel was kept), with spaces between them. */
export function boxesAsText(boxes: readonly (Box | null)[]): string {
  checkForm("boxesAsText: boxes", boxes, "list");
  return boxes.map((box) => box?.join(",") ?? "-").join(" ");
}

/** The boxes that {@link boxesAsText} wrote. */
export function boxesOfText(text: string): (Box | null)[] {
  checkForm("boxesOfText: text", text, "string");
  return text.split(" ").map((box) => {
    if (box === "-") return null;
    const [x0, y0, x1, y1] = box.split(",").map(Number);
    return [x0, y0, x1, y1];
  });
}

/** How components are formed, as a key: neighbors, or everything that is kept. */
export type ConnectivityKey = "8" | "4" | "none";

export interface LocalizationRecord {
  /** The class that the network predicts, with its softmax. */
  readonly predicted: { readonly label: number; readonly confidence: number };
  /** The class that was explained. */
  readonly explained: number;
  /** The class that the data set states; null if it states none. */
  readonly truth: number | null;
  /** Of the network's input, in pixels. */
  readonly size: { readonly width: number; readonly height: number };
  /** The right boxes, clipped to what the network sees, in pixels of its input: those of the truth's class. */
  readonly truthBoxes: readonly Box[];
  readonly boxes: Readonly<Record<ConnectivityKey, GridBoxes>>;
  /** The middle of the map's greatest pixel, in pixels of the network's input. */
  readonly point: readonly [x: number, y: number];
  /** How far it lies from the nearest right box, in pixels of the picture as stored, and in pixels of the network's input. */
  readonly pointDistance: { readonly picture: number; readonly input: number };
  /** Share of the map's sum inside the right boxes; null for a map that is zero everywhere. */
  readonly energyInside: number | null;
  /** Average precision of the map against the object's exact pixels; null where these are not known. */
  readonly averagePrecision: number | null;
  /** Softmax of the explained class while pixels are shown and taken away; null where the benchmark leaves it out. */
  readonly insertion: readonly number[] | null;
  readonly deletion: readonly number[] | null;
  readonly evaluations: { readonly forward: number; readonly gradient: number };
  /** The method's settings in effect, and what it found out besides the map. */
  readonly settings: Readonly<Record<string, unknown>>;
  readonly details: Readonly<Record<string, unknown>> | null;
  /** Further metrics, where they were asked for. */
  readonly metrics?: MetricValues;
}

/** A text of as many boxes as the kind's grid has thresholds. */
function isGridOf(kind: ThresholdKind): Form<string> {
  const box = /^(-|\d+,\d+,\d+,\d+)$/;
  const { length } = thresholdGrids[kind];
  return (value): value is string => {
    if (typeof value !== "string") return false;
    const boxes = value.split(" ");
    return boxes.length === length && boxes.every((text) => box.test(text));
  };
}

const isGridBoxes = objectOf<GridBoxes>({
  value: isGridOf("value"),
  percent: isGridOf("percent"),
  mean: isGridOf("mean"),
  energy: isGridOf("energy"),
});

/** Two numbers: a point. */
const isPoint: Form<LocalizationRecord["point"]> = (value): value is LocalizationRecord["point"] =>
  Array.isArray(value) && value.length === 2 && value.every(isNumber);

/** A curve has two ends at least. */
const isCurve: Form<readonly number[]> = (value): value is readonly number[] =>
  listOf(isShare)(value) && value.length > 1;

type WithoutMetrics = Omit<LocalizationRecord, "metrics">;

const isWithoutMetrics: Form<WithoutMetrics> = objectOf<WithoutMetrics>({
  predicted: objectOf<LocalizationRecord["predicted"]>({ label: isCount, confidence: isShare }),
  explained: isCount,
  truth: orNull(isCount),
  size: objectOf<LocalizationRecord["size"]>({ width: isCount, height: isCount }),
  truthBoxes: (value): value is readonly Box[] => listOf(isBox)(value) && value.length > 0,
  boxes: objectOf<LocalizationRecord["boxes"]>({ "8": isGridBoxes, "4": isGridBoxes, none: isGridBoxes }),
  point: isPoint,
  pointDistance: objectOf<LocalizationRecord["pointDistance"]>({ picture: isNumber, input: isNumber }),
  energyInside: orNull(isShare),
  averagePrecision: orNull(isShare),
  insertion: orNull(isCurve),
  deletion: orNull(isCurve),
  evaluations: isCost,
  settings: isJsonObject,
  details: orNull(isJsonObject),
});

/** Whether a value that was read is a {@link LocalizationRecord}. */
export const isLocalizationRecord: Form<LocalizationRecord> = (value): value is LocalizationRecord => {
  if (!isJsonObject(value) || !Object.hasOwn(value, "metrics")) return isWithoutMetrics(value);
  const { metrics, ...rest } = value;
  return isWithoutMetrics(rest) && isMetricValues(metrics);
};
