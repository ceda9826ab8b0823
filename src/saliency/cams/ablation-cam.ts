/**
 * @file Ablation-CAM: the feature maps of a late layer, weighted by how far the class score falls without each.
 *
 * Source: Desai and Ramaswamy, "Ablation-CAM: Visual Explanations for Deep Convolutional Network via Gradient-free Localization", WACV 2020,
 * section 3.
 */
import type { FeatureGrid } from "../../classifier/network/feature-grids.ts";
import { defaultBatch } from "../../classifier/passes/default-batch.ts";
import { throwIfAborted } from "../../errors.ts";
import { scoreOf, scoreOptionOf } from "../class-score.ts";
import { defineMethod } from "../define-method.ts";
import { weightedCells } from "./channels.ts";
import { channelsOption, chosenChannels, triedChannels } from "./chosen-channels.ts";
import { gradCamGrid, gradCamLayer } from "./feature-grid.ts";
import { cellMap, layerSettings, ofLayer } from "./layer-cells.ts";

/** The layer's values with 0 at all cells of channel `k`. */
function without(
  { height, width, offset, channelStride, cellStride }: FeatureGrid,
  values: Float32Array,
  k: number,
): Float32Array {
  const result = values.slice();
  const start = offset + k * channelStride;
  for (let i = 0; i < height * width; i++) result[start + i * cellStride] = 0;
  return result;
}

/**
 * max(Σ_k w_k A_k, 0) on the grid of a layer, enlarged to [H, W], with w_k = y − y_k: what the class score y (with a target, less the
 * target's) loses if channel A_k is 0 at all cells. In a transformer its class tokens keep the channel. One run forward for each channel,
 * of which only what comes behind the layer is computed where the layer is all that the logits see of the image, and one that reads it.
 *
 * The slope that the paper starts from is (y − y_k) / ‖A_k‖; it replaces the norm by y and takes (y − y_k) / y. Here nothing is divided: y is the same
 * for all channels, so that the map differs by a positive factor, and a negative y, with which the paper's formula turns the map's sign, does no
 * harm. Before a global average pool and a linear layer, w_k A_k is Grad-CAM's term times the sum of A_k.
 *
 * Deviation: pytorch-grad-cam, where a layer has negative values, puts a number 10⁷ below the least one in the place of a channel; here it
 * is 0, as in the paper.
 */
export const ablationCam = defineMethod({
  name: "ablation-cam",
  title: "Ablation-CAM",
  source: "Desai and Ramaswamy, Ablation-CAM, WACV 2020",
  summary: "Where features of a late layer are present without which the class score falls.",
  version: 1,
  box: { kind: "energy", alpha: 0.6 },
  settings: { ...layerSettings(gradCamLayer), score: scoreOptionOf("logit"), channels: channelsOption },
  complete: (values, classifier) => ({ ...values, grid: gradCamGrid("ablation-cam", classifier, values.layer) }),
  cost: ({ grid, channels }) => ({ forward: triedChannels(grid, channels) + 1, gradient: 0 }),
  async explain(task) {
    const { classifier, image, label, target, settings, batch, signal, onProgress } = task;
    const { grid, score } = settings;
    const features = await classifier.features({ layers: [], further: [grid.layer] });
    const [{ activations, logits }] = await features.run([image.data], { signal });
    const [values] = activations;
    const whole = scoreOf(score, logits, label, target);
    const tried = chosenChannels(grid, values, settings.channels);
    const most = Math.min(batch ?? defaultBatch(classifier), tried.length);
    const tail = await classifier.tail({ layer: grid.layer, batch: classifier.prepared.batchFor(most) });
    const weights = new Float64Array(grid.channels);
    for (let done = 0; done < tried.length; ) {
      throwIfAborted(signal, "ablation-cam");
      const some = tried.slice(done, done + tail.batch);
      const rows = some.map((k) => ({ image: image.data, values: without(grid, values, k) }));
      for (const [n, row] of (await tail.run(rows, { signal })).entries()) {
        weights[some[n]] = whole - scoreOf(score, row, label, target);
      }
      done += some.length;
      onProgress({ done, of: tried.length, unit: "channels" });
    }
    return {
      map: cellMap(task, grid, weightedCells(grid, weights, values)),
      evaluations: { forward: tried.length + 1, gradient: 0 },
      ...ofLayer(settings),
    };
  },
});
