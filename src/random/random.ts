/**
 * @file The seeded generator of random numbers: xoshiro128** seeded through SplitMix64.
 *
 * Every function of this package that draws numbers takes a {@link Random} as an option, so that a result can be repeated. The
 * generator uses integer arithmetic only: a seed gives the same bits on every platform.
 */
import { kindOf, MisuseError, numberIn } from "../errors.ts";

/** A source of random numbers: each call returns the next one, uniform in [0, 1), a multiple of 2⁻⁵³. */
export type Random = () => number;

const mask64 = (1n << 64n) - 1n;
const goldenGamma = 0x9e3779b97f4a7c15n;

/** SplitMix64's output function: a bijection of 64-bit integers (Steele, Lea and Flood, OOPSLA 2014; Vigna's variant 13). */
function mix64(z: bigint): bigint {
  z = ((z ^ (z >> 30n)) * 0xbf58476d1ce4e5b9n) & mask64;
  z = ((z ^ (z >> 27n)) * 0x94d049bb133111ebn) & mask64;
  return z ^ (z >> 31n);
}

/** The first `count` outputs of SplitMix64 (64-bit unsigned integers) from the state `seed`. */
export function splitMix64(seed: bigint, count: number): bigint[] {
  return Array.from({ length: count }, (_, i) => mix64((seed + goldenGamma * BigInt(i + 1)) & mask64));
}

/** A generator of 32-bit unsigned integers. */
export interface Words {
  /** The next one. */
  next(): number;
  /** Fills `out` with the next ones: the same as {@link next} for each element, several times as fast. */
  fill(out: Uint32Array): void;
}

/**
 * A generator of 32-bit unsigned integers: xoshiro128** 1.1 (Blackman and Vigna, "Scrambled linear pseudorandom number
 * generators", ACM TOMS 2021) from the given state of four 32-bit words, which must not all be 0.
 */
export function xoshiro128(state: readonly [number, number, number, number]): Words {
  let [first, second, third, fourth] = state;
  const fill = (out: Uint32Array): void => {
    // Locals, since variables that a closure shares are written to memory at each step.
    let [s0, s1, s2, s3] = [first, second, third, fourth];
    for (let i = 0; i < out.length; i++) {
      const product = Math.imul(s1, 5);
      out[i] = Math.imul((product << 7) | (product >>> 25), 9);
      const shifted = s1 << 9;
      s2 ^= s0;
      s3 ^= s1;
      s1 ^= s2;
      s0 ^= s3;
      s2 ^= shifted;
      s3 = (s3 << 11) | (s3 >>> 21);
    }
    [first, second, third, fourth] = [s0, s1, s2, s3];
  };
  const one = new Uint32Array(1);
  return {
    fill,
    next() {
      fill(one);
      return one[0];
    },
  };
}

/**
 * A generator for `seed`, and for the stream of that seed that `path` names: `createRandom(seed, image)` and
 * `createRandom(seed, image, 2)` are independent of each other and of `createRandom(seed)`, so that record 1000 of a set can be
 * drawn without drawing the 999 before it.
 *
 * @param seed an integer from 0 to 2⁵³ − 1
 * @param path any number of such integers
 * @throws MisuseError for anything else
 */
export function createRandom(seed: number, ...path: readonly number[]): Random {
  const { fill } = createWords(seed, ...path);
  const drawn = new Uint32Array(32);
  let position = drawn.length;
  return () => {
    if (position === drawn.length) {
      fill(drawn);
      position = 0;
    }
    return ((drawn[position++] >>> 5) * 0x4000000 + (drawn[position++] >>> 6)) / 0x20000000000000;
  };
}

/**
 * `random` as a caller gave it, which throws a MisuseError in the name of `where` as soon as it draws what no {@link Random} draws: pictures
 * would otherwise be made of NaN, and the network be blamed for it.
 */
export function checkedRandom(where: string, random: unknown): Random {
  const expected = "a generator of numbers from 0 to 1, below 1, as createRandom() gives";
  if (typeof random !== "function") throw new MisuseError({ where, what: "wrong type", expected, got: kindOf(random) });
  return () => {
    const drawn: unknown = random();
    if (typeof drawn === "number" && drawn >= 0 && drawn < 1) return drawn;
    throw new MisuseError({ where, what: "not a random number", expected, got: `one that draws ${kindOf(drawn)}` });
  };
}

/** The source of chance of what `where` names: `given`, checked as it draws, else that of the seed 0. */
export function randomOf(where: string, given: Random | undefined): Random {
  return given === undefined ? createRandom(0) : checkedRandom(`${where}: random`, given);
}

/** A generator of 32-bit unsigned integers, seeded as {@link createRandom} is, for those who draw very many. */
export function createWords(seed: number, ...path: readonly number[]): Words {
  let state = mix64(integer(seed));
  for (const step of path) state = mix64((mix64((state + goldenGamma) & mask64) ^ integer(step)) & mask64);
  const [a, b] = splitMix64(state, 2);
  return xoshiro128([Number(a & 0xffffffffn), Number(a >> 32n), Number(b & 0xffffffffn), Number(b >> 32n)]);
}

function integer(value: number): bigint {
  return BigInt(numberIn("createRandom: seed", value, { min: 0, max: Number.MAX_SAFE_INTEGER, integer: true }));
}

/** A new generator, seeded with the next 53 bits of `random`: independent of it, at the cost of one of its draws. */
export function split(random: Random): Random {
  return createRandom(random() * 0x20000000000000);
}
