/** @file Imitates the features of a clean image: Sabour, Cao, Faghri and Fleet (ICLR 2016). */
import type { Classifier } from "../../classifier/classifier.ts";
import { anatomyOf, checkReals, holdsReals } from "../../classifier/network/feature-grids.ts";
import type { Layer } from "../../classifier/network/layers.ts";
import type { Extension } from "../../classifier/passes/extension.ts";
import { MisuseError } from "../../errors.ts";
import type { GraphBuilder, Value } from "../../onnx/builder.ts";
import { derived, layersOption } from "../../options/option.ts";
import { sizeOf } from "../../tensor/tensor.ts";
import { squaredNorm } from "../../tensor/vector.ts";
import type { AttackTask, SearchContext } from "../attack.ts";
import { ballOf, ballOptions } from "../budget.ts";
import { defineAttack } from "../define-attack.ts";
import { descendScore } from "./descend-score.ts";
import { exchangedLogits, guideFor, guidesOption, openGuides } from "./guides.ts";
import { logitDistance, matchOptions } from "./logit-match.ts";

const inputOf = (layer: number): string => `guide${layer}`;
const weightOf = (layer: number): string => `weight${layer}`;

/** Σ over layers of w_l ‖φ_l(x) − g_l‖², the guide's features g and the weights w being inputs. */
export function featureDistance(layers: readonly Layer[]): Extension {
  const sizes = layers.map(({ shape }) => sizeOf(shape.slice(1)));
  return {
    layers,
    inputs: Object.fromEntries(
      layers.flatMap((_, l) => [
        [inputOf(l), sizes[l]],
        [weightOf(l), 1],
      ]),
    ),
    append(g, { values, inputs }) {
      const terms = values.map((value, l) => {
        const guide = inputs.get(inputOf(l)) ?? value;
        const weight = inputs.get(weightOf(l)) ?? value;
        const difference = g.op("Sub", [rowsOf(g, value, sizes[l]), guide]);
        const squares = g.op("ReduceSumSquare", [difference, g.ints([1])], { keepdims: 1 });
        return g.op("Mul", [squares, weight]);
      });
      const sum = terms.slice(1).reduce((total, term) => g.op("Add", [total, term]), terms[0]);
      return { score: g.op("Reshape", [sum, g.ints([sum.shape[0]])]) };
    },
  };
}

function rowsOf(g: GraphBuilder, value: Value, size: number): Value {
  return value.shape.length === 2 ? value : g.op("Reshape", [value, g.ints([value.shape[0], size])]);
}

/** The values of layers. */
function featuresOf(layers: readonly Layer[]): Extension {
  return {
    layers,
    append: (_, { values }) => Object.fromEntries(values.map((value, l) => [inputOf(l), value])),
  };
}

/** The last grid of the network with more than one position that every way passes through; the layer before the logits where there is none. */
function lastFeatures(classifier: Classifier): readonly Layer[] {
  const { grids, cuts } = anatomyOf(classifier);
  const isChoice = (layer: Layer): boolean => cuts.has(layer.name) && holdsReals(classifier, layer);
  const spatial = grids.filter(({ layer, height, width }) => height * width > 1 && isChoice(layer)).at(-1);
  const before = classifier.layers.slice(0, -1).findLast((layer) => holdsReals(classifier, layer));
  return spatial !== undefined ? [spatial.layer] : before === undefined ? [] : [before];
}

/**
 * Lowers the mean over layers of ‖φ_l(x′) − φ_l(g)‖² / ‖φ_l(g)‖² by signed gradients from the clean image, φ_l being the values of a layer and g a clean image of
 * another class: what looks at features sees those of g.
 *
 * Deviation: the source solves it by L-BFGS; here it has the steps of logit-match. Without `guides`, g is what logit-match makes of the image without a ball: steps
 * of 2/255.
 */
export const featureMatch = defineAttack({
  name: "feature-match",
  title: "Feature matching",
  source: "Sabour, Cao, Faghri and Fleet, Adversarial manipulation of deep representations (ICLR 2016)",
  summary:
    "Imitates the features of a clean image of another class, so that detectors that look at features see nothing.",
  version: 1,
  options: {
    ...ballOptions,
    ...matchOptions,
    layers: layersOption("Layers that are imitated.", { fallback: derived("the last one with positions") }),
    guides: guidesOption("the image itself, changed without a ball until its logits are exchanged"),
  },
  search({ steps, stepSize, copies, noise, layers: given, guides, ...ball }, classifier) {
    const budget = ballOf("feature-match", ball, classifier);
    const length = stepSize ?? (2.5 * budget.epsilon) / steps;
    const layers =
      given === undefined || given.length === 0
        ? lastFeatures(classifier)
        : checkReals("feature-match: layers", classifier, classifier.selectLayers(given));
    if (layers.length === 0) {
      throw new MisuseError({
        where: "feature-match: layers",
        what: "the network has no layer to imitate",
        expected: "one at least",
        advice: "Name one with the option layers.",
      });
    }
    const [extension, reading, toLogits] = [
      featureDistance(layers),
      featuresOf(layers),
      logitDistance(classifier.classCount),
    ];
    const own = guides === undefined ? steps : 0;
    return {
      budget,
      settings: {
        ...{ steps, stepSize: length, copies, ...budget, layers: layers.map(({ name }) => name) },
        ...(copies > 0 ? { noise } : {}),
        guides: guides === undefined ? "exchanged logits" : guides.length,
      },
      gradients: steps * (1 + copies) + own,
      async run(tasks, context) {
        const pixels = await guidePixels(tasks, context);
        const pass = await context.classifier.extended({ extension: reading, batch: context.batch });
        const seen = await pass.run(
          pixels.map((image) => ({ image })),
          { signal: context.signal },
        );
        const beside = seen.map(({ results }) =>
          Object.fromEntries(
            layers.flatMap((_, l) => {
              const values = results[inputOf(l)].slice();
              const norm = Math.max(squaredNorm(values), 1e-12);
              return [
                [inputOf(l), values],
                [weightOf(l), [1 / norm / layers.length]],
              ];
            }),
          ),
        );
        const found = await descendScore(
          tasks,
          { extension, beside, budget, steps, stepSize: length, copies, noise },
          context,
        );
        return found.map(({ point, cost }) => ({
          point,
          cost: { forward: cost.forward + 1, gradient: cost.gradient + own },
        }));
      },
    };

    async function guidePixels(tasks: readonly AttackTask[], context: SearchContext): Promise<readonly Float32Array[]> {
      if (guides !== undefined) {
        const known = await openGuides("feature-match", guides, context);
        return tasks.map((task) => guideFor("feature-match", known, task).pixels);
      }
      const beside = tasks.map((task) => ({ target: exchangedLogits(task) }));
      const free = { norm: "linf", epsilon: 1 } as const;
      const found = await descendScore(
        tasks,
        { extension: toLogits, beside, budget: free, steps, stepSize: 2 / 255, copies: 0, noise: 0 },
        context,
      );
      return found.map(({ point }) => point);
    }
  },
});
