/** @file What the localization benchmark keeps of one picture and method: plain JSON, from which every table is made. */
import type { Box } from "../../image/geometry.ts";
import type { ThresholdKind } from "../../localization/threshold-grids.ts";

/**
 * For each threshold of each kind's grid the box that was found, in pixels of the network's input, as {@link boxesAsText} writes
 * them: thousands of records lie in memory, where a text takes a tenth of what arrays take.
 */
export type GridBoxes = Readonly<Record<ThresholdKind, string>>;

/** Boxes as text: "x0,y0,x1,y1" each, "-" for null (no pixel was kept), with spaces between them. */
export function boxesAsText(boxes: readonly (Box | null)[]): string {
  return boxes.map((box) => box?.join(",") ?? "-").join(" ");
}

/** The boxes that {@link boxesAsText} wrote. */
export function boxesOfText(text: string): (Box | null)[] {
  return text.split(" ").map((box) => (box === "-" ? null : (box.split(",").map(Number) as unknown as Box)));
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
}
