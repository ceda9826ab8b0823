/** @file The report as one page of HTML that needs nothing else: no fonts, no network, and a script of a few lines that it can do without. */
import { describeHead } from "../../classifier/network/head/head.ts";
import { checkForm } from "../../errors.ts";
import { escapeAddress, escapeLine, escapeMarkup } from "../../escape-text.ts";
import {
  type ExplanationRecord,
  isPerturbation,
  type PerturbationRecord,
} from "../../experiments/explanation/record.ts";
import type { ColorMap } from "../../image/color-map.ts";
import type { Box } from "../../image/geometry.ts";
import { colorBarGradient } from "../style/color-bar.ts";
import { compareFigure } from "../style/compare-figure.ts";
import { htmlPage } from "../style/html-page.ts";
import { pageScript } from "../style/page-script.ts";
import { termList } from "../style/term-list.ts";
import { topTables } from "../style/top-table.ts";
import { warningBadges, warningList } from "../style/warning-list.ts";
import { inLevels, percent, shortName } from "../style/wording.ts";
import type { Tiles } from "./panel.ts";
import { explanationSentence, labelInWords, placeSentence } from "./sentences.ts";

/** The address of each tile's picture: a data URI, or a path relative to the page. */
export type TileSources = { readonly [Name in keyof Tiles]: string };

export interface PageEntry {
  readonly record: ExplanationRecord;
  /** Of the network's input, in pixels. */
  readonly size: { readonly width: number; readonly height: number };
  /** Where the tiles are; left out, the page shows the files that the record names. */
  readonly tiles?: TileSources;
  /** The map over the whole picture, with its size in pixels; left out, the tile of the component stands for it. */
  readonly overlay?: { readonly source: string; readonly width: number; readonly height: number };
  /** The change of the picture, so many times as large. */
  readonly difference?: { readonly source: string; readonly factor: number };
  /** A film of the search. */
  readonly search?: { readonly source: string; readonly width: number; readonly height: number };
  /** In pixels of the network's input. */
  readonly groundTruth?: Box;
}

export interface PageInput {
  readonly model: {
    readonly name: string;
    readonly sha256: string;
    readonly classCount: number;
    /** Left out where nothing is known of the network but its answers. */
    readonly operations?: number;
    readonly parameters?: number;
  };
  readonly entries: readonly PageEntry[];
  /** The method that goes without saying: where it runs alone, the page does not name it at each picture. */
  readonly usualMethod?: string;
  /** Of the maps. Default "inferno". */
  readonly colorMap?: ColorMap;
  /** Pictures that could not be explained, with the reason. */
  readonly failures: readonly { readonly image: string; readonly reason: string }[];
}

/** The page of a report. The same input gives the same text. */
export function reportPage(input: PageInput): string {
  checkForm("reportPage: input", input, ["model", "entries", "failures"]);
  const { model, entries, failures, usualMethod, colorMap = "inferno" } = input;
  const records = entries.map((entry) => entry.record);
  return htmlPage({
    title: `What ${model.name} looks at`,
    style: `.ramp{background:${colorBarGradient(colorMap)}}`,
    script: pageScript,
    body: `<a class="skip" href="#pictures">To the pictures</a>
<main>
<header>
<h1>What <em>${escapeMarkup(model.name)}</em> looks at</h1>
<p class="lead">${lead(records)}</p>
${facts(model, records)}
${warningList(records.flatMap(({ warnings }) => warnings))}
</header>
<div id="pictures">
${groups(entries)
  .map((group) => article(group, usualMethod))
  .join("\n")}
</div>
${failed(failures)}
${footer(records)}
</main>`,
  });
}

function lead(records: readonly ExplanationRecord[]): string {
  const methods = new Set(records.map((record) => record.method));
  const changing =
    "Each picture was changed, as little as the network's own features can tell, until the network gave it another name.\nWhere the change had to go is what the name rests on.";
  const unchanged =
    "Each picture was changed as little as the network's own features can tell, but no change was found that makes the network give it another name.";
  const isFlip = (record: ExplanationRecord): boolean => isPerturbation(record) && record.outcome === "flipped";
  if (records.every((record) => isPerturbation(record) && record.layers.length > 0)) {
    return records.length === 0 || records.some(isFlip) ? changing : unchanged;
  }
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

function sizeOf({ operations, parameters }: PageInput["model"]): readonly string[] {
  return [
    ...(operations === undefined ? [] : [`${operations} operations`]),
    ...(parameters === undefined ? [] : [`${compact(parameters)} weights`]),
  ];
}

function facts(model: PageInput["model"], records: readonly ExplanationRecord[]): string {
  const [first] = records;
  const rows: (readonly [string, string])[] = [
    ["Network", [...sizeOf(model), `${model.classCount} classes`].join(", ")],
  ];
  if (first !== undefined) {
    const { preprocessing, head, labelsReason } = first;
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
      ["Pictures", `${images.size}${changes.length === 0 ? "" : `, of which ${flipped.size} changed their label`}`],
    );
  }
  return termList("facts", rows);
}

function compact(count: number): string {
  if (count >= 1e6) return `${(count / 1e6).toPrecision(3)} million`;
  if (count >= 1e4) return `${Math.round(count / 1e3)} thousand`;
  return String(count);
}

function article(entries: readonly PageEntry[], usual: string | undefined): string {
  return entries.length === 1 ? card(entries[0], usual) : comparison(entries);
}

/** What sets a result apart, in a word or two each. */
export function badgesOf(record: ExplanationRecord): string[] {
  const ending = {
    flipped: "",
    explained: "",
    "over-budget": "lost by clipping",
    "not-flipped": "label unchanged",
    "already-flipped": "nothing to change",
  }[record.outcome];
  const isLost = isPerturbation(record) && record.outcome === "flipped" && !record.rounded.flipped;
  return [...(ending === "" ? [] : [ending]), ...(isLost ? ["lost in 8 bits"] : [])];
}

function badges(record: ExplanationRecord): string {
  return badgesOf(record)
    .map((badge) => ` <small class="warn">${badge}</small>`)
    .join("");
}

/** A picture that one method explains. */
function card(entry: PageEntry, usual: string | undefined): string {
  const { record } = entry;
  return `<article>
<h2>${fileName(record.image)}${record.method === usual ? "" : ` <small>${escapeMarkup(record.method)}</small>`}${badges(record)}${warningBadges(record.warnings)}</h2>
<p class="sentence">${escapeLine(explanationSentence(record))}</p>
${pictures(entry, { below: tops(record), showsChange: true, showsInput: true })}
${folded(entry)}
</article>`;
}

/** With more methods than this, they stand beside each other, so that they can be compared at a glance. */
const mostWide = 3;

/** A picture that several methods explain: one below the other, or in a grid where they are many. */
function comparison(entries: readonly PageEntry[]): string {
  const [{ record: first }] = entries;
  // Maps that are made of one perturbation have one before and after; the network's input is seen once.
  const seen = new Set<string>();
  let isInputShown = false;
  const sections = entries.map((entry) => {
    const { record } = entry;
    const change = JSON.stringify([record.distances, record.top]);
    const isNew = isPerturbation(record) && !seen.has(change);
    seen.add(change);
    const showsInput = !isInputShown;
    isInputShown ||= isNew || !isPerturbation(record);
    return `<section class="method">
<h3>${escapeMarkup(record.methodTitle)}${isNew || !isPerturbation(record) ? badges(record) : ""}</h3>
<p>${escapeLine(isNew ? explanationSentence(record) : placeSentence(record))}</p>
<p class="what">${escapeMarkup(record.methodSummary)}</p>
${pictures(entry, { below: isNew ? tops(record) : "", showsChange: isNew, showsInput })}
${folded(entry)}
</section>`;
  });
  return `<article class="comparison${entries.length > mostWide ? " many" : ""}">
<h2>${fileName(first.image)}${warningBadges(first.warnings)}</h2>
<p class="sentence">${escapeLine(first.label.confidence === null ? labelInWords(first) : `${shortName(first.label.name)} (${percent(first.label.confidence)})`)}</p>
${entries.every(({ record }) => !isPerturbation(record)) ? tops(first) : ""}
<div class="methods">
${sections.join("\n")}
</div>
</article>`;
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
  const folder = cut === 0 ? "" : `<span>${escapeLine(path.slice(0, cut))}</span>`;
  return `${folder}${escapeLine(path.slice(cut))}`;
}

/** Where the pictures of an entry are, as attributes have them. */
interface Sources {
  readonly original: string;
  readonly perturbed: string | undefined;
  readonly map: string;
}

function sourcesOf({ record, tiles }: PageEntry): Sources {
  if (tiles !== undefined) {
    const perturbed = tiles.perturbed === undefined ? undefined : escapeMarkup(tiles.perturbed);
    return { original: escapeMarkup(tiles.original), perturbed, map: escapeMarkup(tiles.map) };
  }
  const { files } = record;
  return {
    original: escapeAddress(files.input),
    perturbed: isPerturbation(record) ? escapeAddress(record.files.perturbed) : undefined,
    map: escapeAddress(files.map),
  };
}

/**
 * The map over the whole picture first, with `below` it what there is; then before and after, the change, and the map, or the network's input
 * and the map. Of a change or an input that is seen already, the map alone.
 */
function pictures(
  entry: PageEntry,
  {
    below,
    showsChange,
    showsInput,
  }: { readonly below: string; readonly showsChange: boolean; readonly showsInput: boolean },
): string {
  const { record, size, difference } = entry;
  const { width, height } = size;
  // At sizes that are no multiple of the picture's, single pixels are worth showing only where there are few.
  const isPixelated = Math.max(width, height) <= 64;
  const { original, perturbed, map } = sourcesOf(entry);
  const tile = (source: string, alt: string, title: string, text: string, below = ""): string =>
    `<figure><div class="tile"><img${isPixelated ? ' class="pixels"' : ""} width="${width}" height="${height}" alt="${escapeMarkup(alt)}" loading="lazy" decoding="async" src="${source}"></div>${below}<figcaption><b>${title}</b> ${escapeLine(text)}</figcaption></figure>`;
  const label = labelInWords(record);
  const isChange = isPerturbation(record) && record.mapShows === "change";
  const mapTile = tile(
    map,
    `The saliency map of ${record.methodTitle}`,
    "saliency map",
    isChange ? "where it changed" : "",
    `<span class="ramp"></span><span class="scale"><span>least</span><span>most</span></span>`,
  );
  const parts =
    isPerturbation(record) && !showsChange
      ? [mapTile]
      : perturbed === undefined || !isPerturbation(record)
        ? [
            ...(showsInput
              ? [tile(original, `The picture as the network sees it: ${label}`, "as the network sees it", label)]
              : []),
            mapTile,
          ]
        : [
            compareFigure({
              before: {
                source: original,
                alt: `The picture as the network sees it: ${label}`,
                title: "before",
                text: label,
              },
              after: {
                source: perturbed,
                alt: `The perturbed picture: ${shortName(record.adversarialLabel.name)}`,
                title: "after",
                text: `${shortName(record.adversarialLabel.name)} ${percent(record.adversarialLabel.confidence)}`,
              },
              size,
              isPixelated,
            }),
            ...(difference === undefined
              ? []
              : [
                  tile(
                    escapeMarkup(difference.source),
                    `The change, ${difference.factor} times as large`,
                    `the change × ${difference.factor}`,
                    "gray is none",
                  ),
                ]),
            mapTile,
          ];
  return `<div class="pictures"><div>${wholePicture(entry)}${below}</div><div class="parts">${parts.join("\n")}</div></div>`;
}

/** A tall picture is not shown as wide as there is room, but as high as a screen. */
function narrowness({ width, height }: { readonly width: number; readonly height: number }): string {
  return height <= 1.25 * width ? "" : ` style="max-width:${Math.max(120, Math.round((640 * width) / height))}px"`;
}

/** The overlay on the picture as given, or, where there is none, the component with the boxes. */
function wholePicture({ record, size, groundTruth, overlay, tiles }: PageEntry): string {
  const found = record.box === null ? "" : ` <i class="found">found</i>`;
  const legend = `${found}${record.groundTruth === null ? "" : ` <i class="truth">true</i>`}`;
  const alt = `The map of ${record.methodTitle} over the picture`;
  const image = (source: string, width: number, height: number, kind: string): string =>
    `<img${kind} width="${width}" height="${height}" alt="${escapeMarkup(alt)}" loading="lazy" decoding="async" src="${source}">`;
  const caption = `<figcaption><b>${escapeMarkup(record.methodTitle)}</b> over the whole picture${legend}</figcaption>`;
  if (overlay !== undefined) {
    return `<figure class="whole"${narrowness(overlay)}><div class="tile">${image(escapeMarkup(overlay.source), overlay.width, overlay.height, "")}</div>${caption}</figure>`;
  }
  if (tiles === undefined) {
    return `<figure class="whole"><div class="tile">${image(escapeAddress(record.files.overlay), size.width, size.height, "")}</div>${caption}</figure>`;
  }
  const { width, height } = size;
  const rectangle = (box: Box | null | undefined, name: string): string => {
    if (box === null || box === undefined) return "";
    const [x0, y0, x1, y1] = box;
    return `<rect class="${name}" x="${round(x0)}" y="${round(y0)}" width="${round(x1 - x0)}" height="${round(y1 - y0)}"/>`;
  };
  const boxes = `<svg viewBox="0 0 ${width} ${height}" aria-hidden="true">${rectangle(groundTruth, "truth")}${rectangle(record.inputBox, "found")}</svg>`;
  const kind = Math.max(width, height) <= 64 ? ' class="pixels"' : "";
  return `<figure class="whole"><div class="tile">${image(escapeMarkup(tiles.component), width, height, kind)}${boxes}</div><figcaption><b>component</b> in color${legend}</figcaption></figure>`;
}

function round(value: number): string {
  return String(Number(value.toFixed(2)));
}

/** The most probable classes before and, where the picture was changed, after. */
function tops({ top, label }: ExplanationRecord): string {
  if (top.clean.length === 0) return "";
  return topTables({ before: top.clean, after: top.adversarial ?? undefined, asked: label.index });
}

/** What the method found out besides the map, as a list. */
function detailCells({ details, label, margin, number }: ExplanationRecord): (readonly [string, string])[] {
  const answer: readonly (readonly [string, string])[] =
    label.confidence === null
      ? [["the number", number === null ? "unknown" : shortNumber(number)]]
      : [
          [`confidence in ${shortName(label.name)}`, percent(label.confidence)],
          ["margin", margin.clean.toFixed(2)],
        ];
  return [
    ...answer,
    ...Object.entries(details).map(([name, value]): [string, string] => [
      name.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`),
      typeof value === "object" ? JSON.stringify(value) : shortNumber(value),
    ]),
  ];
}

/** Numbers that answer no question at first sight, settings, and files; and the film of the search, which moves only where it is asked for. */
function folded({ record, search }: PageEntry): string {
  const film =
    search === undefined
      ? ""
      : `<details><summary>The search, evaluation by evaluation</summary><img class="film" width="${search.width}" height="${search.height}" alt="The picture and its change as the search of ${escapeMarkup(record.methodTitle)} goes on" loading="lazy" decoding="async" src="${escapeMarkup(search.source)}"></details>`;
  return `${film}<details><summary>Numbers, settings and files</summary>${numbers(record)}${settings(record)}</details>`;
}

function numbers(record: ExplanationRecord): string {
  const { evaluations, forwardEvaluations, seconds, box, groundTruth } = record;
  const cells: (readonly [string, string])[] = [
    ...(isPerturbation(record) ? changes(record) : detailCells(record)),
    ["box", box === null ? "none" : `[${box.map(round).join(", ")})`],
    ["network runs", `${runs(evaluations, forwardEvaluations)} in ${seconds.toFixed(1)} s`],
  ];
  if (groundTruth !== null) cells.push(["IoU with the true box", groundTruth.iou.toFixed(2)]);
  return termList("numbers", cells);
}

function changes(record: PerturbationRecord): (readonly [string, string])[] {
  const { label, confidences, margin, distances, rounded } = record;
  const { linf, l2, l0, perceptual } = distances;
  const { clean, adversarial } = confidences.label;
  return [
    [`confidence in ${shortName(label.name)}`, `${percent(clean)} → ${percent(adversarial)}`],
    ["margin", `${margin.clean.toFixed(2)} → ${margin.adversarial.toFixed(2)}`],
    ["largest change ℓ∞", inLevels(linf)],
    ["ℓ2", l2.toPrecision(3)],
    ["pixels changed", l0.toLocaleString("en-US")],
    ...(perceptual === null ? [] : [["perceptual distance", perceptual.toExponential(1)] as const]),
    [
      "as 8-bit PNG",
      `${record.outcome !== "flipped" ? "" : rounded.flipped ? "still " : "back to "}${shortName(rounded.name)}`,
    ],
  ];
}

function settings(record: ExplanationRecord): string {
  const { settings: used, files, outcomeDescription } = record;
  const layers = isPerturbation(record) ? record.layers : [];
  const solverOutcome = isPerturbation(record) ? (record.solverOutcome ?? "") : "";
  const plain = Object.entries(used)
    .filter(([key, value]) => value !== undefined && value !== null && !["layers", "layerWeights"].includes(key))
    .map(([key, value]) => `${key} ${settingInWords(value)}`);
  const links = Object.values(files).map(
    (file) => `<a href="${escapeAddress(file)}">${escapeMarkup(file.slice(file.lastIndexOf("/") + 1))}</a>`,
  );
  return `<p>${escapeMarkup(`${outcomeDescription} ${solverOutcome}`)}</p>
<p>${escapeMarkup(plain.join(" · "))}</p>
${layers.length === 0 ? "" : `<p>Layers compared: ${escapeMarkup(layers.join(" · "))}</p>`}
<p>Files: ${links.join(" · ")}</p>`;
}

/** A setting as one would give it: a threshold as "energy:0.85". */
function settingInWords(value: unknown): string {
  if (typeof value !== "object" || value === null) return shortNumber(value);
  const { kind, alpha, k }: { kind?: unknown; alpha?: unknown; k?: unknown } = value;
  return typeof kind === "string" ? `${kind}:${shortNumber(alpha ?? k)}` : JSON.stringify(value);
}

function shortNumber(value: unknown): string {
  return typeof value === "number" ? String(Number(value.toPrecision(4))) : String(value);
}

function failed(failures: PageInput["failures"]): string {
  if (failures.length === 0) return "";
  const items = failures.map(({ image, reason }) => `<li><b>${escapeLine(image)}</b>: ${escapeLine(reason)}</li>`);
  return `<section class="failed"><h2>Not explained</h2><ul>${items.join("")}</ul></section>`;
}

function footer(records: readonly ExplanationRecord[]): string {
  if (records.length === 0) return "";
  const [{ versions, model }] = records;
  const sources = [...new Set(records.map((record) => record.methodSource))];
  return `<footer><p>perceptual-ball ${escapeMarkup(versions.perceptualBall)} · ${escapeMarkup(versions.runtime)} · ${escapeMarkup(versions.platform)} · model SHA-256 <code>${escapeMarkup(model.sha256.slice(0, 16))}…</code></p>
<p>${sources.length === 1 ? "Method" : "Methods"}: ${sources.map(escapeMarkup).join("; ")}.</p></footer>`;
}
