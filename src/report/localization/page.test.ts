import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { compareMethods } from "../../experiments/localization/comparisons.ts";
import { summarizeGroups } from "../../experiments/localization/picture-groups.ts";
import { boxesAsText, type LocalizationRecord } from "../../experiments/localization/record.ts";
import { accuracyOf, type LocalizationSummary, summarizeMethods } from "../../experiments/localization/summary.ts";
import { defaultSummaryOptions } from "../../experiments/localization/summary-options.ts";
import type { LocalizationFinished } from "../../experiments/localization/threshold-errors.ts";
import { gridKinds, thresholdGrids } from "../../localization/threshold-grids.ts";
import { findMethod } from "../../saliency/methods.ts";
import { localizationPage } from "./page.ts";
import { errorPlots, insertionDeletionPlots, sanityPlots } from "./plots.ts";
import { localizationCsv, localizationMarkdown, measuresCsv } from "./tables.ts";

const hostile = `x<script>&"'|\`\u0000\u001b[31m\u202e`;

/** Right from threshold `from` on. */
function record(
  image: string,
  method: string,
  from: number,
  rest: Partial<LocalizationRecord> = {},
): LocalizationFinished {
  const grids = { value: "", percent: "", mean: "", energy: "" };
  for (const kind of gridKinds) {
    grids[kind] = boxesAsText(thresholdGrids[kind].map((_, t) => (t >= from ? [0, 0, 4, 4] : [6, 6, 10, 10])));
  }
  return {
    kind: "finished",
    key: { image, method, options: {} },
    at: "2026-01-01T00:00:00.000Z",
    seconds: 2,
    result: {
      predicted: { label: 1, confidence: 0.5 },
      explained: 1,
      truth: image === "i0" ? 2 : 1,
      size: { width: 10, height: 10 },
      truthBoxes: [[0, 0, 4, 4]],
      boxes: { "8": grids, "4": grids, none: grids },
      point: [1.5, 1.5],
      pointDistance: { picture: method === "gradient" ? 3 : 16, input: 3 },
      energyInside: method === "gradient" ? 0.25 : 0.5,
      averagePrecision: null,
      insertion: [0, 0.5, 1],
      deletion: [1, 0.25, 0],
      evaluations: { forward: 1, gradient: 4 },
      settings: { samples: 7 },
      details: { outcome: "flipped" },
      ...rest,
    },
  };
}

const never = 99;
const images = Array.from({ length: 8 }, (_, i) => `i${i}`);
const records = images.flatMap((image, i) => [
  record(image, "gradient", i < 6 ? 2 : never),
  record(image, hostile, i < 2 ? 4 : never),
]);
const runs = [
  { name: "gradient", method: findMethod("gradient"), settings: {} },
  { name: hostile, method: findMethod("rise"), settings: {} },
];
const summary: LocalizationSummary = {
  model: { name: hostile, sha256: "0123456789abcdef0123", classCount: 3 },
  data: { name: hostile, images: 8 },
  options: defaultSummaryOptions,
  settings: { sigmaPixels: 2, note: hostile },
  accuracy: accuracyOf(records),
  methods: summarizeMethods(records, runs),
  comparisons: compareMethods(records, runs, [hostile]),
  groups: summarizeGroups(records, runs),
  sanity: [
    { method: "gradient", layers: 1, layer: "top", rankCorrelation: 0.5, structuralSimilarity: 0.25, images: 3 },
    { method: "gradient", layers: 4, layer: hostile, rankCorrelation: -0.001, structuralSimilarity: 0.125, images: 3 },
  ],
  warnings: [{ code: "poor-accuracy", message: hostile }],
  problems: [{ image: hostile, message: hostile }],
  versions: { "perceptual-ball": "1", machine: hostile },
};

async function pageOf(one: LocalizationSummary) {
  const page = localizationPage({
    summary: one,
    errorPlots: await errorPlots(one),
    curvePlots: await insertionDeletionPlots(one),
    sanityPlots: await sanityPlots(one),
    figures: [{ title: hostile, caption: hostile, svg: "<svg/>" }],
  });
  const { document } = parseHTML(page);
  const tables = [...document.querySelectorAll("table")].map((table) =>
    [...table.querySelectorAll("tr")].map((row) =>
      [...row.querySelectorAll("td,th")].map((cell) => cell.textContent ?? ""),
    ),
  );
  return { page, document, tables };
}

test("the page's numbers are those of the records", async () => {
  const { document, tables } = await pageOf(summary);
  const [best, heldOut, compared, byGroup, measures, cost] = tables;
  // Six of eight right from the third threshold on, α = 0.01 (√α = 0.1); two of eight from the fifth on, α = 0.2.
  expect(best[1].slice(1)).toEqual([
    expect.stringMatching(/^0\.25.*at 0\.01$/),
    expect.stringMatching(/^0\.25.*at 3$/),
    expect.stringMatching(/^0\.25.*at 1$/),
    expect.stringMatching(/^0\.25.*at 0\.1$/),
  ]);
  expect(best[2][1]).toMatch(/^0\.75.*at 0\.04$/);
  expect(best.slice(3).map(([name]) => name)).toEqual(["The whole picture", "A centered box of half the area"]);
  expect(best[3][1]).toMatch(/^1\.00/);
  expect(heldOut[1][1]).toMatch(/^0\.25/);
  const marked = [...document.querySelectorAll("section")][0].querySelectorAll("td.best");
  expect([...marked].map((cell) => cell.textContent?.slice(0, 4))).toEqual(["0.25", "0.25", "0.25", "0.25"]);
  // The hostile name errs on six, gradient on two of these: not by more than chance.
  expect(compared[1][0]).toBe("gradient");
  expect(compared[1][1]).toMatch(/^−0\.50/);
  expect(byGroup[0]).toEqual(["Method", "predicted right7 pictures", "predicted wrong1 picture"]);
  expect(byGroup[1][2]).toBe("0.00 / 0.00 / 0.00 / 0.00");
  // Pointing: 3 pixels are within the tolerance of 15, 16 are not. Energy: ¼ against ½. Areas of both curves: ½ and 0.375.
  expect(measures[0]).toEqual(["Method", expect.stringContaining("Pointing"), expect.stringContaining("Energy"), expect.stringContaining("Insertion"), expect.stringContaining("Deletion")]); // biome-ignore format: a row
  expect(measures[1].map((cell) => cell.slice(0, 5))).toEqual(["gradi", "1.000", "0.250", "0.500", "0.375"]);
  expect(measures[2].slice(1).map((cell) => cell.slice(0, 5))).toEqual(["0.000", "0.500", "0.500", "0.375"]);
  expect(cost[1]).toEqual(["gradient", "2.00", "2.00", "1", "4", "8 flipped"]);
  expect(document.querySelector(".facts")?.textContent).toContain("class predicted right on 88 %");
  expect(document.querySelector(".lead")?.textContent).toMatch(/^Least error: Gradient by value; Gradient by percent/);
});

test("what must be known of the model stands at the head of the page", async () => {
  const { document } = await pageOf(summary);
  expect(document.querySelector("#warnings")?.textContent).toMatch(/^⚠ poor accuracy/);
  const { page } = await pageOf({ ...summary, warnings: [] });
  expect(page).not.toContain('id="warnings"');
});

test("a method that is worse by more than chance is marked, in its column only", async () => {
  const methods = summary.methods.map((method) =>
    method.name === "gradient" || method.isBaseline
      ? method
      : { ...method, kinds: { ...method.kinds, mean: { ...method.kinds.mean, pValue: 0.03 } } },
  );
  const { document, tables } = await pageOf({ ...summary, methods });
  expect([...document.querySelectorAll("sup")].map((mark) => mark.parentElement?.textContent?.slice(0, 5))).toEqual([
    "0.75†",
  ]);
  expect(tables[0][2][3]).toMatch(/^0\.75†/);
  expect(document.querySelector(".lead")?.textContent).toMatch(/1 of 2 methods are worse than the best of a column/);
  expect(localizationMarkdown({ ...summary, methods })).toMatch(/\| 0\.75 \[0\.41, 0\.93\] † @ 2 \|/);
});

test("Markdown and CSV say the same", () => {
  const markdown = localizationMarkdown(summary);
  expect(markdown).toMatch(
    /\| gradient \| \*\*0\.25 \[0\.07, 0\.59\]\*\* @ 0\.01 \| \*\*0\.25 \[0\.07, 0\.59\]\*\* @ 3 \|/,
  );
  expect(markdown).toMatch(/\| 0\.75 \[0\.41, 0\.93\] @ 0\.2 \|/);
  expect(markdown).toContain("The network predicts the stated class of 0.88 [0.53, 0.98] of them.");
  expect(markdown).toContain("| gradient | 2.00 | 2.00 | 1 | 4 | 8 flipped |");
  expect(markdown).toContain("| gradient | 0.50 | 0.00 |");
  expect(markdown).toContain("| Method | 1 layer | 4 layers |");
  const lines = localizationCsv(summary).split("\r\n");
  expect(lines[1]).toMatch(/^gradient,value,8,0\.01,0\.25,0\.0714\d+,0\.5907\d*,0\.25,/);
  expect(lines).toHaveLength(1 + 4 * 4 + 1);
  const measured = measuresCsv(summary).split("\r\n");
  expect(measured[1]).toMatch(/^gradient,8,1,/);
  expect(measured[1]).toMatch(/,2,2,1,4$/);
  expect(measured[3]).toMatch(/^whole picture,8,,,,/);
});

test("the plots draw the curves of the summary", async () => {
  const plots = await errorPlots(summary);
  expect(plots.map(({ name }) => name)).toEqual(["errors", ...gridKinds.map((kind) => `error-${kind}`)]);
  const { document } = parseHTML(plots[1].svg);
  const [gradient, other, whole] = [...document.querySelectorAll('[aria-label="line"] path')].map((path) =>
    (path.getAttribute("d") ?? "")
      .slice(1)
      .split("L")
      .map((point: string) => point.split(",").map(Number)),
  );
  expect(gradient).toHaveLength(21);
  // From 1 to ¼ at the third threshold; the other one from 1 to ¾ at the fifth.
  const heights = (curve: number[][]): number[] => curve.map(([, y]) => y);
  const full = whole[0][1];
  const drop = heights(gradient)[2] - full;
  expect(heights(gradient).slice(0, 2)).toEqual([full, full]);
  expect(
    new Set(
      heights(gradient)
        .slice(2)
        .map((y) => y.toFixed(6)),
    ).size,
  ).toBe(1);
  expect(heights(other)[3]).toBe(full);
  expect(heights(other)[4] - full).toBeCloseTo(drop / 3, 6);
  const [insertion, deletion] = await insertionDeletionPlots(summary);
  expect([insertion.name, deletion.name]).toEqual(["insertion", "deletion"]);
  const ticks = [...parseHTML(insertion.svg).document.querySelectorAll("text")].map((text) => text.textContent);
  expect(ticks).toContain("100 %");
  expect(ticks).not.toContain("150 %");
  expect((await sanityPlots(summary)).map(({ name }) => name)).toEqual([
    "sanity-rank-correlation",
    "sanity-structural-similarity",
  ]);
  expect(await sanityPlots({ ...summary, sanity: [] })).toEqual([]);
});

test("names from outside are text everywhere, and what cannot be seen is written out", async () => {
  const { page, document } = await pageOf(summary);
  expect(document.querySelectorAll("script")).toHaveLength(0);
  expect(page).not.toMatch(/[^\P{Cc}\n]|\u202e/u);
  const shown = "x<script>&\"'|`\\u{0}\\u{1b}[31m\\u{202e}";
  expect(document.querySelector("h1 em")?.textContent).toBe(shown);
  expect(document.querySelector(".failed li")?.textContent).toBe(`${shown}: ${shown}`);
  const markdown = localizationMarkdown(summary);
  expect(markdown).not.toMatch(/[^\P{Cc}\n]|\u202e/u);
  // No name breaks a row or a column.
  const rows = markdown.split("\n").filter((line) => line.startsWith("|"));
  const columns = (row: string): number => row.replaceAll("\\|", "").split("|").length;
  expect(new Set(rows.filter((row) => row.includes("[0.")).map(columns))).toEqual(new Set([7]));
  for (const csv of [localizationCsv(summary), measuresCsv(summary)]) {
    expect(csv).not.toMatch(/[^\P{Cc}\r\n]|\u202e/u);
    expect(csv).toContain('"x<script>&""\'|`\\u{0}\\u{1b}[31m\\u{202e}"');
  }
});
