/** @file Options as text, as command lines and address bars have them: `masks=1000`, `epsilon=8/255`, `layers=Relu[0],Relu[3]`. */
import { checkForm, checkKeys, MisuseError } from "../errors.ts";
import { expectedOf, type OptionKind, type OptionSpec } from "./option.ts";
import { type OptionSchema, type OptionsOf, writableOptions } from "./schema.ts";

/**
 * The value that `text` stands for: a number or a fraction such as 8/255, a word, true or false, a layer, or several of them
 * separated by commas, in brackets or not. Throws a MisuseError in the name of `where` for text that the option does not take.
 */
export function parseOption<T>(where: string, spec: OptionSpec<T>, text: string): T {
  checkForm("parseOption: where", where, "string");
  checkForm("parseOption: spec", spec, ["doc", "kind", "fallbackText"]);
  checkForm("parseOption: text", text, "string");
  return spec.check(where, fromText(where, spec.kind, text));
}

/** The options that pairs of name and text stand for; of a name given twice, the last. Errors as {@link parseOption}. */
export function parseOptions<S extends OptionSchema>(
  where: string,
  schema: S,
  given: Iterable<readonly [name: string, text: string]>,
): OptionsOf<S>;
export function parseOptions(
  where: string,
  schema: OptionSchema,
  given: Iterable<readonly [name: string, text: string]>,
): Readonly<Record<string, unknown>> {
  checkForm("parseOptions: where", where, "string");
  checkForm("parseOptions: given", given, "iterable");
  const texts = Object.fromEntries(given);
  const readable = writableOptions(schema);
  checkKeys(
    where,
    texts,
    readable.map(([name]) => name),
  );
  const named = readable.filter(([name]) => Object.hasOwn(texts, name));
  return Object.fromEntries(named.map(([name, spec]) => [name, parseOption(`${where}: ${name}`, spec, texts[name])]));
}

/** A number, or a fraction such as 8/255. Throws a MisuseError for other text, with what is `expected`. */
export function parseNumber(where: string, text: string, expected = "a number, or a fraction such as 8/255"): number {
  const values = text.split("/").map((part) => (part.trim() === "" ? Number.NaN : Number(part)));
  const [numerator, denominator = 1] = values;
  const value = numerator / denominator;
  if (values.length <= 2 && Number.isFinite(value)) return value;
  throw new MisuseError({ where, what: "not a number", expected, got: JSON.stringify(text) });
}

function fromText(where: string, kind: OptionKind, given: string): unknown {
  const text = unquoted(given.trim());
  switch (kind.type) {
    case "number":
      return parseNumber(where, text, `${expectedOf(kind)}, such as 0.1 or 8/255`);
    case "word":
      return text;
    case "flag":
      return text === "true" ? true : text === "false" ? false : text;
    case "layer":
      if (text === "null" && kind.automatic) return null;
      return /^\d+$/.test(text) ? Number(text) : text;
    case "list":
      return partsOf(/^\[(.*)\]$/s.exec(text)?.[1] ?? text).map((part) => fromText(where, kind.of, part));
    case "value":
      throw new MisuseError({ where, what: "cannot be written as text", expected: kind.expected });
  }
}

/** `"paper"` and `paper` mean the same. */
function unquoted(text: string): string {
  return /^"(.*)"$/s.exec(text)?.[1] ?? text;
}

/** The parts between commas that are in no brackets; empty ones are left out. */
function partsOf(text: string): string[] {
  return text
    .split(/,(?![^[]*\])/)
    .map((part) => part.trim())
    .filter((part) => part !== "");
}
