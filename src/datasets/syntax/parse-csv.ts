/** @file Comma-separated values as RFC 4180 has them. */
import { BadInputError } from "../../errors.ts";

export interface CsvRow {
  /** The line on which the row begins, from 1. */
  readonly line: number;
  readonly fields: readonly string[];
}

/**
 * The rows of `text`. Fields may be in double quotes, with a double quote doubled, and may then contain commas and line breaks; rows
 * end in LF or CR LF; a byte order mark and empty lines are passed over. Spaces belong to their field.
 *
 * Throws a BadInputError on behalf of `where` with the line if a quoted field is not closed, or goes on after its end.
 */
export function parseCsv(text: string, where: string): readonly CsvRow[] {
  // A field and what ends it. An unquoted field may have quotes inside, as most writers and readers allow.
  const field = /(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n][^,\r\n]*)?)(,|\r\n|\n|\r|$)/y;
  const source = text.replace(/^\uFEFF/, "");
  const rows: CsvRow[] = [];
  let fields: string[] = [];
  let [line, rowLine] = [1, 1];
  while (field.lastIndex < source.length || fields.length > 0) {
    const match = field.exec(source);
    if (match === null) {
      throw new BadInputError({
        where,
        what: `line ${line}: a field in quotes is not closed, or goes on after its end`,
      });
    }
    const [whole, quoted, plain, end] = match;
    fields.push(quoted?.replaceAll('""', '"') ?? plain ?? "");
    line += whole.split("\n").length - 1;
    if (end === ",") continue;
    if (fields.length > 1 || whole.length > end.length) rows.push({ line: rowLine, fields });
    fields = [];
    rowLine = line;
  }
  return rows;
}
