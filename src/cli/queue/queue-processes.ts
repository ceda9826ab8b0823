/** @file `queue work --processes`: the same command in several processes, each started again when it has died. */
import { spawn } from "node:child_process";
import { type CliContext, exitCodes, sayAside } from "../context.ts";
import { withShareOfCores } from "../share-of-cores.ts";

/** Set in the environment of the processes that `--processes` has started. */
export const queueProcessVariable = "PERCEPTUAL_BALL_QUEUE_PROCESS";
/** A process that dies at once, again and again, is not started for ever. */
const mostDeathsInARow = 5;
const longEnoughMs = 60_000;

/**
 * Runs the command line again in `count` processes until each of them has ended by itself, and sets the exit code to the worst of theirs. A
 * process that was killed, or that has crashed, is started again: the queue gives its batch to another one meanwhile. SIGTERM and Ctrl-C
 * reach all of them.
 */
export async function runProcesses(count: number, context: CliContext): Promise<void> {
  const { io } = context;
  const argv = withThreads(context.argv, count);
  const codes = await Promise.all(Array.from({ length: count }, (_, n) => keepAlive(n + 1)));
  context.exitCode = io.signal.aborted ? exitCodes.interrupted : Math.max(...codes);

  async function keepAlive(number: number): Promise<number> {
    for (let deaths = 0; ; ) {
      const begun = performance.now();
      const { code, signal } = await oneProcess(number);
      if (code !== null && isDeliberate(code)) return code;
      if (io.signal.aborted) return exitCodes.interrupted;
      deaths = performance.now() - begun > longEnoughMs ? 1 : deaths + 1;
      const reason = signal ?? `exit code ${code}`;
      if (deaths >= mostDeathsInARow) {
        sayAside(
          io,
          `perceptual-ball: process ${number} has died ${deaths} times in a row (${reason}); it is given up.`,
        );
        return exitCodes.failed;
      }
      sayAside(io, `perceptual-ball: process ${number} has died (${reason}); it is started again.`);
    }
  }

  function oneProcess(number: number): Promise<{ readonly code: number | null; readonly signal: string | null }> {
    const [script = ""] = process.argv.slice(1);
    return new Promise((resolve, reject) => {
      const child = spawn(process.execPath, [...process.execArgv, script, ...argv], {
        env: { ...io.env, [queueProcessVariable]: String(number) },
        stdio: ["ignore", "inherit", "inherit", "ipc"],
        // Ctrl-C in a terminal reaches the parent only, which passes it on: two signals would mean "at once".
        detached: true,
      });
      const stop = (): void => {
        if (child.connected) child.disconnect();
      };
      if (io.signal.aborted) stop();
      io.signal.addEventListener("abort", stop);
      child.on("error", reject);
      child.on("exit", (code, signal) => {
        io.signal.removeEventListener("abort", stop);
        resolve({ code, signal });
      });
    });
  }
}

function isDeliberate(code: number): boolean {
  return (Object.values(exitCodes) as number[]).includes(code);
}

/** The arguments, with the share of the cores for the command behind `--` unless it says how many it wants. */
function withThreads(argv: readonly string[], processes: number): string[] {
  const begin = argv.indexOf("--") + 1;
  const command = argv.slice(begin);
  if (command.some((word) => word === "--threads" || word.startsWith("--threads="))) return [...argv];
  return [...argv.slice(0, begin), ...withShareOfCores(command, processes)];
}

/** In a process that `--processes` has started: aborted when the parent stops, or has died. */
export function parentSignal({ env }: CliContext["io"]): AbortSignal | undefined {
  if (env[queueProcessVariable] === undefined || process.send === undefined) return undefined;
  const stop = new AbortController();
  process.on("disconnect", () => stop.abort());
  // To listen must not keep a process alive that has nothing left to do.
  process.channel?.unref();
  return stop.signal;
}
