import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { tinyClassifier, tinyImage } from "../../../test/tiny-classifier.ts";
import { type Classifier, createClassifier } from "../../classifier/classifier.ts";
import { GraphBuilder } from "../../onnx/builder.ts";
import { readModel } from "../../onnx/file/read-model.ts";
import { createRandom } from "../../random/random.ts";
import { referenceRuntime } from "../../runtime/reference-runtime.ts";
import { modelOf } from "../../runtime/session.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import type { Explanation } from "../method.ts";
import { coalitionsOf } from "./coalitions.ts";
import { featureAblation } from "./feature-ablation.ts";
import { kernelShap } from "./kernel-shap.ts";
import { leastSquares } from "./least-squares.ts";
import { lime, limeWeight } from "./lime.ts";
import { gridSuperpixels, type Superpixels, slic } from "./slic.ts";

interface References {
  readonly versions: Readonly<Record<string, string>>;
  readonly size: number;
  readonly picture: string;
  readonly networks: {
    readonly plain: {
      readonly label: number;
      readonly "feature-ablation": readonly number[];
      readonly "kernel-shap": readonly number[];
      readonly lime: {
        readonly rows: readonly string[];
        readonly weights: readonly number[];
        readonly intercept: number;
        readonly fit: number;
      };
    };
  };
  readonly slic: {
    readonly picture: string;
    readonly regions: string;
    readonly segments: number;
    readonly labels: string;
  };
}

const folder = join(import.meta.dirname, "../../../test/fixtures/attribution");
const references: References = JSON.parse(readFileSync(join(folder, "references.json"), "utf8"));
const { size, versions, networks } = references;
const bytes = (base64: string): Uint8Array => Uint8Array.from(Buffer.from(base64, "base64"));
const floats = (base64: string): Float32Array => new Float32Array(bytes(base64).buffer);

function attributionsOf({ details }: Explanation): number[] {
  const found = details?.attributions;
  return Array.isArray(found) ? found.map(Number) : [];
}

const close = (values: readonly number[], digits: number) => values.map((value) => expect.closeTo(value, digits));

describe("as the packages themselves, on a grid of nine cells", () => {
  const model = readModel(readFileSync(join(folder, "plain.onnx")));
  const classifier = createClassifier(model, { runtime: referenceRuntime, preprocessing: "symmetric" });
  afterAll(() => classifier.dispose());
  const image = floatTensor(floats(references.picture), [3, size, size]);
  const { label, ...wanted } = networks.plain;
  const grid = { label, segments: 9, shape: "grid" } as const;

  test(`FeatureAblation of captum ${versions.captum}`, async () => {
    const found = await featureAblation.explain(classifier, image, { ...grid, score: "logit" });
    expect(attributionsOf(found)).toEqual(close(wanted["feature-ablation"], 5));
    expect(found.evaluations).toEqual({ forward: 10, gradient: 0 });
  });

  test(`KernelExplainer of shap ${versions.shap}, all coalitions`, async () => {
    const found = await kernelShap.explain(classifier, image, { ...grid, score: "logit" });
    expect(attributionsOf(found)).toEqual(close(wanted["kernel-shap"], 5));
    expect(found.evaluations).toEqual({ forward: 512, gradient: 0 });
  });

  test(`LimeImageExplainer of lime ${versions.lime}, on the same samples`, async () => {
    const { rows, weights, intercept, fit } = wanted.lime;
    // The first sample is the whole image, for which nothing is drawn.
    const drawn = rows
      .slice(1)
      .join("")
      .split("")
      .map((bit) => (bit === "1" ? 0.75 : 0.25));
    let next = 0;
    const random = (): number => drawn[next++];
    const found = await lime.explain(classifier, image, { ...grid, samples: rows.length, random });
    expect(next).toBe(drawn.length);
    expect(attributionsOf(found)).toEqual(close(weights, 5));
    expect(found.details?.intercept).toBeCloseTo(intercept, 5);
    expect(found.details?.fit).toBeCloseTo(fit, 4);
  });
});

/** Four pixels in each of nine cells; the score of the first class is `value` of which cells are shown, at least half white. */
function gameOf(
  value: (g: GraphBuilder, shown: ReturnType<GraphBuilder["op"]>) => ReturnType<GraphBuilder["op"]>,
): Classifier {
  const g = new GraphBuilder();
  const image = g.input("image", "float32", [1, 3, 6, 6]);
  const cells = g.op("AveragePool", [image], { kernel_shape: [2, 2], strides: [2, 2] });
  const shown = g.op("ReduceMean", [g.op("Reshape", [cells, g.ints([1, 3, 9])]), g.ints([1])], { keepdims: 0 });
  const score = value(g, shown);
  g.output(g.op("Concat", [score, g.op("Neg", [score])], { axis: 1 }), "logits");
  return createClassifier(modelOf(g.toGraph()), { runtime: referenceRuntime, preprocessing: "unit" });
}

const white = floatTensor(new Float32Array(3 * 36).fill(1), [3, 6, 6]);
const nine = { label: 0, segments: 9, shape: "grid", fill: "black", score: "logit" } as const;

describe("axioms", () => {
  const w = [0.5, -1, 2, 0, 0.25, 1, -0.5, 0, 3];
  const linear = gameOf((g, shown) => g.op("MatMul", [shown, g.constant(floatTensor(w, [9, 1]))]));

  test("a sum of what is shown: every method finds its terms", async () => {
    expect(attributionsOf(await featureAblation.explain(linear, white, nine))).toEqual(close(w, 5));
    expect(attributionsOf(await kernelShap.explain(linear, white, nine))).toEqual(close(w, 5));
    // Sampled as well, where the kernel does not see all coalitions.
    expect(attributionsOf(await kernelShap.explain(linear, white, { ...nine, samples: 60 }))).toEqual(close(w, 5));
    const model = await lime.explain(linear, white, { ...nine, ridge: 0, samples: 200 });
    expect(attributionsOf(model)).toEqual(close(w, 4));
    expect(model.details?.fit).toBeCloseTo(1, 6);
    expect(model.details?.intercept).toBeCloseTo(0, 5);
  });

  /** v = (x₀ + 2 x₁ + 2 x₂) · (1 + x₃) − x₄ x₅ x₆; x₁ and x₂ play the same part, x₇ and x₈ none. */
  const v = (x: readonly number[]): number => (x[0] + 2 * x[1] + 2 * x[2]) * (1 + x[3]) - x[4] * x[5] * x[6];
  const game = gameOf((g, shown) => {
    const at = (i: number) => g.op("Slice", [shown, g.ints([i]), g.ints([i + 1]), g.ints([1])]);
    const twice = (x: ReturnType<typeof at>) => g.op("Mul", [x, g.scalar(2)]);
    const sum = g.op("Add", [at(0), g.op("Add", [twice(at(1)), twice(at(2))])]);
    const product = g.op("Mul", [sum, g.op("Add", [at(3), g.scalar(1)])]);
    return g.op("Sub", [product, g.op("Mul", [at(4), g.op("Mul", [at(5), at(6)])])]);
  });

  test("with all coalitions, exactly the Shapley values", async () => {
    const exact = Array.from({ length: 9 }, () => 0);
    const factorial = (n: number): number => (n <= 1 ? 1 : n * factorial(n - 1));
    for (let set = 0; set < 512; set++) {
      const members = Array.from({ length: 9 }, (_, i) => (set >> i) & 1);
      const others = members.reduce((sum, one) => sum + one, 0);
      for (let i = 0; i < 9; i++) {
        if (members[i] === 1) continue;
        const weight = (factorial(others) * factorial(8 - others)) / factorial(9);
        exact[i] += weight * (v(members.with(i, 1)) - v(members));
      }
    }
    const found = attributionsOf(await kernelShap.explain(game, white, nine));
    expect(found).toEqual(close(exact, 5));
    // Dummies get nothing, and those that play the same part get the same.
    expect(found.slice(7)).toEqual(close([0, 0], 6));
    expect(found[1]).toBeCloseTo(found[2], 6);
  });

  test("efficiency always: the values add up to the difference that the image makes", async () => {
    const classifier = createClassifier(tinyClassifier(), { runtime: referenceRuntime });
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: 1e6 }), fc.integer({ min: 4, max: 20 }), async (seed, segments) => {
        const samples = 2 * segments + (seed % 30);
        const random = createRandom(seed);
        const found = await kernelShap.explain(classifier, tinyImage(seed), {
          label: seed % 4,
          segments,
          samples,
          random,
        });
        const sum = attributionsOf(found).reduce((total, value) => total + value, 0);
        expect(sum).toBeCloseTo(Number(found.details?.score) - Number(found.details?.hiddenScore), 6);
        expect(found.evaluations.forward).toBeLessThanOrEqual(samples + 2);
      }),
      { numRuns: 10, seed: 2 },
    );
    await classifier.dispose();
  });

  test("samples come near the exact values", async () => {
    const exact = attributionsOf(await kernelShap.explain(game, white, nine));
    const near = attributionsOf(await kernelShap.explain(game, white, { ...nine, samples: 250 }));
    expect(Math.max(...near.map((value, k) => Math.abs(value - exact[k])))).toBeLessThan(0.15);
  });

  test("too few samples are refused, and known before", () => {
    expect(() => kernelShap.check(game, { segments: 9, samples: 10 })).toThrow(
      "kernel-shap: samples: so few images do not tell the superpixels apart, expected at least twice as many as segments, 18, got 10",
    );
    expect(kernelShap.costOf(game, { label: 0, segments: 9 })).toEqual({ forward: 2068, gradient: 0 });
  });
});

describe("coalitions", () => {
  test("of few members, each coalition once, with the Shapley kernel", () => {
    const all = coalitionsOf(5, 1000, createRandom(1));
    expect(new Set(all.map(({ members }) => members.join(""))).size).toBe(30);
    const kernel = (s: number): number => 4 / ([0, 5, 10, 10, 5][s] * s * (5 - s));
    const total = all.reduce((sum, { members }) => sum + kernel(members.reduce((a, b) => a + b, 0)), 0);
    for (const { members, weight } of all) {
      expect(weight).toBeCloseTo(kernel(members.reduce((a, b) => a + b, 0)) / total, 12);
    }
  });

  test("of many, the smallest and largest whole, others in pairs, weights that add up to 1", () => {
    const some = coalitionsOf(20, 300, createRandom(1));
    expect(some.length).toBeLessThanOrEqual(300);
    expect(some.length).toBeGreaterThan(280);
    const keys = new Set(some.map(({ members }) => members.join("")));
    expect(keys.size).toBe(some.length);
    for (let k = 0; k < 20; k++) {
      const alone = new Uint8Array(20);
      alone[k] = 1;
      expect(keys).toContain(alone.join(""));
    }
    for (const { members } of some) expect(keys).toContain(members.map((bit) => 1 - bit).join(""));
    expect(some.reduce((sum, { weight }) => sum + weight, 0)).toBeCloseTo(1, 10);
  });
});

test("least squares: exact where determined, the penalty's closed form, 0 where nothing is known", () => {
  const equations = [
    { x: [1, 1, 0], y: 3, weight: 1 },
    { x: [1, -1, 0], y: 1, weight: 2 },
  ];
  expect([...leastSquares(equations, 3)]).toEqual(close([2, 1, 0], 12));
  // One unknown: Σ w x y / (Σ w x² + ridge).
  expect([...leastSquares([{ x: [2], y: 3, weight: 0.5 }], 1, 4)]).toEqual(close([3 / 6], 12));
});

test("LIME's kernel: 1 for the whole image, e^(−8) for nothing", () => {
  expect(limeWeight(10, 10, 0.25)).toBe(1);
  expect(limeWeight(0, 10, 0.25)).toBeCloseTo(Math.exp(-8), 12);
});

describe("superpixels", () => {
  const { slic: reference } = references;
  const side = 48;
  const picture = floatTensor(floats(reference.picture), [3, side, side]);
  const regions = Array.from(reference.regions, Number);
  /** Pixels whose right or lower neighbor has another label. */
  const borderOf = (labels: ArrayLike<number>): boolean[] =>
    Array.from({ length: side * side }, (_, i) => {
      const [y, x] = [Math.floor(i / side), i % side];
      return (x + 1 < side && labels[i] !== labels[i + 1]) || (y + 1 < side && labels[i] !== labels[i + side]);
    });
  /** The share of the regions' borders that has a superpixel's border within one pixel. */
  const recall = (labels: ArrayLike<number>): number => {
    const own = borderOf(labels);
    const wanted = borderOf(regions).flatMap((is, i) => (is ? [i] : []));
    const isNear = (i: number): boolean =>
      [-1, 0, 1].some((dy) => [-1, 0, 1].some((dx) => own[i + dy * side + dx] === true));
    return wanted.filter(isNear).length / wanted.length;
  };
  /** The share of pixels that lie in their superpixel's most frequent region. */
  const purity = ({ labels, count }: Superpixels): number => {
    const counts = Array.from({ length: count }, () => new Array<number>(6).fill(0));
    for (const [i, k] of labels.entries()) counts[k][regions[i]]++;
    return counts.reduce((sum, one) => sum + Math.max(...one), 0) / labels.length;
  };

  test(`follow borders as well as those of scikit-image ${versions["scikit-image"]}`, () => {
    const theirs = { labels: Int32Array.from(bytes(reference.labels)), count: reference.segments };
    const own = slic(picture, { segments: 36, compactness: 10 });
    expect(own.count).toBeGreaterThanOrEqual(reference.segments);
    expect(own.count).toBeLessThanOrEqual(36);
    expect(recall(own.labels)).toBeGreaterThanOrEqual(recall(theirs.labels) - 0.02);
    expect(purity(own)).toBeGreaterThanOrEqual(purity(theirs) - 0.01);
    // A grid of as many cells does not.
    const grid = gridSuperpixels(picture.shape, own.count);
    expect(recall(grid.labels)).toBeLessThan(recall(own.labels) - 0.2);
  });

  test("are connected, not small, at most as many as asked, numbered as they are met", () => {
    fc.assert(
      fc.property(
        fc.record({
          seed: fc.integer({ min: 0, max: 1e6 }),
          channels: fc.constantFrom(1, 3),
          height: fc.integer({ min: 2, max: 24 }),
          width: fc.integer({ min: 2, max: 24 }),
          segments: fc.integer({ min: 2, max: 40 }),
          compactness: fc.constantFrom(0.1, 10, 1000),
        }),
        ({ seed, channels, height, width, segments, compactness }) => {
          const random = createRandom(seed);
          const noise = floatTensor(
            Float32Array.from({ length: channels * height * width }, () => random()),
            [channels, height, width],
          );
          const { labels, count } = slic(noise, { segments, compactness });
          expect(count).toBeLessThanOrEqual(segments);
          expect([...new Set(labels)]).toEqual(Array.from({ length: count }, (_, k) => k));
          const reached = new Set<number>();
          const starts = new Set<number>();
          for (const [i, k] of labels.entries()) {
            if (starts.has(k)) continue;
            starts.add(k);
            const pending = [i];
            for (let j = pending.pop(); j !== undefined; j = pending.pop()) {
              if (reached.has(j) || labels[j] !== k) continue;
              reached.add(j);
              const [y, x] = [Math.floor(j / width), j % width];
              if (y > 0) pending.push(j - width);
              if (y + 1 < height) pending.push(j + width);
              if (x > 0) pending.push(j - 1);
              if (x + 1 < width) pending.push(j + 1);
            }
          }
          expect(reached.size).toBe(height * width);
        },
      ),
      { numRuns: 60, seed: 1 },
    );
  });

  test("of a uniform picture are its grid, more so the more compact", () => {
    const uniform = floatTensor(new Float32Array(3 * 144).fill(0.4), [3, 12, 12]);
    expect(slic(uniform, { segments: 9, compactness: 10 })).toEqual(gridSuperpixels(uniform.shape, 9));
  });
});
