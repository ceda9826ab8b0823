/** @file What a command works with: where it writes, and what interrupts it. Every line that it writes goes through here. */
import type { Writable } from "node:stream";
import { MisuseError, PerceptualBallError } from "../errors.ts";
import { printable, printableJson } from "../escape-text.ts";

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

/**
 * What every command's exit code means: all is done; a picture, a model or a file could not be used (what could is finished); the command line cannot be
 * meant; what `status` was asked about is not finished yet; interrupted by Ctrl-C or SIGTERM (what is finished is kept).
 */
export const exitCodes = { done: 0, failed: 1, misuse: 2, unfinished: 3, interrupted: 130 } as const;

/** What a command is given, and where it leaves its exit code. */
export interface CliContext {
  readonly io: CliIo;
  /** The arguments, for commands that start themselves again in other processes. */
  readonly argv: readonly string[];
  exitCode: number;
}

/** Writes lines to stdout. What a line break, a control or a bidirectional character in a label or a file's name would do to a terminal, it does not. */
export function say({ stdout }: CliIo, ...lines: readonly string[]): void {
  stdout.write(lines.map((line) => `${printable(line)}\n`).join(""));
}

/** Writes `value` to stdout as JSON on one line. */
export function sayJson({ stdout }: CliIo, value: unknown): void {
  stdout.write(`${printableJson(value)}\n`);
}

/** Says something in a line. */
export type Note = (text: string) => void;

/** Writes a line to stderr, as {@link say} does. */
export function sayAside({ stderr }: CliIo, line: string): void {
  stderr.write(`${printable(line)}\n`);
}

/** How notes are shown: on stderr, beside a progress bar if there is one, or not at all. */
export interface NoteOptions {
  readonly quiet?: boolean | undefined;
  readonly progress?: { around(print: () => void): void } | undefined;
}

/** What takes a command's notes, a line each. */
export function notesOf(io: CliIo, { quiet = false, progress }: NoteOptions = {}): Note {
  if (quiet) return () => {};
  const write = (text: string): void => sayAside(io, text);
  return progress === undefined ? write : (text) => progress.around(() => write(text));
}

/** `note`, but that it says each text once. */
export function eachOnce(note: Note | undefined): Note {
  const said = new Set<string>();
  return (text) => {
    if (!said.has(text)) note?.(text);
    said.add(text);
  };
}

/** The error as the one line that a user sees. */
export function describeError(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const line = printable(message.trim().replace(/\s*\n\s*/g, " "));
  return error instanceof PerceptualBallError
    ? line
    : `${line || "unknown error"} (this is a defect of perceptual-ball; PERCEPTUAL_BALL_DEBUG=1 shows where)`;
}

/** Writes `perceptual-ball: <error>` to stderr as one line, and where it happened if PERCEPTUAL_BALL_DEBUG is set. */
export function reportError(io: CliIo, error: unknown): void {
  sayAside(io, `perceptual-ball: ${describeError(error)}`);
  if (!io.env.PERCEPTUAL_BALL_DEBUG) return;
  for (const line of String(error instanceof Error ? error.stack : error).split("\n")) sayAside(io, line);
}

/** What was finished when Ctrl-C came, and where it is; what cannot be told is left out. */
export interface Interrupted {
  readonly done: number;
  readonly of: number;
  /** What is counted, in the plural; default "pictures". */
  readonly unit?: string;
  /** Where what is finished is kept, if something is. */
  readonly keptIn?: string;
  /** What to do now, whole sentences. */
  readonly advice?: string;
}

/** Says that Ctrl-C ended the command, in the same words everywhere, and sets its exit code. */
export function reportInterruption(context: CliContext, interrupted: Partial<Interrupted> = {}): void {
  context.exitCode = exitCodes.interrupted;
  const { done = 0, of = 0, unit = "pictures", keptIn, advice } = interrupted;
  const kept = keptIn === undefined ? "" : `, kept in ${keptIn}`;
  const finished = of === 0 ? "" : `: ${done} of ${of} ${unit} are finished${kept}`;
  sayAside(context.io, `perceptual-ball: interrupted${finished}.${advice === undefined ? "" : ` ${advice}`}`);
}

/** Whether an error is Ctrl-C. */
export function isInterruption(error: unknown): boolean {
  return error instanceof Error && error.name === "AbortError";
}

/** The exit code for an error that ended a command. */
export function exitCodeOf(error: unknown): number {
  if (isInterruption(error)) return exitCodes.interrupted;
  return error instanceof MisuseError ? exitCodes.misuse : exitCodes.failed;
}
