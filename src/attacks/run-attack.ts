/** @file The frame that all attacks run in: images in batches, the search, and what is said of what it found. */
import type { Classifier } from "../classifier/classifier.ts";
import { type Classification, classificationOf, marginOf, softmaxAt } from "../classifier/logits.ts";
import { defaultBatch } from "../classifier/passes/default-batch.ts";
import type { CleanFeatures, DistancePass } from "../classifier/passes/passes.ts";
import { checkKeys, MisuseError, numberIn, oneOf, throwIfAborted } from "../errors.ts";
import type { ImageTensor } from "../image/picture.ts";
import { createRandom } from "../random/random.ts";
import { floatTensor } from "../tensor/tensor.ts";
import {
  type Adversarial,
  type AttackMethod,
  type AttackOptions,
  type AttackPlan,
  type AttackResult,
  type AttackTask,
  attackOptionKeys,
  type Found,
  type SearchContext,
} from "./attack.ts";
import { projectOnBudget, roundToBytes } from "./budget.ts";
import { distancesBetween } from "./distances.ts";
import { automaticLayers } from "./perceptual/perceptual-layers.ts";

/** Throws the MisuseError that the attack would throw for `options`, before any image is at hand. */
export function checkAttackOptions<O extends AttackOptions>(
  method: AttackMethod<O>,
  classifier: Classifier,
  options: O,
): AttackPlan {
  checkKeys(method.name, options, [...attackOptionKeys, ...method.optionKeys]);
  oneOf(`${method.name}: rounding`, options.rounding ?? "nearest", ["nearest", "keep"]);
  if (options.batch !== undefined) numberIn(`${method.name}: batch`, options.batch, { min: 1, integer: true });
  return method.plan(classifier, options);
}

/**
 * What the attack makes of `images` [C, H, W], pixels in [0, 1] at the network's size, in order. Up to `batch` of them share
 * each run of the network, rows that are done repeat their last point; an image's result does not depend on the others.
 * Images that do not have the label are returned as they are. Throws a MisuseError for options and images that cannot be meant,
 * all of them before anything runs, and an AbortedError when `signal` aborts.
 */
export async function runAttack<O extends AttackOptions>(
  method: AttackMethod<O>,
  classifier: Classifier,
  images: readonly ImageTensor[],
  options: O,
): Promise<AttackResult[]> {
  const plan = checkAttackOptions(method, classifier, options);
  checkImages(method.name, classifier, images);
  const classes = (given: readonly (string | number)[] | undefined, what: string): readonly number[] | undefined => {
    if (given === undefined) return undefined;
    if (given.length === images.length) return given.map((label) => classifier.findLabel(label));
    throw new MisuseError({
      where: `${method.name}: ${what}`,
      what: "wrong number of classes",
      expected: `${images.length}, one per image`,
      got: String(given.length),
    });
  };
  const labels = classes(options.labels, "labels");
  const targets = classes(options.targets, "targets");
  const { signal, onProgress, random = (image: number) => createRandom(0, image) } = options;
  const layers =
    options.distanceLayers === undefined
      ? automaticLayers(classifier)
      : classifier.selectLayers(options.distanceLayers);
  const batch = options.batch ?? evenBatch(classifier, images.length);
  // The search may want other layers of the clean images than the distance compares: one run gives both.
  const compared = { layers, further: plan.layers, batch };
  const [features, pass] = [await classifier.features(compared), await classifier.distances(compared)];

  const results: AttackResult[] = [];
  let gradients = 0;
  const report = (): void => onProgress?.({ images: results.length, of: images.length, gradients });
  const context: SearchContext = {
    classifier,
    batch,
    signal,
    onGradients(count) {
      gradients += count;
      report();
    },
  };
  for (let first = 0; first < images.length; first += batch) {
    throwIfAborted(signal, method.name);
    const chunk = images.slice(first, first + batch);
    const clean = await features.run(
      chunk.map((image) => image.data),
      { signal },
    );
    const tasks = chunk.map((image, n): AttackTask => {
      const index = first + n;
      const classification = classificationOf(clean[n].logits);
      return {
        index,
        image: image.data,
        shape: image.shape,
        label: labels?.[index] ?? classification.label,
        target: targets?.[index],
        clean: classification,
        activations: clean[n].activations.slice(layers.length),
        random: random(index),
      };
    });
    const open = tasks.filter((task) => !succeeds(task, task.clean.label));
    const found = open.length === 0 ? [] : await plan.search(open, context);
    const judge = judgeOf(pass, tasks, clean, plan, options);
    const byTask = new Map<AttackTask, Found>(open.map((task, n) => [task, found[n]]));
    results.push(...(await judge(method.name, byTask)));
    report();
  }
  return results;
}

function checkImages(where: string, { input }: Classifier, images: readonly ImageTensor[]): void {
  const wanted = [input.channelCount, input.height, input.width];
  const wrong = images.findIndex(({ shape }) => shape.length !== 3 || shape.some((extent, i) => extent !== wanted[i]));
  if (wrong >= 0) {
    throw new MisuseError({
      where,
      what: `image ${wrong} does not have the network's size`,
      expected: `[${wanted.join(", ")}]`,
      got: `[${images[wrong].shape.join(", ")}]`,
      advice: "classifier.fit() resizes and crops a picture.",
    });
  }
  images.forEach(({ data }, n) => {
    const bad = data.findIndex((x) => !(x >= 0 && x <= 1));
    if (bad < 0) return;
    throw new MisuseError({
      where,
      what: `image ${n} is not in pixels`,
      expected: "numbers from 0 to 1; the classifier normalizes them itself",
      got: `${data[bad]} at element ${bad}`,
    });
  });
}

/** As many images as are given, in runs of equal size; fewer of large ones. */
export function evenBatch(classifier: Classifier, images: number): number {
  const runs = Math.max(1, Math.ceil(images / defaultBatch(classifier)));
  return Math.max(1, Math.ceil(images / runs));
}

/** Whether a picture of class `label` is what the task wants. */
export function succeeds({ label, target }: Pick<AttackTask, "label" | "target">, found: number): boolean {
  return target === undefined ? found !== label : found === target;
}

/** What is said of the images that were found: each runs through the network once more, in batches. */
function judgeOf(
  pass: DistancePass,
  tasks: readonly AttackTask[],
  clean: readonly CleanFeatures[],
  { budget, settings }: AttackPlan,
  { rounding = "nearest", signal }: AttackOptions,
) {
  const [, height, width] = tasks[0].shape;
  const judge = async (points: readonly { readonly n: number; readonly data: Float32Array }[]) => {
    const judged: Adversarial[] = [];
    for (let first = 0; first < points.length; first += pass.batch) {
      const some = points.slice(first, first + pass.batch);
      const answers = await pass.run(
        some.map(({ n, data }) => ({ image: data, clean: clean[n] })),
        { signal },
      );
      some.forEach(({ n, data }, k) => {
        const { label, target, image, shape } = tasks[n];
        const { logits, squaredDistances } = answers[k];
        const classification: Classification = classificationOf(logits);
        const shares = Array.from(squaredDistances, (d, l) => d / Math.max(clean[n].squaredNorms[l], 1e-12));
        judged.push({
          ...classification,
          // The logits are a view of the whole batch's.
          logits: logits.slice(),
          image: floatTensor(data, shape),
          success: succeeds(tasks[n], classification.label),
          classConfidence: softmaxAt(logits, target ?? label),
          margin: marginOf(logits, target ?? label, target !== undefined),
          distances: {
            ...distancesBetween(data, image, height * width),
            perceptual: shares.reduce((sum, share) => sum + share, 0) / Math.max(1, shares.length),
          },
        });
      });
    }
    return judged;
  };

  return async (attack: string, found: ReadonlyMap<AttackTask, Found>): Promise<AttackResult[]> => {
    const forwards = tasks.map(() => 1);
    const once = async (points: readonly (Float32Array | undefined)[]): Promise<(Adversarial | undefined)[]> => {
      const wanted = points.flatMap((data, n) => (data === undefined ? [] : [{ n, data }]));
      for (const { n } of wanted) forwards[n]++;
      const judged = await judge(wanted);
      return points.map((data) => (data === undefined ? undefined : judged.shift()));
    };
    const raw = await once(tasks.map((task) => found.get(task)?.point ?? task.image));
    const clipped = tasks.map(({ image }, n) => {
      const data = raw[n]!.image.data;
      const point = data.slice();
      projectOnBudget(image, budget)(point);
      return isSame(point, data) ? undefined : point;
    });
    const within = (await once(clipped)).map((one, n) => one ?? raw[n]!);
    const bytes = tasks.map(({ image }, n) => {
      const data = within[n].image.data;
      const point = roundToBytes(data, image, budget);
      return isSame(point, data) ? undefined : point;
    });
    const rounded = (await once(bytes)).map((one, n) => one ?? within[n]);
    if (rounding === "keep") {
      const outward = tasks.map(({ image }, n) =>
        within[n].success && !rounded[n].success
          ? roundToBytes(within[n].image.data, image, budget, "outward")
          : undefined,
      );
      (await once(outward)).forEach((one, n) => {
        if (one?.success) rounded[n] = one;
      });
    }
    return tasks.map((task, n): AttackResult => {
      const result = found.get(task);
      const counted = result?.evaluations ?? { forward: 0, gradient: 0 };
      const flipped = within[n].success ? "flipped" : raw[n]!.success ? "over-budget" : "not-flipped";
      return {
        attack,
        outcome: result === undefined ? "already-flipped" : flipped,
        label: task.label,
        target: task.target,
        clean: { ...task.clean, logits: task.clean.logits.slice() },
        raw: raw[n]!,
        withinBudget: within[n],
        rounded: rounded[n],
        lostInRounding: within[n].success && !rounded[n].success,
        evaluations: { forward: counted.forward + forwards[n], gradient: counted.gradient },
        settings,
        details: result?.details ?? {},
      };
    });
  };
}

function isSame(a: Float32Array, b: Float32Array): boolean {
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}
