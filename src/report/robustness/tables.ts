/** @file Robust accuracy as text, Markdown and CSV. */
import { checkForm } from "../../errors.ts";
import { printable } from "../../escape-text.ts";
import type { RadiusSummary, RobustnessCurve, RobustnessSummary } from "../../experiments/robustness/summary.ts";
import type { Estimate } from "../../experiments/statistics/statistics.ts";
import { csvOf } from "../tables/csv.ts";
import { markdownTable, markdownText } from "../tables/markdown.ts";

/** A radius as users write it: 8/255 for whole levels in ℓ∞, else the number. */
export function radiusText(epsilon: number, norm: string): string {
  const levels = 255 * epsilon;
  const isLevel = norm === "linf" && Math.abs(levels - Math.round(levels)) < 1e-6 && levels > 0.5;
  return isLevel ? `${Math.round(levels)}/255` : String(Number(epsilon.toPrecision(4)));
}

/** ℓ∞ or ℓ2. */
export function normText(norm: string): string {
  return norm === "linf" ? "ℓ∞" : norm.replace(/^l/, "ℓ");
}

/** "43.5 % [36.8, 50.4]". */
export function shareText({ value, low, high }: Estimate): string {
  const points = (share: number): string => (100 * share).toFixed(1);
  return `${points(value)} % [${points(low)}, ${points(high)}]`;
}

/** What each part of an attack was the first to flip at a radius: "apgd-ce 12, apgd-t 3"; "–" where nothing fell, or where there are no parts. */
export function partsText({ byParts }: RadiusSummary): string {
  const parts = Object.entries(byParts).map(([name, count]) => `${name} ${count}`);
  return parts.length === 0 ? "–" : parts.join(", ");
}

/** The columns of the tables. */
export const robustnessColumns = ["ε", "Robust accuracy", "As 8-bit pictures", "Standing", "First to flip"] as const;

/** A curve's rows: no attack, and each radius. */
export function robustnessRows({ accuracy, pictures, radii, norm }: RobustnessCurve): string[][] {
  const right = Math.round(accuracy.value * pictures);
  return [
    ["0 (no attack)", shareText(accuracy), shareText(accuracy), `${right} of ${pictures}`, "–"],
    ...radii.map((radius) => [
      radiusText(radius.epsilon, norm),
      shareText(radius.robust),
      shareText(radius.robustInBytes),
      `${radius.standing} of ${pictures}`,
      partsText(radius),
    ]),
  ];
}

/** What was done, in sentences. */
export function robustnessSentences({ curves, data }: RobustnessSummary): string[] {
  const [first] = curves;
  if (first === undefined) return ["No picture was attacked."];
  return [
    ...labelSentences(data),
    "Robust accuracy at ε is the share of pictures that are classified rightly and that the attack cannot flip within ε, of all pictures; brackets are Wilson's 95 % intervals.",
    "Balls are nested: a picture that falls at one radius counts as fallen at all larger ones, and is not attacked there again.",
    "As 8-bit pictures a flip counts only if a PNG keeps it. An attack that fails proves nothing: the true robust accuracy is at most what the table says.",
  ];
}

/** Whose classes count as right, where these are not the data set's for all pictures. */
function labelSentences({ labels, unlabelled = 0 }: RobustnessSummary["data"]): string[] {
  const predicted =
    "What the network predicts of the clean picture counts as right: accuracy is 100 % before any attack, and robust accuracy is the share of predictions that stand.";
  const leftOut = `${unlabelled} ${unlabelled === 1 ? "picture" : "pictures"} without a class ${unlabelled === 1 ? "is" : "are"} left out.`;
  return [...(labels === "predicted" ? [predicted] : []), ...(unlabelled > 0 ? [leftOut] : [])];
}

/** How a curve reads: name, norm, what it took. */
export function curveCaption({ name, title, norm, evaluations, seconds, pictures }: RobustnessCurve): string {
  const about = name === title ? title : `${title} (${name})`;
  const runs = `${evaluations.gradient.toFixed(0)} gradients and ${evaluations.forward.toFixed(0)} runs forward`;
  return `${about} in ${normText(norm)}, ${pictures} pictures; ${runs} per picture, ${seconds.toFixed(2)} s.`;
}

/** Lines for a terminal. */
export function robustnessLines(summary: RobustnessSummary): string[] {
  checkForm("robustnessLines: summary", summary, ["model", "data", "curves"]);
  const { model, data, curves, failures } = summary;
  return [
    `${printable(model.name)} on ${data.pictures} pictures of ${printable(data.name)}`,
    ...labelSentences(data),
    ...curves.flatMap((curve) => {
      const rows = [[...robustnessColumns], ...robustnessRows(curve)];
      const widths = robustnessColumns.map((_, column) => Math.max(...rows.map((row) => row[column].length)));
      const line = (row: readonly string[]): string =>
        row
          .map((cell, column) => cell.padEnd(widths[column]))
          .join("  ")
          .trimEnd();
      return ["", printable(curveCaption(curve)), ...rows.map(line)];
    }),
    ...(failures.length === 0 ? [] : ["", `${failures.length} could not be attacked; the page says why.`]),
  ];
}

/** All tables as Markdown. */
export function robustnessMarkdown(summary: RobustnessSummary): string {
  checkForm("robustnessMarkdown: summary", summary, ["model", "data", "curves"]);
  const { model, data, curves, warnings, failures } = summary;
  const parts = [
    `# Robust accuracy: ${markdownText(model.name)} on ${markdownText(data.name)}`,
    robustnessSentences(summary).join(" "),
    ...curves.flatMap((curve) => [
      `## ${markdownText(curve.name)}`,
      markdownText(curveCaption(curve)),
      markdownTable(
        robustnessColumns,
        robustnessRows(curve).map((row) => row.map(markdownText)),
      ),
    ]),
    ...(warnings.length === 0
      ? []
      : ["## Warnings", warnings.map(({ message }) => `- ${markdownText(message)}`).join("\n")]),
    ...(failures.length === 0
      ? []
      : [
          `## Left out: ${failures.length}`,
          failures
            .map(
              ({ image, attack, message }) =>
                `- ${markdownText(image)} (${markdownText(attack)}): ${markdownText(message)}`,
            )
            .join("\n"),
        ]),
  ];
  return `${parts.join("\n\n")}\n`;
}

/** One line per attack and radius with every number, comma-separated (RFC 4180); the radius 0 is no attack. */
export function robustnessCsv(summary: RobustnessSummary): string {
  checkForm("robustnessCsv: summary", summary, ["curves"]);
  const { curves } = summary;
  const head = [
    ...["attack", "norm", "epsilon", "pictures", "standing", "robust", "robustLow", "robustHigh"],
    ...["robustInBytes", "robustInBytesLow", "robustInBytesHigh", "byParts"],
  ];
  const rows = curves.flatMap(({ name, norm, pictures, accuracy, radii }) => {
    const { value, low, high } = accuracy;
    const clean = [name, norm, 0, pictures, Math.round(value * pictures), value, low, high, value, low, high, ""];
    return [
      clean,
      ...radii.map(({ epsilon, standing, robust, robustInBytes, byParts }) => [
        ...[name, norm, epsilon, pictures, standing, robust.value, robust.low, robust.high],
        ...[robustInBytes.value, robustInBytes.low, robustInBytes.high],
        Object.entries(byParts)
          .map(([part, count]) => `${part} ${count}`)
          .join("; "),
      ]),
    ];
  });
  return csvOf([head, ...rows], { digits: 8 });
}
