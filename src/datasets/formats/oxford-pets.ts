/**
 * @file The Oxford-IIIT Pet data set (Parkhi et al. 2012, https://www.robots.ox.ac.uk/~vgg/data/pets/): pictures in `images/`, and in `annotations/`
 * the lists `list.txt`, `trainval.txt` and `test.txt` ("<picture> <class> <species> <breed>", comments begin with #) and XML in the form of Pascal
 * VOC in `xmls/`. Trimaps are not read.
 *
 * Classes are breeds, counted from 1, and called as their pictures are: class 1 is "Abyssinian", as "Abyssinian_100.jpg" is of it. The objects in the
 * XML are called "cat" and "dog", and their boxes are around heads. Only pictures for training have them: the others have classes alone.
 */
import { BadInputError, PerceptualBallError } from "../../errors.ts";
import { parseBoxAnnotation, writtenBoxes } from "../box-annotation.ts";
import { areShares, sharesNote } from "../box-shares.ts";
import { matchClassList } from "../class-labels.ts";
import { type DatasetPart, type DatasetProblem, finishDataset } from "../dataset.ts";
import type { DatasetFormatDefinition } from "../dataset-format.ts";
import type { DatasetSource } from "../dataset-source.ts";
import { picturesIn } from "../files/picture-tree.ts";
import { mapConcurrently } from "../map-concurrently.ts";
import { wantedPart } from "../parts.ts";
import { baseName, byCodeUnits, joinPath, withoutExtension } from "../paths.ts";
import {
  type DatasetReader,
  entriesOf,
  entryOf,
  type Findings,
  joinFindings,
  leftOut,
  pictureFile,
  storedPicture,
} from "../reader.ts";

/** As the archive has them, and as it is unpacked twice on Kaggle. */
const listFolders = ["annotations", "annotations/annotations"];

/** The folder of the lists; undefined where there is none. */
async function folderOfLists(source: DatasetSource, path: string): Promise<string | undefined> {
  for (const name of listFolders) {
    const folder = joinPath(path, name);
    if ((await source.exists(joinPath(folder, "list.txt"))) !== "file") continue;
    for (const other of ["trainval.txt", "test.txt", "xmls", "trimaps"]) {
      if ((await source.exists(joinPath(folder, other))) !== undefined) return folder;
    }
  }
  return undefined;
}

/**
 * The pictures of the lists in the folder `path`, called by their names without extensions; those of trainval.txt are for training. Pictures
 * without XML have no boxes, with a note.
 */
const readPets: DatasetReader = async (path, context) => {
  const { source, selection, classes, signal } = context;
  const lists = context.annotations ?? (await folderOfLists(source, path));
  if (lists === undefined) {
    throw new BadInputError({
      where: path,
      what: "there are no lists of the Oxford-IIIT Pet data set",
      expected: `list.txt, trainval.txt and test.txt in ${joinPath(path, listFolders[0])}`,
    });
  }
  const problems: DatasetProblem[] = [];
  const pets = await listedPets(source, lists, problems);
  const folder = context.images ?? joinPath(path, "images");
  const files = new Map<string, string>();
  for (const { name, path: file } of (await picturesIn(source, folder)) ?? []) {
    files.set(withoutExtension(baseName(name)), file);
  }
  const all = [...pets].map(([id, pet]) => ({ id, ...pet })).sort((a, b) => byCodeUnits(a.id, b.id));
  const split = wantedPart(
    path,
    context.split === "trainval" ? "train" : context.split,
    all.map((one) => one.split),
  );
  const chosen = selection.pictures(all.filter((one) => split === undefined || one.split === split));
  const numbers = [...new Set(all.map(({ classNumber }) => classNumber))].sort((a, b) => a - b);
  const nameOf = new Map<number, string>();
  for (const { id, classNumber } of all) if (!nameOf.has(classNumber)) nameOf.set(classNumber, id.replace(/_\d+$/, ""));
  const names = numbers.map((number) => nameOf.get(number) ?? "");
  const { lookups, notes } = matchClassList(names, classes);
  const lookupOf = new Map(numbers.map((number, index) => [number, lookups[index]]));
  const fileOf = (id: string): string => joinPath(joinPath(lists, "xmls"), `${id}.xml`);
  const hasShares = await areShares(
    writtenBoxes(
      source,
      chosen.map(({ id }) => fileOf(id)),
    ),
  );
  const findings = await mapConcurrently(
    chosen,
    async ({ id, classNumber, split: part }): Promise<Findings> => {
      const picture = files.get(id);
      if (picture === undefined) return leftOut(id, "missing-picture", `there is no picture ${id} in ${folder}`);
      const className = nameOf.get(classNumber) ?? "";
      const lookup = lookupOf.get(classNumber);
      const file = fileOf(id);
      if ((await source.exists(file)) === "file") {
        try {
          const { size, objects } = parseBoxAnnotation(await source.readText(file), file, 1);
          const heads = objects.map(({ box, written }) => ({ className, lookup, box: hasShares ? written : box }));
          const stored = pictureFile(source, picture);
          return await entriesOf({ id, file: stored, split: part, size, hasShares, objects: heads }, false, context);
        } catch (error) {
          if (!(error instanceof PerceptualBallError)) throw error;
          return leftOut(id, "malformed-annotation", error.message.replace(/\.$/, ""));
        }
      }
      return entryOf({ id, className, lookup, split: part, ...storedPicture(source, picture) }, context);
    },
    { signal },
  );
  const found = joinFindings(findings);
  const without = found.images.filter(({ boxes }) => boxes === undefined).length;
  return finishDataset(path, {
    name: baseName(path),
    classNames: classes === undefined ? names : classes.names,
    listedClasses: names,
    images: found.images,
    problems: [...selection.problems, ...problems, ...found.problems],
    notes: [
      ...notes,
      ...(hasShares ? [sharesNote] : []),
      ...(without === 0
        ? []
        : [
            `${without} of ${found.images.length} pictures have no box (only those for training do, around heads): they have their classes alone.`,
          ]),
    ],
  });
};

interface Pet {
  /** From 1. */
  readonly classNumber: number;
  readonly split?: DatasetPart;
}

/** The pictures of the three lists by their names; what trainval.txt and test.txt say of a part is added to what list.txt says. */
async function listedPets(
  source: DatasetSource,
  folder: string,
  problems: DatasetProblem[],
): Promise<ReadonlyMap<string, Pet>> {
  const pets = new Map<string, Pet>();
  for (const [name, split] of [
    ["list.txt", undefined],
    ["trainval.txt", "train"],
    ["test.txt", "test"],
  ] as const) {
    const file = joinPath(folder, name);
    if ((await source.exists(file)) !== "file") continue;
    const own = new Set<string>();
    const text = (await source.readText(file)).replace(/^\uFEFF/, "");
    for (const [index, line] of text.split(/\r\n|\n|\r/).entries()) {
      if (line.trim() === "" || line.startsWith("#")) continue;
      const [, written, number] = /^(\S+)\s+(\d+)(?:\s+\d+)*$/.exec(line.trim()) ?? [];
      const image = `${name}, line ${index + 1}`;
      if (written === undefined || Number(number) < 1) {
        const message = `${JSON.stringify(line.slice(0, 40))} is no name and class, from 1; left out`;
        problems.push({ kind: "bad-line", image, message });
        continue;
      }
      const id = written.replace(/\.jpe?g$/i, "");
      const known = pets.get(id);
      if (own.has(id)) problems.push({ kind: "duplicate", image: id, message: `is twice in ${name}; taken once` });
      else if (known !== undefined && known.classNumber !== Number(number)) {
        const message = `class ${number} in ${name} and ${known.classNumber} before; the first is taken`;
        problems.push({ kind: "malformed-annotation", image: id, message });
      } else if (known?.split !== undefined) {
        problems.push({ kind: "duplicate", image: id, message: "is for training and for testing; taken for training" });
      } else pets.set(id, { classNumber: Number(number), split });
      own.add(id);
    }
  }
  return pets;
}

export const petsFormat = {
  name: "pets",
  description: "the Oxford-IIIT Pet data set, breeds with boxes around heads; an entry per picture",
  recognition: {
    files: "annotations/list.txt and annotations/trainval.txt",
    otherwise: async (path, _entries, source) => (await folderOfLists(source, path)) !== undefined,
  },
  options: ["images", "annotations", "split"],
  read: readPets,
} as const satisfies DatasetFormatDefinition;
