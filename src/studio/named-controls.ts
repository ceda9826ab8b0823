/** @file What the library advises, in the words of the page: its messages name flags of the command line, which a page does not have. */
import { strings } from "./strings.ts";

const words = strings.model;

/** The controls of the page that do what flags do. */
const controls: Readonly<Record<string, string>> = {
  preprocessing: words.normalization,
  mean: words.mean,
  std: words.std,
  scale: words.scale,
  channels: words.channels,
  labels: words.labels,
  logits: words.logits,
  "input-size": words.inputSizeShort,
  method: strings.run.method,
};

/** Flags whose controls are not among those of the model. */
const isElsewhere = new Set(["method"]);

/**
 * `message` with the page's own controls in the place of flags, and where these are. What the page has no control for is said to belong to the
 * command line.
 */
export function withControls(message: string): string {
  const named = new Set<string>();
  const missing = new Set<string>();
  const text = message
    // The names of a library's options are of no use to someone who writes no program.
    .replace(/ \((?:the )?option [\w.`]+\)| \(preprocessing\.layout\)/g, "")
    .replace("Pass the files beside the model as the option externalData.", strings.files.dropWeights)
    // Whole commands stay as they are.
    .replace(/(?<!perceptual-ball .*|[\w-])--([a-z]+(?:-[a-z]+)*)/g, (flag: string, name: string) => {
      const control = controls[name];
      (control === undefined ? missing : named).add(control === undefined ? flag : name);
      return control === undefined ? flag : `“${control}”`;
    });
  const isOfModel = [...named].some((name) => !isElsewhere.has(name));
  return [
    text,
    ...(isOfModel ? [words.controlsAre] : []),
    ...(missing.size > 0 ? [words.flagsOnly([...missing].join(", "))] : []),
  ].join(" ");
}
