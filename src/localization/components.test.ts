import fc from "fast-check";
import { expect, test } from "vitest";
import { connectedComponents, largestComponent } from "./components.ts";
import type { Mask } from "./threshold.ts";

/** A mask drawn in text: `#` is 1, `.` is 0. */
function maskFrom(...rows: readonly string[]): Mask {
  const data = Uint8Array.from(rows.join(""), (character) => (character === "#" ? 1 : 0));
  return { dtype: "bool", shape: [rows.length, rows[0].length], data };
}

function textOf({ shape: [height, width], data }: Mask): string[] {
  return Array.from({ length: height }, (_, y) =>
    Array.from(data.subarray(y * width, (y + 1) * width), (value) => (value === 1 ? "#" : ".")).join(""),
  );
}

test("diagonal neighbors are connected by 8, not by 4", () => {
  const mask = maskFrom("#..", ".#.", "..#");
  expect(connectedComponents(mask).sizes).toEqual([6, 3]);
  expect(connectedComponents(mask, { connectivity: 4 }).sizes).toEqual([6, 1, 1, 1]);
  const antidiagonal = maskFrom("..#", ".#.", "#..");
  expect(connectedComponents(antidiagonal).sizes).toEqual([6, 3]);
  expect(connectedComponents(antidiagonal, { connectivity: 4 }).sizes).toEqual([6, 1, 1, 1]);
});

test("components are numbered in raster order", () => {
  const { labels, sizes } = connectedComponents(maskFrom("..##", "#..#", "##..", "...#"), { connectivity: 4 });
  expect([...labels]).toEqual([0, 0, 1, 1, 2, 0, 0, 1, 2, 2, 0, 0, 0, 0, 0, 3]);
  expect(sizes).toEqual([9, 3, 3, 1]);
});

test("rows do not wrap around", () => {
  expect(connectedComponents(maskFrom("..#", "#..", "..#")).sizes).toEqual([6, 1, 1, 1]);
});

test("a spiral is one component", () => {
  const spiral = maskFrom("#######", "......#", "#####.#", "#...#.#", "#.###.#", "#.....#", "#######");
  expect(connectedComponents(spiral, { connectivity: 4 }).sizes).toHaveLength(2);
});

test("the largest component by pixels; of equal ones the first", () => {
  expect(textOf(largestComponent(maskFrom("##..#", "....#", "....#")))).toEqual(["....#", "....#", "....#"]);
  expect(textOf(largestComponent(maskFrom("..##", "....", "##..")))).toEqual(["..##", "....", "...."]);
  // A thin diagonal with a large box loses against a small block with more pixels.
  expect(textOf(largestComponent(maskFrom("#...##", ".#..##", "..#.##")))).toEqual(["....##", "....##", "....##"]);
  expect(textOf(largestComponent(maskFrom("...", "...")))).toEqual(["...", "..."]);
});

/** Components by their definition: the least index reachable from each pixel, by relaxing until nothing changes. */
function leastReachable(data: readonly number[], width: number, connectivity: 4 | 8): number[] {
  const least = data.map((value, i) => (value === 0 ? -1 : i));
  for (let changed = true; changed; ) {
    changed = false;
    for (let a = 0; a < data.length; a++) {
      for (let b = 0; b < data.length; b++) {
        if (data[a] === 0 || data[b] === 0) continue;
        const dx = Math.abs((a % width) - (b % width));
        const dy = Math.abs(Math.floor(a / width) - Math.floor(b / width));
        const touch = connectivity === 8 ? Math.max(dx, dy) <= 1 : dx + dy <= 1;
        if (touch && least[b] < least[a]) {
          least[a] = least[b];
          changed = true;
        }
      }
    }
  }
  return least;
}

test("random grids have the components that the definition gives", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 7 }),
      fc.integer({ min: 1, max: 7 }),
      fc.infiniteStream(fc.constantFrom(0, 1, 1)),
      fc.constantFrom<4 | 8>(4, 8),
      (width, height, bits, connectivity) => {
        const data = Array.from({ length: width * height }, () => bits.next().value);
        const mask = { dtype: "bool", shape: [height, width], data: Uint8Array.from(data) } as const;
        const { labels, sizes } = connectedComponents(mask, { connectivity });
        const least = leastReachable(data, width, connectivity);
        const roots = [...new Set(least)].filter((i) => i >= 0).sort((a, b) => a - b);
        expect([...labels]).toEqual(least.map((i) => roots.indexOf(i) + 1));
        expect(sizes).toEqual([-1, ...roots].map((root) => least.filter((i) => i === root).length));
        const counts = sizes.slice(1);
        const largest = roots[counts.indexOf(Math.max(...counts))];
        const expected = least.map((i) => (i >= 0 && i === largest ? 1 : 0));
        expect([...largestComponent(mask, { connectivity }).data]).toEqual(expected);
      },
    ),
    { numRuns: 300 },
  );
});

test("misuse is refused", () => {
  const mask = maskFrom("#");
  expect(() => connectedComponents(mask, { connectivity: 6 as 4 })).toThrow(/connectivity.*4 or 8, got 6/);
  expect(() => largestComponent(mask, { conectivity: 4 } as object)).toThrow(/Did you mean "connectivity"/);
  expect(() => connectedComponents({ ...mask, shape: [1] })).toThrow(/\[H, W\], .*got a Uint8Array \[1\]/);
});
