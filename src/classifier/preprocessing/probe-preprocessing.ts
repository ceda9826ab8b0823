/**
 * @file Telling a network's normalization from its predictions.
 *
 * A network is most confident on inputs like those that it was trained on, so of the usual normalizations the right one gives the
 * most confident predictions on natural pictures: on average, over many of them. One picture says little. So the confidences
 * are weighed against the guess made from the model alone; the weights are such that on five networks (ImageNet, CIFAR-10)
 * a right guess survives one picture in 94 % of draws and eight in 96 %; a wrong one is put right by one in 20 %, by eight in 76 %.
 */
import { throwIfAborted } from "../../errors.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { resizeFloat } from "../../image/resize.ts";
import { createSession, modelOf, type Session, type SessionOptions } from "../../runtime/session.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import type { Classifier } from "../classifier.ts";
import { type Classification, classificationOf } from "../logits.ts";
import { logitsGraph } from "../passes/network-graphs.ts";
import { objectiveInputs, objectiveOutputs } from "../passes/objective-graph.ts";
import type { PreprocessingGuess } from "./guess-preprocessing.ts";
import { type NormalizationName, normalizationForChannels, normalizations, normalizePixels } from "./preprocessing.ts";

export interface ProbeOptions extends SessionOptions {
  readonly signal?: AbortSignal;
  /** Called after each run of the network. */
  readonly onProgress?: (progress: { readonly runs: number; readonly of: number }) => void;
}

/** Normalizations to about unit scale, and those to 0 … 255, under which most other networks saturate and are sure of anything. */
const small = ["imagenet", "unit", "symmetric"] as const satisfies readonly NormalizationName[];
const large = ["caffe", "bytes"] as const satisfies readonly NormalizationName[];

/** How much a picture's confidence counts: the slope of a logistic regression on 40 ImageNet and 120 CIFAR-10 pictures. */
const slope = 6;
/** How many times likelier the guess from the model is than any other, before a picture is seen. */
const priorOdds = 6;

/**
 * `classifier.guess` with its normalization confirmed or replaced by what gives the most confident predictions on `images`
 * ([C, H, W], pixels in [0, 1], fitted to the network) and its reason extended. Normalizations to 0 … 255 are considered only
 * where three or more pictures get the same prediction from all others. Throws as `createSession` does.
 */
export async function probePreprocessing(
  classifier: Classifier,
  images: readonly ImageTensor[],
  options: ProbeOptions,
): Promise<PreprocessingGuess> {
  const { guess, prepared, input } = classifier;
  const { signal, onProgress, ...sessionOptions } = options;
  const graph = logitsGraph(prepared, { space: "network", normalization: input, batch: 1 });
  const session = await createSession(modelOf(graph, { opsets: prepared.opsets }), sessionOptions);
  try {
    const probe = (names: readonly NormalizationName[]) =>
      probeAll(session, classifier, images, names, { signal, onProgress });
    const moderate = await probe(small);
    const candidates = images.length >= 3 && moderate.every(isBlind) ? await probe(large) : moderate;
    const scoreOf = ({ name, confidence }: Probe): number =>
      slope * images.length * confidence + (name === guess.name ? Math.log(priorOdds) : 0);
    const ranked = candidates.toSorted((a, b) => scoreOf(b) - scoreOf(a));
    const [best] = ranked;
    const found = ranked.map(({ name, confidence }) => `${name} ${confidence.toFixed(2)}`).join(", ");
    const pictures = images.length === 1 ? "1 picture" : `${images.length} pictures`;
    const evidence = `mean confidence on ${pictures}: ${found}`;
    if (best.name === guess.name) return { ...guess, reason: `${guess.reason}; ${evidence}` };
    return {
      ...guess,
      preprocessing: {
        ...guess.preprocessing,
        ...normalizationForChannels(normalizations[best.name], prepared.channels),
      },
      name: best.name,
      reason: evidence,
    };
  } finally {
    await session.dispose();
  }
}

interface Probe {
  readonly name: NormalizationName;
  /** Mean over pictures and views of the largest softmax. */
  readonly confidence: number;
  readonly classifications: readonly Classification[];
}

async function probeAll(
  session: Session,
  { prepared, input }: Classifier,
  images: readonly ImageTensor[],
  names: readonly NormalizationName[],
  { signal, onProgress }: Pick<ProbeOptions, "signal" | "onProgress">,
): Promise<Probe[]> {
  const { channels, height, width } = prepared;
  const views = images.flatMap(viewsOf);
  const probes: Probe[] = [];
  for (const name of names) {
    const normalization = { ...normalizationForChannels(normalizations[name], channels), layout: input.layout };
    const classifications: Classification[] = [];
    for (const view of views) {
      throwIfAborted(signal, "probePreprocessing");
      const values = normalizePixels(view.data, normalization);
      const feeds = { [objectiveInputs.image]: floatTensor(values, [1, channels, height, width]) };
      const results = await session.run(feeds, [objectiveOutputs.logits], { signal });
      classifications.push(classificationOf(results[objectiveOutputs.logits].data as Float32Array));
      onProgress?.({ runs: probes.length * views.length + classifications.length, of: names.length * views.length });
    }
    const confidence = classifications.reduce((sum, one) => sum + one.confidence, 0) / classifications.length;
    probes.push({ name, confidence: Number.isFinite(confidence) ? confidence : 0, classifications });
  }
  return probes;
}

/** Whether all views get the same label with nearly the same confidence: the network hardly sees what is on the pictures. */
function isBlind({ classifications }: Probe): boolean {
  const [first] = classifications;
  return classifications.every(
    ({ label, confidence }) => label === first.label && Math.abs(confidence - first.confidence) < 0.05,
  );
}

/** A picture as it is, mirrored, and moved closer by an eighth. */
function viewsOf(image: ImageTensor): ImageTensor[] {
  const [channels, height, width] = image.shape;
  const mirrored = new Float32Array(image.data.length);
  for (let row = 0; row < channels * height; row++) {
    for (let x = 0; x < width; x++) mirrored[row * width + x] = image.data[(row + 1) * width - 1 - x];
  }
  const margin = 0.06;
  const closer = resizeFloat(image, {
    width,
    height,
    interpolation: "bilinear",
    box: [width * margin, height * margin, width * (1 - margin), height * (1 - margin)],
  });
  return [image, floatTensor(mirrored, image.shape), closer];
}
