/**
 * @file HopSkipJump: the least change by labels alone. At the boundary, random steps say which way it faces; a step along that way, and back to the
 * boundary by halving.
 *
 * Source: Chen, Jordan and Wainwright, "HopSkipJumpAttack: a query-efficient decision-based attack", IEEE S&P 2020, algorithm 2; order of events and
 * start from uniform noise as in Foolbox 3.
 */
import { defaultBatch } from "../../classifier/passes/default-batch.ts";
import { countOption, derived, numberOption, wordOption } from "../../options/option.ts";
import { fillNormal, fillUniform } from "../../random/fill.ts";
import { createWords } from "../../random/random.ts";
import { euclideanNorm, indexOfLargest, isEqual, largestDifference, squaredDistance } from "../../tensor/vector.ts";
import type { AttackTask } from "../attack.ts";
import { type Search, searchTogether } from "../autoattack/ask.ts";
import { defineAttack } from "../define-attack.ts";
import { keepOutside } from "../hold-to-mask.ts";
import type { Found } from "../lockstep.ts";

/** Everything that the search needs. */
export interface HopSkipJumpSettings {
  readonly norm: "l2" | "linf";
  readonly steps: number;
  /** Infinity: as many as the steps take. */
  readonly queries: number;
  readonly firstDraws: number;
  readonly mostDraws: number;
  readonly gamma: number;
  /** Images that are asked about at a time. */
  readonly chunk: number;
}

/**
 * The attack: it sees the label of each image that it asks about, and nothing else. The answer is the last image on the boundary, which is the least change
 * or nearly so; it has no budget. Details: `queries`, and the `distance` in the norm, null where no noise image reached the goal to start from.
 */
export const hopskipjump = defineAttack({
  name: "hopskipjump",
  title: "HopSkipJump",
  source: "Chen, Jordan and Wainwright, HopSkipJumpAttack: a query-efficient decision-based attack (IEEE S&P 2020)",
  summary: "Random steps at the boundary say which way it faces; it sees labels and neither logits nor gradients.",
  version: 2,
  sees: "labels",
  options: {
    norm: wordOption("The norm of the change.", ["l2", "linf"], { fallback: "l2" }),
    steps: countOption("Steps.", { fallback: 64 }),
    queries: countOption("Images that it asks about, at most; a step under way is not begun without its draws.", {
      fallback: derived("as many as the steps take: about 37,000"),
    }),
    firstDraws: countOption(
      "Random steps at the first boundary point; their number grows with the root of the steps.",
      {
        fallback: 100,
      },
    ),
    mostDraws: countOption("Random steps at a boundary point, at most.", { fallback: 10_000 }),
    gamma: numberOption("γ: how exactly the boundary is found, 1/d^1.5 of the way in ℓ2 and 1/d² in ℓ∞ times this.", {
      above: 0,
      fallback: 1,
    }),
  },
  search({ norm, steps, queries, firstDraws, mostDraws, gamma }, classifier) {
    const chunk = defaultBatch(classifier);
    const settings = { norm, steps, queries: queries ?? Infinity, firstDraws, mostDraws, gamma, chunk };
    return {
      settings: { norm, steps, queries: queries ?? null, firstDraws, mostDraws, gamma },
      gradients: 0,
      run(tasks, context) {
        // Draws fill the batch, also where one image is attacked alone.
        const batch = Math.max(context.batch, chunk);
        const searches = tasks.map((task) => hopSkipJump(task, settings, directionsOf(task, norm)));
        return searchTogether(searches, { ...context, batch });
      },
    };
  },
});

/** How many noise images are tried for a start, before plain ones, and in how many steps the image is blended with one. */
const [noiseImages, blendSteps] = [1000, 50];
/** A step along the gradient is halved so often at most: then the boundary is nearer than float32 can tell. */
const mostHalvings = 60;

/** Fills an array with the draws of a direction, of any length: normal in ℓ2, uniform in (−1, 1) in ℓ∞. */
type FillDirection = (direction: Float32Array) => void;

/** Directions from a generator of their own, which the task's random numbers seed: there are as many as pixels in all the images that are asked about. */
function directionsOf({ random }: Pick<AttackTask, "random">, norm: HopSkipJumpSettings["norm"]): FillDirection {
  const words = createWords(random() * 2 ** 53);
  return (direction) => (norm === "linf" ? fillUniform(words, direction) : fillNormal(words, direction));
}

/** The search for one image, with the directions that are tried. */
export function* hopSkipJump(
  { image, goal, random, mask }: Pick<AttackTask, "image" | "goal" | "random" | "mask">,
  { norm, steps, queries, firstDraws, mostDraws, gamma, chunk }: HopSkipJumpSettings,
  fillDirection: FillDirection,
): Search<Found<undefined>> {
  const size = image.length;
  const tolerance = norm === "linf" ? gamma / (size * size) : gamma / (size * Math.sqrt(size));
  let asked = 0;
  const hold = (point: Float32Array): Float32Array => {
    if (mask !== undefined) keepOutside(point, mask, image);
    return point;
  };
  function* areReached(points: readonly Float32Array[]): Search<boolean[]> {
    asked += points.length;
    const { each = [] } = yield { points };
    return each.map((logits) => goal.isReached(indexOfLargest(logits)));
  }
  function* isReached(point: Float32Array): Search<boolean> {
    const [reached] = yield* areReached([point]);
    return reached;
  }
  const distanceOf = (point: Float32Array): number =>
    norm === "linf" ? largestDifference(point, image) : Math.sqrt(squaredDistance(point, image));
  /** The share `part` of the way from the image to `far`; in ℓ∞, `far` clipped to the distance `part`. */
  const between = (far: Float32Array, part: number): Float32Array => {
    const point = new Float32Array(size);
    if (norm === "linf")
      for (let i = 0; i < size; i++) point[i] = Math.min(Math.max(far[i], image[i] - part), image[i] + part);
    else for (let i = 0; i < size; i++) point[i] = (1 - part) * image[i] + part * far[i];
    return point;
  };
  /** On the way to `far`, which reaches the goal, the first point that does, up to the tolerance. */
  function* toBoundary(far: Float32Array): Search<Float32Array> {
    let [low, high] = [0, norm === "linf" ? distanceOf(far) : 1];
    const least = norm === "linf" ? high * tolerance : tolerance;
    for (let last = high; high - low > least; ) {
      const middle = Math.fround((low + high) / 2);
      if (yield* isReached(between(far, middle))) high = middle;
      else low = middle;
      if (middle === last) break;
      last = middle;
    }
    return between(far, high);
  }

  const noise = yield* startingNoise();
  if (noise === undefined) {
    const hindrance = `None of ${asked} noise and plain images reached the goal, so that the search had no start.`;
    return { point: image, details: { queries: asked, distance: null, hindrance } };
  }
  let point = yield* toBoundary(noise);
  let distance = distanceOf(point);
  for (let step = 0; step < steps; step++) {
    const draws = Math.floor(Math.min(firstDraws * Math.sqrt(step + 1), mostDraws));
    if (asked + draws > queries) break;
    const reach = step === 0 ? 0.1 : (norm === "linf" ? size : Math.sqrt(size)) * tolerance * distance;
    const way = yield* normalAt(point, draws, reach);
    if (norm === "linf") for (let i = 0; i < size; i++) way[i] = Math.sign(way[i]);
    let length = distance / Math.sqrt(step + 1);
    let [moved, isFar] = [point, false];
    for (let halving = 0; halving < mostHalvings && asked < queries; halving++) {
      moved = hold(point.map((x, i) => Math.min(Math.max(x + length * way[i], 0), 1)));
      isFar = yield* isReached(moved);
      if (isFar || isEqual(moved, point)) break;
      length /= 2;
    }
    if (isFar) point = yield* toBoundary(moved);
    distance = distanceOf(point);
  }
  return { point, details: { queries: asked, distance } };

  /**
   * The first blend of the image with a noise image that reaches the goal; undefined if none of those drawn does. Deviation: many networks
   * call all noise by one name, so that black, white, gray and the image's negative are tried after it.
   */
  function* startingNoise(): Search<Float32Array | undefined> {
    const plain = [() => 0, () => 1, () => 0.5, (x: number) => 1 - x];
    for (let n = 0; n < noiseImages + plain.length && asked < queries; n++) {
      const drawn = hold(image.map(n < noiseImages ? () => random() : plain[n - noiseImages]));
      if (!(yield* isReached(drawn))) continue;
      for (let k = 0; k < blendSteps; k++) {
        const part = k / blendSteps;
        const blend = image.map((x, i) => (1 - part) * x + part * drawn[i]);
        if (yield* isReached(blend)) return blend;
      }
      return drawn;
    }
    return undefined;
  }

  /** Which way the boundary faces at a point of it, of length 1: the mean of random steps of length `reach`, each counted by where it leads. */
  function* normalAt(at: Float32Array, draws: number, reach: number): Search<Float32Array> {
    // Sums of the points that reach the goal, and of the others. Steps are points less the one they start from, and the mean of φ = ±1, by which it is lowered, is known at the end only.
    const [reaching, failing] = [new Float64Array(size), new Float64Array(size)];
    // One after the other, as the network takes them.
    const block = new Float32Array(Math.min(chunk, draws) * size);
    let balance = 0;
    for (let from = 0; from < draws; from += chunk) {
      const points = Array.from({ length: Math.min(chunk, draws - from) }, (_, n) => {
        const point = block.subarray(n * size, (n + 1) * size);
        fillDirection(point);
        if (mask !== undefined) keepOutside(point, mask);
        const factor = reach / (euclideanNorm(point) + 1e-12);
        for (let i = 0; i < size; i++) {
          const x = at[i] + factor * point[i];
          point[i] = x < 0 ? 0 : x > 1 ? 1 : x;
        }
        return point;
      });
      const reached = yield* areReached(points);
      for (const [n, there] of points.entries()) {
        balance += reached[n] ? 1 : -1;
        const sum = reached[n] ? reaching : failing;
        for (let i = 0; i < size; i++) sum[i] += there[i];
      }
    }
    const mean = balance / draws;
    const lowered = Math.abs(mean) === 1 ? 0 : mean;
    const way = new Float32Array(size);
    for (let i = 0; i < size; i++) {
      const signed = reaching[i] - failing[i] - balance * at[i];
      const steps = signed - lowered * (reaching[i] + failing[i] - draws * at[i]);
      way[i] = steps / (draws * (reach + 1e-8));
    }
    const length = euclideanNorm(way) + 1e-12;
    return way.map((x) => x / length);
  }
}
