/** @file How many frames a picture has, where the browser decodes them one by one (WebCodecs). */

/** What is used of the class `ImageDecoder`. */
export type FrameDecoder = new (source: {
  readonly data: ArrayBuffer;
  readonly type: string;
}) => {
  readonly tracks: { readonly ready: Promise<void>; readonly selectedTrack: { readonly frameCount: number } | null };
  close(): void;
};

/** First bytes of the kinds of pictures that can be animated. */
const animated: readonly (readonly [type: string, mark: RegExp])[] = [
  ["image/gif", /^GIF8/],
  ["image/png", /^\x89PNG/],
  ["image/webp", /^RIFF[\s\S]{4}WEBP/],
  ["image/avif", /^[\s\S]{4}ftypavis/],
];

/** Undefined where it cannot be known: without a decoder, for other kinds of pictures, and where it gives up. */
export async function countFrames(blob: Blob, Decoder: FrameDecoder | undefined): Promise<number | undefined> {
  const head = String.fromCharCode(...new Uint8Array(await blob.slice(0, 12).arrayBuffer()));
  const [type] = animated.find(([, mark]) => mark.test(head)) ?? [];
  if (Decoder === undefined || type === undefined) return undefined;
  try {
    const decoder = new Decoder({ data: await blob.arrayBuffer(), type });
    try {
      await decoder.tracks.ready;
      return decoder.tracks.selectedTrack?.frameCount;
    } finally {
      decoder.close();
    }
  } catch {
    return undefined;
  }
}
