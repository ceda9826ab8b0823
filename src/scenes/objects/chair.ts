import { chance, integer, uniform } from "../../random/distributions.ts";
import type { Random } from "../../random/random.ts";
import { box, capsule, type Distance, frustum, type Part, type Solid } from "../solid.ts";

/** A chair that faces +z: four legs, a square or round seat, and a solid or slatted back. */
export function chair(random: Random): Solid {
  const [width, depth] = [uniform(random, 0.38, 0.46), uniform(random, 0.36, 0.44)];
  const seat = uniform(random, 0.6, 0.78);
  const top = seat + uniform(random, 0.65, 0.85);
  const thickness = uniform(random, 0.05, 0.075);
  const splay = uniform(random, 0, 0.1);
  const round = chance(random, 0.3);
  const leg = capsule(
    [width - 0.06, seat, depth - 0.06],
    [width - 0.06 + splay, thickness, depth - 0.06 + splay],
    thickness,
  );
  const legs: Distance = (x, y, z) => leg(Math.abs(x), y, Math.abs(z));
  const cushion = round
    ? frustum(0, 0, seat - 0.03, seat + 0.03, width, width, 0.04)
    : box([0, seat, 0], [width, 0.07, depth], 0.05);
  const lean = uniform(random, 0, 0.16);
  const post = capsule([width - 0.06, seat, 0.07 - depth], [width - 0.06, top, 0.07 - depth - lean], thickness);
  const posts: Distance = (x, y, z) => post(Math.abs(x), y, z);
  const parts: Part[] = [
    { distance: cushion, slot: 0 },
    { distance: legs, slot: 1 },
    { distance: posts, slot: 1 },
  ];
  const style = integer(random, 0, 3);
  const backZ = 0.07 - depth - lean;
  if (style === 0) {
    parts.push({ distance: box([0, top - 0.26, backZ + lean * 0.3], [width - 0.05, 0.27, 0.05], 0.04), slot: 0 });
  } else {
    parts.push({ distance: box([0, top - 0.07, backZ], [width - 0.02, 0.1, 0.055], 0.045), slot: 0 });
    if (style === 1) {
      parts.push({
        distance: box([0, (seat + top) / 2 + 0.02, backZ + lean / 2], [width - 0.05, 0.07, 0.045], 0.03),
        slot: 0,
      });
    } else {
      const gap = (width - 0.06) / 2;
      const slat = capsule([gap, seat, 0.07 - depth], [gap, top, backZ], 0.04);
      parts.push({ distance: (x, y, z) => slat(Math.abs(x), y, z), slot: 1 });
      parts.push({ distance: capsule([0, seat, 0.07 - depth], [0, top, backZ], 0.04), slot: 1 });
    }
  }
  return { parts, center: [0, top / 2, -0.04], radius: Math.hypot(top / 2 + 0.06, 0.66) };
}
