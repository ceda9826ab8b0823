/** @file A folder with a model in it, as those see it who look for what its files say: on disk, or files handed to a page. */

export interface Folder {
  /** The names of its files; undefined where it is a folder of data, or one whose files can be opened and not listed. */
  readonly names: readonly string[] | undefined;
  /** The text of a file in it; undefined where there is none, or more of it than `mostBytes`. Throws an Error where it cannot be read. */
  text(name: string, mostBytes: number): string | undefined;
}

/** A file by its folder. */
export interface PlacedFile {
  readonly folder: Folder;
  readonly name: string;
}

export interface TextFile {
  readonly name: string;
  readonly text: string;
}

/** The folder of files whose texts are known. */
export function folderOf(files: readonly TextFile[]): Folder {
  const texts = new Map(files.map(({ name, text }) => [name, text]));
  return {
    names: [...texts.keys()],
    text(name, mostBytes) {
      const text = texts.get(name);
      return text === undefined || text.length > mostBytes ? undefined : text;
    },
  };
}

/** The last part of a path of any system. */
export function lastPart(path: string): string {
  return path.slice(1 + Math.max(path.lastIndexOf("/"), path.lastIndexOf("\\")));
}

/** The end of a name from its last point on, in small letters; "" where there is none, or nothing before it. */
export function extensionOf(name: string): string {
  const at = name.lastIndexOf(".");
  return at > 0 ? name.slice(at).toLowerCase() : "";
}

/** A name without its extension, in small letters. */
export function stemOf(name: string): string {
  return name.slice(0, name.length - extensionOf(name).length).toLowerCase();
}
