import { afterAll, describe, expect, test } from "vitest";
import {
  chainNetwork,
  difference,
  floats,
  golden,
  picture,
  residualNetwork,
  saliencyFixture,
  type Weights,
} from "../../test/reference-networks.ts";
import type { Classifier } from "../classifier/classifier.ts";
import type { OptionSchema } from "../options/schema.ts";
import type { Random } from "../random/random.ts";
import { floatTensor } from "../tensor/tensor.ts";
import type { ExplainOptions } from "./method.ts";
import { methodNamed } from "./methods.ts";

/** What references.py wrote: maps by captum and TorchRay themselves. */
interface References {
  readonly versions: Readonly<Record<string, string>>;
  readonly residual: Weights;
  readonly rise: Readonly<Record<"kept", readonly (readonly number[])[]>> &
    Readonly<Record<"rows" | "columns", readonly number[]>>;
  readonly maps: Readonly<Record<"captum" | "torchray", Readonly<Record<string, string>>>>;
}

const references = saliencyFixture<References>("references.json");
const { size, label } = golden;
const { versions } = references;

const plain = chainNetwork();
const zeros = Buffer.alloc(4 * golden.weights.b1.shape[0]).toString("base64");
const unbiased = chainNetwork({ ...golden.weights, b1: { ...golden.weights.b1, data: zeros } });
const residual = residualNetwork(references.residual);

/** With a patch that the network sees as zero: [4, 12) along either axis. */
const patched = floatTensor(picture.data.slice(), picture.shape);
for (let c = 0; c < 3; c++) {
  for (let y = 4; y < 12; y++) patched.data.fill(0.5, (c * size + y) * size + 4, (c * size + y) * size + 12);
}

afterAll(async () => {
  await plain.dispose();
  await residual.dispose();
  await unbiased.dispose();
});

async function mapOf(method: string, options: ExplainOptions<OptionSchema> = {}, image = picture, classifier = plain) {
  const { map } = await methodNamed(method).explain(classifier, image, { label, ...options });
  return map.data;
}

describe(`captum ${versions.captum} on PyTorch ${versions.torch}`, () => {
  const reference = (name: string): Float32Array => floats(references.maps.captum[name]);
  const noiseTunnel = { preset: "captum" };
  const exact: readonly [string, string, Readonly<Record<string, unknown>>][] = [
    ["Saliency", "gradient", {}],
    ["InputXGradient", "gradient-input", {}],
    ["GuidedBackprop", "guided-backprop", { readout: "sum" }],
    ["Deconvolution", "deconvnet", { readout: "sum" }],
    ["IntegratedGradients", "integrated-gradients", { preset: "captum" }],
    ["LayerGradCam nearest", "grad-cam", { upsampling: "nearest" }],
    ["LayerGradCam bilinear", "grad-cam", {}],
    ["GuidedGradCam", "guided-grad-cam", { preset: "captum" }],
    ["NoiseTunnel smoothgrad", "smooth-grad", noiseTunnel],
    ["NoiseTunnel smoothgrad_sq", "smooth-grad", { ...noiseTunnel, aggregate: "mean-square" }],
    ["NoiseTunnel vargrad", "smooth-grad", { ...noiseTunnel, aggregate: "variance" }],
    ["Occlusion patch 4", "occlusion", { patch: 4, stride: 4 }],
  ];

  // NoiseTunnel was given the noise of seed 0.
  test.each(exact)("%s is %s", async (name, method, settings) => {
    expect(difference(await mapOf(method, settings), reference(name))).toBeLessThan(2e-5);
  });

  test("Occlusion of overlapping squares: the same where as many squares cover a pixel", async () => {
    const settings = { patch: 4, stride: 2, score: "logit" };
    const map = await mapOf("occlusion", settings);
    const expected = reference("Occlusion patch 4, stride 2");
    expect(difference(map, expected, (x, y) => Math.min(x, y) >= 2 && Math.max(x, y) < size - 2)).toBeLessThan(2e-5);
    // captum's squares do not hang over the edges.
    expect(difference(map, expected)).toBeGreaterThan(0.1);
  });
});

describe(`TorchRay ${versions.torchray} on PyTorch ${versions.torch}`, () => {
  const reference = (name: string): Float32Array => floats(references.maps.torchray[name]);
  const exact: readonly [string, string, ExplainOptions<OptionSchema>?, Classifier?][] = [
    ["gradient", "gradient"],
    ["guided_backprop", "guided-backprop"],
    ["deconvnet", "deconvnet"],
    ["grad_cam", "grad-cam"],
    ["excitation_backprop", "excitation-backprop"],
    ["contrastive_excitation_backprop", "contrastive-excitation-backprop"],
    ["excitation_backprop residual", "excitation-backprop", { layer: "MaxPool[0]" }, residual],
    ["contrastive_excitation_backprop residual", "contrastive-excitation-backprop", { layer: "MaxPool[0]" }, residual],
  ];

  test.each(exact)("%s is %s", async (name, method, options, classifier) => {
    expect(difference(await mapOf(method, options, picture, classifier), reference(name))).toBeLessThan(2e-5);
  });

  // The mask of the 150th evaluation, after 149 of 800 steps.
  const published = { iterations: 149, learningRate: 0.01, momentum: 0.9, dampening: 0.9, areaGrowth: 1.0035 };
  const areas = [20 / 256, 60 / 256];
  const extremal: readonly [string, object][] = [
    ["extremal preserve", { areas }],
    ["extremal delete", { areas, variant: "delete" }],
    ["extremal dual", { areas, variant: "dual" }],
    ["extremal margin", { areas: areas.slice(1), reward: "margin" }],
    // Where TorchRay pads with the mean color, the reference mirrors the edges, and its nodes are in the middle of their steps: so are ours.
    ["extremal blur", { areas: areas.slice(1), fill: "blur", maxBlur: 20, levels: 5 }],
    ["extremal step 3", { areas: [32 / 256, 64 / 256], step: 3 }],
  ];

  test.each(extremal)("%s, areas counted alike", async (name, given) => {
    const settings = { ...published, fill: "mean", step: 1, sigma: 3, ...given };
    expect(difference(await mapOf("extremal", settings), reference(name))).toBeLessThan(1e-5);
  });

  test("rise, with the masks that it drew: p times the map", async () => {
    const { kept, rows, columns } = references.rise;
    const cells = Math.sqrt(kept[0].length);
    const shifts = Math.ceil(size / cells);
    // A mask is drawn cell by cell, kept below p, and then shifted.
    const numbers = kept.flatMap((mask, n) => [
      ...mask.map((isKept) => (isKept === 1 ? 0 : 0.9)),
      (rows[n] + 0.5) / shifts,
      (columns[n] + 0.5) / shifts,
    ]);
    let at = 0;
    const random: Random = () => numbers[at++];
    const settings = { preset: "torchray", masks: kept.length, cells };
    const map = await mapOf("rise", { random, ...settings });
    expect(at).toBe(numbers.length);
    expect(
      difference(
        map.map((value) => 0.5 * value),
        reference("rise"),
      ),
    ).toBeLessThan(2e-5);
  });
});

test("at a ReLU's input of exactly 0, TorchRay's guided backpropagation lets pass what ours and captum's do not", async () => {
  const map = await mapOf("guided-backprop", {}, patched, unbiased);
  const sum = await mapOf("guided-backprop", { readout: "sum" }, patched, unbiased);
  expect(difference(sum, floats(references.maps.captum["GuidedBackprop zero"]))).toBeLessThan(2e-5);
  const torchray = floats(references.maps.torchray["guided_backprop zero"]);
  const isInside = (x: number, y: number): boolean => Math.min(x, y) >= 4 && Math.max(x, y) < 12;
  expect(difference(map, torchray, (x, y) => !isInside(x, y))).toBeLessThan(2e-5);
  expect(difference(map, torchray)).toBeGreaterThan(0.05);
});
