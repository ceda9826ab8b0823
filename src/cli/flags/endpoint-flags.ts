/** @file The flags of a model behind HTTP, the classifier that they mean, and which attacks and methods it is enough for. */
import { type Command, Option } from "commander";
import { MisuseError, UnsupportedError } from "../../errors.ts";
import { describeGeometry } from "../../image/geometry.ts";
import { type EndpointClassifier, openEndpoint } from "../../node/endpoint/open-endpoint.ts";
import { bundledClassifierPath } from "../../node/models/bundled.ts";
import type { FileClassifier } from "../../node/models/load-classifier.ts";
import type { SaliencyMethod } from "../../saliency/method.ts";
import { saliencyMethods } from "../../saliency/methods.ts";
import { geometryOf, type ModelFlags } from "./model-flags.ts";
import { number } from "./parse-values.ts";

export interface EndpointFlags extends ModelFlags {
  readonly endpoint?: string;
  readonly endpointHeader?: Readonly<Record<string, string>>;
  readonly endpointTimeout?: number;
  readonly endpointTries?: number;
}

/** The methods that an endpoint is enough for. */
export const scoreMethods = saliencyMethods.flatMap(({ name, sees }) => (sees === "scores" ? [name] : []));

/** Adds the flags. `use` says what such a model is enough for. */
export function addEndpointFlags(command: Command, use?: string): Command {
  const options = [
    new Option(
      "--endpoint <url>",
      `in the place of --model: a model behind HTTP${use === undefined ? "" : `, for ${use}`}`,
    ),
    new Option("--endpoint-header <name: value>", "a header of its requests; may be repeated").argParser(header),
    new Option("--endpoint-timeout <s>", "seconds that an answer may take (default: 30)").argParser(
      number("--endpoint-timeout", { above: 0, max: 3600 }),
    ),
    new Option(
      "--endpoint-tries <n>",
      "how often a request is sent where the server is busy or late (default: 4)",
    ).argParser(number("--endpoint-tries", { min: 1, max: 100, integer: true })),
  ];
  for (const option of options) command.addOption(option.helpGroup("Model:"));
  return command;
}

function header(text: string, before: Readonly<Record<string, string>> = {}): Readonly<Record<string, string>> {
  const [, name, value] = /^([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*:\s*([\t\x20-\x7e\x80-\xff]+)$/.exec(text.trim()) ?? [];
  if (name !== undefined && value !== undefined) return { ...before, [name]: value };
  throw new MisuseError({
    where: "--endpoint-header",
    what: "not a header",
    expected: 'NAME: VALUE, such as "Authorization: Bearer …"',
  });
}

/** The classifier behind the URL, its pictures resized as the flags say, and what it is noted. */
export async function openEndpointOf(
  flags: EndpointFlags,
  url: string,
  { note, signal }: { readonly note: (text: string) => void; readonly signal: AbortSignal },
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
  const { geometry, geometryReason } = geometryOf(flags, opened);
  const { guess } = opened;
  const fitted = { ...guess, preprocessing: { ...guess.preprocessing, geometry }, geometryReason };
  const classifier: EndpointClassifier = { ...opened, ...opened.withPreprocessing(fitted), answers: opened.answers };
  const { classCount, input: size, answers } = classifier;
  note(
    `${opened.file.path}: ${classCount} classes, input ${size.channelCount}x${size.height}x${size.width}, answers with ${answers}`,
  );
  note(`  resize ${describeGeometry(size.geometry)} (${geometryReason})`);
  for (const { message } of classifier.warnings) note(`warning: ${message}`);
  return classifier;
}

/** The model's path as records have it: of the file, or the endpoint's URL. */
export function modelPathOf({ endpoint, model }: EndpointFlags, { file }: FileClassifier): string {
  return endpoint === undefined ? (model ?? bundledClassifierPath) : file.path;
}

/** Throws a MisuseError for an attack that needs to see more than the endpoint says. */
export function checkBlackBox(
  { name, sees }: { readonly name: string; readonly sees?: "scores" | "labels" },
  { answers }: Pick<EndpointClassifier, "answers">,
): void {
  if (sees === "labels" || (sees === "scores" && answers !== "labels")) return;
  throw new MisuseError({
    where: "--endpoint",
    what:
      sees === undefined
        ? `${name} follows gradients, and an endpoint gives none`
        : `${name} sees scores, and the endpoint answers with labels`,
    expected: sees === undefined ? "--attack square or --attack hopskipjump" : "--attack hopskipjump",
  });
}

/** Throws for a method that needs to see more than the endpoint says: a MisuseError, or of one that nobody `isNamed` an UnsupportedError. */
export function checkBlackBoxMethod(
  { name, sees }: Pick<SaliencyMethod, "name" | "sees">,
  { answers }: Pick<EndpointClassifier, "answers">,
  { isNamed }: { readonly isNamed: boolean },
): void {
  if (answers === "labels") {
    throw new MisuseError({
      where: "--endpoint",
      what: "the endpoint answers with labels, and every method looks at scores",
      expected: "an endpoint that answers with scores or probabilities",
    });
  }
  if (sees === "scores") return;
  const what = "an endpoint gives nothing but scores";
  if (!isNamed) throw new UnsupportedError({ where: name, what });
  throw new MisuseError({
    where: `--method ${name}`,
    what: `${name} looks into the network, and ${what}`,
    expected: `--method with some of ${scoreMethods.join(", ")}`,
  });
}
