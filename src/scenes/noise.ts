/** @file Value noise on the integer lattice: smooth random functions of space, from integer hashes (the same on every platform). */

/** A number in [0, 1) that depends on the lattice point and `salt` only. */
function lattice(x: number, y: number, z: number, salt: number): number {
  let h = Math.imul(x, 0x8da6b343) ^ Math.imul(y, 0xd8163841) ^ Math.imul(z, 0xcb1ab31f) ^ salt;
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d);
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39);
  return ((h ^ (h >>> 15)) >>> 0) / 0x100000000;
}

/** The random number of the unit cell that holds the point, in [0, 1). */
export function cellNoise(x: number, y: number, z: number, salt: number): number {
  return lattice(Math.floor(x), Math.floor(y), Math.floor(z), salt);
}

/** A smooth random function with values in [0, 1), that changes over about one unit of length. */
export function valueNoise(x: number, y: number, z: number, salt: number): number {
  const i = Math.floor(x);
  const j = Math.floor(y);
  const k = Math.floor(z);
  const fx = x - i;
  const fy = y - j;
  const fz = z - k;
  const u = fx * fx * (3 - 2 * fx);
  const v = fy * fy * (3 - 2 * fy);
  const w = fz * fz * (3 - 2 * fz);
  const a = lattice(i, j, k, salt) * (1 - u) + lattice(i + 1, j, k, salt) * u;
  const b = lattice(i, j + 1, k, salt) * (1 - u) + lattice(i + 1, j + 1, k, salt) * u;
  const c = lattice(i, j, k + 1, salt) * (1 - u) + lattice(i + 1, j, k + 1, salt) * u;
  const d = lattice(i, j + 1, k + 1, salt) * (1 - u) + lattice(i + 1, j + 1, k + 1, salt) * u;
  return (a * (1 - v) + b * v) * (1 - w) + (c * (1 - v) + d * v) * w;
}

/** Three octaves of value noise, each of half the size and weight of the one before; in [0, 1). */
export function fractalNoise(x: number, y: number, z: number, salt: number): number {
  const coarse = valueNoise(x, y, z, salt);
  const middle = valueNoise(2.03 * x, 2.03 * y, 2.03 * z, salt + 1);
  const fine = valueNoise(4.11 * x, 4.11 * y, 4.11 * z, salt + 2);
  return (4 * coarse + 2 * middle + fine) / 7;
}
