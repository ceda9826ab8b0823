import fc from "fast-check";
import * as ort from "onnxruntime-node";
import { expect, test } from "vitest";
import { adjointError } from "../../testing/adjoint-error.ts";
import { checkVjp, spreadTensor } from "../../testing/check-vjp.ts";
import { runtimeError } from "../../testing/compare-runtime.ts";
import { positiveFeeds } from "../../testing/positive-feeds.ts";

const axis = fc
  .record({
    kernel: fc.integer({ min: 1, max: 3 }),
    stride: fc.integer({ min: 1, max: 3 }),
    dilation: fc.integer({ min: 1, max: 2 }),
    padBegin: fc.integer({ min: 0, max: 2 }),
    padEnd: fc.integer({ min: 0, max: 2 }),
    /** How much the padded grid exceeds the window's span. */
    spare: fc.integer({ min: 0, max: 5 }),
  })
  // onnxruntime wants less padding than taps.
  .map((one) => ({
    ...one,
    padBegin: Math.min(one.padBegin, one.kernel - 1),
    padEnd: Math.min(one.padEnd, one.kernel - 1),
  }));

/** A pool in any attribute setting, 1-D to 3-D. */
const pool = fc
  .record({
    axes: fc.array(axis, { minLength: 1, maxLength: 3 }),
    n: fc.integer({ min: 1, max: 2 }),
    channels: fc.integer({ min: 1, max: 3 }),
    autoPad: fc.constantFrom("NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"),
    ceil_mode: fc.integer({ min: 0, max: 1 }),
  })
  .map(({ axes, n, channels, autoPad, ceil_mode }) => {
    const explicit = autoPad === "NOTSET";
    const pick = (key: keyof (typeof axes)[number]): number[] => axes.map((one) => one[key]);
    const same = autoPad.startsWith("SAME");
    const dilations = same ? axes.map(() => 1) : pick("dilation");
    // onnxruntime takes no SAME window that is smaller than its stride.
    const strides = same ? axes.map(({ kernel, stride }) => Math.min(kernel, stride)) : pick("stride");
    const extents = axes.map(({ kernel, padBegin, padEnd, spare }, i) =>
      // With fewer elements than the dilation a window could hold nothing but padding, whose maximum and mean are undefined.
      Math.max(dilations[i], (kernel - 1) * dilations[i] + 1 + spare - (explicit ? padBegin + padEnd : 0)),
    );
    // Where rounding up gives a window that starts in the padding at the end, onnxruntime contradicts itself on its number.
    const overhangs = axes.every(({ kernel, padBegin, padEnd }, i) => {
      const [begin, end] = explicit ? [padBegin, padEnd] : [0, 0];
      const steps = Math.ceil((extents[i] + begin + end - (kernel - 1) * dilations[i] - 1) / strides[i]);
      return steps * strides[i] < extents[i] + begin;
    });
    return {
      x: [n, channels, ...extents],
      attributes: {
        kernel_shape: pick("kernel"),
        strides,
        dilations,
        ceil_mode: overhangs ? ceil_mode : 0,
        ...(explicit ? { pads: [...pick("padBegin"), ...pick("padEnd")] } : { auto_pad: autoPad }),
      },
    };
  });

test("MaxPool", async () => {
  await fc.assert(
    fc.asyncProperty(pool, async ({ x, attributes }) => {
      const check = checkVjp("MaxPool", [spreadTensor(x)], { attributes });
      expect(check.relativeError).toBeLessThan(1e-6);
      expect(await runtimeError(ort, check.graph, positiveFeeds(check.feeds))).toBeLessThan(1e-5);
    }),
    { numRuns: 100 },
  );
});
test("AveragePool", async () => {
  await fc.assert(
    fc.asyncProperty(pool, fc.integer({ min: 0, max: 1 }), async ({ x, attributes }, count_include_pad) => {
      const check = checkVjp("AveragePool", [spreadTensor(x)], { attributes: { ...attributes, count_include_pad } });
      expect(adjointError(check)).toBeLessThan(1e-12);
      expect(check.relativeError).toBeLessThan(1e-6);
      expect(await runtimeError(ort, check.graph, positiveFeeds(check.feeds), { opset: 19 })).toBeLessThan(1e-5);
    }),
    { numRuns: 100 },
  );
});
