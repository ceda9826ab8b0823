/** @file Files that are not decoded, each known by its first bytes, with the command that makes a PNG of it, or what else helps. */

export interface ForeignFormat {
  /** As people call it. */
  readonly name: string;
  /** What makes a picture of the file, a sentence. */
  readonly advice: string;
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
  { name: "PostScript", command: magick, fits: (bytes) => starts("%!PS")(bytes) || starts("\xc5\xd0\xd3\xc6")(bytes) },
  { name: "an Apple icon", command: magick, fits: starts("icns") },
  { name: "TGA", command: magick, fits: isTarga },
  {
    name: "a video",
    command: (from, to) => `ffmpeg -i ${from} -frames:v 1 ${to}`,
    fits: (bytes) => brandsOf(bytes).some((brand) => videoBrands.test(brand)) || starts("\x1a\x45\xdf\xa3")(bytes),
  },
];

const videoBrands = /^(isom|iso[2-9]|mp4[12]|M4V |qt {2}|avc1|3gp\d)$/;

/** What is found where pictures should be, and how it comes there. */
const strays: readonly { readonly name: string; readonly advice: string; readonly fits: Mark["fits"] }[] = [
  {
    name: "a pointer of Git LFS",
    advice: "Fetch the picture itself: git lfs pull",
    fits: starts("version https://git-lfs"),
  },
  {
    name: "a web page",
    advice: "Download the picture itself: what was saved is an answer to a browser",
    fits: (bytes) => /^\s*<(!doctype html|html)/i.test(text(bytes, 0, 64)),
  },
  {
    name: "an archive",
    advice: "Unpack it first, NumPy's .npz with np.save(path, np.load(archive)[name])",
    fits: (bytes) => starts("PK\x03\x04")(bytes) || starts("\x1f\x8b")(bytes),
  },
];

/** A path that a shell takes as it stands. */
const plainPath = /^[\w./:\\-]+$/;

/** The format that the file at `path` with these first (and for TGA, last) bytes has, if it is a known one that is not decoded. */
export function foreignFormat(bytes: Uint8Array, path: string): ForeignFormat | undefined {
  const stray = strays.find(({ fits }) => fits(bytes, path));
  if (stray !== undefined) return { name: stray.name, advice: `${stray.advice}.` };
  const found = marks.find(({ fits }) => fits(bytes, path));
  if (found === undefined) return undefined;
  const from = plainPath.test(path) && !path.startsWith("-") ? path : "PICTURE";
  const command = found.command(from, `${from.replace(/\.\w+$/, "")}.png`);
  return { name: found.name, advice: `Make a PNG of it: ${command}` };
}
