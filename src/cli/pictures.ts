/** @file The pictures that `explain` works on. */

import { statSync } from "node:fs";
import { basename, extname } from "node:path";
import type { ImageInput } from "../classifier/classifier.ts";
import type { ModelWarning } from "../classifier/network/prepare-model.ts";
import { MisuseError } from "../errors.ts";
import type { Box } from "../image/geometry.ts";
import type { ImageTensor, Picture } from "../image/picture.ts";
import { outputName, uniqueNames } from "../node/output-names.ts";
import { pathBytes } from "../node/path-bytes.ts";
import { findPictures } from "../node/pictures/find-pictures.ts";
import {
  type NetworkReading,
  type ReadPictureFileOptions,
  readingFor,
  readPictureFile,
} from "../node/pictures/read-picture-file.ts";
import { renderScene, scenesSeeds } from "../scenes/scenes.ts";
import { type NotedPicture, notedPicture, noteFit } from "./noted-picture.ts";

/** What of a network decides how pictures are read, and what is seen of them. */
export type NetworkInput = Pick<ImageInput, "channelCount" | "scale" | "geometry">;

export interface PictureSource {
  /** As the user gave it. */
  readonly image: string;
  /** Unique among the pictures of a run, and fit for a folder's name. */
  readonly name: string;
  /** Where the right box is known, in pixels. */
  readonly groundTruth?: Box;
  /** The picture, as the network with this input takes files; with 3 channels of 8 bits by default. */
  readonly load: (input?: NetworkInput) => Promise<Picture | ImageTensor>;
  /** What was concluded when it was loaded, and must be known before a result is trusted. */
  readonly warnings: () => readonly ModelWarning[];
}

const bundledCount = 6;

/** The Scenes that are explained when no pictures are given. */
export function bundledPictures(seed: number = scenesSeeds.bundled): PictureSource[] {
  return Array.from({ length: bundledCount }, (_, index) => {
    const scene = renderScene({ seed, index });
    const name = `scene-${index + 1}-${scene.className}`;
    return { image: name, name, groundTruth: scene.box, load: async () => scene.image, warnings: () => [] };
  });
}

/** The pictures of a command that also takes a data set: none where there is one, those of the arguments, or the bundled ones. Throws as `picturesOfFiles` does. */
export async function picturesBesideData(
  given: readonly string[],
  data: string | undefined,
  options: Parameters<typeof picturesOfFiles>[1],
): Promise<PictureSource[]> {
  if (data !== undefined) return [];
  return given.length === 0 ? bundledPictures() : picturesOfFiles(given, options);
}

/** Names that the files of a run have already. */
export const reservedNames: readonly string[] = [
  "index.html",
  "maps",
  "attacks",
  "experiment.json",
  "manifest.txt",
  "results.csv",
  "results.jsonl",
  "run.json",
  "table.md",
];

/**
 * The pictures that arguments mean (files, folders, patterns and lists; see {@link findPictures}), in order. A file that is named twice
 * is explained once. Throws as `findPictures` does.
 */
export async function picturesOfFiles(
  given: readonly string[],
  options: Omit<ReadPictureFileOptions, keyof NetworkReading | "onNote"> & Partial<Pick<NotedPicture, "onNote">> = {},
): Promise<PictureSource[]> {
  const unique = uniqueNames(reservedNames);
  return (await findPictures(given)).map((path) => {
    const noted = notedPicture();
    const onNote: NotedPicture["onNote"] = (text, code) => {
      noted.onNote(text, code);
      options.onNote?.(text, code);
    };
    const load = async (input?: NetworkInput): Promise<Picture | ImageTensor> => {
      const reading = input === undefined ? {} : readingFor(input);
      const picture = await readPictureFile(path, { ...options, ...reading, onNote });
      if (input !== undefined) noteFit(path, picture, input, onNote);
      return picture;
    };
    return {
      image: path,
      name: unique(outputName(basename(path, extname(path)))),
      load,
      warnings: noted.warnings,
    };
  });
}

/** Throws a MisuseError for both pictures and data, and for a model that is given neither; without a model there are the bundled pictures. */
export function checkPicturesOrData(
  command: string,
  images: readonly string[],
  { data, model }: { readonly data?: string; readonly model?: string },
): void {
  if (images.length > 0 && data !== undefined) {
    throw new MisuseError({ where: command, what: "there are both pictures and --data", expected: "one of them" });
  }
  if (images.length === 0 && data === undefined && model !== undefined) {
    throw new MisuseError({
      where: command,
      what: "there is a model but no picture",
      expected: "at least one picture, or --data",
      advice: `perceptual-ball ${command} dog.jpg --model model.onnx`,
    });
  }
}

/** Whether there is a file that is not empty: what can be told of a picture without decoding it. */
export function seemsReadable(path: string): boolean {
  const stats = statSync(pathBytes(path), { throwIfNoEntry: false });
  return stats?.isFile() === true && stats.size > 0;
}
