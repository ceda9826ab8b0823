import { describe, expect, test } from "vitest";
import { affineOf } from "./preprocessing.ts";
import { statedInConfig } from "./read-config.ts";
import { nvinferEntries, statedForNvinfer, statedInPipeline } from "./read-pipeline.ts";

const bytes = { mean: [123.675, 116.28, 103.53], std: [58.395, 57.12, 57.375] };
const units = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] };

/** What black and white become in the first channel. */
function endsOf(stated: ReturnType<typeof statedInPipeline>): readonly number[] {
  const { scale = 1, mean = [0, 0, 0], std = [1, 1, 1] } = stated?.normalization ?? {};
  const { factor, offset } = affineOf({ scale, mean, std, channels: "rgb", layout: "nchw" });
  return [offset[0] ?? 0, (offset[0] ?? 0) + (factor[0] ?? 0)];
}

const imagenet = [-0.485 / 0.229, (1 - 0.485) / 0.229];

describe("steps that normalize are found wherever they stand", () => {
  const mmdeploy = (steps: readonly object[]) => ({
    pipeline: { tasks: [{ name: "Preprocess", transforms: steps }, { module: "Net" }] },
  });
  test.each<[string, unknown, readonly number[], "rgb" | "bgr" | undefined]>([
    [
      "MMDeploy",
      mmdeploy([{ type: "LoadImageFromFile" }, { type: "Normalize", to_rgb: true, ...bytes }]),
      imagenet,
      "rgb",
    ],
    ["MMDeploy, blue first", mmdeploy([{ type: "Normalize", to_rgb: false, ...bytes }]), imagenet, "bgr"],
    [
      "OpenMMLab from 0 to 1",
      mmdeploy([{ type: "Normalize", to_rgb: true, mean: [0, 0, 0], std: [255, 255, 255] }]),
      [0, 1],
      "rgb",
    ],
    [
      "PaddleClas",
      {
        PreProcess: {
          transform_ops: [
            { DecodeImage: { to_rgb: true } },
            { NormalizeImage: { scale: "1.0/255.0", order: "", ...units } },
            { ToCHWImage: null },
          ],
        },
      },
      imagenet,
      "rgb",
    ],
    ["PaddleClas with a number", [{ NormalizeImage: { scale: 0.00392157, ...units } }], imagenet, undefined],
    ["PaddleDetection", [{ type: "NormalizeImage", is_scale: true, ...units }], imagenet, undefined],
    [
      "Albumentations",
      {
        transform: {
          __class_fullname__: "Compose",
          transforms: [{ __class_fullname__: "albumentations.Normalize", max_pixel_value: 255, ...units }],
        },
      },
      imagenet,
      undefined,
    ],
    ["torchvision", [{ Resize: 256 }, "ToTensor", { Normalize: units }], imagenet, undefined],
  ])("%s", (_, config, ends, channels) => {
    const stated = statedInPipeline(config, "steps");
    endsOf(stated).forEach((value, i) => {
      expect(value).toBeCloseTo(ends[i], 3);
    });
    expect(stated?.channels).toBe(channels);
  });

  test.each([
    ["nothing that normalizes", [{ type: "Resize", size: 256 }]],
    ["no list", { Normalize: units }],
    ["a normalization of layers", { layers: [{ type: "Normalize" }] }],
    ["a text", "Normalize"],
    ["nothing", undefined],
  ])("%s says nothing", (_, config) => {
    expect(statedInPipeline(config, "steps")).toBeUndefined();
  });

  test.each([
    ["means that are none", [{ type: "Normalize", mean: ["a"], std: [1] }], "mean is not usable"],
    ["a scale of its own", [{ NormalizeImage: { scale: 0.5, ...bytes } }], "scale is not usable"],
    ["deviations of 0", [{ type: "Normalize", mean: [0, 0, 0], std: [0, 0, 0] }], "std"],
    ["means of bytes for pixels from 0 to 1", [{ NormalizeImage: { scale: "1/255", ...bytes } }], "not of the scale"],
  ])("%s are refused", (_, config, message) => {
    expect(() => statedInPipeline(config, "steps.json")).toThrow(message);
  });
});

describe("how pictures are resized by steps", () => {
  const last = { type: "Normalize", to_rgb: true, ...bytes };
  test.each<[string, readonly object[], number, object]>([
    [
      "an edge and a crop",
      [
        { type: "ResizeEdge", scale: 256 },
        { type: "CenterCrop", crop_size: 224 },
      ],
      224,
      { kind: "shorter", size: 256 },
    ],
    [
      "OpenMMLab's older form",
      [
        { type: "Resize", size: [256, -1] },
        { type: "CenterCrop", crop_size: 224 },
      ],
      224,
      { kind: "shorter", size: 256 },
    ],
    ["torchvision", [{ Resize: 256 }, { CenterCrop: 224 }], 224, { kind: "shorter", size: 256 }],
    ["in proportion to another input", [{ Resize: 256 }, { CenterCrop: 224 }], 112, { kind: "shorter", size: 128 }],
    ["both sides", [{ type: "Resize", scale: [320, 224] }], 224, { kind: "exact", height: 224, width: 320 }],
    ["Albumentations", [{ type: "Resize", height: 224, width: 224 }], 224, { kind: "exact", height: 224, width: 224 }],
    [
      "PaddleClas",
      [{ ResizeImage: { resize_short: 256 } }, { CropImage: { size: 224 } }],
      224,
      { kind: "shorter", size: 256 },
    ],
    [
      "PaddleClas without a crop",
      [{ ResizeImage: { size: [224, 224] } }],
      224,
      { kind: "exact", height: 224, width: 224 },
    ],
  ])("%s", (_, steps, side, resize) => {
    const stated = statedInPipeline([...steps, last], "steps");
    const wide = "width" in resize ? Number(resize.width) : side;
    expect(stated?.geometry?.(side, wide).resize).toEqual(resize);
  });

  test("what is not said is left open", () => {
    expect(statedInPipeline([last], "steps")).toMatchObject({ geometry: undefined, inputSize: undefined });
    expect(
      statedInPipeline([{ type: "Resize", scale: [640, 640], keep_ratio: true }, last], "steps")?.geometry,
    ).toBeUndefined();
  });
});

describe("NVIDIA's inference plugin", () => {
  const config = (...lines: string[]) => `[property]\ngpu-id=0\n${lines.join("\n")}\n\n[class-attrs-all]\noffsets=9\n`;
  test.each([
    [
      "Caffe's",
      config("net-scale-factor=1.0", "offsets=103.939;116.779;123.68", "model-color-format=1"),
      [-103.939, 151.061],
      "bgr",
    ],
    ["from 0 to 1", config("net-scale-factor=0.00392156862745098", "model-color-format=0"), [0, 1], "rgb"],
    ["from −1 to 1", config("net-scale-factor=0.00784313725490196", "offsets=127.5;127.5;127.5"), [-1, 1], "rgb"],
    [
      "ImageNet's, with one deviation",
      config("net-scale-factor=0.01735207357279195", "offsets=123.675;116.28;103.53"),
      [-2.146, 2.279],
      "rgb",
    ],
  ])("%s", (_, text, ends, channels) => {
    const stated = statedForNvinfer(nvinferEntries(text) ?? new Map(), "config_infer.txt");
    endsOf(stated).forEach((value, i) => {
      expect(value).toBeCloseTo(ends[i], 2);
    });
    expect(stated?.channels).toBe(channels);
  });

  test("what is none, and what cannot be meant", () => {
    expect(nvinferEntries("offsets=1;2;3")).toBeUndefined();
    const stated = (entry: string) => statedForNvinfer(nvinferEntries(config(entry)) ?? new Map(), "a.txt");
    expect(stated("batch-size=1")).toBeUndefined();
    expect(() => stated("net-scale-factor=x")).toThrow("not usable");
  });
});

test("torchvision's transforms of its weights, written down", () => {
  const config = { crop_size: [224], resize_size: [232], ...units, interpolation: "InterpolationMode.BICUBIC" };
  const stated = statedInConfig(config, "preprocess.json", { ignoresOthers: true });
  expect(stated).toMatchObject({ normalization: { scale: 1, ...units }, channels: "rgb", inputSize: [224, 224] });
  expect(stated?.geometry?.(224, 224)).toEqual({
    ...{ resize: { kind: "shorter", size: 232 }, crop: { width: 224, height: 224 } },
    interpolation: "bicubic",
  });
});
