/** @file Figure 5 of the paper: the cones of several attacks side by side, as one SVG that needs nothing else. */

import { checkForm, checkKeys } from "../../errors.ts";
import { escapeMarkup } from "../../escape-text.ts";
import { colorAt } from "../../image/color-map.ts";
import { rangeOf } from "../../tensor/vector.ts";
import { ink, softInk } from "./plot-frame.ts";

/** What is drawn of a cone. */
export interface ConeFigurePanel {
  readonly title: string;
  /** A line below the title, such as the curvature. */
  readonly note?: string;
  readonly a: readonly number[];
  readonly b: readonly number[];
  /** In [0, 1]; `probability[i][j]` at a[i], b[j]. */
  readonly probability: readonly (readonly number[])[];
}

const side = 236;
const left = 52;
const top = 62;
const gap = 110;
const bottom = 46;
const levels = 64;
/** Probabilities below are drawn as this one. */
const least = 1e-30;
const font = "font-family=\"system-ui,'Segoe UI',Roboto,'Helvetica Neue',Arial,'DejaVu Sans',sans-serif\"";

/**
 * The figure: b to the right, a downwards as in the paper, colors from the logarithm of the probability between the ends of each
 * panel's own values, a green dot for the image (a = b = 0) and a red one for the adversarial image (a = 1). At most `columns`
 * panels share a row. The same input gives the same text.
 */
export function coneFigure(panels: readonly ConeFigurePanel[], options: { readonly columns?: number } = {}): string {
  checkKeys("coneFigure", options, ["columns"]);
  checkForm("coneFigure: panels", panels, "list");
  checkForm("coneFigure: options", options, []);
  const { columns = 5 } = options;
  const across = Math.min(columns, panels.length);
  const height = top + side + bottom;
  const width = left + across * (side + gap);
  const rows = Math.ceil(panels.length / across);
  const body = panels.map((panel, n) => {
    const place = `translate(${left + (n % across) * (side + gap)} ${Math.floor(n / across) * height})`;
    return `<g transform="${place}">${drawPanel(panel)}</g>`;
  });
  const title = `Cone plots: ${panels.map((panel) => panel.title).join(", ")}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${rows * height}" width="${width}" height="${rows * height}" role="img" aria-label="${escapeMarkup(title)}" ${font}><rect width="${width}" height="${rows * height}" fill="#fff"/>${body.join("")}</svg>\n`;
}

function drawPanel({ title, note, a, b, probability }: ConeFigurePanel): string {
  const logs = probability.map((row) => row.map((p) => Math.log10(Math.max(p, least))));
  const [low, high] = rangeOf(logs.flat());
  const share = (log: number): number => (high > low ? (log - low) / (high - low) : 1);
  const x = (value: number): number => place(value, b, side);
  const y = (value: number): number => top + place(value, a, side);
  const text = (content: string, at: readonly [number, number], more: string): string =>
    `<text x="${round(at[0])}" y="${round(at[1])}" ${more}>${escapeMarkup(content)}</text>`;
  const soft = `font-size="11" fill="${softInk}"`;
  const ticks = [
    ...[-1, 0, 1].map((value) => text(sign(value), [x(value), top + side + 16], `${soft} text-anchor="middle"`)),
    ...[-1, 0, 1, 2].map((value) => text(sign(value), [-7, y(value) + 4], `${soft} text-anchor="end"`)),
  ];
  const dot = (value: number, color: string, name: string): string =>
    `<circle cx="${round(x(0))}" cy="${round(y(value))}" r="5" fill="${color}" stroke="#fff" stroke-width="1.5"><title>${name}</title></circle>`;
  return [
    text(title, [0, 18], `font-size="14" font-weight="600" fill="${ink}"`),
    note === undefined ? "" : text(note, [0, 36], `font-size="11.5" fill="${softInk}"`),
    `<g transform="translate(0 ${top}) scale(${round(side / b.length, 6)} ${round(side / a.length, 6)})" shape-rendering="crispEdges">${cells(logs, share)}</g>`,
    ...ticks,
    text("b (orthogonal)", [side / 2, top + side + 34], `${soft} text-anchor="middle"`),
    `<text transform="translate(-32 ${top + side / 2}) rotate(-90)" ${soft} text-anchor="middle">a (along the attack)</text>`,
    dot(0, "#2ecc71", "the image"),
    dot(1, "#e74c3c", "the adversarial image"),
    colorBar(low, high),
  ].join("");
}

/** One path for each color: what would otherwise be thousands of rectangles. */
function cells(logs: readonly (readonly number[])[], share: (log: number) => number): string {
  const paths = new Map<number, string>();
  logs.forEach((row, i) => {
    for (let j = 0; j < row.length; ) {
      const level = levelOf(share(row[j]));
      let end = j + 1;
      while (end < row.length && levelOf(share(row[end])) === level) end++;
      paths.set(level, `${paths.get(level) ?? ""}M${j} ${i}h${end - j}v1h${j - end}z`);
      j = end;
    }
  });
  return [...paths.entries()]
    .sort(([one], [other]) => one - other)
    .map(([level, path]) => `<path d="${path}" fill="${hexOf(level / (levels - 1))}"/>`)
    .join("");
}

function levelOf(share: number): number {
  return Math.min(levels - 1, Math.floor(share * levels));
}

function colorBar(low: number, high: number): string {
  const [x, width] = [side + 12, 12];
  const strips = Array.from({ length: levels }, (_, level) => {
    const y = top + side - ((level + 1) * side) / levels;
    return `<rect x="${x}" y="${round(y)}" width="${width}" height="${round(side / levels + 0.4)}" fill="${hexOf(level / (levels - 1))}"/>`;
  });
  const ends: readonly (readonly [number, number])[] = [
    [high, top + 9],
    [(low + high) / 2, top + side / 2 + 4],
    [low, top + side],
  ];
  const labels = ends.map(
    ([log, y]) =>
      `<text x="${x + width + 5}" y="${round(y)}" font-size="10.5" fill="${softInk}">${probabilityText(10 ** log)}</text>`,
  );
  return strips.join("") + labels.join("");
}

/** "0.93", "0.012", "3e−5". */
function probabilityText(p: number): string {
  return p >= 0.001 ? String(Number(p.toPrecision(2))) : p.toExponential(0).replace("-", "−");
}

/** The middle of the grid's cell at `value`, in pixels of the side. */
function place(value: number, axis: readonly number[], length: number): number {
  const [first, last] = [axis[0], axis[axis.length - 1]];
  return ((((value - first) / (last - first)) * (axis.length - 1) + 0.5) / axis.length) * length;
}

function sign(value: number): string {
  return value < 0 ? `−${-value}` : String(value);
}

function round(value: number, digits = 2): number {
  return Number(value.toFixed(digits));
}

function hexOf(share: number): string {
  const channels = colorAt(share, "inferno");
  return `#${channels
    .map((channel) =>
      Math.round(255 * channel)
        .toString(16)
        .padStart(2, "0"),
    )
    .join("")}`;
}
