import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClassifier } from "../src/classifier/classifier.ts";
import type { MapRecord, PerturbationRecord } from "../src/experiments/explanation/record.ts";
import { readNpy } from "../src/node/npy.ts";
import { readImageFile } from "../src/node/pictures/read-image.ts";
import { encodePng, writePng } from "../src/node/pictures/write-image.ts";
import { writeModel } from "../src/onnx/file/write-model.ts";
import { referenceRuntime } from "../src/runtime/reference-runtime.ts";
import { renderScene } from "../src/scenes/scenes.ts";
import { floatTensor } from "../src/tensor/tensor.ts";
import { given } from "./given.ts";
import { runCli } from "./run-cli.ts";
import { tinyClassifier, unitPreprocessing } from "./tiny-classifier.ts";

let folder: string;
let model: string;
const path = (name: string): string => join(folder, name);
const scene = (index: number) => renderScene({ seed: 5, index, size: 48 }).image;
const recordsOf = <Record = PerturbationRecord>(stdout: string): Record[] =>
  stdout.trim().split("\n").map((line) => JSON.parse(line)); // biome-ignore format: one line

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "perceptual-ball-cli-"));
  model = path("tiny.onnx");
  writeFileSync(model, writeModel(tinyClassifier()));
  for (const index of [0, 1, 2, 3]) await writePng(path(`scene${index}.png`), scene(index));
});
afterAll(() => rmSync(folder, { recursive: true }));

test("all files of a picture, and a record that agrees with them", async () => {
  const out = path("all");
  const { code, stdout, stderr } = await runCli([
    "explain",
    path("scene0.png"),
    "--model",
    model,
    "--out",
    out,
    "--method",
    "perceptual",
    "--json",
  ]);
  expect({ code, lines: stderr.trim().split("\n").length }).toEqual({ code: 0, lines: 5 });
  expect(stderr).toContain("preprocessing unit (the model's own metadata)");
  const [record] = recordsOf(stdout);
  expect(readdirSync(out).sort()).toEqual(["index.html", "results.csv", "run.json", "scene0"]);
  expect(readdirSync(join(out, "scene0")).sort()).toEqual([
    "input.png", "map.npy", "map.png", "overlay.png", "panel.png", "perturbation.png", "perturbed.png", "result.json",
  ]); // biome-ignore format: one line
  expect(JSON.parse(readFileSync(join(out, "scene0/result.json"), "utf8"))).toEqual(record);
  expect(record).toMatchObject({
    image: path("scene0.png"),
    method: "perceptual",
    outcome: "flipped",
    model: { path: model },
  });
  expect(record.model.sha256).toMatch(/^[0-9a-f]{64}$/);
  expect(record.adversarialLabel.index).not.toBe(record.label.index);
  expect(record.margin.clean).toBeGreaterThan(0);
  expect(record.margin.adversarial).toBeLessThan(0);
  expect(record.versions.runtime).toMatch(/^onnxruntime-node 1\./);

  // The labels are those that the reference evaluator gives the clean and the stored perturbed picture.
  const classifier = createClassifier(tinyClassifier(), { runtime: referenceRuntime });
  const clean = await classifier.classify(classifier.fit(await readImageFile(path("scene0.png"))));
  expect(record.label.index).toBe(clean.label);
  expect(record.label.confidence).toBeCloseTo(clean.confidence, 4);
  const stored = await classifier.classify(classifier.fit(await readImageFile(join(out, "scene0/perturbed.png"))));
  expect(record.rounded).toMatchObject({ index: stored.label, flipped: true });
  expect(stored.label).not.toBe(record.label.index);

  const map = await readNpy(join(out, "scene0/map.npy"));
  expect(map).toMatchObject({ dtype: "float32", shape: [24, 24] });
  // The map is the root of the mean square over three channels, so its norm is that of the perturbation over √3.
  const norm = Math.sqrt((map.data as Float32Array).reduce((sum, value) => sum + value ** 2, 0));
  expect(norm * Math.sqrt(3)).toBeCloseTo(record.distances.l2, 5);

  const panel = await readImageFile(join(out, record.files.panel));
  // Four tiles and what is written below them.
  expect([panel.width / 4 / panel.height > 0.8, panel.width / 4 / panel.height < 1]).toEqual([true, true]);
  const page = readFileSync(join(out, "index.html"), "utf8");
  // The overlay first; then before and after, their difference, and the map.
  const kinds = Array.from(page.matchAll(/src="data:image\/(\w+);base64,/g), ([, kind]) => kind);
  expect(kinds).toEqual(["jpeg", "png", "png", "png", "png"]);
  expect(page).not.toMatch(/(src|href)="(https?:)?\/\//);
  expect(page.match(/<script/g)).toHaveLength(1);
  const input = await readImageFile(join(out, record.files.input));
  expect([input.width, input.height, input.isNetworkInput]).toEqual([24, 24, true]);
});

test("unless told otherwise, the guided map first and the change itself, of one search", async () => {
  const out = path("usual");
  const flags = ["--model", model, "--out", out, "--threads", "1"];
  const { stdout: lines } = await runCli(["explain", path("scene0.png"), ...flags, "--quiet"]);
  const { stdout } = await runCli(["explain", path("scene0.png"), ...flags, "--quiet", "--json"]);
  const [guided, plain, ...more] = recordsOf(stdout);
  expect([guided.method, plain.method, more.length]).toEqual(["guided-perceptual", "perceptual", 0]);
  // One gradient more, and not another search.
  expect(guided.evaluations).toBe(plain.evaluations + 1);
  expect(guided.distances).toEqual(plain.distances);
  expect(guided.files.perturbed).toBe("scene0/perturbed.png");
  expect(plain.files.perturbed).toBe("scene0/perturbed.png");
  expect(readdirSync(join(out, "scene0")).sort()).toEqual([
    "guided-perceptual", "input.png", "overlay.png", "panel.png", "perceptual", "perturbation.png", "perturbed.png",
  ]); // biome-ignore format: one line
  for (const { files } of [guided, plain]) {
    for (const file of Object.values(files)) expect(existsSync(join(out, file))).toBe(true);
  }
  // The picture's own overlay, and the only line in the terminal, are those of the first.
  const overlay = (file: string) => readFileSync(join(out, file));
  expect(overlay("scene0/overlay.png")).toEqual(overlay(guided.files.overlay));
  expect(overlay("scene0/overlay.png")).not.toEqual(overlay(plain.files.overlay));
  const [line, empty, summary] = lines.split("\n");
  expect([line.includes("perceptual  "), empty]).toEqual([false, ""]);
  expect(line).toContain(guided.box === null ? "→" : `box [${guided.box.join(", ")}]`);
  expect(summary).toMatch(/^1 picture: 1 of 1 flipped, 1 survives 8 bits, [01] box(es)?; /);
  // The change is shown once.
  const page = readFileSync(join(out, "index.html"), "utf8");
  expect(page.match(/<section class="method"/g)).toHaveLength(2);
  expect(page.match(/<figure class="compare"/g)).toHaveLength(1);
  expect(page.match(/<b>the change × /g)).toHaveLength(1);
});

test("a box in pixels of the whole picture, also where the network sees a crop of it", async () => {
  const wide = path("wide.png");
  const { image } = renderScene({ seed: 5, index: 4, size: 64 });
  // 128 × 64: the picture in the right half, gray on the left; the shorter side becomes 24, and the middle is cut out.
  const data = new Float32Array(3 * 64 * 128).fill(0.5);
  for (let row = 0; row < 192; row++) data.set(image.data.subarray(row * 64, row * 64 + 64), row * 128 + 64);
  await writePng(wide, floatTensor(data, [3, 64, 128]));
  const flags = ["--resize", "shorter:24", "--out", path("wide"), "--json", "--quiet"];
  const { stdout, stderr } = await runCli(["explain", wide, "--model", model, ...flags]);
  expect(stderr).toBe("");
  const [{ box, inputBox, preprocessing }] = recordsOf(stdout);
  expect(preprocessing.geometry).toMatchObject({
    resize: { kind: "shorter", size: 24 },
    crop: { width: 24, height: 24 },
  });
  const scale = 64 / 24;
  const [x0, y0, x1, y1] = given(inputBox);
  const expected = [
    Math.floor((x0 + 12) * scale),
    Math.floor(y0 * scale),
    Math.ceil((x1 + 12) * scale),
    Math.ceil(y1 * scale),
  ];
  expect(box).toEqual(expected);
  expect(given(box)[0]).toBeGreaterThanOrEqual(32);
});

test("two methods share one attack, in folders of their own; settings are recorded as given", async () => {
  const out = path("two");
  const { code, stdout } = await runCli([
    "explain", path("scene1.png"), "--model", model, "--out", out, "--json", "--quiet",
    "--method", "perceptual,guided-perceptual", "--preset", "paper", "--layers", "Relu[0],3", "--constraint", "ball",
    "--epsilon", "8/255", "--margin", "-0.5", "--iterations", "12", "--perceptual-weight", "1e-6",
    "--threshold", "percent:10", "--connectivity", "4", "--blur", "1",
  ]); // biome-ignore format: one line
  expect(code).toBe(0);
  const records = recordsOf(stdout);
  expect(records.map((record) => record.method)).toEqual(["perceptual", "guided-perceptual"]);
  expect(records[0].distances).toEqual(records[1].distances);
  expect(records[0].distances.linf).toBeLessThanOrEqual(8 / 255 + 1e-7);
  expect(records[0].settings).toMatchObject({
    preset: "paper", constraint: "ball", marginTarget: -0.5, iterations: 12, perceptualWeight: 1e-6,
    sigmaPixels: 1, threshold: { kind: "percent", k: 10 }, connectivity: 4,
  }); // biome-ignore format: one line
  expect(records[0].layers).toHaveLength(2);
  expect(readdirSync(join(out, "scene1")).sort()).toEqual([
    "guided-perceptual",
    "input.png",
    "overlay.png",
    "panel.png",
    "perceptual",
    "perturbation.png",
    "perturbed.png",
  ]);
  const maps = await Promise.all(records.map((record) => readNpy(join(out, record.files.mapNpy))));
  expect(maps[0].data).not.toEqual(maps[1].data);
});

test("--smooth averages the maps of noisy copies, of any method, and its runs are counted", async () => {
  const out = path("smooth");
  const { code, stdout, stderr } = await runCli([
    "explain", path("scene1.png"), "--model", model, "--out", out, "--json", "--quiet",
    "--method", "grad-cam,rise,deepfool,extremal", "--masks", "5", "--iterations", "2", "--set", "extremal.smooth=0.09",
    "--smooth", "3", "--smooth-noise", "0.1", "--smooth-by", "mean-square",
  ]); // biome-ignore format: one line
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const records = recordsOf<MapRecord | PerturbationRecord>(stdout);
  const smoothing = { samples: 3, noise: 0.1, aggregate: "mean-square" };
  expect(records.map(({ settings }) => settings.smoothing)).toEqual(records.map(() => smoothing));
  const [cam, rise, deepfool, extremal] = records;
  expect(cam).toMatchObject({ evaluations: 3, forwardEvaluations: 0, kind: "map" });
  expect(rise).toMatchObject({ evaluations: 0, forwardEvaluations: 15 });
  // The search on the picture itself, which the record is about, and those on the copies.
  expect(deepfool.kind).toBe("perturbation");
  expect(deepfool.evaluations).toBeGreaterThan(3);
  expect(extremal.settings).toMatchObject({ smooth: 0.09 });
  const plain = await runCli([
    ...["explain", path("scene1.png"), "--model", model, "--out", path("unsmoothed"), "--json", "--quiet"],
    ...["--method", "grad-cam"],
  ]);
  const [unsmoothed] = recordsOf<MapRecord>(plain.stdout);
  const maps = await Promise.all(
    [join(out, cam.files.mapNpy), join(path("unsmoothed"), unsmoothed.files.mapNpy)].map((file) => readNpy(file)),
  );
  expect(maps[0].data).not.toEqual(maps[1].data);
  const alone = await runCli(["explain", path("scene1.png"), "--model", model, "--smooth-noise", "0.2"]);
  expect(alone.code).toBe(2);
  expect(alone.stderr).toContain("--smooth-noise: maps are not smoothed, expected --smooth");
});

test("several methods: a folder and a row for each, one panel of all, settings by name", async () => {
  const out = path("methods");
  const { code, stdout, stderr } = await runCli([
    "explain", path("scene1.png"), "--model", model, "--out", out, "--json", "--quiet", "--target", "2", "--label", "1",
    "--method", "grad-cam,smooth-grad,perceptual,deepfool", "--set", "smooth-grad.samples=3", "--set", "grad-cam.layer=Relu[0]",
    "--iterations", "5", "--preset", "paper", "--layers", "Relu[0]", "--batch", "2",
  ]); // biome-ignore format: one line
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const records = recordsOf<MapRecord | PerturbationRecord>(stdout);
  expect(records.map(({ method }) => method)).toEqual(["grad-cam", "smooth-grad", "perceptual", "deepfool"]);
  for (const record of records) {
    expect(record).toMatchObject({ label: { index: 1 }, target: { index: 2 } });
    expect(JSON.parse(readFileSync(join(out, record.files.result), "utf8"))).toEqual(record);
    for (const file of Object.values(record.files)) expect(existsSync(join(out, file))).toBe(true);
    expect(await readNpy(join(out, record.files.mapNpy))).toMatchObject({ shape: [24, 24] });
  }
  const [cam, smooth, perceptual, deepfool] = records;
  expect(cam).toMatchObject({
    outcome: "explained", adversarialLabel: null, distances: null, evaluations: 1,
    settings: { layer: expect.any(String), upsampling: "bilinear", sigmaPixels: 2 }, details: { grid: [24, 24] },
  }); // biome-ignore format: one line
  expect(smooth).toMatchObject({ evaluations: 3, settings: { samples: 3, preset: "paper" } });
  expect(perceptual.settings).toMatchObject({ preset: "paper", iterations: 5 });
  // The margin that is to be reached is the same number by any method.
  expect(new Set(records.map(({ margin }) => margin.clean.toFixed(4))).size).toBe(1);
  expect(deepfool.margin.adversarial).not.toBeNull();
  expect(given(deepfool.distances).perceptual).toBeNull();
  expect(readdirSync(join(out, "scene1")).sort()).toEqual([
    "deepfool",
    "grad-cam",
    "input.png",
    "overlay.png",
    "panel.png",
    "perceptual",
    "smooth-grad",
  ]);
  const [whole, row] = await Promise.all(
    [join(out, "scene1/panel.png"), join(out, cam.files.panel)].map((file) => readImageFile(file)),
  );
  expect([whole.width, whole.height]).toEqual([row.width, 4 * row.height - 3 * 12]);
  const page = readFileSync(join(out, "index.html"), "utf8");
  expect(page.match(/<section class="method"/g)).toHaveLength(4);
});

test.each([
  { flags: ["--method", "grad-cma"], says: /method: unknown name.*Did you mean grad-cam\?/ },
  {
    flags: ["--method", "grad-cam", "--set", "lyer=3"],
    says: /grad-cam: unknown option "lyer".*Did you mean "layer"\?/,
  },
  { flags: ["--method", "gradient,grad-cam", "--set", "grad-cam.lyer=3"], says: /grad-cam: unknown option "lyer"/ },
  { flags: ["--method", "grad-cam", "--set", "layer=Relu[7]"], says: /layers: no such layer/ },
  {
    flags: ["--method", "grad-cam,gradient", "--set", "layer=3"],
    says: /--set: whose setting "layer" is meant is open, expected one of grad-cam\.layer/,
  },
  {
    flags: ["--method", "grad-cam", "--set", "gradient.readout=max"],
    says: /--set: no such method runs, expected one of grad-cam/,
  },
  { flags: ["--method", "grad-cam", "--set", "layer"], says: /--set: not a setting/ },
  {
    flags: ["--method", "grad-cam", "--perceptual-weight", "3"],
    says: /--perceptual-weight: grad-cam has no such setting, expected one of perceptual, guided-perceptual to run/,
  },
  { flags: ["--method", "excitation-backprop", "--target", "1"], says: /excitation-backprop: a target was given/ },
  { flags: ["--method", "smooth-grad", "--set", "samples=0"], says: /smooth-grad: samples: value out of range/ },
])("$flags is misuse", async ({ flags, says }) => {
  const out = path("misuse");
  const { code, stderr } = await runCli([
    "explain",
    path("scene0.png"),
    "--model",
    model,
    "--out",
    out,
    "--quiet",
    ...flags,
  ]);
  expect({ code, lines: stderr.trim().split("\n").length }).toEqual({ code: 2, lines: 1 });
  expect(stderr).toMatch(says);
  // Also what only a later method would find out is said before the first one runs.
  expect(existsSync(join(out, "scene0"))).toBe(false);
});

test("a target is reached, by name", async () => {
  const labels = path("labels.txt");
  writeFileSync(labels, "ant\nbee\ncat, tabby\ndog\n");
  const flags = ["--model", model, "--labels", labels, "--out", path("target"), "--json", "--quiet"];
  const [clean] = recordsOf((await runCli(["explain", path("scene0.png"), ...flags])).stdout);
  const target = ["ant", "bee", "tabby", "dog"][(clean.label.index + 2) % 4];
  const { code, stdout } = await runCli(["explain", path("scene0.png"), ...flags, "--target", target]);
  const [record] = recordsOf(stdout);
  expect(code).toBe(0);
  expect(record.target?.index).toBe((clean.label.index + 2) % 4);
  expect(record.adversarialLabel.index).toBe(record.target?.index);
});

test("pictures of the same name get folders of their own, and one that is named twice is explained once", async () => {
  const other = mkdtempSync(join(folder, "other-"));
  await writePng(join(other, "Scene0.png"), scene(3));
  const files = [path("scene0.png"), join(other, "Scene0.png"), path("scene0.png")];
  const flags = ["--model", model, "--out", path("names"), "--method", "perceptual", "--json", "--quiet"];
  const { stdout } = await runCli(["explain", ...files, ...flags]);
  expect(recordsOf(stdout).map((record) => record.files.result)).toEqual([
    "scene0/result.json",
    "Scene0-2/result.json",
  ]);
});

test("the same command gives the same files, on one thread", async () => {
  const run = async (out: string) => {
    const { code } = await runCli([
      "explain",
      path("scene2.png"),
      "--model",
      model,
      "--out",
      out,
      "--quiet",
      "--method",
      "perceptual",
      "--threads",
      "1",
    ]);
    expect(code).toBe(0);
    return readFileSync(join(out, "scene2/map.npy"));
  };
  expect(await run(path("same1"))).toEqual(await run(path("same2")));
});

test("onnxruntime-web gives the same explanation", async () => {
  const explain = async (runtime: string) => {
    const flags = ["--model", model, "--out", path(runtime), "--json", "--quiet", "--runtime", runtime];
    return recordsOf((await runCli(["explain", path("scene0.png"), ...flags])).stdout)[0];
  };
  const [node, wasm] = [await explain("node"), await explain("wasm")];
  expect(wasm.versions.runtime).toMatch(/^onnxruntime-web 1\./);
  expect(wasm.label.index).toBe(node.label.index);
  expect(wasm.label.confidence).toBeCloseTo(node.label.confidence ?? Number.NaN, 5);
  expect(wasm.outcome).toBe("flipped");
});

describe("pictures of every kind", () => {
  const pixels = () => sharp(Buffer.from(tensorBytes()), { raw: { width: 48, height: 48, channels: 3 } });
  const tensorBytes = (): Uint8Array => {
    const { data } = scene(0);
    return Uint8Array.from({ length: 48 * 48 * 3 }, (_, i) =>
      Math.round(255 * data[(i % 3) * 48 * 48 + Math.floor(i / 3)]),
    );
  };
  const good: Readonly<Record<string, () => Promise<Buffer>>> = {
    "gray.png": () => pixels().grayscale().png().toBuffer(),
    "transparent.png": () => pixels().ensureAlpha(0.5).png().toBuffer(),
    "deep.png": () => pixels().toColourspace("rgb16").png().toBuffer(),
    "cmyk.jpg": () => pixels().toColourspace("cmyk").jpeg().toBuffer(),
    "rotated.jpg": () => pixels().withMetadata({ orientation: 6 }).jpeg().toBuffer(),
    "one.png": () => pixels().resize(1, 1).png().toBuffer(),
    "tall.webp": () => pixels().resize(4, 400, { fit: "fill" }).webp().toBuffer(),
  };
  test.each(Object.keys(good))("%s is explained", async (name) => {
    writeFileSync(path(name), await good[name]());
    const methods = ["--method", "perceptual", "--evaluations", "40"];
    const flags = ["--model", model, "--out", path(`kind-${name}`), "--json", "--quiet", ...methods];
    const { code, stdout, stderr } = await runCli(["explain", path(name), ...flags]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(recordsOf(stdout)).toHaveLength(1);
  });

  test("bad ones are named, the others explained, and the exit code is 1", async () => {
    writeFileSync(path("empty.png"), "");
    writeFileSync(path("text.png"), "no picture at all");
    const whole = await encodePng(scene(1));
    writeFileSync(path("cut.png"), whole.subarray(0, whole.length / 2));
    const bad = ["empty.png", "text.png", "cut.png", "missing.png"].map(path);
    const out = path("mixed");
    const flags = ["--model", model, "--out", out, "--method", "perceptual", "--json", "--quiet"];
    const { code, stdout, stderr } = await runCli(["explain", bad[0], path("scene0.png"), ...bad.slice(1), ...flags]);
    expect(code).toBe(1);
    expect(recordsOf(stdout).map((record) => record.image)).toEqual([path("scene0.png")]);
    const lines = stderr.trim().split("\n");
    expect(lines).toHaveLength(4);
    for (const file of bad)
      expect(lines.filter((line) => line.startsWith(`perceptual-ball: ${file}: `))).toHaveLength(1);
    const page = readFileSync(join(out, "index.html"), "utf8");
    for (const file of bad) expect(page).toContain(file);
  });

  test("with none that can be read, nothing is written", async () => {
    const { code, stderr } = await runCli(["explain", path("missing.png"), "--model", model, "--out", path("nothing")]);
    expect({ code, lines: stderr.trim().split("\n").length }).toEqual({ code: 1, lines: 1 });
    expect(existsSync(path("nothing"))).toBe(false);
  });
});

test("Ctrl-C keeps what is finished, writes its page, and exits with 130", async () => {
  const interruption = new AbortController();
  const out = path("interrupted");
  const files = [0, 1, 2, 3].map((index) => path(`scene${index}.png`));
  const flags = ["--model", model, "--out", out, "--method", "perceptual", "--quiet"];
  const { code, stdout, stderr } = await runCli(["explain", ...files, ...flags], {
    signal: interruption.signal,
    onOutput: () => interruption.abort(),
  });
  expect(code).toBe(130);
  expect(stdout.trim().split("\n")).toHaveLength(1);
  expect(stderr).toBe(
    `perceptual-ball: interrupted: 1 of 4 pictures are finished, kept in ${join(out, "index.html")}.\n`,
  );
  expect(readdirSync(out).sort()).toEqual(["index.html", "results.csv", "run.json", "scene0"]);
  expect(readdirSync(join(out, "scene0"))).toHaveLength(8);
});

test("with nothing given, the bundled classifier explains bundled pictures, whose boxes are known", async () => {
  const { code, stdout, stderr } = await runCli([
    "explain",
    "--out",
    path("bundled"),
    "--json",
    "--quiet",
    "--evaluations",
    "50",
  ]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  const records = recordsOf(stdout);
  expect(records.map((record) => record.image.replace(/^scene-\d-/, ""))).toEqual(
    records.map(({ label }) => label.name),
  );
  for (const { outcome, groundTruth, confidences } of records) {
    expect(outcome).toBe("flipped");
    expect(confidences.label.clean).toBeGreaterThan(0.5);
    expect(given(groundTruth).box[2] - given(groundTruth).box[0]).toBeGreaterThan(8);
  }
  const page = readFileSync(join(path("bundled"), "index.html"), "utf8");
  expect(page.match(/<i class="truth">true<\/i>/g)).toHaveLength(records.length);
  const other = await runCli([
    "explain",
    "--out",
    path("seeded"),
    "--json",
    "--quiet",
    "--seed",
    "9",
    "--evaluations",
    "10",
  ]);
  expect(recordsOf(other.stdout).map((record) => record.groundTruth)).not.toEqual(
    records.map((record) => record.groundTruth),
  );
}, 180_000);

test("what is left open is tried on the pictures, and said", async () => {
  const open = path("open.onnx");
  writeFileSync(open, writeModel(tinyClassifier({ metadata: {} })));
  const flags = ["--model", open, "--out", path("open"), "--json"];
  const { code, stdout, stderr } = await runCli(["explain", path("scene0.png"), path("scene1.png"), ...flags]);
  expect(code).toBe(0);
  // What is longer than 80 columns goes on in the next line.
  const said = stderr.replaceAll(/\s+/g, " ");
  expect(said).toMatch(/mean confidence on 2 pictures: (\w+ 0\.\d+(, )?){3}/);
  const [{ preprocessing }] = recordsOf(stdout);
  expect(said).toContain(`preprocessing ${preprocessing.name} (${preprocessing.reason})`);
});

test("preprocessing from a file, with single parts overridden", async () => {
  const file = path("preprocessing.json");
  writeFileSync(file, unitPreprocessing);
  const open = path("open2.onnx");
  writeFileSync(open, writeModel(tinyClassifier({ metadata: {} })));
  const flags = ["--preprocessing", file, "--mean", "1/2,0.5,0.5", "--interpolation", "nearest", "--json"];
  const { stdout, stderr } = await runCli([
    "explain",
    path("scene0.png"),
    "--model",
    open,
    "--out",
    path("pre"),
    ...flags,
  ]);
  expect(stderr).toContain("mean 0.5,0.5,0.5 std 1,1,1 scale 1 rgb (as given)");
  expect(recordsOf(stdout)[0].preprocessing).toMatchObject({
    mean: [0.5, 0.5, 0.5],
    std: [1, 1, 1],
    geometry: { resize: { kind: "exact" }, interpolation: "nearest" },
  });
});

test.each([
  [
    "inference.yml",
    "PreProcess:\n  transform_ops:\n  - NormalizeImage: {scale: 1.0/255.0, mean: [0.4, 0.5, 0.6], std: [0.2, 0.2, 0.2]}\n",
    "mean 0.4,0.5,0.6 std 0.2,0.2,0.2 scale 1",
  ],
  ["ours.yaml", "mean: [0.4, 0.5, 0.6]\nstd: [0.2, 0.2, 0.2]\n", "mean 0.4,0.5,0.6 std 0.2,0.2,0.2 scale 1"],
  ["plugin.txt", "[property]\nnet-scale-factor=0.5\noffsets=1;2;3\n", "mean 1,2,3 std 2,2,2 scale 255"],
  ["mode.json", '{"preprocess_input": "caffe"}', "preprocessing caffe"],
])("preprocessing from %s, in other makers' words", async (name, content, said) => {
  writeFileSync(path(name), content);
  const { stderr } = await runCli(["classify", path("scene0.png"), "--model", model, "--preprocessing", path(name)]);
  expect(stderr.replaceAll(/\s+/g, " ")).toContain(`${said}`);
  expect(stderr).toContain("(as given)");
});

test.each([
  ["a.yml", "a: 1\n", "says nothing of preprocessing"],
  ["list.json", "[1]", "says nothing of preprocessing"],
  ["half.json", "{", "is not JSON"],
  ["gone.yml", undefined, "no such file, expected a configuration in JSON or YAML"],
])("a file that says nothing of pixels, %s, is refused", async (name, content, said) => {
  if (content !== undefined) writeFileSync(path(name), content);
  const given = ["classify", path("scene0.png"), "--model", model, "--preprocessing", path(name)];
  const { code, stderr } = await runCli(given);
  expect(code).not.toBe(0);
  expect(stderr.replaceAll(/\s+/g, " ")).toContain(`${name}: ${said}`);
});

test("results.csv has a row for each record, with the record's numbers", async () => {
  const out = path("csv");
  const flags = ["--model", model, "--out", out, "--json", "--quiet", "--evaluations", "20"];
  const given = [path("scene0.png"), path("scene1.png"), "--method", "perceptual,grad-cam"];
  const { stdout } = await runCli(["explain", ...given, ...flags]);
  const records = recordsOf<MapRecord | PerturbationRecord>(stdout);
  const [heading = "", ...lines] = readFileSync(join(out, "results.csv"), "utf8").trimEnd().split("\r\n");
  const names = heading.split(",");
  expect(lines).toHaveLength(4);
  for (const [n, record] of records.entries()) {
    const cells = Array.from(lines[n].matchAll(/(?<=^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g), ([, quoted, plain]) =>
      quoted === undefined ? plain : quoted.replaceAll('""', '"'),
    );
    expect(cells).toHaveLength(names.length);
    const row = Object.fromEntries(cells.map((cell, column) => [names[column], cell]));
    const at = (field: string): unknown =>
      field.split(".").reduce<unknown>((value, part) => (value as Record<string, unknown> | null)?.[part], record);
    const { box, warnings, files } = record;
    const special: Record<string, unknown> = {
      ...{ "box.x0": box?.[0], "box.y0": box?.[1], "box.x1": box?.[2], "box.y1": box?.[3] },
      ...{ warnings: warnings.map(({ code }) => code).join(" "), result: files.result },
    };
    for (const name of names) {
      const value = name in special ? special[name] : at(name);
      expect([name, row[name]]).toEqual([name, value === null || value === undefined ? "" : String(value)]);
    }
    expect(Number(row["label.confidence"])).toBe(record.label.confidence);
  }
});

test("all changes of a picture are amplified by one factor, which the page states", async () => {
  const out = path("alike");
  const flags = ["--model", model, "--out", out, "--json", "--quiet", "--method", "perceptual,deepfool"];
  const { stdout } = await runCli(["explain", path("scene0.png"), ...flags]);
  const records = recordsOf(stdout);
  const linf = records.map(({ distances }) => distances.linf);
  const page = readFileSync(join(out, "index.html"), "utf8");
  const factors = Array.from(page.matchAll(/<b>the change × (\d+)<\/b>/g), ([, factor]) => Number(factor));
  expect(factors).toHaveLength(2);
  expect(new Set(factors).size).toBe(1);
  const [factor] = factors;
  expect(factor * Math.max(...linf)).toBeLessThanOrEqual(0.5 + 1e-6);
  // The next of 1, 2, 5, … would be too large.
  expect(factor * 2.5 * Math.max(...linf)).toBeGreaterThan(0.5);
  for (const [n, { files }] of records.entries()) {
    const { data } = await readImageFile(join(out, files.perturbation));
    const largest = data.reduce((most, value) => Math.max(most, Math.abs(value - 127.5)), 0);
    expect(Math.abs(largest / 255 - factor * linf[n])).toBeLessThan(1.1 / 255);
  }
});

test("a second run into the same folder replaces the first as a whole, and says so; what is not its own stays", async () => {
  const out = path("again");
  const flags = ["--model", model, "--out", out, "--evaluations", "8"];
  await runCli(["explain", path("scene0.png"), path("scene1.png"), ...flags, "--quiet"]);
  writeFileSync(join(out, "notes.txt"), "mine");
  const { code, stderr, stdout } = await runCli([
    "explain",
    path("scene2.png"),
    ...flags,
    "--method",
    "grad-cam,perceptual",
  ]);
  expect(code).toBe(0);
  expect(stderr).toMatch(/index\.html replaces the report of 2 pictures from \d{4}-\d\d-\d\d \d\d:\d\d UTC\n/);
  expect(stdout).toContain(`Report: ${join(out, "index.html")}\n`);
  expect(readdirSync(out).sort()).toEqual(["index.html", "notes.txt", "results.csv", "run.json", "scene2"]);
  const page = readFileSync(join(out, "index.html"), "utf8");
  expect(page).not.toContain("scene0.png");
  // An interrupted run that has finished nothing leaves what was there.
  const interruption = new AbortController();
  interruption.abort();
  const stopped = await runCli(["explain", path("scene3.png"), ...flags, "--quiet"], { signal: interruption.signal });
  expect(stopped.code).toBe(130);
  expect(readFileSync(join(out, "index.html"), "utf8")).toBe(page);
  expect(readdirSync(out).sort()).toEqual(["index.html", "notes.txt", "results.csv", "run.json", "scene2"]);
});

test("a folder with files that no run has written is left alone", async () => {
  const out = mkdtempSync(join(folder, "site-"));
  writeFileSync(join(out, "index.html"), "my home page");
  const { code, stderr } = await runCli(["explain", path("scene0.png"), "--model", model, "--out", out, "--quiet"]);
  expect(code).toBe(2);
  expect(stderr).toMatch(/index\.html would be overwritten, and no earlier run of explain says that it is its own/);
  expect(readdirSync(out)).toEqual(["index.html"]);
  expect(readFileSync(join(out, "index.html"), "utf8")).toBe("my home page");
});

test("--open gives the page to the browser", async () => {
  const out = path("opened");
  const flags = ["--model", model, "--out", out, "--quiet", "--evaluations", "5", "--open"];
  const { code, stderr } = await runCli(["explain", path("scene0.png"), ...flags], {
    env: { BROWSER: path("no-such-browser") },
  });
  // What cannot be opened is there all the same.
  expect(code).toBe(0);
  expect(stderr).toMatch(/--open: .*no-such-browser did not open the page/);
  expect(existsSync(join(out, "index.html"))).toBe(true);
});

test("--animate writes each search as a film, and changes nothing else", async () => {
  const [out, still] = [path("film"), path("still")];
  const flags = ["--model", model, "--json", "--quiet", "--threads", "1", "--evaluations", "12"];
  const methods = ["--method", "perceptual,guided-perceptual,grad-cam"];
  await runCli(["explain", path("scene0.png"), ...flags, ...methods, "--out", out, "--animate"]);
  await runCli(["explain", path("scene0.png"), ...flags, ...methods, "--out", still]);
  // Of two methods that share one search the first shows it; a method that changes nothing has none.
  const files = (name: string): string[] => readdirSync(join(out, "scene0", name)).sort();
  expect(["perceptual", "guided-perceptual", "grad-cam"].map((name) => files(name).includes("search.gif"))).toEqual([
    ...[true, false, false],
  ]);
  const { format, pages, loop } = await sharp(join(out, "scene0/perceptual/search.gif")).metadata();
  expect({ format, loop, several: (pages ?? 0) > 3 }).toEqual({ format: "gif", loop: 0, several: true });
  expect(pages).toBeLessThanOrEqual(13);
  expect(readFileSync(join(out, "index.html"), "utf8").match(/<img class="film"/g)).toHaveLength(1);
  for (const name of ["perceptual", "guided-perceptual", "grad-cam"]) {
    expect(readFileSync(join(out, "scene0", name, "map.npy"))).toEqual(
      readFileSync(join(still, "scene0", name, "map.npy")),
    );
    expect(readdirSync(join(still, "scene0", name))).not.toContain("search.gif");
  }
});

test("pictures that child processes have explained are those of one process, in the same order", async () => {
  writeFileSync(path("torn.png"), readFileSync(path("scene1.png")).subarray(0, 300));
  const pictures = ["scene0.png", "torn.png", "scene1.png", "scene2.png"].map(path);
  const flags = ["--model", model, "--json", "--quiet", "--evaluations", "8", "--method", "perceptual,grad-cam"];
  const explained = async (workers: string) => {
    const out = path(`workers-${workers}`);
    const { code, stdout, stderr } = await runCli([
      "explain",
      ...pictures,
      ...flags,
      "--workers",
      workers,
      "--out",
      out,
    ]);
    const table = readFileSync(join(out, "results.csv"), "utf8").trim().split("\n");
    const maps = ["scene0", "scene1", "scene2"].map((name) => readFileSync(join(out, name, "perceptual/map.npy")));
    const records = recordsOf(stdout).map(({ image, method, evaluations }) => ({ image, method, evaluations }));
    return { code, stderr, records, maps, rows: table.length };
  };
  const one = await explained("1");
  expect(one.records.map(({ method }) => method)).toHaveLength(6);
  expect(one.stderr).toContain("torn.png");
  expect(await explained("2")).toEqual(one);
}, 60_000);
