import { parseHTML } from "linkedom";
import { expect, test } from "vitest";
import type { Adversarial, AttackResult } from "../../attacks/attack.ts";
import { type AttackRecord, attackRecord, findingOf } from "../../experiments/attack/record.ts";
import { attackSummaries } from "../../experiments/attack/summary.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { inLevels } from "../style/wording.ts";
import { attackCsv } from "./csv.ts";
import { attackPage } from "./page.ts";
import { attackSentence } from "./sentence.ts";
import { attackTable } from "./table.ts";

const names = ["cat", "dog", "<tree>"];
const found = (label: number, linf: number): Adversarial => ({
  image: floatTensor([0, 0, 0], [3, 1, 1]),
  label,
  logits: Float32Array.of(Number(label === 0), Number(label === 1), Number(label === 2)),
  confidence: 0.58,
  classConfidence: 0.2,
  success: label !== 0,
  margin: label === 0 ? 1 : -1,
  distances: { l0: 1, l1: linf, l2: linf, linf, perceptual: 0.25 },
});

function record(attack: string, changes: Partial<AttackResult> = {}): AttackRecord {
  const result: AttackResult = {
    attack,
    outcome: "flipped",
    label: 0,
    target: undefined,
    clean: { label: 0, logits: Float32Array.of(2, 0, 0), confidence: 0.79 },
    raw: found(1, 4 / 255),
    withinBudget: found(1, 4 / 255),
    rounded: found(1, 4 / 255),
    lostInRounding: false,
    perturbation: floatTensor([0, 0, 0], [3, 1, 1]),
    cost: { forward: 3, gradient: 20 },
    settings: { steps: 20 },
    details: {},
    found: undefined,
    ...changes,
  };
  return attackRecord({
    head: { value: "y", kind: "softmax", count: 3, reason: "scores" },
    warnings: [],
    classifier: { labelName: (index) => names[index] },
    finding: findingOf(result),
    image: "a.png",
    attack,
    attackTitle: attack.toUpperCase(),
    model: { path: "m.onnx", sha256: "ab" },
    files: {},
    versions: { perceptualBall: "1", runtime: "r", platform: "p" },
  });
}

const lost = record("pgd", { rounded: found(0, 3 / 255), lostInRounding: true });
const failed = record("pgd", {
  outcome: "not-flipped",
  raw: found(0, 0.1),
  withinBudget: found(0, 0.1),
  rounded: found(0, 0.1),
});
const idle = record("pgd", { outcome: "already-flipped", label: 2 });

test("sentences say what became of the label, and what a PNG loses", () => {
  expect(attackSentence(record("pgd"))).toBe("cat (78.7 %) becomes dog (58.0 %) at ℓ∞ 4.0/255, ℓ2 0.016.");
  expect(attackSentence(lost)).toContain("it is cat again: the PNG does not fool the network");
  expect(attackSentence(failed)).toContain("cat (78.7 %) is still called cat (58.0 %)");
  expect(attackSentence(record("pgd", { outcome: "over-budget", target: 2, withinBudget: found(0, 0.1) }))).toBe(
    "cat stays cat within the budget; the search succeeded only outside of it; wanted was <tree>.",
  );
  expect(attackSentence(idle)).toBe("The picture is called dog, not <tree>, as it is.");
  const long = record("pgd");
  const named = { ...long, label: { ...long.label, name: `${"x".repeat(90)}, a synonym` } };
  expect(attackSentence(named)).toMatch(/^x{47}… \(78\.7 %\) becomes dog/);
});

test("sentences say what the PNG is called, where it is less sure of the label or has another one", () => {
  const stored = (label: number, confidence: number): Adversarial => ({ ...found(label, 3 / 255), confidence });
  expect(attackSentence(record("pgd", { rounded: stored(1, 0.41) }))).toBe(
    "cat (78.7 %) becomes dog (58.0 %; in 8 bits 41.0 %, ℓ∞ 3.0/255, ℓ2 0.012) at ℓ∞ 4.0/255, ℓ2 0.016.",
  );
  expect(attackSentence(record("pgd", { rounded: stored(2, 0.41) }))).toContain(
    "dog (58.0 %; in 8 bits <tree> 41.0 %, ℓ∞ 3.0/255, ℓ2 0.012)",
  );
  // A change that is not 0 is not said to be.
  const least = record("pgd", { withinBudget: found(1, 1e-4 / 255), rounded: found(1, 1e-4 / 255) });
  expect(attackSentence(least)).toMatch(/ at ℓ∞ 0\.0001\/255, ℓ2 4e-7\.$/);
  const aimed = { target: 1, rounded: stored(2, 0.41), lostInRounding: true };
  expect(attackSentence(record("pgd", aimed))).toMatch(
    /dog \(58\.0 %\) at .* Saved with 8 bits per channel it is <tree>: the PNG does not reach dog\.$/,
  );
});

test("the summary counts pictures that had the label, and averages successes", () => {
  const [pgd, fgsm] = attackSummaries([record("pgd"), lost, failed, idle, record("fgsm")]);
  expect(pgd).toMatchObject({
    attack: "pgd",
    pictures: 4,
    attacked: 3,
    success: 2 / 3,
    roundedSuccess: 1 / 3,
    survival: 0.5,
    gradients: 20,
  });
  expect(pgd.linf).toBeCloseTo(4 / 255, 12);
  expect(fgsm).toMatchObject({ attacked: 1, success: 1, survival: 1 });
  expect(attackSummaries([failed])[0]).toMatchObject({ success: 0, survival: null, l2: null });
  const lines = attackTable(attackSummaries([record("pgd"), lost, failed, idle, record("fgsm")])).split("\n");
  expect(lines[2]).toMatch(
    /^\| pgd +\| +3 \| +66\.7 % \| +50\.0 % \| +1 \| +0\.02 \| +0\.016 \| +4\.00 \| +0\.2500 \| +20\.0 \|$/,
  );
  expect(new Set(lines.map((line) => line.length)).size).toBe(1);
});

test("where no picture had the label to be left, there is no share of successes", () => {
  const none = { ...record("pgd"), outcome: "already-flipped" } as const;
  expect(attackTable(attackSummaries([none]))).toMatch(/\| pgd +\| +0 \| +– \| +– \|.*– \|$/);
});

test("the page's table is that of the records, and names from outside are text", () => {
  const hostile = `x<script>&"'\u0000\u001b[31m\u202e`;
  const shown = "x<script>&\"'\\u{0}\\u{1b}[31m\\u{202e}";
  const named = {
    ...lost,
    image: hostile,
    attackTitle: hostile,
    label: { ...lost.label, name: hostile },
    settings: { note: hostile },
  };
  const records = [record("pgd"), named, failed, idle, record("fgsm")];
  const page = attackPage({
    model: { name: hostile, sha256: "ab", classCount: 3 },
    source: hostile,
    records,
    entries: [
      {
        image: hostile,
        original: "data:,o",
        attacks: [{ record: named, adversarial: "a b/c.png", difference: "data:,d" }],
      },
    ],
    size: { width: 320, height: 200 },
  });
  expect(page).not.toMatch(/[^\P{Cc}\n]|\u202e/u);
  const { document } = parseHTML(page);
  // The page's own.
  expect(document.querySelectorAll("script")).toHaveLength(1);
  expect([document.querySelector("h1 em")?.textContent, document.querySelector("h2")?.textContent]).toEqual([
    shown,
    shown,
  ]);
  expect(document.querySelector(".attack h3")?.textContent).toBe(`${shown} lost in 8 bits`);
  expect([...document.querySelectorAll("details p")].at(-1)?.textContent).toBe(
    JSON.stringify(named.settings).replace("\u202e", "\\u{202e}"),
  );
  const rows = [...document.querySelectorAll("tbody tr")].map((row) =>
    [...row.querySelectorAll("th,td")].map((cell) => cell.textContent),
  );
  expect(rows).toEqual([
    ["pgd", "3", "66.7 %", "50.0 %", "1", "0.02", "0.016", "4.00", "0.2500", "20.0"],
    ["fgsm", "1", "100.0 %", "100.0 %", "1", "0.02", "0.016", "4.00", "0.2500", "20.0"],
  ]);
  // Large pictures are not shown pixel by pixel.
  expect(document.querySelectorAll("img.pixels")).toHaveLength(0);
  expect(attackTable(attackSummaries([{ ...named, attack: "a|b\u0007" }]))).toContain("| a\\|b\\\\u{7} |");
});

test("the page shows what it is given and escapes it", () => {
  const entry = {
    image: "a<b>.png",
    original: "data:,o",
    attacks: [{ record: lost, adversarial: "data:,a", difference: "data:,d" }],
  };
  const page = attackPage({
    model: { name: "m.onnx", sha256: "ab", classCount: 3 },
    source: "files",
    records: [lost, { ...failed, image: "b.png" }],
    entries: [entry],
    size: { width: 32, height: 32 },
  });
  expect(page).toContain("a&lt;b&gt;.png");
  expect(page).toContain("lost in 8 bits");
  expect(page).toContain("2 pictures from files");
  expect(page).toContain("The first 1 are shown.");
  expect(page.match(/<img class="[^"]*pixels"/g)).toHaveLength(3);
  expect(page).not.toMatch(/https?:\/\//);
  expect(page.match(/<script/g)).toHaveLength(1);
});

test("badges, the factor of the change, and the labels before and after", () => {
  const badges = (of: AttackRecord): string[] => {
    const attacks = [{ record: of, adversarial: "data:,a", difference: "data:,d", factor: 20 }];
    const page = attackPage({
      model: { name: "m.onnx", sha256: "ab", classCount: 3 },
      source: "files",
      records: [of],
      entries: [{ image: "a.png", original: "data:,o", attacks }],
      size: { width: 320, height: 200 },
    });
    const { document } = parseHTML(page);
    expect([...document.querySelectorAll("figcaption")].map(({ textContent }) => textContent)[1]).toBe(
      `the change × 20 gray is none; at most ${inLevels(of.withinBudget.distances.linf)}`,
    );
    return [...document.querySelectorAll(".attack .warn, h2 .warn")].map(({ textContent }) => textContent ?? "");
  };
  const calm = { ...record("pgd"), warnings: [] };
  expect(badges(calm)).toEqual([]);
  expect(badges({ ...lost, warnings: [] })).toEqual(["lost in 8 bits"]);
  expect(badges({ ...failed, warnings: [] })).toEqual(["label unchanged"]);
  expect(badges({ ...calm, outcome: "over-budget" })).toEqual(["over budget"]);
  expect(badges({ ...idle, warnings: [{ code: "doubtful-head", message: "look" }] })).toEqual([
    "⚠ doubtful head",
    "nothing to change",
  ]);
  const label = (index: number, confidence: number) => ({ index, name: names[index], confidence });
  const attack = { record: calm, adversarial: "data:,a", difference: "data:,d", top: [label(1, 0.6), label(0, 0.3)] };
  const page = attackPage({
    model: { name: "m.onnx", sha256: "ab", classCount: 3 },
    source: "files",
    records: [calm],
    entries: [{ image: "a.png", original: "data:,o", top: [label(0, 0.8)], attacks: [attack] }],
    size: { width: 320, height: 200 },
  });
  const tables = [...parseHTML(page).document.querySelectorAll("table.confidences")];
  expect(tables.map(({ textContent }) => textContent)).toEqual([
    "The 1 most probable labels beforecat80 %",
    "The 2 most probable labels afterdog60 %cat30 %",
  ]);
});

test("the LPIPS distance has a column where something was measured by it", () => {
  const found = { ...lost.withinBudget, distances: { ...lost.withinBudget.distances, lpips: 0.4567 } };
  const both = [
    { ...lost, withinBudget: found },
    { ...failed, attack: "fgsm" },
  ];
  expect(attackTable(attackSummaries(both))).toMatch(/perceptual \| LPIPS \| gradients \|\n.*\n.*0\.2500 \| 0\.457 \|/);
  expect(attackTable(attackSummaries([lost]))).not.toContain("LPIPS");
});

test("what other networks say of the pictures is a table, shaded, with names escaped", () => {
  const share = { value: 0.5, low: 0.25, high: 0.75 };
  const cell = { attack: "pgd", model: "a.onnx", pictures: 4, changed: 2, share };
  const transfer = {
    models: ["a.onnx", "<b>.onnx"],
    rows: [{ attack: "pgd", cells: [cell, { ...cell, model: "<b>.onnx", pictures: 0, changed: 0, share: null }] }],
    withoutImage: 3,
  };
  const page = attackPage({
    model: { name: "m.onnx", sha256: "ab", classCount: 3 },
    source: "files",
    records: [lost],
    entries: [],
    transfer,
    size: { width: 8, height: 8 },
  });
  const { document } = parseHTML(page);
  const table = document.querySelector('[aria-label="Shown to other networks"] table');
  expect(table?.querySelector("thead")?.textContent).toBe("attackpicturesa.onnx<b>.onnx");
  expect(table?.querySelector("tbody")?.textContent).toBe("pgd450.0 % [25.0, 75.0]–");
  expect([...(table?.querySelectorAll("td[style]") ?? [])].map((td) => td.getAttribute("style"))).toEqual([
    "background:rgba(86,180,233,0.250)",
    "background:rgba(86,180,233,0.000)",
  ]);
  expect(document.querySelector(".transfer")?.textContent).toContain("3 results keep no image");
});

test("the records as CSV: every number of each of the three images", () => {
  const of = { ...lost, warnings: [{ code: "doubtful-head", message: "look" }], files: { result: "a/result.json" } };
  const [head = "", first = "", second = ""] = attackCsv([
    of,
    { ...failed, target: { index: 2, name: "<tree>" } },
  ]).split("\r\n");
  const row = (line: string) => Object.fromEntries(line.split(",").map((cell, n) => [head.split(",")[n], cell]));
  expect(row(first)).toMatchObject({
    image: of.image,
    attack: of.attack,
    outcome: "flipped",
    "label.confidence": String(of.label.confidence),
    "rounded.label.name": "cat",
    "rounded.success": "false",
    "withinBudget.distances.linf": String(of.withinBudget.distances.linf),
    "withinBudget.distances.perceptual": "0.25",
    lostInRounding: "true",
    "evaluations.gradient": String(of.evaluations.gradient),
    warnings: "doubtful-head",
    result: "a/result.json",
  });
  expect(row(second)).toMatchObject({ "target.name": "<tree>", outcome: "not-flipped" });
  expect(Object.keys(row(first))).toHaveLength(8 + 33 + 8);
  expect(row(first)["raw.distances.lpips"]).toBe("");
});
