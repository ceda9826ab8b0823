/** @file Pictures as an animation. */
import sharp from "sharp";
import { MisuseError } from "../../errors.ts";
import { checkPicture, type Picture } from "../../image/picture.ts";

export interface GifFrame {
  readonly picture: Picture;
  /** How long it is shown, in milliseconds; a multiple of 10. */
  readonly milliseconds: number;
}

/**
 * The frames, pictures of one size in three channels, as the bytes of a GIF that goes on forever; each frame has up to 256 colors. Throws a
 * {@link MisuseError} if there are none or their sizes differ.
 */
export async function encodeGif(frames: readonly GifFrame[]): Promise<Uint8Array> {
  const [first] = frames;
  if (first === undefined) throw new MisuseError({ where: "encodeGif", what: "no frames", expected: "at least one" });
  const { width, height } = first.picture;
  for (const { picture } of frames) {
    checkPicture("encodeGif", picture);
    if (picture.width === width && picture.height === height && picture.channels === 3) continue;
    throw new MisuseError({
      where: "encodeGif",
      what: "frames differ in size or are not in color",
      expected: `${width} × ${height} × 3`,
      got: `${picture.width} × ${picture.height} × ${picture.channels}`,
    });
  }
  const data = new Uint8Array(3 * width * height * frames.length);
  for (const [n, { picture }] of frames.entries()) data.set(picture.data, 3 * width * height * n);
  return await sharp(data, { raw: { width, height: height * frames.length, channels: 3, pageHeight: height } })
    .gif({ delay: frames.map(({ milliseconds }) => milliseconds), loop: 0, dither: 0.5 })
    .toBuffer();
}
