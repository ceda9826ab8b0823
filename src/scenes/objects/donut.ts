import { integer, uniform } from "../../random/distributions.ts";
import type { Random } from "../../random/random.ts";
import { capsule, type Distance, type Part, type Solid, torus } from "../solid.ts";

/** A donut with icing that runs down in waves, and sprinkles. */
export function donut(random: Random): Solid {
  const minor = uniform(random, 0.27, 0.36);
  const major = 1 - minor;
  const waves = integer(random, 5, 10);
  const depth = uniform(random, 0.03, 0.09);
  const phase = uniform(random, 0, 6.28);
  const edge = uniform(random, -0.04, 0.06);
  const dough = torus([0, 0, 0], major, minor);
  const coat = torus([0, 0.012, 0], major, minor + 0.02);
  const icing: Distance = (x, y, z) => {
    const distance = coat(x, y, z);
    if (distance > 0.15) return distance;
    const rim = edge + depth * Math.sin(waves * Math.atan2(z, x) + phase);
    return Math.max(distance, 0.8 * (rim - y));
  };
  const count = integer(random, 0, 15);
  const sprinkles = Array.from({ length: count }, (_, i) => {
    const angle = ((i + uniform(random, -0.3, 0.3)) / count) * 2 * Math.PI;
    const ring = major + uniform(random, -0.6, 0.6) * minor;
    const height = Math.sqrt((minor + 0.03) ** 2 - (ring - major) ** 2) + 0.012;
    const heading = uniform(random, 0, Math.PI);
    const [x, z] = [ring * Math.cos(angle), ring * Math.sin(angle)];
    const [dx, dz] = [0.05 * Math.cos(heading), 0.05 * Math.sin(heading)];
    return capsule([x - dx, height, z - dz], [x + dx, height, z + dz], 0.026);
  });
  const parts: Part[] = [
    { distance: dough, slot: 0 },
    { distance: icing, slot: 1 },
  ];
  if (count > 0) {
    parts.push({
      distance: (x, y, z) => {
        const near = coat(x, y, z);
        if (near > 0.2) return near - 0.06;
        let least = Infinity;
        for (const sprinkle of sprinkles) least = Math.min(least, sprinkle(x, y, z));
        return least;
      },
      slot: 2,
    });
  }
  return { parts, center: [0, 0, 0], radius: 1.07 };
}
