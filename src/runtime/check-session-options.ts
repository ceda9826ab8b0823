/** @file What callers without types get wrong in the options of a session: the runtime would refuse the model for it, or take no notice. */
import { checkForm, kindOf, MisuseError, numberIn } from "../errors.ts";

/** The options of a session as callers without types may give them. */
export interface GivenSessionOptions {
  readonly threads?: unknown;
  readonly providers?: unknown;
  readonly weightsFolder?: unknown;
  readonly lowMemory?: unknown;
  readonly blocked?: unknown;
  readonly runtimeLog?: unknown;
}

/** Throws a MisuseError in the name of `where` for values that an option of a session cannot have. */
export function checkSessionOptions(where: string, options: GivenSessionOptions): void {
  const { threads, providers, weightsFolder, lowMemory, blocked, runtimeLog } = options;
  if (threads !== undefined) numberIn(`${where}: threads`, threads, { min: 1, max: 1024, integer: true });
  if (providers !== undefined && !(Array.isArray(providers) && providers.every((name) => typeof name === "string"))) {
    throw new MisuseError({
      where: `${where}: providers`,
      what: "wrong value",
      expected: 'a list of names, such as ["cuda", "cpu"]',
      got: kindOf(providers),
    });
  }
  if (weightsFolder !== undefined) checkForm(`${where}: weightsFolder`, weightsFolder, "string");
  for (const [name, value] of Object.entries({ lowMemory, blocked, runtimeLog })) {
    if (value === undefined || typeof value === "boolean") continue;
    throw new MisuseError({
      where: `${where}: ${name}`,
      what: "not a flag",
      expected: "true or false",
      got: kindOf(value),
    });
  }
}
