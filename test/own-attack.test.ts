import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { floatTensor } from "../src/exports/onnx.ts";
import {
  ballOf,
  ballOptions,
  countOption,
  inLockstep,
  likelihoodOf,
  numberOption,
  projectOnBudget,
} from "../src/exports/optimize.ts";
import { createClassifier, defineAttack } from "../src/index.ts";
import { momentum, signStep } from "../src/optimize/update-rules.ts";
import { tinyClassifier } from "./tiny-classifier.ts";

// The example of docs/attacks.md, from here …
const momentumSteps = defineAttack({
  name: "mi-fgsm",
  title: "MI-FGSM",
  source: "Dong et al., Boosting adversarial attacks with momentum (CVPR 2018)",
  summary: "Sign steps along a velocity of normalized gradients.",
  version: 1,
  options: {
    ...ballOptions,
    steps: countOption("Steps.", { fallback: 10 }),
    kept: numberOption("The share of the velocity that is kept.", { min: 0, max: 1, fallback: 1 }),
  },
  search({ steps, kept, ...ball }, classifier) {
    const budget = ballOf("mi-fgsm", ball, classifier);
    const rule = momentum(signStep(budget.epsilon / steps), { kept, normalize: true });
    return {
      budget,
      settings: { steps, kept, ...budget },
      gradients: steps,
      run: inLockstep(likelihoodOf, function* ({ image }) {
        const point = image.slice();
        const update = rule<Float32Array>(point, projectOnBudget(image, budget));
        for (let iteration = 1; iteration <= steps; iteration++) {
          const { gradient } = yield { point, iteration };
          update(gradient, point, point);
        }
        return { point };
      }),
    };
  },
});
// … to here.

const classifier = createClassifier(tinyClassifier(), { runtime: ort, threads: 1 });
afterAll(() => classifier.dispose());
const image = floatTensor(
  Float32Array.from({ length: 3 * 24 * 24 }, (_, i) => 0.5 + 0.4 * Math.sin(i / 7)),
  [3, 24, 24],
);

test("the example of docs/attacks.md is this one", () => {
  const source = readFileSync(join(import.meta.dirname, "own-attack.test.ts"), "utf8");
  const [, example] = /from here …\n([\s\S]*?)\/\/ … to here/.exec(source) ?? [];
  expect(readFileSync(join(import.meta.dirname, "../docs/attacks.md"), "utf8")).toContain(example);
});

test("it takes one image or several and one epsilon or several, stays in its ball and lowers the likelihood", async () => {
  const [small, large] = await momentumSteps.attack(classifier, image, { epsilon: [0.01, 0.1], steps: 5 });
  const [alone] = await momentumSteps.attack(classifier, [image], { epsilon: 0.1, steps: 5 });
  expect(alone.raw.image.data).toEqual(large.raw.image.data);
  expect(small.raw.distances.linf).toBeCloseTo(0.01, 6);
  expect(large.raw.distances.linf).toBeCloseTo(0.1, 6);
  expect(large.raw.classConfidence).toBeLessThan(small.raw.classConfidence);
  expect(small.raw.classConfidence).toBeLessThan(small.clean.confidence);
  expect(large).toMatchObject({ attack: "mi-fgsm", settings: { steps: 5, kept: 1, norm: "linf", epsilon: 0.1 } });
  expect(large.cost.gradient).toBe(5);
  // @ts-expect-error A misspelt option.
  await expect(momentumSteps.attack(classifier, image, { step: 2 })).rejects.toThrow('Did you mean "steps"?');
});
