/** @file The page of the benchmark of detectors: one HTML file that needs nothing else. */
import { checkForm } from "../../errors.ts";
import { escapeMarkup } from "../../escape-text.ts";
import type { AreaEstimate, DetectorCell, DetectorRow, DetectorsSummary } from "../../experiments/detectors/summary.ts";
import { benchmarkStyle } from "../style/benchmark-style.ts";
import { htmlPage } from "../style/html-page.ts";
import { termList } from "../style/term-list.ts";
import { warningList } from "../style/warning-list.ts";
import { percent } from "../style/wording.ts";
import type { DetectorPlot } from "./plots.ts";
import { attackCells, attackHead, detectorsSentences, differenceOf } from "./tables.ts";

/** Room between tables and plots, and the shade of a cell, whose share is --share. */
const style =
  "section>.scroll+.plots{margin-top:22px}section>.plots{margin-top:12px}td.shaded small{display:block}td.shaded{background:color-mix(in srgb,#0072b2 calc(var(--share)*45%),transparent)}";

/** The page. The same input gives the same text. */
export function detectorsPage(summary: DetectorsSummary, plots: readonly DetectorPlot[]): string {
  checkForm("detectorsPage: summary", summary, ["model", "data", "settings", "detectors", "attacks"]);
  checkForm("detectorsPage: plots", plots, "list");
  const { model, data, attacks, detectors } = summary;
  const figures = plots.map(
    ({ svg, title, caption }) =>
      `<figure>${svg}<figcaption><b>${escapeMarkup(title)}</b> ${escapeMarkup(caption)}</figcaption></figure>`,
  );
  const names = attacks.map(({ name }) => name);
  return htmlPage({
    title: `Which detector finds which attack? ${model.name} on ${data.name}`,
    style: `${benchmarkStyle}${style}`,
    body: `<main>
<header>
<h1>Which detector finds which attack? <em>${escapeMarkup(model.name)}</em> on ${escapeMarkup(data.name)}</h1>
<p class="lead">${escapeMarkup(leadOf(summary))}</p>
${termList("facts", factsOf(summary))}
</header>
${warningList(summary.warnings)}
<section><h2>How it was measured</h2>${detectorsSentences(summary)
      .map((sentence) => `<p>${escapeMarkup(sentence)}</p>`)
      .join("")}</section>
<section><h2>Areas under ROC curves</h2><p>Attacked against clean and noisy images; small numbers are 95 % intervals. 0.5 is guessing; the darker, the better found.</p>
${table(
  ["Detector", ...names],
  detectors.map((row) => [nameCell(row), ...row.cells.map(({ area }) => areaCell(area))]),
)}</section>
<section><h2>Flagged at ${escapeMarkup(percent(summary.falsePositiveRate))} false positives</h2><p>At the cutoff that was chosen on held-out training images. Clean: the test images.</p>
${table(
  ["Detector", "clean", ...names],
  detectors.map((row) => [
    nameCell(row),
    shareCell(row.falsePositives),
    ...row.cells.map((cell) => shareCell(cell.detected, cell)),
  ]),
)}</section>
<section><h2>The attacks</h2><p>Means over the images that count, pixels from 0 to 1; runs and seconds per image. An attack that ends just beyond the boundary (log-odds near 0) is known by that alone.</p>
${table(
  attackHead,
  attacks.map((attack) => {
    const [name = "", ...cells] = attackCells(attack);
    return [
      `<td title="${escapeMarkup(`${attack.title} ${JSON.stringify(attack.settings)}`)}">${escapeMarkup(name)}</td>`,
      ...cells.map((cell) => `<td>${escapeMarkup(cell)}</td>`),
    ];
  }),
)}</section>
${figures.length === 0 ? "" : `<section><h2>Detector by detector</h2><div class="plots">${figures.join("")}</div></section>`}
${notesSection(summary)}
${failureSection(summary)}
${footer(summary)}
</main>`,
  });
}

/** What a reader wants to know first: the attack that is found least, by the best of its detectors, and what one that knows makes of that. */
function leadOf({ attacks, detectors }: DetectorsSummary): string {
  const best = attacks.flatMap(({ name, knows }, n) => {
    const found = detectors.flatMap((row) => {
      const { area } = row.cells[n];
      return area === null ? [] : [{ name, knows, detector: row.name, area: area.value }];
    });
    const [most] = found.toSorted((a, b) => b.area - a.area);
    return most === undefined ? [] : [most];
  });
  const [hardest] = best.filter(({ knows }) => knows === null).toSorted((a, b) => a.area - b.area);
  if (hardest === undefined) return "No attack has changed a label.";
  const knowing = attacks.flatMap(({ knows, name }, n) => {
    const row = detectors.find((one) => one.name === knows);
    const area = row?.cells[n].area;
    return area === null || area === undefined ? [] : [{ name, detector: knows, area: area.value }];
  });
  const [weakest] = knowing.toSorted((a, b) => a.area - b.area);
  const adaptive =
    weakest === undefined ? "" : ` Told of ${weakest.detector}, an attack gets it down to ${weakest.area.toFixed(2)}.`;
  return `Of the attacks that know of no detector, ${hardest.name} is the hardest to find: the detector that does best, ${hardest.detector}, reaches an area of ${hardest.area.toFixed(2)}.${adaptive}`;
}

function factsOf({ model, data, clean, detectors, attacks }: DetectorsSummary): [string, string][] {
  return [
    ["Network", `${model.name}, right on ${percent(clean.value)} of the test images`],
    ["Images", `${data.test} tested, detectors fitted to ${data.train} others`],
    ["Compared", `${detectors.length} detectors, ${attacks.length} attacks`],
  ];
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return `<div class="scroll"><table class="results"><thead><tr>${head.map((title) => `<th>${escapeMarkup(title)}</th>`).join("")}</tr></thead><tbody>${rows
    .map((cells) => `<tr>${cells.join("")}</tr>`)
    .join("")}</tbody></table></div>`;
}

function nameCell({ name, title, settings }: DetectorRow): string {
  return `<td title="${escapeMarkup(`${title} ${JSON.stringify(settings)}`)}">${escapeMarkup(name)}</td>`;
}

function areaCell(area: AreaEstimate | null): string {
  if (area === null) return "<td>–</td>";
  const [low, high] = area.interval;
  const share = Math.min(1, Math.max(0, 2 * area.value - 1));
  return `<td class="shaded" style="--share:${share.toFixed(2)}"><b>${area.value.toFixed(2)}</b><small>${low.toFixed(2)}–${high.toFixed(2)}</small></td>`;
}

function shareCell(share: DetectorCell["detected"], cell?: DetectorCell): string {
  if (share === null) return "<td>–</td>";
  const [low, high] = share.interval;
  const difference = cell === undefined ? undefined : differenceOf(cell);
  const mark = difference === undefined ? "" : `<sup>${difference === "more" ? "†" : "‡"}</sup>`;
  return `<td class="shaded" style="--share:${share.value.toFixed(2)}"><b>${share.value.toFixed(2)}</b>${mark}<small>${low.toFixed(2)}–${high.toFixed(2)}</small></td>`;
}

function notesSection({ detectors }: DetectorsSummary): string {
  const notes = detectors.flatMap(({ name, notes: own }) =>
    own.map((note) => `<li><b>${escapeMarkup(name)}</b>: ${escapeMarkup(note)}</li>`),
  );
  return notes.length === 0
    ? ""
    : `<section><h2>What the detectors say of their statistics</h2><ul>${notes.join("")}</ul></section>`;
}

function failureSection({ failures }: DetectorsSummary): string {
  if (failures.length === 0) return "";
  const items = failures.map(
    ({ image, attack, message }) =>
      `<li><b>${escapeMarkup(image)}</b> (${escapeMarkup(attack)}): ${escapeMarkup(message)}</li>`,
  );
  return `<section class="failed"><h2>Left out: ${failures.length}</h2><ul>${items.join("")}</ul></section>`;
}

function footer({ run, model, settings, attacks, detectors }: DetectorsSummary): string {
  const item = (name: string, value: object): string =>
    `<li><b>${escapeMarkup(name)}</b> <code>${escapeMarkup(JSON.stringify(value))}</code></li>`;
  const list = [
    ...detectors.map((row) => item(row.name, row.settings)),
    ...attacks.map((attack) => item(attack.name, attack.effective)),
  ];
  const about = Object.entries(run).map(([name, version]) => `${name} ${version}`);
  return `<footer><details><summary>Settings</summary><p><code>${escapeMarkup(JSON.stringify(settings))}</code></p><ul>${list.join("")}</ul></details>
<p>${escapeMarkup(about.join(" · "))} · model SHA-256 <code>${escapeMarkup(model.sha256.slice(0, 16))}…</code></p></footer>`;
}
