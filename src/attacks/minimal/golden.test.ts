import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, test } from "vitest";
import { apart, replay } from "../../../test/golden-numbers.ts";
import { type Seen, smallNetwork, smallTasks, watched } from "../../../test/small-network.ts";
import { createClassifier } from "../../classifier/classifier.ts";
import { eadSearch } from "./ead.ts";
import { fmnSearch } from "./fmn.ts";
import { hopSkipJump } from "./hopskipjump.ts";
import { sparseFoolSearch } from "./sparsefool.ts";

type Numbers = readonly number[];
interface Run {
  readonly points: readonly Numbers[];
  readonly logits: readonly Numbers[];
  readonly asked: number;
  readonly distance: number;
}
// Written by test/fixtures/attacks/minimal.py.
const golden = JSON.parse(
  readFileSync(resolve(import.meta.dirname, "../../../test/fixtures/attacks/minimal.json"), "utf8"),
) as {
  readonly fmn: Readonly<Record<"l0" | "l1" | "l2" | "linf", readonly Run[]>>;
  readonly ead: readonly Run[];
  readonly hopskipjump: Readonly<
    Record<
      "l2" | "linf",
      readonly {
        readonly uniform: Numbers;
        readonly normal: Numbers;
        readonly point: Numbers;
        readonly distance: number;
      }[]
    >
  >;
  readonly sparsefool: readonly { readonly point: Numbers; readonly label: number; readonly planes: number }[];
};

const classifier = createClassifier(smallNetwork(), { runtime: ort, preprocessing: "unit" });
afterAll(() => classifier.dispose());

function expectSame(seen: readonly Seen[], { points, logits, asked }: Run, steps = logits.length): void {
  expect(seen.length).toBe(asked);
  for (const [k, row] of logits.slice(0, steps).entries()) expect(apart(seen[k].logits, row)).toBeLessThan(1e-4);
  expect(apart(seen[1].point, points[0])).toBeLessThan(1e-5);
  if (steps > 10) expect(apart(seen[10].point, points[1])).toBeLessThan(1e-4);
}

describe("the authors' code finds the same", () => {
  test.each(["l0", "l1", "l2", "linf"] as const)(
    "FMN in %s: points and logits of the first steps, and the distance",
    async (norm) => {
      const theirs = golden.fmn[norm];
      const settings = { norm, steps: 40, stepSize: 1, lastStepSize: 0.01, gamma: 0.05 };
      const tasks = await smallTasks(classifier, theirs.length);
      const runs = await watched(
        classifier,
        tasks.map((task) => fmnSearch(task, settings)),
      );
      for (const [n, { seen, found }] of runs.entries()) {
        // The first image lies so near to the boundary that last bits decide whether it is found again.
        if (n === 0) continue;
        // In ℓ0 the third image's radius falls to 0 in theirs, which then keeps all elements; here it stays at 1.
        expectSame(seen, theirs[n], norm === "l0" && n === 2 ? 5 : undefined);
        expect(Number(found.details?.distance)).toBeCloseTo(theirs[n].distance, 4);
      }
    },
  );

  test("EAD, as Foolbox runs it: every question of the search for c", async () => {
    const theirs = golden.ead;
    const settings = { beta: 0.01, rule: "en", confidence: 0, constant: 0.1, stepSize: 0.05, steps: 50, searchSteps: 4, abort: true } as const; // biome-ignore format: settings
    const tasks = await smallTasks(classifier, theirs.length);
    const runs = await watched(
      classifier,
      tasks.map((task) => eadSearch(task, settings)),
    );
    for (const [n, { seen, found }] of runs.entries()) {
      expectSame(seen, theirs[n]);
      expect(Number(found.details?.distance)).toBeCloseTo(theirs[n].distance, 4);
    }
  });

  test.each(["l2", "linf"] as const)("HopSkipJump in %s, as Foolbox runs it, with the same draws", async (norm) => {
    const theirs = golden.hopskipjump[norm];
    const settings = { norm, steps: 3, queries: Infinity, firstDraws: 10, mostDraws: 10_000, gamma: 1, chunk: 7 };
    const tasks = (await smallTasks(classifier, 3, (n) => replay(theirs[n - 1]?.uniform ?? []))).slice(1);
    const runs = await watched(
      classifier,
      tasks.map((task, n) => {
        const next = norm === "l2" ? replay(theirs[n].normal) : () => 2 * task.random() - 1;
        return hopSkipJump(task, settings, (direction) => {
          for (let i = 0; i < direction.length; i++) direction[i] = next();
        });
      }),
    );
    for (const [n, { seen, found }] of runs.entries()) {
      expect(apart(found.point, theirs[n].point)).toBeLessThan(1e-4);
      expect(Number(found.details?.distance)).toBeCloseTo(theirs[n].distance, 4);
      expect(found.details?.queries).toBe(seen.length);
    }
  });

  test("SparseFool: the image, its label and the planes that it took", async () => {
    const theirs = golden.sparsefool;
    const settings = { lambda: 3, iterations: 20, steps: 50, candidates: 4, overshoot: 0.02, range: 1 };
    const tasks = await smallTasks(classifier, theirs.length);
    const runs = await watched(
      classifier,
      tasks.map((task) => sparseFoolSearch(task, settings, 4)),
    );
    for (const [n, { found }] of runs.entries()) {
      expect(apart(found.point, theirs[n].point)).toBeLessThan(1e-4);
      expect(found.details?.planes).toBe(theirs[n].planes);
    }
  });
});
