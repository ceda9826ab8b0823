import { expect, test } from "vitest";
import { handModel as model, openHandNetwork as open } from "../../../test/hand-network.ts";
import { guidedRules } from "../../autodiff/guided-rules.ts";
import { MisuseError } from "../../errors.ts";
import { parseModel } from "../../onnx/text/parse.ts";
import { referenceRuntime } from "../../runtime/reference-runtime.ts";
import type { RuntimeSession } from "../../runtime/runtime.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { type Classifier, createClassifier } from "../classifier.ts";

/** For the network (1, 1.6): pre = h = (4.2, 0.6), logits (4.2, 1.2, −3.6). */
const image = Float32Array.of(0.75, 0.9);

function expectClose(actual: ArrayLike<number> | undefined, expected: readonly number[]): void {
  expect(actual).toHaveLength(expected.length);
  expected.forEach((value, i) => {
    expect(actual?.[i]).toBeCloseTo(value, 5);
  });
}

test("a pass back gives the cotangents of layers that lie behind one another, and of the image", async () => {
  const classifier = open();
  const layers = classifier.selectLayers(["pre", "h", "logits"]);
  const pass = await classifier.backward({ of: "logits", layers });
  const [result] = await pass.run([{ image, seed: Float32Array.of(0, 1, 0) }]);
  expectClose(result.logits, [4.2, 1.2, -3.6]);
  expect(result.activations.map((row) => row.length)).toEqual([2, 2, 3]);
  expectClose(result.activations[1], [4.2, 0.6]);
  expectClose(result.cotangents[0], [0, 2]);
  expectClose(result.cotangents[1], [0, 2]);
  expectClose(result.cotangents[2], [0, 1, 0]);
  // Aᵀ (0, 2), divided by the standard deviation.
  expectClose(result.gradient, [-8, 8]);
  await classifier.dispose();
});

test("cross-entropy's gradient is the seed −y at the logarithm of the probabilities", async () => {
  const classifier = open();
  const layers = classifier.selectLayers(["logits"]);
  const exponentials = [4.2, 1.2, -3.6].map(Math.exp);
  const total = exponentials.reduce((a, b) => a + b);
  const p = exponentials.map((e) => e / total);
  const ofLog = await classifier.backward({ of: "log-probabilities", layers, input: false });
  const [log] = await ofLog.run([{ image, seed: Float32Array.of(0, -1, 0) }]);
  expectClose(log.cotangents[0], [p[0], p[1] - 1, p[2]]);
  expect(log).not.toHaveProperty("gradient");
  const ofProbabilities = await classifier.backward({ of: "probabilities", layers, input: false });
  const [probability] = await ofProbabilities.run([{ image, seed: Float32Array.of(1, 0, 0) }]);
  expectClose(probability.cotangents[0], [p[0] * (1 - p[0]), -p[0] * p[1], -p[0] * p[2]]);
  await classifier.dispose();
});

test("rows of a batch are what each is alone, in all three passes", async () => {
  const classifier = open();
  const images = [image, Float32Array.of(0.2, 0.4)];
  const seeds = [Float32Array.of(0, 1, 0), Float32Array.of(1, 0, -1)];
  const backInputs = images.map((each, n) => ({ image: each, seed: seeds[n] }));
  const marginInputs = [
    { image: images[0], classIndex: 0 },
    { image: images[1], classIndex: 2, targeted: true },
  ];
  const layers = classifier.selectLayers(["h"]);
  const [forward, back, margins] = [
    await classifier.forward({ batch: 3 }),
    await classifier.backward({ of: "logits", batch: 3, layers }),
    await classifier.marginGradients({ batch: 3, rules: guidedRules }),
  ];
  const [forwardOne, backOne, marginsOne] = [
    await classifier.forward(),
    await classifier.backward({ of: "logits", layers }),
    await classifier.marginGradients({ rules: guidedRules }),
  ];
  const together = [await forward.run(images), await back.run(backInputs), await margins.run(marginInputs)] as const;
  for (const n of [0, 1]) {
    expect(together[0][n]).toEqual((await forwardOne.run([images[n]]))[0]);
    expect(together[1][n]).toEqual((await backOne.run([backInputs[n]]))[0]);
    expect(together[2][n]).toEqual((await marginsOne.run([marginInputs[n]]))[0]);
  }
  await classifier.dispose();
});

test("rows that lie one after the other in memory are taken as they lie", async () => {
  const classifier = open();
  const pass = await classifier.forward({ batch: 2 });
  const both = Float32Array.of(0.75, 0.9, 0.2, 0.4);
  const [first, second] = [both.subarray(0, 2), both.subarray(2)];
  const adjacent = await pass.run([first, second]);
  const swapped = await pass.run([second, first]);
  expect(adjacent.toReversed()).toEqual(swapped);
  expectClose(adjacent[0], [4.2, 1.2, -3.6]);
  await classifier.dispose();
});

test("what does not fit is refused with what was expected", async () => {
  const classifier = open();
  const pass = await classifier.forward();
  await expect(pass.run([image, image])).rejects.toThrow(/wrong number of images, expected 1 to 1, got 2/);
  await expect(pass.run([Float32Array.of(1)])).rejects.toThrow(/wrong size, expected 2 numbers \(\[1, 1, 2\]\)/);
  const back = await classifier.backward({ of: "logits" });
  await expect(back.run([{ image, seed: Float32Array.of(1) }])).rejects.toThrow(/seed has the wrong size, expected 3/);
  await expect(classifier.backward({ of: "loss" as never })).rejects.toThrow(/expected one of logits, probabilities/);
  await classifier.dispose();
});

test("a class that is none is refused", async () => {
  const classifier = open();
  const pass = await classifier.marginGradients();
  await expect(pass.run([{ image, classIndex: 3 }])).rejects.toThrow(/classIndex.*from 0 to 2.*got 3/);
  await classifier.dispose();
});

test.each([
  ["forward", (c: Classifier) => c.forward({ batches: 3 } as never), /Did you mean "batch"/],
  ["forward", (c: Classifier) => c.forward({ batch: 0 }), /forward: batch.*got 0/],
  ["backward", (c: Classifier) => c.backward(undefined as never), /backward: of: unknown value.*one of logits/],
  ["features", (c: Classifier) => c.features(undefined as never), /features: layers: not a list of layers/],
  [
    "distances",
    (c: Classifier) => c.distances({ layers: ["h"] as never }),
    /distances: layers.*an array of 1.*selectLayers/,
  ],
  ["objective", (c: Classifier) => c.objective({ layers: "h" as never }), /objective: layers.*got "h"/],
  [
    "references",
    (c: Classifier) => c.references({ layers: [], space: "bytes" as never }),
    /references: space.*pixels, network/,
  ],
])("wrong options of %s get the house's messages (%#)", async (_, ask, message) => {
  const classifier = open();
  await expect(ask(classifier)).rejects.toThrow(MisuseError);
  await expect(ask(classifier)).rejects.toThrow(message);
  await classifier.dispose();
});

test.each([
  ["an image for a list of images", image, /wrong number of images, expected 1 to 1|the images are no list/],
  ["nothing", undefined, /the images are no list, expected an array of 1 to 1, got undefined/],
  [
    "a tensor for its pixels",
    [{ shape: [1, 1, 2], data: image }],
    /image has the wrong size.*got an object with shape, data/,
  ],
])("what is no list of images is refused: %s", async (_, images, message) => {
  const classifier = open();
  const pass = await classifier.forward();
  await expect(pass.run(images as never)).rejects.toThrow(MisuseError);
  await expect(pass.run(images as never)).rejects.toThrow(message);
  await classifier.dispose();
});

test("after dispose() no pass runs and none is opened, and a session that was being made is released", async () => {
  let [created, released] = [0, 0];
  const counting = {
    ...referenceRuntime,
    InferenceSession: {
      create: async (bytes: Uint8Array) => {
        created++;
        const session = (await referenceRuntime.InferenceSession.create(bytes)) as RuntimeSession;
        return { ...session, release: async () => void released++ };
      },
    },
  };
  const classifier = createClassifier(model, { runtime: counting, where: "dog.onnx", preprocessing: "unit" });
  const problem = { marginTarget: -1, layerWeights: [], distanceWeight: 0, classIndex: 0 };
  const [forward, objective, references] = [
    await classifier.forward(),
    await classifier.objective({ layers: [] }),
    await classifier.references({ layers: [] }),
  ];
  const [reference] = await references.run([image]);
  const inTheMaking = classifier.marginGradients();
  const disposed = classifier.dispose();
  const late = [
    forward.run([image]),
    objective.run([{ image, problem: { ...problem, reference } }]),
    inTheMaking.then((pass) => pass.run([{ image, classIndex: 0 }])),
    classifier.forward(),
    classifier.backward({ of: "logits" }),
    classifier.classify(floatTensor(image, [1, 1, 2])),
    classifier.marginGradient(floatTensor(image, [1, 1, 2]), 0),
  ];
  for (const attempt of await Promise.allSettled(late)) {
    expect(attempt).toMatchObject({ status: "rejected", reason: expect.any(MisuseError) });
    expect(String(attempt.status === "rejected" && attempt.reason)).toMatch(/dog\.onnx: used after dispose\(\)\./);
  }
  await disposed;
  await classifier.dispose();
  expect([created, released]).toEqual([3, 3]);
});

test("one session serves all that ask for the same", async () => {
  const classifier = open();
  let created = 0;
  const counting = {
    ...referenceRuntime,
    InferenceSession: {
      create: (...args: unknown[]) => {
        created++;
        return (referenceRuntime.InferenceSession.create as (...args: unknown[]) => unknown)(...args);
      },
    },
  };
  const counted = createClassifier(model, { runtime: counting as typeof referenceRuntime, preprocessing: "unit" });
  await counted.forward();
  await counted.forward({ batch: 1 });
  await counted.marginGradients({ rules: guidedRules });
  await counted.marginGradients({ rules: guidedRules });
  await counted.marginGradients();
  expect(created).toBe(3);
  await counted.dispose();
  await classifier.dispose();
});

test("a model that is bound to its batch is run as often as it takes, and says so", async () => {
  // The mean over the images of the batch is the image itself, if there is one.
  const bound = parseModel(`
    <ir_version: 8, opset_import: ["" : 18]>
    net (float[1, 1, 1, 2] x) => (float[1, 3] logits)
    <float[2, 3] C = {1, 0, -1, 0, 2, 1}, int64[1] images = {0}>
    {
      flat = Flatten (x)
      mean = ReduceMean (flat, images)
      logits = MatMul (mean, C)
    }
  `);
  const classifier = createClassifier(bound, { runtime: referenceRuntime, preprocessing: "unit" });
  expect(classifier.prepared.notes).toEqual([
    "the model takes one image at a time, since ReduceMean (mean) computes with all pictures of a run at once",
  ]);
  const images = [0.1, 0.5, 0.3].map((value) => Float32Array.of(value, 1 - value));
  const logits = await (await classifier.forward({ batch: 3 })).run(images);
  logits.forEach((row, n) => {
    expectClose(row, [images[n][0], 2 * images[n][1], images[n][1] - images[n][0]]);
  });
  const pass = await classifier.backward({ of: "logits", batch: 3 });
  const results = await pass.run(images.map((each) => ({ image: each, seed: Float32Array.of(0, 1, 0) })));
  for (const { gradient } of results) expectClose(gradient, [0, 2]);
  const objective = await classifier.objective({ layers: [], batch: 3 });
  const references = await (await classifier.references({ layers: [], batch: 3 })).run(images);
  const problems = references.map((reference, n) => ({
    reference,
    classIndex: n,
    marginTarget: -1,
    layerWeights: [],
    distanceWeight: 0,
  }));
  const evaluations = await objective.run(images.map((each, n) => ({ image: each, problem: problems[n] })));
  expect(evaluations.map(({ margin }) => margin > 0)).toEqual([false, true, false]);
  await expect(objective.run([])).rejects.toThrow(/wrong number of images/);
  await classifier.dispose();
});

test("a model that takes any batch and compares its pictures with one another is given one at a time", async () => {
  // Whitened over everything that is there, as `x - x.mean()` of PyTorch does.
  const mixing = parseModel(`
    <ir_version: 8, opset_import: ["" : 18]>
    net (float[N, 1, 1, 2] x) => (float[N, 3] logits)
    <float[2, 3] C = {1, 0, -1, 0, 2, 1}>
    {
      mean = ReduceMean <keepdims = 0> (x)
      centered = Sub (x, mean)
      flat = Flatten (centered)
      logits = MatMul (flat, C)
    }
  `);
  const classifier = createClassifier(mixing, { runtime: referenceRuntime, preprocessing: "unit" });
  expect(classifier.prepared.batchFor(4)).toBe(1);
  expect(classifier.prepared.notes.join()).toContain("one image at a time, since ReduceMean (mean) computes with all");
  const images = [0.1, 0.6].map((value) => Float32Array.of(value, value + 0.2));
  const logits = await (await classifier.forward({ batch: 2 })).run(images);
  for (const row of logits) expectClose(row, [-0.1, 0.2, 0.2]);
  await classifier.dispose();
});

test("a model that takes two pictures and no fewer, and compares them, says what that means", async () => {
  const mixing = parseModel(`
    <ir_version: 8, opset_import: ["" : 18]>
    net (float[2, 1, 1, 2] x) => (float[2, 3] logits, float[2, 2] each)
    <float[2, 3] C = {1, 0, -1, 0, 2, 1}, int64[2] rows = {2, 2}>
    {
      mean = ReduceMean <keepdims = 0> (x)
      centered = Sub (x, mean)
      flat = Flatten (centered)
      logits = MatMul (flat, C)
      each = Reshape (x, rows)
    }
  `);
  const of = (logits: string) =>
    createClassifier(mixing, { runtime: referenceRuntime, preprocessing: "unit", logits }).prepared;
  expect(of("logits").warnings.map(({ code }) => code)).toContain("pictures-mixed");
  expect(of("logits").batchFor(4)).toBe(2);
  // What another output does is no matter of this one's.
  expect(of("each").warnings.map(({ code }) => code)).not.toContain("pictures-mixed");
});

test("distances are those to the clean image of the same row, whatever the batch and however many layers are compared", async () => {
  const classifier = open();
  const other = Float32Array.of(0.5, 0.75);
  const [h, logits, pre] = classifier.selectLayers(["h"]).concat(classifier.selectLayers(["logits", "pre"]));
  for (const batch of [2, 3]) {
    const compared = { layers: [h, logits], further: [pre], batch };
    const pass = await classifier.distances(compared);
    // For the network `other` is (0, 1): pre = h = (2, 1), logits (2, 2, −1).
    const clean = await (await classifier.features(compared)).run([image, other]);
    expectClose(
      clean[0].activations.flatMap((values) => [...values]),
      [4.2, 0.6, 4.2, 1.2, -3.6, 4.2, 0.6],
    );
    expectClose(clean[1].squaredNorms, [5, 9]);
    const [a, b] = await pass.run(clean.map((each) => ({ image: other, clean: each })));
    expectClose(a.logits, [2, 2, -1]);
    expectClose(a.squaredDistances, [2.2 ** 2 + 0.4 ** 2, 2.2 ** 2 + 0.8 ** 2 + 2.6 ** 2]);
    expect([...b.squaredDistances]).toEqual([0, 0]);
  }
  const [clean] = await (await classifier.features({ layers: [] })).run([image]);
  expect(clean.squaredNorms).toHaveLength(0);
  const nothing = await classifier.distances({ layers: [] });
  expect((await nothing.run([{ image: other, clean }]))[0].squaredDistances).toHaveLength(0);
  await classifier.dispose();
});
