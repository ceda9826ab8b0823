/**
 * @file Grad-CAM: the feature maps of a late layer, weighted by how much the class score rises with each.
 *
 * Source: Selvaraju et al., "Grad-CAM: Visual Explanations from Deep Networks via Gradient-based Localization", 2017, equations (1) and (2).
 */
import type { Classifier } from "../../classifier/classifier.ts";
import type { FeatureGrid } from "../../classifier/network/feature-grids.ts";
import { describeLayer } from "../../classifier/network/layers.ts";
import { type Output, outputs } from "../../classifier/passes/network-graphs.ts";
import type { BackwardEvaluation } from "../../classifier/passes/passes.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { questionOf } from "../logit-seed.ts";
import type { Explanation, MethodOptions, SaliencyMethod } from "../method.ts";
import { completeSettings, layerSetting, wordSetting } from "../method-settings.ts";
import { gradCamGrid, overGrid } from "./feature-grid.ts";
import { upsample, upsamplings } from "./upsample.ts";

const known = {
  layer: layerSetting,
  upsampling: wordSetting(upsamplings, "bilinear"),
  of: wordSetting(outputs, "logits"),
};

/** The settings in effect, and the layer. */
function planOf(classifier: Classifier, options: Pick<MethodOptions, "settings">) {
  const settings = completeSettings("grad-cam", known, options.settings);
  return { settings, grid: gradCamGrid("grad-cam", classifier, settings.layer) };
}

/**
 * max(Σ_k α_k A_k, 0) on the grid of the layer, enlarged to [H, W]; A_k are the layer's channels and α_k the means of ∂s/∂A_k over the grid, for
 * the class score s.
 *
 * Settings: `layer` (a number, name or pattern; by default the last spatial one, see {@link gradCamGrid}), `upsampling` (bilinear or
 * nearest) and `of`. Where the last layers give one map per class and average it, the result is the class's own map, as in CAM.
 */
async function explain(classifier: Classifier, image: ImageTensor, options: MethodOptions = {}): Promise<Explanation> {
  const { settings, grid } = planOf(classifier, options);
  const { label, seed, forward } = await questionOf("grad-cam", classifier, image, options);
  const weighted = await weightedSum(classifier, image, { grid, seed, of: settings.of, signal: options.signal });
  const [, height, width] = image.shape;
  const map = floatTensor(
    weighted.map((value) => Math.max(value, 0)),
    [grid.height, grid.width],
  );
  return {
    map: upsample(map, height, width, settings.upsampling),
    label,
    evaluations: { forward, gradient: 1 },
    settings: { ...settings, layer: grid.layer.name },
    details: { layer: describeLayer(grid.layer), grid: [grid.height, grid.width] },
  };
}

/** Σ_k α_k A_k for each cell of the grid: class evidence before the ReLU. One run of the network, back to the layer only. */
export async function weightedSum(
  classifier: Classifier,
  image: ImageTensor,
  {
    grid,
    seed,
    of,
    signal,
  }: { readonly grid: FeatureGrid; readonly seed: Float32Array; readonly of: Output; readonly signal?: AbortSignal },
): Promise<Float32Array> {
  const pass = await classifier.backward({ of, layers: [grid.layer], input: false });
  const [{ activations, cotangents }] = await pass.run([{ image: image.data, seed }], { signal });
  return combine(grid, activations[0], cotangents[0]);
}

function combine(
  grid: FeatureGrid,
  values: BackwardEvaluation["activations"][number],
  cotangents: BackwardEvaluation["cotangents"][number],
): Float32Array {
  const { channels, offset, channelStride, cellStride } = grid;
  const cells = grid.height * grid.width;
  const weights = Float64Array.from({ length: channels }, (_, k) => {
    let sum = 0;
    for (let i = 0; i < cells; i++) sum += cotangents[offset + k * channelStride + i * cellStride];
    return sum / cells;
  });
  return overGrid(grid, (i) => {
    let sum = 0;
    for (let k = 0; k < channels; k++) sum += weights[k] * values[offset + k * channelStride + i * cellStride];
    return sum;
  });
}

/** {@link explain Grad-CAM} as a method of the registry. */
export const gradCamMethod: SaliencyMethod = {
  name: "grad-cam",
  title: "Grad-CAM",
  source: "Selvaraju et al., Grad-CAM, 2017",
  summary: "Where the features of a late layer are present that raise the class score.",
  version: 1,
  check: (classifier, options) => void planOf(classifier, options),
  explain,
};
