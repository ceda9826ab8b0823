import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { commandEntries } from "../src/cli/commands/index.ts";
import { writeModelFile } from "../src/node/models/write-model-file.ts";
import { writePng } from "../src/node/pictures/write-image.ts";
import type { Model } from "../src/onnx/model.ts";
import { createRandom } from "../src/random/random.ts";
import { casesIn } from "./cases.ts";
import { runCli } from "./run-cli.ts";
import { tinyClassifier, unitPreprocessing } from "./tiny-classifier.ts";

/** C0, C1, a bidirectional override, a line separator, and a line of its own that says something else. */
const evil = "\u001b]0;owned\u0007\u009b2J\u202e\u2028\nFORGED";
const folder = mkdtempSync(join(tmpdir(), "perceptual-ball-hostile-"));
const path = (name: string): string => join(folder, name);
const model = path(`model${evil}.onnx`);
const pictures = path(`pictures${evil}`);
const picture = join(pictures, `one${evil}.png`);
const statistics = path(`statistics${evil}.json`);

/** The model with hostile names of values, nodes, producer, metadata and classes. */
function hostileModel(): Model {
  const classes = Array.from({ length: 4 }, (_, n) => `class ${n}${evil}`);
  const metadata = { preprocessing: unitPreprocessing, labels: JSON.stringify(classes), [`note${evil}`]: evil };
  const tiny = tinyClassifier({ metadata });
  const renamed = (name: string): string => (name === "" ? name : `${name}${evil}`);
  const { graph } = tiny;
  return {
    ...tiny,
    producerName: `producer${evil}`,
    graph: {
      ...graph,
      inputs: graph.inputs.map((value) => ({ ...value, name: renamed(value.name) })),
      outputs: graph.outputs.map((value) => ({ ...value, name: renamed(value.name) })),
      nodes: graph.nodes.map((node) => ({
        ...node,
        name: renamed(node.name || node.opType),
        inputs: node.inputs.map((name) => (graph.initializers.has(name) ? name : renamed(name))),
        outputs: node.outputs.map(renamed),
      })),
    },
  };
}

beforeAll(async () => {
  mkdirSync(pictures);
  writeModelFile(model, hostileModel());
  const random = createRandom(1);
  for (const name of [`one${evil}`, "two", "three", "four"]) {
    const data = Uint8Array.from({ length: 3 * 24 * 24 }, () => Math.floor(256 * random()));
    await writePng(join(pictures, `${name}.png`), { width: 24, height: 24, channels: 3, data });
  }
  writeFileSync(join(pictures, `broken${evil}.png`), "no picture");
  writeFileSync(path(`broken${evil}.onnx`), "no model");
});
afterAll(() => rmSync(folder, { recursive: true }));

/** Runs a command, and checks that what it prints is text, in lines of its own. */
async function printed(...argv: string[]): Promise<string> {
  const { stdout, stderr } = await runCli(argv);
  const text = stdout + stderr;
  expect(text).not.toMatch(/[^\P{Cc}\n]|[\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u);
  expect(text).not.toMatch(/^FORGED/m);
  return text;
}

const out = (name: string): string => path(`out-${name}${evil}`);

describe("hostile names reach the terminal as text", () => {
  test("explain, as text and JSON", async () => {
    const text = await printed("explain", pictures, "--model", model, "--out", out("explain"), "--evaluations", "5");
    expect(text).toContain("\\u{1b}]0;owned\\u{7}");
    expect(text).toMatch(/class \d\\u\{1b\}/);
    const json = await printed(
      "explain",
      picture,
      "--model",
      model,
      "--out",
      out("json"),
      "--method",
      "gradient",
      "--json",
    );
    expect(json).toContain("\\u001b]0;owned\\u0007");
  });

  test("classify, as text, JSON and CSV", async () => {
    for (const how of [[], ["--json"]]) await printed("classify", pictures, "--model", model, ...how);
    const { stdout } = await runCli(["classify", picture, "--model", model, "--csv", "--quiet"]);
    // CSV has lines that end in CR LF.
    expect(stdout.replaceAll("\r\n", "")).not.toMatch(/[\p{Cc}\u202e\u2028]/u);
  });

  test("inspect and differentiate", async () => {
    for (const how of [[], ["--json"]]) {
      expect(await printed("inspect", model, ...how)).toMatch(/producer\\u(\{1b\}|001b)/);
      await printed("differentiate", model, "-o", path(`gradient${evil}.onnx`), ...how);
    }
  });

  test("attack and cone", async () => {
    const flags = ["--model", model, "--attack", "fgsm,pgd", "--steps", "2"];
    const text = await printed("attack", pictures, ...flags, "--out", out("attack"));
    expect(text).toMatch(/one\\u\{1b\}/);
    await printed("attack", picture, ...flags, "--out", out("attack"), "--json");
    const small = ["--step", "0.5", "--directions", "1"];
    await printed("cone", picture, ...flags, ...small, "--epsilon", "0.5", "--out", out("cone"));
  });

  test("detect fit and detect", async () => {
    const flags = ["--model", model, "--samples", "4"];
    const fit = ["--data", pictures, "--just-detect", "-o", statistics];
    expect(await printed("detect", "fit", ...fit, ...flags)).toContain("Statistics of");
    for (const how of [[], ["--json"]]) {
      expect(await printed("detect", pictures, "--statistics", statistics, ...flags, ...how)).toContain("one\\u");
    }
  });

  test("benchmarks and merge", async () => {
    const flags = ["--model", model, "--data", pictures, "--label", "predicted"];
    await printed("benchmark", "localization", ...flags, "--method", "gradient", "--out", out("localization"));
    const small = ["--samples", "2", "--train-images", "2", "--just-detect", "--attack", "fgsm"];
    await printed("benchmark", "detection", ...flags, ...small, "--out", out("detection"));
    await printed("merge", out("attack"), out("detection"));
    await printed("merge", out("attack"), "--output", out("merged"));
    for (const how of [[], ["--json"]]) await printed("status", out("attack"), out("detection"), ...how);
    await printed("queue", "fill", `redis://127.0.0.1:1/${evil}`, "--name", evil, "--", "attack", evil);
    await printed("queue", "fill", `http://${evil}`, "--", "attack", evil);
  });

  test("errors: files that are not there or no models, words that mean nothing", async () => {
    for (const { name } of commandEntries.filter((entry) => entry.name !== "benchmark")) {
      await printed(name, path(`missing${evil}`), "--model", path(`broken${evil}.onnx`));
      await printed(name, `--${evil}`);
    }
    await printed("inspect", path(`broken${evil}.onnx`));
    await printed(evil);
    await printed("explain", picture, "--model", model, "--method", evil, "--label", evil);
    await printed("explain", picture, "--model", model, "--set", `${evil}=1`);
    await printed("explain", picture, "--model", model, "--label", evil);
  });
});

const cases = casesIn("hostile/models");
test.skipIf(!cases.isThere)(`escape sequences of models (${cases.title})`, async () => {
  for (const name of ["evil-names.onnx", "meta-evil-labels.onnx"]) {
    await printed("inspect", cases.path(name));
    await printed("inspect", cases.path(name), "--json");
    await printed("explain", picture, "--model", cases.path(name), "--out", out("case"), "--method", "gradient");
    await printed("classify", picture, "--model", cases.path(name));
  }
});
