import fc from "fast-check";
import * as ort from "onnxruntime-node";
import { describe, expect, test } from "vitest";
import { expectRule } from "../../../test/expect-operator.ts";
import { BadInputError } from "../../errors.ts";
import { evaluate } from "../../onnx/evaluate.ts";
import { adjointError } from "../../testing/adjoint-error.ts";
import { checkVjp, spreadTensor, testTensor } from "../../testing/check-vjp.ts";
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
    { numRuns: 100 },
  );
});

describe("Conv of many channels with strides, whose adjoint is one convolution per phase", () => {
  test.each([
    [[3, 3], [7, 6], { strides: [2, 2], pads: [1, 1, 1, 1] }],
    [[3, 3], [8, 7], { strides: [2, 2], pads: [0, 1, 1, 0] }],
    [[3, 4], [6, 5], { strides: [2, 3], pads: [2, 0, 0, 3] }],
    [[2, 3], [5, 6], { strides: [2, 1], pads: [0, 4, 3, 1] }],
    [[3, 3], [9, 8], { strides: [3, 3] }],
    [[2, 2], [3, 9], { strides: [1, 2], pads: [0, 3, 0, 0] }],
  ])("kernel %j on %j, %j", async (kernel, extents, attributes) => {
    const [input, weight] = [spreadTensor([1, 128, ...extents]), spreadTensor([128, 128, ...kernel], 2)];
    const linear = checkVjp("Conv", [input, weight], { attributes, wrt: [0] });
    expect(linear.graph.nodes.map(({ opType }) => opType)).not.toContain("ConvTranspose");
    expect(adjointError(linear, 0)).toBeLessThan(1e-12);
    expect(await runtimeError(ort, linear.graph, linear.feeds)).toBeLessThan(1e-5);
  });
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
    { numRuns: 100 },
  );
});

describe("convolutions of real networks", () => {
  const cases = [
    { name: "a stem: few channels to many", x: [1, 3, 12, 11], w: [8, 3, 3, 3], attributes: { pads: [1, 1, 1, 1] } },
    { name: "3 × 3", x: [1, 9, 6, 5], w: [8, 9, 3, 3], attributes: { pads: [1, 1, 1, 1] } },
    { name: "pointwise", x: [2, 16, 3, 4], w: [8, 16, 1, 1], attributes: {} },
    { name: "pointwise, strided", x: [1, 16, 5, 6], w: [8, 16, 1, 1], attributes: { strides: [2, 2] } },
    { name: "depthwise", x: [1, 16, 6, 5], w: [16, 1, 3, 3], attributes: { group: 16, pads: [1, 1, 1, 1] } },
    { name: "grouped", x: [1, 16, 6, 5], w: [32, 8, 3, 3], attributes: { group: 2, pads: [1, 1, 1, 1] } },
    { name: "atrous", x: [1, 8, 9, 9], w: [16, 8, 3, 3], attributes: { dilations: [2, 2], pads: [2, 2, 2, 2] } },
    { name: "the whole input", x: [1, 8, 4, 4], w: [10, 8, 4, 4], attributes: {} },
    { name: "padded beyond its window", x: [1, 8, 4, 4], w: [8, 8, 2, 2], attributes: { pads: [3, 2, 4, 1] } },
  ];

  test.each(cases)("$name: the gradient is the adjoint, in onnxruntime too", async ({ x, w, attributes }) => {
    const check = checkVjp("Conv", [spreadTensor(x), spreadTensor(w, 2)], { attributes });
    expect(adjointError(check, 0)).toBeLessThan(1e-12);
    expect(adjointError(check, 1)).toBeLessThan(1e-12);
    expect(await runtimeError(ort, check.graph, positiveFeeds(check.feeds))).toBeLessThan(1e-5);
  });

  test("weights of the model are read where they are: the gradient adds none of its own", () => {
    for (const { x, w, attributes } of cases) {
      const { graph } = checkVjp("Conv", [spreadTensor(x), spreadTensor(w, 2)], { attributes, constants: [1] });
      const floats = [...graph.initializers.values()].filter(({ dtype }) => dtype === "float32");
      expect(floats.map(({ shape }) => shape)).toEqual([w]);
    }
  });
});

test("Conv by hand: the gradient of 1-D correlation is the flipped kernel slid over the cotangent", () => {
  const x = testTensor([1, 1, 4], [1, 2, 3, 4]);
  const w = testTensor([1, 1, 2], [10, 1]);
  const { graph, feeds } = checkVjp("Conv", [x, w], {});
  const dy = testTensor([1, 1, 3], [1, 0, 2]);
  const results = evaluate(graph, { ...feeds, v0: dy });
  expect([...results.y0.data]).toEqual([12, 23, 34]);
  expect([...results.gradient0.data]).toEqual([10, 1, 20, 2]);
  expect([...results.gradient1.data]).toEqual([1 + 6, 2 + 8]);
});

test("ConvTranspose by hand: with more output padding than a stride, which onnxruntime does not take", () => {
  const x = testTensor([1, 1, 2], [1, 2]);
  const w = testTensor([1, 1, 2], [10, 1]);
  const attributes = { dilations: [2], output_padding: [1] };
  const check = checkVjp("ConvTranspose", [x, w], { attributes });
  const results = evaluate(check.graph, { ...check.feeds, v0: testTensor([1, 1, 5], [1, 2, 3, 4, 5]) });
  expect([...results.y0.data]).toEqual([10, 20, 1, 2, 0]);
  expect([...results.gradient0.data]).toEqual([13, 24]);
  expect([...results.gradient1.data]).toEqual([5, 11]);
});

test.each([
  { what: "channels that do not fit the weight", x: [1, 3, 4, 4], w: [2, 4, 3, 3], attributes: {} },
  { what: "outputs that do not fit the groups", x: [1, 4, 4, 4], w: [3, 2, 3, 3], attributes: { group: 2 } },
  { what: "a weight of another rank", x: [1, 3, 4, 4], w: [2, 3, 3], attributes: {} },
  { what: "a window larger than the input", x: [1, 3, 2, 4], w: [2, 3, 3, 3], attributes: {} },
  { what: "strides of another rank", x: [1, 3, 4, 4], w: [2, 3, 3, 3], attributes: { strides: [2] } },
  { what: "a stride of 0", x: [1, 3, 4, 4], w: [2, 3, 3, 3], attributes: { strides: [1, 0] } },
  { what: "negative padding", x: [1, 3, 4, 4], w: [2, 3, 3, 3], attributes: { pads: [-1, 0, 0, 0] } },
  { what: "a kernel_shape unlike the weight", x: [1, 3, 4, 4], w: [2, 3, 3, 3], attributes: { kernel_shape: [3, 2] } },
  { what: "an unknown auto_pad", x: [1, 3, 4, 4], w: [2, 3, 3, 3], attributes: { auto_pad: "SAME" } },
])("Conv refuses $what and names the node", ({ x, w, attributes }) => {
  const build = (): unknown => checkVjp("Conv", [spreadTensor(x), spreadTensor(w)], { attributes });
  expect(build).toThrow(BadInputError);
  expect(build).toThrow(/^Conv \(Conv\): /);
});

test.each([
  ["Conv", [1, 4, 6, 5], [6, 2, 3, 2], { group: 2, strides: [2, 1], pads: [1, 0, 1, 1], dilations: [1, 2] }],
  ["Conv", [1, 9, 6, 5], [8, 9, 3, 3], { pads: [1, 1, 1, 1] }],
  ["ConvTranspose", [1, 4, 4, 5], [4, 3, 3, 2], { strides: [2, 2], output_padding: [1, 0], pads: [1, 0, 0, 1] }],
] as const)("%s of %o by %o in onnxruntime-web too", async (opType, x, w, attributes) => {
  await expectRule(opType, [spreadTensor(x), spreadTensor(w, 2)], { attributes });
});
