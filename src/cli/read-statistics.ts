/** @file The file that `detect fit` writes, as text. */
import { readFileSync } from "node:fs";
import { MisuseError, PerceptualBallError } from "../errors.ts";

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
