/**
 * @file Whether folders that only their order makes classes may be something else: the parts of a data set, or pictures and their masks.
 *
 * Names that the classifier knows say themselves that they are classes. Where it knows none of them, two folders "images" and "masks" would
 * otherwise be the two classes of a network without names, and every number wrong.
 */
import { BadInputError } from "../../errors.ts";
import { type ClassifierClasses, classLabels } from "../class-labels.ts";
import { byCodeUnits, joinPath } from "../paths.ts";

/** A picture by the folder that would be its class, and the folder in that one, if it is in any. */
export interface FolderedPicture {
  /** Its path in the data set's folder. */
  readonly id: string;
  readonly className: string;
  readonly inner?: string;
}

const parts =
  /^(train|training|val|valid|validation|dev|test|testing|eval|evaluation|holdout)([\s_-]?(images?|imgs?|set|data|pictures?))?$/i;

const kinds =
  /^(images?|imgs?|pictures?|photos?|jpe?g(images)?|png|masks?|labels?|annotations?|segmentations?|trimaps?|ground[\s_-]?truth|gt|data|dataset)$/i;

/** Why the folders of `pictures`, none of which the classifier knows, may be no classes; undefined where nothing speaks against it. */
function doubtOf(pictures: readonly FolderedPicture[]): string | undefined {
  const innerOf = new Map<string, Set<string | undefined>>();
  for (const { className, inner } of pictures) {
    const known = innerOf.get(className);
    if (known === undefined) innerOf.set(className, new Set([inner]));
    else known.add(inner);
  }
  const [first, ...others] = innerOf.values();
  if (first === undefined) return undefined;
  const shared = [...first].filter((name) => name !== undefined && others.every((one) => one.has(name)));
  const areNested = ![...innerOf.values()].some((one) => one.has(undefined));
  if (areNested && shared.length > 1) {
    const some = shared.map(String).sort(byCodeUnits);
    const those = some.slice(0, 3).join(", ") + (some.length > 3 ? ", …" : "");
    return others.length > 0 ? `there are ${those} in each of them` : `all pictures are in ${those} in it`;
  }
  const telling = [...innerOf.keys()].filter((name) => parts.test(name) || kinds.test(name));
  if (telling.length === 0) return undefined;
  return `${telling.slice(0, 3).join(", ")} ${telling.length === 1 ? "is" : "are"} mostly no name of a class`;
}

/** Why the order of the folders may say nothing, a phrase: for data whose classes the classifier does not know by name, WordNet number or index. */
export function doubtOfFolders(
  pictures: readonly FolderedPicture[],
  classes: ClassifierClasses | undefined,
): string | undefined {
  if (classes === undefined) return undefined;
  const { ofText } = classLabels(classes);
  const names = new Set(pictures.map(({ className }) => className));
  return [...names].some((name) => "label" in ofText(name)) ? undefined : doubtOf(pictures);
}

/** The error for folders in `root` that may be no classes. */
export function doubtfulFolders(root: string, pictures: readonly FolderedPicture[], doubt: string): BadInputError {
  const names = [...new Set(pictures.map(({ className }) => className))].sort(byCodeUnits);
  const [{ id, className }] = pictures;
  const words = id.split("/");
  const folder = words.slice(0, words.indexOf(className) + 1).join("/");
  const listed = names.slice(0, 4).join(", ") + (names.length > 4 ? ", …" : "");
  return new BadInputError({
    where: root,
    what:
      names.length === 1
        ? `the folder ${listed} is none of the model's classes, and may be no class: ${doubt}`
        : `the folders ${listed} are none of the model's classes, and may be no classes: ${doubt}`,
    expected: "a folder per class, such as cat/1.jpg",
    advice: `If the folders of the classes are in one of them, name that one: --data ${joinPath(root, folder)}. If these are the classes, give their names in the model's order with --labels (the option \`labels\` of \`loadClassifier\`).`,
  });
}
