/** @file What all metrics are given, and its check. */
import { checkClassifier } from "../../classifier/check-arguments.ts";
import type { Classifier } from "../../classifier/classifier.ts";
import { defaultBatch } from "../../classifier/passes/default-batch.ts";
import type { ForwardPass } from "../../classifier/passes/passes.ts";
import { checkForm, MisuseError, numberIn } from "../../errors.ts";
import { checkImage, type ImageTensor } from "../../image/picture.ts";
import type { SaliencyMap } from "../../saliency/saliency-map.ts";

/** The options of metrics that follow a class. */
export interface MetricOptions {
  /** The class that the map explains. */
  readonly label: number;
  /** Images per run of the network. Default: as for methods that evaluate many. */
  readonly batch?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Throws a MisuseError in the name of `where` unless `map` is [H, W] and `image` [C, H, W]. */
export function checkMap(where: string, image: ImageTensor, map: SaliencyMap): void {
  const [, height, width] = checkImage(where, image).shape;
  if (map.shape.length === 2 && map.shape[0] === height && map.shape[1] === width) return;
  throw new MisuseError({
    where,
    what: "map and image differ in size",
    expected: `[${height}, ${width}]`,
    got: `[${map.shape.join(", ")}]`,
  });
}

/** Throws a MisuseError in the name of `where` unless these are what they are called: before anything of them is looked at. */
export function checkMetricForms(
  where: string,
  classifier: Classifier,
  image: ImageTensor,
  map: SaliencyMap,
  options: MetricOptions,
): void {
  checkForm(`${where}: classifier`, classifier, ["model", "prepared", "input", "guess"]);
  checkForm(`${where}: image`, image, ["dtype", "data", "shape"]);
  checkForm(`${where}: map`, map, ["dtype", "data", "shape"]);
  checkForm(`${where}: options`, options, ["label"]);
}

/** Checks what a metric is given, and opens a pass for up to `runs` images. */
export async function openMetric(
  where: string,
  classifier: Classifier,
  image: ImageTensor,
  map: SaliencyMap,
  { label, batch }: MetricOptions,
  runs: number,
): Promise<ForwardPass> {
  checkClassifier(where, classifier);
  checkMap(where, image, map);
  numberIn(`${where}: label`, label, { min: 0, max: classifier.classCount - 1, integer: true });
  const most = numberIn(`${where}: batch`, batch ?? defaultBatch(classifier), { min: 1, integer: true });
  return classifier.forward({ batch: classifier.prepared.batchFor(Math.max(1, Math.min(most, runs))) });
}
