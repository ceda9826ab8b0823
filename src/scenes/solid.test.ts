import fc from "fast-check";
import { expect, test } from "vitest";
import { uniform } from "../random/distributions.ts";
import { createRandom } from "../random/random.ts";
import { objectClasses } from "./objects/classes.ts";
import { clutter } from "./objects/clutter.ts";
import {
  below,
  blend,
  box,
  capsule,
  type Distance,
  distanceTo,
  ellipsoid,
  frustum,
  intersect,
  sphere,
  subtract,
  torus,
  turned,
  type Vec3,
} from "./solid.ts";

const builders = [
  ...Object.entries(objectClasses).map(([name, { build }]) => [name, build] as const),
  ["clutter", clutter] as const,
];

const coordinate = fc.double({ min: -2, max: 2, noNaN: true });
const point = fc.tuple(coordinate, coordinate, coordinate);

function agree(first: Distance, second: Distance): void {
  fc.assert(
    fc.property(point, (p) => {
      expect(first(...p)).toBeCloseTo(second(...p), 10);
    }),
  );
}

test("primitives have the distances of elementary geometry", () => {
  expect(sphere([1, 0, 0], 0.5)(1, 2, 0)).toBeCloseTo(1.5, 12);
  expect(box([0, 0, 0], [1, 2, 3])(2, 3, 3)).toBeCloseTo(Math.SQRT2, 12);
  expect(box([0, 0, 0], [1, 2, 3])(0, 1.75, 0)).toBeCloseTo(-0.25, 12);
  expect(box([0, 0, 0], [1, 1, 1], 0.2)(2, 2, 0)).toBeCloseTo(1.2 * Math.SQRT2 - 0.2, 12);
  expect(torus([0, 1, 0], 2, 0.5)(0, 1, 0)).toBeCloseTo(1.5, 12);
  expect(torus([0, 0, 0], 2, 0.5)(2, 1, 0)).toBeCloseTo(0.5, 12);
  expect(capsule([0, 0, 0], [0, 1, 0], 0.25)(1, 0.3, 0)).toBeCloseTo(0.75, 12);
  expect(capsule([0, 0, 0], [0, 1, 0], 0.4, 0.2)(1, 0.5, 0)).toBeCloseTo(0.7, 12);
  expect(frustum(0, 0, 0, 2, 1, 1)(2, 3, 0)).toBeCloseTo(Math.SQRT2, 12);
  expect(frustum(0, 0, 0, 2, 1, 1)(0.25, 1, 0)).toBeCloseTo(-0.75, 12);
  // A cone of height and radius 1: the distance to its side from the origin's level is that to the line x + y = 1.
  expect(frustum(0, 0, 0, 1, 1, 0)(1, 1, 0)).toBeCloseTo(Math.SQRT1_2, 12);
  expect(below(0.5)(3, 2, 1)).toBeCloseTo(1.5, 12);
});

test("ellipsoids and capsules that are spheres are spheres", () => {
  agree(ellipsoid([0.1, 0.2, 0.3], [0.7, 0.7, 0.7]), sphere([0.1, 0.2, 0.3], 0.7));
  agree(capsule([0.1, 0.2, 0.3], [0.1, 0.2 + 1e-12, 0.3], 0.7), sphere([0.1, 0.2, 0.3], 0.7));
});

test("turning is a rotation: its axis is fixed, quarter turns go counter-clockwise, and it undoes its inverse", () => {
  const ball = sphere([1, 2, 3], 0.5);
  agree(turned("x", Math.PI / 2, [0, 0, 0], ball), sphere([1, -3, 2], 0.5));
  agree(turned("y", Math.PI / 2, [0, 0, 0], ball), sphere([3, 2, -1], 0.5));
  agree(turned("z", Math.PI / 2, [0, 0, 0], ball), sphere([-2, 1, 3], 0.5));
  for (const axis of ["x", "y", "z"] as const) {
    const pivot: Vec3 = [0.3, -0.2, 0.5];
    agree(turned(axis, -0.7, pivot, turned(axis, 0.7, pivot, ball)), ball);
    agree(turned(axis, 1.1, [1, 2, 3], ball), ball);
  }
});

test("set operations: union without fillet, intersection and difference have the right insides", () => {
  const [a, b] = [sphere([0, 0, 0], 1), box([0.8, 0, 0], [0.7, 0.5, 0.5])];
  fc.assert(
    fc.property(point, (p) => {
      const [inA, inB] = [a(...p) < 0, b(...p) < 0];
      expect(intersect(a, b)(...p) < 0).toBe(inA && inB);
      expect(subtract(a, b)(...p) < 0).toBe(inA && -b(...p) < 0);
      const blended = blend(0.1, a, b)(...p);
      const union = Math.min(a(...p), b(...p));
      expect(blended <= union && blended >= union - 0.025).toBe(true);
      if (Math.abs(a(...p) - b(...p)) >= 0.1) expect(blended).toBe(union);
    }),
  );
});

test.each(builders)("%s lies inside its bounding sphere", (_name, build) => {
  for (let variant = 0; variant < 60; variant++) {
    const random = createRandom(5, variant);
    const solid = build(random);
    const [cx, cy, cz] = solid.center;
    let least = Infinity;
    for (let i = 0; i < 400; i++) {
      const [x, y, z] = onSphere(i, 400);
      const outside = distanceTo(solid.parts, cx + solid.radius * x, cy + solid.radius * y, cz + solid.radius * z);
      least = Math.min(least, outside);
    }
    expect(least).toBeGreaterThan(0);
  }
});

test.each(builders)("%s has distances that the tracer's step length allows for", (_name, build) => {
  for (let variant = 0; variant < 40; variant++) {
    const random = createRandom(6, variant);
    const solid = build(random);
    const [cx, cy, cz] = solid.center;
    const r = solid.radius;
    let least = Infinity;
    for (let i = 0; i < 300; i++) {
      const [x, y, z] = [cx, cy, cz].map((c) => c + uniform(random, -r, r));
      const distance = distanceTo(solid.parts, x, y, z);
      if (distance < 0.02) continue;
      // No point of the surface is nearer than 0.82 of the estimate: nothing inside a ball of that radius.
      const [dx, dy, dz] = onSphere(i * 37, 11_100);
      const step = 0.82 * distance;
      least = Math.min(least, distanceTo(solid.parts, x + step * dx, y + step * dy, z + step * dz));
    }
    expect(least).toBeGreaterThan(-0.004);
  }
});

/** The `i`-th of `count` points spread evenly over the unit sphere (a Fibonacci lattice). */
function onSphere(i: number, count: number): Vec3 {
  const y = 1 - (2 * i + 1) / count;
  const ring = Math.sqrt(1 - y * y);
  const angle = 2.399963229728653 * i;
  return [ring * Math.cos(angle), y, ring * Math.sin(angle)];
}
