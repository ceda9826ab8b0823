import { describe, expect, test } from "vitest";
import { GraphBuilder } from "../../../onnx/builder.ts";
import type { Model } from "../../../onnx/model.ts";
import { normal } from "../../../random/distributions.ts";
import { createRandom } from "../../../random/random.ts";
import { referenceRuntime } from "../../../runtime/reference-runtime.ts";
import { modelOf } from "../../../runtime/session.ts";
import { renderScene } from "../../../scenes/scenes.ts";
import { floatTensor } from "../../../tensor/tensor.ts";
import { type ClassifierOptions, createClassifier } from "../../classifier.ts";
import { normalizations } from "../preprocessing.ts";
import { probePreprocessing } from "../probed/probe-preprocessing.ts";

interface Kind {
  /** By how much the weights of the first layer are smaller than for pixels to about 1. */
  readonly divisor?: number;
  readonly isResidual?: boolean;
  /** How far the windows of the first layer, 3 x 3, lie apart. */
  readonly stride?: number;
  readonly behind?: "Relu" | "ReduceMean";
  /** How many of the twelve filters do nothing. */
  readonly dead?: number;
  readonly size?: number;
}

/** A network whose normalizations are folded into its convolutions. */
function folded({
  divisor = 1,
  isResidual = true,
  stride = 1,
  behind = "Relu",
  dead = 0,
  size = 72,
}: Kind = {}): Model {
  const random = createRandom(5);
  const weights = (rows: number, columns: number, scale: number) =>
    Float32Array.from({ length: rows * columns }, (_, i) =>
      i < dead * columns && columns === 27 ? 0 : normal(random, 0, scale),
    );
  const g = new GraphBuilder();
  const image = g.input("x", "float32", [1, 3, size, size]);
  const first = g.constant(floatTensor(weights(12, 27, 0.3 / divisor), [12, 3, 3, 3]), "w");
  const conv = g.op("Conv", [image, first], { strides: [stride, stride] });
  let x = behind === "Relu" ? g.op("Relu", [conv]) : g.op("Sub", [conv, g.op("ReduceMean", [conv], { axes: [1] })]);
  for (let block = 0; block < 3; block++) {
    const inner = g.constant(floatTensor(weights(12, 12, 0.2), [12, 12, 1, 1]), `w${block}`);
    const y = g.op("Relu", [g.op("Conv", [x, inner])]);
    x = isResidual ? g.op("Add", [x, y]) : y;
  }
  g.output(g.op("Flatten", [g.op("GlobalAveragePool", [x])]), "logits");
  return modelOf(g.toGraph(), { producerName: "pytorch" });
}

const classifierOf = (model: Model, options: Partial<ClassifierOptions> = {}) =>
  createClassifier(model, { runtime: referenceRuntime, ...options });
const codesOf = (warnings: readonly { readonly code: string }[] = []) => warnings.map(({ code }) => code);

describe("the range of pixels that the weights of the first layer are made for", () => {
  test.each<[string, Kind, "unit" | "bytes" | undefined]>([
    ["about 1, of a network that was trained with normalizations", {}, "unit"],
    ["the same where a third of the filters do nothing", { dead: 4 }, "unit"],
    ["0 to 255", { divisor: 60 }, "bytes"],
    ["0 to 255, whatever it was trained with", { divisor: 60, isResidual: false }, "bytes"],
    ["about 1, which Caffe's networks without normalizations have as well", { isResidual: false }, undefined],
    ["neither", { divisor: 8 }, undefined],
    ["patches, which transformers normalize", { divisor: 60, stride: 3 }, undefined],
    ["outputs that are normalized", { divisor: 60, behind: "ReduceMean" }, undefined],
  ])("%s", (_, kind, range) => {
    expect(classifierOf(folded(kind)).guess.range).toBe(range);
  });

  test("larger networks of pixels to 255 are first taken to have Caffe's means, small ones none", () => {
    const large = classifierOf(folded({ divisor: 60, size: 192 }));
    expect(large.guess).toMatchObject({ name: "caffe", isUncertain: true, hasKnownChannels: false, warnings: [] });
    expect(large.guess.reason).toContain("its first layer are made for pixels from 0 to 255");
    expect(large.guess.preprocessing).toMatchObject(normalizations.caffe);
    const small = classifierOf(folded({ divisor: 60 }));
    expect(small.guess).toMatchObject({ name: "bytes", preprocessing: { channels: "rgb" } });
    const rgb = classifierOf(folded({ divisor: 60, size: 192 }), { preprocessing: { channels: "rgb" } });
    expect(rgb.guess.preprocessing.mean).toEqual(normalizations.caffe.mean.toReversed());
  });

  test("pictures are asked about no other range", async () => {
    for (const [divisor, size, tried] of [
      [1, 72, /(imagenet|unit|symmetric) [^:]*, (imagenet|unit|symmetric) [^:]*, (imagenet|unit|symmetric) [^,]*$/],
      [60, 72, /: bytes [^,]*$/],
      [60, 192, /: (caffe|bytes) [^,]*, (caffe|bytes) [^,]*$/],
    ] as const) {
      const images = [renderScene({ seed: 11, index: 0, size }).image];
      const classifier = classifierOf(folded({ divisor, size }));
      const guess = await probePreprocessing(classifier, images, { runtime: referenceRuntime });
      expect(guess.reason).toMatch(tried);
    }
  });

  test("a normalization to the other range is a warning, even as given", () => {
    const warned = ["pixels-of-another-range"];
    for (const preprocessing of ["imagenet", "unit", "symmetric"] as const) {
      expect(codesOf(classifierOf(folded({ divisor: 60 }), { preprocessing }).guess.warnings)).toEqual(warned);
      expect(codesOf(classifierOf(folded(), { preprocessing }).guess.warnings)).toEqual([]);
    }
    for (const preprocessing of ["bytes", "caffe"] as const) {
      expect(codesOf(classifierOf(folded({ divisor: 60 }), { preprocessing }).guess.warnings)).toEqual([]);
      const { warnings = [] } = classifierOf(folded(), { preprocessing }).guess;
      expect(codesOf(warnings)).toEqual(warned);
      expect(warnings[0].message).toMatch(/as these are prepared \(as given\) its outputs vary by \d\d,/);
    }
  });
});
