/** @file Paths with forward slashes, which is how sources of data sets name files. */

/** The path of `name`, which may have folders of its own, in `folder`. */
export function joinPath(folder: string, name: string): string {
  if (folder === "" || folder === ".") return name;
  return folder.endsWith("/") ? folder + name : `${folder}/${name}`;
}

/** Whether `name`, which should be that of a file in some folder, is absolute or leads out of the folder by "..". */
export function leavesFolder(name: string): boolean {
  if (/^([/\\]|[A-Za-z]:)/.test(name)) return true;
  let depth = 0;
  for (const part of name.split(/[/\\]/)) {
    if (part === "..") depth--;
    else if (part !== "" && part !== ".") depth++;
    if (depth < 0) return true;
  }
  return false;
}

/** The name without what says nothing in it: "./a//b.png" is "a/b.png". Addresses stay as they are. */
export function plainName(name: string): string {
  if (name.includes("://")) return name;
  return name.replace(/(?<=^|\/)(\.?\/)+/g, (run, _last, at) => (at === 0 && run.startsWith("/") ? run : ""));
}

/** The length of the path without the slashes at its end. */
function withoutFinalSlashes(path: string): number {
  let length = path.length;
  while (path[length - 1] === "/") length--;
  return length;
}

/** The last part of the path. */
export function baseName(path: string): string {
  const trimmed = path.slice(0, Math.max(1, withoutFinalSlashes(path)));
  return trimmed.slice(trimmed.lastIndexOf("/") + 1);
}

/** The path of the folder that holds what `path` names. */
export function folderName(path: string): string {
  const end = path.slice(0, withoutFinalSlashes(path)).lastIndexOf("/");
  return end < 0 ? "." : end === 0 ? "/" : path.slice(0, end);
}

/** The name without its extension: "a/b.c.jpg" gives "a/b.c". */
export function withoutExtension(name: string): string {
  return name.replace(/(?<=[^/])\.[^./]*$/, "");
}

const pictureExtensions = /\.(jpe?g|jpe|jf?if|png|webp|gif|tiff?|avif|bmp|dib|p[bgpn]m|pam)$/i;

/** Whether the name is one of a picture that can be decoded. */
export function isPictureName(name: string): boolean {
  return pictureExtensions.test(name) && !name.startsWith(".");
}

const foreignExtensions = /\.(hei[cf]s?|hif|jp2|j2[ck]|jp[xfm]|jxl|tga|dds|qoi|dcm)$/i;

/** Whether the name is one of a picture of a format that is not decoded. */
export function isForeignPictureName(name: string): boolean {
  return foreignExtensions.test(name) && !name.startsWith(".");
}

/** Whether the name is one of a model. */
export function isModelName(name: string): boolean {
  return /\.onnx$/i.test(name);
}

/** Whether a folder of this name is not part of what people keep in the folder that it is in: hidden, or made by macOS's archiver. */
export function isHiddenFolder(name: string): boolean {
  return name.startsWith(".") || name === "__MACOSX";
}

/** Whether the name is one of an array of NumPy's. */
export function isArrayName(name: string): boolean {
  return /\.npy$/i.test(name) && !name.startsWith(".");
}

/** Whether the file's name, behind folders, ends as a picture's or an array's: some lists, as OpenImages', give names without endings. */
export function hasPictureEnding(path: string): boolean {
  return isPictureName(baseName(path)) || isArrayName(baseName(path));
}

/** Those of `names` that are pictures; where there are none, those that are arrays. Beside pictures arrays are mostly maps, masks or features. */
export function pictureNames<T>(entries: readonly T[], nameOf: (entry: T) => string, readsArrays = true): T[] {
  const pictures = entries.filter((entry) => isPictureName(nameOf(entry)));
  return pictures.length > 0 || !readsArrays ? pictures : entries.filter((entry) => isArrayName(nameOf(entry)));
}

/** `a` and `b` compared by code units, for an order that is the same on every machine and in every language. */
export function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
