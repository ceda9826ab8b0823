/** @file What resizing and cropping do to a picture that its result cannot be trusted without. */

import { checkForm } from "../../errors.ts";
import { describeGeometry, fitGeometry, type GeometryRule } from "../../image/geometry.ts";
import type { ModelWarning } from "../network/prepare-model.ts";
import { geometryFor, type SizedPicture } from "./fit-picture.ts";

/** Less than this of a picture is seen, or of the network's input is picture: a photograph of 16 : 9 keeps .43 under the usual crop. */
const leastShare = 1 / 3;
/** Width and height are scaled apart by more than this. */
const mostStretched = 3;
/** A side of the picture is enlarged by more than this: 32 pixels become 224 where small pictures go into large networks on purpose. */
const mostEnlarged = 8;

/**
 * What a network whose pictures are resized by `rule` sees of this picture, where that is little or odd: the middle of a panorama, a strip in a
 * frame, a picture squeezed in one direction, few pixels drawn large. The sentences go on from the picture's name.
 */
export function pictureWarnings(picture: SizedPicture, rule: GeometryRule): readonly ModelWarning[] {
  checkForm("pictureWarnings: picture", picture, ["width", "height"]);
  checkForm("pictureWarnings: rule", rule, ["resize"]);
  const own = geometryFor(picture, rule);
  const { width, height } = picture;
  const { resizedWidth, resizedHeight, crop, toInput, toPicture } = fitGeometry(own, width, height);
  const how = `(${describeGeometry(own)})`;
  const warnings: ModelWarning[] = [];
  const warn = (code: string, message: string): void => void warnings.push({ code, message });
  const seen = areaOf(toPicture([0, 0, crop.width, crop.height])) / (width * height);
  if (seen < leastShare) {
    const share = inPercent(seen);
    warn(
      "mostly-cropped",
      `only its middle, ${share} of it, is seen ${how}. --resize pad shows all of it in a frame, --resize exact distorted.`,
    );
  }
  const filled = areaOf(toInput([0, 0, width, height])) / (crop.width * crop.height);
  if (filled < leastShare) {
    warn(
      "mostly-frame",
      `it fills ${inPercent(filled)} of what the network sees, the rest is frame ${how}. --resize exact fills it, distorted.`,
    );
  }
  const [acrossScale, downScale] = [resizedWidth / width, resizedHeight / height];
  const stretched = Math.max(acrossScale / downScale, downScale / acrossScale);
  // That a side of few pixels is rounded to whole ones is not meant.
  if (own.resize.kind === "exact" && stretched > mostStretched) {
    const shape = acrossScale < downScale ? "narrower" : "flatter";
    warn(
      "distorted",
      `it is seen ${Number(stretched.toPrecision(2))} times ${shape} than it is ${how}. --resize pad keeps its shape, in a frame.`,
    );
  }
  const enlarged = Math.min(acrossScale, downScale);
  if (enlarged > mostEnlarged) {
    warn(
      "enlarged",
      `its ${width}x${height} pixels are enlarged ${Math.round(enlarged)} times ${how}: the network sees a blur, and maps are finer than the picture.`,
    );
  }
  return warnings;
}

function areaOf([x0, y0, x1, y1]: readonly [number, number, number, number]): number {
  return (x1 - x0) * (y1 - y0);
}

function inPercent(share: number): string {
  return share < 0.01 ? "less than 1 %" : `${Math.round(100 * share)} %`;
}
