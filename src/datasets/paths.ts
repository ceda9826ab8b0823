/** @file Paths with forward slashes, which is how sources of data sets name files. */

/** The path of `name`, which may have folders of its own, in `folder`. */
export function joinPath(folder: string, name: string): string {
  if (folder === "" || folder === ".") return name;
  return folder.endsWith("/") ? folder + name : `${folder}/${name}`;
}

/** The last part of the path. */
export function baseName(path: string): string {
  const trimmed = path.replace(/(?<=.)\/+$/, "");
  return trimmed.slice(trimmed.lastIndexOf("/") + 1);
}

/** The path of the folder that holds what `path` names. */
export function folderName(path: string): string {
  const end = path.replace(/\/+$/, "").lastIndexOf("/");
  return end < 0 ? "." : end === 0 ? "/" : path.slice(0, end);
}

/** The name without its extension: "a/b.c.jpg" gives "a/b.c". */
export function withoutExtension(name: string): string {
  return name.replace(/(?<=[^/])\.[^./]*$/, "");
}

const pictureExtensions = /\.(jpe?g|png|webp|gif|tiff?|avif)$/i;

/** Whether the name is one of a picture that can be decoded. */
export function isPictureName(name: string): boolean {
  return pictureExtensions.test(name) && !name.startsWith(".");
}

/** `a` and `b` compared by code units, for an order that is the same on every machine and in every language. */
export function byCodeUnits(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
