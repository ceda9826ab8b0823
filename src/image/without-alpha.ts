/** @file Pictures without their transparency: what is looked at in its place. */
import { luma } from "./luma.ts";

/** Interleaved samples, as {@link withoutAlpha} takes them: bytes, 16 bits, or numbers. */
export type AlphaSamples = Uint8Array | Uint16Array | Float32Array;

/** A ground that is put under a drawing. */
export type Ground = "white" | "black";

export interface WithoutAlpha<S extends AlphaSamples> {
  /** The samples without the last of each pixel. */
  readonly data: S;
  /** What is looked at where one could see through: `nothing` where one cannot, the `colors` that are stored there, or a ground. */
  readonly beneath: "nothing" | "colors" | Ground;
}

/**
 * The colors of `samples` without alpha, which is the last of each pixel's `channels` (2: gray and alpha; 4: red, green, blue and alpha); `full` is the sample of full
 * opacity and of white.
 *
 * They are those that are stored, whatever their alpha, unless the drawing is in alpha alone: if alpha varies and all that is not wholly transparent has one color, within a
 * level of 255 per channel, that color is laid on white where its luma is below one half, on black otherwise. Black strokes that a canvas saved would be a black square.
 */
export function withoutAlpha<S extends AlphaSamples>(samples: S, channels: 2 | 4, full: number): WithoutAlpha<S> {
  const colors = channels - 1;
  const pixels = samples.length / channels;
  const data = new (samples.constructor as new (length: number) => S)(colors * pixels);
  const color = colorOfDrawing(samples, channels, full);
  if (color === undefined) {
    let isOpaque = true;
    for (let i = 0; i < pixels; i++) {
      for (let c = 0; c < colors; c++) data[colors * i + c] = samples[channels * i + c];
      if (!(samples[channels * i + colors] >= full)) isOpaque = false;
    }
    return { data, beneath: isOpaque ? "nothing" : "colors" };
  }
  const beneath = luma(color[0], color[colors >> 1], color[colors - 1]) < full / 2 ? "white" : "black";
  const ground = beneath === "white" ? full : 0;
  const isWhole = !(samples instanceof Float32Array);
  for (let i = 0; i < pixels; i++) {
    const alpha = samples[channels * i + colors];
    for (let c = 0; c < colors; c++) {
      const shown = (samples[channels * i + c] * alpha + ground * (full - alpha)) / full;
      data[colors * i + c] = isWhole ? Math.round(shown) : shown;
    }
  }
  return { data, beneath };
}

/**
 * The one color of what is not wholly transparent, the least of each channel; undefined where there are several, where alpha does not vary, and where samples are no shares
 * of `full`.
 */
function colorOfDrawing(samples: AlphaSamples, channels: number, full: number): readonly number[] | undefined {
  const colors = channels - 1;
  // Numbers that are not whole are a level apart but for rounding.
  const level = (1.001 * full) / 255;
  const least: number[] = Array(colors).fill(full);
  const greatest: number[] = Array(colors).fill(0);
  let [leastAlpha, greatestAlpha] = [full, 0];
  for (let at = 0; at < samples.length; at += channels) {
    const alpha = samples[at + colors];
    // NaN is none, either.
    if (!(alpha >= 0 && alpha <= full)) return undefined;
    leastAlpha = Math.min(leastAlpha, alpha);
    greatestAlpha = Math.max(greatestAlpha, alpha);
    if (alpha === 0) continue;
    for (let c = 0; c < colors; c++) {
      const value = samples[at + c];
      if (!(value >= 0 && value <= full)) return undefined;
      least[c] = Math.min(least[c], value);
      greatest[c] = Math.max(greatest[c], value);
      if (greatest[c] - least[c] > level) return undefined;
    }
  }
  return leastAlpha < greatestAlpha ? least : undefined;
}
