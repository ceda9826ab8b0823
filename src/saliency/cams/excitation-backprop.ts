/**
 * @file Excitation backpropagation: a probability handed down from the class to the neurons that excited it.
 *
 * Source: Zhang et al., "Top-down Neural Attention by Excitation Backprop", 2016; the contrastive form is section 3.4. The rules at each
 * operator are those of {@link excitationRules} and {@link contrastiveExcitationRules}.
 */
import { contrastiveExcitationRules, excitationRules } from "../../autodiff/excitation-rules.ts";
import type { RuleTable } from "../../autodiff/rules/index.ts";
import type { FeatureGrid } from "../../classifier/network/feature-grids.ts";
import { MisuseError } from "../../errors.ts";
import type { ThresholdRule } from "../../localization/threshold.ts";
import { defineMethod } from "../define-method.ts";
import type { MethodDescription } from "../method.ts";
import { excitationGrid, excitationLayer, overGrid } from "./feature-grid.ts";
import { cellMap, type LayerValues, layerCells, layerSettings, ofLayer } from "./layer-cells.ts";

interface ExcitationRecipe<N extends string> extends MethodDescription<N> {
  readonly box: ThresholdRule;
  readonly rules: RuleTable;
}

/**
 * A method that hands a probability of 1 down from the label's logit to a layer by `rules`. Its map is the sum over the layer's
 * channels, its negative part cut off, enlarged to [H, W]; `details.total` is the sum over the whole layer before that: 1 if nothing was
 * lost on the way to neurons that only their bias excites (nearly all is, in a MobileNet), 0 for the contrastive form. The layer is by
 * default that of {@link excitationGrid}. It has no question "why not that", and refuses a target; the contrastive form contrasts the
 * label with all that it is not.
 */
function excitationMethod<const N extends string>({ rules, ...description }: ExcitationRecipe<N>) {
  const { name } = description;
  return defineMethod({
    ...description,
    settings: layerSettings(excitationLayer),
    complete: (settings, classifier) => ({ ...settings, grid: excitationGrid(name, classifier, settings.layer) }),
    check(_, classifier, { target }) {
      if (target === undefined) return;
      throw new MisuseError({
        where: name,
        what: "a target was given",
        expected: "a label alone",
        got: classifier.labelName(target),
        advice:
          "contrastive-excitation-backprop contrasts the label with its opposite; gradient and grad-cam take a target.",
      });
    },
    cost: () => ({ forward: 0, gradient: 1 }),
    async explainTogether(tasks) {
      const [{ settings }] = tasks;
      const totals: number[] = [];
      const combine = (grid: FeatureGrid, { cotangents }: LayerValues): Float32Array => {
        totals.push(cotangents.reduce((total, share) => total + share, 0));
        return channelSums(grid, cotangents);
      };
      const cells = await layerCells(tasks, settings.grid, { of: "logits", rules, fold: false }, combine);
      const { settings: effective, details } = ofLayer(settings);
      return cells.map((sums, n) => ({
        map: cellMap(tasks[n], settings.grid, sums),
        evaluations: { forward: 0, gradient: 1 },
        settings: effective,
        details: { ...details, total: totals[n] },
      }));
    },
  });
}

function channelSums(grid: FeatureGrid, values: Float32Array): Float32Array {
  const { channels, offset, channelStride, cellStride } = grid;
  return overGrid(grid, (i) => {
    let sum = 0;
    for (let k = 0; k < channels; k++) sum += values[offset + k * channelStride + i * cellStride];
    return sum;
  });
}

const source = "Zhang et al., Top-down Neural Attention by Excitation Backprop, 2016";

export const excitationBackprop = excitationMethod({
  name: "excitation-backprop",
  title: "Excitation backprop",
  source,
  summary: "Where the neurons lie that excited the class, each by its share.",
  version: 1,
  box: { kind: "energy", alpha: 0.55 },
  rules: excitationRules,
});

export const contrastiveExcitationBackprop = excitationMethod({
  name: "contrastive-excitation-backprop",
  title: "Contrastive excitation backprop",
  source,
  summary: "Where the neurons lie that excited the class more than its opposite.",
  version: 2,
  box: { kind: "value", alpha: 0.2025 },
  rules: contrastiveExcitationRules,
});
