import fc from "fast-check";
import { expect, test } from "vitest";
import type { FloatArray } from "../tensor/vector.ts";
import { bindingSetFinder } from "./binding-set.ts";
import { projectBox } from "./projections.ts";

const copied = ({ indices, count, moves, residual }: ReturnType<ReturnType<typeof bindingSetFinder>>) => ({
  indices: Array.from(indices.subarray(0, count)),
  moves: Array.from(moves.subarray(0, count)),
  residual,
});

test("bound is what the negative gradient pushes over a bound that the point lies on", () => {
  const find = bindingSetFinder(new Float64Array(5), projectBox(0, 1));
  const found = find(Float64Array.of(0, 0, 1, 0.5, 1), Float64Array.of(3, -0.25, -2, 0.125, 0.5));
  expect(copied(found)).toEqual({ indices: [0, 2], moves: [0, 0], residual: 0.5 });
});

test("a box is searched bit for bit as if it were asked element by element", () => {
  const element = fc.record({
    low: fc.constantFrom(-Infinity, -1, 0, 0.25),
    width: fc.constantFrom(0, 1e-7, 0.5, 1, Infinity),
    place: fc.oneof(fc.constantFrom(0, 1e-8, 1e-7, 3e-6, 0.5, 1), fc.double({ min: 0, max: 1, noNaN: true })),
    slope: fc.oneof(fc.constantFrom(0, -0, 1e-8, -1e-8, 300, -300), fc.double({ min: -2, max: 2, noNaN: true })),
  });
  const kinds: readonly (new (length: number) => FloatArray)[] = [Float32Array, Float64Array];
  fc.assert(
    fc.property(fc.array(element, { minLength: 1, maxLength: 40 }), fc.constantFrom(...kinds), (elements, Kind) => {
      const array = (value: (element: (typeof elements)[number]) => number): FloatArray => {
        const values = new Kind(elements.length);
        elements.forEach((one, i) => {
          values[i] = value(one);
        });
        return values;
      };
      const point = array(({ low, width, place }) => Math.max(low, -2) + place * Math.min(width, 2));
      const gradient = array(({ slope }) => slope);
      const lower = array(({ low }) => low);
      const project = projectBox(
        lower,
        lower.map((low, i) =>
          elements[i].width === Infinity ? Infinity : Math.max(low + elements[i].width, point[i]),
        ),
      );
      project(point);
      const asked = bindingSetFinder(point, (values) => project(values))(point, gradient);
      expect(copied(bindingSetFinder(point, project)(point, gradient))).toEqual(copied(asked));
    }),
    { numRuns: 500 },
  );
});
