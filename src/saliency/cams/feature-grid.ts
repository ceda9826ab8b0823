/** @file The choice of a layer on a grid over the image: where Grad-CAM and excitation backpropagation read. */
import type { Classifier } from "../../classifier/classifier.ts";
import {
  type Anatomy,
  anatomyOf,
  checkReals,
  type FeatureGrid,
  holdsReals,
} from "../../classifier/network/feature-grids.ts";
import { describeLayer } from "../../classifier/network/layers.ts";
import { checkForm, MisuseError, UnsupportedError } from "../../errors.ts";

/** {@link gradCamGrid}, in words. */
export const gradCamLayer =
  "the last at the resolution of the last spatial convolution that every way to the logits passes through; in a transformer, the last such tokens before the last attention";
/** {@link excitationGrid}, in words. */
export const excitationLayer =
  "what enters the last stage: the fourth pool of a VGG, the third stage of a ResNet; in a transformer, that of Grad-CAM";

/**
 * The layer for Grad-CAM: of the layers that every way to the logits passes through, the last at the resolution of the last spatial
 * convolution, which is its activation, or the sum of the last residual block. In a network with tokens behind its convolutions, the last
 * such layer of tokens before the last attention: behind it only the class token counts, and gradients elsewhere are zero.
 * Throws an UnsupportedError if the network has no such layer, a MisuseError for a selector that names none or several, or no grid.
 */
export function gradCamGrid(where: string, classifier: Classifier, selector: string | number | null): FeatureGrid {
  checkForm("gradCamGrid: where", where, "string");
  checkForm("gradCamGrid: classifier", classifier, ["model", "prepared", "input", "guess"]);
  const anatomy = realAnatomy(classifier);
  if (selector !== null) return selected(where, classifier, selector);
  const tokens = lastTokens(anatomy);
  if (tokens !== undefined) return tokens;
  const last = lastConvolution(anatomy);
  const grid = last && anatomy.grids.findLast((one) => anatomy.cuts.has(one.layer.name) && sameGrid(one, last));
  if (grid !== undefined) return grid;
  throw noGrid(where);
}

/**
 * The layer for excitation backpropagation: what enters the last stage, that is, of the layers that every way to the logits passes
 * through, the last before the first convolution at the final resolution. That is the fourth pool of VGG (TorchRay's choice) and the third
 * stage of a ResNet. In a network with tokens, Grad-CAM's layer. Throws as {@link gradCamGrid} does.
 */
export function excitationGrid(where: string, classifier: Classifier, selector: string | number | null): FeatureGrid {
  checkForm("excitationGrid: where", where, "string");
  checkForm("excitationGrid: classifier", classifier, ["model", "prepared", "input", "guess"]);
  const anatomy = realAnatomy(classifier);
  if (selector !== null) return selected(where, classifier, selector);
  const tokens = lastTokens(anatomy);
  if (tokens !== undefined) return tokens;
  const last = lastConvolution(anatomy);
  const first = last && anatomy.grids.find((one) => anatomy.weighted.has(one.layer.name) && sameGrid(one, last));
  if (first === undefined) throw noGrid(where);
  const end = positionOf(anatomy, first);
  const before = anatomy.grids.findLast((one) => anatomy.cuts.has(one.layer.name) && positionOf(anatomy, one) < end);
  // A network of one stage has nothing before it but the image.
  return before ?? gradCamGrid(where, classifier, null);
}

/**
 * With grids of real numbers alone: a class activation map of a quantized network's bytes would be one of their zero point too. Convolutions of bytes are
 * left in, since their resolution is looked at; behind each come its real numbers.
 */
function realAnatomy(classifier: Classifier): Anatomy {
  const anatomy = anatomyOf(classifier);
  const isLeft = ({ layer }: FeatureGrid): boolean => holdsReals(classifier, layer) || anatomy.weighted.has(layer.name);
  return { ...anatomy, grids: anatomy.grids.filter(isLeft) };
}

function sameGrid(a: FeatureGrid, b: FeatureGrid): boolean {
  return a.height === b.height && a.width === b.width;
}

function lastConvolution({ grids, weighted }: Anatomy): FeatureGrid | undefined {
  return grids.findLast(({ layer, height, width }) => {
    return layer.shape.length === 4 && weighted.has(layer.name) && height * width > 1;
  });
}

function lastTokens(anatomy: Anatomy): FeatureGrid | undefined {
  const { grids, cuts, positions, lastAttention } = anatomy;
  const start = positions.get(lastConvolution(anatomy)?.layer.name ?? "") ?? -1;
  const end = lastAttention === undefined || lastAttention < start ? Infinity : lastAttention;
  return grids.findLast((grid) => {
    const { layer } = grid;
    const position = positionOf(anatomy, grid);
    return layer.shape.length === 3 && cuts.has(layer.name) && position > start && position < end;
  });
}

/** Where the layer of a grid stands in the graph; of a layer that is no node's first output NaN, which lies before and behind nothing. */
function positionOf({ positions }: Anatomy, { layer }: FeatureGrid): number {
  return positions.get(layer.name) ?? Number.NaN;
}

function noGrid(where: string): UnsupportedError {
  return new UnsupportedError({
    where,
    what: "the network has no layer that lies on a grid over the image",
    expected: "a convolution, or tokens",
    advice: "Name a layer with an output [N, C, H, W].",
  });
}

function selected(where: string, classifier: Classifier, selector: string | number): FeatureGrid {
  const { grids } = anatomyOf(classifier);
  const layers = classifier.selectLayers([selector]);
  const [layer] = checkReals(`${where}: layer`, classifier, layers);
  const grid = grids.find((one) => one.layer.name === layer.name);
  if (layers.length === 1 && grid !== undefined) return grid;
  throw new MisuseError({
    where: `${where}: layer`,
    what:
      layers.length > 1 ? `${layers.length} layers are called so` : "the layer does not lie on a grid over the image",
    expected: "one layer with an output [N, C, H, W], or tokens [N, T, C]",
    got: layers.length > 1 ? JSON.stringify(selector) : `${describeLayer(layer)} [${layer.shape.join(", ")}]`,
    advice: "`perceptual-ball inspect` lists the layers.",
  });
}

/** A map [h, w] over a grid from what `at` says of each cell. */
export function overGrid({ height, width }: FeatureGrid, at: (cell: number) => number): Float32Array {
  return Float32Array.from({ length: height * width }, (_, cell) => at(cell));
}
