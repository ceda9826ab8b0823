import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import type { MapRecord, PerturbationRecord } from "../../experiments/explanation/record.ts";
import { colorStops } from "../style/color-bar.ts";
import { overlayCaption, panelCaption } from "./caption.ts";

const label = { index: 1, name: "tabby, tabby cat", confidence: 0.87 };
const map: Partial<MapRecord> = {
  kind: "map",
  methodTitle: "Grad-CAM <2>",
  mapShows: "interest",
  model: { path: "/models/m.onnx", sha256: "ab" },
  label,
  target: null,
  box: [1, 2, 3, 4],
  groundTruth: null,
};
const changed: Partial<PerturbationRecord> = {
  ...{ methodTitle: map.methodTitle, model: map.model, label, target: null, box: map.box },
  kind: "perturbation",
  mapShows: "change",
  adversarialLabel: { index: 2, name: "lynx", confidence: 0.51 },
  groundTruth: { box: [0, 0, 4, 4], iou: 0.5 },
};
const texts = (svg: string): string[] =>
  [...parseHTML(`<body>${svg}</body>`).document.querySelectorAll("text")].map(({ textContent }) => textContent ?? "");

test("an overlay's words: method, labels with per cent, what colors and boxes mean, the network", () => {
  const words = (record: Partial<MapRecord | PerturbationRecord>, width = 1000): string[] =>
    texts(overlayCaption({ record: record as PerturbationRecord, width }));
  expect(words(map)).toEqual(["Grad-CAM <2>", "tabby 87 %", "least", "most", "found box", "m.onnx"]);
  expect(words(changed)).toEqual([
    "Grad-CAM <2>",
    "tabby 87 % → lynx 51 %",
    ...["least", "most", "found box", "true box", "m.onnx"],
  ]);
  expect(words({ ...map, box: null, target: { index: 3, name: "ox" } })[1]).toBe("tabby 87 % rather than ox");
  // Where it is narrow, what does not fit is left out or cut off, and the drawing is not narrower than its words need.
  expect(words(changed, 40)).not.toContain("m.onnx");
  expect(overlayCaption({ record: changed as PerturbationRecord, width: 40 })).toContain('width="360"');
});

test("of names that are too long something is cut off, and of percentages nothing", () => {
  const long = (word: string) => ({ index: 1, name: word.repeat(40), confidence: 0.87 });
  const record = { ...changed, label: long("ab"), adversarialLabel: { ...long("cd"), confidence: 0.51 } };
  const [, line] = texts(overlayCaption({ record: record as PerturbationRecord, width: 480 }));
  expect(line).toMatch(/^(ab){4,}a?… 87 % → (cd){4,}c?… 51 %$/);
  const [original, perturbed] = texts(panelCaption({ record: record as PerturbationRecord, width: 956 }));
  expect(original).toMatch(/^original: (ab){4,}a?… 87 %$/);
  expect(perturbed).toMatch(/^perturbed: (cd){4,}c?… 51 %$/);
  const hebrew = { ...changed, label: { ...label, name: "חיפושית" } };
  expect(texts(overlayCaption({ record: hebrew as PerturbationRecord, width: 1000 }))[1]).toBe(
    "\u2068חיפושית\u2069 87 % → lynx 51 %",
  );
});

test("a panel's words stand below its tiles", () => {
  const svg = panelCaption({ record: changed as PerturbationRecord, width: 1852 });
  expect(texts(svg)).toEqual([
    "original: tabby 87 %",
    "perturbed: lynx 51 %",
    "where it was changed",
    "largest component and box",
    "Grad-CAM <2> · m.onnx",
    "least",
    "most",
  ]);
  const lefts = Array.from(svg.matchAll(/<text x="([\d.]+)"/g), ([, x]) => Number(x)).slice(0, 4);
  expect(lefts).toEqual([12, 472, 932, 1392]);
});

test("the bar goes through the colors of the map", () => {
  const svg = overlayCaption({ record: map as MapRecord, width: 800, colorMap: "viridis" });
  const stops = Array.from(svg.matchAll(/stop-color="([^"]+)"/g), ([, color]) => color);
  expect(stops).toEqual(colorStops("viridis"));
  expect([stops[0], stops.at(-1)]).toEqual(["rgb(68,1,84)", "rgb(253,231,37)"]);
});
