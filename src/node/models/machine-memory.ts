/** @file How much memory there is. */
import { totalmem } from "node:os";

/** The machine's memory in bytes, or the smaller limit that a container sets this process. */
export function machineMemory(): number {
  // 0 where there is no limit, and larger than the memory on some systems.
  const limit = process.constrainedMemory();
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem();
}
