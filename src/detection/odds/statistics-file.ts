/** @file Statistics of the test as a file: JSON, versioned, and tied to the model that they were fitted on. */
import type { Classifier } from "../../classifier/classifier.ts";
import type { GivenOfModel } from "../../classifier/network/prepare-model.ts";
import { BadInputError, checkForm } from "../../errors.ts";
import { describeGeometry } from "../../image/geometry.ts";
import type { OddsStatistics } from "./odds-statistics.ts";

const format = "perceptual-ball odds statistics";
/** Raised whenever the meaning of the file changes. */
const version = 1;

/** Which classifier statistics belong to. */
export interface StatisticsOwner {
  /** SHA-256 of the model's file, in hexadecimal. */
  readonly sha256: string;
  /** [C, H, W] of its input. */
  readonly input: readonly number[];
  /** How pixels become the network's numbers. */
  readonly normalization: {
    readonly mean: readonly number[];
    readonly std: readonly number[];
    readonly scale: unknown;
  };
  readonly channels: string;
  /** How pictures came to the input's size, in words; the statistics hold for others too, a little less well. */
  readonly geometry?: string;
  /** Of a model that decides each of its labels by itself: the label whose decision it is. */
  readonly decision?: number;
  /** What was said of the model besides: its output, what that means, and values of inputs beside the picture. */
  readonly given?: Omit<GivenOfModel, "inputSize">;
}

/** The owner of statistics that are fitted on a classifier from a file with the given hash. */
export function ownerOf(given: Pick<Classifier, "input" | "prepared">, sha256: string): StatisticsOwner {
  checkForm("ownerOf: given", given, ["input", "prepared"]);
  checkForm("ownerOf: sha256", sha256, "string");
  const { input, prepared } = given;
  const { channelCount, height, width, mean, std, scale, channels } = input;
  const { decision } = prepared.head;
  const { inputSize: _, ...said } = prepared.given;
  const owner = {
    ...{ sha256, input: [channelCount, height, width], normalization: { mean, std, scale }, channels },
    geometry: describeGeometry(input.geometry),
  };
  return {
    ...owner,
    ...(decision === undefined ? {} : { decision }),
    ...(Object.keys(said).length === 0 ? {} : { given: said }),
  };
}

/** The text of a statistics file; `data` says, for people, what the statistics were fitted on. */
export function formatStatistics(statistics: OddsStatistics, owner: StatisticsOwner, data: string): string {
  return `${JSON.stringify({ format, version, model: owner, data, statistics })}\n`;
}

/**
 * How pixels were prepared when the statistics in `text` were fitted; undefined if the text does not say it. Whether it is a file of
 * statistics at all, {@link parseStatistics} checks.
 */
export function preprocessingOfStatistics(
  text: string,
): (StatisticsOwner["normalization"] & Pick<StatisticsOwner, "channels">) | undefined {
  const { normalization, channels } = ownerIn(text);
  return normalization === undefined || channels === undefined ? undefined : { ...normalization, channels };
}

/** How pictures came to the input's size when the statistics in `text` were fitted, in words; undefined if the text does not say it. */
export function geometryOfStatistics(text: string): string | undefined {
  const { geometry } = ownerIn(text);
  return typeof geometry === "string" ? geometry : undefined;
}

function ownerIn(text: string): Partial<StatisticsOwner> {
  try {
    return (JSON.parse(text) as { readonly model?: Partial<StatisticsOwner> } | null)?.model ?? {};
  } catch {
    return {};
  }
}

/**
 * The statistics in the text of a file.
 *
 * Errors: BadInputError that begins with `where` if it is no such file, of another version, or of another model than `owner`; it says what differs.
 */
export function parseStatistics(text: string, owner: StatisticsOwner, where: string): OddsStatistics {
  const expected = "a file that `perceptual-ball detect fit` has written";
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch (cause) {
    throw new BadInputError({ where, what: "is not JSON", expected }, { cause });
  }
  const file = (content ?? {}) as {
    format?: unknown;
    version?: unknown;
    model?: StatisticsOwner;
    statistics?: unknown;
  };
  if (file.format !== format) throw new BadInputError({ where, what: "is not a file of statistics", expected });
  if (file.version !== version) {
    throw new BadInputError({
      where,
      what: "has another version",
      expected: `version ${version}`,
      got: String(file.version),
      advice: "Fit the statistics again with this version of perceptual-ball.",
    });
  }
  if (!isStatistics(file.statistics) || file.model === undefined) {
    throw new BadInputError({ where, what: "is damaged", expected, advice: "Fit the statistics again." });
  }
  checkOwner(file.model, owner, where);
  return file.statistics;
}

/** Throws a BadInputError in the name of `where` if statistics that were fitted on the classifier `fitted` are used with `owner`; it says what differs. */
export function checkOwner(fitted: StatisticsOwner, owner: StatisticsOwner, where: string): void {
  const parts = [
    ["model (SHA-256)", owner.sha256, fitted.sha256],
    ["input", JSON.stringify(owner.input), JSON.stringify(fitted.input)],
    ["channel order", owner.channels, fitted.channels],
    ["decision", `${owner.decision ?? "none"}`, `${fitted.decision ?? "none"}`],
    ["choice of output, head or other inputs", describeGiven(owner), describeGiven(fitted)],
    ["normalization", JSON.stringify(owner.normalization), JSON.stringify(fitted.normalization)],
  ];
  const different = parts.find(([, mine, theirs]) => mine !== theirs);
  if (different === undefined) return;
  const [what, wanted, found] = different;
  throw new BadInputError({
    where,
    what: `belongs to another classifier: the ${what} differs`,
    expected: wanted,
    got: found,
    advice: "Fit statistics for this one: perceptual-ball detect fit.",
  });
}

/** What was said of the model, in words; the order in which inputs were given means nothing. */
function describeGiven({ given = {} }: StatisticsOwner): string {
  const { logits, head, inputs = {} } = given;
  const parts = [
    ...(logits === undefined ? [] : [`output ${JSON.stringify(logits)}`]),
    ...(head === undefined ? [] : [`head ${head}`]),
    ...Object.keys(inputs)
      .sort()
      .map((name) => `input ${name}=${JSON.stringify(inputs[name])}`),
  ];
  return parts.length === 0 ? "nothing" : parts.join(", ");
}

/** Whether all that the test reads is there, in the right sizes: files are edited, cut off and mixed up. */
function isStatistics(value: unknown): value is OddsStatistics {
  const { classCount, kinds, samples, cutoff, classes, correction } = (value ?? {}) as Partial<OddsStatistics>;
  if (!Number.isInteger(classCount) || !Array.isArray(kinds) || !Array.isArray(classes)) return false;
  if (classes.length !== classCount || !Number.isInteger(samples) || !Number.isFinite(cutoff?.value)) return false;
  const isTable = (table: unknown, rows: number): boolean =>
    Array.isArray(table) &&
    table.length === rows &&
    table.every((row) => Array.isArray(row) && row.length === classCount && row.every(Number.isFinite));
  const known = classes.every(
    (entry) =>
      Number.isInteger(entry?.count) &&
      ("missing" in entry || (isTable(entry.mean, kinds.length) && isTable(entry.std, kinds.length))),
  );
  return known && (correction === undefined || correction.classes?.length === classCount);
}
