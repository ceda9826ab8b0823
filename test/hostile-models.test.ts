/**
 * @file Small files that ask for any amount of memory or time: `inspect`, which opens a model as every command does and runs it, refuses them,
 * or works, within bounds. Measured in processes of their own: processor time, and the peak of memory against that for a harmless model.
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeModel } from "../src/onnx/file/write-model.ts";
import { parseModel } from "../src/onnx/text/parse.ts";

const main = resolve(import.meta.dirname, "../dist/cli/main.js");
const folder = mkdtempSync(join(tmpdir(), "perceptual-ball-hostile-"));
const meter = join(folder, "meter.mjs");
/** Seconds and kilobytes, on the last line of stderr. */
writeFileSync(
  meter,
  `import { writeSync } from "node:fs";
   process.on("exit", () => {
     const { userCPUTime, systemCPUTime, maxRSS } = process.resourceUsage();
     writeSync(2, "\\n" + JSON.stringify({ seconds: (userCPUTime + systemCPUTime) / 1e6, peak: maxRSS / 1024 }));
   });`,
);

/** What `inspect` says of a file, and what the process took. */
function inspect(path: string) {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    ["--import", pathToFileURL(meter).href, main, "inspect", path],
    { encoding: "utf8", timeout: 100_000, killSignal: "SIGKILL" },
  );
  const lines = stderr.trimEnd().split("\n");
  const { seconds, peak } = JSON.parse(lines.pop() ?? "") as { readonly seconds: number; readonly peak: number };
  return { status, stdout, stderr: lines.join("\n").trim(), seconds, peak };
}

/** The path of a model whose scores pass through `body`, which makes t of x [1, 3, side, side]. */
function written(name: string, body: string, { more = "", side = 32 } = {}): string {
  const model = parseModel(`<ir_version: 8, opset_import: ["": 18]>
    g (float[1, 3, ${side}, ${side}] x) => (float[1, 2] y) <float[3, 2] w = {1, 2, 3, 4, 5, 6}${more}> {
      ${body} p = GlobalAveragePool (t)  f = Flatten (p)  ax = Constant <value_ints = [1]> ()
      m = ReduceMean <keepdims = 1> (f, ax)  q = Concat <axis = 1> (m, m, m)  y = MatMul (q, w) }`);
  const path = join(folder, `${name}.onnx`);
  writeFileSync(path, writeModel(model));
  return path;
}

let harmless = 0;
beforeAll(() => {
  const { status, stdout, peak } = inspect(written("harmless", "t = Relu (x)"));
  expect(status).toBe(0);
  expect(stdout).toMatch(/^Needs {7}about 25 kB and 6\.2 k operations per picture$/m);
  harmless = peak;
}, 120_000);
afterAll(() => rmSync(folder, { recursive: true }));

function expectBounded(path: string) {
  const { status, stdout, stderr, seconds, peak } = inspect(path);
  expect([0, 1]).toContain(status);
  expect(stderr).toBe("");
  expect(stdout).not.toContain("defect of perceptual-ball");
  expect(seconds).toBeLessThan(2);
  expect(peak - harmless).toBeLessThan(500);
  return stdout;
}

const doubles = Array.from({ length: 17 }, (_, i) => `a${i + 1} = Concat <axis = 1> (a${i}, a${i})`).join("\n");
const many = (count: number): string => Array(count).fill("s").join(", ");

describe("small files that ask for gigabytes or minutes", { timeout: 120_000 }, () => {
  test.each([
    ["doubled", `a0 = Relu (x) ${doubles} t = Relu (a17)`, {}],
    ["tiled", "a = Tile (x, by) t = Cos (a)", { more: ", int64[4] by = {1, 1, 512, 512}" }],
    ["padded", "t = Pad (x, by)", { more: ", int64[8] by = {0, 0, 9000, 9000, 0, 0, 9000, 9000}" }],
    [
      "counted",
      "r = Range (from, to, by) u = ReduceSum <keepdims = 0> (r) t = Add (x, u)",
      {
        more: ", float from = {0}, float to = {1000000000}, float by = {1}",
      },
    ],
    ["multiplied", "a = Tile (x, by) b = MatMul (a, a) t = MatMul (b, a)", { more: ", int64[4] by = {1, 1, 50, 50}" }],
    ["pooled", "t = AveragePool <kernel_shape = [20001, 20001], pads = [10000, 10000, 10000, 10000]> (x)", {}],
    ["joined", `s = GlobalAveragePool (x) t = Concat <axis = 1> (${many(60_000)})`, {}],
    ["large", "t = Relu (x)", { side: 20_000 }],
  ])("%s", (name, body, options) => {
    expect(expectBounded(written(name, body, options))).toMatch(/^blocked by: /);
  });
});

const cases = join(process.env.PERCEPTUAL_BALL_HOSTILE ?? resolve("../shared/cases/hostile"), "models");
const hasCases = existsSync(cases);

describe.skipIf(!hasCases)(hasCases ? "hostile models" : "hostile models (no cases at hand: skipped)", () => {
  const files = hasCases ? readdirSync(cases).filter((name) => name.endsWith(".onnx")) : [];
  test.each(files)("%s", { timeout: 120_000 }, (name) => {
    expectBounded(join(cases, name));
  });
});
