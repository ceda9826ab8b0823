/** @file The rows of a CSV of boxes, as its columns say them (see box-columns.ts). */
import { BadInputError, PerceptualBallError } from "../../../errors.ts";
import type { Box, DatasetProblem } from "../../dataset.ts";
import { type DatasetSource, textHead } from "../../dataset-source.ts";
import { baseName } from "../../paths.ts";
import { parseCsv, separatorOf } from "../../syntax/parse-csv.ts";
import { boxColumns, boxOfTexts, labelOfText, missingColumns, numberOf, withLabel } from "./box-columns.ts";
import { isNoRegion } from "./via-regions.ts";

/** A box of a picture as a file says it, or a picture without one; not yet checked. */
export interface BoxRow {
  /** Where in its file it is, for messages: "line 4". */
  readonly at: string;
  readonly image: string;
  /** The class; "" for none. */
  readonly label: string;
  /** What the box is written as. */
  readonly texts: readonly string[];
  /** NaN for what is no number; undefined where it is none at all, or the picture has none. */
  readonly box: Box | undefined;
  /** Whether the row says that its picture has no box. */
  readonly isEmpty: boolean;
  /** Of the picture, as they are written; NaN where nothing says them. */
  readonly width: number;
  readonly height: number;
}

/** What a file says of boxes. */
export interface BoxTable {
  readonly rows: readonly BoxRow[];
  /** What a box should be, for messages. */
  readonly wanted: string;
  /** Whether boxes are shares of the picture's size by definition. */
  readonly areShares: boolean;
  /** The name of the column whose four numbers are taken as [x, y, width, height] unless they can be none. */
  readonly bbox?: string;
  readonly problems: readonly DatasetProblem[];
  /** What was concluded: sentences. */
  readonly notes: readonly string[];
}

/** What is looked at of a file to see what it is. */
const headLength = 2 ** 16;

/** The fields of the file's first line; undefined if it is no CSV. */
export async function firstLine(source: DatasetSource, file: string): Promise<readonly string[] | undefined> {
  try {
    const { text } = await textHead(source, file, headLength);
    const head = /^[^\r\n]*/.exec(text.replace(/^\uFEFF/, ""))?.[0] ?? "";
    return parseCsv(head, file, separatorOf(head))[0]?.fields ?? [];
  } catch (error) {
    if (error instanceof PerceptualBallError) return undefined;
    throw error;
  }
}

/** What the CSV in `text` says. Throws a BadInputError on behalf of `where` if its columns say no picture or no box. */
export function csvTable(text: string, where: string): BoxTable {
  const separator = separatorOf(text);
  const [first, ...others] = parseCsv(text, where, separator);
  const names = first?.fields ?? [];
  const found = boxColumns(names);
  if (found === undefined) {
    const missing = missingColumns(names);
    throw new BadInputError({
      where,
      what: `the first line does not name the column${missing.length > 1 ? "s" : ""} ${missing.join(", ")}`,
      expected: "image,x0,y0,x1,y1 (or x,y,w,h or bbox) and, if wanted, label, width, height",
      got: names.length === 0 ? "an empty file" : names.map((name) => name.trim().toLowerCase()).join(","),
    });
  }
  const problems: DatasetProblem[] = [];
  const lines = (found.hasHeader ? others : [first, ...others]).filter(({ line, fields }) => {
    if (fields.length === names.length) return true;
    const message = `${fields.length} fields where the first line has ${names.length}; left out`;
    problems.push({ kind: "bad-line", image: `${baseName(where)}, line ${line}`, message });
    return false;
  });
  const columns = withLabel(
    found,
    names,
    lines.map(({ fields }) => fields),
  );
  const { form } = columns;
  // Where semicolons part the fields, the decimal point may be a comma.
  const pointed = (text: string): string =>
    separator === ";" && (form === "corners" || form === "size") ? text.replace(/^(-?\d*),(\d+)$/, "$1.$2") : text;
  let groups = 0;
  const rows = lines.flatMap(({ line, fields }): BoxRow[] => {
    const textAt = (position: number): string => fields[position]?.trim() ?? "";
    // Many objects of a kind in one box, as COCO's iscrowd.
    if (textAt(columns.group) === "1") {
      groups++;
      return [];
    }
    const texts = columns.box.map((position) => pointed(textAt(position)));
    const isEmpty = form === "via" ? isNoRegion(texts[0]) : !columns.hasHeader && texts.every((one) => one === "");
    return [
      {
        at: `line ${line}`,
        image: textAt(columns.image),
        label: labelOfText(form, textAt(columns.label)),
        texts,
        box: isEmpty ? undefined : boxOfTexts(columns, texts),
        isEmpty,
        width: numberOf(pointed(textAt(columns.width))),
        height: numberOf(pointed(textAt(columns.height))),
      },
    ];
  });
  return {
    rows,
    wanted: form === "via" ? "region with an area" : "box of four numbers",
    areShares: isOpenImages(names),
    bbox: form === "bbox" ? names[columns.box[0]].trim() : undefined,
    problems,
    notes: [...columns.notes, ...(groups === 0 ? [] : [`Boxes of groups (IsGroupOf) are left out: ${groups}.`])],
  };
}

/** Whether the columns are those of OpenImages, whose boxes are shares of the picture's size by definition. */
function isOpenImages(names: readonly string[]): boolean {
  const all = new Set(names.map((name) => name.trim()));
  return ["XMin", "XMax", "YMin", "YMax"].every((name) => all.has(name));
}
