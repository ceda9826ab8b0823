import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { LocalizationSummary } from "../src/experiments/localization/summary.ts";
import { writePng } from "../src/node/pictures/write-image.ts";
import { renderScene } from "../src/scenes/scenes.ts";
import { runCli } from "./run-cli.ts";

let folder: string;
const path = (name: string): string => join(folder, name);
const benchmark = ["benchmark", "localization", "--threads", "1"];

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "perceptual-ball-localization-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

function summaryOf(out: string): LocalizationSummary {
  return JSON.parse(readFileSync(path(`${out}/results.json`), "utf8"));
}

test("a run writes tables, figures and a page, and a second one only reads", async () => {
  const argv = [
    ...benchmark,
    ...["--data", "scenes:3", "--methods", "gradient,grad-cam", "--curve-steps", "2"],
    ...["--variant", "hasty=perceptual,perceptualWeight=0.01,evaluations=6", "--set", "gradient.readout=sum"],
    ...["--sanity-check", "1", "--sanity-stages", "2", "--out", path("out")],
  ];
  const first = await runCli(argv);
  expect(first).toMatchObject({ code: 0 });
  expect(first.stdout).toMatch(/^error +value +percent +mean +energy/);
  expect(first.stdout).toContain(join(path("out"), "index.html"));
  const summary = summaryOf("out");
  expect(summary.methods.map(({ name }) => name)).toEqual([
    "gradient",
    "grad-cam",
    "hasty",
    "whole picture",
    "centered box",
  ]);
  expect(summary.data).toEqual({ name: "scenes", images: 3 });
  expect(summary.methods[0].settings).toMatchObject({ readout: "sum" });
  expect(summary.methods[2].cost?.gradient).toBeLessThan(14);
  // On Scenes the exact mask is known.
  for (const method of summary.methods.slice(0, 3)) expect(method.averagePrecision?.count).toBe(3);
  expect(summary.methods[0].curves?.insertion).toHaveLength(3);
  // Two stages of three methods; the last randomizes every layer.
  expect(summary.sanity).toHaveLength(6);
  expect(summary.sanity.every(({ rankCorrelation }) => Math.abs(rankCorrelation) < 0.95)).toBe(true);
  expect(summary.problems).toEqual([]);

  expect(readdirSync(path("out/figures")).sort()).toEqual(
    expect.arrayContaining(["error-value.png", "figure3-explanations.png", "figure4-methods.png", "insertion.png"]),
  );
  const page = readFileSync(path("out/index.html"), "utf8");
  expect(page).toContain("Which explanation finds the object?");
  expect(page).not.toMatch(/undefined|NaN|\[object/);
  // It needs nothing else.
  expect(page).not.toMatch(/<script|<link|(?:src|href)="(?!data:|#)/);
  expect(readFileSync(path("out/table1.md"), "utf8")).toContain("| whole picture |");
  expect(readFileSync(path("out/table1.csv"), "utf8").split("\r\n")).toHaveLength(1 + 5 * 4 + 1);

  const records = readFileSync(path("out/records-1.jsonl"), "utf8");
  const again = await runCli([...argv, "--json"]);
  expect(again.code).toBe(0);
  expect(readFileSync(path("out/records-1.jsonl"), "utf8")).toBe(records);
  expect(readFileSync(path("out/index.html"), "utf8")).toBe(page);
  expect(
    again.stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line)),
  ).toEqual(summary.methods);

  // Another criterion needs no new maps.
  expect((await runCli([...argv, "--connectivity", "none", "--match", "above"])).code).toBe(0);
  expect(readFileSync(path("out/records-1.jsonl"), "utf8")).toBe(records);
  expect(summaryOf("out").options).toMatchObject({ connectivity: "none", match: "above" });
});

test("pictures that cannot be read are named in the report, and the others are done", async () => {
  const data = path("pictures");
  const { image, box } = renderScene({ seed: 77, index: 1 });
  await writePng(join(data, "good.png"), image);
  writeFileSync(join(data, "bad.png"), "not a picture");
  const line = (name: string) => `${name},${box.join(",")},duck`;
  writeFileSync(
    join(data, "boxes.csv"),
    `image,x0,y0,x1,y1,class\n${line("good.png")}\n${line("bad.png")}\n${line("gone.png")}\n`,
  );
  const { code, stderr } = await runCli([
    ...benchmark,
    ...["--data", data, "--label", "predicted", "--methods", "gradient,grad-cam", "--curve-steps", "0"],
    ...["--out", path("partial")],
  ]);
  expect(code).toBe(1);
  expect(stderr).toContain("bad.png");
  const { data: used, problems, accuracy } = summaryOf("partial");
  expect(used.images).toBe(1);
  expect(accuracy).toBeNull();
  expect(problems.map(({ image }) => image).sort()).toEqual([
    expect.stringContaining("bad"),
    expect.stringContaining("gone"),
  ]);
  expect(problems.find(({ image }) => image.includes("bad"))?.message).toContain("(grad-cam, gradient)");
  expect(readFileSync(path("partial/index.html"), "utf8")).toContain("Left out: 2");
});

test("what cannot be meant is refused before anything runs", async () => {
  const refused = async (...argv: string[]): Promise<string> => {
    const { code, stderr } = await runCli([...benchmark, "--data", "scenes:1", "--out", path("never"), ...argv]);
    expect(code).toBe(2);
    expect(existsSync(path("never"))).toBe(false);
    return stderr;
  };
  expect(await refused("--methods", "gradeint")).toContain("Did you mean gradient?");
  expect(await refused("--methods", "gradient", "--set", "rise.masks=3")).toContain("--set: no such method runs");
  expect(await refused("--set", "rise")).toContain("rise.masks=1000");
  expect(await refused("--variant", "gradient=grad-cam")).toContain('"gradient" is taken already');
  expect(await refused("--methods", "none")).toContain("no method is to run");
  expect(await refused("--match", "about")).toContain("at-least, above");
});

test("--metrics measures every map further, in the table, the page and measures.csv; without it there is nothing of them", async () => {
  const argv = [...benchmark, "--data", "scenes:2", "--curve-steps", "0", "--figure-rows", "0", "--keep-maps", "0"];
  const methods = ["--methods", "grad-cam"];
  const asked = [
    "--metrics",
    "sparseness,road,max-sensitivity,sensitivity-n",
    "--smooth",
    "2",
    "--out",
    path("metrics"),
  ];
  const { code, stderr } = await runCli([...argv, ...methods, ...asked]);
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
  const { methods: summaries, settings } = summaryOf("metrics");
  expect(settings).toMatchObject({
    metrics: ["road", "sensitivity-n", "max-sensitivity", "sparseness"],
    smoothing: { samples: 2 },
  });
  const [{ metrics = {}, cost }, whole] = summaries;
  expect(whole.metrics).toBeUndefined();
  expect(Object.keys(metrics)).toEqual(["road", "sensitivity-n", "max-sensitivity", "sparseness"]);
  for (const name of ["road", "max-sensitivity", "sparseness"] as const) {
    expect(metrics[name]?.count).toBe(2);
    expect(metrics[name]?.value).toBeGreaterThan(0);
  }
  expect(Math.abs(metrics["sensitivity-n"]?.value ?? 2)).toBeLessThanOrEqual(1 + 1e-9);
  // What measuring takes is not what explaining takes.
  expect(cost).toMatchObject({ forward: 0, gradient: 2 });
  const markdown = readFileSync(path("metrics/table1.md"), "utf8");
  expect(markdown).toMatch(/\| Method \|.*\| ROAD \| Sensitivity-n \| Max-sensitivity \| Sparseness \|/);
  expect(markdown).toContain("It is the mean of the maps of 2 copies with noise of 0.15 of the picture's range.");
  expect(readFileSync(path("metrics/measures.csv"), "utf8")).toMatch(/^[^\n]*,max_sensitivity,max_sensitivity_low,/);
  expect(readFileSync(path("metrics/index.html"), "utf8")).toContain("<th>ROAD<small>");
  const plain = await runCli([...argv, "--methods", "grad-cam", "--out", path("no-metrics")]);
  expect(plain.code).toBe(0);
  const [only] = summaryOf("no-metrics").methods;
  expect(Object.keys(only)).not.toContain("metrics");
  expect(readFileSync(path("no-metrics/measures.csv"), "utf8")).not.toContain("road");
  const wrong = await runCli([...argv, "--metrics", "raod", "--out", path("wrong")]);
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toContain("Did you mean road?");
}, 120_000);
