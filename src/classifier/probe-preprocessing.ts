/**
 * @file Telling a network's normalization from its predictions.
 *
 * A network is most confident on inputs like those it was trained on, so of the usual normalizations the right one gives the most
 * confident predictions on natural pictures. Each picture counts with views of it (mirrored, moved closer), because a single
 * confidence says little.
 */
import type { ImageTensor } from "../image/picture.ts";
import { resizeFloat } from "../image/resize.ts";
import { createSession, modelOf, type SessionOptions } from "../runtime/session.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { type Classifier, classificationOf } from "./classifier.ts";
import type { PreprocessingGuess } from "./guess-preprocessing.ts";
import { logitsGraph, objectiveInputs, objectiveOutputs } from "./objective-graph.ts";
import {
  type NormalizationName,
  normalizationForChannels,
  normalizations,
  normalizePixels,
  type Preprocessing,
} from "./preprocessing.ts";

export interface ProbeOptions extends SessionOptions {
  readonly signal?: AbortSignal;
}

/** How a normalization fared: over all views of all pictures. */
export interface ProbeScore {
  readonly name: NormalizationName;
  /** Mean of the largest softmax. */
  readonly confidence: number;
  /** Mean of its logarithm. */
  readonly logConfidence: number;
}

export async function probeScores(
  classifier: Classifier,
  images: readonly ImageTensor[],
  candidates: readonly NormalizationName[],
  { signal, ...sessionOptions }: ProbeOptions,
  views: (image: ImageTensor) => ImageTensor[] = viewsOf,
): Promise<ProbeScore[]> {
  const { prepared, input } = classifier;
  const { channels, height, width, opsets } = prepared;
  const graph = logitsGraph(prepared, { space: "network", normalization: input, batch: 1 });
  const session = await createSession(modelOf(graph, { opsets }), sessionOptions);
  try {
    const scores: ProbeScore[] = [];
    for (const name of candidates) {
      const normalization = { ...normalizationForChannels(normalizations[name], channels), layout: input.layout };
      let [confidence, logConfidence, count] = [0, 0, 0];
      for (const image of images) {
        for (const view of views(image)) {
          const values = normalizePixels(view.data, normalization);
          const feeds = { [objectiveInputs.image]: floatTensor(values, [1, channels, height, width]) };
          const results = await session.run(feeds, [objectiveOutputs.logits], { signal });
          const { confidence: largest } = classificationOf(results[objectiveOutputs.logits].data as Float32Array);
          confidence += largest;
          logConfidence += Math.log(largest);
          count++;
        }
      }
      scores.push({ name, confidence: confidence / count, logConfidence: logConfidence / count });
    }
    return scores;
  } finally {
    await session.dispose();
  }
}

export function viewsOf(image: ImageTensor): ImageTensor[] {
  return [image];
}

export async function probePreprocessing(
  classifier: Classifier,
  images: readonly ImageTensor[],
  options: ProbeOptions,
): Promise<PreprocessingGuess> {
  const [best] = await probeScores(classifier, images, ["imagenet", "unit", "symmetric"], options);
  return { ...classifier.guess, name: best.name };
}
