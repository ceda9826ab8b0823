/** @file Finding out early that a folder cannot be written. */
import { accessSync, constants, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { MisuseError } from "../errors.ts";

/**
 * Throws a {@link MisuseError} if files could not be written into the folder at `path`, which need not exist yet. Nothing is
 * created: a command that fails later for another reason leaves no trace.
 */
export function checkWritableFolder(path: string): void {
  const complain = (what: string, cause?: unknown): MisuseError =>
    new MisuseError({ where: path, what, advice: "Choose another place for the output." }, { cause });
  let existing = resolve(path);
  for (;;) {
    try {
      if (!statSync(existing).isDirectory()) {
        throw complain(existing === resolve(path) ? "is not a folder" : `${existing} is a file, not a folder`);
      }
      accessSync(existing, constants.W_OK | constants.X_OK);
      return;
    } catch (error) {
      if (error instanceof MisuseError) throw error;
      const { code, message } = error as NodeJS.ErrnoException;
      if (code === "ENOENT" || code === "ENOTDIR") {
        if (dirname(existing) === existing) throw complain("there is no such place", error);
        existing = dirname(existing);
        continue;
      }
      const reasons: Record<string, string> = {
        EACCES: "no permission to write here",
        EPERM: "no permission to write here",
        EROFS: "the file system is read-only",
        ENAMETOOLONG: "name too long",
        ELOOP: "links in a circle",
      };
      throw complain(reasons[code ?? ""] ?? `cannot be written (${message})`, error);
    }
  }
}
