import { copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { describeClassifier } from "../src/cli/open-classifier.ts";
import { commandLine } from "../src/cli/run.ts";
import { bundledClassifierPath } from "../src/node/models/bundled.ts";
import { loadClassifier } from "../src/node/models/load-classifier.ts";
import { saliencyMethods } from "../src/saliency/methods.ts";
import { realData, realDataTitle, realModels } from "./real-data.ts";
import { runCli } from "./run-cli.ts";

const sink = { write: () => true } as never;
const program = await commandLine({
  io: { stdout: sink, stderr: sink, signal: new AbortController().signal, env: {} },
  argv: [],
  run: async () => 0,
  exitCode: 0,
});

/** The commands and those below them, each as the words that call it. */
function pathsOf(command: Command, path: readonly string[] = []): (readonly string[])[] {
  return [path, ...command.commands.flatMap((inner) => pathsOf(inner, [...path, inner.name()]))];
}

const paths = pathsOf(program).filter(([first]) => first !== "help");

describe("--help", () => {
  test.each(paths.map((path) => [path.join(" "), path] as const))(
    "%s: fits a screen of 80 columns",
    async (_, path) => {
      const { code, stdout } = await runCli([...path, "--help"]);
      expect(code).toBe(0);
      const lines = stdout.trimEnd().split("\n");
      expect(lines.filter((line) => line.length > 80)).toEqual([]);
      expect(lines.length).toBeLessThanOrEqual(40);
      expect(stdout).toMatch(/^ {2}perceptual-ball /m);
    },
  );

  test.each(["explain", "attack", "benchmark localization"])("%s --help-all: the rest", async (path) => {
    const short = await runCli([...path.split(" "), "--help"]);
    const all = await runCli([...path.split(" "), "--help-all"]);
    expect(all.stdout.split("\n").length).toBeGreaterThan(3 * short.stdout.split("\n").length);
    for (const flag of short.stdout.matchAll(/^ {2}(--[\w-]+)/gm)) expect(all.stdout).toContain(flag[1]);
    expect(short.stdout).toContain("--help-all shows all flags");
  });

  test("of many methods it shows some and says how many more there are; --help-all lists them all", async () => {
    const short = await runCli(["explain", "--help"]);
    const all = await runCli(["explain", "--help-all"]);
    const [, shown, more] = /Methods:\n([\s\S]*), … (\d+) more, which --help-all lists/.exec(short.stdout) ?? [];
    const names = shown.trim().split(/,\s+/);
    expect(names.length + Number(more)).toBe(saliencyMethods.length);
    for (const { name } of saliencyMethods) expect(all.stdout).toMatch(new RegExp(`^ {2}${name} `, "m"));
  });

  test("a flag is described briefly, with its default; --help-all has the whole sentence", async () => {
    const short = await runCli(["explain", "--help"]);
    const all = await runCli(["explain", "--help-all"]);
    expect(short.stdout).toMatch(
      /^ {2}--preprocessing <name> {2}imagenet, unit, symmetric, caffe, bytes, mnist, or a\n {26}JSON or YAML file\n/m,
    );
    expect(short.stdout).toMatch(/--label <class> .*\(default: the\n? +predicted one\)/);
    expect(short.stdout.replaceAll(/\s+/g, " ")).toContain("(default: guided-perceptual,perceptual)");
    expect(all.stdout.replaceAll(/\s+/g, " ")).toContain("any of scale, channels, mean, std, layout, geometry");
  });
});

describe("the lines about a model fit 80 columns", () => {
  async function linesOf(path: string): Promise<string[]> {
    const classifier = await loadClassifier(path, { runtime: ort });
    const lines = describeClassifier(classifier);
    await classifier.dispose();
    return lines;
  }

  test("Scenes: its own metadata", async () => {
    const lines = await linesOf(bundledClassifierPath);
    expect(lines).toContain("  preprocessing symmetric (the model's own metadata)");
    expect(lines.filter((line) => line.length > 80)).toEqual([]);
  });

  test("Hugging Face: a file beside the model with numbers that have no name", async () => {
    const folder = mkdtempSync(join(tmpdir(), "perceptual-ball-help-"));
    try {
      const model = join(folder, "model.onnx");
      copyFileSync(bundledClassifierPath, model);
      const stated = {
        do_normalize: true,
        do_rescale: true,
        image_mean: [0.48145466, 0.4578275, 0.40821073],
        image_std: [0.26862954, 0.26130258, 0.27577711],
        size: { height: 96, width: 96 },
      };
      writeFileSync(join(folder, "preprocessor_config.json"), JSON.stringify(stated));
      const lines = await linesOf(model);
      expect(lines.join("\n")).toMatch(/^ {2}preprocessing mean 0\.48145466,0\.4578275/m);
      expect(lines.filter((line) => line.length > 80)).toEqual([]);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  describe.skipIf(realData === undefined)(realDataTitle, () => {
    test.each(realModels.map(({ name }) => name))("%s, guessed from its statistics", async (name) => {
      const lines = await linesOf(join(realData ?? "", "models", `${name}.onnx`));
      expect(lines.some((line) => line.startsWith("  preprocessing "))).toBe(true);
      expect(lines.filter((line) => line.length > 80)).toEqual([]);
    });
  });
});
