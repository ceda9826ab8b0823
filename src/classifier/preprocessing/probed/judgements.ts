/** @file What a network says of what it is shown, and whether that says anything. */
import { classificationOf, sigmoidAt, softmax } from "../../logits.ts";
import type { View } from "./views.ts";

/** What the network says of a view. */
export interface Judgement {
  /** The number of the class, or of labels each by itself those of the present ones. */
  readonly labels: string;
  /** Of classes of which one is right, the probability of each. */
  readonly shares?: readonly number[];
  /** The most probable class, of labels each by itself as well. */
  readonly first: number;
  /** The same in words; two classes may have one name. */
  readonly said: string;
  /** The largest softmax, or that of the right class where it is known; of labels each by itself, how sure it is of one on average. */
  readonly confidence: number;
}

/** What a network says of views, all prepared in one way. */
export interface Judged {
  readonly judgements: readonly Judgement[];
  /** Mean over pictures and their variants. */
  readonly confidence: number;
}

/** What `logits` say; `right` is the right class, where it is known, and `isSeparate` whether each label is decided by itself. */
export function judgementOf(
  logits: Float32Array,
  right: number | undefined,
  isSeparate: boolean,
  nameOfLabel: (index: number) => string,
): Judgement {
  const label = right !== undefined && right < logits.length ? right : undefined;
  if (!isSeparate) {
    const found = classificationOf(logits);
    const shares = Array.from(softmax(logits));
    const confidence = label === undefined ? found.confidence : (shares[label] ?? 0);
    return { labels: String(found.label), first: found.label, said: nameOfLabel(found.label), confidence, shares };
  }
  const shares = Array.from(logits, (_, index) => sigmoidAt(logits, index));
  const present = shares.flatMap((share, index) => (share > 0.5 ? [index] : []));
  const sure = shares.reduce((sum, share) => sum + Math.max(share, 1 - share), 0) / shares.length;
  return {
    labels: present.join(),
    first: classificationOf(logits).label,
    said: present.length === 0 ? "no label" : present.map(nameOfLabel).join(", "),
    confidence: label === undefined ? sure : (shares[label] ?? 0),
  };
}

/** Of the pictures and their variants. */
export function meanConfidence(judgements: readonly Judgement[], views: readonly View[]): number {
  const ofPictures = judgements.filter((_, index) => views[index]?.picture !== undefined);
  const mean = ofPictures.reduce((sum, { confidence }) => sum + confidence, 0) / ofPictures.length;
  return Number.isFinite(mean) ? mean : 0;
}

/** Whether some of what the network says is no finite number. */
export function isWithoutNumbers({ judgements }: Pick<Judged, "judgements">): boolean {
  return judgements.some(({ confidence }) => !Number.isFinite(confidence));
}

/** Whether predictions are hardly surer than those of nobody who knows anything. */
export function isChance({ confidence }: Pick<Judged, "confidence">, classCount: number, most = 0.1): boolean {
  return (confidence - 1 / classCount) / (1 - 1 / classCount) < most;
}

/**
 * Whether predictions are nearer to chance than to certainty, by factors: of a thousand classes, one with 16 % is far likelier than the
 * others, and of two, one with 60 % is not.
 */
export function isNearChance(probe: Pick<Judged, "confidence">, classCount: number): boolean {
  return isChance(probe, classCount, 0.2) && probe.confidence < Math.sqrt(1 / classCount);
}

/** Whether all views get the same label, and nearly as surely, or of many classes nearly the same probabilities: the network hardly sees what is on the pictures. */
export function isBlind({ judgements }: Pick<Judged, "judgements">): boolean {
  const [first] = judgements;
  const isAlike = judgements.every(
    ({ labels, confidence }) => labels === first?.labels && Math.abs(confidence - first.confidence) < 0.2,
  );
  return isAlike || informationOf(judgements) < leastInformation;
}

/** Networks of so many classes tell any pictures apart, if they see them. */
const leastClasses = 100;
/**
 * Of what may be told of views, how much their predictions tell: of a SqueezeNet of Caffe's under ImageNet's numbers, which takes nearly everything for a mosquito net,
 * .06 to .16 and under its own .65 to .94; of torchvision's .7 to .96, and under [0, 1] .4 to .6.
 */
const leastInformation = 0.2;

/** The information between view and class, as a share of the most that there may be; 1 where there are few classes, of which any may be right. */
function informationOf(judgements: readonly Judgement[]): number {
  const [first, ...others] = judgements.flatMap(({ shares }) => (shares === undefined ? [] : [shares]));
  if (first === undefined || others.length < 2 || first.length < leastClasses) return 1;
  const views = [first, ...others];
  const entropy = (shares: readonly number[]): number =>
    shares.reduce((sum, share) => (share > 0 ? sum - share * Math.log(share) : sum), 0);
  const mean = first.map((_, k) => views.reduce((sum, view) => sum + (view[k] ?? 0), 0) / views.length);
  const within = views.reduce((sum, view) => sum + entropy(view), 0) / views.length;
  return (entropy(mean) - within) / Math.log(Math.min(views.length, first.length));
}
