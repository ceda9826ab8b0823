/** @file Lines that are too long for a terminal. */

/**
 * `line` in lines of at most `width` characters: what does not fit goes on in the next, `indent` characters in. Only spaces are broken at, so a word that is longer
 * than that stays whole.
 */
export function foldLine(
  line: string,
  { width, indent }: { readonly width: number; readonly indent: number },
): string[] {
  const start = /^ */.exec(line)?.[0] ?? "";
  const lines: string[] = [];
  let current = start;
  let isEmpty = true;
  for (const word of line.slice(start.length).split(" ")) {
    if (!isEmpty && current.length + 1 + word.length > width) {
      lines.push(current);
      current = " ".repeat(indent);
      isEmpty = true;
    }
    current += isEmpty ? word : ` ${word}`;
    isEmpty = false;
  }
  return [...lines, current];
}
