/** @file `perceptual-ball/web`: models and pictures in a browser. */
export type { OnPictureNote, PictureNoteCode } from "../image/picture-note.ts";
export {
  type FileSource,
  type LoadClassifierOptions,
  loadClassifier,
  type ReadModelFileOptions,
  readModelFile,
} from "./load-classifier.ts";
export { type LoadRuntimeOptions, loadRuntime, useThreads } from "./load-runtime.ts";
export {
  type Bitmap,
  browserEnvironment,
  type DrawingContext,
  type ImageEnvironment,
  type ReadImageOptions,
  readImage,
  readPicture,
} from "./read-image.ts";
