/** @file What must be known before results are trusted: a list at the head of a page, and badges that lead to it. */
import type { ModelWarning } from "../../classifier/network/prepare-model.ts";
import { escapeMarkup } from "../../escape-text.ts";

/** The warnings, each once, as HTML; nothing if there are none. */
export function warningList(warnings: readonly ModelWarning[]): string {
  const byMessage = new Map(warnings.map((one) => [one.message, one]));
  if (byMessage.size === 0) return "";
  const items = [...byMessage.values()].map(
    ({ code, message }) => `<li><b>⚠ ${escapeMarkup(codeInWords(code))}</b> ${escapeMarkup(message)}</li>`,
  );
  return `<ul class="warnings" id="warnings">${items.join("")}</ul>`;
}

/** A badge for each kind of warning, which leads to its sentence in the list. */
export function warningBadges(warnings: readonly ModelWarning[]): string {
  const codes = [...new Set(warnings.map(({ code }) => codeInWords(code)))];
  return codes.map((code) => ` <a class="warn" href="#warnings">⚠ ${escapeMarkup(code)}</a>`).join("");
}

function codeInWords(code: string): string {
  return code.replaceAll("-", " ");
}
