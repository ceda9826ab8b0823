/** @file The most probable classes of pictures, in batches, as records; and the accuracy where the right classes are known. */
import { checkClassifier } from "../../classifier/check-arguments.ts";
import type { Classifier } from "../../classifier/classifier.ts";
import { finiteLogits, mostProbable, sigmoidAt, softmaxAt } from "../../classifier/logits.ts";
import { decidesEachLabel } from "../../classifier/network/head/head.ts";
import { defaultBatch } from "../../classifier/passes/default-batch.ts";
import {
  AbortedError,
  checkForm,
  checkKeys,
  MisuseError,
  numberIn,
  PerceptualBallError,
  throwIfAborted,
} from "../../errors.ts";
import type { ImageTensor, Picture } from "../../image/picture.ts";
import { type LabelRecord, topCount } from "../records/label-record.ts";
import { wilsonInterval } from "../statistics/statistics.ts";

/** A picture that is opened when its turn comes. */
export interface PictureToClassify {
  /** What the record calls it. */
  readonly image: string;
  /** The right class, where it is known. */
  readonly label?: number | undefined;
  load(): Promise<Picture | ImageTensor>;
}

export interface ClassificationRecord {
  readonly image: string;
  /** The most probable classes, that with the largest confidence first. Where labels are decided each by itself, confidences are sigmoids. */
  readonly top: readonly LabelRecord[];
  /** The right class, where it is known. */
  readonly truth: Omit<LabelRecord, "confidence"> | null;
  /** Whether the most probable class is the right one. */
  readonly isRight: boolean | null;
}

export interface ClassifyPicturesOptions {
  /** How many classes; default 5. */
  readonly top?: number | undefined;
  /** Pictures per run of the network; default at most 64, fewer if they are large. */
  readonly batch?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Hears of pictures that cannot be read, which are left out. Default: the first one is thrown. */
  readonly onFailure?: ((image: string, error: PerceptualBallError) => void) | undefined;
}

/**
 * The record of each picture, in their order, a batch of them in memory at a time. Throws a MisuseError for options out of range and
 * for a model whose output is a number, and an AbortedError once `signal` is aborted.
 */
export async function* classifyPictures(
  classifier: Classifier,
  pictures: Iterable<PictureToClassify>,
  options: ClassifyPicturesOptions = {},
): AsyncGenerator<ClassificationRecord, void, undefined> {
  checkKeys("classifyPictures", options, ["top", "batch", "signal", "onFailure"]);
  const { top = topCount, batch, signal, onFailure } = options;
  const where = "classifyPictures";
  checkClassifier(where, classifier);
  numberIn(`${where}: top`, top, { min: 1, integer: true });
  const { head } = classifier.prepared;
  if (head.kind === "value") {
    throw new MisuseError({
      where,
      what: `output ${JSON.stringify(head.value)} is taken as a number, which names no class`,
      expected: "a classification",
    });
  }
  const confidenceAt = decidesEachLabel(head) ? sigmoidAt : softmaxAt;
  const pass = await classifier.forward({ batch: classifier.prepared.batchFor(batch ?? defaultBatch(classifier)) });
  let waiting: { readonly picture: PictureToClassify; readonly pixels: Float32Array }[] = [];
  const named = (index: number) => ({ index, name: classifier.labelName(index) });
  async function classified(): Promise<ClassificationRecord[]> {
    const logits = await pass.run(
      waiting.map(({ pixels }) => pixels),
      { signal },
    );
    return waiting.map(({ picture: { image, label } }, n) => {
      const own = finiteLogits(logits[n] ?? new Float32Array(), image);
      const best = mostProbable(own, top).map((index) => ({ ...named(index), confidence: confidenceAt(own, index) }));
      if (label === undefined) return { image, top: best, truth: null, isRight: null };
      return { image, top: best, truth: named(label), isRight: best[0]?.index === label };
    });
  }
  for (const picture of pictures) {
    throwIfAborted(signal, where);
    try {
      waiting.push({ picture, pixels: classifier.fit(await picture.load()).data });
    } catch (error) {
      if (onFailure === undefined || error instanceof AbortedError || !(error instanceof PerceptualBallError))
        throw error;
      onFailure(picture.image, error);
    }
    if (waiting.length < pass.batch) continue;
    yield* await classified();
    waiting = [];
  }
  if (waiting.length > 0) yield* await classified();
}

/** How often the right class is the first one, or among the first `top`. */
export interface ClassificationAccuracy {
  readonly of: number;
  readonly right: number;
  readonly amongTop: number;
  readonly top: number;
  /** Wilson's 95 % interval of the share of the right ones. */
  readonly interval: readonly [low: number, high: number];
}

/** The accuracy over the records whose right class is known; undefined if there is none. */
export function classificationAccuracy(records: Iterable<ClassificationRecord>): ClassificationAccuracy | undefined {
  checkForm("classificationAccuracy: records", records, "iterable");
  let [of, right, amongTop, top] = [0, 0, 0, 0];
  for (const record of records) {
    if (record.truth === null) continue;
    const { index } = record.truth;
    of++;
    right += Number(record.isRight === true);
    amongTop += Number(record.top.some((label) => label.index === index));
    top = Math.max(top, record.top.length);
  }
  const share = wilsonInterval(right, of);
  return share === undefined ? undefined : { of, right, amongTop, top, interval: [share.low, share.high] };
}
