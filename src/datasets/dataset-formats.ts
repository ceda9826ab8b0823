/** @file The formats of data sets, in the order in which they are tried and listed. A new one is a file in `formats/` and a line here. */
import type { DatasetFormatDefinition } from "./dataset-format.ts";
import { aircraftFormat } from "./formats/aircraft.ts";
import { mnistFormat } from "./formats/arrays/mnist.ts";
import { arraysFormat } from "./formats/arrays/numpy-arrays.ts";
import { pixelsFormat } from "./formats/arrays/pixel-tables.ts";
import { boxesFormat } from "./formats/boxes/boxes.ts";
import { labelFoldersFormat } from "./formats/boxes/label-folders.ts";
import { cifar10Format, cifar100Format } from "./formats/cifar.ts";
import { metadataFormat } from "./formats/class-tables/metadata.ts";
import { cocoFormat } from "./formats/coco.ts";
import { cubFormat } from "./formats/cub.ts";
import { classesFormat, picturesFormat } from "./formats/folders/picture-folders.ts";
import { imagenetFormat } from "./formats/imagenet.ts";
import { petsFormat } from "./formats/oxford-pets.ts";
import { parquetFormat } from "./formats/tables/parquet.ts";
import { vocFormat } from "./formats/voc.ts";
import { wsolFormat } from "./formats/wsol.ts";
import { yoloFormat } from "./formats/yolo/yolo.ts";

export const formatDefinitions = [
  imagenetFormat,
  wsolFormat,
  vocFormat,
  cocoFormat,
  yoloFormat,
  cubFormat,
  aircraftFormat,
  petsFormat,
  boxesFormat,
  labelFoldersFormat,
  metadataFormat,
  cifar10Format,
  cifar100Format,
  mnistFormat,
  arraysFormat,
  pixelsFormat,
  parquetFormat,
  classesFormat,
  picturesFormat,
] as const satisfies readonly DatasetFormatDefinition[];

export type DatasetFormat = (typeof formatDefinitions)[number]["name"];

/** The names of the formats. */
export const datasetFormats: readonly DatasetFormat[] = formatDefinitions.map(({ name }) => name);
