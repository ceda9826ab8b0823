import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, test } from "vitest";
import { createClassifier } from "../../classifier/classifier.ts";
import { readModel } from "../../onnx/file/read-model.ts";
import { referenceRuntime } from "../../runtime/reference-runtime.ts";
import type { Runtime } from "../../runtime/runtime.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import type { Explanation } from "../method.ts";
import { readOut } from "../readout.ts";
import { deepLift } from "./deep-lift.ts";
import { lrp } from "./lrp.ts";

/** What references.py wrote of one network: attributions [3, size, size] of its predicted class. */
interface Network {
  readonly logits: readonly number[];
  readonly label: number;
  readonly maps: Readonly<Record<string, string>>;
}

interface References {
  readonly versions: Readonly<Record<string, string>>;
  readonly size: number;
  readonly picture: string;
  readonly networks: Readonly<Record<"plain" | "residual" | "transformer", Network>>;
}

const folder = join(import.meta.dirname, "../../../test/fixtures/attribution");
const references: References = JSON.parse(readFileSync(join(folder, "references.json"), "utf8"));
const { size, versions, networks } = references;
const floats = (base64: string): Float32Array =>
  new Float32Array(Uint8Array.from(Buffer.from(base64, "base64")).buffer);
const image = floatTensor(floats(references.picture), [3, size, size]);

function open(name: keyof typeof networks) {
  const model = readModel(readFileSync(join(folder, `${name}.onnx`)));
  const on = (runtime: Runtime) => {
    const classifier = createClassifier(model, { runtime, preprocessing: "symmetric", threads: 1 });
    afterAll(() => classifier.dispose());
    return classifier;
  };
  return { classifier: on(ort), exact: on(referenceRuntime), ...networks[name] };
}

const opened = { plain: open("plain"), residual: open("residual"), transformer: open("transformer") };

test.each(["plain", "residual", "transformer"] as const)("the logits of %s", async (name) => {
  const { classifier, logits } = opened[name];
  const found = await classifier.classify(image);
  expect([...found.logits]).toEqual(logits.map((logit) => expect.closeTo(logit, 4)));
});

/** The largest distance of maps from what the reference's attribution gives, in units of its largest value, with two readouts. */
async function errorOf(
  attribution: string,
  explain: (readout: "sum" | "positive") => Promise<Explanation>,
): Promise<number> {
  const wanted = floatTensor(floats(attribution), image.shape);
  let worst = 0;
  for (const readout of ["sum", "positive"] as const) {
    const { map } = await explain(readout);
    const reference = readOut(wanted, readout);
    const scale = reference.data.reduce((max, value) => Math.max(max, value), 0);
    expect(scale).toBeGreaterThan(1e-4);
    for (const [i, value] of reference.data.entries()) {
      worst = Math.max(worst, Math.abs(value - map.data[i]) / scale);
    }
  }
  return worst;
}

const rules: Readonly<Record<string, object>> = {
  "epsilon-plus": { preset: "epsilon-plus" },
  "epsilon-plus-flat": { preset: "epsilon-plus-flat" },
  "epsilon-alpha2-beta1": { preset: "epsilon-alpha2-beta1" },
  "epsilon-alpha2-beta1-flat": { preset: "epsilon-alpha2-beta1-flat" },
  "epsilon-gamma-box": { preset: "epsilon-gamma-box" },
  "excitation-backprop": { preset: "excitation-backprop" },
  epsilon: { preset: "epsilon" },
  "epsilon 0.25": { preset: "epsilon", epsilon: 0.25 },
  gamma: { convolutions: "gamma", dense: "gamma" },
  "alpha-beta 3": { convolutions: "alpha-beta", dense: "alpha-beta", alpha: 3 },
  "first w-square": { preset: "epsilon", first: "w-square" },
  "no bias": { dense: "z-plus", bias: false },
};

describe.each(["plain", "residual"] as const)(
  `as zennit ${versions.zennit} with BatchNormalization merged: %s`,
  (name) => {
    const { exact, classifier, label, maps } = opened[name];
    test.each(Object.keys(rules))("%s", async (rule) => {
      const error = await errorOf(maps[`lrp ${rule}`], (readout) =>
        lrp.explain(exact, image, { label, readout, ...rules[rule] }),
      );
      expect(error).toBeLessThan(1e-6);
    });

    test("in float32 too, where nothing is divided by next to nothing", async () => {
      const error = await errorOf(maps["lrp epsilon-gamma-box"], (readout) =>
        lrp.explain(classifier, image, { label, readout, preset: "epsilon-gamma-box" }),
      );
      expect(error).toBeLessThan(1e-4);
    });
  },
);

describe.each(["plain", "residual"] as const)(`DeepLIFT as Captum ${versions.captum}: %s`, (name) => {
  const { exact, label, maps } = opened[name];
  test.each(["zero", "black"] as const)("from %s", async (baseline) => {
    const error = await errorOf(maps[`deep-lift ${baseline}`], (readout) =>
      deepLift.explain(exact, image, { label, readout, baseline }),
    );
    expect(error).toBeLessThan(1e-6);
  });
});

test("DeepLIFT is complete in a transformer", async () => {
  const { exact, label } = opened.transformer;
  for (const of of ["logits", "log-probabilities"] as const) {
    const { details } = await deepLift.explain(exact, image, { label, of });
    expect(Math.abs(Number(details?.difference))).toBeGreaterThan(0.01);
    expect(details?.completenessError).toBeLessThan(1e-4);
  }
});
