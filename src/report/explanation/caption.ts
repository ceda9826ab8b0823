/**
 * @file Words below an overlay and below a panel, so that either can be pasted into a talk: the method, what the network says and how surely, what
 * the colors and boxes mean. As SVG, which whoever writes the picture draws below it.
 */

import { checkForm } from "../../errors.ts";
import { escapeLine } from "../../escape-text.ts";
import { type ExplanationRecord, isPerturbation } from "../../experiments/explanation/record.ts";
import type { ColorMap } from "../../image/color-map.ts";
import { boxColors, type Color } from "../style/box-colors.ts";
import { colorStops } from "../style/color-bar.ts";
import { longestName, percent, shortName } from "../style/wording.ts";
import { panelGap } from "./panel.ts";
import { labelInWords } from "./sentences.ts";

export interface CaptionInput {
  readonly record: ExplanationRecord;
  /** Of the picture above, in pixels. */
  readonly width: number;
  /** Default "inferno". */
  readonly colorMap?: ColorMap;
}

const font = "font-family=\"system-ui,'Segoe UI',Roboto,'Helvetica Neue',Arial,'DejaVu Sans',sans-serif\"";
const ink = { text: "#1b1f27", soft: "#4b5563" };
/** A character's width on average, in ems; wide enough that few lines are cut off at the picture's edge. */
const characterWidth = 0.58;
/** Names are cut down to no fewer characters than these. */
const shortestName = 6;

/** Two lines for an overlay: method and labels; the color bar, the boxes and the network. The width of the drawing is `width`, at least 360. */
export function overlayCaption(input: CaptionInput): string {
  checkForm("overlayCaption: input", input, ["record", "width"]);
  const { record, width: given, colorMap = "inferno" } = input;
  const width = Math.max(360, given);
  const size = Math.min(30, Math.max(13, width / 36));
  const line = 1.5 * size;
  const margin = 0.6 * size;
  const second = 2.55 * line;
  const barWidth = Math.min(7 * size, width / 4);
  const room = width - 2 * margin;
  const what = isPerturbation(record) && record.mapShows === "change" ? "change" : "map";
  const isWide = width / size > 38;
  const boxes = [
    ...(record.box === null ? [] : [["found", boxColors.found, false] as const]),
    ...(record.groundTruth === null ? [] : [["true", boxColors.groundTruth, true] as const]),
  ];
  const barLeft = margin + 2.6 * size;
  const most = isWide ? `most ${what}` : "most";
  let left = barLeft + barWidth + 0.4 * size + Math.max(7.2, 0.85 * most.length + 2) * characterWidth * size;
  const legend = boxes.map(([name, color, isDashed]) => {
    const at = left;
    left += 2.2 * size + (name.length + 4) * characterWidth * size;
    return `${swatch(at, second - 0.75 * size, size, color, isDashed)}${text(`${name} box`, at + 1.3 * size, second, 0.85 * size, ink.soft)}`;
  });
  const model = modelName(record);
  const fits = left + model.length * characterWidth * 0.85 * size < width - margin;
  return drawing(width, 3.1 * line, [
    text(record.methodTitle, margin, line, size, ink.text, { isBold: true, room }),
    text(
      fitting((longest) => labelsInWords(record, longest), room, size),
      margin,
      1.8 * line,
      size,
      ink.text,
      { room },
    ),
    text("least", margin, second, 0.85 * size, ink.soft),
    bar(barLeft, second - 0.75 * size, barWidth, 0.8 * size, colorMap),
    text(most, barLeft + barWidth + 0.4 * size, second, 0.85 * size, ink.soft),
    ...legend,
    ...(fits ? [text(model, width - margin, second, 0.85 * size, ink.soft, { isAtEnd: true })] : []),
  ]);
}

/** A line below each of a panel's four tiles, and one for the method, the network and the color bar. */
export function panelCaption(input: CaptionInput): string {
  checkForm("panelCaption: input", input, ["record", "width"]);
  const { record, width, colorMap = "inferno" } = input;
  const tile = (width - 5 * panelGap) / 4;
  const size = Math.min(22, Math.max(9, tile / 20));
  const line = 1.5 * size;
  const labelIn = (of: Parameters<typeof labelInWords>[0], what: string): string =>
    fitting((longest) => `${what}: ${labelInWords(of, longest)}`, tile, size);
  const captions = [
    labelIn(record, "original"),
    isPerturbation(record)
      ? labelIn({ label: record.adversarialLabel, number: null }, "perturbed")
      : "the map over the picture",
    isPerturbation(record) && record.mapShows === "change" ? "where it was changed" : "saliency map",
    record.box === null ? "no component" : "largest component and box",
  ];
  const barWidth = Math.min(8 * size, tile / 3);
  const third = panelGap + 2 * (tile + panelGap);
  const words = `${record.methodTitle} · ${modelName(record)}`;
  return drawing(width, 2 * line + 0.9 * size, [
    ...captions.map((caption, n) =>
      text(caption, panelGap + n * (tile + panelGap), 0.75 * line, size, ink.text, { room: tile }),
    ),
    text(words, panelGap, 1.9 * line, size, ink.soft, { isBold: true, room: 2 * tile }),
    text("least", third, 1.9 * line, 0.85 * size, ink.soft),
    bar(third + 2.7 * size, 1.9 * line - 0.7 * size, barWidth, 0.8 * size, colorMap),
    text("most", third + 3 * size + barWidth, 1.9 * line, 0.85 * size, ink.soft),
  ]);
}

/** "tabby 87 %", or "tabby 87 % → lynx 51 %". */
function labelsInWords(record: ExplanationRecord, longest: number): string {
  const before = labelInWords(record, longest);
  if (!isPerturbation(record)) {
    return record.target === null ? before : `${before} rather than ${shortName(record.target.name, longest)}`;
  }
  const { name, confidence } = record.adversarialLabel;
  return `${before} → ${shortName(name, longest)} ${percent(confidence)}`;
}

/** What `write` makes of names of at most so many characters, as many as there is `room` for: rather a piece of a name is cut off than a percentage. */
function fitting(write: (longest: number) => string, room: number, size: number): string {
  const most = charactersIn(room, size);
  let longest = longestName;
  while (longest > shortestName && Array.from(write(longest)).length > most) longest--;
  return write(longest);
}

/** How many characters of `size` pixels fit into `room` pixels. */
function charactersIn(room: number, size: number): number {
  return Math.floor(room / (size * characterWidth));
}

function modelName({ model: { path } }: ExplanationRecord): string {
  return path.slice(Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")) + 1);
}

function drawing(width: number, height: number, parts: readonly string[]): string {
  const [w, h] = [Math.round(width), Math.round(height)];
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${w} ${h}" width="${w}" height="${h}" ${font}><rect width="${w}" height="${h}" fill="#fff"/>${parts.join("")}</svg>`;
}

interface TextStyle {
  readonly isBold?: boolean;
  readonly isAtEnd?: boolean;
  /** So many pixels at most; what does not fit is cut off. */
  readonly room?: number;
}

function text(
  words: string,
  x: number,
  y: number,
  size: number,
  color: string,
  { isBold = false, isAtEnd = false, room = Number.POSITIVE_INFINITY }: TextStyle = {},
): string {
  const most = charactersIn(room, size);
  const characters = Array.from(words);
  const shown = characters.length <= most ? words : `${characters.slice(0, Math.max(1, most - 1)).join("")}…`;
  const weight = isBold ? ' font-weight="600"' : "";
  return `<text x="${round(x)}" y="${round(y)}" font-size="${round(size)}" fill="${color}"${weight}${isAtEnd ? ' text-anchor="end"' : ""}>${escapeLine(shown)}</text>`;
}

function bar(x: number, y: number, width: number, height: number, colorMap: ColorMap): string {
  const stops = colorStops(colorMap);
  const offsets = stops.map((color, i) => `<stop offset="${round(i / (stops.length - 1))}" stop-color="${color}"/>`);
  return `<defs><linearGradient id="bar">${offsets.join("")}</linearGradient></defs><rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${round(height)}" fill="url(#bar)" stroke="${ink.soft}" stroke-width=".5"/>`;
}

function swatch(x: number, y: number, size: number, [red, green, blue]: Color, isDashed: boolean): string {
  const dashes = isDashed ? ` stroke-dasharray="${round(size / 4)} ${round(size / 6)}"` : "";
  return `<rect x="${round(x)}" y="${round(y)}" width="${round(size)}" height="${round(0.75 * size)}" fill="none" stroke="rgb(${red},${green},${blue})" stroke-width="${round(size / 7)}"${dashes}/>`;
}

function round(value: number): string {
  return String(Number(value.toFixed(2)));
}
