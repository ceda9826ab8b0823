/** @file The transfer matrix as text, Markdown and CSV. */
import { checkForm } from "../../errors.ts";
import { escapeMarkup, printable } from "../../escape-text.ts";
import type { TransferCell, TransferMatrix } from "../../experiments/attack/transfer.ts";
import { csvOf } from "../tables/csv.ts";
import { markdownTable, markdownText } from "../tables/markdown.ts";

/** "43.0 % [30.1, 57.0]"; "–" without pictures. */
function cellText({ share }: TransferCell): string {
  if (share === null) return "–";
  const points = (value: number): string => (100 * value).toFixed(1);
  return `${points(share.value)} % [${points(share.low)}, ${points(share.high)}]`;
}

/** What the numbers are. */
export const transferSentence =
  "The share of pictures whose class changes (or any label, of a network that decides each by itself) when a network is shown the attacked picture, in eight bits and at the size of the first network's input, in place of the clean one; brackets are Wilson's 95 % intervals. The first network is the one that the attacks were made on.";

/** The matrix in Markdown. */
export function transferMarkdown(matrix: TransferMatrix): string {
  checkForm("transferMarkdown: matrix", matrix, ["models", "rows"]);
  const { models, rows } = matrix;
  return markdownTable(
    ["attack", "pictures", ...models.map(markdownText)],
    rows.map(({ attack, cells }) => [
      markdownText(attack),
      String(cells[0]?.pictures ?? 0),
      ...cells.map((cell) => cellText(cell)),
    ]),
  );
}

/** The matrix as lines for a terminal. */
export function transferLines(matrix: TransferMatrix): string[] {
  checkForm("transferLines: matrix", matrix, ["models", "rows"]);
  const table = [
    ["attack", "pictures", ...matrix.models.map((name) => printable(name))],
    ...matrix.rows.map(({ attack, cells }) => [
      printable(attack),
      String(cells[0]?.pictures ?? 0),
      ...cells.map((cell) => cellText(cell)),
    ]),
  ];
  const widths = table[0].map((_, column) => Math.max(...table.map((row) => row[column].length)));
  return table.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column]))
      .join("  ")
      .trimEnd(),
  );
}

/** The matrix as a table of a page, each share shaded by what it is. */
export function transferTable(matrix: TransferMatrix): string {
  checkForm("transferTable: matrix", matrix, ["models", "rows"]);
  const heads = ["attack", "pictures", ...matrix.models].map((name) => `<th scope="col">${escapeMarkup(name)}</th>`);
  const rows = matrix.rows.map(({ attack, cells }) => {
    const shares = cells.map((cell) => {
      const shade = ((cell.share?.value ?? 0) / 2).toFixed(3);
      return `<td style="background:rgba(86,180,233,${shade})">${escapeMarkup(cellText(cell))}</td>`;
    });
    return `<tr><th scope="row">${escapeMarkup(attack)}</th><td>${cells[0]?.pictures ?? 0}</td>${shares.join("")}</tr>`;
  });
  return `<table><thead><tr>${heads.join("")}</tr></thead><tbody>${rows.join("")}</tbody></table>`;
}

/** One line per attack and network, comma-separated (RFC 4180). */
export function transferCsv(matrix: TransferMatrix): string {
  checkForm("transferCsv: matrix", matrix, ["models", "rows"]);
  const rows = matrix.rows.flatMap(({ cells }) =>
    cells.map(({ attack, model, pictures, changed, share }) => [
      ...[attack, model, pictures, changed],
      ...(share === null ? [null, null, null] : [share.value, share.low, share.high]),
    ]),
  );
  return csvOf([["attack", "model", "pictures", "changed", "share", "shareLow", "shareHigh"], ...rows], { digits: 8 });
}
