import { type ChildProcess, spawn } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import ts from "typescript";
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { MisuseError } from "../../errors.ts";
import { lockFile } from "./file-lock.ts";

let folder: string;
let deadPid: number;
const path = (name: string): string => join(folder, name);
const leave = (name: string, owner: object | string, secondsAgo = 0): void => {
  const lock = `${path(name)}.lock`;
  writeFileSync(lock, typeof owner === "string" ? owner : JSON.stringify(owner));
  const time = Date.now() / 1000 - secondsAgo;
  utimesSync(lock, time, time);
};
const locksBeside = (name: string): string[] => readdirSync(folder).filter((other) => other.startsWith(`${name}.lock`));

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), "perceptual-ball-lock-"));
  const child = spawn(process.execPath, ["-e", ""]);
  await new Promise((resolve) => child.once("close", resolve));
  deadPid = child.pid ?? 0;
});
afterAll(() => rmSync(folder, { recursive: true }));

test("a lock is held until it is given back, and names its process", () => {
  const { release } = lockFile(path("a"));
  expect(locksBeside("a")).toEqual(["a.lock"]);
  expect(JSON.parse(readFileSync(path("a.lock"), "utf8"))).toMatchObject({ pid: process.pid, host: hostname() });
  expect(() => lockFile(path("a"))).toThrow(MisuseError);
  release();
  expect(locksBeside("a")).toEqual([]);
  lockFile(path("a")).release();
});

test("a lock of the dead is taken over: no such process, this one's number but not its own, or another start", () => {
  const host = hostname();
  for (const owner of [
    { pid: deadPid, host },
    { pid: process.pid, host },
    { pid: process.ppid, host, started: "1" },
  ]) {
    leave("b", owner);
    const { release } = lockFile(path("b"));
    expect(locksBeside("b")).toEqual(["b.lock-2"]);
    expect(() => lockFile(path("b"))).toThrow(`process ${process.pid} on ${host} is writing this file`);
    release();
    expect(locksBeside("b")).toEqual([]);
  }
});

test("a lock that was never written to the end is taken over once it is old", () => {
  for (const text of ['{"pi', "{}", ""]) {
    leave("u", text);
    expect(() => lockFile(path("u"))).toThrow("another process is about to write this file");
    leave("u", text, 10);
    lockFile(path("u")).release();
    expect(locksBeside("u")).toEqual([]);
  }
});

test("a lock of the living is respected", () => {
  const owner = { pid: process.ppid, host: hostname() };
  leave("c", owner, 100_000);
  expect(() => lockFile(path("c"))).toThrow(
    `process ${owner.pid} on ${owner.host} is writing this file. Wait until it is finished or stop it; if there is no such process, delete ${path("c.lock")}.`,
  );
  expect(JSON.parse(readFileSync(path("c.lock"), "utf8"))).toEqual(owner);
});

test("a lock of another machine is respected while it gives signs of life, and for the time of silence after that", () => {
  const owner = { pid: 4, host: `not-${hostname()}` };
  leave("d", owner, 250);
  expect(() => lockFile(path("d"))).toThrow(
    /process 4 on not-.* \(last sign of life 25\d s ago\)\. .* taken over after 300 s without a sign of life/,
  );
  leave("d", owner, 310);
  lockFile(path("d")).release();
  expect(locksBeside("d")).toEqual([]);
});

test("the holder gives signs of life, and leaves the lock's text as it is", async () => {
  const { release } = lockFile(path("e"), { heartbeatMs: 5 });
  const text = readFileSync(path("e.lock"), "utf8");
  utimesSync(path("e.lock"), 1, 1);
  await vi.waitFor(() => expect(statSync(path("e.lock")).mtimeMs).toBeGreaterThan(1e12), { timeout: 10_000 });
  expect(readFileSync(path("e.lock"), "utf8")).toBe(text);
  release();
});

test("a holder whose lock was taken over notices, and leaves the other's alone", () => {
  const lock = lockFile(path("f"), { heartbeatMs: 0.001 });
  lock.throwIfLost();
  const other = JSON.stringify({ pid: 4, host: "elsewhere", nonce: "x" });
  writeFileSync(path("f.lock-2"), other);
  expect(() => lock.throwIfLost()).toThrow("another process has taken over this file");
  lock.release();
  expect(readFileSync(path("f.lock-2"), "utf8")).toBe(other);
});

/** The module as a file that plain Node runs. */
function compiled(): string {
  const source = join(import.meta.dirname, "../..");
  const out = path("compiled");
  mkdirSync(join(out, "node/records"), { recursive: true });
  for (const name of ["errors", "node/records/file-lock"]) {
    const { outputText } = ts.transpileModule(readFileSync(join(source, `${name}.ts`), "utf8"), {
      compilerOptions: {
        module: ts.ModuleKind.ESNext,
        target: ts.ScriptTarget.ES2022,
        rewriteRelativeImportExtensions: true,
      },
    });
    writeFileSync(join(out, `${name}.mjs`), outputText.replaceAll("errors.js", "errors.mjs"));
  }
  return join(out, "node/records/file-lock.mjs");
}

/** Waits for the moment that it is told, tries to take the lock, says how that went, and gives it back when told. */
const contender = (file: string): string => `
  import { createInterface } from "node:readline";
  import { lockFile } from ${JSON.stringify(file)};
  let lock;
  console.log("ready");
  for await (const line of createInterface({ input: process.stdin })) {
    const [order, path, at] = line.split(" ");
    if (order === "take") {
      while (Date.now() < Number(at));
      try { lock = lockFile(path); console.log("held"); }
      catch (error) { console.log(error.name === "MisuseError" ? "refused" : "defect: " + error.stack.replaceAll("\\n", " ")); }
    } else { lock?.release(); lock = undefined; console.log("free"); }
  }
`;

test("of processes that find a dead one's lock at the same moment, never more than one holds it", async () => {
  const [contenders, rounds] = [6, 40];
  const script = path("contender.mjs");
  writeFileSync(script, contender(compiled()));
  const children: ChildProcess[] = [];
  const answers: (() => Promise<string>)[] = [];
  try {
    for (let i = 0; i < contenders; i++) {
      const child = spawn(process.execPath, [script], { stdio: ["pipe", "pipe", "inherit"] });
      children.push(child);
      if (child.stdout === null) throw new Error("no stdout");
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      answers.push(async () => String((await lines.next()).value));
    }
    const all = (): Promise<string[]> => Promise.all(answers.map((next) => next()));
    const tell = (order: string): void => {
      for (const child of children) child.stdin?.write(`${order}\n`);
    };
    expect(await all()).toEqual(Array(contenders).fill("ready"));
    let taken = 0;
    for (let round = 0; round < rounds; round++) {
      const name = `race-${round}`;
      leave(name, { pid: deadPid, host: hostname(), nonce: "dead" });
      tell(`take ${path(name)} ${Date.now() + 25}`);
      const outcomes = await all();
      expect(outcomes.filter((outcome) => outcome.startsWith("defect"))).toEqual([]);
      expect(outcomes.filter((outcome) => outcome === "held").length).toBeLessThanOrEqual(1);
      taken += outcomes.filter((outcome) => outcome === "held").length;
      tell("free");
      await all();
      expect(locksBeside(name)).toEqual([]);
    }
    // Nearly always one gets it: a contender is refused only by one that holds the lock, or gave it up a moment later.
    expect(taken).toBeGreaterThan(rounds / 2);
  } finally {
    for (const child of children) child.kill("SIGKILL");
  }
});
