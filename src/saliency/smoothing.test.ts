import fc from "fast-check";
import { afterAll, describe, expect, test } from "vitest";
import { chainNetwork, difference, floats, golden, picture, saliencyFixture } from "../../test/reference-networks.ts";
import { AbortedError, MisuseError } from "../errors.ts";
import { createRandom } from "../random/random.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { ablationCam } from "./cams/ablation-cam.ts";
import { gradCam } from "./cams/grad-cam.ts";
import { createExplainer } from "./explainer.ts";
import { gradient } from "./gradients/gradient.ts";
import type { SaliencyMethod } from "./method.ts";
import { occlusion } from "./occlusion/occlusion.ts";
import { deepFool } from "./perturbations/deepfool.ts";
import { rise } from "./rise/rise.ts";
import { mapMoments, noisyCopies, smoothingAggregates } from "./smoothing.ts";

const classifier = chainNetwork();
const { label } = golden;
afterAll(() => classifier.dispose());

interface SmoothedReferences {
  readonly versions: Readonly<Record<string, string>>;
  readonly smoothed: Readonly<Record<string, string>>;
}

const { versions, smoothed } = saliencyFixture<SmoothedReferences>("cams.json");

describe(`captum ${versions.captum}: NoiseTunnel of LayerGradCam with the same noise`, () => {
  test.each([
    ["smoothgrad", "mean"],
    ["smoothgrad_sq", "mean-square"],
    ["vargrad", "variance"],
  ] as const)("%s is %s", async (name, aggregate) => {
    const smoothing = { samples: 5, noise: 0.15, aggregate };
    const { map } = await gradCam.explain(classifier, picture, { label, upsampling: "nearest", smoothing });
    expect(difference(map.data, floats(smoothed[name]))).toBeLessThan(2e-5);
  });
});

describe("without noise", () => {
  const methods: readonly SaliencyMethod[] = [gradCam, gradient, deepFool];

  test.each(methods)("$name: the map, its square and 0", async (method) => {
    const plain = await method.explain(classifier, picture, { label: 2 });
    for (const aggregate of smoothingAggregates) {
      const smoothing = { samples: 3, noise: 0, aggregate };
      const { map } = await method.explain(classifier, picture, { label: 2, smoothing });
      const wanted = { mean: (x: number) => x, "mean-square": (x: number) => x * x, variance: () => 0 }[aggregate];
      expect([...map.data]).toEqual([...plain.map.data].map((x) => expect.closeTo(wanted(x), 6)));
    }
  });
});

test("the moments of maps", () => {
  const maps = fc.array(fc.array(fc.float({ min: 0, max: 10, noNaN: true }), { minLength: 4, maxLength: 4 }), {
    minLength: 1,
  });
  fc.assert(
    fc.property(maps, (given) => {
      const moments = mapMoments([2, 2]);
      for (const map of given) moments.add(floatTensor(map, [2, 2]));
      for (let i = 0; i < 4; i++) {
        const mean = given.reduce((sum, map) => sum + map[i], 0) / given.length;
        const variance = given.reduce((sum, map) => sum + (map[i] - mean) ** 2, 0) / given.length;
        expect(moments.take("mean").data[i]).toBeCloseTo(mean, 4);
        expect(moments.take("variance").data[i]).toBeCloseTo(variance, 3);
        expect(moments.take("mean-square").data[i]).toBeCloseTo(variance + mean * mean, 3);
      }
    }),
  );
});

test("copies: noise of the share of the range, clipped where they must be pictures", () => {
  const image = floatTensor(
    Float32Array.from({ length: 3 * 64 * 64 }, (_, i) => 0.2 + 0.5 * (i % 2)),
    [3, 64, 64],
  );
  const options = { isClipped: false };
  const copies = noisyCopies(image, { noise: 0.4 }, createRandom(1), options);
  expect(copies.deviation).toBeCloseTo(0.2, 6);
  const { data } = copies.next();
  const squares = data.reduce((sum, x, i) => sum + (x - image.data[i]) ** 2, 0);
  expect(Math.sqrt(squares / data.length)).toBeCloseTo(0.2, 2);
  expect(Math.min(...data)).toBeLessThan(0);
  expect([...copies.next().data]).not.toEqual([...data]);
  expect([...noisyCopies(image, { noise: 0.4 }, createRandom(1), options).next().data]).toEqual([...data]);
  const clipped = noisyCopies(image, { noise: 0.4 }, createRandom(1), { isClipped: true }).next();
  expect([...clipped.data]).toEqual([...data].map((x) => Math.min(1, Math.max(0, x))));
});

describe("what it takes", () => {
  const settings = { [rise.name]: { masks: 10 }, [occlusion.name]: { patch: 8, stride: 8 } };

  test.each([gradCam, gradient, rise, occlusion, ablationCam] as readonly SaliencyMethod[])(
    "$name: the runs of all copies, and one for the class",
    async (method) => {
      const own = settings[method.name as keyof typeof settings] ?? {};
      const each = method.costOf(classifier, { ...own, label });
      const wanted = { forward: 4 * each.forward, gradient: 4 * each.gradient };
      const { evaluations, settings: effective } = await method.explain(classifier, picture, {
        ...{ ...own, label, smoothing: 4 },
      });
      expect(evaluations).toEqual(wanted);
      expect(method.costOf(classifier, { ...own, label, smoothing: 4 })).toEqual(wanted);
      expect(effective).toMatchObject({ smoothing: { samples: 4, noise: 0.15, aggregate: "mean" } });
      const unlabelled = await method.explain(classifier, picture, { ...own, smoothing: { samples: 4 } });
      expect(unlabelled.evaluations).toEqual({ ...wanted, forward: wanted.forward + 1 });
      expect(method.costOf(classifier, { ...own, smoothing: 4 })).toEqual(unlabelled.evaluations);
    },
  );

  test("a search: at most what it says", async () => {
    const smoothing = { samples: 3, noise: 0.05 };
    const { evaluations, details } = await deepFool.explain(classifier, picture, { label: 2, smoothing });
    const most = deepFool.costOf(classifier, { label: 2, smoothing });
    expect(most.gradient).toBe(3 * deepFool.costOf(classifier, { label: 2 }).gradient);
    expect(evaluations.gradient).toBeLessThanOrEqual(most.gradient);
    expect(evaluations.gradient).toBeGreaterThan(0);
    expect(details?.noiseDeviation).toBeGreaterThan(0);
  });
});

describe("asking", () => {
  test("the class of all copies is that of the image", async () => {
    const { label: predicted } = await classifier.classify(picture);
    const { map, label: explained } = await gradCam.explain(classifier, picture, { smoothing: { noise: 3 } });
    const { map: stated } = await gradCam.explain(classifier, picture, { label: predicted, smoothing: { noise: 3 } });
    expect(explained).toBe(predicted);
    expect([...map.data]).toEqual([...stated.data]);
  });

  test("the batch changes nothing, several images have their own maps, and details that all copies share stay", async () => {
    const [one, two] = [
      picture,
      floatTensor(
        picture.data.map((x) => 1 - x),
        picture.shape,
      ),
    ];
    const asked = { label, smoothing: 5 };
    const alone = await gradCam.explain(classifier, two, asked);
    const both = await gradCam.explain(classifier, [one, two], { ...asked, batch: 3 });
    expect(difference(both[1].map.data, alone.map.data)).toBeLessThan(1e-5);
    expect(both[1].details).toMatchObject({ grid: [8, 8], noiseDeviation: expect.any(Number) });
  });

  test("progress in copies, a signal that ends them, and refusals", async () => {
    const seen: unknown[] = [];
    await gradCam.explain(classifier, picture, { label, smoothing: 2, onProgress: (at) => void seen.push(at) });
    expect(seen).toEqual([1, 2].map((done) => ({ done, of: 2, unit: "noisy copies" })));
    const controller = new AbortController();
    const aborting = { label, smoothing: 9, signal: controller.signal, onProgress: () => controller.abort() };
    await expect(gradCam.explain(classifier, picture, aborting)).rejects.toThrow(AbortedError);
    for (const smoothing of [0, 1.5, { noise: -1 }, { sample: 3 } as object]) {
      expect(() => gradCam.check(classifier, { smoothing })).toThrow(MisuseError);
      await expect(gradCam.explain(classifier, picture, { smoothing })).rejects.toThrow(/smoothing/);
    }
  });

  test("an explainer smooths the map of a search, whose perturbation is that of the image itself", async () => {
    const smoothing = { samples: 2, noise: 0.05 };
    const plain = await createExplainer(classifier, picture, { label: 2 }).explain(deepFool);
    const found = await createExplainer(classifier, picture, { label: 2, smoothing }).explain(deepFool);
    expect([...(found.perturbation?.pixels.data ?? [])]).toEqual([...(plain.perturbation?.pixels.data ?? [0])]);
    const { map, evaluations } = await deepFool.explain(classifier, picture, { label: 2, smoothing });
    expect([...found.explanation.map.data]).toEqual([...map.data]);
    expect(found.explanation.settings).toMatchObject({ smoothing: { samples: 2 } });
    expect(found.explanation.evaluations.gradient).toBe(plain.explanation.evaluations.gradient + evaluations.gradient);
  });
});
