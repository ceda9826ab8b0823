/** @file `perceptual-ball/node`: models, pictures and arrays on disk. */

export type { OnPictureNote, PictureNoteCode } from "../image/picture-note.ts";
export { defaultCacheFolder, type FetchDatasetOptions, fetchDataset } from "./data/fetch-dataset.ts";
export { createFileSource, type FileSourceOptions, nodeFileSource } from "./data/file-source.ts";
export { fingerprinted } from "./data/fingerprinted.ts";
export { type LoadDatasetOptions, loadDataset } from "./data/load-dataset.ts";
export type { EndpointAnswers } from "./endpoint/description.ts";
export { type EndpointClassifier, type EndpointOptions, openEndpoint } from "./endpoint/open-endpoint.ts";
export { bundledClassifierPath, bundledStatisticsPath } from "./models/bundled.ts";
export { type FileClassifier, type LoadClassifierOptions, loadClassifier } from "./models/load-classifier.ts";
export { type LoadedModel, loadModelFile, type WeightsFile, weightsFolderOption } from "./models/load-model.ts";
export { type WriteModelFileOptions, writeModelFile } from "./models/write-model-file.ts";
export { readNpy, writeNpy } from "./npy.ts";
export { findPictures } from "./pictures/find-pictures.ts";
export { rasterize } from "./pictures/rasterize.ts";
export { decodeImage, type ReadImageOptions, readImageFile } from "./pictures/read-image.ts";
export { readImage } from "./pictures/read-input.ts";
export {
  type ArrayImage,
  type NetworkReading,
  type ReadPictureFileOptions,
  readingFor,
  readPictureFile,
} from "./pictures/read-picture-file.ts";
export { readRegion } from "./pictures/read-region.ts";
export { type EncodePngOptions, encodePng, writePng } from "./pictures/write-image.ts";
export { type MergedRecords, mergeRecordFolders } from "./records/merge-record-folders.ts";
export type { RecordWriter } from "./records/record-file.ts";
export { openRecordFolder, type RecordFolder, type RecordFolderOptions } from "./records/record-folder.ts";
export {
  type MachineStatus,
  type RecordStatus,
  type RecordStatusOptions,
  recordStatus,
} from "./records/record-status.ts";
