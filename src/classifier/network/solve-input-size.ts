/**
 * @file The input size of a model that leaves it open and yet takes only one.
 *
 * A dense layer behind the convolutions fits one number of features, so one size of pictures. The sizes are tried: shapes alone decide.
 */

/** The sides that are looked for; a fixed one is a number. */
export interface OpenSides {
  readonly height: number | undefined;
  readonly width: number | undefined;
}

const least = 8;
const most = 640;

/**
 * [height, width] of the roundest size that `fits`: multiples of 32 before those of 16, and so on down to odd numbers, smaller ones first. Open sides are
 * alike. Undefined if none does. `isPatient`: whether odd sizes are worth their time.
 */
export function solveInputSize(
  { height, width }: OpenSides,
  fits: (height: number, width: number) => boolean,
  isPatient: boolean,
): readonly [height: number, width: number] | undefined {
  const tried = new Set<number>();
  for (const step of isPatient ? [32, 16, 8, 4, 2, 1] : [32, 16, 8, 4]) {
    for (let side = Math.ceil(least / step) * step; side <= most; side += step) {
      if (tried.has(side)) continue;
      tried.add(side);
      const [h, w] = [height ?? side, width ?? side];
      if (fits(h, w)) return [h, w];
    }
  }
  return undefined;
}
