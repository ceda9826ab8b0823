/** @file A search as one watches it: a frame for every evaluation, held and ended from outside. */
import { goalOf } from "../../attacks/goal.ts";
import type { Classifier } from "../../classifier/classifier.ts";
import { softmaxAt } from "../../classifier/logits.ts";
import { watchClassifier } from "../../classifier/watch-classifier.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { rootMeanSquare } from "../../saliency/perturbations/root-mean-square.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import type { ClassScore, Frame } from "../protocol.ts";
import { pixelsOfImage } from "./pixels.ts";
import type { Gate } from "./turns.ts";

export interface WatchOptions {
  readonly image: ImageTensor;
  readonly label: number;
  readonly target: number | undefined;
  readonly gate: Gate;
  /** Of a search that changes the image. */
  readonly onFrame?: (frame: Frame) => void;
}

/** The classifier of a run that begins at `image`: it can be held between two evaluations, and every one with a gradient is a frame. */
export function watchedSearch(classifier: Classifier, options: WatchOptions): Classifier {
  const { image, label, target, gate, onFrame } = options;
  const goal = goalOf({ label, target });
  return watchClassifier(classifier, async (looks) => {
    for (const look of onFrame === undefined ? [] : looks) {
      if (look.pass === "forward") continue;
      const changed = floatTensor(look.image.slice(), image.shape);
      if (changed.data.some(Number.isNaN)) continue;
      const difference = floatTensor(
        changed.data.map((x, i) => x - image.data[i]),
        image.shape,
      );
      onFrame?.({
        pixels: pixelsOfImage(changed),
        map: rootMeanSquare(difference).data as Float32Array<ArrayBuffer>,
        margin: goal.margin(look.logits),
        confidence: softmaxAt(look.logits, label),
        other: otherOf(classifier, look.logits, label, target),
      });
    }
    // The worker hears what is said to it between two evaluations.
    await nextTask();
    await gate.passed();
  });
}

/** The class to reach, or the most probable one besides `label`. */
function otherOf(classifier: Classifier, logits: Float32Array, label: number, target: number | undefined): ClassScore {
  let index = target ?? -1;
  if (target === undefined) {
    for (const [k, logit] of logits.entries()) {
      if (k !== label && (index < 0 || logit > logits[index])) index = k;
    }
  }
  return { index, name: classifier.labelName(index), confidence: softmaxAt(logits, index) };
}

/** Resolved after the messages that wait. A timer would be held back to four milliseconds. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => {
      port1.close();
      resolve();
    };
    port2.postMessage(null);
  });
}
