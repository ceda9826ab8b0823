/** @file Literals as JSON and Python write them: metadata holds both. */

/** A value of a literal. */
export type Literal = string | number | boolean | null | readonly Literal[] | LiteralMap;
/** The entries of a dictionary in their order; keys are strings, numbers as they are written. */
export interface LiteralMap {
  readonly entries: readonly (readonly [key: string, value: Literal])[];
}

export function isLiteralMap(value: Literal | undefined): value is LiteralMap {
  return typeof value === "object" && value !== null && "entries" in value && Array.isArray(value.entries);
}

export function isLiteralList(value: Literal | undefined): value is readonly Literal[] {
  return Array.isArray(value);
}

/** More brackets within brackets than this are no list of names. */
const deepest = 32;

/**
 * The value that `text` writes in JSON or as Python prints dictionaries, lists, tuples, strings and numbers; undefined if it is neither.
 * Keys of dictionaries keep their order, which JavaScript's objects do not.
 */
export function parseLiteral(text: string): Literal | undefined {
  const pattern =
    /\s*(?:([[\]{}(),:])|(-?(?:\d+\.?\d*(?:[eE][+-]?\d+)?|\.\d+))|(True|False|None|true|false|null)\b|[uU]?("(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'))/y;
  const tokens: { readonly kind: "mark" | "number" | "word" | "string"; readonly text: string }[] = [];
  const end = text.trimEnd().length;
  while (pattern.lastIndex < end) {
    const match = pattern.exec(text);
    if (match === null) return undefined;
    const [, mark, number, word, string] = match;
    if (mark !== undefined) tokens.push({ kind: "mark", text: mark });
    else if (number !== undefined) tokens.push({ kind: "number", text: number });
    else if (word !== undefined) tokens.push({ kind: "word", text: word });
    else tokens.push({ kind: "string", text: unescaped(string) });
  }
  let position = 0;
  const isMark = (mark: string): boolean => {
    const token = tokens[position];
    return token?.kind === "mark" && token.text === mark;
  };
  const accept = (mark: string): boolean => {
    const found = isMark(mark);
    if (found) position++;
    return found;
  };
  /** undefined stands for what is no literal. */
  const value = (depth: number): Literal | undefined => {
    const token = tokens[position];
    if (token === undefined || depth > deepest) return undefined;
    position++;
    if (token.kind === "string") return token.text;
    if (token.kind === "number") return Number(token.text);
    if (token.kind === "word") return /^n/i.test(token.text) ? null : /^t/i.test(token.text);
    if (token.text === "[" || token.text === "(") {
      const close = token.text === "[" ? "]" : ")";
      const items: Literal[] = [];
      while (!accept(close)) {
        const item = value(depth + 1);
        if (item === undefined) return undefined;
        items.push(item);
        if (!accept(",") && !isMark(close)) return undefined;
      }
      return items;
    }
    if (token.text !== "{") return undefined;
    const entries: [string, Literal][] = [];
    while (!accept("}")) {
      const key = tokens[position++];
      if (key === undefined || key.kind === "mark" || !accept(":")) return undefined;
      const item = value(depth + 1);
      if (item === undefined) return undefined;
      entries.push([key.text, item]);
      if (!accept(",") && !isMark("}")) return undefined;
    }
    return { entries };
  };
  const result = value(0);
  return position === tokens.length ? result : undefined;
}

const escapes: ReadonlyMap<string, string> = new Map([
  ["n", "\n"],
  ["t", "\t"],
  ["r", "\r"],
  ["b", "\b"],
  ["f", "\f"],
]);

function unescaped(quoted: string): string {
  return quoted.slice(1, -1).replace(/\\(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2})|(.))/g, (_, long, short, plain) => {
    const code = long ?? short;
    return code === undefined ? (escapes.get(plain) ?? plain) : String.fromCharCode(Number.parseInt(code, 16));
  });
}

/** The value at `key` of a dictionary. */
export function literalAt(value: Literal | undefined, key: string): Literal | undefined {
  return isLiteralMap(value) ? value.entries.find(([name]) => name === key)?.[1] : undefined;
}

/** The numbers of a list of numbers. */
export function numbersIn(value: Literal | undefined): readonly number[] | undefined {
  if (!isLiteralList(value)) return undefined;
  const numbers = value.filter((item) => typeof item === "number");
  return numbers.length === value.length && numbers.length > 0 ? numbers : undefined;
}
