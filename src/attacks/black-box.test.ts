import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, test } from "vitest";
import { smallImages } from "../../test/small-network.ts";
import { type Classifier, createClassifier } from "../classifier/classifier.ts";
import type { Model } from "../onnx/model.ts";
import { parseModel } from "../onnx/text/parse.ts";
import { attackNamed, attacks } from "./attacks.ts";

const { weights } = JSON.parse(readFileSync(resolve(import.meta.dirname, "fixtures/attacks.json"), "utf8")) as {
  readonly weights: readonly { readonly shape: readonly number[]; readonly data: readonly number[] }[];
};

/** The small network with its first convolution in eight bits, or only with its image in them. */
function quantized(kind: "pairs" | "QLinearConv" | "bytes"): Model {
  const rows = weights.map(({ shape, data }, i) => `float[${shape.join(", ")}] p${i} = {${data.join(", ")}}`);
  const step = Math.max(...weights[0].data.map(Math.abs)) / 127;
  const inBytes = (data: readonly number[], of: number): string => data.map((x) => Math.round(x / of)).join(", ");
  const eight = [
    "float s = {0.00392156862745098}, uint8 z = {0}, float ys = {0.03}, uint8 yz = {100}, int8 wz = {0}",
    `float ws = {${step}}, int8[8, 3, 3, 3] w = {${inBytes(weights[0].data, step)}}`,
    `int32[8] b = {${inBytes(weights[1].data, step / 255)}}`,
  ];
  const begin = kind === "bytes" ? "" : "q = QuantizeLinear (image, s, z)";
  const q = kind === "bytes" ? "image" : "q";
  const first =
    kind === "QLinearConv"
      ? "e = QLinearConv <pads = [1, 1, 1, 1]> (q, s, z, w, ws, wz, ys, yz, b)  c = DequantizeLinear (e, ys, yz)"
      : `d = DequantizeLinear (${q}, s, z)  c = Conv <pads = [1, 1, 1, 1]> (d, p0, p1)`;
  return parseModel(`
    <ir_version: 8, opset_import: ["" : 13]>
    small (${kind === "bytes" ? "uint8" : "float"}[N, 3, 8, 8] image) => (float[N, 4] logits)
    <${[...rows, ...eight].join(", ")}>
    { ${begin}  ${first}  r = Relu (c)  m = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (r)
      c2 = Conv <pads = [1, 1, 1, 1]> (m, p2, p3)  r2 = Relu (c2)  f = Flatten (r2)  logits = Gemm <transB = 1> (f, p4, p5) }`);
}

test("the attacks that see less than gradients are those that ask for none", () => {
  const seeing = attacks.filter(({ sees }) => sees !== undefined).map(({ name, sees }) => [name, sees]);
  expect(seeing).toEqual([
    ["square", "scores"],
    ["hopskipjump", "labels"],
  ]);
});

describe.each(["pairs", "QLinearConv", "bytes"] as const)(
  "a quantized model (%s), whose gradients nobody asks for",
  (kind) => {
    const classifier = createClassifier(quantized(kind), {
      runtime: ort,
      preprocessing: kind === "bytes" ? "bytes" : "unit",
    });
    afterAll(() => classifier.dispose());
    const refuse = (): never => {
      throw new Error("a gradient was asked for");
    };
    const forward: Classifier = {
      ...classifier,
      backward: refuse,
      marginGradients: refuse,
      marginGradient: refuse,
      objective: refuse,
      references: refuse,
      lpips: refuse,
    };

    test("is fooled without them", async () => {
      for (const [name, options] of [
        ["square", { epsilon: 0.12, queries: 200 }],
        ["hopskipjump", { steps: 3, firstDraws: 30 }],
      ] as const) {
        const results = await attackNamed(name).run(forward, smallImages.slice(1, 4), options);
        expect(results.map(({ outcome }) => outcome)).toContain("flipped");
        for (const { cost, rounded, label, raw } of results) {
          expect(cost.gradient).toBe(0);
          expect(raw.distances.perceptual).toBeGreaterThan(0);
          expect(rounded.success).toBe((await classifier.classify(rounded.image)).label !== label);
        }
      }
    });
  },
);
