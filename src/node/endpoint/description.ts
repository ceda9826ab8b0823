/** @file What an endpoint says of itself: the answer to a GET. */
import { BadInputError, kindOf } from "../../errors.ts";

/** What the numbers of an answer are: any scores of which the largest is the class, probabilities, or nothing but the class. */
export type EndpointAnswers = "scores" | "probabilities" | "labels";

export interface EndpointDescription {
  readonly channels: 1 | 3;
  readonly height: number;
  readonly width: number;
  readonly classCount: number;
  readonly names: readonly string[] | undefined;
  readonly answers: EndpointAnswers;
  /** The color that its network sees as zero, a number from 0 to 1 for each channel, where it says so. */
  readonly mean: readonly number[] | undefined;
  /** The most images that one request may have. */
  readonly batch: number;
}

/** So many images are sent at a time where the endpoint says nothing of it. */
const usualBatch = 16;
const mostSide = 4096;
const mostClasses = 100_000;

/** The description that `answer` is; throws a BadInputError that names the first member that is wrong. */
export function endpointDescription(where: string, answer: unknown): EndpointDescription {
  if (typeof answer !== "object" || answer === null || Array.isArray(answer)) {
    throw wrong(
      where,
      "its description is no object",
      '{ "channels": 3, "height": 224, "width": 224, "classes": 1000 }',
      kindOf(answer),
    );
  }
  const {
    channels,
    height,
    width,
    classes,
    names,
    mean,
    answers = "scores",
    batch = usualBatch,
  } = answer as Readonly<Record<string, unknown>>;
  const count = (name: string, value: unknown, most: number, least = 1): number => {
    if (typeof value === "number" && Number.isInteger(value) && value >= least && value <= most) return value;
    throw wrong(
      where,
      `its description has no such ${JSON.stringify(name)}`,
      `an integer from ${least} to ${most}`,
      shown(value),
    );
  };
  if (channels !== 1 && channels !== 3)
    throw wrong(where, 'its description has no such "channels"', "1 or 3", shown(channels));
  if (answers !== "scores" && answers !== "probabilities" && answers !== "labels") {
    throw wrong(where, 'its description has no such "answers"', "scores, probabilities or labels", shown(answers));
  }
  const classCount = count("classes", classes, mostClasses, 2);
  const isNames = Array.isArray(names) && names.every((name) => typeof name === "string");
  if (names !== undefined && !(isNames && names.length === classCount)) {
    throw wrong(
      where,
      'its description has no such "names"',
      `${classCount} texts`,
      isNames ? `${names.length}` : kindOf(names),
    );
  }
  const isColor = Array.isArray(mean) && mean.every((value) => typeof value === "number" && value >= 0 && value <= 1);
  if (mean !== undefined && !(isColor && mean.length === channels)) {
    throw wrong(
      where,
      'its description has no such "mean"',
      `${channels} ${channels === 1 ? "number" : "numbers"} from 0 to 1`,
      shown(mean),
    );
  }
  return {
    ...{ channels, classCount, answers },
    mean: isColor ? mean : undefined,
    height: count("height", height, mostSide),
    width: count("width", width, mostSide),
    batch: count("batch", batch, 4096),
    names: isNames ? names : undefined,
  };
}

function shown(value: unknown): string {
  return value === undefined ? "nothing" : (JSON.stringify(value)?.slice(0, 60) ?? kindOf(value));
}

function wrong(where: string, what: string, expected: string, got: string): BadInputError {
  return new BadInputError({
    where,
    what,
    expected,
    got,
    advice: 'docs/attacks.md, "A model behind HTTP", has the contract.',
  });
}
