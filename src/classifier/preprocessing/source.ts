/** @file A statement on preprocessing: what something says, and why it is trusted. */
import { type NormalizationName, normalizations } from "./preprocessing.ts";
import type { StatedPreprocessing } from "./read-config.ts";

/** Preprocessing that a file beside the model states, with the phrase that says so. */
export interface StatedBeside {
  readonly stated: StatedPreprocessing;
  readonly reason: string;
}

/** A statement on preprocessing, in the order of trust. */
export interface Source extends StatedBeside {
  /** Whether pictures can no longer change the normalization. */
  readonly isSettled: boolean;
}

export function statedBy(name: NormalizationName): StatedPreprocessing {
  const { scale, mean, std, channels } = normalizations[name];
  return { normalization: { scale, mean, std }, channels };
}
