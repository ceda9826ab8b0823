/** @file The flags that every command has: the seed, and how it speaks. */
import { type Command, Option } from "commander";
import { number } from "./parse-values.ts";

export interface SpeechFlags {
  /** Results as JSON, an object per line. */
  readonly json?: boolean;
  /** No progress, no notes. */
  readonly quiet?: boolean;
}

/** Adds `--json` and `--quiet`. */
export function addSpeechFlags(command: Command): Command {
  return command
    .addOption(new Option("--json", "print one JSON object per line on stdout").helpGroup("Run:"))
    .addOption(new Option("--quiet", "no progress and no notes").helpGroup("Run:"));
}

/** `--seed`; without a fallback, a command decides by itself what to draw. */
export function seedOption(what: string, fallback?: number): Option {
  const option = new Option("--seed <n>", what)
    .argParser(number("--seed", { min: 0, max: Number.MAX_SAFE_INTEGER, integer: true }))
    .helpGroup("Run:");
  return fallback === undefined ? option : option.default(fallback);
}
