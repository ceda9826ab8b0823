import { describe, expect, test } from "vitest";
import { parseModel } from "../../onnx/text/parse.ts";
import { referenceRuntime } from "../../runtime/reference-runtime.ts";
import { createClassifier } from "../classifier.ts";
import { affineOf, normalizations } from "./preprocessing.ts";
import { statedInConfig } from "./read-config.ts";

interface Extra {
  readonly metadata?: Readonly<Record<string, string>>;
  readonly constants?: string;
  readonly input?: string;
  readonly producer?: string;
  readonly opset?: number;
  readonly preprocessing?: Parameters<typeof createClassifier>[1]["preprocessing"];
  readonly beside?: Parameters<typeof createClassifier>[1]["beside"];
}

/** How the pixels of a network with `body` before its pooling are prepared. */
function guessOf(
  body: string,
  {
    metadata = {},
    constants = "float k0 = {0}",
    input = "float[1,3,8,8] x",
    producer = "pytorch",
    opset = 18,
    ...rest
  }: Extra = {},
) {
  const entries = Object.entries(metadata).map(([key, value]) => `${JSON.stringify(key)}: ${JSON.stringify(value)}`);
  const header = entries.length === 0 ? "" : `, metadata_props: [${entries.join(", ")}]`;
  const text = `<ir_version: 8, opset_import: ["": ${opset}], producer_name: "${producer}"${header}>
    g (${input}) => (float[1,3] y) <${constants}> { ${body} a = GlobalAveragePool (n) y = Flatten (a) }`;
  const { guess, input: taken, warnings } = createClassifier(parseModel(text), { runtime: referenceRuntime, ...rest });
  const { factor, offset } = affineOf({ ...taken, layout: "nchw" });
  return { ...guess, factor, offset, order: taken.channels, geometry: taken.geometry, all: warnings };
}

const plain = "n = Identity (x)";
const caffe = "float[1,3,1,1] m = {103.939, 116.779, 123.68}";
const caffeRgb = "float[1,3,1,1] m = {123.68, 116.779, 103.939}";

describe("what a model does to its pixels first says what they are", () => {
  test.each<[string, string, Extra, number, "rgb" | "bgr"]>([
    ["Div by 255", "n = Div (x, k)", { constants: "float k = {255}" }, 255, "rgb"],
    [
      "Mul by 1/255 after a Cast",
      "c = Cast <to = 1> (x) n = Mul (c, k)",
      { constants: "float k = {0.003921569}" },
      255,
      "rgb",
    ],
    ["caffe's means", "n = Sub (x, m)", { constants: caffe }, 255, "bgr"],
    ["a Sum", "n = Sum (x, m)", { constants: "float[1,3,1,1] m = {-103.939, -116.779, -123.68}" }, 255, "bgr"],
    [
      "constants that are repeated for each pixel",
      "s = Shape (x) e = Expand (m, s) n = Sub (x, e)",
      { constants: caffe, input: "float[1,3,512,512] x" },
      255,
      "bgr",
    ],
    [
      "a BatchNormalization that was written to bring bytes to −1 … 1",
      "n = BatchNormalization (x, g, b, m, v)",
      {
        constants: `float[3] g = {1, 1, 1}, float[3] b = {0, 0, 0}, float[3] m = {127.5, 127.5, 127.5}, float[3] v = {16256.25, 16256.25, 16256.25}`,
      },
      255,
      "rgb",
    ],
    [
      "a BatchNormalization that has seen light pictures",
      "n = BatchNormalization (x, g, b, m, v)",
      {
        constants:
          "float[3] g = {1, 1, 1}, float[3] b = {0, 0, 0}, float[3] m = {222, 215, 219}, float[3] v = {90, 80, 95}",
      },
      255,
      "rgb",
    ],
    ["caffe's means of red, green, blue", "n = Sub (x, m)", { constants: caffeRgb }, 255, "rgb"],
    [
      "means added with a minus",
      "n = Add (x, m)",
      { constants: "float[3,1,1] m = {-103.9, -116.8, -123.7}" },
      255,
      "bgr",
    ],
    [
      "channels reversed by Gather, then means",
      "r = Gather <axis = 1> (x, i) n = Sub (r, m)",
      { constants: `int64[3] i = {2, 1, 0}, ${caffe}` },
      255,
      "rgb",
    ],
    [
      "means, then channels reversed",
      "r = Sub (x, m) n = Gather <axis = 1> (r, i)",
      { constants: `int64[3] i = {2, 1, 0}, ${caffeRgb}` },
      255,
      "rgb",
    ],
    [
      "channels reversed alone",
      "r = Gather <axis = 1> (x, i) n = Div (r, k)",
      { constants: "int64[3] i = {2, 1, 0}, float k = {255}" },
      255,
      "bgr",
    ],
    [
      "channels reversed by Slice",
      "r = Slice (x, s, e, ax, st) n = Div (r, k)",
      { constants: "int64[1] s = {-1}, int64[1] e = {-100}, int64[1] ax = {1}, int64[1] st = {-1}, float k = {255}" },
      255,
      "bgr",
    ],
    [
      "channels reversed by Split and Concat",
      "p, q, r = Split <axis = 1, num_outputs = 3> (x) t = Concat <axis = 1> (r, q, p) n = Div (t, k)",
      { constants: "float k = {255}" },
      255,
      "bgr",
    ],
    [
      "each channel by itself",
      "p, q, r = Split <axis = 1, num_outputs = 3> (x) u = Sub (p, a1) v = Sub (q, a2) w = Sub (r, a3) n = Concat <axis = 1> (u, v, w)",
      { constants: "float a1 = {103.9}, float a2 = {116.8}, float a3 = {123.7}" },
      255,
      "bgr",
    ],
    [
      "channels last",
      "r = Slice (x, s, e, ax, st) d = Sub (r, m) n = Transpose <perm = [0, 3, 1, 2]> (d)",
      {
        input: "float[1,8,8,3] x",
        producer: "tf2onnx",
        constants:
          "int64[1] s = {-1}, int64[1] e = {-2147483648}, int64[1] ax = {3}, int64[1] st = {-1}, float[3] m = {103.939, 116.779, 123.68}",
      },
      255,
      "rgb",
    ],
    [
      "ImageNet's numbers of [0, 1]",
      "d = Sub (x, m) n = Div (d, s)",
      { constants: "float[1,3,1,1] m = {0.485, 0.456, 0.406}, float[1,3,1,1] s = {0.229, 0.224, 0.225}" },
      1,
      "rgb",
    ],
    [
      "ImageNet's numbers in blue, green, red",
      "d = Sub (x, m) n = Div (d, s)",
      { constants: "float[1,3,1,1] m = {0.406, 0.456, 0.485}, float[1,3,1,1] s = {0.225, 0.224, 0.229}" },
      1,
      "bgr",
    ],
    [
      "a scale and a shift",
      "d = Mul (x, k) n = Add (d, o)",
      { constants: "float k = {0.00784314}, float o = {-1}" },
      255,
      "rgb",
    ],
    ["from [-1, 1]", "d = Add (x, o) n = Mul (d, k)", { constants: "float o = {1}, float k = {127.5}" }, 2, "rgb"],
    ["bytes made of [0, 1]", "n = Mul (x, k)", { constants: "float k = {255}" }, 1, "rgb"],
    [
      "a resize first",
      'r = Resize <mode = "linear"> (x, "", "", z) n = Div (r, k)',
      { constants: "int64[4] z = {1, 3, 4, 4}, float k = {255}" },
      255,
      "rgb",
    ],
    [
      "a convolution that reverses",
      "r = Conv (x, w) n = Div (r, k)",
      { constants: "float[3,3,1,1] w = {0,0,1, 0,1,0, 1,0,0}, float k = {255}" },
      255,
      "bgr",
    ],
    [
      "a BatchNormalization that has seen bytes",
      "n = BatchNormalization (x, o, z, m, v)",
      {
        constants:
          "float[3] o = {1,1,1}, float[3] z = {0,0,0}, float[3] m = {118, 113, 104}, float[3] v = {4000, 3900, 4100}",
      },
      255,
      "rgb",
    ],
    [
      "a BatchNormalization that has seen blue first",
      "n = BatchNormalization (x, o, z, m, v)",
      {
        constants:
          "float[3] o = {1,1,1}, float[3] z = {0,0,0}, float[3] m = {104, 116, 123}, float[3] v = {4100, 3900, 4000}",
      },
      255,
      "bgr",
    ],
    [
      "the means of one camera's pictures, which are no usual ones",
      "n = Sub (x, m)",
      { constants: "float[3,1,1] m = {68.3, 74.9, 76.1}" },
      255,
      "rgb",
    ],
    ["integers", "c = Cast <to = 1> (x) n = Sub (c, m)", { input: "int32[1,3,8,8] x", constants: caffe }, 255, "bgr"],
  ])("%s", (_, body, extra, factor, order) => {
    const guess = guessOf(body, extra);
    expect({ factor: guess.factor[0], order: guess.order }).toEqual({ factor: expect.closeTo(factor, 4), order });
    expect(guess.isUncertain).toBe(false);
    expect(guess.all).toEqual([]);
  });

  test("ImageNet's normalization that becomes another, as in torchvision's Inception", () => {
    const constants = "float[1,3,1,1] s = {0.458, 0.448, 0.45}, float[1,3,1,1] o = {-0.030, -0.088, -0.188}";
    expect(guessOf("d = Mul (x, s) n = Add (d, o)", { constants })).toMatchObject({
      name: "imagenet",
      isUncertain: false,
    });
  });

  test("nothing tells", () => {
    expect(guessOf(plain)).toMatchObject({ name: "imagenet", isUncertain: true, hasKnownChannels: false });
    expect(guessOf("n = Mul (x, k)", { constants: "float k = {2}" })).toMatchObject({ isUncertain: true });
  });
});

describe("metadata in the forms in use", () => {
  const bytes = { "Image.NominalPixelRange": "NominalRange_0_255" };
  test.each<[string, Readonly<Record<string, string>>, number, number, "rgb" | "bgr"]>([
    [
      "bytes, blue first",
      { "Image.BitmapPixelFormat": "Bgr8", "Image.ColorSpaceGamma": "SRGB", ...bytes },
      255,
      0,
      "bgr",
    ],
    ["bytes", { "Image.BitmapPixelFormat": "Rgba8", ...bytes }, 255, 0, "rgb"],
    ["[0, 1]", { "Image.NominalPixelRange": "Normalized_0_1" }, 1, 0, "rgb"],
    ["[-1, 1]", { "Image.NominalPixelRange": "Normalized_1_1" }, 2, -1, "rgb"],
    ["video range", { "Image.NominalPixelRange": "NominalRange_16_235" }, 219, 16, "rgb"],
    ["ultralytics", { task: "classify", imgsz: "[8, 8]", names: "{0: 'a', 1: 'b', 2: 'c'}" }, 1, 0, "rgb"],
    [
      "OpenVINO",
      {
        "model_info mean_values": "123.675 116.28 103.53",
        "model_info scale_values": "58.395 57.12 57.375",
        "model_info reverse_input_channels": "True",
      },
      255 / 58.395,
      -123.675 / 58.395,
      // What OpenVINO reverses is read by OpenCV, blue first.
      "rgb",
    ],
    ["plain names", { mean: "[0.5, 0.5, 0.5]", std: "[0.25, 0.25, 0.25]" }, 4, -2, "rgb"],
    ["a factor alone", { scale: "0.00392156862745098" }, 1, 0, "rgb"],
    [
      "steps",
      {
        transforms:
          '[{"Resize": 256}, {"ToTensor": {}}, {"Normalize": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}}]',
      },
      2,
      -1,
      "rgb",
    ],
    [
      "steps under our key",
      {
        preprocessing:
          '[{"type": "Normalize", "to_rgb": false, "mean": [127.5, 127.5, 127.5], "std": [127.5, 127.5, 127.5]}]',
      },
      2,
      -1,
      "bgr",
    ],
    [
      "an object within one",
      { config: '{"model": "x", "preprocess": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}}' },
      2,
      -1,
      "rgb",
    ],
    [
      "an object within one under our key",
      { preprocessing: '{"normalize": {"mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5]}}' },
      2,
      -1,
      "rgb",
    ],
    ["an object", { config: '{"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}' }, 2, -1, "rgb"],
    [
      "ours",
      { preprocessing: '{"scale": 255, "channels": "bgr", "mean": [103.939, 116.779, 123.68], "std": [1, 1, 1]}' },
      255,
      -103.939,
      "bgr",
    ],
  ])("%s", (_, metadata, factor, offset, order) => {
    const guess = guessOf(plain, { metadata });
    expect(guess).toMatchObject({ order, isUncertain: false });
    expect(guess.reason).toMatch(/metadata/);
    expect([guess.factor[0], guess.offset[0]]).toEqual([expect.closeTo(factor, 4), expect.closeTo(offset, 4)]);
  });

  test.each<[string, Readonly<Record<string, string>>, number, number, "rgb" | "bgr"]>([
    ["a variance", { mean: "0.5", variance: "0.0625" }, 4, -2, "rgb"],
    ["a factor for each channel", { mean: "[127.5, 127.5, 127.5]", scale: "[0.01, 0.02, 0.03]" }, 2.55, -1.275, "rgb"],
    ["a factor for each channel alone", { scale: "[0.01, 0.02, 0.03]" }, 2.55, 0, "rgb"],
    ["Python's dictionary", { preprocess: "{'mean': [0.5, 0.5, 0.5], 'std': [0.25, 0.25, 0.25]}" }, 4, -2, "rgb"],
    [
      "Python's dictionary under our key",
      { preprocessing: "{'mean': (0.5, 0.5, 0.5), 'std': (0.25, 0.25, 0.25)}" },
      4,
      -2,
      "rgb",
    ],
    ["a pair of lists", { normalize: "[[0.5, 0.5, 0.5], [0.25, 0.25, 0.25]]" }, 4, -2, "rgb"],
    ["a name", { preprocessing: "caffe" }, 255, -103.939, "bgr"],
    ["a name of ours in quotes", { preprocessing: '"symmetric"' }, 2, -1, "rgb"],
    ["a name under another key", { normalization: "[-1, 1]" }, 2, -1, "rgb"],
    ["Keras' mode", { preprocess_input: "tf" }, 2, -1, "rgb"],
    [
      "a function of Keras'",
      { preprocessing_function: "tf.keras.applications.vgg16.preprocess_input" },
      255,
      -103.939,
      "bgr",
    ],
    [
      "transforms as they are printed",
      {
        transforms:
          "Compose(\n    Resize(size=10, interpolation=bicubic)\n    CenterCrop(size=(8, 8))\n    ToTensor()\n    Normalize(mean=tensor([0.5000, 0.5000, 0.5000]), std=tensor([0.2500, 0.2500, 0.2500]))\n)",
      },
      4,
      -2,
      "rgb",
    ],
  ])("%s", (_, metadata, factor, offset, order) => {
    const guess = guessOf(plain, { metadata });
    expect(guess).toMatchObject({ order, isUncertain: false, all: [] });
    expect(guess.reason).toMatch(/metadata/);
    expect([guess.factor[0], guess.offset[0]]).toEqual([expect.closeTo(factor, 4), expect.closeTo(offset, 4)]);
  });

  test("transforms as they are printed say how pictures are resized", () => {
    const transforms =
      "Compose(Resize(size=10, interpolation=bicubic) CenterCrop(size=8) Normalize(mean=[0, 0, 0], std=[1, 1, 1]))";
    expect(guessOf(plain, { metadata: { transforms } }).geometry).toEqual({
      ...{ resize: { kind: "shorter", size: 10 }, crop: { width: 8, height: 8 } },
      interpolation: "bicubic",
    });
  });

  test.each<Readonly<Record<string, string>>>([
    { preprocess: "as in the paper" },
    { preprocessing_function: "my_project.preprocess" },
    { image_transform: "v2" },
    { normalization: '{"kind": "zscore"}' },
  ])("what speaks of pixels and is not understood is a warning: %j", (metadata) => {
    expect(guessOf(plain, { metadata }).all).toEqual([
      { code: "unusable-metadata", message: expect.stringContaining("nothing of what it says is known") },
    ]);
  });

  test.each<Readonly<Record<string, string>>>([
    { normalize: "True" },
    { preprocessing_version: "3" },
    { transform_count: "4" },
  ])("what says only whether, or how many, is none: %j", (metadata) => {
    expect(guessOf(plain, { metadata }).all).toEqual([]);
  });

  test("what cannot be used is a warning, never nothing", () => {
    const metadata: readonly Readonly<Record<string, string>>[] = [
      { preprocessing: "{" },
      { preprocessing: '{"mean":[0,0,0],"std":[0,0,0]}' },
      { preprocessing: '{"geometry":{"resize":{"shorter":1000000}}}' },
      { preprocessing: '{"scale":1,"mean":[123,116,103],"std":[58,57,57]}' },
      { "Image.ColorSpaceGamma": "Linear" },
      { "Image.NominalPixelRange": "Normalized_0_2" },
      { "Image.BitmapPixelFormat": "Nv12" },
      { mean: "see the paper", std: "0.5 0.5 0.5" },
      { mean: "0.5, 0.5", std: "0.5, 0.5" },
    ];
    for (const entry of metadata) {
      expect(guessOf(plain, { metadata: entry }).all).toEqual([
        {
          code: "unusable-metadata",
          message: expect.stringMatching(/^the model's metadata .*says how pixels are prepared.* cannot be used: ./),
        },
      ]);
    }
  });

  test.each<[string, Readonly<Record<string, string>>, number, number]>([
    ["an image size", { imgsz: "[8, 8]" }, 4, -2],
    ["ultralytics' task", { task: "classify", names: "{0: 'a', 1: 'b', 2: 'c'}" }, 4, -2],
    ["another task", { task: "image-classification", names: "a,b,c" }, 4, -2],
    ["a range", { "Image.NominalPixelRange": "Normalized_0_1" }, 4, -2],
  ])("means and deviations count beside %s", (_, metadata, factor, offset) => {
    const guess = guessOf(plain, { metadata: { ...metadata, mean: "0.5 0.5 0.5", std: "0.25 0.25 0.25" } });
    expect([guess.factor[0], guess.offset[0]]).toEqual([expect.closeTo(factor, 4), expect.closeTo(offset, 4)]);
    expect(guess.all).toEqual([]);
  });

  test.each([
    ["of OpenCV's blobs", { mean: "127.5", scale: "0.0078431372549" }, 2, -1],
    ["of OpenCV's blobs, under another name", { mean: "[127.5, 127.5, 127.5]", scalefactor: "0.0078431372549" }, 2, -1],
    ["of 1/255 behind a mean of bytes", { mean: "127.5", scale: "0.00392156862745" }, 1, -0.5],
    ["of 1/255 before a mean of parts", { mean: "0.5", std: "0.25", scale: "0.00392156862745" }, 4, -2],
    ["of parts", { mean: "0.5", scale: "2" }, 2, -1],
  ])("a scale %s", (_, metadata, factor, offset) => {
    const guess = guessOf(plain, { metadata });
    expect([guess.factor[0], guess.offset[0]]).toEqual([expect.closeTo(factor, 4), expect.closeTo(offset, 4)]);
    expect(guess.all).toEqual([]);
  });

  test("a scale beside a deviation is left out, and said; a deviation that is assumed is said too", () => {
    const { all } = guessOf(plain, { metadata: { mean: "127.5", std: "64", scale: "0.5" } });
    expect(all).toEqual([
      { code: "unusable-metadata", message: expect.stringMatching(/mean, std, scale.*the scale is left out/) },
    ]);
    expect(guessOf(plain, { metadata: { mean: "127.5" } }).reason).toBe(
      "the model's metadata (mean); std 1, since none is given",
    );
  });

  test.each<Readonly<Record<string, string>>>([
    { cv_accuracy_mean: "0.93", cv_accuracy_std: "0.0123" },
    { val_loss_mean: "0.4" },
    { test_mean: "0.93" },
    { latency_mean: "41.2", latency_std: "3" },
    { metrics: '{"mean": 0.91, "std": 0.02}' },
  ])("numbers of something else than pixels say nothing: %o", (metadata) => {
    const guess = guessOf(plain, { metadata });
    expect(guess).toMatchObject({ isUncertain: true, all: [] });
    expect(guess.reason).toMatch(/nothing in the model says so/);
  });

  test("what a configuration says besides is passed over", () => {
    const config = '{"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25], "classes": ["a", "b", "c"]}';
    expect(guessOf(plain, { metadata: { config } })).toMatchObject({ all: [], isUncertain: false });
    // But not what is nearly one of the keys.
    const misspelt = '{"mean": [0.5, 0.5, 0.5], "std": [0.25, 0.25, 0.25], "chanels": "bgr"}';
    expect(guessOf(plain, { metadata: { config: misspelt } }).all).toEqual([
      { code: "unusable-metadata", message: expect.stringContaining('"chanels"') },
    ]);
  });

  test("a task that is no classification is said", () => {
    const metadata = { task: "detect", names: "{0: 'a', 1: 'b', 2: 'c'}", stride: "32" };
    expect(guessOf(plain, { metadata }).all).toEqual([expect.objectContaining({ code: "other-task" })]);
  });
});

const efficient = {
  image_mean: [0.485, 0.456, 0.406],
  image_std: [0.47853944, 0.4732864, 0.47434163],
  rescale_factor: 1 / 255,
};

describe("files beside the model", () => {
  const beside = (config: object): Extra => {
    const stated = statedInConfig(config, "config.json");
    return { beside: { stated: stated === undefined ? [] : [{ stated, reason: "config.json beside the model" }] } };
  };
  test.each<[string, object, number, number]>([
    [
      "Hugging Face",
      {
        do_normalize: true,
        do_rescale: true,
        image_mean: [0.5, 0.5, 0.5],
        image_std: [0.5, 0.5, 0.5],
        rescale_factor: 1 / 255,
      },
      2,
      -1,
    ],
    [
      "without a rescale",
      { do_rescale: false, image_mean: [127.5, 127.5, 127.5], image_std: [127.5, 127.5, 127.5] },
      2,
      -1,
    ],
    ["of bytes, with a rescale that nobody meant", { image_mean: [127.5], image_std: [127.5] }, 2, -1],
    ["timm's, of bytes", { architecture: "x", mean: [127.5, 127.5, 127.5], std: [127.5, 127.5, 127.5] }, 2, -1],
    ["with a rescale alone", { do_rescale: true, rescale_factor: 1 / 127.5, do_normalize: false }, 2, 0],
    ["rescaled with an offset", { rescale_factor: 1 / 127.5, rescale_offset: true, do_normalize: false }, 2, -1],
    [
      "older, of pixels in [0, 1]",
      { do_normalize: true, image_mean: [0.485, 0.456, 0.406], image_std: [0.229, 0.224, 0.225], size: 224 },
      1 / 0.229,
      -0.485 / 0.229,
    ],
    [
      "EfficientNet's, divided once more",
      { image_processor_type: "EfficientNetImageProcessor", include_top: true, ...efficient },
      1 / 0.47853944 ** 2,
      -0.485 / 0.47853944 ** 2,
    ],
    [
      "EfficientNet's features",
      { image_processor_type: "EfficientNetImageProcessorFast", include_top: false, ...efficient },
      1 / 0.47853944,
      -0.485 / 0.47853944,
    ],
    ["ViT's numbers where the file has none", { feature_extractor_type: "ViTFeatureExtractor", size: 8 }, 2, -1],
    [
      "LeViT's",
      { image_processor_type: "LevitImageProcessor", do_normalize: true, size: { shortest_edge: 7 } },
      1 / 0.229,
      -0.485 / 0.229,
    ],
    ["MobileViT's", { image_processor_type: "MobileViTImageProcessor", size: { shortest_edge: 8 } }, 1, 0],
    [
      "timm",
      {
        architecture: "x",
        pretrained_cfg: { mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], input_size: [3, 8, 8], crop_pct: 1 },
      },
      2,
      -1,
    ],
    [
      "timm's older",
      { input_size: [3, 8, 8], mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], interpolation: "bicubic", crop_pct: 0.8 },
      2,
      -1,
    ],
  ])("%s", (_, config, factor, offset) => {
    const guess = guessOf(plain, beside(config));
    expect(guess).toMatchObject({ reason: "config.json beside the model", isUncertain: false });
    expect([guess.factor[0], guess.offset[0]]).toEqual([expect.closeTo(factor, 5), expect.closeTo(offset, 5)]);
  });

  test("sizes and crops", () => {
    const normal = { image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] };
    const geometry = (config: object) => guessOf(plain, beside(config)).geometry;
    const crop = { width: 8, height: 8 };
    expect(geometry({ ...normal, size: { height: 8, width: 8 }, resample: 3 })).toEqual({
      resize: { kind: "exact", ...crop },
      interpolation: "bicubic",
    });
    expect(
      geometry({
        ...normal,
        size: { shortest_edge: 10 },
        crop_size: { height: 8, width: 8 },
        do_center_crop: true,
        resample: 2,
      }),
    ).toEqual({ resize: { kind: "shorter", size: 10 }, crop, interpolation: "bilinear" });
    expect(geometry({ ...normal, size: { shortest_edge: 8 }, crop_pct: 0.8 })).toMatchObject({
      resize: { kind: "shorter", size: 10 },
      crop,
    });
    expect(geometry({ mean: [0.5], std: [0.5], input_size: [3, 8, 8], crop_pct: 0.8 })).toMatchObject({
      resize: { kind: "shorter", size: 10 },
      crop,
    });
    expect(
      geometry({ mean: [0.5], std: [0.5], input_size: [3, 8, 8], crop_pct: 0.8, crop_mode: "squash" }),
    ).toMatchObject({ resize: { kind: "exact", width: 10, height: 10 }, crop });
    expect(
      geometry({ ...normal, image_processor_type: "LevitImageProcessor", size: { shortest_edge: 7 } }),
    ).toMatchObject({ resize: { kind: "shorter", size: 8 }, crop });
    const { all } = guessOf(plain, beside({ ...normal, size: { height: 16, width: 16 } }));
    expect(all).toEqual([
      {
        code: "other-input-size",
        message: "config.json beside the model is for pictures of 16x16, and the model takes 8x8",
      },
    ]);
  });

  test("one number is the shorter side of some processors, and both sides of others", () => {
    const normal = { image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5], size: 8 };
    const resize = (config: object) => guessOf(plain, beside({ ...normal, ...config })).geometry.resize;
    const shorter = { kind: "shorter", size: 10 };
    expect(resize({ feature_extractor_type: "ConvNextFeatureExtractor", crop_pct: 0.8 })).toEqual(shorter);
    // 224 of 256, where ConvNeXt's file does not say it.
    expect(resize({ image_processor_type: "ConvNextImageProcessor" })).toEqual({ kind: "shorter", size: 9 });
    expect(resize({ feature_extractor_type: "PoolFormerFeatureExtractor", crop_pct: 0.8 })).toEqual(shorter);
    expect(resize({ feature_extractor_type: "LevitFeatureExtractor" })).toEqual({ kind: "shorter", size: 9 });
    expect(resize({ feature_extractor_type: "ViTFeatureExtractor" })).toEqual({ kind: "exact", width: 8, height: 8 });
  });

  test("sizes and shares of nothing are none", () => {
    const normal = { image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5], size: { shortest_edge: 10 } };
    for (const odd of [{ crop_pct: 0 }, { crop_size: 0 }, { crop_size: { height: 0, width: 0 } }]) {
      const { resize } = guessOf(plain, beside({ ...normal, ...odd })).geometry;
      expect(resize).toEqual({ kind: "shorter", size: 10 });
    }
  });

  test("timm's size of tests counts where the network has it", () => {
    const timm = {
      mean: [0.5],
      std: [0.5],
      input_size: [3, 8, 8],
      crop_pct: 0.8,
      test_input_size: [3, 16, 16],
      test_crop_pct: 1,
    };
    expect(guessOf(plain, beside(timm))).toMatchObject({
      all: [],
      geometry: { resize: { kind: "shorter", size: 10 } },
    });
    const large = guessOf(plain, { ...beside(timm), input: "float[1,3,16,16] x" });
    expect(large).toMatchObject({ all: [], geometry: { resize: { kind: "shorter", size: 16 } } });
    const other = guessOf(plain, { ...beside(timm), input: "float[1,3,32,32] x" });
    expect(other.all.map(({ code }) => code)).toEqual(["other-input-size"]);
  });

  test("a network's configuration says its size alone", () => {
    const guess = guessOf(plain, beside({ model_type: "vit", image_size: 8 }));
    expect(guess).toMatchObject({ all: [], hasKnownChannels: false, geometryReason: "usual for this size" });
    expect(guess.reason).toMatch(/nothing in the model says so/);
  });

  test("what is resized before a crop for another input size is taken in proportion, and said", () => {
    const normal = { image_mean: [0.5, 0.5, 0.5], image_std: [0.5, 0.5, 0.5] };
    const cropped = { ...normal, do_center_crop: true };
    const found = (config: object) => {
      const { geometry, all } = guessOf(plain, beside(config));
      return { resize: geometry.resize, crop: geometry.crop, messages: all.map(({ message }) => message) };
    };
    const crop = { width: 8, height: 8 };
    const said = (size: number, rule: string) =>
      `config.json beside the model is for pictures of ${size}x${size}, and the model takes 8x8: its resize is taken in proportion (${rule})`;
    // An input that is smaller than the one of the file, and one that is larger.
    for (const size of [224, 4]) {
      const edge = size === 224 ? 256 : 5;
      const shorter = size === 224 ? 9 : 10;
      const expected = {
        resize: { kind: "shorter", size: shorter },
        crop,
        messages: [said(size, `shorter side ${shorter}, crop 8x8, bilinear`)],
      };
      const crop_size = { height: size, width: size };
      expect(found({ ...cropped, size: { shortest_edge: edge }, crop_size })).toEqual(expected);
      expect(found({ ...cropped, size: edge, crop_size })).toEqual(expected);
    }
    expect(
      found({ ...cropped, size: { height: 256, width: 256 }, crop_size: { height: 224, width: 224 } }),
    ).toMatchObject({ resize: { kind: "exact", width: 9, height: 9 }, crop });
    expect(found({ ...normal, size: { shortest_edge: 224 }, crop_pct: 0.875 })).toMatchObject({
      resize: { kind: "shorter", size: 9 },
      crop,
    });
    // Without a crop the shorter side is seen whole.
    for (const edge of [4, 224]) {
      expect(found({ ...normal, size: { shortest_edge: edge } })).toMatchObject({
        resize: { kind: "shorter", size: 8 },
        crop,
      });
    }
  });

  test("numbers that do not fit are said one by one", () => {
    const of = (mean: number, std: number) => {
      const config = { image_mean: Array(mean).fill(0.5), image_std: Array(std).fill(0.5) };
      return guessOf(plain, beside(config)).all.map(({ message }) => message);
    };
    const said = (why: string) => [
      `config.json beside the model says how pixels are prepared, and it cannot be used: it has ${why}. Give the preprocessing yourself`,
    ];
    expect(of(2, 3)).toEqual(said("2 numbers as its mean, and the model takes 3 channels"));
    expect(of(4, 2)).toEqual(said("4 numbers as its mean and 2 numbers as its std, and the model takes 3 channels"));
    expect(of(3, 3)).toEqual([]);
    expect(of(1, 1)).toEqual([]);
  });

  test("channels that are flipped", () => {
    expect(guessOf(plain, beside({ do_flip_channel_order: true, do_normalize: false })).order).toBe("bgr");
    const mobile = { image_processor_type: "MobileViTImageProcessor", do_rescale: true };
    expect(guessOf(plain, beside(mobile)).order).toBe("bgr");
    expect(guessOf(plain, beside({ ...mobile, do_flip_channel_order: false })).order).toBe("rgb");
  });
});

test("a processor that is not known and says no numbers is refused, and one that speaks of sizes alone says nothing of them", () => {
  const own = { image_processor_type: "OwnImageProcessor", size: { height: 8, width: 8 } };
  expect(() => statedInConfig({ ...own, do_normalize: true }, "config.json")).toThrow(
    "config.json: image_mean is missing, and the processor is not known",
  );
  expect(statedInConfig({ ...own, do_resize: true }, "config.json")).toMatchObject({
    normalization: {},
    inputSize: [8, 8],
  });
});

test.each([
  ["[0, 1]", "zero, one", 1],
  ["0 … 255", "zero, byte", 255],
])("limits that pixels are kept within before anything else say their range: %s", (_, limits, factor) => {
  const guess = guessOf(`n = Clip (x, ${limits})`, {
    constants: "float zero = {0}, float one = {1}, float byte = {255}",
  });
  expect(guess).toMatchObject({
    isUncertain: false,
    reason: expect.stringMatching(/^the model keeps its pixels from 0 to/),
  });
  expect(guess.factor[0]).toBeCloseTo(factor, 6);
});

describe("what is given", () => {
  const imagenet = { mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375] };
  test("numbers of 0 … 255 are taken as that, as given", () => {
    const guess = guessOf(plain, { preprocessing: imagenet });
    expect(guess).toMatchObject({ reason: "as given", isUncertain: false, name: "imagenet" });
    expect(guess.factor[0]).toBeCloseTo(255 / 58.395, 5);
    expect(guessOf(plain, { preprocessing: { mean: [103.9, 116.8, 123.7], channels: "bgr" } })).toMatchObject({
      factor: [255, 255, 255],
      reason: "as given; std 1, since none is given",
    });
    expect(guessOf(plain, { preprocessing: { std: [0.229, 0.224, 0.225] } }).reason).toBe(
      "as given; mean 0, since none is given",
    );
    expect(guessOf(plain, { preprocessing: { scale: 255 } })).toMatchObject({ name: "bytes", reason: "as given" });
  });

  test("numbers of another scale than the one that is named are refused", () => {
    expect(() => guessOf(plain, { preprocessing: { ...imagenet, scale: 1 } })).toThrow(
      "mean and std are not of the scale 1",
    );
    expect(() =>
      guessOf(plain, { preprocessing: { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225], scale: 255 } }),
    ).toThrow("Leave the scale out (it is 1 for these)");
  });

  test("the order given stands before everything, and the rest is still looked for", () => {
    const metadata = { "Image.BitmapPixelFormat": "Bgr8", "Image.NominalPixelRange": "NominalRange_0_255" };
    expect(guessOf(plain, { metadata, preprocessing: { channels: "rgb" } })).toMatchObject({
      order: "rgb",
      factor: [255, 255, 255],
    });
    const guess = guessOf(plain, { metadata });
    expect(guess.reason).toBe(
      "the model's metadata (Image.NominalPixelRange=NominalRange_0_255); channels bgr: the model's metadata (Image.BitmapPixelFormat=Bgr8)",
    );
  });
});

describe("numbers that contradict what the graph does to its input are taken, and said", () => {
  const imagenet = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };
  const config = '{"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}';
  const divided = "c = Cast <to = 1> (x) n = Div (c, k)";
  const constants = "float k = {255}";
  test.each<[string, string, Extra, RegExp | undefined]>([
    [
      "bytes",
      divided,
      { constants, input: "uint8[1,3,8,8] x", preprocessing: imagenet },
      /^the model takes bytes, and the preprocessing \(as given\) makes numbers from -1\.99 to 2\.44 of them, of which uint8 holds neither negative ones nor fractions: /,
    ],
    [
      "0 to 255, and an option",
      divided,
      { constants, preprocessing: imagenet },
      /^the model normalizes its input itself \(it begins with .*Div\) and takes pixels from 0 to 255, .*normalized twice/,
    ],
    ["0 to 255, and metadata", divided, { constants, metadata: { config } }, /\(the model's metadata \(config\)\)/],
    ["0 to 255, which is stated too", divided, { constants, preprocessing: { scale: 255 } }, undefined],
    [
      "0 to 255, in other words",
      divided,
      { constants, metadata: { "Image.NominalPixelRange": "NominalRange_16_235" } },
      undefined,
    ],
    ["an order alone", divided, { constants, preprocessing: { channels: "bgr" } }, undefined],
    ["nothing", plain, { preprocessing: imagenet }, undefined],
  ])("the model takes %s", (_, body, extra, message) => {
    const found = guessOf(body, extra);
    expect(found.all).toEqual(
      message === undefined ? [] : [{ code: "normalized-twice", message: expect.stringMatching(message) }],
    );
    if (message !== undefined) expect(found.name).toBe("imagenet");
  });
});

describe("means and deviations that are stated twice", () => {
  const half = '{"image_mean": [0.5, 0.5, 0.5], "image_std": [0.5, 0.5, 0.5]}';
  const imagenetConfig = '{"image_mean": [0.485, 0.456, 0.406], "image_std": [0.229, 0.224, 0.225]}';
  const numbers = { mean: "[0.485, 0.456, 0.406]", std: "[0.229, 0.224, 0.225]" };
  test("otherwise are said", () => {
    expect(guessOf(plain, { metadata: { ...numbers, config: half } }).all).toEqual([
      {
        code: "normalizations-disagree",
        message:
          "the model's metadata (mean, std) states another normalization than the model's metadata (config): the former is used. --preprocessing, or --mean and --std, give the right one",
      },
    ]);
  });
  test.each<[string, Extra]>([
    [
      "in another scale",
      { metadata: { mean: "[123.675, 116.28, 103.53]", std: "[58.4, 57.12, 57.38]", config: imagenetConfig } },
    ],
    [
      "as a given one overrules",
      { metadata: { ...numbers, config: half }, preprocessing: { mean: [0.5], std: [0.5] } },
    ],
  ])("%s are not", (_, extra) => {
    expect(guessOf(plain, extra).all).toEqual([]);
  });
});

describe("which order the channels have, by means that are ImageNet's", () => {
  const caffeMeans = { mean: [103.939, 116.779, 123.68], std: [1, 1, 1] };
  test.each<[string, Extra, "rgb" | "bgr"]>([
    ["given, blue first", { preprocessing: caffeMeans }, "bgr"],
    ["given, red first", { preprocessing: { ...caffeMeans, mean: caffeMeans.mean.toReversed() } }, "rgb"],
    ["of pixels from 0 to 1", { preprocessing: { mean: [0.406, 0.456, 0.485], std: [0.225, 0.224, 0.229] } }, "bgr"],
    ["in metadata", { metadata: { mean: "[104, 117, 123]" } }, "bgr"],
    ["against what is given", { preprocessing: { ...caffeMeans, channels: "rgb" } }, "rgb"],
    // Those of street numbers, which rise by themselves.
    ["of other pictures", { preprocessing: { mean: [0.4377, 0.4438, 0.4728], std: [0.198, 0.201, 0.197] } }, "rgb"],
  ])("%s", (name, extra, order) => {
    const found = guessOf(plain, extra);
    expect(found.order).toBe(order);
    expect(found.hasKnownChannels).toBe(name !== "of other pictures");
    const codes = found.all.map(({ code }) => code);
    expect(codes).toEqual(name === "against what is given" ? ["means-and-channels-disagree"] : []);
  });

  test("by what a BatchNormalization on the pixels has seen, before the channels are reversed behind it", () => {
    const constants =
      "float[3] one = {1, 1, 1}, float[3] zero = {0, 0, 0}, float[3] m = {103.5, 116.3, 123.7}, float[3] v = {3300, 3260, 3400}, int64[3] i = {2, 1, 0}";
    const body = "b = BatchNormalization (x, one, zero, m, v) n = Gather <axis = 1> (b, i)";
    expect(guessOf(body, { constants }).order).toBe("bgr");
    expect(guessOf(body.replace("(b, i)", "(b, i2)"), { constants: constants.replace("i =", "i2 =") }).order).toBe(
      "bgr",
    );
  });

  test("by a BatchNormalization that was written to scale and shift, and has seen nothing", () => {
    const constants =
      "float[3] g = {0.0171, 0.0175, 0.0174}, float[3] b = {-2.118, -2.036, -1.804}, float[3] zero = {0, 0, 0}, float[3] v = {0.99999, 0.99999, 0.99999}";
    const found = guessOf("n = BatchNormalization (x, g, b, zero, v)", { constants });
    expect(found).toMatchObject({ name: "bytes", order: "rgb", hasKnownChannels: true });
  });

  test("by a product with a matrix that reverses them, which pictures may gainsay", () => {
    const constants = "float[3,3] p = {0, 0, 0.01, 0, 0.01, 0, 0.01, 0, 0}";
    const body = "r = MatMul (x, p) n = Transpose <perm = [0, 3, 1, 2]> (r)";
    const found = guessOf(body, { input: "float[1,8,8,3] x", constants });
    // Blue first for a layer that reads red first, or the other way round.
    expect(found).toMatchObject({ order: "bgr", hasKnownChannels: false });
  });
});

describe("arithmetic that makes a usual normalization of pixels tells their range and their order", () => {
  const imagenet =
    "float[1,3,1,1] m = {0.485, 0.456, 0.406}, float[1,3,1,1] s = {0.229, 0.224, 0.225}, int64[3] i = {2, 1, 0}, float half = {0.5}, float k = {255}";
  const caffe =
    "float[1,3,1,1] m = {103.939, 116.779, 123.68}, int64[3] i = {2, 1, 0}, float one = {1}, float half = {127.5}";
  const normalized = "c = Sub (u, m) n = Div (c, s)";
  test.each([
    ["[-1, 1] to ImageNet's", `h = Mul (x, half) u = Add (h, half) ${normalized}`, imagenet, "symmetric", "rgb"],
    [
      "[-1, 1], blue first, to ImageNet's",
      `r = Gather <axis = 1> (x, i) h = Mul (r, half) u = Add (h, half) ${normalized}`,
      imagenet,
      "symmetric",
      "bgr",
    ],
    ["[0, 1] to ImageNet's", `u = Identity (x) ${normalized}`, imagenet, "unit", "rgb"],
    ["0 … 255 to ImageNet's", `u = Div (x, k) ${normalized}`, imagenet, "bytes", "rgb"],
    [
      "[-1, 1] to Caffe's",
      "u = Add (x, one) h = Mul (u, half) r = Gather <axis = 1> (h, i) n = Sub (r, m)",
      caffe,
      "symmetric",
      "rgb",
    ],
    ["[-1, 1], blue first, to Caffe's", "u = Add (x, one) h = Mul (u, half) n = Sub (h, m)", caffe, "symmetric", "bgr"],
  ])("%s", (_, body, constants, range, order) => {
    const { mean, std, scale } = normalizations[range as "unit"];
    const found = guessOf(body, { constants });
    expect(found).toMatchObject({ order, hasKnownChannels: true, isUncertain: false });
    expect(found.preprocessing).toMatchObject({ mean, std, scale });
  });
});

describe("pixels that the model brings to a range of its own", () => {
  const kernel = "float[3,3,1,1] W = {1, 0, 0, 0, 1, 0, 0, 0, 1}";
  const whitened = (
    axes: string,
  ) => `mu = ReduceMean ${axes} (x) c = Sub (x, mu) q = Mul (c, c) v = ReduceMean ${axes} (q)
    s = Sqrt (v) u = Div (c, s) n = Conv (u, W)`;
  test.each([
    ["each picture less its mean, by its deviation", whitened("<axes = [1, 2, 3]>")],
    ["each channel of a picture", whitened("<axes = [2, 3]>")],
    [
      "between the least and the largest",
      "l = ReduceMin (x) m = ReduceMax (x) c = Sub (x, l) b = Sub (m, l) u = Div (c, b) n = Conv (u, W)",
    ],
  ])("%s", (_, body) => {
    const { reason, factor, isUncertain } = guessOf(body, { constants: kernel, opset: 17 });
    expect(reason).toBe("the model brings pixels of any range to its own");
    expect(factor).toEqual([1, 1, 1]);
    expect(isUncertain).toBe(false);
  });

  test("what is quantized by its own range is brought to none", () => {
    const body = "q, s, z = DynamicQuantizeLinear (x) i = ConvInteger (q, W8, z) f = Cast <to = 1> (i) n = Mul (f, s)";
    const constants = "int8[3,3,1,1] W8 = {1, 0, 0, 0, 1, 0, 0, 0, 1}";
    const metadata = { "onnx.quant.pre_process": "onnxruntime.quant" };
    const { reason, isUncertain, all } = guessOf(body, { constants, metadata, opset: 13 });
    expect(reason).toMatch(/^usual for PyTorch's/);
    expect(isUncertain).toBe(true);
    expect(all).toEqual([]);
  });

  test("what only takes away a mean keeps the range, and what is stated is no second normalization", () => {
    const body = "mu = ReduceMean (x) u = Sub (x, mu) n = Conv (u, W)";
    expect(guessOf(body, { constants: kernel }).reason).toMatch(/^usual for PyTorch's/);
    const metadata = { mean: "[0.485, 0.456, 0.406]", std: "[0.229, 0.224, 0.225]" };
    const { reason, all } = guessOf(whitened("<axes = [1, 2, 3]>"), { constants: kernel, metadata, opset: 17 });
    expect(reason).toMatch(/metadata/);
    expect(all.map(({ code }) => code)).not.toContain("normalized-twice");
  });
});

describe("the range that a static quantization of the pixels is made for", () => {
  const quantized = (scale: number, zero: string) =>
    guessOf("q = QuantizeLinear (x, s, z) d = DequantizeLinear (q, s, z) n = Conv (d, W)", {
      constants: `float s = {${scale}}, ${zero}, float[3,3,1,1] W = {1, 0, 0, 0, 1, 0, 0, 0, 1}`,
    });
  test.each([
    [1 / 255, "uint8 z = {0}", "unit"],
    [2 / 255, "int8 z = {0}", "symmetric"],
    [0.01866, "uint8 z = {114}", "imagenet"],
    [1, "int8 z = {-128}", "bytes"],
    [1.08, "uint8 z = {115}", "caffe"],
  ] as const)("%s, %s: %s", (scale, zero, name) => {
    const { preprocessing, order, isUncertain, reason } = quantized(scale, zero);
    const { mean, std } = normalizations[name];
    expect(preprocessing).toMatchObject({ scale: normalizations[name].scale, mean, std });
    expect({ order, isUncertain }).toEqual({ order: name === "caffe" ? "bgr" : "rgb", isUncertain: false });
    expect(reason).toMatch(/^its first quantizer is made for numbers from /);
  });

  test("one that is none of the usual, as of random numbers, says nothing", () => {
    expect(quantized(0.037, "uint8 z = {128}").reason).toMatch(/^usual for PyTorch's/);
  });
});

test("MATLAB reads red, green, blue", () => {
  const found = guessOf("n = Sub (x, m)", {
    constants: "float[3,1,1] m = {0.268, 0.294, 0.298}",
    producer: "MATLAB Deep Learning Toolbox Converter",
  });
  expect(found).toMatchObject({ order: "rgb", hasKnownChannels: true });
});

test.each([
  ["Concat", "e = Concat <axis = 1> (x, x, x)"],
  ["Expand", "e = Expand (x, three)"],
  ["Tile", "e = Tile (x, three)"],
])("gray that is read as three channels, by %s", (_, wide) => {
  const constants = "float h = {127.5}, int64[4] three = {1, 3, 1, 1}";
  const { factor } = guessOf(`${wide} s = Sub (e, h) n = Div (s, h)`, { constants, input: "float[1,1,8,8] x" });
  expect(factor).toEqual([255]);
});

test("a model of any size that resizes pictures itself gets all of them", () => {
  const body = "r = Resize (x, none, none, sizes) n = Identity (r)";
  const constants = "float[0] none = {}, int64[4] sizes = {1, 3, 8, 8}";
  const open = guessOf(body, { input: "float[1,3,H,W] x", constants });
  expect(open.geometry.resize).toEqual({ kind: "exact", width: 224, height: 224 });
  expect(open.geometryReason).toBe("the model takes pictures of any size and resizes them itself");
  const fixed = guessOf(body, { input: "float[1,3,256,256] x", constants });
  expect(fixed.geometryReason).toBe("usual for classes of one's own");
});

test("16-bit pixels, where the model divides by what they reach", () => {
  const body = "c = Cast <to = 1> (x) n = Div (c, k)";
  const found = guessOf(body, { input: "uint16[1,3,8,8] x", constants: "float k = {65535}" });
  for (const factor of found.factor) expect(factor).toBeCloseTo(65535, 6);
  const bytes = guessOf(body, { input: "uint16[1,3,8,8] x", constants: "float k = {255}" });
  expect(bytes.factor).toEqual([255, 255, 255]);
});

test("Hugging Face's means of 0 to 1 without a division are of pixels from 0 to 1, and those of several kinds of input are found", () => {
  const means = { image_mean: [0.5, 0.4, 0.3], image_std: [0.2, 0.2, 0.2] };
  const undivided = statedInConfig({ ...means, do_rescale: false }, "preprocessor_config.json");
  expect(undivided?.normalization).toEqual({ scale: 1, mean: means.image_mean, std: means.image_std });
  const nested = statedInConfig(
    { image_processor: { ...means, do_rescale: true }, processor_class: "X" },
    "processor_config.json",
  );
  expect(nested?.normalization).toEqual({ scale: 1, mean: means.image_mean, std: means.image_std });
});

test("ultralytics' size without its task says how pixels are prepared", () => {
  const { reason, name } = guessOf(plain, { metadata: { imgsz: "[8, 8]", names: "{0: 'a', 1: 'b', 2: 'c'}" } });
  expect({ reason, name }).toEqual({ reason: "the model's metadata (imgsz=8x8)", name: "unit" });
});
