/** @file What is said of a picture where reading it left a choice. */

/**
 * What a note on a picture is about: how many bits its samples use; a camera's tag that turns it and was not followed; transparency that was left out; frames or pages
 * after the first; samples beyond those that the network takes, or of fewer bits.
 */
export type PictureNoteCode = "bit-depth" | "not-turned" | "transparency" | "first-frame" | "full-scale";

/** Called with a sentence that begins with the path. */
export type OnPictureNote = (note: string, code: PictureNoteCode) => void;

/** What is said where a picture's transparency is left out and the colors under it are known. */
export const transparencyNote = "its transparency is left out, and the colors stored under it are looked at.";

/** What is said of a picture of several frames or pages. */
export function framesNote(frames: number): string {
  return `only the first of its ${frames} frames or pages is looked at.`;
}
