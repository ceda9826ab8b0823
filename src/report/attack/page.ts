/** @file The report of `attack`: one HTML page that needs nothing else; of its script of a few lines it can do without. */

import { describeHead } from "../../classifier/network/head/head.ts";
import { checkForm } from "../../errors.ts";
import { escapeLine, escapeMarkup } from "../../escape-text.ts";
import type { AttackRecord } from "../../experiments/attack/record.ts";
import { attackSummaries } from "../../experiments/attack/summary.ts";
import type { TransferMatrix } from "../../experiments/attack/transfer.ts";
import type { LabelRecord } from "../../experiments/records/label-record.ts";
import { compareFigure } from "../style/compare-figure.ts";
import { pageScript } from "../style/page-script.ts";
import { pageStyle } from "../style/page-style.ts";
import { topTables } from "../style/top-table.ts";
import { warningBadges, warningList } from "../style/warning-list.ts";
import { inLevels, percent, shortName } from "../style/wording.ts";
import { attackSentence } from "./sentence.ts";
import { attackColumns, attackRows } from "./table.ts";
import { transferSentence, transferTable } from "./transfer-table.ts";

/** A picture with what the attacks made of it; addresses are data URIs or relative to the page. */
export interface AttackPageEntry {
  readonly image: string;
  readonly original: string;
  /** The most probable classes of the picture as given, the first first. */
  readonly top?: readonly LabelRecord[];
  readonly attacks: readonly {
    readonly record: AttackRecord;
    readonly adversarial: string;
    /** The change about gray. */
    readonly difference: string;
    /** By what factor the change is shown larger than it is; the same for all attacks of a picture. Left out, by its own largest value. */
    readonly factor?: number;
    /** The most probable classes of the attacked picture in 8 bits. */
    readonly top?: readonly LabelRecord[];
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
  /** What other networks say of the attacked pictures, where they were shown to some. */
  readonly transfer?: TransferMatrix;
  /** Of the network's input. */
  readonly size: { readonly width: number; readonly height: number };
}

const style = `
.scroll table{border-collapse:collapse;width:100%;font-size:.92rem;font-variant-numeric:tabular-nums}
.scroll th,.scroll td{text-align:right;padding:6px 10px;border-bottom:1px solid var(--line);white-space:nowrap}
.scroll th:first-child{text-align:left}
.scroll thead th{color:var(--soft);font-size:.8rem;font-weight:400}
.scroll{overflow-x:auto;margin-bottom:28px}
article>h2{margin-bottom:14px}
.attack{display:grid;grid-template-columns:minmax(0,1.25fr) minmax(0,1fr) minmax(0,.62fr);gap:18px;padding:16px 0;border-top:1px solid var(--line);align-items:start}
.attack h3{font-size:1.06rem;margin:0 0 .3em}.attack h3 small{font-size:.75rem;font-weight:600;color:var(--warn);background:var(--warn-ground);border:1px solid;border-radius:99px;padding:2px 9px;white-space:nowrap}
.attack p{font-size:.94rem;margin:.3em 0;max-width:60em}.attack .tops{gap:12px 18px;font-size:.94em}
.scroll tbody th{font-weight:600}
main>h2{font-size:1.25rem;margin:0 0 .3em}.transfer{color:var(--soft);max-width:62em;margin:0 0 .9em}
@media (max-width:980px){.attack{grid-template-columns:minmax(0,1.6fr) minmax(0,1fr)}.attack>div:first-child{grid-column:1/-1}}
`;

/** The page. The same input gives the same text. */
export function attackPage(input: AttackPageInput): string {
  checkForm("attackPage: input", input, ["model", "source", "records", "entries"]);
  const { model, source, records, entries, size, transfer } = input;
  const isPixelated = Math.max(size.width, size.height) < 128;
  const cards = entries.map((entry) => {
    const all = entry.attacks.flatMap(({ record }) => record.warnings);
    const warnings = [...new Map(all.map((warning) => [warning.message, warning])).values()];
    const rows = entry.attacks.map((attack) => section(entry, attack, size, isPixelated));
    return `<article><h2>${escapeLine(entry.image)}${warningBadges(warnings)}</h2>${rows.join("")}</article>`;
  });
  const summaries = attackSummaries(records);
  const columns = attackColumns(summaries);
  const head = columns.map((column) => `<th scope="col">${escapeMarkup(column)}</th>`).join("");
  const body = attackRows(summaries)
    .map(([name = "", ...cells]) => {
      const rest = cells.map((cell) => `<td>${escapeMarkup(cell)}</td>`).join("");
      return `<tr><th scope="row">${escapeMarkup(name)}</th>${rest}</tr>`;
    })
    .join("");
  const pictures = new Set(records.map(({ image }) => image)).size;
  const shown = entries.length < pictures ? ` The first ${entries.length} are shown.` : "";
  const [first] = records;
  const output =
    first === undefined ? "" : `<p>logits: ${escapeMarkup(describeHead({ ...first.head, alternatives: [] }))}</p>\n`;
  return `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark"><title>Attacks on ${escapeMarkup(model.name)}</title><style>${pageStyle}${style}</style><script>${pageScript}</script></head>
<body><a class="skip" href="#pictures">To the pictures</a><main><h1>Attacks on <em>${escapeMarkup(model.name)}</em></h1>
<p class="lead">${pictures} picture${pictures === 1 ? "" : "s"} from ${escapeMarkup(source)}, ${model.classCount} classes. Success is judged by a run of the network on the image within its budget, and once more on what a PNG keeps of it.${shown}</p>
${output}${warningList(records.flatMap(({ warnings }) => warnings))}<div class="scroll" tabindex="0" role="region" aria-label="All attacks"><table><thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>
${transfer === undefined ? "" : transferSection(transfer)}<div id="pictures">${cards.join("\n")}</div>
<footer><p>Distances are means over successes; ℓ0 counts pixels, ℓ∞ is in 255ths, perceptual is the relative change of the network's own features${columns.includes("LPIPS") ? ", LPIPS their distance where each is scaled to length 1, without learned weights" : ""}. Changes are amplified about gray, by one factor for all attacks of a picture.</p><p>Model ${escapeMarkup(model.sha256)}</p></footer></main></body></html>
`;
}

function transferSection(transfer: TransferMatrix): string {
  const missing = transfer.withoutImage;
  const left = missing === 0 ? "" : ` ${missing} results keep no image and are not counted.`;
  return `<h2>Shown to other networks</h2>
<p class="transfer">${escapeMarkup(transferSentence)}${left}</p>
<div class="scroll" tabindex="0" role="region" aria-label="Shown to other networks">${transferTable(transfer)}</div>
`;
}

/** What sets a result apart, in a few words each. */
function badgesOf({ outcome, lostInRounding }: AttackRecord): string[] {
  const ending = {
    flipped: "",
    "over-budget": "over budget",
    "not-flipped": "label unchanged",
    "already-flipped": "nothing to change",
  }[outcome];
  return [...(ending === "" ? [] : [ending]), ...(lostInRounding ? ["lost in 8 bits"] : [])];
}

function section(
  { original, top }: AttackPageEntry,
  { record, adversarial, difference, factor, top: after }: AttackPageEntry["attacks"][number],
  size: AttackPageInput["size"],
  isPixelated: boolean,
): string {
  const { label, rounded, evaluations, settings } = record;
  const badges = badgesOf(record).map((badge) => ` <small class="warn">${badge}</small>`);
  const { gradient, forward } = evaluations;
  const certainty = (of: AttackRecord["label"]): string => `${shortName(of.name)} ${percent(of.confidence)}`;
  const compare = compareFigure({
    before: {
      source: escapeMarkup(original),
      alt: `as given: ${label.name}`,
      title: "as given",
      text: certainty(label),
    },
    after: {
      source: escapeMarkup(adversarial),
      alt: `attacked: ${rounded.label.name}`,
      title: "attacked",
      text: certainty(rounded.label),
    },
    size,
    isPixelated,
  });
  const change = factor === undefined ? "the change, rescaled" : `the change × ${factor}`;
  const tile = `<figure><div class="tile"><img${isPixelated ? ' class="pixels"' : ""} src="${escapeMarkup(difference)}" width="${size.width}" height="${size.height}" alt="${change}" loading="lazy" decoding="async"></div><figcaption><b>${change}</b> gray is none; at most ${inLevels(record.withinBudget.distances.linf)}</figcaption></figure>`;
  const tops = top === undefined || after === undefined ? "" : topTables({ before: top, after, asked: label.index });
  return `<section class="attack"><div><h3>${escapeMarkup(record.attackTitle)}${badges.join("")}</h3><p>${escapeLine(attackSentence(record))}</p>${tops}<details><summary>Numbers and settings</summary><p>${gradient} gradient${gradient === 1 ? "" : "s"}, ${forward} further runs</p><p>${escapeMarkup(JSON.stringify(settings))}</p></details></div>${compare}${tile}</section>`;
}
