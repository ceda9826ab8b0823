/** @file The words of ONNX's text syntax, and errors that name line and column. */
import { BadInputError } from "../../errors.ts";

export interface Token {
  /** `end` stands after the last word. */
  readonly kind: "identifier" | "integer" | "number" | "string" | "symbol" | "end";
  /** The word as written; of a string, what it stands for. */
  readonly text: string;
  readonly offset: number;
}

/** One alternative per kind; a sign belongs to its number, and "inf" and "nan" without a sign are identifiers here. */
const pattern = new RegExp(
  [
    "(?<space>(?:\\s|#[^\\n]*)+)",
    "(?<identifier>[A-Za-z_][A-Za-z0-9_]*)",
    "(?<number>[-+]?(?:\\d+\\.\\d*|\\.\\d+)(?:[eE][-+]?\\d+)?|[-+]?\\d+[eE][-+]?\\d+|[-+](?:infinity|inf|nan)\\b)",
    "(?<integer>[-+]?\\d+)",
    '(?<string>"(?:[^"\\\\]|\\\\.)*")',
    "(?<symbol>=>|.)",
  ].join("|"),
  "gsuy",
);

const escapes: Readonly<Record<string, string>> = { n: "\n", t: "\t", r: "\r" };

/** The words of `text`; `#` starts a comment to the end of its line. */
export function tokenize(text: string): Token[] {
  const tokens: Token[] = [];
  for (const { groups = {}, index: offset } of text.matchAll(pattern)) {
    if (groups.space !== undefined) continue;
    for (const kind of ["identifier", "number", "integer", "symbol"] as const) {
      if (groups[kind] !== undefined) tokens.push({ kind, text: groups[kind], offset });
    }
    if (groups.string !== undefined) {
      const value = groups.string.slice(1, -1).replace(/\\(.)/gs, (_, letter: string) => escapes[letter] ?? letter);
      tokens.push({ kind: "string", text: value, offset });
    }
  }
  tokens.push({ kind: "end", text: "", offset: text.length });
  return tokens;
}

/** How messages show a word. */
function describe({ kind, text }: Token): string {
  if (kind === "end") return "the end of the text";
  return kind === "string" ? JSON.stringify(text) : `"${text}"`;
}

/** The error that at `token` something else was expected. */
export function syntaxError(text: string, token: Token, expected: string, what = "cannot be parsed"): BadInputError {
  const before = text.slice(0, token.offset).split("\n");
  const where = `model text, line ${before.length}, column ${before[before.length - 1].length + 1}`;
  return new BadInputError({ where, what, expected, got: describe(token) });
}
