import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createClassifier } from "../src/classifier/classifier.ts";
import { loadModelFile } from "../src/node/models/load-model.ts";
import { writePng } from "../src/node/pictures/write-image.ts";
import { writeModel } from "../src/onnx/file/write-model.ts";
import type { Model } from "../src/onnx/model.ts";
import { parseModel } from "../src/onnx/text/parse.ts";
import { referenceRuntime } from "../src/runtime/reference-runtime.ts";
import { renderScene } from "../src/scenes/scenes.ts";
import { given } from "./given.ts";
import { runCli } from "./run-cli.ts";
import { tinyClassifier } from "./tiny-classifier.ts";

let folder: string;
let model: string;
let picture: string;
const path = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "perceptual-ball-models-"));
  model = path("tiny.onnx");
  picture = path("scene.png");
  writeFileSync(model, writeModel(tinyClassifier()));
  await writePng(picture, renderScene({ seed: 5, index: 0, size: 48 }).image);
});
afterAll(() => rmSync(folder, { recursive: true }));

/** A model of opset 18 from the text of its graph. */
const graph = (text: string): Model => parseModel(`<ir_version: 8, opset_import: ["": 18]> ${text}`);
const large = (name: string): Model => {
  const { graph: inner, ...rest } = tinyClassifier();
  const [key] = inner.initializers.keys();
  const initializer = given(inner.initializers.get(key));
  const storage = {
    kind: "external",
    location: name,
    offset: 0,
    length: 864,
    read: () => new Uint8Array(864),
  } as const;
  return {
    ...rest,
    graph: { ...inner, initializers: new Map(inner.initializers).set(key, { ...initializer, storage }) },
  };
};

describe("models that cannot be explained, each with one line and exit code 1", () => {
  const pool = "{ p = GlobalAveragePool (x) y = Flatten (p) }";
  const bad: Readonly<Record<string, readonly [contents: () => Uint8Array, message: RegExp]>> = {
    "not an ONNX file": [() => Buffer.from("PK\x03\x04 some archive"), /not an ONNX model/],
    empty: [() => new Uint8Array(), /empty|not an ONNX model/],
    truncated: [() => writeModel(tinyClassifier()).subarray(0, 700), /cut off|damaged|truncated/],
    "a huge length": [
      () => Uint8Array.of(0x3a, 0xff, 0xff, 0xff, 0xff, 0x0f, 1, 2, 3),
      /damaged|not an ONNX model|cut off/,
    ],
    "missing external data": [
      () => writeModel(large("absent.data")),
      /the file with its weights is missing: "absent.data"/,
    ],
    "external data outside": [() => writeModel(large("../../etc/passwd")), /external data outside the model's folder/],
    "no input": [
      () => writeModel(graph("g () => (float[1, 3] y) { y = Constant () <value = float[1, 3] {1, 2, 3}> }")),
      /the model has no input/,
    ],
    "no image input": [
      () => writeModel(graph("g (float[1, 8] x) => (float[1, 8] y) { y = Relu (x) }")),
      /no image input/,
    ],
    "two inputs": [
      () =>
        writeModel(
          graph(
            "g (float[1, 3, 8, 8] x, float[1, 3] z) => (float[1, 3] y) { p = GlobalAveragePool (x) f = Flatten (p) y = Add (f, z) }",
          ),
        ),
      /has 2 inputs/,
    ],
    "five channels": [
      () => writeModel(graph(`g (float[1, 5, 8, 8] x) => (float[1, 5] y) ${pool}`)),
      /does not have the network's number of channels, expected 5 .*, got 3\./,
    ],
    "no logits": [
      () => writeModel(graph("g (float[1, 3, 8, 8] x) => (float[1, 3, 8, 8] y) { y = Relu (x) }")),
      /no logits/,
    ],
    "a quantity": [
      () =>
        writeModel(
          graph(`g (float[1, 1, 8, 8] x) => (float[1, 1] age) { p = GlobalAveragePool (x) age = Flatten (p) }`),
        ),
      /"age" is no classification: its name says that it is a quantity.*--head value/,
    ],
    words: [
      () =>
        writeModel(
          graph(
            `g (bool[1, 3, 8, 8] x) => (float[1, 3] y) { f = Cast <to = 1> (x) p = GlobalAveragePool (f) y = Flatten (p) }`,
          ),
        ),
      /neither floating-point numbers nor integers/,
    ],
    "quantized operators": [
      () => writeModel(graph("g (float[1, 3, 8, 8] x) => (float[1, 3] y) { [q] y = MatMulNBits (x) }")),
      /quantized operators, which have no gradient: MatMulNBits \(q\).*QDQ/,
    ],
    "operators without a rule": [
      () =>
        writeModel(
          graph(
            "g (float[1, 3, 8, 8] x) => (float[1, 3] y) { [one] a = RoiAlign (x, x, x) [two] b = StringNormalizer (a) p = GlobalAveragePool (b) y = Flatten (p) }",
          ),
        ),
      /RoiAlign \(one\).*StringNormalizer \(two\)/,
    ],
    "NaN in its weights": [
      () => writeModel(tinyClassifier({ poison: Number.NaN })),
      /the logit of class 0 is not a finite number.*weights/,
    ],
    "infinity in its weights": [
      () => writeModel(tinyClassifier({ poison: Number.POSITIVE_INFINITY })),
      /not a finite number/,
    ],
  };
  test.each(Object.keys(bad))("%s", async (name) => {
    const [contents, message] = bad[name];
    const file = path(`${name.replaceAll(" ", "-")}.onnx`);
    writeFileSync(file, contents());
    const out = path(`out-${name}`);
    const { code, stdout, stderr } = await runCli(["explain", picture, "--model", file, "--out", out, "--quiet"]);
    expect(stderr).toMatch(message);
    expect({ code, stdout, lines: stderr.trimEnd().split("\n").length }).toEqual({ code: 1, stdout: "", lines: 1 });
    expect(stderr).toMatch(/^perceptual-ball: /);
    expect(stderr).not.toMatch(/defect|\n {4}at /);
    expect(existsSync(out)).toBe(false);
  });
});

test.each([
  ["resnet50.onnx", "perceptual-ball inspect resnet50.onnx"],
  ["./dog.jpg", "perceptual-ball explain ./dog.jpg --model model.onnx"],
  ["inspect --model resnet50.onnx", "The model stands by itself: perceptual-ball inspect model.onnx"],
  ["differentiate --model resnet50.onnx -o g.onnx", "perceptual-ball differentiate model.onnx"],
  [
    "explain resnet50.onnx",
    "resnet50.onnx: is a model, expected a picture. The command takes the model as --model FILE",
  ],
])("perceptual-ball %s: what was meant is said", async (line, said) => {
  const { code, stdout, stderr } = await runCli(line.split(" "));
  expect(stderr).toContain(said);
  expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
});

describe("misuse: one line that says what to do, exit code 2, nothing written", () => {
  const cases: readonly (readonly [flags: string, message: RegExp])[] = [
    ["--modle x", /unknown option '--modle'. Did you mean --model\?/],
    ["--layers Rellu", /no such layer.*Did you mean "Relu"\?/],
    ["--layers 99", /no such layer, expected a number from 0 to \d+/],
    ["--label tabby", /label: /],
    ["--target 4", /no such class, expected 0 to 3, got 4/],
    ["--epsilon 8 --constraint ball", /Did you mean 8\/255\?/],
    ["--epsilon 1/0", /--epsilon: not a number/],
    ["--margin 2", /margin: value out of range, expected a number below 0, got 2.*slip of sign/],
    ["--preset atuo", /Did you mean "auto"\?/],
    ["--method perceptual,guided-perceptal", /method: unknown name.*Did you mean guided-perceptual\?/],
    ["--threshold mean", /--threshold: not a threshold/],
    ["--threshold value:2", /--threshold: alpha: value out of range/],
    ["--connectivity 6", /--connectivity: unknown value, expected one of 4, 8/],
    ["--preprocessing imagnet", /Did you mean "imagenet"\?/],
    ["--resize shorter", /--resize: unknown rule/],
    ["--crop 20", /the result does not have the network's size, expected 24x24/],
    ["--mean 0,0", /mean and std do not fit|numbers each/],
    ["--std 0,1,1", /std is not usable/],
    ["--input-size 32", /the model's input height is fixed, expected 24, got 32/],
    ["--threads 0", /--threads: value out of range/],
    ["--color-map jet", /--color-map: unknown value/],
    ["--logits nowhere", /no value "nowhere" to take the logits from/],
    ["--runtime gpu", /--runtime: unknown value, expected one of node, wasm/],
  ];
  test.each(cases)("explain %s", async (flags, message) => {
    const out = path("misuse");
    const { code, stdout, stderr } = await runCli([
      "explain",
      picture,
      "--model",
      model,
      "--out",
      out,
      "--quiet",
      ...flags.split(" "),
    ]);
    expect(stderr).toMatch(message);
    expect({ code, stdout, lines: stderr.trimEnd().split("\n").length }).toEqual({ code: 2, stdout: "", lines: 1 });
    expect(existsSync(out)).toBe(false);
  });

  test("an unknown command, none, a model that is not there, a model without pictures", async () => {
    expect(await runCli(["explian"])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/Did you mean explain\?\n$/),
    });
    expect(await runCli([])).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("Usage: ") });
    expect(await runCli(["inspect", path("absent.onnx")])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("no such file"),
    });
    expect(await runCli(["explain", "--model", model])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("no picture"),
    });
  });

  test("an output folder that cannot be written is found before the model is read", async () => {
    writeFileSync(path("file"), "");
    for (const out of [path("file"), path("file/below/it")]) {
      const { code, stderr } = await runCli(["explain", picture, "--model", path("absent.onnx"), "--out", out]);
      expect({ code, lines: stderr.trimEnd().split("\n").length }).toEqual({ code: 2, lines: 1 });
      expect(stderr).toMatch(/is not a folder|is a file, not a folder/);
    }
  });

  test("an execution provider that is not there", async () => {
    const { code, stderr } = await runCli([
      "explain",
      picture,
      "--model",
      model,
      "--out",
      path("misuse"),
      "--providers",
      "warp",
      "--quiet",
    ]);
    expect(code).toBe(1);
    expect(stderr).toMatch(/the runtime refused the model.*Providers asked for: warp/);
  });
});

test("version and help, with an example for every command", async () => {
  const { version } = JSON.parse(readFileSync(resolve(import.meta.dirname, "../package.json"), "utf8"));
  expect(await runCli(["--version"])).toEqual({ code: 0, stdout: `${version}\n`, stderr: "" });
  for (const command of [[], ["explain"], ["inspect"], ["differentiate"]]) {
    const { code, stdout, stderr } = await runCli([...command, "--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(stdout).toMatch(/Examples?:\n {2}perceptual-ball /);
  }
});

describe("inspect", () => {
  test("a verdict that is true: tried, not read off the operators", async () => {
    const zero = path("zero.onnx");
    const text =
      "g (float[1, 3, 8, 8] x) => (float[1, 3] y) <float[3, 3, 1, 1] w = {0, 0, 0, 0, 0, 0, 0, 0, 0}> { c = Conv (x, w) p = GlobalAveragePool (c) y = Flatten (p) }";
    writeFileSync(zero, writeModel(graph(text)));
    const { code, stdout } = await runCli(["inspect", zero]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^blocked by: no gradient arrives at the pixels: it is 0 on every way/);
    expect(stdout).not.toMatch(/Works:/);
    const compared = path("compared.onnx");
    const steps =
      "g (float[1, 3, 8, 8] x) => (float[1, 3] y) <float h = {0.5}> { g = Greater (x, h) c = Cast <to = 1> (g) p = GlobalAveragePool (c) y = Flatten (p) }";
    writeFileSync(compared, writeModel(graph(steps)));
    expect((await runCli(["inspect", compared])).stdout).toMatch(/^blocked by: .*(Greater|no gradient)/);
  });

  test("what is guessed, and what to give", async () => {
    const plain = path("plain.onnx");
    const text =
      "g (float[1, 3, 8, 8] x) => (float[1, 1] z, float[1, 64] features) <float[1, 3] w = {1, 2, 3}, float[64, 3] v = {" +
      `${Array(192).fill(1)}` +
      "}> { p = GlobalAveragePool (x) f = Flatten (p) z = Gemm <transB = 1> (f, w) features = Gemm <transB = 1> (f, v) }";
    writeFileSync(plain, writeModel(graph(text)));
    const { code, stdout } = await runCli(["inspect", plain]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Logits +value "z", 2 classes/m);
    expect(stdout).toMatch(/not features: 64 numbers: its name says that it is an embedding/);
    expect(stdout).toMatch(/Works: +explanations and attacks/);
    expect(stdout).toMatch(/Guessed: how pixels are prepared: imagenet/);
    expect(stdout).toMatch(/Give: +--head value, if it is a quantity\n/);
    expect(stdout).toMatch(/Guessed: the order of the channels: rgb is assumed, nothing says so/);
    const value = await runCli(["inspect", plain, "--head", "value", "--json"]);
    expect(JSON.parse(value.stdout)).toMatchObject({
      head: { kind: "value" },
      advice: { works: [expect.stringContaining("change nothing")] },
    });
  });

  test("the names of classes may be given, as to the commands that its advice is for", async () => {
    const ten = path("ten.onnx");
    const w = Array.from({ length: 30 }, (_, i) => i % 7);
    writeFileSync(
      ten,
      writeModel(
        graph(
          `g (float[1, 3, 32, 32] x) => (float[1, 10] y) <float[10, 3] w = {${w}}> { p = GlobalAveragePool (x) f = Flatten (p) y = Gemm <transB = 1> (f, w) }`,
        ),
      ),
    );
    const unnamed = (await runCli(["inspect", ten])).stdout;
    expect(unnamed).toContain("if they are CIFAR-10's, say so: --labels cifar10");
    const { code, stdout } = await runCli(["inspect", ten, "--labels", "cifar10"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(/^Classes +10: airplane, automobile, bird, … \(as given\)$/m);
    expect(stdout).not.toContain("--labels");
    writeFileSync(path("ten.txt"), Array.from({ length: 10 }, (_, i) => `digit ${"abcdefghij"[i]}`).join("\n"));
    const listed = await runCli(["inspect", ten, "--labels", path("ten.txt"), "--json"]);
    expect(JSON.parse(listed.stdout)).toMatchObject({
      classes: { count: 10, first: ["digit a", "digit b", "digit c"] },
    });
    expect(await runCli(["inspect", ten, "--labels", path("none.txt")])).toMatchObject({
      stdout: "",
      stderr: expect.stringContaining("none.txt: no such file"),
    });
  });

  test("what moves a number is shown without a method's name, and named", async () => {
    const model = path("number.onnx");
    const text =
      "g (float[1, 3, 8, 8] x) => (float[1, 1] z) <float[1, 3] w = {1, 2, 3}> { p = GlobalAveragePool (x) f = Flatten (p) z = Gemm <transB = 1> (f, w) }";
    writeFileSync(model, writeModel(graph(text)));
    const argv = ["explain", picture, "--model", model, "--head", "value", "--out", path("number")];
    const { code, stdout } = await runCli(argv);
    expect(stdout).toMatch(/: integrated-gradients {2}-?[\d.]+ \((higher|lower)\)/);
    expect(stdout).toMatch(/^1 picture: 1 box; /m);
    expect(code).toBe(0);
    const asked = await runCli([...argv, "--method", "perceptual"]);
    expect(asked).toMatchObject({
      code: 2,
      stderr: expect.stringContaining("taken as a number, which has no label to change"),
    });
  });

  test("where no gradient arrives, methods that hide parts of the picture go without saying", async () => {
    const model = path("steps.onnx");
    const text =
      "g (float[1, 3, 8, 8] x) => (float[1, 3] z) <float[3, 3] w = {1, 2, 3, 3, 1, 2, 2, 3, 1}> { s = Sign (x) p = GlobalAveragePool (s) f = Flatten (p) z = Gemm (f, w) }";
    writeFileSync(model, writeModel(graph(text)));
    const argv = ["explain", picture, "--model", model, "--preprocessing", "symmetric", "--out", path("steps")];
    const { code, stdout, stderr } = await runCli(argv);
    expect(stderr).toMatch(/warning: no gradient arrives at the pixels: it ends at Sign/);
    expect(stdout.match(/: (rise|occlusion) {2}class \d/g)).toHaveLength(2);
    expect(code).toBe(0);
    const asked = await runCli([...argv, "--method", "perceptual"]);
    expect(asked.stdout).toMatch(/NOT FLIPPED \(No gradient of the network arrives at the pixels/);
  });

  test("what plain numbers mean that nothing calls scores is a guess, and as many as a layer has are warned of", async () => {
    const plain = path("numbers.onnx");
    const text = (count: number): string =>
      `g (float[1, 3, 8, 8] x) => (float[1, ${count}] y) <float[${count}, 3] w = {${Array(3 * count).fill(1)}}> { p = GlobalAveragePool (x) f = Flatten (p) y = Gemm <transB = 1> (f, w) }`;
    for (const [count, isWarned] of [
      [7, false],
      [64, true],
    ] as const) {
      writeFileSync(plain, writeModel(graph(text(count))));
      const { stdout } = await runCli(["inspect", plain]);
      const guess = `Guessed: what the output means: nothing says that the ${count} numbers of "y" are scores of classes\n`;
      expect(stdout).toContain(guess);
      expect(/^Warning +"y" has 64 numbers, as many as features have/m.test(stdout)).toBe(isWarned);
      const labels = Array.from({ length: count }, (_, index) => `name ${index}`);
      expect(createClassifier(graph(text(count)), { runtime: referenceRuntime, labels }).warnings).toEqual([]);
    }
  });

  test("what would help a model that is blocked", async () => {
    const heads = path("heads.onnx");
    const text =
      "g (float[1, 3, 8, 8] x) => (float[1, 3] one, float[1, 3] other) <float[3, 3] w = {1, 2, 3, 4, 5, 6, 7, 8, 9}> { p = GlobalAveragePool (x) f = Flatten (p) z = Gemm <transB = 1> (f, w) one = Softmax (f) other = Softmax (z) }";
    writeFileSync(heads, writeModel(graph(text)));
    const { code, stdout } = await runCli(["inspect", heads]);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^Give: +Choose with --logits one or --logits other$/m);
    // By the shapes, which the file does not say, the value with the scores is found.
    expect(stdout).toMatch(/^0 +GlobalAveragePool\[0\] +p +1x3x1x1 /m);
    expect(stdout).toMatch(/^2 +Gemm\[0\] +z +1x3 /m);
  });

  test("a size that the file leaves open is called a guess", async () => {
    const open = path("open.onnx");
    const text = "g (float[1, 3, h, w] x) => (float[1, 3] y) { p = GlobalAveragePool (x) y = Flatten (p) }";
    writeFileSync(open, writeModel(graph(text)));
    const { stdout } = await runCli(["inspect", open]);
    expect(stdout).toMatch(/Guessed: the size of the pictures: the file leaves it open, and 224x224 is usual\n/);
    expect(stdout).toMatch(/Give: +--input-size, if/);
    const given = await runCli(["inspect", open, "--input-size", "32"]);
    expect(given.stdout).not.toMatch(/the size of the pictures/);
  });

  test("a model that works: verdict first, then its layers", async () => {
    const { code, stdout } = await runCli(["inspect", model]);
    expect(code).toBe(0);
    const lines = stdout.split("\n");
    expect(lines[0]).toBe("works");
    expect(stdout).toContain("unit normalization: the model's own metadata");
    expect(lines.find((line) => line.startsWith("Input"))).toContain("image: float32 [N, 3, 24, 24]");
    const conv = given(lines.find((line) => line.includes("Conv[1]")));
    expect(
      conv
        .trim()
        .split(/\s{2,}/)
        .slice(3),
    ).toEqual(["1x8x12x12", "576", "yes"]);
    expect(lines.filter((line) => /^ *\d+ {2}/.test(line))).toHaveLength(8);
  });

  test("as JSON", async () => {
    const { stdout } = await runCli(["inspect", model, "--json"]);
    const record = JSON.parse(stdout);
    expect(record).toMatchObject({
      verdict: "works",
      works: true,
      opsets: { "ai.onnx": 18 },
      classes: { count: 4, first: null },
      preprocessing: { name: "unit", isUncertain: false },
      unsupported: {},
    });
    expect(record.parameters).toBe(8 * 27 + 8 * 72 + 8 * 4 + 4);
    expect(record.layers[0]).toMatchObject({ index: 0, operator: "Conv", gradient: "rule", parameters: 216 });
  });

  test("a model that does not: every offender and where it lies, exit code 1", async () => {
    const file = path("blocked.onnx");
    writeFileSync(
      file,
      writeModel(
        graph(
          "g (float[1, 3, 8, 8] x) => (float[1, 3] y) { [one] a = RoiAlign (x, x, x) [two] b = RoiAlign (a, a, a) r = Round (b) p = GlobalAveragePool (r) y = Flatten (p) }",
        ),
      ),
    );
    const { code, stdout, stderr } = await runCli(["inspect", file]);
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
    expect(stdout.split("\n")[0]).toMatch(/^blocked by: .*RoiAlign/);
    expect(stdout).toMatch(/Unsupported +RoiAlign: one, two/);
    expect(stdout).toMatch(/RoiAlign\[1\] .*MISSING/);
    expect(stdout).toMatch(/Round\[0\] .*yes/);
    const record = JSON.parse((await runCli(["inspect", file, "--json"])).stdout);
    expect(record).toMatchObject({ works: false, unsupported: { RoiAlign: ["one", "two"] }, classes: null });
  });
});

describe("differentiate", () => {
  test("the gradient of the written model is that of the model, in plain onnxruntime", async () => {
    const output = path("gradient.onnx");
    const { code, stdout } = await runCli(["differentiate", model, "-o", output, "--batch", "2", "--json"]);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({
      inputs: ["image float32 [2, 3, 24, 24]", "cotangent float32 [2, 4]"],
      outputs: ["logits float32 [2, 4]", "input_gradient float32 [2, 3, 24, 24]"],
    });
    const session = await ort.InferenceSession.create(output);
    const image = Float32Array.from({ length: 2 * 1728 }, (_, i) => 0.5 + 0.4 * Math.sin(i * 1.3));
    const cotangent = Float32Array.of(1, -2, 0.5, 0, 0, 0, 0, 3);
    const at = async (pixels: Float32Array) => {
      const results = await session.run({
        image: new ort.Tensor("float32", pixels, [2, 3, 24, 24]),
        cotangent: new ort.Tensor("float32", cotangent, [2, 4]),
      });
      return { logits: results.logits.data as Float32Array, gradient: results.input_gradient.data as Float32Array };
    };
    const [{ gradient, logits }, zero] = [await at(image), await at(new Float32Array(2 * 1728))];
    // Without biases in the convolutions the network is homogeneous: by Euler's theorem logits(x) − logits(0) = J x, row by row.
    for (const row of [0, 1]) {
      let [rise, product] = [0, 0];
      for (let k = 4 * row; k < 4 * row + 4; k++) rise += cotangent[k] * (logits[k] - zero.logits[k]);
      for (let i = 1728 * row; i < 1728 * row + 1728; i++) product += gradient[i] * image[i];
      expect(Math.abs(rise)).toBeGreaterThan(0.1);
      expect(product / rise).toBeCloseTo(1, 4);
    }
    await session.release();
  });

  test("of an inner value, with BatchNormalization kept or folded", async () => {
    const file = path("normalized.onnx");
    writeFileSync(
      file,
      writeModel(
        graph(`g (float[N, 1, 4, 4] x) => (float[N, 1, 4, 4] y)
          <float[1, 1, 1, 1] w = {2}, float[1] s = {3}, float[1] b = {1}, float[1] m = {0.5}, float[1] v = {1}>
          { c = Conv (x, w) n = BatchNormalization <epsilon = 0.0> (c, s, b, m, v) y = Relu (n) }`),
      ),
    );
    const operators = async (...flags: string[]) => {
      const output = path("inner.onnx");
      expect((await runCli(["differentiate", file, "-o", output, "--quiet", "--of", "n", ...flags])).code).toBe(0);
      const { graph: written } = loadModelFile(output).model;
      const session = await ort.InferenceSession.create(output);
      const ones = (name: string) => ({
        [name]: new ort.Tensor("float32", new Float32Array(16).fill(1), [1, 1, 4, 4]),
      });
      const results = await session.run({ ...ones("x"), ...ones("cotangent") });
      expect([...(results.input_gradient.data as Float32Array)]).toEqual(Array(16).fill(6));
      return written.nodes.map((node) => node.opType);
    };
    expect(await operators()).not.toContain("BatchNormalization");
    expect(await operators("--no-fold")).toContain("BatchNormalization");
  });

  test("refuses to overwrite what it reads, and values that are not there", async () => {
    const before = readFileSync(model);
    const same = await runCli(["differentiate", model, "-o", model]);
    expect(same).toMatchObject({ code: 2, stdout: "", stderr: expect.stringContaining("would overwrite the model") });
    expect(readFileSync(model)).toEqual(before);
    const unknown = await runCli(["differentiate", model, "-o", path("never.onnx"), "--of", "logit"]);
    expect(unknown).toMatchObject({ code: 2, stderr: expect.stringContaining('Did you mean "logits"?') });
    expect(existsSync(path("never.onnx"))).toBe(false);
    writeFileSync(path("plain"), "");
    expect(await runCli(["differentiate", model, "-o", path("plain/never.onnx")])).toMatchObject({ code: 2 });
  });
});

describe("the built executable", () => {
  const main = resolve(import.meta.dirname, "../dist/cli/main.js");
  const start = (args: readonly string[]) => {
    const child = spawn(process.execPath, [main, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    const written = { stdout: "", stderr: "" };
    child.stdout.on("data", (chunk) => {
      written.stdout += chunk;
    });
    child.stderr.on("data", (chunk) => {
      written.stderr += chunk;
    });
    const ended = new Promise<{ code: number | null; stdout: string; stderr: string }>((done) =>
      child.on("close", (code) => done({ code, ...written })),
    );
    return { child, ended };
  };

  test("starts, and passes its exit code on", async () => {
    expect(existsSync(main), "npm run build comes first").toBe(true);
    expect(await start(["inspect", model]).ended).toMatchObject({ code: 0, stderr: "" });
    expect(await start(["inspect", path("absent.onnx")]).ended).toMatchObject({ code: 2, stdout: "" });
  });

  test("SIGINT in the middle: exit code 130, whole files only", async () => {
    const out = path("killed");
    mkdirSync(path("many"), { recursive: true });
    const files = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const file = path(`many/scene${index}.png`);
        await writePng(file, renderScene({ seed: 6, index, size: 24 }).image);
        return file;
      }),
    );
    const flags = ["--model", model, "--method", "perceptual"];
    const { child, ended } = start(["explain", ...files, ...flags, "--out", out, "--quiet"]);
    child.stdout.once("data", () => child.kill("SIGINT"));
    const { code, stderr } = await ended;
    expect(code).toBe(130);
    expect(stderr).toMatch(
      /^perceptual-ball: interrupted: \d+ of 40 pictures are finished, kept in .*index\.html\.\n$/,
    );
    const folders = readdirSync(out, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() ? entry.name : [],
    );
    expect(folders.length).toBeGreaterThan(0);
    expect(folders.length).toBeLessThan(40);
    expect(existsSync(join(out, "index.html"))).toBe(true);
    for (const name of folders) expect(readdirSync(join(out, name))).toHaveLength(8);
  });
});
