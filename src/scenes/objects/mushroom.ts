import { chance, integer, uniform } from "../../random/distributions.ts";
import type { Random } from "../../random/random.ts";
import { below, blend, capsule, type Distance, ellipsoid, type Part, type Solid, sphere, subtract } from "../solid.ts";

/** A mushroom: a stem, swollen at its foot, a domed or flat cap hollowed from below, often with warts; sometimes a small one beside. */
export function mushroom(random: Random): Solid {
  const parts: Part[] = [];
  grow(random, parts, 0, 0, 1);
  if (chance(random, 0.35)) grow(random, parts, uniform(random, 0.5, 0.62), uniform(random, -0.2, 0.3), 0.5);
  return { parts, center: [0.12, 0.68, 0], radius: 1.16 };
}

function grow(random: Random, parts: Part[], x: number, z: number, scale: number): void {
  const neck = uniform(random, 0.68, 0.88) * scale;
  const girth = uniform(random, 0.15, 0.24) * scale;
  const spread = uniform(random, 0.6, 0.8) * scale;
  const dome = uniform(random, 0.34, 0.56) * scale;
  const bend = uniform(random, -0.08, 0.08) * scale;
  const stem = blend(
    0.1 * scale,
    capsule([x, girth, z], [x + bend, neck, z], girth * 1.1, girth * 0.8),
    ellipsoid([x, girth * 0.8, z], [girth * 1.5, girth * 0.8, girth * 1.5]),
  );
  const shell = ellipsoid([x + bend, neck, z], [spread, dome, spread]);
  const hollow = ellipsoid([x + bend, neck - dome * 0.42, z], [spread * 0.98, dome * 0.55, spread * 0.98]);
  const base = below(neck - dome * 0.3);
  const cap: Distance = subtract(subtract(shell, base), hollow);
  parts.push({ distance: stem, slot: 1 }, { distance: cap, slot: 0 });
  const warts = chance(random, 0.65) ? integer(random, 5, 11) : 0;
  const bumps = Array.from({ length: warts }, (_, i) => {
    const angle = i * 2.399963 + uniform(random, -0.2, 0.2);
    const out = Math.sqrt((i + 0.4) / warts) * 0.9;
    const up = Math.sqrt(1 - out * out);
    const center = [
      x + bend + spread * out * Math.cos(angle),
      neck + dome * up,
      z + spread * out * Math.sin(angle),
    ] as const;
    return sphere(center, uniform(random, 0.06, 0.1) * scale);
  });
  if (warts === 0) return;
  parts.push({
    distance: (px, py, pz) => {
      const near = 0.85 * shell(px, py, pz) - 0.1 * scale;
      if (near > 0.1) return near;
      let least = Infinity;
      for (const bump of bumps) least = Math.min(least, bump(px, py, pz));
      return least;
    },
    slot: 2,
  });
}
