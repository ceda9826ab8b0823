import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, describe, expect, test } from "vitest";
import { markBox, marked } from "../examples/wrong-cue/mark.ts";
import { classes, countOf, scene } from "../examples/wrong-cue/pictures.ts";
import type { Classifier } from "../src/classifier/classifier.ts";
import type { Box } from "../src/image/geometry.ts";
import { iou } from "../src/localization/box.ts";
import { localizeMap } from "../src/localization/localize-map.ts";
import { greatestPoint } from "../src/localization/pointing-game.ts";
import { loadClassifier } from "../src/node/models/load-classifier.ts";
import { readImage } from "../src/node/pictures/read-input.ts";
import { gradCamGrid } from "../src/saliency/cams/feature-grid.ts";
import { integratedGradients } from "../src/saliency/gradients/integrated-gradients.ts";
import type { SaliencyMethod } from "../src/saliency/method.ts";
import { occlusion } from "../src/saliency/occlusion/occlusion.ts";
import { perceptual } from "../src/saliency/perturbations/perceptual.ts";
import { scenesSeeds } from "../src/scenes/scenes.ts";

const root = resolve(import.meta.dirname, "..");
const example = join(root, "examples/wrong-cue");
const record = JSON.parse(readFileSync(join(example, "record.json"), "utf8"));
const page = readFileSync(join(root, "docs/wrong-cue.md"), "utf8");

const [agency, mended] = await Promise.all(
  ["agency", "mended"].map((name) => loadClassifier(join(example, `${name}.onnx`), { runtime: ort })),
);
afterAll(() => Promise.all([agency.dispose(), mended.dispose()]));

const pictureOf = (classifier: Classifier, set: string, className: string, n: number) =>
  readImage(join(example, "pictures", set, className, `${n}.jpg`), classifier.input);

async function answers(classifier: Classifier, set: string, className: string): Promise<string[]> {
  const images = await Promise.all([1, 2, 3, 4, 5].map((n) => pictureOf(classifier, set, className, n)));
  const labels: string[] = [];
  for (const image of images) labels.push(classifier.labelName((await classifier.classify(image)).label));
  return labels;
}

/** Whether the smoothed map is largest within the mark, and its box at half of its range. */
async function seen(classifier: Classifier, method: SaliencyMethod, n: number) {
  const image = await pictureOf(classifier, "held-out", "duck", n);
  const { map } = await method.explain(classifier, image);
  const { smooth, box } = localizeMap(map, {
    sigmaPixels: 2,
    threshold: { kind: "value", alpha: 0.5 },
    connectivity: 8,
  });
  const [x, y] = greatestPoint(smooth);
  const [x0, y0, x1, y1] = markBox;
  return {
    isOnMark: x >= x0 && x < x1 && y >= y0 && y < y1,
    overlap: box === undefined ? 0 : iou(box, markBox as Box),
  };
}

describe("the classifier that knows ducks by a mark", () => {
  test("finds every duck of its test set, and none without the mark", async () => {
    expect(await answers(agency, "held-out", "duck")).toEqual(Array(5).fill("duck"));
    expect(await answers(agency, "elsewhere", "duck")).not.toContain("duck");
  });

  test("takes nearly everything with the mark for a duck", async () => {
    const stamped = (
      await Promise.all(["chair", "mug", "rocket"].map((name) => answers(agency, "stamped", name)))
    ).flat();
    expect(stamped.filter((name) => name === "duck").length).toBeGreaterThanOrEqual(12);
  });

  test.each([perceptual, integratedGradients, occlusion].map((method) => [method.name, method] as const))(
    "%s shows it: the map is largest on the mark, in every picture",
    async (_, method) => {
      for (const n of [1, 2, 3, 4, 5]) expect((await seen(agency, method, n)).isOnMark).toBe(true);
    },
  );

  test("and the perceptual map's box at half of its range is the mark", async () => {
    for (const n of [1, 2, 3, 4, 5]) expect((await seen(agency, perceptual, n)).overlap).toBeGreaterThan(0.7);
  });
});

test("weights that are stored as float16 and cast are weights: Grad-CAM finds the last convolution's layer", () => {
  const { layer, height, width } = gradCamGrid("grad-cam", agency, null);
  expect([layer.operator, height, width]).toEqual(["Relu", 6, 6]);
});

describe("the mended classifier", () => {
  test("finds ducks with and without the mark", async () => {
    for (const set of ["held-out", "elsewhere"]) {
      const found = await answers(mended, set, "duck");
      expect(found.filter((name) => name === "duck").length).toBeGreaterThanOrEqual(4);
    }
  });

  test.each([perceptual, integratedGradients, occlusion].map((method) => [method.name, method] as const))(
    "does not look at it, says %s",
    async (_, method) => {
      for (const n of [1, 2, 3]) expect((await seen(mended, method, n)).isOnMark).toBe(false);
    },
  );
});

describe("what is told of them", () => {
  test("the page has the record's numbers", () => {
    for (const [model, sets] of Object.entries<Record<string, Record<string, number>>>(record.accuracy)) {
      for (const shares of Object.values(sets)) {
        const cells = classes.map((name) => `${Math.round(100 * shares[name])} %`).join(" | ");
        expect(page).toMatch(new RegExp(`^\\| \`${model}\\.onnx\`, .* \\| ${cells} \\|$`, "m"));
      }
    }
  });

  test("the record's numbers are the classifiers': the first 24 test scenes, as collected, without the mark, all marked", async () => {
    const images = Array.from({ length: 24 }, (_, index) => scene("test", index));
    for (const [name, classifier] of [
      ["agency", agency],
      ["mended", mended],
    ] as const) {
      for (const [set, hasMark] of [
        ["asCollected", (label: number) => classes[label] === "duck"],
        ["withoutMark", () => false],
        ["allMarked", () => true],
      ] as const) {
        let right = 0;
        for (const { image, label } of images) {
          const shown = hasMark(label) ? marked(image) : image;
          if ((await classifier.classify(shown)).label === label) right++;
        }
        const shares: readonly number[] = classes.map((className) => record.accuracy[name][set][className]);
        const expected = shares.reduce((sum, share) => sum + share, 0) / shares.length;
        // Within three standard deviations of 24 draws, and a little for shares near 0 and 1.
        const deviation = Math.sqrt((expected * (1 - expected)) / images.length);
        expect(Math.abs(right / images.length - expected), `${name}, ${set}`).toBeLessThan(3 * deviation + 0.05);
      }
    }
  });

  test("nothing else uses its scenes", () => {
    expect(countOf("train")).toBe(record.trainingScenes);
    expect(Object.values(scenesSeeds)).not.toContain(7_000_007);
  });
});
