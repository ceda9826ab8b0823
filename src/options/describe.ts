/** @file Options in words: one line for help, a table for documentation. */

import { checkForm } from "../errors.ts";
import { expectedOf, type OptionSpec } from "./option.ts";
import { type OptionSchema, writableOptions } from "./schema.ts";

/** What an option means, takes and falls back to, in one line: "How many masks. An integer of at least 1; default 6000." */
export function describeOption(given: OptionSpec<unknown>): string {
  checkForm("describeOption: given", given, ["doc", "kind", "fallbackText"]);
  const { doc, kind, fallbackText } = given;
  const expected = expectedOf(kind);
  return `${doc} ${expected.charAt(0).toUpperCase()}${expected.slice(1)}; default ${fallbackText}.`;
}

/** The options that text can hold, a line each, for the end of a command's help; every line begins with `indent`. */
export function optionHelp(schema: OptionSchema, indent = "  "): string {
  const options = writableOptions(schema);
  const width = Math.max(0, ...options.map(([name]) => name.length));
  return options.map(([name, spec]) => `${indent}${name.padEnd(width)}  ${describeOption(spec)}`).join("\n");
}

/** The options that text can hold as a table in Markdown: name, meaning, values, default. */
export function optionTable(schema: OptionSchema): string {
  const rows = writableOptions(schema).map(([name, { doc, kind, fallbackText }]) =>
    row([`\`${name}\``, doc, expectedOf(kind), fallbackText]),
  );
  return [row(["setting", "meaning", "values", "default"]), "|---|---|---|---|", ...rows].join("\n");
}

function row(cells: readonly string[]): string {
  return `| ${cells.map((cell) => cell.replaceAll("|", "\\|")).join(" | ")} |`;
}
