/** @file Statistics of detectors as a file: JSON with arrays in base64, versioned, and tied to the model and to the detector that they were fitted with. */
import { BadInputError, checkForm } from "../errors.ts";
import type { DetectorStatistics, FittedArray } from "./detector.ts";
import { checkOwner, type StatisticsOwner } from "./odds/statistics-file.ts";

const format = "perceptual-ball detector statistics";
/** Raised whenever the meaning of the file changes. */
const version = 1;
const expected = "a file that `perceptual-ball detect fit --detector` has written";

/** The text of a file; `data` says, for people, what the statistics were fitted on. */
export function formatDetectorStatistics(statistics: DetectorStatistics, owner: StatisticsOwner, data: string): string {
  checkForm("formatDetectorStatistics: statistics", statistics, ["detector", "settings", "arrays", "cutoff"]);
  checkForm("formatDetectorStatistics: owner", owner, ["sha256", "input"]);
  const arrays = Object.fromEntries(
    Object.entries(statistics.arrays).map(([name, { shape, data: numbers }]) => [
      name,
      { shape, float64: encoded(numbers) },
    ]),
  );
  return `${JSON.stringify({ format, version, model: owner, data, statistics: { ...statistics, arrays } })}\n`;
}

/** Whether the text is of this kind of file, whatever else may be wrong with it. */
export function isDetectorFile(text: string): boolean {
  return text.slice(0, 200).includes(JSON.stringify(format));
}

/**
 * The statistics in the text of a file. Whether they are of the detector and the settings at hand, the detector checks.
 *
 * Errors: BadInputError that begins with `where` if it is no such file, of another version, damaged, or of another model than `owner`; it says what differs.
 */
export function parseDetectorStatistics(text: string, owner: StatisticsOwner, where: string): DetectorStatistics {
  checkForm("parseDetectorStatistics: text", text, "string");
  checkForm("parseDetectorStatistics: owner", owner, ["sha256", "input"]);
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw new BadInputError({ where, what: "is not JSON", expected }, { cause });
  }
  const file = (content ?? {}) as {
    readonly format?: unknown;
    readonly version?: unknown;
    readonly model?: StatisticsOwner;
    readonly statistics?: unknown;
  };
  if (file.format !== format) {
    throw new BadInputError({ where, what: "is not a file of a detector's statistics", expected });
  }
  if (file.version !== version) {
    throw new BadInputError({
      where,
      what: "has another version",
      expected: `version ${version}`,
      got: String(file.version),
      advice: "Fit the statistics again with this version of perceptual-ball.",
    });
  }
  const statistics = statisticsOf(file.statistics);
  if (statistics === undefined || file.model === undefined) {
    throw new BadInputError({ where, what: "is damaged", expected, advice: "Fit the statistics again." });
  }
  checkOwner(file.model, owner, where);
  return statistics;
}

/** 8 bytes a number, little-endian, in base64. */
function encoded(numbers: Float64Array): string {
  const bytes = new Uint8Array(numbers.length * 8);
  const view = new DataView(bytes.buffer);
  for (const [i, number] of numbers.entries()) view.setFloat64(8 * i, number, true);
  let text = "";
  // In pieces that a call takes as arguments, each whole groups of three bytes.
  for (let from = 0; from < bytes.length; from += 24_576) {
    text += btoa(String.fromCharCode(...bytes.subarray(from, from + 24_576)));
  }
  return text;
}

function decoded(text: string): Float64Array | undefined {
  try {
    const characters = atob(text);
    if (characters.length % 8 !== 0) return undefined;
    const view = new DataView(Uint8Array.from(characters, (character) => character.charCodeAt(0)).buffer);
    return Float64Array.from({ length: characters.length / 8 }, (_, i) => view.getFloat64(8 * i, true));
  } catch {
    return undefined;
  }
}

function isCounts(value: unknown): value is Readonly<Record<string, number>> {
  return (
    typeof value === "object" && value !== null && Object.values(value).every((count) => Number.isSafeInteger(count))
  );
}

/** The statistics, if all that detectors read is there: files are edited, cut off and mixed up. */
function statisticsOf(value: unknown): DetectorStatistics | undefined {
  const given = (value ?? {}) as Partial<Record<keyof DetectorStatistics, unknown>>;
  const { detector, version: own, settings, classCount, parts, images, notes, cutoff } = given;
  const isComplete =
    typeof detector === "string" &&
    Number.isSafeInteger(own) &&
    Number.isSafeInteger(classCount) &&
    typeof settings === "object" &&
    settings !== null &&
    isCounts(parts) &&
    isCounts(images) &&
    Array.isArray(notes) &&
    Number.isFinite((cutoff as { readonly value?: unknown } | null)?.value) &&
    typeof given.arrays === "object" &&
    given.arrays !== null;
  if (!isComplete) return undefined;
  const arrays: Record<string, FittedArray> = {};
  for (const [name, array] of Object.entries(given.arrays ?? {})) {
    const { shape, float64 } = (array ?? {}) as { readonly shape?: unknown; readonly float64?: unknown };
    const data = typeof float64 === "string" ? decoded(float64) : undefined;
    if (!Array.isArray(shape) || !shape.every(Number.isSafeInteger) || data === undefined) return undefined;
    if (data.length !== shape.reduce((product: number, extent: number) => product * extent, 1)) return undefined;
    arrays[name] = { shape, data };
  }
  return { ...(value as DetectorStatistics), arrays };
}
