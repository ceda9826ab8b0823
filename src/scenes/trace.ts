/**
 * @file Sphere tracing (J. C. Hart, The Visual Computer 12, 1996): where rays meet solids, soft shadows and ambient occlusion.
 *
 * Each solid is traced only inside its bounding sphere, which is what makes a picture of a dozen solids cheap.
 */
import { distanceTo, type Part, type Solid, type Vec3 } from "./solid.ts";
import type { Material } from "./textures.ts";

/** A solid in the world: local point p lies at `rotation` · p · `scale` + `position`; `rotation` is row-major, world from local. */
export interface Placed {
  readonly solid: Solid;
  readonly materials: readonly [Material, Material, Material];
  readonly rotation: readonly number[];
  readonly scale: number;
  readonly position: Vec3;
  /** The bounding sphere in the world. */
  readonly center: Vec3;
  readonly radius: number;
}

/** Surface distance, in local units, at which a ray counts as having arrived. */
const arrived = 0.003;
/** Share of the estimated distance that is walked at once: estimates may be too large by up to about a fifth. */
const stride = 0.82;
const maxSteps = 64;

/** `placed` for a solid with the given pose; its bounding sphere follows. */
export function place(
  solid: Solid,
  materials: Placed["materials"],
  rotation: readonly number[],
  scale: number,
  position: Vec3,
): Placed {
  const [x, y, z] = solid.center;
  const at = (i: number): number =>
    position[i] + scale * (rotation[3 * i] * x + rotation[3 * i + 1] * y + rotation[3 * i + 2] * z);
  const center: Vec3 = [at(0), at(1), at(2)];
  return { solid, materials, rotation, scale, position, center, radius: solid.radius * scale };
}

/** The world point `p` in the frame of `placed`. */
export function toLocal({ rotation: r, scale, position }: Placed, px: number, py: number, pz: number): Vec3 {
  const x = (px - position[0]) / scale;
  const y = (py - position[1]) / scale;
  const z = (pz - position[2]) / scale;
  return [r[0] * x + r[3] * y + r[6] * z, r[1] * x + r[4] * y + r[7] * z, r[2] * x + r[5] * y + r[8] * z];
}

/**
 * The distance along the ray at which it meets the solid, or Infinity if it does not within `far`; the direction has length 1.
 * `near` is a distance before which it is known to meet nothing, `parts` are the parts that it can meet.
 */
export function rayDistance(
  placed: Placed,
  origin: Vec3,
  direction: Vec3,
  far: number,
  near = 0,
  parts: readonly Part[] = placed.solid.parts,
): number {
  return march(placed, parts, origin, direction, far, near, 0);
}

/**
 * The distance along the axis of a cone up to which no ray inside it meets the parts, or Infinity if none does at all: rays may
 * start there. `spread` is the cone's radius at distance 1.
 */
export function coneDistance(
  placed: Placed,
  parts: readonly Part[],
  origin: Vec3,
  direction: Vec3,
  spread: number,
): number {
  return march(placed, parts, origin, direction, Infinity, 0, spread);
}

function march(
  p: Placed,
  parts: readonly Part[],
  origin: Vec3,
  direction: Vec3,
  far: number,
  near: number,
  spread: number,
): number {
  const { rotation: r, scale, center, position } = p;
  const cx = origin[0] - center[0];
  const cy = origin[1] - center[1];
  const cz = origin[2] - center[2];
  const dx = direction[0];
  const dy = direction[1];
  const dz = direction[2];
  const b = cx * dx + cy * dy + cz * dz;
  const reach = p.radius - spread * b;
  const discriminant = b * b - (cx * cx + cy * cy + cz * cz - reach * reach);
  if (discriminant < 0) return Infinity;
  const half = Math.sqrt(discriminant);
  const end = Math.min(far, -b + half) / scale;
  let t = Math.max(-b - half, near) / scale;
  if (t >= end) return Infinity;
  const px = (origin[0] - position[0]) / scale;
  const py = (origin[1] - position[1]) / scale;
  const pz = (origin[2] - position[2]) / scale;
  const ox = r[0] * px + r[3] * py + r[6] * pz;
  const oy = r[1] * px + r[4] * py + r[7] * pz;
  const oz = r[2] * px + r[5] * py + r[8] * pz;
  const lx = r[0] * dx + r[3] * dy + r[6] * dz;
  const ly = r[1] * dx + r[4] * dy + r[7] * dz;
  const lz = r[2] * dx + r[5] * dy + r[8] * dz;
  for (let step = 0; step < maxSteps; step++) {
    const distance = distanceTo(parts, ox + t * lx, oy + t * ly, oz + t * lz) * stride - spread * t;
    if (distance < arrived) return t * scale;
    t += distance;
    if (t > end) return Infinity;
  }
  return spread > 0 ? t * scale : Infinity;
}

/**
 * The share of a light's disc that is seen from `origin` along `direction`, in [0, 1] (the estimate of I. Quilez: the narrowest
 * passage beside the solids, relative to the distance); `softness` is the light's apparent radius.
 */
export function lightSeen(solids: readonly Placed[], origin: Vec3, direction: Vec3, softness: number): number {
  let seen = 1;
  for (const placed of solids) {
    seen = Math.min(seen, lightPast(placed, origin, direction, softness, seen));
    if (seen <= 0) return 0;
  }
  return seen * seen * (3 - 2 * seen);
}

function lightPast(placed: Placed, origin: Vec3, direction: Vec3, softness: number, best: number): number {
  const { rotation: r, scale, center, solid, position } = placed;
  const cx = origin[0] - center[0];
  const cy = origin[1] - center[1];
  const cz = origin[2] - center[2];
  const dx = direction[0];
  const dy = direction[1];
  const dz = direction[2];
  const b = cx * dx + cy * dy + cz * dz;
  const square = cx * cx + cy * cy + cz * cz;
  const reach = placed.radius + softness * Math.max(0, -b);
  const discriminant = b * b - (square - reach * reach);
  if (discriminant < 0) return 1;
  const half = Math.sqrt(discriminant);
  const end = (-b + half) / scale;
  let t = Math.max((-b - half) / scale, 0.004);
  const px = (origin[0] - position[0]) / scale;
  const py = (origin[1] - position[1]) / scale;
  const pz = (origin[2] - position[2]) / scale;
  const ox = r[0] * px + r[3] * py + r[6] * pz;
  const oy = r[1] * px + r[4] * py + r[7] * pz;
  const oz = r[2] * px + r[5] * py + r[8] * pz;
  const lx = r[0] * dx + r[3] * dy + r[6] * dz;
  const ly = r[1] * dx + r[4] * dy + r[7] * dz;
  const lz = r[2] * dx + r[5] * dy + r[8] * dz;
  let seen = best;
  for (let step = 0; step < 28 && t < end; step++) {
    const distance = distanceTo(solid.parts, ox + t * lx, oy + t * ly, oz + t * lz);
    seen = Math.min(seen, distance / (softness * t));
    if (distance < arrived) return 0;
    t += Math.max(distance * stride, 0.02);
  }
  return Math.max(0, seen);
}

/** The outward unit normal of a part at a local point of its surface, by differences over a tetrahedron; in world directions. */
export function normalAt({ rotation: r }: Placed, { distance }: Part, [x, y, z]: Vec3): Vec3 {
  const h = 0.002;
  const a = distance(x + h, y - h, z - h);
  const b = distance(x - h, y - h, z + h);
  const c = distance(x - h, y + h, z - h);
  const d = distance(x + h, y + h, z + h);
  const nx = a - b - c + d;
  const ny = -a - b + c + d;
  const nz = -a + b - c + d;
  const length = Math.sqrt(nx * nx + ny * ny + nz * nz) || 1;
  return [
    (r[0] * nx + r[1] * ny + r[2] * nz) / length,
    (r[3] * nx + r[4] * ny + r[5] * nz) / length,
    (r[6] * nx + r[7] * ny + r[8] * nz) / length,
  ];
}

/** How open the surroundings of a surface point are, in [0, 1]: solids and the floor close by darken corners. */
export function openness(solids: readonly Placed[], point: Vec3, normal: Vec3, onFloor: boolean): number {
  let closed = 0;
  let weight = 0.62;
  for (let height = 0.07; height < 0.5; height *= 2.3) {
    const x = point[0] + normal[0] * height;
    const y = point[1] + normal[1] * height;
    const z = point[2] + normal[2] * height;
    let clearance = onFloor ? height : Math.min(height, Math.max(0, y));
    for (const placed of solids) {
      const { center, radius } = placed;
      const away = Math.sqrt((x - center[0]) ** 2 + (y - center[1]) ** 2 + (z - center[2]) ** 2) - radius;
      if (away >= clearance) continue;
      const [lx, ly, lz] = toLocal(placed, x, y, z);
      clearance = Math.min(clearance, Math.max(0, distanceTo(placed.solid.parts, lx, ly, lz) * placed.scale));
    }
    closed += (weight * (height - clearance)) / height;
    weight *= 0.6;
  }
  return Math.max(0.1, 1 - closed * 0.8);
}
