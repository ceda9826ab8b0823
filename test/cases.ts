/** @file Where inputs as people have them lie, for tests that are skipped without them. */
import { existsSync } from "node:fs";
import { join } from "node:path";

const root = join(import.meta.dirname, "../../shared/cases");

/** The path of a folder of cases, and whether it is there; the title says why a test is skipped. */
export function casesIn(folder: string): {
  readonly isThere: boolean;
  readonly title: string;
  readonly path: (name: string) => string;
} {
  const path = join(root, folder);
  return { isThere: existsSync(path), title: `needs ../shared/cases/${folder}`, path: (name) => join(path, name) };
}
