/** @file What callers without types get wrong: a pass that is none, statistics that are none, no images. */
import { kindOf, MisuseError } from "../errors.ts";

/** Throws a MisuseError in the name of `where` unless `pass` runs a network. */
export function checkPass(where: string, pass: unknown): void {
  if (typeof pass === "object" && pass !== null && "run" in pass && "batch" in pass) return;
  const expected = "what classifier.forward() gives";
  const advice = pass instanceof Promise ? "Write `await` before the call that makes it." : undefined;
  throw new MisuseError({ where, what: "the first argument is no pass", expected, got: kindOf(pass), advice });
}

/** Throws a MisuseError in the name of `where` unless these are statistics. */
export function checkStatistics(where: string, statistics: unknown): void {
  if (typeof statistics === "object" && statistics !== null && "classes" in statistics && "cutoff" in statistics)
    return;
  const expected = "what fitOdds() or parseStatistics() gives";
  throw new MisuseError({ where, what: "there are no statistics", expected, got: kindOf(statistics) });
}

/** Throws a MisuseError in the name of `where` unless one can go through `images`. */
export function checkIterable(where: string, images: unknown): void {
  const isObject = typeof images === "object" && images !== null;
  if (isObject && (Symbol.iterator in images || Symbol.asyncIterator in images)) return;
  throw new MisuseError({ where, what: "there are no images", expected: "a list of images", got: kindOf(images) });
}
