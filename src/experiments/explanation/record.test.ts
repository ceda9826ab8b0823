import * as ort from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { tinyClassifier } from "../../../test/tiny-classifier.ts";
import { createClassifier } from "../../classifier/classifier.ts";
import { mostProbable } from "../../classifier/logits.ts";
import { defaultLocalizationRule, localizeMap } from "../../localization/localize-map.ts";
import { findMethod } from "../../saliency/methods.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { explanationRecord } from "./record.ts";

const classifier = createClassifier(tinyClassifier(), { runtime: ort, threads: 1 });
afterAll(() => classifier.dispose());

/** A map of 24 × 24 that is 3 in a corner of 6 × 6 pixels and 1 at its last pixel. */
function cornerMap() {
  const data = new Float32Array(24 * 24);
  for (let y = 0; y < 6; y++) data.fill(3, 24 * y, 24 * y + 6);
  data[data.length - 1] = 1;
  return floatTensor(data, [24, 24]);
}

const rule = { ...defaultLocalizationRule, sigmaPixels: 0, threshold: { kind: "value", alpha: 0.5 } } as const;

function recordOf(map = cornerMap()) {
  return explanationRecord({
    image: "a.png",
    method: findMethod("gradient"),
    model: { path: "m.onnx", sha256: "ab" },
    classifier,
    pictureSize: { width: 48, height: 24 },
    clean: { label: 1, logits: Float32Array.of(0, Math.log(2), -1, -2), confidence: 0.5 },
    label: 1,
    evaluations: { forward: 1, gradient: 2 },
    settings: {},
    map,
    localized: localizeMap(map, rule),
    localizationRule: rule,
    groundTruth: [0, 0, 12, 12],
    seconds: 1,
    versions: { perceptualBall: "1", runtime: "r", platform: "p" },
    files: { input: "i", overlay: "o", panel: "p", map: "m", mapNpy: "n", result: "r" },
  });
}

test("boxes in pixels of the picture and of the input, and what lies in them", () => {
  const record = recordOf();
  // 48 × 24 becomes 24 × 24: widths are halved.
  expect(record.inputBox).toEqual([0, 0, 6, 6]);
  expect(record.box).toEqual([0, 0, 12, 6]);
  expect(record.groundTruth).toEqual({ box: [0, 0, 12, 12], iou: 0.5 });
  expect(record.boxShare?.area).toBe(36 / 576);
  // Of the squares: 36 · 3² of 36 · 3² + 1².
  expect(record.boxShare?.change).toBeCloseTo(324 / 325, 12);
});

test("margin and confidence are those of the class explained, on the clean picture", () => {
  const { label, margin } = recordOf();
  expect(label.confidence).toBeCloseTo(2 / (1 + 2 + Math.exp(-1) + Math.exp(-2)), 6);
  expect(margin.clean).toBeCloseTo(Math.LN2, 6);
});

test("a map that is zero everywhere has no box", () => {
  const record = recordOf(floatTensor(new Float32Array(576), [24, 24]));
  expect(record).toMatchObject({ box: null, inputBox: null, boxShare: null, groundTruth: { iou: 0 } });
});

test("the most probable classes, the first first, and of equal ones the one of the smaller number", () => {
  const { top } = recordOf();
  expect(top.clean.map(({ index }) => index)).toEqual([1, 0, 2, 3]);
  expect(top.clean[0].confidence).toBeCloseTo(2 / (1 + 2 + Math.exp(-1) + Math.exp(-2)), 6);
  expect(top.adversarial).toBeNull();
  expect(mostProbable([0, 3, 3, -1, 7, 2], 4)).toEqual([4, 1, 2, 5]);
});
