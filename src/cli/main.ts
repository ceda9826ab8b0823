#!/usr/bin/env node
import { argumentsAsGiven } from "../node/path-bytes.ts";
/** @file The `perceptual-ball` executable. */
import { exitCodes } from "./context.ts";
import { run } from "./run.ts";

const interruption = new AbortController();
for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.on(signal, () => {
    // The first one lets the command finish what it is writing; the second does not wait.
    if (interruption.signal.aborted) process.exit(exitCodes.interrupted);
    interruption.abort();
  });
}
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    // Whoever was reading (such as `head`) has seen enough.
    if (error.code === "EPIPE") process.exit(exitCodes.done);
    throw error;
  });
}

process.exitCode = await run(argumentsAsGiven(process.argv.slice(2)), {
  stdout: process.stdout,
  stderr: process.stderr,
  signal: interruption.signal,
  env: process.env,
});
