import * as ort from "onnxruntime-node";
import { afterAll, expect, test } from "vitest";
import { localizationRecord } from "../../../test/localization-record.ts";
import { tinyClassifier } from "../../../test/tiny-classifier.ts";
import { createClassifier } from "../../classifier/classifier.ts";
import type { DatasetImage } from "../../datasets/dataset.ts";
import { BadInputError } from "../../errors.ts";
import { localizationKey, type MethodRun } from "../../experiments/localization/protocol.ts";
import { boxesAsText, type LocalizationRecord } from "../../experiments/localization/record.ts";
import { summarizeMethods } from "../../experiments/localization/summary.ts";
import { defaultSummaryOptions } from "../../experiments/localization/summary-options.ts";
import { memoryStore } from "../../experiments/records/memory-store.ts";
import type { Box } from "../../image/geometry.ts";
import type { Picture } from "../../image/picture.ts";
import { gridKinds, thresholdGrids } from "../../localization/threshold-grids.ts";
import { findMethod } from "../../saliency/methods.ts";
import { floatTensor, tensorOf } from "../../tensor/tensor.ts";
import { comparisonFigure, localizationFigures, stagesFigure } from "./figures.ts";
import { inputCache, type Shown, shownOf } from "./shown.ts";
import { perturbationTile } from "./tiles.ts";

const classifier = createClassifier(tinyClassifier(), { runtime: ort, threads: 1 });
afterAll(() => classifier.dispose());

const right: Box = [0, 0, 12, 12];
const wrong: Box = [16, 16, 24, 24];
/** The value threshold at which every method is best: the third of the grid. */
const best = 2;

function recordOf(isRight: boolean): LocalizationRecord {
  // Right at the best threshold only, on the pictures that are right at all.
  const grid = (length: number): string =>
    boxesAsText(Array.from({ length }, (_, t) => (isRight && t === best ? right : wrong)));
  const grids = { value: "", percent: "", mean: "", energy: "" };
  for (const kind of gridKinds) grids[kind] = grid(thresholdGrids[kind].length);
  return localizationRecord(grids, { truth: 2, size: { width: 24, height: 24 }, truthBoxes: [right] });
}

const picture = async (): Promise<Picture> => ({
  width: 24,
  height: 24,
  channels: 3,
  data: new Uint8Array(3 * 24 * 24).fill(90),
});
const imageOf = (id: string, rest: Partial<DatasetImage> = {}): DatasetImage => ({
  id,
  className: `class of ${id}`,
  boxes: [right],
  picture,
  ...rest,
});
const runs: MethodRun[] = (["perceptual", "gradient"] as const).map((name) => ({
  name,
  method: findMethod(name),
  settings: {},
}));

/** A store with the records of these pictures: each method right on those named for it, and maps kept as `maps` says. */
async function figuresOf(
  images: readonly DatasetImage[],
  rights: Readonly<Record<string, readonly string[]>>,
  { rows = 4, hasMap = (_id: string, _method: string): boolean => true, hasPerturbation = false } = {},
) {
  const identity = { experiment: "localization", version: "1", model: "ab", data: "d", settings: {} };
  const store = memoryStore<LocalizationRecord>(identity);
  const items = images.flatMap((image) =>
    runs.map((run) => ({ key: localizationKey(image, run), image, run, keepsMap: true })),
  );
  for (const { key, image, run } of items) {
    const map = tensorOf("uint16", new Uint16Array(576).fill(65_535, 0, 60), [24, 24]);
    if (hasMap(image.id, run.name)) await store.writeArray(key, "map", map);
    if (hasPerturbation && run.name === "perceptual") {
      await store.writeArray(key, "perturbation", tensorOf("uint8", new Uint8Array(1728).fill(128), [3, 24, 24]));
    }
    const result = recordOf(rights[run.name]?.includes(image.id) ?? false);
    await store.append({ kind: "finished", key, result, seconds: 1, at: "2026-01-01" });
  }
  const methods = summarizeMethods(store.allRecords(), runs);
  let encoded = 0;
  const figures = await localizationFigures({
    ...{ classifier, items, runs, store, methods, rows },
    options: defaultSummaryOptions,
    encode: async ({ width, height, channels }) => `data:,${width}x${height}x${channels}-${encoded++}`,
  });
  const figure = (name: string) => figures.find((one) => one.name.startsWith(name));
  return { figures, figure };
}

const captions = (svg = ""): string[] =>
  [...svg.matchAll(/fill="(#[0-9a-f]+)">((?:✓ |✗ )?IoU [\d.]+)</g)].map(([, ink, text]) => `${ink} ${text}`);
const titles = (svg = ""): string[] => [...svg.matchAll(/<tspan[^>]*>([^<]*)<\/tspan>/g)].map(([, text]) => text);
/** A caption's color and its mark. */
const [green, red] = ["#0072b2 ✓", "#a34700 ✗"];

test("failures stand among failures, successes among successes, at the threshold that is best for the method", async () => {
  const images = ["a", "b", "c"].map((id) => imageOf(id));
  const { figure } = await figuresOf(images, { perceptual: ["a", "c"], gradient: ["b"] });
  expect(titles(figure("figure6")?.svg)).toContain("class of b");
  expect(titles(figure("figure6")?.svg)).not.toContain("class of a");
  expect(captions(figure("figure6")?.svg)).toEqual([`${red} IoU 0.00`]);
  expect(titles(figure("figure7")?.svg)).toEqual(expect.arrayContaining(["class of a", "class of c"]));
  expect(captions(figure("figure7")?.svg)).toEqual([`${green} IoU 1.00`, `${green} IoU 1.00`]);
  expect(figure("figure6")).toMatchObject({ title: "Failures of Perceptual perturbation" });
  expect(figure("figure6")?.caption).toContain("the first failure in the order of the data");
  expect(figure("figure7")?.caption).toContain("the first 2 successes in the order of the data");
  // Method by method, picture by picture: perceptual right, wrong, right; gradient wrong, right, wrong.
  const [no, yes] = [`${red} IoU 0.00`, `${green} IoU 1.00`];
  expect(captions(figure("figure4")?.svg)).toEqual([yes, no, yes, no, yes, no]);
});

test("a method whose map is missing leaves its place empty; a picture that cannot be read is left out", async () => {
  const broken = () => Promise.reject(new BadInputError({ where: "b", what: "gone" }));
  const images = [imageOf("a"), imageOf("b", { picture: broken }), imageOf("c")];
  const hasMap = (id: string, method: string) => !(id === "a" && method === "gradient");
  const { figure } = await figuresOf(images, { perceptual: ["a"], gradient: [] }, { hasMap });
  expect(captions(figure("figure4")?.svg)).toEqual([`${green} IoU 1.00`, `${red} IoU 0.00`, `${red} IoU 0.00`]);
  expect(titles(figure("figure4")?.svg)).not.toContain("class of b");
});

test("no more pictures than asked for, and no figures of nothing", async () => {
  const images = ["a", "b", "c", "d"].map((id) => imageOf(id));
  const { figure } = await figuresOf(images, { perceptual: ["a", "b", "c"], gradient: [] }, { rows: 1 });
  expect(captions(figure("figure7")?.svg)).toHaveLength(1);
  expect(captions(figure("figure4")?.svg)).toHaveLength(2);
  const none = await figuresOf(images, {}, { hasMap: () => false });
  expect(none.figures).toEqual([]);
  const allRight = await figuresOf([imageOf("a")], { perceptual: ["a"] });
  expect(allRight.figures.map(({ name }) => name)).toEqual([
    "figure3-explanations",
    "figure4-methods",
    "figure7-successes",
  ]);
});

test("perturbations have a column where there are any", async () => {
  const images = [imageOf("a"), imageOf("b")];
  const without = await figuresOf(images, { perceptual: ["a"] });
  expect(titles(without.figure("figure3")?.svg)).not.toContain("perturbation,");
  const { figure } = await figuresOf(images, { perceptual: ["a"] }, { hasPerturbation: true });
  expect(titles(figure("figure3")?.svg).filter((title) => title === "perturbation,")).toHaveLength(2);
  expect(figure("figure3")?.svg.match(/<image /g)).toHaveLength(6);
  expect(figure("figure7")?.svg.match(/<image /g)).toHaveLength(5);
});

test("class names are text, whatever is in them", async () => {
  const { figure } = await figuresOf([imageOf("a", { className: "<b>\u0007&\u202e, more" })], { perceptual: ["a"] });
  for (const name of ["figure3", "figure4", "figure7"]) {
    const { svg = "" } = figure(name) ?? {};
    expect(svg).toContain("&lt;b&gt;\\u{7}&amp;\\u{202e}");
    expect(svg).not.toMatch(/\p{Cc}|\u202e|<b>/u);
  }
});

test("methods can be columns as well, and a failure can say why", async () => {
  const images = [imageOf("a"), imageOf("b")];
  const identity = { experiment: "localization", version: "1", model: "ab", data: "d", settings: {} };
  const store = memoryStore<LocalizationRecord>(identity);
  for (const image of images) {
    for (const run of runs) {
      const key = localizationKey(image, run);
      await store.writeArray(key, "map", tensorOf("uint16", new Uint16Array(576).fill(65_535, 0, 60), [24, 24]));
      // Perceptual is right on "a", gradient on both.
      const result = recordOf(run.name === "gradient" || image.id === "a");
      await store.append({ kind: "finished", key, result, seconds: 1, at: "2026-01-01" });
    }
  }
  const source = { store, methods: summarizeMethods(store.allRecords(), runs), options: defaultSummaryOptions };
  const inputOf = inputCache(classifier);
  const compared: { own: Shown; results: (Shown | undefined)[] }[] = [];
  for (const image of images) {
    const results: (Shown | undefined)[] = [];
    for (const run of runs) results.push(await shownOf(image, run, inputOf, source));
    const [own] = results;
    if (own !== undefined) compared.push({ own, results });
  }
  const layout = { classifier, options: defaultSummaryOptions, encode: async () => "data:,x" };
  const svg = (await comparisonFigure(compared, runs, layout, { where: "w", columns: "methods" }))?.svg;
  const [no, yes] = [`${red} IoU 0.00`, `${green} IoU 1.00`];
  // Picture by picture, each with all methods.
  expect(captions(svg)).toEqual([yes, yes, no, yes]);
  expect(titles(svg)).toEqual([
    ...["picture", "Perceptual", "perturbation", "Gradient"],
    ...["class of a", "class of b"],
  ]);
  const plain = (await comparisonFigure(compared, runs, layout, { columns: "methods" }))?.svg ?? "";
  expect(plain.match(/>50 % inside</g)).toHaveLength(4);
  // The right boxes on the pictures alone, and none that was found.
  expect([plain.match(/rgb\(213,94,0\)/g)?.length, plain.match(/rgb\(86,180,233\)/g)]).toEqual([2, null]);
  const failed = compared.map(({ own }) => own).filter(({ isRight }) => !isRight);
  const [run] = runs;
  const stages = await stagesFigure(failed, run, layout, {
    which: "failures",
    where: "w",
    remark: () => "too <large>",
  });
  expect(stages?.svg).toContain(">✗ IoU 0.00, too &lt;large&gt;</text>");
});

test("an enhanced perturbation shows its usual values, and cuts off the few largest", () => {
  const data = new Float32Array(1200).fill(0.5);
  // 1 % of the values at a tenth of the largest, which is one of 1200.
  for (let i = 0; i < 12; i++) data[100 * i + 50] = i % 2 === 0 ? 0.55 : 0.45;
  data[0] = 1;
  const { data: bytes } = perturbationTile(floatTensor(data, [3, 20, 20]));
  const at = (c: number, i: number): number | undefined => bytes[3 * i + c];
  expect(at(0, 0)).toBe(255);
  expect([at(0, 50), at(0, 150), at(0, 51)]).toEqual([255, 0, 128]);
  const { data: still } = perturbationTile(floatTensor(new Float32Array(1200).fill(0.5), [3, 20, 20]));
  expect(new Set(still)).toEqual(new Set([128]));
});
