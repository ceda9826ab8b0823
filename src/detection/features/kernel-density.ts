/** @file How rare an image's features are among those of its predicted class: Feinman, Curtin, Shintre and Gardner (2017). */
import type { Classifier } from "../../classifier/classifier.ts";
import { logSumExp } from "../../classifier/logits.ts";
import type { Extension } from "../../classifier/passes/extension.ts";
import { BadInputError, UnsupportedError } from "../../errors.ts";
import type { GraphBuilder, Value } from "../../onnx/builder.ts";
import { countOption, derived, layersOption, numberOption } from "../../options/option.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { indexOfLargest } from "../../tensor/vector.ts";
import { defineDetector } from "../define-detector.ts";
import type { MeasuredImage, ScoringContext } from "../detector.ts";
import { logitsPart, type Part } from "../part.ts";
import { chosenLayers, lastHiddenLayer, meanPart } from "./layer-parts.ts";
import { meansExtension } from "./means-extension.ts";
import { type ReferenceRows, referenceRows } from "./reference-rows.ts";

/** Which references are of one class: those `from` to before `to`. */
interface ClassReferences {
  readonly label: number;
  readonly from: number;
  readonly to: number;
}

/**
 * −log of the mean over training images r of the predicted class of exp(−‖f − r‖² / 2h²), f being the spatial means of the last hidden layer:
 * scikit-learn's `KernelDensity` with a Gaussian kernel, without its constant −(d/2) log 2πh².
 *
 * Deviation: the published bandwidths were tuned for one network each (0.26 for its CIFAR-10 network), and do not transfer; the default here is the median
 * distance of a training image to the nearest of its class. The published uncertainty under dropout needs a network with dropout, and is left out.
 * Images of a class without a training picture are compared with all of them.
 */
export const kernelDensity = defineDetector({
  name: "kernel-density",
  title: "Kernel density",
  source: "Feinman, Curtin, Shintre and Gardner, Detecting adversarial samples from artifacts (2017)",
  summary: "The fewer training images of the predicted class have such features, the more suspicious.",
  version: 1,
  settings: {
    layers: layersOption("Layers whose spatial means are looked at, one after the other.", {
      fallback: derived("the last hidden one"),
    }),
    bandwidth: numberOption("The kernel's standard deviation h.", {
      above: 0,
      fallback: derived("the median distance of a training image to the nearest of its class"),
    }),
    references: countOption("The most training images of a class that are kept.", { fallback: 500 }),
  },
  plan({ layers, bandwidth, references }, classifier) {
    const chosen = chosenLayers("kernel-density", classifier, layers, lastHidden);
    const seen = chosen.map((layer) => meanPart(classifier, layer));
    const size = seen.reduce((sum, part) => sum + part.size, 0);
    const { classCount } = classifier;
    return {
      parts: [logitsPart(classifier), ...seen],
      needsAttacked: false,
      settings: { layers: chosen.map(({ name }) => name) },
      fit({ train }) {
        const kept: MeasuredImage[] = [];
        const counts = new Map<number, number>();
        for (const image of train) {
          const count = counts.get(image.label) ?? 0;
          if (count === references) continue;
          counts.set(image.label, count + 1);
          kept.push(image);
        }
        kept.sort((a, b) => a.label - b.label);
        checkMemory(kept.length, size);
        const data = new Float64Array(kept.length * size);
        for (const [n, { measured }] of kept.entries()) data.set(joined(measured, seen, size), n * size);
        const labels = Float64Array.from(kept, ({ label }) => label);
        const h = bandwidth ?? medianNearest(referenceRows(data, size), data, classesIn(labels));
        const missing = classCount - counts.size;
        return {
          arrays: {
            references: { shape: [kept.length, size], data },
            labels: { shape: [kept.length], data: labels },
            bandwidth: { shape: [1], data: Float64Array.of(h) },
          },
          notes: [
            `Bandwidth ${h.toPrecision(4)}.`,
            ...(missing > 0
              ? [
                  `There is no training picture of ${missing} of ${classCount} classes: such pictures are compared with all.`,
                ]
              : []),
          ],
        };
      },
      scorer(context) {
        const { h, data, labels } = referencesIn(context, size);
        const rows = referenceRows(data, size);
        const classes = new Map(classesIn(labels).map((own) => [own.label, own]));
        return (measured) => {
          const own = classes.get(indexOfLargest(measured.logits)) ?? { from: 0, to: rows.count };
          const exponents = rows.squaredDistances(joined(measured, seen, size), own.from, own.to);
          for (let n = 0; n < exponents.length; n++) exponents[n] = -exponents[n] / (2 * h * h);
          return Math.log(exponents.length) - logSumExp(exponents);
        };
      },
      graph(context): Extension {
        const { h, data, labels } = referencesIn(context, size);
        const all = Array.from(labels, (_, n) => data.subarray(n * size, (n + 1) * size));
        return meansExtension(classifier, seen, (g, means, logits) => {
          const point = means.length === 1 ? means[0] : g.op("Concat", [...means], { axis: 1 });
          return appendDensity(g, point, logits, { h, all, labels, classCount });
        });
      },
    };
  },
});

/** The most numbers of references that are kept: a gigabyte of them. */
const mostKept = 2 ** 27;

function checkMemory(count: number, size: number): void {
  if (count * size <= mostKept) return;
  throw new BadInputError({
    where: "kernel-density",
    what: `too wide a layer for so many references: ${count} of ${size} numbers would take ${((8 * count * size) / 2 ** 30).toFixed(1)} GiB`,
    expected: `at most ${Math.floor(mostKept / size)} of them`,
    got: String(count),
    advice: "Set references to fewer of each class, or choose another layer.",
  });
}

function lastHidden(classifier: Classifier) {
  const layer = lastHiddenLayer(classifier);
  return layer === undefined ? [] : [layer];
}

function joined(measured: MeasuredImage["measured"], parts: readonly Part[], size: number): Float64Array {
  const point = new Float64Array(size);
  let from = 0;
  for (const { key } of parts) {
    point.set(measured[key], from);
    from += measured[key].length;
  }
  return point;
}

function medianNearest(rows: ReferenceRows, data: Float64Array, classes: readonly ClassReferences[]): number {
  const size = data.length / rows.count;
  const nearest: number[] = [];
  // A median needs no more.
  const step = Math.max(1, Math.floor(rows.count / 500));
  for (const { from, to } of classes) {
    for (let n = Math.ceil(from / step) * step; n < to; n += step) {
      const distances = rows.squaredDistances(data.subarray(n * size, (n + 1) * size), from, to);
      let least = Number.POSITIVE_INFINITY;
      for (let m = 0; m < distances.length; m++) if (m !== n - from && distances[m] < least) least = distances[m];
      if (Number.isFinite(least) && least > 0) nearest.push(least);
    }
  }
  nearest.sort((a, b) => a - b);
  if (nearest.length > 0) return Math.sqrt(nearest[Math.floor(nearest.length / 2)]);
  throw new BadInputError({
    where: "kernel-density",
    what: "no two training pictures of one class differ in the layer",
    expected: "several different pictures of at least one class",
    got: `${rows.count} pictures`,
    advice: "Give more pictures, or choose another layer or the setting bandwidth.",
  });
}

function referencesIn({ array }: ScoringContext, size: number) {
  const { data, shape } = array("references", [-1, size]);
  const labels = array("labels", [shape[0]]).data;
  return { h: array("bandwidth", [1]).data[0], data, labels };
}

/** The references of each class, whose labels lie in ascending order. */
function classesIn(labels: Float64Array): readonly ClassReferences[] {
  const classes: ClassReferences[] = [];
  for (let from = 0; from < labels.length; ) {
    let to = from;
    while (to < labels.length && labels[to] === labels[from]) to++;
    classes.push({ label: labels[from], from, to });
    from = to;
  }
  return classes;
}

/** The most numbers of references that a graph compares with. */
const mostInGraph = 2 ** 26;

/** [N]: the same score, with distances as ‖f‖² − 2 f·r + ‖r‖² around the references' mean. */
function appendDensity(
  g: GraphBuilder,
  point: Value,
  logits: Value,
  {
    h,
    all,
    labels,
    classCount,
  }: {
    readonly h: number;
    readonly all: readonly Float64Array[];
    readonly labels: Float64Array;
    readonly classCount: number;
  },
): Value {
  const [, size] = point.shape;
  const count = all.length;
  if (count * size > mostInGraph) {
    throw new UnsupportedError({
      where: "kernel-density",
      what: "too many references for a graph",
      expected: `at most ${mostInGraph} numbers`,
      got: `${count} of ${size}`,
      advice: "Fit with fewer: the setting references.",
    });
  }
  const mean = new Float64Array(size);
  for (const row of all) for (let j = 0; j < size; j++) mean[j] += row[j] / count;
  const centered = new Float32Array(count * size);
  const squares = new Float32Array(count);
  for (const [n, row] of all.entries()) {
    let sum = 0;
    for (let j = 0; j < size; j++) {
      const value = row[j] - mean[j];
      centered[n * size + j] = value;
      sum += value * value;
    }
    squares[n] = sum;
  }
  // [K, n]: 0 where a reference is of the class, or where the class has none, and otherwise out of the running; and log of how many count.
  const mask = new Float32Array(classCount * count);
  const logCounts = new Float32Array(classCount);
  for (let k = 0; k < classCount; k++) {
    const own = labels.filter((label) => label === k).length;
    logCounts[k] = Math.log(own === 0 ? count : own);
    if (own > 0) for (let n = 0; n < count; n++) if (labels[n] !== k) mask[k * count + n] = -1e30;
  }
  const f = g.op("Sub", [point, g.constant(floatTensor(Float32Array.from(mean), [1, size]))]);
  const references = g.constant(floatTensor(centered, [count, size]));
  const products = g.op("Gemm", [f, references], { transB: 1 });
  const own = g.op("ReduceSumSquare", [f, g.ints([1])], { keepdims: 1 });
  const constant = g.constant(floatTensor(squares, [1, count]));
  const distances = g.op("Add", [g.op("Sub", [own, g.op("Mul", [products, g.scalar(2)])]), constant]);
  const label = g.op("ArgMax", [logits], { axis: 1, keepdims: 0 });
  const chosen = g.op("Gather", [g.constant(floatTensor(mask, [classCount, count])), label], { axis: 0 });
  const exponents = g.op("Add", [g.op("Mul", [distances, g.scalar(-1 / (2 * h * h))]), chosen]);
  const sums = g.op("ReduceLogSumExp", [exponents, g.ints([1])], { keepdims: 0 });
  const logs = g.op("Gather", [g.constant(floatTensor(logCounts, [classCount])), label], { axis: 0 });
  return g.op("Sub", [logs, sums]);
}
