/** @file Which training images statistics are not fitted to, so that a cutoff can be calibrated on them. */
import { hash64 } from "../records/canonical-json.ts";

/** One in so many images is held out where a cutoff is calibrated. */
const heldOutShare = 5;

/** Whether the image of this identifier is held out: the same images in a benchmark and in statistics that are fitted by themselves. */
export function isHeldOutImage(id: string): boolean {
  return hash64(`held out ${id}`) % BigInt(heldOutShare) === 0n;
}
