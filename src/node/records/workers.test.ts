import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import ts from "typescript";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Shard } from "../../experiments/records/shards.ts";
import { type RunWorkersOptions, runWorkers, type WorkerDeath, workerChannel } from "./workers.ts";

let folder: string;
const path = (name: string): string => join(folder, name);
const shards = (of: number): Shard[] => Array.from({ length: of }, (_, index) => ({ index: index + 1, of }));

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "perceptual-ball-workers-"));
  // Children run JavaScript, and this file needs no other at run time.
  const source = readFileSync(new URL("./workers.ts", import.meta.url), "utf8");
  const { outputText } = ts.transpileModule(source, {
    compilerOptions: { module: ts.ModuleKind.ESNext, target: ts.ScriptTarget.ES2023, verbatimModuleSyntax: true },
  });
  writeFileSync(path("workers.mjs"), outputText);
  writeFileSync(
    path("child.mjs"),
    `
import { existsSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { workerChannel } from "./workers.mjs";
const [behavior, file] = process.argv.slice(2);
if (behavior === "refuse") {
  console.error("a warning");
  console.error("no such model");
  process.exit(2);
}
const channel = workerChannel(process.env);
for await (const { shard, isRepeated } of channel.shares()) {
  channel.send({ shard: shard.index, isRepeated, worker: channel.number });
  if (behavior === "die once" && shard.index === 2 && !existsSync(file)) {
    writeFileSync(file, "");
    process.kill(process.pid, "SIGKILL");
  }
  if (behavior === "die always" && shard.index === 2) {
    console.error("out of memory");
    process.exit(3);
  }
  if (behavior === "die at everything") process.exit(1);
  if (behavior === "wait") {
    await sleep(60_000, undefined, { signal: channel.signal }).catch(() => undefined);
    writeFileSync(file + shard.index, String(channel.signal.aborted));
    process.exitCode = 130;
    break;
  }
  await sleep(5);
}
channel.close();
`,
  );
  writeFileSync(
    path("parent.mjs"),
    `
import { runWorkers } from "./workers.mjs";
const [entry, file] = process.argv.slice(2);
await runWorkers({ entry, argv: ["wait", file], env: process.env, workers: 1, shards: [{ index: 1, of: 1 }], onMessage: () => console.log("begun") });
`,
  );
});
afterAll(() => rmSync(folder, { recursive: true }));

interface Told {
  readonly shard: number;
  readonly isRepeated: boolean;
  readonly worker: number;
}

async function runChildren(argv: readonly string[], options: Partial<RunWorkersOptions> = {}) {
  const told: Told[] = [];
  const deaths: WorkerDeath[] = [];
  const lost = await runWorkers({
    entry: path("child.mjs"),
    argv,
    env: process.env,
    workers: 2,
    shards: shards(5),
    onMessage: (_worker, message) => told.push(message as Told),
    onDeath: (death) => deaths.push(death),
    ...options,
  });
  return { told, deaths, lost, shares: told.map(({ shard }) => shard).sort() };
}

test("every share is done once, by as many workers as wanted", async () => {
  const { told, deaths, lost, shares } = await runChildren(["work"]);
  expect([shares, deaths, lost]).toEqual([[1, 2, 3, 4, 5], [], []]);
  expect([...new Set(told.map(({ worker }) => worker))].every((worker) => worker === 1 || worker === 2)).toBe(true);
  expect(told.some(({ isRepeated }) => isRepeated)).toBe(false);
});

test("a share at which a worker was killed is done again", async () => {
  const { told, deaths, lost, shares } = await runChildren(["die once", path("has died")]);
  expect(lost).toEqual([]);
  expect(shares).toEqual([1, 2, 2, 3, 4, 5]);
  expect(told.filter(({ shard }) => shard === 2).map(({ isRepeated }) => isRepeated)).toEqual([false, true]);
  expect(deaths).toEqual([
    { worker: expect.any(Number), shard: { index: 2, of: 5 }, reason: "killed by SIGKILL", isRepeated: true },
  ]);
});

test("a share at which two workers die is lost, with what the last said; the others are done", async () => {
  const { deaths, lost, shares } = await runChildren(["die always"]);
  expect(lost).toEqual([{ index: 2, of: 5 }]);
  expect([...new Set(shares)]).toEqual([1, 2, 3, 4, 5]);
  expect(deaths.map(({ reason, isRepeated }) => [reason, isRepeated])).toEqual([
    ["exit code 3: out of memory", true],
    ["exit code 3: out of memory", false],
  ]);
});

test("workers that cannot begin are not started again and again", async () => {
  const { deaths, lost } = await runChildren(["refuse"]);
  expect(lost).toEqual(shards(5));
  expect(deaths.length).toBeLessThanOrEqual(2);
  expect(deaths[0]).toMatchObject({ reason: "exit code 2: no such model", isRepeated: false });
  const missing = await runChildren([], { entry: path("missing.mjs"), workers: 1 });
  expect(missing.lost).toEqual(shards(5));
});

test("when one worker after the other dies, no more are started", async () => {
  const { deaths, lost } = await runChildren(["die at everything"], { shards: shards(20) });
  expect(lost.map(({ index }) => index).sort((a, b) => a - b)).toEqual(shards(20).map(({ index }) => index));
  expect(deaths.length).toBeGreaterThanOrEqual(3);
  expect(deaths.length).toBeLessThanOrEqual(4);
});

test("an abort reaches the workers; what is open is given back, and nobody has died", async () => {
  const abort = new AbortController();
  const { deaths, lost, told } = await runChildren(["wait", path("aborted")], {
    signal: abort.signal,
    onMessage: () => abort.abort(),
  });
  expect(told).toEqual([]);
  expect(deaths).toEqual([]);
  expect(lost.map(({ index }) => index).sort()).toEqual([1, 2, 3, 4, 5]);
  expect(["1", "2"].some((index) => existsSync(path(`aborted${index}`)))).toBe(true);
});

test("workers end when their parent was killed", async () => {
  const parent = spawn(process.execPath, [path("parent.mjs"), path("child.mjs"), path("orphan")]);
  await new Promise((resolve) => parent.stdout.once("data", resolve));
  parent.kill("SIGKILL");
  for (let waited = 0; !existsSync(path("orphan1")) && waited < 10_000; waited += 20) await sleep(20);
  expect(readFileSync(path("orphan1"), "utf8")).toBe("true");
});

test("a process that is nobody's worker has no channel", () => {
  expect(workerChannel({})).toBeUndefined();
});
