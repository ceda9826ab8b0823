import { chance, uniform } from "../../random/distributions.ts";
import type { Random } from "../../random/random.ts";
import { box, type Distance, frustum, type Part, type Solid, subtract, torus, turned } from "../solid.ts";

/** A mug with its handle towards +x, empty or filled. */
export function mug(random: Random): Solid {
  const height = uniform(random, 0.9, 1.25);
  const foot = uniform(random, 0.42, 0.52);
  const rim = foot + uniform(random, -0.04, 0.1);
  const outside = frustum(0, 0, 0.03, height - 0.03, foot - 0.03, rim - 0.03, 0.03);
  const inside = frustum(0, 0, 0.12, height + 0.2, foot - 0.09, rim - 0.08);
  const cup = subtract(outside, inside);
  const size = height * uniform(random, 0.26, 0.34);
  const middle = height * uniform(random, 0.47, 0.56);
  const thickness = uniform(random, 0.065, 0.09);
  const side = (foot + rim) / 2 - 0.02;
  const loop: Distance = chance(random, 0.6)
    ? turned("x", Math.PI / 2, [side, middle, 0], torus([side, middle, 0], size, thickness))
    : squareLoop(side, middle, size, thickness);
  const parts: Part[] = [
    { distance: cup, slot: 0 },
    { distance: subtract(loop, inside), slot: chance(random, 0.7) ? 0 : 1 },
  ];
  if (chance(random, 0.6)) {
    const level = height * uniform(random, 0.7, 0.9);
    parts.push({ distance: frustum(0, 0, 0.1, level, foot - 0.08, rim - 0.075), slot: 2 });
  }
  return { parts, center: [0.16, height / 2, 0], radius: Math.hypot(height / 2, 0.72) + 0.05 };
}

function squareLoop(x: number, y: number, size: number, thickness: number): Distance {
  const outer = box([x, y, 0], [size + thickness, size + thickness, thickness], 0.06);
  const inner = box([x, y, 0], [size - thickness, size - thickness, 1], 0.03);
  return subtract(outer, inner);
}
