/** @file The page of a robustness benchmark: one HTML file that needs nothing else. */
import { checkForm } from "../../errors.ts";
import { escapeMarkup } from "../../escape-text.ts";
import type { RobustnessCurve, RobustnessSummary } from "../../experiments/robustness/summary.ts";
import { benchmarkStyle } from "../style/benchmark-style.ts";
import { htmlPage } from "../style/html-page.ts";
import { termList } from "../style/term-list.ts";
import { warningList } from "../style/warning-list.ts";
import { percent } from "../style/wording.ts";
import type { RobustnessPlot } from "./plots.ts";
import {
  curveCaption,
  normText,
  radiusText,
  robustnessColumns,
  robustnessRows,
  robustnessSentences,
  shareText,
} from "./tables.ts";

/** Room between the table and the plots. */
const spacing = "section>.scroll+.plots{margin-top:22px}section>.plots{margin-top:12px}";

/** The page. The same input gives the same text. */
export function robustnessPage(summary: RobustnessSummary, plots: readonly RobustnessPlot[]): string {
  checkForm("robustnessPage: summary", summary, ["model", "data", "curves", "settings"]);
  checkForm("robustnessPage: plots", plots, "list");
  const { model, data, curves } = summary;
  const [first] = curves;
  const figures = plots.map(
    ({ svg, title, caption }) =>
      `<figure>${svg}<figcaption><b>${escapeMarkup(title)}</b> ${escapeMarkup(caption)}</figcaption></figure>`,
  );
  return htmlPage({
    title: `How robust is ${model.name} on ${data.name}?`,
    style: `${benchmarkStyle}${spacing}`,
    body: `<main>
<header>
<h1>How robust is <em>${escapeMarkup(model.name)}</em> on ${escapeMarkup(data.name)}?</h1>
<p class="lead">${escapeMarkup(leadOf(summary))}</p>
${first === undefined ? "" : termList("facts", factsOf(summary, first))}
</header>
${warningList(summary.warnings)}
<section><h2>How it was measured</h2>${robustnessSentences(summary)
      .map((sentence) => `<p>${escapeMarkup(sentence)}</p>`)
      .join("")}${figures.length === 0 ? "" : `<div class="plots">${figures.join("")}</div>`}</section>
${curves.map(curveSection).join("\n")}
${failureSection(summary)}
${footer(summary)}
</main>`,
  });
}

/** What a reader wants to know first: what is left at the largest radius, of the attack that leaves least. */
function leadOf({ curves, data }: RobustnessSummary): string {
  const ends = curves.flatMap((curve) => {
    const last = curve.radii.at(-1);
    return last === undefined ? [] : [{ curve, last }];
  });
  const [least] = ends.toSorted((a, b) => a.last.robust.value - b.last.robust.value);
  if (least === undefined) return "No picture was attacked.";
  const { curve, last } = least;
  const radius = `${normText(curve.norm)} ${radiusText(last.epsilon, curve.norm)}`;
  if (data.labels === "predicted") {
    return `Within ${radius}, ${curve.name} leaves ${percent(last.robust.value)} of the network's own predictions standing.`;
  }
  return `Right on ${percent(curve.accuracy.value)} of the pictures; within ${radius}, ${curve.name} leaves ${percent(last.robust.value)} of them standing.`;
}

function factsOf({ model, data }: RobustnessSummary, { accuracy }: RobustnessCurve): [string, string][] {
  return [
    ["Network", model.name],
    ["Pictures", `${data.pictures} of ${data.name}`],
    data.labels === "predicted" ? ["Right", "what the network predicts"] : ["Accuracy", shareText(accuracy)],
  ];
}

function curveSection(curve: RobustnessCurve): string {
  const head = robustnessColumns.map((column) => `<th scope="col">${escapeMarkup(column)}</th>`).join("");
  const body = robustnessRows(curve).map(
    ([radius = "", ...cells]) =>
      `<tr><th scope="row">${escapeMarkup(radius)}</th>${cells.map((cell) => `<td>${escapeMarkup(cell)}</td>`).join("")}</tr>`,
  );
  return `<section><h2>${escapeMarkup(curve.name)}</h2><p>${escapeMarkup(curveCaption(curve))}</p>
<div class="scroll" tabindex="0" role="region" aria-label="${escapeMarkup(curve.name)}"><table class="results"><thead><tr>${head}</tr></thead><tbody>${body.join("")}</tbody></table></div></section>`;
}

function failureSection({ failures }: RobustnessSummary): string {
  if (failures.length === 0) return "";
  const items = failures.map(
    ({ image, attack, message }) =>
      `<li><b>${escapeMarkup(image)}</b> (${escapeMarkup(attack)}): ${escapeMarkup(message)}</li>`,
  );
  return `<section class="failed"><h2>Left out: ${failures.length}</h2><ul>${items.join("")}</ul></section>`;
}

function footer({ run, model, settings, curves }: RobustnessSummary): string {
  const list = curves.map(
    ({ name, settings: own }) =>
      `<li><b>${escapeMarkup(name)}</b> <code>${escapeMarkup(JSON.stringify(own))}</code></li>`,
  );
  const about = Object.entries(run).map(([name, version]) => `${name} ${version}`);
  return `<footer><details><summary>Settings</summary><p><code>${escapeMarkup(JSON.stringify(settings))}</code></p><ul>${list.join("")}</ul></details>
<p>${escapeMarkup(about.join(" · "))} · model SHA-256 <code>${escapeMarkup(model.sha256.slice(0, 16))}…</code></p>
<p>AutoAttack: Croce and Hein, <cite>Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free attacks</cite>, ICML 2020.</p></footer>`;
}
