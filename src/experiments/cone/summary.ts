/** @file From the planes of many images to one cone. */
import { checkForm, MisuseError } from "../../errors.ts";
import { type ConeCurvature, coneCurvature, type PictureCurvature } from "./curvature.ts";
import type { ConeAxes, PicturePlanes } from "./planes.ts";

export interface Cone extends ConeAxes {
  /** The mean of the softmax of the image's class over images and directions; `probability[i][j]` at a[i], b[j]. */
  readonly probability: readonly (readonly number[])[];
  readonly curvature: ConeCurvature;
  readonly images: number;
  readonly directions: number;
  /** Points evaluated: those with b = 0 are shared by the directions of an image. */
  readonly points: number;
}

/** Takes the planes of one image after the other, and holds none of them. */
export interface ConeAccumulator {
  /** Throws a MisuseError for planes of another grid. */
  add(planes: PicturePlanes): void;
  /** The cone of what was added. Throws a MisuseError if that is nothing. */
  finish(): Cone;
}

/** An accumulator for planes on these axes. Sums depend on the order of the images in their last digits only. */
export function coneAccumulator(coneAxes: ConeAxes, directions: number): ConeAccumulator {
  checkForm("coneAccumulator: coneAxes", coneAxes, ["a", "b"]);
  checkForm("coneAccumulator: directions", directions, "number");
  const { a, b } = coneAxes;
  const sums = a.map(() => new Float64Array(b.length));
  const curvatures: PictureCurvature[] = [];
  let points = 0;
  return {
    add(planes) {
      if (planes.logOdds.length !== directions * a.length * b.length) {
        throw new MisuseError({
          where: "cone",
          what: "planes of another grid",
          expected: `${directions} × ${a.length} × ${b.length} points`,
          got: String(planes.logOdds.length),
        });
      }
      for (let at = 0; at < planes.logOdds.length; at++) {
        const j = at % b.length;
        const i = Math.floor(at / b.length) % a.length;
        sums[i][j] += 1 / (1 + Math.exp(-planes.logOdds[at]));
      }
      curvatures.push(planes.curvature);
      points += planes.points;
    },
    finish() {
      const images = curvatures.length;
      if (images === 0) throw new MisuseError({ where: "cone", what: "no images", expected: "at least one" });
      const count = images * directions;
      return {
        a,
        b,
        probability: sums.map((row) => Array.from(row, (sum) => sum / count)),
        curvature: coneCurvature(curvatures),
        images,
        directions,
        points,
      };
    },
  };
}
