/** @file `perceptual-ball benchmark`: experiments over many pictures as commands, those of the paper among them. */
import { Command } from "commander";
import type { CliContext } from "../context.ts";
import { benchmarkDetectionCommand } from "./benchmark-detection.ts";
import { benchmarkLocalizationCommand } from "./benchmark-localization.ts";
import { benchmarkRobustnessCommand } from "./benchmark-robustness.ts";

export function benchmarkCommand(context: CliContext): Command {
  return new Command("benchmark")
    .description("Experiments on any classifier and data: the paper's, and robust accuracy.")
    .addHelpText("after", "\nExample:\n  perceptual-ball benchmark localization --first 20")
    .addCommand(benchmarkLocalizationCommand(context))
    .addCommand(benchmarkDetectionCommand(context))
    .addCommand(benchmarkRobustnessCommand(context));
}
