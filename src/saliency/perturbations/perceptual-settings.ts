/** @file The settings of the perceptual methods: those of the perceptual attack, with a default preset of their own. */
import { roundingOption } from "../../attacks/attack-options.ts";
import {
  perceptualOptions,
  perceptualPresetOption,
  perceptualPresets,
} from "../../attacks/perceptual/perceptual-options.ts";

export const perceptualSettings = {
  ...perceptualOptions,
  preset: perceptualPresetOption(perceptualPresets, "auto"),
  rounding: roundingOption,
};
