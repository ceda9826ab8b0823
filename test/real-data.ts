/** @file Where the tests on real classifiers and photographs look for them. They are no part of the project. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";

const candidates = [process.env.PERCEPTUAL_BALL_DATA, resolve(import.meta.dirname, "../../shared/data")];

/** The folder of real data, or undefined: $PERCEPTUAL_BALL_DATA, or shared/data beside the checkout. */
export const realData = candidates.find((folder) => folder !== undefined && existsSync(join(folder, "models")));

/** What a skipped suite is called, so that nobody takes it for passed. */
export const realDataTitle =
  realData === undefined ? "skipped: no real data in ../shared/data or $PERCEPTUAL_BALL_DATA" : "on real data";

export const realModels = [
  { name: "squeezenet1_1", preprocessing: "imagenet", size: 224 },
  { name: "tiny_darknet_bn", preprocessing: "unit", size: 224 },
  { name: "mobilenetv2", preprocessing: "symmetric", size: 224 },
  { name: "cifar10_vgg7_bn", preprocessing: "symmetric", size: 32 },
  { name: "cifar10_resnet20_bn", preprocessing: "imagenet", size: 32 },
] as const;
