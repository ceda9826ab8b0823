/** @file What comes with the package. */
import { join } from "node:path";
import { packageRoot } from "../package-root.ts";

/** Path of the bundled classifier: ten kinds of objects of the Scenes set at 96 × 96 pixels, VGG-like, BatchNormalization kept. */
export const bundledClassifierPath = join(packageRoot, "assets/scenes-vgg.onnx");

/** Path of the statistics of the test for attacked pictures (`detect`) on the bundled classifier, fitted to clean scenes. */
export const bundledStatisticsPath = join(packageRoot, "assets/scenes-vgg.odds.json");
