/** @file The report as one page of HTML that needs nothing else: no scripts, no fonts, no network. */
import type { Box } from "../image/geometry.ts";
import type { ExplanationRecord, LabelRecord } from "./explanation-record.ts";
import { pageStyle } from "./page-style.ts";
import type { Tiles } from "./panel.ts";
import { explanationSentence, inLevels, percent, shortName } from "./sentences.ts";

/** The address of each tile's picture: a data URI, or a path relative to the page. */
export type TileSources = Readonly<Record<keyof Tiles, string>>;

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
  /** Pictures that could not be explained, with the reason. */
  readonly failures: readonly { readonly image: string; readonly reason: string }[];
}

const escapes: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

/** `text` with everything escaped that means something in HTML. */
export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => escapes[character]);
}

/** The page of a report. The same input gives the same text. */
export function reportPage({ model, entries, failures }: PageInput): string {
  const records = entries.map((entry) => entry.record);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>What ${escapeHtml(model.name)} looks at</title>
<style>${pageStyle}</style>
</head>
<body>
<main>
<header>
<h1>What <em>${escapeHtml(model.name)}</em> looks at</h1>
<p class="lead">Each picture was changed, as little as the network's own features can tell, until the network gave it another name.
Where the change had to go is what the name rests on.</p>
${facts(model, records)}
</header>
${entries.map(card).join("\n")}
${failed(failures)}
${footer(records[0])}
</main>
</body>
</html>
`;
}

function facts(model: PageInput["model"], records: readonly ExplanationRecord[]): string {
  const [first] = records;
  const rows: (readonly [string, string])[] = [
    ["Network", `${model.operations} operations, ${compact(model.parameters)} weights, ${model.classCount} classes`],
  ];
  if (first !== undefined) {
    const { preprocessing, settings } = first;
    const flipped = new Set(records.filter((record) => record.outcome === "flipped").map((record) => record.image));
    const images = new Set(records.map((record) => record.image));
    const method = [...new Set(records.map((record) => record.method))].join(", ");
    rows.push(
      ["Pixels", `${preprocessing.name ?? "custom"} normalization: ${preprocessing.reason}`],
      ["Method", `${method}, preset ${settings.preset}, comparing ${settings.layers.length} layers`],
      ["Pictures", `${images.size}, of which ${flipped.size} changed their label`],
    );
  }
  const list = rows.map(([term, text]) => `<div><dt>${term}</dt><dd>${escapeHtml(text)}</dd></div>`).join("");
  return `<dl class="facts">${list}</dl>`;
}

function compact(count: number): string {
  if (count >= 1e6) return `${(count / 1e6).toPrecision(3)} million`;
  if (count >= 1e4) return `${Math.round(count / 1e3)} thousand`;
  return String(count);
}

function card(entry: PageEntry): string {
  const { record } = entry;
  const badge = { flipped: "", "not-flipped": "label unchanged", "already-flipped": "nothing to change" }[
    record.outcome
  ];
  return `<article>
<h2>${fileName(record.image)}${record.method === "perceptual" ? "" : ` <small>${record.method}</small>`}${badge === "" ? "" : ` <small class="warn">${badge}</small>`}</h2>
<p class="sentence">${escapeHtml(explanationSentence(record))}</p>
${entry.tiles === undefined ? `<img class="row" alt="Original, perturbed, interest map and dominant component" src="${escapeHtml(encodeURI(record.files.panel))}">` : row(entry, entry.tiles)}
<div class="details">${confidences(record)}${numbers(record)}</div>
${settings(record)}
</article>`;
}

/** A path with its last part set off from the rest. */
function fileName(path: string): string {
  const cut = Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1;
  const folder = cut === 0 ? "" : `<span>${escapeHtml(path.slice(0, cut))}</span>`;
  return `${folder}${escapeHtml(path.slice(cut))}`;
}

function row({ record, size, groundTruth }: PageEntry, tiles: TileSources): string {
  const { width, height } = size;
  // At sizes that are no multiple of the picture's, single pixels are worth showing only where there are few.
  const mode = Math.max(width, height) <= 64 ? ' class="pixels"' : "";
  const image = (source: string, alt: string): string =>
    `<img${mode} width="${width}" height="${height}" alt="${escapeHtml(alt)}" src="${source}">`;
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
  const other = shortName(record.adversarialLabel.name);
  return `<div class="tiles">
${figure(image(tiles.original, `The picture as the network sees it: ${label}`), "original", escapeHtml(label))}
${figure(image(tiles.perturbed, `The perturbed picture: ${other}`), "perturbed", escapeHtml(other))}
${figure(image(tiles.map, "Where the picture was changed"), "interest", "where it changed")}
${figure(image(tiles.component, "The dominant component") + overlay, "component", record.inputBox === null ? "" : legend)}
</div>`;
}

function round(value: number): string {
  return String(Number(value.toFixed(2)));
}

function confidences({ label, adversarialLabel, confidences: both }: ExplanationRecord): string {
  const bar = (kind: string, share: number): string =>
    `<td class="bar ${kind}"><span style="width:${(100 * share).toFixed(1)}%"></span></td><td class="value">${percent(share)}</td>`;
  const line = ({ name }: Pick<LabelRecord, "name">, values: { clean: number; adversarial: number }): string =>
    `<tr><th scope="row" title="${escapeHtml(name)}">${escapeHtml(shortName(name))}</th>${bar("before", values.clean)}${bar("after", values.adversarial)}</tr>`;
  const rows = [line(label, both.label)];
  if (adversarialLabel.index !== label.index) rows.push(line(adversarialLabel, both.adversarialLabel));
  return `<table class="confidences"><colgroup><col class="name"><col class="scale"><col><col class="scale"><col></colgroup><thead><tr><td></td><th colspan="2">before</th><th colspan="2">after</th></tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

function numbers(record: ExplanationRecord): string {
  const { margin, distances, evaluations, seconds, box, groundTruth, rounded } = record;
  const cells: (readonly [string, string])[] = [
    ["margin", `${margin.clean.toFixed(2)} → ${margin.adversarial.toFixed(2)}`],
    ["largest change ℓ∞", inLevels(distances.linf)],
    ["ℓ2", distances.l2.toPrecision(3)],
    ["pixels changed", distances.l0.toLocaleString("en-US")],
    ["perceptual distance", distances.perceptual.toExponential(1)],
    ["as 8-bit PNG", rounded.flipped ? `still ${shortName(rounded.name)}` : `back to ${shortName(rounded.name)}`],
    ["box", box === null ? "none" : `[${box.map(round).join(", ")})`],
    ["gradients", `${evaluations} in ${seconds.toFixed(1)} s`],
  ];
  if (groundTruth !== null) cells.push(["IoU with the true box", groundTruth.iou.toFixed(2)]);
  return `<dl class="numbers">${cells.map(([term, text]) => `<div><dt>${term}</dt><dd>${escapeHtml(text)}</dd></div>`).join("")}</dl>`;
}

function settings({ settings: used, layers, files, outcomeDescription, solverOutcome }: ExplanationRecord): string {
  const plain = Object.entries(used)
    .filter(([key, value]) => value !== undefined && !["layers", "layerWeights"].includes(key))
    .map(([key, value]) => `${key} ${typeof value === "object" ? JSON.stringify(value) : shortNumber(value)}`);
  const links = Object.values(files).map(
    (file) => `<a href="${escapeHtml(encodeURI(file))}">${escapeHtml(file.split("/").at(-1)!)}</a>`,
  );
  return `<details><summary>Settings and files</summary>
<p>${escapeHtml(`${outcomeDescription} ${solverOutcome}`)}</p>
<p>${escapeHtml(plain.join(" · "))}</p>
<p>Layers compared: ${escapeHtml(layers.join(" · "))}</p>
<p>Files: ${links.join(" · ")}</p>
</details>`;
}

function shortNumber(value: unknown): string {
  return typeof value === "number" ? String(Number(value.toPrecision(4))) : String(value);
}

function failed(failures: PageInput["failures"]): string {
  if (failures.length === 0) return "";
  const items = failures.map(({ image, reason }) => `<li><b>${escapeHtml(image)}</b>: ${escapeHtml(reason)}</li>`);
  return `<section class="failed"><h2>Not explained</h2><ul>${items.join("")}</ul></section>`;
}

function footer(record: ExplanationRecord | undefined): string {
  if (record === undefined) return "";
  const { versions, model } = record;
  return `<footer><p>perceptual-ball ${escapeHtml(versions.perceptualBall)} · ${escapeHtml(versions.runtime)} · ${escapeHtml(versions.platform)} · model SHA-256 <code>${escapeHtml(model.sha256.slice(0, 16))}…</code></p>
<p>Method: Elliott, Law and Russell, <cite>Adversarial Perturbations on the Perceptual Ball</cite>, arXiv:1912.09405.</p></footer>`;
}
