/**
 * @file The Square attack: squares of the image are changed at random, and what lowers the margin stays. It needs the logits alone.
 *
 * Source: Andriushchenko, Croce, Flammarion and Hein, "Square Attack: a query-efficient black-box adversarial attack via random search", ECCV 2020,
 * algorithms 1 to 3, by the numbers and the order of draws of AutoAttack's code.
 */
import { projectLinfBall } from "../../optimize/projections.ts";
import { integer, sign } from "../../random/distributions.ts";
import type { Random } from "../../random/random.ts";
import { euclideanNorm, squaredDistance } from "../../tensor/vector.ts";
import type { AttackTask } from "../attack.ts";
import type { Budget } from "../budget.ts";
import { keepOutside } from "../hold-to-mask.ts";
import type { Ask, Search } from "./ask.ts";

export interface SquarePlan {
  readonly budget: Budget;
  /** Proposals after the start. */
  readonly queries: number;
  /** The share of the image that the first squares cover. */
  readonly firstShare: number;
  /** Whether the schedule of the squares is stretched to the queries; it is made for 10 000. */
  readonly isRescaled: boolean;
}

export interface SquareFound {
  readonly point: Float32Array;
  readonly isReached: boolean;
  /** Queries, the start among them. */
  readonly queries: number;
  readonly margin: number;
}

/** A change of part of an image in its own memory, which can be taken back. */
interface Proposals {
  /** The start. */
  readonly start: Float32Array;
  /** Writes to `candidate` what is proposed of `best`, with squares that cover `share` of the image. */
  propose(best: Float32Array, candidate: Float32Array, share: number): void;
}

/** One run: a query for the start and at most `queries` proposals, until the margin is at most 0. */
export function* squareSearch(task: AttackTask, plan: SquarePlan): Search<SquareFound> {
  const { goal, image, mask } = task;
  const { start, propose } = plan.budget.norm === "linf" ? inBox(task, plan.budget) : inBall(task, plan.budget);
  const best = start;
  const candidate = best.slice();
  const hold = (point: Float32Array): void => {
    if (mask !== undefined) keepOutside(point, mask, image);
  };
  hold(candidate);
  best.set(candidate);
  const ask: Ask = { point: candidate, of: "logits", seeds: [] };
  let margin = goal.margin((yield ask).logits);
  let queries = 1;
  for (let query = 0; query < plan.queries && margin > 0; query++) {
    propose(best, candidate, shareAt(plan, query));
    hold(candidate);
    const found = goal.margin((yield ask).logits);
    queries++;
    if (found >= margin && found > 0) continue;
    margin = found;
    best.set(candidate);
  }
  return { point: best, isReached: margin <= 0, queries, margin };
}

/** After these proposals, of 10 000, the share is halved once more. */
const halvings = [10, 50, 200, 500, 1000, 2000, 4000, 6000, 8000];

function shareAt({ firstShare, queries, isRescaled }: SquarePlan, query: number): number {
  const at = isRescaled ? Math.floor((query / queries) * 10_000) : query;
  return firstShare / 2 ** halvings.filter((after) => at > after).length;
}

/** In ℓ∞: every element at the edge of the ball, columns first, then squares that are shifted by 2ε in each channel. */
function inBox({ image, shape: [channels, height, width], random }: AttackTask, { epsilon }: Budget): Proposals {
  const plane = height * width;
  const {
    box: { low, high },
  } = projectLinfBall(image, epsilon, 0, 1);
  const clip = (value: number, i: number): number => Math.min(Math.max(value, low[i]), high[i]);
  const start = new Float32Array(image.length);
  for (let c = 0; c < channels; c++) {
    for (let column = 0; column < width; column++) {
      const shift = epsilon * sign(random);
      for (let i = c * plane + column; i < (c + 1) * plane; i += width) start[i] = clip(image[i] + shift, i);
    }
  }
  return {
    start,
    propose(best, candidate, share) {
      candidate.set(best);
      const side = Math.min(Math.max(Math.round(Math.sqrt(share * plane)), 1), height, width);
      const [top, left] = [integer(random, 0, height - side), integer(random, 0, width - side)];
      for (let c = 0; c < channels; c++) {
        const shift = 2 * epsilon * sign(random);
        for (let row = top; row < top + side; row++) {
          const from = c * plane + row * width + left;
          for (let i = from; i < from + side; i++) candidate[i] = clip(best[i] + shift, i);
        }
      }
    },
  };
}

/** In ℓ2: tiles at first, then one window of the change gives up its length to another. */
function inBall({ image, shape: [channels, height, width], random }: AttackTask, { epsilon }: Budget): Proposals {
  const plane = height * width;
  const delta = new Float32Array(image.length);
  const tile = Math.floor(height / 5);
  const margin = Math.floor((height - 5 * tile) / 2);
  for (let top = margin, m = 0; tile > 0 && m < Math.floor(height / tile); top += tile, m++) {
    for (let left = margin, n = 0; n < Math.floor(width / tile); left += tile, n++) {
      const bump = bumpOf(tile, random);
      for (let c = 0; c < channels; c++) {
        const side = sign(random);
        // What lies beyond the image is left out.
        forWindow([c, top, left], tile, (i, k) => (delta[i] += side * bump[k]));
      }
    }
  }
  const start = new Float32Array(image.length);
  scaled(delta, start);
  return {
    start,
    propose(best, candidate, share) {
      for (let i = 0; i < delta.length; i++) delta[i] = best[i] - image[i];
      const least = Math.min(height, width);
      const rounded = Math.max(Math.round(Math.sqrt(share * plane)), 3);
      const side = Math.min(rounded % 2 === 0 ? rounded + 1 : rounded, least);
      const place = (): [top: number, left: number] => [
        integer(random, 0, height - side),
        integer(random, 0, width - side),
      ];
      const [first, second] = [place(), place()];
      const spare = Math.max(epsilon ** 2 - squaredDistance(best, image), 0) / channels;
      const bump = bumpOf(side, random);
      const windows = Array.from({ length: channels }, (_, c) => {
        let [own, both] = [0, 0];
        forWindow([c, ...first], side, (i) => (own += delta[i] ** 2));
        forWindow([c, ...second], side, (i) => {
          if (!isInside(i, first, side)) both += delta[i] ** 2;
        });
        return { own: Math.sqrt(own), both: own + both, sign: sign(random) };
      });
      for (const [c, { own, both, sign: direction }] of windows.entries()) {
        const fresh = new Float32Array(side * side);
        forWindow([c, ...first], side, (i, k) => {
          fresh[k] = direction * bump[k] + delta[i] / (1e-12 + own);
        });
        const factor = Math.sqrt(spare + both) / (1e-12 + euclideanNorm(fresh));
        forWindow([c, ...second], side, (i) => (delta[i] = 0));
        forWindow([c, ...first], side, (i, k) => (delta[i] = factor * fresh[k]));
      }
      scaled(delta, candidate);
    },
  };

  /** Each element of a window of a channel that lies in the image, with its place in the window. */
  function forWindow(
    [c, top, left]: readonly [number, number, number],
    side: number,
    each: (i: number, k: number) => void,
  ): void {
    for (let row = 0; row < side && top + row < height; row++) {
      for (let column = 0; column < side && left + column < width; column++) {
        each(c * plane + (top + row) * width + left + column, row * side + column);
      }
    }
  }

  function isInside(i: number, [top, left]: readonly [number, number], side: number): boolean {
    const row = Math.floor((i % plane) / width) - top;
    const column = (i % width) - left;
    return row >= 0 && row < side && column >= 0 && column < side;
  }

  /** The image with a change of length ε, clipped. */
  function scaled(change: Float32Array, to: Float32Array): void {
    const factor = epsilon / (euclideanNorm(change) + 1e-12);
    for (let i = 0; i < to.length; i++) to[i] = Math.min(Math.max(image[i] + factor * change[i], 0), 1);
  }
}

/** Two bumps of opposite sign side by side, or, as often, one above the other: [side, side], of length 1. */
function bumpOf(side: number, random: Random): Float32Array {
  const upper = halfBump(Math.floor(side / 2), side);
  const lower = halfBump(side - Math.floor(side / 2), side);
  const bump = Float32Array.from([...upper, ...lower.map((value) => -value)]);
  const length = euclideanNorm(bump);
  const isTurned = random() > 0.5;
  return bump.map((_, k) => (isTurned ? bump[(k % side) * side + Math.floor(k / side)] : bump[k]) / length);
}

/** Concentric rectangles about the middle, the k-th adding 1/k²: [rows, columns], of length 1. */
function halfBump(rows: number, columns: number): Float32Array {
  const bump = new Float32Array(rows * columns);
  const [middleRow, middleColumn] = [Math.floor(rows / 2), Math.floor(columns / 2)];
  for (let ring = 0; ring <= Math.max(middleRow, middleColumn); ring++) {
    for (let row = Math.max(0, middleRow - ring); row < Math.min(middleRow + ring + 1, rows); row++) {
      for (
        let column = Math.max(0, middleColumn - ring);
        column < Math.min(middleColumn + ring + 1, columns);
        column++
      ) {
        bump[row * columns + column] += 1 / (ring + 1) ** 2;
      }
    }
  }
  const length = euclideanNorm(bump);
  return length === 0 ? bump : bump.map((value) => value / length);
}
