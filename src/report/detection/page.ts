/** @file The page of a detection benchmark: one HTML file that needs nothing else. */

import { checkForm } from "../../errors.ts";
import { escapeMarkup } from "../../escape-text.ts";
import {
  type AttackDetection,
  type DetectionSummary,
  type GroupSummary,
  mainGroup,
  type ShareEstimate,
} from "../../experiments/detection/summary.ts";
import { benchmarkStyle } from "../style/benchmark-style.ts";
import { htmlPage } from "../style/html-page.ts";
import { termList } from "../style/term-list.ts";
import { warningList } from "../style/warning-list.ts";
import { percent } from "../style/wording.ts";
import type { DetectionPlot } from "./plots.ts";
import { cleanSentence, effortCells, isDetectedMore, protocolSentences } from "./tables.ts";

/** Room between the tables and plots of one section. */
const spacing = "section>.scroll+p{margin-top:1.4em}section>.scroll+.plots{margin-top:22px}";

/** The page; `plots` are those of each group, in the order of the groups. The same input gives the same text. */
export function detectionPage(summary: DetectionSummary, plots: readonly (readonly DetectionPlot[])[]): string {
  checkForm("detectionPage: summary", summary, ["model", "data", "settings", "statistics"]);
  checkForm("detectionPage: plots", plots, "list");
  const { model, data, groups } = summary;
  return htmlPage({
    title: `Which attack is detected? ${model.name} on ${data.name}`,
    style: `${benchmarkStyle}${spacing}`,
    body: `<main>
<header>
<h1>Which attack is detected? <em>${escapeMarkup(model.name)}</em> on ${escapeMarkup(data.name)}</h1>
<p class="lead">${escapeMarkup(leadOf(summary))}</p>
${factsOf(summary)}
</header>
${warningList(summary.warnings)}
<section><h2>How it was measured</h2>${protocolSentences(summary)
      .map((sentence) => `<p>${escapeMarkup(sentence)}</p>`)
      .join("")}<p>${escapeMarkup(cleanSentence(summary))}</p>
<p>A low rate says that this test does not find the attack, and not that no test would: attacks that know the test defeat it (Hosseini et al. 2019, Tramèr et al. 2020).</p></section>
${groups.map((group, n) => groupSection(group, plots[n] ?? [])).join("\n")}
${failureSection(summary)}
${footer(summary)}
</main>`,
  });
}

/** What a reader wants to know first. */
function leadOf({ groups, clean }: DetectionSummary): string {
  const main = groups[0];
  if (main === undefined) return "No attack was run.";
  const compared = main.attacks.filter(({ detectionOfMatched }) => detectionOfMatched !== null);
  const falseAlarms = `${percent(clean.detection.value)} of the clean images are flagged`;
  if (compared.length < 2) return `${falseAlarms}.`;
  const least = compared.find(({ pValue }) => pValue === null) ?? compared[0];
  const tied = compared.filter((attack) => attack !== least && !isDetectedMore(attack));
  const rate = `${percent(least.detectionOfMatched?.value ?? 0)} of the ${main.matchedImages} images that every attack changed`;
  const others =
    tied.length === 0
      ? "every other attack is detected more often, by more than chance"
      : `${tied.map(({ name }) => name).join(" and ")} cannot be told from it by chance alone`;
  return `${least.title} is detected least: ${rate}; ${others}. ${falseAlarms}.`;
}

function factsOf({ model, data, clean, statistics, cutoff }: DetectionSummary): string {
  const rows: (readonly [string, string])[] = [
    [
      "Network",
      `${model.name}${clean.accuracy === null ? "" : `, right on ${percent(clean.accuracy.value)} of the clean images`}`,
    ],
    ["Images", `${data.test} tested, statistics of ${statistics.images.used} others`],
    ["Cutoff", `${cutoff.value.toFixed(3)}${cutoff.calibration === null ? " (nominal)" : " (calibrated)"}`],
    ["Clean detection", interval(clean.detection)],
  ];
  return termList("facts", rows);
}

function interval({ value, interval: [low, high] }: ShareEstimate): string {
  return `${value.toFixed(3)} (${low.toFixed(2)}–${high.toFixed(2)})`;
}

function groupSection({ name, attacks, matchedImages }: GroupSummary, plots: readonly DetectionPlot[]): string {
  const hasCorrection = attacks.some(({ accuracyAfterCorrection }) => accuracyAfterCorrection !== null);
  const columns: (readonly [title: string, hint: string, cell: (attack: AttackDetection) => string])[] = [
    ["Attack detection", "flagged, of all", ({ detection }) => estimateCell(detection)],
    ["Accuracy", "under attack", ({ accuracy }) => estimateCell(accuracy)],
    ["Label changed", "of all", ({ changed }) => estimateCell(changed)],
    ["Detected", "of changed", ({ detectionOfChanged }) => estimateCell(detectionOfChanged)],
    ["Detected", `of the ${matchedImages} all changed`, matchedCell],
    ["ROC area", "changed against clean", ({ area }) => estimateCell(area)],
    ["Detected", "at 5 % false positives", ({ detectionAtFivePercent }) => estimateCell(detectionAtFivePercent)],
    ...(hasCorrection
      ? [
          [
            "Accuracy",
            "after correction",
            ({ accuracyAfterCorrection }: AttackDetection) => estimateCell(accuracyAfterCorrection),
          ] as const,
        ]
      : []),
  ];
  const head = columns.map(([title, hint]) => `<th>${title}<small>${escapeMarkup(hint)}</small></th>`).join("");
  const rows = attacks.map(
    (attack) => `<tr>${nameCell(attack)}${columns.map(([, , cell]) => cell(attack)).join("")}</tr>`,
  );
  const title = name === mainGroup ? "Table 2: attacks and their detection" : name;
  return `<section><h2>${escapeMarkup(title)}</h2>
<p>Brackets are 95 % intervals. Blue: detected least on the images that all attacks of the table changed; † more than that by more than chance (exact McNemar test, Holm-corrected, p &lt; 0.05).</p>
<div class="scroll"><table class="results"><thead><tr><th>Attack</th>${head}</tr></thead><tbody>${rows.join("")}</tbody></table></div>
${distanceTable(attacks)}
${plotGrid(plots)}</section>`;
}

function nameCell({ name, title, settings }: AttackDetection): string {
  return `<td title="${escapeMarkup(`${title} ${JSON.stringify(settings)}`)}">${escapeMarkup(name)}</td>`;
}

function estimateCell(share: Pick<ShareEstimate, "value" | "interval"> | null, mark = "", isBest = false): string {
  if (share === null) return "<td>–</td>";
  const {
    value,
    interval: [low, high],
  } = share;
  return `<td${isBest ? ' class="best"' : ""}><b>${value.toFixed(3)}</b>${mark}<small>${low.toFixed(2)}–${high.toFixed(2)}</small></td>`;
}

function matchedCell(attack: AttackDetection): string {
  const mark = isDetectedMore(attack) ? "<sup>†</sup>" : "";
  return estimateCell(attack.detectionOfMatched, mark, attack.pValue === null);
}

function distanceTable(attacks: readonly AttackDetection[]): string {
  const rows = attacks.map((attack) => {
    const cells = effortCells(attack).map((cell) => `<td>${cell}</td>`);
    return `<tr>${nameCell(attack)}${cells.join("")}</tr>`;
  });
  const head = [
    ["ℓ0", "pixels"],
    ["ℓ1", ""],
    ["ℓ2", ""],
    ["ℓ∞", "of 255"],
    ["Perceptual", "relative"],
    ["Log-odds", "under attack"],
    ["Lost", "in 8 bits"],
    ["Runs", "forward"],
    ["Runs", "forward and back"],
    ["Seconds", "detector included"],
  ];
  return `<p>Means over the images whose label changed, pixels from 0 to 1; runs and seconds per attacked image.</p>
<div class="scroll"><table class="results"><thead><tr><th>Attack</th>${head.map(([title, hint]) => `<th>${title}<small>${hint}</small></th>`).join("")}</tr></thead><tbody>${rows.join("")}</tbody></table></div>`;
}

function plotGrid(plots: readonly DetectionPlot[]): string {
  if (plots.length === 0) return "";
  const figures = plots.map(
    ({ svg, title, caption }) =>
      `<figure>${svg}<figcaption><b>${escapeMarkup(title)}</b> ${escapeMarkup(caption)}</figcaption></figure>`,
  );
  return `<div class="plots">${figures.join("")}</div>`;
}

function failureSection({ failures }: DetectionSummary): string {
  if (failures.length === 0) return "";
  const items = failures.map(
    ({ image, attack, message }) =>
      `<li><b>${escapeMarkup(image)}</b> (${escapeMarkup(attack)}): ${escapeMarkup(message)}</li>`,
  );
  return `<section class="failed"><h2>Left out: ${failures.length}</h2><ul>${items.join("")}</ul></section>`;
}

function footer({ run, model, settings, groups }: DetectionSummary): string {
  const list = groups
    .flatMap(({ attacks }) => attacks)
    .map(
      ({ name, effective }) =>
        `<li><b>${escapeMarkup(name)}</b> <code>${escapeMarkup(JSON.stringify(effective))}</code></li>`,
    );
  const about = Object.entries(run).map(([name, version]) => `${name} ${version}`);
  return `<footer><details><summary>Settings</summary><p><code>${escapeMarkup(JSON.stringify(settings))}</code></p><ul>${list.join("")}</ul></details>
<p>${escapeMarkup(about.join(" · "))} · model SHA-256 <code>${escapeMarkup(model.sha256.slice(0, 16))}…</code></p>
<p>Test: Roth, Kilcher and Hofmann, <cite>The Odds are Odd</cite>, ICML 2019. Experiment: Elliott, Law and Russell, <cite>Adversarial Perturbations on the Perceptual Ball</cite>, arXiv:1912.09405, section 5.</p></footer>`;
}
