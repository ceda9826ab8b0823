/**
 * @file What may happen to an image before the network sees it: noise, resizing and padding, JPEG. Each is drawn, applied, and led back through by its adjoint; JPEG,
 * which has no derivative, by that of the identity (straight through).
 */
import { MisuseError, nearest } from "../../errors.ts";
import { jpegLoss } from "../../image/jpeg-loss.ts";
import type { ImageTensor } from "../../image/picture.ts";
import { normal } from "../../random/distributions.ts";
import { createRandom, type Random } from "../../random/random.ts";
import { floatTensor } from "../../tensor/tensor.ts";
import { drawPlacement, place, placeBack } from "../transfer/diverse-input.ts";

type Shape = ImageTensor["shape"];

/** One draw of a transformation. */
export interface TransformationDraw {
  /** The image as it comes out. */
  apply(image: Float32Array): Float32Array;
  /** What a cotangent of what comes out is as one of the image. */
  back(cotangent: Float32Array): Float32Array;
}

/** A transformation whose draws are random, or always the same. */
export interface Transformation {
  /** As it is written: "noise:0.05". */
  readonly text: string;
  draw(shape: Shape, random: Random): TransformationDraw;
}

/** The kinds by name: what their number is, between which limits, and what they do. */
const kinds = {
  noise: {
    means: "the standard deviation of Gaussian noise, in pixels of [0, 1]",
    ...{ above: 0, most: 1, fallback: 0.05, isWhole: false },
    draw:
      (deviation: number) =>
      ([channels, height, width]: Shape, random: Random): TransformationDraw => {
        const noise = Float32Array.from({ length: channels * height * width }, () => deviation * normal(random));
        return {
          apply: (image) => image.map((x, i) => x + noise[i]),
          back: (cotangent) => cotangent,
        };
      },
  },
  "resize-pad": {
    means: "the least size, as a share of the image's, to which it is made smaller before it is put somewhere on black",
    ...{ above: 0, most: 0.999, fallback: 0.9, isWhole: false },
    draw:
      (least: number) =>
      (shape: Shape, random: Random): TransformationDraw => {
        const placement = drawPlacement(shape, least, 1, random);
        return {
          apply(image) {
            if (placement === undefined) return image;
            const placed = new Float32Array(image.length);
            place(image, shape, placement, placed);
            return placed;
          },
          back(cotangent) {
            if (placement === undefined) return cotangent;
            const gradient = new Float32Array(cotangent.length);
            placeBack(cotangent, shape, placement, gradient);
            return gradient;
          },
        };
      },
  },
  jpeg: {
    means: "the quality of a JPEG file, as libjpeg counts",
    ...{ above: 0, most: 100, fallback: 75, isWhole: true },
    draw:
      (quality: number) =>
      (shape: Shape): TransformationDraw => ({
        apply: (image) => jpegLoss(floatTensor(image, shape), quality).data,
        back: (cotangent) => cotangent,
      }),
  },
} as const;

const forms = Object.entries(kinds).map(([name, { fallback }]) => `${name}:${fallback}`);

/** The transformations that the text means, in the order in which they are applied; throws a MisuseError for what cannot be meant. */
export function transformationsOf(
  where: string,
  text: string,
  { channelCount }: { readonly channelCount: number },
): Transformation[] {
  return text.split(",").map((part) => transformationOf(where, part.trim(), channelCount));
}

function transformationOf(where: string, text: string, channelCount: number): Transformation {
  const [name = "", given, ...rest] = text.split(":");
  if (!Object.hasOwn(kinds, name) || rest.length > 0) {
    const hint = nearest(name, Object.keys(kinds));
    throw new MisuseError({
      where,
      what: "no such transformation",
      expected: `some of ${forms.join(", ")}, with commas`,
      got: JSON.stringify(text),
      advice: hint === undefined ? undefined : `Did you mean ${hint}?`,
    });
  }
  const { means, above, most, fallback, isWhole, draw } = kinds[name as keyof typeof kinds];
  const value = given === undefined ? fallback : Number(given);
  if (given?.trim() === "" || !(value > above && value <= most) || (isWhole && !Number.isInteger(value))) {
    throw new MisuseError({
      where: `${where}: ${name}`,
      what: "value out of range",
      expected: `${means}: ${isWhole ? "an integer" : "a number"} above ${above} and up to ${most}`,
      got: JSON.stringify(given),
    });
  }
  if (name === "jpeg" && channelCount !== 1 && channelCount !== 3) {
    throw new MisuseError({
      where: `${where}: jpeg`,
      what: "JPEG has no such number of channels",
      expected: "a network of one channel or three",
      got: `one of ${channelCount}`,
    });
  }
  return { text: `${name}:${value}`, draw: draw(value) };
}

/** Which numbers are drawn: those of a search, or those that judge what it found. */
export type Stream = "search" | "judgement";

/**
 * Draws of all transformations in turn for an image. They depend on its pixels, the stream and their number alone, so that a result depends neither on other images nor
 * on the order of questions; another image has other draws.
 */
export function drawsFor(
  transformations: readonly Transformation[],
  image: Float32Array,
  shape: Shape,
  count: number,
  stream: Stream,
): TransformationDraw[] {
  const seed = fingerprint(image);
  return Array.from({ length: count }, (_, n) => {
    const random = createRandom(seed, stream === "search" ? 1 : 2, n);
    const draws = transformations.map((one) => one.draw(shape, random));
    return {
      apply: (given) => draws.reduce((x, { apply }) => apply(x), given),
      back: (cotangent) => draws.reduceRight((c, { back }) => back(c), cotangent),
    };
  });
}

/** 32 bits that depend on every bit of the pixels (FNV-1a over words). */
function fingerprint(image: Float32Array): number {
  const words = new Uint32Array(image.buffer, image.byteOffset, image.length);
  let hash = 0x811c9dc5;
  for (let i = 0; i < words.length; i++) {
    hash = Math.imul(hash ^ words[i], 0x01000193);
    hash ^= hash >>> 15;
  }
  return hash >>> 0;
}
