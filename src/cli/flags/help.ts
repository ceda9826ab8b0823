/** @file What `--help` shows: usage, the flags that most people need, and examples. `--help-all` shows the rest. */
import { type Command, Help, Option } from "commander";
import type { CliContext } from "../context.ts";

export interface HelpText {
  /** The flags that `--help` shows, such as "--model". */
  readonly flags: readonly string[];
  readonly examples: readonly string[];
  /** What there is to choose from, such as the methods; shown by `--help-all`, named by `--help`. */
  readonly lists?: readonly { readonly title: string; readonly names: readonly string[]; readonly text: string }[];
  /** What the command writes and costs, whole lines; shown by `--help-all`. */
  readonly notes?: string;
  /** What the exit code 1 means here. */
  readonly failure: string;
  /** Of a command that Ctrl-C leaves something of: what. */
  readonly interruption?: string;
}

/** Whether all flags are to be shown. */
function showsAll({ argv }: CliContext): boolean {
  return argv.includes("--help-all");
}

/** Gives the command its help. Call it when the command has all of its flags. */
export function describeHelp(command: Command, context: CliContext, text: HelpText): Command {
  const { flags, examples, lists = [], notes, failure, interruption = "finished pictures are kept" } = text;
  const isAll = showsAll(context);
  const unknown = flags.filter((flag) => command.options.every(({ long }) => long !== flag));
  if (unknown.length > 0) throw new Error(`${command.name()}: the help shows flags that are not there: ${unknown}`);
  command.addOption(new Option("--help-all", "show all flags"));
  // Ten flags need no headings.
  if (!isAll) for (const option of command.options) option.helpGroup("Options:");
  const isShown = ({ long }: Option): boolean =>
    isAll || flags.includes(long ?? "") || long === "--help" || long === "--help-all";
  command.configureHelp({
    visibleOptions(of) {
      return Help.prototype.visibleOptions.call(this, of).filter(isShown);
    },
    optionTerm: ({ flags: term }) => term.replace(/^--\w+s, /, ""),
  });
  const section = (title: string, lines: string): string => `\n${title}:\n${lines}\n`;
  command.addHelpText("after", () => {
    const shown = section("Examples", examples.map((example) => `  perceptual-ball ${example}`).join("\n"));
    const code = `Exit code: 0 done, 1 ${failure}, 2 misuse, 130 interrupted (${interruption}).`;
    if (isAll) {
      const listed = lists.map(({ title, text: all }) => section(title, all)).join("");
      return `${listed}${shown}${notes === undefined ? "" : `\n${notes}`}\n${code}`;
    }
    const named = lists.map(({ title, names }) => section(title, wrapped(names, 78))).join("");
    return `${named}${shown}\n\`${pathOf(command)} --help-all\` shows all flags${lists.length > 0 ? ", and what these are" : ""}.`;
  });
  return command;
}

/** `argv` as the parser takes it: `--help-all` is help as well. */
export function withHelpAll(argv: readonly string[]): string[] {
  const operands = argv.indexOf("--");
  const end = operands === -1 ? argv.length : operands;
  return argv.map((word, n) => (n < end && word === "--help-all" ? "--help" : word));
}

function pathOf(command: Command): string {
  return command.parent === null ? command.name() : `${pathOf(command.parent)} ${command.name()}`;
}

/** Names with commas between them, in lines of at most `width` characters. */
function wrapped(names: readonly string[], width: number): string {
  const lines: string[] = [];
  let line = " ";
  for (const [n, name] of names.entries()) {
    const word = ` ${name}${n + 1 < names.length ? "," : ""}`;
    if (line.length + word.length > width) {
      lines.push(line);
      line = " ";
    }
    line += word;
  }
  return [...lines, line].join("\n");
}
