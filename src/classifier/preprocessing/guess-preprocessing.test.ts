import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { given } from "../../../test/given.ts";
import { realData, realDataTitle, realModels } from "../../../test/real-data.ts";
import { blur } from "../../image/gaussian-blur.ts";
import { applyGeometry } from "../../image/geometry.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { GraphBuilder } from "../../onnx/builder.ts";
import { readModel } from "../../onnx/file/read-model.ts";
import type { Model } from "../../onnx/model.ts";
import { parseModel } from "../../onnx/text/parse.ts";
import { normal } from "../../random/distributions.ts";
import { createRandom } from "../../random/random.ts";
import { referenceRuntime } from "../../runtime/reference-runtime.ts";
import type { Runtime, RuntimeSession } from "../../runtime/runtime.ts";
import { modelOf } from "../../runtime/session.ts";
import { renderScene } from "../../scenes/scenes.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { createClassifier } from "../classifier.ts";
import { nameOf, usualGeometry } from "./guess-preprocessing.ts";
import {
  affineOf,
  type NormalizationName,
  normalizationForChannels,
  normalizations,
  normalizePixels,
} from "./preprocessing.ts";
import { probePreprocessing } from "./probed/probe-preprocessing.ts";

const names = ["imagenet", "unit", "symmetric", "caffe", "bytes"] as const;
const scenes = Array.from({ length: 24 }, (_, index) => renderScene({ seed: 11, index, size: 32 }).image);

/**
 * Pictures with the statistics of photographs: smooth at several scales, channels that mostly agree, mean and spread as usual.
 * (Scenes are lighter and more colorful than photographs are.)
 */
const photographs = Array.from({ length: 24 }, (_, index) => {
  const random = createRandom(21, index);
  const smooth = (sigmaPixels: number, weight: number): Float32Array => {
    const noise = Float32Array.from({ length: 1024 }, () => normal(random));
    const { data } = blur(floatTensor(noise, [32, 32]), { sigmaPixels });
    const deviation = Math.sqrt(data.reduce((sum, value) => sum + value * value, 0) / 1024);
    return data.map((value) => (weight * value) / deviation);
  };
  const field = (weight: number) => {
    const parts = [smooth(1, 0.4 * weight), smooth(3, 0.6 * weight), smooth(8, 0.7 * weight)];
    return Float32Array.from({ length: 1024 }, (_, i) => parts.reduce((sum, part) => sum + part[i], 0));
  };
  const luma = field(0.24);
  const channels = [0.46, 0.44, 0.4].map((mean) => field(0.06).map((chroma, i) => mean + luma[i] + chroma));
  return floatTensor(Float32Array.from(channels.flatMap((channel) => [...channel])), [3, 32, 32]);
});

/** A network whose BatchNormalization has the statistics that the photographs, or these in gray, give under `name`. */
function trainedUnder(name: NormalizationName, { producerName = "pytorch", channels = 3, size = 32 } = {}): Model {
  const random = createRandom(3);
  const weights = Float32Array.from({ length: 12 * 9 * channels }, () => normal(random, 0, 0.2));
  const normalization = { ...normalizationForChannels(normalizations[name], channels), layout: "nchw" } as const;
  const gray = (data: Float32Array) => data.slice(0, 1024).map((red, i) => (red + data[1024 + i] + data[2048 + i]) / 3);
  const normalized = photographs.map(({ data }) => normalizePixels(channels === 1 ? gray(data) : data, normalization));
  const sums = Array.from({ length: 12 }, () => [0, 0, 0]);
  for (const u of normalized) {
    for (let o = 0; o < 12; o++) {
      for (let y = 1; y < 31; y += 3) {
        for (let x = 1; x < 31; x += 3) {
          let value = 0;
          for (let c = 0; c < channels; c++) {
            for (let k = 0; k < 9; k++) {
              const at = c * 1024 + (y + Math.floor(k / 3) - 1) * 32 + x + (k % 3) - 1;
              value += weights[(o * channels + c) * 9 + k] * u[at];
            }
          }
          sums[o][0]++;
          sums[o][1] += value;
          sums[o][2] += value * value;
        }
      }
    }
  }
  const mean = sums.map(([n, sum]) => sum / n);
  const variance = sums.map(([n, sum, squares]) => squares / n - (sum / n) ** 2);
  const g = new GraphBuilder();
  const vector = (values: readonly number[]) => g.constant(floatTensor(values, [12]));
  const image = g.input("x", "float32", [1, channels, size, size]);
  const filters = g.constant(floatTensor(weights, [12, channels, 3, 3]), "w");
  const conv = g.op("Conv", [image, filters], { pads: [1, 1, 1, 1] });
  const ones = Array(12).fill(1);
  const statistics = [vector(ones), vector(Array(12).fill(0)), vector(mean), vector(variance)];
  const relu = g.op("Relu", [g.op("BatchNormalization", [conv, ...statistics])]);
  g.output(g.op("Flatten", [g.op("GlobalAveragePool", [relu])]), "logits");
  return modelOf(g.toGraph(), { producerName });
}

test.each(names)("told from the first BatchNormalization: %s", (name) => {
  const { guess } = createClassifier(trainedUnder(name), { runtime: referenceRuntime });
  expect(guess.name).toBe(name);
  expect(guess.isUncertain).toBe(false);
  // They tell red from blue only where the normalization that fits has blue first.
  expect(guess.hasKnownChannels).toBe(name === "caffe");
  expect(guess.reason).toMatch(/^the statistics of the first BatchNormalization fit/);
});

test.each(["imagenet", "unit", "symmetric", "bytes"] as const)("the same of one channel: %s", (name) => {
  const of = (size: number) =>
    createClassifier(trainedUnder(name, { channels: 1, size }), { runtime: referenceRuntime });
  expect(of(64).guess).toMatchObject({ name, isUncertain: false, range: name === "bytes" ? "bytes" : "unit" });
  // Digits are no photographs; the range of their pixels is told all the same.
  expect(of(28).guess).toMatchObject({ name: name === "bytes" ? "bytes" : "unit", isUncertain: true });
});

test("a given range that the first BatchNormalization has not seen is a warning", () => {
  const { guess } = createClassifier(trainedUnder("unit"), { runtime: referenceRuntime, preprocessing: "bytes" });
  expect(guess.warnings?.map(({ code }) => code)).toEqual(["pixels-of-another-range"]);
});

describe("preprocessing within the model", () => {
  test.each([
    ["bytes", "uint8[1,3,8,8] x", "n = Cast <to = 1> (x)", "the model takes bytes"],
    ["bytes", "float[1,3,8,8] x", "n = Div (x, large)", "it begins with Div"],
    ["bytes", "float[1,8,8,3] x", "t = Transpose <perm = [0, 3, 1, 2]> (x)  n = Mul (t, small)", "it begins with Mul"],
    ["unit", "float[1,3,8,8] x", "h = Cast <to = 10> (x)  n = Sub (h, half)", "it begins with Sub"],
  ])("%s of %s: %s", (name, input, body, reason) => {
    const model = parseModel(`<ir_version: 7, opset_import: ["": 13]> g (${input}) => (float[1,3] y)
      <float large = {255}, float small = {0.0039}, float half = {0.5}> { ${body}  a = GlobalAveragePool (n)  y = Flatten (a) }`);
    const { guess } = createClassifier(model, { runtime: referenceRuntime });
    expect(guess).toMatchObject({ name, isUncertain: false, reason: expect.stringContaining(reason) });
  });
});

describe("pixels in one row that the model lays out", () => {
  const shapes =
    "int64[4] planes = {-1, 3, 8, 8}, int64[4] gray = {-1, 8, 8, 1}, int64[4] plane = {-1, 1, 8, 8}, float byte = {255}, float half = {0.5}";
  const norm = "float[3,1,1] mean = {0.485, 0.456, 0.406}, float[3,1,1] std = {0.229, 0.224, 0.225}";
  const end = "a = ReduceMean <axes = [2, 3], keepdims = 0> (n) y = Pad (a, more)";
  test.each([
    ["unit", "float[N,192] x", "r = Reshape (x, planes) c = Sub (r, mean) n = Div (c, std)"],
    ["bytes", "float[N,192] x", "d = Div (x, byte) r = Reshape (d, planes) c = Sub (r, mean) n = Div (c, std)"],
    ["bytes", "float[N,64] x", "d = Div (x, byte) r = Reshape (d, gray) n = Sub (r, half)"],
    ["unit", "float[N,64] x", "d = Sub (x, half) r = Reshape (d, gray) n = Div (r, half)"],
    ["bytes", "float[N,64] x", "r = Reshape (x, plane) n = Div (r, byte)"],
    ["bytes", "float[N,8,8] x", "r = Reshape (x, plane) n = Div (r, byte)"],
  ])("%s of %s: %s", (name, input, body) => {
    const text = `<ir_version: 8, opset_import: ["": 13]> g (${input}) => (float[N,9] y) <${shapes}, ${norm}, int64[4] more = {0, 0, 0, 1}> { ${body} ${end} }`;
    const { guess } = createClassifier(parseModel(text), { runtime: referenceRuntime });
    expect(guess).toMatchObject({
      name,
      isUncertain: false,
      reason: expect.stringContaining("normalizes its input itself"),
      geometryReason: "usual for this size",
    });
  });
});

describe("pictures and parts of them beside each other within the model", () => {
  const norm =
    "float[3,1,1] mean = {0.485, 0.456, 0.406}, float[3,1,1] std = {0.229, 0.224, 0.225}, int64[1] left = {-1}, int64[1] all = {-1000}, int64[1] wide = {3}, int64[1] back = {-1}, int64[2] from = {16, 16}, int64[2] to = {240, 240}, int64[2] corner = {224, 224}, int64[2] zero = {0, 0}, int64[2] sides = {2, 3}, int64[2] twos = {2, 2}, int64[2] all2 = {256, 256}";
  const guessOf = (body: string, size = 224) => {
    const text = `<ir_version: 8, opset_import: ["": 13]> g (float[1,3,${size},${size}] x) => (float[1,3] y) <${norm}> { ${body} c = Sub (b, mean) n = Div (c, std) a = GlobalAveragePool (n) m = ReduceMean <axes = [0], keepdims = 1> (a) y = Flatten (m) }`;
    const { guess, input } = createClassifier(parseModel(text), { runtime: referenceRuntime });
    return { ...guess, geometry: input.geometry };
  };
  const shorter = { resize: { kind: "shorter", size: 256 }, crop: { width: 256, height: 256 } };

  test("a picture and its mirror image", () => {
    const guess = guessOf("f = Slice (x, left, all, wide, back) b = Concat <axis = 0> (x, f)");
    expect(guess).toMatchObject({ name: "unit", isUncertain: false, geometryReason: "usual for classes of one's own" });
  });

  test("a crop is not cropped before", () => {
    const guess = guessOf("b = Slice (x, from, to, sides)", 256);
    expect(guess).toMatchObject({ name: "unit", isUncertain: false, geometry: shorter });
    expect(guess.geometryReason).toBe("the model cuts 224x224 out of its pictures itself");
  });

  test("every second pixel is no crop", () => {
    const { geometryReason } = guessOf("b = Slice (x, zero, all2, sides, twos)", 256);
    expect(geometryReason).toBe("usual for classes of one's own");
  });

  test("several crops", () => {
    const guess = guessOf(
      "p = Slice (x, from, to, sides) q = Slice (x, zero, corner, sides) b = Concat <axis = 0> (p, q)",
      256,
    );
    expect(guess).toMatchObject({ name: "unit", isUncertain: false, geometry: shorter });
  });
});

test("what is given is not guessed, and what the metadata says is believed", () => {
  const model = trainedUnder("unit");
  const given = createClassifier(model, { runtime: referenceRuntime, preprocessing: "caffe" }).guess;
  expect(given).toMatchObject({ name: "caffe", reason: "as given", isUncertain: false });
  const metadata = new Map([["preprocessing", JSON.stringify({ scale: "symmetric", size: 32 })]]);
  const embedded = createClassifier({ ...model, metadata }, { runtime: referenceRuntime }).guess;
  expect(embedded).toMatchObject({ name: "symmetric", reason: "the model's own metadata", isUncertain: false });
});

test("ImageNet's networks get the middle of pictures, people's own classes all of them", () => {
  const whole = (interpolation: string) => ({ resize: { kind: "exact" }, interpolation });
  expect(usualGeometry(224, 224, 1000)).toMatchObject({ resize: { kind: "shorter", size: 256 } });
  expect(usualGeometry(299, 299, 1001)).toMatchObject({ resize: { kind: "shorter", size: 342 } });
  expect(usualGeometry(224, 224, 38)).toMatchObject(whole("bilinear"));
  expect(usualGeometry(224, 192, 1000)).toMatchObject(whole("bicubic"));
  expect(usualGeometry(32, 32, 10)).toMatchObject(whole("bicubic"));
});

test("a normalization has its name in whatever scale it is written", () => {
  const half = { scale: 1, channels: "rgb", layout: "nchw", mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] } as const;
  expect(affineOf(half)).toEqual({ factor: [2, 2, 2], offset: [-1, -1, -1] });
  expect(nameOf(half)).toBe("symmetric");
  expect(nameOf({ ...half, scale: 255, mean: [0, 0, 0], std: [255, 255, 255] })).toBe("unit");
  expect(nameOf({ ...half, channels: "bgr" })).toBeUndefined();
});

describe("probing", () => {
  /** Logits that grow with how near the mean of each third of the picture's columns is to what `name` gives. */
  const confidentUnder = (name: NormalizationName): Model => {
    const { factor, offset } = affineOf({ ...normalizations[name], layout: "nchw" });
    const g = new GraphBuilder();
    const image = g.input("x", "float32", [1, 3, 32, 32]);
    const pooled = g.op("Flatten", [g.op("GlobalAveragePool", [image])]);
    const back = g.op("Div", [
      g.op("Sub", [pooled, g.constant(floatTensor(offset, [1, 3]))]),
      g.constant(floatTensor(factor, [1, 3])),
    ]);
    const off = g.op("Sub", [back, g.scalar(0.45)]);
    const nearness = g.op("Sub", [g.scalar(6), g.op("Mul", [g.op("Abs", [off]), g.scalar(12)])]);
    const zeros = g.constant(floatTensor([0, 0, 0, 0, 0, 0], [1, 6]));
    g.output(g.op("Concat", [nearness, zeros], { axis: 1 }), "logits");
    return modelOf(g.toGraph(), { producerName: "pytorch" });
  };
  const probe = async (model: Model, images: readonly ImageTensor[]) => {
    const classifier = createClassifier(model, { runtime: referenceRuntime });
    const progress: number[] = [];
    const guess = await probePreprocessing(classifier, images, {
      runtime: referenceRuntime,
      onProgress: ({ runs, of }) => progress.push(runs / of),
    });
    expect(progress.at(-1)).toBe(1);
    return { before: classifier.guess, guess };
  };

  test("many pictures overrule a guess from nothing", async () => {
    const { before, guess } = await probe(confidentUnder("symmetric"), scenes.slice(0, 8));
    expect(before).toMatchObject({ name: "imagenet", isUncertain: true });
    expect(guess.name).toBe("symmetric");
    expect(guess.preprocessing).toMatchObject({ scale: "symmetric", mean: [0, 0, 0], std: [1, 1, 1], layout: "nchw" });
    expect(guess.reason).toMatch(/^mean confidence on 8 pictures: symmetric /);
  });

  test("a right guess is confirmed", async () => {
    const { before, guess } = await probe(confidentUnder("imagenet"), scenes.slice(0, 1));
    expect(guess).toEqual({ ...before, reason: expect.stringContaining("; mean confidence on 1 picture: imagenet ") });
  });

  test("0 … 255 where a network cannot tell the pictures apart otherwise", async () => {
    const { guess } = await probe(confidentUnder("bytes"), scenes.slice(0, 3));
    expect(guess.name).toBe("bytes");
    // One that looks at differences of hundreds only: the same label for whatever is within a few units of zero.
    const g = new GraphBuilder();
    const image = g.input("x", "float32", [1, 3, 32, 32]);
    const pooled = g.op("Flatten", [g.op("GlobalAveragePool", [image])]);
    g.output(
      g.op("Mul", [g.op("Sub", [pooled, g.constant(floatTensor([90, 110, 100], [1, 3]))]), g.scalar(0.05)]),
      "logits",
    );
    const bytes = await probe(modelOf(g.toGraph(), { producerName: "pytorch" }), scenes.slice(0, 5));
    expect(["caffe", "bytes"]).toContain(bytes.guess.name);
  });
});

describe("probing further", () => {
  /** One dense layer on the mean of each channel: logits [2] or so of u [3]. */
  const dense = (
    weights: readonly (readonly number[])[],
    bias: readonly number[],
    { before = "", after = "y = Identity (z)", more = "", producer = "pytorch" } = {},
  ): Model =>
    parseModel(`<ir_version: 8, opset_import: ["": 13], producer_name: "${producer}"> g (float[1,3,32,32] x) => (float[1,${bias.length}] y)
      <float[${bias.length},3] w = {${weights.flat().join(", ")}}, float[${bias.length}] b = {${bias.join(", ")}}${more}>
      { ${before || "n = Identity (x)"} a = GlobalAveragePool (n) f = Flatten (a) z = Gemm <transB = 1> (f, w, b) ${after} }`);
  const flat = (value: number): ImageTensor => floatTensor(new Float32Array(3 * 32 * 32).fill(value), [3, 32, 32]);
  const red = floatTensor(
    Float32Array.from({ length: 3 * 32 * 32 }, (_, i) => [0.8, 0.25, 0.2][Math.floor(i / 1024)] ?? 0),
    [3, 32, 32],
  );
  async function probe(
    model: Model,
    images: readonly ImageTensor[],
    options: {
      readonly labels?: readonly number[];
      readonly head?: "value" | "softmax";
      readonly preprocessing?: NormalizationName;
    } = {},
  ) {
    const { labels, ...rest } = options;
    let runs = 0;
    const counting: Runtime = {
      ...referenceRuntime,
      InferenceSession: {
        async create(bytes: Uint8Array) {
          const session = (await referenceRuntime.InferenceSession.create(bytes)) as RuntimeSession;
          const run = session.run.bind(session);
          return {
            ...session,
            run(...given: Parameters<typeof run>) {
              runs++;
              return run(...given);
            },
          };
        },
      },
    };
    const classifier = createClassifier(model, { runtime: referenceRuntime, ...rest });
    const guess = await probePreprocessing(classifier, images, { runtime: counting, ...(labels && { labels }) });
    return {
      guess,
      runs,
      codes: (guess.warnings ?? []).map(({ code }) => code),
      message: guess.warnings?.[0]?.message,
    };
  }
  /** Weights of classes for red, green and blue: `own` for the class's color, `other` for the two others. */
  const colorRows = (own: number, other: number): readonly (readonly number[])[] =>
    [0, 1, 2].map((row) => [0, 1, 2].map((color) => (color === row ? own : other)));
  /** Dark or bright by the mean of the pixels in 0 … 255. */
  const brightness = dense(
    [
      [-0.02, -0.02, -0.02],
      [0.02, 0.02, 0.02],
    ],
    [7.65, -7.65],
  );

  describe("of one channel", () => {
    /** Whether the light is on the left or on the right: logits ±gain · (left − right), damped by `damp` (of u [1, 1, 28, 28], and one: o). */
    const sides = (gain: number, { damp = "k = Identity (o)", producer = "pytorch", more = "" } = {}): Model =>
      parseModel(`<ir_version: 8, opset_import: ["": 13], producer_name: "${producer}"> g (float[1,1,28,28] x) => (float[1,2] y)
        <float[2,2] w = {${gain}, -${gain}, -${gain}, ${gain}}, float[1] o = {1}, float h = {2}${more}>
        { p = AveragePool <kernel_shape = [28, 14], strides = [28, 14]> (x) f = Flatten (p) z = MatMul (f, w) ${damp} y = Mul (z, k) }`);
    /** A light stroke on the left (class 0) or on the right, on dark ground; or its negative. */
    const stroke = (label: number, isNegative = false): ImageTensor => {
      const isLight = (i: number): boolean => Math.floor((i % 28) / 14) === label && Math.floor(i / 28) % 4 === 0;
      const data = Float32Array.from({ length: 784 }, (_, i) => (isLight(i) !== isNegative ? 0.8 : 0));
      return floatTensor(data, [1, 28, 28]);
    };
    const labels = [0, 1, 0, 1, 1, 0, 1, 0, 0, 1];
    const strokes = labels.map((label) => stroke(label));

    test("contrast makes every network surer, and is no evidence", async () => {
      for (const producer of ["pytorch", "tf2onnx", "CNTK"]) {
        const { guess } = await probe(sides(10, { producer }), strokes);
        expect(guess.name).toBe("unit");
        expect(guess.reason).toMatch(/^usual for small networks.*8 pictures, less what contrast adds: unit 0\.\d\d, /);
      }
    });

    test("the gray that a network takes for the ground is", async () => {
      const damp =
        "n = Neg (x) e = GlobalMaxPool (n) d = Sub (e, o) a = Abs (d) t = Mul (a, h) r = Sub (o, t) c = Relu (r) k = Flatten (c)";
      const { guess, codes } = await probe(sides(4, { damp }), strokes, { head: "softmax" });
      expect(guess).toMatchObject({ name: "symmetric", preprocessing: { mean: [0], std: [1], scale: "symmetric" } });
      expect(codes).toEqual([]);
    });

    test("a network that is surer of the negatives is said to be, under given numbers too", async () => {
      const damp = "e = GlobalAveragePool (x) t = Mul (e, h) r = Sub (o, t) c = Relu (r) k = Flatten (c)";
      const network = sides(30, { damp });
      const given = { preprocessing: "unit", head: "softmax" } as const;
      const right = await probe(network, strokes, given);
      expect(right.codes).toEqual([]);
      const light = labels.map((label) => stroke(label, true));
      const wrong = await probe(network, light, given);
      expect(wrong.codes).toEqual(["surer-of-negatives"]);
      expect(wrong.message).toMatch(
        /^the network is surer of the pictures' negatives \(\d\.\d\d\) than of the pictures themselves/,
      );
      const known = await probe(network, light, { ...given, labels });
      expect(known.message).toMatch(/surer of the right class of the pictures' negatives/);
      // The other way round, where the right class is another one.
      expect((await probe(network, light, { ...given, labels: labels.map((label) => 1 - label) })).codes).toEqual([]);
    });
  });

  test("one picture tells 0 … 255 where a network says the same of its negative and of noise, and the doubt is said", async () => {
    const { guess, codes } = await probe(brightness, [flat(0.85)]);
    expect(["bytes", "caffe"]).toContain(guess.name);
    expect(codes).toEqual(["preprocessing-decides-label"]);
  });

  test("known classes decide, whatever the network is sure of", async () => {
    const images = [flat(0.85), flat(0.1), flat(0.7)];
    const { guess } = await probe(brightness, images, { labels: [1, 0, 1] });
    expect(["bytes", "caffe"]).toContain(guess.name);
  });

  test.each([
    ["pytorch", "imagenet"],
    ["tf2onnx", "unit"],
  ])(
    "of few classes: what contrast alone adds is no evidence, and is no certainty either (%s)",
    async (producer, name) => {
      // Surer of pictures of more contrast, whatever they show; the label changes with the gray that becomes zero.
      const rows = [-0.4, 0.4, 0].map((weight) => [weight, weight, weight]);
      const network = dense(rows, [0, 0, 0], { producer });
      const pictures = [0.3, 0.7, 0.2, 0.8, 0.25, 0.75, 0.35, 0.65].map(flat);
      const { guess, codes } = await probe(network, pictures);
      expect(guess.name).toBe(name);
      expect(codes).toEqual(["preprocessing-decides-label"]);
    },
  );

  test("an order of the channels that the graph tells stands under every normalization", async () => {
    const rows = colorRows(9, -4);
    const reversing = dense(rows, [0, 0, 0], {
      before: "d = Sub (x, m) n = Gather <axis = 1> (d, i)",
      more: ", int64[3] i = {2, 1, 0}, float[1,3,1,1] m = {0.406, 0.456, 0.485}",
    });
    const { guess, codes } = await probe(reversing, [red]);
    expect(guess.preprocessing.channels).toBe("bgr");
    expect(codes).toEqual([]);
  });

  test("a reversal alone is an assumption: pictures may say otherwise, and a warning does where it decides the label", async () => {
    const rows = colorRows(3, -1);
    const reversing = dense(rows, [0, 0, 0], {
      before: "n = Gather <axis = 1> (x, i)",
      more: ", int64[3] i = {2, 1, 0}",
    });
    const { guess, message } = await probe(reversing, [red]);
    expect(guess.preprocessing.channels).toBe("bgr");
    expect(message).toMatch(/^the order of the channels is assumed, and it decides the label: under bgr/);
  });

  test("an order that nothing tells is tried for a settled normalization too, and a warning where it decides the label", async () => {
    const rows = colorRows(9, -4);
    const scaled = dense(rows, [0, 0, 0], { before: "n = Div (x, k)", more: ", float k = {255}" });
    const { guess, message } = await probe(scaled, [red]);
    expect(guess).toMatchObject({ name: "bytes", isUncertain: false, hasKnownChannels: false });
    expect(message).toMatch(
      /^the order of the channels is assumed, and it decides the label: under rgb a picture is class 0, under bgr class 2/,
    );
    const gray = await probe(scaled, [flat(0.4)]);
    expect(gray.codes).toEqual([]);
  });

  test.each([
    [1, undefined],
    [2, undefined],
    [9, undefined],
    [20, undefined],
    [20, true],
  ])("%d pictures cost at most 10 runs per candidate", async (count, isLabelled) => {
    const images = Array.from({ length: count }, (_, i) => flat(0.1 + 0.04 * i));
    const { runs } = await probe(
      brightness,
      images,
      isLabelled ? { labels: images.map((_, i) => (i > 10 ? 1 : 0)) } : {},
    );
    // Three small normalizations, two large ones, and the best with its channels reversed.
    expect(runs).toBeLessThanOrEqual(6 * 10);
    expect(runs).toBeGreaterThanOrEqual(3 * Math.min(10, count));
  });

  /** Confidence `p` in the first of so many classes as the logit of that class, where the others are 0. */
  const logitFor = (p: number, classes: number): number => Math.log((p / (1 - p)) * (classes - 1));
  const firstOf = (classes: number, weight: number, bias: number): Model =>
    dense(
      Array.from({ length: classes }, (_, k) => [k === 0 ? weight : 0, 0, 0]),
      Array.from({ length: classes }, (_, k) => (k === 0 ? bias : 0)),
    );

  test("what statistics say is tried as well, though it is of pixels from 0 to 255 and the network is sure of others", async () => {
    // Under all small normalizations, too, it is sure of what it sees.
    const model = dense(
      [
        [40, 0, 0],
        [0, 40, 0],
      ],
      [0, 0],
    );
    const classifier = createClassifier(model, { runtime: referenceRuntime, preprocessing: "bytes" });
    const guessed = classifier.withPreprocessing({ ...classifier.guess, isUncertain: true });
    const { name, reason } = await probePreprocessing(guessed, [red], { runtime: referenceRuntime });
    expect(name).toBe("bytes");
    expect(reason).toMatch(/bytes \d.*unit \d/);
  });

  test("one picture overrules ImageNet's numbers of a network with ImageNet's classes by a clear margin only", async () => {
    // 80 % with pixels as they are (0.4), 40 % with ImageNet's numbers (-0.371).
    const surer = (classes: number): Model => {
      const weight = (logitFor(0.8, classes) - logitFor(0.4, classes)) / 0.771;
      // Of what is lighter, as the negative and noise, it says something else.
      const [rows, biases] = [
        [weight, 200],
        [logitFor(0.8, classes) - 0.4 * weight, -90],
      ];
      return dense(
        Array.from({ length: classes }, (_, k) => [rows[k] ?? 0, 0, 0]),
        Array.from({ length: classes }, (_, k) => biases[k] ?? 0),
      );
    };
    const pictures = Array(8).fill(flat(0.4));
    expect((await probe(surer(10), pictures.slice(0, 1))).guess.name).toBe("unit");
    expect((await probe(surer(1000), pictures.slice(0, 1))).guess.name).toBe("imagenet");
    expect((await probe(surer(1000), pictures)).guess.name).toBe("unit");
  });

  test.each([
    [1000, 0.16, false],
    [1000, 0.02, true],
    [10, 0.35, false],
    [10, 0.2, true],
    [2, 0.58, true],
    [2, 0.65, false],
  ])("of %d classes, one with %d is near chance: %s", async (classes, p, isNear) => {
    const { codes } = await probe(firstOf(classes, 0, logitFor(p, classes)), [flat(0.4)]);
    expect(codes.includes("preprocessing-no-better-than-chance")).toBe(isNear);
  });

  test("a normalization under which a network computes no numbers is not taken", async () => {
    const gamma = dense(colorRows(3, -1), [0, 0, 0], { before: "n = Pow (x, g)", more: ", float g = {0.4545}" });
    const { guess } = await probe(gamma, [red]);
    expect(guess.name).toBe("unit");
    expect(guess.reason).toMatch(/unit 0\.\d\d.*imagenet no numbers/);
  });

  test("labels each by itself are judged each by itself, and a number not at all", async () => {
    const labels = dense(
      [
        [4, 0, 0],
        [0, 4, 0],
      ],
      [-2, -2],
      { after: "y = Sigmoid (z)" },
    );
    const { guess } = await probe(labels, [red]);
    // σ(±…) of two labels, and no softmax over them.
    expect(guess.reason).toMatch(/mean confidence on 1 picture: \w+ 0\.\d\d/);
    const number = await probe(labels, [red], { head: "value" });
    expect({ runs: number.runs, codes: number.codes }).toEqual({ runs: 0, codes: ["preprocessing-unknown"] });
  });
});

describe.skipIf(realData === undefined)(`guesses ${realDataTitle}`, () => {
  test.each(realModels)("$name", ({ name, preprocessing }) => {
    const model = readModel(readFileSync(join(given(realData), `models/${name}.onnx`)));
    const { guess } = createClassifier(model, { runtime: ort });
    expect(guess.name).toBe(preprocessing);
  });

  test("one picture that the network was not trained on does not overrule a right guess", async () => {
    const model = readModel(readFileSync(join(given(realData), "models/squeezenet1_1.onnx")));
    const classifier = createClassifier(model, { runtime: ort });
    const scene = applyGeometry(renderScene({ seed: 12, index: 0, size: 128 }).image, classifier.input.geometry);
    const guess = await probePreprocessing(classifier, [scene], { runtime: ort, threads: 1 });
    expect(guess.name).toBe("imagenet");
  });
});
