import { chance, uniform } from "../../random/distributions.ts";
import type { Random } from "../../random/random.ts";
import { box, capsule, type Distance, ellipsoid, type Part, type Solid, turned } from "../solid.ts";

/** A toy airplane that flies along +x: fuselage, swept wings, tail, sometimes engines. */
export function airplane(random: Random): Solid {
  const girth = uniform(random, 0.15, 0.22);
  const sweep = uniform(random, 0.05, 0.6);
  const span = uniform(random, 0.75, 0.98);
  const chord = uniform(random, 0.15, 0.22);
  const root = uniform(random, 0.0, 0.2);
  const fuselage = capsule([-0.8, 0.06, 0], [0.72, 0, 0], girth * 0.55, girth);
  const wing = (x: number, half: number, width: number, y: number): Distance => {
    const right = turned("y", sweep, [x, y, 0], box([x, y, half / 2], [width, 0.035, half / 2], 0.03));
    return (px, py, pz) => right(px, py, Math.abs(pz));
  };
  const fin = turned("z", sweep * 0.7, [-0.76, 0.05, 0], box([-0.76, 0.25, 0], [0.13, 0.24, 0.03], 0.025));
  const wings = wing(root, span, chord, -0.03);
  const tail = wing(-0.78, uniform(random, 0.34, 0.42), chord * 0.62, 0.08);
  const cockpit = ellipsoid([0.72, girth * 0.62, 0], [0.17, girth * 0.55, girth * 0.66]);
  const parts: Part[] = [
    { distance: fuselage, slot: 0 },
    { distance: wings, slot: 1 },
    { distance: (x, y, z) => Math.min(tail(x, y, z), fin(x, y, z)), slot: 1 },
    { distance: cockpit, slot: 2 },
  ];
  if (chance(random, 0.5)) {
    const out = span * uniform(random, 0.36, 0.5);
    const back = root - out * Math.tan(sweep);
    const engine = capsule([back - 0.08, -0.12, out], [back + 0.22, -0.12, out], 0.085);
    parts.push({ distance: (x, y, z) => engine(x, y, Math.abs(z)), slot: 2 });
  }
  return { parts, center: [-0.04, 0.1, 0], radius: 1.17 };
}
