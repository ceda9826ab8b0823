/**
 * @file Whether folders that only their order makes classes may be something else: the parts of a data set, or pictures and their masks.
 *
 * Names that the classifier knows say themselves that they are classes. Where it knows none of them, two folders "images" and "masks" would
 * otherwise be the two classes of a network without names, and every number wrong.
 */
import { BadInputError } from "../../../errors.ts";
import { type ClassifierClasses, classLabels, matchClassList } from "../../class-labels.ts";
import { byCodeUnits, joinPath } from "../../paths.ts";
import { isNoClassName, mayBeNoClass } from "./part-folders.ts";

/** A picture by the folder that would be its class, and the folders in that one that it is in, from there on. */
export interface FolderedPicture {
  /** Its path in the data set's folder. */
  readonly id: string;
  readonly className: string;
  readonly inner: readonly string[];
}

/** Folders of the same names in each of the classes' folders, or several in a single one; undefined where there are none. */
function doubtOfInner(pictures: readonly FolderedPicture[]): string | undefined {
  const innerOf = new Map<string, Set<string | undefined>>();
  for (const { className, inner } of pictures) {
    const known = innerOf.get(className);
    if (known === undefined) innerOf.set(className, new Set([inner[0]]));
    else known.add(inner[0]);
  }
  const [first, ...others] = innerOf.values();
  if (first === undefined) return undefined;
  // In a single folder a few pictures may lie beside those folders.
  const inside = pictures.filter(({ inner }) => inner.length > 0).length;
  const areNested = innerOf.size === 1 ? 2 * inside > pictures.length : inside === pictures.length;
  const shared = [...first].filter((name) => name !== undefined && others.every((one) => one.has(name)));
  if (!areNested) return undefined;
  if (shared.length < 2) return undefined;
  const some = shared.map(String).sort(byCodeUnits);
  const those = some.slice(0, 3).join(", ") + (some.length > 3 ? ", …" : "");
  return others.length > 0
    ? `there are ${those} in each of them`
    : `${inside === pictures.length ? "all" : "most"} pictures are in ${those} in it`;
}

/** The model's classes that are names of folders in those of the classes, two at least; undefined where there are none. */
function doubtOfKnown(pictures: readonly FolderedPicture[], known: ReadonlySet<string>): string | undefined {
  const found = [...new Set(pictures.flatMap(({ inner }) => inner.filter((name) => known.has(name))))];
  if (found.length < 2) return undefined;
  const those = found.sort(byCodeUnits).slice(0, 3).join(", ") + (found.length > 3 ? ", …" : "");
  return `the folders ${those} in ${new Set(pictures.map(({ className }) => className)).size > 1 ? "them" : "it"} are called as the model's classes`;
}

/** Names of folders, whatever they are, that the classifier knows by name or WordNet number. */
function knownNames(names: readonly string[], classes: ClassifierClasses): ReadonlySet<string> {
  const { ofName } = classLabels(classes);
  const own = [...new Set(names)].filter((name) => !/^\d+$/.test(name) || "label" in ofName(name));
  const { lookups, isByOrder } = matchClassList(own, classes);
  return new Set(isByOrder ? [] : own.filter((_, index) => "label" in lookups[index]));
}

/**
 * Why the folders may be no classes, a phrase: for data whose classes the classifier does not know by name or WordNet number. Where it has their
 * numbers, only folders of the same names in each speak against them.
 */
export function doubtOfFolders(
  pictures: readonly FolderedPicture[],
  classes: ClassifierClasses | undefined,
): string | undefined {
  if (classes === undefined) return undefined;
  const names = [...new Set(pictures.map(({ className }) => className))];
  if (knownNames(names, classes).size > 0) return undefined;
  const inner = doubtOfInner(pictures) ?? doubtOfKnown(pictures, knownInner(pictures, classes));
  const { ofText } = classLabels(classes);
  if (inner !== undefined || names.some((name) => "label" in ofText(name))) return inner;
  // A single one is no class, whatever it is called.
  const telling = names.length === 1 ? [] : names.every(mayBeNoClass) ? names : names.filter(isNoClassName);
  if (telling.length === 0) return undefined;
  return `${telling.slice(0, 3).join(", ")} ${telling.length === 1 ? "is" : "are"} mostly no name of a class`;
}

function knownInner(pictures: readonly FolderedPicture[], classes: ClassifierClasses): ReadonlySet<string> {
  return knownNames(
    pictures.flatMap(({ inner }) => inner),
    classes,
  );
}

/** The folder that is probably meant: around the folders that the classifier knows, or else the first one around several. */
function rightFolder(pictures: readonly FolderedPicture[], known: ReadonlySet<string>): string {
  const foldersOf = ({ id }: FolderedPicture): readonly string[] => id.split("/").slice(0, -1);
  const [first] = pictures;
  const of =
    pictures.find(({ inner }) => inner.some((name) => known.has(name))) ??
    pictures.find(({ inner }) => inner.length > 0) ??
    first;
  const words = foldersOf(of);
  const start = words.length - of.inner.length;
  const at = of.inner.findIndex((name) => known.has(name));
  if (at >= 0) return words.slice(0, start + at).join("/");
  let end = start;
  const isAlone = (): boolean => {
    const here = pictures
      .map(foldersOf)
      .filter((other) => words.slice(0, end).every((word, index) => other[index] === word));
    return new Set(here.map((other) => other[end])).size === 1;
  };
  while (end < words.length - 1 && isAlone()) end++;
  return words.slice(0, end).join("/");
}

/** The error for folders in `root` that may be no classes. */
export function doubtfulFolders(
  root: string,
  pictures: readonly FolderedPicture[],
  doubt: string,
  classes: ClassifierClasses | undefined,
): BadInputError {
  const names = [...new Set(pictures.map(({ className }) => className))].sort(byCodeUnits);
  const folder = rightFolder(pictures, classes === undefined ? new Set() : knownInner(pictures, classes));
  const isNested = pictures.some(({ inner }) => inner.length > 0);
  const listed = names.slice(0, 4).join(", ") + (names.length > 4 ? ", …" : "");
  return new BadInputError({
    where: root,
    what:
      names.length === 1
        ? `the folder ${listed} is none of the model's classes, and may be no class: ${doubt}`
        : `the folders ${listed} are none of the model's classes, and may be no classes: ${doubt}`,
    expected: "a folder per class, such as cat/1.jpg",
    advice: `${isNested ? `If the folders of the classes are in one of them, name that one: --data ${joinPath(root, folder)}. ` : ""}If these are the classes, give their names in the model's order with --labels (the option \`labels\` of \`loadClassifier\`).`,
  });
}
