/** @file Procedural textures: colors as functions of a point in the frame of the thing that wears them. */
import { chance, choice, integer, uniform } from "../random/distributions.ts";
import type { Random } from "../random/random.ts";
import { cellNoise, fractalNoise, valueNoise } from "./noise.ts";
import { color, contrasting, mix } from "./palette.ts";
import type { Vec3 } from "./solid.ts";

/** The color at a point, in linear light. */
export type Texture = (x: number, y: number, z: number) => Vec3;

/** How a surface looks: its color, how much light it mirrors when seen straight on, and how sharp its highlights are. */
export interface Material {
  readonly texture: Texture;
  readonly gloss: number;
  readonly sharpness: number;
}

type Pattern = (random: Random, calm: number) => Texture;

function salted(random: Random): number {
  return integer(random, 0, 0x7fffffff);
}

/** A ramp from 0 to 1 around `edge`, `width` wide. */
function ramp(value: number, edge: number, width: number): number {
  return Math.max(0, Math.min(1, (value - edge) / width + 0.5));
}

const plain: Pattern = (random, calm) => {
  const [base, salt, depth] = [color(random, calm), salted(random), uniform(random, 0, 0.25)];
  return (x, y, z) => mix(base, [0.01, 0.01, 0.01], depth * fractalNoise(2 * x, 2 * y, 2 * z, salt));
};

const mottled: Pattern = (random, calm) => {
  const base = color(random, calm);
  const [other, salt, scale] = [contrasting(random, base, calm), salted(random), uniform(random, 2, 5)];
  return (x, y, z) => mix(base, other, ramp(fractalNoise(scale * x, scale * y, scale * z, salt), 0.5, 0.35));
};

const wood: Pattern = (random) => {
  const base = mix(color(random, 1), [0.35, 0.16, 0.06], 0.55);
  const [dark, salt, rings] = [mix(base, [0.03, 0.015, 0.01], 0.6), salted(random), uniform(random, 4, 9)];
  const [cx, cz] = [uniform(random, -1.5, 1.5), uniform(random, 1, 2)];
  return (x, y, z) => {
    const wobble = 0.35 * valueNoise(1.5 * x, 0.5 * y, 1.5 * z, salt);
    const radius = rings * (Math.sqrt((x - cx) ** 2 + (z - cz) ** 2) + wobble);
    const ring = radius - Math.floor(radius);
    const grain = valueNoise(24 * x, 2 * y, 24 * z, salt + 1);
    return mix(base, dark, Math.min(1, 0.75 * ring * ring + 0.35 * grain));
  };
};

const marble: Pattern = (random, calm) => {
  const base = color(random, Math.max(calm, 0.6));
  const [vein, salt, scale] = [contrasting(random, base, calm), salted(random), uniform(random, 1.2, 2.4)];
  return (x, y, z) => {
    const warp = 2.2 * fractalNoise(scale * x, scale * y, scale * z, salt);
    const wave = Math.abs(Math.sin(2.4 * scale * (x + 0.6 * y - 0.4 * z) + 3 * warp));
    return mix(vein, base, Math.min(1, 0.1 + 1.15 * Math.sqrt(wave)));
  };
};

const stripes: Pattern = (random, calm) => {
  const base = color(random, calm);
  const [other, count, share] = [contrasting(random, base, calm), uniform(random, 2, 5.5), uniform(random, 0.3, 0.7)];
  const [a, b] = [uniform(random, 0, 2 * Math.PI), chance(random, 0.4) ? Math.PI / 2 : uniform(random, -0.6, 1.6)];
  const [nx, ny, nz] = [Math.cos(a) * Math.cos(b), Math.sin(b), Math.sin(a) * Math.cos(b)];
  return (x, y, z) => {
    const along = count * (nx * x + ny * y + nz * z);
    return along - Math.floor(along) < share ? base : other;
  };
};

const checks: Pattern = (random, calm) => {
  const base = color(random, calm);
  const [other, count, shift] = [contrasting(random, base, calm), uniform(random, 2.5, 5), uniform(random, 0, 1)];
  return (x, y, z) => {
    const cell = Math.floor(count * x + shift) + Math.floor(count * y + shift) + Math.floor(count * z + shift);
    return (cell & 1) === 0 ? base : other;
  };
};

const dots: Pattern = (random, calm) => {
  const base = color(random, calm);
  const [other, count, radius] = [
    contrasting(random, base, calm),
    uniform(random, 2.5, 4.5),
    uniform(random, 0.28, 0.42),
  ];
  return (x, y, z) => {
    const row = Math.floor(count * y);
    const px = count * x + 0.5 * (row & 1);
    const pz = count * z + 0.5 * (row & 1);
    const dx = px - Math.floor(px) - 0.5;
    const dy = count * y - row - 0.5;
    const dz = pz - Math.floor(pz) - 0.5;
    return dx * dx + dy * dy + dz * dz < radius * radius ? other : base;
  };
};

const speckled: Pattern = (random, calm) => {
  const base = color(random, calm);
  const [one, two] = [contrasting(random, base, calm), color(random, calm)];
  const [salt, scale, share] = [salted(random), uniform(random, 9, 15), uniform(random, 0.08, 0.22)];
  return (x, y, z) => {
    const warp = 0.5 * valueNoise(scale * x, scale * y, scale * z, salt + 1);
    const grain = cellNoise(scale * x + warp, scale * y + warp, scale * z - warp, salt);
    return grain < share ? one : grain > 1 - share ? two : base;
  };
};

const fading: Pattern = (random, calm) => {
  const base = color(random, calm);
  const [other, angle] = [contrasting(random, base, calm), uniform(random, 0, 2 * Math.PI)];
  const [nx, ny] = [Math.cos(angle), Math.sin(angle)];
  return (x, y) => mix(base, other, ramp(nx * x + ny * y, 0.2, 1.8));
};

const solidPatterns = [plain, plain, plain, mottled, wood, marble, stripes, checks, dots, speckled, fading];

/** A material for solids, whose extent is about 1; `calm` is the share of muted colors. */
export function material(random: Random, calm: number): Material {
  const pattern = choice(random, solidPatterns);
  const polished = chance(random, 0.65);
  return {
    texture: pattern(random, calm),
    gloss: polished ? uniform(random, 0.03, 0.12) : uniform(random, 0, 0.02),
    sharpness: polished ? uniform(random, 30, 160) : uniform(random, 6, 20),
  };
}

/** Oblong tiles in courses with joints between them: planks, bricks, parquet or slabs, each tile of its own shade. */
const tiles: Pattern = (random, calm) => {
  const base = color(random, calm);
  const [length, width] = choice(random, [
    [3.2, 0.45],
    [0.9, 0.35],
    [1, 1],
    [1.6, 0.8],
  ] as const);
  const [salt, spread, joint] = [salted(random), uniform(random, 0.15, 0.5), uniform(random, 0.025, 0.06)];
  const gap = mix(base, chance(random, 0.5) ? [0.02, 0.02, 0.02] : [0.8, 0.78, 0.74], uniform(random, 0.35, 0.7));
  const grainy = uniform(random, 0, 0.5);
  const dark = mix(base, [0.03, 0.02, 0.015], 0.75);
  return (x, _y, z) => {
    const row = z / width;
    const course = Math.floor(row);
    const along = x / length + 0.37 * course;
    const tile = Math.floor(along);
    const edge = Math.min(
      Math.min(row - course, 1 - row + course) * width,
      Math.min(along - tile, 1 - along + tile) * length,
    );
    if (edge < joint / 2) return gap;
    const shade = spread * cellNoise(tile, course, 0, salt) + grainy * valueNoise(2 * x, 7 * tile, 22 * z, salt);
    return mix(base, dark, shade);
  };
};

/** Two woven or printed colors without an edge: carpets, grass, plaster. */
const pile: Pattern = (random, calm) => {
  const base = color(random, calm);
  const [other, salt, scale] = [
    mix(base, contrasting(random, base, calm), 0.45),
    salted(random),
    uniform(random, 1, 5),
  ];
  return (x, _y, z) => {
    const blotch = fractalNoise(0.6 * scale * x, 0, 0.6 * scale * z, salt);
    return mix(base, other, 0.6 * blotch + 0.5 * valueNoise(9 * scale * x, 1, 9 * scale * z, salt + 5));
  };
};

const flatPatterns = [tiles, tiles, tiles, pile, pile, plain, mottled, marble, stripes, checks, dots];

/** A material for floors and walls, as a function of x and z in lengths of the object's radius. */
export function flatMaterial(random: Random, calm: number): Material {
  const pattern = choice(random, flatPatterns);
  const coarse = uniform(random, 0.5, 1);
  const flat = pattern(random, calm);
  return {
    texture: (x, _y, z) => flat(coarse * x, 0.1, coarse * z),
    gloss: chance(random, 0.3) ? uniform(random, 0.02, 0.08) : 0,
    sharpness: uniform(random, 20, 90),
  };
}
