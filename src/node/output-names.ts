/** @file Names for files and folders of results that every system can make. */

/** Names that Windows keeps for devices, with any ending. */
const deviceName = /^(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³])(\.|$)/i;

/**
 * `text` as the name of a file or folder: letters, digits, points, underscores and hyphens, at most `maxLength` characters; never the
 * name of a device, hidden, or with a point at its end, which Windows drops. `fallback` if nothing is left.
 */
export function outputName(text: string, { maxLength = 80, fallback = "picture" } = {}): string {
  const plain = text.replace(/[^\p{L}\p{N}._-]+/gu, "-").replace(/^[.-]+/, "");
  const short = [...plain]
    .slice(0, maxLength)
    .join("")
    .replace(/[.-]+$/, "");
  if (short === "") return fallback;
  return deviceName.test(short) ? `_${short}` : short;
}

/**
 * A function that makes its results differ from each other and from `taken`, also where upper and lower case are the same, by a number at
 * their end.
 */
export function uniqueNames(taken: readonly string[] = []): (name: string) => string {
  const used = new Set(taken.map((name) => name.toLowerCase()));
  const next = new Map<string, number>();
  return (name) => {
    let unique = name;
    for (let count = next.get(name.toLowerCase()) ?? 2; used.has(unique.toLowerCase()); count++) {
      unique = `${name}-${count}`;
      next.set(name.toLowerCase(), count + 1);
    }
    used.add(unique.toLowerCase());
    return unique;
  };
}
