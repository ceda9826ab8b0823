/** @file What was concluded of a picture while it was read and fitted, for the warnings of its result. */
import type { ImageInput } from "../classifier/classifier.ts";
import type { ModelWarning } from "../classifier/network/prepare-model.ts";
import { sizedPicture } from "../classifier/preprocessing/fit-picture.ts";
import { pictureWarnings } from "../classifier/preprocessing/picture-warnings.ts";
import type { ImageTensor, Picture } from "../image/picture.ts";

export interface NotedPicture {
  /** Keeps a note, each once. */
  readonly onNote: (text: string, code: string) => void;
  /** The notes so far. */
  readonly warnings: () => readonly ModelWarning[];
}

export function notedPicture(): NotedPicture {
  const concluded = new Map<string, string>();
  return {
    onNote: (text, code) => concluded.set(text, code),
    warnings: () => [...concluded].map(([message, code]) => ({ code, message })),
  };
}

/** Notes what the network with this input sees of `picture`, which is in the file at `path`, where that is little or odd. */
export function noteFit(
  path: string,
  picture: Picture | ImageTensor,
  { geometry }: Pick<ImageInput, "geometry">,
  onNote: NotedPicture["onNote"],
): void {
  for (const { code, message } of pictureWarnings(sizedPicture(picture), geometry)) onNote(`${path}: ${message}`, code);
}
