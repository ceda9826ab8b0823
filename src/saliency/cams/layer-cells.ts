/**
 * @file What the methods share that read a network at one layer on a grid over the image: one run back to the layer, one value for
 * each cell of the grid, and the map that is made of the cells.
 */
import type { FeatureGrid } from "../../classifier/network/feature-grids.ts";
import { describeLayer } from "../../classifier/network/layers.ts";
import type { BackwardOptions } from "../../classifier/passes/passes.ts";
import { layerOption, wordOption } from "../../options/option.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { type BackwardTask, batchOf, inputsOf } from "../backward-run.ts";
import type { MethodResult, MethodTask } from "../define-method.ts";
import type { SaliencyMap } from "../saliency-map.ts";
import { type Upsampling, upsample, upsamplings } from "./upsample.ts";

/** The settings of methods that read a layer; `usual` says in words which one by default. */
export function layerSettings(usual: string) {
  return {
    layer: layerOption("The layer that is read.", { fallbackText: usual }),
    upsampling: wordOption("How the grid is enlarged to the image.", upsamplings, { fallback: "bilinear" }),
  };
}

/** What a layer holds for one image: values and cotangents, flat. */
export interface LayerValues {
  readonly activations: Float32Array;
  readonly cotangents: Float32Array;
}

/** `combine` of what the layer of `grid` holds for each task, in one run of the network, back to that layer only. */
export async function layerCells(
  tasks: readonly BackwardTask[],
  grid: FeatureGrid,
  pass: Pick<BackwardOptions, "of" | "rules" | "fold">,
  combine: (grid: FeatureGrid, values: LayerValues) => Float32Array,
): Promise<Float32Array[]> {
  const [{ classifier, signal }] = tasks;
  const options = { ...pass, layers: [grid.layer], input: false, batch: batchOf(tasks) } as const;
  const evaluations = await (await classifier.backward(options)).run(inputsOf(tasks), { signal });
  return evaluations.map(({ activations: [activations], cotangents: [cotangents] }) =>
    combine(grid, { activations, cotangents }),
  );
}

/** What is positive of cells [h · w], enlarged to the image. */
export function cellMap(
  { image, settings }: Pick<MethodTask<{ readonly upsampling: Upsampling }>, "image" | "settings">,
  { height, width }: FeatureGrid,
  cells: Float32Array,
): SaliencyMap {
  const [, rows, columns] = image.shape;
  const positive = cells.map((value) => Math.max(value, 0));
  return upsample(floatTensor(positive, [height, width]), rows, columns, settings.upsampling);
}

/** Which layer a map was made of, and the rows and columns of its grid. */
export type LayerDetails = { readonly layer: string; readonly grid: readonly [height: number, width: number] };

/** The settings in effect with the layer's name, and the details that name layer and grid. */
export function ofLayer(
  settings: Readonly<Record<string, unknown>> & { readonly grid: FeatureGrid },
): Required<Pick<MethodResult<LayerDetails>, "settings" | "details">> {
  const { grid, ...given } = settings;
  return {
    settings: { ...given, layer: grid.layer.name },
    details: { layer: describeLayer(grid.layer), grid: [grid.height, grid.width] },
  };
}
