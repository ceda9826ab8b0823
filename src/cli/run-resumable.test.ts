import { mkdtempSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { Command } from "commander";
import { afterAll, beforeEach, expect, test } from "vitest";
import { given } from "../../test/given.ts";
import { runCli } from "../../test/run-cli.ts";
import { BadInputError, MisuseError } from "../errors.ts";
import { isText } from "../experiments/records/record-form.ts";
import type { ExperimentIdentity } from "../experiments/records/record-store.ts";
import type { ExperimentItem } from "../experiments/records/run-experiment.ts";
import { isInShard } from "../experiments/records/shards.ts";
import type { CliContext } from "./context.ts";
import { addExperimentFlags, type ExperimentFlags } from "./flags/experiment-flags.ts";
import { conductExperiment } from "./run-resumable.ts";

const root = mkdtempSync(join(tmpdir(), "perceptual-ball-conduct-"));
afterAll(() => rmSync(root, { recursive: true }));
let out: string;
let count = 0;
beforeEach(() => {
  out = join(root, `${count++}`);
});

const identity: ExperimentIdentity = { experiment: "test", version: "1", model: "ab", data: "numbers", settings: {} };
const items: ExperimentItem[] = Array.from({ length: 6 }, (_, index) => ({
  key: { image: `image ${index}`, method: "x", options: {} },
}));

function flagsOf(...argv: string[]): ExperimentFlags {
  const command = addExperimentFlags(new Command("benchmark").exitOverride(), { out, env: {} });
  return command.parse(argv, { from: "user" }).opts<ExperimentFlags>();
}

/** Conducts the experiment with these flags; `compute` may throw, or abort. */
async function conduct(
  argv: readonly string[],
  compute: (item: ExperimentItem, abort: AbortController) => string = imageOf,
) {
  const stderr = new PassThrough();
  let written = "";
  stderr.on("data", (chunk) => {
    written += chunk;
  });
  const abort = new AbortController();
  const context: CliContext = {
    io: { stdout: new PassThrough(), stderr, signal: abort.signal, env: {} },
    argv,
    exitCode: 0,
  };
  const computed: string[] = [];
  const conducted = await conductExperiment<ExperimentItem, string>({
    flags: flagsOf(...argv),
    context,
    identity,
    isResult: isText,
    run: { machine: "this" },
    items,
    async compute([item]) {
      const result = compute(item, abort);
      computed.push(result);
      return [{ result }];
    },
  });
  return { ...given(conducted), computed, stderr: written, exitCode: context.exitCode };
}

const imageOf = ({ key }: ExperimentItem): string => key.image;
const all = items.map(imageOf);

test("all is computed, silently; a second run computes nothing and has everything", async () => {
  const first = await conduct([]);
  expect(first).toMatchObject({ computed: all, stderr: "", exitCode: 0, isInterrupted: false });
  expect(first.counts).toEqual({ total: 6, done: 6, failed: 0 });
  const second = await conduct([]);
  expect(second).toMatchObject({ computed: [], exitCode: 0, counts: { total: 6, done: 6, failed: 0 } });
  expect(second.store.allRecords().map(({ result }) => result)).toEqual(all);
  expect((await conduct(["--fresh"])).computed).toEqual(all);
});

test("failures are reported by name, exit code 1, and tried again", async () => {
  const failing = await conduct([], (item) => {
    if (item === items[2]) throw new BadInputError({ where: "2.jpg", what: "truncated" });
    return imageOf(item);
  });
  expect(failing).toMatchObject({ exitCode: 1, counts: { total: 6, done: 5, failed: 1 } });
  expect(failing.stderr).toBe(
    "perceptual-ball: image 2 (x): 2.jpg: truncated.\n" +
      "perceptual-ball: 1 of 6 could not be computed; the same command tries them again.\n",
  );
  expect(failing.store.failures().map(({ message }) => message)).toEqual(["2.jpg: truncated."]);
  expect(await conduct([])).toMatchObject({ computed: ["image 2"], exitCode: 0, stderr: "" });
});

test("Ctrl-C: exit code 130, what is finished is kept, and the way on is told", async () => {
  const stopped = await conduct([], (item, abort) => {
    if (item === items[3]) abort.abort();
    return imageOf(item);
  });
  expect(stopped).toMatchObject({ exitCode: 130, isInterrupted: true, counts: { total: 6, done: 4 } });
  expect(stopped.stderr).toBe(
    `perceptual-ball: interrupted: 4 of 6 results are finished, kept in ${out}. The same command goes on from there.\n`,
  );
  expect((await conduct([])).computed).toEqual(["image 4", "image 5"]);
});

test("a shard computes its share only, into a file of its own", async () => {
  const share = await conduct(["--shard", "2/3"]);
  const mine = items.filter(({ key }) => isInShard(key, { index: 2, of: 3 })).map(imageOf);
  expect(mine.length > 0 && mine.length < 6).toBe(true);
  expect(share).toMatchObject({ computed: mine, exitCode: 0, counts: { total: mine.length, done: mine.length } });
  expect(readFileSync(join(out, "records-2of3.jsonl"), "utf8").trimEnd().split("\n")).toHaveLength(1 + mine.length);
  expect((await conduct([])).computed.sort()).toEqual(all.filter((image) => !mine.includes(image)));
});

test("a file that a crash has cut off is mentioned, and mended", async () => {
  await conduct([]);
  const file = join(out, "records-1.jsonl");
  truncateSync(file, readFileSync(file).length - 4);
  const again = await conduct([]);
  expect(again).toMatchObject({ computed: ["image 5"], exitCode: 0 });
  expect(again.stderr).toBe(
    `perceptual-ball: ${file}: the last line was cut off; left out, and its item is computed again.\n`,
  );
  expect((await conduct([])).stderr).toBe("");
});

test("flags out of range are refused", () => {
  for (const argv of [
    ["--workers", "0"],
    ["--workers", "some"],
    ["--workers", "1.5"],
    ["--shard", "3/2"],
    ["--seed", "-1"],
  ]) {
    expect(() => flagsOf(...argv)).toThrow(MisuseError);
  }
  expect(flagsOf("--workers", "4", "--shard", "1/2", "--seed", "7")).toMatchObject({
    out,
    workers: 4,
    shard: { index: 1, of: 2 },
    seed: 7,
  });
});

test("--workers auto: what is done before anything could be measured is done here", async () => {
  expect(flagsOf("--workers", "auto")).toMatchObject({ workers: "auto" });
  const { counts, exitCode, computed, stderr } = await conduct(["--workers", "auto"]);
  expect({ counts, exitCode }).toEqual({ counts: { total: 6, done: 6, failed: 0 }, exitCode: 0 });
  expect(computed).toHaveLength(6);
  expect(stderr).not.toContain("--workers auto");
});

test("--allow-failed: a few that fail are a success, with a list", async () => {
  const failing = (item: ExperimentItem): string => {
    if (item === items[2] || item === items[4]) throw new BadInputError({ where: "file", what: "truncated" });
    return imageOf(item);
  };
  const allowed = await conduct(["--allow-failed", "2"], failing);
  expect(allowed).toMatchObject({ exitCode: 0, counts: { total: 6, done: 4, failed: 2 } });
  expect(allowed.stderr.split("\n").slice(-4)).toEqual([
    "perceptual-ball: 2 of 6 could not be computed, which --allow-failed allows:",
    "perceptual-ball: image 2 (x): file: truncated.",
    "perceptual-ball: image 4 (x): file: truncated.",
    "",
  ]);
  expect((await conduct(["--allow-failed", "1"], failing)).exitCode).toBe(1);
});

test("status reads what a run writes, and its exit code says how far it is", async () => {
  const status = (...argv: string[]) => runCli(["status", out, ...argv]);
  await conduct([], (item, abort) => {
    if (item === items[3]) abort.abort();
    return imageOf(item);
  });
  const begun = await status();
  expect([begun.code, begun.stderr]).toEqual([3, ""]);
  expect(begun.stdout).toMatch(/^test: \d of 6 done \(\d+ %\), 0 failed\n.* a minute, about .* left\n/);
  await conduct([], (item) => {
    if (item === items[5]) throw new BadInputError({ where: "5.jpg", what: "truncated" });
    return imageOf(item);
  });
  const failed = await status();
  expect([failed.code, failed.stderr]).toEqual([1, ""]);
  expect(failed.stdout).toContain("test: 5 of 6 done (83 %), 1 failed\nfinished\n");
  expect(failed.stdout).toContain("failed: image 5 (x): 5.jpg: truncated.\n");
  expect((await status("--allow-failed", "1")).code).toBe(0);
  await conduct([]);
  const finished = await status("--json");
  expect(finished.code).toBe(0);
  expect(JSON.parse(finished.stdout)).toMatchObject({ expected: 6, done: 6, failures: [], secondsLeft: 0 });
  expect((await runCli(["status", join(root, "nowhere")])).code).toBe(1);
});

test("--shard auto says what it took; what it cannot take is misuse", async () => {
  const command = (env: Readonly<Record<string, string>>, ...argv: string[]) =>
    addExperimentFlags(new Command("benchmark").exitOverride(), { out, env })
      .parse(argv, { from: "user" })
      .opts<ExperimentFlags>().shard;
  const env = { SLURM_ARRAY_TASK_ID: "6", JOB_COMPLETION_INDEX: "6" };
  expect(command({ JOB_COMPLETION_INDEX: "6" }, "--shard", "auto/40")).toMatchObject({ index: 7, of: 40 });
  expect(command(env, "--shard", "2/4")).toEqual({ index: 2, of: 4 });
  expect(command(env)).toBeUndefined();
  expect(() => command(env, "--shard", "auto")).toThrow("but not of how many");
  expect(() => command(env, "--shard", "auto/")).toThrow("expected i/n, auto, or auto/n");
  expect(() => command(env, "--shard", "auto/0")).toThrow(MisuseError);
  const context: CliContext = {
    io: { stdout: new PassThrough(), stderr: new PassThrough(), signal: new AbortController().signal, env: {} },
    argv: [],
    exitCode: 0,
  };
  const shard = command({ RANK: "1", WORLD_SIZE: "2" }, "--shard", "auto");
  await conductExperiment<ExperimentItem, string>({
    ...{ flags: { ...flagsOf(), shard }, context, identity, isResult: isText, run: {}, items },
    compute: async ([item]) => [{ result: item === undefined ? "" : imageOf(item) }],
  });
  expect(String((context.io.stderr as PassThrough).read())).toBe(
    "perceptual-ball: share 2 of 2, from torchrun: RANK=1\n",
  );
});
