/**
 * @file A runtime whose runs are requests: what it is given are images, what it gives are the endpoint's scores. Graphs that want more than logits, such as a gradient, are
 * refused.
 */
import { createHash } from "node:crypto";
import { objectiveInputs, objectiveOutputs } from "../../classifier/passes/objective-graph.ts";
import { BadInputError, kindOf, UnsupportedError } from "../../errors.ts";
import { readModel } from "../../onnx/file/read-model.ts";
import type { Runtime, RuntimeTensor } from "../../runtime/runtime.ts";
import { indexOfLargest, rangeOf } from "../../tensor/vector.ts";
import type { EndpointDescription } from "./description.ts";
import { type RequestOptions, requestJson } from "./request-json.ts";

export interface EndpointRuntimeOptions {
  /** How messages call the endpoint. */
  readonly where: string;
  readonly url: string;
  readonly description: EndpointDescription;
  readonly request: RequestOptions;
}

/** Probabilities below this are taken for it: scores are their logarithms. */
const leastProbability = 1e-12;
/** So many answers are remembered, to see whether the same picture gets another one later on. */
const mostRemembered = 512;
/** Scores that change by less of their range than this do not count as another answer: servers sum in no fixed order. */
const tolerance = 1e-3;

/** The runtime, and `ask`, which gives the scores [K] of images without a session. */
export function endpointRuntime(options: EndpointRuntimeOptions): {
  readonly runtime: Runtime;
  ask(images: readonly Float32Array[]): Promise<Float32Array[]>;
} {
  const { where, url, description, request } = options;
  const { channels, height, width, classCount, batch } = description;
  const size = channels * height * width;
  const remembered = new Map<string, Float32Array>();
  let isDown = false;

  const post = async (images: readonly Float32Array[]): Promise<Float32Array[]> => {
    const body = { shape: [images.length, channels, height, width], pixels: base64Of(images, size) };
    // Two dozen characters for each number, and some for what is around them.
    const mostBytes = 4096 + images.length * (64 + 32 * classCount);
    // Where the last request was given up, one try says whether the server is back.
    const tries = isDown ? 1 : request.tries;
    try {
      const answer = await requestJson(where, url, { body, mostBytes }, { ...request, tries });
      isDown = false;
      return scoresIn(where, answer, images.length, description);
    } catch (error) {
      isDown = true;
      throw error;
    }
  };
  const ask = async (images: readonly Float32Array[]): Promise<Float32Array[]> => {
    const all: Float32Array[] = [];
    for (let from = 0; from < images.length; from += batch) {
      const some = images.slice(from, from + batch);
      const scores = await post(some);
      for (const [n, image] of some.entries()) remember(image, scores[n]);
      all.push(...scores);
    }
    return all;
  };
  const remember = (image: Float32Array, scores: Float32Array): void => {
    const key = createHash("sha256")
      .update(new Uint8Array(image.buffer, image.byteOffset, image.byteLength))
      .digest("base64");
    const before = remembered.get(key);
    if (before !== undefined && isOther(before, scores)) throw changedMind(where, before, scores);
    remembered.delete(key);
    remembered.set(key, scores);
    const [oldest] = remembered.keys();
    if (remembered.size > mostRemembered && oldest !== undefined) remembered.delete(oldest);
  };

  class Tensor implements RuntimeTensor {
    readonly type: string;
    readonly data: unknown;
    readonly dims: readonly number[];

    constructor(type: string, data: unknown, dims: readonly number[]) {
      [this.type, this.data, this.dims] = [type, data, dims];
    }
  }
  const runtime: Runtime = {
    Tensor,
    InferenceSession: {
      async create(bytes: Uint8Array) {
        const { inputs, outputs } = readModel(bytes).graph;
        const [inputNames, outputNames] = [inputs, outputs].map((values) => values.map(({ name }) => name));
        if (outputNames.some((name) => name !== objectiveOutputs.logits)) {
          throw new UnsupportedError({
            where,
            what: "an endpoint gives neither gradients nor the values of layers",
            expected:
              "an attack that needs no gradients, such as square or hopskipjump, or a method that looks at scores, such as rise",
          });
        }
        return {
          ...{ inputNames, outputNames },
          async run(feeds: Readonly<Record<string, RuntimeTensor>>) {
            const { data, dims } = feeds[objectiveInputs.image];
            const values = data as Float32Array;
            const rows = Array.from({ length: dims[0] }, (_, n) => values.subarray(n * size, (n + 1) * size));
            // Rows that nobody asks for repeat the last one.
            const last = rows.findLastIndex((row, n) => n === 0 || row.some((x, i) => x !== rows[n - 1][i]));
            const scores = await ask(rows.slice(0, last + 1));
            const logits = new Float32Array(rows.length * classCount);
            for (const n of rows.keys()) logits.set(scores[Math.min(n, last)], n * classCount);
            return { [objectiveOutputs.logits]: new Tensor("float32", logits, [rows.length, classCount]) };
          },
          release: async () => {},
        };
      },
    },
  };
  return { runtime, ask };
}

/** The images' numbers one after the other, float32 with the lowest byte first. */
function base64Of(images: readonly Float32Array[], size: number): string {
  const bytes = new DataView(new ArrayBuffer(4 * size * images.length));
  for (const [n, image] of images.entries()) {
    for (let i = 0; i < size; i++) bytes.setFloat32(4 * (n * size + i), image[i], true);
  }
  return Buffer.from(bytes.buffer).toString("base64");
}

/** The scores [K] of each image in an answer; throws a BadInputError for an answer that has another form. */
function scoresIn(
  where: string,
  answer: unknown,
  count: number,
  { classCount, answers }: EndpointDescription,
): Float32Array[] {
  const member = answers === "labels" ? "labels" : "scores";
  const isObject = typeof answer === "object" && answer !== null;
  const list: unknown = isObject ? (answer as Readonly<Record<string, unknown>>)[member] : undefined;
  if (!Array.isArray(list))
    throw wrongAnswer(where, `the answer has no list "${member}"`, `{ "${member}": […] }`, kindOf(answer));
  if (list.length !== count) {
    throw wrongAnswer(
      where,
      `the answer has another number of ${member}`,
      `${count}, one for each image`,
      `${list.length}`,
    );
  }
  return list.map((one: unknown, n) => {
    if (answers === "labels") {
      if (typeof one !== "number" || !Number.isInteger(one) || one < 0 || one >= classCount) {
        throw wrongAnswer(
          where,
          `label ${n} of the answer is no class`,
          `an integer from 0 to ${classCount - 1}`,
          JSON.stringify(one),
        );
      }
      const scores = new Float32Array(classCount).fill(Math.log(leastProbability));
      scores[one] = 0;
      return scores;
    }
    if (!Array.isArray(one) || one.length !== classCount) {
      const got = Array.isArray(one) ? `${one.length}` : kindOf(one);
      throw wrongAnswer(
        where,
        `scores ${n} of the answer have another number of classes`,
        `${classCount} numbers`,
        got,
      );
    }
    const bad = one.find((score: unknown) => typeof score !== "number" || !Number.isFinite(score));
    if (bad !== undefined)
      throw wrongAnswer(where, `scores ${n} of the answer are no numbers`, "finite numbers", kindOf(bad));
    if (answers === "scores") return Float32Array.from(one as number[]);
    const outside = (one as number[]).find((share) => share < -1e-6 || share > 1 + 1e-6);
    if (outside !== undefined) {
      throw wrongAnswer(
        where,
        `scores ${n} of the answer are no probabilities`,
        "numbers from 0 to 1",
        String(outside),
      );
    }
    return Float32Array.from(one as number[], (share) => Math.log(Math.max(share, leastProbability)));
  });
}

function wrongAnswer(where: string, what: string, expected: string, got: string): BadInputError {
  return new BadInputError({
    where,
    what,
    expected,
    got,
    advice: 'docs/attacks.md, "A model behind HTTP", has the contract.',
  });
}

/** Whether scores of the same image are further apart than an order of summation makes them. */
function isOther(before: Float32Array, after: Float32Array): boolean {
  const [low, high] = rangeOf(before);
  return before.some((score, k) => Math.abs(score - after[k]) > tolerance * Math.max(high - low, 1e-6));
}

function changedMind(where: string, before: Float32Array, after: Float32Array): BadInputError {
  const [first, second] = [before, after].map(indexOfLargest);
  return new BadInputError({
    where,
    what:
      first === second
        ? "the server gives other scores for the same picture than before"
        : `the server calls the same picture class ${second}, and before class ${first}`,
    expected: "the same answer to the same picture",
    advice: "An attack that asks has nothing to hold on to where answers are random. Is it another model by now?",
  });
}
