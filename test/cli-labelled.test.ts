/** What commands say of models whose classes, labels or pictures are known from data: names, clean accuracy, warnings, single decisions. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writePng } from "../src/node/pictures/write-image.ts";
import { writeModel } from "../src/onnx/file/write-model.ts";
import { parseModel } from "../src/onnx/text/parse.ts";
import { normal } from "../src/random/distributions.ts";
import { createRandom } from "../src/random/random.ts";
import { floatTensor } from "../src/tensor/tensor.ts";
import { runCli } from "./run-cli.ts";

let folder: string;
const path = (name: string): string => join(folder, name);
const colors = { red: [0.8, 0.25, 0.2], green: [0.2, 0.75, 0.25], blue: [0.2, 0.3, 0.8] } as const;

/** A network on 16² pixels of 0 … 255 that scores colors; `order` of its rows. */
function model(name: string, { rows = [2, 1, 0], end = "y = Identity (z)", metadata = "" } = {}): string {
  const weights = rows.flatMap((row) => [0, 1, 2].map((c) => (c === row ? 24 : -12)));
  const text = `<ir_version: 8, opset_import: ["": 18]${metadata}> g (float[N,3,16,16] x) => (float[N,3] y) <float k = {255}, float[3,3] w = {${weights.join(", ")}}>
    { n = Div (x, k) c = Relu (n) a = GlobalAveragePool (c) f = Flatten (a) z = Gemm <transB = 1> (f, w) ${end} }`;
  writeFileSync(path(name), writeModel(parseModel(text)));
  return path(name);
}

/** The same for pixels of blue, green, red, which only the metadata says. */
function statedModel(name: string): string {
  const weights = [0, 1, 2].flatMap((row) => [0, 1, 2].map((c) => (c === row ? 24 : -12) / 255));
  const said = [`"Image.BitmapPixelFormat": "Bgr8"`, `"Image.NominalPixelRange": "NominalRange_0_255"`];
  const text = `<ir_version: 8, opset_import: ["": 18], metadata_props: [${said.join(", ")}]> g (float[N,3,16,16] x) => (float[N,3] y)
    <float[3,3] w = {${weights.join(", ")}}> { c = Relu (x) a = GlobalAveragePool (c) f = Flatten (a) y = Gemm <transB = 1> (f, w) }`;
  writeFileSync(path(name), writeModel(parseModel(text)));
  return path(name);
}

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "perceptual-ball-labelled-"));
  for (const [name, color] of Object.entries(colors)) {
    mkdirSync(path(`data/${name}`), { recursive: true });
    for (const n of [0, 1]) {
      const random = createRandom(7, n);
      const data = Float32Array.from(
        { length: 768 },
        (_, i) => (color[Math.floor(i / 256)] ?? 0) + normal(random, 0, 0.03),
      );
      await writePng(path(`data/${name}/${n}.png`), floatTensor(data, [3, 16, 16]));
    }
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

/** The commands that read labelled data, each as short as it can be. */
const commands: Readonly<Record<string, readonly string[]>> = {
  classify: ["classify", "--top", "1"],
  attack: ["attack", "--attack", "fgsm", "--out", "OUT"],
  cone: ["cone", "--attack", "fgsm", "--set", "fgsm.epsilon=0.5", "--step", "0.5", "--directions", "1", "--out", "OUT"],
  "detect fit": ["detect", "fit", "--just-detect", "--samples", "2", "-o", "OUT/s.json"],
  "benchmark localization": ["benchmark", "localization", "--method", "gradient", "--out", "OUT"],
  "benchmark robustness": ["benchmark", "robustness", "--attack", "fgsm", "--epsilon", "0.1,0.3", "--out", "OUT"],
  "benchmark detection": [
    "benchmark",
    "detection",
    "--attack",
    "fgsm",
    "--just-detect",
    "--samples",
    "2",
    "--out",
    "OUT",
  ],
};

let runs = 0;
async function run(command: string, flags: readonly string[], data = "data") {
  const out = path(`out${runs++}`);
  mkdirSync(out);
  const argv = [...(commands[command] ?? []), "--data", path(data), ...flags].map((one) => one.replace("OUT", out));
  const result = await runCli(argv);
  return { ...result, out, notes: result.stderr.split("\n") };
}

describe.each(Object.keys(commands))("%s", (command) => {
  test("prepares pixels as the metadata says, takes the names of the folders, and says the clean accuracy first", async () => {
    const { notes } = await run(command, ["--model", statedModel("stated.onnx")]);
    // Lines are folded to the width of a terminal.
    expect(notes.join(" ").replaceAll(/\s+/g, " ")).toContain(
      "scale 255 bgr (the model's metadata (Image.NominalPixelRange=",
    );
    // Folders are in the order of their names: blue, green, red.
    expect(notes[0]).toMatch(/^clean accuracy: (\d) of \1 pictures \(100 %\)$/);
    expect(notes.join("\n")).toMatch(/^ {2}names: the classes of the data set data, in its order$/m);
  });

  test("warns where few of the pictures are recognized", async () => {
    // Red is called blue and blue red.
    const { notes } = await run(command, ["--model", model("swapped.onnx", { rows: [0, 1, 2] }), "--channels", "rgb"]);
    expect(notes[0]).toMatch(/^clean accuracy: /);
    expect(notes.join("\n")).toMatch(/^warning: the model recognizes only \d of the first \d pictures/m);
  });

  test("wants one decision of a model that decides each label by itself", async () => {
    if (command === "classify") return;
    const separate = model("separate.onnx", { end: "y = Sigmoid (z)" });
    const refused = await run(command, ["--model", separate, "--channels", "rgb"]);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(
      /each of the 3 labels is present or absent by itself, .*\(blue, green, red\).* Choose with --/,
    );
    const flag = command === "attack" ? "--label" : "--decision";
    expect(refused.stderr).toContain(`Choose with ${flag}.`);
  });
});

test("the warnings of labelled data are in the records and on the pages", async () => {
  const swapped = ["--model", model("swapped.onnx", { rows: [0, 1, 2] }), "--channels", "rgb"];
  const codes = (text: string): string[] => JSON.parse(text).warnings.map(({ code }: { code: string }) => code);
  const attack = await run("attack", swapped);
  const [record] = readFileSync(join(attack.out, "results.jsonl"), "utf8").split("\n");
  expect(codes(record ?? "")).toContain("poor-accuracy");
  expect(readFileSync(join(attack.out, "index.html"), "utf8")).toContain('id="warnings"');
  const cone = await run("cone", swapped);
  expect(codes(readFileSync(join(cone.out, "cones.json"), "utf8"))).toContain("poor-accuracy");
});

test("how many bits of its samples a picture of a data set uses is a warning of its records", async () => {
  mkdirSync(path("deep/red"), { recursive: true });
  const samples = Uint16Array.from({ length: 768 }, (_, i) => 16 * Math.round(255 * (colors.red[i % 3] ?? 0)));
  const raw = { width: 16, height: 16, channels: 3 } as const;
  await sharp(samples, { raw }).toColorspace("rgb16").png().toFile(path("deep/red/0.png"));
  const { out } = await run("attack", ["--model", model("deep.onnx"), "--channels", "rgb"], "deep");
  const record = JSON.parse(readFileSync(join(out, "results.jsonl"), "utf8").split("\n")[0] ?? "");
  expect(record.warnings).toContainEqual({
    code: "bit-depth",
    message: expect.stringMatching(/0\.png: its 16-bit samples reach only/),
  });
  expect(readFileSync(join(out, "index.html"), "utf8")).toContain("its 16-bit samples reach only");
});

describe("one decision of a model that decides each label by itself", () => {
  const flags = () => ["--model", model("labels.onnx", { end: "y = Sigmoid (z)" }), "--channels", "rgb"];

  test("attacked until the label is absent, by either flag", async () => {
    for (const flag of ["--label", "--decision"]) {
      const argv = ["attack", path("data/red/0.png"), ...flags(), flag, "2", "--attack", "fgsm", "--epsilon", "0.5"];
      const { code, stdout } = await runCli([...argv, "--json", "--out", path(`decided${flag}`)]);
      expect(code).toBe(0);
      expect(JSON.parse(stdout.split("\n")[0] ?? "")).toMatchObject({
        label: { name: "label 2" },
        withinBudget: { label: { name: "not label 2" } },
      });
    }
  });

  test("the cone of it, and its detector, on data", async () => {
    const cone = await run("cone", [...flags(), "--decision", "red"]);
    expect(cone).toMatchObject({ code: 0 });
    const fitted = await run("detect fit", [...flags(), "--decision", "red", "--label", "predicted"]);
    expect(fitted.code).toBe(0);
    const statistics = join(fitted.out, "s.json");
    const argv = ["detect", path("data/red/0.png"), "--statistics", statistics, ...flags(), "--json"];
    const verdict = await runCli([...argv, "--decision", "2"]);
    expect(verdict.code).toBe(0);
    expect(JSON.parse(verdict.stdout)).toMatchObject({ label: { name: "label 2" } });
    const other = await runCli([...argv, "--decision", "0"]);
    expect(other.code).not.toBe(0);
    expect(other.stderr).toMatch(/decision/);
  });

  test("explained, and classified as present or absent", async () => {
    const argv = [path("data/red/0.png"), ...flags(), "--decision", "2", "--json"];
    const explained = await runCli(["explain", ...argv, "--method", "gradient", "--out", path("explained")]);
    expect(JSON.parse(explained.stdout.split("\n")[0] ?? "")).toMatchObject({
      label: { name: "label 2" },
      head: { decision: 2 },
    });
    const classified = await runCli(["classify", ...argv]);
    expect(JSON.parse(classified.stdout)).toMatchObject({ top: [{ name: "label 2" }, { name: "not label 2" }] });
  });

  test("is asked for in vain of other models", async () => {
    const { code, stderr } = await runCli([
      "classify",
      path("data/red/0.png"),
      "--model",
      model("one.onnx"),
      "--decision",
      "1",
    ]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/--decision: the model does not decide each of its labels by itself/);
  });
});

test("names of the model and of the data that have nothing in common are a warning", async () => {
  const metadata = `, metadata_props: ["names": "['Blau', 'Gelb', 'Rot']"]`;
  const { stderr } = await run("classify", ["--model", model("named.onnx", { metadata }), "--channels", "rgb"]);
  expect(stderr).toMatch(
    /^warning: the model's classes \(Blau, Gelb, Rot\) and those of the data set data \(blue, green, red\) have no name in common/m,
  );
});

test("a number is shown as what it is, without a percentage", async () => {
  const text = `<ir_version: 8, opset_import: ["": 18]> g (float[1,3,16,16] x) => (float[1,1] age) <float[1,3] w = {30, 10, -5}, float[1] b = {20}>
    { a = GlobalAveragePool (x) f = Flatten (a) age = Gemm <transB = 1> (f, w, b) }`;
  writeFileSync(path("age.onnx"), writeModel(parseModel(text)));
  const common = [path("data/red/0.png"), "--model", path("age.onnx"), "--preprocessing", "unit", "--head", "value"];
  const explain = ["explain", ...common, "--method", "gradient", "--out", path("age")];
  const { stdout, code } = await runCli(explain);
  expect(code).toBe(0);
  // 20 + 30 · 0.8 + 10 · 0.25 − 5 · 0.2, by about.
  expect(stdout).toMatch(/gradient {2}45\.\d+ \(higher\) /);
  expect(stdout).not.toMatch(/%/);
  const record = JSON.parse((await runCli([...explain, "--json"])).stdout.split("\n")[0] ?? "");
  expect(record).toMatchObject({
    label: { name: "higher", confidence: null },
    number: expect.closeTo(45.5, 0),
    top: { clean: [] },
  });
  const page = readFileSync(path("age/index.html"), "utf8");
  expect(page).toMatch(/45\.\d+ \(higher\)/);
  expect(page).not.toMatch(/higher 100 %|confidence in/);
});
