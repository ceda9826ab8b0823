/** @file Facts and numbers of a page: what they are called, and what they are. */
import { escapeMarkup } from "../../escape-text.ts";

/** The list as HTML. Terms are HTML, what is said of them is text. */
export function termList(kind: "facts" | "numbers", rows: readonly (readonly [term: string, text: string])[]): string {
  const items = rows.map(([term, text]) => `<div><dt>${term}</dt><dd>${escapeMarkup(text)}</dd></div>`);
  return `<dl class="${kind}">${items.join("")}</dl>`;
}
