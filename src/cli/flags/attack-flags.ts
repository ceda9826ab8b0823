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
