/**
 * @file Names of classes in the forms that files and metadata have.
 *
 * One name per line; lines with numbers ("0: cat", "0,cat", "cat 0"); tables with a header; JSON and Python's dictionaries (Keras'
 * class_index.json and class_indices, Hugging Face's id2label and label2id, ultralytics' names); YAML's `names:`; TensorFlow's label maps.
 */
import { BadInputError, checkForm } from "../../errors.ts";
import { rangeOf } from "../../tensor/vector.ts";
import { isLiteralList, isLiteralMap, type Literal, type LiteralMap, literalAt, parseLiteral } from "./literal.ts";
import { namesPerRepetition } from "./short-names.ts";

/** A name with the number that stands beside it. */
type Numbered = readonly [number: number, name: string];

/**
 * The class names in `text`, in class order. Numbers beside the names decide the order, whether they count from 0 or from 1; WordNet
 * numbers are left out. Throws a BadInputError, which starts with `where`, for numbers that have gaps or occur twice, and for names
 * that are all empty.
 */
export function readLabels(text: string, where: string): readonly string[] {
  checkForm("readLabels: text", text, "string");
  checkForm("readLabels: where", where, "string");
  return checkFilled(namesOfText(text, where), where);
}

/** `names`, unless there are some and all are empty: then it throws a BadInputError, which starts with `where`. */
export function checkFilled(names: readonly string[], where: string): readonly string[] {
  if (names.length === 0 || names.some((name) => name.trim() !== "")) return names;
  throw new BadInputError({
    where,
    what: "the names of the classes are empty",
    expected: "a name for each class",
    got: `${names.length} empty ${names.length === 1 ? "name" : "names"}`,
  });
}

/** The names in a file's text, in the first form that it has. */
function namesOfText(text: string, where: string): readonly string[] {
  const plain = text.replace(/^\uFEFF/, "");
  // As programs print or assign it: "Classes: ['cat', 'dog']".
  const [, called, body] = /^\s*([a-z_][\w .-]*?)\s*[:=]\s*([[{].*)$/is.exec(plain) ?? [undefined, where, plain];
  const literal = /^\s*[[{]/.test(body) ? parseLiteral(body) : undefined;
  if (literal !== undefined) {
    const names = namesOfLiteral(literal, where, called);
    if (names !== undefined) return names;
    throw new BadInputError({
      where,
      what: "there are no class names in it",
      expected:
        'a list of names, {"0": "cat", …}, {"cat": 0, …}, or an object with id2label, names, classes or label_names',
    });
  }
  if (/\bitem\s*\{/.test(plain)) {
    const items = [...plain.matchAll(/\bitem\s*\{([^}]*)\}/g)].flatMap(([, body]): Numbered[] => {
      const number = /\bid\s*:\s*(\d+)/.exec(body)?.[1];
      const name =
        /\bdisplay_name\s*:\s*["']([^"']*)["']/.exec(body)?.[1] ?? /\bname\s*:\s*["']([^"']*)["']/.exec(body)?.[1];
      return number === undefined || name === undefined ? [] : [[Number(number), name]];
    });
    if (items.length > 0) return inOrder(items, where);
  }
  const objects = namesOfObjects(plain, where);
  if (objects !== undefined) return objects;
  const yaml = namesOfYaml(plain, where);
  if (yaml !== undefined) return yaml;
  const lines = numberedParts(plain) ?? plain.split(/\r?\n|\r/);
  while (lines.length > 0 && lines[lines.length - 1].trim() === "") lines.pop();
  return namesOfTable(lines, where) ?? namesOfNumberedLines(lines, where) ?? unlisted(lines).map(withoutSynset);
}

/** `lines` without the commas behind each, and the quotes around each, of a list that was written in a program. */
function unlisted(lines: readonly string[]): readonly string[] {
  const filled = lines.filter((line) => line.trim() !== "");
  const isListed = filled.length > 1 && filled.slice(0, -1).every((line) => /\S\s*,\s*$/.test(line));
  const bare = isListed ? lines.map((line) => line.replace(/\s*,\s*$/, "")) : lines;
  const isQuoted = filled.length > 0 && bare.every((line) => line.trim() === "" || /^\s*(["']).*\1\s*$/.test(line));
  return isQuoted ? bare.map(unquoted) : bare;
}

/** The numbered names that a text holds in one line, "0:red,1:green"; undefined if it is none. */
export function numberedParts(text: string): string[] | undefined {
  const parts = text
    .trim()
    .split(/\s*[,;|\t]\s*/)
    .filter((part) => part !== "");
  const isNumbered = parts.length > 1 && parts.every((part) => /^\d+\s*[:=]\s*[^\r\n]+$/.test(part));
  return isNumbered ? parts : undefined;
}

/** The names of JSON objects, one a line; undefined if the lines are not all that. */
function namesOfObjects(text: string, where: string): readonly string[] | undefined {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  if (lines.length < 2 || !lines.every((line) => /^\s*\{.*\}\s*$/.test(line))) return undefined;
  const items = lines.map((line) => parseLiteral(line));
  const list = items.filter((item) => item !== undefined);
  return list.length === items.length ? namesOfLiteral(list, where) : undefined;
}

/** `line` without the WordNet number in front. */
export function withoutSynset(line: string): string {
  return line.trim().replace(/^n\d{8}[\s,:;]+(?=\S)/, "");
}

/** The keys under which objects hold names, those of whole lists and those of dictionaries. */
const listKeys = [
  "id2label",
  "label2id",
  "names",
  "classes",
  "class_names",
  "label_names",
  "labels",
  "categories",
  "idx_to_class",
  "class_to_idx",
  "class_indices",
  "label_map",
];

/** What the entries of a list call a name, the surest first, and its number. */
const entryNames = [
  "name",
  "label",
  "class",
  "class_name",
  "className",
  "label_name",
  "display_name",
  "title",
  "description",
];
const entryNumbers = ["id", "index", "idx", "class_id", "classId", "class_index", "label_id"];

/** Objects further within others are not looked into. */
const deepest = 3;

/** What is called so holds the numbers of names, and not the names of numbers. */
const numbersOfNames = /(label|name|class)[-_ ]?(2|to)[-_ ]?(id|ids|idx|index|indices)|class[-_ ]?indices/i;

/**
 * The names that a list or a dictionary holds, by what it is `called`; undefined if it holds none. Of a dictionary whose keys and values are all numbers
 * the keys are the names where it is called so, or where they are in the order of texts ("1", "10", "2") and the values count.
 */
export function namesOfLiteral(
  value: Literal,
  where: string,
  called = where,
  depth = 0,
): readonly string[] | undefined {
  if (isLiteralList(value)) {
    if (value.every((item) => isLiteralMap(item))) {
      const items = value.flatMap((item, index): Numbered[] => {
        const name = nameOf(item);
        const number = entryNumbers.map((key) => literalAt(item, key)).find((one) => typeof one === "number");
        return name === undefined ? [] : [[number ?? index, name]];
      });
      return items.length === value.length && items.length > 0 ? inOrder(items, where) : undefined;
    }
    const names = value.map(nameOf).filter((name) => name !== undefined);
    return names.length === value.length && names.length > 0 ? names : undefined;
  }
  if (!isLiteralMap(value) || value.entries.length === 0) return undefined;
  const { entries } = value;
  const isNumber = (item: Literal): boolean =>
    (typeof item === "number" || typeof item === "string") && /^\d+$/.test(String(item));
  const hasNumbers = entries.every(([, item]) => isNumber(item));
  const countsTexts =
    entries.every(([, item], index) => Number(item) === index) &&
    entries.some(([key], index) => index > 0 && Number(key) < Number(entries[index - 1]?.[0]));
  const isOfNames = hasNumbers && (numbersOfNames.test(called) || countsTexts);
  if (!isOfNames && entries.every(([key, item]) => /^\d+$/.test(key) && nameOf(item) !== undefined)) {
    return inOrder(
      entries.map(([key, item]): Numbered => [Number(key), nameOf(item) ?? ""]),
      where,
    );
  }
  // label2id of many networks of Hugging Face has its numbers as strings.
  if (hasNumbers) {
    return inOrder(
      entries.map(([key, item]): Numbered => [Number(item), key]),
      where,
    );
  }
  for (const key of listKeys) {
    const inner = literalAt(value, key);
    const names = inner === undefined ? undefined : namesOfLiteral(inner, where, key, depth + 1);
    if (names !== undefined) return names;
  }
  return depth < deepest ? namesFurtherIn(value, where, depth) : undefined;
}

/** The names under one of the keys of objects within `value`. */
function namesFurtherIn({ entries }: LiteralMap, where: string, depth: number): readonly string[] | undefined {
  for (const [, inner] of entries) {
    if (
      !isLiteralMap(inner) ||
      !inner.entries.some(([key]) => listKeys.includes(key) || isLiteralMap(literalAt(inner, key)))
    )
      continue;
    const names = namesOfLiteral(inner, where, where, depth + 1);
    if (names !== undefined) return names;
  }
  return undefined;
}

/** A name, an object that has one, or Keras' pair of a WordNet number and a name. */
function nameOf(item: Literal): string | undefined {
  if (isLiteralMap(item)) {
    return entryNames.map((key) => literalAt(item, key)).find((one) => typeof one === "string");
  }
  if (typeof item === "string") return withoutSynset(item);
  if (typeof item === "number") return String(item);
  if (!isLiteralList(item)) return undefined;
  const texts = item.filter((one) => typeof one === "string");
  if (texts.length !== item.length || texts.length === 0) return undefined;
  return texts.length > 1 && /^n\d{8}$/.test(texts[0]) ? texts.slice(1).join(", ") : texts.join(", ");
}

/** The names by their numbers, which count from 0 or from 1 without gaps. */
function inOrder(items: readonly Numbered[], where: string): readonly string[] {
  const sorted = items.toSorted(([a], [b]) => a - b);
  const [[first]] = sorted;
  const gap = sorted.findIndex(([number], index) => number !== first + index);
  if (first <= 1 && gap === -1) return sorted.map(([, name]) => name.trim());
  throw new BadInputError({
    where,
    what: gap === -1 ? "the numbers of the classes begin late" : "the numbers of the classes have gaps or occur twice",
    expected: `${sorted.length} numbers from 0 or 1 on`,
    got: gap === -1 ? `${first} first` : `${sorted[gap - 1][0]}, then ${sorted[gap][0]}`,
  });
}

/** A line with a number, and what tells whether that is the number of its class. */
interface NumberedLine {
  readonly number: number;
  readonly name: string;
  /** Whether more than a space lies between: "0: cat", "[0] cat", or a tab. */
  readonly isMarked: boolean;
}

/** The lines as names, if each has a number before or behind its name and these are those of the classes. */
function namesOfNumberedLines(lines: readonly string[], where: string): readonly string[] | undefined {
  const filled = lines.filter((line) => line.trim() !== "");
  // Ranges, as of ages, begin with every number where they are one wide; the last of them may be open.
  const ranges = filled.filter((line) => /^\s*\d+\s+(?:[-–]|to)\s+\d/.test(line));
  if (ranges.length * 2 > filled.length) return undefined;
  const patterns = [
    /^(\s*[[("']?(\d+)[\])"']?(?:\s*(?:->|=>|→|[:=;,|])\s*|\s+-\s+|\.\s+|\s+|\)\s*))(\S.*)$/,
    /^()()\s*["']?(\S.*?)["']?\s*([\s:=;,|]\s*(\d+))\s*$/,
  ];
  for (const pattern of patterns) {
    const items = filled.flatMap((line): NumberedLine[] => {
      const match = pattern.exec(line);
      if (match === null) return [];
      const [, before, front, name, behind = "", back] = match;
      const isMarked = /[^\d\s"']|\t/.test(before.trimStart() + behind);
      return [{ number: Number(back ?? front), name: unquoted(withoutSynset(name)), isMarked }];
    });
    if (items.length !== filled.length || items.length === 0) continue;
    const numbers = new Set(items.map(({ number }) => number));
    const [least, most] = rangeOf([...numbers]);
    // Names that begin with a number ("7 up") are no numbering: that one has every number once.
    const isNumbering = numbers.size === items.length && least <= 1 && most === least + items.length - 1;
    if (!isNumbering) continue;
    const isMarked = items.every((item) => item.isMarked);
    if (tellApart(items, isMarked)) {
      return inOrder(
        items.map(({ number, name }): Numbered => [number, name]),
        where,
      );
    }
    // "0: other" and "2: other": the numbers say the order all the same, and the names keep what tells them apart.
    if (isMarked && pattern === patterns[0]) {
      return inOrder(
        items.map(({ number }, index): Numbered => [number, filled[index]]),
        where,
      );
    }
  }
  return undefined;
}

/**
 * Whether the names tell the classes apart without their numbers. Where they do not ("grade 0" and "grade 1", "1 star" and "2 stars",
 * "3 of clubs" and "4 of clubs"), the numbers are parts of the names. Of a single line, only a mark says what its number is.
 */
function tellApart(items: readonly NumberedLine[], isMarked: boolean): boolean {
  if (items.length === 1) return isMarked;
  const different = new Set(items.map(({ name }) => name.toLowerCase().replace(/s\b/g, "")));
  return items.length - different.size <= items.length / namesPerRepetition;
}

function unquoted(text: string): string {
  const trimmed = text.trim();
  const match = /^(["'])(.*)\1,?$/.exec(trimmed);
  return match === null ? trimmed : match[2];
}

/** What stands above a column of names. */
export const nameColumns =
  /^(names?|labels?|class(es)?|class[ _-]?names?|label[ _-]?names?|categor(y|ies)|titles?|descriptions?|display[ _-]?names?|species|text|synset[ _-]?names?)$/i;
const numberColumns =
  /^(id|ids|index|idx|class[ _-]?(id|idx|index|num(ber)?)|label[ _-]?(id|idx|index)|number|num|no\.?|nr\.?|#|targets?|labels?|class(es)?|y)?$/i;

/** What other columns beside names are called. */
const otherColumns =
  /^(synsets?|wnid|wordnet[ _-]?(id|number)|codes?|folders?|director(y|ies)|files?|paths?|super[ _-]?categor(y|ies)|parents?|groups?|famil(y|ies)|genus|counts?|colou?rs?|hex|r|g|b|short|abbreviations?|language|english|latin)$/i;

/**
 * The names of a table whose first line says what its columns are; undefined if it is none. Without a column of numbers, "text, book" may as well be
 * the first class: it is a header only where each of its words is one of a table.
 */
function namesOfTable(lines: readonly string[], where: string): readonly string[] | undefined {
  const [header, ...body] = lines.filter((line) => line.trim() !== "");
  const separator = [",", "\t", ";"].find((one) => header?.includes(one));
  if (header === undefined || body.length === 0) return undefined;
  // One column with a heading.
  if (separator === undefined) return undefined;
  const titles = fields(header, separator);
  const rows = body.map((line) => fields(line, separator));
  if (!titles.some((title) => nameColumns.test(title)) || rows.some((row) => row.length < titles.length))
    return undefined;
  const column = (index: number): readonly string[] => rows.map((row) => row[index]);
  const isWhole = (index: number): boolean => column(index).every((cell) => /^\d+$/.test(cell));
  const isSynset = (index: number): boolean => column(index).every((cell) => /^n\d{8}$/.test(cell));
  const named = titles.findIndex((title, index) => nameColumns.test(title) && !isWhole(index) && !isSynset(index));
  if (named === -1) return undefined;
  // Whether the columns themselves are a header, or the first class.
  if (titles.some((title) => /^\d+$/.test(title))) return undefined;
  const numbered = titles.findIndex((title, index) => index !== named && numberColumns.test(title) && isWhole(index));
  if (numbered === -1) {
    const isHeader = titles.every((one) => [nameColumns, numberColumns, otherColumns].some((words) => words.test(one)));
    return isHeader ? column(named) : undefined;
  }
  return inOrder(
    rows.map((row): Numbered => [Number(row[numbered]), row[named]]),
    where,
  );
}

/** The cells of a line, quotes taken off. */
function fields(line: string, separator: string): string[] {
  const cells: string[] = [];
  let cell = "";
  let isQuoted = false;
  for (let i = 0; i < line.length; i++) {
    const character = line[i];
    if (character === '"') {
      if (isQuoted && line[i + 1] === '"') cell += line[++i];
      else isQuoted = !isQuoted;
    } else if (character === separator && !isQuoted) {
      cells.push(cell.trim());
      cell = "";
    } else cell += character;
  }
  return [...cells, cell.trim()];
}

/** Keys of YAML under which names stand, the most usual first. */
const yamlKeys = ["names", "class_names", "label_names", "classes", "labels", "categories"];

/** What stands under `names:` or the like in YAML, as a list or with numbers, or the items of a file that is nothing but a list. */
function namesOfYaml(text: string, where: string): readonly string[] | undefined {
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "" && !line.trim().startsWith("#"));
  const items = lines.flatMap((line) => /^\s*-\s+(\S.*)$/.exec(line)?.[1] ?? []);
  if (items.length > 1 && items.length === lines.length) return items.map((item) => unquoted(item));
  const match =
    yamlKeys.map((key) => new RegExp(`^${key}\\s*:[ \\t]*(.*)$`, "m").exec(text)).find((one) => one !== null) ?? null;
  if (match === null) return undefined;
  const [whole, inline] = match;
  if (inline.trim() !== "" && !inline.trim().startsWith("#")) {
    // A list over several lines ends at its bracket.
    const rest = text.slice(match.index + whole.length - inline.length);
    const close = rest.trim().startsWith("[") ? "]" : "}";
    const list = rest.slice(0, rest.indexOf(close) + 1);
    const literal = parseLiteral(list);
    if (literal !== undefined) return namesOfLiteral(literal, where);
    const items = /^\s*\[(.*)\]\s*$/s.exec(list)?.[1].split(",");
    return items?.map(unquoted).filter((name) => name !== "");
  }
  const names: Numbered[] = [];
  for (const line of text.slice(match.index + whole.length).split(/\r?\n/)) {
    if (line.trim() === "" || line.trim().startsWith("#")) continue;
    const item = /^\s*(?:-|(\d+)\s*:)\s+(.+?)\s*(?:#.*)?$/.exec(line);
    if (item === null) break;
    names.push([item[1] === undefined ? names.length : Number(item[1]), unquoted(item[2])]);
  }
  return names.length === 0 ? undefined : inOrder(names, where);
}
