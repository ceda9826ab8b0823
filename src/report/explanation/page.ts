/** @file The report as one page of HTML that needs nothing else: no scripts, no fonts, no network. */
import { describeHead } from "../../classifier/network/find-head.ts";
import { escapeAddress, escapeMarkup } from "../../escape-text.ts";
import {
  type ExplanationRecord,
  isPerturbation,
  type PerturbationRecord,
} from "../../experiments/explanation/record.ts";
import type { LabelRecord } from "../../experiments/records/label-record.ts";
import type { Box } from "../../image/geometry.ts";
import { pageStyle } from "../style/page-style.ts";
import { inLevels, percent, shortName } from "../style/wording.ts";
import type { Tiles } from "./panel.ts";
import { explanationSentence, placeSentence } from "./sentences.ts";

/** The address of each tile's picture: a data URI, or a path relative to the page. */
export type TileSources = { readonly [Name in keyof Tiles]: string };

export interface PageEntry {
  readonly record: ExplanationRecord;
  /** Of the network's input, in pixels. */
  readonly size: { readonly width: number; readonly height: number };
  /** Where the tiles are; left out, the page shows the file of the whole row. */
  readonly tiles?: TileSources;
  /** In pixels of the network's input. */
  readonly groundTruth?: Box;
}

export interface PageInput {
  readonly model: {
    readonly name: string;
    readonly sha256: string;
    readonly classCount: number;
    readonly operations: number;
    readonly parameters: number;
  };
  readonly entries: readonly PageEntry[];
  /** The method that goes without saying: where it runs alone, the page does not name it at each picture. */
  readonly usualMethod?: string;
  /** Pictures that could not be explained, with the reason. */
  readonly failures: readonly { readonly image: string; readonly reason: string }[];
}

/** The page of a report. The same input gives the same text. */
export function reportPage({ model, entries, failures, usualMethod }: PageInput): string {
  const records = entries.map((entry) => entry.record);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>What ${escapeMarkup(model.name)} looks at</title>
<style>${pageStyle}</style>
</head>
<body>
<main>
<header>
<h1>What <em>${escapeMarkup(model.name)}</em> looks at</h1>
<p class="lead">${lead(records)}</p>
${facts(model, records)}
</header>
${groups(entries)
  .map((group) => article(group, usualMethod))
  .join("\n")}
${failed(failures)}
${footer(records)}
</main>
</body>
</html>
`;
}

function lead(records: readonly ExplanationRecord[]): string {
  const methods = new Set(records.map((record) => record.method));
  const changing =
    "Each picture was changed, as little as the network's own features can tell, until the network gave it another name.\nWhere the change had to go is what the name rests on.";
  if (records.every((record) => isPerturbation(record) && record.layers.length > 0)) return changing;
  return `What each picture's name rests on, ${methods.size === 1 ? "by one method" : `by ${methods.size} methods`}: the brighter the map, the more that place matters to the network.`;
}

/** The entries of each picture, in order. */
function groups(entries: readonly PageEntry[]): readonly (readonly PageEntry[])[] {
  const byImage = new Map<string, PageEntry[]>();
  for (const entry of entries) {
    const list = byImage.get(entry.record.image);
    if (list === undefined) byImage.set(entry.record.image, [entry]);
    else list.push(entry);
  }
  return [...byImage.values()];
}

function facts(model: PageInput["model"], records: readonly ExplanationRecord[]): string {
  const [first] = records;
  const rows: (readonly [string, string])[] = [
    ["Network", `${model.operations} operations, ${compact(model.parameters)} weights, ${model.classCount} classes`],
  ];
  if (first !== undefined) {
    const { preprocessing, head, labelsReason, warnings } = first;
    const changes = records.filter(isPerturbation);
    const flipped = new Set(changes.filter((record) => record.outcome === "flipped").map((record) => record.image));
    const images = new Set(records.map((record) => record.image));
    const methods = [...new Set(records.map((record) => record.method))];
    const method = methods.length > 3 ? `${methods.length} methods` : methods.join(", ");
    const preset = changes.find((record) => record.layers.length > 0);
    const compared = preset && `, preset ${preset.settings.preset}, comparing ${preset.layers.length} layers`;
    rows.push(
      ["Output", describeHead({ ...head, alternatives: [] })],
      ["Names", labelsReason],
      ["Pixels", `${preprocessing.name ?? "custom"} normalization: ${preprocessing.reason}`],
      ["Method", `${method}${compared ?? ""}`],
      ...warnings.map(({ message }) => ["Warning", message] as const),
      ["Pictures", `${images.size}${changes.length === 0 ? "" : `, of which ${flipped.size} changed their label`}`],
    );
  }
  const list = rows.map(([term, text]) => `<div><dt>${term}</dt><dd>${escapeMarkup(text)}</dd></div>`).join("");
  return `<dl class="facts">${list}</dl>`;
}

function compact(count: number): string {
  if (count >= 1e6) return `${(count / 1e6).toPrecision(3)} million`;
  if (count >= 1e4) return `${Math.round(count / 1e3)} thousand`;
  return String(count);
}

function article(entries: readonly PageEntry[], usual: string | undefined): string {
  return entries.length === 1 ? card(entries[0], usual) : comparison(entries);
}

function badgeOf({ outcome }: ExplanationRecord): string {
  const badge = {
    flipped: "",
    explained: "",
    "over-budget": "lost by clipping",
    "not-flipped": "label unchanged",
    "already-flipped": "nothing to change",
  }[outcome];
  return badge === "" ? "" : ` <small class="warn">${badge}</small>`;
}

/** A picture that one method explains. */
function card(entry: PageEntry, usual: string | undefined): string {
  const { record } = entry;
  return `<article>
<h2>${fileName(record.image)}${record.method === usual ? "" : ` <small>${escapeMarkup(record.method)}</small>`}${badgeOf(record)}</h2>
<p class="sentence">${escapeMarkup(explanationSentence(record))}</p>
${entry.tiles === undefined ? panel(record) : `<div class="tiles">\n${tilesOf(entry, entry.tiles).join("\n")}\n</div>`}
<div class="details">${confidences(record)}${numbers(record)}</div>
${settings(record)}
</article>`;
}

function panel({ files }: ExplanationRecord): string {
  return `<img class="row" alt="Original, perturbed or map over the picture, saliency map and dominant component" src="${escapeAddress(files.panel)}">`;
}

/** A picture that several methods explain: one row each. */
function comparison(entries: readonly PageEntry[]): string {
  const [first] = entries;
  const { record } = first;
  const original = first.tiles === undefined ? "" : tilesOf(first, first.tiles)[0];
  const heading = `<h2>${fileName(record.image)}</h2>
<p class="sentence">${escapeMarkup(`${shortName(record.label.name)} (${percent(record.label.confidence)})`)}</p>`;
  const rows = entries.map((entry) => {
    const body = entry.tiles === undefined ? panel(entry.record) : tilesOf(entry, entry.tiles).slice(1).join("\n");
    return `<section class="method${entry.tiles === undefined ? " whole" : ""}">
<div><h3>${escapeMarkup(entry.record.methodTitle)}${badgeOf(entry.record)}</h3>
<p>${escapeMarkup(isPerturbation(entry.record) ? explanationSentence(entry.record) : entry.record.methodSummary)}</p>
${isPerturbation(entry.record) ? "" : `<p>${escapeMarkup(placeSentence(entry.record))}</p>`}
${briefly(entry.record)}
${settings(entry.record)}</div>
${body}
</section>`;
  });
  return `<article class="comparison">
<header>${original}<div>${heading}</div></header>
${rows.join("\n")}
</article>`;
}

function briefly({ groundTruth, evaluations, forwardEvaluations, seconds }: ExplanationRecord): string {
  const parts = [
    ...(groundTruth === null ? [] : [`IoU ${groundTruth.iou.toFixed(2)}`]),
    runs(evaluations, forwardEvaluations),
    `${seconds.toFixed(seconds < 1 ? 2 : 1)} s`,
  ];
  return `<p class="brief">${escapeMarkup(parts.join(" · "))}</p>`;
}

/** "50 gradients and 2 forward runs" */
function runs(gradients: number, forward: number): string {
  const count = (n: number, word: string): string => `${n} ${word}${n === 1 ? "" : "s"}`;
  if (gradients === 0) return count(forward, "forward run");
  return forward === 0
    ? count(gradients, "gradient")
    : `${count(gradients, "gradient")}, ${count(forward, "forward run")}`;
}

/** A path with its last part set off from the rest. */
function fileName(path: string): string {
  const cut = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1;
  const folder = cut === 0 ? "" : `<span>${escapeMarkup(path.slice(0, cut))}</span>`;
  return `${folder}${escapeMarkup(path.slice(cut))}`;
}

/** The figures of an entry: original, perturbed (or the map over the picture), map and component. */
function tilesOf({ record, size, groundTruth }: PageEntry, tiles: TileSources): string[] {
  const { width, height } = size;
  // At sizes that are no multiple of the picture's, single pixels are worth showing only where there are few.
  const mode = Math.max(width, height) <= 64 ? ' class="pixels"' : "";
  const image = (source: string, alt: string): string =>
    `<img${mode} width="${width}" height="${height}" alt="${escapeMarkup(alt)}" src="${escapeMarkup(source)}">`;
  const rectangle = (box: Box | null | undefined, name: string): string => {
    if (box === null || box === undefined) return "";
    const [x0, y0, x1, y1] = box;
    return `<rect class="${name}" x="${round(x0)}" y="${round(y0)}" width="${round(x1 - x0)}" height="${round(y1 - y0)}"/>`;
  };
  const overlay = `<svg viewBox="0 0 ${width} ${height}" aria-hidden="true">${rectangle(groundTruth, "truth")}${rectangle(record.inputBox, "found")}</svg>`;
  const figure = (content: string, title: string, text: string): string =>
    `<figure><div class="tile">${content}</div><figcaption><b>${title}</b> ${text}</figcaption></figure>`;
  const legend = `<i class="found">found</i>${groundTruth === undefined ? "" : ` <i class="truth">true</i>`}`;
  const label = shortName(record.label.name);
  const second = isPerturbation(record)
    ? figure(
        image(tiles.perturbed ?? "", `The perturbed picture: ${shortName(record.adversarialLabel.name)}`),
        "perturbed",
        escapeMarkup(shortName(record.adversarialLabel.name)),
      )
    : figure(image(tiles.overlay ?? "", "The map over the picture"), "overlay", "map over the picture");
  const what = isPerturbation(record) ? "Where the picture was changed" : "The map";
  return [
    figure(image(tiles.original, `The picture as the network sees it: ${label}`), "original", escapeMarkup(label)),
    second,
    figure(image(tiles.map, what), "saliency map", isPerturbation(record) ? "where it changed" : ""),
    figure(
      image(tiles.component, "The dominant component") + overlay,
      "component",
      record.inputBox === null ? "" : legend,
    ),
  ];
}

function round(value: number): string {
  return String(Number(value.toFixed(2)));
}

function confidences(record: ExplanationRecord): string {
  return isPerturbation(record) ? beforeAndAfter(record) : `<div class="label">${detailList(record)}</div>`;
}

/** What the method found out besides the map, as a list. */
function detailList({ details, label, margin }: ExplanationRecord): string {
  const cells: (readonly [string, string])[] = [
    [`confidence in ${shortName(label.name)}`, percent(label.confidence)],
    ["margin", margin.clean.toFixed(2)],
    ...Object.entries(details).map(([name, value]): [string, string] => [
      name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`),
      typeof value === "object" ? JSON.stringify(value) : shortNumber(value),
    ]),
  ];
  return `<dl class="numbers">${cells.map(([term, text]) => `<div><dt>${escapeMarkup(term)}</dt><dd>${escapeMarkup(text)}</dd></div>`).join("")}</dl>`;
}

function beforeAndAfter({ label, adversarialLabel, confidences: both }: PerturbationRecord): string {
  const bar = (kind: string, share: number): string =>
    `<td class="bar ${kind}"><span style="width:${(100 * share).toFixed(1)}%"></span></td><td class="value">${percent(share)}</td>`;
  const line = ({ name }: Pick<LabelRecord, "name">, values: { clean: number; adversarial: number }): string =>
    `<tr><th scope="row" title="${escapeMarkup(name)}">${escapeMarkup(shortName(name))}</th>${bar("before", values.clean)}${bar("after", values.adversarial)}</tr>`;
  const rows = [line(label, both.label)];
  if (adversarialLabel.index !== label.index) rows.push(line(adversarialLabel, both.adversarialLabel));
  return `<table class="confidences"><colgroup><col class="name"><col class="scale"><col><col class="scale"><col></colgroup><thead><tr><td></td><th colspan="2">before</th><th colspan="2">after</th></tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

function numbers(record: ExplanationRecord): string {
  const { evaluations, forwardEvaluations, seconds, box, groundTruth } = record;
  const cells: (readonly [string, string])[] = [
    ...(isPerturbation(record) ? changes(record) : []),
    ["box", box === null ? "none" : `[${box.map(round).join(", ")})`],
    ["network runs", `${runs(evaluations, forwardEvaluations)} in ${seconds.toFixed(1)} s`],
  ];
  if (groundTruth !== null) cells.push(["IoU with the true box", groundTruth.iou.toFixed(2)]);
  return `<dl class="numbers">${cells.map(([term, text]) => `<div><dt>${term}</dt><dd>${escapeMarkup(text)}</dd></div>`).join("")}</dl>`;
}

function changes({ margin, distances, rounded }: PerturbationRecord): (readonly [string, string])[] {
  const { linf, l2, l0, perceptual } = distances;
  return [
    ["margin", `${margin.clean.toFixed(2)} → ${margin.adversarial.toFixed(2)}`],
    ["largest change ℓ∞", inLevels(linf)],
    ["ℓ2", l2.toPrecision(3)],
    ["pixels changed", l0.toLocaleString("en-US")],
    ...(perceptual === null ? [] : [["perceptual distance", perceptual.toExponential(1)] as const]),
    ["as 8-bit PNG", rounded.flipped ? `still ${shortName(rounded.name)}` : `back to ${shortName(rounded.name)}`],
  ];
}

function settings(record: ExplanationRecord): string {
  const { settings: used, files, outcomeDescription } = record;
  const layers = isPerturbation(record) ? record.layers : [];
  const solverOutcome = isPerturbation(record) ? (record.solverOutcome ?? "") : "";
  const plain = Object.entries(used)
    .filter(([key, value]) => value !== undefined && value !== null && !["layers", "layerWeights"].includes(key))
    .map(([key, value]) => `${key} ${typeof value === "object" ? JSON.stringify(value) : shortNumber(value)}`);
  const links = Object.values(files).map(
    (file) => `<a href="${escapeAddress(file)}">${escapeMarkup(file.slice(file.lastIndexOf("/") + 1))}</a>`,
  );
  return `<details><summary>Settings and files</summary>
<p>${escapeMarkup(`${outcomeDescription} ${solverOutcome}`)}</p>
<p>${escapeMarkup(plain.join(" · "))}</p>
${layers.length === 0 ? "" : `<p>Layers compared: ${escapeMarkup(layers.join(" · "))}</p>`}
<p>Files: ${links.join(" · ")}</p>
</details>`;
}

function shortNumber(value: unknown): string {
  return typeof value === "number" ? String(Number(value.toPrecision(4))) : String(value);
}

function failed(failures: PageInput["failures"]): string {
  if (failures.length === 0) return "";
  const items = failures.map(({ image, reason }) => `<li><b>${escapeMarkup(image)}</b>: ${escapeMarkup(reason)}</li>`);
  return `<section class="failed"><h2>Not explained</h2><ul>${items.join("")}</ul></section>`;
}

function footer(records: readonly ExplanationRecord[]): string {
  if (records.length === 0) return "";
  const [{ versions, model }] = records;
  const sources = [...new Set(records.map((record) => record.methodSource))];
  return `<footer><p>perceptual-ball ${escapeMarkup(versions.perceptualBall)} · ${escapeMarkup(versions.runtime)} · ${escapeMarkup(versions.platform)} · model SHA-256 <code>${escapeMarkup(model.sha256.slice(0, 16))}…</code></p>
<p>${sources.length === 1 ? "Method" : "Methods"}: ${sources.map(escapeMarkup).join("; ")}.</p></footer>`;
}
