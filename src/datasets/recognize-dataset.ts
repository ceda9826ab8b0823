/** @file Which format a data set has, by its files. */
import { BadInputError, MisuseError, UnsupportedError } from "../errors.ts";
import type { DatasetFormatDefinition } from "./dataset-format.ts";
import { type DatasetFormat, formatDefinitions } from "./dataset-formats.ts";
import { type DatasetSource, type FileEntry, textHead } from "./dataset-source.ts";
import { foreignData, foreignFolder, foreignText } from "./foreign-data.ts";
import { baseName, byCodeUnits, folderName, isHiddenFolder, joinPath } from "./paths.ts";

type Definition = DatasetFormatDefinition & { readonly name: DatasetFormat };

const definitions: readonly Definition[] = formatDefinitions;

/**
 * The format of the data set at `path`, which exists. Folders of pictures without annotations are what is left when nothing else
 * is there. Throws a BadInputError that lists what was looked for if it is none, and a MisuseError that lists the formats if it may be
 * several.
 */
export async function recognizeDataset(path: string, source: DatasetSource): Promise<DatasetFormat> {
  if ((await source.exists(path)) === "file") return formatOfFile(path, source);
  const entries = await source.list(path);
  const fitting: Definition[] = [];
  for (const definition of definitions) {
    const { folder, isDenied } = definition.recognition;
    if (folder?.(entries) && !(await isDenied?.(path, entries, source))) fitting.push(definition);
  }
  const [first, ...others] = fitting.length > 0 ? fitting : await formatsByContent(path, entries, source);
  if (others.length > 0) {
    const names = [first, ...others].map(({ name }) => name);
    throw new MisuseError({
      where: path,
      what: "the folder may be data sets of several formats",
      expected: "one",
      got: names.join(", "),
      advice: `Say which: --data-format ${names.join(" or --data-format ")} (the option \`format\`).`,
    });
  }
  const isSure = first !== undefined && first.name !== "classes" && first.name !== "pictures";
  if (!isSure) refuse(path, "holds", await foreignFolder(path, entries, source));
  if (first !== undefined) return first.name;
  refuseForeign(path, entries.map(({ name }) => name).sort(byCodeUnits));
  const there = entries.map(({ name, kind }) => (kind === "folder" ? `${name}/` : name)).sort(byCodeUnits);
  throw new BadInputError({
    where: path,
    what: "not recognized as a data set",
    expected: listed(definitions.map(({ name, recognition }) => `${recognition.files} (${name})`)),
    got: there.length === 0 ? "an empty folder" : there.slice(0, 6).join(", ") + (there.length > 6 ? ", …" : ""),
    advice: "Say what it is with --data-format, and where things are with --images and --annotations.",
  });
}

/** What a folder without a mark of its own may be: by what is in the folders in it, or else by the pictures. */
async function formatsByContent(
  path: string,
  entries: readonly FileEntry[],
  source: DatasetSource,
): Promise<readonly Definition[]> {
  const found = new Set<Definition>();
  for (const { name, kind } of entries) {
    if (kind !== "folder" || isHiddenFolder(name)) continue;
    const inside = await source.list(joinPath(path, name));
    for (const definition of definitions) if (definition.recognition.inner?.(inside)) found.add(definition);
  }
  if (found.size > 0) return definitions.filter((definition) => found.has(definition));
  for (const definition of definitions) {
    if (await definition.recognition.otherwise?.(path, entries, source)) return [definition];
  }
  return [];
}

async function formatOfFile(path: string, source: DatasetSource): Promise<DatasetFormat> {
  const name = baseName(path);
  const sure = definitions.filter(({ recognition }) => recognition.file?.fits(name));
  const fitting = definitions.filter(
    (definition) => sure.includes(definition) || definition.recognition.file?.mayFit?.(name),
  );
  for (const definition of fitting) {
    if (fitting.length === 1 && sure.length === 1) return definition.name;
    const { isDenied } = definition.recognition;
    if (!(await isDenied?.(folderName(path), [{ name, kind: "file" }], source))) return definition.name;
  }
  if (/\.(json|xml)$/i.test(name)) refuse(path, "is", foreignText((await textHead(source, path, headLength)).text));
  if (sure.length > 0) return sure[0].name;
  refuseForeign(path, [name]);
  throw new BadInputError({
    where: path,
    what: "not recognized as a data set",
    expected: listed(definitions.flatMap(({ recognition }) => recognition.file?.named ?? [])),
    advice: "Say what it is with --data-format (the option `format`).",
  });
}

/** So much of a file is looked at. */
const headLength = 2 ** 16;

/** Throws an UnsupportedError if one of the names says that the data are in a form that is known and not read. */
function refuseForeign(path: string, names: readonly string[]): void {
  const found = foreignData(names);
  if (found === undefined || found.name === baseName(path)) refuse(path, "is", found);
  else refuse(path, "holds", { ...found, what: `${found.what} (${found.name})` });
}

/** Throws an UnsupportedError for data of a form that is known and not read, if they are. */
function refuse(
  path: string,
  verb: "is" | "holds",
  found: { readonly what: string; readonly advice: string } | undefined,
): void {
  if (found === undefined) return;
  throw new UnsupportedError({
    where: path,
    what: `${verb} ${found.what}, not read as data`,
    expected: "pictures, in folders of classes or with annotations",
    advice: found.advice,
  });
}

function listed(things: readonly string[]): string {
  return `${things.slice(0, -1).join("; ")}; or ${things.slice(-1).join("")}`;
}
