/**
 * @file What an option is: its meaning, its fallback and its limits, written once. Checks, types, parsing, help, tables and JSON schemas follow.
 */
import {
  checkForm,
  checkKeys,
  describeLimits,
  kindOf,
  MisuseError,
  type NumberLimits,
  numberIn,
  oneOf,
} from "../errors.ts";

/** What values an option takes, as data: whatever reads, describes or checks values goes by it. */
export type OptionKind =
  | { readonly type: "number"; readonly limits: NumberLimits }
  | { readonly type: "word"; readonly choices: readonly string[] }
  | { readonly type: "flag" }
  /** A layer of a network: a number, a name or a pattern such as Relu[-1]. `null` is the automatic choice, where there is one. */
  | { readonly type: "layer"; readonly automatic: boolean }
  | { readonly type: "list"; readonly of: OptionKind; readonly mayBeEmpty: boolean }
  /** Anything that neither text nor JSON can hold: a signal, a callback. */
  | { readonly type: "value"; readonly expected: string };

/** One option of a schema; made by {@link numberOption}, {@link wordOption} and the other makers of this file. */
export interface OptionSpec<T> {
  /** What it means, in sentences; neither its fallback nor its limits. */
  readonly doc: string;
  readonly kind: OptionKind;
  /** The value where none is given; undefined where that depends on something: see {@link derived}. */
  readonly fallback: T;
  /** The fallback in words. */
  readonly fallbackText: string;
  /** `value`, if the option can have it; otherwise throws a MisuseError in the name of `where`. */
  check(where: string, value: unknown): T;
}

/** Stands for a fallback that depends on the classifier or on other options. */
export interface Derived {
  readonly derived: string;
}

/**
 * A fallback that depends on the classifier or on other options, in words: `derived("8/255; in ℓ2 times the root of the number of
 * elements")`. The value of such an option is undefined where none is given; whoever asked for the options fills it in.
 */
export function derived(text: string): Derived {
  return { derived: text };
}

/** The value of an option of `T` with a fallback of `F`: undefined is possible exactly where the fallback is {@link derived}. */
export type WithFallback<T, F> = F extends Derived ? T | undefined : T;

function specOf<T, F>(
  doc: string,
  kind: OptionKind,
  fallback: F,
  check: (where: string, value: unknown) => T,
): OptionSpec<WithFallback<T, F>>;
function specOf(
  doc: string,
  kind: OptionKind,
  fallback: unknown,
  check: (where: string, value: unknown) => unknown,
): OptionSpec<unknown> {
  if (isDerived(fallback)) return { doc, kind, fallback: undefined, fallbackText: fallback.derived, check };
  return { doc, kind, fallback, fallbackText: formatValue(fallback, kind), check };
}

function isDerived(fallback: unknown): fallback is Derived {
  return typeof fallback === "object" && fallback !== null && "derived" in fallback;
}

const limitKeys = ["min", "max", "above", "below", "integer"] as const satisfies readonly (keyof NumberLimits)[];

/** A number within limits. `advice` says what to do about a value that is refused, where that can be guessed. */
export function numberOption<const F extends number | Derived>(
  doc: string,
  options: NumberLimits & { readonly fallback: F; readonly advice?: (value: unknown) => string | undefined },
): OptionSpec<WithFallback<number, F>> {
  checkForm("numberOption: doc", doc, "string");
  checkKeys("numberOption", options, [...limitKeys, "fallback", "advice"]);
  checkForm("numberOption: options", options, ["fallback"]);
  const { fallback, advice, ...limits } = options;
  return specOf(doc, { type: "number", limits }, fallback, (where, value) => {
    try {
      return numberIn(where, value, limits);
    } catch (error) {
      if (error instanceof MisuseError) throw new MisuseError({ advice: advice?.(value), ...error.complaint });
      throw error;
    }
  });
}

/** How many of something: an integer from `min` (default 1) to `max`. */
export function countOption<const F extends number | Derived>(
  doc: string,
  options: { readonly fallback: F; readonly min?: number; readonly max?: number },
): OptionSpec<WithFallback<number, F>> {
  checkForm("countOption: doc", doc, "string");
  checkKeys("countOption", options, ["fallback", "min", "max"]);
  checkForm("countOption: options", options, ["fallback"]);
  const { fallback, min = 1, max } = options;
  return numberOption<F>(doc, { fallback, min, ...(max === undefined ? {} : { max }), integer: true });
}

/** One of a few words. */
export function wordOption<const W extends string, const F extends NoInfer<W> | Derived>(
  doc: string,
  choices: readonly W[],
  options: { readonly fallback: F },
): OptionSpec<WithFallback<W, F>> {
  checkForm("wordOption: doc", doc, "string");
  checkForm("wordOption: choices", choices, "list");
  checkKeys("wordOption", options, ["fallback"]);
  checkForm("wordOption: options", options, ["fallback"]);
  const { fallback } = options;
  return specOf(doc, { type: "word", choices }, fallback, (where, value) => oneOf(where, value, choices));
}

/** Yes or no. */
export function flagOption<const F extends boolean | Derived>(
  doc: string,
  options: { readonly fallback: F },
): OptionSpec<WithFallback<boolean, F>> {
  checkForm("flagOption: doc", doc, "string");
  checkKeys("flagOption", options, ["fallback"]);
  checkForm("flagOption: options", options, ["fallback"]);
  const { fallback } = options;
  return specOf(doc, { type: "flag" }, fallback, (where, value) => {
    if (typeof value === "boolean") return value;
    throw new MisuseError({ where, what: "not a flag", expected: "true or false", got: kindOf(value) });
  });
}

/** A layer: its number, its name, or a pattern such as Relu[-1]; null leaves the choice to whoever asked. */
export function layerOption(
  doc: string,
  options: { readonly fallbackText?: string } = {},
): OptionSpec<string | number | null> {
  checkKeys("layerOption", options, ["fallbackText"]);
  checkForm("layerOption: options", options, []);
  const { fallbackText = "chosen automatically" } = options;
  const kind: OptionKind = { type: "layer", automatic: true };
  return { doc, kind, fallback: null, fallbackText, check: (where, value) => layerOf(where, value, true) };
}

/** Several layers, or none, each as {@link layerOption} takes one. */
export function layersOption<const F extends readonly (string | number)[] | Derived>(
  doc: string,
  options: { readonly fallback: F },
): OptionSpec<WithFallback<readonly (string | number)[], F>> {
  checkForm("layersOption: doc", doc, "string");
  checkKeys("layersOption", options, ["fallback"]);
  checkForm("layersOption: options", options, ["fallback"]);
  const { fallback } = options;
  const kind = { type: "list", of: { type: "layer", automatic: false }, mayBeEmpty: true } as const;
  return specOf(doc, kind, fallback, (where, value) =>
    listOf(where, value, kind).map((layer) => layerOf(where, layer, false)),
  );
}

function layerOf<const A extends boolean>(
  where: string,
  value: unknown,
  automatic: A,
): A extends true ? string | number | null : string | number;
function layerOf(where: string, value: unknown, automatic: boolean): string | number | null {
  if (typeof value === "string" || (typeof value === "number" && Number.isInteger(value))) return value;
  if (automatic && value === null) return value;
  const kind: OptionKind = { type: "layer", automatic };
  throw new MisuseError({ where, what: "not a layer", expected: expectedOf(kind), got: kindOf(value) });
}

/** One or more numbers within limits; one number stands for a list of one. */
export function numbersOption<const F extends readonly number[] | Derived>(
  doc: string,
  options: NumberLimits & { readonly fallback: F },
): OptionSpec<WithFallback<readonly number[], F>> {
  checkForm("numbersOption: doc", doc, "string");
  checkKeys("numbersOption", options, [...limitKeys, "fallback"]);
  checkForm("numbersOption: options", options, ["fallback"]);
  const { fallback, ...limits } = options;
  const kind = { type: "list", of: { type: "number", limits }, mayBeEmpty: false } as const;
  return specOf(doc, kind, fallback, (where, value) =>
    listOf(where, value, kind).map((number) => numberIn(where, number, limits)),
  );
}

function listOf(where: string, value: unknown, kind: OptionKind & { readonly type: "list" }): readonly unknown[] {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (value !== null && (kind.mayBeEmpty || list.length > 0)) return list;
  throw new MisuseError({ where, what: "the list is empty", expected: expectedOf(kind), got: kindOf(value) });
}

/**
 * Something that neither text nor JSON can hold, such as a signal; undefined where none is given. `is` recognizes it, `expected` names it
 * ("an AbortSignal"), `fallbackText` says what happens without.
 */
export function valueOption<T>(
  doc: string,
  options: { readonly is: (value: unknown) => value is T; readonly expected: string; readonly fallbackText?: string },
): OptionSpec<T | undefined> {
  checkForm("valueOption: doc", doc, "string");
  checkKeys("valueOption", options, ["is", "expected", "fallbackText"]);
  checkForm("valueOption: options", options, ["is", "expected"]);
  const { is, expected, fallbackText = "none" } = options;
  return {
    doc,
    kind: { type: "value", expected },
    fallback: undefined,
    fallbackText,
    check(where, value) {
      if (is(value)) return value;
      throw new MisuseError({ where, what: "wrong type", expected, got: kindOf(value) });
    },
  };
}

/** What an option of this kind takes, in words: "a number above 0", "one of a, b". */
export function expectedOf(kind: OptionKind): string {
  switch (kind.type) {
    case "number":
      return describeLimits(kind.limits);
    case "word":
      return `one of ${kind.choices.join(", ")}`;
    case "flag":
      return "true or false";
    case "layer":
      return `a layer's number, its name, or a pattern such as Relu[-1]${kind.automatic ? "; null for the automatic choice" : ""}`;
    case "list":
      return `a list, each ${expectedOf(kind.of)}`;
    case "value":
      return kind.expected;
  }
}

/** A value as users write it: 8/255 for 0.03137254901960784, other long numbers with three digits. */
function formatValue(value: unknown, kind: OptionKind): string {
  if (kind.type === "list" && Array.isArray(value)) return value.map((item) => formatValue(item, kind.of)).join(", ");
  if (typeof value !== "number") return String(value);
  if (String(value).length <= 8) return String(value);
  const levels = 255 * value;
  const isLevel = Math.abs(levels - Math.round(levels)) < 1e-9 && levels >= 0.5;
  return isLevel ? `${Math.round(levels)}/255` : String(Number(value.toPrecision(3)));
}
