import * as ort from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { given } from "../../../test/given.ts";
import { smallImages, smallNetwork } from "../../../test/small-network.ts";
import { attackNamed } from "../../attacks/attacks.ts";
import { createClassifier } from "../../classifier/classifier.ts";
import { parseModel } from "../../onnx/text/parse.ts";
import { transferCsv, transferLines, transferMarkdown } from "../../report/attack/transfer-table.ts";
import { memoryStore } from "../records/memory-store.ts";
import { runExperiment } from "../records/run-experiment.ts";
import { wilsonInterval } from "../statistics/statistics.ts";
import { attackCompute, attackIdentity, attackItems } from "./protocol.ts";
import type { AttackFinding } from "./record.ts";
import { transferMatrix } from "./transfer.ts";

const small = createClassifier(smallNetwork(), { runtime: ort, preprocessing: "unit" });
/** Of 12 × 12 pixels in ±1, and blind: whatever is shown is of class 0. */
const blind = createClassifier(
  parseModel(`
    <ir_version: 8, opset_import: ["" : 18]>
    net (float[N, 3, 12, 12] x) => (float[N, 4] logits)
    <float[4, 3] W = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, float[4] b = {1, 0, 0, 0}>
    { p = GlobalAveragePool (x)  f = Flatten (p)  logits = Gemm <transB = 1> (f, W, b) }`),
  { runtime: ort, preprocessing: { scale: 1, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], channels: "rgb" } },
);
/** The same network with the usual preprocessing of photographs: enlarged, and the middle cut out. */
const cropping = createClassifier(smallNetwork(), {
  runtime: ort,
  preprocessing: {
    ...{ scale: 1, mean: [0, 0, 0], std: [1, 1, 1], channels: "rgb" },
    geometry: { resize: { kind: "shorter", size: 12 }, crop: { width: 8, height: 8 } },
  },
});
afterAll(() => Promise.all([small.dispose(), blind.dispose(), cropping.dispose()]));

const pictures = smallImages.slice(1, 6).map((image, n) => ({ image: `p${n}`, origin: "x", input: async () => image }));
const runs = ["fgsm", "mi-fgsm"].map((name) => ({ name, attack: attackNamed(name), settings: { epsilon: 0.06 } }));

test("attacked pictures are shown to other networks, at their sizes and in their pixels", async () => {
  // DeepFool stops at the boundary, where anything undoes it.
  const atBoundary = { name: "deepfool", attack: attackNamed("deepfool"), settings: {} };
  const items = attackItems(pictures, [...runs, atBoundary], { classifier: small, settings: { seed: 0 } });
  const store = memoryStore<AttackFinding>(attackIdentity(small, "ab"));
  await runExperiment({ items, store, compute: attackCompute(small), batchSize: 8, batchOf: ({ run }) => run.name });
  const matrix = await transferMatrix(items, store, [
    { name: "own", classifier: small },
    { name: "same", classifier: small },
    { name: "blind", classifier: blind },
    // Of the same size: what has been cropped is not cropped again.
    { name: "cropping", classifier: cropping },
  ]);
  expect(matrix.models).toEqual(["own", "same", "blind", "cropping"]);
  expect(matrix.rows.map(({ attack }) => attack)).toEqual(["fgsm", "mi-fgsm", "deepfool"]);
  for (const [k, { cells }] of matrix.rows.entries()) {
    const findings = items.slice(5 * k, 5 * k + 5).map(({ key }) => store.finished(key)?.result);
    const kept = findings.filter((finding) => finding?.rounded.success).length;
    expect(kept).toBeGreaterThan(0);
    const [own, same, others, cropped] = cells;
    expect(own).toMatchObject({ pictures: 5, changed: kept, share: wilsonInterval(kept, 5) });
    expect(same.changed).toBe(kept);
    expect(cropped.changed).toBe(kept);
    expect(others).toMatchObject({ pictures: 5, changed: 0 });
  }
  expect(matrix.withoutImage).toBe(0);
  const share = `${(20 * matrix.rows[0].cells[0].changed).toFixed(1)} %`;
  expect(transferLines(matrix)[1]).toMatch(new RegExp(`^fgsm +5 +${share} \\[`));
  expect(transferMarkdown(matrix)).toContain(`| fgsm | 5 | ${share} [`);
  expect(transferCsv(matrix).split("\r\n")).toHaveLength(1 + 12 + 1);
});

test("a network that decides each of its labels by itself has changed its answer where any of them has changed", async () => {
  // Label k is present if red is lighter than k/400 on the average; the first is the most probable one of all pictures.
  const biases = Array.from({ length: 400 }, (_, k) => (-100 * (k / 400)).toFixed(2)).join(", ");
  const gradual = createClassifier(
    parseModel(`
      <ir_version: 8, opset_import: ["" : 18]>
      net (float[N, 3, 8, 8] x) => (float[N, 400] y)
      <float[3, 400] W = {${Array.from({ length: 1200 }, (_, i) => (i < 400 ? 100 : 0)).join(", ")}}, float[400] b = {${biases}}>
      { p = GlobalAveragePool (x)  f = Flatten (p)  m = MatMul (f, W)  z = Add (m, b)  y = Sigmoid (z) }`),
    { runtime: ort, preprocessing: "unit" },
  );
  const items = attackItems(pictures, [runs[0]], { classifier: small, settings: { seed: 0 } });
  const store = memoryStore<AttackFinding>(attackIdentity(small, "ab"));
  await runExperiment({ items, store, compute: attackCompute(small), batchSize: 8 });
  const red = (pixels: ArrayLike<number>): number =>
    Array.from({ length: 64 }, (_, i) => pixels[i]).reduce((a, b) => a + b) / 64;
  const present = (mean: number): number =>
    Array.from({ length: 400 }, (_, k) => k).filter((k) => mean > k / 400).length;
  let changed = 0;
  for (const { key, picture } of items) {
    const bytes = given(await store.readArray(key, "rounded")).data as Uint8Array;
    const clean = (await picture.input()).data.map((x) => Math.round(255 * x));
    if (present(red(bytes) / 255) !== present(red(clean) / 255)) changed++;
  }
  const { rows } = await transferMatrix(items, store, [
    { name: "own", classifier: small },
    { name: "gradual", classifier: gradual },
    { name: "one decision", classifier: gradual.decision(0) },
  ]);
  const [, all, one] = rows[0].cells;
  expect(changed).toBeGreaterThan(0);
  expect(all).toMatchObject({ pictures: 5, changed });
  expect(one.changed).toBeLessThan(changed);
  await gradual.dispose();
});

test("results without an image are counted, and not in the matrix", async () => {
  const items = attackItems(pictures, [runs[0]], { classifier: small, settings: { seed: 0 }, keepImages: 2 });
  const store = memoryStore<AttackFinding>(attackIdentity(small, "ab"));
  await runExperiment({ items, store, compute: attackCompute(small), batchSize: 8, batchOf: () => "" });
  const { rows, withoutImage } = await transferMatrix(items, store, [{ name: "own", classifier: small }]);
  expect(withoutImage).toBe(3);
  expect(rows[0].cells[0].pictures).toBe(2);
});
