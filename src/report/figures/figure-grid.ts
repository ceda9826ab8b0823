/** @file A figure of pictures in rows and columns, with headings and boxes, as one SVG that needs nothing else. */

import { checkForm } from "../../errors.ts";
import { escapeMarkup } from "../../escape-text.ts";
import type { Box } from "../../image/geometry.ts";
import { boxColors } from "../style/box-colors.ts";

export interface FigureCell {
  /** The address of the picture: a data URI, so that the figure can stand alone. */
  readonly source: string;
  readonly alt: string;
  /** In pixels of the cell's picture. */
  readonly found?: Box;
  readonly groundTruth?: readonly Box[];
  /** One short line below the picture. */
  readonly caption?: string;
  /** Draws attention to a right or a wrong answer by the caption's color and a mark before it. */
  readonly verdict?: "right" | "wrong";
}

export interface FigureRow {
  readonly title: string;
  /** undefined leaves the place empty. */
  readonly cells: readonly (FigureCell | undefined)[];
}

export interface FigureGridInput {
  readonly title: string;
  readonly columns: readonly string[];
  readonly rows: readonly FigureRow[];
  /** Of the pictures in the cells, in their own pixels: all alike. */
  readonly size: { readonly width: number; readonly height: number };
  /** Width of a cell in the figure's units. Default 150. */
  readonly cellWidth?: number;
  /** One line below the rows, such as what the colors of boxes mean. */
  readonly note?: string;
}

const gap = 8;
/** Of a row's title: characters to a line at most, a character's width, and the room between title and pictures. */
const rowTitle = { characters: 15, characterWidth: 7.3, gap: 12 } as const;
const headingHeight = 40;
const captionHeight = 18;
const noteHeight = 20;
const font = "font-family=\"system-ui,'Segoe UI',Roboto,'Helvetica Neue',Arial,'DejaVu Sans',sans-serif\"";
const marks = { right: "✓ ", wrong: "✗ " } as const;
const ink = { text: "#1b1f27", soft: "#5c6675", right: "#0072b2", wrong: "#a34700" };

/** The figure. The same input gives the same text. */
export function figureGrid(input: FigureGridInput): string {
  checkForm("figureGrid: input", input, ["title", "columns", "rows", "size"]);
  const { title, columns, rows, size, cellWidth = 150, note } = input;
  const cellHeight = Math.round((cellWidth * size.height) / size.width);
  const hasCaptions = rows.some(({ cells }) => cells.some((cell) => cell?.caption !== undefined));
  const rowHeight = cellHeight + gap + (hasCaptions ? captionHeight : 0);
  const titles = rows.map((row) => wrapped(row.title, rowTitle.characters).slice(0, 4));
  const longest = Math.max(0, ...titles.flat().map(({ length }) => length));
  const rowTitleWidth = longest === 0 ? gap : Math.ceil(longest * rowTitle.characterWidth + 2 * rowTitle.gap);
  const width = rowTitleWidth + columns.length * (cellWidth + gap);
  const height = headingHeight + rows.length * rowHeight + (note === undefined ? 0 : noteHeight);
  const left = (column: number): number => rowTitleWidth + column * (cellWidth + gap);
  const drawn = (cell: FigureCell, x: number, y: number): string => {
    const scale = cellWidth / size.width;
    const boxes = [
      ...(cell.groundTruth ?? []).map((box) => outline(box, scale, boxColors.groundTruth, true)),
      ...(cell.found === undefined ? [] : [outline(cell.found, scale, boxColors.found)]),
    ];
    const mark = cell.verdict === undefined ? "" : marks[cell.verdict];
    const color = cell.verdict === undefined ? ink.soft : ink[cell.verdict];
    const caption =
      cell.caption === undefined
        ? ""
        : `<text x="${cellWidth / 2}" y="${cellHeight + 14}" text-anchor="middle" font-size="11" fill="${color}">${mark}${escapeMarkup(cell.caption)}</text>`;
    const pixelated = Math.max(size.width, size.height) < 128 ? ' style="image-rendering:pixelated"' : "";
    return `<g transform="translate(${x} ${y})"><image width="${cellWidth}" height="${cellHeight}" href="${escapeMarkup(cell.source)}"${pixelated}><title>${escapeMarkup(cell.alt)}</title></image>${boxes.join("")}${caption}</g>`;
  };
  const heading = columns.map((column, c) => {
    const lines = wrapped(column, Math.floor(cellWidth / 7.2)).slice(0, 2);
    const first = headingHeight - 10 - (lines.length - 1) * 14;
    const spans = lines.map(
      (line, i) => `<tspan x="${left(c) + cellWidth / 2}" y="${first + 14 * i}">${escapeMarkup(line)}</tspan>`,
    );
    return `<text text-anchor="middle" font-size="12.5" font-weight="600" fill="${ink.text}">${spans.join("")}</text>`;
  });
  const body = rows.map((row, r) => {
    const top = headingHeight + r * rowHeight;
    const lines = titles[r];
    const first = top + cellHeight / 2 - (lines.length - 1) * 7.5 + 4;
    const spans = lines.map(
      (line, i) => `<tspan x="${rowTitleWidth - rowTitle.gap}" y="${first + 15 * i}">${escapeMarkup(line)}</tspan>`,
    );
    const name = `<text text-anchor="end" font-size="12" fill="${ink.soft}">${spans.join("")}</text>`;
    return name + row.cells.map((cell, c) => (cell === undefined ? "" : drawn(cell, left(c), top))).join("");
  });
  const footnote =
    note === undefined
      ? ""
      : `<text x="${left(0)}" y="${height - 6}" font-size="11.5" fill="${ink.soft}">${escapeMarkup(note)}</text>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${escapeMarkup(title)}" ${font}><rect width="${width}" height="${height}" fill="#fff"/>${heading.join("")}${body.join("")}${footnote}</svg>`;
}

/** The true box is dashed, so that it is told from a found one without its color. */
function outline(
  [x0, y0, x1, y1]: Box,
  scale: number,
  [red, green, blue]: readonly number[],
  isDashed = false,
): string {
  const place = [x0, y0, x1 - x0, y1 - y0].map((value) => Number((value * scale).toFixed(2)));
  const shape = `x="${place[0]}" y="${place[1]}" width="${place[2]}" height="${place[3]}" fill="none"`;
  // A dark edge on either side lets the color show on any ground.
  return `<rect ${shape} stroke="#000" stroke-opacity=".55" stroke-width="3.6"/><rect ${shape} stroke="rgb(${red},${green},${blue})" stroke-width="2"${isDashed ? ' stroke-dasharray="7 4"' : ""}/>`;
}

/** `text` in lines of at most `most` characters, broken at spaces and hyphens where there are any. */
function wrapped(text: string, most: number): string[] {
  const lines: string[] = [""];
  for (const word of text.split(/(?<=[-_/])|\s+/)) {
    const line = lines[lines.length - 1];
    const joined = line === "" || /[-_/]$/.test(line) ? line + word : `${line} ${word}`;
    if (joined.length <= most || line === "") lines[lines.length - 1] = joined;
    else lines.push(word);
  }
  return lines.map((line) => (line.length > most + 2 ? `${line.slice(0, most)}…` : line));
}
