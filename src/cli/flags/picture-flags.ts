/** @file The flags that say how pictures are read: the same in every command that takes pictures or data. */
import { type Command, Option } from "commander";
import { defaultMaxPixels, type ReadImageOptions } from "../../node/pictures/read-image.ts";
import { eachOnce } from "../context.ts";
import { number } from "./parse-values.ts";

/** What commands say of their arguments. */
export const pictureArgument = "pictures: files, folders, patterns (quoted where the shell expands none), @list.txt";

export interface PictureFlags {
  readonly maxPixels?: number;
  readonly bitDepth?: number;
}

/** `--mask`: where pictures may change. */
export function maskOption(): Option {
  return new Option(
    "--mask <region>",
    "change pixels inside only: a box x0,y0,x1,y1 in pixels of the picture, or a picture that is light there",
  );
}

export function addPictureFlags(command: Command): Command {
  const add = (flags: string, description: string, parse: (text: string) => number): void => {
    command.addOption(new Option(flags, description).helpGroup("Pictures:").argParser(parse));
  };
  add(
    "--max-pixels <n>",
    `refuse larger pictures (default: ${defaultMaxPixels}, which take 200 MB)`,
    number("--max-pixels", { min: 1, max: 2 ** 31, integer: true }),
  );
  add(
    "--bit-depth <bits>",
    "bits that 16-bit samples use, such as 12 (default: seen from the samples, and said)",
    number("--bit-depth", { min: 8, max: 16, integer: true }),
  );
  return command;
}

/** How the flags have pictures read; each note is said once. */
export function pictureOptionsOf(
  { maxPixels, bitDepth }: PictureFlags,
  note?: (text: string) => void,
): Pick<ReadImageOptions, "maxPixels" | "bitDepth"> & { readonly onNote: (text: string) => void } {
  return { maxPixels, bitDepth, onNote: eachOnce(note) };
}
