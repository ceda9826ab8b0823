/** @file What a JSON beside folders of classes calls these: `{"1": "fire lily", "10": "globe thistle"}`, such as `cat_to_name.json` of the flowers. */
import { type ClassifierClasses, classLabels } from "../../class-labels.ts";
import { type DatasetSource, textHead } from "../../dataset-source.ts";
import { joinPath } from "../../paths.ts";
import { objectIn } from "../../syntax/json-objects.ts";

/** Larger files, and more of them in a folder, are not looked at. */
const mostCharacters = 2 ** 20;
const mostFiles = 8;

export interface FolderNames {
  /** By the folder's name. */
  readonly names: ReadonlyMap<string, string>;
  /** The name of the file that has them. */
  readonly file: string;
  /** A sentence. */
  readonly note: string;
}

/**
 * The names that the only JSON in the folders has for all class folders, where the classifier knows one of these and none of the folders; undefined if there is
 * none, or several differ.
 */
export async function namesOfFolders(
  source: DatasetSource,
  folders: readonly string[],
  classFolders: readonly string[],
  classes: ClassifierClasses | undefined,
): Promise<FolderNames | undefined> {
  if (classes?.names === undefined) return undefined;
  const { ofName } = classLabels(classes);
  if (classFolders.some((name) => "label" in ofName(name))) return undefined;
  const found: FolderNames[] = [];
  for (const folder of folders) {
    const files = (await source.list(folder)).filter(({ name, kind }) => kind === "file" && /\.json$/i.test(name));
    for (const { name: file } of files.slice(0, mostFiles)) {
      const { text, isWhole } = await textHead(source, joinPath(folder, file), mostCharacters);
      const names = isWhole ? namesIn(text, classFolders) : undefined;
      if (names === undefined || ![...names.values()].some((name) => "label" in ofName(name))) continue;
      const [[first, name]] = names;
      found.push({ names, file, note: `The folders of the classes are called by ${file}: ${first} is ${name}.` });
    }
  }
  const [first, ...others] = found;
  return others.every(({ names }) => [...names].every(([folder, name]) => first.names.get(folder) === name))
    ? first
    : undefined;
}

/** What the object in the text has under the names of all folders, if these are names, each once. */
function namesIn(text: string, classFolders: readonly string[]): ReadonlyMap<string, string> | undefined {
  const object = objectIn(text.replace(/^\uFEFF/, ""));
  const names = new Map<string, string>();
  for (const folder of classFolders) {
    const name = object?.[folder];
    if (typeof name !== "string" || name.trim() === "") return undefined;
    names.set(folder, name.trim());
  }
  return new Set(names.values()).size === classFolders.length ? names : undefined;
}
