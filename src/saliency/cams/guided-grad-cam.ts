/**
 * @file Guided Grad-CAM: the details of guided backpropagation where Grad-CAM sees the class.
 *
 * Source: Selvaraju et al., "Grad-CAM", 2017, section 3.2. Presets: what two published implementations do, as far as they differ.
 */
import { guidedRules } from "../../autodiff/guided-rules.ts";
import { wordOption } from "../../options/option.ts";
import { withPresets } from "../../options/schema.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { rangeOf } from "../../tensor/vector.ts";
import { gradientIn, spaceOption } from "../attribution-space.ts";
import { imageGradients, outputOption } from "../backward-run.ts";
import { defineMethod } from "../define-method.ts";
import { readOut, readoutOption } from "../readout.ts";
import { gradCamGrid, gradCamLayer } from "./feature-grid.ts";
import { weightedSums } from "./grad-cam.ts";
import { cellMap, layerSettings, ofLayer } from "./layer-cells.ts";

const { layer, upsampling } = layerSettings(gradCamLayer);

const settings = withPresets(
  {
    doc: "As the paper says, as Captum does, or as pytorch-cnn-visualizations does.",
    fallback: "paper",
    presets: {
      /** The map enlarged with bilinear interpolation, as the paper says. */
      paper: {},
      /** Captum: enlarged by repetition. */
      captum: { upsampling: "nearest" },
      /** pytorch-cnn-visualizations: the weighted sum begins with ones, and is stretched to bytes before it is enlarged. */
      cnnv: { cam: "bytes" },
    },
  },
  {
    layer,
    cam: wordOption(
      "Grad-CAM's map as it is, or as pytorch-cnn-visualizations makes it: with ones added, rounded to bytes.",
      ["positive", "bytes"],
      { fallback: "positive" },
    ),
    upsampling,
    readout: readoutOption("sum"),
    of: outputOption,
    space: spaceOption,
  },
);

/** max(1 + Σ_k α_k A_k, 0), stretched from 0 to 255 and cut to whole numbers, over 255. A map that is the same everywhere becomes 0. */
function stretchedToBytes(sums: Float32Array): Float32Array {
  const positive = sums.map((sum) => Math.max(1 + sum, 0));
  const [low, high] = rangeOf(positive);
  return positive.map((value) => (high > low ? Math.floor(255 * ((value - low) / (high - low))) / 255 : 0));
}

/**
 * Σ over channels of |guided gradient · Grad-CAM|, [H, W]. Two runs of the network.
 *
 * Deviation: pytorch-cnn-visualizations guides the ReLUs of a module called `features` only, not those of a classifier behind it. A
 * graph has no modules; all are guided, with every preset.
 */
export const guidedGradCam = defineMethod({
  name: "guided-grad-cam",
  title: "Guided Grad-CAM",
  source: "Selvaraju et al., Grad-CAM, 2017",
  summary: "The details of guided backpropagation where Grad-CAM sees the class.",
  version: 1,
  box: { kind: "energy", alpha: 0.85 },
  settings,
  complete: (values, classifier) => ({ ...values, grid: gradCamGrid("guided-grad-cam", classifier, values.layer) }),
  cost: () => ({ forward: 0, gradient: 2 }),
  async explainTogether(tasks) {
    const [{ classifier, settings }] = tasks;
    const { grid, of, cam, readout, space } = settings;
    const sums = await weightedSums(tasks, grid, of);
    const weights = sums.map((cells, n) => cellMap(tasks[n], grid, cam === "bytes" ? stretchedToBytes(cells) : cells));
    const gradients = await imageGradients(tasks, { of, rules: guidedRules });
    return gradients.map((gradient, n) => {
      const { data } = weights[n];
      const guided = gradientIn(space, gradient, classifier);
      const product = guided.map((g, i) => g * data[i % data.length]);
      return {
        map: readOut(floatTensor(product, tasks[n].image.shape), readout),
        evaluations: { forward: 0, gradient: 2 },
        ...ofLayer(settings),
      };
    });
  },
});
