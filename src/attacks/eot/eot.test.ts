import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, test } from "vitest";
import { smallImages, smallNetwork } from "../../../test/small-network.ts";
import { createClassifier } from "../../classifier/classifier.ts";
import { denormalizePixels, normalizePixels } from "../../classifier/preprocessing/preprocessing.ts";
import { jpegLoss } from "../../image/jpeg-loss.ts";
import { createRandom } from "../../random/random.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { dot, indexOfLargest, largestDifference } from "../../tensor/vector.ts";
import { attacks } from "../attacks.ts";
import { apgd } from "../autoattack/apgd.ts";
import { perceptual } from "../perceptual/perceptual.ts";
import { pgd } from "../pgd.ts";
import { freshDrawsIn } from "./fresh-draws.ts";
import { overTransformations } from "./over-transformations.ts";
import { drawsFor, transformationsOf } from "./transformation.ts";

const symmetric = { scale: 1, mean: [0.4, 0.5, 0.6], std: [0.2, 0.25, 0.3], channels: "bgr" } as const;
const classifier = createClassifier(smallNetwork(), { runtime: ort, preprocessing: "unit" });
const normalized = createClassifier(smallNetwork(), { runtime: ort, preprocessing: symmetric });
afterAll(() => Promise.all([classifier.dispose(), normalized.dispose()]));

const shape = [3, 8, 8] as const;
const noise = (seed: number): Float32Array => {
  const random = createRandom(seed);
  return Float32Array.from({ length: 192 }, random);
};
const of = (text: string) => transformationsOf("test", text, { channelCount: 3 });

describe("transformations", () => {
  test("those that are linear but for a constant are led back through by their adjoint, alone and in turn", () => {
    for (const text of ["noise:0.1", "resize-pad:0.5", "noise:0.1,resize-pad:0.5", "resize-pad:0.6,noise"]) {
      for (const draw of drawsFor(of(text), noise(1), shape, 5, "search")) {
        const [a, b, cotangent] = [noise(2), noise(3), noise(4)];
        const moved = draw.apply(a).map((x, i) => x - draw.apply(b)[i]);
        const difference = a.map((x, i) => x - b[i]);
        expect(dot(moved, cotangent)).toBeCloseTo(dot(difference, draw.back(cotangent)), 4);
      }
    }
  });

  test("noise has the deviation that was asked for, JPEG is that of its quality, and goes straight through", () => {
    const flat = new Float32Array(192).fill(0.5);
    const drawn = drawsFor(of("noise:0.2"), flat, shape, 50, "search").flatMap(({ apply }) => [...apply(flat)]);
    const mean = drawn.reduce((sum, x) => sum + x, 0) / drawn.length;
    const variance = drawn.reduce((sum, x) => sum + (x - mean) ** 2, 0) / drawn.length;
    expect(mean).toBeCloseTo(0.5, 1);
    expect(Math.sqrt(variance)).toBeCloseTo(0.2, 2);
    const [jpeg] = drawsFor(of("jpeg:40"), flat, shape, 1, "search");
    const picture = noise(5);
    expect(jpeg.apply(picture)).toEqual(jpegLoss(floatTensor(picture, shape), 40).data);
    expect(jpeg.back(picture)).toEqual(picture);
  });

  test("draws depend on the image, the number and the stream, and on nothing else", () => {
    const [image, other] = [noise(1), noise(1)];
    other[7] += 1e-6;
    const seen = (given: Float32Array, stream: "search" | "judgement") =>
      drawsFor(of("noise:0.1"), given, shape, 3, stream).map(({ apply }) => apply(image)[0]);
    expect(seen(image, "search")).toEqual(seen(noise(1), "search"));
    const all = [...seen(image, "search"), ...seen(image, "judgement"), ...seen(other, "search")];
    expect(new Set(all).size).toBe(9);
  });

  test.each([
    ["noise:2", "noise: value out of range, expected the standard deviation"],
    ["noise:", "value out of range"],
    ["jpeg:0", "above 0 and up to 100"],
    ["jpeg:7.5", "an integer"],
    ["resize-pad:1", "up to 0.999"],
    ["noisy:0.1", "Did you mean noise?"],
    ["noise:0.1:2", "no such transformation"],
    ["", "expected some of noise:0.05, resize-pad:0.9, jpeg:75, with commas"],
  ])("%j is refused", async (text, message) => {
    expect(() => of(text)).toThrow(message);
    await expect(pgd.attack(classifier, smallImages[0], { eot: text })).rejects.toThrow(message);
  });
});

describe("passes over transformations", () => {
  const draws = 4;
  const transformations = of("resize-pad:0.5,noise:0.1");
  const image = smallImages[1].data;
  const own = drawsFor(transformations, image, shape, draws, "search");
  const { classifier: over, runsFor } = overTransformations(classifier, transformations, draws);

  test("logits and gradients are means over the draws, whatever the batch", async () => {
    const single = await classifier.backward({ of: "log-probabilities" });
    const seed = Float32Array.of(0, 1, 0, 0);
    const [logits, gradient] = [new Float64Array(4), new Float64Array(192)];
    for (const draw of own) {
      const [one] = await single.run([{ image: draw.apply(image), seed }]);
      for (const [k, logit] of one.logits.entries()) logits[k] += logit / draws;
      for (const [i, slope] of draw.back(one.gradient).entries()) gradient[i] += slope / draws;
    }
    for (const batch of [1, 3, 8]) {
      const pass = await over.backward({ of: "log-probabilities", batch });
      const inputs = Array.from({ length: batch }, () => ({ image, seed }));
      for (const found of await pass.run(inputs)) {
        expect(largestDifference(found.logits, Float32Array.from(logits))).toBeLessThan(1e-5);
        expect(largestDifference(found.gradient, Float32Array.from(gradient))).toBeLessThan(1e-5);
      }
      const seen = await (await over.forward({ batch })).run([image]);
      expect(largestDifference(seen[0], Float32Array.from(logits))).toBeLessThan(1e-5);
    }
    const margins = await (await over.marginGradients()).run([{ image, classIndex: 2, targeted: true }]);
    const rows = await Promise.all(
      own.map(
        async (draw) =>
          (await classifier.marginGradient(floatTensor(draw.apply(image), shape), 2, { targeted: true })).margin,
      ),
    );
    expect(margins[0].margin).toBeCloseTo(
      rows.reduce((sum, margin) => sum + margin / draws, 0),
      4,
    );
    const alone = await over.marginGradient(smallImages[1], 2, { targeted: true });
    expect(alone.gradient).toEqual(margins[0].gradient);
    expect(runsFor()).toEqual({ gradient: draws, forward: draws });
  });

  test("an objective's distances are those of the image itself, in either space", async () => {
    const averaged = overTransformations(normalized, transformations, draws);
    expect(averaged.runsFor()).toEqual({ gradient: draws, forward: 1 });
    const layers = normalized.selectLayers(["Relu[:]"]);
    // There and back, so that draws are of the same bits in both spaces.
    const point = denormalizePixels(normalizePixels(smallImages[2].data, normalized.input), normalized.input);
    const found = [];
    for (const space of ["pixels", "network"] as const) {
      const inSpace = (pixels: Float32Array): Float32Array =>
        space === "pixels"
          ? pixels
          : normalizePixels(pixels === point ? smallImages[2].data : pixels, normalized.input);
      const references = await normalized.references({ layers, space });
      const [reference] = await references.run([inSpace(image)]);
      const pass = await averaged.classifier.objective({ layers, space });
      const problem = {
        ...{ reference, classIndex: 1, marginTarget: -2, layerWeights: [0.1, 0.2] },
        distanceWeight: 0,
      };
      const [one] = await pass.run([{ image: inSpace(point), problem }]);
      const plain = await (await normalized.objective({ layers, space })).run([{ image: inSpace(point), problem }]);
      expect(one.layerDistances).toEqual(plain[0].layerDistances);
      // The network sees blue first: channel c of its numbers is channel 2 − c of the pixels.
      const { std } = symmetric;
      const slope = (i: number): number => {
        const channel = 2 - Math.floor(i / 64);
        return one.gradient[64 * channel + (i % 64)] / std[channel];
      };
      found.push({ ...one, gradient: space === "pixels" ? one.gradient : one.gradient.map((_, i) => slope(i)) });
    }
    const [inPixels, inNetwork] = found;
    expect(inNetwork.value).toBeCloseTo(inPixels.value, 3);
    expect(inNetwork.margin).toBeCloseTo(inPixels.margin, 4);
    expect(largestDifference(inNetwork.gradient, inPixels.gradient)).toBeLessThan(2e-3);
    expect(averaged.runsFor()).toEqual({ gradient: draws + 1, forward: 1 });
  });

  test("LPIPS terms, too; what looks at layers of the image drawn is refused", async () => {
    const layers = classifier.selectLayers(["Relu[:]"]);
    const [{ activations }] = await (await classifier.features({ layers: [], further: layers })).run([image]);
    const input = (marginWeight: number, distanceWeight: number) => ({
      ...{ image: smallImages[2].data, features: activations },
      terms: { classIndex: 1, marginWeight, marginFloor: -1e30, distanceWeight, bound: 0 },
    });
    const averaged = await over.lpips({ layers, batch: 3 });
    const [both, margin, distance] = (await averaged.run([input(1, 2), input(1, 0), input(0, 2)])).map((one) => ({
      ...one,
      gradient: one.gradient.slice(),
    }));
    const [plain] = await (await classifier.lpips({ layers })).run([input(0, 2)]);
    expect(largestDifference(distance.gradient, plain.gradient)).toBeLessThan(1e-5);
    expect(both.distance).toBeCloseTo(plain.distance, 5);
    const sum = margin.gradient.map((slope, i) => slope + distance.gradient[i]);
    expect(largestDifference(both.gradient, sum)).toBeLessThan(1e-4);
    await expect(over.backward({ of: "logits", layers })).rejects.toThrow("eot: this attack looks at values of layers");
    await expect(over.backward({ of: "logits", layers, input: false })).rejects.toThrow("eot");
    await expect(over.extended({ extension: { append: () => ({}) } })).rejects.toThrow(
      "eot: this attack looks at a detector",
    );
  });
});

/** Enough of each attack to see that it runs. */
const brief: Readonly<Record<string, object>> = {
  "carlini-wagner": { steps: 5, searchSteps: 2 },
  "pgd-mean": { copies: 2 },
  square: { queries: 20 },
  autoattack: { steps: 4, queries: 10, targetClasses: 2 },
  hopskipjump: { steps: 1, firstDraws: 5 },
  ead: { steps: 6, searchSteps: 2 },
};

test("every attack takes it, or says why not", async () => {
  for (const attack of attacks) {
    const options = { ...brief[attack.name], eot: "noise:0.05,resize-pad,jpeg", eotDraws: 2, eotTrials: 4 };
    try {
      const [{ details, cost }] = await attack.run(classifier, [smallImages[1]], options);
      expect(freshDrawsIn(details)?.trials).toBe(4);
      expect(cost.forward).toBeGreaterThanOrEqual(12);
    } catch (error) {
      expect(String(error)).toContain("eot: this attack looks at");
    }
  }
});

describe("attacks", () => {
  const eot = "noise:0.15";
  const budget = { epsilon: 0.03, steps: 20 } as const;

  test("with it hold under more of the fresh draws, and say how many: those that a count by hand finds", async () => {
    const plain = await apgd.attack(classifier, smallImages, { ...budget, eot, eotDraws: 1, eotTrials: 200 });
    const averaged = await apgd.attack(classifier, smallImages, { ...budget, eot, eotDraws: 16, eotTrials: 200 });
    const share = (results: typeof plain): number =>
      results.reduce((sum, { details }) => sum + (freshDrawsIn(details)?.withinBudget ?? 0), 0);
    expect(share(averaged)).toBeGreaterThan(share(plain));
    const [first] = averaged;
    const drawn = freshDrawsIn(first.details);
    expect(drawn).toMatchObject({ transformations: ["noise:0.15"], trials: 200 });
    expect(first.settings).toMatchObject({ eot: ["noise:0.15"], eotDraws: 16 });
    const { data } = first.rounded.image;
    let fooled = 0;
    for (const draw of drawsFor(of(eot), data, shape, 200, "judgement")) {
      const seen = await (await classifier.forward()).run([draw.apply(data)]);
      if (indexOfLargest(seen[0]) !== first.label) fooled++;
    }
    expect(drawn?.rounded).toBe(fooled / 200);
    expect(drawn?.clean).toBeLessThan(drawn?.withinBudget ?? 0);
    // 21 gradients of 16 draws each, and three times the trials.
    expect(first.cost.gradient).toBe(21 * 16);
    expect(first.cost.forward).toBeGreaterThanOrEqual(600);
  });

  test("are found as each alone, within a mask, and without transformations as before", async () => {
    const options = { epsilon: 0.05, steps: 3, eot: "resize-pad:0.7,jpeg:60", eotDraws: 3, eotTrials: 10, batch: 8 };
    const together = await pgd.attack(classifier, smallImages, options);
    for (const n of [1, 4]) {
      const random = () => createRandom(0, n);
      const alone = await pgd.attack(classifier, smallImages[n], { ...options, random });
      expect(alone.raw.image.data).toEqual(together[n].raw.image.data);
      expect(alone.details).toEqual(together[n].details);
    }
    const mask = floatTensor(
      Float32Array.from({ length: 64 }, (_, i) => Number(i % 8 < 4)),
      [8, 8],
    );
    const held = await pgd.attack(classifier, smallImages[1], { ...options, mask });
    const changed = [...held.raw.image.data].flatMap((x, i) => (x === smallImages[1].data[i] ? [] : [i % 8]));
    expect(Math.max(...changed)).toBe(3);
    const { details, settings } = await pgd.attack(classifier, smallImages[1], { epsilon: 0.05, steps: 3 });
    expect(details).not.toHaveProperty("eot");
    expect(settings).not.toHaveProperty("eot");
  });

  test("the paper's attack counts an evaluation of the image itself for each gradient", async () => {
    const options = { preset: "released", iterations: 5, eot: "noise:0.02", eotDraws: 3, eotTrials: 5 } as const;
    const result = await perceptual.attack(normalized, smallImages[1], options);
    expect(freshDrawsIn(result.details)?.trials).toBe(5);
    expect(result.cost.gradient % 4).toBe(0);
    expect(result.raw.distances.l2).toBeGreaterThan(0);
  });
});
