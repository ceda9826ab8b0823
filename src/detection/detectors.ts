/** @file The registry of detectors: each by its name. */
import { namedAmong } from "../errors.ts";
import { confidence, margin } from "./baselines/baselines.ts";
import type { AnyDetector } from "./detector.ts";
import { kernelDensity } from "./features/kernel-density.ts";
import { lid } from "./features/lid.ts";
import { mahalanobis } from "./features/mahalanobis.ts";
import { probe } from "./features/probe.ts";
import { subsetScanning } from "./features/subset-scanning.ts";
import { odds } from "./odds/odds-detector.ts";
import { squeezing } from "./squeezing/squeezing.ts";

/** The detectors by name, in the order in which they are listed to users: those of no cost first, with which all others are compared. */
export const detectorsByName = {
  confidence,
  margin,
  squeezing,
  odds,
  mahalanobis,
  "kernel-density": kernelDensity,
  lid,
  "subset-scanning": subsetScanning,
  probe,
} as const;

/** All detectors, in the same order. */
export const detectors: readonly AnyDetector[] = Object.values(detectorsByName);

export type DetectorName = keyof typeof detectorsByName;

/** The detector called `name`, with its own types: a name that does not exist does not compile. For names from outside, {@link detectorNamed}. */
export function findDetector<N extends DetectorName>(name: N): (typeof detectorsByName)[N] {
  detectorNamed(name);
  return detectorsByName[name];
}

/** The detector called `name`, whatever its settings are; throws a MisuseError with the nearest name if there is none. */
export function detectorNamed(name: string): AnyDetector {
  return namedAmong("detector", detectors, name);
}
