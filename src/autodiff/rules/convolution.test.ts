import fc from "fast-check";
import * as ort from "onnxruntime-node";
import { expect, test } from "vitest";
import { adjointError } from "../../testing/adjoint-error.ts";
import { checkVjp, spreadTensor } from "../../testing/check-vjp.ts";
import { runtimeError } from "../../testing/compare-runtime.ts";
import { positiveFeeds } from "../../testing/positive-feeds.ts";

const axis = fc.record({
  kernel: fc.integer({ min: 1, max: 3 }),
  stride: fc.integer({ min: 1, max: 3 }),
  dilation: fc.integer({ min: 1, max: 2 }),
  padBegin: fc.integer({ min: 0, max: 4 }),
  padEnd: fc.integer({ min: 0, max: 4 }),
  /** How much the padded grid exceeds the window's span. */
  spare: fc.integer({ min: 0, max: 5 }),
});

/** A convolution in any attribute setting: 1-D to 3-D, grouped, strided, dilated, with any padding. */
const convolution = fc
  .record({
    axes: fc.array(axis, { minLength: 1, maxLength: 3 }),
    n: fc.integer({ min: 1, max: 2 }),
    group: fc.integer({ min: 1, max: 3 }),
    inPerGroup: fc.integer({ min: 1, max: 2 }),
    outPerGroup: fc.integer({ min: 1, max: 2 }),
    autoPad: fc.constantFrom("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID"),
  })
  .map(({ axes, n, group, inPerGroup, outPerGroup, autoPad }) => {
    const explicit = autoPad === "NOTSET";
    const pick = (key: keyof (typeof axes)[number]): number[] => axes.map((one) => one[key]);
    // onnxruntime has no SAME padding for dilated kernels.
    const dilations = autoPad.startsWith("SAME") ? axes.map(() => 1) : pick("dilation");
    const extents = axes.map(({ kernel, padBegin, padEnd, spare }, i) =>
      Math.max(1, (kernel - 1) * dilations[i] + 1 + spare - (explicit ? padBegin + padEnd : 0)),
    );
    return {
      x: [n, group * inPerGroup, ...extents],
      w: [group * outPerGroup, inPerGroup, ...pick("kernel")],
      attributes: {
        group,
        strides: pick("stride"),
        dilations,
        ...(explicit ? { pads: [...pick("padBegin"), ...pick("padEnd")] } : { auto_pad: autoPad }),
      },
    };
  });

test("Conv: the rules are exact adjoints in input and weight, and right for all three inputs together", async () => {
  await fc.assert(
    fc.asyncProperty(convolution, async ({ x, w, attributes }) => {
      const [input, weight] = [spreadTensor(x), spreadTensor(w, 2)];
      const linear = checkVjp("Conv", [input, weight], { attributes });
      expect(adjointError(linear, 0)).toBeLessThan(1e-12);
      expect(adjointError(linear, 1)).toBeLessThan(1e-12);
      const whole = checkVjp("Conv", [input, weight, spreadTensor([w[0]], 3)], { attributes });
      expect(whole.relativeError).toBeLessThan(1e-6);
      expect(await runtimeError(ort, whole.graph, positiveFeeds(whole.feeds))).toBeLessThan(1e-5);
    }),
    { numRuns: 400 },
  );
});

/** A transposed convolution in any attribute setting; the extent that it reads is drawn, the other follows. */
const transposed = fc
  .record({
    axes: fc.array(
      fc.record({
        axis,
        narrow: fc.integer({ min: 1, max: 4 }),
        outputPadding: fc.integer({ min: 0, max: 2 }),
        more: fc.integer({ min: -3, max: 3 }),
      }),
      { minLength: 1, maxLength: 3 },
    ),
    n: fc.integer({ min: 1, max: 2 }),
    group: fc.integer({ min: 1, max: 3 }),
    inPerGroup: fc.integer({ min: 1, max: 2 }),
    outPerGroup: fc.integer({ min: 1, max: 2 }),
    padding: fc.constantFrom("pads", "output_shape", "output_shape upper", "SAME_UPPER", "SAME_LOWER", "VALID"),
  })
  .map(({ axes, n, group, inPerGroup, outPerGroup, padding }) => {
    // ONNX allows up to a dilation; onnxruntime takes less than a stride.
    const output_padding = axes.map(({ axis: { stride }, outputPadding }) => Math.min(outputPadding, stride - 1));
    const full = axes.map(
      ({ axis: { kernel, stride, dilation }, narrow }, i) =>
        (narrow - 1) * stride + (kernel - 1) * dilation + 1 + output_padding[i],
    );
    // Some padding, but never so much that nothing is left.
    const begins = axes.map(({ axis: { padBegin } }, i) => Math.min(padBegin, full[i] - 1));
    const ends = axes.map(({ axis: { padEnd } }, i) => Math.min(padEnd, full[i] - 1 - begins[i]));
    // onnxruntime takes an output that exceeds the windows by less than a stride.
    const output_shape = axes.map(({ axis: { stride }, more }, i) =>
      Math.max(1, Math.min(full[i] + more, full[i] - output_padding[i] + stride - 1)),
    );
    return {
      x: [n, group * inPerGroup, ...axes.map(({ narrow }) => narrow)],
      w: [group * inPerGroup, outPerGroup, ...axes.map(({ axis: { kernel } }) => kernel)],
      attributes: {
        group,
        strides: axes.map(({ axis: { stride } }) => stride),
        dilations: axes.map(({ axis: { dilation } }) => dilation),
        output_padding,
        ...(padding === "pads"
          ? { pads: [...begins, ...ends] }
          : padding === "output_shape"
            ? { output_shape }
            : padding === "output_shape upper"
              ? { output_shape, auto_pad: "SAME_UPPER" }
              : { auto_pad: padding }),
      },
    };
  });

test("ConvTranspose: the rules are exact adjoints in input and weight, and right for all three inputs together", async () => {
  await fc.assert(
    fc.asyncProperty(transposed, async ({ x, w, attributes }) => {
      const [input, weight] = [spreadTensor(x), spreadTensor(w, 2)];
      const linear = checkVjp("ConvTranspose", [input, weight], { attributes });
      expect(adjointError(linear, 0)).toBeLessThan(1e-12);
      expect(adjointError(linear, 1)).toBeLessThan(1e-12);
      const bias = spreadTensor([w[1] * attributes.group], 3);
      const whole = checkVjp("ConvTranspose", [input, weight, bias], { attributes });
      expect(whole.relativeError).toBeLessThan(1e-6);
      expect(await runtimeError(ort, whole.graph, positiveFeeds(whole.feeds))).toBeLessThan(1e-5);
    }),
    { numRuns: 400 },
  );
});
