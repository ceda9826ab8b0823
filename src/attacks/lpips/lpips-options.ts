/** @file The options that the attacks bounded by an LPIPS distance have in common. */
import type { Classifier } from "../../classifier/classifier.ts";
import type { Layer } from "../../classifier/network/layers.ts";
import { derived, layersOption, numberOption } from "../../options/option.ts";
import { normal } from "../../random/distributions.ts";
import type { AttackTask } from "../attack.ts";
import { keepOutside } from "../hold-to-mask.ts";
import { lpipsLayers } from "./lpips-layers.ts";

/** What the searches know besides their own numbers. */
export interface LpipsPlan {
  /** ε. */
  readonly bound: number;
  readonly layers: readonly Layer[];
}

export const lpipsOptions = {
  bound: numberOption(
    "ε: the LPIPS distance, in the network's own features, that the image may have from the clean one. 0.5 is the authors' on CIFAR-10.",
    { above: 0, fallback: 0.5 },
  ),
  layers: layersOption("The layers to compare: numbers, names or patterns such as Relu[4:10].", {
    fallback: derived("the last activation of each resolution"),
  }),
};

/** The layers that are meant; throws a MisuseError for those that do not exist. */
export function layersOf(classifier: Classifier, layers: readonly (string | number)[] | undefined): readonly Layer[] {
  return layers === undefined ? lpipsLayers(classifier) : classifier.selectLayers(layers);
}

/** What margins that are not to be clamped are floored at. */
export const noFloor = -1e30;

/** The image with normal noise of standard deviation 0.01, not clipped, as in the authors' code; outside of the mask without. */
export function noisyStart({ image, random, mask }: Pick<AttackTask, "image" | "random" | "mask">): Float32Array {
  const noise = image.map(() => 0.01 * normal(random));
  if (mask !== undefined) keepOutside(noise, mask);
  return image.map((x, i) => x + noise[i]);
}
