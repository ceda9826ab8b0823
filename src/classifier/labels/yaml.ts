/** @file The part of YAML that configurations beside models are written in: mappings, lists and plain values, one a line. */

/** More levels within levels than this are no configuration of a model. */
const deepest = 32;

interface Line {
  readonly indent: number;
  readonly text: string;
}

/**
 * The value that `text` writes, as JSON.parse gives it; undefined for what has no form that is read here: anchors, tags, texts of several lines,
 * or lines that do not belong together.
 */
export function parseYaml(text: string): unknown {
  const lines = text
    .split(/\r?\n/)
    .map((line) => line.replace(/(^|\s)#.*$/, "").trimEnd())
    .filter((line) => line.trim() !== "" && !/^(---|\.\.\.|%)/.test(line))
    .map((line): Line => ({ indent: line.length - line.trimStart().length, text: line.trimStart() }));
  if (lines.length === 0) return undefined;
  const reader = new Reader(lines);
  const value = reader.block(lines[0].indent, 0);
  return reader.isDone ? value : undefined;
}

class Reader {
  readonly #lines: Line[];
  #at = 0;

  constructor(lines: readonly Line[]) {
    this.#lines = [...lines];
  }

  get isDone(): boolean {
    return this.#at === this.#lines.length;
  }

  /** The mapping or list whose lines begin at `indent`; undefined where there is none. */
  block(indent: number, depth: number): unknown {
    const line = this.#next();
    if (line === undefined || line.indent !== indent || depth > deepest) return undefined;
    return isItem(line) ? this.#list(indent, depth) : this.#mapping(indent, depth);
  }

  #next(): Line | undefined {
    return this.#lines[this.#at];
  }

  #list(indent: number, depth: number): unknown[] {
    const items: unknown[] = [];
    for (let line = this.#next(); line?.indent === indent && isItem(line); line = this.#next()) {
      const rest = line.text.slice(1);
      const text = rest.trimStart();
      if (text === "") {
        this.#at++;
        items.push(this.#inner(indent, depth, false));
        continue;
      }
      if (keyOf(text) === undefined && !isItem({ indent, text })) {
        this.#at++;
        items.push(plainValue(text));
        continue;
      }
      // What begins beside the hyphen goes on below it, as far to the right.
      const inner = indent + 1 + rest.length - text.length;
      this.#lines[this.#at] = { indent: inner, text };
      items.push(this.block(inner, depth + 1));
    }
    return items;
  }

  #mapping(indent: number, depth: number): unknown {
    const entries: [string, unknown][] = [];
    for (let line = this.#next(); line?.indent === indent && !isItem(line); line = this.#next()) {
      const found = keyOf(line.text);
      if (found === undefined) return undefined;
      this.#at++;
      entries.push([found.key, found.rest === "" ? this.#inner(indent, depth, true) : plainValue(found.rest)]);
    }
    return Object.fromEntries(entries);
  }

  /** What stands below a key or a hyphen; null where nothing does. A list may stand as far to the left as its key. */
  #inner(indent: number, depth: number, isOfKey: boolean): unknown {
    const line = this.#next();
    if (line === undefined) return null;
    const isBelow = line.indent > indent || (isOfKey && line.indent === indent && isItem(line));
    return isBelow ? this.block(line.indent, depth + 1) : null;
  }
}

function isItem({ text }: Line): boolean {
  return text === "-" || text.startsWith("- ");
}

/** The key that a line begins with, and what stands behind its colon. */
function keyOf(text: string): { readonly key: string; readonly rest: string } | undefined {
  const quoted = /^("[^"]*"|'[^']*')/.exec(text)?.[1] ?? "";
  const colon = text.slice(quoted.length).search(/:(\s|$)/) + quoted.length;
  const key = text.slice(0, colon).trimEnd();
  if (colon < quoted.length || key === "" || (quoted === "" && /^["'[\]{}&*!|>%@`?]/.test(text))) return undefined;
  return { key: unquoted(key), rest: text.slice(colon + 1).trim() };
}

function plainValue(text: string): unknown {
  if (/^[[{]/.test(text)) return flow(text);
  if (/^["']/.test(text)) return unquoted(text);
  if (/^(~|null)$/i.test(text)) return null;
  if (/^(true|yes|on)$/i.test(text)) return true;
  if (/^(false|no|off)$/i.test(text)) return false;
  return text !== "" && Number.isFinite(Number(text)) ? Number(text) : text;
}

/** A list or dictionary in one line; words without quotes are texts. */
function flow(text: string): unknown {
  const words = /"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'|[^\s[\]{},:"'][^[\]{},:"']*/g;
  const json = text.replace(words, (word, at: number) => {
    if (word.startsWith('"')) return word;
    const isKey = text[at + word.length] === ":";
    return JSON.stringify(isKey ? unquoted(word.trim()) : plainValue(word.trim()));
  });
  try {
    return JSON.parse(json);
  } catch {
    return text;
  }
}

function unquoted(text: string): string {
  const match = /^(["'])(.*)\1$/.exec(text);
  return match === null ? text : match[2];
}
