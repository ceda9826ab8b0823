/** @file What a command works with: where it writes, and what interrupts it. */
import type { Writable } from "node:stream";
import { MisuseError, PerceptualBallError } from "../errors.ts";

/** A stream that may be a terminal. */
export type OutputStream = Writable & { readonly isTTY?: boolean; readonly columns?: number };

export interface CliIo {
  /** Results. */
  readonly stdout: OutputStream;
  /** Progress, notes and errors. */
  readonly stderr: OutputStream;
  /** Ctrl-C. */
  readonly signal: AbortSignal;
  readonly env: Readonly<Record<string, string | undefined>>;
}

export const exitCodes = { done: 0, failed: 1, misuse: 2, interrupted: 130 } as const;

/** What a command is given, and where it leaves its exit code. */
export interface CliContext {
  readonly io: CliIo;
  /** The arguments, for commands that start themselves again in other processes. */
  readonly argv: readonly string[];
  exitCode: number;
}

/** The error as the one line that a user sees. */
export function describeError(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const line = message.trim().replace(/\s*\n\s*/g, " ");
  return error instanceof PerceptualBallError
    ? line
    : `${line || "unknown error"} (this is a defect of perceptual-ball; PERCEPTUAL_BALL_DEBUG=1 shows where)`;
}

/** Writes `perceptual-ball: <error>` to stderr as one line, and where it happened if PERCEPTUAL_BALL_DEBUG is set. */
export function reportError({ stderr, env }: CliIo, error: unknown): void {
  stderr.write(`perceptual-ball: ${describeError(error)}\n`);
  if (env.PERCEPTUAL_BALL_DEBUG) stderr.write(`${error instanceof Error ? error.stack : error}\n`);
}

/** The exit code for an error that ended a command. */
export function exitCodeOf(error: unknown): number {
  if (error instanceof Error && error.name === "AbortError") return exitCodes.interrupted;
  return error instanceof MisuseError ? exitCodes.misuse : exitCodes.failed;
}
