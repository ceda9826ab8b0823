/** @file `perceptual-ball queue` with real servers: processes and servers are killed, and the result is that of one process. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeModelFile } from "../src/node/models/write-model-file.ts";
import { writePng } from "../src/node/pictures/write-image.ts";
import { connectQueue, queueServer } from "../src/node/queue/queue-server.ts";
import { type QueueStatus, queueStatus } from "../src/node/queue/queue-status.ts";
import { postgresPath, redisPath, startPostgres, startRedis, type TestServer } from "./queue-servers.ts";
import { runCli } from "./run-cli.ts";
import { tinyClassifier, tinyImage } from "./tiny-classifier.ts";

const main = resolve(import.meta.dirname, "../dist/cli/main.js");
const pictures = 16;
const total = 2 * pictures;
const folder = mkdtempSync(join(tmpdir(), "perceptual-ball-queue-"));
const path = (name: string): string => join(folder, name);
const model = path("tiny.onnx");

/** The benchmark of the first `count` pictures. SmoothGrad takes long enough for a process to be hit in the middle of a batch. */
function commandFor(count: number): string[] {
  return [
    ...["benchmark", "localization", "--data", path("data"), "--first", String(count), "--model", model],
    ...["--label", "predicted", "--methods", "gradient,smooth-grad", "--set", "smooth-grad.samples=100"],
    ...["--keep-maps", "0", "--figure-rows", "0", "--threads", "1", "--quiet"],
  ];
}

const command = commandFor(pictures);
const lines = (name: string): string => readFileSync(path(join(name, "table1.csv")), "utf8");
/** The table that one process makes of everything. */
let wanted: string;

beforeAll(async () => {
  mkdirSync(path("data"));
  writeModelFile(model, tinyClassifier());
  const rows: string[] = [];
  for (let n = 0; n < pictures + 4; n++) {
    await writePng(path(`data/p${n}.png`), tinyImage(n));
    rows.push(`p${n}.png,${n % 5},3,${12 + (n % 8)},${14 + (n % 7)},${n % 4}\n`);
  }
  writeFileSync(path("data/boxes.csv"), `image,x0,y0,x1,y1,class\n${rows.join("")}`);
  const { code, stderr } = await runCli([...command, "--out", path("single")]);
  expect(code, stderr).toBe(0);
  wanted = lines("single");
});
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));

interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<{ readonly code: number | null; readonly output: string }>;
}

/** A worker in a process of its own, with results in `out`. */
function startWorker(server: TestServer, name: string, out: string, more: readonly string[] = []): Started {
  const argv = ["queue", "work", server.address, "--name", name, "--lock", "3", ...more];
  const child = spawn(process.execPath, [main, ...argv, "--", ...command, "--out", path(out)]);
  const output: string[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk) => output.push(String(chunk)));
  return {
    child,
    ended: new Promise((done) => child.on("close", (code) => done({ code, output: output.join("") }))),
  };
}

async function statusOf(server: TestServer, name: string) {
  const { code, stdout } = await runCli(["queue", "status", server.address, "--name", name, "--json"]);
  return { code, ...JSON.parse(stdout) };
}

/** Looks, with a bound, at the queue until `isSo`. */
async function until(server: TestServer, name: string, isSo: (status: QueueStatus) => boolean): Promise<QueueStatus> {
  const queue = await connectQueue(await queueServer(server.address), name);
  try {
    for (let tries = 0; tries < 1200; tries++) {
      const status = await queueStatus(queue);
      if (isSo(status)) return status;
      await sleep(25);
    }
    throw new Error("the workers do nothing");
  } finally {
    await queue.close();
  }
}

/** The numbers of the processes that are at work on a batch. */
function processesAtWork({ active }: QueueStatus): number[] {
  return active.map(({ by }) => Number(/-(\d+)$/.exec(by)?.[1] ?? 0)).filter((pid) => pid > 0);
}

async function fill(server: TestServer, name: string, more: readonly string[] = [], words = command) {
  const argv = ["queue", "fill", server.address, "--name", name, "--json", ...more, "--"];
  return runCli([...argv, ...words, "--out", path(`${name}-all`)]);
}

/** Unites what the workers have, and makes the report of it. */
async function mergedTable(name: string, folders: readonly string[]): Promise<string> {
  const all = `${name}-all`;
  const merged = await runCli(["merge", ...folders.map(path), "-o", path(all), "--json"]);
  expect(merged.code, merged.stderr).toBe(0);
  // Were something missing, the next command would compute it: so nothing may be missing before.
  expect(JSON.parse(merged.stdout)).toMatchObject({ finished: total, failed: 0 });
  await runCli([...command, "--out", path(all)]);
  return lines(all);
}

const kinds = [
  { kind: "Redis", isThere: redisPath !== undefined, start: startRedis, workers: 8 },
  { kind: "PostgreSQL", isThere: postgresPath !== undefined, start: startPostgres, workers: 4 },
];

for (const { kind, isThere, start, workers } of kinds) {
  describe.skipIf(!isThere)(`a queue in ${kind}${isThere ? "" : " (skipped: the server is not installed)"}`, () => {
    let server: TestServer;
    beforeAll(async () => {
      server = await start(path(kind));
    });
    afterAll(() => server.stop());

    test("filling twice adds nothing, and more pictures add only theirs", async () => {
      const name = `${kind}-twice`;
      const counts = async (words = command) =>
        JSON.parse((await fill(server, name, ["--pictures", "4"], words)).stdout);
      expect(await counts()).toEqual({ added: 4, known: 0, retried: 0, finished: 0, items: total });
      expect(await counts()).toEqual({ added: 0, known: 4, retried: 0, finished: 0, items: 0 });
      expect(await counts(commandFor(pictures + 4))).toEqual({
        ...{ added: 1, known: 4, retried: 0, finished: 0, items: 8 },
      });
      const other = await runCli([
        ...["queue", "fill", server.address, "--name", name],
        ...["--", ...command, "--blur", "1", "--out", path(`${kind}-other`)],
      ]);
      expect(other.code).toBe(2);
      expect(other.stderr).toContain("--name");
    });

    test(`${workers} workers of which one is killed, one hangs and the server dies give the result of one process`, async () => {
      const name = `${kind}-killed`;
      await fill(server, name, ["--pictures", "1"]);
      const names = Array.from({ length: workers }, (_, n) => `${kind}-w${n}`);
      const all = names.map((out) => startWorker(server, name, out));
      // Both are in the middle of a batch.
      const [killed, hanging] = processesAtWork(
        await until(server, name, (status) => processesAtWork(status).length >= 2),
      );
      const others = all.filter(({ child }) => child.pid !== killed && child.pid !== hanging);
      expect(others).toHaveLength(workers - 2);
      process.kill(killed, "SIGKILL");
      process.kill(hanging, "SIGSTOP");
      await server.crash();
      const ends = await Promise.all(others.map(({ ended }) => ended));
      process.kill(hanging, "SIGKILL");
      for (const { code, output } of ends) expect(code, output).toBe(0);
      const status = await statusOf(server, name);
      expect(status).toMatchObject({ code: 0, items: { total, finished: total, failed: 0, givenUp: 0 } });
      // A worker that came too late for any batch has made no folder.
      const made = readdirSync(folder);
      expect(
        await mergedTable(
          name,
          names.filter((out) => made.includes(out)),
        ),
      ).toBe(wanted);
    }, 60_000);
  });
}

describe.skipIf(redisPath === undefined)("a queue's workers", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startRedis(path("more"));
  });
  afterAll(() => server.stop());

  test.concurrent("processes of one machine share a folder; one that dies is started again", async () => {
    const name = "processes";
    await fill(server, name, ["--pictures", "1"]);
    const parent = startWorker(server, name, name, ["--processes", "2"]);
    const [pid] = processesAtWork(await until(server, name, (status) => processesAtWork(status).length > 0));
    process.kill(pid, "SIGKILL");
    const { code, output } = await parent.ended;
    expect(code, output).toBe(0);
    expect(output).toContain("has died (SIGKILL); it is started again");
    expect(await mergedTable(name, [name])).toBe(wanted);
  }, 60_000);

  test.concurrent("SIGTERM ends a worker after its item, and the rest of its batch goes back", async () => {
    const name = "stopped";
    await fill(server, name, ["--pictures", String(pictures)]);
    const first = startWorker(server, name, name);
    await until(server, name, (status) => processesAtWork(status).length > 0);
    first.child.kill("SIGTERM");
    const { code, output } = await first.ended;
    expect(code, output).toBe(130);
    expect(await statusOf(server, name)).toMatchObject({ code: 3, batches: { waiting: 1, active: 0, done: 0 } });
    // Another machine's folder is not needed: this one goes on where it was.
    const work = ["queue", "work", server.address, "--name", name, "--lock", "3"];
    const second = await runCli([...work, "--", ...command, "--out", path(name)]);
    expect(second.code, second.stderr).toBe(0);
    expect(await mergedTable(name, [name])).toBe(wanted);
  }, 60_000);

  test.concurrent("a worker with another command refuses, and the queue stays as it is", async () => {
    await fill(server, "other", ["--pictures", "4"]);
    const words = command.map((word) => (word === "gradient,smooth-grad" ? "gradient" : word));
    const { code, stderr } = await runCli([
      ...["queue", "work", server.address, "--name", "other", "--lock", "3"],
      ...["--", ...words.filter((word) => !word.startsWith("smooth-grad") && word !== "--set"), "--out", path("other")],
    ]);
    expect(code).toBe(2);
    expect(stderr).toContain("Give `queue work` the command that `queue fill` was given");
    expect(await statusOf(server, "other")).toMatchObject({ batches: { waiting: 4, active: 0, done: 0, givenUp: 0 } });
  });

  test.concurrent.each([
    { argv: ["fill", "http://host", "--", ...command], says: "not the address of a queue" },
    { argv: ["fill", "redis://127.0.0.1:1", "--", ...command], says: "the server cannot be used" },
    { argv: ["status", "redis://u:secret@127.0.0.1:1"], says: "u:…@" },
    { argv: ["status", "redis://127.0.0.1:1"], says: "ECONNREFUSED" },
    { argv: ["status", "postgres://127.0.0.1:1/none"], says: "ECONNREFUSED" },
    { argv: ["fill", "redis://127.0.0.1:1", "--", "explain", "dog.jpg"], says: "not the command of an experiment" },
    { argv: ["fill", "redis://127.0.0.1:1", "--", ...command, "--workers", "2"], says: "--workers means nothing" },
    { argv: ["fill", "redis://127.0.0.1:1", "--name", "a:b", "--", ...command], says: "not a name of a queue" },
    { argv: ["fill", "redis://127.0.0.1:1"], says: "missing required argument" },
  ])("words for $argv.0 $argv.1: $says", async ({ argv, says }) => {
    const out = path(`words-${argv.length}`);
    const { code, stderr } = await runCli(["queue", ...argv, ...(argv.includes("localization") ? ["--out", out] : [])]);
    expect(existsSync(out)).toBe(false);
    expect(code).not.toBe(0);
    expect(stderr).toContain(says);
    expect(stderr).not.toContain("defect");
    expect(stderr).not.toContain("secret");
  });
});
