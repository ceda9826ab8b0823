import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, test } from "vitest";
import { apart, replay } from "../../test/golden-numbers.ts";
import { smallImages, smallNetwork } from "../../test/small-network.ts";
import { createClassifier } from "../classifier/classifier.ts";
import { carliniWagner } from "./carlini-wagner.ts";
import { pgd } from "./pgd.ts";
import { pgdMean } from "./pgd-mean.ts";

interface CarliniWagnerGolden {
  readonly distance: number;
  readonly points: readonly number[];
  readonly runs: number;
}

interface Golden {
  readonly labels: readonly number[];
  readonly draws: readonly (readonly (readonly number[])[])[];
  readonly pgd: readonly (readonly number[])[];
  readonly mean: readonly (readonly number[])[];
  readonly carliniWagner: {
    readonly together: {
      readonly distance: readonly number[];
      readonly points: readonly (readonly number[])[];
      readonly runs: number;
    };
    readonly alone: readonly CarliniWagnerGolden[];
  };
}

// Written by fixtures/attacks.py with torch 1.13.
const golden = JSON.parse(readFileSync(join(import.meta.dirname, "fixtures/attacks.json"), "utf8")) as Golden;

/** What Foolbox 3.3.4 finds on the same network: fixtures/attacks_foolbox.py. */
const foolbox = JSON.parse(
  readFileSync(join(import.meta.dirname, "fixtures/attacks_foolbox.json"), "utf8"),
) as Readonly<Record<"linf" | "l2" | "carliniWagner", readonly (readonly number[])[]>>;

describe("others find the same", () => {
  const classifier = createClassifier(smallNetwork(), { runtime: ort, preprocessing: "unit" });
  const images = smallImages;
  afterAll(() => classifier.dispose());

  test.each([
    ["linf", 8 / 255],
    ["l2", 0.4],
  ] as const)("Foolbox with PGD in %s, preset foolbox", async (norm, epsilon) => {
    const results = await pgd.attack(classifier, images, { preset: "foolbox", norm, epsilon, randomStart: false });
    for (const [n, { raw }] of results.entries()) {
      // At a bound of [0, 1] the two project differently in ℓ2.
      const isAtBound = norm === "l2" && raw.image.data.some((x) => x === 0 || x === 1);
      expect(apart(raw.image.data, foolbox[norm][n])).toBeLessThan(isAtBound ? 1e-4 : 1e-6);
    }
  });

  test("Foolbox with Carlini–Wagner, preset paper, in fewer steps", async () => {
    const options = { preset: "paper", steps: 60, searchSteps: 6 } as const;
    const results = await carliniWagner.attack(classifier, images.slice(0, 4), options);
    for (const [n, { raw }] of results.entries()) {
      expect(raw.success).toBe(true);
      expect(apart(raw.image.data, foolbox.carliniWagner[n])).toBeLessThan(1e-5);
    }
  });

  test("PyTorch with PGD, preset odds", async () => {
    const random = (n: number) => replay(golden.draws[0][n]);
    const results = await pgd.attack(classifier, images, { preset: "odds", random });
    for (const [n, { label, raw }] of results.entries()) {
      expect(label).toBe(golden.labels[n]);
      expect(apart(raw.image.data, golden.pgd[n])).toBeLessThan(1e-6);
    }
  });

  test("PyTorch with the mean of PGDs", async () => {
    const random = (n: number) => replay(golden.draws[0][n], golden.draws[1][n], golden.draws[2][n]);
    const results = await pgdMean.attack(classifier, images, { preset: "odds", copies: 1, random });
    for (const [n, { raw }] of results.entries()) {
      expect(apart(raw.image.data, golden.mean[n])).toBeLessThan(1e-6);
    }
  });

  test("PyTorch with Carlini–Wagner, preset odds: each image alone, and all with the batch's loss", async () => {
    const { together, alone } = golden.carliniWagner;
    const some = images.slice(0, 4);
    const singly = await carliniWagner.attack(classifier, some);
    const joint = await carliniWagner.attack(classifier, some, { abort: "batch", batch: 4 });
    for (const [n, one] of alone.entries()) {
      // The first image lies so near to the boundary that the last bits of its losses decide when they have settled.
      if (n > 0) expect(singly[n].cost.gradient).toBe(one.runs);
      expect(apart(singly[n].raw.image.data, one.points)).toBeLessThan(1e-6);
      expect(singly[n].raw.distances.l2).toBeCloseTo(one.distance, 5);
      expect(joint[n].cost.gradient).toBe(together.runs);
      expect(apart(joint[n].raw.image.data, together.points[n])).toBeLessThan(1e-6);
      expect(joint[n].raw).toMatchObject({ success: true });
    }
  });
});
