import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, test } from "vitest";
import { createClassifier } from "../classifier/classifier.ts";
import { GraphBuilder, type Value } from "../onnx/builder.ts";
import { modelOf } from "../runtime/session.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { methodNamed } from "./methods.ts";

interface Golden {
  readonly versions: { readonly torch: string };
  readonly size: number;
  readonly label: number;
  readonly target: number;
  readonly logits: readonly number[];
  readonly weights: Readonly<Record<string, { readonly shape: readonly number[]; readonly data: string }>>;
  readonly picture: string;
  readonly maps: Readonly<Record<string, string>>;
}

const file = join(import.meta.dirname, "../../test/fixtures/saliency/golden.json");
const golden: Golden = JSON.parse(readFileSync(file, "utf8"));
const { size, label, target } = golden;

function floats(base64: string): Float32Array {
  return new Float32Array(Uint8Array.from(Buffer.from(base64, "base64")).buffer);
}

/** The network of golden.py; it is given 2 x − 1. */
function network() {
  const g = new GraphBuilder();
  const weight = (name: string): Value => {
    const { shape, data } = golden.weights[name];
    return g.constant(floatTensor(floats(data), shape), name);
  };
  const pads = [1, 1, 1, 1];
  const halving = { kernel_shape: [2, 2], strides: [2, 2] };
  const block = (x: Value, n: number): Value =>
    g.op("Relu", [g.op("Conv", [x, weight(`w${n}`), weight(`b${n}`)], { pads })]);
  const first = g.op("MaxPool", [block(g.input("image", "float32", [1, 3, size, size]), 1)], halving);
  const last = g.op("AveragePool", [block(block(first, 2), 3)], halving);
  g.output(g.op("Gemm", [g.op("Flatten", [last]), weight("w4"), weight("b4")], { transB: 1 }), "logits");
  return createClassifier(modelOf(g.toGraph()), { runtime: ort, preprocessing: "symmetric", threads: 1 });
}

describe(`as PyTorch ${golden.versions.torch} with reference implementations written from the papers`, () => {
  const classifier = network();
  const image = floatTensor(floats(golden.picture), [3, size, size]);
  afterAll(() => classifier.dispose());

  test("the logits", async () => {
    const { logits } = await classifier.classify(image);
    logits.forEach((logit, j) => {
      expect(logit).toBeCloseTo(golden.logits[j], 5);
    });
  });

  const options: Readonly<Record<string, object>> = {
    "gradient sum": { readout: "sum" },
    "gradient against": { target },
    "guided-grad-cam captum": { preset: "captum" },
    "guided-grad-cam cnnv": { preset: "cnnv" },
    "integrated-gradients pair": { preset: "pair" },
    "integrated-gradients cnnv": { preset: "cnnv" },
    "excitation-backprop Relu[0]": { layer: "Relu[0]" },
  };

  test.each(Object.keys(golden.maps))("%s", async (name) => {
    const { map } = await methodNamed(name.split(" ")[0]).explain(classifier, image, { label, ...options[name] });
    const wanted = floats(golden.maps[name]);
    const scale = wanted.reduce((max, value) => Math.max(max, value), 0);
    expect(scale).toBeGreaterThan(1e-4);
    const worst = wanted.reduce((max, value, i) => Math.max(max, Math.abs(value - map.data[i]) / scale), 0);
    expect(worst).toBeLessThan(1e-5);
  });
});
