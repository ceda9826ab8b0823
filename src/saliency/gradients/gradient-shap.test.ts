import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { type Classifier, createClassifier } from "../../classifier/classifier.ts";
import { GraphBuilder, type Value } from "../../onnx/builder.ts";
import { readModel } from "../../onnx/file/read-model.ts";
import { createRandom } from "../../random/random.ts";
import { referenceRuntime } from "../../runtime/reference-runtime.ts";
import { modelOf } from "../../runtime/session.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { expectedGradients, gradientShap } from "./gradient-shap.ts";

const size = 4;
const count = 3 * size * size;
const image = floatTensor(
  Float32Array.from({ length: count }, (_, i) => 0.5 + 0.45 * Math.sin(3 * i)),
  [3, size, size],
);
const random = createRandom(5);
const weights = Float32Array.from({ length: count }, () => 2 * random() - 1);

/** Logits s and −s of a score s that `of` makes of the flat image. */
function classifierOf(
  of: (g: GraphBuilder, flat: Value) => Value,
  preprocessing: "unit" | "symmetric" = "unit",
): Classifier {
  const g = new GraphBuilder();
  const score = of(g, g.op("Flatten", [g.input("image", "float32", [1, 3, size, size])]));
  g.output(g.op("Concat", [score, g.op("Neg", [score])], { axis: 1 }), "logits");
  return createClassifier(modelOf(g.toGraph()), { runtime: referenceRuntime, preprocessing });
}

const weigh = (g: GraphBuilder, x: Value): Value => g.op("MatMul", [x, g.constant(floatTensor(weights, [count, 1]))]);
const linear = classifierOf(weigh);
const square = classifierOf((g, x) => weigh(g, g.op("Mul", [x, x])));

/** Σ over channels, its magnitude, at each pixel. */
const net = (values: ArrayLike<number>): number[] =>
  Array.from({ length: size * size }, (_, i) =>
    Math.abs(values[i] + values[i + size * size] + values[i + 2 * size * size]),
  );

test("of a linear network w (x − x₀), exactly, with one baseline and with the mean of several", async () => {
  const asked = { label: 0, samples: 7, readout: "net" } as const;
  const white = await expectedGradients.explain(linear, image, { ...asked, baseline: "white" });
  const wanted = net(weights.map((w, i) => w * (image.data[i] - 1)));
  expect([...white.map.data]).toEqual(wanted.map((value) => expect.closeTo(value, 5)));
  expect(white.details?.completenessError).toBeLessThan(1e-5);
  expect(white.evaluations).toEqual({ forward: 2, gradient: 7 });

  const images = [0.2, 0.9].map((value) => floatTensor(new Float32Array(count).fill(value), image.shape));
  // Draws: the place of the baseline, and the place on the line.
  const draws = [0, 0.3, 0.99, 0.6];
  let next = 0;
  const random = (): number => draws[next++ % draws.length];
  const two = await expectedGradients.explain(linear, image, { ...asked, samples: 2, baselines: images, random });
  const mean = net(weights.map((w, i) => w * (image.data[i] - 0.55)));
  expect([...two.map.data]).toEqual(mean.map((value) => expect.closeTo(value, 5)));
  expect(two.settings).toMatchObject({ samples: 2 });
  expect(two.details).toEqual({ baselines: 2 });
  expect(JSON.parse(JSON.stringify(two.settings))).toEqual(two.settings);
});

describe("of Σ w x² from black: w x², which a mean over the lines comes near", () => {
  const wanted = net(weights.map((w, i) => w * image.data[i] ** 2));
  const errorOf = ({ map }: { readonly map: { readonly data: Float32Array } }): number =>
    Math.max(...wanted.map((value, i) => Math.abs(value - map.data[i])));

  test("expected gradients, complete in expectation", async () => {
    const found = await expectedGradients.explain(square, image, {
      label: 0,
      baseline: "black",
      samples: 500,
      batch: 50,
      readout: "net",
    });
    // 2 α has mean 1 and standard deviation 0.577: 4 standard errors.
    expect(errorOf(found)).toBeLessThan(4 * 0.577 * Math.max(...wanted) * 500 ** -0.5);
    expect(Number(found.details?.completenessError)).toBeLessThan(0.12 * Math.abs(Number(found.details?.difference)));
  });

  test("Gradient SHAP's noise adds w σ² in the network's numbers: (x + n)² for x²", async () => {
    const symmetric = classifierOf((g, x) => weigh(g, g.op("Mul", [x, x])), "symmetric");
    const gray = floatTensor(new Float32Array(count).fill(0.5), image.shape);
    // At gray, which the network sees as 0, with 0 as the baseline: E 2 α n · n = σ².
    const asked = { label: 0, baseline: "zero", samples: 1000, batch: 100, readout: "net", noise: 0.2 } as const;
    const { map, evaluations } = await gradientShap.explain(symmetric, gray, asked);
    expect(evaluations).toEqual({ forward: 0, gradient: 1000 });
    const exact = net(weights.map((w) => w * 0.04));
    for (const [i, value] of exact.entries()) expect(Math.abs(map.data[i] - value)).toBeLessThan(0.02);
    const none = await gradientShap.explain(symmetric, gray, { ...asked, samples: 3, noise: 0 });
    expect(Math.max(...none.map.data)).toBe(0);
  });
});

test("baselines of another size are refused", () => {
  const wrong = [floatTensor(new Float32Array(12), [3, 2, 2])];
  expect(() => expectedGradients.check(linear, { baselines: wrong })).toThrow(
    "expected-gradients: baselines: not an image of the network's size, expected [3, 4, 4], got [3, 2, 2]",
  );
  expect(() => Reflect.apply(gradientShap.check, gradientShap, [linear, { baselines: [1] }])).toThrow(
    /gradient-shap: baselines: .*expected a list of images/,
  );
});

test("the same points in batches", async () => {
  const asked = { label: 1, samples: 5 };
  const one = await gradientShap.explain(square, image, asked);
  const three = await gradientShap.explain(square, image, { ...asked, batch: 3 });
  for (const [i, value] of one.map.data.entries()) expect(three.map.data[i]).toBeCloseTo(value, 5);
});

test("as GradientShap of Captum on the same points", async () => {
  const folder = join(import.meta.dirname, "../../../test/fixtures/attribution");
  const { size, picture, networks } = JSON.parse(readFileSync(join(folder, "references.json"), "utf8"));
  const floats = (base64: string) => new Float32Array(Uint8Array.from(Buffer.from(base64, "base64")).buffer);
  const { label, maps, "gradient-shap": shares } = networks.plain;
  const model = readModel(readFileSync(join(folder, "plain.onnx")));
  const classifier = createClassifier(model, { runtime: referenceRuntime, preprocessing: "symmetric" });
  let next = 0;
  const random = (): number => shares[next++];
  const { map } = await gradientShap.explain(classifier, floatTensor(floats(picture), [3, size, size]), {
    ...{ label, samples: shares.length, baseline: "black", noise: 0, readout: "net", random },
  });
  const wanted = floats(maps["gradient-shap black"]);
  const sums = Array.from({ length: size * size }, (_, i) =>
    Math.abs(wanted[i] + wanted[i + size * size] + wanted[i + 2 * size * size]),
  );
  const scale = Math.max(...sums);
  expect(scale).toBeGreaterThan(1e-3);
  for (const [i, value] of sums.entries()) expect(Math.abs(map.data[i] - value) / scale).toBeLessThan(1e-6);
  expect(next).toBe(shares.length);
});
