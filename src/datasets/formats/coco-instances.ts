/** @file What COCO's `instances_*.json` says, read in one pass and kept in columns: a file may have millions of annotations. */
import type { Box, DatasetProblem } from "../dataset.ts";
import { chunksOf, type DatasetSource, type PictureSize } from "../dataset-source.ts";
import { baseName } from "../paths.ts";
import { leftOut } from "../reader.ts";
import { type JsonRecord, jsonListsScanner } from "../syntax/scan-json-lists.ts";

export interface CocoAnnotation {
  /** The category's number, whatever it is. */
  readonly category: unknown;
  /** [x0, y0, x1, y1); undefined if `bbox` is none. */
  readonly box?: Box;
  /** `bbox` as it is written where it is none. */
  readonly text?: string;
}

export interface CocoPicture {
  /** The name of its file. */
  readonly id: string;
  /** Its number. */
  readonly names: readonly string[];
  readonly size?: PictureSize;
  /** Those of its annotations that are not crowds, in the order of the file. */
  readonly annotations: () => CocoAnnotation[];
}

export interface Instances {
  readonly pictures: readonly CocoPicture[];
  readonly categories: readonly { readonly id: unknown; readonly name: string }[];
  readonly problems: readonly DatasetProblem[];
  /** Whether an annotation says anything under `bbox`: those of classes alone, as iNaturalist's, do not. */
  readonly haveBoxes: boolean;
}

const lists = {
  images: ["id", "file_name", "width", "height"],
  annotations: ["image_id", "category_id", "bbox", "iscrowd"],
  categories: ["id", "name"],
};

/** The pictures, categories and annotations in the file. Throws a BadInputError if it is no such file, or cut short. */
export async function readInstances(source: DatasetSource, file: string): Promise<Instances> {
  const images: JsonRecord[] = [];
  const categories: { readonly id: unknown; readonly name: string }[] = [];
  const columns = annotationColumns();
  const scanner = jsonListsScanner({
    where: file,
    expected: "COCO's instances: images, annotations and categories",
    lists,
    onRecord(list, record) {
      if (list === "images") images.push(record);
      else if (list === "categories") categories.push({ id: record.id, name: String(record.name) });
      else columns.add(record);
    },
  });
  for await (const bytes of chunksOf(source, file)) scanner.push(bytes);
  scanner.end();
  return { categories, haveBoxes: columns.haveBoxes(), ...picturesOf(images, columns, baseName(file)) };
}

function picturesOf(
  images: readonly JsonRecord[],
  columns: AnnotationColumns,
  file: string,
): Pick<Instances, "pictures" | "problems"> {
  const problems: DatasetProblem[] = [];
  const pictures = new Map<unknown, CocoPicture>();
  const { annotationsOf, pictureIds, firstOf } = columns.grouped();
  for (const [index, { id, file_name: name, width, height }] of images.entries()) {
    const entry = `${file}, image ${index + 1}`;
    if (typeof name !== "string" || name === "") {
      problems.push(...leftOut(entry, "malformed-annotation", "has no file name").problems);
    } else if (pictures.has(id)) {
      problems.push(...leftOut(name, "duplicate", `shares its number ${id} with another picture`).problems);
    } else {
      const isSized = typeof width === "number" && typeof height === "number" && width > 0 && height > 0;
      const size = isSized ? { width, height } : undefined;
      pictures.set(id, { id: name, names: [String(id)], size, annotations: () => annotationsOf(id) });
    }
  }
  for (const id of pictureIds) {
    if (pictures.has(id)) continue;
    const [first, count] = firstOf(id);
    const others = count === 1 ? "" : `, as are ${count - 1} others`;
    const entry = `${file}, annotation ${first + 1}`;
    problems.push(
      ...leftOut(entry, "malformed-annotation", `is of picture ${id}, which is not there${others}`).problems,
    );
  }
  return { pictures: [...pictures.values()], problems };
}

interface GroupedAnnotations {
  readonly annotationsOf: (pictureId: unknown) => CocoAnnotation[];
  /** The numbers of pictures that annotations have. */
  readonly pictureIds: Iterable<unknown>;
  /** The index of a picture's first annotation, and how many it has. */
  readonly firstOf: (pictureId: unknown) => readonly [first: number, count: number];
}

interface AnnotationColumns {
  readonly add: (annotation: JsonRecord) => void;
  readonly haveBoxes: () => boolean;
  readonly grouped: () => GroupedAnnotations;
}

/** 41 bytes per annotation rather than an object each. */
function annotationColumns(): AnnotationColumns {
  const [pictureNumbers, categoryNumbers] = [numbering(), numbering()];
  let capacity = 1024;
  let count = 0;
  let pictures = new Int32Array(capacity);
  let categories = new Int32Array(capacity);
  let boxes = new Float64Array(4 * capacity);
  let crowds = new Uint8Array(capacity);
  // Undefined for those that say nothing.
  const malformed = new Map<number, string | undefined>();
  let haveBoxes = false;
  const grow = (): void => {
    capacity *= 2;
    const larger = <A extends Int32Array | Float64Array | Uint8Array>(old: A, made: A): A => {
      made.set(old);
      return made;
    };
    pictures = larger(pictures, new Int32Array(capacity));
    categories = larger(categories, new Int32Array(capacity));
    boxes = larger(boxes, new Float64Array(4 * capacity));
    crowds = larger(crowds, new Uint8Array(capacity));
  };
  return {
    add({ image_id: picture, category_id: category, bbox, iscrowd }) {
      if (count === capacity) grow();
      pictures[count] = pictureNumbers.of(picture);
      categories[count] = categoryNumbers.of(category);
      crowds[count] = iscrowd === 1 ? 1 : 0;
      if (Array.isArray(bbox) && bbox.length === 4 && bbox.every(Number.isFinite)) boxes.set(bbox, 4 * count);
      else malformed.set(count, JSON.stringify(bbox));
      haveBoxes ||= bbox !== undefined;
      count++;
    },
    haveBoxes: () => haveBoxes,
    grouped() {
      // The annotations in the order of their pictures, those of one picture in the order of the file.
      const starts = new Int32Array(pictureNumbers.values().length + 1);
      for (let i = 0; i < count; i++) starts[pictures[i] + 1]++;
      for (let p = 0; p + 1 < starts.length; p++) starts[p + 1] += starts[p];
      const order = new Int32Array(count);
      const next = starts.slice();
      for (let i = 0; i < count; i++) order[next[pictures[i]]++] = i;
      const rangeOf = (id: unknown): readonly [start: number, end: number] => {
        const number = pictureNumbers.find(id);
        return number === undefined ? [0, 0] : [starts[number], starts[number + 1]];
      };
      const annotationAt = (i: number): CocoAnnotation => {
        const category = categoryNumbers.values()[categories[i]];
        if (malformed.has(i)) return { category, text: malformed.get(i) };
        const [x, y, width, height] = boxes.subarray(4 * i, 4 * i + 4);
        return { category, box: [x, y, x + width, y + height] };
      };
      return {
        pictureIds: pictureNumbers.values(),
        annotationsOf(id) {
          const own: CocoAnnotation[] = [];
          const [start, end] = rangeOf(id);
          for (let at = start; at < end; at++) if (crowds[order[at]] === 0) own.push(annotationAt(order[at]));
          return own;
        },
        firstOf(id) {
          const [start, end] = rangeOf(id);
          return [order[start], end - start];
        },
      };
    },
  };
}

interface Numbering {
  readonly of: (value: unknown) => number;
  readonly find: (value: unknown) => number | undefined;
  readonly values: () => readonly unknown[];
}

/** Numbers values from 0 in the order in which they come. */
function numbering(): Numbering {
  const numbers = new Map<unknown, number>();
  const values: unknown[] = [];
  return {
    of(value) {
      const known = numbers.get(value);
      if (known !== undefined) return known;
      numbers.set(value, values.length);
      return values.push(value) - 1;
    },
    find: (value) => numbers.get(value),
    values: () => values,
  };
}
