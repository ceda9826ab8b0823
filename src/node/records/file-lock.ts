/**
 * @file A lock that a process holds on a file that only it may write, and that does not outlive it.
 *
 * A lock is a file beside the locked one. It appears whole, by `link`, which fails where the name exists. Nobody else's lock is ever
 * removed or replaced to take it over, since whoever does that may be late and hit the lock of the next one. A lock of the dead stays
 * and a *successor* is linked beside it, with the next number in its name (`.lock`, `.lock-2`, …): again only one can succeed. The
 * lock with the greatest number counts. What a successor makes certain before it believes that it holds the lock is that the one it
 * succeeds is still there, as nobody removes that but a successor; then it removes the predecessor itself.
 */
import { randomBytes } from "node:crypto";
import {
  closeSync,
  linkSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  unlinkSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { hostname } from "node:os";
import { basename, dirname, join } from "node:path";
import { MisuseError, PerceptualBallError } from "../../errors.ts";

/** A lock that is held. */
export interface FileLock {
  /** Gives the lock back. */
  readonly release: () => void;
  /** Throws a {@link PerceptualBallError} if another process has taken the lock over, because this one stood still for too long. */
  readonly throwIfLost: () => void;
}

export interface LockFileOptions {
  /** How often the holder gives a sign of life, in milliseconds; default 10 seconds. */
  readonly heartbeatMs?: number;
  /** A lock of another machine without a sign of life for so long counts as left by the dead; default 5 minutes. */
  readonly silenceMs?: number;
}

/** Who holds a lock. */
interface Owner {
  readonly pid: number;
  readonly host: string;
  /** When the process was started, as the system counts; undefined where it does not say. */
  readonly started?: string;
  /** Tells two locks of one process apart. */
  readonly nonce: string;
}

/** A lock as it is found on disk. */
interface FoundLock {
  readonly path: string;
  readonly number: number;
  /** Undefined if what is in the file is no owner: cut off, or written by a file system that cannot link. */
  readonly owner: Owner | undefined;
  readonly text: string;
  readonly modifiedMs: number;
}

/** Nonces of locks that this process holds. */
const held = new Set<string>();

/** A lock without a readable owner may just be being written, but not for longer than this. */
const unreadableMs = 2000;
/** Attempts to find a state of the folder that does not change while it is looked at. */
const attempts = 100;

/**
 * Takes the lock of the file at `path`. A lock left by a process that is no longer alive is taken over; one of another machine if it
 * has given no sign of life for `silenceMs`.
 *
 * Throws a {@link MisuseError} if another process holds it, or another call in this one.
 */
export function lockFile(path: string, options: LockFileOptions = {}): FileLock {
  const { heartbeatMs = 10_000, silenceMs = 300_000 } = options;
  const owner: Owner = { pid: process.pid, host: hostname(), started: startOf(process.pid), nonce: newNonce() };
  const draft = `${path}.lock.${owner.nonce}.partial`;
  const text = JSON.stringify(owner);
  writeFileSync(draft, text, { flag: "wx" });
  try {
    for (let attempt = 0; attempt < attempts; attempt++) {
      const [last] = locksOf(path);
      // The draft was written just now: its time is that of the file system, whatever this machine's clock says.
      if (last !== undefined) refuseIfAlive(path, last, statSync(draft).mtimeMs, silenceMs);
      const number = (last?.number ?? 0) + 1;
      const lock = lockPath(path, number);
      if (!appear(draft, lock, text)) continue;
      if (!isSuccessor(path, number, last)) {
        unlink(lock);
        continue;
      }
      for (const older of locksOf(path)) if (older.number < number) unlink(older.path);
      return holding(path, lock, owner, heartbeatMs);
    }
  } finally {
    unlink(draft);
  }
  throw new MisuseError({
    where: path,
    what: "other processes take and give back the lock of this file all the time",
    advice: "Try again.",
  });
}

function newNonce(): string {
  return randomBytes(8).toString("hex");
}

function lockPath(path: string, number: number): string {
  return number === 1 ? `${path}.lock` : `${path}.lock-${number}`;
}

/** Makes the file `lock`, whole, unless there is one; whether that was so. */
function appear(draft: string, lock: string, text: string): boolean {
  try {
    try {
      linkSync(draft, lock);
    } catch (error) {
      if (!cannotLink.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
      // Some file systems have no links; there a reader may see the file before its text.
      writeFileSync(lock, text, { flag: "wx" });
    }
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
    return false;
  }
}

const cannotLink = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK"]);

/** Whether the lock of this number, which was just made, follows on `last` as it was found, and nothing follows on it. */
function isSuccessor(path: string, number: number, last: FoundLock | undefined): boolean {
  const now = locksOf(path);
  if (now.some((lock) => lock.number > number)) return false;
  return last === undefined || now.some((lock) => lock.number === last.number && lock.text === last.text);
}

/** The locks beside `path`, the one that counts first. */
function locksOf(path: string): FoundLock[] {
  const [folder, start] = [dirname(path), `${basename(path)}.lock`];
  return namesIn(folder)
    .flatMap((name) => {
      const number = name === start ? 1 : Number(name.startsWith(`${start}-`) ? name.slice(start.length + 1) : "");
      return Number.isSafeInteger(number) && number >= 1 ? (foundAt(join(folder, name), number) ?? []) : [];
    })
    .sort((a, b) => b.number - a.number);
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** The lock at `path`; undefined if it is gone by now. */
function foundAt(path: string, number: number): FoundLock | undefined {
  try {
    const text = readFileSync(path, "utf8");
    return { path, number, text, owner: ownerIn(text), modifiedMs: statSync(path).mtimeMs };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

function ownerIn(text: string): Owner | undefined {
  try {
    const { pid, host, started, nonce = "" } = JSON.parse(text) as Owner;
    return Number.isInteger(pid) && typeof host === "string" ? { pid, host, started, nonce } : undefined;
  } catch {
    return undefined;
  }
}

function refuseIfAlive(path: string, lock: FoundLock, nowMs: number, silenceMs: number): void {
  const { owner } = lock;
  const silent = Math.max(0, nowMs - lock.modifiedMs);
  const last = `(last sign of life ${Math.round(silent / 1000)} s ago)`;
  if (owner === undefined) {
    if (silent > unreadableMs) return;
    throw new MisuseError({
      where: path,
      what: `another process is about to write this file ${last}`,
      advice: `Try again; if there is no such process, delete ${lock.path}.`,
    });
  }
  const isElsewhere = owner.host !== hostname();
  if (isElsewhere ? silent > silenceMs : !isAlive(owner)) return;
  const otherwise = isElsewhere ? `; it is taken over after ${silenceMs / 1000} s without a sign of life` : "";
  throw new MisuseError({
    where: path,
    what: `process ${owner.pid} on ${owner.host} is writing this file${isElsewhere ? ` ${last}` : ""}`,
    advice: `Wait until it is finished or stop it; if there is no such process, delete ${lock.path}${otherwise}.`,
  });
}

/** Whether the owner, a process of this machine, still runs. */
function isAlive({ pid, started, nonce }: Owner): boolean {
  if (pid === process.pid) return held.has(nonce);
  try {
    process.kill(pid, 0);
  } catch (error) {
    // Anything but "no such process" means that there is one, of another user.
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
  }
  // Numbers of processes are used again.
  const now = startOf(pid);
  return started === undefined || now === undefined || now === started;
}

/** When a process of this machine was started, in the system's own terms; undefined where there is no /proc. */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The name of the program, in parentheses, may have spaces and parentheses in it; the start is the 22nd field.
    return stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
  } catch {
    return undefined;
  }
}

function holding(path: string, lock: string, owner: Owner, heartbeatMs: number): FileLock {
  held.add(owner.nonce);
  let lastBeat = performance.now();
  let isLost = false;
  const isOurs = (): boolean => {
    const [last] = locksOf(path);
    return last?.path === lock && last.owner?.nonce === owner.nonce;
  };
  const beat = (): void => {
    lastBeat = performance.now();
    isLost ||= !isOurs();
    if (isLost) return;
    // Written rather than touched, so that the file's time is that of the file system.
    const file = openSync(lock, "r+");
    try {
      writeSync(file, "{", 0);
    } finally {
      closeSync(file);
    }
  };
  const timer = setInterval(() => {
    try {
      beat();
    } catch {
      // A disk that fails now and then is no reason to stop; the next write to it will say what is wrong.
    }
  }, heartbeatMs);
  timer.unref();
  return {
    release() {
      clearInterval(timer);
      if (held.delete(owner.nonce) && !isLost && isOurs()) unlink(lock);
    },
    throwIfLost() {
      if (performance.now() - lastBeat > 2 * heartbeatMs) beat();
      if (!isLost) return;
      throw new PerceptualBallError({
        where: path,
        what: "another process has taken over this file, since this one had stood still",
        advice: "What is finished is kept, and the other process goes on.",
      });
    },
  };
}

function unlink(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
