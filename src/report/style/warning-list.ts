/** @file What must be known before results are trusted: a list at the head of a page, and badges that lead to it. */
import type { ModelWarning } from "../../classifier/network/prepare-model.ts";
import { escapeLine, escapeMarkup } from "../../escape-text.ts";

/** So many warnings of one kind are shown; the rest is folded away, which a thousand pictures may have one each of. */
const mostShown = 3;

/** The warnings, each once, those of a kind together, as HTML; nothing if there are none. */
export function warningList(warnings: readonly ModelWarning[]): string {
  const byMessage = new Map(warnings.map((one) => [one.message, one]));
  if (byMessage.size === 0) return "";
  const codes = new Set([...byMessage.values()].map(({ code }) => code));
  const items = [...codes].flatMap((code) => {
    const alike = [...byMessage.values()].filter((one) => one.code === code);
    const heading = `<b>⚠ ${escapeMarkup(codeInWords(code))}</b>`;
    const texts = alike.map(({ message }) => `${heading} ${escapeLine(message)}`);
    const folded = texts.slice(mostShown).map((text) => `<br>${text}`);
    if (folded.length === 0) return texts;
    return [
      ...texts.slice(0, mostShown),
      `<details><summary>${heading} of ${folded.length} more</summary>${folded.join("").slice("<br>".length)}</details>`,
    ];
  });
  return `<ul class="warnings" id="warnings">${items.map((item) => `<li>${item}</li>`).join("")}</ul>`;
}

/** A badge for each kind of warning, which leads to its sentence in the list. */
export function warningBadges(warnings: readonly ModelWarning[]): string {
  const codes = [...new Set(warnings.map(({ code }) => codeInWords(code)))];
  return codes.map((code) => ` <a class="warn" href="#warnings">⚠ ${escapeMarkup(code)}</a>`).join("");
}

function codeInWords(code: string): string {
  return code.replaceAll("-", " ");
}
