/** @file Constants and shapes: nothing that varies with the elements of an input, so no gradients. */
import { noGradient } from "../rule.ts";

export const Constant = noGradient;
export const ConstantOfShape = noGradient;
export const EyeLike = noGradient;
export const Range = noGradient;
export const Shape = noGradient;
export const Size = noGradient;
