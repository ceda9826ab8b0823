/** @file The report of the localization benchmark as one page of HTML that needs nothing else. */

import { checkForm } from "../../errors.ts";
import { escapeMarkup } from "../../escape-text.ts";
import type { IntervalEstimate } from "../../experiments/localization/estimates.ts";
import type { KindSummary, LocalizationSummary, MethodSummary } from "../../experiments/localization/summary.ts";
import { gridKinds } from "../../localization/threshold-grids.ts";
import { benchmarkStyle } from "../style/benchmark-style.ts";
import { htmlPage } from "../style/html-page.ts";
import { termList } from "../style/term-list.ts";
import { warningList } from "../style/warning-list.ts";
import { percent } from "../style/wording.ts";
import { comparisonSection, groupSection } from "./comparison-tables.ts";
import { bestOf, criterionSentence, isWorse, measuresOf } from "./tables.ts";
import { kindTitles, pictureCount } from "./wording.ts";

/** A plot or a figure as SVG, with what stands below it. */
export interface PageFigure {
  readonly title: string;
  readonly caption: string;
  readonly svg: string;
}

export interface LocalizationPageInput {
  readonly summary: LocalizationSummary;
  readonly errorPlots: readonly PageFigure[];
  readonly curvePlots: readonly PageFigure[];
  readonly sanityPlots: readonly PageFigure[];
  readonly figures: readonly PageFigure[];
}

/** The page. The same input gives the same text. */
export function localizationPage(input: LocalizationPageInput): string {
  checkForm("localizationPage: input", input, ["summary", "errorPlots", "curvePlots", "sanityPlots"]);
  const { summary, errorPlots, curvePlots, sanityPlots, figures } = input;
  const { model, data } = summary;
  return htmlPage({
    title: `Which explanation finds the object? ${model.name} on ${data.name}`,
    style: benchmarkStyle,
    body: `<main>
<header>
<h1>Which explanation finds the object? <em>${escapeMarkup(model.name)}</em> on ${escapeMarkup(data.name)}</h1>
<p class="lead">${escapeMarkup(leadOf(summary))}</p>
${factsOf(summary)}
</header>
${warningList(summary.warnings)}
${errorSection(summary)}
${comparisonSection(summary)}
${groupSection(summary)}
${plotSection("Error over the threshold", "The least errors beside one another, and how much the choice of the threshold matters: a map that localizes well at one threshold only needs luck, or a tuned one.", errorPlots)}
${figures.map(figureSection).join("\n")}
${measureSection(summary)}
${plotSection("Insertion and deletion", "The probability of the explained class while pixels are shown, or taken away, in the order of the map. Means over the pictures.", curvePlots)}
${sanitySection(summary, sanityPlots)}
${costSection(summary)}
${problemSection(summary)}
${footer(summary)}
</main>`,
  });
}

function leadOf({ methods }: LocalizationSummary): string {
  const own = methods.filter(({ isBaseline }) => !isBaseline);
  if (own.length === 1) return `${own[0].title} on its own, beside boxes that look at nothing.`;
  const leaders = gridKinds.map((kind) => {
    const best = own.filter((method) => method.kinds[kind].isBest);
    const names = best.length > 3 ? `${best.length} methods alike` : listOf(best.map(({ title }) => title));
    return `${names} by ${kindTitles[kind].toLowerCase()}`;
  });
  const isClose = (method: MethodSummary): boolean => gridKinds.every((kind) => !isWorse(method.kinds[kind]));
  const close = own.filter(isClose).length;
  const caution =
    close === own.length
      ? "No method is worse than the best of a column by more than chance."
      : `${own.length - close} of ${own.length} methods are worse than the best of a column by more than chance.`;
  return `Least error: ${leaders.join("; ")}. ${caution}`;
}

/** "a", "a and b", "a, b and c". */
function listOf(names: readonly string[]): string {
  return names.length < 2 ? names.join("") : `${names.slice(0, -1).join(", ")} and ${names[names.length - 1]}`;
}

function factsOf({ model, data, accuracy, settings, methods }: LocalizationSummary): string {
  const rows: (readonly [string, string])[] = [
    ["Network", `${model.name}, ${model.classCount} classes`],
    [
      "Pictures",
      `${data.images} of ${data.name}${accuracy === null ? "" : `; class predicted right on ${percent(accuracy.value)}`}`,
    ],
    ["Methods", `${methods.filter(({ isBaseline }) => !isBaseline).length}, and 2 boxes that look at nothing`],
    ["Maps", settings.sigmaPixels === 0 ? "as they are" : `all blurred with σ = ${settings.sigmaPixels} pixels`],
  ];
  return termList("facts", rows);
}

/** A thin bar from 0 to 1 with the interval and the value. */
function reach({ value, interval: [low, high] }: IntervalEstimate): string {
  const at = (share: number): string => `${(100 * Math.min(1, Math.max(0, share))).toFixed(1)}%`;
  return `<span class="reach"><i style="left:${at(low)};width:${at(high - low)}"></i><b style="left:calc(${at(value)} - 1px)"></b></span>`;
}

function nameCell({ name, title, isBaseline }: MethodSummary): string {
  return `<td title="${escapeMarkup(title)}">${escapeMarkup(isBaseline ? title : name)}</td>`;
}

function interval({ interval: [low, high] }: IntervalEstimate, digits: number): string {
  return `${low.toFixed(digits)}–${high.toFixed(digits)}`;
}

function errorSection(summary: LocalizationSummary): string {
  const head = gridKinds.map((kind) => `<th>${kindTitles[kind]}</th>`).join("");
  const cell = (kind: KindSummary): string => {
    const mark = isWorse(kind) ? "<sup>†</sup>" : "";
    const at = kind.parameter === null ? "" : ` at ${kind.parameter}`;
    return `<td${kind.isBest ? ' class="best"' : ""}><b>${kind.error.value.toFixed(2)}</b>${mark}<small>${interval(kind.error, 2)}${at}</small>${reach(kind.error)}</td>`;
  };
  const heldOut = ({ heldOut, heldOutParameters: [first, second] }: KindSummary): string => {
    const at = first === null ? "" : first === second ? ` at ${first}` : ` at ${first}, ${second}`;
    return `<td><b>${heldOut.value.toFixed(2)}</b><small>${interval(heldOut, 2)}${at}</small></td>`;
  };
  const rows = (of: (kind: KindSummary) => string): string =>
    summary.methods
      .map(
        (method) =>
          `<tr${method.isBaseline ? ' class="baseline"' : ""}>${nameCell(method)}${gridKinds.map((kind) => of(method.kinds[kind])).join("")}</tr>`,
      )
      .join("");
  const table = (of: (kind: KindSummary) => string): string =>
    `<div class="scroll"><table class="results"><thead><tr><th>Localization error</th>${head}</tr></thead><tbody>${rows(of)}</tbody></table></div>`;
  return `<section><h2>Table 1: localization error</h2>
<p>${escapeMarkup(criterionSentence(summary))} Lower is better. Each method at its best threshold on these pictures, with the 95 % interval; blue: the least error; † worse than that by more than chance (exact McNemar test, Holm-corrected, p &lt; 0.05).</p>
${table(cell)}
<details><summary>The same with the threshold chosen on one half of the pictures and judged on the other, both ways round</summary>
${table(heldOut)}
</details></section>`;
}

function plotSection(title: string, text: string, plots: readonly PageFigure[]): string {
  if (plots.length === 0) return "";
  const figures = plots.map(
    ({ svg, title: name, caption }) =>
      `<figure>${svg}<figcaption><b>${escapeMarkup(name)}</b> ${escapeMarkup(caption)}</figcaption></figure>`,
  );
  return `<section><h2>${escapeMarkup(title)}</h2><p>${escapeMarkup(text)}</p><div class="plots">${figures.join("")}</div></section>`;
}

function figureSection({ title, caption, svg }: PageFigure): string {
  return `<section><h2>${escapeMarkup(title)}</h2><p>${escapeMarkup(caption)}</p><div class="figure"><div class="sheet">${svg}</div></div></section>`;
}

function measureSection({ methods, options }: LocalizationSummary): string {
  const present = measuresOf(methods).filter(({ of }) => methods.some((method) => of(method) !== null));
  const own = methods.filter((method) => present.some(({ of }) => of(method) !== null));
  if (present.length === 0) return "";
  const best = present.map((measure) => bestOf(own, measure));
  const rows = own.map((method) => {
    const cells = present.map(({ of }, m) => {
      const estimate = of(method);
      if (estimate === null) return "<td>–</td>";
      const isBest = best[m].has(method.name);
      return `<td${isBest ? ' class="best"' : ""}><b>${estimate.value.toFixed(3)}</b><small>${interval(estimate, 2)}</small></td>`;
    });
    return `<tr>${nameCell(method)}${cells.join("")}</tr>`;
  });
  const of = options.toleranceOf === "picture" ? "the stored picture" : "the network's input";
  const head = present.map(({ title, hint }) => `<th>${title}<small>${hint}</small></th>`).join("");
  return `<section><h2>Other measures of the same maps</h2>
<p>Pointing game: the greatest pixel lies in a right box or at most ${options.tolerance} pixels of ${of} from it. Shares have Wilson's 95 % interval, means a bootstrap interval over the pictures.</p>
<div class="scroll"><table class="results"><thead><tr><th>Method</th>${head}</tr></thead><tbody>${rows.join("")}</tbody></table></div></section>`;
}

function sanitySection({ sanity }: LocalizationSummary, plots: readonly PageFigure[]): string {
  if (sanity.length === 0) return "";
  return plotSection(
    "Sanity check: does the map depend on what the network has learned?",
    `The weights of the topmost layers are drawn anew, more and more of them. A map that stays the same does not show what the network has learned (Adebayo et al. 2018). ${pictureCount(sanity[0].images)}.`,
    plots,
  );
}

function costSection({ methods }: LocalizationSummary): string {
  const rows = methods.flatMap((method) => {
    const { cost, outcomes } = method;
    if (cost === null) return [];
    const count = (value: number): string => value.toFixed(1).replace(/\.0$/, "");
    const ends = Object.entries(outcomes).map(([outcome, number]) => `${number} ${outcome}`);
    return [
      `<tr>${nameCell(method)}<td>${cost.seconds.toPrecision(3)}</td><td>${cost.medianSeconds.toPrecision(3)}</td><td>${count(cost.forward)}</td><td>${count(cost.gradient)}</td><td>${escapeMarkup(ends.join(", "))}</td></tr>`,
    ];
  });
  return `<section><h2>What it costs</h2><p>Per picture, on the machine named below.</p>
<div class="scroll"><table class="results"><thead><tr><th>Method</th><th>Seconds<small>mean</small></th><th>Seconds<small>median</small></th><th>Runs<small>forward</small></th><th>Runs<small>forward and back</small></th><th>Outcomes</th></tr></thead><tbody>${rows.join("")}</tbody></table></div></section>`;
}

function problemSection({ problems }: LocalizationSummary): string {
  if (problems.length === 0) return "";
  const items = problems.map(
    ({ image, message }) => `<li><b>${escapeMarkup(image)}</b>: ${escapeMarkup(message)}</li>`,
  );
  return `<section class="failed"><h2>Left out: ${problems.length}</h2><ul>${items.join("")}</ul></section>`;
}

function footer({ versions, model, settings, methods }: LocalizationSummary): string {
  const own = methods.filter(({ isBaseline }) => !isBaseline);
  const list = own.map(
    ({ name, settings }) =>
      `<li><b>${escapeMarkup(name)}</b> <code>${escapeMarkup(JSON.stringify(settings))}</code></li>`,
  );
  const about = Object.entries(versions).map(([name, version]) => `${name} ${version}`);
  return `<footer><details><summary>Settings</summary><p><code>${escapeMarkup(JSON.stringify(settings))}</code></p><ul>${list.join("")}</ul></details>
<p>${escapeMarkup(about.join(" · "))} · model SHA-256 <code>${escapeMarkup(model.sha256.slice(0, 16))}…</code></p>
<p>Protocol: Elliott, Law and Russell, <cite>Adversarial Perturbations on the Perceptual Ball</cite>, arXiv:1912.09405, section 4; Fong and Vedaldi, <cite>Interpretable Explanations of Black Boxes by Meaningful Perturbation</cite>, 2017.</p></footer>`;
}
