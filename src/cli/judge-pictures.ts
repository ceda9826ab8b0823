/** @file `perceptual-ball detect` goes through pictures: a classifier as statistics want it, a line or an object for each verdict. */
import { basename } from "node:path";
import { sizedPicture } from "../classifier/preprocessing/fit-picture.ts";
import { geometryOfStatistics } from "../detection/odds/statistics-file.ts";
import { BadInputError, UnsupportedError } from "../errors.ts";
import { describeGeometry } from "../image/geometry.ts";
import type { ImageTensor, Picture } from "../image/picture.ts";
import type { FileClassifier } from "../node/models/load-classifier.ts";
import { findPictures } from "../node/pictures/find-pictures.ts";
import { readingFor, readPictureFile } from "../node/pictures/read-picture-file.ts";
import {
  type CliContext,
  exitCodes,
  isInterruption,
  notesOf,
  reportError,
  reportInterruption,
  say,
  sayJson,
} from "./context.ts";
import type { ModelFlags } from "./flags/model-flags.ts";
import { type PictureFlags, pictureOptionsOf } from "./flags/picture-flags.ts";
import type { SpeechFlags } from "./flags/run-flags.ts";
import { loadRuntime, type RuntimeFlags } from "./flags/runtime-flags.ts";
import { noteFit } from "./noted-picture.ts";
import { openClassifier } from "./open-classifier.ts";
import { createProgress } from "./progress.ts";
import { withFittedPreprocessing } from "./read-statistics.ts";

export interface JudgeFlags extends ModelFlags, PictureFlags, RuntimeFlags, SpeechFlags {}

/** A file of statistics. */
export interface StatisticsText {
  readonly path: string;
  readonly text: string;
}

/** What is said of a picture: one line, or one object with --json. */
export interface Verdict {
  readonly record: object;
  readonly sentence: string;
}

/** The verdicts on one picture, of pixels as the classifier takes them. `onProgress` takes the share that is done of it. */
export type Judge = (
  picture: { readonly path: string; readonly pixels: Float32Array },
  onProgress: (share: number) => void,
) => Promise<readonly Verdict[]>;

/**
 * Says what the judge that `prepare` makes of the classifier thinks of each of the pictures. One that cannot be used costs the command its exit
 * code, and not the others.
 */
export async function judgePictures(
  given: readonly string[],
  { path, text }: StatisticsText,
  { flags, context }: { readonly flags: JudgeFlags; readonly context: CliContext },
  prepare: (classifier: FileClassifier) => Promise<Judge>,
): Promise<void> {
  const { io } = context;
  const paths = await findPictures(given);
  const progress = createProgress(io.stderr, { quiet: flags.quiet ?? false });
  const note = notesOf(io, { ...flags, progress });
  const classifier = await openClassifier(withFittedPreprocessing(flags, text, path), {
    runtime: await loadRuntime(flags),
    signal: io.signal,
    hasOwnPictures: true,
    // Statistics hold for one preprocessing: that which they were fitted under, or that which is given.
    samples: async () => ({ pictures: [] }),
    note,
  });
  let done = 0;
  try {
    const judge = await prepare(classifier);
    const noteOn = pictureNotes(classifier, text, note);
    const reading = { ...pictureOptionsOf(flags, note), ...readingFor(classifier.input) };
    progress.begin();
    for (const [index, picture] of paths.entries()) {
      const update = (share: number): void => progress.update((index + share) / paths.length, basename(picture));
      try {
        const read = await readPictureFile(picture, reading);
        noteOn(picture, read);
        noteFit(picture, read, classifier.input, reading.onNote);
        const { data: pixels } = classifier.fit(read);
        const verdicts = await judge({ path: picture, pixels }, update);
        update(1);
        progress.around(() => {
          for (const { record, sentence } of verdicts) {
            if (flags.json) sayJson(io, record);
            else say(io, sentence);
          }
        });
        done++;
      } catch (error) {
        if (!(error instanceof BadInputError || error instanceof UnsupportedError)) throw error;
        context.exitCode = exitCodes.failed;
        progress.around(() => reportError(io, error));
      }
    }
  } catch (error) {
    if (!isInterruption(error)) throw error;
    progress.stop();
    reportInterruption(context, { done, of: paths.length });
  } finally {
    progress.stop();
    await classifier.dispose();
  }
}

/** What is said, once each, of pictures that are not as those that the statistics in `text` were fitted on, or not as an attack left them. */
function pictureNotes(
  classifier: FileClassifier,
  text: string,
  note: (text: string) => void,
): (path: string, picture: Picture | ImageTensor) => void {
  const said = new Set<string>();
  const once = (what: string, sentence: string): void => {
    if (!said.has(what)) note(sentence);
    said.add(what);
  };
  const fitted = geometryOfStatistics(text);
  const { geometry, height, width } = classifier.input;
  const now = describeGeometry(geometry);
  return (path, picture) => {
    if (/\.(jpe?g|jfif|jpe)$/i.test(path)) {
      once(
        "jpeg",
        `${basename(path)} is a JPEG, which keeps only a part of an attack's change: where it was saved without loss before, give that file`,
      );
    }
    const size = sizedPicture(picture);
    if (fitted === undefined || fitted === now || (size.height === height && size.width === width)) return;
    once(
      "geometry",
      `the statistics are of pictures resized otherwise (${fitted}) than these (${now}): --resize, --crop and --interpolation of detect fit go here too`,
    );
  };
}
