import { chance, uniform } from "../../random/distributions.ts";
import type { Random } from "../../random/random.ts";
import { blend, box, capsule, type Distance, frustum, type Part, type Solid, turned } from "../solid.ts";

/** A hammer with its handle along y and its head across at the top: claw, wedge or mallet. */
export function hammer(random: Random): Solid {
  const length = uniform(random, 1.25, 1.6);
  const grip = uniform(random, 0.085, 0.12);
  const bore = uniform(random, 0.15, 0.2);
  const reach = uniform(random, 0.42, 0.54);
  const handle = capsule([0, grip, 0], [0, length, 0], grip * 1.15, grip * 0.85);
  const sleeve = capsule([0, grip * 1.2, 0], [0, length * 0.38, 0], grip * 1.35, grip * 1.3);
  const across = (inner: number, outer: number, r0: number, r1: number): Distance =>
    turned("z", -Math.PI / 2, [0, length, 0], frustum(0, 0, length + inner, length + outer, r0, r1, 0.02));
  const parts: Part[] = [
    { distance: handle, slot: 0 },
    { distance: sleeve, slot: 2 },
  ];
  const style = random();
  if (style < 0.3) {
    parts.push({ distance: across(-reach, reach, bore * 1.35, bore * 1.35), slot: 1 });
  } else {
    const block = box([0, length, 0], [bore * 1.1, bore * 0.85, bore * 0.85], 0.04);
    const face = across(reach * 0.62, reach, bore * 1.05, bore * 1.05);
    const neck = across(0, reach * 0.7, bore * 0.75, bore * 0.65);
    const claw = (z: number): Distance => {
      const near = capsule(
        [-0.05, length + 0.02, 0],
        [-reach * 0.65, length - 0.02, z * 0.7],
        bore * 0.62,
        bore * 0.42,
      );
      const far = capsule([-reach * 0.65, length - 0.02, z * 0.7], [-reach * 1.12, length - 0.2, z], bore * 0.42, 0.03);
      return blend(0.05, near, far);
    };
    const wedge: Distance = chance(random, 0.7) ? blend(0.05, claw(0.1), claw(-0.1)) : claw(0);
    const head = blend(0.06, block, neck, wedge);
    parts.push({ distance: (x, y, z) => Math.min(head(x, y, z), face(x, y, z)), slot: 1 });
  }
  return {
    parts,
    center: [0, (length + bore) / 2, 0],
    radius: Math.hypot((length + bore) / 2 + 0.1, reach * 0.95) + 0.1,
  };
}
