/** @file Whether anything but the form of an output says that its numbers are scores of classes. */
import type { TypedGraph } from "../../../onnx/infer-shapes.ts";
import type { Node } from "../../../onnx/model.ts";
import { hasTrait } from "../../../onnx/operators/table.ts";
import type { Head } from "./head.ts";
import { classifying, words } from "./output-words.ts";

/** How many classes the data sets have that most published networks are trained on: ImageNet, CIFAR, Places, flowers, pets, cars, birds, signs and so on. */
const usualCounts: ReadonlySet<number> = new Set([
  ...[10, 26, 37, 43, 47, 62, 100, 101, 102, 120, 196, 200, 257, 365, 397, 555, 1000, 1001, 1010],
  ...[5089, 8142, 10_000, 10_450, 11_221, 11_821, 18_291, 21_841, 21_843],
]);

/** Features are as wide as layers are: a multiple of this. */
const layerWidth = 64;

/** Whether so many numbers are as many as a layer has, so that they may be features. */
const isAsWideAsLayers = (count: number): boolean => count > 0 && count % layerWidth === 0;

/** More nodes than lie between a network's last layer and its output. */
const mostNodes = 20;

/**
 * Whether nothing says that the `count` plain numbers `value` of `output` are scores of classes: they are not as many as the names that are known or
 * the classes of a usual data set, and neither the output nor the last layer is called like a classification.
 */
export function isMeaningOpen(
  { graph }: Pick<TypedGraph, "graph">,
  producers: ReadonlyMap<string, Node>,
  { output, value, count }: { readonly output: string; readonly value: string; readonly count: number },
  labelCount: number | undefined,
): boolean {
  if (count === labelCount || usualCounts.has(count)) return false;
  let node = producers.get(value);
  for (let step = 0; step < mostNodes && node !== undefined && !hasTrait(node, "weighted"); step++) {
    node = producers.get(node.inputs[0]);
  }
  const called = [
    output,
    value,
    node?.name ?? "",
    ...(node?.inputs ?? []).filter((name) => graph.initializers.has(name)),
  ];
  return !called.some((name) => classifying.test(words(name)));
}

/** Why numbers that nothing calls scores are no scores, a phrase; undefined if they may be. */
export function featuresInstead(count: number, last: Node | undefined): string | undefined {
  if (last === undefined || !hasTrait(last, "normalizing") || !isAsWideAsLayers(count)) return undefined;
  return `a ${last.opType} ends it, as it does embeddings of ${count} numbers, and nothing says that these are classes`;
}

/** What is said of numbers that nothing calls scores, where they may be an embedding by how many they are. */
export function embeddingWarnings({
  value,
  count,
}: Head): readonly { readonly code: string; readonly message: string }[] {
  if (!isAsWideAsLayers(count)) return [];
  const name = JSON.stringify(value);
  const message = `${name} has ${count} numbers, as many as features have, and nothing says that they are scores of classes: they may be an embedding, of which labels and percentages mean nothing. If they are classes, give their names with --labels`;
  return [{ code: "doubtful-head", message }];
}
