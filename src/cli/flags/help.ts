/**
 * @file What `--help` shows: usage, the flags that most people need, a line or two each, and short examples, so that it fits a screen of 80 columns. `--help-all`
 * shows the rest, and every description whole.
 */
import { type Command, Help, Option } from "commander";
import type { CliContext } from "../context.ts";

export interface HelpText {
  /** The flags that `--help` shows, such as "--model". */
  readonly flags: readonly string[];
  /** `--help` shows the first three that fit a line of 80 columns: two at least. */
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
    optionDescription(option) {
      return isAll ? Help.prototype.optionDescription.call(this, option) : briefDescription(option);
    },
  });
  const section = (title: string, lines: string): string => `\n${title}:\n${lines}\n`;
  command.addHelpText("after", () => {
    const lines = examples.map((example) => `  perceptual-ball ${example}`);
    const shown = section(
      "Examples",
      (isAll ? lines : lines.filter((line) => line.length <= 80).slice(0, 3)).join("\n"),
    );
    const code = `Exit code: 0 done, 1 ${failure}, 2 misuse, 130 interrupted (${interruption}).`;
    if (isAll) {
      const listed = lists.map(({ title, text: all }) => section(title, all)).join("");
      return `${listed}${shown}${notes === undefined ? "" : `\n${notes}`}\n${code}`;
    }
    const named = lists.map(({ title, names }) => section(title, someOf(names).join("\n"))).join("");
    const more = `--help-all shows all flags${lists.length > 0 ? ", what these are" : ""}, and more examples.`;
    return `${named}${shown}\n${more}`;
  });
  return command;
}

/** `argv` as the parser takes it: `--help-all` is help as well. */
export function withHelpAll(argv: readonly string[]): string[] {
  const operands = argv.indexOf("--");
  const end = operands === -1 ? argv.length : operands;
  return argv.map((word, n) => (n < end && word === "--help-all" ? "--help" : word));
}

/** What a flag is, up to the first semicolon, colon or full stop that is not in parentheses, with its default. */
function briefDescription({ description, defaultValue, defaultValueDescription }: Option): string {
  const [brief] = description.split(/(?:[;:.] |\.$)(?![^(]*\))/);
  const isSaid = typeof defaultValue === "string" || typeof defaultValue === "number";
  const fallback = defaultValueDescription ?? (isSaid ? String(defaultValue) : undefined);
  return fallback === undefined || brief.includes("(default") ? brief : `${brief} (default: ${fallback})`;
}

/** The names in at most three lines of 78 characters; of more, as many as fit, and how many are left. */
function someOf(names: readonly string[]): string[] {
  const all = wrapped(names, 78);
  if (all.length <= 3) return all;
  const shown = [...names];
  for (;;) {
    shown.pop();
    const lines = wrapped([...shown, `… ${names.length - shown.length} more, which --help-all lists`], 78);
    if (lines.length <= 3) return lines;
  }
}

/** Names with commas between them, in lines of at most `width` characters. */
function wrapped(names: readonly string[], width: number): string[] {
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
  return [...lines, line];
}
