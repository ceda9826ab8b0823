/** @file The paper's methods against each other one, and all methods on some of the pictures: Markdown, CSV and the page's sections. */
import { checkForm } from "../../errors.ts";
import { escapeMarkup } from "../../escape-text.ts";
import type { Comparison } from "../../experiments/localization/comparisons.ts";
import type { PictureGroup } from "../../experiments/localization/picture-groups.ts";
import type { LocalizationSummary } from "../../experiments/localization/summary.ts";
import { gridKinds, type ThresholdKind } from "../../localization/threshold-grids.ts";
import { significance } from "../style/wording.ts";
import { csvOf } from "../tables/csv.ts";
import { markdownTable, markdownText } from "../tables/markdown.ts";
import { kindTitles, pictureCount } from "./wording.ts";

/** "+0.07", "−0.02", "0.00". */
function signedGain(value: number): string {
  const digits = Math.abs(value).toFixed(2);
  return Number(digits) === 0 ? digits : `${value < 0 ? "−" : "+"}${digits}`;
}

/** "p < 0.001", "p = 0.02". */
function chanceText(pValue: number): string {
  return pValue < 0.001 ? "p < 0.001" : `p = ${Number(pValue.toPrecision(pValue < 0.01 ? 1 : 2))}`;
}

/** The comparisons of one method: a row per other method. */
function rowsOf(
  comparisons: readonly Comparison[],
): { method: string; rows: { other: string; cells: Comparison[] }[] }[] {
  const methods = [...new Set(comparisons.map(({ method }) => method))];
  return methods.map((method) => {
    const own = comparisons.filter((one) => one.method === method);
    const others = [...new Set(own.map(({ other }) => other))];
    const cellOf = (other: string, kind: ThresholdKind): Comparison[] =>
      own.filter((one) => one.other === other && one.kind === kind);
    return {
      method,
      rows: others.map((other) => ({ other, cells: gridKinds.flatMap((kind) => cellOf(other, kind)) })),
    };
  });
}

const comparisonText =
  "What the other errs more (+) or less (−), each at its best threshold on these pictures, and the chance of that if the two were equally good: a paired test on the same pictures, Holm-corrected over the column.";

/** Markdown: a table for each of the paper's methods that was run; nothing where none was. */
export function comparisonParts({ comparisons }: Pick<LocalizationSummary, "comparisons">): string[] {
  if (comparisons.length === 0) return [];
  const tables = rowsOf(comparisons).flatMap(({ method, rows }) => [
    `### ${markdownText(method)} beside`,
    markdownTable(
      ["Other", ...gridKinds.map((kind) => kindTitles[kind])],
      rows.map(({ other, cells }) => [
        markdownText(other),
        ...cells.map(({ gain, pValue }) => {
          const text = `${signedGain(gain.value)} (${chanceText(pValue)})`;
          return pValue < significance ? `**${text}**` : text;
        }),
      ]),
    ),
  ]);
  return [
    "## The paper's methods against each other one",
    `${comparisonText} **Bold**: more than chance (p < 0.05).`,
    ...tables,
  ];
}

const groupText = "Errors with value / percent / mean / energy, at the thresholds that are best on all pictures.";

/** "0.37 / 0.39 / 0.36 / 0.35". */
function errorsText({ errors }: PictureGroup["methods"][number]): string {
  return gridKinds.map((kind) => errors[kind].value.toFixed(2)).join(" / ");
}

/** Markdown: how every method does on the groups of pictures; nothing where all pictures are alike. */
export function groupParts({ groups }: Pick<LocalizationSummary, "groups">): string[] {
  const [first] = groups;
  if (first === undefined) return [];
  return [
    "## By kind of picture",
    `${groupText} ${groups.map(({ title, hint }) => `${title}: ${hint}`).join("; ")}.`,
    markdownTable(
      ["Method", ...groups.map(({ title, images }) => `${title} (${images})`)],
      first.methods.map(({ name }, m) => [markdownText(name), ...groups.map(({ methods }) => errorsText(methods[m]))]),
    ),
  ];
}

/** The comparisons as CSV, one line per method, other and kind of threshold. */
export function comparisonsCsv(summary: Pick<LocalizationSummary, "comparisons">): string {
  checkForm("comparisonsCsv: summary", summary, ["comparisons"]);
  const head = ["method", "other", "kind", "images", "gain", "gain_low", "gain_high", "p_value"];
  const rows = summary.comparisons.map(({ method, other, kind, gain, pValue }) => [
    ...[method, other, kind, gain.count, gain.value, ...gain.interval, pValue],
  ]);
  return csvOf([head, ...rows], { digits: 6 });
}

/** The groups as CSV, one line per group, method and kind of threshold. */
export function groupsCsv(summary: Pick<LocalizationSummary, "groups">): string {
  checkForm("groupsCsv: summary", summary, ["groups"]);
  const head = ["group", "images", "method", "kind", "error", "error_low", "error_high"];
  const rows = summary.groups.flatMap(({ name: group, methods }) =>
    methods.flatMap(({ name, errors }) =>
      gridKinds.map((kind) => [group, errors[kind].count, name, kind, errors[kind].value, ...errors[kind].interval]),
    ),
  );
  return csvOf([head, ...rows], { digits: 6 });
}

/** The page's section on the comparisons; empty without any. */
export function comparisonSection({ comparisons }: Pick<LocalizationSummary, "comparisons">): string {
  if (comparisons.length === 0) return "";
  const head = gridKinds.map((kind) => `<th>${kindTitles[kind]}</th>`).join("");
  const cell = ({ gain, pValue }: Comparison): string => {
    const [low, high] = gain.interval;
    const state = pValue < significance ? (gain.value > 0 ? ' class="best"' : ' class="behind"') : "";
    return `<td${state}><b>${signedGain(gain.value)}</b><small>${signedGain(low)} … ${signedGain(high)}, ${escapeMarkup(chanceText(pValue))}</small></td>`;
  };
  const tables = rowsOf(comparisons).map(({ method, rows }, index) => {
    const body = rows
      .map(({ other, cells }) => `<tr><td>${escapeMarkup(other)}</td>${cells.map(cell).join("")}</tr>`)
      .join("");
    return `<details${index === 0 ? " open" : ""}><summary>${escapeMarkup(method)} beside …</summary>
<div class="scroll"><table class="results"><thead><tr><th>Other method</th>${head}</tr></thead><tbody>${body}</tbody></table></div></details>`;
  });
  return `<section><h2>The paper's methods against each other one</h2>
<p>${escapeMarkup(comparisonText)} Blue: the paper's method errs less by more than chance (p &lt; 0.05); orange: it errs more.</p>
${tables.join("\n")}</section>`;
}

/** The page's section on the groups; empty where all pictures are alike. */
export function groupSection({ groups }: Pick<LocalizationSummary, "groups">): string {
  const [first] = groups;
  if (first === undefined) return "";
  const head = groups
    .map(
      ({ title, hint, images }) =>
        `<th title="${escapeMarkup(hint)}">${escapeMarkup(title)}<small>${pictureCount(images)}</small></th>`,
    )
    .join("");
  const body = first.methods
    .map(({ name, isBaseline }, m) => {
      const cells = groups.map(({ methods }) => `<td>${errorsText(methods[m])}</td>`).join("");
      return `<tr${isBaseline ? ' class="baseline"' : ""}><td>${escapeMarkup(name)}</td>${cells}</tr>`;
    })
    .join("");
  const hints = groups.map(({ title, hint }) => `${title}: ${hint}`).join("; ");
  return `<section><h2>By kind of picture</h2><p>${escapeMarkup(`${groupText} ${hints}.`)}</p>
<div class="scroll"><table class="results"><thead><tr><th>Method</th>${head}</tr></thead><tbody>${body}</tbody></table></div></section>`;
}
