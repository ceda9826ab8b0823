import { defineConfig } from "vitest/config";

/** The tests that `npm run mutation` sees mutants through: those of the folders that it mutates, without what takes minutes. */
export default defineConfig({
  test: {
    include: ["src/{attacks,saliency,localization,detection,experiments,report}/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 1,
    testTimeout: 60_000,
    hookTimeout: 120_000,
  },
});
