import { spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { keyText } from "../src/experiments/records/record-index.ts";
import type { FinishedRecord } from "../src/experiments/records/record-store.ts";
import { runCli } from "./run-cli.ts";

const main = resolve(import.meta.dirname, "../dist/cli/main.js");
let folder: string;
const path = (name: string): string => join(folder, name);

beforeAll(() => {
  expect(existsSync(main), "npm run build comes first").toBe(true);
  folder = mkdtempSync(join(tmpdir(), "perceptual-ball-experiment-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

const benchmark = [
  ...["benchmark", "localization", "--data", "scenes:3", "--methods", "gradient,gradient-input", "--curve-steps", "0"],
  ...["--keep-maps", "0", "--threads", "1"],
];

/** The executable in a process of its own. */
function start(argv: readonly string[]) {
  const child = spawn(process.execPath, [main, ...argv], { stdio: ["ignore", "ignore", "pipe"] });
  let stderr = "";
  child.stderr.on("data", (chunk) => {
    stderr += chunk;
  });
  const ended = new Promise<{ code: number | null; stderr: string }>((done) =>
    child.on("close", (code) => done({ code, stderr })),
  );
  return { child, ended };
}

/** The lines of all files of records in a folder. */
function linesOf(out: string): string[] {
  if (!existsSync(path(out))) return [];
  const files = readdirSync(path(out)).filter((name) => /^records-.*\.jsonl$/.test(name));
  return files.flatMap((name) =>
    readFileSync(path(`${out}/${name}`), "utf8")
      .split("\n")
      .filter((line) => line !== ""),
  );
}

/** What was computed, by key, without when and how long; each key once. */
function resultsOf(out: string): Map<string, unknown> {
  const records = linesOf(out)
    .map((line) => JSON.parse(line) as FinishedRecord<unknown>)
    .filter(({ kind }) => kind === "finished");
  const results = new Map(records.map(({ key, result }) => [keyText(key), result]));
  expect(results.size).toBe(records.length);
  return new Map([...results].sort());
}

test("two workers, and two shares that are merged, give the records of one run, and the same table", async () => {
  expect((await runCli([...benchmark, "--out", path("one")])).code).toBe(0);
  const expected = resultsOf("one");
  expect(expected.size).toBe(6);

  expect(await start([...benchmark, "--out", path("workers"), "--workers", "2"]).ended).toMatchObject({ code: 0 });
  expect(resultsOf("workers")).toEqual(expected);

  for (const share of ["1of2", "2of2"]) {
    const shard = share.replace("of", "/");
    expect((await runCli([...benchmark, "--out", path(share), "--shard", shard])).code).toBe(0);
  }
  const merged = await runCli(["merge", path("2of2"), path("1of2"), "-o", path("merged"), "--json"]);
  expect(JSON.parse(merged.stdout)).toEqual({ output: path("merged"), finished: 6, failed: 0, problems: [] });
  expect(resultsOf("merged")).toEqual(expected);
  expect((await runCli([...benchmark, "--out", path("merged")])).code).toBe(0);

  const table = readFileSync(path("one/table1.csv"), "utf8");
  for (const out of ["workers", "merged"]) expect(readFileSync(path(`${out}/table1.csv`), "utf8")).toBe(table);
}, 180_000);

test("results of other settings are not continued, and not merged", async () => {
  const identity = JSON.parse(readFileSync(path("one/experiment.json"), "utf8"));
  identity.settings.sigmaPixels = 3;
  mkdirSync(path("other"));
  writeFileSync(path("other/experiment.json"), JSON.stringify(identity));
  const other = await runCli([...benchmark, "--out", path("other")]);
  expect(other.code).toBe(2);
  expect(other.stderr).toMatch(
    /other: holds the results of another experiment: settings\.sigmaPixels is 3 there and 2 here\. Choose another --out/,
  );
  const mixture = await runCli(["merge", path("one"), path("other"), "-o", path("mixture")]);
  expect(mixture).toMatchObject({ code: 2, stdout: "" });
  expect(mixture.stderr).toMatch(/other: holds .* settings\.sigmaPixels is 3 there and 2 here\. Merge it with/);
  expect(existsSync(path("mixture"))).toBe(false);
  const absent = await runCli(["merge", path("nowhere")]);
  expect(absent.code).toBe(1);
  expect(absent.stderr).toMatch(
    /nowhere: no experiment\.json in it, expected a folder of results that a benchmark wrote\.\n$/,
  );
});

test("Ctrl-C with workers: exit code 130, and what was finished is kept", async () => {
  // Insertion and deletion curves take so long that the signal cannot come too late.
  const slow = benchmark.map((word, index) => (benchmark[index - 1] === "--curve-steps" ? "rows" : word));
  const { child, ended } = start([...slow, "--out", path("interrupted"), "--workers", "2"]);
  // The files' heads, and at least one record.
  while (linesOf("interrupted").length < 3) await sleep(10);
  child.kill("SIGINT");
  const { code, stderr } = await ended;
  expect(code).toBe(130);
  expect(stderr).toMatch(
    /perceptual-ball: interrupted: \d of 6 results are finished, kept in .*interrupted\. The same command/,
  );
  expect(resultsOf("interrupted").size).toBeGreaterThan(0);
}, 180_000);
