import { describe, expect, test } from "vitest";
import type { ImageTensor } from "../../../image/picture.ts";
import { GraphBuilder } from "../../../onnx/builder.ts";
import type { Model } from "../../../onnx/model.ts";
import { referenceRuntime } from "../../../runtime/reference-runtime.ts";
import { modelOf } from "../../../runtime/session.ts";
import { floatTensor } from "../../../tensor/tensor.ts";
import { createClassifier } from "../../classifier.ts";
import type { NormalizationName } from "../preprocessing.ts";
import { drawnDigits } from "./drawn-digits.ts";
import { probePreprocessing } from "./probe-preprocessing.ts";
import { readersOf } from "./read-digits.ts";

const digits = drawnDigits(28, 28);
const negative = ({ data, shape }: ImageTensor): ImageTensor =>
  floatTensor(
    data.map((value) => 1 - value),
    shape,
  );

/** Compares relu(factor · x + offset) with the first `count` drawn digits. */
function reader(factor: number, offset: number, count = 10): Model {
  const g = new GraphBuilder();
  const image = g.input("x", "float32", [1, 1, 28, 28]);
  // Three pixels wide, so that it is a layer and no normalization.
  const filter = g.constant(floatTensor([0, 0, 0, 0, factor, 0, 0, 0, 0], [1, 1, 3, 3]), "w");
  const lit = g.op("Relu", [
    g.op("Conv", [image, filter, g.constant(floatTensor([offset], [1]))], { pads: [1, 1, 1, 1] }),
  ]);
  const templates = digits.slice(0, count).map(({ data }) => {
    const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
    const norm = Math.hypot(...data.map((value) => value - mean));
    return data.map((value) => (value - mean) / norm);
  });
  const columns = Float32Array.from({ length: 784 * count }, (_, i) => templates[i % count][Math.floor(i / count)]);
  g.output(g.op("MatMul", [g.op("Flatten", [lit]), g.constant(floatTensor(columns, [784, count]))]), "logits");
  return modelOf(g.toGraph(), { producerName: "pytorch" });
}

async function probe(model: Model, images: readonly ImageTensor[], preprocessing?: NormalizationName) {
  const classifier = createClassifier(model, { runtime: referenceRuntime, preprocessing });
  const guess = await probePreprocessing(classifier, images, { runtime: referenceRuntime });
  return { ...guess, codes: (guess.warnings ?? []).map(({ code }) => code) };
}

test("digits are light strokes on dark ground, of any size", () => {
  for (const [height, width] of [
    [28, 28],
    [32, 32],
    [20, 28],
  ]) {
    for (const { data, shape } of drawnDigits(height, width)) {
      expect(shape).toEqual([1, height, width]);
      const mean = data.reduce((sum, value) => sum + value, 0) / data.length;
      expect(mean).toBeGreaterThan(0.04);
      expect(mean).toBeLessThan(0.2);
      expect([Math.min(...data), Math.max(...data)]).toEqual([0, 1]);
    }
  }
});

describe("a network of digits", () => {
  test("what it does not read under is ruled out, and pixels to 255 are tried where nothing smaller is left", async () => {
    const unit = await probe(reader(4, -2), digits.slice(0, 3));
    expect(unit.name).toBe("unit");
    expect(unit.reason).toMatch(/of ten drawn digits it reads 10 under /);
    const bytes = await probe(reader(1 / 255, -0.5), digits.slice(0, 3));
    expect(bytes.name).toBe("bytes");
    expect(bytes.reason).toMatch(
      /^of ten drawn digits it reads 10 under bytes, [0-4] under .*mean confidence on 3 pictures: bytes/,
    );
  });

  test("pictures on the other ground are a warning, under given numbers too", async () => {
    const light = reader(4, -2);
    const pictures = digits.slice(2, 5);
    expect((await probe(light, pictures)).codes).toEqual([]);
    const inverted = await probe(light, pictures.map(negative), "unit");
    expect(inverted.codes).toEqual(["other-ground"]);
    expect(inverted.warnings?.[0].message).toMatch(
      /^the network reads light digits on dark ground \(10 of ten drawn ones, \d of the negatives\), and 3 of 3 pictures are dark on light\. Invert them/,
    );
    const dark = reader(-4, 2);
    expect((await probe(dark, pictures.map(negative), "unit")).codes).toEqual([]);
    const [{ message }] = (await probe(dark, pictures.slice(0, 1), "unit")).warnings ?? [];
    expect(message).toMatch(
      /^the network reads dark digits on light ground .* the picture is light on dark\. Invert it/,
    );
  });

  test("one of fewer classes is not asked", async () => {
    expect((await probe(reader(4, -2, 9), digits.slice(0, 3))).reason).not.toContain("drawn digits");
  });
});

test("what is read as well as anything stays, and a network that reads few digits is none of digits", () => {
  const reading = (name: string, light: number, dark = 0) => ({ name, light, dark });
  expect(readersOf([reading("a", 5), reading("b", 3, 2)])).toBeUndefined();
  const names = (readersOf([reading("a", 9), reading("b", 6), reading("c", 5), reading("d", 1, 7)]) ?? []).map(
    ({ name }) => name,
  );
  expect(names).toEqual(["a", "b", "d"]);
});
