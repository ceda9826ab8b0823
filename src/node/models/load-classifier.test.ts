import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, expect, test } from "vitest";
import { tinyClassifier } from "../../../test/tiny-classifier.ts";
import { writeModel } from "../../onnx/file/write-model.ts";
import { referenceRuntime } from "../../runtime/reference-runtime.ts";
import { checkWritableFolder } from "../check-folder.ts";
import { readImage } from "../pictures/read-input.ts";
import { writePng } from "../pictures/write-image.ts";
import { loadClassifier } from "./load-classifier.ts";

let folder: string;
const path = (name: string): string => join(folder, name);
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "perceptual-ball-classifier-"));
  writeFileSync(path("tiny.onnx"), writeModel(tinyClassifier()));
});
afterAll(() => rmSync(folder, { recursive: true }));

test("a classifier that knows its file, under two runtimes", async () => {
  const gray = { dtype: "float32", shape: [3, 5, 7], data: new Float32Array(105).fill(0.25) } as const;
  await writePng(path("gray.png"), gray);
  const [fast, exact] = await Promise.all(
    [ort, referenceRuntime].map((runtime) => loadClassifier(path("tiny.onnx"), { runtime })),
  );
  expect(fast.file).toMatchObject({ path: path("tiny.onnx"), folder, weightsFiles: [] });
  expect(fast.withPreprocessing(fast.guess).file).toBe(fast.file);
  const image = await readImage(path("gray.png"), fast.input);
  expect(image.shape).toEqual([3, 24, 24]);
  expect(image.data.every((value) => value === Math.fround(64 / 255))).toBe(true);
  const [a, b] = [await fast.classify(image), await exact.classify(image)];
  for (let k = 0; k < 4; k++) expect(a.logits[k]).toBeCloseTo(b.logits[k], 5);
  await fast.dispose();
});

test("labels from a file, with its line ends and its WordNet numbers", async () => {
  writeFileSync(path("labels.txt"), "\uFEFFn00000001 ant\r\nbee\r\ncat, tabby\r\ndog\r\n\r\n");
  const options = { runtime: referenceRuntime };
  const classifier = await loadClassifier(path("tiny.onnx"), { ...options, labels: path("labels.txt") });
  expect(classifier.labels).toEqual(["ant", "bee", "cat, tabby", "dog"]);
  await expect(loadClassifier(path("tiny.onnx"), { ...options, labels: path("none.txt") })).rejects.toThrow(
    /none.txt: no such file/,
  );
  await expect(loadClassifier(path("tiny.onnx"), { ...options, labels: "imagenet" })).rejects.toThrow(
    /expected 4 lines.*got 1000/,
  );
  await expect(loadClassifier(path("tiny.onnx"), { ...options, label: "x" } as never)).rejects.toThrow(
    /Did you mean "labels"/,
  );
});

test("wrong arguments get the house's messages", async () => {
  await expect(loadClassifier(path("tiny.onnx"), undefined as never)).rejects.toThrow(
    /^loadClassifier: runtime: no runtime, expected the module of onnxruntime-node.*import \* as runtime from 'onnxruntime-node'/,
  );
  await expect(loadClassifier(path("tiny.onnx"), { runtime: "node" } as never)).rejects.toThrow(
    /not a runtime.*got "node"/,
  );
  await expect(loadClassifier(new Uint8Array(3) as never, { runtime: ort })).rejects.toThrow(
    /^loadClassifier: not the path of a model, expected a string.*got a Uint8Array of 3 bytes/,
  );
});

test("a folder that can be written need not exist; nothing is created", () => {
  writeFileSync(path("file"), "");
  expect(() => checkWritableFolder(path("new/and/deep"))).not.toThrow();
  expect(() => checkWritableFolder(path("new"))).not.toThrow();
  expect(() => checkWritableFolder(path("file"))).toThrow(/file: is not a folder/);
  expect(() => checkWritableFolder(path("file/below"))).toThrow(/is a file, not a folder/);
  expect(() => checkWritableFolder(path("x".repeat(300)))).toThrow(/name too long/);
});
