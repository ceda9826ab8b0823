/** @file What was read of a value that is made of probabilities: how its logarithm or its log odds are computed anew. */
import type { NodeAppender } from "../../../../onnx/append-nodes.ts";
import type { Node } from "../../../../onnx/model.ts";
import { floatTensor, intTensor } from "../../../../tensor/tensor.ts";

/** How the logarithm of a value is computed. */
export interface LogReading {
  /** Appends it, and gives its name. */
  readonly append: (to: NodeAppender) => string;
  /** The value whose softmax the value is, but for a constant factor and limits; undefined for mixtures and the like. */
  readonly scores: string | undefined;
  /** What was recognized, a phrase such as "a softmax written out". */
  readonly what: string;
  /** Whether only the values say that they are probabilities, and no operator. */
  readonly isGuess?: true;
  /** Whether they are some of the probabilities, or weighted, so that their sum is not always the same. */
  readonly isPart?: true;
}

/** How z of a value σ(z) is computed, but for a constant factor and limits. */
export interface OddsReading {
  readonly append: (to: NodeAppender) => string;
  /** The value z itself, where the value is nothing but its sigmoid. */
  readonly scores: string | undefined;
  readonly what: string;
  /** Whether only the values say that they are probabilities, and no operator. */
  readonly isGuess?: true;
}

/** The smallest positive number that float32 holds in full precision. */
const smallest = 1.2e-38;
/** As near as float32 comes to 1 from below, roughly. */
const nearOne = 1e-7;

/** The logarithm of a value about which nothing else is known; its derivative is 0 where the value is 0. */
export function plainLogarithm(name: string): LogReading {
  return {
    append: (to) => to.op("Log", [to.op("Max", [name, to.constant(floatTensor([smallest], []))])]),
    scores: undefined,
    what: "probabilities made in a way that is not read",
    isGuess: true,
  };
}

/** The log odds of a value from 0 to `most` about which nothing else is known. */
export function plainOdds(name: string, most = 1): OddsReading {
  return {
    append(to) {
      const scalar = (value: number): string => to.constant(floatTensor([value], []));
      const share = most === 1 ? name : to.op("Div", [name, scalar(most)]);
      const log = (value: string): string => to.op("Log", [to.op("Max", [value, scalar(nearOne)])]);
      return to.op("Sub", [log(share), log(to.op("Sub", [scalar(1), share]))]);
    },
    scores: undefined,
    what: "numbers from 0 to 1 made in a way that is not read",
    isGuess: true,
  };
}

/** log softmax of the scores along an axis. */
export function logSoftmax(scores: string, axis: number, what: string): LogReading {
  return { append: (to) => to.op("LogSoftmax", [scores], { axis }), scores, what };
}

/** The value of the log odds z, as σ(z) or, with `isOther`, σ(−z): −log(1 + exp(∓z)). */
export function logSigmoid(odds: (to: NodeAppender) => string, isOther = false): LogReading {
  return {
    append(to) {
      const z = odds(to);
      return to.op("Neg", [to.op("Softplus", [isOther ? z : to.op("Neg", [z])])]);
    },
    scores: undefined,
    what: "sigmoids",
  };
}

/** `of` along `axis` so that its exponentials sum to 1. */
export function normalized(of: LogReading, axis: number, what: string): LogReading {
  if (of.scores !== undefined) return { append: of.append, scores: of.scores, what };
  return { append: (to) => to.op("LogSoftmax", [of.append(to)], { axis }), scores: undefined, what };
}

/** log(exp a + exp b + …) of terms of the given rank. */
export function summed(terms: readonly LogReading[], rank: number, what: string): LogReading {
  return {
    append(to) {
      const stacked = terms.map((term) => to.op("Unsqueeze", [term.append(to), to.constant(intTensor([rank]))]));
      const together = to.op("Concat", stacked, { axis: rank });
      return to.op("ReduceLogSumExp", [together, to.constant(intTensor([rank]))], { keepdims: 0 });
    },
    scores: undefined,
    what,
  };
}

/** log(exp(l) + c) = l + log(1 + exp(log c − l)). */
export function smoothed(of: LogReading, constant: number): LogReading {
  return {
    append(to) {
      const log = of.append(to);
      const below = to.op("Sub", [to.constant(floatTensor([Math.log(constant)], [])), log]);
      return to.op("Add", [log, to.op("Softplus", [below])]);
    },
    scores: undefined,
    what: `${of.what}, smoothed`,
  };
}

/** `of` with numbers added to it, of the given shape. */
export function shifted(of: LogReading, by: readonly number[], shape: readonly number[]): LogReading {
  if (by.every((value) => value === 0)) return of;
  return { ...of, append: (to) => to.op("Add", [of.append(to), to.constant(floatTensor(by, shape))]) };
}

/** `of` times a number, as a logarithm. */
export function sharpened(of: LogReading, power: number): LogReading {
  return {
    append: (to) => to.op("Mul", [of.append(to), to.constant(floatTensor([power], []))]),
    scores: undefined,
    what: `${of.what}, sharpened`,
  };
}

/** The odds of a mean of sigmoids of the given rank: from the sums of p and of 1 − p. */
export function meanOdds(members: readonly OddsReading[], rank: number): OddsReading {
  return {
    append(to) {
      const odds = members.map((member) => member.append(to));
      const [present, absent] = [false, true].map((isOther) =>
        summed(
          odds.map((z) => logSigmoid(() => z, isOther)),
          rank,
          "",
        ).append(to),
      );
      return to.op("Sub", [present, absent]);
    },
    scores: undefined,
    what: "a mean of sigmoids",
  };
}

/** The readings of what a node lays side by side. */
export function sideBySide(node: Node, parts: readonly (LogReading | OddsReading)[], what: string): LogReading {
  return {
    append: (to) =>
      to.again(
        node,
        parts.map((part) => part.append(to)),
      ),
    scores: undefined,
    what,
  };
}
