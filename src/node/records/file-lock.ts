/** @file A lock that a process holds on a file that only it may write, and that does not outlive it. */
import { readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { MisuseError } from "../../errors.ts";

/** Locks that this process holds: a lock with its own number that is not among them was left by a dead process of the same number. */
const held = new Set<string>();

/**
 * Takes the lock of the file at `path` (a file beside it, with the ending `.lock`, that names the process) and returns the function
 * that gives it back. A lock left by a process that is no longer alive is taken over.
 *
 * Throws a {@link MisuseError} if another process holds it, or seems to: of another machine's processes nothing can be known.
 */
export function lockFile(path: string): () => void {
  const lock = `${path}.lock`;
  for (let attempt = 0; ; attempt++) {
    try {
      writeFileSync(lock, JSON.stringify({ pid: process.pid, host: hostname() }), { flag: "wx" });
      break;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "EEXIST" || attempt === 3) throw error;
    }
    const owner = ownerOf(lock);
    if (owner !== undefined && isAlive(owner, lock)) {
      throw new MisuseError({
        where: path,
        what: `process ${owner.pid} on ${owner.host} is writing this file`,
        advice: `Wait until it is finished or stop it; if there is no such process, delete ${lock}.`,
      });
    }
    unlink(lock);
  }
  held.add(lock);
  return () => {
    held.delete(lock);
    unlink(lock);
  };
}

interface Owner {
  readonly pid: number;
  readonly host: string;
}

/** Whose the lock is; undefined if it is gone by now, or was never written to the end. */
function ownerOf(lock: string): Owner | undefined {
  try {
    const { pid, host } = JSON.parse(readFileSync(lock, "utf8")) as Owner;
    return Number.isInteger(pid) && typeof host === "string" ? { pid, host } : undefined;
  } catch {
    return undefined;
  }
}

function isAlive({ pid, host }: Owner, lock: string): boolean {
  if (host !== hostname()) return true;
  if (pid === process.pid) return held.has(lock);
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // Anything but "no such process" means that there is one, of another user.
    return (error as NodeJS.ErrnoException).code !== "ESRCH";
  }
}

function unlink(path: string): void {
  try {
    unlinkSync(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
  }
}
