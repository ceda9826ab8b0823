/** @file What callers without types get wrong in the options of a classifier, said before any of them is used. */
import { checkForm, kindOf, MisuseError, numberIn, oneOf } from "../errors.ts";
import { checkSessionOptions, type GivenSessionOptions } from "../runtime/check-session-options.ts";
import { headKinds } from "./network/head/head.ts";

/** The options of a classifier as callers without types may give them. */
export interface GivenOptions extends GivenSessionOptions {
  readonly labels?: unknown;
  readonly inputSize?: unknown;
  readonly logits?: unknown;
  readonly head?: unknown;
  readonly inputs?: unknown;
  readonly preprocessing?: unknown;
  readonly beside?: unknown;
  readonly allowMemory?: unknown;
  readonly machineMemory?: unknown;
  readonly sessionMemory?: unknown;
}

/**
 * Throws a MisuseError in the name of `where` for values that an option cannot have. Without it a misspelt `head` would be taken for another
 * one in silence, and others would end in an error from the inside. What depends on the model is checked where it is used.
 */
export function checkClassifierOptions(where: string, options: GivenOptions): void {
  checkSessionOptions(where, options);
  const { labels, inputSize, logits, head, inputs, preprocessing, beside } = options;
  const check = (name: string, isFit: boolean, expected: string, value: unknown): void => {
    if (!isFit)
      throw new MisuseError({ where: `${where}: ${name}`, what: "wrong value", expected, got: kindOf(value) });
  };
  check(
    "labels",
    labels === undefined || typeof labels === "string" || isListOfText(labels),
    'a list of names, or "imagenet" or "cifar10"',
    labels,
  );
  check("inputSize", inputSize === undefined || isSize(inputSize), "[height, width], two positive integers", inputSize);
  check(
    "preprocessing",
    preprocessing === undefined || typeof preprocessing === "string" || !Array.isArray(preprocessing),
    "a name or its parts, { scale, mean, std, … }",
    preprocessing,
  );
  if (logits !== undefined) checkForm(`${where}: logits`, logits, "string");
  if (head !== undefined) oneOf(`${where}: head`, head, headKinds);
  for (const [name, value] of Object.entries({ inputs, beside, preprocessing })) {
    if (value !== undefined && typeof value !== "string") checkForm(`${where}: ${name}`, value, []);
  }
  const { allowMemory, machineMemory, sessionMemory } = options;
  for (const [name, value] of Object.entries({ allowMemory, machineMemory, sessionMemory })) {
    if (value !== undefined) numberIn(`${where}: ${name}`, value, { min: 1 });
  }
}

function isListOfText(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}

function isSize(value: unknown): boolean {
  return Array.isArray(value) && value.length === 2 && value.every((extent) => Number.isInteger(extent) && extent > 0);
}
