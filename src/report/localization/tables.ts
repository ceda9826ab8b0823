/** @file The tables of the localization benchmark as Markdown and CSV. */

import { checkForm } from "../../errors.ts";
import type { IntervalEstimate } from "../../experiments/localization/estimates.ts";
import type { KindSummary, LocalizationSummary, MethodSummary } from "../../experiments/localization/summary.ts";
import { metrics } from "../../experiments/metrics/metrics.ts";
import { isJsonObject } from "../../experiments/records/record-form.ts";
import { gridKinds } from "../../localization/threshold-grids.ts";
import { significance } from "../style/wording.ts";
import { csvOf } from "../tables/csv.ts";
import { markdownCode, markdownTable, markdownText } from "../tables/markdown.ts";
import { comparisonParts, groupParts } from "./comparison-tables.ts";
import { kindTitles, pictureCount } from "./wording.ts";

/** What is measured besides the boxes' errors: how it is called, whether less is better, and what it is of a method. */
export interface Measure {
  readonly key: string;
  readonly title: string;
  readonly hint: string;
  readonly isLessBetter: boolean;
  readonly of: (method: MethodSummary) => IntervalEstimate | null;
}

const ownMeasures: readonly Measure[] = [
  { key: "pointing", title: "Pointing game", hint: "hits", isLessBetter: false, of: ({ pointing }) => pointing },
  {
    ...{ key: "energyInside", title: "Energy inside", hint: "share of the map in the box", isLessBetter: false },
    of: ({ energyInside }) => energyInside,
  },
  {
    ...{
      key: "averagePrecision",
      title: "Average precision",
      hint: "of the map against the mask",
      isLessBetter: false,
    },
    of: ({ averagePrecision }) => averagePrecision,
  },
  {
    ...{ key: "insertion", title: "Insertion", hint: "area under the curve", isLessBetter: false },
    of: ({ insertion }) => insertion,
  },
  {
    ...{ key: "deletion", title: "Deletion", hint: "area under the curve, lower is better", isLessBetter: true },
    of: ({ deletion }) => deletion,
  },
];

/** The measures of a summary: those of every benchmark, and the metrics that were asked for. */
export function measuresOf(methods: readonly MethodSummary[]): Measure[] {
  const asked = metrics.filter(({ name }) => methods.some((method) => method.metrics?.[name] !== undefined));
  const further = asked.map(
    ({ name, title, hint, isLessBetter }): Measure => ({
      ...{ key: name.replaceAll("-", "_"), title, hint, isLessBetter },
      of: (method) => method.metrics?.[name] ?? null,
    }),
  );
  return [...ownMeasures, ...further];
}

/** "0.46 [0.31, 0.61]". */
export function estimateText({ value, interval: [low, high] }: IntervalEstimate, digits = 2): string {
  return `${value.toFixed(digits)} [${low.toFixed(digits)}, ${high.toFixed(digits)}]`;
}

/** The mark of a method that is worse than the column's best by more than chance. */
export function isWorse({ pValue }: KindSummary): boolean {
  return pValue !== null && pValue < significance;
}

/** The methods whose value of a measure is the best one. */
export function bestOf(methods: readonly MethodSummary[], { of, isLessBetter }: Measure): Set<string> {
  const values = methods.flatMap((method) => {
    const estimate = of(method);
    return estimate === null ? [] : [{ name: method.name, value: estimate.value }];
  });
  const best = isLessBetter
    ? Math.min(...values.map(({ value }) => value))
    : Math.max(...values.map(({ value }) => value));
  return new Set(values.filter(({ value }) => value === best).map(({ name }) => name));
}

/** A sentence on how errors are counted. */
export function criterionSentence({ options, settings, data }: LocalizationSummary): string {
  const match = options.match === "at-least" ? "of at least" : "above";
  const object = options.object === "any" ? "the best matching of a picture's boxes" : "a picture's largest box";
  const around =
    options.connectivity === "none"
      ? "everything that the threshold keeps"
      : `the largest component (${options.connectivity} neighbors) of what the threshold keeps`;
  const blur = settings.sigmaPixels === 0 ? "not blurred" : `blurred with σ = ${settings.sigmaPixels} pixels`;
  return `${pictureCount(data.images)}. A box around ${around} counts as right at an intersection over union ${match} ½ with ${object}; where nothing is kept the box is the whole picture. Every map was ${blur} first.${smoothingSentence(settings.smoothing)}`;
}

/** What the maps were made of, where that is not the picture as it is. */
function smoothingSentence(smoothing: unknown): string {
  if (!isJsonObject(smoothing)) return "";
  const { samples, noise, aggregate } = smoothing;
  return ` It is the ${aggregate} of the maps of ${samples} copies with noise of ${noise} of the picture's range.`;
}

/** All tables as Markdown. */
export function localizationMarkdown(summary: LocalizationSummary): string {
  checkForm("localizationMarkdown: summary", summary, ["model", "data", "options", "settings"]);
  const { model, data, methods } = summary;
  const parts = [
    `# Localization: ${markdownText(model.name)} on ${markdownText(data.name)}`,
    criterionSentence(summary),
    accuracySentence(summary),
    "## Table 1: error at the best threshold on these pictures",
    "Lower is better; brackets are 95 % confidence intervals. **Bold**: least error of a method in the column. †: worse than that by more than chance (exact McNemar test on the same pictures, Holm-corrected over the column, p < 0.05). @: the threshold.",
    markdownTable(
      ["Method", ...gridKinds.map((kind) => kindTitles[kind])],
      methods.map((method) => [markdownText(method.name), ...gridKinds.map((kind) => bestCell(method.kinds[kind]))]),
    ),
    "## Table 1, held out: threshold chosen on one half, error on the other, both ways round",
    markdownTable(
      ["Method", ...gridKinds.map((kind) => kindTitles[kind])],
      methods.map((method) => [
        markdownText(method.name),
        ...gridKinds.map((kind) => estimateText(method.kinds[kind].heldOut)),
      ]),
    ),
    ...comparisonParts(summary),
    ...groupParts(summary),
    "## Other measures",
    pointingSentence(summary),
    measureTable(methods),
    "## How components are formed",
    "Least error over the thresholds of kind value with 8 neighbors, 4 neighbors, and the box around everything kept.",
    markdownTable(
      ["Method", "8", "4", "none"],
      methods
        .filter(({ isBaseline }) => !isBaseline)
        .map((method) => {
          const { byConnectivity } = method.kinds.value;
          return [
            markdownText(method.name),
            ...(["8", "4", "none"] as const).map((key) => byConnectivity[key].toFixed(2)),
          ];
        }),
    ),
    "## Cost per picture",
    markdownTable(
      ["Method", "Seconds (mean)", "Seconds (median)", "Runs forward", "Runs forward and back", "Outcomes"],
      methods.flatMap((method) => {
        const { cost } = method;
        if (cost === null) return [];
        const counts = [cost.forward, cost.gradient].map((count) => count.toFixed(1).replace(/\.0$/, ""));
        const seconds = [cost.seconds, cost.medianSeconds].map((value) => value.toPrecision(3));
        const outcomes = Object.entries(method.outcomes).map(([outcome, count]) => `${count} ${outcome}`);
        return [[markdownText(method.name), ...seconds, ...counts, markdownText(outcomes.join(", "))]];
      }),
    ),
    ...sanityPart(summary),
    ...problemsPart(summary),
    "## Settings",
    ...settingsPart(summary),
  ];
  return `${parts.filter((part) => part !== "").join("\n\n")}\n`;
}

function bestCell(kind: KindSummary): string {
  const text = estimateText(kind.error);
  const marked = kind.isBest ? `**${text}**` : `${text}${isWorse(kind) ? " †" : ""}`;
  return kind.parameter === null ? marked : `${marked} @ ${kind.parameter}`;
}

function accuracySentence({ accuracy }: LocalizationSummary): string {
  return accuracy === null ? "" : `The network predicts the stated class of ${estimateText(accuracy)} of them.`;
}

function pointingSentence({ options }: LocalizationSummary): string {
  const of = options.toleranceOf === "picture" ? "the picture as stored" : "the network's input";
  return `Pointing game: the map's greatest pixel lies in a right box or at most ${options.tolerance} pixels of ${of} from it. Shares have Wilson's 95 % interval, means a bootstrap interval over the pictures.`;
}

function measureTable(methods: readonly MethodSummary[]): string {
  const present = measuresOf(methods).filter(({ of }) => methods.some((method) => of(method) !== null));
  const best = present.map((measure) => bestOf(methods, measure));
  return markdownTable(
    ["Method", ...present.map(({ title }) => title)],
    methods
      .filter((method) => present.some(({ of }) => of(method) !== null))
      .map((method) => [
        markdownText(method.name),
        ...present.map(({ of }, m) => {
          const estimate = of(method);
          if (estimate === null) return "–";
          const text = estimateText(estimate, 3);
          return best[m].has(method.name) ? `**${text}**` : text;
        }),
      ]),
  );
}

/** The methods that the sanity check has looked at, in the order of the tables. */
export function sanityMethods({ methods, sanity }: LocalizationSummary): string[] {
  const checked = new Set(sanity.map(({ method }) => method));
  return methods.map(({ name }) => name).filter((name) => checked.has(name));
}

function sanityPart(summary: LocalizationSummary): string[] {
  const { sanity } = summary;
  if (sanity.length === 0) return [];
  const stages = [...new Set(sanity.map(({ layers }) => layers))].sort((a, b) => a - b);
  const names = sanityMethods(summary);
  const at = (method: string, layers: number) => sanity.find((s) => s.method === method && s.layers === layers);
  const one = (title: string, key: "rankCorrelation" | "structuralSimilarity"): string[] => [
    `${title} of the maps before and after the topmost layers' weights were drawn anew (${pictureCount(sanity[0].images)}):`,
    markdownTable(
      ["Method", ...stages.map((layers) => `${layers} layer${layers === 1 ? "" : "s"}`)],
      names.map((name) => [markdownText(name), ...stages.map((layers) => signed(at(name, layers)?.[key]))]),
    ),
  ];
  return [
    "## Sanity check: cascading randomization of the weights",
    ...one("Rank correlation (Spearman)", "rankCorrelation"),
    ...one("Structural similarity", "structuralSimilarity"),
  ];
}

/** Two digits, and no minus before a zero. */
function signed(value: number | undefined): string {
  return value === undefined ? "–" : Number(value.toFixed(2)).toFixed(2);
}

function problemsPart({ problems }: LocalizationSummary): string[] {
  if (problems.length === 0) return [];
  return [
    "## Left out",
    `${problems.length} entries:`,
    problems.map(({ image, message }) => `- ${markdownText(image)}: ${markdownText(message)}`).join("\n"),
  ];
}

function settingsPart({ methods, settings, versions, model }: LocalizationSummary): string[] {
  const own = methods.filter(({ isBaseline }) => !isBaseline);
  return [
    `Model SHA-256 \`${model.sha256}\`. ${Object.entries(versions)
      .map(([name, version]) => markdownText(`${name} ${version}`))
      .join(", ")}.`,
    `Benchmark: ${markdownCode(settings)}`,
    own.map((method) => `- ${markdownText(method.name)}: ${markdownCode(method.settings)}`).join("\n"),
  ];
}

/** Table 1 as CSV (RFC 4180), one line per method and kind of threshold. */
export function localizationCsv(summary: LocalizationSummary): string {
  checkForm("localizationCsv: summary", summary, ["model", "data", "options", "settings"]);
  const { methods } = summary;
  const head = [
    ...["method", "kind", "images", "parameter", "error", "error_low", "error_high"],
    ...["held_out_error", "held_out_low", "held_out_high", "held_out_parameters", "p_value_against_best", "is_best"],
    ...["error_8_neighbors", "error_4_neighbors", "error_everything_kept"],
  ];
  const rows = methods.flatMap((method) =>
    gridKinds.map((kind) => {
      const { parameter, error, heldOut, heldOutParameters, pValue, isBest, byConnectivity } = method.kinds[kind];
      return [
        ...[method.name, kind, error.count, parameter, error.value, ...error.interval],
        ...[heldOut.value, ...heldOut.interval, heldOutParameters.map((p) => p ?? "").join(" "), pValue, isBest],
        ...[byConnectivity["8"], byConnectivity["4"], byConnectivity.none],
      ];
    }),
  );
  return csvOf([head, ...rows], { digits: 6 });
}

/** The measures besides the boxes' errors, and the cost, as CSV: one line per method. */
export function measuresCsv(summary: LocalizationSummary): string {
  checkForm("measuresCsv: summary", summary, ["model", "data", "options", "settings"]);
  const { methods } = summary;
  const measures = measuresOf(methods);
  const head = [
    "method",
    "images",
    ...measures.flatMap(({ key }) => [key, `${key}_low`, `${key}_high`]),
    ...["seconds", "median_seconds", "forward_runs", "gradient_runs"],
  ];
  const rows = methods.map((method) => [
    method.name,
    method.images,
    ...measures.flatMap(({ of }) => [of(method)?.value ?? null, ...(of(method)?.interval ?? [null, null])]),
    ...(["seconds", "medianSeconds", "forward", "gradient"] as const).map((key) => method.cost?.[key] ?? null),
  ]);
  return csvOf([head, ...rows], { digits: 6 });
}

/** Table 1 for a terminal, a line per row; the best of each column has a star. */
export function localizationLines({ methods }: LocalizationSummary): string[] {
  const width = Math.max(5, ...methods.map(({ name }) => name.length));
  const cell = ({ error, isBest }: MethodSummary["kinds"]["value"]): string =>
    `${error.value.toFixed(2)}${isBest ? "*" : " "}`.padStart(9);
  const head = `${"error".padEnd(width)}${gridKinds.map((kind) => `${kind} `.padStart(9)).join("")}`;
  const rows = methods.map(
    ({ name, kinds }) => `${name.padEnd(width)}${gridKinds.map((kind) => cell(kinds[kind])).join("")}`,
  );
  return [head, ...rows];
}
