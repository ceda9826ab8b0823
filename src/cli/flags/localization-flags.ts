/** @file The flags of `benchmark localization` that say how maps are made and judged. */
import { type Command, Option } from "commander";
import { defaultLocalizationSettings, type LocalizationSettings } from "../../experiments/localization/protocol.ts";
import {
  checkSummaryOptions,
  defaultSummaryOptions,
  type SummaryOptions,
} from "../../experiments/localization/summary-options.ts";
import { type MetricName, metricNamed, metrics } from "../../experiments/metrics/metrics.ts";
import { choice, number, words } from "./parse-values.ts";
import { addSmoothingFlags, type SmoothingFlags, smoothingOf } from "./smoothing-flags.ts";

export interface LocalizationFlags extends SmoothingFlags {
  readonly blur: number;
  readonly explain: LocalizationSettings["explain"];
  readonly curveSteps: LocalizationSettings["curveSteps"];
  readonly batch: number;
  readonly match: SummaryOptions["match"];
  readonly object: SummaryOptions["object"];
  readonly connectivity: SummaryOptions["connectivity"];
  readonly tolerance: number;
  readonly toleranceOf: SummaryOptions["toleranceOf"];
  readonly sanityCheck: number;
  readonly sanityStages: number;
  readonly keepMaps: number;
  readonly figureRows: number;
  readonly metrics?: readonly MetricName[];
}

export function addLocalizationFlags(command: Command): void {
  const add = (flags: string, description: string, fallback: unknown, parse: (text: string) => unknown): void => {
    command.addOption(new Option(flags, description).default(fallback).argParser(parse).helpGroup("Protocol:"));
  };
  const { sigmaPixels, explain, curveSteps, batch } = defaultLocalizationSettings;
  const { connectivity, match, object, tolerance, toleranceOf } = defaultSummaryOptions;
  const whole = (flag: string, min = 0) => number(flag, { min, integer: true });
  const blur = number("--blur", { min: 0, max: 1000 });
  add("--blur <sigma>", "of every map before all else, in pixels of the input", sigmaPixels, blur);
  const classes = choice("--explain", ["predicted", "truth"]);
  add("--explain <class>", "predicted, or the data's own: truth", explain, classes);
  const steps = (text: string) => (text === "rows" ? text : whole("--curve-steps")(text));
  add(
    "--curve-steps <n>",
    "of insertion and deletion: rows (one per row of pixels), a number, or 0 for none",
    curveSteps,
    steps,
  );
  add("--batch <n>", "pictures per run of the network for these curves", batch, whole("--batch", 1));
  const matches = choice("--match", ["at-least", "above"]);
  add("--match <rule>", "right at an IoU of ½ (at-least) or above it (above, as the paper)", match, matches);
  const objects = choice("--object", ["any", "dominant"]);
  add("--object <which>", "any of a picture's boxes, or its largest: dominant", object, objects);
  const neighbors = choice("--connectivity", ["8", "4", "none"]);
  add("--connectivity <n>", "of components: 8, 4, or none (a box around everything kept)", connectivity, neighbors);
  add("--tolerance <pixels>", "of the pointing game", tolerance, number("--tolerance", { min: 0 }));
  const sides = choice("--tolerance-of", ["picture", "input"]);
  add("--tolerance-of <what>", "picture (as stored) or input (as the network sees it)", toleranceOf, sides);
  const sanity = whole("--sanity-check");
  add("--sanity-check <n>", "pictures on which weights are randomized, layer by layer from the top", 0, sanity);
  add("--sanity-stages <n>", "how many numbers of layers are randomized", 6, whole("--sanity-stages", 1));
  add("--keep-maps <n>", "pictures whose maps are kept, for the figures", 40, whole("--keep-maps"));
  add("--figure-rows <n>", "pictures in each figure", 6, whole("--figure-rows"));
  command.addOption(
    new Option(
      "--metrics <list>",
      `further ones of every map: all, or some of ${metrics.map(({ name }) => name).join(", ")}`,
    )
      .argParser(metricList)
      .helpGroup("Protocol:"),
  );
  addSmoothingFlags(command, "Protocol:");
}

/** Names of metrics, each once and in the order of tables. */
function metricList(text: string): MetricName[] {
  const names = words("--metrics")(text).flatMap((name) =>
    name === "all" ? metrics.map((metric) => metric.name) : [metricNamed("--metrics", name).name],
  );
  return metrics.map(({ name }) => name).filter((name) => names.includes(name));
}

/** The choices under which tables are made. */
export function summaryOptionsOf(flags: LocalizationFlags): SummaryOptions {
  const { connectivity, match, object, tolerance, toleranceOf } = flags;
  return checkSummaryOptions("localization", { connectivity, match, object, tolerance, toleranceOf });
}

/** The settings that decide what records hold. */
export function localizationSettingsOf({
  blur,
  explain,
  curveSteps,
  batch,
  seed,
  metrics: asked,
  ...flags
}: LocalizationFlags & { readonly seed: number }): LocalizationSettings {
  const smoothing = smoothingOf(flags);
  const further = {
    ...(smoothing === undefined ? {} : { smoothing }),
    ...(asked === undefined ? {} : { metrics: asked }),
  };
  // What is not asked for is not said, so that records made before there was such a thing go on counting.
  return { sigmaPixels: blur, explain, curveSteps, batch, seed, ...further };
}
