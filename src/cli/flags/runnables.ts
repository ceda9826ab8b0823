/**
 * @file Which methods or attacks a command runs, and with which settings: the same flags in every command. A setting is given as
 * `--set NAME=VALUE`, as `--set METHOD.NAME=VALUE`, or by a flag of its own, which is made of the method's schema.
 */
import { type Command, Option } from "commander";
import { attackNamed, attacks } from "../../attacks/attacks.ts";
import { detectorNamed, detectors } from "../../detection/detectors.ts";
import { MisuseError, nearest } from "../../errors.ts";
import { describeOption } from "../../options/describe.ts";
import type { OptionSpec } from "../../options/option.ts";
import { parseOption } from "../../options/parse.ts";
import { type OptionSchema, writableOptions } from "../../options/schema.ts";
import { methodNamed, saliencyMethods } from "../../saliency/methods.ts";
import { words } from "./parse-values.ts";

/** What can be run by its name: a method or an attack. */
export interface Runnable {
  readonly name: string;
  readonly summary: string;
}

/** All runnables of a kind, and how the command line speaks of them. */
export interface RunnableKind<R extends Runnable> {
  readonly flag: "method" | "attack" | "detector";
  readonly all: readonly R[];
  /** The one that a user calls so; throws a MisuseError with the nearest name. */
  named(name: string): R;
  schemaOf(runnable: R): OptionSchema;
}

export const methodKind: RunnableKind<(typeof saliencyMethods)[number]> = {
  flag: "method",
  all: saliencyMethods,
  named: methodNamed,
  schemaOf: ({ settings }) => settings,
};

export const attackKind: RunnableKind<(typeof attacks)[number]> = {
  flag: "attack",
  all: attacks,
  named: attackNamed,
  schemaOf: ({ options }) => options,
};

export const detectorKind: RunnableKind<(typeof detectors)[number]> = {
  flag: "detector",
  all: detectors,
  named: detectorNamed,
  schemaOf: ({ settings }) => settings,
};

/** One `--set`: of the one that is named, or of the only one that runs. */
export interface GivenSetting {
  readonly of: string | undefined;
  readonly name: string;
  readonly text: string;
}

/** One `--variant NAME=WHAT,SETTING=VALUE,…`. */
export interface GivenVariant {
  readonly name: string;
  readonly of: string;
  readonly settings: readonly (readonly [name: string, text: string])[];
}

/** What commander makes of the flags; those of settings are among them under their own names. */
export interface RunnableFlags {
  readonly method?: readonly string[];
  readonly attack?: readonly string[];
  readonly detector?: readonly string[];
  readonly set?: readonly GivenSetting[];
  readonly variant?: readonly GivenVariant[];
}

export interface RunnableFlagsOptions {
  /** What runs if nothing is named: names, or "all". */
  readonly fallback: readonly string[];
  /** Whether `--variant` runs one of them once more with other settings, and "none" of them may run by itself. */
  readonly hasVariants?: boolean;
  /** Whether nothing may be to run. Default false. */
  readonly mayBeNone?: boolean;
}

/** `--epsilon` for `epsilon`, `--perceptual-weight` for `perceptualWeight`. */
export function flagOf(setting: string): string {
  return `--${setting.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

/**
 * Adds the flags. Call it when the command has all others: a setting whose name the command uses for something else has no flag of its
 * own, only `--set`.
 */
export function addRunnableFlags<R extends Runnable>(
  command: Command,
  kind: RunnableKind<R>,
  { fallback, hasVariants = false }: RunnableFlagsOptions,
): Command {
  const { flag, all } = kind;
  const group = `${flag[0].toUpperCase()}${flag.slice(1)}s:`;
  const add = (option: Option): Command => command.addOption(option.helpGroup(group));
  const none = hasVariants ? "none (variants only), " : "";
  add(
    // Both spellings are one flag.
    new Option(
      `--${flag}s, --${flag} <list>`,
      `all, ${none}or some of the ${flag}s below (default: ${fallback})`,
    ).argParser(words(`--${flag}`)),
  );
  add(
    new Option(
      "--set <name=value>",
      `a setting, or ${flag.toUpperCase()}.NAME=VALUE of one of several; may be repeated`,
    ).argParser(several(givenSetting(flag))),
  );
  if (hasVariants) {
    add(
      new Option(
        `--variant <name=${flag},…>`,
        `one of them once more with other settings, such as strong=perceptual,preset=paper; may be repeated`,
      ).argParser(several(givenVariant(flag))),
    );
  }
  const taken = new Set(command.options.map(({ long }) => long));
  for (const [name, owners] of settingsOf(kind)) {
    const [owner] = owners;
    if (taken.has(flagOf(name)) || owner === undefined) continue;
    const of = owners.length === all.length ? "" : ` [${owners.map(({ runnable }) => runnable.name).join(", ")}]`;
    const value = owner.spec.kind.type === "word" ? "word" : owner.spec.kind.type === "number" ? "n" : "value";
    const option = new Option(`${flagOf(name)} <${value}>`, `${describeOption(owner.spec)}${of}`);
    command.addOption(option.helpGroup(`Settings of ${flag}s:`).argParser(settingText));
  }
  return command;
}

/**
 * The text of a flag that is a setting. A command may have a flag of a setting's name for something else (`--channels` is the order of the
 * pixels' channels, and how many of a layer's are tried): its value is of another form, and nobody's setting.
 */
interface SettingText {
  readonly settingText: string;
}

function settingText(text: string): SettingText {
  return { settingText: text };
}

function isSettingText(value: unknown): value is SettingText {
  return typeof value === "object" && value !== null && "settingText" in value;
}

interface Owner<R> {
  readonly runnable: R;
  readonly spec: OptionSpec<unknown>;
}

/** Every setting that text can hold, with whose it is. */
function settingsOf<R extends Runnable>({ all, schemaOf }: RunnableKind<R>): Map<string, Owner<R>[]> {
  const owners = new Map<string, Owner<R>[]>();
  for (const runnable of all) {
    for (const [name, spec] of writableOptions(schemaOf(runnable))) {
      owners.set(name, [...(owners.get(name) ?? []), { runnable, spec }]);
    }
  }
  return owners;
}

/** The runnables by name, each with its summary, for the end of a command's help. */
export function runnableHelp({ all }: RunnableKind<Runnable>): string {
  const width = Math.max(0, ...all.map(({ name }) => name.length));
  return all.map(({ name, summary }) => `  ${name.padEnd(width)}  ${summary}`).join("\n");
}

/** What runs: under which name, with which settings. */
export interface Run<R> {
  readonly name: string;
  readonly of: R;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly isVariant: boolean;
  /** Whether it was asked for by its name, and not as one of all. */
  readonly isNamed: boolean;
}

/**
 * The runs that the flags mean, each once, in the order in which they are named; variants last. Throws a MisuseError for names that do not
 * exist, for a setting whose owner does not run or is left open, and for a flag that nothing that runs has. What is given by `--set` takes
 * precedence over a flag.
 */
export function runsOf<R extends Runnable>(
  kind: RunnableKind<R>,
  flags: RunnableFlags,
  { fallback, hasVariants = false, mayBeNone = false }: RunnableFlagsOptions,
): Run<R>[] {
  const { flag, all, named, schemaOf } = kind;
  const list = flags[flag] ?? fallback;
  const chosen = [
    ...new Set(list.flatMap((name) => (name === "all" ? all : name === "none" && hasVariants ? [] : [named(name)]))),
  ];
  const names = chosen.map(({ name }) => name);
  const { set = [], variant = [] } = flags;
  for (const setting of set) checkOwner(flag, setting, names);
  const given = flagsOfSettings(kind, flags, chosen);
  /** Of words, such as presets, those that run may have different ones: a word goes to those that know it. */
  const isWordOfOthers = (spec: OptionSpec<unknown>, text: string, running: readonly R[], setting: string): boolean =>
    !knowsWord(spec, text) && running.some((other) => knowsWord(schemaOf(other)[setting], text));
  const runs: Run<R>[] = chosen.map((runnable) => {
    const { name } = runnable;
    const schema = schemaOf(runnable);
    const byFlag = Object.entries(given).flatMap(([setting, text]): [string, unknown][] => {
      const spec = Object.hasOwn(schema, setting) ? schema[setting] : undefined;
      if (spec === undefined || isWordOfOthers(spec, text, chosen, setting)) return [];
      return [[setting, parseOption<unknown>(flagOf(setting), spec, text)]];
    });
    const own = set.filter(({ of }) => of === undefined || of === name).map((one) => [one.name, one.text] as const);
    const settings = { ...Object.fromEntries(byFlag), ...readSettings(name, schema, own) };
    const isNamed = list.some((word) => word !== "all" && word !== "none" && named(word) === runnable);
    return { name, of: runnable, settings, isVariant: false, isNamed };
  });
  for (const { name, of, settings } of variant) {
    const runnable = named(of);
    const read = readSettings(runnable.name, schemaOf(runnable), settings);
    runs.push({ name, of: runnable, settings: read, isVariant: true, isNamed: true });
  }
  const twice = runs.find(({ name }, i) => runs.findIndex((other) => other.name === name) < i);
  if (twice !== undefined) {
    throw new MisuseError({ where: "--variant", what: `the name ${JSON.stringify(twice.name)} is taken already` });
  }
  if (runs.length === 0 && !mayBeNone) throw new MisuseError({ where: `--${flag}`, what: `no ${flag} is to run` });
  return runs;
}

function knowsWord(spec: OptionSpec<unknown> | undefined, text: string): boolean {
  return spec?.kind.type === "word" && spec.kind.choices.includes(text);
}

/** Throws a MisuseError if nobody knows whose setting this is. */
function checkOwner(flag: string, { of, name }: GivenSetting, names: readonly string[]): void {
  if (of === undefined && names.length === 1) return;
  if (of === undefined) {
    throw new MisuseError({
      where: "--set",
      what: `whose setting ${JSON.stringify(name)} is meant is open`,
      expected: `one of ${names.map((one) => `${one}.${name}`).join(", ")}`,
    });
  }
  if (names.includes(of)) return;
  const hint = nearest(of, names);
  throw new MisuseError({
    where: "--set",
    what: `no such ${flag} runs`,
    expected: `one of ${names.join(", ")}`,
    got: JSON.stringify(of),
    advice: hint === undefined ? undefined : `Did you mean ${hint}?`,
  });
}

/** The texts of the flags that are settings, by setting; throws a MisuseError for one that nothing that runs has. */
function flagsOfSettings<R extends Runnable>(
  kind: RunnableKind<R>,
  flags: RunnableFlags,
  chosen: readonly R[],
): Readonly<Record<string, string>> {
  const values: Readonly<Record<string, unknown>> = { ...flags };
  const given = new Map<string, string>();
  for (const [name, owners] of settingsOf(kind)) {
    const value = values[name];
    if (!isSettingText(value)) continue;
    const { settingText: text } = value;
    if (!owners.some(({ runnable }) => chosen.includes(runnable))) {
      throw new MisuseError({
        where: flagOf(name),
        what: `${chosen.map((runnable) => runnable.name).join(", ") || "nothing"} ${chosen.length > 1 ? "have" : "has"} no such setting`,
        expected: `one of ${owners.map(({ runnable }) => runnable.name).join(", ")} to run`,
        got: `--${kind.flag} ${chosen.map((runnable) => runnable.name).join(",")}`,
      });
    }
    given.set(name, text);
  }
  return Object.fromEntries(given);
}

/** Values as their options take them; names that the schema does not have are left for whoever checks names, with JSON where it is JSON. */
export function readSettings(
  where: string,
  schema: OptionSchema,
  given: readonly (readonly [name: string, text: string])[],
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    given.map(([name, text]) => {
      const spec = Object.hasOwn(schema, name) ? schema[name] : undefined;
      return [name, spec === undefined ? jsonOrText(text) : parseOption<unknown>(`${where}: ${name}`, spec, text)];
    }),
  );
}

function jsonOrText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

export function several<T>(parse: (text: string) => T): (text: string, before?: readonly T[]) => T[] {
  return (text, before = []) => [...before, parse(text)];
}

const settingExamples = { method: "rise.masks=1000", attack: "pgd.steps=40", detector: "lid.neighbors=10" } as const;

/** Parses one `--set`. */
function givenSetting(flag: keyof typeof settingExamples): (text: string) => GivenSetting {
  return (text) => {
    const match = /^(?:([^.=]+)\.)?([^=]+)=(.*)$/s.exec(text);
    const [, of, name, value] = match ?? [];
    if (name !== undefined && value !== undefined) return { of, name, text: value };
    throw new MisuseError({
      where: "--set",
      what: "not a setting",
      expected: `NAME=VALUE or ${flag.toUpperCase()}.NAME=VALUE, such as ${settingExamples[flag]}`,
      got: JSON.stringify(text),
    });
  };
}

/** Parses one `--variant`. */
export function givenVariant(flag: string): (text: string) => GivenVariant {
  return (text) => {
    const [, name, of, rest] = /^([^=,]+)=([^=,]+)(?:,(.*))?$/s.exec(text) ?? [];
    const settings = rest === undefined ? [] : partsOf(rest).map((part) => /^([^=]+)=(.*)$/s.exec(part));
    const pairs = settings.flatMap((match) => (match?.[1] === undefined ? [] : [[match[1], match[2] ?? ""] as const]));
    if (name !== undefined && of !== undefined && pairs.length === settings.length)
      return { name, of, settings: pairs };
    throw new MisuseError({
      where: flag === "detector" ? "--detector-variant" : "--variant",
      what: "not a variant",
      expected: `NAME=${flag.toUpperCase()},SETTING=VALUE,…, such as ${flag === "detector" ? "near=lid,neighbors=5" : "strong=perceptual,preset=paper"}`,
      got: JSON.stringify(text),
    });
  };
}

/** The parts between commas that are in no brackets: a list such as [1,2] is one value. */
function partsOf(text: string): string[] {
  const parts: string[] = [];
  let [part, depth] = ["", 0];
  for (const character of text) {
    if (character === "[" || character === "{") depth++;
    if (character === "]" || character === "}") depth--;
    if (character === "," && depth === 0) {
      parts.push(part);
      part = "";
    } else part += character;
  }
  return [...parts, part];
}
