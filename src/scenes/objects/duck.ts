import { uniform } from "../../random/distributions.ts";
import type { Random } from "../../random/random.ts";
import { blend, capsule, ellipsoid, type Solid, sphere } from "../solid.ts";

/** A bath duck that looks along +x: body with upturned tail, head, beak, wings and eyes. */
export function duck(random: Random): Solid {
  const fat = uniform(random, 0.92, 1.12);
  const headX = uniform(random, 0.3, 0.44);
  const headY = uniform(random, 0.86, 1.0);
  const headRadius = uniform(random, 0.29, 0.36);
  const tail = uniform(random, 0.7, 0.86);
  const body = ellipsoid([0, 0.4, 0], [0.68, 0.4 * fat, 0.47 * fat]);
  const rump = capsule([-0.4, 0.46, 0], [-0.74, tail, 0], 0.24, 0.06);
  const neck = capsule([headX * 0.8, 0.5, 0], [headX, headY, 0], 0.26, 0.24);
  const head = sphere([headX, headY, 0], headRadius);
  const beakX = headX + headRadius * 1.02;
  const upper = ellipsoid([beakX, headY - 0.03, 0], [0.2, 0.055, 0.15]);
  const lower = ellipsoid([beakX - 0.03, headY - 0.1, 0], [0.15, 0.045, 0.11]);
  const wing = ellipsoid([-0.08, 0.48, 0.43 * fat], [0.34, 0.2, 0.1]);
  const tip = capsule([-0.2, 0.5, 0.45 * fat], [-0.46, 0.6, 0.47 * fat], 0.1, 0.04);
  const eye = sphere([headX + headRadius * 0.66, headY + headRadius * 0.32, headRadius * 0.64], 0.06);
  const bulk = blend(0.12, body, rump, neck, head);
  const flank = blend(0.08, wing, tip);
  return {
    parts: [
      { distance: (x, y, z) => Math.min(bulk(x, y, z), flank(x, y, Math.abs(z))), slot: 0 },
      { distance: blend(0.04, upper, lower), slot: 1 },
      { distance: (x, y, z) => eye(x, y, Math.abs(z)), slot: 2 },
    ],
    center: [0.02, 0.62, 0],
    radius: 1.04,
  };
}
