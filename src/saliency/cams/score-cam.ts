/**
 * @file Score-CAM: the feature maps of a late layer, weighted by how the class scores on the image seen through each.
 *
 * Source: Wang, Wang, Du, Yang, Zhang, Ding, Mardziel and Hu, "Score-CAM: Score-Weighted Visual Explanations for Convolutional Neural
 * Networks", CVPR Workshops 2020, arXiv 1910.01279, section 3.
 */
import { softmax } from "../../classifier/logits.ts";
import { defaultBatch } from "../../classifier/passes/default-batch.ts";
import { throwIfAborted } from "../../errors.ts";
import { resizeFloat } from "../../image/resize.ts";
import { wordOption } from "../../options/option.ts";
import { withPresets } from "../../options/schema.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { rangeOf } from "../../tensor/vector.ts";
import { scoreOf, scoreOptionOf } from "../class-score.ts";
import { defineMethod } from "../define-method.ts";
import { fillImage, fillOption } from "../fill.ts";
import { weightedCells } from "./channels.ts";
import { channelsOption, chosenChannels, triedChannels } from "./chosen-channels.ts";
import { gradCamGrid, gradCamLayer } from "./feature-grid.ts";
import { cellMap, layerSettings, ofLayer } from "./layer-cells.ts";

const { layer, upsampling } = layerSettings(gradCamLayer);

const settings = withPresets(
  {
    doc: "The weights of the paper, or those of the authors' code.",
    fallback: "paper",
    presets: {
      /** Logits through a softmax over the channels; pytorch-grad-cam too. */
      paper: {},
      /** The probabilities themselves. */
      authors: { score: "probability", weights: "score" },
    },
  },
  {
    layer,
    upsampling,
    score: scoreOptionOf("logit"),
    weights: wordOption(
      "How the scores of the channels become weights: by a softmax over the channels, or as they are.",
      ["softmax", "score"],
      { fallback: "softmax" },
    ),
    fill: fillOption("mean"),
    channels: channelsOption,
  },
);

/** A map between 0 and 1: (m − min m) / (max m − min m); 0 where it is the same everywhere. */
function unitRange(map: Float32Array): Float32Array {
  const [low, high] = rangeOf(map);
  return map.map((value) => (high > low ? (value - low) / (high - low) : 0));
}

/**
 * max(Σ_k w_k A_k, 0) on the grid of a layer, enlarged to [H, W]. Channel A_k, enlarged and stretched to [0, 1], is a mask m_k; w is the softmax over
 * the channels of the class score (with a target, less the target's) of m_k x + (1 − m_k) · fill. The paper subtracts the score of a
 * baseline image, the same for all channels, which the softmax does not notice; its masks multiply the normalized image, which is
 * the fill `mean`. Where only some `channels` are tried, the others weigh 0 and the softmax is over those. One run forward for each channel,
 * and one that reads the layer; the order of the runs and the batch do not matter.
 *
 * The authors' code takes the probabilities themselves for weights (preset `authors`) and leaves channels out that are the same everywhere, whose mask here
 * hides all. pytorch-grad-cam enlarges the masks with corners aligned; here cells are enlarged about their centers, as in the authors' code.
 */
export const scoreCam = defineMethod({
  name: "score-cam",
  title: "Score-CAM",
  source: "Wang et al., Score-CAM, CVPR Workshops 2020",
  summary: "Where features of a late layer are present through which alone the class scores well.",
  version: 1,
  box: { kind: "energy", alpha: 0.55 },
  settings,
  complete: (values, classifier) => ({ ...values, grid: gradCamGrid("score-cam", classifier, values.layer) }),
  cost: ({ grid, channels }) => ({ forward: triedChannels(grid, channels) + 1, gradient: 0 }),
  async explain(task) {
    const { classifier, image, label, target, settings, batch, signal, onProgress } = task;
    const { grid } = settings;
    const [channels, height, width] = image.shape;
    const features = await classifier.features({ layers: [], further: [grid.layer] });
    const [{ activations }] = await features.run([image.data], { signal });
    const [values] = activations;
    const tried = chosenChannels(grid, values, settings.channels);
    const hidden = fillImage(classifier, image, settings.fill);
    const forward = await classifier.forward({
      batch: classifier.prepared.batchFor(Math.min(batch ?? defaultBatch(classifier), tried.length)),
    });
    const cells = grid.height * grid.width;
    const masked = (k: number): Float32Array => {
      const start = grid.offset + k * grid.channelStride;
      const coarse = Float32Array.from({ length: cells }, (_, i) => values[start + i * grid.cellStride]);
      const fine = resizeFloat(floatTensor(coarse, [grid.height, grid.width]), {
        ...{ height, width, interpolation: "bilinear" },
      });
      const mask = unitRange(fine.data);
      const seen = new Float32Array(channels * height * width);
      for (let i = 0; i < seen.length; i++) {
        seen[i] = hidden[i] + mask[i % mask.length] * (image.data[i] - hidden[i]);
      }
      return seen;
    };
    const scores: number[] = [];
    while (scores.length < tried.length) {
      throwIfAborted(signal, "score-cam");
      const some = tried.slice(scores.length, scores.length + forward.batch);
      const logits = await forward.run(some.map(masked), { signal });
      scores.push(...logits.map((row) => scoreOf(settings.score, row, label, target)));
      onProgress({ done: scores.length, of: tried.length, unit: "channels" });
    }
    const shares = settings.weights === "softmax" ? softmax(scores) : scores;
    const weights = new Float64Array(grid.channels);
    for (const [n, k] of tried.entries()) weights[k] = shares[n];
    return {
      map: cellMap(task, grid, weightedCells(grid, weights, values)),
      evaluations: { forward: tried.length + 1, gradient: 0 },
      ...ofLayer(settings),
    };
  },
});
