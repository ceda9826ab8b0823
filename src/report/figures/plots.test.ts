import fc from "fast-check";
import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { given } from "../../../test/given.ts";
import { spreadApart, styleOf } from "./plot-frame.ts";
import { curvePlot, estimatePlot, histogramPlot, rocPlot } from "./plots.ts";

/** What is looked at of an element: the type check knows no browsers. */
interface Drawn {
  readonly textContent: string | null;
  getAttribute(name: string): string | null;
}

/** The elements of a plot, and what its texts say. */
function read(svg: string) {
  const { document } = parseHTML(svg);
  const all = (selector: string): Drawn[] => [...document.querySelectorAll(selector)];
  return { all, texts: all("text").map((element) => element.textContent), root: given(document.querySelector("svg")) };
}

/** The points of a path of straight pieces. */
function pointsOf(path: Drawn): [number, number][] {
  const numbers = given(given(path.getAttribute("d")).match(/-?[\d.]+(e-?\d+)?/g)).map(Number);
  return Array.from({ length: numbers.length / 2 }, (_, i) => [numbers[2 * i], numbers[2 * i + 1]]);
}

const axis = (label: string) => ({ label, domain: [0, 1] as const });

test("curves run through their points, and end where their names begin", async () => {
  const svg = await curvePlot({
    title: "A & <B>",
    curves: [
      {
        name: "first <i>",
        points: [
          { x: 0, y: 0 },
          { x: 0.5, y: 1 },
          { x: 1, y: 0.25, low: 0.2, high: 0.3 },
        ],
      },
      { name: "nothing", points: [] },
      {
        name: "second",
        points: [
          { x: 0, y: 0.3 },
          { x: 1, y: 0.27 },
        ],
      },
    ],
    x: { label: "threshold", domain: [0, 1] },
    y: { label: "error", domain: [0, 1], isPercent: true },
    rules: [{ value: 0.5, label: "best" }],
    width: 700,
    height: 300,
  });
  const { all, texts, root } = read(svg);
  expect(root.getAttribute("xmlns")).toBe("http://www.w3.org/2000/svg");
  expect([root.getAttribute("width"), root.getAttribute("height")]).toEqual(["700", "300"]);
  expect(root.getAttribute("aria-label")).toBe("A & <B>");
  for (const text of ["threshold", "error", "20 %", "best", "A & <B>", "first <i>", "second"])
    expect(texts).toContain(text);
  expect(texts).not.toContain("nothing");
  const [first, second] = all('[aria-label="line"] path').map(pointsOf);
  const [[left, bottom], [middle, top], [right, low]] = first;
  expect(middle).toBeCloseTo((left + right) / 2, 3);
  expect(low).toBeCloseTo(bottom + 0.25 * (top - bottom), 3);
  expect(second.map(([, y]) => y)).toEqual([
    expect.closeTo(bottom + 0.3 * (top - bottom), 3),
    expect.closeTo(bottom + 0.27 * (top - bottom), 3),
  ]);
  // A thin line leads from each end to a sample of the curve, and neighbors do not touch.
  const strokes = all('[aria-label="names of the curves"] path').map(pointsOf);
  expect(strokes).toHaveLength(4);
  expect(strokes[0][0]).toEqual([expect.closeTo(right, 1), expect.closeTo(low, 1)]);
  expect(strokes[0][2]).toEqual(strokes[1][0]);
  expect(Math.abs(strokes[1][0][1] - strokes[3][0][1])).toBeGreaterThanOrEqual(15 - 1e-9);
});

test("a histogram shows shares; what lies beyond the axis counts in the outermost bars, NaN nowhere", async () => {
  const svg = await histogramPlot({
    groups: [{ name: "clean", values: [0.1, 0.1, 0.6, Number.NEGATIVE_INFINITY, 7, Number.NaN, 1, 0.3] }],
    x: axis("score"),
    bins: 4,
    rules: [{ value: 0.75, label: "cutoff" }],
  });
  const { all, texts } = read(svg);
  // −∞, 0.1 and 0.1 | 0.3 | 0.6 | 1 and 7, of seven.
  const heights = all('[aria-label="rect"] rect').map((bar) => Number(bar.getAttribute("height")));
  expect(heights.map((height) => height / heights[1]).map((share) => Number(share.toFixed(6)))).toEqual([3, 1, 1, 2]);
  // The highest bar is 3/7: with a twentieth of it above, the axis ends at 45 %.
  expect(texts).toContain("45 %");
  expect(texts).toContain("cutoff");
  expect(texts).toContain("clean");
});

test("a ROC plot is square", async () => {
  const points = [
    { falsePositiveRate: 0, truePositiveRate: 0 },
    { falsePositiveRate: 0.25, truePositiveRate: 0.75 },
    { falsePositiveRate: 1, truePositiveRate: 1 },
  ];
  const { all, texts } = read(await rocPlot({ curves: [{ name: "pgd, area 0.75", points }] }));
  const [diagonal, curve] = all('[aria-label="line"] path').map(pointsOf);
  expect(diagonal[1][0] - diagonal[0][0]).toBeCloseTo(diagonal[0][1] - diagonal[1][1], 6);
  expect((curve[1][0] - curve[0][0]) / (curve[2][0] - curve[0][0])).toBeCloseTo(0.25, 6);
  expect((curve[1][1] - curve[0][1]) / (curve[2][1] - curve[0][1])).toBeCloseTo(0.75, 6);
  expect(texts).toContain("pgd, area 0.75");
});

test("estimates lie within their intervals, first row on top, groups in the legend", async () => {
  const svg = await estimatePlot({
    rows: [
      { name: "one", value: 0.5, low: 0.25, high: 1, group: "A" },
      { name: "two", value: 0, low: 0, high: 0.5, group: "B" },
    ],
    x: axis("error"),
  });
  const { all, texts } = read(svg);
  const links = all('[aria-label="link"] path').map(pointsOf);
  const dots = all('[aria-label="dot"] circle').map((dot) => [
    Number(dot.getAttribute("cx")),
    Number(dot.getAttribute("cy")),
  ]);
  expect(dots[0][1]).toBeLessThan(dots[1][1]);
  for (const [index, [[x1, y1], [x2, y2]]] of links.entries()) {
    expect([y1, y2]).toEqual([dots[index][1], dots[index][1]]);
    expect(x1 <= dots[index][0] && dots[index][0] < x2).toBe(true);
  }
  expect((dots[0][0] - links[0][0][0]) / (links[0][1][0] - links[0][0][0])).toBeCloseTo(1 / 3, 6);
  for (const text of ["one", "two", "A", "B", "error"]) expect(texts).toContain(text);
});

test("estimates of one name share a line, and its name stands once at their middle", async () => {
  const estimate = (name: string, group: string, value: number) => ({
    name,
    group,
    value,
    low: value,
    high: value + 0.1,
  });
  const svg = await estimatePlot({
    rows: [estimate("one", "A", 0.1), estimate("one", "B", 0.2), estimate("two", "A", 0.3), estimate("two", "B", 0.4)],
    x: axis("error"),
  });
  const { all, texts } = read(svg);
  const heights = all('[aria-label="dot"] circle').map((dot) => Number(dot.getAttribute("cy")));
  expect(heights).toEqual(heights.toSorted((a, b) => a - b));
  expect(heights[2] - heights[1]).toBeLessThan(heights[2] - heights[0]);
  expect(heights[2] - heights[0]).toBeCloseTo(30, 6);
  expect(texts.filter((text) => text === "one")).toHaveLength(1);
  expect(texts.filter((text) => text === "two")).toHaveLength(1);
});

test("plots of nothing, of one point and of a constant can be drawn", async () => {
  const [x, y] = [{ label: "x" }, { label: "y" }];
  for (const points of [
    [],
    [{ x: 1, y: 2 }],
    [
      { x: 1, y: 2 },
      { x: 2, y: 2 },
    ],
  ]) {
    expect(await curvePlot({ curves: [{ name: "c", points }], x, y })).not.toContain("NaN");
  }
  expect(await histogramPlot({ groups: [{ name: "g", values: [] }], x })).not.toContain("NaN");
  expect(await estimatePlot({ rows: [], x })).not.toContain("NaN");
  expect(await rocPlot({ curves: [] })).not.toContain("NaN");
});

test("a histogram of more values than a call takes arguments ends where they end", async () => {
  const values = Array.from({ length: 200_000 }, (_, i) => 2 + i / 100_000);
  const { all } = read(await histogramPlot({ groups: [{ name: "clean", values }], x: { label: "score" }, bins: 4 }));
  const heights = all('[aria-label="rect"] rect').map((bar) => Number(bar.getAttribute("height")));
  expect(heights).toHaveLength(4);
  for (const height of heights) expect(height / heights[0]).toBeCloseTo(1, 3);
});

test("a logarithmic axis", async () => {
  const points = [1, 10, 100].map((x) => ({ x, y: x }));
  const log = { label: "", domain: [1, 100], scale: "log" } as const;
  const { all } = read(await curvePlot({ curves: [{ name: "c", points }], x: log, y: log }));
  const [[[left, bottom], [middle, half], [right, top]]] = all('[aria-label="line"] path').map(pointsOf);
  expect(middle).toBeCloseTo((left + right) / 2, 3);
  expect(half).toBeCloseTo((bottom + top) / 2, 3);
  // The line to the name begins where the curve ends.
  const [leader] = all('[aria-label="names of the curves"] path').map(pointsOf);
  expect(leader[0]).toEqual([expect.closeTo(right, 1), expect.closeTo(top, 1)]);
});

test("names and titles from outside are text, and what cannot be seen is written out", async () => {
  const name = "<script>\u0000\u202e&\u001b";
  const shown = "<script>\\u{0}\\u{202e}&\\u{1b}";
  const [x, rules] = [axis(name), [{ value: 0.5, label: name }]];
  const points = [
    { x: 0, y: 0 },
    { x: 1, y: 1 },
  ];
  for (const svg of [
    await curvePlot({ title: name, curves: [{ name, points }], x, y: axis(name), rules }),
    await histogramPlot({ title: name, groups: [{ name, values: [0.5] }], x, rules }),
    await rocPlot({ title: name, curves: [{ name, points: [] }] }),
    await estimatePlot({ title: name, rows: [{ name, value: 0.5, low: 0, high: 1, group: name }], x, rules }),
  ]) {
    expect(svg).not.toMatch(/[^\P{Cc}\n]|\u202e|<script/u);
    const { texts, root } = read(svg);
    expect(texts.filter((text) => text?.startsWith("<script>")).every((text) => text === shown)).toBe(true);
    expect(texts).toContain(shown);
    expect(root.getAttribute("aria-label")).toBe(shown);
  }
});

test("labels keep their order and their distance, stay where there is room, and move no more than needed", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 300, noNaN: true }), { maxLength: 20 }), (wanted) => {
      const placed = spreadApart(wanted, 15, 0, 300);
      const order = wanted.map((_, index) => index).sort((a, b) => wanted[a] - wanted[b] || a - b);
      for (const [place, index] of order.entries()) {
        expect(placed[index] >= -1e-9 && placed[index] <= 300 + 1e-9).toBe(true);
        if (place > 0) expect(placed[index] - placed[order[place - 1]]).toBeGreaterThanOrEqual(15 - 1e-9);
      }
      const isFree = order.every((index, place) => place === 0 || wanted[index] - wanted[order[place - 1]] >= 15);
      if (isFree) for (const [index, position] of placed.entries()) expect(position).toBeCloseTo(wanted[index], 9);
    }),
  );
  expect(spreadApart([100, 100, 101], 15, 0, 300)).toEqual([
    100.33333333333333 - 15,
    100.33333333333333,
    100.33333333333333 + 15,
  ]);
});

test("28 styles are distinct", () => {
  const styles = Array.from({ length: 28 }, (_, index) => JSON.stringify(styleOf(index)));
  expect(new Set(styles).size).toBe(28);
});
