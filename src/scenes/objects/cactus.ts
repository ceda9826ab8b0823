import { chance, integer, uniform } from "../../random/distributions.ts";
import type { Random } from "../../random/random.ts";
import { capsule, type Distance, ellipsoid, frustum, type Part, type Solid, tube } from "../solid.ts";

/** A cactus with one to three bent arms, in a pot or on the ground, ribbed, sometimes in flower. */
export function cactus(random: Random): Solid {
  const potted = chance(random, 0.6);
  const ground = potted ? 0.42 : 0;
  const top = ground + uniform(random, 1.05, 1.35);
  const girth = uniform(random, 0.17, 0.23);
  const ribs = integer(random, 8, 13);
  const trunk = capsule([0, potted ? ground : girth, 0], [0, top, 0], girth, girth * 0.92);
  const ribbed: Distance = (x, y, z) => {
    const distance = trunk(x, y, z);
    return distance > 0.1 ? distance - 0.014 : distance + 0.014 * Math.cos(ribs * Math.atan2(z, x));
  };
  const parts: Part[] = [{ distance: ribbed, slot: 0 }];
  const arms = integer(random, 1, 4);
  const height = top + girth + 0.08;
  let radius = Math.hypot(height / 2, 0.3);
  let angle = uniform(random, -0.4, 0.4);
  for (let i = 0; i < arms; i++) {
    const from = ground + (top - ground) * uniform(random, 0.28, 0.55);
    const reach = girth + uniform(random, 0.22, 0.3);
    const rise = uniform(random, 0.3, 0.5);
    const [c, s] = [Math.cos(angle), Math.sin(angle)];
    const elbow = [reach * c, from + 0.05, reach * s] as const;
    const arm = tube(
      [[0, from, 0], elbow, [reach * 1.04 * c, from + rise, reach * 1.04 * s]],
      girth * 0.66,
      girth * 0.58,
    );
    parts.push({ distance: arm, slot: 0 });
    const [low, high] = [from + 0.05 - height / 2, from + rise - height / 2];
    radius = Math.max(radius, Math.hypot(reach, low) + girth * 0.66, Math.hypot(reach * 1.04, high) + girth * 0.66);
    angle += i === 0 ? Math.PI + uniform(random, -0.5, 0.5) : Math.PI / 2;
  }
  if (potted) {
    parts.push({ distance: frustum(0, 0, 0.02, 0.36, 0.26, 0.36, 0.02), slot: 1 });
    parts.push({ distance: frustum(0, 0, 0.35, 0.43, 0.4, 0.4, 0.02), slot: 1 });
  }
  if (chance(random, 0.4)) {
    parts.push({ distance: ellipsoid([0, top + girth * 0.95, 0], [0.13, 0.08, 0.13]), slot: 2 });
  }
  return { parts, center: [0, height / 2, 0], radius: radius + 0.02 };
}
