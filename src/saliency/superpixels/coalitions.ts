/**
 * @file Which coalitions Kernel SHAP looks at, and with which weights.
 *
 * Source: Lundberg and Lee, "A Unified Approach to Interpreting Model Predictions", 2017, theorem 2: the kernel
 * π(S) = (M − 1) / (C(M, |S|) |S| (M − |S|)). Sizes are taken as the authors' package does: those with the most weight for each
 * coalition whole, the smallest and the largest first, and of the others as many as are left at random, in pairs of opposites.
 */
import type { Random } from "../../random/random.ts";

export interface Coalition {
  /** 1 for each of the M members that belongs to it. */
  readonly members: Uint8Array;
  readonly weight: number;
}

/** C(n, k); beyond 2⁵³ nearly. */
function choose(n: number, k: number): number {
  let result = 1;
  for (let i = 1; i <= Math.min(k, n - k); i++) result = (result * (n - i + 1)) / i;
  return Math.round(result);
}

/** All subsets of 0 … n − 1 with k elements, in lexicographic order. */
function* subsets(n: number, k: number): Generator<readonly number[]> {
  const chosen = Array.from({ length: k }, (_, i) => i);
  for (;;) {
    yield chosen;
    let i = k - 1;
    while (i >= 0 && chosen[i] === n - k + i) i--;
    if (i < 0) return;
    chosen[i]++;
    for (let j = i + 1; j < k; j++) chosen[j] = chosen[j - 1] + 1;
  }
}

function membersOf(count: number, chosen: readonly number[], inside: number): Uint8Array {
  const members = new Uint8Array(count).fill(1 - inside);
  for (const k of chosen) members[k] = inside;
  return members;
}

/**
 * At most `budget` coalitions of `count` members, neither none nor all, each once; all of them where there are no more. Weights add up to 1.
 * A coalition that is drawn again counts again.
 */
export function coalitionsOf(count: number, budget: number, random: Random): Coalition[] {
  const found: Coalition[] = [];
  /** Sizes with their opposites: the smaller of the two, its weight, and how many coalitions have either. */
  const sizes = Array.from({ length: Math.floor(count / 2) }, (_, i) => {
    const size = i + 1;
    const isPair = size !== count - size;
    return {
      size,
      isPair,
      weight: ((count - 1) / (size * (count - size))) * (isPair ? 2 : 1),
      number: choose(count, size) * (isPair ? 2 : 1),
    };
  });
  const total = sizes.reduce((sum, { weight }) => sum + weight, 0);
  let left = budget;
  let rest = total;
  let first = 0;
  for (const { size, isPair, weight, number } of sizes) {
    // Whole, if as many would be drawn of this size anyway.
    if (number > left || (left * weight) / rest < number * (1 - 1e-8)) break;
    for (const chosen of subsets(count, size)) {
      for (const inside of isPair ? [1, 0] : [1]) {
        found.push({ members: membersOf(count, chosen, inside), weight: weight / total / number });
      }
    }
    left -= number;
    rest -= weight;
    first++;
  }
  const others = sizes.slice(first);
  return others.length === 0 ? found : [...found, ...drawn(count, others, { left, share: rest / total, random })];
}

interface Size {
  readonly size: number;
  readonly isPair: boolean;
  readonly weight: number;
}

/** At most `left` coalitions of the given sizes at random, with opposites; their weights add up to `share`. */
function drawn(
  count: number,
  sizes: readonly Size[],
  { left, share, random }: { readonly left: number; readonly share: number; readonly random: Random },
): Coalition[] {
  const seen = new Map<string, { readonly members: Uint8Array; times: number }>();
  const total = sizes.reduce((sum, { weight }) => sum + weight, 0);
  const add = (members: Uint8Array): void => {
    const key = members.join("");
    const known = seen.get(key);
    if (known === undefined) seen.set(key, { members, times: 1 });
    else known.times++;
  };
  // Of few that are left, the same may come again and again.
  for (let draws = 0; seen.size + 2 <= left && draws < 4 * left; draws++) {
    const size = sizeAt(sizes, random() * total);
    const chosen = draw(count, size, random);
    add(membersOf(count, chosen, 1));
    add(membersOf(count, chosen, 0));
  }
  const times = [...seen.values()].reduce((sum, one) => sum + one.times, 0);
  return [...seen.values()].map((one) => ({ members: one.members, weight: (share * one.times) / times }));
}

/** The size in whose part of the weights, laid end to end, `place` lies. */
function sizeAt(sizes: readonly Size[], place: number): number {
  let end = 0;
  for (const { size, weight } of sizes) {
    end += weight;
    if (place < end) return size;
  }
  return sizes[sizes.length - 1].size;
}

/** `size` of 0 … n − 1, without repetition. */
function draw(n: number, size: number, random: Random): number[] {
  const order = Array.from({ length: n }, (_, i) => i);
  for (let i = 0; i < size; i++) {
    const j = i + Math.floor(random() * (n - i));
    [order[i], order[j]] = [order[j], order[i]];
  }
  return order.slice(0, size);
}
