/** @file Comma-separated values as RFC 4180 has them, or with what spreadsheets write in the comma's place. */
import { BadInputError, PerceptualBallError } from "../../errors.ts";

export interface CsvRow {
  /** The line on which the row begins, from 1. */
  readonly line: number;
  readonly fields: readonly string[];
}

export type Separator = "," | ";" | "\t";

/**
 * What stands between the fields of the first line of `text`, which names columns: of a comma, a semicolon, as spreadsheets write where the comma is the
 * decimal point, and a tab the one that is there most often; of those that are as often the first of these.
 */
export function separatorOf(text: string): Separator {
  const line = /^\uFEFF?((?:"[^"]*"|[^"\r\n])*)/.exec(text.slice(0, 2 ** 16))?.[1].replace(/"[^"]*"/g, "") ?? "";
  const countOf = (one: Separator): number => line.split(one).length;
  return ([",", ";", "\t"] as const).reduce((most, one) => (countOf(one) > countOf(most) ? one : most));
}

const fieldsOf = {
  // A field and what ends it. An unquoted field may have quotes inside, as most writers and readers allow.
  ",": /(?:"([^"]*(?:""[^"]*)*)"|([^",\r\n][^,\r\n]*)?)(,|\r\n|\n|\r|$)/y,
  ";": /(?:"([^"]*(?:""[^"]*)*)"|([^";\r\n][^;\r\n]*)?)(;|\r\n|\n|\r|$)/y,
  "\t": /(?:"([^"]*(?:""[^"]*)*)"|([^"\t\r\n][^\t\r\n]*)?)(\t|\r\n|\n|\r|$)/y,
} as const satisfies Readonly<Record<Separator, RegExp>>;

/**
 * The rows of `text`. Fields may be in double quotes, with a double quote doubled, and may then contain separators and line breaks; rows
 * end in LF or CR LF; a byte order mark and empty lines are passed over. Spaces belong to their field.
 *
 * Throws a BadInputError on behalf of `where` with the line if a quoted field is not closed, or goes on after its end.
 */
export function parseCsv(text: string, where: string, separator: Separator = ","): readonly CsvRow[] {
  const field = new RegExp(fieldsOf[separator]);
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
    if (end === separator) continue;
    if (fields.length > 1 || whole.length > end.length) rows.push({ line: rowLine, fields });
    fields = [];
    rowLine = line;
  }
  return rows;
}

/** The rows of `text`, whatever separates their fields; none where it is no CSV. */
export function rowsIfCsv(text: string, where: string): readonly CsvRow[] {
  try {
    return parseCsv(text, where, separatorOf(text));
  } catch (error) {
    if (error instanceof PerceptualBallError) return [];
    throw error;
  }
}
