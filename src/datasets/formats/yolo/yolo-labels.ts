/**
 * @file The lines of YOLO's label files: a class, from 0, and numbers that are shares of the picture's width and height.
 *
 * As Ultralytics documents and reads them (https://docs.ultralytics.com/datasets/detect/, …/segment/, …/obb/, …/pose/), and Darknet before it:
 * `class xc yc w h` is a box by its center; more numbers are the corners of a polygon or of an oriented box, `x1 y1 x2 y2 …`, of which the
 * bounds are taken; with `kpt_shape` in data.yaml the points of a pose stand behind the box. One number more than these is the confidence that
 * predictions are saved with (`save_conf`): it is passed over.
 *
 * Deviation: Ultralytics reads all lines of a file as polygons if one of them is. Here each line says itself what it is.
 */
import type { Box } from "../../dataset.ts";

/** Boxes that reach out of the picture by more than this share are no rounding: something else than shares was written. */
const tolerance = 0.01;

export interface YoloObject {
  readonly classIndex: number;
  /** [x0, y0, x1, y1) as shares of the picture's width and height. */
  readonly box: Box;
}

export interface YoloLabels {
  readonly objects: readonly YoloObject[];
  /** What is wrong with single lines, phrases such as "line 3: …"; the line is left out. */
  readonly bad: readonly string[];
  /** Lines that repeat one before them, their numbers. */
  readonly repeated: readonly number[];
  /** How many lines have something on them. */
  readonly lineCount: number;
  /** How many lines have a confidence behind their box or polygon. */
  readonly confidences: number;
}

/** How many points a pose has and how many numbers each, as `kpt_shape` says. */
export type PoseShape = readonly [points: number, numbers: number];

const numberPattern = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i;

/** So much of a line is shown. */
const shownLength = 40;

/** The objects in the `text` of a label file, line by line. An empty text is that of a picture without objects. */
export function parseYoloLabels(text: string, pose?: PoseShape): YoloLabels {
  const objects: YoloObject[] = [];
  const bad: string[] = [];
  const repeated: number[] = [];
  const seen = new Set<string>();
  let [lineCount, confidences] = [0, 0];
  for (const [index, line] of text.split(/\r\n|\n|\r/).entries()) {
    const plain = line.trim();
    if (plain === "") continue;
    lineCount++;
    const number = index + 1;
    const found = parseLine(plain, pose);
    if (typeof found === "string") {
      bad.push(`line ${number}: ${found}`);
      continue;
    }
    const key = JSON.stringify(found.object);
    if (seen.has(key)) {
      repeated.push(number);
      continue;
    }
    seen.add(key);
    objects.push(found.object);
    if (found.hasConfidence) confidences++;
  }
  return { objects, bad, repeated, lineCount, confidences };
}

interface FoundObject {
  readonly object: YoloObject;
  readonly hasConfidence: boolean;
}

/** What the line says, or what is wrong with it. */
function parseLine(line: string, pose: PoseShape | undefined): FoundObject | string {
  const words = line.split(/\s+/);
  const bad = words.find((word) => !numberPattern.test(word));
  if (bad !== undefined) return `${shown(bad)} is no number`;
  const [classIndex, ...numbers] = words.map(Number);
  if (!Number.isSafeInteger(classIndex) || classIndex < 0) return `${shown(words[0])} is no index of a class, from 0`;
  const poseCount = pose === undefined ? 0 : 4 + pose[0] * pose[1];
  if (pose !== undefined && numbers.length !== 4 && numbers.length !== 5 && numbers.length !== poseCount) {
    return `${words.length} columns where kpt_shape makes them ${poseCount + 1}`;
  }
  const isBox = numbers.length === 4 || numbers.length === 5 || pose !== undefined;
  if (!isBox && numbers.length < 6) return `${words.length} columns where a box has 5`;
  const hasConfidence = pose === undefined ? numbers.length % 2 === 1 : numbers.length === 5;
  // A polygon has three corners at least, and so six numbers, which with a confidence are seven.
  const corners = isBox ? numbers.slice(0, 4) : hasConfidence ? numbers.slice(0, -1) : numbers;
  const confidence = numbers[numbers.length - 1];
  if (hasConfidence && isBox && (confidence < 0 || confidence > 1)) {
    return `the sixth column is ${confidence}, which is no confidence`;
  }
  // A whole number behind pairs is how visible the last point of a pose is, not how sure a polygon.
  if (hasConfidence && !isBox && (confidence <= 0 || confidence >= 1)) {
    return `${words.length} columns, which are no class and pairs of x and y`;
  }
  const outside = corners.find((value) => !(value >= -tolerance && value <= 1 + tolerance));
  if (outside !== undefined) return `${outside} is no share of the picture's size, from 0 to 1`;
  return { object: { classIndex, box: isBox ? boxAround(corners) : boundsOf(corners) }, hasConfidence };
}

function boxAround([xc, yc, w, h]: readonly number[]): Box {
  return [xc - w / 2, yc - h / 2, xc + w / 2, yc + h / 2];
}

function boundsOf(corners: readonly number[]): Box {
  let [x0, y0, x1, y1] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < corners.length; i += 2) {
    x0 = Math.min(x0, corners[i]);
    y0 = Math.min(y0, corners[i + 1]);
    x1 = Math.max(x1, corners[i]);
    y1 = Math.max(y1, corners[i + 1]);
  }
  return [x0, y0, x1, y1];
}

function shown(text: string): string {
  return JSON.stringify(text.length > shownLength ? `${text.slice(0, shownLength)}…` : text);
}

const plainLine = /^\s*\d+(\.0+)?(\s+[-+]?[\d.]+(e[-+]?\d+)?){4,}\s*$/i;

/**
 * Whether the beginning of a text file is one of YOLO's labels: at least half of its lines are an index and four numbers or more, which, with
 * `areShares`, are shares. `isWhole` is whether that is all of the file: otherwise its last line may be cut. An empty file may be one, and is none.
 */
export function looksLikeYolo(head: string, isWhole: boolean, areShares = false): boolean {
  const all = head.split(/\r\n|\n|\r/);
  const lines = (isWhole || all.length < 2 ? all : all.slice(0, -1)).filter((line) => line.trim() !== "");
  const isShare = (word: string): boolean => Math.abs(Number(word)) <= 1 + tolerance;
  const fits = (line: string): boolean =>
    plainLine.test(line) && (!areShares || line.trim().split(/\s+/).slice(1, 5).every(isShare));
  const fitting = lines.filter(fits).length;
  return fitting > 0 && 2 * fitting >= lines.length;
}
