/** @file An output of one number: what the one of two classes scores, or a quantity. */
import { type OddsReading, plainOdds } from "../probabilities/readings.ts";
import { unquantized } from "../quantization.ts";
import { tailValues } from "../tail-values.ts";
import type { Candidate, HeadGraph, Named } from "./candidate.ts";

/** What the one number of `named` seems to be; `otherwise` is what its name says that it is, other than a score. */
export function oneNumber(
  { typed, producers, reader, countOf, makerOf }: HeadGraph,
  named: Named,
  otherwise: string | undefined,
): Candidate {
  const { value } = named;
  const last = makerOf(value);
  const real = unquantized(typed, producers, value);
  const values = tailValues(typed, real);
  const isSigmoid = last?.opType === "Sigmoid" && values?.kind !== "constant";
  // A sigmoid as the last operator says what the number is, whatever it reads and whatever rounds it.
  const reading = isSigmoid && countOf(last.inputs[0]) === 1 ? reader.odds(last.outputs[0]) : reader.odds(real);
  const sigmoid = (of: OddsReading): Candidate => ({
    ...named,
    kind: "sigmoid",
    scores: of.scores,
    reading: of,
    what: `${of.what} of one number`,
    otherwise: undefined,
    tier: 2,
  });
  const isUnit = isSigmoid || values?.kind === "unit";
  if (isUnit) return { ...sigmoid(reading ?? plainOdds(value, values?.most)), otherwise };
  const plain = {
    ...named,
    kind: "sigmoid",
    scores: value,
    reading: undefined,
    what: "one score as it is given out",
    tier: 1,
  } as const;
  switch (values?.kind) {
    case "constant":
      return { ...plain, otherwise: "it is always the same number" };
    case "decisions":
      return { ...plain, otherwise: "it is 0 or 1, a decision from which no gradient leads back" };
    case "positive":
      return { ...plain, otherwise: otherwise ?? "its number is never negative and may exceed 1, as quantities do" };
    case "bounded": {
      const tangent = last?.opType === "Tanh" ? last.inputs[0] : undefined;
      if (tangent === undefined) return { ...plain, otherwise };
      const of: OddsReading = {
        append: (to) => to.op("Add", [tangent, tangent]),
        scores: undefined,
        what: "a hyperbolic tangent",
        isGuess: true,
      };
      return { ...sigmoid(of), otherwise };
    }
    default:
      return {
        ...plain,
        otherwise:
          otherwise ?? (reading === undefined ? undefined : "it is a sigmoid on another scale, as quantities are"),
      };
  }
}
