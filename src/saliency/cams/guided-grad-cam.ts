/**
 * @file Guided Grad-CAM: the details of guided backpropagation where Grad-CAM sees the class.
 *
 * Source: Selvaraju et al., "Grad-CAM", 2017, section 3.2. Presets: what two published implementations do, as far as they differ.
 */
import { guidedRules } from "../../autodiff/guided-rules.ts";
import type { Classifier } from "../../classifier/classifier.ts";
import { describeLayer } from "../../classifier/network/layers.ts";
import { outputs } from "../../classifier/passes/network-graphs.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { attributionSpaces, gradientIn } from "../attribution-space.ts";
import { questionOf } from "../logit-seed.ts";
import type { Explanation, MethodOptions, SaliencyMethod } from "../method.ts";
import { completeSettings, layerSetting, wordSetting } from "../method-settings.ts";
import { readOut, readouts } from "../readout.ts";
import { gradCamGrid } from "./feature-grid.ts";
import { weightedSum } from "./grad-cam.ts";
import { upsample, upsamplings } from "./upsample.ts";

const guidedGradCamPresets = {
  /** The map enlarged with bilinear interpolation, as the paper says. */
  paper: {},
  /** Captum: enlarged by repetition. */
  captum: { upsampling: "nearest" },
  /** pytorch-cnn-visualizations: the weighted sum begins with ones, and is stretched to bytes before it is enlarged. */
  cnnv: { cam: "bytes" },
} as const;

const known = {
  preset: wordSetting(["paper", "captum", "cnnv"], "paper"),
  layer: layerSetting,
  cam: wordSetting(["positive", "bytes"], "positive"),
  upsampling: wordSetting(upsamplings, "bilinear"),
  readout: wordSetting(readouts, "sum"),
  of: wordSetting(outputs, "logits"),
  space: wordSetting(attributionSpaces, "network"),
};

/** max(1 + Σ_k α_k A_k, 0), stretched from 0 to 255 and cut to whole numbers, over 255. A map that is the same everywhere becomes 0. */
function stretchedToBytes(sums: Float32Array): Float32Array {
  const positive = sums.map((sum) => Math.max(1 + sum, 0));
  const [low, high] = [Math.min(...positive), Math.max(...positive)];
  return positive.map((value) => (high > low ? Math.floor(255 * ((value - low) / (high - low))) / 255 : 0));
}

/** The settings in effect (what is given, else the preset's, else the defaults), and the layer. */
function planOf(classifier: Classifier, options: Pick<MethodOptions, "settings">) {
  const { preset } = completeSettings("guided-grad-cam", known, options.settings);
  const settings = completeSettings("guided-grad-cam", known, options.settings, guidedGradCamPresets[preset]);
  return { settings, grid: gradCamGrid("guided-grad-cam", classifier, settings.layer) };
}

/**
 * Σ over channels of |guided gradient · Grad-CAM|, [H, W]. Two runs of the network.
 *
 * Settings: `preset` (paper, captum, cnnv), `layer`, `cam` (positive: Grad-CAM's map; bytes: the rounded map of cnnv), `upsampling`, `readout`,
 * `of`, `space`. What is given beside a preset takes precedence over it.
 *
 * Deviation: pytorch-cnn-visualizations guides the ReLUs of a module called `features` only, not those of a classifier behind it. A
 * graph has no modules; all are guided, with every preset.
 */
async function explain(classifier: Classifier, image: ImageTensor, options: MethodOptions = {}): Promise<Explanation> {
  const { settings, grid } = planOf(classifier, options);
  const { of, cam, upsampling, readout, space } = settings;
  const { label, seed, forward } = await questionOf("guided-grad-cam", classifier, image, options);
  const { signal } = options;
  const sums = await weightedSum(classifier, image, { grid, seed, of, signal });
  const coarse = cam === "bytes" ? stretchedToBytes(sums) : sums.map((sum) => Math.max(sum, 0));
  const [channels, height, width] = image.shape;
  const { data: weights } = upsample(floatTensor(coarse, [grid.height, grid.width]), height, width, upsampling);
  const pass = await classifier.backward({ of, rules: guidedRules });
  const [{ gradient }] = await pass.run([{ image: image.data, seed }], { signal });
  const guided = gradientIn(space, gradient, classifier);
  const product = guided.map((g, i) => g * weights[i % (height * width)]);
  return {
    map: readOut(floatTensor(product, [channels, height, width]), readout),
    label,
    evaluations: { forward, gradient: 2 },
    settings: { ...settings, layer: grid.layer.name },
    details: { layer: describeLayer(grid.layer), grid: [grid.height, grid.width] },
  };
}

/** {@link explain Guided Grad-CAM} as a method of the registry. */
export const guidedGradCamMethod: SaliencyMethod = {
  name: "guided-grad-cam",
  title: "Guided Grad-CAM",
  source: "Selvaraju et al., Grad-CAM, 2017",
  summary: "The details of guided backpropagation where Grad-CAM sees the class.",
  version: 1,
  check: (classifier, options) => void planOf(classifier, options),
  explain,
};
