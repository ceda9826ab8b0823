/** @file The model behind HTTP that the flags mean, and which attacks can be made on it. */
import { MisuseError } from "../errors.ts";
import type { AttackRun } from "../experiments/attack/protocol.ts";
import { type EndpointClassifier, openEndpoint } from "../node/endpoint/open-endpoint.ts";
import type { FileClassifier } from "../node/models/load-classifier.ts";
import type { AttackInputFlags } from "./attack-inputs.ts";
import { geometryOf } from "./flags/model-flags.ts";

/** The classifier behind the URL, its pictures resized as the flags say, and what it is noted. */
export async function openEndpointOf(
  flags: AttackInputFlags,
  url: string,
  note: (text: string) => void,
  signal: AbortSignal,
): Promise<EndpointClassifier> {
  const { model, logits, head, decision, input, inputSize, preprocessing, mean, std, scale, channels, layout } = flags;
  const others = Object.entries({
    model,
    logits,
    head,
    decision,
    input,
    inputSize,
    preprocessing,
    mean,
    std,
    scale,
    channels,
    layout,
  });
  const given = others.find(([, value]) => value !== undefined);
  if (given !== undefined) {
    throw new MisuseError({
      where: `--${given[0].replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`,
      what: "an endpoint is given, which prepares its pictures itself",
      expected: given[0] === "model" ? "--model or --endpoint" : "none beside --endpoint",
    });
  }
  const { labels, endpointHeader: headers, endpointTimeout: timeout, endpointTries: tries } = flags;
  const opened = await openEndpoint(url, { headers, timeout, tries, labels, signal });
  const geometry = geometryOf(flags, opened.input);
  const { guess } = opened;
  const fitted = { ...guess, preprocessing: { ...guess.preprocessing, geometry } };
  const classifier: EndpointClassifier = { ...opened, ...opened.withPreprocessing(fitted), answers: opened.answers };
  const { classCount, input: size, answers } = classifier;
  note(
    `${opened.file.path}: ${classCount} classes, input ${size.channelCount}x${size.height}x${size.width}, answers with ${answers}`,
  );
  for (const { message } of classifier.warnings) note(`warning: ${message}`);
  return classifier;
}

/** Whether the classifier is behind HTTP. */
export function isEndpoint(classifier: FileClassifier): classifier is EndpointClassifier {
  return "answers" in classifier;
}

/** Throws a MisuseError for an attack that needs to see more than the endpoint says. */
export function checkBlackBox(runs: readonly AttackRun[], { answers }: Pick<EndpointClassifier, "answers">): void {
  for (const { attack } of runs) {
    const { name, sees } = attack;
    if (sees === "labels" || (sees === "scores" && answers !== "labels")) continue;
    throw new MisuseError({
      where: "--endpoint",
      what:
        sees === undefined
          ? `${name} follows gradients, and an endpoint gives none`
          : `${name} sees scores, and the endpoint answers with labels`,
      expected: sees === undefined ? "--attack square or --attack hopskipjump" : "--attack hopskipjump",
    });
  }
}
