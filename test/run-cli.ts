/** @file The command line run in this process, with what it wrote. */
import { Writable } from "node:stream";
import { run } from "../src/cli/run.ts";

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunCliOptions {
  readonly signal?: AbortSignal;
  /** Sees each piece of stdout as it is written. */
  readonly onOutput?: (text: string) => void;
  readonly env?: Readonly<Record<string, string>>;
}

/** Exit code and output of `perceptual-ball` with these arguments; standard streams that are no terminals. */
export async function runCli(argv: readonly string[], options: RunCliOptions = {}): Promise<CliResult> {
  const { signal = new AbortController().signal, onOutput, env = {} } = options;
  const collect = (parts: string[], seen?: (text: string) => void): Writable =>
    new Writable({
      write(chunk, _encoding, done) {
        parts.push(String(chunk));
        seen?.(String(chunk));
        done();
      },
    });
  const [stdout, stderr]: string[][] = [[], []];
  const code = await run(argv, { stdout: collect(stdout, onOutput), stderr: collect(stderr), signal, env });
  return { code, stdout: stdout.join(""), stderr: stderr.join("") };
}
