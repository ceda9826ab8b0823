import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, test } from "vitest";
import { apart } from "../../../test/golden-numbers.ts";
import { smallImages, smallNetwork, smallTasks, watched } from "../../../test/small-network.ts";
import { createClassifier } from "../../classifier/classifier.ts";
import { projectL1Ball } from "../../optimize/project-l1-ball.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { apgd } from "./apgd.ts";
import { autoPgdL1 } from "./apgd-l1-search.ts";
import { crossEntropy, logitsRatio } from "./attack-loss.ts";

interface Run {
  readonly image: number;
  readonly draws: readonly number[];
  readonly start: readonly number[];
  readonly logits: readonly (readonly number[])[];
  readonly best: readonly number[];
  readonly value: number;
}
// Written by test/fixtures/attacks/apgd_l1.py with the authors' code.
const golden = JSON.parse(
  readFileSync(resolve(import.meta.dirname, "../../../test/fixtures/attacks/apgd-l1.json"), "utf8"),
) as {
  readonly runs: Readonly<Record<string, readonly Run[]>>;
  readonly projected: readonly {
    readonly image: number;
    readonly radius: number;
    readonly change: readonly number[];
    readonly projected: readonly number[];
  }[];
};
const classifier = createClassifier(smallNetwork(), { runtime: ort, preprocessing: "unit" });
afterAll(() => classifier.dispose());

const sumOfChanges = (a: Float32Array, b: Float32Array): number => a.reduce((sum, x, i) => sum + Math.abs(x - b[i]), 0);

describe("the authors' code finds the same", () => {
  test("projections on ball and box", () => {
    for (const { image: n, radius, change, projected } of golden.projected) {
      const { data } = smallImages[n];
      const point = data.map((x, i) => x + change[i]);
      projectL1Ball(data, radius, 0, 1)(point);
      expect(
        apart(
          point.map((x, i) => x - data[i]),
          projected,
        ),
      ).toBeLessThan(1e-5);
      expect(sumOfChanges(point, data)).toBeLessThan(radius + 1e-4);
    }
  });

  test.each(Object.keys(golden.runs))(
    "APGD in ℓ1, %s: starts, logits of all steps, and where it ends",
    async (name) => {
      const [loss, radius] = name.split(" ");
      const theirs = golden.runs[name];
      const tasks = await smallTasks(classifier, 5);
      const plan = {
        budget: { norm: "l1", epsilon: Number(radius) },
        steps: 50,
        draws: 1,
        stopsAtSuccess: false,
      } as const;
      const searches = theirs.map(({ image: n, draws }) => {
        const task = tasks[n];
        const start = task.image.map((x, i) => x + draws[i]);
        projectL1Ball(task.image, plan.budget.epsilon, 0, 1)(start);
        const climbed = loss === "ce" ? crossEntropy(task.goal, 4) : logitsRatio(task.label, 4);
        return autoPgdL1(task, start, climbed, plan);
      });
      for (const [k, { seen, found }] of (await watched(classifier, searches)).entries()) {
        const { start, logits, value } = theirs[k];
        expect(seen.length).toBe(51);
        expect(apart(seen[0].point, start)).toBeLessThan(1e-5);
        for (const [step, row] of logits.slice(0, 12).entries())
          expect(apart(seen[step].logits, row)).toBeLessThan(1e-4);
        expect(found.value).toBeCloseTo(value, 4);
      }
    },
  );
});

test("the projection moves nothing inside, and what it lowers to nothing is the center exactly", () => {
  const center = Float32Array.of(0.5, 0.1, 0.9, 0.3);
  const inside = Float32Array.of(0.6, 0.1, 0.8, 0.3);
  const before = inside.slice();
  projectL1Ball(center, 0.5, 0, 1)(inside);
  expect(inside).toEqual(before);
  // 0.4 and 0.3 lose θ, 0.05 is lost; the third is held by the bound at a change of 0.1: θ = 0.15.
  const point = Float32Array.of(0.9, 0.4, 1.4, 0.35);
  projectL1Ball(center, 0.5, 0, 1)(point);
  for (const [i, x] of [0.75, 0.25, 1, 0.3].entries()) expect(point[i]).toBeCloseTo(x, 6);
  expect(point[3]).toBe(center[3]);
  projectL1Ball(center, 0, 0, 1)(point);
  expect(point).toEqual(center);
});

test("as an attack: in its ball, sparse, in a region, by restarts and for targets", async () => {
  const results = await apgd.attack(classifier, smallImages, { norm: "l1", epsilon: 2, restarts: 2 });
  expect(results.filter(({ outcome }) => outcome === "flipped").length).toBeGreaterThan(4);
  for (const { raw, withinBudget, settings, outcome } of results) {
    expect(raw.distances.l1).toBeLessThan(2 + 1e-4);
    expect(withinBudget.distances.l1).toBeLessThan(2 + 1e-4);
    expect(settings).toMatchObject({ norm: "l1", epsilon: 2 });
    if (outcome === "flipped") expect(raw.distances.l0).toBeLessThan(64);
  }
  const mask = floatTensor(
    Float32Array.from({ length: 64 }, (_, i) => Number(i % 8 < 5)),
    [8, 8],
  );
  const held = await apgd.attack(classifier, smallImages[1], { norm: "l1", epsilon: 3, mask, steps: 20 });
  const changed = [...held.raw.image.data].flatMap((x, i) => (x === smallImages[1].data[i] ? [] : [i % 8]));
  expect(changed.length).toBeGreaterThan(0);
  expect(Math.max(...changed)).toBeLessThan(5);
  const usual = await apgd.attack(classifier, smallImages[1], { norm: "l1", steps: 2 });
  expect(usual.settings.epsilon).toBe(12);
  await expect(apgd.attack(classifier, smallImages[1], { norm: "l1", epsilon: 500 })).rejects.toThrow("up to 192");
});
