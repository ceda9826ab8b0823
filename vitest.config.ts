import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { defineConfig } from "vitest/config";

/** What a test file of `src` has that changes or measures its process, or the memory of the kernels, which is one for all: it gets a process of its own. */
const ownProcess = /\bimport\b.*\bvi\b|\bprocess\b|\bperformance\b|\bgrowth\b|\bsimd\b|workspaceBytes|useKernels/;

const unitTests = readdirSync("src", { recursive: true, encoding: "utf8" })
  .filter((name) => name.endsWith(".test.ts"))
  .map((name) => join("src", name));
const alone = unitTests.filter((name) => ownProcess.test(readFileSync(name, "utf8")));

export default defineConfig({
  test: {
    // Two cores are the smallest machine that the suite is planned for; child processes, because onnxruntime-node
    // has crashed in worker threads.
    pool: "forks",
    maxWorkers: 2,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    projects: [
      // Otherwise the library has no state that one test could leave to the next: its modules are loaded once for many files, which take half the time then.
      { extends: true, test: { name: "units", include: ["src/**/*.test.ts"], exclude: alone, isolate: false } },
      { extends: true, test: { name: "whole", include: ["test/**/*.test.ts", ...alone] } },
    ],
  },
});
