/** @file `perceptual-ball benchmark`: the paper's experiments as commands. */
import { Command } from "commander";
import type { CliContext } from "../context.ts";
import { benchmarkDetectionCommand } from "./benchmark-detection.ts";
import { benchmarkLocalizationCommand } from "./benchmark-localization.ts";

export function benchmarkCommand(context: CliContext): Command {
  return new Command("benchmark")
    .description("The paper's experiments on any classifier and data.")
    .addHelpText("after", "\nExample:\n  perceptual-ball benchmark localization --first 20")
    .addCommand(benchmarkLocalizationCommand(context))
    .addCommand(benchmarkDetectionCommand(context));
}
