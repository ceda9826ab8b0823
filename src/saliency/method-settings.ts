/** @file The settings of a method: names, defaults and limits, written once, checked and completed. */
import { checkKeys, MisuseError, numberIn, oneOf } from "../errors.ts";

/** One setting: its value where none is given, and the check of one that is (which returns it or throws a MisuseError). */
export interface Setting<T> {
  readonly fallback: T;
  readonly check: (where: string, value: unknown) => T;
}

/** One of a few words. */
export function wordSetting<const T extends string>(choices: readonly T[], fallback: NoInfer<T>): Setting<T> {
  return { fallback, check: (where, value) => oneOf(where, value, choices) };
}

/** A number within limits. */
export function numberSetting(fallback: number, limits: Parameters<typeof numberIn>[2] = {}): Setting<number> {
  return { fallback, check: (where, value) => numberIn(where, value, limits) };
}

/** How many of something: an integer from `min` (default 1). */
export function countSetting(fallback: number, min = 1): Setting<number> {
  return numberSetting(fallback, { min, integer: true });
}

/** A layer, by number, name or pattern; null leaves the choice to the method. */
export const layerSetting: Setting<string | number | null> = {
  fallback: null,
  check(where, value) {
    if (value === null || typeof value === "string" || (typeof value === "number" && Number.isInteger(value)))
      return value;
    throw new MisuseError({
      where,
      what: "not a layer",
      expected: "a number, a name, a pattern such as Relu[-1], or null for the automatic choice",
      got: JSON.stringify(value),
    });
  },
};

/** Yes or no. */
export function flagSetting(fallback: boolean): Setting<boolean> {
  return {
    fallback,
    check(where, value) {
      if (typeof value === "boolean") return value;
      throw new MisuseError({ where, what: "not a flag", expected: "true or false", got: JSON.stringify(value) });
    },
  };
}

type Settings = Readonly<Record<string, Setting<unknown>>>;

export type ValuesOf<S extends Settings> = { readonly [K in keyof S]: S[K] extends Setting<infer T> ? T : never };

/**
 * All settings of `known`, from `given`, then from `preset`, then their defaults. Throws a MisuseError for names that are not
 * known (with the nearest one) and for values that a setting does not take.
 */
export function completeSettings<S extends Settings>(
  where: string,
  known: S,
  given: Readonly<Record<string, unknown>> = {},
  preset: Partial<ValuesOf<S>> = {},
): ValuesOf<S> {
  checkKeys(where, given, Object.keys(known));
  const values = Object.entries(known).map(([name, setting]) => {
    const value = given[name];
    if (value !== undefined) return [name, setting.check(`${where}: ${name}`, value)];
    return [name, preset[name] ?? setting.fallback];
  });
  return Object.fromEntries(values);
}
