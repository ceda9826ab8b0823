/** @file The tables of the detection benchmark as Markdown and CSV. */

import { checkForm } from "../../errors.ts";
import {
  type AttackDetection,
  type DetectionSummary,
  type GroupSummary,
  mainGroup,
  type ShareEstimate,
} from "../../experiments/detection/summary.ts";
import { significance } from "../style/wording.ts";
import { csvOf } from "../tables/csv.ts";
import { markdownTable, markdownText } from "../tables/markdown.ts";

/** A share or an area with its interval: "0.145 [0.12, 0.17]"; "–" for nothing. */
function estimateText(estimate: Pick<ShareEstimate, "value" | "interval"> | null): string {
  if (estimate === null) return "–";
  const [low, high] = estimate.interval;
  return `${estimate.value.toFixed(3)} [${low.toFixed(2)}, ${high.toFixed(2)}]`;
}

/** How far an attack went and what it took: ℓ0, ℓ1, ℓ2, ℓ∞ of 255, perceptual, log-odds, lost in 8 bits, runs of either kind, seconds. */
export function effortCells({
  distances,
  meanMargin,
  lostInRounding,
  evaluations,
  seconds,
}: AttackDetection): string[] {
  return [
    ...(distances === null
      ? ["–", "–", "–", "–", "–"]
      : [
          distances.l0.toFixed(0),
          distances.l1.toFixed(2),
          distances.l2.toFixed(3),
          (255 * distances.linf).toFixed(2),
          distances.perceptual.toPrecision(3),
        ]),
    meanMargin === null ? "–" : meanMargin.toFixed(2),
    String(lostInRounding),
    evaluations.forward.toFixed(1),
    evaluations.gradient.toFixed(1),
    seconds.toFixed(2),
  ];
}

/** Whether the attack is detected more than the least detected one of its group by more than chance. */
export function isDetectedMore({ pValue }: AttackDetection): boolean {
  return pValue !== null && pValue < significance;
}

/** What was measured, in a few sentences. */
export function protocolSentences({ data, settings, statistics, cutoff, clean }: DetectionSummary): string[] {
  const { samples, antithetic, kinds, pixels } = settings as {
    samples: number;
    antithetic: boolean;
    kinds: readonly string[];
    pixels: string;
  };
  const seen = pixels === "float" ? "as the attack computed them" : "rounded to 8 bits, as a PNG keeps them";
  const chosen =
    cutoff.calibration === null
      ? `the nominal cutoff ${cutoff.value.toFixed(4)}`
      : `a cutoff of ${cutoff.value.toFixed(3)}, chosen for a false-positive rate of ${cutoff.calibration.falsePositiveRate} on ${cutoff.calibration.images} held-out training images`;
  const fitted =
    statistics.mode === "full"
      ? `on the ${statistics.images.used} of ${statistics.images.given} training images that are classified rightly and change their label under PGD`
      : `on ${statistics.images.used} training images`;
  const missing = statistics.missing.map(({ label, count, reason }) => `${label} (${count} images, ${reason})`);
  return [
    `${clean.images} test images of ${data.name}; statistics (${statistics.mode}) fitted ${fitted}.`,
    `${samples} noise samples per image and kind${antithetic ? ", in pairs of opposite noise" : ""}, kinds ${kinds.join(", ")}; an image is flagged if its score is above ${chosen}.`,
    `Adversarial pixels ${seen}. Attacks leave the predicted class; failed attacks and misclassified images count, as in the paper, except where a column says otherwise.`,
    ...(missing.length === 0 ? [] : [`Never flagged, for want of statistics: ${missing.join("; ")}.`]),
  ];
}

/** What is known of clean images, a sentence. */
export function cleanSentence({ clean }: DetectionSummary): string {
  const accuracy = clean.accuracy === null ? "" : ` Accuracy on them: ${estimateText(clean.accuracy)}`;
  const corrected =
    clean.accuracyAfterCorrection === null ? "" : `; after correction ${estimateText(clean.accuracyAfterCorrection)}`;
  return `Clean detection (false positives): ${estimateText(clean.detection)}.${accuracy}${corrected}${accuracy === "" ? "" : "."}`;
}

/** All tables as Markdown. */
export function detectionMarkdown(summary: DetectionSummary): string {
  checkForm("detectionMarkdown: summary", summary, ["model", "data", "settings", "statistics"]);
  const { model, data, groups } = summary;
  const parts = [
    `# Detection: ${markdownText(model.name)} on ${markdownText(data.name)}`,
    markdownText(protocolSentences(summary).join(" ")),
    cleanSentence(summary),
    "Brackets are 95 % intervals (Wilson; areas: DeLong). **Bold**: detected least of the attacks in the table on the images that all of them changed. †: detected more than that by more than chance (exact McNemar test on those images, Holm-corrected, p < 0.05).",
    ...groups.flatMap((group) => groupMarkdown(group)),
    ...failureLines(summary),
  ];
  return `${parts.join("\n\n")}\n`;
}

function groupMarkdown({ name, matchedImages, attacks }: GroupSummary): string[] {
  const hasCorrection = attacks.some(({ accuracyAfterCorrection }) => accuracyAfterCorrection !== null);
  return [
    `## ${name === mainGroup ? "Table 2" : markdownText(name)}`,
    markdownTable(
      [
        "Attack",
        "Attack detection",
        "Accuracy under attack",
        "Label changed",
        "Detected of changed",
        `Detected of the ${matchedImages} all changed`,
        "ROC area, changed",
        "Detected at 5 % false positives",
        ...(hasCorrection ? ["Accuracy after correction"] : []),
      ],
      attacks.map((attack) => [
        markdownText(attack.name),
        estimateText(attack.detection),
        estimateText(attack.accuracy),
        estimateText(attack.changed),
        estimateText(attack.detectionOfChanged),
        matchedText(attack),
        estimateText(attack.area),
        estimateText(attack.detectionAtFivePercent),
        ...(hasCorrection ? [estimateText(attack.accuracyAfterCorrection)] : []),
      ]),
    ),
    "Means over the images whose label changed; pixels from 0 to 1. Log-odds: of the class under attack against the runner-up. Seconds and runs are per attacked image; seconds include the detector.",
    markdownTable(
      [
        "Attack",
        "ℓ0",
        "ℓ1",
        "ℓ2",
        "ℓ∞ · 255",
        "Perceptual",
        "Log-odds",
        "Lost in 8 bits",
        "Forward",
        "Gradient",
        "Seconds",
      ],
      attacks.map((attack) => [markdownText(attack.name), ...effortCells(attack)]),
    ),
  ];
}

function matchedText(attack: AttackDetection): string {
  const text = estimateText(attack.detectionOfMatched);
  if (attack.detectionOfMatched === null) return text;
  if (attack.pValue === null) return `**${text}**`;
  return isDetectedMore(attack) ? `${text} †` : text;
}

function failureLines({ failures }: DetectionSummary): string[] {
  if (failures.length === 0) return [];
  return [
    `## Left out: ${failures.length}`,
    failures
      .map(
        ({ image, attack, message }) => `- ${markdownText(image)} (${markdownText(attack)}): ${markdownText(message)}`,
      )
      .join("\n"),
  ];
}

/** One line per attack with every number, comma-separated (RFC 4180), the clean images first. */
export function detectionCsv(summary: DetectionSummary): string {
  checkForm("detectionCsv: summary", summary, ["model", "data", "settings", "statistics"]);
  const { clean, groups } = summary;
  const shares = [
    "detection",
    "accuracy",
    "changed",
    "detectionOfChanged",
    "detectionOfMatched",
    "detectionAtFivePercent",
    "accuracyAfterCorrection",
  ] as const;
  const norms = ["l0", "l1", "l2", "linf", "perceptual"] as const;
  const head = [
    "group",
    "attack",
    "images",
    ...shares.flatMap((name) => [name, `${name}Low`, `${name}High`, `${name}Of`]),
    ...[
      "pValue",
      "area",
      "areaLow",
      "areaHigh",
      ...norms,
      "meanMargin",
      "lostInRounding",
      "forward",
      "gradient",
      "seconds",
    ],
  ];
  const cells = (share: ShareEstimate | null | undefined): (number | string)[] =>
    share === null || share === undefined ? ["", "", "", ""] : [share.value, ...share.interval, share.of];
  const cleanRow = [
    "clean",
    "",
    clean.images,
    ...shares.flatMap((name) =>
      cells(name === "detection" || name === "accuracy" || name === "accuracyAfterCorrection" ? clean[name] : null),
    ),
  ];
  const rows = groups.flatMap((group) =>
    group.attacks.map((attack) => [
      group.name,
      attack.name,
      attack.images,
      ...shares.flatMap((name) => cells(attack[name])),
      attack.pValue ?? "",
      ...(attack.area === null ? ["", "", ""] : [attack.area.value, ...attack.area.interval]),
      ...norms.map((norm) => attack.distances?.[norm] ?? ""),
      attack.meanMargin ?? "",
      attack.lostInRounding,
      attack.evaluations.forward,
      attack.evaluations.gradient,
      attack.seconds,
    ]),
  );
  const wide = [...cleanRow, ...new Array<string>(head.length - cleanRow.length).fill("")];
  return csvOf([head, wide, ...rows]);
}

/** Table 2 for a terminal, a line per row. */
export function detectionLines({ clean, groups }: DetectionSummary): string[] {
  const all = groups.flatMap(({ name: group, attacks }) =>
    attacks.map((attack) => (group === mainGroup ? attack : { ...attack, name: `${group}/${attack.name}` })),
  );
  const width = Math.max(5, ...all.map(({ name }) => name.length));
  const cell = (share: { readonly value: number } | null): string => (share?.value.toFixed(3) ?? "–").padStart(12);
  const titles = ["detected", "accuracy", "changed", "of changed"].map((title) => title.padStart(12));
  return [
    `${"".padEnd(width)}  ${titles.join("")}`,
    `${"clean".padEnd(width)}  ${cell(clean.detection)}${cell(clean.accuracy)}`,
    ...all.map(
      ({ name, detection, accuracy, changed, detectionOfChanged }) =>
        `${name.padEnd(width)}  ${[detection, accuracy, changed, detectionOfChanged].map(cell).join("")}`,
    ),
  ];
}

/** What `--json` prints: the clean images, then every attack; without scores and curves. */
export function detectionObjects({ clean, groups }: DetectionSummary): object[] {
  const { scores: _, ...shares } = clean;
  const attacks = groups.flatMap(({ name: group, attacks }) =>
    attacks.map(({ scores: __, roc: ___, ...attack }) => ({ group, ...attack })),
  );
  return [{ attack: null, ...shares }, ...attacks];
}
