/** @file Formats of pictures that are not decoded, each known by its first bytes, with the command that makes a PNG of it. */

export interface ForeignFormat {
  /** As people call it. */
  readonly name: string;
  /** A command that makes a PNG of the file. */
  readonly command: string;
}

interface Mark {
  readonly name: string;
  /** The command for the file `from`, to give the file `to`. */
  readonly command: (from: string, to: string) => string;
  readonly fits: (bytes: Uint8Array, path: string) => boolean;
}

function text(bytes: Uint8Array, from: number, length: number): string {
  return String.fromCharCode(...bytes.subarray(from, from + length));
}

const starts =
  (word: string, at = 0) =>
  (bytes: Uint8Array) =>
    text(bytes, at, word.length) === word;

function magick(from: string, to: string): string {
  return `magick ${from} ${to}`;
}

/** The brands in the header of an ISO media file, such as "heic" and "mif1". */
function brandsOf(bytes: Uint8Array): readonly string[] {
  if (text(bytes, 4, 4) !== "ftyp") return [];
  const length = Math.min(bytes.length, new DataView(bytes.buffer, bytes.byteOffset).getUint32(0), 256);
  return Array.from({ length: Math.max(0, Math.floor(length / 4) - 2) }, (_, i) => text(bytes, 8 + 4 * i, 4));
}

/** Whether the bytes are AVIF, a still picture or a sequence. */
export function isAvif(bytes: Uint8Array): boolean {
  return brandsOf(bytes).some((brand) => brand === "avif" || brand === "avis");
}

const heicBrands = ["heic", "heix", "heim", "heis", "hevc", "hevx", "hevm", "hevs"];

/** Targa has no mark at the beginning: a header that makes sense, and the ending of the name or the footer of its second version. */
function isTarga(bytes: Uint8Array, path: string): boolean {
  const hasFooter = bytes.length > 44 && text(bytes, bytes.length - 18, 16) === "TRUEVISION-XFILE";
  const isHeader = bytes.length > 18 && bytes[1] <= 1 && [1, 2, 3, 9, 10, 11].includes(bytes[2]);
  return isHeader && (hasFooter || /\.(tga|icb|vda|vst)$/i.test(path));
}

const marks: readonly Mark[] = [
  {
    name: "HEIC",
    command: (from, to) => `heif-convert ${from} ${to}`,
    fits: (bytes) => brandsOf(bytes).some((brand) => heicBrands.includes(brand)) && !isAvif(bytes),
  },
  {
    // Of the same container with another codec inside, such as AVC.
    name: "HEIF",
    command: (from, to) => `heif-convert ${from} ${to}`,
    fits: (bytes) => brandsOf(bytes).some((brand) => /^(mif[12]|msf1|avc[is]|miaf)$/.test(brand)) && !isAvif(bytes),
  },
  {
    name: "JPEG 2000",
    command: magick,
    fits: (bytes) => starts("jP  ", 4)(bytes) || starts("\xff\x4f\xff\x51")(bytes),
  },
  {
    name: "JPEG XL",
    command: (from, to) => `djxl ${from} ${to}`,
    fits: (bytes) => starts("\xff\x0a")(bytes) || starts("JXL ", 4)(bytes),
  },
  { name: "DirectDraw Surface", command: magick, fits: starts("DDS ") },
  { name: "QOI", command: magick, fits: starts("qoif") },
  { name: "PFM", command: magick, fits: (bytes) => /^P[Ff]\s/.test(text(bytes, 0, 3)) },
  { name: "Radiance HDR", command: magick, fits: starts("#?RADIANCE") },
  { name: "FITS", command: magick, fits: starts("SIMPLE  =") },
  { name: "SGI", command: magick, fits: starts("\x01\xda") },
  {
    name: "PCX",
    command: magick,
    fits: (bytes) => bytes.length > 128 && bytes[0] === 10 && (bytes[1] ?? 9) <= 5 && bytes[2] === 1,
  },
  { name: "Photoshop", command: magick, fits: starts("8BPS") },
  { name: "OpenEXR", command: magick, fits: starts("\x76\x2f\x31\x01") },
  { name: "DICOM", command: (from, to) => `dcm2img ${from} ${to}`, fits: starts("DICM", 128) },
  {
    name: "PDF",
    command: (from, to) => `pdftoppm -png -r 150 ${from} ${to.replace(/\.png$/, "")}`,
    fits: starts("%PDF-"),
  },
  {
    name: "an icon",
    command: magick,
    fits: (bytes) => starts("\0\0\x01\0")(bytes) && bytes.length > 22 && bytes[4] > 0 && bytes[5] === 0,
  },
  { name: "TGA", command: magick, fits: isTarga },
];

/** A path that a shell takes as it stands. */
const plainPath = /^[\w./:\\-]+$/;

/** The format that the file at `path` with these first (and for TGA, last) bytes has, if it is a known one that is not decoded. */
export function foreignFormat(bytes: Uint8Array, path: string): ForeignFormat | undefined {
  const found = marks.find(({ fits }) => fits(bytes, path));
  if (found === undefined) return undefined;
  const from = plainPath.test(path) && !path.startsWith("-") ? path : "PICTURE";
  return { name: found.name, command: found.command(from, `${from.replace(/\.\w+$/, "")}.png`) };
}
