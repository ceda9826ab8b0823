import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import type { Picture } from "../src/image/picture.ts";
import { readImageFile } from "../src/node/pictures/read-image.ts";
import { encodePng } from "../src/node/pictures/write-image.ts";
import { writeModel } from "../src/onnx/file/write-model.ts";
import { parseModel } from "../src/onnx/text/parse.ts";
import { runCli } from "./run-cli.ts";

const folder = mkdtempSync(join(tmpdir(), "perceptual-ball-mask-"));
afterAll(() => rmSync(folder, { recursive: true }));

const side = 16;
const model = join(folder, "model.onnx");
/** The reddest, greenest or bluest. */
writeFileSync(
  model,
  writeModel(
    parseModel(`<ir_version: 8, opset_import: ["": 18]> g (float[1, 3, ${side}, ${side}] x) => (float[1, 3] y)
      <float[3, 3] w = {20, -10, -10, -10, 20, -10, -10, -10, 20}> {
        p = GlobalAveragePool (x)  f = Flatten (p)  y = MatMul (f, w) }`),
  ),
);
const picture = join(folder, "reddish.png");
writeFileSync(picture, await encodePng(painted((x, y) => [140 + (x % 5), 120 + (y % 3), 110])));
const light = join(folder, "mask.png");
writeFileSync(light, await encodePng(painted((x) => (x < side / 2 ? [255, 255, 255] : [0, 0, 0]))));

function painted(colorAt: (x: number, y: number) => readonly number[]): Picture {
  const data = Uint8Array.from({ length: 3 * side * side }, (_, i) => {
    const pixel = Math.floor(i / 3);
    return colorAt(pixel % side, Math.floor(pixel / side))[i % 3] ?? 0;
  });
  return { width: side, height: side, channels: 3, data };
}

/** The pixels whose bytes differ, by x. */
async function changedColumns(one: string, other: string): Promise<ReadonlySet<number>> {
  const [a, b] = [await readImageFile(one), await readImageFile(other)];
  const columns = new Set<number>();
  for (const [i, value] of a.data.entries()) {
    if (value !== b.data[i]) columns.add(Math.floor(i / a.channels) % a.width);
  }
  return columns;
}

const usual = ["--model", model, "--preprocessing", "unit", "--quiet"];
const left = Array.from({ length: side / 2 }, (_, x) => x);

describe("--mask", () => {
  test.each([
    ["a box", `0,0,${side / 2},${side}`],
    ["a picture", light],
  ])("attack changes bytes inside of %s only, and flips the label", async (_, mask) => {
    const out = join(folder, `attack-${mask === light}`);
    const flags = ["--attack", "pgd,deepfool", "--set", "pgd.epsilon=0.5", "--mask", mask, "--out", out];
    const { code, stderr } = await runCli(["attack", picture, ...usual, ...flags]);
    expect([code, stderr]).toEqual([0, ""]);
    for (const attack of ["pgd", "deepfool"]) {
      const at = join(out, "reddish", attack);
      const result = JSON.parse(readFileSync(join(at, "result.json"), "utf8"));
      expect(result.outcome).toBe("flipped");
      expect([...(await changedColumns(join(at, "adversarial.png"), picture))].toSorted((a, b) => a - b)).toEqual(left);
    }
  });

  test("explain maps changes inside only", async () => {
    const out = join(folder, "explain");
    const flags = ["--method", "perceptual,deepfool", "--mask", `0,0,${side / 2},${side}`, "--out", out];
    const { code, stderr } = await runCli(["explain", picture, ...usual, ...flags]);
    expect([code, stderr]).toEqual([0, ""]);
    for (const method of ["perceptual", "deepfool"]) {
      const changed = await changedColumns(join(out, "reddish", method, "perturbed.png"), picture);
      expect(changed.size).toBeGreaterThan(0);
      expect([...changed].every((x) => left.includes(x))).toBe(true);
    }
  });

  test("another mask is another result, the same one is not computed again", async () => {
    const out = join(folder, "again");
    const attack = (mask: string) =>
      runCli(["attack", picture, ...usual, "--attack", "fgsm", "--mask", mask, "--out", out, "--json"]);
    const [first, second, third] = [await attack("0,0,4,4"), await attack("0,0,4,4"), await attack("0,0,16,16")];
    expect(second.stdout).toBe(first.stdout);
    expect(third.stdout).not.toBe(first.stdout);
  });

  test("what cannot be meant is refused", async () => {
    const run = (...argv: string[]) => runCli([...argv, ...usual, "--out", join(folder, "refused")]);
    const still = await run("explain", picture, "--method", "grad-cam", "--mask", "0,0,4,4");
    expect([still.code, still.stderr]).toEqual([2, expect.stringContaining("grad-cam does not change the picture")]);
    const outside = await run("explain", picture, "--mask", "20,20,30,30");
    expect([outside.code, outside.stderr]).toEqual([1, expect.stringContaining("no pixel of what the network sees")]);
    const missing = await run("attack", picture, "--mask", join(folder, "none.png"));
    expect([missing.code, missing.stderr]).toEqual([expect.any(Number), expect.stringContaining("none.png")]);
    expect(missing.code).not.toBe(0);
    const attacked = await run("attack", picture, "--attack", "fgsm", "--mask", "20,20,30,30");
    expect([attacked.code, attacked.stderr]).toEqual([1, expect.any(String)]);
  });
});

const cases = join(
  process.env.PERCEPTUAL_BALL_CASES ?? resolve("../shared/cases/models-and-pictures"),
  "12-attack-mask",
);
const hasCase = existsSync(cases);
describe.skipIf(!hasCase)(hasCase ? "the case at hand" : "the case (not at hand: skipped)", () => {
  test.each(["red", "green", "blue"])("%s", async (color) => {
    const out = join(folder, `case-${color}`);
    const at = join(cases, `${color}.png`);
    const flags = ["--model", join(cases, "model.onnx"), "--quiet", "--mask", "0,0,32,64"];
    const { code, stderr } = await runCli(["attack", at, ...flags, "--attack", "deepfool", "--out", out]);
    expect([code, stderr]).toEqual([0, ""]);
    const changed = await changedColumns(join(out, color, "adversarial.png"), at);
    expect(changed.size).toBeGreaterThan(0);
    expect(Math.max(...changed)).toBeLessThan(32);
  });
});
