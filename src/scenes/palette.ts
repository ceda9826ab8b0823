/** @file Colors: one palette for objects, clutter and surroundings alike, so that a color says nothing about the class. */
import { choice, uniform } from "../random/distributions.ts";
import type { Random } from "../random/random.ts";
import type { Vec3 } from "./solid.ts";

/** Paints and dyes, as sRGB. */
const vivid = [
  0xc8452d, 0xe07a3f, 0xe6b23c, 0xf2d16b, 0x8fae3e, 0x4f8a4c, 0x2f6b52, 0x3d9a94, 0x6fb7c9, 0x3f7fb5, 0x2d4f8e,
  0x6a5aa5, 0x9a5c9c, 0xc66a94, 0xe79aa6, 0xb23a48, 0x7d3b2e, 0x38465e,
];
/** Woods, stones, papers and plasters, as sRGB. */
const muted = [
  0xf1ede4, 0xe3d8c5, 0xcdbba0, 0xb39b7d, 0x8f7358, 0x6c5443, 0x4a3d35, 0xd9dcdc, 0xb4bbbf, 0x8a9499, 0x5f6b72,
  0x3c454b, 0xc4cdb8, 0x9dad9b, 0xd9c3bd, 0xb7a7b8, 0xa9bccb, 0xeadfc0,
];

function linear(hex: number): Vec3 {
  const channel = (shift: number) => (((hex >> shift) & 255) / 255) ** 2.2;
  return [channel(16), channel(8), channel(0)];
}

function jittered(random: Random, [r, g, b]: Vec3): Vec3 {
  const brightness = uniform(random, 0.8, 1.15);
  const shade = (value: number) => Math.min(0.95, value * brightness * uniform(random, 0.85, 1.15) + 0.008);
  return [shade(r), shade(g), shade(b)];
}

/** A color in linear light; of the muted half of the palette with the probability `calm`. */
export function color(random: Random, calm: number): Vec3 {
  return jittered(random, linear(choice(random, random() < calm ? muted : vivid)));
}

/** The luminance of a linear color (Rec. 709). */
export function luminance([r, g, b]: Vec3): number {
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** A second color that stands out against `other`: the most different in brightness of three draws. */
export function contrasting(random: Random, other: Vec3, calm: number): Vec3 {
  const distance = (candidate: Vec3) => Math.abs(Math.sqrt(luminance(candidate)) - Math.sqrt(luminance(other)));
  return [0, 1, 2]
    .map(() => color(random, calm))
    .reduce((best, next) => (distance(next) > distance(best) ? next : best));
}

export function mix(a: Vec3, b: Vec3, weight: number): Vec3 {
  return [a[0] + (b[0] - a[0]) * weight, a[1] + (b[1] - a[1]) * weight, a[2] + (b[2] - a[2]) * weight];
}
