/** @file The flags of every command that runs an experiment over many pictures. */
import { type Command, Option } from "commander";
import { MisuseError } from "../../errors.ts";
import { type Environment, shardFromEnvironment } from "../../experiments/records/shard-environment.ts";
import { parseShard, type Shard } from "../../experiments/records/shards.ts";
import { number } from "./parse-values.ts";
import { addSpeechFlags, type SpeechFlags, seedOption } from "./run-flags.ts";

export interface ExperimentFlags extends SpeechFlags {
  readonly out: string;
  readonly shard?: Shard;
  /** `auto`: as many as pay off, by what the first items take. */
  readonly workers: number | "auto";
  readonly fresh?: boolean;
  readonly allowFailed: number;
  readonly seed: number;
}

export interface ExperimentFlagsOptions {
  /** The default of `--out`. */
  readonly out: string;
  /** Where `--shard auto` looks. */
  readonly env: Environment;
  /** Whether child processes can share the work, `--workers`, besides machines, `--shard`. Default true. */
  readonly hasWorkers?: boolean;
}

/** Adds the flags. */
export function addExperimentFlags(command: Command, { out, env, hasWorkers = true }: ExperimentFlagsOptions): Command {
  const group = "Run:";
  const add = (option: Option): Command => command.addOption(option.helpGroup(group));
  add(
    new Option("-o, --out <folder>", "folder for results and report; a run that was stopped goes on here").default(out),
  );
  if (hasWorkers) add(workersOption().default(1));
  addShardFlag(add, env);
  add(allowFailedOption());
  add(new Option("--fresh", "throw away the results that --out has"));
  add(seedOption("seed of everything that is drawn", 0));
  return addSpeechFlags(command);
}

/** `--allow-failed`: how many items may fail in what counts as a success. */
export function allowFailedOption(): Option {
  return new Option("--allow-failed <n>", "exit with 0 although up to n items have failed, which are listed")
    .default(0)
    .argParser(number("--allow-failed", { min: 0, integer: true }));
}

/** `i/n`, or what the environment says where that is asked for. */
function shardOf(text: string, env: Environment): Shard {
  const [, of] = /^\s*auto(?:\/(\d{1,6}))?\s*$/.exec(text) ?? [text];
  if (!/^\s*auto\b/.test(text)) return parseShard(text, "--shard");
  if (of === undefined && text.trim() !== "auto") {
    throw new MisuseError({
      where: "--shard",
      what: "not a share",
      expected: "i/n, auto, or auto/n",
      got: JSON.stringify(text),
    });
  }
  const count = of === undefined ? undefined : number("--shard auto", { min: 1, max: 999_999, integer: true })(of);
  return shardFromEnvironment(env, count);
}

/** `--workers`: a number, or `auto`. */
export function workersOption(): Option {
  const parse = number("--workers", { min: 1, max: 256, integer: true });
  return new Option(
    "--workers <n>",
    "child processes that share the work; auto: as many as pay off, by what the first pictures take",
  ).argParser((text: string) => (text.trim() === "auto" ? "auto" : parse(text)));
}

function addShardFlag(add: (option: Option) => Command, env: Environment): void {
  add(
    new Option(
      "--shard <i/n>",
      "only this share of the pictures, such as 1/4; auto: which one the scheduler says, of auto/40: of 40; `merge` unites the folders",
    ).argParser((text: string) => shardOf(text, env)),
  );
}
