/** @file What a result took of the network, in one shape for all of them. */
import { checkForm } from "../errors.ts";

/** Runs of the network, counted in images: those that went forward only, and those that went back as well. */
export interface Cost {
  readonly forward: number;
  readonly gradient: number;
}

/** What several parts took together. */
export function totalCost(...parts: readonly Cost[]): Cost {
  for (const part of parts) checkForm("totalCost: part", part, ["forward", "gradient"]);
  return {
    forward: parts.reduce((sum, { forward }) => sum + forward, 0),
    gradient: parts.reduce((sum, { gradient }) => sum + gradient, 0),
  };
}
