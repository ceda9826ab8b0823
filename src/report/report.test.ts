import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import { given } from "../../test/given.ts";
import { normalizations } from "../classifier/preprocessing/preprocessing.ts";
import { escapeMarkup } from "../escape-text.ts";
import type { MapRecord, PerturbationRecord } from "../experiments/explanation/record.ts";
import type { Picture } from "../image/picture.ts";
import { defaultLocalizationRule, localizeMap } from "../localization/localize-map.ts";
import { floatTensor } from "../tensor/tensor.ts";
import { type PageEntry, reportPage } from "./explanation/page.ts";
import { panelOf, stackPanels, tilesOf } from "./explanation/panel.ts";
import { explanationSentence, runSummary, summaryLine } from "./explanation/sentences.ts";
import { boxColors } from "./style/box-colors.ts";
import { colorBarGradient } from "./style/color-bar.ts";
import { pageStyle } from "./style/page-style.ts";
import { warningList } from "./style/warning-list.ts";
import { inLevels, percent, shortName } from "./style/wording.ts";

const sharp = { ...defaultLocalizationRule, sigmaPixels: 0, threshold: { kind: "value", alpha: 0.25 } } as const;

test("the dominant component of a map with two bumps is the larger one, whatever is the higher", () => {
  const data = new Float32Array(8 * 8);
  data[0] = 1;
  for (const y of [4, 5]) for (const x of [3, 4, 5]) data[8 * y + x] = 0.6;
  const localized = localizeMap(floatTensor(data, [8, 8]), sharp);
  expect(localized.box).toEqual([3, 4, 6, 6]);
  expect(localized.component.data.reduce((sum, value) => sum + value, 0)).toBe(6);
});

test("a map that is zero everywhere points at nothing", () => {
  const localized = localizeMap(floatTensor(new Float32Array(16), [4, 4]), defaultLocalizationRule);
  expect(localized.box).toBeUndefined();
  expect([...localized.component.data]).toEqual(Array(16).fill(0));
});

test("tiles: the component in color on dimmed gray; gray inputs become three channels", () => {
  const image = floatTensor(Float32Array.of(1, 1, 0, 0, 0, 0), [3, 1, 2]);
  const localized = localizeMap(floatTensor([0, 1], [1, 2]), sharp);
  const tiles = tilesOf({ image, perturbed: image, localized });
  const gray = Math.round(255 * (0.28 * 0.299 + 0.04));
  expect([...tiles.component.data]).toEqual([gray, gray, gray, 255, 0, 0]);
  expect([...tiles.map.data.subarray(3)]).toEqual([252, 255, 164]);
  const one = floatTensor([0, 1], [1, 1, 2]);
  expect([...tilesOf({ image: one, perturbed: one, localized }).original.data]).toEqual([0, 0, 0, 255, 255, 255]);
});

const plain = (width: number, height: number, value: number): Picture => ({
  width,
  height,
  channels: 3,
  data: new Uint8Array(3 * width * height).fill(value),
});

test("a panel: four tiles enlarged by a whole number, white between them, boxes on the last", () => {
  const tiles = {
    original: plain(40, 20, 10),
    perturbed: plain(40, 20, 20),
    map: plain(40, 20, 30),
    component: plain(40, 20, 40),
  };
  const panel = panelOf(tiles, [{ box: [10, 5, 20, 15], color: boxColors.found }]);
  // 448 / 40 is 11 and a bit.
  expect([panel.width, panel.height]).toEqual([4 * 440 + 5 * 12, 220 + 24]);
  const at = (x: number, y: number) => [
    ...panel.data.subarray(3 * (y * panel.width + x), 3 * (y * panel.width + x) + 3),
  ];
  expect(at(0, 0)).toEqual([255, 255, 255]);
  expect(at(12, 12)).toEqual([10, 10, 10]);
  expect(at(451, 231)).toEqual([10, 10, 10]);
  expect(at(452, 100)).toEqual([255, 255, 255]);
  expect(at(464, 100)).toEqual([20, 20, 20]);
  const left = 12 + 3 * 452;
  expect(at(left + 110, 12 + 100)).toEqual([86, 180, 233]);
  expect(at(left + 109, 12 + 100)).toEqual([0, 0, 0]);
  expect(at(left + 219, 12 + 100)).toEqual([86, 180, 233]);
  expect(at(left + 160, 12 + 55)).toEqual([86, 180, 233]);
  expect(at(left + 160, 12 + 110)).toEqual([40, 40, 40]);
  expect(at(left + 100, 12 + 100)).toEqual([40, 40, 40]);
  // 224² inputs are doubled, smoothly.
  expect(
    panelOf(
      {
        original: plain(224, 224, 1),
        perturbed: plain(224, 224, 1),
        map: plain(224, 224, 1),
        component: plain(224, 224, 1),
      },
      [],
    ).height,
  ).toBe(448 + 24);
});

test("numbers in words", () => {
  expect([0, 0.0004, 0.0042, 0.0149, 0.5, 0.9915, 1].map(percent)).toEqual([
    "0 %",
    "<0.1 %",
    "0.4 %",
    "1 %",
    "50 %",
    "99.2 %",
    "100 %",
  ]);
  expect(percent(0.99999)).toBe("100 %");
  expect([0.5 / 255, 8 / 255, 1].map(inLevels)).toEqual(["0.50/255", "8.0/255", "255/255"]);
  expect(shortName("tabby, tabby cat")).toBe("tabby");
  expect(shortName("x".repeat(48))).toBe("x".repeat(48));
  // Cut between characters, not between their halves.
  expect(shortName("🐈".repeat(49))).toBe(`${"🐈".repeat(47)}…`);
});

const record: PerturbationRecord = {
  number: null,
  image: "photos/<b>cat</b>.jpg",
  kind: "perturbation",
  mapShows: "change",
  method: "perceptual",
  methodTitle: "Perceptual perturbation",
  methodSummary: "How much each pixel changes.",
  methodSource: "Elliott & al.",
  model: { path: "m.onnx", sha256: "0123456789abcdef0123" },
  label: { index: 1, name: "tabby, tabby cat", confidence: 0.87 },
  adversarialLabel: { index: 2, name: "<script>", confidence: 0.51 },
  target: null,
  top: {
    clean: [
      { index: 1, name: "tabby, tabby cat", confidence: 0.87 },
      { index: 2, name: "<script>", confidence: 0.02 },
    ],
    adversarial: [
      { index: 2, name: "<script>", confidence: 0.51 },
      { index: 1, name: "tabby, tabby cat", confidence: 0.3 },
    ],
  },
  confidences: { label: { clean: 0.87, adversarial: 0.3 }, adversarialLabel: { clean: 0.02, adversarial: 0.51 } },
  margin: { clean: 2, adversarial: -0.1 },
  distances: { l0: 10, l1: 1, l2: 0.5, linf: 2 / 255, perceptual: 0.001 },
  evaluations: 50,
  forwardEvaluations: 2,
  outcome: "flipped",
  outcomeDescription: "The label is flipped.",
  solverOutcome: "Done.",
  rounded: { index: 2, name: "<script>", flipped: true },
  seconds: 1.23,
  box: [1, 2, 30, 40],
  inputBox: [0.5, 1, 15, 20],
  boxShare: { area: 0.2, change: 0.75 },
  groundTruth: { box: [0, 0, 30, 40], iou: 0.9 },
  layers: ["0 Relu[0] a"],
  settings: { preset: "auto", layers: ["a"], perceptualWeight: 2.7654, ...sharp, sigmaPixels: 2 },
  preprocessing: {
    ...normalizations.imagenet,
    layout: "nchw",
    geometry: { resize: { kind: "none" } },
    name: "imagenet",
    reason: "as given",
  },
  head: { value: "logits", kind: "softmax", count: 3, reason: "scores as they are given out" },
  labelsReason: "as given",
  warnings: [{ code: "doubtful-head", message: "this may be <no> classification" }],
  details: {},
  versions: { perceptualBall: "1", runtime: "r", platform: "p" },
  files: {
    input: "c t/input.png",
    overlay: "c t/overlay.png",
    panel: "c t/panel.png",
    map: "c t/map.png",
    mapNpy: "c t/map.npy",
    perturbed: "p",
    perturbation: "q",
    result: "r",
  },
};

test("a sentence for every outcome", () => {
  expect(explanationSentence(record)).toBe(
    "Tabby (87 %) becomes <script> (51 %) by a change of at most 2.0/255 per pixel. 75 % of the change lies in the box, which covers 20 % of what the network sees.",
  );
  const guided = { ...record, mapShows: "interest", boxShare: { area: 0.05, change: 0.47 } } as const;
  expect(explanationSentence(guided)).toMatch(/ 47 % of the map lies in the box, which covers 5 %/);
  expect(explanationSentence({ ...record, boxShare: { area: 1, change: 1 } })).toMatch(
    / The change is spread over all that the network sees\.$/,
  );
  const unmoved = {
    ...record,
    adversarialLabel: { ...record.label, confidence: 0.8 },
    outcome: "not-flipped",
    boxShare: null,
  } as const;
  // A weight that a search found last is no reason; one that was given may be.
  expect(explanationSentence(unmoved)).toBe("Tabby (87 %) stays tabby (80 %).");
  const given = { ...unmoved, settings: { ...unmoved.settings, iterations: 100 } };
  expect(explanationSentence(given)).toBe("Tabby (87 %) stays tabby (80 %) with a perceptual weight of 2.77.");
  const heldBack = { ...given, details: { hindrance: "The constraint holds it back." } };
  expect(explanationSentence(heldBack)).toBe("Tabby (87 %) stays tabby (80 %). The constraint holds it back.");
  expect(summaryLine(heldBack)).toMatch(/NOT FLIPPED \(The constraint holds it back\.\)/);
  expect(explanationSentence({ ...record, outcome: "already-flipped" })).toMatch(
    /^The network does not say tabby here/,
  );
  expect(explanationSentence({ ...record, outcome: "already-flipped", target: { index: 1, name: "cat" } })).toMatch(
    /^The network says cat already/,
  );
  expect(summaryLine(record, { isNamed: false })).toBe(
    "photos/<b>cat</b>.jpg: tabby 87 % → <script> 51 %  box [1, 2, 30, 40]  IoU 0.90  1.2 s",
  );
});

test("the page escapes what comes from outside, and needs nothing from elsewhere", () => {
  const model = { name: "<m>.onnx", sha256: record.model.sha256, classCount: 3, operations: 5, parameters: 1_234_567 };
  const tiles = { original: "data:o", perturbed: "data:p", map: "data:m", component: "data:c" };
  const entry = { record, size: { width: 32, height: 24 }, tiles, groundTruth: [0, 0, 15, 20] as const };
  const page = reportPage({ model, entries: [entry], failures: [{ image: "a&b", reason: "<bad>" }] });
  expect(page).not.toMatch(/<b>cat|<bad>|https?:\/\/|a&b/);
  // The one script is the page's own; the class of that name is escaped.
  expect(page.match(/<script/g)).toHaveLength(1);
  expect(page).toContain(escapeMarkup("a&b"));
  expect(page).toContain("1.23 million weights");
  // What the output was taken for, and what must be known before it is trusted.
  expect(page).toContain(escapeMarkup('value "logits", 3 classes'));
  expect(page).toContain(escapeMarkup("this may be <no> classification"));
  expect(page).not.toContain("<no>");
  expect(page).toContain('<rect class="found" x="0.5" y="1" width="14.5" height="19"/>');
  expect(page).toContain('class="pixels" width="32" height="24"');
  // Without tiles the files are shown: of the two pictures that are compared, of the map, and of the overlay.
  const linked = reportPage({ model, entries: [{ ...entry, tiles: undefined }], failures: [] });
  const shown = Array.from(linked.matchAll(/<img[^>]*src="([^"]*)"/g), ([, source]) => source);
  expect(shown).toEqual(["c%20t/overlay.png", "c%20t/input.png", "p", "c%20t/map.png"]);
  expect(linked.match(/<img/g)).toHaveLength(linked.match(/loading="lazy" decoding="async"/g)?.length ?? 0);
  expect(linked).not.toContain("Not explained");
});

const mapRecord: MapRecord = {
  ...record,
  kind: "map",
  mapShows: "interest",
  method: "grad-cam",
  methodTitle: "Grad-CAM",
  methodSummary: "Where <features> are.",
  methodSource: "Selvaraju",
  outcome: "explained",
  adversarialLabel: null,
  margin: { clean: 2, adversarial: null },
  distances: null,
  evaluations: 1,
  forwardEvaluations: 0,
  top: { clean: record.top.clean, adversarial: null },
  details: { gridSize: [7, 7], note: "<i>" },
  files: {
    input: "g/input.png",
    overlay: "g/overlay.png",
    panel: "g/panel.png",
    map: "g/map.png",
    mapNpy: "g/map.npy",
    result: "g/result.json",
  },
};

test("a map without a perturbation, in words", () => {
  expect(explanationSentence(mapRecord)).toBe(
    "Tabby (87 %). 75 % of the map lies in the box, which covers 20 % of what the network sees.",
  );
  expect(explanationSentence({ ...mapRecord, target: { index: 2, name: "lynx, catamount" } })).toMatch(
    /^Tabby \(87 %\) rather than lynx\./,
  );
  expect(explanationSentence({ ...mapRecord, boxShare: null })).toBe("Tabby (87 %). The map is empty.");
  expect(summaryLine(mapRecord)).toBe(
    "photos/<b>cat</b>.jpg: grad-cam  tabby 87 %  box [1, 2, 30, 40]  IoU 0.90  1.2 s",
  );
});

test("several methods of one picture make one article, with a row for each", () => {
  const model = { name: "m.onnx", sha256: record.model.sha256, classCount: 3, operations: 5, parameters: 10 };
  const tiles = { original: "data:o", map: "data:m", component: "data:c" };
  const size = { width: 32, height: 24 };
  const entries = [
    { record, size, tiles: { ...tiles, perturbed: "data:p" } },
    { record: mapRecord, size, tiles: { ...tiles, overlay: "data:v" } },
    { record: { ...mapRecord, image: "other.png" }, size, tiles: { ...tiles, overlay: "data:v" } },
  ];
  const page = reportPage({ model, entries, failures: [] });
  expect(page.match(/<article/g)).toHaveLength(2);
  expect(page.match(/<section class="method"/g)).toHaveLength(2);
  // What the network sees, once for each picture; the perturbed picture of the method that has one; the methods' sources once each.
  expect(page.match(/src="data:o"/g)).toHaveLength(2);
  expect(page.match(/src="data:p"/g)).toHaveLength(1);
  expect(page.match(/src="data:m"/g)).toHaveLength(3);
  expect(page).toContain("Methods: Elliott &amp; al.; Selvaraju.");
  expect(page).toContain("by 2 methods");
  expect(page).toContain('<p class="what">Where &lt;features&gt; are.</p>');
  expect(page).toContain("<dt>grid size</dt><dd>[7,7]</dd>");
  expect(page).toContain("&lt;i&gt;");
  expect(page).not.toContain("<i>");
});

test("the map over the picture covers it where it is high, and panels are stacked with one margin between", () => {
  const image = floatTensor(new Float32Array(12).fill(0.5), [3, 2, 2]);
  const localized = localizeMap(floatTensor([0, 0, 0, 1], [2, 2]), sharp);
  const tiles = tilesOf({ image, localized });
  expect(tiles.perturbed).toBeUndefined();
  expect([...given(tiles.overlay).data.subarray(0, 3)]).toEqual([128, 128, 128]);
  // 0.15 of gray and 0.85 of inferno's brightest, (252, 255, 164).
  expect([...given(tiles.overlay).data.subarray(9)]).toEqual(
    [252, 255, 164].map((c) => Math.round(0.15 * 127.5 + 0.85 * c)),
  );
  const one = panelOf(tiles, []);
  const two = stackPanels([one, one]);
  expect([two.width, two.height]).toEqual([one.width, 2 * one.height - 12]);
  expect(Buffer.compare(two.data.subarray(3 * two.width * (one.height - 12)), one.data)).toBe(0);
});

const pageOf = (given: PerturbationRecord | MapRecord, more: Partial<PageEntry> = {}): string =>
  reportPage({
    model: { name: "m.onnx", sha256: "ab", classCount: 3, operations: 5, parameters: 10 },
    entries: [{ record: given, size: { width: 224, height: 224 }, ...more }],
    failures: [],
  });
const documentOf = (page: string) => parseHTML(page).document;

test("before and after: a slider between two pictures, which are there without a script, and the labels of both", () => {
  const document = documentOf(pageOf(record));
  const compare = document.querySelector("figure.compare");
  expect([...(compare?.querySelectorAll("img") ?? [])].map((image) => image.getAttribute("src"))).toEqual([
    "c%20t/input.png",
    "p",
  ]);
  const slider = compare?.querySelector("input");
  expect(slider?.getAttribute("type")).toBe("range");
  expect(slider?.getAttribute("aria-label")).toBe("Where before ends and after begins, in per cent");
  // A number and its sign stay on one line.
  expect(compare?.querySelector("figcaption")?.textContent).toBe("before tabby 87\u00a0%after <script> 51\u00a0%");
  // The slider is hidden, and the pictures side by side, until the script says that it runs.
  expect(pageStyle).toMatch(/(^|\n)\.cut\{display:none\}/);
  expect(pageStyle).toMatch(/\n\.js \.cut\{display:block/);
  // A method that changes nothing has nothing to compare.
  expect(documentOf(pageOf(mapRecord)).querySelector("figure.compare")).toBeNull();
});

test("the most probable labels before and after, the one that is asked about in bold", () => {
  const rows = (given: PerturbationRecord | MapRecord) =>
    [...documentOf(pageOf(given)).querySelectorAll("table.confidences")].map((table) =>
      [...table.querySelectorAll("tr")].map(
        (row) => `${row.querySelector("th")?.textContent} ${row.querySelector(".value")?.textContent} ${row.className}`,
      ),
    );
  const before = ["tabby 87 % asked", "<script> 2 % "];
  expect(rows(record)).toEqual([before, ["<script> 51 % ", "tabby 30 % asked"]]);
  expect(rows(mapRecord)).toEqual([before]);
});

test("of many warnings of a kind three are shown and the others folded away", () => {
  const cropped = Array.from({ length: 5 }, (_, n) => ({
    code: "mostly-cropped",
    message: `${n}.png: <little> is seen`,
  }));
  const other = { code: "doubtful-head", message: "this may be no classification" };
  const list = documentOf(warningList([cropped[0], other, ...cropped])).querySelector("#warnings");
  const [first, second, third, rest, last, ...more] = list?.children ?? [];
  expect(more).toEqual([]);
  expect([first, second, third].map(({ textContent }) => textContent)).toEqual(
    [0, 1, 2].map((n) => `⚠ mostly cropped ${n}.png: <little> is seen`),
  );
  expect(rest.querySelector("summary")?.textContent).toBe("⚠ mostly cropped of 2 more");
  expect(rest.textContent).toContain("4.png: <little> is seen");
  expect(last.textContent).toBe("⚠ doubtful head this may be no classification");
});

test("badges: endings that are no success, what 8 bits lose, and warnings that lead to their sentences", () => {
  const badges = (given: PerturbationRecord | MapRecord) =>
    [...documentOf(pageOf(given)).querySelectorAll("h2 .warn")].map(({ textContent }) => textContent);
  const calm = { ...record, warnings: [] };
  expect(badges(calm)).toEqual([]);
  expect(badges({ ...calm, rounded: { index: 1, name: "tabby", flipped: false } })).toEqual(["lost in 8 bits"]);
  expect(badges({ ...calm, outcome: "not-flipped", rounded: { index: 1, name: "tabby", flipped: false } })).toEqual([
    "label unchanged",
  ]);
  expect(badges({ ...calm, outcome: "over-budget" })).toEqual(["lost by clipping"]);
  expect(badges(record)).toEqual(["⚠ doubtful head"]);
  const document = documentOf(pageOf(record));
  const target = document.querySelector("h2 a.warn")?.getAttribute("href");
  expect(document.querySelector(`${target} li`)?.textContent).toBe("⚠ doubtful head this may be <no> classification");
  expect(documentOf(pageOf(calm)).querySelector("#warnings")).toBeNull();
});

test("the change is shown with its factor, the map with a bar of its colors, and numbers fold away", () => {
  const document = documentOf(pageOf(record, { difference: { source: "data:x", factor: 50 } }));
  const change = document.querySelector('img[src="data:x"]')?.closest("figure");
  expect(change?.textContent).toBe("the change × 50 gray is none");
  expect(document.querySelectorAll(".ramp")).toHaveLength(1);
  expect(pageOf(record)).toContain(`.ramp{background:${colorBarGradient("inferno")}}`);
  for (const number of document.querySelectorAll("dl.numbers")) {
    expect(number.closest("details")).not.toBeNull();
  }
  expect(document.querySelectorAll("dl.numbers")).toHaveLength(1);
});

test("the first picture of an entry is the overlay on the whole picture, at its own size", () => {
  const overlay = { source: "data:w", width: 500, height: 375 };
  const first = documentOf(pageOf(record, { overlay })).querySelector("img");
  expect(["src", "width", "height"].map((name) => first?.getAttribute(name))).toEqual(["data:w", "500", "375"]);
});

test("a tall picture is as high as a screen, not as wide as its column", () => {
  const styleOf = (width: number, height: number) => {
    const page = pageOf(record, { overlay: { source: "data:w", width, height } });
    return documentOf(page).querySelector("figure.whole")?.getAttribute("style");
  };
  expect(styleOf(500, 375)).toBeNull();
  expect(styleOf(200, 800)).toBe("max-width:160px");
  expect(styleOf(10, 800)).toBe("max-width:120px");
});

test("many methods stand beside each other, few below each other", () => {
  const entryOf = (n: number) => ({ record: { ...mapRecord, methodTitle: `M${n}` }, size: { width: 32, height: 24 } });
  const model = { name: "m.onnx", sha256: "ab", classCount: 3, operations: 5, parameters: 10 };
  const classOf = (count: number) => {
    const entries = Array.from({ length: count }, (_, n) => entryOf(n));
    return documentOf(reportPage({ model, entries, failures: [] })).querySelector("article")?.className;
  };
  expect([3, 4].map(classOf)).toEqual(["comparison", "comparison many"]);
  expect(pageStyle).toMatch(/\.many \.methods\{display:grid/);
});

test("what did not flip is not said to have changed its name; a threshold reads as it is given", () => {
  const unmoved = { ...record, outcome: "not-flipped", rounded: { index: 1, name: "tabby", flipped: false } } as const;
  const lead = (given: PerturbationRecord) => documentOf(pageOf(given)).querySelector(".lead")?.textContent;
  expect(lead(record)).toMatch(/until the network gave it another name/);
  expect(lead(unmoved)).toMatch(/no change was found that makes the network give it another name\.$/);
  const bytes = (given: PerturbationRecord) => /<dt>as 8-bit PNG<\/dt><dd>([^<]*)</.exec(pageOf(given))?.[1];
  expect(bytes(unmoved)).toBe("tabby");
  expect(bytes({ ...record, rounded: unmoved.rounded })).toBe("back to tabby");
  expect(pageOf(record)).toContain("threshold value:0.25");
});

test("a run in one line: two methods are named with their boxes, more are counted", () => {
  const byMethod = (...names: string[]) => names.map((method) => ({ ...mapRecord, method }));
  const [took, truth] = ["3 s", "1 of 1"];
  expect(runSummary(byMethod("a", "b"), { took })).toBe(
    `1 picture: 1 box by a (${truth} at an IoU of ½ or more), 1 box by b (${truth} at an IoU of ½ or more); 3 s`,
  );
  expect(runSummary(byMethod("a", "b", "c"), { took })).toBe(
    `1 picture: 3 boxes by 3 methods (at an IoU of ½ or more: a ${truth}, b ${truth}, c ${truth}); 3 s`,
  );
  const blind = byMethod("a", "b", "c").map((one) => ({ ...one, groundTruth: null, box: null }));
  expect(runSummary(blind, { took })).toBe("1 picture: 0 boxes by 3 methods; 3 s");
  const unmoved = { ...record, outcome: "not-flipped", rounded: { ...record.rounded, flipped: false } } as const;
  expect(runSummary([record], { took })).toMatch(/^1 picture: 1 of 1 flipped, 1 survives 8 bits, 1 box/);
  expect(runSummary([unmoved], { took })).toMatch(/^1 picture: 0 of 1 flipped, 1 box/);
});
