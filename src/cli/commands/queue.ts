/** @file `perceptual-ball queue`: an experiment on machines that come and go, through a queue in Redis, Valkey or PostgreSQL. */
import { Command, Option } from "commander";
import { MisuseError, throwIfAborted } from "../../errors.ts";
import { connectQueue, queueServer } from "../../node/queue/queue-server.ts";
import { type QueueStatus, queueStatus } from "../../node/queue/queue-status.ts";
import { exitCodes, reportInterruption, say, sayJson } from "../context.ts";
import type { CommandContext, QueueConductor } from "../experiment-run.ts";
import { describeHelp } from "../flags/help.ts";
import { number } from "../flags/parse-values.ts";
import { parentSignal, runProcesses } from "../queue/queue-processes.ts";
import { conductFilling, conductWorking, patience, type QueuePlace, queueWriterName } from "../queue/queue-run.ts";

interface PlaceFlags {
  readonly name: string;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

interface FillFlags extends PlaceFlags {
  readonly pictures: number;
  readonly retry?: boolean;
}

interface WorkFlags extends PlaceFlags {
  readonly processes: number;
  readonly lock: number;
  readonly itemTimeout: number;
  readonly stay?: boolean;
}

/** The commands that can be behind `--`, and their flags that mean nothing there. */
const divisibleCommands = ["benchmark localization", "benchmark detection", "benchmark robustness", "attack"];
const uselessFlags = ["--workers", "--shard", "--fresh", "--sanity-check"];

export function queueCommand(context: CommandContext): Command {
  return new Command("queue")
    .description(
      "An experiment on machines that come and go. `fill` puts its pictures into a queue, `work` computes what it is handed until nothing is left, on as " +
        "many machines as you like, and `status` says how far it is. A machine that dies loses a batch of pictures for a minute, and nothing else. Behind " +
        `-- stands the same command each time: ${divisibleCommands.join(", ")}.\n` +
        "Needs a server: Redis 6.2 or later, Valkey, or PostgreSQL 13 or later; and `npm install bullmq@6.7.0` with ioredis@6 or pg@8.",
    )
    .addHelpText("after", "\nExample:\n  perceptual-ball queue status redis://host\n")
    .addCommand(fillCommand(context))
    .addCommand(workCommand(context))
    .addCommand(statusCommand(context));
}

function subcommand(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .argument("<server>", "redis://HOST:6379, valkey://HOST:6379 or postgres://USER:PASSWORD@HOST/DATABASE")
    .addOption(
      new Option("--name <queue>", "which queue of the server").default("perceptual-ball").argParser(queueName),
    )
    .addOption(new Option("--json", "print one JSON object on stdout"))
    .addOption(new Option("--quiet", "print nothing but errors"));
}

function fillCommand(context: CommandContext): Command {
  const command = subcommand(
    "fill",
    "Puts what an experiment has to compute into the queue. Doing it again adds nothing.",
  )
    .argument("<command...>", "after --: the experiment's command; what its --out has already is left out")
    .addOption(
      new Option("--pictures <n>", "pictures per batch: about two minutes of work")
        .default(20)
        .argParser(number("--pictures", { min: 1, max: 100_000, integer: true })),
    )
    .addOption(new Option("--retry", "hand out again what was given up"));
  return describeHelp(command, context, {
    flags: ["--name", "--pictures", "--retry", "--json", "--quiet"],
    examples: ["queue fill redis://host -- attack --data cifar10 --out all"],
    failure: "the server, a model or a data set could not be used",
  }).action(async (address: string, words: string[], flags: FillFlags) => {
    const place = await placeOf(address, flags, words);
    const conductor = conductFilling(
      place,
      { pictures: flags.pictures, retriesFailed: flags.retry ?? false },
      (filled) => {
        if (flags.json) return sayJson(context.io, filled);
        const { added, items, known, finished, retried } = filled;
        const others = [
          [known, "there already"],
          [retried, "handed out again"],
          [finished, "finished in --out"],
        ] as const;
        const rest = others.filter(([count]) => count > 0).map(([count, what]) => `${count} ${what}`);
        const line = `queue ${flags.name}: ${added} batches added, ${items} items${rest.length === 0 ? "" : ` (${rest.join(", ")})`}`;
        if (!flags.quiet) say(context.io, line);
      },
    );
    context.exitCode = await runUnder(conductor, words, context);
  });
}

function workCommand(context: CommandContext): Command {
  const command = subcommand(
    "work",
    "Computes what the queue hands out, until nothing is left. Ctrl-C and SIGTERM end it after the item at hand; what is left of the batch goes\n" +
      "back to the queue. A second one ends it at once.",
  )
    .argument(
      "<command...>",
      "after --: the command that `queue fill` was given, with an --out for this machine or for all",
    )
    .addOption(
      new Option("--processes <n>", "processes on this machine, each with its share of the cores")
        .default(1)
        .argParser(number("--processes", { min: 1, max: 256, integer: true })),
    )
    .addOption(
      new Option("--lock <seconds>", "a dead worker's batch goes to another one within this time")
        .default(60)
        .argParser(number("--lock", { min: 3, max: 86_400 })),
    )
    .addOption(
      new Option("--item-timeout <seconds>", "an item that takes longer ends the process, and is tried elsewhere")
        .default(3600)
        .argParser(number("--item-timeout", { min: 1, max: 604_800 })),
    )
    .addOption(new Option("--stay", "wait for more when the queue is empty"));
  return describeHelp(command, context, {
    flags: ["--name", "--processes", "--lock", "--item-timeout", "--stay", "--json", "--quiet"],
    examples: ["queue work redis://host -- attack --data cifar10 --out node7"],
    failure: "items could not be computed, or the server could not be used",
    interruption: "what is finished is kept, the rest goes back",
  }).action(async (address: string, words: string[], flags: WorkFlags) => {
    const place = await placeOf(address, flags, words);
    const parent = parentSignal(context.io);
    if (flags.processes > 1 && parent === undefined) return runProcesses(flags.processes, context);
    const stop = parent === undefined ? context.io.signal : AbortSignal.any([context.io.signal, parent]);
    let isStopped = false;
    const conductor = conductWorking(
      place,
      {
        ...{ lockSeconds: flags.lock, itemSeconds: flags.itemTimeout, stays: flags.stay ?? false },
        ...{ stop, writer: queueWriterName() },
      },
      (worked) => {
        isStopped = worked.isStopped;
        if (flags.json) return sayJson(context.io, worked);
        const { batches, finished, failed } = worked;
        const failures = failed === 0 ? "" : `, ${failed} failed`;
        if (!flags.quiet) say(context.io, `${batches} batches, ${finished} items finished${failures}`);
      },
    );
    const code = await runUnder(conductor, words, context);
    if (isStopped)
      reportInterruption(context, { advice: "What is finished is kept, the rest goes back to the queue." });
    else context.exitCode = code;
  });
}

function statusCommand(context: CommandContext): Command {
  const command = subcommand("status", "Says how far the queue has come, and what was given up. It changes nothing.");
  return describeHelp(command, context, {
    flags: ["--name", "--json", "--quiet"],
    examples: ["queue status redis://host"],
    failure: "batches were given up or items have failed, and nothing else is open; 3 not finished yet",
  }).action(async (address: string, flags: PlaceFlags) => {
    const { server, name } = await placeOf(address, flags);
    const queue = await connectQueue(server, name, patience);
    try {
      const found = await queueStatus(queue);
      throwIfAborted(context.io.signal, "queue");
      const { batches, items } = found;
      if (batches.waiting + batches.active > 0 || found.experiment === undefined)
        context.exitCode = exitCodes.unfinished;
      else if (items.failed + items.givenUp > 0) context.exitCode = exitCodes.failed;
      if (flags.json) sayJson(context.io, found);
      else if (!flags.quiet) say(context.io, ...statusLines(name, found));
    } finally {
      await queue.close();
    }
  });
}

/** Runs the command behind `--`, and gives its exit code. */
function runUnder(conductor: QueueConductor, words: readonly string[], { io, run }: CommandContext): Promise<number> {
  return run(words, io, conductor);
}

function statusLines(name: string, { batches, items, active, givenUp, experiment }: QueueStatus): string[] {
  if (experiment === undefined) return [`queue ${name}: empty`];
  const { waiting, done } = batches;
  return [
    `queue ${name}: ${items.finished} of ${items.total} items done, ${items.failed} failed, ${items.givenUp} given up`,
    `batches: ${waiting} waiting, ${batches.active} at work, ${done} done, ${batches.givenUp} given up`,
    ...active.map(({ batch, done: at, of, by }) => `  ${batch}: ${at} of ${of}${by === "" ? "" : `, by ${by}`}`),
    ...givenUp.map(({ batch, pictures, reason }) => `given up: ${batch} (${pictures.length} pictures): ${reason}`),
  ];
}

/** The queue, and a look at the command that will run: before anything is opened. */
async function placeOf(address: string, { name }: PlaceFlags, words?: readonly string[]): Promise<QueuePlace> {
  if (words !== undefined) checkQueuedCommand(words);
  return { server: await queueServer(address), name };
}

function checkQueuedCommand(words: readonly string[]): void {
  const operands = words.indexOf("--");
  const flags = words.slice(0, operands === -1 ? words.length : operands);
  const useless = uselessFlags.find((flag) => flags.some((word) => word === flag || word.startsWith(`${flag}=`)));
  const isDivisible = divisibleCommands.some((command) => `${words.join(" ")} `.startsWith(`${command} `));
  if (isDivisible && useless === undefined) return;
  throw new MisuseError({
    where: "queue",
    what:
      useless === undefined
        ? "not the command of an experiment that can be divided"
        : `${useless} means nothing under \`queue\``,
    expected: useless === undefined ? `after --: ${divisibleCommands.join(", ")}` : "the command without it",
    got: words.join(" "),
  });
}

/** BullMQ makes keys of it. */
function queueName(text: string): string {
  if (/^[A-Za-z0-9._-]{1,100}$/.test(text)) return text;
  throw new MisuseError({
    where: "--name",
    what: "not a name of a queue",
    expected: "up to 100 letters, digits, dots, hyphens and underscores",
    got: JSON.stringify(text),
  });
}
