/**
 * @file Lists that say which pictures in folders of classes are for training and testing: a line "apple_pie/1005649" per picture, as Food-101 has in `meta/train.txt`
 * and MIT's indoor scenes in `TrainImages.txt`.
 */
import type { DatasetPart } from "../../dataset.ts";
import type { DatasetSource } from "../../dataset-source.ts";
import { partOfName } from "../../parts.ts";
import { byCodeUnits, joinPath, plainName, withoutExtension } from "../../paths.ts";

const listName = /^(train|training|val|valid|validation|test|testing)([\s_-]?(images|list|files))?\.txt$/i;

/** Where such lists lie, in the folder of the data set. */
const places = ["", "meta", "splits", "lists"];

export interface ListedParts {
  /** The part of the picture of this path in the folder of the classes. */
  readonly partOf: (id: string) => DatasetPart | undefined;
  /** The names of the lists. */
  readonly files: readonly string[];
  /** A sentence. */
  readonly note: string;
}

/**
 * The parts by the lists in the first of the folders, or of the usual ones in it, that has some: one for each of two parts at least, most of whose lines are pictures among
 * `ids`, none of two. Undefined if there are none.
 */
export async function listedParts(
  source: DatasetSource,
  folders: readonly string[],
  ids: readonly string[],
): Promise<ListedParts | undefined> {
  const stems = new Set(ids.map(withoutExtension));
  for (const folder of folders.flatMap((one) => places.map((place) => (place === "" ? one : joinPath(one, place))))) {
    if ((await source.exists(folder)) !== "folder") continue;
    const parts = new Map<string, DatasetPart>();
    const files: string[] = [];
    for (const { name, kind } of (await source.list(folder)).toSorted((a, b) => byCodeUnits(a.name, b.name))) {
      const split = kind === "file" ? partOfName(listName.exec(name)?.[1] ?? "") : undefined;
      if (split === undefined) continue;
      const lines = (await source.readText(joinPath(folder, name))).replace(/^\uFEFF/, "").split(/\r?\n/);
      const stemOf = (name: string): string => (stems.has(name) ? name : withoutExtension(name));
      const named = lines.flatMap((line) => (line.trim() === "" ? [] : [stemOf(plainName(line.trim()))]));
      const known = named.filter((stem) => stems.has(stem));
      if (2 * known.length <= named.length || known.some((stem) => parts.has(stem))) continue;
      for (const stem of known) parts.set(stem, split);
      files.push(name);
    }
    if (new Set(parts.values()).size < 2) continue;
    const note = `The parts are those of the lists in ${folder}: ${files.join(", ")}.`;
    return { partOf: (id) => parts.get(withoutExtension(id)), files, note };
  }
  return undefined;
}
