/**
 * @file OpenImages as the OIDv4 toolkit stores it: folders of pictures, each with a folder `Label`, in which `<picture>.txt` has a line for each box, "<class> <left> <top>
 * <right> <bottom>", in pixels. The folders lie side by side, or in train/, validation/ and test/.
 */
import { BadInputError } from "../../../errors.ts";
import { type DatasetPart, type DatasetProblem, finishDataset } from "../../dataset.ts";
import type { DatasetFormatDefinition } from "../../dataset-format.ts";
import type { DatasetSource, FileEntry } from "../../dataset-source.ts";
import { mapConcurrently } from "../../map-concurrently.ts";
import { partOfName, wantedPart } from "../../parts.ts";
import { baseName, byCodeUnits, isHiddenFolder, isPictureName, joinPath, withoutExtension } from "../../paths.ts";
import { type DatasetReader, leftOut, pictureFile } from "../../reader.ts";
import { boxEntries, type PictureRows } from "./box-entries.ts";
import type { BoxRow } from "./box-table.ts";

const labelFolder = "Label";
const wanted = "<class> <left> <top> <right> <bottom>";

/** Folders this deep are looked at: OID/Dataset/train/Apple. */
const deepest = 4;

/** A folder of pictures with their boxes beside them. */
interface LabelledFolder {
  /** In the data set: "train/Apple"; "" for itself. */
  readonly name: string;
  readonly entries: readonly FileEntry[];
  readonly split?: DatasetPart;
}

/** The folders in `path`, itself included, that have boxes beside their pictures, of each folder the first `breadth` ones in it. */
async function labelledFolders(source: DatasetSource, path: string, breadth = Infinity): Promise<LabelledFolder[]> {
  const visit = async (name: string, depth: number, split: DatasetPart | undefined): Promise<LabelledFolder[]> => {
    const entries = await source.list(name === "" ? path : joinPath(path, name));
    const folders = entries.filter(({ name, kind }) => kind === "folder" && !isHiddenFolder(name));
    if (folders.some(({ name }) => name === labelFolder)) return [{ name, entries, split }];
    if (depth === deepest) return [];
    const inside = folders.sort((a, b) => byCodeUnits(a.name, b.name)).slice(0, breadth);
    const found = await Promise.all(
      inside.map((one) => {
        const own = name === "" ? one.name : joinPath(name, one.name);
        return visit(own, depth + 1, split ?? partOfName(one.name));
      }),
    );
    return found.flat();
  };
  return visit("", 0, partOfName(baseName(path)));
}

/** The boxes of a label's text; lines that say none are rows without one. */
function rowsOf(text: string, file: string, image: string): BoxRow[] {
  return text.split(/\r?\n/).flatMap((line, index): BoxRow[] => {
    if (line.trim() === "") return [];
    const found = /^\s*(.*\S)((?:\s+-?[\d.]+){4})\s*$/.exec(line);
    const [x0, y0, x1, y1] = (found?.[2] ?? "").trim().split(/\s+/).map(Number);
    const at = `${file}, line ${index + 1}`;
    const box = found === null ? undefined : ([x0, y0, x1, y1] as const);
    return [
      { at, image, label: found?.[1] ?? "", texts: [line], box, isEmpty: false, width: Number.NaN, height: Number.NaN },
    ];
  });
}

/** The pictures of all folders with boxes beside them. Ids are their paths; "#<class>" follows where a picture has boxes of several classes. */
const readLabelFolders: DatasetReader = async (path, context) => {
  const { source, selection, classes, signal } = context;
  const folders = await labelledFolders(source, path);
  if (folders.length === 0) {
    throw new BadInputError({
      where: path,
      what: "no folder of pictures has a folder Label beside them",
      expected: "one",
    });
  }
  const problems: DatasetProblem[] = [];
  const part = wantedPart(path, context.split, [...new Set(folders.flatMap(({ split }) => split ?? []))]);
  const pictures = folders.flatMap(({ name: folder, entries, split }) =>
    entries
      .filter(({ name, kind }) => kind === "file" && isPictureName(name))
      .map(({ name }) => ({ name, folder, split })),
  );
  const rows = await mapConcurrently(
    pictures,
    async ({ name, folder, split }): Promise<PictureRows[]> => {
      const image = folder === "" ? name : joinPath(folder, name);
      const isWanted = part === undefined || split === part;
      const label = joinPath(folder, `${labelFolder}/${withoutExtension(name)}.txt`);
      const file = joinPath(path, label);
      if ((await source.exists(file)) !== "file") {
        if (isWanted) problems.push(...leftOut(image, "missing-annotation", `has no ${label}`).problems);
        return [];
      }
      const own = rowsOf(await source.readText(file), label, image);
      if (own.length === 0) {
        if (isWanted) problems.push(...leftOut(image, "no-box", `${label} has no box`).problems);
        return [];
      }
      const table = { rows: own, wanted, areShares: false, problems: [], notes: [] };
      return [{ id: image, image, split, file: { path: file, prefix: "" }, table, own }];
    },
    { signal },
  );
  const all = rows.flat().sort((a, b) => byCodeUnits(a.id, b.id));
  const chosen = selection.pictures(all.filter(({ split }) => part === undefined || split === part));
  const find = async ({ image }: PictureRows) => pictureFile(source, joinPath(path, image));
  const found = await boxEntries(path, { rows: all, chosen, find }, context);
  return finishDataset(path, {
    name: baseName(path),
    classNames: classes?.names,
    images: found.images,
    problems: [...selection.problems, ...problems.sort((a, b) => byCodeUnits(a.image, b.image)), ...found.problems],
    notes: found.notes,
  });
};

export const labelFoldersFormat = {
  name: "oidv4",
  description:
    "OpenImages as the OIDv4 toolkit stores it; an entry per picture, or per picture and class where these differ",
  recognition: {
    files: "folders of pictures with Label/*.txt beside them",
    otherwise: async (path, _entries, source) => {
      for (const { name } of await labelledFolders(source, path, 3)) {
        const inside = await source.list(joinPath(name === "" ? path : joinPath(path, name), labelFolder));
        if (inside.some((entry) => entry.kind === "file" && /\.txt$/i.test(entry.name))) return true;
      }
      return false;
    },
  },
  options: ["split"],
  read: readLabelFolders,
} as const satisfies DatasetFormatDefinition;
