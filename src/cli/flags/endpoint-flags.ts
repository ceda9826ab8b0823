/** @file The flags of a model behind HTTP. */
import { type Command, Option } from "commander";
import { MisuseError } from "../../errors.ts";
import { number } from "./parse-values.ts";

/** Adds the flags. */
export function addEndpointFlags(command: Command): Command {
  const options = [
    new Option(
      "--endpoint <url>",
      "in the place of --model: a model behind HTTP, for attacks that need no gradients (square, hopskipjump)",
    ),
    new Option("--endpoint-header <name: value>", "a header of its requests; may be repeated").argParser(header),
    new Option("--endpoint-timeout <s>", "seconds that an answer may take (default: 30)").argParser(
      number("--endpoint-timeout", { above: 0, max: 3600 }),
    ),
    new Option(
      "--endpoint-tries <n>",
      "how often a request is sent where the server is busy or late (default: 4)",
    ).argParser(number("--endpoint-tries", { min: 1, max: 100, integer: true })),
  ];
  for (const option of options) command.addOption(option.helpGroup("Model:"));
  return command;
}

function header(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*:\s*([\t\x20-\x7e\x80-\xff]+)$/.exec(text.trim()) ?? [];
  if (name !== undefined && value !== undefined) return { ...before, [name]: value };
  throw new MisuseError({
    where: "--endpoint-header",
    what: "not a header",
    expected: 'NAME: VALUE, such as "Authorization: Bearer …"',
  });
}
