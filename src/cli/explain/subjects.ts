/** @file What is asked of a picture: the classifier, or its decision on one label, and the label that is explained. */
import { decidesEachLabel } from "../../classifier/network/head/head.ts";
import type { ImageTensor, Picture } from "../../image/picture.ts";
import type { FileClassifier } from "../../node/models/load-classifier.ts";

/** A label as the command line gives it. */
type GivenLabel = string | number | undefined;

export interface Subject {
  readonly classifier: FileClassifier;
  readonly label: GivenLabel;
}

export interface Subjects {
  /**
   * What is asked of `picture`. Where labels are decided each by itself, that is the decision on the label that is given, or else on the
   * most probable one; its second class is "present".
   */
  of(classifier: FileClassifier, picture: Picture | ImageTensor): Promise<Subject>;
  /** Releases the decisions. */
  dispose(): Promise<void>;
}

/** The subjects of a run that explains `label`, or what is predicted. */
export function subjectsOf(label: GivenLabel, signal: AbortSignal): Subjects {
  const decisions = new Map<number, FileClassifier>();
  return {
    async of(classifier, picture) {
      // --decision has chosen already, and what is explained is that the label is present.
      if (classifier.prepared.head.decision !== undefined) return { classifier, label: label ?? 1 };
      if (!decidesEachLabel(classifier.prepared.head)) return { classifier, label };
      const index =
        label === undefined
          ? (await classifier.classify(classifier.fit(picture), { signal })).label
          : classifier.findLabel(label);
      const decision = decisions.get(index) ?? classifier.decision(index);
      decisions.set(index, decision);
      return { classifier: decision, label: 1 };
    },
    async dispose() {
      await Promise.all([...decisions.values()].map((decision) => decision.dispose()));
    },
  };
}
