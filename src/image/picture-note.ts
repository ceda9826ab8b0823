/** @file What is said of a picture where reading it left a choice. */
import type { Ground } from "./without-alpha.ts";

/**
 * What a note on a picture is about: how many bits its samples use; a camera's tag that turns it and was not followed; transparency that was left out, or a ground that was put
 * under it; frames or pages after the first; samples beyond those that the network takes, or of fewer bits.
 */
export type PictureNoteCode = "bit-depth" | "not-turned" | "transparency" | "first-frame" | "full-scale";

/** Called with a sentence that begins with the path. */
export type OnPictureNote = (note: string, code: PictureNoteCode) => void;

/** What is said of a picture's transparency where {@link withoutAlpha} looked at something `beneath` it. */
export function transparencyNote(beneath: "colors" | Ground): string {
  if (beneath === "colors") return "its transparency is left out, and the colors stored under it are looked at.";
  const color = beneath === "white" ? "dark" : "light";
  return (
    `all that shows of it has one ${color} color, so the drawing is in its transparency: it is laid on ${beneath}. ` +
    "For another ground, save it with that ground, without transparency."
  );
}

/** What is said of a picture of several frames or pages. */
export function framesNote(frames: number): string {
  return `only the first of its ${frames} frames or pages is looked at.`;
}
