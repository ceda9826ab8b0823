/**
 * @file The commands: what `perceptual-ball --help` lists, each with the file that it is in. That file, and all that it needs of the
 * library, is read when the command is asked for: help and version are there at once.
 */
import type { Command } from "commander";
import type { CommandContext } from "../experiment-run.ts";

/** A command before its file is read. */
export interface CommandEntry {
  readonly name: string;
  /** One line, for the list of commands. */
  readonly summary: string;
  /** The command with its flags and what it does. */
  load(context: CommandContext): Promise<Command>;
}

export const commandEntries: readonly CommandEntry[] = [
  {
    name: "explain",
    summary: "show what a classifier looks at in pictures",
    load: async (context) => (await import("./explain.ts")).explainCommand(context),
  },
  {
    name: "classify",
    summary: "name the most probable classes of pictures, with the accuracy where labels are known",
    load: async (context) => (await import("./classify.ts")).classifyCommand(context),
  },
  {
    name: "inspect",
    summary: "list a model's layers, and say whether it works",
    load: async (context) => (await import("./inspect.ts")).inspectCommand(context),
  },
  {
    name: "differentiate",
    summary: "write a model with its input gradient as an output",
    load: async (context) => (await import("./differentiate.ts")).differentiateCommand(context),
  },
  {
    name: "attack",
    summary: "change pictures a little so that the classifier errs",
    load: async (context) => (await import("./attack.ts")).attackCommand(context),
  },
  {
    name: "universal",
    summary: "learn one change that makes the classifier err on most pictures",
    load: async (context) => (await import("./universal.ts")).universalCommand(context),
  },
  {
    name: "cone",
    summary: "how the classifier bends around adversarial images (Figures 5 and 8)",
    load: async (context) => (await import("./cone.ts")).coneCommand(context),
  },
  {
    name: "detect",
    summary: "say whether pictures were attacked, by a statistical test",
    load: async (context) => (await import("./detect.ts")).detectCommand(context),
  },
  {
    name: "benchmark",
    summary: "compare methods over many pictures",
    load: async (context) => (await import("./benchmark.ts")).benchmarkCommand(context),
  },
  {
    name: "studio",
    summary: "open a page in the browser: drop a model and a picture, and watch",
    load: async (context) => (await import("./studio.ts")).studioCommand(context),
  },
  {
    name: "status",
    summary: "say how far a benchmark has come, on any number of machines",
    load: async (context) => (await import("./status.ts")).statusCommand(context),
  },
  {
    name: "queue",
    summary: "hand a benchmark out to machines that come and go, through Redis or PostgreSQL",
    load: async (context) => (await import("./queue.ts")).queueCommand(context),
  },
  {
    name: "merge",
    summary: "unite the results of a benchmark that was split over machines",
    load: async (context) => (await import("./merge.ts")).mergeCommand(context),
  },
];
