import { readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";

const source = resolve(import.meta.dirname, "../src");

/** The files that a file reads before it runs: static imports of values, and theirs. */
function readAtStart(file: string, found = new Set<string>()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  const text = readFileSync(file, "utf8");
  for (const [, clause, specifier] of text.matchAll(/^(?:import|export)\s+([^;]*?from\s+)?"(\.[^"]+)"/gm)) {
    if (!/^type\b/.test(clause ?? "")) readAtStart(join(dirname(file), specifier), found);
  }
  return found;
}

test("help and version read the command line's own frame only: commands are imported when they are asked for", () => {
  const files = [...readAtStart(join(source, "cli/main.ts"))].map((file) => relative(source, file)).toSorted();
  expect(files).toEqual([
    "cli/commands/index.ts",
    "cli/context.ts",
    "cli/flags/help.ts",
    "cli/main.ts",
    "cli/missing-package.ts",
    "cli/package-version.ts",
    "cli/run.ts",
    "errors.ts",
    "escape-text.ts",
    "node/package-root.ts",
    "node/path-bytes.ts",
  ]);
});
