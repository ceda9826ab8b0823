/** @file How far an image's features are from those of the nearest class: Lee, Lee, Lee and Shin (NeurIPS 2018). */
import type { Classifier } from "../../classifier/classifier.ts";
import type { Extension } from "../../classifier/passes/extension.ts";
import { BadInputError, MisuseError } from "../../errors.ts";
import type { GraphBuilder, Value } from "../../onnx/builder.ts";
import { countOption, derived, layersOption, numberOption, wordOption } from "../../options/option.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { defineDetector } from "../define-detector.ts";
import type { FitSet, Fitted, FittedArray, MeasuredImage, ScoringContext } from "../detector.ts";
import { combinationIn, combinations, combined, fitCombination } from "../learning/combine-layers.ts";
import { covarianceOf, type SquareMatrix, whiten, whiteningOf } from "../learning/covariance.ts";
import type { Part } from "../part.ts";
import { chosenLayers, meanPart, stageLayers } from "./layer-parts.ts";
import { meansExtension } from "./means-extension.ts";

/** What the score of a layer is made of: ½‖W x − W μ_c‖² to the nearest class. */
interface LayerModel {
  readonly part: Part;
  readonly whitening: SquareMatrix;
  /** [classes, size]: W μ_c. */
  readonly centers: FittedArray;
}

/**
 * With the spatial means f of a layer, class means μ_c and one covariance Σ of the training images around their class means, the distance is
 * min over c of ½ (f − μ_c)ᵀ Σ⁻¹ (f − μ_c). `sum` adds those of all layers, each in standard deviations of held-out clean images; `regression` weighs
 * them as a logistic regression on attacked, clean and noisy images does, as published.
 *
 * Deviation: the published detector also moves the image by a small step against the distance, of a length that is tuned on attacks; here images stay as
 * they are. Features that do not vary on training images, or that others determine, are left out, where scikit-learn takes a pseudoinverse.
 */
export const mahalanobis = defineDetector({
  name: "mahalanobis",
  title: "Mahalanobis",
  source:
    "Lee, Lee, Lee and Shin, A simple unified framework for detecting out-of-distribution samples and adversarial attacks (NeurIPS 2018)",
  summary: "The farther the layers' mean features are from those of the nearest class, the more suspicious.",
  version: 1,
  settings: {
    layers: layersOption("Layers whose spatial means are looked at.", {
      fallback: derived("the first activation, the last layer of each resolution, and the last hidden one"),
    }),
    combine: wordOption(
      "How layers become one score: the sum of standardized distances, which knows no attack, or a logistic regression on attacked images.",
      combinations,
      { fallback: "sum" },
    ),
    shrinkage: numberOption(
      "Share of the mean variance in the covariance: above 0 fewer pictures than features will do.",
      { min: 0, max: 1, fallback: 0 },
    ),
    widest: countOption("The most features of a layer: a covariance has their square.", { fallback: 4096, max: 16384 }),
  },
  plan({ layers, combine, shrinkage, widest }, classifier) {
    const chosen = chosenLayers("mahalanobis", classifier, layers, stageLayers);
    const parts = chosen.map((layer) => meanPart(classifier, layer));
    checkWidths(parts, widest);
    const modelsIn = ({ array }: ScoringContext): LayerModel[] =>
      parts.map((part, l) => ({
        part,
        whitening: { size: part.size, data: array(`${l}/whitening`, [part.size, part.size]).data },
        centers: array(`${l}/centers`, [-1, part.size]),
      }));
    return {
      parts,
      needsAttacked: combine === "regression",
      settings: { layers: chosen.map(({ name }) => name) },
      fit(set) {
        const { arrays, models, notes } = fitLayers(classifier, parts, set, shrinkage);
        const numbersOf = distancesOf(models);
        const { arrays: further, heldScores } = fitCombination(combine, set, ({ measured }) => numbersOf(measured));
        return { arrays: { ...arrays, ...further }, notes, heldScores };
      },
      scorer(context) {
        const [numbersOf, weights] = [distancesOf(modelsIn(context)), combinationIn(combine, context, parts.length)];
        return (measured) => combined(weights, numbersOf(measured));
      },
      graph(context): Extension {
        const [models, { weights, intercept }] = [modelsIn(context), combinationIn(combine, context, parts.length)];
        return meansExtension(classifier, parts, (g, means) => {
          const terms = models.map((model, l) =>
            g.op("Mul", [appendDistance(g, means[l], model), g.scalar(weights[l])]),
          );
          return terms.reduce((sum, term) => g.op("Add", [sum, term]), g.scalar(intercept));
        });
      },
    };
  },
});

function checkWidths(parts: readonly Part[], widest: number): void {
  const wide = parts.find(({ size }) => size > widest);
  if (wide === undefined) return;
  const gigabytes = (8 * wide.size * wide.size) / 2 ** 30;
  throw new MisuseError({
    where: `mahalanobis: ${wide.key}`,
    what: `too wide for a covariance: ${wide.size} features would take ${gigabytes.toFixed(1)} GiB`,
    expected: `at most ${widest} features`,
    got: String(wide.size),
    advice: "Choose other layers, such as the end of a stage, or raise the setting widest.",
  });
}

function fitLayers(
  classifier: Classifier,
  parts: readonly Part[],
  { train }: FitSet,
  shrinkage: number,
): Fitted & { readonly models: readonly LayerModel[] } {
  const byClass = new Map<number, MeasuredImage[]>();
  for (const image of train) {
    const known = byClass.get(image.label);
    if (known === undefined) byClass.set(image.label, [image]);
    else known.push(image);
  }
  const classes = [...byClass].sort(([a], [b]) => a - b);
  const arrays: Record<string, FittedArray> = {};
  const notes: string[] = [];
  const models: LayerModel[] = [];
  const missing = Array.from({ length: classifier.classCount }, (_, k) => k).filter((k) => !byClass.has(k));
  if (missing.length > 0) notes.push(missingClasses(missing, classifier));
  for (const [l, part] of parts.entries()) {
    const { size, key } = part;
    const means = classes.map(([, images]) =>
      meanOf(
        images.map(({ measured }) => measured[key]),
        size,
      ),
    );
    const centered = classes.flatMap(([, images], c) => images.map(({ measured }) => minus(measured[key], means[c])));
    const covariance = shrunk(covarianceOf(centered, size), shrinkage);
    checkEnough(key, train.length, classes.length, covariance, shrinkage);
    const { matrix: whitening, leftOut } = whiteningOf(covariance);
    if (leftOut.length === size) {
      throw new BadInputError({
        where: `mahalanobis: ${key}`,
        what: "no feature varies on the training pictures",
        expected: "features that differ between pictures",
        advice: "Choose other layers, or give other pictures.",
      });
    }
    if (leftOut.length > 0) {
      notes.push(
        `${key}: ${leftOut.length} of ${size} features are left out, since they are constant or determined by others on the training pictures.`,
      );
    }
    const centers = new Float64Array(classes.length * size);
    for (const [c, mean] of means.entries()) whiten(whitening, mean, centers.subarray(c * size, (c + 1) * size));
    arrays[`${l}/whitening`] = { shape: [size, size], data: whitening.data };
    arrays[`${l}/centers`] = { shape: [classes.length, size], data: centers };
    models.push({ part, whitening, centers: arrays[`${l}/centers`] });
  }
  return { arrays, notes, models };
}

function missingClasses(missing: readonly number[], classifier: Pick<Classifier, "labelName">): string {
  const some = missing.slice(0, 8).map((label) => classifier.labelName(label));
  const more = missing.length > some.length ? ` and ${missing.length - some.length} more` : "";
  return `There is no training picture of ${some.join(", ")}${more}: pictures of these classes are compared with the others.`;
}

function checkEnough(
  key: string,
  images: number,
  classes: number,
  { size, data }: SquareMatrix,
  shrinkage: number,
): void {
  const varying = Array.from({ length: size }, (_, i) => data[i * size + i]).filter((variance) => variance > 0).length;
  if (shrinkage > 0 || images - classes >= varying) return;
  throw new BadInputError({
    where: `mahalanobis: ${key}`,
    what: `too few pictures for a covariance of ${varying} features`,
    expected: `at least ${varying + classes}, one more than features for each of ${classes} classes`,
    got: String(images),
    advice: "Give more pictures, choose other layers, or set shrinkage, such as 0.1.",
  });
}

/** (1 − s) Σ + s · (trace / size) · 1. */
function shrunk(covariance: SquareMatrix, shrinkage: number): SquareMatrix {
  if (shrinkage === 0) return covariance;
  const { size } = covariance;
  const data = covariance.data.map((value) => (1 - shrinkage) * value);
  let trace = 0;
  for (let i = 0; i < size; i++) trace += covariance.data[i * size + i];
  for (let i = 0; i < size; i++) data[i * size + i] += (shrinkage * trace) / size;
  return { size, data };
}

function minus(row: Float32Array, mean: Float64Array): Float64Array {
  const centered = new Float64Array(row.length);
  for (let j = 0; j < row.length; j++) centered[j] = row[j] - mean[j];
  return centered;
}

function meanOf(rows: readonly Float32Array[], size: number): Float64Array {
  const mean = new Float64Array(size);
  for (const row of rows) for (let j = 0; j < size; j++) mean[j] += row[j];
  return mean.map((sum) => sum / rows.length);
}

/** The distance of each layer. */
function distancesOf(models: readonly LayerModel[]): (measured: MeasuredImage["measured"]) => Float64Array {
  const buffers = models.map(({ part }) => new Float64Array(part.size));
  return (measured) =>
    Float64Array.from(models, ({ part, whitening, centers }, l) => {
      const point = whiten(whitening, measured[part.key], buffers[l]);
      const { size } = part;
      let least = Number.POSITIVE_INFINITY;
      for (let from = 0; from < centers.data.length; from += size) {
        let sum = 0;
        for (let j = 0; j < size; j++) {
          const apart = point[j] - centers.data[from + j];
          sum += apart * apart;
        }
        if (sum < least) least = sum;
      }
      return least / 2;
    });
}

/** [N]: the distance of a layer whose means are [N, size]. */
function appendDistance(g: GraphBuilder, means: Value, { whitening, centers }: LayerModel): Value {
  const { size } = whitening;
  const [classes] = centers.shape;
  const w = g.constant(floatTensor(Float32Array.from(whitening.data), [size, size]));
  const point = g.op("Gemm", [means, w], { transB: 1 });
  const [batch] = means.shape;
  const wide = g.op("Reshape", [point, g.ints([batch, 1, size])]);
  const center = g.constant(floatTensor(Float32Array.from(centers.data), [1, classes, size]));
  const squares = g.op("ReduceSumSquare", [g.op("Sub", [wide, center]), g.ints([2])], { keepdims: 0 });
  return g.op("Mul", [g.op("ReduceMin", [squares, g.ints([1])], { keepdims: 0 }), g.scalar(0.5)]);
}
