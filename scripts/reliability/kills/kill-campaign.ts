/**
 * @file A kill campaign: commands that are killed at random moments and started again until they are through. After each kill everything that
 * was finished before must still be there, unchanged; in the end the records must be those of a run that nothing disturbed.
 */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { createRandom, type Random } from "../../../src/random/random.ts";
import { redisPath, startRedis, type TestServer } from "../../../test/queue-servers.ts";
import { integer, pick } from "../mutate.ts";
import { type Program, writePrograms } from "./programs.ts";
import { recordsOnDisk } from "./records-on-disk.ts";

/** What a run of a command is disturbed by, besides being killed. */
const troubles = ["nothing", "clock", "two writers", "full disk"] as const;
type Trouble = (typeof troubles)[number];

export interface KillFinding {
  readonly run: number;
  readonly program: string;
  readonly trouble: Trouble;
  readonly what: string;
}

export interface KillState {
  /** Runs, each in a folder of its own, that were brought to their end. */
  readonly runs: number;
  readonly done: number;
  readonly byProgram: Readonly<Record<string, { readonly runs: number; readonly kills: number }>>;
  readonly byTrouble: Readonly<Record<string, number>>;
  readonly findings: readonly KillFinding[];
  readonly seconds: number;
}

export const killsStart: KillState = { runs: 0, done: 0, byProgram: {}, byTrouble: {}, findings: [], seconds: 0 };

const root = resolve(import.meta.dirname, "../../..");
const main = join(root, "dist/cli/main.js");
/** In the mean a run is killed so many times before it may go through. */
const killsPerRun = 4;
/** A command of a second that takes this long hangs, whatever else the machine does. */
const mostMs = 300_000;
/** Commands begin to write when their modules are read: a kill before that tests little. */
const leastShare = 0.3;
const diskBytes = 192 * 1024;
const fakeClock = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";

interface Ended {
  readonly code: number | null;
  readonly signal: string | null;
  readonly output: string;
}

/** Runs commands until `count` kills are reached. `only` names the programs; default all. */
export async function runKills(
  state: KillState,
  options: {
    readonly count: number;
    readonly signal: AbortSignal;
    readonly save: (state: KillState) => void;
    readonly only?: readonly string[];
  },
): Promise<KillState> {
  const { count, signal, save, only } = options;
  let now = state;
  if (now.done >= count || signal.aborted) return now;
  const folder = mkdtempSync(join(tmpdir(), "reliability-kills-"));
  const server = redisPath === undefined ? undefined : await startRedis(join(folder, "redis"));
  try {
    const programs = (await writePrograms(folder)).filter(
      ({ name, isQueued }) => (only?.includes(name) ?? true) && (isQueued !== true || server !== undefined),
    );
    const references = new Map<string, Reference>();
    while (now.done < count && !signal.aborted) {
      const begun = performance.now();
      const program = programs[now.runs % programs.length];
      if (program === undefined) break;
      const reference = references.get(program.name) ?? (await referenceOf(program, folder));
      references.set(program.name, reference);
      const random = createRandom(now.runs);
      const trouble = troubleOf(program, random);
      const asked = { program, trouble, random, reference, server, folder, run: now.runs };
      const { kills, findings } = await oneRun(asked);
      const own = now.byProgram[program.name] ?? { runs: 0, kills: 0 };
      now = {
        runs: now.runs + 1,
        done: now.done + kills,
        byProgram: { ...now.byProgram, [program.name]: { runs: own.runs + 1, kills: own.kills + kills } },
        byTrouble: { ...now.byTrouble, [trouble]: (now.byTrouble[trouble] ?? 0) + kills },
        findings: [
          ...now.findings,
          ...findings.map((what) => ({ run: now.runs, program: program.name, trouble, what })),
        ],
        seconds: now.seconds + (performance.now() - begun) / 1000,
      };
      save(now);
    }
    return now;
  } finally {
    await server?.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}

interface Reference {
  readonly records: ReadonlyMap<string, string>;
  readonly milliseconds: number;
}

async function referenceOf(program: Program, folder: string): Promise<Reference> {
  const out = join(folder, `reference-${program.name.replaceAll(" ", "-")}`);
  const begun = performance.now();
  const { code, output } = await start([...program.argv, "--out", out]).ended;
  if (code !== 0) throw new Error(`${program.name} does not even run undisturbed: ${output}`);
  return { records: await recordsOnDisk(program, out), milliseconds: performance.now() - begun };
}

function troubleOf({ isQueued, hasWorkers }: Program, random: Random): Trouble {
  const possible = troubles.filter(
    (trouble) =>
      (trouble !== "clock" || existsSync(fakeClock)) &&
      (trouble !== "full disk" || canMount) &&
      // A queue's workers have a file each, and what waits for a parent's lock is not what is tested here.
      (isQueued !== true || trouble === "nothing" || trouble === "clock") &&
      (hasWorkers !== true || trouble !== "full disk"),
  );
  return random() < 0.4 ? "nothing" : (pick(random, possible) ?? "nothing");
}

interface Run {
  readonly program: Program;
  readonly trouble: Trouble;
  readonly random: Random;
  readonly reference: Reference;
  readonly server: TestServer | undefined;
  readonly folder: string;
  readonly run: number;
}

async function oneRun(asked: Run): Promise<{ readonly kills: number; readonly findings: readonly string[] }> {
  const { program, trouble, random, reference, server, folder, run } = asked;
  const place = join(folder, `run-${run}`);
  const out = join(place, "out");
  mkdirSync(place);
  const findings: string[] = [];
  const wanted = integer(random, 2 * killsPerRun + 1);
  let kills = 0;
  const argv = await argvOf(out);
  if (trouble === "full disk") mountSmall(place, diskBytes);
  try {
    for (let before: ReadonlyMap<string, string> = new Map(), tries = 0; tries < 4 * killsPerRun + 20; tries++) {
      const env = trouble === "clock" ? fakeTime(random) : {};
      const [first, ...others] = Array.from({ length: trouble === "two writers" ? 2 : 1 }, () => start(argv, env));
      let isKilled = false;
      if (first !== undefined && kills < wanted) {
        const delay = reference.milliseconds * (leastShare + (1.2 - leastShare) * random());
        isKilled = await killAfter(first, delay, program.hasWorkers === true && random() < 0.5);
      }
      const ends = await Promise.all([first, ...others].flatMap((started) => started?.ended ?? []));
      if (isKilled) kills++;
      for (const { code, signal, output } of ends) {
        const problem = problemOf({ code, signal, output }, trouble, isKilled);
        if (problem !== undefined) findings.push(problem);
      }
      const after = await recordsOnDisk(program, out);
      findings.push(...differences(before, after, reference.records));
      before = after;
      // What was short of room has some more each time.
      if (trouble === "full disk") mountSmall(place, diskBytes * (tries + 2), "remount");
      const isThrough = ends.some(({ code }) => code === 0) && after.size === reference.records.size;
      if (isThrough || findings.length > 0) return { kills, findings };
    }
    return { kills, findings: ["it never ends"] };
  } finally {
    if (trouble === "full disk") execFileSync("umount", [place]);
    rmSync(place, { recursive: true, force: true, maxRetries: 3 });
  }

  /** The command, or under `queue work` with its batches filled in. */
  async function argvOf(path: string): Promise<readonly string[]> {
    if (program.isQueued !== true || server === undefined) return [...program.argv, "--out", path];
    const queue = [server.address, "--name", `run-${run}`];
    const filled = await start(["queue", "fill", ...queue, "--pictures", "1", "--", ...program.argv, "--out", path])
      .ended;
    if (filled.code !== 0) findings.push(`fill: ${filled.output}`);
    return ["queue", "work", ...queue, "--lock", "3", "--", ...program.argv, "--out", path];
  }
}

/** What may not happen to a command: an end by anything but our signal, codes that mean nothing here, stack traces. */
function problemOf({ code, signal, output }: Ended, trouble: Trouble, isKilled: boolean): string | undefined {
  if (/\n\s+at .+:\d+:\d+|this is a defect/.test(output)) return `a stack trace: ${output.slice(0, 600)}`;
  if (signal !== null) return isKilled || signal === "SIGKILL" ? undefined : `ended by ${signal}`;
  if (code === 0 || code === null) return undefined;
  if (trouble === "full disk" && code === 1 && /full|no space|ENOSPC/i.test(output)) return undefined;
  if (trouble === "two writers" && /is writing this file|about to write|has taken over/.test(output)) return undefined;
  // A worker of ours was killed: its parent says so and does its share again, or leaves it for the next start.
  if (isKilled && /has died/.test(output)) return undefined;
  return `exit code ${code}: ${output.slice(0, 600)}`;
}

/** What was there is there, and what is there is right. */
function differences(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
  wanted: ReadonlyMap<string, string>,
): string[] {
  const lost = [...before.keys()].filter((key) => !after.has(key)).map((key) => `lost: ${key}`);
  const changed = [...after].filter(([key, record]) => wanted.get(key) !== record).map(([key]) => `changed: ${key}`);
  return [...lost, ...changed];
}

interface Started {
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
}

function start(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Started {
  const child = spawn(process.execPath, [main, ...argv], {
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, ...env },
    // A group of its own, so that it can be killed with its children.
    detached: true,
  });
  const output: string[] = [];
  child.stderr?.on("data", (chunk) => output.push(String(chunk)));
  const timer = setTimeout(() => {
    output.push("\nit hangs");
    killGroup(child);
  }, mostMs);
  const ended = new Promise<Ended>((done) =>
    child.on("close", (code, signal) => {
      clearTimeout(timer);
      const text = output.join("");
      done({ code: text.endsWith("it hangs") ? -1 : code, signal, output: text });
    }),
  );
  return { child, ended };
}

/** Whether the process, or with `whole` all of its group, was there to be killed after so many milliseconds. */
async function killAfter({ child, ended }: Started, milliseconds: number, whole: boolean): Promise<boolean> {
  const isEarly = await Promise.race([ended.then(() => false), sleep(milliseconds).then(() => true)]);
  if (!isEarly || child.exitCode !== null || child.signalCode !== null) return false;
  if (whole) return killGroup(child);
  return child.kill("SIGKILL");
}

function killGroup({ pid }: ChildProcess): boolean {
  try {
    return pid !== undefined && process.kill(-pid, "SIGKILL");
  } catch {
    return false;
  }
}

/** A clock that is wrong by up to two years, another time at each start. */
function fakeTime(random: Random): Record<string, string> {
  const days = integer(random, 1460) - 730;
  return { LD_PRELOAD: fakeClock, FAKETIME: `${days < 0 ? "" : "+"}${days}d`, DONT_FAKE_MONOTONIC: "1" };
}

const canMount = tryMount();

function tryMount(): boolean {
  const place = mkdtempSync(join(tmpdir(), "reliability-mount-"));
  try {
    mountSmall(place, diskBytes);
    execFileSync("umount", [place]);
    return true;
  } catch {
    return false;
  } finally {
    rmSync(place, { recursive: true, force: true });
  }
}

function mountSmall(place: string, bytes: number, how?: "remount"): void {
  const options = [...(how === undefined ? [] : [how]), `size=${bytes}`].join(",");
  execFileSync("mount", ["-t", "tmpfs", "-o", options, "tmpfs", place], { stdio: "ignore" });
}
