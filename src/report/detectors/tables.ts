/** @file The tables of the benchmark of detectors, as Markdown, CSV and lines for a terminal. */
import { checkForm } from "../../errors.ts";
import type { ShareEstimate } from "../../experiments/detection/summary.ts";
import type {
  AreaEstimate,
  AttackColumn,
  DetectorCell,
  DetectorsSummary,
} from "../../experiments/detectors/summary.ts";
import { significance } from "../style/wording.ts";
import { csvOf } from "../tables/csv.ts";
import { markdownTable, markdownText } from "../tables/markdown.ts";

/** "0.95 [0.93, 0.97]"; "–" for nothing. */
export function estimateText(estimate: Pick<ShareEstimate | AreaEstimate, "value" | "interval"> | null): string {
  if (estimate === null) return "–";
  const [low, high] = estimate.interval;
  return `${estimate.value.toFixed(2)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;
}

/** Whether an attack is detected otherwise than the reference on the images that both changed: "more", "less" or nothing. */
export function differenceOf({
  pValue,
  detectedOfShared,
  referenceOfShared,
}: DetectorCell): "more" | "less" | undefined {
  if (pValue === null || pValue >= significance || detectedOfShared === null || referenceOfShared === null) return;
  return detectedOfShared.value > referenceOfShared.value ? "more" : "less";
}

/** "†" where an attack is detected more than the reference by more than chance, "‡" where less. */
export function markOf(cell: DetectorCell): string {
  const difference = differenceOf(cell);
  return difference === undefined ? "" : difference === "more" ? " †" : " ‡";
}

/** What was measured, in a few sentences. */
export function detectorsSentences(summary: DetectorsSummary): string[] {
  checkForm("detectorsSentences: summary", summary, ["data", "settings", "clean", "detectors"]);
  const { data, settings, clean, falsePositiveRate, reference, unfitted } = summary;
  const seen = settings.pixels === "float" ? "as the attack computed them" : "in 8 bits, as a PNG keeps them";
  return [
    `${data.test} test images of ${data.name}, ${clean.count} of them classified rightly; detectors fitted to ${data.train} training images, of which a fifth is held out for cutoffs and spreads.`,
    `Attacked images are seen ${seen}. Those count that were right when clean and with noise of the same ℓ2 norm, and wrong under the attack; the negatives are the clean test images and these noisy ones.`,
    `A cutoff flags a clean image with a probability of at most ${percentText(falsePositiveRate)}, chosen on held-out training images.`,
    ...(reference === null
      ? []
      : [
          `† flagged more often, ‡ less often than ${reference} on the images that both changed, by more than chance (exact McNemar tests, Holm-corrected over the whole table, p < ${significance}).`,
        ]),
    ...unfitted.map(leftOut),
  ];
}

function percentText(share: number): string {
  return `${Number((100 * share).toPrecision(3))} %`;
}

/** The titles of {@link attackCells}. */
export const attackHead = [
  "Attack",
  "Knows",
  "Label changed",
  "Counted",
  "ℓ2",
  "ℓ∞ · 255",
  "Perceptual",
  "Log-odds",
  "Lost in 8 bits",
  "Forward",
  "Gradient",
  "Seconds",
] as const;

/** An attack in a row: how often it changes the label, how far it goes, how far beyond the boundary it ends, and what it took. */
export function attackCells(attack: AttackColumn): string[] {
  const { name, knows, changed, counted, distances, meanMargin, lostInRounding, evaluations, seconds } = attack;
  return [
    name,
    knows ?? "–",
    estimateText(changed),
    String(counted),
    distances === null ? "–" : distances.l2.toFixed(3),
    distances === null ? "–" : (255 * distances.linf).toFixed(2),
    distances === null ? "–" : distances.perceptual.toPrecision(3),
    meanMargin === null ? "–" : meanMargin.toFixed(2),
    String(lostInRounding),
    evaluations.forward.toFixed(0),
    evaluations.gradient.toFixed(0),
    seconds.toFixed(2),
  ];
}

/** All tables as Markdown. */
export function detectorsMarkdown(summary: DetectorsSummary): string {
  checkForm("detectorsMarkdown: summary", summary, ["model", "data", "settings", "detectors", "attacks"]);
  const { model, data, attacks, detectors, failures } = summary;
  const names = attacks.map(({ name }) => markdownText(name));
  const notes = detectors.flatMap(({ name, notes: own }) => own.map((note) => `- ${markdownText(`${name}: ${note}`)}`));
  const parts = [
    `# Detectors: ${markdownText(model.name)} on ${markdownText(data.name)}`,
    markdownText(detectorsSentences(summary).join(" ")),
    "## Areas under ROC curves",
    "Attacked against clean and noisy images; brackets are 95 % intervals (DeLong). 0.5 is guessing.",
    markdownTable(
      ["Detector", ...names],
      detectors.map(({ name, cells }) => [markdownText(name), ...cells.map((cell) => estimateText(cell.area))]),
    ),
    "## Flagged",
    "At the cutoff; brackets are 95 % intervals (Wilson). Clean: false positives among the test images.",
    markdownTable(
      ["Detector", "Clean", ...names],
      detectors.map(({ name, falsePositives, cells }) => [
        markdownText(name),
        estimateText(falsePositives),
        ...cells.map((cell) => `${estimateText(cell.detected)}${markOf(cell)}`),
      ]),
    ),
    "## Attacks",
    "Means over the images that count; pixels from 0 to 1. Log-odds: of the class under attack against the runner-up. Runs and seconds per image.",
    markdownTable(
      [...attackHead],
      attacks.map((attack) => attackCells(attack).map(markdownText)),
    ),
    ...(notes.length === 0 ? [] : ["## Notes", notes.join("\n")]),
    ...(failures.length === 0
      ? []
      : [
          `## Left out: ${failures.length}`,
          failures
            .map(({ image, attack, message }) => `- ${markdownText(`${image} (${attack}): ${message}`)}`)
            .join("\n"),
        ]),
  ];
  return `${parts.join("\n\n")}\n`;
}

/** One line per detector and attack with every number, comma-separated (RFC 4180). */
export function detectorsCsv(summary: DetectorsSummary): string {
  checkForm("detectorsCsv: summary", summary, ["attacks", "detectors"]);
  const share = (estimate: ShareEstimate | null): (string | number)[] =>
    estimate === null ? ["", "", "", ""] : [estimate.value, ...estimate.interval, estimate.of];
  const shares = ["falsePositives", "detected", "noisy", "detectedOfShared", "referenceOfShared"] as const;
  const head = [
    ...["detector", "attack", "knows", "area", "areaLow", "areaHigh"],
    ...shares.flatMap((name) => [name, `${name}Low`, `${name}High`, `${name}Of`]),
    ...["pValue", "changed", "counted", "l2", "linf", "perceptual", "meanMargin", "cutoff"],
  ];
  const byName = new Map(summary.attacks.map((attack) => [attack.name, attack]));
  const rows = summary.detectors.flatMap(({ name, cells, falsePositives, cutoff }) =>
    cells.map((cell) => {
      const attack = byName.get(cell.attack);
      const { area } = cell;
      return [
        ...[name, cell.attack, attack?.knows ?? ""],
        ...(area === null ? ["", "", ""] : [area.value, ...area.interval]),
        ...share(falsePositives),
        ...[cell.detected, cell.noisy, cell.detectedOfShared, cell.referenceOfShared].flatMap(share),
        ...[cell.pValue ?? "", attack?.changed.value ?? "", attack?.counted ?? ""],
        ...[attack?.distances?.l2 ?? "", attack?.distances?.linf ?? "", attack?.distances?.perceptual ?? ""],
        ...[attack?.meanMargin ?? "", Number.isFinite(cutoff) ? cutoff : ""],
      ];
    }),
  );
  return csvOf([head, ...rows]);
}

/** The areas for a terminal, a line per detector. */
export function detectorsLines({ attacks, detectors, unfitted }: DetectorsSummary): string[] {
  const width = Math.max(8, ...detectors.map(({ name }) => name.length));
  const widths = attacks.map(({ name }) => Math.max(6, name.length + 2));
  const line = (first: string, cells: readonly string[]): string =>
    `${first.padEnd(width)}${cells.map((cell, n) => cell.padStart(widths[n])).join("")}`;
  return [
    line(
      "area",
      attacks.map(({ name }) => name),
    ),
    ...detectors.map(({ name, cells }) =>
      line(
        name,
        cells.map(({ area }) => area?.value.toFixed(3) ?? "–"),
      ),
    ),
    ...unfitted.map(leftOut),
  ];
}

/** Errors of a detector begin with its name, or with that of what it asked. */
function leftOut({ name, message }: DetectorsSummary["unfitted"][number]): string {
  return `${name} is left out: ${message.startsWith(`${name}: `) ? message.slice(name.length + 2) : message}`;
}

/** What `--json` prints: every attack, then every detector. */
export function detectorsObjects({ attacks, detectors, unfitted }: DetectorsSummary): object[] {
  return [
    ...attacks.map((attack) => ({ kind: "attack", ...attack })),
    ...detectors.map((detector) => ({ kind: "detector", ...detector })),
    ...unfitted.map((detector) => ({ kind: "unfitted", ...detector })),
  ];
}
