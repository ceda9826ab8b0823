import { join } from "node:path";
import fc from "fast-check";
import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, test } from "vitest";
import {
  chainNetwork,
  golden,
  picture,
  residualNetwork,
  saliencyFixture,
  type Weights,
} from "../../../test/reference-networks.ts";
import { tinyClassifier, tinyImage } from "../../../test/tiny-classifier.ts";
import { type Classifier, createClassifier } from "../../classifier/classifier.ts";
import { softmax } from "../../classifier/logits.ts";
import { AbortedError } from "../../errors.ts";
import { loadModelFile } from "../../node/models/load-model.ts";
import { readNpy } from "../../node/npy.ts";
import { GraphBuilder } from "../../onnx/builder.ts";
import { numeric } from "../../onnx/numeric-tensor.ts";
import type { OptionSchema } from "../../options/schema.ts";
import { referenceRuntime } from "../../runtime/reference-runtime.ts";
import { modelOf } from "../../runtime/session.ts";
import { type FloatTensor, floatTensor } from "../../tensor/tensor.ts";
import type { ExplainOptions, SaliencyMethod } from "../method.ts";
import { ablationCam } from "./ablation-cam.ts";
import { eigenCam } from "./eigen-cam.ts";
import { gradCamGrid } from "./feature-grid.ts";
import { gradCam } from "./grad-cam.ts";
import { gradCamPlusPlus } from "./grad-cam-plus-plus.ts";
import { hiResCam } from "./hires-cam.ts";
import { layerCam } from "./layer-cam.ts";
import { scoreCam } from "./score-cam.ts";
import { axiomaticWeights, xGradCam } from "./xgrad-cam.ts";

const all: readonly SaliencyMethod[] = [gradCamPlusPlus, hiResCam, layerCam, xGradCam, scoreCam, ablationCam, eigenCam];
const tried = { numRuns: 12 };

const pooled = createClassifier(tinyClassifier(), { runtime: ort, threads: 1 });
/** No biases behind its first ReLU. */
const unbiased = chainNetwork({ ...golden.weights, ...withoutBiases("b2", "b3", "b4") });
const residual = residualNetwork(saliencyFixture<{ readonly residual: Weights }>("references.json").residual);
afterAll(async () => {
  for (const classifier of [pooled, unbiased, residual]) await classifier.dispose();
});

function withoutBiases(...names: readonly string[]): Weights {
  return Object.fromEntries(
    names.map((name) => {
      const { shape } = golden.weights[name];
      return [name, { shape, data: Buffer.alloc(4 * shape[0]).toString("base64") }];
    }),
  );
}

async function mapOf(
  method: SaliencyMethod,
  classifier: Classifier,
  image: FloatTensor,
  options: ExplainOptions<OptionSchema> = {},
): Promise<Float32Array> {
  return (await method.explain(classifier, image, { upsampling: "nearest", ...options })).map.data;
}

/** Σ_k of the method before what is negative is cut off, [H, W]: what speaks for a against b, less what speaks for b against a. */
async function signedMap(
  method: SaliencyMethod,
  classifier: Classifier,
  image: FloatTensor,
  [a, b]: readonly [number, number],
  options: ExplainOptions<OptionSchema> = {},
): Promise<Float32Array> {
  const rising = await mapOf(method, classifier, image, { label: a, target: b, ...options });
  const falling = await mapOf(method, classifier, image, { label: b, target: a, ...options });
  return rising.map((value, i) => value - falling[i]);
}

const sumOf = (values: Float32Array): number => values.reduce((sum, value) => sum + value, 0);

function expectClose(found: Float32Array, wanted: Float32Array, share = 1e-5): void {
  const scale = Math.max(...wanted.map(Math.abs));
  expect(scale).toBeGreaterThan(1e-6);
  expect(Math.max(...found.map((value, i) => Math.abs(value - wanted[i]))) / scale).toBeLessThan(share);
}

/** Two different classes of five. */
const pairs = fc.tuple(fc.nat(4), fc.integer({ min: 1, max: 4 })).map(([a, step]) => [a, (a + step) % 5] as const);
const noise = (seed: number): FloatTensor => {
  const { data } = tinyImage(seed);
  return floatTensor(data.slice(0, picture.data.length), picture.shape);
};

describe("identities", () => {
  test("HiResCAM and XGrad-CAM are Grad-CAM where the gradient is the same at all cells: before a global average pool", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(3), async (seed, label) => {
        const image = tinyImage(seed);
        const [wanted, hiRes, xGrad] = await Promise.all(
          [gradCam, hiResCam, xGradCam].map((method) => mapOf(method, pooled, image, { label })),
        );
        fc.pre(Math.max(...wanted) > 1e-6);
        expectClose(hiRes, wanted);
        expectClose(xGrad, wanted);
      }),
      tried,
    );
  });

  test("they are not where it is not", async () => {
    const [wanted, hiRes, xGrad] = await Promise.all(
      [gradCam, hiResCam, xGradCam].map((method) => mapOf(method, unbiased, picture, { label: 2 })),
    );
    expect(Math.max(...hiRes.map((value, i) => Math.abs(value - wanted[i])))).toBeGreaterThan(1e-3);
    expect(Math.max(...xGrad.map((value, i) => Math.abs(value - wanted[i])))).toBeGreaterThan(1e-3);
  });

  test.each(["Relu[0]", "Relu[1]", "Relu[2]"])(
    "conservation at %s: without biases behind it, HiResCAM and XGrad-CAM add up to the score",
    async (layer) => {
      const perCell = layer === "Relu[0]" ? 1 : 4;
      await fc.assert(
        fc.asyncProperty(fc.nat(), pairs, async (seed, [a, b]) => {
          const image = noise(seed);
          const { logits } = await unbiased.classify(image);
          for (const method of [hiResCam, xGradCam]) {
            const total = sumOf(await signedMap(method, unbiased, image, [a, b], { layer })) / perCell;
            expect(total).toBeCloseTo(logits[a] - logits[b], 4);
          }
        }),
        tried,
      );
    },
  );

  test("sensitivity: where what comes behind is linear, a channel's part in XGrad-CAM is what the score loses without it", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), fc.nat(4), fc.nat(7), async (start, label, channel) => {
        const image = noise(start);
        const grid = gradCamGrid("test", unbiased, null);
        const pass = await unbiased.backward({ of: "logits", layers: [grid.layer], input: false });
        const seed = new Float32Array(5).fill(1, label, label + 1);
        const [{ activations, cotangents, logits }] = await pass.run([{ image: image.data, seed }]);
        const [values] = activations;
        const weights = axiomaticWeights(grid, { activations: values, cotangents: cotangents[0] });
        const tail = await unbiased.tail({ layer: grid.layer });
        const isLost = (i: number): boolean => Math.floor(i / 64) === channel;
        const rest = values.map((value, i) => (isLost(i) ? 0 : value));
        const [without] = await tail.run([{ image: image.data, values: rest }]);
        const part = values.reduce((sum, value, i) => sum + (isLost(i) ? weights[channel] * value : 0), 0);
        expect(part).toBeCloseTo(logits[label] - without[label], 4);
      }),
      tried,
    );
  });

  test("LayerCAM is not below HiResCAM behind a ReLU, and what it says for and against differs by HiResCAM", async () => {
    await fc.assert(
      fc.asyncProperty(fc.nat(), pairs, async (seed, [a, b]) => {
        const image = noise(seed);
        const layer = await mapOf(layerCam, unbiased, image, { label: a, target: b });
        const hiRes = await mapOf(hiResCam, unbiased, image, { label: a, target: b });
        expect(layer.every((value, i) => value >= hiRes[i] - 1e-6)).toBe(true);
        const pair = [a, b] as const;
        expectClose(await signedMap(layerCam, unbiased, image, pair), await signedMap(hiResCam, unbiased, image, pair));
      }),
      tried,
    );
  });

  test("Ablation-CAM before a linear end: each channel by Σ g A, the numerator of XGrad-CAM's weight", async () => {
    // One channel of two cells, weights 3 and −1: what is lost without it is the whole score.
    const g = new GraphBuilder();
    const image = g.input("image", "float32", [1, 1, 1, 2]);
    const relu = g.op("Relu", [g.op("Conv", [image, g.constant(floatTensor([1], [1, 1, 1, 1]), "w")])]);
    const flat = g.op("Flatten", [relu]);
    g.output(g.op("Gemm", [flat, g.constant(floatTensor([3, 0, -1, 1], [2, 2]), "v")]), "logits");
    const classifier = createClassifier(modelOf(g.toGraph()), { runtime: referenceRuntime, preprocessing: "unit" });
    const [x, y] = [0.5, 0.25];
    const score = 3 * x - y;
    const { map } = await ablationCam.explain(classifier, floatTensor([x, y], [1, 1, 2]), { label: 0 });
    expect([...map.data]).toEqual([expect.closeTo(score * x, 6), expect.closeTo(score * y, 6)]);
    const weight = score / (x + y);
    const { map: xGrad } = await xGradCam.explain(classifier, floatTensor([x, y], [1, 1, 2]), { label: 0 });
    expect([...xGrad.data]).toEqual([expect.closeTo(weight * x, 6), expect.closeTo(weight * y, 6)]);
    // g = 3 and −1, Σ A = 0.75: w = 3 / (2 + 3 · 0.75).
    const { map: plusPlus } = await gradCamPlusPlus.explain(classifier, floatTensor([x, y], [1, 1, 2]), { label: 0 });
    const w = 3 / (2 + 3 * (x + y));
    expect([...plusPlus.data]).toEqual([expect.closeTo(w * x, 6), expect.closeTo(w * y, 6)]);
    // The score of class 1 is y alone: without the channel it falls by y.
    const other = await ablationCam.explain(classifier, floatTensor([x, y], [1, 1, 2]), { label: 1 });
    expect([...other.map.data]).toEqual([expect.closeTo(y * x, 6), expect.closeTo(y * y, 6)]);
  });
});

describe("Score-CAM", () => {
  test("the softmax of scores: adds up to 1, keeps their order, and what is added to all does not matter", () => {
    // Quarters, so that what differs differs by more than rounding.
    const quarters = fc.integer({ min: -4000, max: 4000 }).map((n) => n / 4);
    const scores = fc.array(quarters, { minLength: 1, maxLength: 50 });
    fc.assert(
      fc.property(scores, quarters, (given, shift) => {
        const weights = [...softmax(given)];
        expect(weights.reduce((sum, weight) => sum + weight, 0)).toBeCloseTo(1, 12);
        expect(weights.every((weight) => weight >= 0 && weight <= 1)).toBe(true);
        expect(weights.indexOf(Math.max(...weights))).toBe(given.indexOf(Math.max(...given)));
        expect([...softmax(given.map((score) => score + shift))]).toEqual(weights.map((w) => expect.closeTo(w, 9)));
      }),
    );
  });

  test("the map is a mean of the channels: nowhere above the greatest of them, and of one channel that channel", async () => {
    const [layer] = unbiased.selectLayers(["Relu[2]"]);
    const pass = await unbiased.features({ layers: [], further: [layer] });
    const [{ activations }] = await pass.run([picture.data]);
    const [values] = activations;
    const map = await mapOf(scoreCam, unbiased, picture, { label: 1 });
    const cellOf = (i: number): number => Math.floor(Math.floor(i / 16) / 2) * 8 + Math.floor((i % 16) / 2);
    const channel = (k: number, i: number): number => values[k * 64 + cellOf(i)];
    const channels = [...new Uint8Array(8).keys()];
    expect(map.every((value, i) => value <= Math.max(...channels.map((k) => channel(k, i))) + 1e-6)).toBe(true);
    expect(Math.max(...map)).toBeGreaterThan(0);
    const variances = channels.map((k) => {
      const own = values.subarray(k * 64, (k + 1) * 64);
      const mean = sumOf(own) / 64;
      return own.reduce((sum, value) => sum + (value - mean) ** 2, 0);
    });
    const most = variances.indexOf(Math.max(...variances));
    const one = await mapOf(scoreCam, unbiased, picture, { label: 1, channels: 1 });
    expectClose(
      one,
      map.map((_, i) => channel(most, i)),
    );
  });

  test("preset authors: each channel by the probability of the class on what it shows", async () => {
    // One channel, x itself: stretched, it hides the left pixel.
    const g = new GraphBuilder();
    const image = g.input("image", "float32", [1, 1, 1, 2]);
    const relu = g.op("Relu", [g.op("Conv", [image, g.constant(floatTensor([1], [1, 1, 1, 1]), "w")])]);
    const gemm = g.op("Gemm", [g.op("Flatten", [relu]), g.constant(floatTensor([3, 0, -1, 1], [2, 2]), "v")]);
    g.output(gemm, "logits");
    const classifier = createClassifier(modelOf(g.toGraph()), { runtime: referenceRuntime, preprocessing: "unit" });
    const input = floatTensor([0.5, 1], [1, 1, 2]);
    const { map, settings } = await scoreCam.explain(classifier, input, { label: 1, preset: "authors" });
    // Seen: 0 and 1, logits −1 and 1.
    const probability = 1 / (1 + Math.exp(-2));
    expect([...map.data]).toEqual([expect.closeTo(probability * 0.5, 6), expect.closeTo(probability, 6)]);
    expect(settings).toMatchObject({ preset: "authors", score: "probability", weights: "score" });
    const { map: paper } = await scoreCam.explain(classifier, input, { label: 1 });
    expect([...paper.data]).toEqual([0.5, 1]);
  });
});

describe("runs", () => {
  test.each(all.map((method) => [method.name, method] as const))(
    "%s costs what it says, and progress ends with all",
    async (_, method) => {
      const seen: number[] = [];
      const given = { label: 1, onProgress: ({ done, of }: { done: number; of: number }) => void seen.push(done / of) };
      const { evaluations, details } = await method.explain(residual, picture, given);
      expect(evaluations).toEqual(method.costOf(residual, { label: 1 }));
      expect(details).toMatchObject({ grid: [8, 8] });
      if (evaluations.forward > 1) expect(seen.at(-1)).toBe(1);
      expect([...seen].sort((a, b) => a - b)).toEqual(seen);
    },
  );

  test.each([scoreCam, ablationCam])(
    "$name: a run for each channel and one for the layer; fewer channels, fewer runs",
    async (method) => {
      expect(method.costOf(residual, { label: 1 })).toEqual({ forward: 9, gradient: 0 });
      expect(method.costOf(residual)).toEqual({ forward: 10, gradient: 0 });
      expect(method.costOf(residual, { label: 1, channels: 3 })).toEqual({ forward: 4, gradient: 0 });
      expect(method.costOf(residual, { label: 1, channels: 300 })).toEqual({ forward: 9, gradient: 0 });
      const { evaluations } = await method.explain(residual, picture, { label: 1, channels: 3 });
      expect(evaluations.forward).toBe(4);
    },
  );

  test.each([scoreCam, ablationCam])("$name: the batch changes nothing, and a signal ends it", async (method) => {
    const { map } = await method.explain(residual, picture, { label: 1, batch: 1 });
    const { map: batched } = await method.explain(residual, picture, { label: 1, batch: 3 });
    expectClose(batched.data, map.data);
    const controller = new AbortController();
    const options = { label: 1, batch: 2, signal: controller.signal, onProgress: () => controller.abort() };
    await expect(method.explain(residual, picture, options)).rejects.toThrow(AbortedError);
  });

  test("several images in one run give the maps of each", async () => {
    const images = [picture, noise(3), noise(4)];
    for (const method of all) {
      const maps = await method.explain(residual, images, { label: 1, batch: 3 });
      for (const [n, { map }] of maps.entries()) {
        const { map: alone } = await method.explain(residual, images[n], { label: 1 });
        expectClose(map.data, alone.data);
      }
    }
  });

  test("Eigen-CAM does not depend on the class, and refuses a target", async () => {
    const [first, second] = await Promise.all([0, 4].map((label) => mapOf(eigenCam, residual, picture, { label })));
    expect([...first]).toEqual([...second]);
    await expect(eigenCam.explain(residual, picture, { label: 0, target: 1 })).rejects.toThrow(
      /does not depend on the class/,
    );
  });
});

describe("networks of convolutions, channels last, windows and tokens", () => {
  const fixtures = join(import.meta.dirname, "../../../conformance/fixtures");
  const pixels = { scale: 1, mean: [0, 0, 0], std: [1, 1, 1], channels: "rgb" } as const;

  test.each(["convnext", "maxvit", "residual", "swin", "transformer-opset-17"])("%s", async (name) => {
    const { model } = loadModelFile(join(fixtures, name, "model.onnx"));
    const input = await readNpy(join(fixtures, name, "input.npy"));
    const [, ...shape] = input.shape;
    const [channels, height, width] = shape;
    const inputSize = [height, width] as const;
    const classifier = createClassifier(model, { runtime: ort, preprocessing: pixels, inputSize });
    const image = floatTensor(Float32Array.from(numeric(input).data.slice(0, channels * height * width)), shape);
    for (const method of all) {
      const options = { label: 0, ...("channels" in method.settings ? { channels: 5 } : {}) };
      const { map, details } = await method.explain(classifier, image, options);
      expect(map.shape).toEqual([height, width]);
      expect(map.data.every((value) => value >= 0 && Number.isFinite(value))).toBe(true);
      expect(details?.grid).toEqual((await gradCam.explain(classifier, image, { label: 0 })).details?.grid);
    }
    // A layer's own values in its place change nothing, and XGrad-CAM has HiResCAM's sum.
    const { details } = await gradCam.explain(classifier, image, { label: 0 });
    const [layer] = classifier.layers.filter(({ index }) => String(details?.layer).startsWith(`${index} `));
    const features = await classifier.features({ layers: [], further: [layer] });
    const [{ activations, logits }] = await features.run([image.data]);
    const tail = await classifier.tail({ layer });
    const [again] = await tail.run([{ image: image.data, values: activations[0] }]);
    expect([...again]).toEqual([...logits].map((logit) => expect.closeTo(logit, 4)));
    const [hiRes, xGrad] = [
      await signedMap(hiResCam, classifier, image, [0, 1]),
      await signedMap(xGradCam, classifier, image, [0, 1]),
    ];
    const scale = xGrad.reduce((sum, value) => sum + Math.abs(value), 0);
    expect(Math.abs(sumOf(hiRes) - sumOf(xGrad)) / scale).toBeLessThan(1e-4);
    await classifier.dispose();
  });

  test("a layer that the logits see the image beside: the rest of the way is computed of the image", async () => {
    // Behind the branch of the sum, which the other branch goes around.
    const layer = residual.layers.filter(({ operator }) => operator === "Relu")[2];
    const features = await residual.features({ layers: [], further: [layer] });
    const [{ activations, logits }] = await features.run([picture.data]);
    const tail = await residual.tail({ layer, batch: 2 });
    const nothing = activations[0].map(() => 0);
    const rows = [activations[0], nothing].map((values) => ({ image: picture.data, values }));
    const [same, without] = await tail.run(rows);
    expect([...same]).toEqual([...logits].map((logit) => expect.closeTo(logit, 5)));
    expect(Math.max(...without.map((value, j) => Math.abs(value - logits[j])))).toBeGreaterThan(1e-3);
    // It depends on the image besides.
    const [other] = await tail.run([{ image: noise(1).data, values: nothing }]);
    expect(Math.max(...other.map((value, j) => Math.abs(value - without[j])))).toBeGreaterThan(1e-4);
  });
});
