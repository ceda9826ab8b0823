import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { MisuseError } from "../../errors.ts";
import { lockFile } from "./file-lock.ts";

let folder: string;
const path = (name: string): string => join(folder, name);
const leave = (name: string, owner: object | string): void =>
  writeFileSync(`${path(name)}.lock`, typeof owner === "string" ? owner : JSON.stringify(owner));

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "perceptual-ball-lock-"));
});
afterAll(() => rmSync(folder, { recursive: true }));

test("a lock is held until it is given back", () => {
  const unlock = lockFile(path("a"));
  expect(JSON.parse(readFileSync(path("a.lock"), "utf8"))).toEqual({ pid: process.pid, host: hostname() });
  expect(() => lockFile(path("a"))).toThrow(MisuseError);
  unlock();
  expect(existsSync(path("a.lock"))).toBe(false);
  lockFile(path("a"))();
});

test("a lock of the dead is taken over: no such process, this one's number but not its own, or cut off", async () => {
  const child = spawn(process.execPath, ["-e", ""]);
  await new Promise((resolve) => child.once("close", resolve));
  for (const owner of [{ pid: child.pid, host: hostname() }, { pid: process.pid, host: hostname() }, '{"pi', "{}"]) {
    leave("b", owner);
    lockFile(path("b"))();
    expect(existsSync(path("b.lock"))).toBe(false);
  }
});

test("a lock of the living, or of another machine, is respected", () => {
  for (const owner of [
    { pid: process.ppid, host: hostname() },
    { pid: 4, host: `not-${hostname()}` },
  ]) {
    leave("c", owner);
    expect(() => lockFile(path("c"))).toThrow(
      `process ${owner.pid} on ${owner.host} is writing this file. Wait until it is finished or stop it; if there is no such process, delete ${path("c.lock")}.`,
    );
    expect(JSON.parse(readFileSync(path("c.lock"), "utf8"))).toEqual(owner);
  }
});
