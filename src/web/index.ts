/** @file `perceptual-ball/web`: models and pictures in a browser. */
export { type FileSource, type LoadClassifierOptions, loadClassifier } from "./load-classifier.ts";
export {
  type Bitmap,
  browserEnvironment,
  type DrawingContext,
  type ImageEnvironment,
  type ReadImageOptions,
  readImage,
  readPicture,
} from "./read-image.ts";
