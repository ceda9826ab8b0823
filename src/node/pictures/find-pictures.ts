/**
 * @file The pictures that arguments mean: files, folders, patterns, and lists of these in a file.
 *
 * Shells that expand patterns themselves leave nothing to do here; others (those of Windows), and quoted patterns, do.
 */
import { lstat } from "node:fs/promises";
import { dirname, isAbsolute, join } from "node:path";
import type { FileEntry } from "../../datasets/dataset-source.ts";
import { byCodeUnits, isArrayName, isForeignPictureName, isModelName, isPictureName } from "../../datasets/paths.ts";
import { BadInputError, kindOf, MisuseError } from "../../errors.ts";
import { entryKindOf, folderEntries } from "../folder-entries.ts";
import { pathBytes, pathOfBytes } from "../path-bytes.ts";
import { readRegularFile } from "../read-regular-file.ts";

/**
 * The paths of the pictures that `given` means, each once, in the order given; pictures of a folder or a pattern in the order of their names.
 * - A path that exists is that file, or all the pictures in that folder (not in folders in it).
 * - `*`, `?`, `[a-z]` and `{a,b}` in a path that does not exist stand for what they stand for in a shell, `**` for any folders.
 * - `@list.txt` is each line of that file that is neither empty nor begins with `#`: a path or pattern, beside the file if not absolute.
 * - Any other path stays as it is: that there is no such file is found out when it is read.
 *
 * Throws a {@link MisuseError} for a folder without pictures, a pattern that fits none and the name of a model, and a {@link BadInputError} for a list that
 * cannot be read.
 */
export async function findPictures(given: readonly string[]): Promise<string[]> {
  if (!Array.isArray(given) || given.some((path) => typeof path !== "string")) {
    throw new MisuseError({
      where: "findPictures",
      what: "not a list of paths",
      expected: '["dog.jpg", …]',
      got: kindOf(given),
    });
  }
  const found = new Set<string>();
  for (const argument of given) for (const path of await picturesOf(argument)) found.add(path);
  return [...found];
}

async function picturesOf(argument: string): Promise<readonly string[]> {
  if (isModelName(argument)) {
    throw new MisuseError({
      where: argument,
      what: "is a model",
      expected: "a picture",
      advice: "The command takes the model as --model FILE.",
    });
  }
  const kind = await entryKindOf(argument);
  if (kind === "file") return [argument];
  if (kind === "folder") return picturesInFolder(argument);
  if (argument.startsWith("@")) return picturesOfList(argument.slice(1));
  // Where the backslash separates folders, it does so in patterns too.
  const pattern = process.platform === "win32" ? argument.replaceAll("\\", "/") : argument;
  return /[*?[{]/.test(pattern) ? picturesOfPattern(pattern, argument) : [argument];
}

/** What a folder holds, by name; nothing if it cannot be listed. */
async function entriesOf(folder: string): Promise<FileEntry[]> {
  const entries = await folderEntries(folder === "" ? "." : folder).catch(() => []);
  return entries.sort((a, b) => byCodeUnits(a.name, b.name));
}

function joined(folder: string, name: string): string {
  return folder === "" || folder.endsWith("/") ? folder + name : `${folder}/${name}`;
}

/** Whether the name is that of a picture, also of a format that is not read: that is said when it is. */
function seemsPicture(name: string): boolean {
  return isPictureName(name) || isForeignPictureName(name);
}

async function picturesInFolder(folder: string): Promise<string[]> {
  const entries = await entriesOf(folder);
  const names = entries.filter(({ name, kind }) => kind === "file" && seemsPicture(name)).map(({ name }) => name);
  if (names.length > 0) return names.map((name) => joined(folder, name));
  const arrays = entries.filter(({ name, kind }) => kind === "file" && isArrayName(name));
  if (arrays.length > 0) return arrays.map(({ name }) => joined(folder, name));
  const inner = entries.filter(({ kind }) => kind === "folder").length;
  throw new MisuseError({
    where: folder,
    what: "there is no picture in the folder",
    expected: "pictures",
    got:
      entries.length === 0
        ? "an empty folder"
        : entries.length === 1
          ? entries[0].name
          : `${entries.length} other entries`,
    advice:
      inner === 0 ? undefined : `For those in the folders in it, quote a pattern: "${joined(folder, "**/*.png")}".`,
  });
}

async function picturesOfList(list: string): Promise<string[]> {
  const text = pathOfBytes(await readRegularFile(list, { expected: "a list of pictures, a path per line" }));
  const lines = text
    .replace(/^\ufeff/, "")
    .split(/\r?\n/)
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"));
  if (lines.length === 0)
    throw new BadInputError({ where: list, what: "the list is empty", expected: "a path per line" });
  const paths: string[] = [];
  for (const line of lines) {
    const path = isAbsolute(line) ? line : join(dirname(list), line);
    if (line.startsWith("@")) throw new BadInputError({ where: list, what: "a list in a list", got: line });
    for (const picture of await picturesOf(path)) paths.push(picture);
  }
  return paths;
}

async function picturesOfPattern(pattern: string, given: string): Promise<string[]> {
  const found = new Set<string>();
  for (const one of alternatives(pattern)) {
    const parts = one.split("/").filter((part, i) => part !== "" || i === 0);
    const root = parts[0] === "" ? "/" : "";
    await walk(root, root === "" ? parts : parts.slice(1), found);
  }
  const pictures = [...found].filter((path) => seemsPicture(path) || isArrayName(path)).sort(byCodeUnits);
  if (pictures.length > 0) return pictures;
  throw new MisuseError({
    where: given,
    what: "no picture fits the pattern",
    expected: "the path of a picture, a folder or a pattern",
  });
}

/** Adds the files that fit the parts of a pattern below `folder`. */
async function walk(folder: string, parts: readonly string[], found: Set<string>): Promise<void> {
  const [part, ...rest] = parts;
  if (part === undefined) return;
  if (!/[*?[]/.test(part)) {
    const path = joined(folder, part);
    const kind = await entryKindOf(path);
    if (rest.length > 0 && kind === "folder") await walk(path, rest, found);
    if (rest.length === 0 && kind === "file") found.add(path);
    return;
  }
  if (part === "**") await walk(folder, rest, found);
  for (const { name, kind } of await entriesOf(folder)) {
    const path = joined(folder, name);
    if (part === "**") {
      // Links are not followed any number of levels deep: they may lead in circles.
      if (kind === "folder" && !name.startsWith(".") && !(await lstat(pathBytes(path))).isSymbolicLink())
        await walk(path, parts, found);
    } else if (matches(part, name)) {
      if (rest.length > 0 && kind === "folder") await walk(path, rest, found);
      if (rest.length === 0 && kind === "file") found.add(path);
    }
  }
}

/** At most so many words come out of the braces of a pattern. */
const maxAlternatives = 1000;

/** The patterns that `{a,b}` stands for; braces in braces too. A brace without its partner or a comma is itself. */
export function alternatives(pattern: string): string[] {
  const open = pattern.indexOf("{");
  if (open < 0) return [pattern];
  let depth = 0;
  const cuts = [open];
  for (let i = open; i < pattern.length; i++) {
    if (pattern[i] === "{") depth++;
    else if (pattern[i] === "," && depth === 1) cuts.push(i);
    else if (pattern[i] === "}" && --depth === 0) {
      cuts.push(i);
      break;
    }
  }
  const close = cuts[cuts.length - 1];
  if (depth !== 0 || cuts.length < 3) return [pattern];
  const words = cuts.slice(1).map((cut, i) => pattern.slice(cuts[i] + 1, cut));
  const all = words.flatMap((word) => alternatives(pattern.slice(0, open) + word + pattern.slice(close + 1)));
  if (all.length > maxAlternatives)
    throw new MisuseError({ where: pattern, what: "the braces stand for too many patterns" });
  return all;
}

/**
 * Whether the name fits a part of a pattern with `*`, `?` and `[…]`. Letter case matters but on Windows; names that begin with a point
 * must be named so. Takes time in proportion to the product of the lengths, whatever the pattern.
 */
export function matches(pattern: string, name: string): boolean {
  const fold = (text: string): string => (process.platform === "win32" ? text.toLowerCase() : text);
  if (name.startsWith(".") && !pattern.startsWith(".")) return false;
  const tokens = tokensOf(fold(pattern));
  const characters = [...fold(name)];
  let [at, token] = [0, 0];
  let star: { token: number; at: number } | undefined;
  while (at < characters.length) {
    const wanted = tokens[token];
    if (wanted === "*") {
      star = { token: token++, at };
    } else if (wanted?.(characters[at])) {
      at++;
      token++;
    } else if (star !== undefined) {
      // The star takes one more.
      star.at++;
      [at, token] = [star.at, star.token + 1];
    } else return false;
  }
  return tokens.slice(token).every((rest) => rest === "*");
}

type Token = "*" | ((character: string) => boolean);

function tokensOf(pattern: string): Token[] {
  const characters = [...pattern];
  const tokens: Token[] = [];
  for (let i = 0; i < characters.length; i++) {
    const character = characters[i];
    const end = character === "[" ? characters.indexOf("]", i + 2) : -1;
    if (character === "*") tokens.push("*");
    else if (character === "?") tokens.push(() => true);
    else if (end > 0) {
      tokens.push(classOf(characters.slice(i + 1, end)));
      i = end;
    } else tokens.push((other) => other === character);
  }
  return tokens;
}

/** `[abc]`, `[a-z]`, `[!a]` and `[^a]`. */
function classOf(inside: readonly string[]): (character: string) => boolean {
  const isNegated = inside[0] === "!" || inside[0] === "^";
  const members = isNegated ? inside.slice(1) : inside;
  return (character) => {
    const isMember = members.some((member, i) => {
      if (member === "-" && i > 0 && i < members.length - 1)
        return members[i - 1] <= character && character <= members[i + 1];
      return member === character;
    });
    return isMember !== isNegated;
  };
}
