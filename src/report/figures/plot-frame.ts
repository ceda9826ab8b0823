/** @file What all plots share: the drawing library, colors, the frame with its axes, and labels beside lines. */
import type * as PlotLibrary from "@observablehq/plot";

/** An axis of a plot. */
export interface PlotAxis {
  readonly label: string;
  /** Ends of the axis; default: those of the data. */
  readonly domain?: readonly [number, number];
  /** Ticks as percentages of 1. */
  readonly isPercent?: boolean;
  /** Default `linear`; `log` needs positive data. */
  readonly scale?: "linear" | "log";
}

/** Size in CSS pixels, and the heading inside of the picture. */
export interface PlotSize {
  readonly width?: number;
  readonly height?: number;
  readonly title?: string;
}

/** How a line or bar looks. */
export interface PlotStyle {
  readonly color: string;
  /** Lengths of dashes and gaps, as SVG's stroke-dasharray; undefined for a solid line. */
  readonly dashes?: string;
}

/** Text and axes. */
export const ink = "#1b1f27";
/** What stands back: axis labels, reference lines. */
export const softInk = "#5c6675";

/**
 * Colors by Okabe and Ito (2008), told apart with all common kinds of color blindness; their yellow is left out, which does not
 * show on white.
 */
const colors = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#1b1f27"] as const;
const dashes = [undefined, "6 3", "2 2.5", "8 3 2 3"] as const;

/** The style of the `index`-th of several things: seven colors, then the same in other dashes. */
export function styleOf(index: number): PlotStyle {
  return { color: colors[index % colors.length], dashes: dashes[Math.floor(index / colors.length) % dashes.length] };
}

/** The library and a document for it to draw in: loaded when the first plot is drawn, since most commands draw none. */
async function loadPlot(): Promise<{ Plot: typeof PlotLibrary; document: PlotLibrary.PlotOptions["document"] }> {
  const [Plot, { parseHTML }] = await Promise.all([import("@observablehq/plot"), import("linkedom")]);
  return { Plot, document: parseHTML("<!doctype html><html><body></body></html>").document };
}

/** Space around the frame, in pixels. */
export interface PlotMargins {
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly left: number;
}

/** A line through points of the picture, in pixels. */
export interface PlotStroke {
  readonly points: readonly (readonly [x: number, y: number])[];
  readonly style: PlotStyle;
  readonly width: number;
}

export interface PlotFrame extends Required<Omit<PlotSize, "title">> {
  readonly title?: string;
  readonly x: PlotAxis & { readonly domain: readonly [number, number] };
  readonly y: PlotAxis & { readonly domain: readonly [number, number] };
  readonly margins: PlotMargins;
  /** A grid across the picture at the ticks of these axes. */
  readonly grid: "x" | "y" | "both";
  /** What is drawn, from back to front. */
  readonly marks: (Plot: typeof PlotLibrary) => readonly unknown[];
  /** Lines in pixels of the picture, drawn over everything. */
  readonly strokes?: readonly PlotStroke[];
  /** Further options of Observable Plot. */
  readonly options?: object;
}

/** The plot as an SVG document: white ground, its own fonts and sizes, no scripts. */
export async function drawPlot(frame: PlotFrame): Promise<string> {
  const { width, height, title, x, y, margins, grid, marks, strokes = [], options } = frame;
  const { Plot, document } = await loadPlot();
  const scaleOf = ({ label, domain, isPercent, scale = "linear" }: PlotFrame["x"]): object => ({
    label,
    domain,
    type: scale,
    tickFormat: isPercent ? percentage : undefined,
    labelArrow: "none",
    labelAnchor: "center",
    nice: false,
  });
  const heading =
    title === undefined
      ? []
      : [
          Plot.text([title], {
            frameAnchor: "top-left",
            dy: -margins.top + 8,
            fontSize: 14,
            fontWeight: 600,
            fill: ink,
            textAnchor: "start",
            lineAnchor: "top",
          }),
        ];
  const gridStyle = { stroke: "#e2e6ec", strokeOpacity: 1 };
  const svg = Plot.plot({
    document,
    className: "perceptual-ball-plot",
    width,
    height,
    marginTop: margins.top,
    marginRight: margins.right,
    marginBottom: margins.bottom,
    marginLeft: margins.left,
    style: {
      fontSize: "12px",
      fontFamily: 'system-ui, "Segoe UI", Roboto, "Helvetica Neue", Arial, "DejaVu Sans", sans-serif',
      color: ink,
      background: "#fff",
    },
    x: scaleOf(x),
    y: scaleOf(y),
    ...options,
    marks: [
      ...(grid === "y" ? [] : [Plot.gridX(gridStyle)]),
      ...(grid === "x" ? [] : [Plot.gridY(gridStyle)]),
      ...marks(Plot),
      ...heading,
    ] as PlotLibrary.Markish[],
  });
  const attributes = `xmlns="http://www.w3.org/2000/svg" role="img"${title === undefined ? "" : ` aria-label="${escapeAttribute(title)}"`}`;
  return svg.outerHTML
    .replace("<svg ", `<svg ${attributes} `)
    .replace(/<\/svg>$/, `${strokes.map(strokePath).join("")}</svg>`);
}

function strokePath({ points, style, width }: PlotStroke): string {
  const path = points.map((point) => point.map((pixel) => Number(pixel.toFixed(2))).join(" ")).join("L");
  const dashed = style.dashes === undefined ? "" : ` stroke-dasharray="${style.dashes}"`;
  return `<path d="M${path}" fill="none" stroke="${style.color}" stroke-width="${width}"${dashed}/>`;
}

/** A share as a percentage: 0.05 → "5 %". */
function percentage(share: number): string {
  return `${Number((100 * share).toPrecision(6))} %`;
}

function escapeAttribute(text: string): string {
  return text.replace(/[&"<>]/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** Where a value of an axis lies between `start` and `end`, in pixels. */
export function pixelOf(value: number, { domain, scale }: PlotFrame["y"], start: number, end: number): number {
  const [from, to, at] = scale === "log" ? [...domain, value].map(Math.log) : [...domain, value];
  return start + ((at - from) / (to - from)) * (end - start);
}

/**
 * Positions near the `wanted` ones (pixels, in any order), at least `gap` apart, in the same order and from `low` to `high` as far as
 * there is room: neighbors that would overlap are moved apart around their common middle.
 */
export function spreadApart(wanted: readonly number[], gap: number, low: number, high: number): number[] {
  const order = wanted.map((_, index) => index).sort((a, b) => wanted[a] - wanted[b] || a - b);
  // Groups of labels that touch; `middle` is where the group would like to be.
  const groups: { members: number[]; middle: number }[] = [];
  const startOf = ({ members, middle }: (typeof groups)[number]): number => {
    const reach = (members.length - 1) * gap;
    return Math.max(low, Math.min(high - reach, middle - reach / 2));
  };
  for (const index of order) {
    let group = { members: [index], middle: wanted[index] };
    for (let last = groups.at(-1); last !== undefined; last = groups.at(-1)) {
      if (startOf(last) + last.members.length * gap <= startOf(group)) break;
      groups.pop();
      const members: number[] = [...last.members, ...group.members];
      group = { members, middle: members.reduce((sum, member) => sum + wanted[member], 0) / members.length };
    }
    groups.push(group);
  }
  const positions = new Array<number>(wanted.length);
  for (const group of groups) {
    for (const [place, member] of group.members.entries()) positions[member] = startOf(group) + place * gap;
  }
  return positions;
}
