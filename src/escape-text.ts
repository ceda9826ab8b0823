/**
 * @file Text that comes from outside – class names, file names, metadata, value names, messages of other libraries – made fit to be
 * shown: in a terminal, in a line of text, in HTML, SVG and XML. Nothing from a file is shown without passing through here.
 */

/**
 * What a reader cannot see and a terminal, a browser or an XML parser obeys or refuses: controls (C0, C1, DEL), line and paragraph
 * separators, bidirectional marks, embeddings, overrides and isolates, other invisible format characters and tags, noncharacters,
 * and halves of surrogate pairs.
 */
const unprintable = /[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}\p{Noncharacter_Code_Point}]/gu;

/** Format characters that writing systems and emoji need, and that move nothing but their neighbors. */
const joiners = new Set(["\u200c", "\u200d"]);

const named: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

/**
 * `text` on one line, with everything that is not to be seen written out: `\n`, `\r`, `\t`, and `\u{1b}` for the rest. Text without such
 * characters is returned as it is. The result is for people: it is not meant to be read back.
 */
export function printable(text: string): string {
  return text.replace(unprintable, (character) =>
    joiners.has(character) ? character : (named[character] ?? `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`),
  );
}

const markup: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** Letters of scripts that run from right to left. */
const leftward = "\\p{sc=Hebr}\\p{sc=Arab}\\p{sc=Syrc}\\p{sc=Thaa}\\p{sc=Nkoo}\\p{sc=Adlm}";
const leftwardWords = new RegExp(
  `[${leftward}](?:[${leftward}\\p{M}\\u200c\\u200d]|[\\s\\p{Pd}'",.]+(?=[${leftward}]))*…?`,
  "gu",
);

/**
 * `text` with words that run from right to left between isolates, which nobody sees: they keep their own order, and do not turn around the numbers,
 * brackets and arrows beside them.
 */
export function isolated(text: string): string {
  return text.replace(leftwardWords, (words) => `\u2068${words}\u2069`);
}

/** `text` as {@link printable} has it, with everything escaped that means something in HTML, SVG or XML, between tags or in quotes. */
export function escapeMarkup(text: string): string {
  return printable(text).replace(/[&<>"']/g, (character) => markup[character] ?? character);
}

/** A line in which names stand beside numbers, as {@link escapeMarkup} and {@link isolated} have it. */
export function escapeLine(text: string): string {
  return isolated(escapeMarkup(text));
}

/**
 * `value` as JSON of plain characters: what {@link printable} writes out is `\u` escapes, so that the text is safe to show and reads
 * back as the same value. `space` as in `JSON.stringify`: its line feeds and blanks are the only ones. Throws what `JSON.stringify`
 * throws, and a TypeError for a value that has no JSON, such as undefined.
 */
export function printableJson(value: unknown, space?: number): string {
  const text: string | undefined = JSON.stringify(value, null, space);
  if (text === undefined) throw new TypeError("printableJson: the value has no JSON");
  return text.replace(unprintable, (character) => {
    if (character === "\n" || joiners.has(character)) return character;
    return Array.from(
      { length: character.length },
      (_, unit) => `\\u${character.charCodeAt(unit).toString(16).padStart(4, "0")}`,
    ).join("");
  });
}

/** The path `path` as a relative address of a link or picture: every character that has a meaning in addresses is percent-encoded. */
export function relativeAddress(path: string): string {
  return path
    .replace(/\p{Cs}/gu, "\ufffd")
    .split("/")
    .map(encodeURIComponent)
    .join("/");
}

/** The address of {@link relativeAddress}, escaped as {@link escapeMarkup} does. */
export function escapeAddress(path: string): string {
  return escapeMarkup(relativeAddress(path));
}
