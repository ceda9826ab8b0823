#!/usr/bin/env node
import { BadInputError } from "../errors.ts";
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
for (const [name, stream] of Object.entries({ stdout: process.stdout, stderr: process.stderr })) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    // Whoever was reading (such as `head`) has seen enough.
    if (error.code === "EPIPE") process.exit(exitCodes.done);
    // A full disk, for instance: what is missing there was asked for, so that this is no success.
    if (stream !== process.stderr) {
      const what = `cannot be written (${error.code ?? error.message})`;
      const advice = "What comes out is not whole. Is there room where it goes?";
      process.stderr.write(`perceptual-ball: ${new BadInputError({ where: name, what, advice }).message}\n`);
    }
    process.exit(exitCodes.failed);
  });
}

process.exitCode = await run(argumentsAsGiven(process.argv.slice(2)), {
  stdout: process.stdout,
  stderr: process.stderr,
  signal: interruption.signal,
  env: process.env,
});
