/** @file The figures of the paper made again: which photographs they show, what is counted, and what stands where. No photographs and no networks. */

import { describe, expect, test } from "vitest";
import {
  choosePictures,
  type KnownPicture,
  knownPictures,
  missOf,
} from "../scripts/reproduce/figures/choose-pictures.ts";
import { figuresPage } from "../scripts/reproduce/figures/page.ts";
import { perturbationKindsFigure, perturbationsFigure } from "../scripts/reproduce/figures/perturbation-figures.ts";
import { summarizeChoices } from "../scripts/reproduce/figures/summarize-choices.ts";
import { boxesAsText, type LocalizationRecord } from "../src/experiments/localization/record.ts";
import { defaultSummaryOptions } from "../src/experiments/localization/summary-options.ts";
import type { LocalizationFinished } from "../src/experiments/localization/threshold-errors.ts";
import type { Box } from "../src/image/geometry.ts";
import type { ImageTensor, Picture } from "../src/image/picture.ts";
import { gridKinds, thresholdGrids } from "../src/localization/threshold-grids.ts";
import type { Shown } from "../src/report/localization/shown.ts";
import { floatTensor } from "../src/tensor/tensor.ts";
import { localizationRecord } from "./localization-record.ts";

const size = { width: 20, height: 20 };
const truth: Box = [0, 0, 10, 10];
const wrong: Box = [12, 12, 20, 20];

/** The place on the grid of value thresholds at which boxes are right, if they are: it has the least error. */
const best = 7;

function recordOf(image: string, method: string, isRight: boolean, rest: Partial<LocalizationRecord> = {}) {
  const grids = { value: "", percent: "", mean: "", energy: "" };
  for (const kind of gridKinds) {
    grids[kind] = boxesAsText(thresholdGrids[kind].map((_, t) => (isRight && t === best ? truth : wrong)));
  }
  const result = localizationRecord(grids, {
    ...{ predicted: { label: 3, confidence: 0.5 }, explained: 3, truth: 3, size, truthBoxes: [truth] },
    ...rest,
  });
  const finished: LocalizationFinished = {
    kind: "finished",
    key: { image, method, options: {} },
    result,
    seconds: 1,
    at: "2026-01-01",
  };
  return finished;
}

const known = (
  image: string,
  perceptual: boolean,
  deepfool: boolean,
  rest: Partial<KnownPicture> = {},
): KnownPicture => ({
  ...{ image, size, truthBoxes: [truth], found: perceptual ? truth : wrong },
  isRight: { perceptual, deepfool },
  energyInside: { perceptual: 0.6, deepfool: 0.4 },
  ...rest,
});

describe("which photographs are shown", () => {
  test("those that the network predicts right and both methods have met, in the order of the data, at each method's best threshold", () => {
    const records = [
      ...["a", "b", "c", "d"].map((id) => recordOf(id, "perceptual", id !== "c")),
      ...["a", "b", "c"].map((id) => recordOf(id, "deepfool", id === "c")),
      // Predicted wrong; and a method that decides nothing.
      recordOf("e", "perceptual", true, { truth: 4 }),
      recordOf("e", "deepfool", true, { truth: 4 }),
      recordOf("a", "gradient", true),
    ];
    const found = knownPictures(records, ["c", "e", "d", "b", "a"], defaultSummaryOptions);
    expect(found.map(({ image }) => image)).toEqual(["c", "b", "a"]);
    expect(found.map(({ isRight }) => isRight)).toEqual([
      { perceptual: false, deepfool: true },
      { perceptual: true, deepfool: false },
      { perceptual: true, deepfool: false },
    ]);
    expect(found.map((picture) => picture.found)).toEqual([wrong, truth, truth]);
  });

  test("the first that the figure's rule takes, and no more than its number", () => {
    const pictures = Array.from({ length: 40 }, (_, i) => known(String(i), i % 2 === 0, i % 3 === 0));
    const ids = (figure: Parameters<typeof choosePictures>[1]) =>
      choosePictures(pictures, figure).map(({ image }) => Number(image));
    expect(ids(1)).toEqual([0, 1, 2, 3]);
    expect(ids(3)).toEqual([1, 2, 4, 5, 7, 8, 10, 11, 13, 14, 16, 17]);
    expect(ids(4)).toEqual(ids(3).slice(0, 6));
    expect(ids(6)).toEqual([1, 3, 5, 7, 9, 11, 13, 15, 17, 19]);
    expect(ids(7)).toEqual([0, 2, 4, 6, 8, 10, 12, 14, 16, 18]);
    // A box on a quarter of the picture is no clutter; one on 15 % is, and so are two.
    expect(ids(2)).toEqual([]);
    const cluttered = [
      known("large", true, true),
      known("small", true, true, { truthBoxes: [[0, 0, 6, 10]] }),
      known("two", true, true, { truthBoxes: [truth, wrong] }),
    ];
    expect(choosePictures(cluttered, 2).map(({ image }) => image)).toEqual(["small", "two"]);
  });

  test("how a box misses", () => {
    const miss = (found: Box | null, truthBoxes: readonly Box[] = [truth]) => missOf({ found, truthBoxes, size });
    expect(miss([0, 0, 20, 16])).toBe("too large");
    expect(miss(null)).toBe("too large");
    expect(miss([2, 2, 6, 6])).toBe("too small");
    expect(miss([6, 0, 16, 10])).toBe("shifted");
    expect(miss(wrong)).toBe("elsewhere");
    expect(miss([6, 0, 16, 10], [truth, [12, 0, 20, 10]])).toBe("one of several");
    // Three quarters of the truth, and one percent less.
    expect(miss([0, 2.5, 20, 20])).toBe("too large");
    expect(miss([0, 2.6, 20, 20])).toBe("shifted");
  });

  test("what is counted is of all pictures", () => {
    const counted = summarizeChoices([
      known("a", true, true),
      known("b", true, false, { truthBoxes: [[0, 0, 20, 10]], energyInside: { perceptual: 0.8, deepfool: 0.4 } }),
      known("c", false, false, { found: [0, 0, 20, 16] }),
      known("d", false, false, { truthBoxes: [truth, wrong], energyInside: { perceptual: 0.2, deepfool: 0.1 } }),
      known("e", false, true, { energyInside: { perceptual: null, deepfool: 0.9 } }),
    ]);
    expect(counted.energyInside.perceptual).toBeCloseTo((0.6 + 0.8 + 0.6 + 0.2) / 4, 12);
    expect(counted.energyInside.deepfool).toBeCloseTo((0.4 + 0.4 + 0.4 + 0.1) / 4, 12);
    expect(counted.energyInsideCluttered).toEqual({ perceptual: 0.2, deepfool: 0.1 });
    expect([counted.deepfoolMisses, counted.foundWhereDeepfoolMisses]).toEqual([3, 1 / 3]);
    expect(counted.successes).toEqual({ count: 2, single: 1, covered: (0.25 + 0.5) / 2 });
    expect(counted.failures).toMatchObject({ count: 3, single: 2 / 3, covered: 0.25 });
    // The box of "d" is exactly one of its two: it holds it.
    expect(counted.failures.byKind).toEqual({
      ...{ "too large": 2 / 3, "too small": 0, "one of several": 0, shifted: 0 },
      elsewhere: 1 / 3,
    });
  });
});

describe("what stands where", () => {
  const input: ImageTensor = floatTensor(new Float32Array(1200).fill(0.5), [3, 20, 20]);
  const map = floatTensor(
    Float32Array.from({ length: 400 }, (_, i) => (i % 20 < 5 && i < 100 ? 1 : 0)),
    [20, 20],
  );
  const shown: Shown = {
    image: { id: "a", picture: async () => Promise.reject(new Error("not needed")) },
    ...{ input, map, perturbation: input, found: [0, 0, 5, 5], agreement: 0.25, isRight: false },
    record: recordOf("a", "perceptual", false),
    rule: { kind: "value", alpha: 0.5 },
  };
  const pictures: Picture[] = [];
  const encode = async (picture: Picture): Promise<string> => `data:,${pictures.push(picture)}`;
  /** Columns' headings, pictures' titles and captions, in the order of the file. */
  const texts = (svg: string) => [...svg.matchAll(/>([^<>\n]+)</g)].map(([, text]) => text);

  test("figure 1: picture, perturbed picture, map, component with both boxes", async () => {
    pictures.length = 0;
    const perturbed = floatTensor(new Float32Array(1200).fill(0.75), [3, 20, 20]);
    const svg = await perturbationsFigure(
      [
        {
          ...{ shown, perturbed, linf: 3 / 255 },
          before: { name: "tabby, tabby cat", confidence: 0.9 },
          after: { name: "lynx", confidence: 0.5 },
        },
      ],
      encode,
    );
    expect(svg.match(/<image /g)).toHaveLength(4);
    expect(pictures.slice(0, 2).map(({ data }) => data[0])).toEqual([128, 191]);
    // The component's picture keeps its brightness inside and is dim outside.
    expect([pictures[3]?.data[0], pictures[3]?.data[3 * 19]]).toEqual([128, 46]);
    const said = texts(svg);
    for (const text of ["tabby, 90 %", "lynx, 50 %, by at most 3/255", "✗ IoU 0.25"]) expect(said).toContain(text);
    expect(svg.indexOf(">picture<")).toBeLessThan(svg.indexOf(">perturbed picture<"));
    // 224 units for 20 pixels.
    expect(svg).toContain('width="56" height="56" fill="none" stroke="rgb(86,180,233)"');
    expect(svg).toContain('width="112" height="112" fill="none" stroke="rgb(213,94,0)"');
  });

  test("figure 2: a column for each kind, and a place left empty where a perturbation is missing", async () => {
    const compared = { title: "cat", input, perturbations: [shown, undefined, { ...shown, perturbation: undefined }] };
    const svg = await perturbationKindsFigure([compared], ["DeepFool", "ℓ2", "perceptual"], encode);
    expect(svg.match(/<image /g)).toHaveLength(2);
    expect(texts(svg).filter((text) => text === "50 % inside the box")).toHaveLength(1);
    for (const heading of ["picture", "DeepFool", "ℓ2", "perceptual"]) expect(texts(svg)).toContain(heading);
  });

  test("the page has a section for each figure, text from outside is escaped, and a figure that is missing has no picture", () => {
    const entry = { title: "<b>", paper: "p & q", here: ["one", "two"], source: "s" };
    const page = figuresPage(
      [
        { ...entry, number: 1, file: "figure-1.png" },
        { ...entry, number: 2 },
      ],
      "intro",
    );
    expect(page.match(/<section /g)).toHaveLength(2);
    expect(page.match(/<img /g)).toHaveLength(1);
    expect(page).toContain("Figure 1: &lt;b&gt;");
    expect(page).toContain("p &amp; q");
    expect(page).not.toContain("<b><");
  });
});
