import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, expect, test } from "vitest";
import { kernelsFor, kernelsLoaded, useKernels } from "./kernels.ts";
import { openWorkspace, workspaceBytes } from "./workspace.ts";

// What is compared without them would be compared with itself otherwise.
await kernelsLoaded;

afterEach(() => useKernels(true));

const like = new Float32Array(1000);
const size = { vectors: 3, doubles: 10, integers: 5 };

test("arrays do not overlap, lie in one memory and on lines of the caches", () => {
  const workspace = openWorkspace(like, size);
  const arrays = [workspace.vectors(2), workspace.doubles(10), workspace.vectors(), workspace.integers(5)];
  expect(arrays.map(({ length }) => length)).toEqual([2000, 10, 1000, 5]);
  expect(kernelsFor(...arrays)).toBeDefined();
  expect(arrays.map(({ byteOffset }) => byteOffset % 64)).toEqual([0, 0, 0, 0]);
  for (const [n, array] of arrays.entries()) array.fill(n + 1);
  for (const [n, array] of arrays.entries()) expect(array.every((x) => x === n + 1)).toBe(true);
  workspace.close();
});

test("two workspaces do not share, and what one gives back another has", () => {
  const [a, b] = [openWorkspace(like, size), openWorkspace(like, size)];
  const [x, y] = [a.vectors().fill(1), b.vectors().fill(2)];
  expect([x[999], y[0]]).toEqual([1, 2]);
  a.close();
  a.close();
  const c = openWorkspace(like, size);
  expect(c.vectors().byteOffset).toBe(x.byteOffset);
  expect(y.every((element) => element === 2)).toBe(true);
  for (const each of [b, c]) each.close();
});

test("a thousand workspaces, of several sizes and side by side, take no more than the first ones", () => {
  const open = (n: number) => openWorkspace(new Float32Array(600 + 500 * (n % 7)), { ...size, vectors: 30 });
  const used = () => workspaceBytes().free + workspaceBytes().taken;
  const round = () => {
    for (const each of Array.from({ length: 10 }, (_, n) => open(n))) each.close();
  };
  round();
  const before = used();
  for (let n = 0; n < 100; n++) round();
  expect(used()).toBe(before);
  expect(workspaceBytes().taken).toBe(0);
});

test("memory beyond what is kept for the next search is let go", () => {
  const large = Array.from({ length: 3 }, () => openWorkspace(new Float32Array(1e6), { ...size, vectors: 10 }));
  expect(workspaceBytes().taken).toBeGreaterThan(1.2e8);
  for (const each of large) each.close();
  expect(workspaceBytes().free).toBeLessThan(2 ** 26 + 1);
});

test("a workspace that nobody closes is given back when it is collected", async () => {
  setFlagsFromString("--expose-gc");
  const collect: () => void = runInNewContext("gc");
  for (let n = 0; n < 20; n++) openWorkspace(like, size).vectors().fill(n);
  expect(workspaceBytes().taken).toBeGreaterThan(0);
  for (let n = 0; n < 10 && workspaceBytes().taken > 0; n++) {
    collect();
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  expect(workspaceBytes().taken).toBe(0);
});

test("short vectors, float64 and machines without SIMD have ordinary arrays", () => {
  const isOrdinary = (vector: Float32Array | Float64Array) => {
    const workspace = openWorkspace(vector, size);
    const place = workspace.vectors();
    expect(place.constructor).toBe(vector.constructor);
    const isSame = workspace.adopt(vector, place) === vector;
    workspace.close();
    return isSame && kernelsFor(place) === undefined;
  };
  expect([new Float32Array(100), new Float64Array(1000)].map(isOrdinary)).toEqual([true, true]);
  expect(isOrdinary(like)).toBe(false);
  useKernels(false);
  expect(isOrdinary(like)).toBe(true);
});
