import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, test } from "vitest";
import { apart } from "../../../test/golden-numbers.ts";
import { type Seen, smallImages, smallNetwork, smallTasks, watched } from "../../../test/small-network.ts";
import { createClassifier } from "../../classifier/classifier.ts";
import { createRandom } from "../../random/random.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import type { AttackTask } from "../attack.ts";
import { attackNamed } from "../attacks.ts";
import type { Search } from "../autoattack/ask.ts";
import type { Found } from "../lockstep.ts";
import { pgd } from "../pgd.ts";
import { fastLpaSearch } from "./fast-lpa.ts";
import { lpaSearch } from "./lpa.ts";
import { distanceTerms, projectByLpips } from "./lpips-projection.ts";
import { ppgdSearch } from "./ppgd.ts";

interface Run {
  readonly image: number;
  readonly draws: readonly number[];
  readonly logits: readonly (readonly number[])[];
  readonly asked: number;
  readonly point: readonly number[];
  readonly distance: number;
}
// Written by test/fixtures/attacks/lpips.py.
const golden = JSON.parse(
  readFileSync(resolve(import.meta.dirname, "../../../test/fixtures/attacks/lpips.json"), "utf8"),
) as { readonly runs: Readonly<Record<"lpa" | "ppgd" | "fast-lpa", readonly Run[]>> };

const classifier = createClassifier(smallNetwork(), { runtime: ort, preprocessing: "unit" });
afterAll(() => classifier.dispose());
const layers = classifier.selectLayers(["Conv[0]", "Conv[1]"]);
const featuresOf = async (image: Float32Array) => {
  const [{ activations }] = await (await classifier.features({ layers: [], further: layers })).run([image]);
  return activations.map((values) => values.slice());
};

type MakeSearch = (task: AttackTask, start: Float32Array) => Search<Found<undefined>>;

/** The search from the authors' starts, and what they found. */
async function compared(
  name: "lpa" | "ppgd" | "fast-lpa",
  searchOf: MakeSearch,
): Promise<{ readonly theirs: Run; readonly seen: Seen[]; readonly found: Found<undefined> }[]> {
  const runs = golden.runs[name];
  const tasks = await smallTasks(classifier, 8);
  const searches: Search<Found<undefined>>[] = [];
  for (const { image: n, draws } of runs) {
    const task = tasks[n];
    const start = task.image.map((x, i) => Math.fround(x + Math.fround(0.01 * draws[i])));
    searches.push(searchOf({ ...task, activations: await featuresOf(task.image) }, start));
  }
  const all = await watched(classifier, searches);
  return all.map((one, k) => ({ theirs: runs[k], ...one }));
}

describe("the authors find the same", () => {
  test("LPA: step by step, until it ends, and projected", async () => {
    const settings = { bound: 0.15, layers, steps: 6, searchSteps: 5, weight: 0.01, confidence: 1, probe: 0.1 };
    for (const { theirs, seen, found } of await compared("lpa", (task, start) => lpaSearch(task, settings, start))) {
      expect(theirs.asked).toBeGreaterThan(6);
      for (const [k, row] of theirs.logits.entries()) expect(apart(seen[2 * k].logits, row)).toBeLessThan(1e-4);
      expect(apart(found.point, theirs.point)).toBeLessThan(1e-4);
      expect(found.details?.distance).toBeCloseTo(theirs.distance, 4);
      // Two looks at each step, Newton's steps, and one at the end.
      expect(seen.length).toBeGreaterThan(2 * theirs.asked + 1);
    }
  });

  test("Fast-LPA, whose bound is soft", async () => {
    const settings = { bound: 0.15, layers, steps: 10, weight: 10, project: false };
    const all = await compared("fast-lpa", (task, start) => fastLpaSearch(task, settings, start));
    for (const { theirs, seen, found } of all) {
      expect(seen.length).toBe(2 * theirs.asked + 1);
      for (const [k, row] of theirs.logits.entries()) expect(apart(seen[2 * k].logits, row)).toBeLessThan(1e-4);
      expect(apart(found.point, theirs.point)).toBeLessThan(1e-4);
      expect(found.details).toMatchObject({ isWithinBound: false });
      expect(found.details?.distance).toBeCloseTo(theirs.distance, 4);
    }
  });

  test("PPGD: conjugate gradients on differences, each step projected", async () => {
    const settings = { bound: 0.15, layers, steps: 4, stepSize: 0.075, solverSteps: 5, confidence: 1, probe: 0.05 };
    for (const { theirs, seen, found } of await compared("ppgd", (task, start) => ppgdSearch(task, settings, start))) {
      expect(apart(seen[0].logits, theirs.logits[0])).toBeLessThan(1e-5);
      expect(apart(found.point, theirs.point)).toBeLessThan(1e-5);
      expect(found.details?.distance).toBeCloseTo(theirs.distance, 5);
    }
  });
});

/** LPIPS from its formula. */
function distanceBetween(a: readonly Float32Array[], b: readonly Float32Array[], channels: number): number {
  let sum = 0;
  for (const [l, values] of a.entries()) {
    const cells = values.length / channels;
    for (let cell = 0; cell < cells; cell++) {
      const [u, v] = [values, b[l]].map((all) => {
        const vector = Array.from({ length: channels }, (_, c) => all[c * cells + cell]);
        const length = Math.hypot(...vector) + 1e-10;
        return vector.map((x) => x / length);
      });
      for (const [c, x] of u.entries()) sum += (x - v[c]) ** 2 / cells;
    }
  }
  return Math.sqrt(sum);
}

test("the distance is its formula, its gradient is that of differences, and 0 where there is no distance", async () => {
  const [image, other] = [smallImages[1].data, smallImages[2].data];
  const [a, b] = [await featuresOf(image), await featuresOf(other)];
  const pass = await classifier.lpipsDistances({ layers });
  const [{ distance, features }] = await pass.run([{ image, features: b }]);
  expect(distance).toBeCloseTo(distanceBetween(a, b, 8), 5);
  expect(features.map((values) => [...values])).toEqual(a.map((values) => [...values]));
  const lpips = await classifier.lpips({ layers });
  const terms = { ...distanceTerms, marginWeight: 0.5, marginFloor: -1e30, classIndex: 1, bound: 0.01 };
  const at = async (point: Float32Array) => (await lpips.run([{ image: point, features: b, terms }]))[0];
  const { gradient, margin } = await at(image);
  const slopes = gradient.slice();
  const valueAt = async (point: Float32Array): Promise<number> => {
    const one = await at(point);
    return 0.5 * one.margin + one.distance - 0.01;
  };
  const random = createRandom(2);
  const way = image.map(() => random() - 0.5);
  const moved = (by: number): Float32Array => image.map((x, i) => x + by * way[i]);
  const rise = ((await valueAt(moved(1e-3))) - (await valueAt(moved(-1e-3)))) / 2e-3;
  const expected = slopes.reduce((sum, slope, i) => sum + slope * way[i], 0);
  expect(Math.abs(rise - expected)).toBeLessThan(0.02 * Math.abs(expected));
  // Below the floor the margin does not count, and within the bound the distance does not.
  const flat = { ...terms, marginFloor: margin + 0.01, bound: 1e3 };
  const [nothing] = await lpips.run([{ image, features: b, terms: flat }]);
  expect(nothing.gradient.every((slope) => slope === 0)).toBe(true);
  const [same] = await lpips.run([{ image, features: a, terms: distanceTerms }]);
  expect(same.distance).toBe(0);
  expect(same.gradient.every((slope) => slope === 0)).toBe(true);
});

test("the projection ends within the bound, also where Newton's steps do not", async () => {
  const { data: image } = smallImages[1];
  const features = await featuresOf(image);
  const far = smallImages[3].data;
  const [{ distance }] = await (await classifier.lpipsDistances({ layers })).run([{ image: far, features }]);
  for (const bound of [0.6 * distance, 1e-3]) {
    const point = far.slice();
    function* search(): Search<Found<undefined>> {
      yield* projectByLpips(point, { image, features }, { bound, layers });
      return { point };
    }
    const [{ seen }] = await watched(classifier, [search()]);
    expect(seen.length).toBe(bound === 1e-3 ? 20 : Math.min(seen.length, 10));
    const [after] = await (await classifier.lpipsDistances({ layers })).run([{ image: point, features }]);
    expect(after.distance).toBeLessThanOrEqual(bound);
    expect(Math.min(...point)).toBeGreaterThanOrEqual(0);
  }
});

test.each(["lpa", "ppgd", "fast-lpa"])("%s says both distances, keeps its bound, and targets classes", async (name) => {
  const attack = attackNamed(name);
  const options = { bound: 1, ...(name === "fast-lpa" ? { project: true } : {}) };
  const results = await attack.run(classifier, smallImages, options);
  expect(results.filter(({ outcome }) => outcome === "flipped").length).toBeGreaterThan(4);
  for (const { outcome, raw, withinBudget, details, settings } of results) {
    if (outcome === "already-flipped") continue;
    const { lpips, perceptual } = withinBudget.distances;
    expect(perceptual).toBeGreaterThan(0);
    expect(lpips).toBeGreaterThan(0);
    expect(settings.layers).toEqual(classifier.selectLayers(["Relu[:]"]).map((layer) => layer.name));
    // The layers compared are those that are compared by default.
    expect(details.distance).toBeCloseTo(raw.distances.lpips ?? Number.NaN, 5);
    expect(details.isWithinBound).toBe(true);
    expect(details.distance).toBeLessThanOrEqual(1);
  }
  const [one] = await attack.run(classifier, [smallImages[1]], { ...options, lpips: false });
  expect(one.withinBudget.distances).not.toHaveProperty("lpips");
  await expect(attack.run(classifier, smallImages, { bound: 0 })).rejects.toThrow(`${name}: bound`);
  await expect(attack.run(classifier, smallImages, { layers: ["Relu[7]"] })).rejects.toThrow("no such layer");
});

test("any attack can say the LPIPS distance, which costs the runs that it counts", async () => {
  const [plain] = await pgd.attack(classifier, [smallImages[2]], { epsilon: 0.05 });
  const [said] = await pgd.attack(classifier, [smallImages[2]], { epsilon: 0.05, lpips: true });
  expect(plain.raw.distances).not.toHaveProperty("lpips");
  expect(said.raw.image.data).toEqual(plain.raw.image.data);
  const relus = classifier.selectLayers(["Relu[:]"]);
  const features = await classifier.features({ layers: [], further: relus, batch: 2 });
  const seen = await features.run([smallImages[2].data, said.rounded.image.data]);
  const [clean, rounded] = seen.map(({ activations }) => activations.map((values) => values.slice()));
  expect(said.rounded.distances.lpips).toBeCloseTo(distanceBetween(clean, rounded, 8), 4);
  expect(said.cost.forward - plain.cost.forward).toBeGreaterThanOrEqual(2);
  expect(said.cost.forward - plain.cost.forward).toBeLessThanOrEqual(4);
});

test("what cannot be compared is refused", async () => {
  await expect(classifier.lpipsDistances({ layers: [{ ...layers[0], name: "nothing" }] })).rejects.toThrow();
  const [clean] = smallImages;
  const mask = floatTensor(
    Float32Array.from({ length: 64 }, (_, i) => Number(i % 8 < 5)),
    [8, 8],
  );
  const [held] = await attackNamed("lpa").run(classifier, [clean], { bound: 2, mask });
  const changed = [...held.raw.image.data].flatMap((x, i) => (x === clean.data[i] ? [] : [i % 8]));
  expect(changed.length).toBeGreaterThan(20);
  expect(Math.max(...changed)).toBeLessThan(5);
});
