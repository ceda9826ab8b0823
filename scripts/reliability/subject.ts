/** @file What a mutation campaign is about: an input made hostile, and what the product does with it. */
import { AbortedError, PerceptualBallError } from "../../src/errors.ts";
import type { Random } from "../../src/random/random.ts";

/** Files by their paths. */
export type Input = ReadonlyMap<string, Uint8Array>;

export type Outcome = "accepted" | "refused";

/** One kind of input. */
export interface Subject {
  readonly name: string;
  /** A hostile input: the same for the same stream of random numbers. */
  readonly make: (random: Random) => Input;
  /** What the product does with it. Throws if that is a finding. */
  readonly use: (input: Input) => Promise<Outcome>;
}

/** Whether `work` goes through or refuses its input as it should: by an error of ours that says something. Everything else is thrown. */
export async function outcomeOf(work: () => unknown): Promise<Outcome> {
  try {
    await work();
    return "accepted";
  } catch (error) {
    if (!(error instanceof PerceptualBallError) || error instanceof AbortedError || error.message === "") throw error;
    return "refused";
  }
}

/** An input of one file. */
export function oneFile(bytes: Uint8Array): Input {
  return new Map([["file", bytes]]);
}

export function onlyFile(input: Input): Uint8Array {
  const [bytes = new Uint8Array()] = input.values();
  return bytes;
}
