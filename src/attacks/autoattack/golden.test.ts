import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, test } from "vitest";
import { apart, replay } from "../../../test/golden-numbers.ts";
import { smallLabels, smallNetwork, smallTasks, watched } from "../../../test/small-network.ts";
import { createClassifier } from "../../classifier/classifier.ts";
import type { Norm } from "../budget.ts";
import { goalOf } from "../goal.ts";
import { autoPgd } from "./apgd-search.ts";
import { crossEntropy, logitsRatio, targetedLogitsRatio } from "./attack-loss.ts";
import { fabSearch } from "./fab-search.ts";
import { moveToPlane } from "./hyperplane.ts";
import { squareSearch } from "./square-search.ts";

type Numbers = readonly number[];

interface Golden {
  readonly apgd: Readonly<
    Record<
      string,
      readonly {
        readonly start: Numbers;
        readonly points: readonly Numbers[];
        readonly losses: Numbers;
        readonly best: number;
        readonly survives: boolean;
        readonly target: number;
      }[]
    >
  >;
  readonly fab: Readonly<
    Record<
      string,
      readonly { readonly points: readonly Numbers[]; readonly logits: readonly Numbers[]; readonly distance: number }[]
    >
  >;
  readonly square: Readonly<
    Record<Norm, readonly { readonly draws: Numbers; readonly points: readonly Numbers[]; readonly margins: Numbers }[]>
  >;
  readonly projections: Readonly<Record<"points" | "weights" | "linf" | "l2", readonly Numbers[]>> & {
    readonly offsets: Numbers;
  };
}

// Written by test/fixtures/attacks/autoattack.py with the authors' code.
const golden = JSON.parse(
  readFileSync(resolve(import.meta.dirname, "../../../test/fixtures/attacks/autoattack.json"), "utf8"),
) as Golden;

const classifier = createClassifier(smallNetwork(), { runtime: ort, preprocessing: "unit" });
afterAll(() => classifier.dispose());

describe("the authors' code finds the same", () => {
  test.each(Object.keys(golden.apgd))("APGD, %s: losses and points of ten steps, and where it ends", async (name) => {
    const [norm, loss] = name.split(" ") as [Norm, "ce" | "dlr" | "targeted-dlr"];
    const epsilon = norm === "linf" ? 4 / 255 : 0.1;
    const theirs = golden.apgd[name];
    const tasks = await smallTasks(classifier, theirs.length);
    const plan = { budget: { norm, epsilon }, steps: 50, rho: 0.75, draws: 1, stopsAtSuccess: false } as const;
    const losses = tasks.map(({ goal, label }, n) => {
      if (loss === "ce") return crossEntropy(goal, 4);
      return loss === "dlr" ? logitsRatio(label, 4) : targetedLogitsRatio(label, theirs[n].target, 4);
    });
    const runs = await watched(
      classifier,
      tasks.map((task, n) => autoPgd(task, Float32Array.from(theirs[n].start), losses[n], plan)),
    );
    for (const [n, { seen, found }] of runs.entries()) {
      const { points, losses: values, best, survives } = theirs[n];
      expect(seen.length).toBe(51);
      expect(apart(seen[1].point, points[0])).toBeLessThan(1e-6);
      expect(apart(seen[10].point, points[1])).toBeLessThan(1e-4);
      const own = seen.map(({ logits }) => losses[n].value(logits));
      expect(apart(own.slice(0, 11), values.slice(0, 11))).toBeLessThan(1e-4);
      expect(apart([found.value], [best])).toBeLessThan(1e-4);
      expect(found.isReached).toBe(!survives);
    }
  });

  test.each(Object.keys(golden.fab))("FAB, %s: ten steps, and the least distance", async (name) => {
    const [norm, aim] = name.split(" ") as [Norm, "each" | "nearest"];
    const theirs = golden.fab[name];
    const tasks = await smallTasks(classifier, theirs.length);
    const plan = { norm, steps: 100, mostBias: 0.1, overshoot: 1.05, backward: 0.9 } as const;
    const runs = await watched(
      classifier,
      tasks.map((task) => {
        const order = [...task.clean.logits.keys()].sort((a, b) => task.clean.logits[b] - task.clean.logits[a]);
        const aims = aim === "each" ? [order[1]] : [0, 1, 2, 3].filter((index) => index !== task.label);
        return fabSearch(task, task.image, aims, 4, plan);
      }),
    );
    for (const [n, { seen, found }] of runs.entries()) {
      const { points, logits, distance } = theirs[n];
      expect(apart(seen[1].point, points[0])).toBeLessThan(1e-6);
      expect(apart(seen[19].point, points[1])).toBeLessThan(1e-4);
      for (const [k, row] of logits.entries()) expect(apart(seen[k].logits, row)).toBeLessThan(1e-4);
      expect(apart([found?.distance ?? Infinity], [distance])).toBeLessThan(1e-4);
    }
  });

  test.each(["linf", "l2"] as const)("Square in %s: every proposal, with the same draws", async (norm) => {
    const theirs = golden.square[norm];
    const tasks = await smallTasks(classifier, theirs.length, (n) => replay(theirs[n].draws));
    const budget = { norm, epsilon: norm === "linf" ? 4 / 255 : 0.2 };
    const plan = { budget, queries: 60, firstShare: 0.8, isRescaled: false };
    const runs = await watched(
      classifier,
      tasks.map((task) => squareSearch(task, plan)),
    );
    for (const [n, { seen, found }] of runs.entries()) {
      const { points, margins } = theirs[n];
      expect(found.queries).toBe(margins.length);
      expect(apart(seen[0].point, points[0])).toBeLessThan(1e-6);
      expect(apart(seen[seen.length - 1].point, points[1])).toBeLessThan(1e-5);
      const own = seen.map(({ logits }) => goalOf({ label: smallLabels[n] }).margin(logits));
      expect(apart(own, margins)).toBeLessThan(1e-4);
    }
  });

  test.each(["linf", "l2"] as const)("the nearest point of a hyperplane in the box, in %s", (norm) => {
    const { points, weights, offsets } = golden.projections;
    for (const [k, point] of points.entries()) {
      const move = new Float32Array(point.length);
      moveToPlane(Float32Array.from(point), Float32Array.from(weights[k]), offsets[k], norm, move);
      expect(apart(move, golden.projections[norm][k])).toBeLessThan(1e-5);
    }
  });
});
