/** @file The flags of `explain` beyond the model's and the runtime's. */
import { type Command, Option } from "commander";
import { constraints, type PerceptualOptions, perceptualPresets } from "../../attacks/perceptual/perceptual-options.ts";
import { type ColorMap, colorMaps } from "../../image/color-map.ts";
import { defaultLocalizationRule, type LocalizationRule } from "../../localization/localize-map.ts";
import type { ThresholdRule } from "../../localization/threshold.ts";
import { settingOf } from "./method-flags.ts";
import type { ModelFlags } from "./model-flags.ts";
import { choice, number, thresholdRule, words } from "./parse-values.ts";
import type { PictureFlags } from "./picture-flags.ts";
import type { RuntimeFlags } from "./runtime-flags.ts";

/** One `--set`: of all methods, or of the one that is named. */
export interface GivenSetting {
  readonly method: string | undefined;
  readonly name: string;
  readonly value: unknown;
}

/** Collects `--set NAME=VALUE` and `--set METHOD.NAME=VALUE`. */
export function givenSetting(text: string, before: readonly GivenSetting[] = []): GivenSetting[] {
  const isNamed = /^[^=]*\./.test(text);
  const { method, name, value } = settingOf(isNamed ? text : `any.${text}`);
  return [...before, { method: isNamed ? method : undefined, name, value }];
}

export interface ExplainFlags extends ModelFlags, PictureFlags, RuntimeFlags {
  readonly method: readonly string[];
  readonly set?: readonly GivenSetting[];
  readonly batch?: number;
  readonly preset?: PerceptualOptions["preset"];
  readonly label?: string;
  readonly target?: string;
  readonly layers?: readonly string[];
  readonly margin?: number;
  readonly perceptualWeight?: number;
  readonly distanceWeight?: number;
  readonly reduction?: PerceptualOptions["reduction"];
  readonly iterations?: number;
  readonly evaluations?: number;
  readonly history?: number;
  readonly constraint?: PerceptualOptions["constraint"];
  readonly epsilon?: number;
  readonly blur: number;
  readonly threshold: ThresholdRule;
  readonly connectivity: 4 | 8;
  readonly colorMap: ColorMap;
  readonly out: string;
  readonly open?: boolean;
  readonly seed?: number;
  readonly json?: boolean;
  readonly quiet?: boolean;
}

/** What `explain` runs unless told otherwise. */
export const usualMethods: readonly string[] = ["perceptual"];

const methodGroup = "Method:";
const perceptualGroup = "Of the methods perceptual and guided-perceptual:";
const boxGroup = "Map and box:";

export function addExplainFlags(command: Command): Command {
  const add = (
    group: string,
    flags: string,
    description: string,
    parse?: (text: string) => unknown,
    fallback?: readonly [value: unknown, description: string],
  ): void => {
    const option = new Option(flags, description);
    if (group !== "") option.helpGroup(group);
    if (parse !== undefined) option.argParser(parse);
    if (fallback !== undefined) option.default(...fallback);
    command.addOption(option);
  };
  const count = { min: 1, integer: true };
  add(methodGroup, "--method <list>", "some of the methods below, or all", words("--method"), [
    usualMethods,
    usualMethods.join(","),
  ]);
  add(
    methodGroup,
    "--set <name=value>",
    "a setting of the method, or METHOD.NAME=VALUE of one of several; may be repeated",
    givenSetting as (text: string) => unknown,
  );
  add(methodGroup, "--batch <n>", "images per run, for methods that evaluate many", number("--batch", count));
  add(methodGroup, "--label <label>", "the class to explain, by name or number (default: the predicted one)");
  add(methodGroup, "--target <label>", "the class to reach: why this and not that?");
  add(perceptualGroup, "--preset <name>", perceptualPresets.join(", "), choice("--preset", perceptualPresets));
  add(
    perceptualGroup,
    "--layers <list>",
    "layers to compare: numbers, names or patterns such as 'Relu[4:10]'",
    words("--layers"),
  );
  add(perceptualGroup, "--margin <t>", "how far behind the boundary to aim, negative, in logits", number("--margin"));
  add(
    perceptualGroup,
    "--perceptual-weight <w>",
    "weight of the perceptual term (default: searched)",
    number("--perceptual-weight", { min: 0 }),
  );
  add(
    perceptualGroup,
    "--distance-weight <w>",
    "weight of the squared distance",
    number("--distance-weight", { min: 0 }),
  );
  add(perceptualGroup, "--reduction <kind>", "mean or sum of squares", choice("--reduction", ["mean", "sum"]));
  add(perceptualGroup, "--iterations <n>", "L-BFGS iterations", number("--iterations", count));
  add(perceptualGroup, "--evaluations <n>", "gradients in all", number("--evaluations", { min: 5, integer: true }));
  add(perceptualGroup, "--history <n>", "curvature pairs that L-BFGS keeps", number("--history", count));
  add(perceptualGroup, "--constraint <kind>", constraints.join(", "), choice("--constraint", constraints));
  add(perceptualGroup, "--epsilon <e>", "radius of the ball, such as 8/255", number("--epsilon"));
  const { sigmaPixels, connectivity } = defaultLocalizationRule;
  add(
    boxGroup,
    "--blur <sigma>",
    "standard deviation in pixels of the input",
    number("--blur", { min: 0, max: 1000 }),
    [sigmaPixels, String(sigmaPixels)],
  );
  add(boxGroup, "--threshold <rule>", "value:0.25, mean:2, percent:10 or energy:0.5", thresholdRule("--threshold"), [
    defaultLocalizationRule.threshold,
    "value:0.25",
  ]);
  add(
    boxGroup,
    "--connectivity <n>",
    "4 or 8 neighbors",
    (text) => Number(choice("--connectivity", ["4", "8"])(text)),
    [connectivity, String(connectivity)],
  );
  add(boxGroup, "--color-map <name>", colorMaps.join(", "), choice("--color-map", colorMaps), ["inferno", "inferno"]);
  add("", "--out <dir>", "folder for the report", undefined, ["perceptual-ball-report", "perceptual-ball-report"]);
  add(
    "",
    "--seed <n>",
    "of methods that draw numbers, and of the pictures that are rendered when none are given",
    number("--seed", { min: 0, integer: true }),
  );
  add("", "--open", "open the report in the browser");
  add("", "--json", "print one JSON object per picture and method on stdout");
  add("", "--quiet", "no progress, no notes");
  return command;
}

/** The settings of the perceptual methods that have flags of their own, as far as they are given. */
export function perceptualSettingsOf(flags: ExplainFlags): PerceptualOptions {
  const { preset, layers, margin, perceptualWeight, distanceWeight, reduction } = flags;
  const { iterations, evaluations, history, constraint, epsilon } = flags;
  const given = {
    ...{ preset, layers, margin, perceptualWeight, distanceWeight, reduction },
    ...{ iterations, evaluations, history, constraint, epsilon },
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** How the map becomes a box. */
export function localizationRuleOf({ blur, threshold, connectivity }: ExplainFlags): LocalizationRule {
  return { sigmaPixels: blur, threshold, connectivity };
}
