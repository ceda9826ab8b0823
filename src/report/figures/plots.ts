/** @file The plots of the experiments as SVG: curves, histograms, ROC curves, and estimates with their intervals. */
import type * as PlotLibrary from "@observablehq/plot";
import { checkForm } from "../../errors.ts";
import { printable } from "../../escape-text.ts";
import { rangeOf } from "../../tensor/vector.ts";
import {
  drawPlot,
  ink,
  labelFontSize,
  type PlotAxis,
  type PlotFrame,
  type PlotMargins,
  type PlotPen,
  type PlotSize,
  type PlotStyle,
  penMark,
  softInk,
  spreadApart,
  styleOf,
} from "./plot-frame.ts";

/** One line of a plot. */
export interface PlotCurve {
  readonly name: string;
  /** In order of x. */
  readonly points: readonly PlotPoint[];
  /** Default: by the curve's place among the others. */
  readonly style?: PlotStyle;
}

/** A point of a curve, with the interval of its y if there is one. */
export interface PlotPoint {
  readonly x: number;
  readonly y: number;
  readonly low?: number;
  readonly high?: number;
}

/** A straight line across the plot with its name, such as a cutoff. */
export interface PlotRule {
  readonly value: number;
  readonly label: string;
}

export interface CurvePlotInput extends PlotSize {
  readonly curves: readonly PlotCurve[];
  readonly x: PlotAxis;
  readonly y: PlotAxis;
  /** Vertical lines. */
  readonly rules?: readonly PlotRule[];
}

const labelGap = 15;
/** Where the sample of a line begins, and its name, to the right of the frame. */
const [sampleOffset, nameOffset] = [18, 44];

/**
 * Curves as an SVG document, each named at its right end in its own color; intervals as pale bands. Default size 720 × 400. Curves
 * without points are left out.
 */
export async function curvePlot(input: CurvePlotInput): Promise<string> {
  checkForm("curvePlot: input", input, ["curves", "x", "y"]);
  const { curves, width = 720, height = 400, title, rules = [] } = input;
  const drawn = curves
    .map((curve, index) => ({ style: styleOf(index), ...curve }))
    .filter(({ points }) => points.length > 0);
  const points = drawn.flatMap((curve) => curve.points);
  const x = withDomain(input.x, [...points.map((point) => point.x), ...rules.map(({ value }) => value)]);
  const y = withDomain(
    input.y,
    points.flatMap((point) => [point.y, point.low ?? point.y, point.high ?? point.y]),
  );
  const margins = marginsFor(
    drawn.map(({ name }) => name),
    title,
    rules.length > 0,
  );
  return await drawPlot({
    width,
    height,
    title,
    x,
    y,
    margins,
    grid: "both",
    marks: (Plot) => [
      ...rules.flatMap((rule) => ruleMarks(Plot, rule)),
      ...drawn.map(({ points, style }) =>
        Plot.areaY(
          points.filter(({ low, high }) => low !== undefined && high !== undefined),
          { x: "x", y1: "low", y2: "high", fill: style.color, fillOpacity: 0.1 },
        ),
      ),
      ...drawn.map(({ points, style }) =>
        Plot.line(points, { x: "x", y: "y", stroke: style.color, strokeDasharray: style.dashes, strokeWidth: 1.8 }),
      ),
      penMark("names of the curves", (pen) => nameCurves(pen, drawn)),
    ],
  });
}

/** The name of each curve at its right end, with a sample of its line; thin lines lead there, since names must not touch. */
function nameCurves(pen: PlotPen, curves: readonly (LegendEntry & Pick<PlotCurve, "points">)[]): void {
  const { right, top, bottom } = pen.frame;
  const ends = curves.flatMap(({ points, ...entry }) => {
    const last = points.at(-1);
    return last === undefined ? [] : [{ ...entry, x: pen.x(last.x), y: pen.y(last.y) }];
  });
  const heights = spreadApart(
    ends.map(({ y }) => y),
    labelGap,
    top,
    bottom,
  );
  for (const [index, { name, style, x, y }] of ends.entries()) {
    const height = heights[index];
    pen.line(
      [
        [x, y],
        [right + 4, y],
        [right + sampleOffset, height],
      ],
      { color: style.color },
      0.7,
    );
    nameWithSample(pen, { name, style }, height);
  }
}

/** A piece of line that shows what it looks like, and its name, to the right of the frame. */
function nameWithSample(pen: PlotPen, { name, style }: LegendEntry, height: number): void {
  const start = pen.frame.right + sampleOffset;
  pen.line(
    [
      [start, height],
      [start + 20, height],
    ],
    style,
    2.2,
  );
  pen.text(name, [pen.frame.right + nameOffset, height], style.color);
}

/** The values of one group of a histogram. */
export interface HistogramGroup {
  readonly name: string;
  readonly values: readonly number[];
}

export interface HistogramInput extends PlotSize {
  readonly groups: readonly HistogramGroup[];
  readonly x: PlotAxis;
  /** Number of bars; default 40. */
  readonly bins?: number;
  /** Vertical lines, such as a detector's cutoff. */
  readonly rules?: readonly PlotRule[];
}

/**
 * Overlaid histograms as an SVG document: of each group, the share of its values in each bar. Values beyond the ends of the axis,
 * infinite ones too, count in the outermost bars; NaN is left out. Default size 720 × 320.
 */
export async function histogramPlot(input: HistogramInput): Promise<string> {
  checkForm("histogramPlot: input", input, ["groups", "x"]);
  const { groups, width = 720, height = 320, title, bins = 40, rules = [] } = input;
  const finite = groups.flatMap(({ values }) => values.filter(Number.isFinite));
  const x = withDomain(input.x, [...finite, ...rules.map(({ value }) => value)]);
  const drawn = groups.map(({ name, values }, index) => ({
    name,
    style: styleOf(index),
    bars: barsOf(values, x.domain, bins),
  }));
  const highest = Math.max(...drawn.flatMap(({ bars }) => bars.map(({ y }) => y)), 1e-9);
  const margins = marginsFor(
    drawn.map(({ name }) => name),
    title,
    rules.length > 0,
  );
  return await drawPlot({
    width,
    height,
    title,
    x,
    y: { label: "share of the values", isPercent: true, domain: [0, highest * 1.05] },
    margins,
    grid: "y",
    marks: (Plot) => [
      ...drawn.map(({ bars, style }) =>
        Plot.rectY(bars, { x1: "x1", x2: "x2", y: "y", fill: style.color, fillOpacity: 0.22, inset: 0 }),
      ),
      ...drawn.map(({ bars, style }) =>
        Plot.line(outlineOf(bars), { stroke: style.color, strokeDasharray: style.dashes, strokeWidth: 1.5 }),
      ),
      Plot.ruleY([0], { stroke: softInk }),
      ...rules.flatMap((rule) => ruleMarks(Plot, rule)),
      penMark("legend", (pen) => legend(pen, drawn)),
    ],
  });
}

/** A detector's ROC curve. */
export interface RocPlotCurve {
  readonly name: string;
  readonly points: readonly { readonly falsePositiveRate: number; readonly truePositiveRate: number }[];
}

/** ROC curves as an SVG document, square, with the diagonal of guessing. Default size 640 × 460. */
export async function rocPlot(input: PlotSize & { readonly curves: readonly RocPlotCurve[] }): Promise<string> {
  checkForm("rocPlot: input", input, ["curves"]);
  const { curves, width = 640, height = 460, title } = input;
  const drawn = curves.map((curve, index) => ({ ...curve, style: styleOf(index) }));
  const { top, bottom, left } = marginsFor([], title, false);
  // The frame is square; the rest of the width is for the names.
  const margins = { top, bottom, left, right: Math.max(20, width - left - (height - top - bottom)) };
  return await drawPlot({
    width,
    height,
    title,
    x: { label: "false positives", isPercent: true, domain: [0, 1] },
    y: { label: "true positives", isPercent: true, domain: [0, 1] },
    margins,
    grid: "both",
    marks: (Plot) => [
      Plot.line(
        [
          [0, 0],
          [1, 1],
        ],
        { stroke: softInk, strokeDasharray: "2 3" },
      ),
      ...drawn.map(({ points, style }) =>
        Plot.line(points, {
          x: "falsePositiveRate",
          y: "truePositiveRate",
          stroke: style.color,
          strokeDasharray: style.dashes,
          strokeWidth: 1.8,
        }),
      ),
      penMark("legend", (pen) => legend(pen, drawn)),
    ],
  });
}

/** An estimate of a plot; those of one group have one color. */
export interface EstimateRow {
  readonly name: string;
  readonly value: number;
  readonly low: number;
  readonly high: number;
  readonly group?: string;
}

/** Of a line of estimates, in pixels; those that share one take this part of it. */
const lineHeight = { single: 24, shared: 30, share: 0.7 };

export interface EstimatePlotInput extends PlotSize {
  readonly rows: readonly EstimateRow[];
  readonly x: PlotAxis;
  /** Vertical lines, such as chance. */
  readonly rules?: readonly PlotRule[];
}

/**
 * Estimates with their intervals, one below the other, as an SVG document; neighbors of one name share a line. Default width 640; the height follows
 * from the lines.
 */
export async function estimatePlot(input: EstimatePlotInput): Promise<string> {
  checkForm("estimatePlot: input", input, ["rows", "x"]);
  const { rows, width = 640, title, rules = [] } = input;
  const x = withDomain(input.x, [
    ...rows.flatMap(({ low, high, value }) => [low, high, value]),
    ...rules.map(({ value }) => value),
  ]);
  const groups = [...new Set(rows.map(({ group = "" }) => group))];
  const entries = groups
    .filter((group) => group !== "")
    .map((name) => ({ name, style: styleOf(groups.indexOf(name)) }));
  const plain = marginsFor(
    entries.map(({ name }) => name),
    title,
    rules.length > 0,
  );
  const margins = { ...plain, left: 16 + widthOf(rows.map(({ name }) => name)) };
  const lines: EstimateRow[][] = [];
  for (const row of rows) {
    const last = lines.at(-1);
    if (last?.[0].name === row.name) last.push(row);
    else lines.push([row]);
  }
  const isShared = lines.length < rows.length;
  const placed = lines.flatMap((line, index) =>
    line.map((row, position) => ({
      ...row,
      place: -index + lineHeight.share * (0.5 - (position + 0.5) / line.length),
      color: styleOf(groups.indexOf(row.group ?? "")).color,
    })),
  );
  const names = lines.map(([{ name }], index) => ({ name: printable(name), place: -index }));
  const ends = [-lines.length + 0.5, 0.5] as const;
  const each = isShared ? lineHeight.shared : lineHeight.single;
  const height = input.height ?? margins.top + margins.bottom + each * lines.length;
  return await drawPlot({
    width,
    height,
    title,
    x,
    y: { label: "", domain: ends },
    margins,
    grid: "x",
    options: { y: { axis: null, domain: ends } },
    marks: (Plot) => [
      ...rules.flatMap((rule) => ruleMarks(Plot, rule)),
      Plot.link(placed, {
        x1: "low",
        x2: "high",
        y1: "place",
        y2: "place",
        stroke: "color",
        strokeWidth: isShared ? 1.6 : 2.5,
        strokeOpacity: 0.55,
        strokeLinecap: "round",
      }),
      Plot.dot(placed, { x: "value", y: "place", r: isShared ? 2.8 : 4.5, fill: "color" }),
      Plot.text(names, {
        text: "name",
        y: "place",
        frameAnchor: "left",
        textAnchor: "end",
        dx: -10,
        fill: ink,
        fontSize: labelFontSize,
      }),
      penMark("legend", (pen) => legend(pen, entries)),
    ],
  });
}

/** A vertical line, and its name above the frame. */
function ruleMarks(Plot: typeof PlotLibrary, { value, label }: PlotRule): unknown[] {
  return [
    Plot.ruleX([value], { stroke: softInk, strokeDasharray: "4 3" }),
    Plot.text([printable(label)], {
      x: value,
      frameAnchor: "top",
      lineAnchor: "bottom",
      dy: -4,
      fill: softInk,
      fontSize: labelFontSize - 1,
    }),
  ];
}

/** Something with a name and a style. */
interface LegendEntry {
  readonly name: string;
  readonly style: PlotStyle;
}

/** Names to the right of the frame, from its top down. */
function legend(pen: PlotPen, entries: readonly LegendEntry[]): void {
  for (const [index, entry] of entries.entries()) {
    nameWithSample(pen, entry, pen.frame.top + 8 + index * (labelGap + 3));
  }
}

/** The axis with ends: those given, or those of the data, with a little room if they are equal. */
function withDomain(axis: PlotAxis, values: readonly number[]): PlotFrame["x"] {
  if (axis.domain !== undefined) return { ...axis, domain: axis.domain };
  const known = values.filter(Number.isFinite);
  const [low, high] = known.length === 0 ? [0, 1] : rangeOf(known);
  return { ...axis, domain: low < high ? [low, high] : [low - 0.5, high + 0.5] };
}

/** Room for the names on the right, the heading and the names of rules above. */
function marginsFor(names: readonly string[], title: string | undefined, hasRules: boolean): PlotMargins {
  return {
    top: 14 + (title === undefined ? 0 : 26) + (hasRules ? 14 : 0),
    right: names.length === 0 ? 20 : nameOffset + 8 + widthOf(names),
    bottom: 44,
    left: 58,
  };
}

/** About how wide the widest of the texts is, in pixels. */
function widthOf(texts: readonly string[]): number {
  return Math.max(0, ...texts.map((text) => printable(text).length)) * labelFontSize * 0.56;
}

interface Bar {
  readonly x1: number;
  readonly x2: number;
  readonly y: number;
}

function barsOf(values: readonly number[], [low, high]: readonly [number, number], bins: number): Bar[] {
  const counts = new Array<number>(bins).fill(0);
  const known = values.filter((value) => !Number.isNaN(value));
  for (const value of known) {
    counts[Math.max(0, Math.min(bins - 1, Math.floor(((value - low) / (high - low)) * bins)))]++;
  }
  const edge = (index: number): number => low + ((high - low) * index) / bins;
  return counts.map((count, index) => ({ x1: edge(index), x2: edge(index + 1), y: count / Math.max(1, known.length) }));
}

function outlineOf(bars: readonly Bar[]): [number, number][] {
  const steps = bars.flatMap(({ x1, x2, y }): [number, number][] => [
    [x1, y],
    [x2, y],
  ]);
  return [[bars[0].x1, 0], ...steps, [bars[bars.length - 1].x2, 0]];
}
