/** @file Running a network on views of pictures under normalizations that are tried. */
import { throwIfAborted } from "../../../errors.ts";
import { createSession, modelOf, type SessionOptions } from "../../../runtime/session.ts";
import { floatTensor } from "../../../tensor/tensor.ts";
import type { Classifier } from "../../classifier.ts";
import { decidesEachLabel } from "../../network/head/head.ts";
import { logitsGraph } from "../../passes/network-graphs.ts";
import { objectiveInputs, objectiveOutputs } from "../../passes/objective-graph.ts";
import { normalizePixels } from "../preprocessing.ts";
import { addedByContrast, type Candidate, type Probe } from "./candidates.ts";
import { type Judgement, judgementOf, meanConfidence } from "./judgements.ts";
import type { View } from "./views.ts";

export interface ProberOptions extends SessionOptions {
  /** Whether what the contrast of a normalization adds is taken off its worth. */
  readonly isComparing: boolean;
  readonly signal?: AbortSignal;
  /** Called after each run of the network. */
  readonly onProgress?: (progress: { readonly runs: number; readonly of: number }) => void;
}

export interface Prober {
  /** What the network says of the views under each of the normalizations. */
  readonly probe: (candidates: readonly Candidate[], views: readonly View[]) => Promise<Probe[]>;
  readonly dispose: () => Promise<void>;
}

/** Opens the network for that. Throws as `createSession` does. */
export async function openProber(
  { prepared, input, labelName }: Classifier,
  { isComparing, signal, onProgress, ...sessionOptions }: ProberOptions,
): Promise<Prober> {
  const { channels, height, width, head } = prepared;
  const graph = logitsGraph(prepared, { space: "network", normalization: input, batch: 1 });
  const session = await createSession(modelOf(graph, { opsets: prepared.opsets }), sessionOptions);
  const isSeparate = decidesEachLabel(head);
  let [runs, of] = [0, 0];
  const judge = async ({ image, label }: View, { normalization }: Candidate): Promise<Judgement> => {
    throwIfAborted(signal, "probePreprocessing");
    const values = normalizePixels(image.data, normalization);
    const feeds = { [objectiveInputs.image]: floatTensor(values, [1, channels, height, width]) };
    const results = await session.run(feeds, [objectiveOutputs.logits], { signal });
    const logits = results[objectiveOutputs.logits].data as Float32Array;
    onProgress?.({ runs: ++runs, of });
    return judgementOf(logits, label, isSeparate, labelName);
  };
  return {
    async probe(candidates, views) {
      of += candidates.length * views.length;
      const probes: Probe[] = [];
      for (const candidate of candidates) {
        const judgements: Judgement[] = [];
        for (const view of views) judgements.push(await judge(view, candidate));
        const confidence = meanConfidence(judgements, views);
        const added = isComparing ? addedByContrast(candidate.normalization) : 0;
        probes.push({ ...candidate, judgements, confidence, worth: confidence - added });
      }
      return probes;
    },
    dispose: () => session.dispose(),
  };
}
