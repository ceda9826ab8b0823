/** @file Objects in JSON, alone or one to a line, as others write them. */
import { BadInputError } from "../../errors.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/** What is in the text; a byte order mark may stand in front. Throws a BadInputError on behalf of `where` if it is no JSON. */
export function parseJson(text: string, where: string): unknown {
  try {
    return JSON.parse(text.replace(/^\uFEFF/, ""));
  } catch (cause) {
    throw new BadInputError({ where, what: "is not JSON, or cut short" }, { cause });
  }
}

export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The value, if it is an object; one without anything where it is none. */
export function objectOf(value: unknown): JsonObject {
  return isObject(value) ? value : {};
}

/** The object that the text is in JSON; undefined where it is none. */
export function objectIn(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

/** The objects in lines of JSON, which are counted from 1, empty ones passed over; undefined for a line that is none. */
export function objectsInLines(text: string): readonly { readonly line: number; readonly object?: JsonObject }[] {
  const lines = text.replace(/^\uFEFF/, "").split(/\r?\n/);
  return lines.flatMap((line, index) => (line.trim() === "" ? [] : [{ line: index + 1, object: objectIn(line) }]));
}
