/**
 * @file Probabilities as exporters and people write them, read back to the scores that they are made of.
 *
 * A softmax of probabilities flattens every gradient, and a logarithm of what float32 has rounded to 0 or 1 loses it. So the way back is
 * taken through the graph: each value that is made of probabilities has its logarithm computed anew from what entered, such as
 * log softmax for a softmax in whatever operators it was written. Where the graph cannot be read, the logarithm itself is taken.
 */
import type { TypedGraph } from "../../../../onnx/infer-shapes.ts";
import { originsOf } from "./origins.ts";
import { readLogarithm, readLogSoftmax } from "./read-logarithm.ts";
import { readOdds } from "./read-odds.ts";
import type { ProbabilityReader, Reader } from "./reader.ts";
import type { LogReading } from "./readings.ts";

/** A reader of the values of `typed`. */
export function probabilityReader(typed: TypedGraph): ProbabilityReader {
  const known = new Map<string, LogReading | undefined>();
  const reader: Reader = {
    origins: originsOf(typed),
    logarithm(name) {
      if (!known.has(name)) {
        known.set(name, undefined);
        known.set(name, readLogarithm(reader, name));
      }
      return known.get(name);
    },
    odds: (name) => readOdds(reader, name),
    logSoftmaxOf: (name) => readLogSoftmax(reader, name),
  };
  return reader;
}
