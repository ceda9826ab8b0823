/** @file The explanation methods by name. */
import { MisuseError, nearest } from "../errors.ts";
import { deepFoolMethod } from "./deepfool.ts";
import type { SaliencyMethod } from "./method.ts";
import { occlusionMethod } from "./occlusion.ts";
import { riseMethod } from "./rise.ts";

/** All methods, in the order in which tables list them. */
export const saliencyMethods: readonly SaliencyMethod[] = [riseMethod, occlusionMethod, deepFoolMethod];

/** The method called `name`. Throws a MisuseError with the nearest name. */
export function findMethod(name: string): SaliencyMethod {
  const found = saliencyMethods.find((method) => method.name === name);
  if (found !== undefined) return found;
  const names = saliencyMethods.map((method) => method.name);
  const hint = nearest(name, names);
  throw new MisuseError({
    where: "method",
    what: "unknown name",
    expected: `one of ${names.join(", ")}`,
    got: JSON.stringify(name),
    advice: hint === undefined ? undefined : `Did you mean ${hint}?`,
  });
}
