/** @file The flags of `explain` beyond those of methods, model, pictures and runtime. */
import { type Command, Option } from "commander";
import { type ColorMap, colorMaps } from "../../image/color-map.ts";
import { defaultLocalizationRule, type LocalizationRule } from "../../localization/localize-map.ts";
import type { ThresholdRule } from "../../localization/threshold.ts";
import type { EndpointFlags } from "./endpoint-flags.ts";
import { workersOption } from "./experiment-flags.ts";
import { choice, number, thresholdRule } from "./parse-values.ts";
import { maskOption, type PictureFlags } from "./picture-flags.ts";
import { addSpeechFlags, type SpeechFlags, seedOption } from "./run-flags.ts";
import type { RunnableFlags } from "./runnables.ts";
import type { RuntimeFlags } from "./runtime-flags.ts";
import { addSmoothingFlags, type SmoothingFlags } from "./smoothing-flags.ts";

export interface ExplainFlags
  extends EndpointFlags,
    PictureFlags,
    RuntimeFlags,
    RunnableFlags,
    SpeechFlags,
    SmoothingFlags {
  readonly batch?: number;
  readonly label?: string;
  readonly target?: string;
  readonly mask?: string;
  readonly blur: number;
  readonly threshold?: ThresholdRule;
  readonly connectivity: 4 | 8;
  readonly colorMap: ColorMap;
  readonly out: string;
  readonly open?: boolean;
  readonly animate?: boolean;
  readonly seed?: number;
  /** `auto`: as many as pay off, by what the first pictures take. */
  readonly workers: number | "auto";
}

export function addExplainFlags(command: Command): Command {
  const { sigmaPixels, connectivity } = defaultLocalizationRule;
  const groups: Readonly<Record<string, readonly Option[]>> = {
    "Question:": [
      new Option("--label <class>", "the class to explain, by name or number (default: the predicted one)"),
      new Option("--target <class>", "the class to reach: why this and not that?"),
      maskOption(),
      new Option("--batch <n>", "images per run, for methods that evaluate many").argParser(
        number("--batch", { min: 1, integer: true }),
      ),
    ],
    "Map and box:": [
      new Option("--blur <sigma>", "standard deviation in pixels of the input")
        .argParser(number("--blur", { min: 0, max: 1000 }))
        .default(sigmaPixels),
      new Option(
        "--threshold <rule>",
        "value:0.25, mean:2, percent:10 or energy:0.5 (default: the method's own)",
      ).argParser(thresholdRule("--threshold")),
      new Option("--connectivity <n>", "4 or 8 neighbors")
        .argParser((text) => Number(choice("--connectivity", ["4", "8"])(text)))
        .default(connectivity),
      new Option("--color-map <name>", colorMaps.join(", "))
        .argParser(choice("--color-map", colorMaps))
        .default("inferno"),
    ],
    "Run:": [
      new Option("-o, --out <folder>", "folder for the report").default("perceptual-ball-report"),
      seedOption("of methods that draw numbers, and of the pictures that are rendered when none are given"),
      workersOption().default("auto"),
      new Option("--animate", "also write each search of a perturbation as a film, search.gif"),
      new Option("--open", "open the report in the browser"),
    ],
  };
  for (const [group, options] of Object.entries(groups)) {
    for (const option of options) command.addOption(option.helpGroup(group));
  }
  addSmoothingFlags(command, "Map and box:");
  return addSpeechFlags(command);
}

/** How the map becomes a box. */
export function localizationRuleOf({ blur, threshold, connectivity }: ExplainFlags): Partial<LocalizationRule> {
  return { sigmaPixels: blur, ...(threshold === undefined ? {} : { threshold }), connectivity };
}
