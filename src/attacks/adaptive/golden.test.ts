import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, test, vi } from "vitest";
import { apart, replay } from "../../../test/golden-numbers.ts";
import { smallImages, smallLabels, smallNetwork } from "../../../test/small-network.ts";
import { createClassifier } from "../../classifier/classifier.ts";
import type { Extension } from "../../classifier/passes/extension.ts";
import { MisuseError } from "../../errors.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { featureMatch } from "./feature-match.ts";
import { logitMatch } from "./logit-match.ts";
import { orthogonalPgd } from "./orthogonal-pgd.ts";

// The noise of copies is what the fixture has.
const drawn = vi.hoisted(() => ({ next: undefined as (() => number) | undefined }));
vi.mock("../../random/distributions.ts", async (original) => {
  const all = await original<typeof import("../../random/distributions.ts")>();
  return { ...all, normal: (...given: Parameters<typeof all.normal>) => drawn.next?.() ?? all.normal(...given) };
});

type Numbers = readonly number[];
// Written by test/fixtures/attacks/adaptive.py.
const golden = JSON.parse(
  readFileSync(resolve(import.meta.dirname, "../../../test/fixtures/attacks/adaptive.json"), "utf8"),
) as {
  readonly epsilon: number;
  readonly steps: number;
  readonly runs: readonly ({
    readonly image: number;
    readonly guide: number;
    readonly cutoff: number;
    readonly draws: Numbers;
  } & Readonly<Record<"logits" | "exchanged" | "features" | "noisy" | "orthogonal" | "selective", Numbers>>)[];
};
const { epsilon, steps } = golden;
const common = { epsilon, steps, rounding: "none" } as const;
const classifier = createClassifier(smallNetwork(), { runtime: ort, preprocessing: "unit" });
afterAll(() => classifier.dispose());

/** What log-sum-exp of the logits is not. */
const energy: Extension = {
  append: (g, { logits }) => {
    const sum = g.op("ReduceLogSumExp", [logits, g.ints([1])], { keepdims: 0 });
    return { score: g.op("Neg", [sum]) };
  },
};

describe.each(golden.runs.map((run) => [run.image, run] as const))("PyTorch finds the same, image %i", (n, run) => {
  const image = smallImages[n];
  const guides = [smallImages[run.guide]];

  test("logit matching, with a guide and without, and with noise that is drawn again", async () => {
    const guided = await logitMatch.attack(classifier, image, { ...common, guides });
    expect(apart(guided.raw.image.data, run.logits)).toBeLessThan(1e-6);
    const alone = await logitMatch.attack(classifier, image, common);
    expect(apart(alone.raw.image.data, run.exchanged)).toBeLessThan(1e-6);
    expect(alone.cost.gradient).toBe(steps);
    drawn.next = replay(run.draws);
    const noisy = await logitMatch.attack(classifier, image, { ...common, guides, copies: 2, noise: 0.05 });
    drawn.next = undefined;
    expect(apart(noisy.raw.image.data, run.noisy)).toBeLessThan(1e-6);
    expect(noisy.cost.gradient).toBe(3 * steps);
    expect(noisy.settings).toMatchObject({ copies: 2, noise: 0.05, guides: 1 });
  });

  test("feature matching", async () => {
    const found = await featureMatch.attack(classifier, image, { ...common, guides, layers: ["Relu[1]"] });
    expect(apart(found.raw.image.data, run.features)).toBeLessThan(1e-6);
  });

  test("Orthogonal and Selective PGD against the energy", async () => {
    const detector = { name: "energy", extension: energy, cutoff: run.cutoff };
    const orthogonal = await orthogonalPgd.attack(classifier, image, { ...common, detector });
    expect(apart(orthogonal.raw.image.data, run.orthogonal)).toBeLessThan(1e-6);
    const selective = await orthogonalPgd.attack(classifier, image, { ...common, detector, gradients: "selective" });
    expect(apart(selective.raw.image.data, run.selective)).toBeLessThan(1e-6);
    expect(selective.settings).toMatchObject({ detector: "energy", gradients: "selective" });
  });
});

test("guides of one class only, of another size and none at all are refused in words", async () => {
  const [image] = smallImages;
  const same = smallImages.filter((_, n) => smallLabels[n] === smallLabels[0]).slice(0, 1);
  await expect(logitMatch.attack(classifier, image, { guides: same })).rejects.toThrow(/which is to be left/);
  const target = smallLabels.find((label) => label !== smallLabels[0]) ?? 1;
  await expect(featureMatch.attack(classifier, image, { guides: same, target })).rejects.toThrow(
    /no image is called class/,
  );
  await expect(
    logitMatch.attack(classifier, image, { guides: [floatTensor(new Float32Array(12), [3, 2, 2])] }),
  ).rejects.toThrow(/does not have the network's size, expected \[3, 8, 8\], got \[3, 2, 2\]/);
  await expect(logitMatch.attack(classifier, image, { guides: [] })).rejects.toThrow(MisuseError);
  const wrong = { name: "x", extension: energy, cutoff: Number.NaN };
  await expect(orthogonalPgd.attack(classifier, image, { detector: wrong })).rejects.toThrow(
    /expected \{ name, extension, cutoff \}/,
  );
  await expect(featureMatch.attack(classifier, image, { layers: ["Relu[7]"] })).rejects.toThrow(/no such layer/);
});
