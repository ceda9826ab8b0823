/** @file What surrounds the object: floor, walls with pictures or open country, sky, and light. */
import { chance, choice, integer, normal, uniform } from "../random/distributions.ts";
import type { Random } from "../random/random.ts";
import { fractalNoise, valueNoise } from "./noise.ts";
import { color, mix } from "./palette.ts";
import type { Vec3 } from "./solid.ts";
import { flatMaterial, type Material, material, type Texture } from "./textures.ts";

/** A vertical plane: `normal` is horizontal and points at the viewer, `offset` is its distance behind the origin. */
export interface Wall {
  readonly normal: Vec3;
  readonly offset: number;
  readonly material: Material;
  readonly skirting: { readonly height: number; readonly color: Vec3 };
  readonly pictures: readonly Picture[];
}

/** A framed picture: center along the wall and above the floor, half extents, frame width. */
interface Picture {
  readonly along: number;
  readonly up: number;
  readonly halfWidth: number;
  readonly halfHeight: number;
  readonly frame: number;
  readonly frameColor: Vec3;
  readonly texture: Texture;
}

export interface Room {
  readonly floor: Material;
  /** Cosine and sine of the angle by which the floor's pattern is turned. */
  readonly floorTurn: readonly [number, number];
  readonly walls: readonly Wall[];
  /** The color seen in a direction that meets nothing. */
  readonly sky: (direction: Vec3) => Vec3;
  readonly haze: Vec3;
  readonly light: Light;
}

export interface Light {
  /** Unit vector towards the main light. */
  readonly direction: Vec3;
  readonly color: Vec3;
  /** The apparent radius of the main light: how soft shadows are. */
  readonly softness: number;
  /** Light from all sides: from above and from below. */
  readonly above: Vec3;
  readonly below: Vec3;
}

function wall(random: Random, angle: number, offset: number): Wall {
  const count = choice(random, [0, 0, 1, 2, 3]);
  const pictures = Array.from({ length: count }, () => ({
    along: uniform(random, -4, 4),
    up: uniform(random, 0.9, 3.2),
    halfWidth: uniform(random, 0.3, 0.9),
    halfHeight: uniform(random, 0.3, 0.8),
    frame: uniform(random, 0.04, 0.12),
    frameColor: color(random, 0.7),
    texture: material(random, 0.4).texture,
  }));
  return {
    normal: [Math.sin(angle), 0, Math.cos(angle)],
    offset,
    material: flatMaterial(random, 0.75),
    skirting: { height: chance(random, 0.5) ? uniform(random, 0.12, 0.3) : 0, color: color(random, 0.9) },
    pictures,
  };
}

function light(random: Random): Light {
  const azimuth = normal(random, 0, 1.0) + (chance(random, 0.5) ? 0.7 : -0.7);
  const height = uniform(random, 0.45, 1.2);
  const warmth = uniform(random, -0.12, 0.25);
  const strength = uniform(random, 2.2, 3.6);
  const dim = uniform(random, 0.45, 1);
  const tint: Vec3 = [1 + warmth, 1, 1 - warmth];
  return {
    direction: [Math.sin(azimuth) * Math.cos(height), Math.sin(height), Math.cos(azimuth) * Math.cos(height)],
    color: [strength * tint[0], strength * tint[1], strength * tint[2]],
    softness: uniform(random, 0.04, 0.22),
    above: [dim * (1 - 0.5 * warmth), dim, dim * (1 + 0.7 * warmth)],
    below: [0.35 * dim, 0.32 * dim, 0.29 * dim],
  };
}

/** Open country: a graded sky with clouds over hazy hills. */
function country(random: Random): { sky: Room["sky"]; haze: Vec3 } {
  const haze = mix(color(random, 0.6), [0.85, 0.87, 0.9], 0.65);
  const zenith = mix(color(random, 0.2), [0.12, 0.3, 0.7], 0.6);
  const hill = mix(color(random, 0.3), [0.1, 0.2, 0.12], 0.4);
  const [salt, cover, rugged] = [integer(random, 0, 0x7fffffff), uniform(random, 0.35, 0.75), uniform(random, 2, 6)];
  const sky = ([x, y, z]: Vec3): Vec3 => {
    for (let ridge = 0; ridge < 3; ridge++) {
      const skyline = 0.03 + 0.05 * (3 - ridge) * fractalNoise((rugged * x) / Math.abs(z), ridge, 0, salt + ridge);
      if (y < skyline * (ridge + 1) * 0.7) return mix(hill, haze, 0.35 + 0.2 * ridge);
    }
    const clouds = fractalNoise((1.2 * x) / (y + 0.15), (1.2 * z) / (y + 0.15), 2, salt + 9);
    const blue = mix(haze, zenith, Math.min(1, Math.max(0, y) * 1.6));
    return mix(blue, [0.95, 0.95, 0.95], 0.85 * Math.max(0, Math.min(1, (clouds - cover) * 4)));
  };
  return { sky, haze };
}

/** A room or a piece of open country, with its light. The viewer looks along −z. */
export function room(random: Random): Room {
  const turn = uniform(random, 0, 2 * Math.PI);
  const floor = flatMaterial(random, 0.65);
  const open = country(random);
  const kind = random();
  const angle = uniform(random, -0.5, 0.5);
  const offset = uniform(random, 1.9, 5);
  const first = wall(random, angle, offset);
  const corner = angle + (angle > 0 ? -1 : 1) * (Math.PI / 2);
  const second = wall(random, corner, uniform(random, 2.2, 5));
  const walls = kind < 0.3 ? [] : kind < 0.7 ? [first] : [first, second];
  return {
    floor,
    floorTurn: [Math.cos(turn), Math.sin(turn)],
    walls,
    sky: open.sky,
    haze: open.haze,
    light: light(random),
  };
}

/** The color of a wall at a point: its pictures, skirting and paper. */
export function wallColor({ normal: n, material: paper, skirting, pictures }: Wall, [x, y, z]: Vec3): Vec3 {
  const along = x * n[2] - z * n[0];
  if (y < skirting.height) return skirting.color;
  for (const picture of pictures) {
    const dx = Math.abs(along - picture.along);
    const dy = Math.abs(y - picture.up);
    if (dx > picture.halfWidth || dy > picture.halfHeight) continue;
    if (dx > picture.halfWidth - picture.frame || dy > picture.halfHeight - picture.frame) return picture.frameColor;
    return picture.texture(along - picture.along, y - picture.up, 0.3);
  }
  return paper.texture(along, 0, y);
}

/** The color of the floor at a point, slightly worn. */
export function floorColor({ floor, floorTurn: [c, s] }: Room, [x, , z]: Vec3): Vec3 {
  const wear = 0.85 + 0.3 * valueNoise(0.8 * x, 0, 0.8 * z, 77);
  const [r, g, b] = floor.texture(c * x - s * z, 0, s * x + c * z);
  return [r * wear, g * wear, b * wear];
}
