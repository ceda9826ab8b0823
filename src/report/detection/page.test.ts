import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import type { AttackDetection, DetectionSummary, ShareEstimate } from "../../experiments/detection/summary.ts";
import { detectionPage } from "./page.ts";
import { detectionPlots } from "./plots.ts";
import { cleanSentence, detectionCsv, detectionMarkdown } from "./tables.ts";

const hostile = `x<script>&"'|\`\u0000\u001b[31m\u202e`;
const share = (count: number, of: number): ShareEstimate => ({
  count,
  of,
  value: count / of,
  interval: [count / of - 0.01, count / of + 0.02],
});

function attackOf(name: string, rest: Partial<AttackDetection> = {}): AttackDetection {
  return {
    name,
    title: `The ${name}`,
    settings: { margin: -1 },
    effective: { margin: -1, note: hostile },
    images: 40,
    detection: share(10, 40),
    accuracy: share(4, 40),
    changed: share(36, 40),
    detectionOfChanged: share(9, 36),
    detectionOfMatched: share(8, 32),
    pValue: 0.25,
    area: { value: 0.75, interval: [0.7, 0.8] },
    detectionAtFivePercent: share(12, 36),
    accuracyAfterCorrection: null,
    distances: { l0: 100.4, l1: 5.5, l2: 0.5, linf: 8 / 255, perceptual: 0.0123 },
    meanMargin: 1.25,
    lostInRounding: 3,
    evaluations: { forward: 2, gradient: 20 },
    seconds: 0.5,
    scores: [-1, 2, 4],
    roc: [
      [0, 0],
      [0.25, 0.75],
      [1, 1],
    ],
    ...rest,
  };
}

const least = attackOf("quiet", { detectionOfMatched: share(2, 32), pValue: null });
const loud = attackOf("loud", { detectionOfMatched: share(31, 32), pValue: 0.001 });
const idle = attackOf(hostile, {
  ...{ changed: share(0, 40), detectionOfChanged: null, detectionOfMatched: null, detectionAtFivePercent: null },
  ...{ area: null, distances: null, meanMargin: null, lostInRounding: 0, scores: [], roc: [], pValue: null },
});
const summary: DetectionSummary = {
  model: { name: hostile, sha256: "0123456789abcdef0123" },
  data: { name: hostile, train: 90, test: 40 },
  warnings: [{ code: "poor-accuracy", message: hostile }],
  settings: { samples: 4, antithetic: true, kinds: ["normal:0.003"], pixels: "float" },
  statistics: {
    mode: "just-detect",
    images: { given: 90, used: 90 },
    missing: [{ label: hostile, count: 2, reason: "too few" }],
  },
  cutoff: { value: 3.0902, calibration: null },
  clean: {
    images: 40,
    detection: share(2, 40),
    accuracy: share(36, 40),
    accuracyAfterCorrection: null,
    fivePercentCutoff: 2.5,
    scores: [-2, 0, 1, 2],
  },
  groups: [{ name: "attacks", matchedImages: 32, attacks: [least, loud, attackOf("middle")] }],
  failures: [{ image: hostile, attack: "quiet", message: hostile }],
  run: { node: "v20", machine: hostile },
};

const read = (html: string) => {
  const { document } = parseHTML(html);
  const tables = [...document.querySelectorAll("table")].map((table) =>
    [...table.querySelectorAll("tr")].map((row) =>
      [...row.querySelectorAll("td,th")].map((cell) => cell.textContent ?? ""),
    ),
  );
  return { document, tables };
};

test("the page's tables hold the summary's numbers, and mark what is least and what is more", async () => {
  const page = detectionPage(summary, [await detectionPlots(summary, summary.groups[0])]);
  const { document, tables } = read(page);
  const [rates, distances] = tables;
  expect(rates[1]).toEqual(["quiet", "0.2500.24–0.27", "0.1000.09–0.12", "0.9000.89–0.92", "0.2500.24–0.27", "0.0630.05–0.08", "0.7500.70–0.80", "0.3330.32–0.35"]); // biome-ignore format: a row
  expect(rates[2][5]).toBe("0.969†0.96–0.99");
  expect(rates[3][5]).toBe("0.2500.24–0.27");
  expect([...document.querySelectorAll("td.best")].map((cell) => cell.textContent)).toEqual(["0.0630.05–0.08"]);
  expect(distances[1]).toEqual(["quiet", "100", "5.50", "0.500", "8.00", "0.0123", "1.25", "3", "2.0", "20.0", "0.50"]);
  expect(document.querySelector(".lead")?.textContent).toBe(
    "The quiet is detected least: 6 % of the 32 images that every attack changed; middle cannot be told from it by chance alone. 5 % of the clean images are flagged.",
  );
  expect(document.querySelectorAll("figure")).toHaveLength(3);
});

test("the page names the color that marks what is least", () => {
  const page = detectionPage(summary, []);
  expect(page).toContain("Blue: detected least");
  // Sky blue of the palette.
  expect(page).toContain(".results td.best>b{background:rgba(86,180,233,");
});

test("what must be known of the model stands at the head of the page", () => {
  const { document } = parseHTML(detectionPage(summary, []));
  expect(document.querySelector("#warnings")?.textContent).toMatch(/^⚠ poor accuracy/);
  expect(detectionPage({ ...summary, warnings: [] }, [])).not.toContain('id="warnings"');
});

test("Markdown and CSV say the same", () => {
  const markdown = detectionMarkdown(summary);
  expect(markdown).toContain(
    "| quiet | 0.250 [0.24, 0.27] | 0.100 [0.09, 0.12] | 0.900 [0.89, 0.92] | 0.250 [0.24, 0.27] | **0.063 [0.05, 0.08]** |",
  );
  expect(markdown).toContain("| 0.969 [0.96, 0.99] † |");
  expect(markdown).toContain("| 0.250 [0.24, 0.27] | 0.750 [0.70, 0.80] |");
  expect(markdown).toContain("| quiet | 100 | 5.50 | 0.500 | 8.00 | 0.0123 | 1.25 | 3 | 2.0 | 20.0 | 0.50 |");
  expect(cleanSentence(summary)).toBe(
    "Clean detection (false positives): 0.050 [0.04, 0.07]. Accuracy on them: 0.900 [0.89, 0.92].",
  );
  const [head, clean, quiet] = detectionCsv(summary)
    .split("\r\n")
    .map((line) => line.split(","));
  const at = (row: readonly string[], name: string): string => row[head.indexOf(name)];
  expect(at(clean, "group")).toBe("clean");
  expect(at(clean, "detection")).toBe("0.05");
  expect(at(clean, "detectionOfMatched")).toBe("");
  expect([at(quiet, "detectionOfMatched"), at(quiet, "detectionOfMatchedOf"), at(quiet, "pValue")]).toEqual([
    "0.0625",
    "32",
    "",
  ]);
  expect([at(quiet, "linf"), at(quiet, "gradient"), at(quiet, "areaHigh")]).toEqual([String(8 / 255), "20", "0.8"]);
});

test("an attack that changed nothing has a row, dashes and no curve", async () => {
  const one = { ...summary, groups: [{ name: "T", matchedImages: 0, attacks: [idle] }] };
  const plots = await detectionPlots(one, one.groups[0]);
  expect(plots).toEqual([]);
  const [rates, distances] = read(detectionPage(one, [plots])).tables;
  expect(rates[1].slice(4)).toEqual(["–", "–", "–", "–"]);
  expect(distances[1].slice(1, 7)).toEqual(["–", "–", "–", "–", "–", "–"]);
  expect(detectionMarkdown(one)).not.toMatch(/NaN|undefined|null/);
  expect(detectionCsv(one)).not.toMatch(/NaN|undefined|null/);
});

test("plots: rates with intervals, the cutoff, a curve for each attack", async () => {
  const [rates, scores, roc] = await detectionPlots(summary, summary.groups[0]);
  const texts = (svg: string) => [...parseHTML(svg).document.querySelectorAll("text")].map((text) => text.textContent);
  for (const name of ["quiet", "loud", "middle", "the 32 that all changed", "clean"])
    expect(texts(rates.svg)).toContain(name);
  expect(texts(scores.svg)).toEqual(expect.arrayContaining(["cutoff", "clean", "quiet"]));
  const curves = [...parseHTML(roc.svg).document.querySelectorAll('[aria-label="line"] path')];
  expect(curves).toHaveLength(4);
  expect(rates.caption).toContain("on the 32 that every attack of the table changed");
});

test("names from outside are text everywhere, and what cannot be seen is written out", async () => {
  const one = {
    ...summary,
    groups: [{ name: hostile, matchedImages: 32, attacks: [least, { ...loud, name: hostile, title: hostile }] }],
  };
  const page = detectionPage(one, [await detectionPlots(one, one.groups[0])]);
  const { document } = read(page);
  expect(document.querySelectorAll("script")).toHaveLength(0);
  for (const text of [page, detectionMarkdown(one), detectionCsv(one).replaceAll("\r", "")]) {
    expect(text).not.toMatch(/[^\P{Cc}\n]|\u202e/u);
  }
  expect(document.querySelector("h1 em")?.textContent).toBe("x<script>&\"'|`\\u{0}\\u{1b}[31m\\u{202e}");
  const rows = detectionMarkdown(one)
    .split("\n")
    .filter((line) => line.startsWith("|") && line.includes("[0."));
  expect(new Set(rows.map((row) => row.replaceAll("\\|", "").split("|").length)).size).toBe(1);
});
