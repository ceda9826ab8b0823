/** @file The file that `detect fit` writes, as text. */
import { readFileSync, statSync } from "node:fs";
import { statedInConfig } from "../classifier/preprocessing/read-config.ts";
import { preprocessingOfStatistics } from "../detection/odds/statistics-file.ts";
import { MisuseError, PerceptualBallError } from "../errors.ts";
import type { ModelFlags } from "./flags/model-flags.ts";

/** The text of the statistics. Throws a MisuseError if there is no such file, and a PerceptualBallError if it cannot be read. */
export function readStatistics(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException;
    const isMissing = code === "ENOENT";
    const complaint = {
      where: path,
      what: isMissing ? "no such file" : `cannot be read (${message})`,
      expected: "a file that `perceptual-ball detect fit` has written",
    };
    throw isMissing ? new MisuseError(complaint, { cause }) : new PerceptualBallError(complaint, { cause });
  }
}

/** Throws a MisuseError if writing statistics to `path` would destroy a file that is none of statistics. */
export function checkStatisticsTarget(path: string): void {
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isFile() !== true || stats.size === 0) return;
  if (readFileSync(path).subarray(0, 64).toString("utf8").startsWith('{"format":"perceptual-ball ')) return;
  throw new MisuseError({
    where: `--output ${path}`,
    what: "this would overwrite a file that is none of statistics",
    expected: "a new file, or one that `perceptual-ball detect fit` has written",
    advice: "Choose another name.",
  });
}

/** `flags` with the preprocessing under which the statistics in `text` were fitted, unless they give one; `path` is their file's. */
export function withFittedPreprocessing<F extends ModelFlags>(flags: F, text: string, path: string): F {
  const { preprocessing, mean, std, scale, channels } = flags;
  const isGiven = [preprocessing, mean, std, scale, channels].some((flag) => flag !== undefined);
  const fitted = isGiven ? undefined : preprocessingOfStatistics(text);
  const stated = fitted === undefined ? undefined : statedInConfig(fitted, path);
  return stated === undefined ? flags : { ...flags, preprocessing: stated };
}
