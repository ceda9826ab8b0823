/** @file The command line as a function: arguments and streams in, exit code out. */
import { basename } from "node:path";
import { Command, CommanderError } from "commander";
import { isModelName, isPictureName } from "../datasets/paths.ts";
import { MisuseError } from "../errors.ts";
import { commandEntries } from "./commands/index.ts";
import {
  type CliContext,
  type CliIo,
  exitCodeOf,
  exitCodes,
  isInterruption,
  reportError,
  reportInterruption,
} from "./context.ts";
import type { CommandContext, QueueConductor } from "./experiment-run.ts";
import { withHelpAll } from "./flags/help.ts";
import { explainMissingPackage } from "./missing-package.ts";
import { packageVersion } from "./package-version.ts";

/** The exit code of `perceptual-ball` with the arguments `argv`: 0 done, 1 failed, 2 misuse, 130 interrupted. Never throws. `queue`: see {@link CommandContext}. */
export async function run(argv: readonly string[], io: CliIo, queue?: QueueConductor): Promise<number> {
  const context: CommandContext = { io, argv, queue, run, exitCode: exitCodes.done };
  try {
    const program = await commandLine(context, namedCommands(argv));
    await program.parseAsync(withHelpAll(argv), { from: "user" });
    return context.exitCode;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return commanderExit(thrown, context, argv);
    const error = explainMissingPackage(thrown);
    if (isInterruption(error)) reportInterruption(context);
    else reportError(io, error);
    return exitCodeOf(error);
  }
}

/** The names of the commands that `argv` may mean: its first word, or the one after `help`. */
function namedCommands(argv: readonly string[]): readonly string[] {
  const words = argv.filter((word) => !word.startsWith("-"));
  return words[0] === "help" ? words.slice(1, 2) : words.slice(0, 1);
}

/**
 * The command line, before any arguments are looked at. Commands that are not among `wanted` (default: all are) are there by name
 * and summary only: what they need of the library is not read.
 */
export async function commandLine(context: CommandContext, wanted?: readonly string[]): Promise<Command> {
  const { io } = context;
  const program = new Command("perceptual-ball")
    .description("Explain and attack image classifiers given as ONNX files.")
    .version(packageVersion(), "-V, --version", "print the version")
    .helpOption("-h, --help", "show help")
    .helpCommand("help [command]", "show help for a command")
    // So that a subcommand's flags are not taken by a command above it that has flags of the same names.
    .enablePositionalOptions()
    .addHelpText("after", "\nExample:\n  perceptual-ball explain dog.jpg --model resnet50.onnx\n");
  for (const { name, summary, load } of commandEntries) {
    const isWanted = wanted === undefined || wanted.includes(name);
    program.addCommand((isWanted ? await load(context) : new Command(name)).summary(summary));
  }
  for (const command of [program, ...program.commands.flatMap((command) => [command, ...command.commands])]) {
    command
      .exitOverride()
      .showSuggestionAfterError(true)
      .configureOutput({
        writeOut: (text) => io.stdout.write(text),
        // Help that is shown because there is no command; errors are written by `run`, on one line.
        writeErr: (text) => io.stderr.write(text),
        outputError: () => {},
        getOutHelpWidth: () => io.stdout.columns ?? 80,
        getErrHelpWidth: () => io.stderr.columns ?? 80,
        getOutHasColors: () => false,
        getErrHasColors: () => false,
      });
  }
  return program;
}

function commanderExit(error: CommanderError, { io }: CliContext, argv: readonly string[]): number {
  if (error.code === "commander.helpDisplayed" || error.code === "commander.version") return exitCodes.done;
  if (error.code === "commander.help") return error.exitCode === 0 ? exitCodes.done : exitCodes.misuse;
  const [said, hint] = error.message.replace(/^error: /, "").split("\n");
  const what = said.replace(/\.$/, "");
  const advice =
    hint?.replace(/^\((.*)\)$/, "$1") ?? adviceOn(error.code, argv) ?? "perceptual-ball --help lists what there is.";
  reportError(io, new MisuseError({ where: "command line", what, advice }));
  return exitCodes.misuse;
}

/** The command that was meant by a file in place of one, or by `--model` where the model is no option. */
function adviceOn(code: string, argv: readonly string[]): string | undefined {
  const [first = ""] = namedCommands(argv);
  if (code === "commander.unknownOption" && modelCommands.includes(first) && argv.includes("--model")) {
    return `The model stands by itself: perceptual-ball ${first} model.onnx`;
  }
  if (code !== "commander.unknownCommand") return undefined;
  if (isModelName(first))
    return `What it is: perceptual-ball inspect ${first}. With a picture: perceptual-ball explain dog.jpg --model ${first}`;
  return isPictureName(basename(first))
    ? `Say what to do with it: perceptual-ball explain ${first} --model model.onnx`
    : undefined;
}

/** The commands whose argument is a model. */
const modelCommands = ["inspect", "differentiate"];
