import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import * as ort from "onnxruntime-node";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { AttackRecord } from "../src/experiments/attack/record.ts";
import { loadClassifier } from "../src/node/models/load-classifier.ts";
import { readNpy } from "../src/node/npy.ts";
import { readImageFile } from "../src/node/pictures/read-image.ts";
import { writePng } from "../src/node/pictures/write-image.ts";
import { writeModel } from "../src/onnx/file/write-model.ts";
import { createRandom } from "../src/random/random.ts";
import { floatTensor } from "../src/tensor/tensor.ts";
import { given } from "./given.ts";
import { runCli } from "./run-cli.ts";
import { tinyClassifier } from "./tiny-classifier.ts";

let folder: string;
let model: string;
const path = (name: string): string => join(folder, name);

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "perceptual-ball-attack-"));
  model = path("tiny.onnx");
  writeFileSync(model, writeModel(tinyClassifier()));
  for (const index of [0, 1]) {
    const random = createRandom(5, index);
    const data = Float32Array.from({ length: 3 * 24 * 24 }, () => Math.floor(256 * random()) / 255);
    await writePng(path(`noise${index}.png`), floatTensor(data, [3, 24, 24]));
  }
});
afterAll(() => rmSync(folder, { recursive: true }));

describe("attack", () => {
  test("--transfer-to shows the attacked pictures to other models, of other sizes and names", async () => {
    const other = path("other.onnx");
    // As the model, but for images of 16 × 16 pixels.
    writeFileSync(other, writeModel(tinyClassifier({ size: 16, metadata: {} })));
    const out = path("transfer");
    const own = ["--attack", "pgd,mi-fgsm", "--epsilon", "0.3", "--kernel", "3", "--out", out];
    const argv = ["attack", path("noise0.png"), path("noise1.png"), "--model", model, ...own];
    const { code, stdout, stderr } = await runCli([...argv, "--transfer-to", `${other},${model}`]);
    expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
    const [head = "", pgd = "", momentum = ""] = stdout
      .slice(stdout.indexOf("Shown to other models:"))
      .split("\n")
      .slice(2);
    expect(head).toMatch(/^attack +pictures +tiny\.onnx +other\.onnx +tiny\.onnx$/);
    expect(pgd).toMatch(/^pgd +2 +100\.0 % \[34\.2, 100\.0\] +\d/);
    expect(momentum).toMatch(/^mi-fgsm +2 /);
    const rows = readFileSync(join(out, "transfer.csv"), "utf8").split("\r\n");
    expect(rows.length).toBe(1 + 2 * 3 + 1);
    // The model itself, given once more, says the same.
    expect(rows[3]?.split(",").slice(2)).toEqual(rows[1]?.split(",").slice(2));
    const missing = await runCli([...argv, "--transfer-to", path("none.onnx")]);
    expect(missing.code).toBe(2);
    expect(missing.stderr).toContain("--transfer-to: there is no such model");
  });

  test("writes pictures that are what the record says of them", async () => {
    const out = path("out");
    const images = [path("noise0.png"), path("noise1.png")];
    const own = ["--attack", "pgd,fgsm", "--epsilon", "0.3", "--out", out, "--json"];
    const { code, stdout } = await runCli(["attack", ...images, "--model", model, ...own]);
    expect(code).toBe(0);
    const records = stdout
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line) as AttackRecord);
    expect(records.map(({ image, attack }) => [image, attack])).toEqual(
      images.flatMap((image) => [
        [image, "pgd"],
        [image, "fgsm"],
      ]),
    );
    expect(readdirSync(out).sort()).toEqual(
      ["experiment.json", "index.html", "manifest.txt", "maps", "noise0", "noise1", "records-1.jsonl", "results.csv", "results.jsonl", "run.json", "table.md"], // biome-ignore format: a list
    );
    expect(readFileSync(join(out, "results.jsonl"), "utf8")).toBe(stdout);
    const classifier = await loadClassifier(model, { runtime: ort });
    for (const record of records) {
      const { adversarial, adversarialNpy, result } = record.files;
      expect(JSON.parse(readFileSync(join(out, given(result)), "utf8"))).toEqual(record);
      const png = await classifier.classify(classifier.fit(await readImageFile(join(out, given(adversarial)))));
      expect(png.label).toBe(record.rounded.label.index);
      expect(png.confidence).toBeCloseTo(record.rounded.label.confidence, 4);
      const exact = floatTensor((await readNpy(join(out, given(adversarialNpy)))).data as Float32Array, [3, 24, 24]);
      expect((await classifier.classify(exact)).label).toBe(record.withinBudget.label.index);
    }
    await classifier.dispose();
  });

  test("a data set gives a table; a target is reached or said to be missed", async () => {
    const out = path("data");
    const own = ["--data", "scenes:3", "--attack", "deepfool", "--examples", "1", "--out", out];
    const { code, stdout } = await runCli(["attack", "--model", model, ...own]);
    expect(code).toBe(0);
    expect(stdout).toContain("3 pictures of scenes");
    expect(stdout).toMatch(/\| deepfool \| +3 \| +\d+\.\d % \|/);
    expect(readdirSync(out).filter((name) => !name.includes(".") && name !== "maps")).toHaveLength(1);
    // The same command computes nothing again, and gives the same.
    const records = readFileSync(join(out, "records-1.jsonl"), "utf8");
    expect((await runCli(["attack", "--model", model, ...own])).stdout).toBe(stdout);
    expect(readFileSync(join(out, "records-1.jsonl"), "utf8")).toBe(records);
    const targeted = await runCli([
      "attack", path("noise0.png"), "--model", model, "--target", "3", "--attack", "pgd", "--out", path("target"),
    ]); // biome-ignore format: one line
    expect(targeted.code).toBe(0);
    expect(targeted.stdout).toMatch(/becomes class 3|wanted was class 3|as it is/);
  });

  test("of a data set with parts the test images are attacked, unless another part is named", async () => {
    const batches = path("batches");
    mkdirSync(batches);
    writeFileSync(join(batches, "data_batch_1.bin"), new Uint8Array(3 * 3073).fill(1));
    writeFileSync(join(batches, "test_batch.bin"), new Uint8Array(2 * 3073).fill(1));
    const own = ["--model", model, "--data", `cifar10:${batches}`, "--attack", "fgsm", "--out", path("parts")];
    expect((await runCli(["attack", ...own, "--first", "5"])).stdout).toContain("2 pictures of cifar10");
    expect((await runCli(["attack", ...own, "--split", "train"])).stdout).toContain("3 pictures of cifar10");
  });

  test("an interruption keeps what is finished and says so", async () => {
    const controller = new AbortController();
    controller.abort();
    const { code, stderr, stdout } = await runCli(
      ["attack", path("noise0.png"), "--model", model, "--attack", "pgd", "--out", path("stopped"), "--quiet"],
      { signal: controller.signal },
    );
    expect({ code, stdout }).toEqual({ code: 130, stdout: "" });
    expect(stderr).toMatch(
      /^perceptual-ball: interrupted(: 0 of 1 results are finished\. The same command goes on from there)?\.\n$/,
    );
  });

  test("what an interruption leaves is whole, and the next run goes on to the same results", async () => {
    const own = ["--model", model, "--data", "scenes:6", "--attack", "pgd,fgsm", "--batch", "2", "--examples", "2"];
    const whole = path("whole");
    const { stdout } = await runCli(["attack", ...own, "--out", whole, "--quiet"]);
    const half = path("half");
    // As a run leaves it that was killed: some records, the last of them cut off, and an array that nobody will read.
    expect((await runCli(["attack", ...own, "--out", half, "--quiet"])).code).toBe(0);
    const file = join(half, "records-1.jsonl");
    const lines = readFileSync(file, "utf8").split("\n");
    writeFileSync(file, `${lines.slice(0, 4).join("\n")}\n${lines[5].slice(0, 80)}`);
    rmSync(join(half, "results.jsonl"));
    const again = await runCli(["attack", ...own, "--out", half, "--quiet"]);
    expect(again).toMatchObject({ code: 0, stdout: stdout.replaceAll(whole, half) });
    const records = (out: string): string => readFileSync(join(out, "results.jsonl"), "utf8");
    expect(records(half)).toBe(records(whole));
  });

  test("a run owns its report: nobody's files are overwritten, and an earlier report goes as a whole, with a word", async () => {
    const out = path("owned");
    const own = ["--model", model, "--attack", "fgsm", "--out", out];
    mkdirSync(out);
    writeFileSync(join(out, "index.html"), "mine");
    const refused = await runCli(["attack", path("noise0.png"), ...own]);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining("index.html would be overwritten")]);
    expect(readFileSync(join(out, "index.html"), "utf8")).toBe("mine");
    rmSync(join(out, "index.html"));
    writeFileSync(join(out, "notes.txt"), "mine too");
    const first = await runCli(["attack", path("noise0.png"), ...own]);
    expect([first.code, first.stderr.includes("replaces")]).toEqual([0, false]);
    const second = await runCli(["attack", path("noise1.png"), ...own]);
    expect(second.code).toBe(0);
    expect(second.stderr).toMatch(/owned\/index\.html replaces the report of 1 picture from \d{4}-/);
    const left = readdirSync(out).filter((name) => !/^(records|experiment|manifest|maps)/.test(name));
    expect(left.sort()).toEqual(
      ["index.html", "noise1", "notes.txt", "results.csv", "results.jsonl", "run.json", "table.md"].sort(),
    );
    expect(readFileSync(join(out, "notes.txt"), "utf8")).toBe("mine too");
  });

  test("a picture that cannot be read is said so, and the others are attacked", async () => {
    writeFileSync(path("broken.png"), "no picture");
    const images = [path("noise0.png"), path("broken.png"), path("noise1.png")];
    const own = ["--model", model, "--attack", "fgsm", "--out", path("some"), "--json"];
    const { code, stdout, stderr } = await runCli(["attack", ...images, ...own]);
    expect(code).toBe(1);
    expect(
      stdout
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line).image),
    ).toEqual([images[0], images[2]]);
    expect(stderr).toContain(`${path("broken.png")} (fgsm): `);
    expect(stderr).toContain("1 of 3 could not be computed");
  });

  test("another file of the same name is another picture, other settings are other records", async () => {
    const [image, out] = [path("changing.png"), path("changing")];
    writeFileSync(image, readFileSync(path("noise0.png")));
    const own = ["--model", model, "--attack", "pgd", "--out", out, "--json", "--quiet"];
    const first = await runCli(["attack", image, ...own]);
    expect((await runCli(["attack", image, ...own])).stdout).toBe(first.stdout);
    expect((await runCli(["attack", image, ...own, "--epsilon", "0.2"])).stdout).not.toBe(first.stdout);
    writeFileSync(image, readFileSync(path("noise1.png")));
    expect((await runCli(["attack", image, ...own])).stdout).not.toBe(first.stdout);
    writeFileSync(image, readFileSync(path("noise0.png")));
    expect((await runCli(["attack", image, ...own])).stdout).toBe(first.stdout);
  });

  test.each([
    [["--attack", "pdg"], "Did you mean pgd?"],
    [["--attack", "pgd", "--epsilon", "8"], "Did you mean 8/255?"],
    [["--attack", "deepfool", "--epsilon", "0.1"], "deepfool has no such setting"],
    [["--attack", "pgd", "--set", "pgd.step=3"], 'Did you mean "steps"?'],
    [["--attack", "pgd", "--label", "9"], "9"],
    [["--data", "scenes:2"], "both pictures and --data"],
  ])("%j is misuse", async (own, message) => {
    const { code, stderr } = await runCli([
      "attack",
      path("noise0.png"),
      "--model",
      model,
      "--out",
      path("no"),
      ...own,
    ]);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });
});

test("cone draws the same pictures for all attacks and says how they bend", async () => {
  const out = path("cone");
  const own = ["--attacks", "pgd,l2", "--set", "pgd.epsilon=0.3", "--step", "0.5", "--directions", "1", "--out", out];
  const { code, stdout } = await runCli(["cone", path("noise0.png"), path("noise1.png"), "--model", model, ...own]);
  expect(code).toBe(0);
  expect(stdout).toMatch(/pgd: curvature -?[\d.e-]+ ± /);
  expect(stdout).toContain("Cones of 2 of 2 pictures");
  const ofExperiment = ["attacks", "experiment.json", "manifest.txt", "maps", "records-1.jsonl"];
  expect(
    readdirSync(out)
      .filter((name) => !ofExperiment.includes(name))
      .sort(),
  ).toEqual(["cones.json", "cones.png", "cones.svg", "examples.png", "examples.svg"]);
  const record = JSON.parse(readFileSync(join(out, "cones.json"), "utf8"));
  expect(record.model).toEqual({ name: "tiny.onnx", sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
  expect(record.attacks[0]).toMatchObject({ name: "pgd", images: 2, directions: 1, points: 2 * 7 * 7 });
  // Of a record that is lost and an array that is damaged the planes are made again, to the same cones.
  const figure = readFileSync(join(out, "cones.svg"), "utf8");
  const lines = readFileSync(join(out, "records-1.jsonl"), "utf8").split("\n");
  writeFileSync(join(out, "records-1.jsonl"), [...lines.slice(0, 2), ...lines.slice(3)].join("\n"));
  const [array] = readdirSync(join(out, "maps"));
  writeFileSync(join(out, "maps", array), readFileSync(join(out, "maps", array)).fill(0, 200, 208));
  const repaired = await runCli(["cone", path("noise0.png"), path("noise1.png"), "--model", model, ...own]);
  expect(repaired).toMatchObject({ code: 0, stdout });
  expect(readFileSync(join(out, "cones.svg"), "utf8")).toBe(figure);
  const again = await runCli(["cone", path("noise0.png"), "--model", model, "--step", "0.3"]);
  expect(again).toMatchObject({ code: 2, stderr: expect.stringContaining("one over an even number") });
});

test("a cone without pictures says which attack changes none, or nothing more where none could be opened", async () => {
  const cone = ["cone", "--model", model, "--step", "0.5", "--directions", "1", "--threads", "1", "--quiet"];
  const pictures = [path("noise0.png"), path("noise1.png")];
  const still = ["--attack", "fgsm", "--variant", "still=fgsm,epsilon=1e-60"];
  const none = await runCli([...cone, ...pictures, ...still, "--out", path("still")]);
  expect(none.code).toBe(2);
  expect(none.stderr).toContain("expected at least one that every attack changes, got 2 of 2 by fgsm");
  expect(none.stderr).toContain("0 of 2 by still");
  const missing = await runCli([...cone, path("nowhere.png"), "--attack", "fgsm", "--out", path("missing")]);
  expect(missing.code).toBe(1);
  expect(missing.stderr).toContain("no such file");
  expect(missing.stderr).not.toContain("changed by all of the attacks");
});

test("shares of a cone, computed apart and united, give the cone of one process", async () => {
  const cone = [
    ...["cone", path("noise0.png"), path("noise1.png"), "--model", model, "--attack", "fgsm", "--step", "0.5"],
    ...["--directions", "1", "--threads", "1", "--quiet"],
  ];
  expect((await runCli([...cone, "--out", path("one")])).code).toBe(0);
  const shares = [1, 2, 3].map((n) => path(`share${n}`));
  for (const [n, out] of shares.entries()) {
    const { code, stderr } = await runCli([...cone, "--shard", `${n + 1}/3`, "--out", out]);
    expect(code, stderr).toBe(0);
  }
  // Of two pictures one of three shares at least has none.
  const some = shares.filter((out) => readdirSync(out).includes("experiment.json"));
  expect(some.length).toBeLessThan(3);
  const inner = some.map((out) => join(out, "attacks"));
  expect((await runCli(["merge", ...inner, "-o", path("all/attacks")])).code).toBe(0);
  expect((await runCli(["merge", ...some, "-o", path("all")])).code).toBe(0);
  const records = readdirSync(path("all")).filter((name) => name.startsWith("records-"));
  const { code } = await runCli([...cone, "--out", path("all")]);
  expect(code).toBe(0);
  // Nothing was left to compute.
  expect(readdirSync(path("all")).filter((name) => name.startsWith("records-"))).toEqual(records);
  expect(readFileSync(path("all/cones.svg"), "utf8")).toBe(readFileSync(path("one/cones.svg"), "utf8"));
});
