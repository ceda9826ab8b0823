/** @file What the cone experiment keeps of one picture under one attack: plain JSON, and the planes as an array. */
import { type Form, isCount, isNumber, objectOf } from "../records/record-form.ts";
import type { PictureCurvature } from "./curvature.ts";

export interface ConeRecord {
  /** The class that the picture is of. */
  readonly label: number;
  readonly curvature: PictureCurvature;
  readonly points: number;
}

/** The name of the array that holds ℓ = log(p / (1 − p)) of the class, float64 [directions, a, b]. */
export const planesArray = "logOdds";

/** Whether a value that was read is a {@link ConeRecord}. */
export const isConeRecord: Form<ConeRecord> = objectOf<ConeRecord>({
  label: isCount,
  curvature: objectOf<PictureCurvature>({ adversarial: isNumber, clean: isNumber, returned: isNumber }),
  points: isCount,
});
