/**
 * @file Tables that say the classes of pictures, as people write them: a CSV whose columns are called one way or another, lists of a name and a
 * class per line (Caffe's), lines of JSON, or JSON with a picture's class under its name.
 */
import type { DatasetProblem } from "../dataset.ts";
import { chunksOf, type DatasetSource } from "../dataset-source.ts";
import { baseName, isPictureName } from "../paths.ts";
import { parseCsv, separatorOf } from "../syntax/parse-csv.ts";

/** A line of a table, not yet checked. */
export interface TableLine {
  readonly number: number;
  readonly values: Readonly<Record<string, unknown>>;
}

/** What the picture's name may stand under, the surest first, in lower case with "_" for what is no letter or number. */
const pictureColumns = [
  ...["file_name", "filename", "image_path", "image_name", "img_path", "img_name", "file_path", "filepath"],
  ...["image", "img", "file", "path", "image_id", "imageid", "image_file", "id", "id_code"],
];

const labelColumns = ["label", "class", "category", "class_name", "labels", "target", "label_name", "classname"];

/** With any of these a table is one of boxes. */
const boxColumns = [
  "x0",
  "y0",
  "x1",
  "y1",
  "xmin",
  "ymin",
  "xmax",
  "ymax",
  "x_min",
  "y_min",
  "bbox",
  "boxes",
  "objects",
];

/** What other formats have: Hugging Face's metadata, ImageNet's boxes, and the lists of Choe et al. */
const others = /^(metadata\.(csv|jsonl)|LOC_\w+_solution\.csv|(image_ids|class_labels|localization|image_sizes)\.txt)$/;

/** Columns beside the picture's name that are certainly no class. */
const otherColumns =
  /^(prediction_?string|text|caption|description|url|score|rating|width|height|size|date|time|split|set|md5|sha256|hash|bbox.*|box.*)$/;

/** Whether a table of classes may be called so. */
export function isTableName(name: string): boolean {
  return /\.(csv|tsv|txt|jsonl?)$/i.test(name) && !others.test(name) && !name.startsWith(".");
}

function folded(name: string): string {
  return name
    .trim()
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_");
}

interface Columns {
  readonly picture: number;
  readonly label: number;
}

/** Where the picture's name and its class are among the columns; undefined where one of them is not, or there are boxes. */
function columnsOf(names: readonly string[]): Columns | undefined {
  const all = names.map(folded);
  if (all.some((name) => boxColumns.includes(name))) return undefined;
  const first = (wanted: readonly string[]): number => {
    const found = wanted.find((name) => all.includes(name));
    return found === undefined ? -1 : all.indexOf(found);
  };
  const picture = first(pictureColumns);
  const label = first(labelColumns);
  if (picture < 0) return undefined;
  if (label >= 0) return { picture, label };
  // "id,breed": of two columns the other one is the class.
  return all.length === 2 && !otherColumns.test(all[1 - picture]) ? { picture, label: 1 - picture } : undefined;
}

const listLine =
  /^"?(.+?\.(?:jpe?g|jpe|jf?if|png|webp|gif|tiff?|avif|bmp|p[bgpn]m|npy))"?(?:\s*[,;]\s*|\s+)("[^"]+"|[^",;\t\s][^",;\t]*)$/i;

/** A line of Tiny ImageNet's val_annotations.txt: the name, the WordNet number and a box. */
const tinyLine = /^(\S+\.JPEG)\t(n\d{8})((?:\t\d+){4})$/;

/** The name and the class in a line such as "a.png 3" or "a.png,cat". Several numbers are a box, or several classes, and no class. */
function listed(line: string): readonly [string, string] | undefined {
  const [, name, label] = listLine.exec(line.trim()) ?? [];
  if (name === undefined || label === undefined || /^[-\d.]+(\s+[-\d.]+)+$/.test(label)) return undefined;
  return [name, unquoted(label)];
}

function isComment(line: string): boolean {
  return line.trim() === "" || line.startsWith("#");
}

/** So much of a file is looked at. */
const headLength = 2 ** 16;

/** Whether the file says the classes of pictures, as far as its beginning tells. */
export async function isLabelTable(source: DatasetSource, file: string): Promise<boolean> {
  const decoder = new TextDecoder();
  let head = "";
  for await (const bytes of chunksOf(source, file)) {
    head += decoder.decode(bytes.subarray(0, headLength), { stream: true });
    if (head.length >= headLength) break;
  }
  head = head.replace(/^\uFEFF/, "");
  if (/\.json$/i.test(file)) return looksLikeJson(head);
  const lines = head.split(/\r?\n/).filter((line) => !isComment(line));
  const [line = ""] = lines;
  if (/\.jsonl$/i.test(file)) return keysIn(recordIn(line)) !== undefined;
  if (listed(line) !== undefined || tinyLine.test(line.trim())) return true;
  return /\.[ct]sv$/i.test(file) && columnsOf(line.split(separatorOf(line)).map(unquoted)) !== undefined;
}

function unquoted(field: string): string {
  return field.trim().replace(/^"(.*)"$/, "$1");
}

function looksLikeJson(head: string): boolean {
  const [, key] = /^\s*\{\s*"([^"]+)"\s*:\s*(?:"|\d)/.exec(head) ?? [];
  if (key !== undefined) return isPictureName(baseName(key));
  // Pairs, by themselves or as StyleGAN's dataset.json has them.
  if (/^\s*(?:\{\s*"labels"\s*:\s*)?\[\s*\[\s*"[^"]+\.\w+"\s*,\s*(?:"|\d)/.test(head)) return true;
  const first = /^\s*\[\s*(\{[^{}]*\})/.exec(head)?.[1];
  return first !== undefined && keysIn(recordIn(first)) !== undefined;
}

function recordIn(text: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Under which keys of the record the picture and its class are. */
function keysIn(record: Readonly<Record<string, unknown>> | undefined): readonly [string, string] | undefined {
  const keys = Object.keys(record ?? {});
  const found = columnsOf(keys);
  return found === undefined ? undefined : [keys[found.picture], keys[found.label]];
}

/** The lines of the table in `text`, with `file_name` and `label`; those that are none are problems. */
export function tableLines(text: string, file: string, problems: DatasetProblem[]): readonly TableLine[] {
  const bad = (number: number, what: string): void => {
    problems.push({ kind: "bad-line", image: `${baseName(file)}, line ${number}`, message: `${what}; left out` });
  };
  const row = (number: number, name: unknown, label: unknown): TableLine => ({
    number,
    values: { file_name: typeof name === "number" ? String(name) : name, label },
  });
  const ofRecord = (value: unknown, number: number): TableLine[] => {
    const record = isRecord(value) ? value : {};
    const keys = keysIn(record);
    if (keys !== undefined) return [row(number, record[keys[0]], record[keys[1]])];
    bad(number, "names no picture and class");
    return [];
  };
  const plain = text.replace(/^\uFEFF/, "");
  if (/\.json$/i.test(file)) return ofJson(plain, ofRecord, row);
  const lines = plain.split(/\r?\n/);
  const first = lines.find((line) => !isComment(line)) ?? "";
  if (/\.jsonl$/i.test(file)) {
    return lines.flatMap((line, index) => (line.trim() === "" ? [] : ofRecord(recordIn(line), index + 1)));
  }
  if (listed(first) !== undefined || tinyLine.test(first.trim())) {
    return lines.flatMap((line, index) => {
      if (isComment(line)) return [];
      const [, name, synset, box] = tinyLine.exec(line.trim()) ?? [];
      if (name !== undefined) {
        return [{ number: index + 1, values: { file_name: name, label: synset, objects: box.trim() } }];
      }
      const found = listed(line);
      if (found !== undefined) return [row(index + 1, ...found)];
      bad(index + 1, `${JSON.stringify(line)} is no picture's name and class`);
      return [];
    });
  }
  const [header, ...rows] = parseCsv(plain, file, separatorOf(plain));
  const columns = columnsOf(header?.fields ?? []);
  if (columns === undefined) return [];
  return rows.flatMap(({ line, fields }) => {
    if (fields.length === header.fields.length) {
      return [row(line, fields[columns.picture].trim(), fields[columns.label].trim())];
    }
    bad(line, `${fields.length} fields where the first line has ${header.fields.length}`);
    return [];
  });
}

function ofJson(
  text: string,
  ofRecord: (value: unknown, number: number) => TableLine[],
  row: (number: number, name: unknown, label: unknown) => TableLine,
): readonly TableLine[] {
  const value: unknown = JSON.parse(text);
  const list = isRecord(value) && Array.isArray(value.labels) ? value.labels : value;
  if (Array.isArray(list)) {
    return list.flatMap((one: unknown, index) =>
      Array.isArray(one) ? [row(index + 1, one[0], one[1])] : ofRecord(one, index + 1),
    );
  }
  return isRecord(list) ? Object.entries(list).map(([name, label], index) => row(index + 1, name, label)) : [];
}
