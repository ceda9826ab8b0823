/** @file What all plots share: the drawing library, colors, the frame with its axes, and labels beside lines. */
import type * as PlotLibrary from "@observablehq/plot";
import { printable } from "../../escape-text.ts";

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
  const [Plot, { DOMParser }] = await Promise.all([import("@observablehq/plot"), import("linkedom")]);
  // Of XML, since HTML leaves < and & in attributes as they are, which no XML parser takes.
  // Where the type check knows browsers, their documents have more; Observable Plot needs no more than this one has.
  const document: unknown = new DOMParser().parseFromString(`<svg xmlns="${svgNamespace}"/>`, "image/svg+xml");
  return { Plot, document: document as PlotLibrary.PlotOptions["document"] };
}

/** Space around the frame, in pixels. */
export interface PlotMargins {
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
  readonly left: number;
}

/** A place on the picture, in pixels from its upper left corner. */
export type PlotPlace = readonly [x: number, y: number];

/** What draws in pixels of the picture, beside and over what Observable Plot draws in the units of the axes. */
export interface PlotPen {
  /** Where values of the axes lie. */
  readonly x: (value: number) => number;
  readonly y: (value: number) => number;
  /** The edges of the frame. */
  readonly frame: { readonly left: number; readonly right: number; readonly top: number; readonly bottom: number };
  /** A line through the places. */
  line(places: readonly PlotPlace[], style: PlotStyle, width: number): void;
  /** Text that begins at the place, its middle at the place's height. */
  text(content: string, place: PlotPlace, color: string): void;
}

/** An SVG element as far as plots need it: the type check knows no browsers. */
interface SvgElement {
  readonly outerHTML: string;
  textContent: string | null;
  setAttribute(name: string, value: string): void;
  append(...children: readonly SvgElement[]): void;
}

interface SvgDocument {
  createElementNS(namespace: string, name: string): SvgElement;
}

/** What Observable Plot hands to a mark that draws by itself. */
type RenderArguments = readonly [
  index: unknown,
  scales: { readonly x?: (value: number) => number; readonly y?: (value: number) => number },
  values: unknown,
  dimensions: Readonly<
    Record<"width" | "height" | "marginTop" | "marginRight" | "marginBottom" | "marginLeft", number>
  >,
  context: { readonly document: SvgDocument },
];

const svgNamespace = "http://www.w3.org/2000/svg";

/** A mark of Observable Plot that draws with a pen; `name` is its aria-label. */
export function penMark(name: string, draw: (pen: PlotPen) => void): (...given: RenderArguments) => SvgElement {
  return (_index, { x = () => 0, y = () => 0 }, _values, dimensions, { document }) => {
    const group = document.createElementNS(svgNamespace, "g");
    group.setAttribute("aria-label", name);
    const add = (tag: string, attributes: Readonly<Record<string, string | number | undefined>>): SvgElement => {
      const element = document.createElementNS(svgNamespace, tag);
      for (const [key, value] of Object.entries(attributes)) {
        if (value !== undefined) element.setAttribute(key, String(value));
      }
      group.append(element);
      return element;
    };
    const { width, height, marginTop: top, marginRight, marginBottom, marginLeft: left } = dimensions;
    draw({
      x,
      y,
      frame: { left, right: width - marginRight, top, bottom: height - marginBottom },
      line(places, { color, dashes: dashed }, strokeWidth) {
        const d = `M${places.map((place) => place.map(rounded).join(" ")).join("L")}`;
        add("path", { d, fill: "none", stroke: color, "stroke-width": strokeWidth, "stroke-dasharray": dashed });
      },
      text(content, [atX, atY], color) {
        const element = add("text", {
          x: rounded(atX),
          y: rounded(atY),
          dy: "0.32em",
          fill: color,
          "text-anchor": "start",
          "font-size": labelFontSize,
        });
        element.textContent = printable(content);
      },
    });
    return group;
  };
}

function rounded(pixel: number): number {
  return Number(pixel.toFixed(2));
}

/** Of names beside the frame, in pixels. */
export const labelFontSize = 12;

export interface PlotFrame extends Required<Omit<PlotSize, "title">> {
  readonly title?: string;
  readonly x: PlotAxis & { readonly domain: readonly [number, number] };
  readonly y: PlotAxis & { readonly domain: readonly [number, number] };
  readonly margins: PlotMargins;
  /** A grid across the picture at the ticks of these axes. */
  readonly grid: "x" | "y" | "both";
  /** What is drawn, from back to front. */
  readonly marks: (Plot: typeof PlotLibrary) => readonly unknown[];
  /** Further options of Observable Plot. */
  readonly options?: object;
}

/** The plot as an SVG document: white ground, its own fonts and sizes, no scripts. */
export async function drawPlot(frame: PlotFrame): Promise<string> {
  const { width, height, title, x, y, margins, grid, marks, options } = frame;
  const { Plot, document } = await loadPlot();
  const scaleOf = ({ label, domain, isPercent, scale = "linear" }: PlotFrame["x"]): object => ({
    label: printable(label),
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
          Plot.text([printable(title)], {
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
  // A file of its own needs the namespace; in a page it does no harm.
  svg.setAttribute("xmlns", svgNamespace);
  svg.setAttribute("role", "img");
  if (title !== undefined) svg.setAttribute("aria-label", printable(title));
  return svg.outerHTML;
}

/** A share as a percentage: 0.05 → "5 %". */
function percentage(share: number): string {
  return `${Number((100 * share).toPrecision(6))} %`;
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
  const positions = wanted.slice();
  for (const group of groups) {
    for (const [place, member] of group.members.entries()) positions[member] = startOf(group) + place * gap;
  }
  return positions;
}
