/** @file Which layers detectors look at, and how their values become few numbers. */
import type { Classifier } from "../../classifier/classifier.ts";
import {
  anatomyOf,
  checkReals,
  type FeatureGrid,
  holdsReals,
  isFeature,
} from "../../classifier/network/feature-grids.ts";
import { isActivation, type Layer, type LayerSelector } from "../../classifier/network/layers.ts";
import { checkForm, MisuseError } from "../../errors.ts";
import { producersOf } from "../../onnx/model.ts";
import { sizeOf } from "../../tensor/tensor.ts";
import type { Part } from "../part.ts";

/**
 * Layers of any network at which Lee et al. (2018) look in theirs: the end of the stem (the first activation), the last layer of each
 * resolution, and what the last weighted layer reads where weights lie between it and the last resolution. Only layers that every way
 * from the image to the logits passes through count, activations before others. A network without any gives none.
 */
export function stageLayers(classifier: Classifier): Layer[] {
  checkForm("stageLayers: classifier", classifier, ["layers", "prepared", "input"]);
  const anatomy = anatomyOf(classifier);
  const { grids, cuts, positions, weighted } = anatomy;
  const way = grids.filter(
    ({ layer }) => cuts.has(layer.name) && isFeature(anatomy, layer) && holdsReals(classifier, layer),
  );
  const spatial = way.filter(({ height, width }) => height * width > 1);
  const [stem] = spatial.filter(({ layer }) => isActivation(layer));
  const ends = new Map<number, Layer>();
  for (const grid of spatial) {
    const cells = grid.height * grid.width;
    const known = ends.get(cells);
    if (known === undefined || isActivation(grid.layer) || !isActivation(known)) ends.set(cells, grid.layer);
  }
  const chosen = [...(stem === undefined ? [] : [stem.layer]), ...ends.values()];
  const hidden = lastHiddenLayer(classifier);
  const last = chosen.at(-1);
  if (hidden !== undefined) {
    const [from, to] = [last === undefined ? -1 : positionOf(positions, last), positionOf(positions, hidden)];
    const isBeyond = [...weighted].some((name) => {
      const at = positions.get(name) ?? -1;
      return at > from && at <= to;
    });
    if (isBeyond || last === undefined) chosen.push(hidden);
  }
  return [...new Map(chosen.map((layer) => [layer.name, layer])).values()].sort((a, b) => a.index - b.index);
}

/** What the last layer with weights reads: the features that the logits are a linear function of. Undefined where that is the image. */
export function lastHiddenLayer(classifier: Classifier): Layer | undefined {
  checkForm("lastHiddenLayer: classifier", classifier, ["layers", "prepared", "input"]);
  const { positions, weighted, cuts } = anatomyOf(classifier);
  const last = [...weighted]
    .filter((name) => cuts.has(name))
    .sort((a, b) => at(a) - at(b))
    .at(-1);
  function at(name: string): number {
    return positions.get(name) ?? -1;
  }
  if (last === undefined) return undefined;
  const { graph } = classifier.prepared.typed(classifier.prepared.fixedBatch ?? 1);
  const node = producersOf(graph).get(last);
  const byName = new Map(classifier.layers.map((layer) => [layer.name, layer]));
  return node?.inputs.map((name) => byName.get(name)).find((layer) => layer !== undefined);
}

function positionOf(positions: ReadonlyMap<string, number>, { name }: Layer): number {
  return positions.get(name) ?? -1;
}

/** The layers that the setting names, or `automatic` ones; throws a MisuseError where there are none. */
export function chosenLayers(
  where: string,
  classifier: Classifier,
  given: readonly LayerSelector[] | undefined,
  automatic: (classifier: Classifier) => readonly Layer[],
): readonly Layer[] {
  const layers = given === undefined || given.length === 0 ? automatic(classifier) : classifier.selectLayers(given);
  if (layers.length > 0) return checkReals(`${where}: layers`, classifier, layers);
  throw new MisuseError({
    where: `${where}: layers`,
    what: "the network has no layer to look at by itself",
    expected: "layers of real values",
    advice: "Name some with the setting layers; `perceptual-ball inspect` lists them.",
  });
}

/** The part that is the mean over positions of each channel of `layer`; the values themselves where it has no positions. */
export function meanPart(classifier: Classifier, layer: Layer): Part {
  checkForm("meanPart: classifier", classifier, ["layers", "prepared", "input"]);
  checkForm("meanPart: layer", layer, ["name", "shape"]);
  const grid = gridOf(classifier, layer);
  const size = grid?.channels ?? rowSize(layer);
  return { key: `mean of ${layer.name}`, size, from: { kind: "layer", layer, reduction: { by: "mean" } } };
}

/**
 * The part that is the values of `layer`: at most `most` of them. Where there are more and they lie on a grid with the channels first, of each
 * window of positions the largest: the smallest windows that make them few enough. Throws a MisuseError where that is not possible.
 */
export function valuesPart(where: string, classifier: Classifier, layer: Layer, most: number): Part {
  checkForm("valuesPart: classifier", classifier, ["layers", "prepared", "input"]);
  checkForm("valuesPart: layer", layer, ["name", "shape"]);
  const all = rowSize(layer);
  const reduced = (window: number, size: number): Part => ({
    key: window === 1 ? `values of ${layer.name}` : `largest of ${window} by ${window} of ${layer.name}`,
    size,
    from: { kind: "layer", layer, reduction: { by: "largest", window } },
  });
  if (all <= most) return reduced(1, all);
  const grid = gridOf(classifier, layer);
  if (grid !== undefined && layer.shape.length === 4 && grid.cellStride === 1) {
    const { channels, height, width } = grid;
    for (let window = 2; window <= Math.min(height, width); window++) {
      const size = channels * Math.floor(height / window) * Math.floor(width / window);
      if (size <= most) return reduced(window, size);
    }
  }
  throw new MisuseError({
    where,
    what: `${layer.name} has ${all} values, and its channels alone are too many`,
    expected: `at most ${most}`,
    advice: "Choose another layer, or raise the setting nodes.",
  });
}

function rowSize({ shape }: Layer): number {
  return sizeOf(shape.slice(1));
}

/** Where the channels of a layer are; undefined for one without positions. */
export function gridOf(classifier: Classifier, layer: Layer): FeatureGrid | undefined {
  return anatomyOf(classifier).grids.find((grid) => grid.layer.name === layer.name);
}

/** The axes of a layer's value that are positions, the batch being axis 0; none where it has no positions. */
export function positionAxes(classifier: Classifier, layer: Layer): readonly number[] {
  const grid = gridOf(classifier, layer);
  if (grid === undefined) return [];
  const rank = layer.shape.length;
  const isFirst = grid.channelStride === grid.height * grid.width && layer.shape[1] === grid.channels;
  if (rank === 4) return isFirst ? [2, 3] : [1, 2];
  return rank === 3 ? [1] : [];
}
