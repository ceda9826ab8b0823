/** @file The flags of every command that runs an experiment over many pictures. */
import { type Command, Option } from "commander";
import { parseShard, type Shard } from "../../experiments/records/shards.ts";
import { number } from "./parse-values.ts";
import { addSpeechFlags, type SpeechFlags, seedOption } from "./run-flags.ts";

export interface ExperimentFlags extends SpeechFlags {
  readonly out: string;
  readonly shard?: Shard;
  readonly workers: number;
  readonly fresh?: boolean;
  readonly seed: number;
}

export interface ExperimentFlagsOptions {
  /** The default of `--out`. */
  readonly out: string;
  /** Whether shares of the work can be computed apart: `--workers` and `--shard`. Default true. */
  readonly isDivisible?: boolean;
}

/** Adds the flags. */
export function addExperimentFlags(command: Command, { out, isDivisible = true }: ExperimentFlagsOptions): Command {
  const group = "Run:";
  const add = (option: Option): Command => command.addOption(option.helpGroup(group));
  add(new Option("--out <folder>", "folder for results and report; a run that was stopped goes on here").default(out));
  if (isDivisible) addDivisionFlags(add);
  add(new Option("--fresh", "throw away the results that --out has"));
  add(seedOption("seed of everything that is drawn", 0));
  return addSpeechFlags(command);
}

/** The flags that divide the work. */
function addDivisionFlags(add: (option: Option) => Command): void {
  add(
    new Option("--workers <n>", "child processes that share the work")
      .default(1)
      .argParser(number("--workers", { min: 1, max: 256, integer: true })),
  );
  add(
    new Option("--shard <i/n>", "only this share of the pictures, such as 1/4; `merge` unites the folders").argParser(
      (text: string) => parseShard(text, "--shard"),
    ),
  );
}
