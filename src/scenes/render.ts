/** @file From a composed scene to pixels: shading, adaptive antialiasing, exposure, and the faults of a camera. */
import { normal } from "../random/distributions.ts";
import type { Random } from "../random/random.ts";
import { type Camera, rayThrough } from "./composition.ts";
import { luminance, mix } from "./palette.ts";
import { floorColor, type Room, wallColor } from "./room.ts";
import { nearestPart, type Part, type Vec3 } from "./solid.ts";
import type { Material } from "./textures.ts";
import { coneDistance, lightSeen, normalAt, openness, type Placed, rayDistance, toLocal } from "./trace.ts";

/** All that is in the picture; `solids[0]` is the object. */
export interface Scene {
  readonly solids: readonly Placed[];
  readonly room: Room;
  readonly camera: Camera;
}

/** What a ray met: an index into `solids`, or one of these. */
const floorId = -1;
const skyId = -2;
const wallId = -3;

/** Where a ray from the camera ends. */
interface Hit {
  readonly id: number;
  readonly distance: number;
}

/** A solid that rays of a block of pixels can meet: which of its parts, and how far away at least. */
interface Candidate {
  readonly placed: Placed;
  readonly index: number;
  readonly near: number;
  readonly parts: readonly Part[];
}

/** What the light does at a point: the color that comes back is `diffuse` · albedo + `added`, channel by channel. */
interface Lighting {
  readonly diffuse: Vec3;
  readonly added: Vec3;
}

const unlit: Lighting = { diffuse: [1, 1, 1], added: [0, 0, 0] };

function dot(a: Vec3, b: Vec3): number {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

/** What a ray meets first; `candidates` says which solids it can meet at all. */
function intersect({ room, camera }: Scene, candidates: readonly Candidate[], direction: Vec3): Hit {
  const { eye } = camera;
  let id = skyId;
  let distance = Infinity;
  if (direction[1] < 0) {
    id = floorId;
    distance = -eye[1] / direction[1];
  }
  for (let i = 0; i < room.walls.length; i++) {
    const wall = room.walls[i];
    const t = (-wall.offset - dot(wall.normal, eye)) / dot(wall.normal, direction);
    if (t > 0 && t < distance) {
      id = wallId - i;
      distance = t;
    }
  }
  for (let i = 0; i < candidates.length; i++) {
    const { placed, index, near, parts } = candidates[i];
    const t = rayDistance(placed, eye, direction, distance, near, parts);
    if (t < distance) {
      id = index;
      distance = t;
    }
  }
  return { id, distance };
}

/** The solids that a bundle of rays can meet. */
function candidatesIn({ solids, camera }: Scene, direction: Vec3, spread: number): Candidate[] {
  return solids.flatMap((placed, index) => {
    const distances = placed.solid.parts.map((part) => coneDistance(placed, [part], camera.eye, direction, spread));
    const near = Math.min(...distances);
    const parts = placed.solid.parts.filter((_, i) => distances[i] < Infinity);
    return parts.length === 0 ? [] : [{ placed, index, near, parts }];
  });
}

function pointAt({ camera: { eye } }: Scene, direction: Vec3, distance: number): Vec3 {
  return [eye[0] + distance * direction[0], eye[1] + distance * direction[1], eye[2] + distance * direction[2]];
}

/** The color of the surface itself where a ray ends, or of the sky. */
function albedoAt(scene: Scene, { id, distance }: Hit, direction: Vec3): Vec3 {
  const { solids, room } = scene;
  if (id === skyId) return room.sky(direction);
  const point = pointAt(scene, direction, distance);
  if (id === floorId) return floorColor(room, point);
  if (id <= wallId) return wallColor(room.walls[wallId - id], point);
  const local = toLocal(solids[id], point[0], point[1], point[2]);
  const { slot } = nearestPart(solids[id].solid.parts, local);
  return solids[id].materials[slot].texture(local[0], local[1], local[2]);
}

/** The lighting where a ray ends. Where there are no walls, distance dissolves into the haze of the horizon. */
function lightingAt(scene: Scene, { id, distance }: Hit, direction: Vec3): Lighting {
  if (id === skyId) return unlit;
  const { room } = scene;
  const lighting = shade(scene, pointAt(scene, direction, distance), direction, id);
  if (room.walls.length > 0) return lighting;
  const clear = Math.exp(-0.025 * distance);
  const { diffuse, added } = lighting;
  return { diffuse: [clear * diffuse[0], clear * diffuse[1], clear * diffuse[2]], added: mix(room.haze, added, clear) };
}

function surfaceAt({ solids, room }: Scene, id: number, point: Vec3): { normal: Vec3; material: Material } {
  if (id === floorId) return { normal: [0, 1, 0], material: room.floor };
  if (id <= wallId) return { normal: room.walls[wallId - id].normal, material: room.walls[wallId - id].material };
  const placed = solids[id];
  const local = toLocal(placed, point[0], point[1], point[2]);
  const part = nearestPart(placed.solid.parts, local);
  return { normal: normalAt(placed, part, local), material: placed.materials[part.slot] };
}

/** Diffuse light from the main light and from all sides, its highlight, and a mirrored glimpse of the surroundings (Schlick 1994). */
function shade(scene: Scene, point: Vec3, view: Vec3, id: number): Lighting {
  const { solids, room, camera } = scene;
  const { light } = room;
  const { normal: n, material } = surfaceAt(scene, id, point);
  const raised: Vec3 = [point[0] + 0.012 * n[0], point[1] + 0.012 * n[1], point[2] + 0.012 * n[2]];
  const facing = dot(n, light.direction);
  const sun = facing > 0 ? lightSeen(solids, raised, light.direction, light.softness) : 0;
  const open = openness(solids, point, n, id === floorId);
  const upward = 0.5 + 0.5 * n[1];
  const glance = Math.max(0, -dot(n, view));
  const mirror = material.gloss + (material.gloss > 0.02 ? 0.5 : 0.06) * (1 - material.gloss) * (1 - glance) ** 5;
  const bounce = 2 * dot(n, view);
  const reflected: Vec3 = [view[0] - bounce * n[0], view[1] - bounce * n[1], view[2] - bounce * n[2]];
  const highlight = sun > 0 ? Math.max(0, dot(reflected, light.direction)) ** material.sharpness : 0;
  const shine = sun * highlight * (material.gloss * 0.09 * (material.sharpness + 8));
  // A soft light beside the camera keeps the shaded side readable.
  const fill = 0.22 * Math.max(0, dot(n, camera.right) * -0.5 + n[1] * 0.3 + n[2] * 0.8);
  const diffuse = (i: 0 | 1 | 2) => {
    const around = light.below[i] + (light.above[i] - light.below[i]) * upward;
    return (1 - mirror) * (light.color[i] * sun * Math.max(0, facing) * 0.75 + open * (around + fill));
  };
  const added = (i: 0 | 1 | 2) => {
    const mirrored = reflected[1] > 0 ? light.above[i] * (0.55 + 0.9 * reflected[1]) : light.below[i];
    return mirror * open * mirrored + shine * light.color[i];
  };
  return { diffuse: [diffuse(0), diffuse(1), diffuse(2)], added: [added(0), added(1), added(2)] };
}

/** A film curve (the rational fit of K. Narkowicz to ACES), from linear light to [0, 1]. */
function film(x: number): number {
  return Math.max(0, Math.min(1, (x * (2.51 * x + 0.03)) / (x * (2.43 * x + 0.59) + 0.14)));
}

/** Pixels (three planes, sRGB values in [0, 1]) and, per pixel, the id of what the ray through its middle meets. */
export interface Rendering {
  readonly pixels: Float32Array;
  readonly ids: Int16Array;
}

/** Offsets of the four rays of a refined pixel: a rotated grid. */
const grid = [
  [-0.125, -0.375],
  [0.375, -0.125],
  [0.125, 0.375],
  [-0.375, 0.125],
] as const;
/** Side of the blocks of pixels whose rays are started together. */
const block = 6;
/** Difference of neighboring values above which a pixel is refined, and the spread of the camera's noise. */
const refineAbove = 0.07;

/** What is known of every pixel once the ray through its middle is traced. */
interface Traced {
  readonly ids: Int16Array;
  /** Six numbers per pixel, `diffuse` and `added`, rather than an object: what lives as long as the picture is costly to collect. */
  readonly lightings: Float64Array;
  /** Three numbers per pixel: the color in linear light. */
  readonly linear: Float64Array;
  /** The sum of the logarithms of 0.01 + luminance. */
  readonly logs: number;
}

/** The rays of a picture, by row and column, whole numbers being middles of pixels, and what they can meet. */
interface Rays {
  readonly through: (row: number, column: number) => Vec3;
  readonly candidates: (row: number, column: number) => readonly Candidate[];
}

function raysOf(scene: Scene, size: number): Rays {
  const { window } = scene.camera;
  const through = (row: number, column: number) =>
    rayThrough(
      scene.camera,
      window.u + ((column + 0.5) / size - 0.5) * window.side,
      window.v - ((row + 0.5) / size - 0.5) * window.side,
    );
  const blocks = Math.ceil(size / block);
  // Rays of a block's pixels, and those of their refinement, deviate from the ray through its middle by at most half its diagonal.
  const spread = (Math.SQRT1_2 * (block + 1) * window.side) / size;
  const ofBlocks = Array.from({ length: blocks * blocks }, (_, i) => {
    const middle = (at: number) => at * block + (block - 1) / 2;
    return candidatesIn(scene, through(middle(Math.floor(i / blocks)), middle(i % blocks)), spread);
  });
  return {
    through,
    candidates: (row, column) => ofBlocks[Math.floor(row / block) * blocks + Math.floor(column / block)],
  };
}

/**
 * Renders `size` × `size` pixels. Every pixel gets a ray through its middle, which alone decides its id. Where neighbors differ in
 * id or color, the color is the mean of four rays instead; they take the lighting of the pixel next to them that shows the
 * same thing, since light changes more slowly than patterns and outlines. The exposure follows from the picture, as in a camera.
 */
export function render(scene: Scene, size: number, random: Random): Rendering {
  const rays = raysOf(scene, size);
  const traced = traceMiddles(scene, rays, size);
  const exposure = (0.3 * Math.exp(0.35 * random())) / (0.12 + Math.exp(traced.logs / (size * size)));
  return { pixels: develop(refined(scene, rays, traced, exposure, size), size, random), ids: traced.ids };
}

/** One ray per pixel, through its middle. */
function traceMiddles(scene: Scene, { through, candidates }: Rays, size: number): Traced {
  const area = size * size;
  const ids = new Int16Array(area);
  const lightings = new Float64Array(6 * area);
  const linear = new Float64Array(3 * area);
  let logs = 0;
  for (let i = 0; i < area; i++) {
    const row = Math.floor(i / size);
    const column = i % size;
    const direction = through(row, column);
    const hit = intersect(scene, candidates(row, column), direction);
    const lighting = lightingAt(scene, hit, direction);
    const color = lit(albedoAt(scene, hit, direction), lighting);
    ids[i] = hit.id;
    for (let c = 0; c < 3; c++) {
      lightings[6 * i + c] = lighting.diffuse[c];
      lightings[6 * i + 3 + c] = lighting.added[c];
      linear[3 * i + c] = color[c];
    }
    logs += Math.log(0.01 + luminance(color));
  }
  return { ids, lightings, linear, logs };
}

/** The exposed colors, interleaved; where a pixel differs from its neighbors, the mean of four rays. */
function refined(
  scene: Scene,
  { through, candidates }: Rays,
  { ids, lightings, linear }: Traced,
  exposure: number,
  size: number,
): Float64Array {
  const toned = linear.map((value) => film(value * exposure));
  const result = Float64Array.from(toned);
  for (let i = 0; i < ids.length; i++) {
    if (!isRough(toned, ids, size, i)) continue;
    const row = Math.floor(i / size);
    const column = i % size;
    const sum = [0, 0, 0];
    for (const [dy, dx] of grid) {
      const direction = through(row + dy, column + dx);
      const hit = intersect(scene, candidates(row, column), direction);
      const known = nearby(ids, size, i, hit.id);
      const lighting = known === undefined ? lightingAt(scene, hit, direction) : lightingOf(lightings, known);
      const color = lit(albedoAt(scene, hit, direction), lighting);
      for (let c = 0; c < 3; c++) sum[c] += film(color[c] * exposure) / 4;
    }
    result.set(sum, 3 * i);
  }
  return result;
}

function lightingOf(lightings: Float64Array, i: number): Lighting {
  const at = 6 * i;
  return {
    diffuse: [lightings[at], lightings[at + 1], lightings[at + 2]],
    added: [lightings[at + 3], lightings[at + 4], lightings[at + 5]],
  };
}

function lit(albedo: Vec3, { diffuse, added }: Lighting): Vec3 {
  return [albedo[0] * diffuse[0] + added[0], albedo[1] * diffuse[1] + added[1], albedo[2] * diffuse[2] + added[2]];
}

/** The pixel `i` itself or one beside it whose id is `id`. */
function nearby(ids: Int16Array, size: number, i: number, id: number): number | undefined {
  if (ids[i] === id) return i;
  const column = i % size;
  if (column > 0 && ids[i - 1] === id) return i - 1;
  if (column < size - 1 && ids[i + 1] === id) return i + 1;
  if (ids[i - size] === id) return i - size;
  if (ids[i + size] === id) return i + size;
  return undefined;
}

function isRough(toned: Float64Array, ids: Int16Array, size: number, i: number): boolean {
  const row = Math.floor(i / size);
  const column = i % size;
  const differs = (j: number) =>
    ids[i] !== ids[j] ||
    Math.abs(toned[3 * i] - toned[3 * j]) > refineAbove ||
    Math.abs(toned[3 * i + 1] - toned[3 * j + 1]) > refineAbove ||
    Math.abs(toned[3 * i + 2] - toned[3 * j + 2]) > refineAbove;
  return (
    (column > 0 && differs(i - 1)) ||
    (column < size - 1 && differs(i + 1)) ||
    (row > 0 && differs(i - size)) ||
    (row < size - 1 && differs(i + size))
  );
}

/** Vignette, sRGB curve (as a power of 1/2.2) and sensor noise; from interleaved to planes. */
function develop(toned: Float64Array, size: number, random: Random): Float32Array {
  const area = size * size;
  const [vignette, noise] = [0.05 + 0.25 * random(), 0.004 + 0.016 * random()];
  const pixels = new Float32Array(3 * area);
  for (let i = 0; i < area; i++) {
    const x = ((i % size) + 0.5) / size - 0.5;
    const y = (Math.floor(i / size) + 0.5) / size - 0.5;
    const fall = 1 - vignette * 2 * (x * x + y * y);
    for (let c = 0; c < 3; c++) {
      const value = (toned[3 * i + c] * fall) ** (1 / 2.2) + normal(random, 0, noise);
      pixels[c * area + i] = Math.max(0, Math.min(1, value));
    }
  }
  return pixels;
}
