/** @file The flags that smooth maps by noisy copies of the picture. */
import { type Command, Option } from "commander";
import { MisuseError } from "../../errors.ts";
import {
  completeSmoothing,
  type SmoothingSettings,
  smoothingAggregates,
  smoothingSettings,
} from "../../saliency/smoothing.ts";
import { choice, number } from "./parse-values.ts";

export interface SmoothingFlags {
  readonly smooth?: number;
  readonly smoothNoise?: number;
  readonly smoothBy?: SmoothingSettings["aggregate"];
}

export function addSmoothingFlags(command: Command, group: string): Command {
  const { noise, aggregate } = smoothingSettings;
  const options = [
    new Option("--smooth <n>", "average the maps of so many noisy copies of the picture").argParser(
      number("--smooth", { min: 1, integer: true }),
    ),
    new Option(
      "--smooth-noise <share>",
      `their noise, a share of the picture's range (default: ${noise.fallbackText})`,
    ).argParser(number("--smooth-noise", { min: 0 })),
    new Option(
      "--smooth-by <word>",
      `${smoothingAggregates.join(", ")} of the maps (default: ${aggregate.fallbackText})`,
    ).argParser(choice("--smooth-by", smoothingAggregates)),
  ];
  for (const option of options) command.addOption(option.helpGroup(group));
  return command;
}

/** How maps are smoothed; undefined if they are not. Throws a MisuseError for noise without copies. */
export function smoothingOf({ smooth, smoothNoise, smoothBy }: SmoothingFlags): SmoothingSettings | undefined {
  if (smooth !== undefined) {
    return completeSmoothing("--smooth", { samples: smooth, noise: smoothNoise, aggregate: smoothBy });
  }
  if (smoothNoise === undefined && smoothBy === undefined) return undefined;
  throw new MisuseError({
    where: smoothNoise === undefined ? "--smooth-by" : "--smooth-noise",
    what: "maps are not smoothed",
    expected: "--smooth with a number of noisy copies",
    advice: "Write --smooth 20.",
  });
}
