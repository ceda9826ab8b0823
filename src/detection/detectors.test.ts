import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, test } from "vitest";
import { tinyClassifier, tinyImage } from "../../test/tiny-classifier.ts";
import { createClassifier } from "../classifier/classifier.ts";
import type { Extension } from "../classifier/passes/extension.ts";
import { BadInputError, MisuseError } from "../errors.ts";
import { parseModel } from "../onnx/text/parse.ts";
import { createRandom } from "../random/random.ts";
import type { AnyDetector, FitSet, MeasuredImage, PlannedDetector } from "./detector.ts";
import { detectorNamed, detectors } from "./detectors.ts";
import { openMeasuring } from "./measurement.ts";
import type { NamedImage } from "./odds/alignments.ts";

const classifier = createClassifier(tinyClassifier(), { runtime: ort });
afterAll(() => classifier.dispose());

/** Pictures of even noise around a gray of their own, so that classes and features differ. */
const pictures: readonly NamedImage[] = Array.from({ length: 60 }, (_, n) => {
  const random = createRandom(3, n);
  const gray = [random(), random(), random()];
  const data = tinyImage(n).data.map((x, i) => 0.75 * gray[Math.floor(i / 576)] + 0.25 * x);
  return { id: `p${n}`, pixels: data };
});

/** Settings under which a few pictures suffice. */
const few: Readonly<Record<string, object>> = {
  squeezing: { search: 5 },
  odds: { samples: 2 },
  lid: { neighbors: 5 },
  probe: { strength: 0.1 },
  "subset-scanning": { nodes: 2000 },
};

async function measuredWith(plan: PlannedDetector, images: readonly NamedImage[]): Promise<MeasuredImage[]> {
  const measuring = await openMeasuring(classifier, plan.parts, { batch: 16 });
  const rows = await measuring.measure(images);
  return rows.map((measured, n) => ({ id: images[n].id, label: n % 4, measured }));
}

/** The first pictures, of which the last 20 are held out, and the first 12 with much contrast as if they were attacked. */
async function fitSetOf(plan: PlannedDetector): Promise<FitSet> {
  const clean = await measuredWith(plan, pictures);
  const attacked = pictures
    .slice(0, 12)
    .map(({ id, pixels }) => ({ id, pixels: pixels.map((x, i) => (i % 2 === 0 ? x : 1 - x)) }));
  const noisy = pictures.slice(0, 12).map(({ id, pixels }, n) => {
    const { data } = tinyImage(100 + n);
    return { id, pixels: pixels.map((x, i) => 0.9 * x + 0.1 * data[i]) };
  });
  return {
    classCount: 4,
    train: clean.slice(0, 40),
    held: clean.slice(40),
    attacked: await measuredWith(plan, attacked),
    noisy: await measuredWith(plan, noisy),
  };
}

const planOf = (detector: AnyDetector, settings: object = {}) =>
  detector.on(classifier, { ...few[detector.name], ...settings });

describe("every detector, on a small network", () => {
  test.each(detectors.map(({ name }) => name))(
    "%s is fitted, scores alike alone and together, and keeps to the rate on held-out pictures",
    async (name) => {
      const plan = planOf(detectorNamed(name));
      const set = await fitSetOf(plan);
      const statistics = plan.fit(set);
      expect(statistics).toMatchObject({ detector: name, classCount: 4, images: { train: 40, held: 20 } });
      const score = plan.scorer(statistics);
      const scores = set.held.map(({ measured }) => score(measured));
      expect(scores.filter((value) => value > statistics.cutoff.value).length).toBeLessThanOrEqual(1);
      expect(new Set(scores).size).toBeGreaterThan(1);
      const [alone] = await measuredWith(plan, pictures.slice(41, 42));
      expect(score(alone.measured)).toBeCloseTo(scores[1], 4);
      expect(statistics.cutoff.calibration).toEqual({ falsePositiveRate: 0.05, images: 20 });
    },
  );

  test.each(["confidence", "margin", "mahalanobis", "kernel-density", "probe"])(
    "%s as a graph gives the same score, and its derivative",
    async (name) => {
      const plan = planOf(detectorNamed(name));
      const set = await fitSetOf(plan);
      const statistics = plan.fit(set);
      const score = plan.scorer(statistics);
      const extension = plan.scoreGraph(statistics);
      if (extension === undefined) throw new Error("no graph");
      const pass = await classifier.extended({ extension, batch: 8, gradientOf: "score" });
      const some = pictures.slice(40, 44);
      const seen = await pass.run(some.map(({ pixels: image }) => ({ image })));
      for (const [n, { results, gradient }] of seen.entries()) {
        const own = score(set.held[n].measured);
        expect(Math.abs(results.score[0] - own)).toBeLessThan(1e-4 * Math.max(1, Math.abs(own)));
        // Along the gradient, by a central difference of the score outside of the graph.
        const length = Math.hypot(...gradient);
        const step = 1e-3;
        const moved = [step, -step].map((by) => ({
          id: "moved",
          pixels: some[n].pixels.map((x, i) => x + (by * gradient[i]) / length),
        }));
        const [up, down] = (await measuredWith(plan, moved)).map(({ measured }) => score(measured));
        expect(Math.abs((up - down) / (2 * step) - length)).toBeLessThan(0.02 * length);
      }
    },
  );

  test("detectors whose score is no graph say so", async () => {
    for (const name of ["squeezing", "odds", "lid", "subset-scanning"]) {
      const plan = planOf(detectorNamed(name));
      expect(plan.scoreGraph(plan.fit(await fitSetOf(plan)))).toBeUndefined();
    }
  });

  test.each(["mahalanobis", "lid"])("%s with a regression weighs layers so that the attack is found", async (name) => {
    const plan = planOf(detectorNamed(name), { combine: "regression" });
    expect(plan.needsAttacked).toBe(true);
    const set = await fitSetOf(plan);
    const score = plan.scorer(plan.fit(set));
    const mean = (images: readonly MeasuredImage[]): number =>
      images.reduce((sum, { measured }) => sum + score(measured), 0) / images.length;
    expect(mean(set.attacked)).toBeGreaterThan(mean(set.held));
    expect(() => plan.fit({ ...set, attacked: [] })).toThrow(/no attacked pictures to learn from/);
  });
});

describe("bad input is said in words", () => {
  const errorOf = (call: () => unknown): Error => {
    try {
      call();
    } catch (error) {
      if (error instanceof BadInputError || error instanceof MisuseError) return error;
      throw error;
    }
    throw new Error("nothing was thrown");
  };

  test("too few pictures: for a covariance, for neighbors, for a background, and at all", async () => {
    const mahalanobis = planOf(detectorNamed("mahalanobis"));
    const set = await fitSetOf(mahalanobis);
    expect(errorOf(() => mahalanobis.fit({ ...set, train: set.train.slice(0, 6) })).message).toMatch(
      /mahalanobis: mean of .*: too few pictures for a covariance of \d+ features, expected at least \d+, .*got 6\. Give more pictures/,
    );
    const shrunk = planOf(detectorNamed("mahalanobis"), { shrinkage: 0.1 });
    expect(shrunk.fit({ ...set, train: set.train.slice(0, 6) }).images.train).toBe(6);
    expect(errorOf(() => mahalanobis.fit({ ...set, train: [] })).message).toMatch(
      /there are no pictures to learn from/,
    );
    expect(errorOf(() => mahalanobis.fit({ ...set, held: set.held.slice(0, 3) })).message).toMatch(
      /too few held-out images for this false-positive rate, expected at least 19/,
    );
    const lid = planOf(detectorNamed("lid"));
    const own = await fitSetOf(lid);
    expect(errorOf(() => lid.fit({ ...own, train: own.train.slice(0, 17) })).message).toMatch(
      /fewer references than neighbors .*expected more than 5, got 5/,
    );
  });

  test("a class without a training picture, and features that do not vary, are notes; no feature that varies is refused", async () => {
    const plan = planOf(detectorNamed("mahalanobis"));
    const set = await fitSetOf(plan);
    const without = plan.fit({ ...set, train: set.train.filter(({ label }) => label !== 2) });
    expect(without.notes[0]).toMatch(/There is no training picture of class 2/);
    const [key] = Object.keys(set.train[0].measured);
    const constant = (images: readonly MeasuredImage[], from: number): MeasuredImage[] =>
      images.map((image) => ({
        ...image,
        measured: { ...image.measured, [key]: image.measured[key].map((x, j) => (j >= from ? 3 : x)) },
      }));
    const some = plan.fit({ ...set, train: constant(set.train, 7) });
    expect(some.notes.join(" ")).toMatch(/: 1 of 8 features are left out|: \d of 8 features are left out/);
    expect(set.held.map(({ measured }) => plan.scorer(some)(measured)).every(Number.isFinite)).toBe(true);
    expect(errorOf(() => plan.fit({ ...set, train: constant(set.train, 0) })).message).toMatch(/no feature varies/);
  });

  test("a layer that is too wide is refused before anything runs, with its size", () => {
    expect(errorOf(() => detectorNamed("mahalanobis").on(classifier, { widest: 4 })).message).toMatch(
      /too wide for a covariance: 8 features would take .* GiB, expected at most 4 features/,
    );
    expect(errorOf(() => detectorNamed("subset-scanning").on(classifier, { nodes: 3 })).message).toMatch(
      /its channels alone are too many, expected at most 3/,
    );
  });

  test("a gradient is asked of a result with one number per image", async () => {
    const extension: Extension = { append: (_, { logits }) => ({ logits }) };
    await expect(classifier.extended({ extension, gradientOf: "scores" })).rejects.toThrow(
      /no result of this name has one number per image, .*got no such result/,
    );
    await expect(classifier.extended({ extension, gradientOf: "logits" })).rejects.toThrow(
      /expected \[1\], got \[1, 4\]/,
    );
  });

  test("NaN in a picture is named with the picture", async () => {
    const plan = planOf(detectorNamed("mahalanobis"));
    const measuring = await openMeasuring(classifier, plan.parts, { batch: 16 });
    const broken = { id: "broken.png", pixels: pictures[0].pixels.map(() => Number.NaN) };
    await expect(measuring.measure([pictures[1], broken])).rejects.toThrow(BadInputError);
  });

  test("NaN and infinity inside of a layer or among the logits are named with picture and layer, while fitting and while scoring", async () => {
    // The logarithm of dark pictures is −∞, and 0 times it NaN.
    const networkOf = (rest: string) =>
      createClassifier(
        parseModel(`
          <ir_version: 8, opset_import: ["" : 18]>
          hidden (float[N, 3, 2, 2] x) => (float[N, 2] logits)
          <float[2, 3] V = {1, 0, 0, 0, 1, 0}, int64[2] axes = {2, 3}, float zero = {0}, float low = {-9}>
          { m = ReduceMean <keepdims = 0> (x, axes)  hidden = Log (m)  ${rest} (last, V) }
        `),
        { runtime: ort, preprocessing: { scale: 1, mean: [0], std: [1], channels: "rgb" } },
      );
    const images = [0.5, 0, 0.3].map((level, n) => ({ id: `p${n}.png`, pixels: new Float32Array(12).fill(level) }));
    for (const [rest, message] of [
      [
        "last = Max (hidden, low)  logits = Gemm <transB = 1>",
        /^p1\.png: the mean of hidden are beyond float32, got -Infinity at 0\./,
      ],
      [
        "last = Mul (hidden, zero)  logits = Gemm <transB = 1>",
        /^p1\.png: model: the logit of class 0 is not a finite number, got NaN\./,
      ],
    ] as const) {
      const layered = networkOf(rest);
      const plan = detectorNamed("mahalanobis").on(layered, { layers: ["hidden"] });
      const { measure } = await openMeasuring(layered, plan.parts, { batch: 4 });
      await expect(measure(images)).rejects.toThrow(message);
      expect(await measure([images[0], images[2]])).toHaveLength(2);
      await layered.dispose();
    }
  });

  test("more references than memory is for are refused with their number", () => {
    const wide = createClassifier(
      parseModel(`
        <ir_version: 8, opset_import: ["" : 18]>
        wide (float[N, 3, 512, 512] x) => (float[N, 2] logits)
        <float[2, 3] V = {1, 0, 0, 0, 1, 0}, int64[1] from = {0}, int64[1] to = {3}, int64[1] axis = {1}>
        { f = Flatten (x)  hidden = Relu (f)  few = Slice (hidden, from, to, axis)  logits = Gemm <transB = 1> (few, V) }
      `),
      { runtime: ort, preprocessing: { scale: 1, mean: [0], std: [1], channels: "rgb" } },
    );
    const plan = detectorNamed("kernel-density").on(wide, { layers: ["hidden"] });
    const measured = { logits: new Float32Array(2), "mean of hidden": new Float32Array(3 * 512 * 512) };
    const train = Array.from({ length: 200 }, (_, n) => ({ id: `p${n}`, label: n % 2, measured }));
    const held = train.slice(0, 20);
    expect(errorOf(() => plan.fit({ classCount: 2, train, held, attacked: [], noisy: [] })).message).toMatch(
      /kernel-density: too wide a layer for so many references: 200 of 786432 numbers would take 1\.2 GiB, expected at most 170 of them, got 200\. Set references to fewer/,
    );
  });

  test("statistics of another detector, other settings or another network, and damaged ones", async () => {
    const [plan, other] = [planOf(detectorNamed("mahalanobis")), planOf(detectorNamed("lid"))];
    const statistics = plan.fit(await fitSetOf(plan));
    expect(errorOf(() => other.scorer(statistics)).message).toMatch(
      /lid: the statistics do not fit: the detector differs, expected lid, got mahalanobis/,
    );
    const shrunk = planOf(detectorNamed("mahalanobis"), { shrinkage: 0.5 });
    expect(errorOf(() => shrunk.scorer(statistics)).message).toMatch(/the settings differ/);
    expect(errorOf(() => plan.scorer({ ...statistics, classCount: 7 })).message).toMatch(/number of classes/);
    expect(errorOf(() => plan.scorer({ ...statistics, version: 9 })).message).toMatch(
      /the version of the detector differs, expected 1, got 9/,
    );
    expect(errorOf(() => plan.scorer({ ...statistics, arrays: {} })).message).toMatch(/the statistics are damaged/);
    const { mean } = statistics.arrays;
    const spoiled = { ...statistics.arrays, mean: { ...mean, data: mean.data.map(() => Number.NaN) } };
    expect(errorOf(() => plan.scorer({ ...statistics, arrays: spoiled })).message).toMatch(/got NaN/);
  });

  test("settings that cannot be meant", () => {
    expect(errorOf(() => detectorNamed("mahalanobi")).message).toMatch(/Did you mean mahalanobis/);
    expect(errorOf(() => detectorNamed("lid").on(classifier, { neighbours: 3 })).message).toMatch(
      /Did you mean "neighbors"/,
    );
    expect(errorOf(() => detectorNamed("odds").on(classifier, { samples: 3 })).message).toMatch(/no pairs/);
    expect(errorOf(() => detectorNamed("squeezing").on(classifier, { search: 4 })).message).toMatch(/odd number/);
    const nothing = { preset: "transforms", jpeg: 0, flip: false, shift: 0 };
    expect(errorOf(() => detectorNamed("squeezing").on(classifier, nothing)).message).toMatch(/nothing is squeezed/);
    expect(errorOf(() => detectorNamed("mahalanobis").on(classifier, { layers: ["Relu[9]"] })).message).toMatch(
      /no such layer/,
    );
  });
});
