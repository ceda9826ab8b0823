/** @file The flags that say which explanation methods run, and with which settings. */
import { type Command, Option } from "commander";
import { MisuseError, nearest } from "../../errors.ts";
import type { MethodRun } from "../../experiments/localization/protocol.ts";
import { readTexts } from "../../options/parse.ts";
import type { OptionSchema } from "../../options/schema.ts";
import { methodNamed, saliencyMethods } from "../../saliency/methods.ts";
import { words } from "./parse-values.ts";

/** One `--set METHOD.NAME=VALUE`. */
export interface Setting {
  readonly method: string;
  readonly name: string;
  readonly value: unknown;
}

/** One `--variant NAME=METHOD,NAME=VALUE,…`. */
export interface Variant {
  readonly name: string;
  readonly method: string;
  readonly settings: Readonly<Record<string, unknown>>;
}

export interface MethodFlags {
  readonly methods?: readonly string[];
  readonly set?: readonly Setting[];
  readonly variant?: readonly Variant[];
}

export function addMethodFlags(command: Command): Command {
  const group = "Methods:";
  const several =
    <T>(parse: (text: string) => T) =>
    (text: string, before: readonly T[] = []): T[] => [...before, parse(text)];
  return command
    .addOption(
      new Option("--methods <list>", "all (default), none (variants only), or some of the methods below")
        .argParser(words("--methods"))
        .helpGroup(group),
    )
    .addOption(
      new Option("--set <method.name=value>", "a setting of a method, such as rise.masks=1000; may be repeated")
        .argParser(several(settingOf))
        .helpGroup(group),
    )
    .addOption(
      new Option(
        "--variant <name=method,…>",
        "a method once more with other settings, such as strong=perceptual,preset=paper; may be repeated",
      )
        .argParser(several(variantOf))
        .helpGroup(group),
    );
}

/** The methods by name, each with its summary, for the end of a command's help. */
export function methodHelp(): string {
  const width = Math.max(0, ...saliencyMethods.map(({ name }) => name.length));
  return saliencyMethods.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join("\n");
}

/**
 * The runs that the flags mean, in the order in which they are named, variants last. Throws a MisuseError for methods that do not
 * exist and for settings of methods that do not run; what the settings mean is checked by the methods themselves.
 */
export function methodRunsOf({ methods = ["all"], set = [], variant = [] }: MethodFlags): MethodRun[] {
  const named = methods.flatMap((name) =>
    name === "all" ? saliencyMethods : name === "none" ? [] : [methodNamed(name)],
  );
  const chosen = [...new Set(named)];
  const settings = settingsOf(
    set,
    chosen.map(({ name, settings }) => ({ name, schema: settings })),
    "method",
  );
  const runs: MethodRun[] = chosen.map((method) => ({ name: method.name, method, settings: settings(method.name) }));
  for (const { name, method, settings: own } of variant) {
    const found = methodNamed(method);
    runs.push({ name, method: found, settings: readTexts(found.name, found.settings, own) });
  }
  const twice = runs.find(({ name }, i) => runs.findIndex((other) => other.name === name) < i);
  if (twice !== undefined) {
    throw new MisuseError({ where: "--variant", what: `the name ${JSON.stringify(twice.name)} is taken already` });
  }
  if (runs.length === 0) throw new MisuseError({ where: "--methods", what: "no method is to run" });
  return runs;
}

/**
 * What `--set` says for each of `chosen`, by its name. Throws a MisuseError for a setting of one that does not run; `what` is what
 * messages call one.
 */
export function settingsOf(
  set: readonly Setting[],
  chosen: readonly { readonly name: string; readonly schema: OptionSchema }[],
  what: "attack" | "method",
): (name: string) => Readonly<Record<string, unknown>> {
  const names = chosen.map(({ name }) => name);
  const idle = set.find(({ method }) => !names.includes(method));
  if (idle !== undefined) {
    const hint = nearest(idle.method, names);
    throw new MisuseError({
      where: "--set",
      what: `no such ${what} runs`,
      expected: `one of ${names.join(", ")}`,
      got: JSON.stringify(idle.method),
      advice: hint === undefined ? undefined : `Did you mean ${hint}?`,
    });
  }
  const schemas = new Map(chosen.map(({ name, schema }) => [name, schema]));
  return (name) => {
    const own = set.filter(({ method }) => method === name).map((setting) => [setting.name, setting.value]);
    return readTexts(name, schemas.get(name) ?? {}, Object.fromEntries(own));
  };
}

/** Parses one `--set NAME.SETTING=VALUE`; benchmarks of other things than methods have the same flag. */
export function settingOf(text: string): Setting {
  const match = /^([^.=]+)\.([^=]+)=(.*)$/s.exec(text);
  if (match !== null) return { method: match[1], name: match[2], value: settingValue(match[3]) };
  throw new MisuseError({
    where: "--set",
    what: "not a setting",
    expected: "METHOD.NAME=VALUE, such as rise.masks=1000",
    got: JSON.stringify(text),
  });
}

/** Parses one `--variant NAME=WHAT,SETTING=VALUE,…`; as {@link settingOf}. */
export function variantOf(text: string): Variant {
  const match = /^([^=,]+)=([^=,]+)(?:,(.*))?$/s.exec(text);
  const settings = match?.[3] === undefined ? [] : partsOf(match[3]).map((part) => /^([^=]+)=(.*)$/s.exec(part));
  if (match !== null && settings.every((setting) => setting !== null)) {
    const entries = settings.map(([, name, value]) => [name, settingValue(value)]);
    return { name: match[1], method: match[2], settings: Object.fromEntries(entries) };
  }
  throw new MisuseError({
    where: "--variant",
    what: "not a variant",
    expected: "NAME=METHOD,SETTING=VALUE,…, such as strong=perceptual,preset=paper",
    got: JSON.stringify(text),
  });
}

/** The parts between commas that are in no brackets: a list such as [1,2] is one value. */
function partsOf(text: string): string[] {
  const parts: string[] = [""];
  let depth = 0;
  for (const character of text) {
    if (character === "[" || character === "{") depth++;
    if (character === "]" || character === "}") depth--;
    if (character === "," && depth === 0) parts.push("");
    else parts[parts.length - 1] += character;
  }
  return parts;
}

/** JSON where it is JSON (numbers, true, [1, 2]), otherwise the text itself. */
function settingValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
