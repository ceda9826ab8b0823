/** @file The command line that does what the page does. */

import type { NetworkView } from "../protocol.ts";
import { ruleText, withShare } from "../slider-rule.ts";
import { address, settingsOf } from "./address.ts";
import { attackRun, explainRun, type ModelState, type PictureEntry } from "./signals.ts";
import { boxRuleOf, chosenAttack, chosenMethod } from "./techniques.ts";

/** The command for what is shown, for a POSIX shell. The bundled classifier and its scenes need no files. */
export function commandLine(
  kind: "explain" | "attack",
  { file }: PictureEntry,
  { file: model, choices }: ModelState,
  network: Pick<NetworkView, "methods" | "attacks" | "usualMethod" | "usualAttack">,
): string {
  const isScene = "scene" in file;
  const { sigma, alpha } = address.value;
  const run = kind === "explain" ? explainRun.value : attackRun.value;
  const chosen = kind === "explain" ? chosenMethod(network) : chosenAttack(network);
  const { technique, target } = run ?? { technique: chosen.name, target: address.value.target };
  const settings = Object.entries(settingsOf(kind === "explain" ? technique : `attack-${technique}`));
  const isBundled = model.address !== undefined && model.name === "scenes-vgg.onnx";
  const prefix = kind === "attack" ? `${technique}.` : "";
  return [
    "perceptual-ball",
    kind,
    ...(isScene ? [] : [quoted(file.name)]),
    ...(isBundled ? [] : ["--model", quoted(model.name)]),
    ...(kind === "explain" ? ["--method", technique] : ["--attack", technique]),
    ...(target === undefined ? [] : ["--target", String(target)]),
    ...settings.flatMap(([name, value]) => ["--set", quoted(`${prefix}${name}=${value}`)]),
    ...(kind === "explain" && sigma !== 2 ? ["--blur", String(sigma)] : []),
    ...(kind === "explain" && alpha !== undefined
      ? ["--threshold", ruleText(withShare(boxRuleOf(technique), alpha))]
      : []),
    ...preparationFlags(choices),
    ...(["mean", "std", "scale", "channels"] as const).flatMap((name) => {
      const value = choices[name]
        ?.trim()
        .split(/[\s,;]+/)
        .join(",");
      return value === undefined || value === "" ? [] : [`--${name}`, quoted(value)];
    }),
    ...labelFlags(choices),
    ...(choices.inputSize === undefined || choices.inputSize.trim() === ""
      ? []
      : ["--input-size", quoted(choices.inputSize.trim())]),
    ...(choices.logits === undefined || choices.logits === "" ? [] : ["--logits", quoted(choices.logits)]),
  ].join(" ");
}

/** What is chosen goes before what a configuration says. */
function preparationFlags({ normalization, configFile }: ModelState["choices"]): string[] {
  const preparation = normalization ?? configFile;
  return preparation === undefined ? [] : ["--preprocessing", quoted(preparation)];
}

/** A list that was typed has to be a file there. */
function labelFlags({ labels = "", labelsFile = "labels.txt" }: ModelState["choices"]): string[] {
  const list = labels.trim();
  if (list === "") return [];
  return ["--labels", ["imagenet", "cifar10"].includes(list) ? list : quoted(labelsFile)];
}

/** As a shell takes it literally. */
function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`;
}
