/** @file Which layers an LPIPS distance compares where nobody says. */
import type { Classifier } from "../../classifier/classifier.ts";
import { anatomyOf, holdsReals, isFeature } from "../../classifier/network/feature-grids.ts";
import { isActivation, type Layer } from "../../classifier/network/layers.ts";
import { automaticLayers } from "../perceptual/perceptual-layers.ts";

/**
 * The last activation of each resolution: of AlexNet-like networks and VGGs what the authors compare, of ResNets the ends of the stages (the stem is one here,
 * and the last stage ends with its ReLU). Where there are fewer than two of them, as in transformers, those of {@link automaticLayers}.
 */
export function lpipsLayers(classifier: Classifier): Layer[] {
  const last = new Map<number, Layer>();
  const anatomy = anatomyOf(classifier);
  for (const { layer, height, width } of anatomy.grids) {
    if (!isFeature(anatomy, layer) || !holdsReals(classifier, layer)) continue;
    if (height * width > 1 && isActivation(layer)) last.set(height * width, layer);
  }
  return last.size >= 2 ? [...last.values()] : automaticLayers(classifier);
}
