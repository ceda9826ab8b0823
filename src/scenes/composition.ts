/** @file The composition: an object in a pose, clutter around it, a camera that frames it. */
import { chance, integer, uniform } from "../random/distributions.ts";
import type { Random } from "../random/random.ts";
import type { ObjectClass } from "./objects/classes.ts";
import { clutter } from "./objects/clutter.ts";
import type { Room } from "./room.ts";
import { distanceTo, type Solid, type Vec3 } from "./solid.ts";
import { material } from "./textures.ts";
import { type Placed, place, rayDistance, toLocal } from "./trace.ts";

/** A pinhole camera; a point of the picture plane is (u, v), u to the right, v upwards, at distance 1. */
export interface Camera {
  readonly eye: Vec3;
  readonly forward: Vec3;
  readonly right: Vec3;
  readonly up: Vec3;
  /** The part of the picture plane that is the picture: its middle and its side. */
  readonly window: { readonly u: number; readonly v: number; readonly side: number };
}

/** Shares of the picture's area and side: what the object aims to cover, how much of the picture's side its box may take. */
const areaRange = [0.11, 0.42] as const;
const leastArea = 0.1;
const fullestSide = 0.94;
/** The largest share of the object that clutter may hide. */
const mostHidden = 0.15;
/** Rays per side of the coarse picture from which area, box and hidden share are estimated. */
const probeSide = 36;

type Rotation = readonly number[];

function multiply(a: Rotation, b: Rotation): Rotation {
  return Array.from({ length: 9 }, (_, i) => {
    const [row, column] = [3 * Math.floor(i / 3), i % 3];
    return a[row] * b[column] + a[row + 1] * b[column + 3] + a[row + 2] * b[column + 6];
  });
}

/** The rotation by `yaw` around y, then by `nod` around x (the top comes towards the viewer), then by `tilt` around z. */
function rotation(yaw: number, nod: number, tilt: number): Rotation {
  const [cy, sy, cn, sn] = [Math.cos(yaw), Math.sin(yaw), Math.cos(nod), Math.sin(nod)];
  const [ct, st] = [Math.cos(tilt), Math.sin(tilt)];
  const turn = [cy, 0, sy, 0, 1, 0, -sy, 0, cy];
  return multiply([ct, -st, 0, st, ct, 0, 0, 0, 1], multiply([1, 0, 0, 0, cn, -sn, 0, sn, cn], turn));
}

/** Materials for the three slots; the third is for small details such as eyes and knobs, and calmer. */
function drawMaterials(random: Random): Placed["materials"] {
  return [material(random, 0.3), material(random, 0.3), material(random, 0.5)];
}

/** `solid` in the given pose, scaled to the bounding radius `radius`, resting on the floor with its middle above (x, z). */
function placeOnFloor(
  solid: Solid,
  materials: Placed["materials"],
  turn: Rotation,
  radius: number,
  x: number,
  z: number,
): Placed {
  const scale = radius / solid.radius;
  const lifted = place(solid, materials, turn, scale, [0, 0, 0]);
  return place(solid, materials, turn, scale, [x - lifted.center[0], -lowest(lifted), z - lifted.center[2]]);
}

/** The height of the lowest point of a solid, by rays from below, to about a hundredth of its radius. */
function lowest(placed: Placed): number {
  const { center, radius } = placed;
  const side = 22;
  let least = radius;
  for (let i = 0; i < side * side; i++) {
    const x = center[0] + radius * ((2 * (i % side) + 1) / side - 1);
    const z = center[2] + radius * ((2 * Math.floor(i / side) + 1) / side - 1);
    least = Math.min(least, rayDistance(placed, [x, center[1] - radius, z], [0, 1, 0], least));
  }
  return center[1] - radius + least;
}

/** The unit direction of the camera's ray through (u, v). */
export function rayThrough({ forward, right, up }: Omit<Camera, "window">, u: number, v: number): Vec3 {
  const x = forward[0] + u * right[0] + v * up[0];
  const y = forward[1] + u * right[1] + v * up[1];
  const z = forward[2] + u * right[2] + v * up[2];
  const length = Math.sqrt(x * x + y * y + z * z);
  return [x / length, y / length, z / length];
}

function lookAt(random: Random, target: Vec3): Omit<Camera, "window"> {
  const pitch = uniform(random, 0.12, 0.68);
  const roll = uniform(random, -0.12, 0.12);
  const distance = uniform(random, 4.2, 7.5);
  const [cp, sp, cr, sr] = [Math.cos(pitch), Math.sin(pitch), Math.cos(roll), Math.sin(roll)];
  const up: Vec3 = [0, cp, -sp];
  return {
    eye: [target[0], target[1] + distance * sp, target[2] + distance * cp],
    forward: [0, -sp, -cp],
    right: [cr, sr * up[1], sr * up[2]],
    up: [-sr, cr * up[1], cr * up[2]],
  };
}

/** What a coarse picture of the object alone shows: directions and distances of the rays that meet it, area and box in the plane. */
interface Probe {
  readonly hits: readonly { readonly direction: Vec3; readonly distance: number }[];
  readonly area: number;
  readonly box: readonly [u0: number, v0: number, u1: number, v1: number];
}

function probe(view: Omit<Camera, "window">, object: Placed): Probe {
  const away = Math.hypot(...[0, 1, 2].map((i) => object.center[i] - view.eye[i]));
  const half = object.radius / Math.sqrt(away * away - object.radius * object.radius);
  const cell = (2 * half) / probeSide;
  const hits: { direction: Vec3; distance: number }[] = [];
  let [u0, v0, u1, v1] = [Infinity, Infinity, -Infinity, -Infinity];
  for (let i = 0; i < probeSide * probeSide; i++) {
    const u = cell * ((i % probeSide) + 0.5) - half;
    const v = cell * (Math.floor(i / probeSide) + 0.5) - half;
    const direction = rayThrough(view, u, v);
    const distance = rayDistance(object, view.eye, direction, Infinity);
    if (distance === Infinity) continue;
    hits.push({ direction, distance });
    [u0, v0] = [Math.min(u0, u - cell / 2), Math.min(v0, v - cell / 2)];
    [u1, v1] = [Math.max(u1, u + cell / 2), Math.max(v1, v + cell / 2)];
  }
  return { hits, area: hits.length * cell * cell, box: [u0, v0, u1, v1] };
}

/** An object of the class before the camera: posed, framed to cover a random share of the picture, at a random place in it. */
export function compose(random: Random, { build, yaw, tilt, nod }: ObjectClass): Composition {
  const solid = build(random);
  const materials = drawMaterials(random);
  for (;;) {
    const turn = rotation(uniform(random, ...yaw), uniform(random, ...nod), uniform(random, ...tilt));
    const object = placeOnFloor(solid, materials, turn, 1, 0, 0);
    const view = lookAt(random, object.center);
    const seen = probe(view, object);
    const [u0, v0, u1, v1] = seen.box;
    const smallest = Math.max(u1 - u0, v1 - v0) / fullestSide;
    const wanted = areaRange[0] * (areaRange[1] / areaRange[0]) ** random();
    const side = Math.max(smallest, Math.sqrt(seen.area / wanted));
    const [shiftU, shiftV] = [uniform(random, -1, 1), uniform(random, -1, 1)];
    // A pose that shows too little of the object, such as an airplane seen from its nose, is drawn again.
    if (!(seen.area / (side * side) >= leastArea)) continue;
    const [roomU, roomV] = [(side * 0.98 - (u1 - u0)) / 2, (side * 0.98 - (v1 - v0)) / 2];
    const window = { u: (u0 + u1) / 2 + shiftU * roomU, v: (v0 + v1) / 2 + shiftV * roomV, side };
    return { object, camera: { ...view, window }, seen };
  }
}

export interface Composition {
  readonly object: Placed;
  readonly camera: Camera;
  readonly seen: Probe;
}

/** Clutter around the object: apart from it and from each other, in front of the walls, and hiding little of the object. */
export function scatter(random: Random, { object, camera, seen }: Composition, { walls }: Room): Placed[] {
  const placed: Placed[] = [];
  const count = integer(random, 2, 9);
  let visible = seen.hits;
  for (let i = 0; i < count; i++) {
    const solid = clutter(random);
    const materials = drawMaterials(random);
    const turn = rotation(uniform(random, 0, 2 * Math.PI), 0, chance(random, 0.2) ? uniform(random, -1.6, 1.6) : 0);
    const radius = uniform(random, 0.22, 0.85);
    for (let attempt = 0; attempt < 12; attempt++) {
      const angle = uniform(random, 0, 2 * Math.PI);
      const away = radius + uniform(random, 0.75, 3.2);
      const [x, z] = [object.center[0] + away * Math.cos(angle), object.center[2] + away * Math.sin(angle) - 0.5];
      if (placed.some(({ center, radius: other }) => Math.hypot(center[0] - x, center[2] - z) < 0.9 * (radius + other)))
        continue;
      if (walls.some(({ normal, offset }) => normal[0] * x + normal[2] * z < radius - offset)) continue;
      if (Math.hypot(camera.eye[0] - x, camera.eye[2] - z) < radius + 1) continue;
      const candidate = placeOnFloor(solid, materials, turn, radius, x, z);
      if (touches(candidate, object)) continue;
      const left = visible.filter(
        ({ direction, distance }) => rayDistance(candidate, camera.eye, direction, distance) === Infinity,
      );
      if (left.length < (1 - mostHidden) * seen.hits.length) continue;
      visible = left;
      placed.push(candidate);
      break;
    }
  }
  return placed;
}

/** Whether two solids may overlap: the second comes near the middle of the first, or their bounding spheres are deep in each other. */
function touches(first: Placed, second: Placed): boolean {
  const [x, y, z] = first.center;
  const apart = Math.hypot(x - second.center[0], y - second.center[1], z - second.center[2]);
  if (apart > first.radius + second.radius) return false;
  const local = toLocal(second, x, y, z);
  return distanceTo(second.solid.parts, local[0], local[1], local[2]) * second.scale < 0.8 * first.radius;
}
