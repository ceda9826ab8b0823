/** @file The flags of the statistical test: noise, samples, and how statistics are fitted. */
import { type Command, Option } from "commander";
import type { Classifier } from "../../classifier/classifier.ts";
import { defaultBatch } from "../../classifier/passes/default-batch.ts";
import {
  correctionKinds,
  detectionKinds,
  type NoiseKind,
  noiseKindName,
  parseNoiseKind,
} from "../../detection/odds/noise.ts";
import { number, words } from "./parse-values.ts";

export interface NoiseFlags {
  readonly justDetect?: boolean;
  readonly samples: number;
  readonly antithetic?: boolean;
  readonly noise: readonly NoiseKind[];
  readonly correctionNoise: readonly NoiseKind[];
  readonly falsePositiveRate?: number;
  readonly batch?: number;
}

/** Images per run of the network: what --batch says, or what fits into memory with networks of the usual size. */
export function batchSizeOf({ batch }: Pick<NoiseFlags, "batch">, classifier: Classifier): number {
  return classifier.prepared.batchFor(batch ?? defaultBatch(classifier));
}

export function addNoiseFlags(command: Command): Command {
  const add = (option: Option): Command => command.addOption(option.helpGroup("Detector:"));
  const names = (kinds: readonly NoiseKind[]): string => kinds.map(noiseKindName).join(",");
  add(new Option("--just-detect", "statistics of all training images, no corrections of labels: half of the time"));
  add(
    new Option("--samples <n>", "noise samples per image and kind")
      .default(256)
      .argParser(number("--samples", { min: 1, integer: true })),
  );
  add(new Option("--antithetic", "samples in pairs of opposite noise: a few of them say as much as hundreds"));
  add(
    new Option("--noise <kinds>", "kinds of noise that decide")
      .default(detectionKinds, names(detectionKinds))
      .argParser(noiseKinds("--noise")),
  );
  add(
    new Option("--correction-noise <kinds>", "kinds of noise that labels are corrected by")
      .default(correctionKinds, names(correctionKinds))
      .argParser(noiseKinds("--correction-noise")),
  );
  add(
    new Option(
      "--false-positive-rate <r>",
      "choose the cutoff for this rate on held-out training images (default: the nominal 3.0902)",
    ).argParser(number("--false-positive-rate", { min: 1e-6, max: 0.999 })),
  );
  add(batchOption());
  return command;
}

export function batchOption(): Option {
  const description = "images per run of the network (default: 64, fewer if they are large)";
  return new Option("--batch <n>", description).argParser(number("--batch", { min: 1, max: 4096, integer: true }));
}

function noiseKinds(flag: string): (text: string) => NoiseKind[] {
  return (text) => words(flag)(text).map((name) => parseNoiseKind(flag, name));
}
