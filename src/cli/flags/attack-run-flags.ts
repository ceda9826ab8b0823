/** @file The flags that say which attacks a benchmark runs, and with which settings. */
import { type Command, Option } from "commander";
import { attackNamed, attacks } from "../../attacks/attacks.ts";
import { MisuseError } from "../../errors.ts";
import type { AttackRun } from "../../experiments/attack/protocol.ts";
import { readTexts } from "../../options/parse.ts";
import { type Setting, settingOf, settingsOf, type Variant, variantOf } from "./method-flags.ts";
import { number, words } from "./parse-values.ts";

export interface AttackRunFlags {
  readonly attacks: readonly string[];
  readonly set?: readonly Setting[];
  readonly variant?: readonly Variant[];
  readonly variantImages?: number;
}

/** Adds the flags; `fallback` are the attacks that run if none is named. */
export function addAttackRunFlags(command: Command, fallback: readonly string[]): Command {
  const several =
    <T>(parse: (text: string) => T) =>
    (text: string, before: readonly T[] = []): T[] => [...before, parse(text)];
  const options = [
    new Option("--attacks <list>", "all, none (variants only), or some of the attacks below")
      .default(fallback, fallback.join(","))
      .argParser(words("--attacks")),
    new Option(
      "--set <attack.name=value>",
      "a setting of an attack, such as carlini-wagner.preset=odds; may be repeated",
    ).argParser(several(settingOf)),
    new Option(
      "--variant <name=attack,…>",
      "an attack once more with other settings, such as T/-1=perceptual,margin=-1: in a table called T; may be repeated",
    ).argParser(several(variantOf)),
    new Option("--variant-images <n>", "test images for variants, the first n (default: all)").argParser(
      number("--variant-images", { min: 1, integer: true }),
    ),
  ];
  for (const option of options) command.addOption(option.helpGroup("Attacks:"));
  return command;
}

/** The attacks by name, each with its summary, for the end of a command's help. */
export function attackHelp(): string {
  const width = Math.max(...attacks.map(({ name }) => name.length));
  return attacks.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join("\n");
}

/**
 * The runs that the flags mean, in the order in which they are named, variants last, each in the table that stands before the
 * slash of its name. Throws a MisuseError for attacks that do not exist and settings of attacks that do not run.
 */
export function attackRunsOf({ attacks: named, set = [], variant = [], variantImages }: AttackRunFlags): AttackRun[] {
  const list = named.flatMap((name) => (name === "all" ? attacks : name === "none" ? [] : [attackNamed(name)]));
  const chosen = [...new Set(list)];
  const settings = settingsOf(
    set,
    chosen.map(({ name, options }) => ({ name, schema: options })),
    "attack",
  );
  const runs: AttackRun[] = chosen.map((attack) => ({ name: attack.name, attack, settings: settings(attack.name) }));
  for (const { name, method, settings: own } of variant) {
    const slash = name.indexOf("/");
    const group = slash > 0 ? name.slice(0, slash) : undefined;
    const attack = attackNamed(method);
    const read = readTexts(attack.name, attack.options, own);
    runs.push({ name, attack, settings: read, group, images: variantImages });
  }
  if (runs.length === 0) throw new MisuseError({ where: "--attacks", what: "no attack is to run" });
  return runs;
}
