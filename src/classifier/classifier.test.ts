import { afterAll, expect, test } from "vitest";
import { tinyClassifier } from "../../test/tiny-classifier.ts";
import { MisuseError } from "../errors.ts";
import { referenceRuntime } from "../runtime/reference-runtime.ts";
import { gradient } from "../saliency/gradients/gradient.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { type Classifier, createClassifier } from "./classifier.ts";

const model = tinyClassifier();
const classifier = createClassifier(model, { runtime: referenceRuntime });
afterAll(() => classifier.dispose());

/** A classifier with an option that cannot be meant. */
const optioned = (options: object) => (): Classifier =>
  createClassifier(model, { runtime: referenceRuntime, ...options });

const long = { dtype: "float32", shape: [3, 24, 24], data: new Float32Array(10) };

test.each([
  [
    "a path",
    "dog.png",
    /^classifier\.classify: not an image, expected a float32 tensor \[3, 24, 24\], got "dog\.png"\. .*reads a file/,
  ],
  ["nothing", undefined, /got undefined/],
  ["bytes", new Uint8Array(9), /got a Uint8Array of 9 bytes/],
  [
    "another size",
    floatTensor(new Float32Array(12), [3, 2, 2]),
    /expected \[3, 24, 24\], got \[3, 2, 2\]\. classifier\.fit\(\)/,
  ],
  ["too few numbers", long, /got \[3, 24, 24\] with 10 numbers/],
  [
    "pixels from 0 to 255",
    floatTensor(new Float32Array(3 * 24 * 24).fill(200, 7), [3, 24, 24]),
    /not in pixels, expected numbers from 0 to 1; .*, got 200 at element 7\. Divide pixels from 0 to 255 by 255\.$/,
  ],
  [
    "no numbers",
    floatTensor(new Float32Array(3 * 24 * 24).fill(NaN, 7, 9), [3, 24, 24]),
    /not in pixels, expected numbers from 0 to 1; .*, got NaN at element 7\.$/,
  ],
])("%s for an image is refused", async (_, image, message) => {
  for (const attempt of [
    () => classifier.classify(image as never),
    () => classifier.marginGradient(image as never, 0),
  ]) {
    await expect(attempt()).rejects.toThrow(MisuseError);
  }
  await expect(classifier.classify(image as never)).rejects.toThrow(message);
});

test.each([
  [
    "a path",
    "dog.png",
    /^classifier\.fit: not a picture, .*got "dog\.png"\. readImage\(\) reads a file and fits it\.$/,
  ],
  ["nothing", undefined, /got undefined/],
  ["something else", { width: 3 }, /got an object with width/],
  [
    "pixels from 0 to 255",
    floatTensor(new Float32Array(27).fill(200), [3, 3, 3]),
    /the picture is not in pixels.*got 200/,
  ],
  ["no numbers", floatTensor(new Float32Array(27).fill(NaN), [3, 3, 3]), /the picture is not in pixels.*got NaN/],
])("%s for a picture is refused", (_, picture, message) => {
  expect(() => classifier.fit(picture as never)).toThrow(MisuseError);
  expect(() => classifier.fit(picture as never)).toThrow(message);
});

test("a far larger number than noise makes of pixels is refused by methods too, and noise is not", async () => {
  const { shape } = classifier.fit({ width: 1, height: 1, channels: 3, data: new Uint8Array(3) });
  const bytes = floatTensor(new Float32Array(3 * 24 * 24).fill(200), shape);
  await expect(gradient.explain(classifier, bytes)).rejects.toThrow(/^gradient: image 0 is not in pixels.*Divide/);
  const noisy = floatTensor(new Float32Array(3 * 24 * 24).fill(-0.75, 0, 99), shape);
  expect((await gradient.explain(classifier, noisy)).map.shape).toEqual([24, 24]);
  const smoothing = { samples: 2, noise: 500 };
  const half = floatTensor(new Float32Array(3 * 24 * 24).fill(0.5, 0, 99), shape);
  expect((await gradient.explain(classifier, half, { label: 0, smoothing })).map.shape).toEqual([24, 24]);
});

test("a name is no list of layers", () => {
  expect(() => classifier.selectLayers("Relu" as never)).toThrow(/selectLayers: not a list of layers.*got "Relu"/);
});

test.each([
  [
    "a path for the model",
    () => createClassifier("model.onnx" as never, { runtime: referenceRuntime }),
    /not a model.*got "model\.onnx"\. loadClassifier/,
  ],
  [
    "no options",
    () => createClassifier(model, undefined as never),
    /createClassifier: runtime: no runtime, expected the module/,
  ],
  ["no runtime", () => createClassifier(model, {} as never), /createClassifier: runtime: no runtime/],
  ["a runtime's name", () => createClassifier(model, { runtime: "node" as never }), /not a runtime.*got "node"/],
  [
    "a misspelt option",
    () => createClassifier(model, { runtime: referenceRuntime, thread: 1 } as never),
    /Did you mean "threads"/,
  ],
  ["threads in quotes", optioned({ threads: "2" }), /model: threads: .*an integer from 1 to 1024, got "2"\./],
  ["no list of providers", optioned({ providers: "cpu" }), /model: providers: .*a list of names.*got "cpu"/],
  ["null for providers", optioned({ providers: null }), /model: providers: .*got null/],
  ["a word for a flag", optioned({ lowMemory: "yes" }), /model: lowMemory: .*true or false, got "yes"/],
  ["a misspelt head", optioned({ head: "multilabel" }), /model: head: .*Did you mean "multi-label"/],
  ["one number for a size", optioned({ inputSize: 224 }), /model: inputSize: .*two positive integers, got 224/],
  ["numbers for names", optioned({ labels: [0, 1, 2] }), /model: labels: .*a list of names.*got an array of 3/],
  ["null for names", optioned({ labels: null }), /model: labels: .*got null/],
  ["a number for values of inputs", optioned({ inputs: 5 }), /model: inputs: .*an object, got 5/],
  ["null for values of inputs", optioned({ inputs: null }), /model: inputs: .*got null/],
  ["null for the preprocessing", optioned({ preprocessing: null }), /model: preprocessing: .*got null/],
  ["a list for the preprocessing", optioned({ preprocessing: [] }), /model: preprocessing: .*got an array of 0/],
  ["a number for the logits", optioned({ logits: 5 }), /model: logits: .*text, got 5/],
  ["memory in words", optioned({ allowMemory: "8GB" }), /model: allowMemory: .*got "8GB"/],
])("%s is refused", (_, create: () => Classifier, message) => {
  expect(create).toThrow(MisuseError);
  expect(create).toThrow(message);
});

test("an aborted call says why it was aborted", async () => {
  const image = classifier.fit({ width: 1, height: 1, channels: 3, data: new Uint8Array(3) });
  const reason = new Error("the user has left");
  const refusal = await classifier.classify(image, { signal: AbortSignal.abort(reason) }).catch((error) => error);
  expect(refusal).toMatchObject({ name: "AbortError", cause: reason });
  const later = new AbortController();
  const under = classifier.classify(image, { signal: later.signal }).catch((error) => error);
  later.abort(reason);
  expect(await under).toMatchObject({ name: "AbortError", cause: reason });
});
