/** @file Whether the probabilities stay when an image loses what should not matter: feature squeezing, Xu, Evans and Qi (NDSS 2018). */
import { softmax } from "../../classifier/logits.ts";
import { MisuseError } from "../../errors.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { countOption, flagOption, numberOption } from "../../options/option.ts";
import { withPresets } from "../../options/schema.ts";
import { defineDetector } from "../define-detector.ts";
import type { Part } from "../part.ts";
import { type SqueezerSettings, squeezersOf } from "./squeezers.ts";

const settings = withPresets(
  {
    doc: "Which squeezers. `cifar10` and `imagenet`: the best joint ones of the source: 5 bits, median of 2 × 2, non-local means. `mnist`: 1 bit and the median. `transforms`: JPEG, flip and shift. `all`: those of cifar10 and transforms.",
    fallback: "cifar10",
    presets: {
      cifar10: { bits: 5, median: 2, denoising: 2, search: 13 },
      imagenet: { bits: 5, median: 2, denoising: 4, search: 11 },
      mnist: { bits: 1, median: 2 },
      transforms: { jpeg: 75, flip: true, shift: 1 },
      all: { bits: 5, median: 2, denoising: 2, search: 13, jpeg: 75, flip: true, shift: 1 },
    },
  },
  {
    bits: countOption("Bits per channel that are left; 0: not reduced.", { fallback: 0, min: 0, max: 8 }),
    median: countOption("Side of the median's window; 0: no median.", { fallback: 0, min: 0, max: 15 }),
    denoising: numberOption("Strength of non-local means, in levels of 255; 0: none.", {
      fallback: 0,
      min: 0,
      max: 255,
    }),
    search: countOption("Side of the square that non-local means looks in, odd.", { fallback: 13, min: 3, max: 51 }),
    jpeg: countOption("Quality of a JPEG file; 0: none.", { fallback: 0, min: 0, max: 100 }),
    flip: flagOption("Whether left and right are exchanged.", { fallback: false }),
    shift: countOption("Pixels by which the image is moved down and right; 0: not moved.", {
      fallback: 0,
      min: 0,
      max: 64,
    }),
  },
);

/**
 * The largest of ‖p(x) − p(s(x))‖₁ over the squeezers s, in [0, 2], p being the softmax. Each squeezer is a run of its own.
 */
export const squeezing = defineDetector({
  name: "squeezing",
  title: "Feature squeezing",
  source: "Xu, Evans and Qi, Feature squeezing: Detecting adversarial examples in deep neural networks (NDSS 2018)",
  summary: "The more the probabilities move when bits, detail or position are lost, the more suspicious.",
  version: 1,
  settings,
  plan({ preset: _, ...chosen }, classifier) {
    const squeezers = squeezersOf(chosen);
    if (squeezers.length === 0) {
      throw new MisuseError({
        where: "squeezing",
        what: "nothing is squeezed",
        expected: "at least one of bits, median, denoising, jpeg, flip and shift",
      });
    }
    if (chosen.search % 2 === 0) {
      throw new MisuseError({
        where: "squeezing: search",
        what: "the square has no middle",
        expected: "an odd number",
        got: String(chosen.search),
      });
    }
    const part = partOf(chosen, squeezers);
    const { channelCount } = classifier.input;
    if (chosen.jpeg > 0 && channelCount !== 1 && channelCount !== 3) {
      throw new MisuseError({
        where: "squeezing: jpeg",
        what: "JPEG has no such number of channels",
        expected: "1 or 3",
        got: String(channelCount),
      });
    }
    return {
      parts: [part],
      needsAttacked: false,
      needsHeldOnly: true,
      settings: { ...chosen },
      fit: () => ({ arrays: {} }),
      scorer: () => (measured) => measured[part.key].reduce((most, distance) => Math.max(most, distance), 0),
    };
  },
});

function partOf(chosen: SqueezerSettings, squeezers: readonly ((image: ImageTensor) => ImageTensor)[]): Part {
  return {
    key: `squeezed ${JSON.stringify(chosen)}`,
    size: squeezers.length,
    from: {
      kind: "runs",
      runs: squeezers.length + 1,
      async open(classifier, batch) {
        const pass = await classifier.forward({ batch });
        const { channelCount, height, width } = classifier.input;
        const probabilities = async (images: readonly Float32Array[], signal?: AbortSignal) =>
          (await pass.run(images, { signal })).map((logits) => softmax(logits));
        return {
          async run(images, { signal }) {
            const own = await probabilities(
              images.map(({ pixels }) => pixels),
              signal,
            );
            const distances = images.map(() => new Float32Array(squeezers.length));
            for (const [s, squeeze] of squeezers.entries()) {
              const squeezed = images.map(
                ({ pixels }) => squeeze({ dtype: "float32", shape: [channelCount, height, width], data: pixels }).data,
              );
              for (const [n, other] of (await probabilities(squeezed, signal)).entries()) {
                distances[n][s] = own[n].reduce((sum, p, k) => sum + Math.abs(p - other[k]), 0);
              }
            }
            return distances;
          },
        };
      },
    },
  };
}
