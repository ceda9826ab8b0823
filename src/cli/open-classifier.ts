/** @file The classifier that the flags mean, with what had to be guessed about it. */
import { normalizationForChannels } from "../classifier/preprocessing/preprocessing.ts";
import { type ProbeOptions, probePreprocessing } from "../classifier/preprocessing/probe-preprocessing.ts";
import { describeGeometry } from "../image/geometry.ts";
import type { ImageTensor, Picture } from "../image/picture.ts";
import { bundledClassifierPath } from "../node/models/bundled.ts";
import { type FileClassifier, loadClassifier } from "../node/models/load-classifier.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { classifierOptionsOf, geometryOf, type ModelFlags } from "./flags/model-flags.ts";
import type { RuntimeFlags } from "./flags/runtime-flags.ts";

/** At most so many pictures are looked at where the model leaves its preprocessing open. */
export const samplePictures = 8;

export interface OpenClassifierOptions {
  readonly runtime: Runtime;
  /** Pictures to try normalizations on where the model leaves them open. */
  readonly samples: (channelCount: number) => Promise<readonly (Picture | ImageTensor)[]>;
  readonly signal: AbortSignal;
  readonly onProgress?: ProbeOptions["onProgress"];
}

/** The classifier in the model's file, or the bundled one, prepared as the flags say, as the model says, or as pictures suggest. */
export async function openClassifier(
  flags: ModelFlags & RuntimeFlags,
  { runtime, samples, signal, onProgress }: OpenClassifierOptions,
): Promise<FileClassifier> {
  const { model = bundledClassifierPath, threads, providers } = flags;
  const execution = { runtime, threads, providers };
  const loaded = await loadClassifier(model, { ...classifierOptionsOf(flags), ...execution });
  const { guess, input } = loaded;
  const geometry = geometryOf(flags, input);
  const fitted = loaded.withPreprocessing({ ...guess, preprocessing: { ...guess.preprocessing, geometry } });
  if (!guess.isUncertain) return fitted;
  const images = (await samples(loaded.input.channelCount)).map((picture) => fitted.fit(picture));
  if (images.length === 0) return fitted;
  return fitted.withPreprocessing(await probePreprocessing(fitted, images, { ...execution, signal, onProgress }));
}

/** One line on the model and on how pixels become its input, and why. */
export function describeClassifier(
  { file, input, guess, classCount, layers, prepared }: FileClassifier,
  name: string,
): string {
  const { mean, std, scale, channels } = normalizationForChannels(guess.preprocessing, input.channelCount);
  const notes = prepared.notes.map((note) => `; ${note}`).join("");
  const exact = guess.name ?? `mean ${mean.join(",")} std ${std.join(",")} scale ${scale} ${channels}`;
  return (
    `${name}: ${layers.length} operations, ${classCount} classes, input ${input.channelCount}x${input.height}x${input.width}` +
    ` (${(file.bytes / 1e6).toFixed(1)} MB); preprocessing ${exact} (${guess.reason}), resize ${describeGeometry(input.geometry)}${notes}`
  );
}
