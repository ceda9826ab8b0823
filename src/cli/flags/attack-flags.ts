/** @file The flags of attacks: which run, in `attack`, `cone` and `benchmark detection`, and what `attack` asks besides. */
import { type Command, Option } from "commander";
import { type Rounding, roundings } from "../../attacks/attack-options.ts";
import { MisuseError } from "../../errors.ts";
import type { AttackRun } from "../../experiments/attack/protocol.ts";
import { choice, number, words } from "./parse-values.ts";
import { maskOption } from "./picture-flags.ts";
import { attackKind, type RunnableFlags, type RunnableFlagsOptions, runsOf } from "./runnables.ts";

export interface AttackFlags extends RunnableFlags {
  readonly label?: string;
  readonly target?: string;
  readonly rounding?: Rounding;
  readonly batch?: number;
  readonly examples: number;
  readonly mask?: string;
  readonly lpips?: boolean;
  /** What may happen to a picture before the network sees it. */
  readonly eot?: string;
  readonly eotDraws?: number;
  readonly eotTrials?: number;
  /** Models that attacked pictures are shown to. */
  readonly transferTo?: readonly string[];
}

/** Of commands that compare attacks. */
export interface AttackRunFlags extends RunnableFlags {
  readonly variantImages?: number;
}

/** What is compared unless told otherwise: the attacks of Table 2. */
export const comparedAttacks: RunnableFlagsOptions = {
  fallback: ["pgd", "pgd-mean", "perceptual", "carlini-wagner"],
  hasVariants: true,
};

/** The flags of `attack` besides those that say which attacks run. */
export function addAttackFlags(command: Command): Command {
  const options = [
    new Option("--label <class>", "class to leave, by name or number (default: the predicted one)"),
    new Option("--target <class>", "class to reach (default: any other)"),
    new Option(
      "--rounding <how>",
      "keep (default): farther from the picture where the nearest bytes lose the success; nearest; none: a search that minds no bytes",
    ).argParser(choice("--rounding", roundings)),
    maskOption(),
    new Option(
      "--lpips",
      "say the LPIPS distance too, in the network's own features (always where lpa, ppgd or fast-lpa runs)",
    ),
    new Option(
      "--eot <list>",
      "what may happen to the picture before the network sees it, such as noise:0.05,resize-pad:0.9,jpeg:75: gradients are means over draws, and fresh ones judge",
    ),
    new Option("--eot-draws <n>", "with --eot: draws that a gradient is the mean of (default: 20)").argParser(
      number("--eot-draws", { min: 1, integer: true }),
    ),
    new Option("--eot-trials <n>", "with --eot: fresh draws that judge each picture (default: 100)").argParser(
      number("--eot-trials", { min: 1, integer: true }),
    ),
    new Option(
      "--transfer-to <list>",
      "models to show the attacked pictures to: how many change their class there; keeps all pictures",
    ).argParser(words("--transfer-to")),
    new Option("--batch <n>", "pictures in lockstep (default: up to 64, fewer of large ones)").argParser(
      number("--batch", { min: 1, max: 4096, integer: true }),
    ),
    new Option("--examples <n>", "pictures of a data set that are written and shown")
      .default(12)
      .argParser(number("--examples", { min: 0, integer: true })),
  ];
  for (const option of options) command.addOption(option.helpGroup("Attack:"));
  return command;
}

/**
 * The attacks with what `--lpips` and `--eot` ask of all of them. Where one of them is bounded by an LPIPS distance all say theirs, or they would not compare.
 */
export function askedOfAll(
  runs: readonly AttackRun[],
  { lpips = false, eot, eotDraws, eotTrials }: Pick<AttackFlags, "lpips" | "eot" | "eotDraws" | "eotTrials">,
): readonly AttackRun[] {
  if (eot === undefined && (eotDraws ?? eotTrials) !== undefined) {
    throw new MisuseError({
      where: eotDraws === undefined ? "--eot-trials" : "--eot-draws",
      what: "nothing is drawn",
      expected: "--eot beside it",
    });
  }
  const hasLpips = lpips || runs.some(({ attack }) => attack.isBoundedByLpips);
  const asked = {
    ...(hasLpips ? { lpips: true } : {}),
    ...(eot === undefined ? {} : { eot }),
    ...(eotDraws === undefined ? {} : { eotDraws }),
    ...(eotTrials === undefined ? {} : { eotTrials }),
  };
  return runs.map((run) => ({ ...run, settings: { ...asked, ...run.settings } }));
}

/** `--variant-images`, of commands that compare attacks. */
export function addVariantImages(command: Command): Command {
  return command.addOption(
    new Option("--variant-images <n>", "test images for variants, the first n (default: all)")
      .helpGroup("Attacks:")
      .argParser(number("--variant-images", { min: 1, integer: true })),
  );
}

/**
 * The attacks that the flags mean, variants last, each in the table that stands before the slash of its name. Throws as {@link runsOf} does,
 * and for `--variant-images` without a variant.
 */
export function attackRunsOf(flags: AttackRunFlags, options: RunnableFlagsOptions): AttackRun[] {
  const runs = runsOf(attackKind, flags, options);
  if (flags.variantImages !== undefined && !runs.some(({ isVariant }) => isVariant)) {
    throw new MisuseError({ where: "--variant-images", what: "there is no variant", expected: "--variant beside it" });
  }
  return runs.map(({ name, of, settings, isVariant }): AttackRun => {
    if (!isVariant) return { name, attack: of, settings };
    const slash = name.indexOf("/");
    const group = slash > 0 ? name.slice(0, slash) : undefined;
    return { name, attack: of, settings, group, images: flags.variantImages };
  });
}
