/**
 * @file The form of a record's result, checked when it is read: a file may have been damaged, edited, or written by something else.
 * A form is a type guard that accepts what JSON gives back of a value of its type, and nothing else: a missing name, a name too
 * many, or a number that is a text does not pass.
 */
import type { Cost } from "../../options/cost.ts";

/** True for values of the type. */
export type Form<T> = (value: unknown) => value is T;

export const isText: Form<string> = (value) => typeof value === "string";
export const isTruth: Form<boolean> = (value) => typeof value === "boolean";
/** Finite: JSON has no other numbers. */
export const isNumber: Form<number> = (value): value is number => typeof value === "number" && Number.isFinite(value);
/** A whole number of at least 0: a count, or the index of a class. */
export const isCount: Form<number> = (value): value is number => Number.isSafeInteger(value) && Number(value) >= 0;
/** A share, such as a softmax: in [0, 1], but for rounding. */
export const isShare: Form<number> = (value): value is number => isNumber(value) && value >= -1e-6 && value <= 1 + 1e-6;

/** Any object of JSON with names and values, such as the settings of a method. */
export const isJsonObject: Form<Readonly<Record<string, unknown>>> = (
  value,
): value is Readonly<Record<string, unknown>> => typeof value === "object" && value !== null && !Array.isArray(value);

/** An object with exactly these names, each of its form. */
export function objectOf<T extends object>(members: { readonly [Name in keyof T]-?: Form<T[Name]> }): Form<T> {
  const forms: [string, Form<unknown>][] = Object.entries(members);
  return (value): value is T =>
    isJsonObject(value) &&
    Object.keys(value).length === forms.length &&
    forms.every(([name, form]) => Object.hasOwn(value, name) && form(value[name]));
}

/** What a result took of the network. */
export const isCost: Form<Cost> = objectOf<Cost>({ forward: isCount, gradient: isCount });

/** A list of any length whose items have the form. */
export function listOf<T>(item: Form<T>): Form<readonly T[]> {
  return (value): value is readonly T[] => Array.isArray(value) && value.every(item);
}

/** A list of four numbers: a box, or two points. */
export const isBox: Form<readonly [number, number, number, number]> = (
  value,
): value is readonly [number, number, number, number] =>
  Array.isArray(value) && value.length === 4 && value.every(isNumber);

/** null, or of the form. */
export function orNull<T>(form: Form<T>): Form<T | null> {
  return (value): value is T | null => value === null || form(value);
}

/** One of the words. */
export function wordOf<const T extends string>(words: readonly T[]): Form<T> {
  return (value): value is T => words.some((word) => word === value);
}
