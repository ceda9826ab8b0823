/**
 * @file Excitation backpropagation: a probability handed down from the class to the neurons that excited it.
 *
 * Source: Zhang et al., "Top-down Neural Attention by Excitation Backprop", 2016; the contrastive form is section 3.4. The rules at each
 * operator are those of {@link excitationRules} and {@link contrastiveExcitationRules}.
 */
import { contrastiveExcitationRules, excitationRules } from "../../autodiff/excitation-rules.ts";
import type { RuleTable } from "../../autodiff/rules/index.ts";
import type { Classifier } from "../../classifier/classifier.ts";
import { describeLayer } from "../../classifier/network/layers.ts";
import { MisuseError } from "../../errors.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { questionOf } from "../logit-seed.ts";
import type { MethodOptions, SaliencyMethod } from "../method.ts";
import { completeSettings, layerSetting, wordSetting } from "../method-settings.ts";
import { excitationGrid, overGrid } from "./feature-grid.ts";
import { upsample, upsamplings } from "./upsample.ts";

const known = { layer: layerSetting, upsampling: wordSetting(upsamplings, "bilinear") };

/**
 * A method that hands a probability of 1 down from the label's logit to a layer by `rules`. Its map is the sum over the layer's
 * channels, its negative part cut off, enlarged to [H, W]; `details.total` is the sum over the whole layer before that: 1 if nothing was
 * lost on the way to neurons that only their bias excites (nearly all is, in a MobileNet), 0 for the contrastive form. Settings: `layer` (by default see {@link excitationGrid}) and `upsampling`. It has no question
 * "why not that", and refuses a target; the contrastive form contrasts the label with all that it is not.
 */
function excitationMethod({
  rules,
  ...description
}: Omit<SaliencyMethod, "check" | "explain"> & { rules: RuleTable }): SaliencyMethod {
  const { name } = description;
  const planOf = (classifier: Classifier, options: Pick<MethodOptions, "target" | "settings">) => {
    const settings = completeSettings(name, known, options.settings);
    if (options.target !== undefined) {
      throw new MisuseError({
        where: name,
        what: "a target was given",
        expected: "a label alone",
        got: classifier.labelName(options.target),
        advice:
          "contrastive-excitation-backprop contrasts the label with its opposite; gradient and grad-cam take a target.",
      });
    }
    return { settings, grid: excitationGrid(name, classifier, settings.layer) };
  };
  return {
    ...description,
    check: (classifier, options) => void planOf(classifier, options),
    async explain(classifier, image, options = {}) {
      const { settings, grid } = planOf(classifier, options);
      const { label, seed, forward } = await questionOf(name, classifier, image, options);
      const pass = await classifier.backward({ of: "logits", rules, layers: [grid.layer], input: false, fold: false });
      const [{ cotangents }] = await pass.run([{ image: image.data, seed }], { signal: options.signal });
      const [p] = cotangents;
      const { channels, offset, channelStride, cellStride } = grid;
      const sums = overGrid(grid, (i) => {
        let sum = 0;
        for (let k = 0; k < channels; k++) sum += p[offset + k * channelStride + i * cellStride];
        return sum;
      });
      const [, height, width] = image.shape;
      const map = floatTensor(
        sums.map((sum) => Math.max(sum, 0)),
        [grid.height, grid.width],
      );
      return {
        map: upsample(map, height, width, settings.upsampling),
        label,
        evaluations: { forward, gradient: 1 },
        settings: { ...settings, layer: grid.layer.name },
        details: {
          layer: describeLayer(grid.layer),
          grid: [grid.height, grid.width],
          total: p.reduce((total, share) => total + share, 0),
        },
      };
    },
  };
}

const source = "Zhang et al., Top-down Neural Attention by Excitation Backprop, 2016";

export const excitationBackpropMethod = excitationMethod({
  name: "excitation-backprop",
  title: "Excitation backprop",
  source,
  summary: "Where the neurons lie that excited the class, each by its share.",
  version: 1,
  rules: excitationRules,
});

export const contrastiveExcitationBackpropMethod = excitationMethod({
  name: "contrastive-excitation-backprop",
  title: "Contrastive excitation backprop",
  source,
  summary: "Where the neurons lie that excited the class more than its opposite.",
  version: 1,
  rules: contrastiveExcitationRules,
});
