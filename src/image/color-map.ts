/** @file False colors for maps, and blending of pictures. */
import { checkForm, checkKeys, MisuseError, numberIn, oneOf } from "../errors.ts";
import { type FloatTensor, sizeOf } from "../tensor/tensor.ts";
import { checkImage, type ImageTensor } from "./picture.ts";

export const colorMaps = ["inferno", "viridis", "diverging"] as const;
/**
 * `inferno` (black – purple – orange – yellow) and `viridis` (purple – green – yellow) grow in lightness from 0 to 1;
 * `diverging` (blue – white – red) is lightest at ½ and falls off alike to both sides.
 */
export type ColorMap = (typeof colorMaps)[number];

export type Rgb = readonly [red: number, green: number, blue: number];

// Every eighth color of Matplotlib's maps (van der Walt and Smith, released under CC0), straight lines between them: at most
// 2/255 from the full table.
const anchors: Record<Exclude<ColorMap, "diverging">, readonly Rgb[]> = {
  inferno: rgbOf(
    "0000040403120b0724150b37210c4a2e0a5a3c09654a0c6b57106d63146e70196e7d1e6d89226a962766a32b61af315cbb3755" +
      "c63e4dd14644db4f3be35932eb6528f1711ef67f14f98d0afb9c06fcab0ffbba1ff9ca32f5d949f2e865f3f586fcffa4",
  ),
  viridis: rgbOf(
    "440154470d6048186a482374472d7b4536814240863f49893b528b375a8d33638d2f6a8e2c728e297a8e26818e23898e21908c" +
      "1f988b1f9f8821a68528ae8031b57b3ebc744cc26c5dc9636ece5882d34c96d83fabdc32c0df24d5e21aeae51afde725",
  ),
};

function rgbOf(hex: string): Rgb[] {
  return Array.from({ length: hex.length / 6 }, (_, i) => {
    const channel = (c: number) => Number.parseInt(hex.slice(6 * i + 2 * c, 6 * i + 2 * c + 2), 16) / 255;
    return [channel(0), channel(1), channel(2)];
  });
}

function interpolated(colors: readonly Rgb[], t: number): Rgb {
  const position = t * (colors.length - 1);
  const i = Math.min(colors.length - 2, Math.floor(position));
  const rest = position - i;
  const [a, b] = [colors[i], colors[i + 1]];
  const kept = 1 - rest;
  return [a[0] * kept + b[0] * rest, a[1] * kept + b[1] * rest, a[2] * kept + b[2] * rest];
}

/** A color of Björn Ottosson's Oklab space (lightness 0–1, green–red a, blue–yellow b) in sRGB, clipped to its gamut. */
function srgbOfOklab(lightness: number, a: number, b: number): Rgb {
  const l = (lightness + 0.3963377774 * a + 0.2158037573 * b) ** 3;
  const m = (lightness - 0.1055613458 * a - 0.0638541728 * b) ** 3;
  const s = (lightness - 0.0894841775 * a - 1.291485548 * b) ** 3;
  const encode = (linear: number) => {
    const v = Math.min(1, Math.max(0, linear));
    return v <= 0.0031308 ? 12.92 * v : 1.055 * v ** (1 / 2.4) - 0.055;
  };
  return [
    encode(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s),
    encode(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s),
    encode(-0.0041960863 * l - 0.7034186147 * m + 1.707614701 * s),
  ];
}

/** Straight lines in Oklab from a near-white in the middle to a blue and a red of equal lightness at the ends. */
function diverging(t: number): Rgb {
  const distance = Math.abs(2 * t - 1);
  const [a, b] = t < 0.5 ? [-0.03, -0.15] : [0.15, 0.075];
  return srgbOfOklab(0.97 - 0.5 * distance, a * distance, b * distance);
}

/** The color of value `t`, clipped to [0, 1]: red, green and blue in [0, 1]. */
export function colorAt(t: number, colorMap: ColorMap): Rgb {
  checkForm("colorAt: t", t, "number");
  checkForm("colorAt: colorMap", colorMap, "string");
  return colorOf(t, colorMap);
}

/** {@link colorAt} unchecked, for loops over pixels. */
export function colorOf(t: number, colorMap: ColorMap): Rgb {
  const inside = Math.min(1, Math.max(0, t));
  return colorMap === "diverging" ? diverging(inside) : interpolated(anchors[colorMap], inside);
}

export interface ColorizeOptions {
  /** Default `inferno`. */
  readonly colorMap?: ColorMap;
}

/**
 * The map [H, W] in false colors: an image [3, H, W]. Values are clipped to [0, 1] (see `normalizeMap`; for signed values
 * `normalizeSigned` with the map `diverging`). Throws a {@link MisuseError} if the tensor is no map or holds NaN.
 */
export function colorize(map: FloatTensor, options: ColorizeOptions = {}): ImageTensor {
  checkForm("colorize: map", map, ["dtype", "data", "shape"]);
  checkKeys("colorize", options, ["colorMap"]);
  const colorMap = oneOf("colorize: colorMap", options.colorMap ?? "inferno", colorMaps);
  const { shape, data } = map;
  if (shape.length !== 2 || data.some(Number.isNaN)) {
    throw new MisuseError({
      where: "colorize",
      what: "not a map",
      expected: "a tensor of shape [H, W] without NaN",
      got: shape.length === 2 ? "NaN" : `shape [${shape.join(", ")}]`,
    });
  }
  const size = sizeOf(shape);
  const out = new Float32Array(3 * size);
  for (let i = 0; i < size; i++) {
    const [red, green, blue] = colorOf(data[i], colorMap);
    out[i] = red;
    out[size + i] = green;
    out[2 * size + i] = blue;
  }
  return { dtype: "float32", shape: [3, ...shape], data: out };
}

/**
 * `over` laid over `under`: (1 − opacity)·under + opacity·over, images [C, H, W] of one size, where either may have one
 * channel, which then stands for all. `opacity` is one number in [0, 1] or a map [H, W] of them.
 *
 * Throws a {@link MisuseError} if the sizes differ or a single opacity leaves [0, 1].
 */
export function blend(under: ImageTensor, over: ImageTensor, opacity: number | FloatTensor): ImageTensor {
  checkForm("blend: under", under, ["dtype", "data", "shape"]);
  checkForm("blend: over", over, ["dtype", "data", "shape"]);
  const [underChannels, height, width] = checkImage("blend", under).shape;
  const [overChannels] = checkImage("blend", over).shape;
  const size = height * width;
  const shapes = [over.shape.slice(1), ...(typeof opacity === "number" ? [] : [opacity.shape])];
  const areAlike = shapes.every((shape) => shape.length === 2 && shape[0] === height && shape[1] === width);
  if (!areAlike || (underChannels !== overChannels && underChannels !== 1 && overChannels !== 1)) {
    throw new MisuseError({
      where: "blend",
      what: "sizes differ",
      expected: `images and opacities of ${height} × ${width} pixels`,
      got: [under.shape, over.shape, ...shapes.slice(1)].map((shape) => `[${shape.join(", ")}]`).join(", "),
    });
  }
  if (typeof opacity === "number") numberIn("blend: opacity", opacity, { min: 0, max: 1 });
  const channels = Math.max(underChannels, overChannels);
  const data = new Float32Array(channels * size);
  for (let c = 0; c < channels; c++) {
    const [u, o] = [underChannels === 1 ? 0 : c * size, overChannels === 1 ? 0 : c * size];
    for (let i = 0; i < size; i++) {
      const weight = typeof opacity === "number" ? opacity : opacity.data[i];
      data[c * size + i] = (1 - weight) * under.data[u + i] + weight * over.data[o + i];
    }
  }
  return { dtype: "float32", shape: [channels, height, width], data };
}
