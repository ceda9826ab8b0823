/** @file Measures images: all parts that several detectors look at, those of the network's own values in one graph and one run. */
import type { Classifier } from "../classifier/classifier.ts";
import type { Extension } from "../classifier/passes/extension.ts";
import { BadInputError, checkForm, checkKeys, throwIfAborted } from "../errors.ts";
import type { GraphBuilder, Value } from "../onnx/builder.ts";
import { sizeOf } from "../tensor/tensor.ts";
import { positionAxes } from "./features/layer-parts.ts";
import type { NamedImage } from "./odds/alignments.ts";
import type { Measurement, Part, PartPass } from "./part.ts";

/** Measures images in runs of up to {@link batch}. */
export interface Measuring {
  /** Each once. */
  readonly parts: readonly Part[];
  readonly batch: number;
  /** Runs of the network per image. */
  readonly runs: number;
  /**
   * What the parts are for each image, in order, any number of images. Throws a BadInputError that names the image and the layer where a value is
   * not finite, and an AbortedError when `signal` aborts.
   */
  measure(images: readonly NamedImage[], options?: { readonly signal?: AbortSignal }): Promise<Measurement[]>;
}

/** Opens what measures `parts`, with up to `batch` images per run of the network. */
export async function openMeasuring(
  classifier: Classifier,
  given: readonly Part[],
  options: { readonly batch: number },
): Promise<Measuring> {
  checkKeys("openMeasuring", options, ["batch"]);
  checkForm("openMeasuring: classifier", classifier, ["prepared", "extended"]);
  checkForm("openMeasuring: parts", given, "list");
  checkForm("openMeasuring: options", options, ["batch"]);
  const { batch } = options;
  const parts = [...new Map(given.map((part) => [part.key, part])).values()];
  const seen = parts.filter(({ from }) => from.kind !== "runs");
  const pass =
    seen.length === 0 ? undefined : await classifier.extended({ extension: extensionOf(classifier, seen), batch });
  const others: { readonly key: string; readonly runs: number; readonly pass: PartPass }[] = [];
  for (const { key, from } of parts) {
    if (from.kind === "runs") others.push({ key, runs: from.runs, pass: await from.open(classifier, batch) });
  }
  return {
    parts,
    batch,
    runs: (pass === undefined ? 0 : 1) + others.reduce((sum, { runs }) => sum + runs, 0),
    async measure(images, options) {
      checkKeys("measure", options, ["signal"]);
      const signal = options?.signal;
      const measured: Measurement[] = [];
      for (let from = 0; from < images.length; from += batch) {
        throwIfAborted(signal, "measure");
        const some = images.slice(from, from + batch);
        try {
          measured.push(...(await measureTogether(some, signal)));
        } catch (error) {
          if (!(error instanceof BadInputError)) throw error;
          // Which of them it is, each alone says.
          for (const one of some) {
            await measureTogether([one], signal).catch((own: unknown) => {
              throw withImage(own, one.id);
            });
          }
          throw error;
        }
      }
      return measured;
    },
  };

  async function measureTogether(some: readonly NamedImage[], signal: AbortSignal | undefined): Promise<Measurement[]> {
    const rows: Record<string, Float32Array>[] = some.map(() => ({}));
    if (pass !== undefined) {
      const inputs = some.map(({ pixels: image }) => ({ image }));
      const found = await pass.run(inputs, { signal });
      for (const [n, { logits, results }] of found.entries()) {
        // The arrays share the memory of the run.
        for (const { key, from: source } of seen) {
          rows[n][key] = (source.kind === "logits" ? logits : results[key]).slice();
        }
      }
    }
    for (const { key, pass: own } of others) {
      const found = await own.run(some, { signal });
      for (const [n, values] of found.entries()) rows[n][key] = values;
    }
    for (const [n, row] of rows.entries()) checkFinite(some[n].id, row);
    return rows;
  }
}

/** The error with the image's name before it, where it is about what a run of the network has given. */
function withImage(error: unknown, id: string): unknown {
  if (!(error instanceof BadInputError) || error.complaint.where === id) return error;
  const { where, ...complaint } = error.complaint;
  return new BadInputError({ ...complaint, where: `${id}: ${where}` }, { cause: error });
}

function checkFinite(id: string, row: Measurement): void {
  for (const [key, values] of Object.entries(row)) {
    const bad = values.findIndex((value) => !Number.isFinite(value));
    if (bad === -1) continue;
    const value = values[bad];
    throw new BadInputError({
      where: id,
      what: Number.isNaN(value)
        ? `the ${key} ${values.length === 1 ? "is" : "are"} not a number`
        : `the ${key} ${values.length === 1 ? "is" : "are"} beyond float32`,
      got: `${value} at ${bad}`,
      advice: `Look for ${Number.isNaN(value) ? "NaN" : "huge numbers"} in the model's weights and in the picture, or leave the layer out.`,
    });
  }
}

/** The graph's own values, each reduced as its part says. */
function extensionOf(classifier: Classifier, parts: readonly Part[]): Extension {
  const layered = parts.flatMap(({ key, from }) => (from.kind === "layer" ? [{ key, ...from }] : []));
  return {
    layers: layered.map(({ layer }) => layer),
    append: (g, { values }) =>
      Object.fromEntries(
        layered.map(({ key, layer, reduction }, l) => {
          const value = values[l];
          if (reduction.by === "mean") return [key, appendMean(g, value, positionAxes(classifier, layer))];
          return [key, appendLargest(g, value, reduction.window)];
        }),
      ),
  };
}

/** The mean over the axes, as rows [N, …]. */
export function appendMean(g: GraphBuilder, value: Value, axes: readonly number[]): Value {
  const mean = axes.length === 0 ? value : g.op("ReduceMean", [value, g.ints(axes)], { keepdims: 0 });
  return rowsOf(g, mean);
}

function appendLargest(g: GraphBuilder, value: Value, window: number): Value {
  if (window === 1) return rowsOf(g, value);
  const extents = [window, window];
  return rowsOf(g, g.op("MaxPool", [value], { kernel_shape: extents, strides: extents }));
}

function rowsOf(g: GraphBuilder, value: Value): Value {
  const [batch] = value.shape;
  if (value.shape.length === 2) return value;
  return g.op("Reshape", [value, g.ints([batch, sizeOf(value.shape) / batch])]);
}
