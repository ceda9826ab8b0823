/** @file Where the pictures are that a file of annotations calls by name. */
import type { DatasetPart } from "../dataset.ts";
import { partOfName } from "../parts.ts";
import { baseName, folderName, hasPictureEnding } from "../paths.ts";
import { type Findings, leftOut, namedPicture, type ReaderContext } from "../reader.ts";
import { firstFolderOf, onlyFolderOf, picturesAreMissing } from "./find-folder.ts";
import { findNamedPictures } from "./find-pictures.ts";
import { pictureTree } from "./picture-tree.ts";

export interface LocatedPictures {
  /** The path of the picture that the file calls `name`, or the findings of an entry that is left out. */
  readonly pathOf: (name: string) => Promise<{ readonly path: string } | Findings>;
  readonly notes: readonly string[];
}

/** What is looked for, and where. */
export interface SoughtPictures {
  /** The file of annotations. */
  readonly file: string;
  readonly names: readonly string[];
  /** The usual places, the likeliest first. */
  readonly folders: readonly string[];
  /** The folder that is searched if they are at none of these. */
  readonly root: string;
  /** The part that they are of: where folders of it hold pictures, those of others are not looked at. */
  readonly part?: DatasetPart;
}

/**
 * The pictures that the file calls `names`: in the first of the usual places that has one of them; or, with a note, in the only folder in `root` that has one, or
 * wherever they are in it by what is left of their names without endings and without folders of another computer. Throws a
 * BadInputError on behalf of the file that says where they were looked for.
 */
export async function locatePictures(
  { file, names, folders, root, part }: SoughtPictures,
  context: Pick<ReaderContext, "source" | "follow">,
): Promise<LocatedPictures> {
  const { source } = context;
  const within = (folder: string, notes: readonly string[] = []): LocatedPictures => {
    return { pathOf: (name) => namedPicture(name, folder, context), notes };
  };
  if (names.length === 0) return within(folderName(file));
  const calledBy = baseName(file);
  const usual = await firstFolderOf(source, folders, names);
  if (usual !== undefined && names.every(hasPictureEnding)) return within(usual);
  if (usual === undefined) {
    const only = await onlyFolderOf(source, root, names);
    const note = `The pictures of ${calledBy} are taken from ${only}: no other folder in ${root} holds any of them.`;
    if (only !== undefined) return within(only, [note]);
  }
  const all = ((await pictureTree(source, root))?.pictures ?? []).map(({ name }) => name);
  const ofPart = all.filter((name) =>
    folderName(name)
      .split("/")
      .some((one) => partOfName(one) === part),
  );
  const pictures = part !== undefined && ofPart.length > 0 ? ofPart : all;
  const inner = folders.flatMap((folder) => {
    if (folder === root) return [""];
    return folder.startsWith(`${root}/`) ? [folder.slice(root.length + 1)] : [];
  });
  const found = await findNamedPictures(source, { root, pictures, folders: inner, names, calledBy });
  if (found === undefined && usual !== undefined) return within(usual);
  if (found === undefined) throw picturesAreMissing(file, folders, names);
  const pathOf: LocatedPictures["pathOf"] = async (name) => {
    const own = found.nameOf(name);
    if (own !== undefined) return namedPicture(own, root, context);
    // Files of formats that are not read are there all the same, which is said when they are opened.
    if (usual !== undefined) return namedPicture(name, usual, context);
    return leftOut(name, "missing-picture", `there is no picture in ${root} that it alone can be`);
  };
  return { pathOf, notes: found.notes };
}
