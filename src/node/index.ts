/** @file `perceptual-ball/node`: models, pictures and arrays on disk. */
export { bundledClassifierPath } from "./bundled.ts";
export { defaultCacheFolder, type FetchDatasetOptions, fetchDataset } from "./fetch-dataset.ts";
export { nodeFileSource } from "./file-source.ts";
export { type FileClassifier, type LoadClassifierOptions, loadClassifier } from "./load-classifier.ts";
export { type LoadDatasetOptions, loadDataset } from "./load-dataset.ts";
export { type LoadedModel, loadModelFile, type WeightsFile, weightsFolderOption } from "./load-model.ts";
export { type MergedRecords, mergeRecordFolders } from "./merge-record-folders.ts";
export { readNpy, writeNpy } from "./npy.ts";
export { rasterize } from "./rasterize.ts";
export { decodeImage, type ReadImageOptions, readImageFile } from "./read-image.ts";
export { readImage } from "./read-input.ts";
export { openRecordFolder, type RecordFolder, type RecordFolderOptions } from "./record-folder.ts";
export { encodePng, writePng } from "./write-image.ts";
export { type WriteModelFileOptions, writeModelFile } from "./write-model-file.ts";
