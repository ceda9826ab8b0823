/** @file `perceptual-ball queue` with real servers: processes and servers are killed, and the result is that of one process. */
import { type ChildProcess, spawn } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { redisPath, startRedis, type TestServer } from "./queue-servers.ts";
import { runCli } from "./run-cli.ts";

const main = resolve(import.meta.dirname, "../dist/cli/main.js");
const pictures = 16;
const command = [
  ...["benchmark", "localization", "--data", `scenes:${pictures}`, "--methods", "gradient,smooth-grad"],
  ...["--set", "smooth-grad.samples=10", "--keep-maps", "0", "--threads", "1", "--quiet"],
];
const total = 2 * pictures;
let folder: string;
const path = (name: string): string => join(folder, name);
/** The table that one process makes of everything. */
let wanted: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "perceptual-ball-queue-"));
  await runCli([...command, "--out", path("single")]);
  wanted = tableOf("single");
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));

function tableOf(name: string): string {
  return readFileSync(path(join(name, "table1.csv")), "utf8");
}

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

async function fill(server: TestServer, name: string, more: readonly string[] = [], words = command) {
  const argv = ["queue", "fill", server.address, "--name", name, "--json", ...more, "--"];
  return runCli([...argv, ...words, "--out", path(`${name}-all`)]);
}

/** Unites what the workers have, and makes the report of it. */
async function mergedTable(name: string, folders: readonly string[]): Promise<string> {
  const all = `${name}-all`;
  const merged = await runCli(["merge", ...folders.map(path), "-o", path(all), "--json"]);
  expect(merged.code, merged.stderr).toBe(0);
  expect(JSON.parse(merged.stdout)).toMatchObject({ finished: total, failed: 0 });
  // Were something missing, this would compute it: so nothing may be missing before.
  await runCli([...command, "--out", path(all)]);
  return tableOf(all);
}

/** Waits, with a bound, until so many items are done. */
async function untilDone(server: TestServer, name: string, atLeast: number): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    const { items, active } = await statusOf(server, name);
    const underWay = (active as { done: number }[]).reduce((sum, { done }) => sum + done, 0);
    if (items.finished + underWay >= atLeast) return;
    await sleep(100);
  }
  throw new Error("the workers do nothing");
}

const servers = [{ kind: "Redis", isThere: redisPath !== undefined, start: startRedis, workers: 8 }];

for (const { kind, isThere, start, workers } of servers) {
  describe.skipIf(!isThere)(`a queue in ${kind}${isThere ? "" : " (skipped: the server is not installed)"}`, () => {
    let server: TestServer;
    beforeAll(async () => {
      server = await start(path(kind));
    });
    afterAll(() => server.stop());

    test("filling twice adds nothing, and more pictures add only theirs", async () => {
      const first = await fill(server, `${kind}-twice`, ["--pictures", "4"]);
      expect(JSON.parse(first.stdout)).toEqual({ added: 4, known: 0, retried: 0, finished: 0, items: total });
      const again = await fill(server, `${kind}-twice`, ["--pictures", "4"]);
      expect(JSON.parse(again.stdout)).toEqual({ added: 0, known: 4, retried: 0, finished: 0, items: 0 });
      const longer = command.map((word) => word.replace(`scenes:${pictures}`, `scenes:${pictures + 4}`));
      const more = await runCli([
        ...["queue", "fill", server.address, "--name", `${kind}-twice`, "--pictures", "4", "--json"],
        ...["--", ...longer, "--out", path(`${kind}-longer`)],
      ]);
      expect(JSON.parse(more.stdout)).toEqual({ added: 1, known: 4, retried: 0, finished: 0, items: 8 });
      const other = await runCli([
        ...["queue", "fill", server.address, "--name", `${kind}-twice`],
        ...["--", ...command, "--blur", "1", "--out", path(`${kind}-other`)],
      ]);
      expect(other.code).toBe(2);
      expect(other.stderr).toContain("--name");
    });

    test(`${workers} workers of which some are killed, one hangs and the server dies give the result of one process`, async () => {
      const name = `${kind}-killed`;
      await fill(server, name, ["--pictures", "2"]);
      const names = Array.from({ length: workers }, (_, n) => `${kind}-w${n}`);
      const all = names.map((out) => startWorker(server, name, out));
      const [killed, hanging, ...others] = all as [Started, Started, ...Started[]];
      await untilDone(server, name, 4);
      killed.child.kill("SIGKILL");
      hanging.child.kill("SIGSTOP");
      await server.crash();
      const ends = await Promise.all(others.map(({ ended }) => ended));
      hanging.child.kill("SIGKILL");
      for (const { code, output } of ends) expect(code, output).toBe(0);
      const status = await statusOf(server, name);
      expect(status).toMatchObject({ code: 0, items: { total, finished: total, failed: 0, givenUp: 0 } });
      expect(
        await mergedTable(
          name,
          names.filter((out) => readdirSync(folder).includes(out)),
        ),
      ).toBe(wanted);
    }, 240_000);

    test("SIGTERM ends a worker after its item, and the rest of its batch goes back", async () => {
      const name = `${kind}-stopped`;
      const out = `${kind}-stopped`;
      await fill(server, name, ["--pictures", String(pictures)]);
      const first = startWorker(server, name, out);
      await untilDone(server, name, 3);
      first.child.kill("SIGTERM");
      const { code, output } = await first.ended;
      expect(code, output).toBe(130);
      const between = await statusOf(server, name);
      expect(between).toMatchObject({ code: 3, batches: { waiting: 1, active: 0, done: 0 } });
      // Another machine's folder is not needed: this one goes on where it was.
      const second = await startWorker(server, name, out).ended;
      expect(second.code, second.output).toBe(0);
      expect(await mergedTable(name, [out])).toBe(wanted);
    }, 120_000);
  });
}

describe.skipIf(redisPath === undefined)("a queue's workers", () => {
  let server: TestServer;
  beforeAll(async () => {
    server = await startRedis(path("more"));
  });
  afterAll(() => server.stop());

  test("an item that takes too long ends its process, alone is tried five times, and is given up", async () => {
    const name = "late";
    await fill(server, name, ["--pictures", String(pictures)]);
    // No picture is ready in this time: each start ends by the watchdog.
    const parent = startWorker(server, name, "late", ["--processes", "1", "--item-timeout", "0.001"]);
    const { output } = await parent.ended;
    expect(output).toContain("--item-timeout");
  }, 60_000);

  test("a worker with another command refuses, and the queue stays as it is", async () => {
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

  test.each([
    { argv: ["fill", "http://host", "--", ...command], says: "not the address of a queue" },
    { argv: ["fill", "redis://127.0.0.1:1", "--", ...command], says: "the server cannot be used" },
    { argv: ["work", "redis://u:secret@127.0.0.1:1", "--", ...command], says: "u:…@" },
    { argv: ["status", "redis://127.0.0.1:1"], says: "ECONNREFUSED" },
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
