import { choice, uniform } from "../../random/distributions.ts";
import type { Random } from "../../random/random.ts";
import { box, capsule, ellipsoid, frustum, type Solid, sphere } from "../solid.ts";

/** The shapes of clutter: plain solids, resting on y = 0, that belong to none of the classes. */
const shapes: readonly ((random: Random) => Solid)[] = [
  (random) => {
    const half = [uniform(random, 0.35, 0.9), uniform(random, 0.25, 0.8), uniform(random, 0.35, 0.9)] as const;
    const [x, y, z] = half;
    return solid(box([0, y, 0], half, uniform(random, 0.02, 0.15)), y, Math.hypot(x, y, z));
  },
  (random) => {
    const radius = uniform(random, 0.4, 0.8);
    return solid(sphere([0, radius, 0], radius), radius, radius);
  },
  (random) => {
    const [radius, height] = [uniform(random, 0.25, 0.6), uniform(random, 0.3, 1.4)];
    const body = frustum(0, 0, 0.03, height - 0.03, radius - 0.03, radius - 0.03, 0.03);
    return solid(body, height / 2, Math.hypot(radius, height / 2));
  },
  (random) => {
    const [radius, height] = [uniform(random, 0.4, 0.7), uniform(random, 0.8, 1.5)];
    const body = frustum(0, 0, 0.02, height, radius, 0.04 + radius * uniform(random, 0, 0.5), 0.02);
    return solid(body, height / 2, Math.hypot(radius + 0.03, height / 2 + 0.03));
  },
  (random) => {
    const [rx, ry, rz] = [uniform(random, 0.4, 0.9), uniform(random, 0.25, 0.6), uniform(random, 0.4, 0.9)];
    return solid(ellipsoid([0, ry, 0], [rx, ry, rz]), ry, Math.max(rx, ry, rz));
  },
  (random) => {
    const [half, radius] = [uniform(random, 0.4, 0.8), uniform(random, 0.14, 0.34)];
    return solid(capsule([-half, radius, 0], [half, radius, 0], radius), radius, half + radius);
  },
  (random) => {
    const half = uniform(random, 0.4, 0.7);
    const body = (x: number, y: number, z: number) =>
      Math.max((Math.abs(x) + Math.abs(y - half) + Math.abs(z) - half) * 0.57735, -y);
    return solid(body, half, half);
  },
  (random) => {
    const count = 2 + Math.floor(random() * 2);
    let height = 0;
    let half = uniform(random, 0.4, 0.6);
    const parts = Array.from({ length: count }, (_, slot) => {
      const thickness = uniform(random, 0.15, 0.3);
      const distance = box([0, height + thickness, 0], [half, thickness, half * 0.9], 0.03);
      height += 2 * thickness;
      half *= uniform(random, 0.65, 0.95);
      return { distance, slot: slot as 0 | 1 | 2 };
    });
    return { parts, center: [0, height / 2, 0], radius: Math.hypot(height / 2, 0.85) };
  },
];

function solid(distance: Solid["parts"][number]["distance"], y: number, radius: number): Solid {
  return { parts: [{ distance, slot: 0 }], center: [0, y, 0], radius: radius + 0.02 };
}

/** A distractor: a box, ball, cylinder, cone, pebble, rod, octahedron or stack of slabs. */
export function clutter(random: Random): Solid {
  return choice(random, shapes)(random);
}
