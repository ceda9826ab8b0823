import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import type { RobustnessCurve, RobustnessSummary } from "../../experiments/robustness/summary.ts";
import { robustnessPage } from "./page.ts";
import { robustnessPlots } from "./plots.ts";
import { robustnessCsv, robustnessLines, robustnessMarkdown } from "./tables.ts";

const hostile = `x<script>&"'|\`\u0000\u001b[31m\u202e`;
const share = (value: number) => ({ value, low: value - 0.1, high: value + 0.1 });
const curve: RobustnessCurve = {
  ...{ name: hostile, title: "AutoAttack", settings: { steps: 5 }, norm: "linf", pictures: 40 },
  accuracy: share(0.875),
  radii: [
    { epsilon: 2 / 255, standing: 20, robust: share(0.5), robustInBytes: share(0.525), byParts: { "apgd-ce": 14, square: 1 } }, // biome-ignore format: a row
    { epsilon: 8 / 255, standing: 4, robust: share(0.1), robustInBytes: share(0.1), byParts: {} },
  ],
  evaluations: { forward: 12.4, gradient: 100.6 },
  seconds: 1.25,
};
const wide: RobustnessCurve = {
  ...{ ...curve, name: "wide", norm: "l2" },
  radii: [{ ...curve.radii[0], epsilon: 0.25 }],
};
const summary: RobustnessSummary = {
  model: { name: hostile, sha256: "0123456789abcdef0123" },
  data: { name: hostile, pictures: 41 },
  settings: { seed: 0, preprocessing: "unit" },
  warnings: [{ code: "masked-gradients", message: hostile }],
  curves: [curve, wide],
  failures: [{ image: hostile, attack: "fgsm", message: hostile }],
  run: { "perceptual-ball": "1" },
};

test("the page has the figures, tables and warnings, and nothing that texts from outside could do", async () => {
  const plots = await robustnessPlots(summary);
  const html = robustnessPage(summary, plots);
  const { document } = parseHTML(html);
  expect(document.querySelectorAll("script").length).toBe(0);
  for (const character of ["\u0000", "\u001b", "\u202e"]) expect(html).not.toContain(character);
  expect(document.querySelectorAll("figure svg").length).toBe(2);
  const [linf, l2] = [...document.querySelectorAll("table.results")].map((table) =>
    [...table.querySelectorAll("tbody tr")].map((row) => [...row.children].map(({ textContent }) => textContent)),
  );
  expect(linf).toEqual([
    ["0 (no attack)", "87.5 % [77.5, 97.5]", "87.5 % [77.5, 97.5]", "35 of 40", "–"],
    ["2/255", "50.0 % [40.0, 60.0]", "52.5 % [42.5, 62.5]", "20 of 40", "apgd-ce 14, square 1"],
    ["8/255", "10.0 % [0.0, 20.0]", "10.0 % [0.0, 20.0]", "4 of 40", "–"],
  ]);
  expect(l2?.[1]?.[0]).toBe("0.25");
  expect(document.querySelector(".lead")?.textContent).toContain("within ℓ∞ 8/255");
  expect(document.querySelector(".warnings")?.textContent).toContain("masked gradients");
  expect(document.querySelector(".failed")?.textContent).toContain("fgsm");
});

test("the figure's line goes through the shares, from no attack on", async () => {
  const [{ name, svg }] = await robustnessPlots(summary);
  expect(name).toBe("robust-accuracy-linf");
  const line = [...svg.matchAll(/ d="(M[^"]*)"/g)].map(([, d]) => d.split(/[ML]/).slice(1)).find((d) => d.length === 3);
  const points = (line ?? []).map((pair) => pair.split(",").map(Number));
  const [start, middle, end] = points;
  // x is 0, 2 and 8 levels, y 87.5 %, 50 % and 10 %.
  expect((end[0] - start[0]) / (middle[0] - start[0])).toBeCloseTo(4, 1);
  expect((end[1] - start[1]) / (middle[1] - start[1])).toBeCloseTo(77.5 / 37.5, 1);
  expect(await robustnessPlots({ ...summary, curves: [] })).toEqual([]);
});

test("tables say the same as text, Markdown and CSV", () => {
  const lines = robustnessLines(summary);
  expect(lines.join("\n")).toMatch(
    /^2\/255 +50\.0 % \[40\.0, 60\.0\] +52\.5 % \[42\.5, 62\.5\] +20 of 40 +apgd-ce 14, square 1$/m,
  );
  expect(robustnessMarkdown(summary)).toContain("| 8/255 | 10.0 % \\[0.0, 20.0\\] |");
  const rows = robustnessCsv(summary).split("\r\n");
  expect(rows[0]).toBe(
    "attack,norm,epsilon,pictures,standing,robust,robustLow,robustHigh,robustInBytes,robustInBytesLow,robustInBytesHigh,byParts",
  );
  expect(rows[2]).toContain(",linf,0.0078431373,40,20,0.5,0.4,0.6,0.525,0.425,0.625,apgd-ce 14; square 1");
  expect(rows.length).toBe(1 + 3 + 2 + 1);
});
