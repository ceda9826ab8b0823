/** @file The noise that the statistical test adds to an image: three distributions in several magnitudes. */
import { checkForm, MisuseError, numberIn } from "../../errors.ts";
import { fillNormal, fillSigns, fillUniform } from "../../random/fill.ts";
import { hashText } from "../../random/hash-text.ts";
import { createWords, type Words } from "../../random/random.ts";

const fills = { n: fillNormal, s: fillSigns, u: fillUniform } as const;

/**
 * A distribution and its magnitude ε in units of the pixel range [0, 1]: `n` adds ε·N(0, 1), `s` adds ±ε with equal
 * probability, `u` adds ε·U(−1, 1), to each channel of each pixel independently.
 */
export interface NoiseKind {
  readonly distribution: keyof typeof fills;
  readonly magnitude: number;
}

function kindsOf(magnitudes: readonly number[]): NoiseKind[] {
  return (["n", "s", "u"] as const).flatMap((distribution) =>
    magnitudes.map((magnitude) => ({ distribution, magnitude })),
  );
}

/** The kinds that decide whether an image is flagged, as the released code of Roth, Kilcher & Hofmann (ICML 2019) has them. */
export const detectionKinds: readonly NoiseKind[] = kindsOf([0.003, 0.005, 0.008]);

/** The larger kinds that tell which class a flagged image came from, of the same source. */
export const correctionKinds: readonly NoiseKind[] = kindsOf([0.01, 0.02, 0.03]);

/** The name of a kind, such as "n0.003"; {@link parseNoiseKind} reads it. */
export function noiseKindName(noise: NoiseKind): string {
  checkForm("noiseKindName: noise", noise, ["distribution", "magnitude"]);
  const { distribution, magnitude } = noise;
  return `${distribution}${magnitude}`;
}

/** The kind of a name such as "n0.003". Throws a {@link MisuseError} that says what a name looks like. */
export function parseNoiseKind(where: string, name: string): NoiseKind {
  checkForm("parseNoiseKind: where", where, "string");
  checkForm("parseNoiseKind: name", name, "string");
  const distribution = name[0] as NoiseKind["distribution"];
  const magnitude = name.slice(1).trim() === "" ? Number.NaN : Number(name.slice(1));
  if (!Object.hasOwn(fills, distribution) || !Number.isFinite(magnitude)) {
    throw new MisuseError({
      where,
      what: "unknown kind of noise",
      expected: "n (normal), s (signs) or u (uniform) and a magnitude, such as n0.003",
      got: JSON.stringify(name),
    });
  }
  return checkNoiseKind(where, { distribution, magnitude });
}

/** `kind`, if its magnitude is above 0 and at most 1; a magnitude in units of 1/255 is told apart by that. */
export function checkNoiseKind(where: string, kind: NoiseKind): NoiseKind {
  numberIn(`${where}: magnitude of ${noiseKindName(kind)}`, kind.magnitude, { min: Number.MIN_VALUE, max: 1 });
  return kind;
}

/** Writes the image `pixels` with noise into `out` (both flat, of equal length), clipped to [0, 1]; `sign` −1 takes the noise away instead. */
export function addNoise(
  out: Float32Array,
  pixels: Float32Array,
  { distribution, magnitude }: NoiseKind,
  words: Words,
  sign: 1 | -1 = 1,
): void {
  fills[distribution](words, out);
  const amplitude = sign * magnitude;
  for (let i = 0; i < out.length; i++) {
    const value = pixels[i] + amplitude * out[i];
    out[i] = value < 0 ? 0 : value > 1 ? 1 : value;
  }
}

/**
 * The random words of one sample: a stream of their own for each seed, image id, kind and number of the sample, so that neither
 * batches nor the order of images matter.
 */
export function noiseWords(seed: number, id: string, kind: NoiseKind, sample: number): Words {
  return createWords(seed, hashText(id), hashText(noiseKindName(kind)), sample);
}
