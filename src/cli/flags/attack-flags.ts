/** @file The flags of `attack` that say which attacks run, with which settings, and toward which class. */
import { type Command, Option } from "commander";
import { attackNamed, attacks } from "../../attacks/attacks.ts";
import { MisuseError, nearest } from "../../errors.ts";
import type { AttackRun } from "../../experiments/attack/protocol.ts";
import { readTexts } from "../../options/parse.ts";
import { type Setting, settingOf } from "./method-flags.ts";
import { choice, number, words } from "./parse-values.ts";

export interface AttackFlags {
  readonly attack: readonly string[];
  readonly set?: readonly Setting[];
  readonly label?: string;
  readonly target?: string;
  readonly preset?: string;
  readonly epsilon?: number;
  readonly norm?: string;
  readonly steps?: number;
  readonly rounding?: "nearest" | "keep";
  readonly batch?: number;
  readonly examples: number;
}

/** Flags that several attacks share; they go to those that have the option. */
const sharedFlags = ["preset", "epsilon", "norm", "steps"] as const;

export function addAttackFlags(command: Command): Command {
  const count = { min: 1, integer: true };
  const options = [
    new Option("--attack <list>", "all, or some of the attacks below")
      .default(["perceptual"], "perceptual")
      .argParser(words("--attack")),
    new Option("--label <class>", "class to leave, number or name (default: the predicted one)"),
    new Option("--target <class>", "class to reach (default: any other)"),
    new Option("--preset <name>", "numbers of the attack: detection, auto, paper, released, odds, foolbox, …"),
    new Option("--epsilon <e>", "radius of the ball in pixels of [0, 1], such as 8/255").argParser(
      number("--epsilon", { min: 0 }),
    ),
    new Option("--norm <name>", "linf or l2").argParser(choice("--norm", ["linf", "l2"])),
    new Option("--steps <n>", "steps of the attack").argParser(number("--steps", count)),
    new Option(
      "--set <attack.name=value>",
      "any other setting, such as perceptual.margin=-1; may be repeated",
    ).argParser((text: string, before: readonly Setting[] = []) => [...before, settingOf(text)]),
    new Option(
      "--rounding <how>",
      "nearest (default), or keep: away from the picture where bytes lose the success",
    ).argParser(choice("--rounding", ["nearest", "keep"])),
    new Option("--batch <n>", "pictures in lockstep (default: up to 64, fewer of large ones)").argParser(
      number("--batch", { ...count, max: 4096 }),
    ),
    new Option("--examples <n>", "pictures of a data set that are written and shown")
      .default(12)
      .argParser(number("--examples", { min: 0, integer: true })),
  ];
  for (const option of options) command.addOption(option.helpGroup("Attack:"));
  return command;
}

/** The attacks with their settings; throws a MisuseError for a flag that none of them takes. */
export function attacksOf(flags: AttackFlags): AttackRun[] {
  const chosen = [...new Set(flags.attack.flatMap((name) => (name === "all" ? attacks : [attackNamed(name)])))];
  for (const key of sharedFlags) {
    if (flags[key] === undefined || chosen.some(({ options }) => key in options)) continue;
    throw new MisuseError({
      where: `--${key}`,
      what: `${chosen.map(({ name }) => name).join(", ")} ${chosen.length > 1 ? "have" : "has"} no such setting`,
      expected: `one of ${attacks.flatMap(({ name, options }) => (key in options ? [name] : [])).join(", ")}`,
    });
  }
  const names = chosen.map(({ name }) => name);
  for (const { method } of flags.set ?? []) {
    if (names.includes(method)) continue;
    const hint = nearest(method, names);
    throw new MisuseError({
      where: "--set",
      what: "no such attack runs",
      expected: `one of ${names.join(", ")}`,
      got: JSON.stringify(method),
      advice: hint === undefined ? undefined : `Did you mean ${hint}?`,
    });
  }
  return chosen.map((attack) => {
    const shared = sharedFlags.filter((key) => flags[key] !== undefined && key in attack.options);
    const own = (flags.set ?? []).filter(({ method }) => method === attack.name);
    const options = [...shared.map((key) => [key, flags[key]]), ...own.map(({ name, value }) => [name, value])];
    return { name: attack.name, attack, settings: readTexts(attack.name, attack.options, Object.fromEntries(options)) };
  });
}
