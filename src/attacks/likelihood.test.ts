import * as ort from "onnxruntime-node";
import { expect, test } from "vitest";
import { smallImages, smallNetwork } from "../../test/small-network.ts";
import { createClassifier } from "../classifier/classifier.ts";
import { fgsm } from "./fgsm.ts";
import { pgd } from "./pgd.ts";

const classifiers = [1, 1e4].map((scale) =>
  createClassifier(smallNetwork(scale), { runtime: ort, preprocessing: "unit" }),
);

test.each([
  ["pgd", pgd],
  ["fgsm", fgsm],
] as const)(
  "%s flips as many where the probability of the label is 1 in float32 as where it is not",
  async (_, attack) => {
    const [plain, far] = await Promise.all(
      classifiers.map((classifier) => attack.attack(classifier, smallImages, { epsilon: 16 / 255 })),
    );
    const flipped = (results: typeof plain): number => results.filter(({ outcome }) => outcome === "flipped").length;
    expect(flipped(plain)).toBeGreaterThan(0);
    expect(flipped(far)).toBeGreaterThanOrEqual(flipped(plain));
    // A second run is counted.
    const counts = [plain, far].map((results) => results.reduce((sum, { cost }) => sum + cost.gradient, 0));
    expect(counts[1]).toBeGreaterThan(counts[0]);
  },
);
