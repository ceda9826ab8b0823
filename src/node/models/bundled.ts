/** @file What comes with the package. */
import { fileURLToPath } from "node:url";

/** Path of the bundled classifier: ten kinds of objects of the Scenes set at 96 × 96 pixels, VGG-like, BatchNormalization kept. */
export const bundledClassifierPath = fileURLToPath(new URL("../../../assets/scenes-vgg.onnx", import.meta.url));
