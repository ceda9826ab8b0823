/** @file Options by name: which values they have together, and the types that follow. */
import { checkForm, checkKeys, kindOf, MisuseError, oneOf } from "../errors.ts";
import type { OptionSpec } from "./option.ts";

/** The options of something, by name. */
export type OptionSchema = Readonly<Record<string, OptionSpec<unknown>>>;

/** The values of all options of a schema. */
export type ValuesOf<S extends OptionSchema> = {
  readonly [K in keyof S]: S[K] extends OptionSpec<infer T> ? T : never;
};

/** What a caller may give: some of the options of a schema. */
export type OptionsOf<S extends OptionSchema> = Partial<ValuesOf<S>>;

/** The options of a schema that text and JSON can hold, in order; the others are values such as signals. */
export function writableOptions(schema: OptionSchema): [name: string, spec: OptionSpec<unknown>][] {
  checkForm("an option schema", schema, []);
  return Object.entries(schema).filter(([, { kind }]) => kind.type !== "value");
}

/** The option that chooses a preset: fallbacks that belong together, by a name. */
export interface PresetSpec<N extends string> extends OptionSpec<N> {
  readonly presets: Readonly<Record<N, Readonly<Record<string, unknown>>>>;
}

/**
 * The `schema` with one more option, `preset`, before them: a name for fallbacks that belong together. What is given besides
 * takes precedence over the preset's value, and that over the option's own fallback.
 */
export function withPresets<const S extends OptionSchema, const N extends string>(
  options: {
    readonly doc: string;
    readonly fallback: NoInfer<N>;
    readonly presets: { readonly [K in N]: OptionsOf<NoInfer<S>> };
  },
  schema: S,
): { readonly preset: PresetSpec<N> } & S {
  checkKeys("withPresets", options, ["doc", "fallback", "presets"]);
  checkForm("withPresets: options", options, ["doc", "fallback", "presets"]);
  const { doc, fallback, presets } = options;
  const choices = Object.keys(presets).filter((name): name is N => name in presets);
  const preset: PresetSpec<N> = {
    doc,
    kind: { type: "word", choices },
    fallback,
    fallbackText: fallback,
    check: (where, value) => oneOf(where, value, choices),
    presets,
  };
  return { preset, ...schema };
}

function isPreset(spec: OptionSpec<unknown> | undefined): spec is PresetSpec<string> {
  return spec !== undefined && "presets" in spec;
}

/** The names of a schema's presets, the default first; none if it has none. */
export function presetNames(schema: OptionSchema): readonly string[] {
  const { preset } = schema;
  if (preset === undefined || preset.kind.type !== "word") return [];
  return [...preset.kind.choices].sort((a, b) => Number(b === preset.fallback) - Number(a === preset.fallback));
}

/**
 * All options of `schema`: as given, else as the preset says, else as `instead` says, else the fallback. What is given as undefined
 * counts as not given. Throws a MisuseError for names that the schema does not have, with the nearest one, and for values that an option
 * does not take.
 */
export function completeOptions<S extends OptionSchema>(
  where: string,
  schema: S,
  given: object = {},
  instead: OptionsOf<S> = {},
): ValuesOf<S> {
  checkForm("completeOptions: where", where, "string");
  checkForm("completeOptions: schema", schema, []);
  checkOptionsObject(where, given);
  checkKeys(where, given, Object.keys(schema));
  return valuesOf(where, schema, new Map(Object.entries(given)), instead);
}

/**
 * As {@link completeOptions}, for options of two schemas that are given in one object: the values of either. Names must not occur in
 * both.
 */
export function completeBoth<A extends OptionSchema, B extends OptionSchema>(
  where: string,
  [first, second]: readonly [A, B],
  given: object = {},
): [ValuesOf<A>, ValuesOf<B>] {
  checkOptionsObject(where, given);
  checkKeys(where, given, [...Object.keys(second), ...Object.keys(first)]);
  const entries = new Map(Object.entries(given));
  return [valuesOf(where, first, entries, {}), valuesOf(where, second, entries, {})];
}

/** Throws a MisuseError in the name of `where` if `own` has an option that all have: one value would mean both. */
export function checkOwnNames(where: string, own: OptionSchema, common: OptionSchema): void {
  const taken = Object.keys(own).filter((name) => Object.hasOwn(common, name));
  if (taken.length === 0) return;
  throw new MisuseError({
    where,
    what: `the options of all are called so too: ${taken.join(", ")}`,
    expected: `other names than ${Object.keys(common).join(", ")}`,
  });
}

function checkOptionsObject(where: string, given: unknown): void {
  if (typeof given === "object" && given !== null && !Array.isArray(given)) return;
  throw new MisuseError({
    where,
    what: "the options are no object",
    expected: "options by name, { … }",
    got: kindOf(given),
  });
}

function valuesOf<S extends OptionSchema>(
  where: string,
  schema: S,
  given: ReadonlyMap<string, unknown>,
  instead: OptionsOf<S>,
): ValuesOf<S>;
function valuesOf(
  where: string,
  schema: OptionSchema,
  given: ReadonlyMap<string, unknown>,
  instead: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  const checked = (name: string, spec: OptionSpec<unknown>, fallback: unknown): unknown => {
    const value = given.get(name);
    return value === undefined ? fallback : spec.check(`${where}: ${name}`, value);
  };
  const { preset } = schema;
  const ofPreset = isPreset(preset) ? preset.presets[String(checked("preset", preset, preset.fallback))] : {};
  return Object.fromEntries(
    Object.entries(schema).map(([name, spec]) => {
      return [name, checked(name, spec, ofPreset[name] ?? instead[name] ?? spec.fallback)];
    }),
  );
}
