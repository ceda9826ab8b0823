/** @file A model behind HTTP as a classifier: images are sent there, and scores or labels come back. */
import { createHash } from "node:crypto";
import { type Classifier, createClassifier } from "../../classifier/classifier.ts";
import { checkKeys, MisuseError, numberIn } from "../../errors.ts";
import { GraphBuilder } from "../../onnx/builder.ts";
import type { Model } from "../../onnx/model.ts";
import { modelOf } from "../../runtime/session.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { type FileClassifier, labelsOf } from "../models/load-classifier.ts";
import { type EndpointAnswers, type EndpointDescription, endpointDescription } from "./description.ts";
import { endpointRuntime } from "./endpoint-runtime.ts";
import { type RequestOptions, requestJson } from "./request-json.ts";

export interface EndpointOptions {
  /** Headers of each request, such as one that says who asks. They are kept nowhere. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Seconds that an answer may take. Default 30. */
  readonly timeout?: number;
  /** How often a request is sent, where the server is busy, breaks off or is late. Default 4. */
  readonly tries?: number;
  /** Seconds before the second try; each further pause is twice as long. Default 0.5. */
  readonly pause?: number;
  /** Names of the classes, where the endpoint says none: a list, a built-in one, or the path of a file. */
  readonly labels?: readonly string[] | string;
  readonly signal?: AbortSignal;
}

/** A classifier that answers, and has neither gradients nor layers. */
export interface EndpointClassifier extends FileClassifier {
  /** What its answers are; labels are taken for probabilities: 1 for the class and next to nothing for all others. */
  readonly answers: EndpointAnswers;
  /** The most images that one request has. */
  readonly mostImages: number;
}

/** Whether the classifier is behind HTTP. */
export function isEndpoint(classifier: Classifier): classifier is EndpointClassifier {
  return "answers" in classifier;
}

/** A description is a few numbers, and names. */
const mostDescriptionBytes = 8e6;

/**
 * The classifier at `url`. It is asked what it is (GET), and twice what it says of a gray picture (POST): an endpoint that answers differently is refused.
 *
 * Throws a MisuseError for what is no URL, and a BadInputError where the endpoint fails, stalls, or answers otherwise than `docs/attacks.md` says.
 */
export async function openEndpoint(url: string, options: EndpointOptions = {}): Promise<EndpointClassifier> {
  checkKeys("openEndpoint", options, ["headers", "timeout", "tries", "pause", "labels", "signal"]);
  const { headers = {}, timeout = 30, tries = 4, pause = 0.5, labels, signal } = options;
  const where = nameOf(url);
  const request: RequestOptions = {
    ...{ headers, signal },
    timeoutMs: 1000 * numberIn("openEndpoint: timeout", timeout, { above: 0, max: 3600 }),
    tries: numberIn("openEndpoint: tries", tries, { min: 1, max: 100, integer: true }),
    pauseMs: 1000 * numberIn("openEndpoint: pause", pause, { min: 0, max: 3600 }),
  };
  const description = endpointDescription(
    where,
    await requestJson(where, url, { mostBytes: mostDescriptionBytes }, request),
  );
  const { runtime, ask } = endpointRuntime({ where, url, description, request });
  const { channels, height, width, answers, names, batch, mean } = description;
  const gray = new Float32Array(channels * height * width).fill(0.5);
  await ask([gray]);
  await ask([gray]);
  const opened = createClassifier(standIn(description), {
    ...{ where, runtime, preprocessing: "unit" },
    labels: typeof labels === "string" ? labelsOf(labels) : (labels ?? names),
  });
  const { guess } = opened;
  // It sees pixels as they are; what its own normalization makes zero is what hides parts of a picture.
  const classifier = opened.withPreprocessing({
    ...guess,
    preprocessing: { ...guess.preprocessing, mean: mean ?? Array.from({ length: channels }, () => 0.5) },
    name: undefined,
    reason: `the endpoint's own; what is hidden has ${mean === undefined ? "a middle gray" : "the mean color that it names"}`,
  });
  const sha256 = createHash("sha256")
    .update(JSON.stringify([where, description]))
    .digest("hex");
  const file = { path: where, sha256, bytes: 0, folder: "", weightsFiles: [] };
  return asked(classifier, { file, answers, mostImages: batch });
}

/** The classifier without what its stand-in has and the endpoint has not. */
function asked(
  classifier: Classifier,
  said: Pick<EndpointClassifier, "file" | "answers" | "mostImages">,
): EndpointClassifier {
  const { prepared } = classifier;
  const meanings = {
    scores: "scores",
    probabilities: "logarithms of probabilities",
    labels: "logarithms of probabilities, 1 for the class and 1e-12 for all others",
  };
  const head = {
    ...prepared.head,
    value: "answer",
    reason: `the endpoint's answer: ${meanings[said.answers]}`,
    alternatives: [],
  };
  return {
    ...classifier,
    prepared: { ...prepared, head, notes: [] },
    layers: [],
    ...said,
    withNames: (names) => asked(classifier.withNames(names), said),
    withPreprocessing: (guess) => asked(classifier.withPreprocessing(guess), said),
    decision: () => {
      throw new MisuseError({
        where: said.file.path,
        what: "an endpoint decides between classes",
        expected: "no label to decide",
      });
    },
  };
}

/** A network with the sizes of the endpoint's, which nobody runs. */
function standIn({ channels, height, width, classCount }: EndpointDescription): Model {
  const g = new GraphBuilder();
  const image = g.input("image", "float32", [1, channels, height, width]);
  const means = g.op("ReduceMean", [image, g.ints([2, 3])], { keepdims: 0 });
  const weights = g.constant(floatTensor(new Float32Array(channels * classCount).fill(1), [channels, classCount]));
  g.output(g.op("Gemm", [means, weights]), "answer");
  return modelOf({
    ...g.toGraph(),
    inputs: [{ name: "image", dtype: "float32", shape: ["N", channels, height, width] }],
    outputs: [{ name: "answer", dtype: "float32", shape: ["N", classCount] }],
  });
}

/** The URL without what may be secret in it, as messages and records have it. */
function nameOf(url: string): string {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw notAnEndpoint("not a URL", url);
  }
  if (parsed.protocol !== "http:" && parsed.protocol !== "https:") throw notAnEndpoint("not a URL of HTTP", url);
  if (parsed.username !== "" || parsed.password !== "") {
    throw new MisuseError({
      where: "endpoint",
      what: "the URL has a name or password in it",
      expected: "a URL without",
      advice: 'Give them as a header: --endpoint-header "Authorization: Basic …".',
    });
  }
  return `${parsed.origin}${parsed.pathname}`;
}

function notAnEndpoint(what: string, url: unknown): MisuseError {
  return new MisuseError({
    where: "endpoint",
    what,
    expected: "such as http://127.0.0.1:8000/model",
    got: JSON.stringify(url),
  });
}
