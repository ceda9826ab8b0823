/** @file The folders on disk whose files say something of a model. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { Folder } from "../../classifier/beside/folder.ts";
import { type BesideModel, readBeside } from "../../classifier/beside/read-beside.ts";
import { decodeText } from "../../classifier/labels/decode-text.ts";

/**
 * What the files beside the model at `path` say: those in its own folder, of optimum's exports also those in the folder above one called "onnx", and of Triton's
 * repositories those in the one above the version's.
 */
export function readBesideModel(path: string): BesideModel {
  const own = dirname(path);
  const above = dirname(own);
  const isVersion = /^\d+$/.test(basename(own)) && existsSync(join(above, "config.pbtxt"));
  const folders = basename(own) === "onnx" || isVersion ? [own, above] : [own];
  return readBeside(folders.map(folderAt), basename(path));
}

/** More files than this are a folder of data, of which nothing is looked up by name. */
const mostFiles = 4096;

function folderAt(path: string): Folder {
  return {
    names: namesIn(path),
    text(name, mostBytes) {
      const file = join(path, name);
      if (!existsSync(file)) return undefined;
      const stats = statSync(file);
      return stats.isFile() && stats.size <= mostBytes ? decodeText(readFileSync(file)) : undefined;
    },
  };
}

function namesIn(folder: string): readonly string[] | undefined {
  try {
    const names = readdirSync(folder);
    return names.length > mostFiles ? undefined : names;
  } catch {
    return undefined;
  }
}
