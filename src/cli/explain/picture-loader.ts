/** @file The pictures of a run of `explain`: loaded, kept until they are explained, and reported once where they cannot be used. */

import { sizedPicture } from "../../classifier/preprocessing/fit-picture.ts";
import { type Region, regionMask } from "../../classifier/preprocessing/region-mask.ts";
import { PerceptualBallError } from "../../errors.ts";
import type { ImageTensor, Picture } from "../../image/picture.ts";
import type { FileClassifier } from "../../node/models/load-classifier.ts";
import { type CliContext, exitCodes, reportError } from "../context.ts";
import type { NetworkInput, PictureSource } from "../pictures.ts";
import type { ProgressDisplay } from "../progress.ts";
import { PictureError } from "./explain-in-workers.ts";

export interface PictureLoader {
  /** What was wrong with pictures so far. */
  readonly failures: readonly { readonly image: string; readonly reason: string }[];
  /** The picture, or undefined if it cannot be read, which is reported once and decides the exit code. */
  load(source: PictureSource, input?: NetworkInput): Promise<Picture | ImageTensor | undefined>;
  /** Those of the pictures that can be read; they are kept until they are taken. */
  samples(sources: readonly PictureSource[], input: NetworkInput): Promise<(Picture | ImageTensor)[]>;
  /** As `load`, with something of the picture in the region; it is kept no longer. */
  take(source: PictureSource, input: FileClassifier["input"]): Promise<Picture | ImageTensor | undefined>;
  /** As `take`, but what is wrong with the picture is thrown, as a {@link PictureError}. */
  takeOrThrow(source: PictureSource, input: FileClassifier["input"]): Promise<Picture | ImageTensor>;
  /** Reports what is wrong with a picture; throws what is no fault of it. */
  fail(source: PictureSource, error: unknown): void;
}

/** A loader for a run that may change pictures in `region` only. */
export function pictureLoader(
  context: CliContext,
  progress: ProgressDisplay,
  region: Region | undefined,
): PictureLoader {
  const failures: { image: string; reason: string }[] = [];
  const kept = new Map<PictureSource, Picture | ImageTensor>();

  function fail({ image }: PictureSource, error: unknown): void {
    if (!(error instanceof PerceptualBallError)) throw error;
    failures.push({ image, reason: error.message });
    context.exitCode = exitCodes.failed;
    progress.around(() => reportError(context.io, error));
  }

  async function load(source: PictureSource, input?: NetworkInput): Promise<Picture | ImageTensor | undefined> {
    const known = kept.get(source);
    if (known !== undefined || failures.some(({ image }) => image === source.image)) return known;
    try {
      return await source.load(input);
    } catch (error) {
      fail(source, error);
      return undefined;
    }
  }

  /** Throws where nothing of the picture is in the region. */
  function checkRegion(picture: Picture | ImageTensor, input: FileClassifier["input"]): void {
    if (region !== undefined) regionMask("--mask", region, sizedPicture(picture), input);
  }

  return {
    failures,
    fail,
    load,
    async samples(sources, input) {
      for (const source of sources) {
        const picture = await load(source, input);
        if (picture !== undefined) kept.set(source, picture);
      }
      return [...kept.values()];
    },
    async take(source, input) {
      const picture = await load(source, input);
      kept.delete(source);
      if (picture === undefined) return undefined;
      try {
        checkRegion(picture, input);
        return picture;
      } catch (error) {
        fail(source, error);
        return undefined;
      }
    },
    async takeOrThrow(source, input) {
      try {
        const picture = kept.get(source) ?? (await source.load(input));
        kept.delete(source);
        checkRegion(picture, input);
        return picture;
      } catch (error) {
        throw error instanceof PerceptualBallError ? new PictureError(error) : error;
      }
    },
  };
}
