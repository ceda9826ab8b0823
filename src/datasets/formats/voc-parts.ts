/**
 * @file XML in the form of Pascal VOC beside the pictures in folders of parts: `train/1.jpg` and `train/1.xml`, the same in `valid` and `test`, as
 * Roboflow exports it (https://roboflow.com/formats/pascal-voc-xml).
 */
import type { DatasetPart } from "../dataset.ts";
import { called, hasFolder } from "../dataset-format.ts";
import type { DatasetSource, FileEntry } from "../dataset-source.ts";
import { fileTree, picturesOf } from "../files/picture-tree.ts";
import { partOfName } from "../parts.ts";
import { byCodeUnits, isPictureName, joinPath, withoutExtension } from "../paths.ts";
import type { ReaderContext } from "../reader.ts";

/** A picture and its XML, by the name that they have in common. */
export interface VocPicture {
  /** Such as "000012", or "train/000012" in folders of parts. */
  readonly id: string;
  readonly split?: DatasetPart;
  /** Undefined where there is no picture. */
  readonly picture?: string;
  /** Where the XML is, or should be. */
  readonly file: string;
  /** Where the picture should be. */
  readonly folder: string;
}

/** Whether the name is that of an XML file. */
export function isXml(name: string): boolean {
  return /\.xml$/i.test(name);
}

/** The names of the folders of parts among the entries. */
function partsAmong(entries: readonly FileEntry[]): readonly string[] {
  const names = entries.filter(({ name, kind }) => kind === "folder" && partOfName(name) !== undefined);
  return names.map(({ name }) => name).sort(byCodeUnits);
}

/** Whether a folder of a part is among the entries. */
export function hasParts(entries: readonly FileEntry[]): boolean {
  return partsAmong(entries).length > 0;
}

/**
 * Whether in a folder of a part in `path` XML lies beside a picture of its name, and no JSON lies beside the folders, which would say what
 * is on the pictures. A CSV there is mostly made of the XML.
 */
export async function holdsVocParts(
  path: string,
  entries: readonly FileEntry[],
  source: DatasetSource,
): Promise<boolean> {
  if (entries.some(({ name, kind }) => kind === "file" && /\.jsonl?$/i.test(name))) return false;
  for (const part of partsAmong(entries)) {
    const files = (await source.list(joinPath(path, part))).filter(({ kind }) => kind === "file");
    const pictures = new Set(files.filter(({ name }) => isPictureName(name)).map(({ name }) => withoutExtension(name)));
    if (files.some(({ name }) => isXml(name) && pictures.has(withoutExtension(name)))) return true;
  }
  return false;
}

/** The folder whose parts hold XML beside pictures: `path`, or `images` or `data` in it; undefined if it is none of them. */
export async function homeOfParts(
  path: string,
  entries: readonly FileEntry[],
  source: DatasetSource,
): Promise<string | undefined> {
  if (await holdsVocParts(path, entries, source)) return path;
  for (const name of ["images", "data"]) {
    if (!hasFolder(called(name))(entries)) continue;
    const folder = joinPath(path, name);
    if (await holdsVocParts(folder, await source.list(folder), source)) return folder;
  }
  return undefined;
}

/** The pictures and XML files of all parts in `path`, in the order of their ids; `images` and `annotations` are folders with the same parts. */
export async function picturesOfParts(
  path: string,
  { source, images = path, annotations = path }: Pick<ReaderContext, "source" | "images" | "annotations">,
): Promise<readonly VocPicture[]> {
  const found: VocPicture[] = [];
  for (const part of partsAmong(await source.list(path))) {
    const [folder, xmlFolder] = [joinPath(images, part), joinPath(annotations, part)];
    const tree = await fileTree(source, folder, 1);
    const pictures = new Map<string, string>();
    if (tree !== undefined) {
      for (const { name, path: file } of picturesOf(tree, source).pictures) pictures.set(withoutExtension(name), file);
    }
    const xml = new Map<string, string>();
    for (const { name, path: file } of (await fileTree(source, xmlFolder, 1))?.files ?? []) {
      if (isXml(name)) xml.set(withoutExtension(name), file);
    }
    for (const stem of new Set([...pictures.keys(), ...xml.keys()])) {
      found.push({
        id: `${part}/${stem}`,
        split: partOfName(part),
        picture: pictures.get(stem),
        file: xml.get(stem) ?? joinPath(xmlFolder, `${stem}.xml`),
        folder,
      });
    }
  }
  return found.sort((a, b) => byCodeUnits(a.id, b.id));
}
