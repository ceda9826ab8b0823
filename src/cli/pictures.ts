/** @file The pictures that `explain` works on. */
import { statSync } from "node:fs";
import { basename, extname } from "node:path";
import type { Box } from "../image/geometry.ts";
import type { ImageTensor, Picture } from "../image/picture.ts";
import { readImageFile } from "../node/pictures/read-image.ts";
import { renderScene, scenesSeeds } from "../scenes/scenes.ts";

export interface PictureSource {
  /** As the user gave it. */
  readonly image: string;
  /** Unique among the pictures of a run, and fit for a folder's name. */
  readonly name: string;
  /** Where the right box is known, in pixels. */
  readonly groundTruth?: Box;
  readonly load: () => Promise<Picture | ImageTensor>;
}

const bundledCount = 6;

/** The Scenes that are explained when no pictures are given. */
export function bundledPictures(seed: number = scenesSeeds.bundled): PictureSource[] {
  return Array.from({ length: bundledCount }, (_, index) => {
    const scene = renderScene({ seed, index });
    const name = `scene-${index + 1}-${scene.className}`;
    return { image: name, name, groundTruth: scene.box, load: async () => scene.image };
  });
}

/** Names that the files of a run have already. */
const reserved = ["index.html", "maps", "attacks", "experiment.json", "manifest.txt", "results.jsonl", "table.md"];

/** Gives each wanted name, or that with a number where it is taken: some file systems do not tell upper from lower case. */
export function nameGiver(): (wanted: string) => string {
  const taken = new Set(reserved);
  return (wanted) => {
    const base = wanted === "" ? "picture" : wanted;
    let name = base;
    for (let count = 2; taken.has(name.toLowerCase()); count++) name = `${base}-${count}`;
    taken.add(name.toLowerCase());
    return name;
  };
}

/** Pictures from files, in order. A file that is named twice is explained once. */
export function picturesOfFiles(paths: readonly string[]): PictureSource[] {
  const nameOf = nameGiver();
  return [...new Set(paths)].map((path) => {
    const plain = basename(path, extname(path))
      .replace(/[^\p{L}\p{N}._-]+/gu, "-")
      .replace(/^[.-]+|[.-]+$/g, "")
      .slice(0, 80);
    return { image: path, name: nameOf(plain), load: () => readImageFile(path) };
  });
}

/** Whether there is a file that is not empty: what can be told of a picture without decoding it. */
export function seemsReadable(path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats?.isFile() === true && stats.size > 0;
}
