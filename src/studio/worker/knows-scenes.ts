/** @file Whether a classifier is one of rendered scenes, of which there are as many pictures as one wants. */
import type { Classifier } from "../../classifier/classifier.ts";
import { scenesClasses } from "../../scenes/scenes.ts";

/** Whether its classes are those of the scenes, in their order. */
export function knowsScenes({ labels }: Pick<Classifier, "labels">): boolean {
  return labels?.length === scenesClasses.length && labels.every((label, index) => label === scenesClasses[index]);
}
