/** @file What can be asked of a graph whose values are probabilities. */
import type { Origins } from "./origins.ts";
import type { LogReading, OddsReading } from "./readings.ts";

/** Reads values of one graph. */
export interface ProbabilityReader {
  /** The logarithm of `name`, a value that is not negative; undefined where the graph cannot be read. */
  readonly logarithm: (name: string) => LogReading | undefined;
  /** The log odds of `name`, a value from 0 to 1 or to 100; undefined where the graph cannot be read. */
  readonly odds: (name: string) => OddsReading | undefined;
  /** The value u such that `name` is log softmax of u; undefined where it is not. */
  readonly logSoftmaxOf: (name: string) => string | undefined;
}

/** What the readings ask of each other. */
export interface Reader extends ProbabilityReader {
  readonly origins: Origins;
}
