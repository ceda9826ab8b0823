/**
 * @file JSON in which labelling tools say boxes:
 *
 * - the VGG Image Annotator's, as exported (`{"a.jpg123": {"filename": …, "regions": […]}}`) or saved as a project (`_via_img_metadata` around it);
 * - Apple's Create ML: `[{"image": "a.jpg", "annotations": [{"label": …, "coordinates": {x, y, width, height}}]}]`, x and y the center of the box
 *   (https://developer.apple.com/documentation/createml/building-an-object-detector-data-source);
 * - Hugging Face's `metadata.jsonl` with a column `objects`, in lines: `{"file_name": …, "objects": {"bbox": [[x, y, width, height]], "categories": […]}}`, or a
 *   list of objects with one of each (https://huggingface.co/docs/datasets/image_dataset#object-detection);
 * - FiftyOne's `labels.json`: `{"classes": […], "labels": {name: [{"label": number, "bounding_box": [x, y, width, height]}]}}`, shares of the picture's size
 *   (https://docs.voxel51.com/user_guide/export_datasets.html#fiftyoneimagedetectiondataset);
 * - labelme's, a file per picture: `shapes` with `points`, of which the bounds are taken, and `imagePath` (https://github.com/wkentaro/labelme).
 */
import { PerceptualBallError } from "../../../errors.ts";
import type { Box } from "../../dataset.ts";
import { type DatasetSource, textHead } from "../../dataset-source.ts";
import { baseName, joinPath, leavesFolder, withoutExtension } from "../../paths.ts";
import { isObject, type JsonObject, objectOf, objectsInLines, parseJson } from "../../syntax/json-objects.ts";
import type { BoxRow, BoxTable } from "./box-table.ts";
import { boundsOf, viaBox, viaLabel } from "./via-regions.ts";

/** Whose JSON it is. */
export type JsonKind = "via" | "createml" | "labelme" | "huggingface" | "fiftyone";

/** So much of a file is looked at. */
const headLength = 2 ** 16;

/** Whose JSON the file is, as far as its beginning tells; undefined if none of these. */
export async function jsonKind(source: DatasetSource, file: string): Promise<JsonKind | undefined> {
  const { text } = await textHead(source, file, headLength);
  const has = (...keys: readonly string[]): boolean => keys.every((key) => new RegExp(`"${key}"\\s*:`).test(text));
  if (/^\s*\{/.test(text)) {
    if (has("file_name", "objects", "bbox")) return "huggingface";
    if (has("classes", "labels", "bounding_box")) return "fiftyone";
    if (has("filename") && (has("regions", "file_attributes") || has("shape_attributes"))) return "via";
    if (has("_via_img_metadata")) return "via";
    return /"shapes"\s*:\s*\[/.test(text) && (has("imagePath") || has("shape_type")) ? "labelme" : undefined;
  }
  const isList = /^\s*\[\s*\{/.test(text) && /"annotations"\s*:\s*\[/.test(text);
  return isList && (has("image") || has("imagefilename")) && (has("coordinates") || !has("result"))
    ? "createml"
    : undefined;
}

/** What the lines of Hugging Face's file say of boxes; lines that are no JSON are problems, on behalf of the file called `name`. */
export function jsonLinesTable(text: string, name: string): BoxTable {
  const problems: BoxTable["problems"][number][] = [];
  const pictures = objectsInLines(text).flatMap(({ line, object }) => {
    const at = `line ${line}`;
    if (object !== undefined) {
      const { file_name: image, width, height, objects } = object;
      return [{ at, image: textOf(image), width: Number(width), height: Number(height), objects }];
    }
    problems.push({ kind: "bad-line", image: `${name}, ${at}`, message: "is no object in JSON; left out" });
    return [];
  });
  return { ...huggingFaceTable(pictures, "objects.bbox"), problems };
}

/** A picture as Hugging Face's tables say it. */
export interface HuggingFacePicture extends Pick<BoxRow, "at" | "image" | "width" | "height"> {
  /** Lists of boxes and of their classes in an object, or a list of objects with one of each. */
  readonly objects: unknown;
}

/** What boxes are called in an object. */
export const boxNames: readonly string[] = ["bbox", "bboxes", "boxes", "box"];

/** What the classes of boxes are called beside them. */
export const categoryNames: readonly string[] = [
  ...["category", "categories", "label", "labels", "class", "classes", "category_id", "class_id"],
];

/** What the pictures' objects say of boxes, which are in the column of this name. */
export function huggingFaceTable(pictures: readonly HuggingFacePicture[], column: string): BoxTable {
  const rows = pictures.flatMap(({ at, objects, ...picture }) =>
    rowsOf(picture, boxesAndClasses(objects), ({ bbox, category }) => {
      const numbers = listOf(bbox).filter((one): one is number => typeof one === "number");
      const [x, y, w, h] = numbers;
      return { label: textOf(category), box: numbers.length === 4 ? [x, y, x + w, y + h] : undefined };
    }).map((row) => ({ ...row, at })),
  );
  return { ...tableOf(rows), wanted: "box of four numbers", bbox: column };
}

function boxesAndClasses(objects: unknown): readonly { readonly bbox: unknown; readonly category: unknown }[] {
  const firstOf = (object: JsonObject, names: readonly string[]): unknown =>
    names.map((name) => object[name]).find((value) => value !== undefined);
  if (Array.isArray(objects)) {
    return objects
      .map(objectOf)
      .map((object) => ({ bbox: firstOf(object, boxNames), category: firstOf(object, categoryNames) }));
  }
  const columns = objectOf(objects);
  const [boxes, category] = [listOf(firstOf(columns, boxNames)), firstOf(columns, categoryNames)];
  // Four numbers are one box.
  const all = boxes.length > 0 && boxes.every((one) => typeof one === "number") ? [boxes] : boxes;
  return all.map((bbox, index) => ({ bbox, category: Array.isArray(category) ? category[index] : category }));
}

/** What the JSON in `text` says of boxes. Throws a BadInputError on behalf of `where` if it is none. */
export function jsonTable(text: string, where: string): BoxTable {
  const value = parseJson(text, where);
  const { classes, labels } = objectOf(value);
  if (Array.isArray(classes) && isObject(labels)) {
    return { ...tableOf(Object.entries(labels).flatMap((entry) => fiftyoneRows(entry, classes))), areShares: true };
  }
  const rows = Array.isArray(value)
    ? value.flatMap(createmlRows)
    : Object.values(objectOf(objectOf(value)._via_img_metadata ?? value)).flatMap(viaRows);
  return tableOf(rows);
}

function tableOf(rows: readonly BoxRow[], problems: BoxTable["problems"] = []): BoxTable {
  const isUnlabelled = rows.some(({ box }) => box !== undefined) && rows.every(({ label }) => label === "");
  const notes = isUnlabelled ? ["No region in the JSON says its class."] : [];
  return { rows, wanted: "region with an area", areShares: false, problems, notes };
}

/**
 * What the files of labelme's say, one per picture, which all lie in `folder` with the pictures of these names, or with pictures elsewhere. Files that are none
 * are problems.
 */
export async function labelmeTable(
  source: DatasetSource,
  folder: string,
  files: readonly string[],
  pictures: readonly string[],
): Promise<BoxTable> {
  const byStem = new Map(pictures.map((name) => [withoutExtension(name), name]));
  const beside = new Set(pictures);
  const rows: BoxRow[] = [];
  const problems: BoxTable["problems"][number][] = [];
  for (const file of files) {
    try {
      const record = objectOf(parseJson(await source.readText(joinPath(folder, file)), joinPath(folder, file)));
      // The path is relative to the file; where the picture was moved or renamed with it, it lies beside it.
      const said = String(record.imagePath ?? "").replaceAll("\\", "/");
      const stem = byStem.get(withoutExtension(file));
      const own = leavesFolder(said) ? baseName(said) : said;
      const image = (!own.includes("/") && !beside.has(own) ? stem : undefined) ?? (own === "" ? (stem ?? "") : own);
      for (const row of labelmeRows(record, image)) rows.push({ ...row, at: `${file}, ${row.at}` });
    } catch (error) {
      if (!(error instanceof PerceptualBallError)) throw error;
      const message = `${error.message.replace(/\.$/, "")}; left out`;
      problems.push({ kind: "malformed-annotation", image: file, message });
    }
  }
  return tableOf(rows, problems);
}

const noBox = { at: "", label: "", texts: [""], box: undefined, isEmpty: true };
const noSize = { width: Number.NaN, height: Number.NaN };

/** A row for each of a picture's regions, or one that says that there is none. */
function rowsOf(
  picture: Pick<BoxRow, "image" | "width" | "height">,
  regions: readonly unknown[],
  read: (region: JsonObject) => { readonly label: string; readonly box: Box | undefined },
): BoxRow[] {
  if (regions.length === 0) return [{ ...picture, ...noBox }];
  return regions.map((region, index) => {
    const texts = [JSON.stringify(region)];
    return { ...picture, at: `region ${index + 1}`, texts, isEmpty: false, ...read(objectOf(region)) };
  });
}

function viaRows(value: unknown): BoxRow[] {
  const { filename, regions } = objectOf(value);
  if (typeof filename !== "string") return [];
  // An object with numbers as keys before VIA 2.
  const list = Array.isArray(regions) ? regions : Object.values(objectOf(regions));
  return rowsOf({ image: filename, ...noSize }, list, (region) => ({
    label: viaLabel(objectOf(region.region_attributes)),
    box: viaBox(objectOf(region.shape_attributes)),
  }));
}

function fiftyoneRows([image, objects]: readonly [string, unknown], classes: readonly unknown[]): BoxRow[] {
  return rowsOf({ image, ...noSize }, listOf(objects), ({ label, bounding_box: box }) => {
    const numbers = listOf(box).filter((one): one is number => typeof one === "number");
    const [x, y, width, height] = numbers;
    return {
      label: textOf(classes[Number(label)] ?? label),
      box: numbers.length === 4 ? [x, y, x + width, y + height] : undefined,
    };
  });
}

function createmlRows(value: unknown): BoxRow[] {
  const { image, imagefilename, annotations } = objectOf(value);
  return rowsOf({ image: textOf(image ?? imagefilename), ...noSize }, listOf(annotations), ({ label, coordinates }) => {
    const { x, y, width, height } = objectOf(coordinates);
    const numbers = [x, y, width, height].filter((one): one is number => typeof one === "number");
    const [cx, cy, w, h] = numbers;
    return {
      label: textOf(label),
      box: numbers.length === 4 ? [cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2] : undefined,
    };
  });
}

function labelmeRows(record: JsonObject, image: string): BoxRow[] {
  const [width, height] = [record.imageWidth, record.imageHeight].map((one) => (typeof one === "number" ? one : NaN));
  return rowsOf({ image, width, height }, listOf(record.shapes), (shape) => {
    const points = listOf(shape.points).map((point) => listOf(point).map(Number));
    return { label: textOf(shape.label), box: labelmeBox(shape.shape_type, points) };
  });
}

/** The box around a shape of labelme's, by its points; undefined for points and lines. */
function labelmeBox(kind: unknown, points: readonly (readonly number[])[]): Box | undefined {
  if (!points.every(([x, y]) => Number.isFinite(x) && Number.isFinite(y))) return undefined;
  if (kind === "point" || kind === "points" || kind === "line" || kind === "linestrip") return undefined;
  if (points.length < 2) return undefined;
  if (kind === "circle") {
    // The center and a point of the circle.
    const [[cx, cy], [x, y]] = points;
    const radius = Math.hypot(x - cx, y - cy);
    return [cx - radius, cy - radius, cx + radius, cy + radius];
  }
  const [x0, y0, x1, y1] = boundsOf(
    points.map(([x]) => x),
    points.map(([, y]) => y),
  );
  // The corners of a mask are pixels that belong to it.
  return kind === "mask" ? [x0, y0, x1 + 1, y1 + 1] : [x0, y0, x1, y1];
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function textOf(value: unknown): string {
  return typeof value === "string" || typeof value === "number" ? String(value).trim() : "";
}
