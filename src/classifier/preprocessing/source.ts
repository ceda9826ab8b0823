/** @file A statement on preprocessing: what something says, and why it is trusted. */
import type { GeometryRule } from "../../image/geometry.ts";
import { type Normalization, type NormalizationName, normalizations } from "./preprocessing.ts";

/** Parts of a preprocessing that something states. */
export interface StatedPreprocessing {
  readonly normalization: Partial<Pick<Normalization, "scale" | "mean" | "std">>;
  readonly channels?: Normalization["channels"];
  readonly layout?: Normalization["layout"];
  /** For an input of this size; undefined where nothing is said of it. */
  readonly geometry?: (height: number, width: number) => GeometryRule;
  /** The size of the network's input, where the statement has it. */
  readonly inputSize?: readonly [height: number, width: number];
  /** Another size that the statement is for as well: timm's of tests. */
  readonly testSize?: readonly [height: number, width: number];
}

/** Preprocessing that a file beside the model states, with the phrase that says so. */
export interface StatedBeside {
  readonly stated: StatedPreprocessing;
  readonly reason: string;
  /** Whether only its content says that it is meant: it counts after all else that states something, and nothing is said where it does not fit. */
  readonly isIncidental?: boolean;
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
