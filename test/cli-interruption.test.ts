/** Ctrl-C in every command: one way to say it, one exit code, and nothing half written. */
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { commandEntries } from "../src/cli/commands/index.ts";
import { writePng } from "../src/node/pictures/write-image.ts";
import { writeModel } from "../src/onnx/file/write-model.ts";
import { renderScene } from "../src/scenes/scenes.ts";
import { runCli } from "./run-cli.ts";
import { tinyClassifier } from "./tiny-classifier.ts";

let folder = "";
const path = (name: string): string => join(folder, name);
const model = (): string[] => ["--model", path("tiny.onnx"), "--quiet"];
const pictures = (): string[] => [0, 1].map((n) => path(`${n}.png`));
const benchmark = (): string[] => ["benchmark", "localization", "--data", "scenes:2", "--methods", "gradient"];

/** By name, with what each command would write: paths that may not be there afterwards. */
const commands: Record<string, { readonly argv: () => string[]; readonly writes?: string }> = {
  explain: { argv: () => ["explain", ...pictures(), ...model(), "--out", path("explained")], writes: "explained" },
  classify: { argv: () => ["classify", ...pictures(), ...model()] },
  inspect: { argv: () => ["inspect", path("tiny.onnx")] },
  differentiate: { argv: () => ["differentiate", path("tiny.onnx"), "-o", path("g.onnx")], writes: "g.onnx" },
  attack: { argv: () => ["attack", ...pictures(), ...model(), "--attack", "fgsm", "--out", path("attacked")] },
  universal: {
    argv: () => ["universal", "--data", folder, ...model(), "--out", path("universal")],
    writes: "universal/state.json",
  },
  cone: { argv: () => ["cone", ...pictures(), ...model(), "--out", path("cone")] },
  detect: { argv: () => ["detect", path("0.png"), ...model(), "--statistics", path("statistics.json")] },
  "detect fit": {
    argv: () => ["detect", "fit", "--data", folder, ...model(), "--just-detect", "-o", path("fitted.json")],
    writes: "fitted.json",
  },
  "benchmark localization": { argv: () => [...benchmark(), "--quiet", "--out", path("localized")] },
  "benchmark detection": {
    argv: () => ["benchmark", "detection", "--data", "scenes:2", "--quiet", "--out", path("detected")],
  },
  status: { argv: () => ["status", path("results")] },
  merge: { argv: () => ["merge", path("results"), "-o", path("merged")], writes: "merged" },
};

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "perceptual-ball-interruption-"));
  writeFileSync(path("tiny.onnx"), writeModel(tinyClassifier()));
  for (let index = 0; index < 8; index++)
    await writePng(path(`${index}.png`), renderScene({ seed: 5, index, size: 32 }).image);
  const fit = ["detect", "fit", "--data", folder, ...model(), "--just-detect", "--samples", "2"];
  const results = [...benchmark(), "--quiet", "--curve-steps", "0", "--keep-maps", "0", "--out", path("results")];
  for (const argv of [[...fit, "-o", path("statistics.json")], results]) {
    const { code, stderr } = await runCli(argv);
    if (code !== 0) throw new Error(stderr);
  }
}, 60_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** "perceptual-ball: interrupted.", with what is finished and how to go on where that can be told. */
const words =
  /^perceptual-ball: interrupted(: \d+ of \d+ (pictures|results|epochs) are finished(, kept in \S+)?)?\.( The same command goes on from there\.)?\n$/;

test("every command is here", () => {
  // A queue needs a server (test/queue.test.ts), and the studio ends in no other way.
  const tried = new Set(["queue", "studio", ...Object.keys(commands).map((name) => name.split(" ")[0])]);
  expect([...tried].sort()).toEqual(commandEntries.map(({ name }) => name).sort());
});

test.each(Object.keys(commands))(
  "%s says that it was interrupted, exits with 130 and writes nothing",
  async (name) => {
    const { argv, writes } = commands[name];
    const { code, stdout, stderr } = await runCli(argv(), { signal: AbortSignal.abort() });
    expect([code, stderr]).toEqual([130, expect.stringMatching(words)]);
    expect(stdout).toBe("");
    if (writes !== undefined) expect(existsSync(path(writes))).toBe(false);
  },
  30_000,
);

test("Ctrl-C is how the studio is ended", async () => {
  const { code, stderr } = await runCli(["studio", "--no-open", "--port", "0"], { signal: AbortSignal.abort() });
  expect([code, stderr]).toEqual([0, ""]);
});

test("a picture that has only some of its methods is not finished, but kept", async () => {
  const out = path("halfway");
  const interruption = new AbortController();
  const argv = ["explain", ...pictures(), "--method", "gradient,perceptual", ...model(), "--out", out];
  const { code, stdout, stderr } = await runCli(argv, {
    signal: interruption.signal,
    onOutput: () => interruption.abort(),
  });
  expect(code).toBe(130);
  expect(stdout.trim().split("\n")).toHaveLength(1);
  expect(stderr).toBe(
    `perceptual-ball: interrupted: 0 of 2 pictures are finished, kept in ${join(out, "index.html")}.\n`,
  );
  expect(readdirSync(join(out, "0"))).toContain("gradient");
});
