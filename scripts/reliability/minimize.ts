/** @file A smaller input that does the same. */
import type { Input } from "./subject.ts";

/** Files are left out, then halves, quarters and so on of what is left of them, as long as `stillDoes`; at most `tries` are tried. */
export async function minimize(
  input: Input,
  stillDoes: (smaller: Input) => Promise<boolean>,
  tries = 200,
): Promise<Input> {
  let best = input;
  let left = tries;
  const improves = async (candidate: Input): Promise<boolean> => {
    if (left-- <= 0 || !(await stillDoes(candidate))) return false;
    best = candidate;
    return true;
  };
  for (const name of input.keys()) await improves(new Map([...best].filter(([other]) => other !== name)));
  for (const name of best.keys()) {
    for (let size = (best.get(name)?.length ?? 0) >> 1; size >= 1 && left > 0; size >>= 1) {
      for (let at = 0; left > 0; ) {
        const bytes = best.get(name);
        if (bytes === undefined || at >= bytes.length) break;
        const shorter = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + size)]);
        if (!(await improves(new Map([...best, [name, new Uint8Array(shorter)]])))) at += size;
      }
    }
  }
  return best;
}
