import fc from "fast-check";
import { expect, test } from "vitest";
import { box, nearestPart, sphere, type Vec3 } from "./solid.ts";
import type { Material } from "./textures.ts";
import { coneDistance, lightSeen, normalAt, openness, place, rayDistance, toLocal } from "./trace.ts";

const material: Material = { texture: () => [0.5, 0.5, 0.5], gloss: 0, sharpness: 1 };
const materials = [material, material, material] as const;
const upright = [1, 0, 0, 0, 1, 0, 0, 0, 1];
/** A quarter turn around z: the local x axis points along the world's y. */
const quarter = [0, -1, 0, 1, 0, 0, 0, 0, 1];

const ball = place(
  { parts: [{ distance: sphere([0, 0, 0], 1), slot: 0 }], center: [0, 0, 0], radius: 1.1 },
  materials,
  upright,
  0.5,
  [1, 2, 3],
);
const slab = place(
  {
    parts: [
      { distance: box([0, 0, 0], [1, 0.25, 0.5]), slot: 0 },
      { distance: sphere([1.2, 0, 0], 0.3), slot: 2 },
    ],
    center: [0, 0, 0],
    radius: 1.6,
  },
  materials,
  quarter,
  2,
  [0, 1, 0],
);

function unit([x, y, z]: Vec3): Vec3 {
  const length = Math.hypot(x, y, z);
  return [x / length, y / length, z / length];
}

test("rays meet a ball where geometry says, or miss it", () => {
  const coordinate = fc.double({ min: -1, max: 1, noNaN: true });
  fc.assert(
    fc.property(coordinate, coordinate, (aimX, aimY) => {
      const eye: Vec3 = [1.3, 1.8, 8];
      const direction = unit([1 + aimX - eye[0], 2 + aimY - eye[1], 3 - eye[2]]);
      const [x, y, z] = [eye[0] - 1, eye[1] - 2, eye[2] - 3];
      const b = x * direction[0] + y * direction[1] + z * direction[2];
      const discriminant = b * b - (x * x + y * y + z * z - 0.25);
      // Grazing rays may stop a little outside the surface.
      if (Math.abs(discriminant) < 0.02) return;
      const exact = discriminant < 0 ? Infinity : -b - Math.sqrt(discriminant);
      const found = rayDistance(ball, eye, direction, Infinity);
      if (exact === Infinity) expect(found).toBe(Infinity);
      else expect(Math.abs(found - exact)).toBeLessThan(0.012);
      expect(rayDistance(ball, eye, direction, exact - 0.1)).toBe(Infinity);
    }),
  );
});

test("a cone ends before any of its rays meets the solid", () => {
  const coordinate = fc.double({ min: -1.2, max: 1.2, noNaN: true });
  const eye: Vec3 = [0.5, 3, 9];
  const spread = 0.05;
  fc.assert(
    fc.property(coordinate, coordinate, fc.double({ min: 0, max: 6.28, noNaN: true }), (aimX, aimY, angle) => {
      const axis = unit([aimX - eye[0], 1 + aimY - eye[1], -eye[2]]);
      const side = spread * 0.95;
      const inside = unit([axis[0] + side * Math.cos(angle), axis[1] + side * Math.sin(angle), axis[2]]);
      const start = coneDistance(slab, slab.solid.parts, eye, axis, spread);
      const met = rayDistance(slab, eye, inside, Infinity);
      if (start === Infinity) expect(met).toBe(Infinity);
      else expect(met).toBeGreaterThan(start - 0.02);
      if (met < Infinity) expect(Math.abs(rayDistance(slab, eye, inside, Infinity, start) - met)).toBeLessThan(0.02);
    }),
  );
});

test("poses turn, scale and move: a point, its normal and its slot", () => {
  // Local (1, 0, 0) is turned to (0, 1, 0), doubled, and moved up by 1.
  const local = toLocal(slab, 0, 3, 0);
  for (const [i, value] of [1, 0, 0].entries()) expect(local[i]).toBeCloseTo(value, 12);
  // The slab's broad face, local +y, looks along the world's −x.
  const normal = normalAt(slab, slab.solid.parts[0], [0.2, 0.25, 0.1]);
  for (const [i, value] of [-1, 0, 0].entries()) expect(normal[i]).toBeCloseTo(value, 6);
  expect(nearestPart(slab.solid.parts, [0.5, 0.25, 0]).slot).toBe(0);
  expect(nearestPart(slab.solid.parts, [1.5, 0, 0]).slot).toBe(2);
});

test("light is blocked behind a solid, free beside it, and partial at the rim", () => {
  const towards: Vec3 = [0, 0, 1];
  expect(lightSeen([ball], [1, 2, 0], towards, 0.1)).toBe(0);
  expect(lightSeen([ball], [1, 4, 0], towards, 0.1)).toBe(1);
  expect(lightSeen([ball], [1, 2, 6], towards, 0.1)).toBe(1);
  const rim = lightSeen([ball], [1, 2.6, 0], towards, 0.1);
  expect(rim).toBeGreaterThan(0.05);
  expect(rim).toBeLessThan(0.95);
  expect(lightSeen([], [0, 0, 0], towards, 0.1)).toBe(1);
});

test("openness is 1 in the open and falls where a solid touches the floor", () => {
  const resting = place(ball.solid, materials, upright, 0.5, [0, 0.5, 0]);
  expect(openness([], [0, 0, 0], [0, 1, 0], true)).toBe(1);
  expect(openness([resting], [3, 0, 0], [0, 1, 0], true)).toBe(1);
  const near = openness([resting], [0.2, 0, 0], [0, 1, 0], true);
  const farther = openness([resting], [0.5, 0, 0], [0, 1, 0], true);
  expect(near).toBeLessThan(farther);
  expect(farther).toBeLessThan(1);
  expect(near).toBeGreaterThanOrEqual(0.1);
});
