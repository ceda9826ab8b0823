/** @file The report of `attack`: one HTML page that needs nothing else. */

import { describeHead } from "../../classifier/network/find-head.ts";
import { escapeMarkup } from "../../escape-text.ts";
import type { AttackRecord } from "../../experiments/attack/record.ts";
import { attackSummaries } from "../../experiments/attack/summary.ts";
import { pageStyle } from "../style/page-style.ts";
import { attackSentence } from "./sentence.ts";
import { attackColumns, attackRows } from "./table.ts";

/** A picture with what the attacks made of it; addresses are data URIs or relative to the page. */
export interface AttackPageEntry {
  readonly image: string;
  readonly original: string;
  readonly attacks: readonly {
    readonly record: AttackRecord;
    readonly adversarial: string;
    readonly difference: string;
  }[];
}

export interface AttackPageInput {
  readonly model: { readonly name: string; readonly sha256: string; readonly classCount: number };
  /** Such as "cifar10". */
  readonly source: string;
  /** All of them, for the table. */
  readonly records: readonly AttackRecord[];
  /** Those that are shown. */
  readonly entries: readonly AttackPageEntry[];
  /** Of the network's input. */
  readonly size: { readonly width: number; readonly height: number };
}

const style = `
table{border-collapse:collapse;width:100%;font-size:.92rem;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:6px 10px;border-bottom:1px solid var(--line);white-space:nowrap}
th:first-child,td:first-child{text-align:left}
thead th{color:var(--soft);font-size:.8rem;font-weight:400}
.scroll{overflow-x:auto;margin-bottom:28px}
article>h2{margin-bottom:14px}
.attack{display:grid;grid-template-columns:minmax(0,1.6fr) repeat(3,minmax(0,1fr));gap:14px;padding:16px 0;border-top:1px solid var(--line);align-items:start}
.attack h3{font-size:1.02rem;margin:0 0 .3em}.attack p{font-size:.92rem;margin:.2em 0;color:var(--soft)}
.lost{color:var(--warn);font-size:.8rem;font-weight:600}
@media (max-width:760px){.attack{grid-template-columns:repeat(3,minmax(0,1fr))}.attack>div{grid-column:1/-1}}
`;

/** What must be known before the results are trusted, and what the model's output was taken for. */
function warningsOf([first]: readonly AttackRecord[]): string {
  if (first === undefined) return "";
  const lines = [
    `logits: ${describeHead({ ...first.head, alternatives: [] })}`,
    ...first.warnings.map(({ message }) => `Warning: ${message}`),
  ];
  return lines.map((line) => `<p>${escapeMarkup(line)}</p>\n`).join("");
}

/** The page. The same input gives the same text. */
export function attackPage({ model, source, records, entries, size }: AttackPageInput): string {
  const pixels = Math.max(size.width, size.height) < 128 ? ' class="pixels"' : "";
  const tile = (address: string, caption: string): string =>
    `<figure><div class="tile"><img${pixels} src="${escapeMarkup(address)}" width="${size.width}" height="${size.height}" alt="${escapeMarkup(caption)}" loading="lazy"></div><figcaption>${escapeMarkup(caption)}</figcaption></figure>`;
  const cards = entries.map(({ image, original, attacks }) => {
    const rows = attacks.map(({ record, adversarial, difference }) => {
      const lost = record.lostInRounding ? ' <span class="lost">lost in 8 bits</span>' : "";
      const { gradient, forward } = record.evaluations;
      const settings = escapeMarkup(JSON.stringify(record.settings));
      return `<section class="attack"><div><h3>${escapeMarkup(record.attackTitle)}${lost}</h3><p>${escapeMarkup(attackSentence(record))}</p><p>${gradient} gradient${gradient === 1 ? "" : "s"}, ${forward} further runs</p><details><summary>Settings</summary><p>${settings}</p></details></div>${tile(original, `as given: ${record.label.name}`)}${tile(adversarial, `attacked: ${record.rounded.label.name}`)}${tile(difference, "difference, rescaled")}</section>`;
    });
    return `<article><h2>${escapeMarkup(image)}</h2>${rows.join("")}</article>`;
  });
  const head = attackColumns.map((column) => `<th>${escapeMarkup(column)}</th>`).join("");
  const body = attackRows(attackSummaries(records))
    .map((row) => `<tr>${row.map((cell) => `<td>${escapeMarkup(cell)}</td>`).join("")}</tr>`)
    .join("");
  const pictures = new Set(records.map(({ image }) => image)).size;
  const shown = entries.length < pictures ? ` The first ${entries.length} are shown.` : "";
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>Attacks on ${escapeMarkup(model.name)}</title><style>${pageStyle}${style}</style></head>
<body><main><h1>Attacks on <em>${escapeMarkup(model.name)}</em></h1>
<p class="lead">${pictures} picture${pictures === 1 ? "" : "s"} from ${escapeMarkup(source)}, ${model.classCount} classes. Success is judged by a run of the network on the image within its budget, and once more on what a PNG keeps of it.${shown}</p>
${warningsOf(records)}<div class="scroll"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>
${cards.join("\n")}
<footer><p>Distances are means over successes; ℓ0 counts pixels, ℓ∞ is in 255ths, perceptual is the relative change of the network's own features. Differences are rescaled by their own largest value about gray, so that colors do not compare between pictures.</p><p>Model ${escapeMarkup(model.sha256)}</p></footer></main></body></html>
`;
}
