import fc from "fast-check";
import { expect, test } from "vitest";
import { GraphBuilder } from "../../onnx/builder.ts";
import { evaluate } from "../../onnx/evaluate.ts";
import { fitPicture } from "./fit-picture.ts";
import {
  appendNormalization,
  denormalizePixels,
  type Normalization,
  normalizations,
  normalizePixels,
} from "./preprocessing.ts";

const normalization: fc.Arbitrary<Normalization> = fc.record({
  scale: fc.constantFrom(1 as const, 255 as const, "symmetric" as const),
  channels: fc.constantFrom("rgb" as const, "bgr" as const),
  mean: fc.array(fc.double({ min: -2, max: 130, noNaN: true }), { minLength: 3, maxLength: 3 }),
  std: fc.array(fc.double({ min: 0.1, max: 60, noNaN: true }), { minLength: 3, maxLength: 3 }),
  layout: fc.constant("nchw" as const),
});
const pixels = fc
  .array(fc.double({ min: 0, max: 1, noNaN: true }), { minLength: 12, maxLength: 12 })
  .map((values) => Float32Array.from(values));

test("normalizing here equals normalizing in the graph, and denormalizing undoes it", () => {
  fc.assert(
    fc.property(normalization, pixels, (parts, image) => {
      const g = new GraphBuilder();
      g.output(appendNormalization(g, g.input("image", "float32", [1, 3, 2, 2]), parts), "network");
      const feeds = { image: { dtype: "float32" as const, shape: [1, 3, 2, 2], data: Float64Array.from(image) } };
      const { data } = evaluate(g.toGraph(), feeds).network;
      const here = normalizePixels(image, parts);
      const back = denormalizePixels(here, parts);
      here.forEach((value, i) => {
        expect(Math.abs(value - data[i])).toBeLessThanOrEqual(1e-5 * (1 + 260 / parts.std[0] + Math.abs(data[i])) * 10);
        expect(back[i]).toBeCloseTo(image[i], 4);
      });
    }),
    { numRuns: 50 },
  );
});

test("Caffe's preprocessing takes blue first and subtracts its mean from 0 … 255", () => {
  const network = normalizePixels(Float32Array.of(1, 0.5, 0), { ...normalizations.caffe, layout: "nchw" });
  expect([...network].map((value) => value.toFixed(3))).toEqual(["-103.939", "10.721", "131.320"]);
});

test('for a network of one channel colors become gray before they are resized, in bytes, as Pillow\'s convert("L") and resize do', () => {
  const [width, height] = [6, 4];
  const data = Uint8Array.from({ length: height * width * 3 }, (_, i) => {
    const [y, x, c] = [Math.floor(i / (3 * width)), Math.floor(i / 3) % width, i % 3];
    return (37 * x + 91 * y + 53 * c * (x + 1)) % 256;
  });
  const geometry = { resize: { kind: "exact", width: 3, height: 2 }, interpolation: "bilinear" } as const;
  const { shape, data: seen } = fitPicture({ width, height, channels: 3, data }, { geometry, channelCount: 1 });
  expect(shape).toEqual([1, 2, 3]);
  // Pillow 13. Of the colors resized first the grays would be 128.9, 140.8, 152.3, 130.6, 139.4 and 127.3.
  expect([...seen].map((value) => value * 255)).toEqual(
    [128, 140, 152, 130, 139, 127].map((level) => expect.closeTo(level, 4)),
  );
});
