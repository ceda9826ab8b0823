/** @file `perceptual-ball status`: how far an experiment has come, on any number of machines. */
import { Command, Option } from "commander";
import { throwIfAborted } from "../../errors.ts";
import { type RecordStatus, recordStatus } from "../../node/records/record-status.ts";
import { type CliContext, exitCodes, say, sayJson } from "../context.ts";
import { describeFailure } from "../experiment-run.ts";
import { allowFailedOption } from "../flags/experiment-flags.ts";
import { describeHelp } from "../flags/help.ts";
import { describeSeconds } from "../progress.ts";

interface StatusFlags {
  readonly allowFailed: number;
  readonly json?: boolean;
}

export function statusCommand(context: CliContext): Command {
  const command = new Command("status")
    .description(
      "Says how far a benchmark or an attack has come, from the folders of any number of shares, while they are computed: what is done, " +
        "what is expected, what has failed and why, how fast it goes, and what each machine has done. It writes nothing.",
    )
    .argument("<folder...>", "folders that one experiment writes (--out)")
    .addOption(allowFailedOption())
    .addOption(new Option("--json", "print one JSON object on stdout"));
  return describeHelp(command, context, {
    flags: ["--allow-failed", "--json"],
    examples: ["status results", "status share-*-of-40 --allow-failed 5"],
    failure: "items have failed and nothing else is open, or a folder cannot be read; 3 not finished yet",
    notes: "Rates are over the last ten minutes.",
  }).action((folders: string[], flags: StatusFlags) => status(folders, flags, context));
}

async function status(folders: readonly string[], flags: StatusFlags, context: CliContext): Promise<void> {
  const { io } = context;
  const found = await recordStatus(folders);
  throwIfAborted(io.signal, "status");
  const { failures } = found;
  if (isOpen(found)) context.exitCode = exitCodes.unfinished;
  else if (failures.length > flags.allowFailed) context.exitCode = exitCodes.failed;
  if (flags.json) sayJson(io, found);
  else say(io, ...linesOf(found));
}

/** Whether something is neither done nor has failed, or may be. */
function isOpen({ expected, done, failures }: RecordStatus): boolean {
  return expected === undefined || done + failures.length < expected;
}

/** What is shown of it. */
function linesOf(found: RecordStatus): string[] {
  const { experiment, expected, done, failures, shares, perMinute, secondsLeft, machines, problems } = found;
  const share = expected === undefined || expected === 0 ? "" : ` (${Math.floor((100 * done) / expected)} %)`;
  const left = secondsLeft === undefined ? "" : `, about ${describeSeconds(secondsLeft)} left`;
  return [
    `${experiment}: ${done} of ${expected ?? "an unknown number"} done${share}, ${failures.length} failed`,
    ...(isOpen(found)
      ? [perMinute === 0 ? "nothing was finished in the last ten minutes" : `${rounded(perMinute)} a minute${left}`]
      : ["finished"]),
    ...(shares.length === 0 ? [] : [`shares that have begun: ${shares.join(", ")}`]),
    ...machines.map((machine) => {
      const failed = machine.failed === 0 ? "" : `, ${machine.failed} failed`;
      return `  ${machine.host} (${machine.machine}): ${machine.done} done${failed}, ${rounded(machine.perMinute)} a minute, last ${machine.last}`;
    }),
    ...failures.map((failure) => `failed: ${describeFailure(failure)}`),
    ...problems.map((problem) => `note: ${problem}`),
  ];
}

function rounded(value: number): string {
  return value >= 10 ? String(Math.round(value)) : String(Number(value.toPrecision(2)));
}
