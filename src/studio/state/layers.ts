/** @file A look inside of the network: feature maps, and how far the last change moved each layer. */
import { address, choose } from "./address.ts";
import { isAborted, wordsOf, worker } from "./connection.ts";
import { lastChange, layerDistances, layerMaps, picture } from "./signals.ts";

/** The feature maps of the chosen layer. */
export async function lookInside(layer: number): Promise<void> {
  const entry = picture.value;
  if (entry?.fitted === undefined) return;
  choose({ layer });
  layerMaps.value = {};
  try {
    const view = await worker().run("maps", { picture: entry.key, layer, of: lastChange.value }).output;
    if (address.value.layer === layer) layerMaps.value = { view };
  } catch (error) {
    if (!isAborted(error)) layerMaps.value = { error: wordsOf(error) };
  }
}

/** How far the last change moved each layer. */
export async function measureLayers(): Promise<void> {
  const [entry, of] = [picture.value, lastChange.value];
  if (entry?.fitted === undefined || of === undefined || layerDistances.value?.of === of) return;
  layerDistances.value = { of };
  try {
    const view = await worker().run("distances", { picture: entry.key, of }).output;
    if (layerDistances.value?.of === of) layerDistances.value = { of, view };
  } catch (error) {
    if (!isAborted(error)) layerDistances.value = { of, error: wordsOf(error) };
  }
}
