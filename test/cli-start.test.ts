import { spawnSync } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { expect, test } from "vitest";
import { commandLine } from "../src/cli/run.ts";

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
    "datasets/paths.ts",
    "errors.ts",
    "escape-text.ts",
    "node/package-root.ts",
    "node/path-bytes.ts",
  ]);
});

test.runIf(existsSync("/dev/full"))(
  "where nothing can be written on stdout, that is said in a line and is no success",
  () => {
    const main = resolve(import.meta.dirname, "../dist/cli/main.js");
    expect(existsSync(main), "npm run build comes first").toBe(true);
    const full = openSync("/dev/full", "w");
    try {
      const model = resolve(import.meta.dirname, "../assets/scenes-vgg.onnx");
      const { status, stderr } = spawnSync(process.execPath, [main, "inspect", model], {
        stdio: ["ignore", full, "pipe"],
        encoding: "utf8",
      });
      expect(stderr).toBe(
        "perceptual-ball: stdout: cannot be written (ENOSPC). What comes out is not whole. Is there room where it goes?\n",
      );
      expect(status).toBe(1);
    } finally {
      closeSync(full);
    }
  },
);

test("the folder of results has the same short flag in every command that takes one", async () => {
  const io = { stdout: process.stdout, stderr: process.stderr, signal: new AbortController().signal, env: {} };
  const program = await commandLine({ io, argv: [], run: async () => 0, exitCode: 0 });
  const all = program.commands.flatMap((command) => [command, ...command.commands]);
  const places = all.flatMap(({ options }) => options.filter(({ long }) => long === "--out" || long === "--output"));
  expect(places.length).toBeGreaterThan(8);
  expect(places.filter(({ short }) => short !== "-o")).toEqual([]);
});
