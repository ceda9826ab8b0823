/** @file The pictures in folders of classes, with what stands beside these about classes and parts. */
import type { ClassifierClasses } from "../../class-labels.ts";
import type { DatasetPart } from "../../dataset.ts";
import type { DatasetSource } from "../../dataset-source.ts";
import { type FoundPicture, passedOverNotes, pictureTree } from "../../files/picture-tree.ts";
import { partOfName } from "../../parts.ts";
import { byCodeUnits, joinPath } from "../../paths.ts";
import { namesOfFolders } from "./names-of-folders.ts";
import { copyOfOthers, partFolders } from "./part-folders.ts";
import { listedParts } from "./part-lists.ts";
import { unreadTables } from "./unread-tables.ts";
import { wrappingFolders } from "./wrapper-folder.ts";

/** A picture in the folder of a class. */
export interface FolderPicture {
  /** Its path in the data set's folder. */
  readonly id: string;
  readonly path: string;
  readonly className: string;
  /** The folders in the class's that it is in, from there on. */
  readonly inner: readonly string[];
  readonly split?: DatasetPart;
}

/** What folders of classes hold. */
export interface ClassPictures {
  /** The folder of the classes or of the parts, and the folders around it up to the one that was given. */
  readonly root: string;
  readonly around: readonly string[];
  /** In the order of their ids, as the others. */
  readonly pictures: readonly FolderPicture[];
  /** Of formats that are not read. */
  readonly foreign: readonly FolderPicture[];
  /** Pictures that are in no class's folder, by their paths. */
  readonly loose: readonly string[];
  readonly notes: readonly string[];
}

type Gathered = Omit<ClassPictures, "root" | "around">;

/**
 * The pictures below the folder `given`: of the folders in it or, where others only wrap these, further in; their classes called by the folders or by a JSON beside them; their
 * parts those that folders say, or else lists.
 */
export async function classPictures(
  source: DatasetSource,
  given: string,
  classes: ClassifierClasses | undefined,
): Promise<ClassPictures> {
  const around = await wrappingFolders(source, given, classes);
  const [root] = around;
  const found = await gathered(source, root, classes);
  const said = await namesOfFolders(source, around, classesOf(found), classes);
  const called = said === undefined ? found : withNames(found, said.names);
  const ids = called.pictures.map(({ id }) => id);
  const haveParts = called.pictures.some(({ split }) => split !== undefined);
  const lists = haveParts ? undefined : await listedParts(source, around, ids);
  const own = lists === undefined ? called : withParts(called, lists.partOf);
  const notes = [
    ...(root === given
      ? []
      : [`The folders in ${root} are taken for the data set's: ${given} holds no other pictures.`]),
    ...[said, lists].flatMap((one) => (one === undefined ? [] : [one.note])),
    ...(await tableNotes(source, around, [said?.file, ...(lists?.files ?? [])])),
    ...own.notes,
  ];
  return { ...own, root, around, notes };
}

/** The classes in no order. */
export function classesOf({ pictures, foreign }: Gathered): readonly string[] {
  return [...new Set([...pictures, ...foreign].map(({ className }) => className))];
}

/** The pictures with names for the folders of their classes. */
function withNames(found: Gathered, names: ReadonlyMap<string, string>): Gathered {
  const named = (pictures: readonly FolderPicture[]): readonly FolderPicture[] =>
    pictures.map((picture) => ({ ...picture, className: names.get(picture.className) ?? picture.className }));
  return { ...found, pictures: named(found.pictures), foreign: named(found.foreign) };
}

/** The pictures with the parts that lists say they are of. */
function withParts(found: Gathered, partOf: (id: string) => DatasetPart | undefined): Gathered {
  const parted = (pictures: readonly FolderPicture[]): readonly FolderPicture[] =>
    pictures.map((picture) => ({ ...picture, split: partOf(picture.id) }));
  return { ...found, pictures: parted(found.pictures), foreign: parted(found.foreign) };
}

/** What is to be known of the tables in the folders, but for those called as in `read`. */
async function tableNotes(
  source: DatasetSource,
  folders: readonly string[],
  read: readonly (string | undefined)[],
): Promise<readonly string[]> {
  const notes: string[] = [];
  for (const folder of folders) {
    const entries = (await source.list(folder)).filter(({ name }) => !read.includes(name));
    notes.push(...unreadTables(entries, () => "the classes are those of the folders"));
  }
  return notes;
}

/** All pictures below `root`, by the names of the folders. */
async function gathered(
  source: DatasetSource,
  root: string,
  classes: ClassifierClasses | undefined,
): Promise<Gathered> {
  const entries = await source.list(root);
  const divided = await partFolders(source, root, entries, classes);
  const [pictures, foreign]: FolderPicture[][] = [[], []];
  const loose: string[] = [];
  const copy = divided === undefined ? await copyOfOthers(source, root) : undefined;
  const notes =
    copy === undefined ? [] : [`${copy}/ is passed over: it holds folders of the same classes as those beside it.`];
  if (divided !== undefined) {
    const beside = (await pictureTree(source, root, 0)) ?? { pictures: [], foreign: [], passedOver: [] };
    for (const { name } of [...beside.pictures, ...beside.foreign]) loose.push(name);
    notes.push(...passedOverNotes(beside), ...divided.notes);
  }
  for (const part of divided?.parts ?? [undefined]) {
    const folder = part === undefined ? root : joinPath(root, part.name);
    const tree = await pictureTree(source, folder);
    if (tree === undefined) continue;
    notes.push(...passedOverNotes(tree));
    const add = (to: FolderPicture[], picture: FoundPicture): void => {
      const id = part === undefined ? picture.name : `${part.name}/${picture.name}`;
      const [className, ...below] = picture.name.split("/");
      if (className === copy) return;
      const inner = below.slice(0, -1);
      if (below.length > 0) to.push({ id, path: picture.path, className, inner, split: part?.split });
      else loose.push(id);
    };
    for (const picture of tree.pictures) add(pictures, picture);
    for (const picture of tree.foreign) add(foreign, picture);
  }
  const inOrder = (some: FolderPicture[]) => some.sort((a, b) => byCodeUnits(a.id, b.id));
  const below = divided === undefined && [...pictures, ...foreign].every(({ id }) => partBelow(id) !== undefined);
  const withPart = (some: FolderPicture[]) =>
    below ? some.map((picture) => ({ ...picture, split: partBelow(picture.id), inner: [] })) : some;
  return {
    pictures: withPart(inOrder(pictures)),
    foreign: withPart(inOrder(foreign)),
    loose: loose.sort(byCodeUnits),
    notes,
  };
}

/** The part that a picture is of whose class's folder has folders of parts: "dog/train/1.png". */
function partBelow(id: string): DatasetPart | undefined {
  const [, folder, file] = id.split("/");
  return file === undefined ? undefined : partOfName(folder);
}
